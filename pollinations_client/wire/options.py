"""One border for options: unknown names are refused with the nearest known one, bad values with their bounds."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import InvalidRequestError

SHOWN = 80
SECRET_FIELDS = frozenset({"api_key", "pollinations_api_key", "default_headers"})


class Options(BaseModel):
    """Base of all option models: closed, and speaking :class:`InvalidRequestError` in place of pydantic's."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=())

    @classmethod
    def checked(cls, given: Mapping[str, Any], *, door: str = "extra_body") -> Self:
        """Validate ``given``. Raises :class:`InvalidRequestError` naming the field, what is wrong and the remedy."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            refusal = refusal_from(error, cls.model_fields, door=door)
        raise refusal

    def given(self) -> dict[str, Any]:
        """The fields that were given and are not ``None``, as they go on the wire."""
        fields = self.__dict__
        return {name: fields[name] for name in type(self).model_fields if fields[name] is not None}


def refusal_from(error: ValidationError, known: Iterable[str], *, door: str = "extra_body") -> InvalidRequestError:
    """One sentence a fault: the field, what is wrong, what was given, and for an unknown name the nearest one."""
    faults = error.errors(include_url=False, include_context=False)
    sentences = [_sentence(fault, sorted(known), door) for fault in faults]
    param = ".".join(str(step) for step in faults[0]["loc"]) or None
    return InvalidRequestError(" ".join(dict.fromkeys(sentences)), param=param)


def unknown_option(name: str, known: Iterable[str], *, door: str = "extra_body") -> InvalidRequestError:
    """The refusal of an option nobody knows, with the nearest one that is known."""
    return InvalidRequestError(_unknown(name, sorted(known), door), param=name)


def _unknown(name: str, known: list[str], door: str) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]!r}?" if near else f" Known options: {', '.join(known)}."
    return f"Unknown option {name!r}.{hint} Fields that are not listed go into {door}={{...}}."


def _sentence(fault: Any, known: list[str], door: str) -> str:
    steps = [str(step) for step in fault["loc"] if not str(step).startswith(("function-", "constrained-"))]
    name = ".".join(steps)
    if fault["type"] == "extra_forbidden" and len(steps) == 1:
        return _unknown(name, known, door)
    said = str(fault["msg"]).removeprefix("Value error, ")
    if not name:
        return f"{said}."
    if steps[0] in SECRET_FIELDS:
        return f"{name}: {said}."
    shown = repr(fault.get("input"))
    shown = shown if len(shown) <= SHOWN else shown[:SHOWN] + "…"
    return f"{name}: {said}{'' if said.endswith('.') else '.'} Given: {shown}."
