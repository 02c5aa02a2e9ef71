"""Small checks that speak the gateway's validation language; each returns a complaint or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], str | None]


def kind_of(value: Any) -> str:
    """The JSON type of a value, as validation messages name it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _expected(expected: str, value: Any) -> str:
    return f"Invalid input: expected {expected}, received {kind_of(value)}"


def string(value: Any) -> str | None:
    """A string."""
    return None if isinstance(value, str) else _expected("string", value)


def boolean(value: Any) -> str | None:
    """A boolean."""
    return None if isinstance(value, bool) else _expected("boolean", value)


def number(low: float, high: float, *, is_integer: bool = False) -> Check:
    """A number within bounds, both included."""

    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return _expected("number", value)
        if is_integer and value != int(value):
            return "Invalid input: expected int, received number"
        if value < low:
            return f"Too small: expected number to be >={low:g}"
        if value > high:
            return f"Too big: expected number to be <={high:.16g}"
        return None

    return check


def one_of(*options: str) -> Check:
    """One of some strings."""
    listed = "|".join(f'"{option}"' for option in options)

    def check(value: Any) -> str | None:
        return (
            None
            if value in options and isinstance(value, str)
            else f"Invalid option: expected one of {listed}"
        )

    return check


def nullable(check: Check) -> Check:
    """The check, or null."""
    return lambda value: None if value is None else check(value)


def array(each: Check, low: int = 0, high: int | None = None) -> Check:
    """An array with bounds on its length and a check on each item."""

    def check(value: Any) -> str | None:
        if not isinstance(value, list):
            return _expected("array", value)
        if len(value) < low:
            return f"Too small: expected array to have >={low} items"
        if high is not None and len(value) > high:
            return f"Too big: expected array to have <={high} items"
        return next((complaint for item in value if (complaint := each(item))), None)

    return check


def either(*checks: Check) -> Check:
    """The first check that is content; else the last one's complaint."""

    def check(value: Any) -> str | None:
        complaints = [each(value) for each in checks]
        return None if None in complaints else complaints[-1]

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields; others are let pass."""

    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return _expected("object", value)
        for name, each in required.items():
            if name not in value:
                return f"{name}: Invalid input: expected a value, received undefined"
            if complaint := each(value[name]):
                return f"{name}: {complaint}"
        for name, each in (optional or {}).items():
            if name in value and (complaint := each(value[name])):
                return f"{name}: {complaint}"
        return None

    return check


def closed(required: Mapping[str, Check], optional: Mapping[str, Check]) -> Check:
    """An object with these fields and no others."""
    known_fields = record(required, optional)

    def check(value: Any) -> str | None:
        if complaint := known_fields(value):
            return complaint
        other = next(
            (name for name in value if name not in required and name not in optional), None
        )
        return None if other is None else f'Unrecognized key: "{other}"'

    return check


def mapped(each: Check) -> Check:
    """Any object whose values all pass a check."""

    def check(value: Any) -> str | None:
        if complaint := mapping(value):
            return complaint
        faults = ((name, each(item)) for name, item in value.items())
        return next((f"{name}: {fault}" for name, fault in faults if fault), None)

    return check


def anything(_: Any) -> str | None:
    """Whatever it is."""
    return None


def mapping(value: Any) -> str | None:
    """Any object."""
    return None if isinstance(value, dict) else _expected("object", value)


def tagged(by_tag: Mapping[str, Check]) -> Check:
    """An object told by its ``type``."""

    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return _expected("object", value)
        tag = value.get("type")
        if not isinstance(tag, str) or tag not in by_tag:
            listed = "|".join(f'"{name}"' for name in by_tag)
            return f"type: Invalid option: expected one of {listed}, received {tag!r}"
        return by_tag[tag](value)

    return check
