"""Numbers within what a schema allows: bounds, open or closed, steps, whole or not."""

from __future__ import annotations

from math import ceil, floor, inf
from typing import Any, TypeGuard

Json = dict[str, Any]
LEAST_STEP = 1e-6
MOST = 1e300
MOST_STEPS = 200
AT_LEAST = ("minimum", "minLength", "minItems", "minProperties", "exclusiveMinimum")
AT_MOST = ("maximum", "maxLength", "maxItems", "maxProperties", "exclusiveMaximum")


def is_number(value: Any) -> TypeGuard[int | float]:
    """A JSON number that can be reckoned with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST


def narrower(name: str, left: Any, right: Any) -> Any:
    """The stricter of two values of one keyword; of what cannot be compared the left one."""
    if not (is_number(left) and is_number(right)) or name not in (*AT_LEAST, *AT_MOST):
        return left
    return max(left, right) if name in AT_LEAST else min(left, right)


def bounded(value: float, schema: Json, *, whole: bool) -> float | int:
    """The value nearest to ``value`` that the schema takes, as an integer where one is wanted."""
    low, high = _limits(schema, whole=whole)
    value = min(max(value, low), high)
    step = schema.get("multipleOf")
    if is_number(step) and step > 0:
        value = _stepped(value, step, low, high, whole=whole)
    if whole:
        return int(value)
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def _limits(schema: Json, *, whole: bool) -> tuple[float, float]:
    """The least and the greatest value; ``exclusive...`` may also be the flag of older drafts."""
    low, high = _bound(schema.get("minimum"), -inf), _bound(schema.get("maximum"), inf)
    above = (
        low
        if schema.get("exclusiveMinimum") is True
        else _bound(schema.get("exclusiveMinimum"), -inf)
    )
    below = (
        high
        if schema.get("exclusiveMaximum") is True
        else _bound(schema.get("exclusiveMaximum"), inf)
    )
    if whole:
        least = max(ceil(low) if low > -inf else low, floor(above) + 1 if above > -inf else above)
        most = min(floor(high) if high < inf else high, ceil(below) - 1 if below < inf else below)
        return least, most
    gap = min(LEAST_STEP, (below - above) / 4)
    return max(low, above + gap), min(high, below - gap)


def _bound(value: Any, otherwise: float) -> float:
    return value if is_number(value) else otherwise


def _stepped(value: float, step: float, low: float, high: float, *, whole: bool) -> float:
    """The multiple of ``step`` nearest to the value, within the limits and exact in
    floating point.
    """
    middle = round(value / step)
    for away in range(MOST_STEPS):
        for count in (middle - away, middle + away):
            found = count * step
            exact = found / step == int(found / step) and (not whole or found == int(found))
            if low <= found <= high and exact:
                return found
    return value
