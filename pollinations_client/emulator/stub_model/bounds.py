"""Bring numbers within what a JSON schema allows: bounds, open or closed, steps, whole or not."""

from __future__ import annotations

from math import ceil, floor, inf
from typing import Any, TypeGuard

Json = dict[str, Any]
MAX_NUMBER = 1e300
MAX_STEPS_TRIED = 200
SMALLEST_GAP = 1e-6
LOWER = ("minimum", "minLength", "minItems", "minProperties", "exclusiveMinimum")
UPPER = ("maximum", "maxLength", "maxItems", "maxProperties", "exclusiveMaximum")


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a JSON value is a number that can be calculated with."""
    is_numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return is_numeric and abs(value) < MAX_NUMBER


def stricter(keyword: str, first: Any, second: Any) -> Any:
    """The stricter of two values of one keyword; the left one of what cannot be compared."""
    if not (is_number(first) and is_number(second)) or keyword not in LOWER + UPPER:
        return first
    return max(first, second) if keyword in LOWER else min(first, second)


def bounded(value: float, schema: Json, *, is_integer: bool) -> float | int:
    """The number nearest to ``value`` that the schema takes."""
    low, high = _limits(schema, is_integer=is_integer)
    value = min(max(value, low), high)
    step = schema.get("multipleOf")
    if is_number(step) and step > 0:
        value = _multiple(value, step, low, high, is_integer=is_integer)
    is_integral = value == int(value) and abs(value) < 1e15
    return int(value) if is_integer or is_integral else value


def _limits(schema: Json, *, is_integer: bool) -> tuple[float, float]:
    """The least and the greatest value; ``exclusive...`` may also be the flag of older drafts."""
    low, high = _number(schema.get("minimum"), -inf), _number(schema.get("maximum"), inf)
    above = _number(schema.get("exclusiveMinimum"), -inf)
    below = _number(schema.get("exclusiveMaximum"), inf)
    if schema.get("exclusiveMinimum") is True:
        above = low
    if schema.get("exclusiveMaximum") is True:
        below = high
    if not is_integer:
        gap = min(SMALLEST_GAP, (below - above) / 4)
        return max(low, above + gap), min(high, below - gap)
    if above > -inf:
        low = max(low, floor(above) + 1)
    if below < inf:
        high = min(high, ceil(below) - 1)
    return (ceil(low) if low > -inf else low), (floor(high) if high < inf else high)


def _number(value: Any, default: float) -> float:
    return value if is_number(value) else default


def _multiple(value: float, step: float, low: float, high: float, *, is_integer: bool) -> float:
    """The multiple of ``step`` nearest to the value, within the limits.

    It is exact in floating point: 3 * 0.1 is no multiple of 0.1 to a validator.
    """
    middle = round(value / step)
    for distance in range(MAX_STEPS_TRIED):
        for count in (middle - distance, middle + distance):
            multiple = count * step
            is_exact = multiple / step == int(multiple / step)
            has_kind = not is_integer or multiple == int(multiple)
            if low <= multiple <= high and is_exact and has_kind:
                return multiple
    return value
