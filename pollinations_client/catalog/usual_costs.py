"""Sum up the cost of usual answers fast, for budgets, which ask after every call."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ..reply_metadata import ResponseInfo, Usage
from .model_card import ModelCard
from .price_units import ZERO, price_unit
from .pricing import COST_HEADER, PRICED_LIKE, PRICED_LIKE_BY_CATEGORY, cost

__all__ = ["total_pollen"]

# Above it a float has no whole numbers of its own any more.
MAX_USUAL_COUNT = 2**53


def total_pollen(usage: Usage | ResponseInfo, card: ModelCard | None) -> Decimal | None:
    """``cost(usage, card).total``, in a tenth of the time for counts of the usual kind."""
    counts = _usual_counts(usage)
    if counts is None or card is None:
        return cost(usage, card).total
    siblings = PRICED_LIKE_BY_CATEGORY.get(card.category, PRICED_LIKE)
    prices, total = card.prices, ZERO
    for unit, count in counts:
        if count:
            price = prices.get(unit)
            if price is None and (price := prices.get(siblings.get(unit, ""))) is None:
                return None
            total += price * count
    return total


def _usual_counts(usage: Usage | ResponseInfo) -> Iterable[tuple[str, int]] | None:
    """Whole numbers by price key, or ``None`` for what takes a closer look."""
    if isinstance(usage, ResponseInfo):
        return _usual_header_counts(usage)
    cached, written, reasoning = usage.cached or 0, usage.cache_write or 0, usage.reasoning or 0
    plain_input, plain_output = usage.input - cached - written, usage.output - reasoning
    is_usual = not (usage.audio_input or usage.image_input or usage.video_input)
    is_usual = is_usual and not (usage.audio_output or usage.image_output)
    is_usual = is_usual and plain_input >= 0 <= plain_output
    is_usual = is_usual and usage.total == usage.input + usage.output and bool(usage.total)
    if not is_usual or "pollen_cost" in usage.raw:
        return None
    return (
        ("promptTextTokens", plain_input),
        ("promptCachedTokens", cached),
        ("promptCacheWriteTokens", written),
        ("completionTextTokens", plain_output),
        ("completionReasoningTokens", reasoning),
    )


def _usual_header_counts(info: ResponseInfo) -> list[tuple[str, int]] | None:
    if COST_HEADER in info.headers:
        return None
    counts = []
    for name, count in info.usage.items():
        if not 0 <= count < MAX_USUAL_COUNT or (number := int(count)) != count:
            return None
        if (unit := price_unit(name)) is not None:
            counts.append((unit, number))
    return counts or None
