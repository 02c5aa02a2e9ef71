"""Read amounts, and tell by a count's name which price of a model card it is billed at."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

__all__ = ["ZERO", "amount_from", "listed_units", "price_unit"]

ZERO = Decimal(0)

# "x-usage-completion-video-seconds", "input_cached_tokens" (usage records), "promptTextTokens" (the
# price keys).
UNIT = re.compile(r"(?:x_usage_)?(prompt|input|completion|output)_(\w+)_(tokens|seconds)")
SIDES = {"input": "prompt", "output": "completion"}
CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def amount_from(value: Any) -> Decimal | None:
    """A finite number that is not negative, from a number or a string, e-notation included."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


@functools.lru_cache(maxsize=256)
def price_unit(name: str) -> str | None:
    """The price key of a count, by its name in a header, a record or a price list."""
    match = UNIT.fullmatch(CAPITAL.sub("_", name).replace("-", "_").lower())
    if match is None:
        return None
    side, kind, measure = SIDES.get(match[1], match[1]), match[2], match[3]
    return side + "".join(word.capitalize() for word in (*kind.split("_"), measure))


def listed_units(usage: Mapping[str, Any]) -> tuple[dict[str, Decimal], tuple[str, ...]]:
    """The counts of headers or of a usage record by price key, and the names of unreadable ones."""
    units: dict[str, Decimal] = {}
    unreadable: list[str] = []
    for name, value in usage.items():
        unit = price_unit(str(name))
        if unit is None:
            continue
        count = ZERO if value is None else amount_from(value)
        if count is None:
            unreadable.append(unit)
        else:
            units[unit] = units.get(unit, ZERO) + count
    return units, tuple(unreadable)
