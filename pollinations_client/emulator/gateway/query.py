"""Reading a query string the way each era does, its mistakes included."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from .errors import invalid

Query = Mapping[str, str]
Number = TypeVar("Number", int, float)


def truth(query: Query, name: str, *, coerced: bool) -> bool:
    """A boolean; where the gateway coerces, any text at all is true, ``false`` included."""
    value = query.get(name)
    if value is None:
        return False
    return bool(value) if coerced else value.lower() not in ("false", "0", "")


def integer(query: Query, name: str, low: int, high: int, default: int | None = None) -> int | None:
    """An integer within bounds. Raises ``Refusal`` 400 with the field error."""
    text = query.get(name)
    if text is None or text == "":
        return default
    return _within(int, text, name, low, high)


def fraction(query: Query, name: str, low: int, high: int) -> float | None:
    """A number within bounds, whole or not. Raises ``Refusal`` 400 with the field error."""
    text = query.get(name)
    return None if text is None or text == "" else _within(float, text, name, low, high)


def _within(read: Callable[[str], Number], text: str, name: str, low: int, high: int) -> Number:
    try:
        value = read(text)
    except ValueError:
        value = None
    if value is None or math.isnan(value):
        raise invalid({name: ["Invalid input: expected number, received NaN"]})
    if value < low:
        raise invalid({name: [f"Too small: expected number to be >={low}"]})
    if value > high:
        raise invalid({name: [f"Too big: expected number to be <={high}"]})
    return value


def option(query: Query, name: str, options: tuple[str, ...], default: str) -> str:
    """One of some words. Raises ``Refusal`` 400 with the field error."""
    value = query.get(name, default)
    if value not in options:
        raise invalid(
            {name: ["Invalid option: expected one of " + "|".join(f'"{one}"' for one in options)]}
        )
    return value


def decimal(query: Query, name: str) -> float | None:
    """A number, or None when it is missing or cannot be read."""
    try:
        return float(query[name])
    except (KeyError, ValueError):
        return None
