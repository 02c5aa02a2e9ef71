"""Check values and complain in the words of zod, with which the gateway validates.

Each check returns a complaint or None. The sentences are those of its code of January 2026.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import validation_error

Json = dict[str, Any]
Check = Callable[[Any], str | None]
UNDEFINED: Any = object()  # what zod calls a field that is not there
KINDS = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
KINDS |= {dict: "object", type(None): "null", object: "undefined"}


def of_kind(kind: str) -> Check:
    """A value of one JSON type."""

    def check(value: Any) -> str | None:
        received = KINDS[type(value)]
        return None if received == kind else f"Invalid input: expected {kind}, received {received}"

    return check


string, boolean, mapping, a_list = map(of_kind, ("string", "boolean", "object", "array"))


def number(low: float, high: float, *, is_integer: bool = False) -> Check:
    """A number within bounds, both included."""

    def check(value: Any) -> str | None:
        if complaint := of_kind("number")(value):
            return complaint
        if is_integer and value != int(value):
            return "Invalid input: expected int, received number"
        if value < low:
            return f"Too small: expected number to be >={low:g}"
        if value > high:
            return f"Too big: expected number to be <={high:.16g}"
        return None

    return check


def one_of(*options: Any) -> Check:
    """One of some strings."""
    listed = "|".join(f'"{option}"' for option in options)
    return matching("|".join(map(re.escape, options)), f"Invalid option: expected one of {listed}")


def matching(pattern: str, complaint: str) -> Check:
    """A string that a pattern describes as a whole."""

    def check(value: Any) -> str | None:
        fits = isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL)
        return None if fits else complaint

    return check


def text(high: int) -> Check:
    """A string that is not empty, within a length."""
    return matching(f".{{1,{high}}}", f"Invalid input: expected string of 1 to {high} characters")


SAFETY = frozenset("privacy secrets sexual violence shield nsfw true false 0".split())


def unknown_safety_token(text: str) -> str | None:
    """The first token between the commas that today's gateway does not know."""
    tokens = filter(None, map(str.strip, text.split(",")))
    return next((token for token in tokens if token.lower() not in SAFETY), None)


def safety(value: Any) -> str | None:
    """A flag, or known tokens with commas between them; never a list."""
    if boolean(value) is None:
        return None
    if complaint := string(value):
        return complaint
    if token := unknown_safety_token(value):
        return f"Unknown safety token '{token:.40}'. Known: {', '.join(sorted(SAFETY))}."
    return None


def nullable(check: Check) -> Check:
    """The check, or null."""
    return either(of_kind("null"), check)


def array(each: Check, low: int = 0, high: float = float("inf")) -> Check:
    """An array with bounds on its length and a check on each item."""

    def check(value: Any) -> str | None:
        if complaint := a_list(value):
            return complaint
        if len(value) < low:
            return f"Too small: expected array to have >={low} items"
        if len(value) > high:
            return f"Too big: expected array to have <={high} items"
        return next(filter(None, map(each, value)), None)

    return check


def either(*checks: Check) -> Check:
    """The first check that is content; else the last one's complaint."""

    def check(value: Any) -> str | None:
        complaint: str | None = None
        for each in checks:
            if (complaint := each(value)) is None:
                break
        return complaint

    return check


def record(
    required: Mapping[str, Check],
    optional: Mapping[str, Check] | None = None,
    *,
    is_closed: bool = False,
) -> Check:
    """An object with these fields; others are let pass unless it is closed."""
    fields = {**required, **(optional or {})}

    def check(value: Any) -> str | None:
        if complaint := mapping(value):
            return complaint
        for name in [name for name in fields if name in required or name in value]:
            if complaint := fields[name](value.get(name, UNDEFINED)):
                return f"{name}: {complaint}"
        others = [name for name in value if name not in fields]
        return f'Unrecognized key: "{others[0]}"' if is_closed and others else None

    return check


def map_of(each: Check) -> Check:
    """Any object whose values all pass a check."""
    return lambda value: mapping(value) or record(dict.fromkeys(value, each))(value)


def anything(_: Any) -> str | None:
    """Whatever it is."""
    return None


def tagged_by_type(by_tag: Mapping[str, Check]) -> Check:
    """An object told by its ``type``."""
    tag = record({"type": one_of(*by_tag)})
    return lambda value: tag(value) or by_tag[value["type"]](value)


def checked_body(body: Any, required: Mapping[str, Check], optional: Mapping[str, Check]) -> Json:
    """The body, whose every field passes its check.

    Raises ``GatewayError`` 400 with one complaint per field.
    """
    if complaint := mapping(body):
        raise validation_error({}, [complaint])
    fields = {**required, **optional}
    values = dict.fromkeys(required, UNDEFINED) | body
    errors = {
        name: [complaint]
        for name, check in fields.items()
        if name in values and (complaint := check(values[name]))
    }
    if errors:
        raise validation_error(errors)
    valid: Json = body
    return valid
