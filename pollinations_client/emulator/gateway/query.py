"""Read parameters from a query string."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from .checks import one_of
from .errors import bad_query

Query = Mapping[str, str]
FLAGS = ("", "true", "false", "1", "0")
Number = TypeVar("Number", int, float)


def truth(query: Query, name: str) -> bool:
    """A boolean; ``false``, ``0`` and nothing are false in both eras.

    The seed era's schema coerces any text to true, but its services read the raw query again.
    """
    return query.get(name, "").lower() not in ("false", "0", "")


def flag(query: Query, name: str) -> bool:
    """A boolean of today's GET /text, which refuses words that are none: 400 with the field
    error.
    """
    if query.get(name, "").lower() not in FLAGS:
        raise bad_query({name: ["Invalid input: expected boolean, received string"]})
    return truth(query, name)


def integer(query: Query, name: str, low: int, high: int, default: int | None = None) -> int | None:
    """An integer within bounds. Raises ``GatewayError`` 400 with the field error."""
    text = query.get(name)
    if not text:
        return default
    return _within(int, text, name, low, high)


def fraction(query: Query, name: str, low: int, high: int) -> float | None:
    """A number within bounds, whole or not. Raises ``GatewayError`` 400 with the field error."""
    text = query.get(name)
    return _within(float, text, name, low, high) if text else None


def _within(read: Callable[[str], Number], text: str, name: str, low: float, high: float) -> Number:
    try:
        value = read(text)
    except ValueError:
        value = None
    if value is None or math.isnan(value):
        raise bad_query({name: ["Invalid input: expected number, received NaN"]})
    if value < low:
        raise bad_query({name: [f"Too small: expected number to be >={low}"]})
    if value > high:
        raise bad_query({name: [f"Too big: expected number to be <={high}"]})
    return value


def option(query: Query, name: str, options: tuple[str, ...], default: str) -> str:
    """One of some words. Raises ``GatewayError`` 400 with the field error."""
    value = query.get(name, default)
    if complaint := one_of(*options)(value):
        raise bad_query({name: [complaint]})
    return value


def number(query: Query, name: str) -> float | None:
    """A number of any size. Raises ``GatewayError`` 400 with the field error."""
    text = query.get(name)
    return _within(float, text, name, -math.inf, math.inf) if text else None


# In GET /text a number that cannot be read is dropped, where a chat body would be refused.
def decimal(query: Query, name: str) -> float | None:
    """A number, or None when it is missing or cannot be read."""
    try:
        return float(query[name])
    except (KeyError, ValueError):
        return None
