"""Read and check parameters of a query string."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from .checks import one_of
from .errors import query_error

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
        raise query_error({name: ["Invalid input: expected boolean, received string"]})
    return truth(query, name)


def integer(query: Query, name: str, low: int, high: int, default: int | None = None) -> int | None:
    """An integer within bounds. Raises ``GatewayError`` 400 with the field error."""
    text = query.get(name)
    return _within(int, text, name, low, high) if text else default


def number_in(
    query: Query, name: str, low: float = -math.inf, high: float = math.inf
) -> float | None:
    """A number within bounds, whole or not. Raises ``GatewayError`` 400 with the field error."""
    text = query.get(name)
    return _within(float, text, name, low, high) if text else None


def _within(read: Callable[[str], Number], text: str, name: str, low: float, high: float) -> Number:
    try:
        value = read(text)
    except ValueError:
        value = None
    if value is None or math.isnan(value):
        raise query_error({name: ["Invalid input: expected number, received NaN"]})
    if value < low:
        raise query_error({name: [f"Too small: expected number to be >={low}"]})
    if value > high:
        raise query_error({name: [f"Too big: expected number to be <={high}"]})
    return value


def option(query: Query, name: str, options: tuple[str, ...], default: str) -> str:
    """One of some words. Raises ``GatewayError`` 400 with the field error."""
    value = query.get(name, default)
    if complaint := one_of(*options)(value):
        raise query_error({name: [complaint]})
    return value


# In GET /text a number that cannot be read is dropped, where a chat body would be refused.
def number_or_none(query: Query, name: str) -> float | None:
    """A number, or None when it is missing or cannot be read."""
    try:
        return float(query[name])
    except (KeyError, ValueError):
        return None
