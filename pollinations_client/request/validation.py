"""Check options: unknown names are refused with the nearest one, bad values with the bounds."""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import core_schema

from ..connection_options import ConnectionOptionsDict
from ..errors import InvalidRequestError, redact

MAX_VALUE_CHARS = 80  # of a bad value in a message
# Their values stay out of messages: a header or a query may hold a key.
SECRET_FIELDS = frozenset({"api_key", "pollinations_api_key", "default_headers", "extra_query"})
# Steps of a fault's place that name pydantic's own doing, not a field.
INNER_STEP = re.compile(
    r"(function-|constrained-|lax-or-strict\[|list\[|dict\[|literal\[).*|str|int|float|bool"
)
# Options of a client or a model, in the words of both frameworks.
FOR_SOME_CALLS = {"budget": " For some calls write them under 'with budget:'."}
SETTINGS = ConnectionOptionsDict.__optional_keys__ | {
    *("api_key", "base_url", "api_base", "request_timeout", "streaming"),
    *("http_client", "http_async_client", "async_http_client"),
}
# What other packages call it, where the spelling alone would mislead.
ELSEWHERE: dict[str, tuple[str, ...]] = {
    "api_base": ("base_url",),
    "openai_api_base": ("base_url", "api_base"),
    "openai_api_key": ("api_key",),
    "max_output_tokens": ("max_tokens",),
    "reasoning": ("reasoning_effort",),
    "request_timeout": ("timeout",),
}

# What OpenAI's users are used to giving, and what stands in its place.
UNSUPPORTED_OPTIONS = {
    "reuse_client": "connections are reused, safely in every event loop; leave it out.",
    "api_version": "the gateway has one version; leave it out.",
    "headers": (
        "a call's headers are extra_headers; those of every call are default_headers, where the"
        " client or the model is made."
    ),
    "n": "the gateway gives one answer a call; call again for another.",
}


@dataclass(frozen=True)
class Check:
    """A check for ``Annotated`` that signatures and ``help()`` show as ``text``, not as a function
    at an address.
    """

    function: Callable[[Any], Any]
    text: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Call the function with the value that pydantic has read."""
        return core_schema.no_info_after_validator_function(self.function, handler(source))

    def __repr__(self) -> str:
        return self.text


def within(low: float, high: float | None = None, unit: str = "") -> Check:
    """For ``Annotated``: a number from ``low`` to ``high``; the refusal names both bounds and the
    unit.
    """
    span = f"{low} to {high} {unit}".strip()
    if high is None:
        span = f"{low} {unit}".strip() + " or more"

    def check(value: float) -> float:
        if value < low or (high is not None and value > high):
            raise ValueError(f"The gateway takes {span}")
        return value

    return Check(check, span)


def refuse_stream_option(options: Mapping[str, Any]) -> None:
    """Raise :class:`InvalidRequestError` where ``stream`` is given as an option."""
    if "stream" in options:
        raise InvalidRequestError(
            "stream: it is no option here; stream_chat() and stream_text() give the answer as a"
            " stream.",
            param="stream",
        )


def drop_none(options: Mapping[str, Any], levels: int = 2) -> dict[str, Any]:
    """Copy without members that are ``None``, which the gateway refuses, down to ``levels``.

    A schema lies deeper, and a null in it is one of its words.
    """
    return {
        name: drop_none(value, levels - 1) if levels > 1 and isinstance(value, Mapping) else value
        for name, value in options.items()
        if value is not None
    }


BUILD_LOCK = threading.Lock()


class Options(BaseModel):
    """Base of all option models: unknown fields are refused, with :class:`InvalidRequestError`."""

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        protected_namespaces=(),
        defer_build=True,  # a program uses few of them: 15 ms of an import for all
    )

    @classmethod
    def checked(cls, options: Mapping[str, Any], *, door: str | None = "extra_body") -> Self:
        """Validate ``options``; ``door`` is the option that takes fields which are not listed.

        Raises :class:`InvalidRequestError` naming the field, what is wrong and the remedy.
        """
        if not cls.__pydantic_complete__:
            # Built on first use (``defer_build``), by one thread: pydantic takes a half-built
            # class's validator away from others.
            with BUILD_LOCK:
                cls.model_rebuild()
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            names = [field.alias or name for name, field in cls.model_fields.items()]
            refusal = invalid_request_from(error, names, door=door)
        raise refusal

    def set_fields(self) -> dict[str, Any]:
        """The fields that were given and are not ``None``, as they go on the wire."""
        fields = self.__dict__
        return {name: fields[name] for name in type(self).model_fields if fields[name] is not None}


def with_model(model: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """``options`` with the ``model`` that came first, without its name.

    Without one it stays out of the options, and so out of the fields that were set. Raises
    :class:`InvalidRequestError` where the options name one too.
    """
    if model is None:
        return dict(options)
    if options.get("model") is not None:
        raise InvalidRequestError(
            "model: it was given twice, as the first argument and by its name; give it once.",
            param="model",
        )
    return {**options, "model": model}


def with_own_names(options: Mapping[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    """``options`` under their own names; ``aliases`` maps names that other packages use to these.

    Raises :class:`InvalidRequestError` where two names of one option have two values.
    """
    named = dict(options)
    for alias in aliases.keys() & named.keys():
        name, value = aliases[alias], named.pop(alias)
        if value is None:
            named.setdefault(name)
        elif named.get(name) in (None, value):
            named[name] = value
        else:
            raise InvalidRequestError(
                f"{alias} and {name} are one option, and two values were given; give one of them.",
                param=alias,
            )
    return named


def alias_of(field: str) -> Any:
    """Make a property that reads and writes ``field``, for a name that other packages use."""

    def read(model: Any) -> Any:
        return getattr(model, field)

    def write(model: Any, value: Any) -> None:
        setattr(model, field, value)

    return property(read, write, doc=f"Another name of ``{field}``.")


def invalid_request_from(
    error: ValidationError, names: Iterable[str], *, door: str | None = "extra_body"
) -> InvalidRequestError:
    """One sentence a fault: the field, what is wrong, what was given, and for an unknown name the
    nearest one.
    """
    faults = error.errors(include_url=False, include_context=False)
    sentences = [_sentence(fault, sorted(names), door) for fault in faults]
    param = ".".join(_steps(faults[0])) or None
    return InvalidRequestError(" ".join(dict.fromkeys(sentences)), param=param)


def unknown_option(
    name: str, names: Iterable[str], *, door: str | None = "extra_body"
) -> InvalidRequestError:
    """The refusal of an option nobody knows, with the nearest one that is known.

    ``door`` takes what is not listed.
    """
    return InvalidRequestError(_unknown(name, sorted(names), door), param=name)


def _unknown(name: str, names: list[str], door: str | None) -> str:
    if name in SETTINGS and not SETTINGS.intersection(names):
        return (
            f"Unknown option {name!r} of a call: it is settled once, where the client or the model"
            f" is made.{FOR_SOME_CALLS.get(name, '')}"
        )
    if name in UNSUPPORTED_OPTIONS:
        return f"Unknown option {name!r}: {UNSUPPORTED_OPTIONS[name]}"
    nearest = [alias for alias in ELSEWHERE.get(name, ()) if alias in names]
    nearest = nearest or difflib.get_close_matches(name, names, n=1)
    sentences = [f"Unknown option {name!r}."]
    if nearest:
        sentences.append(f"Did you mean {nearest[0]!r}?")
    else:
        sentences.append(f"Known options: {', '.join(names)}.")
    if door:
        sentences.append(f"Fields that are not listed go into {door}={{...}}.")
    return " ".join(sentences)


def _steps(fault: Any) -> list[str]:
    return [str(step) for step in fault["loc"] if not INNER_STEP.fullmatch(str(step))]


def _sentence(fault: Any, names: list[str], door: str | None) -> str:
    steps = _steps(fault)
    name = ".".join(steps)
    if fault["type"] == "extra_forbidden" and len(steps) == 1:
        return _unknown(name, names, door)
    message = str(fault["msg"]).removeprefix("Value error, ")
    if not name:
        return f"{message}."
    if steps[0] in SECRET_FIELDS:
        return f"{name}: {message}."
    value = redact(repr(fault.get("input")))
    if len(value) > MAX_VALUE_CHARS:
        value = value[:MAX_VALUE_CHARS] + "…"
    return f"{name}: {message.removesuffix('.')}. Given: {value}."
