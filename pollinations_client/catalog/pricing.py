"""Compute what a call costs in pollen: the counts of its usage times the prices on a model card.

The gateway reliably sends neither a cost field nor a cost header, so the cost is computed from what
it does send. A part without a price is named, and nothing is guessed. How usage is split into
priced units follows the gateway's own billing (``shared/registry/usage-headers.ts``, autumn 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ..reply import Reply
from ..reply_metadata import USAGE_PATHS, ResponseInfo, Usage
from .model_card import ModelCard
from .price_units import ZERO, amount_from, listed_units, price_unit

__all__ = ["Cost", "CostPart", "cost", "stated_cost", "units_from"]

# A unit without a price of its own is priced like its plain sibling, and the cost says so. Sound
# has no sibling: its tokens cost many times what text costs.
PRICED_LIKE = {
    "promptCachedTokens": "promptTextTokens",
    "promptCacheWriteTokens": "promptTextTokens",
    "promptImageTokens": "promptTextTokens",
    "promptVideoTokens": "promptTextTokens",
    "completionReasoningTokens": "completionTextTokens",
}
# /v1/images/generations reports pictures as plain output_tokens.
PRICED_LIKE_BY_CATEGORY = {
    "image": {**PRICED_LIKE, "completionTextTokens": "completionImageTokens"},
}

# Parts of the totals in a chat completion's usage, by the field of Usage that has their count.
PROMPT_DETAILS = {
    "promptCachedTokens": "cached",
    "promptCacheWriteTokens": "cache_write",
    "promptAudioTokens": "audio_input",
    "promptImageTokens": "image_input",
    "promptVideoTokens": "video_input",
}
COMPLETION_DETAILS = {
    "completionAudioTokens": "audio_output",
    "completionImageTokens": "image_output",
    "completionReasoningTokens": "reasoning",
}
TOTALS = [name for kind in ("input", "output", "total") for _, name in USAGE_PATHS[kind]]

# Stands for a model that nobody lists: it has no price, and nothing is assumed of it.
UNKNOWN_MODEL = ModelCard(name="")

# The gateway's own figure, where it sends one: a field of its usage, or a header.
COST_HEADER = "x-pollen-cost"
STATED = ("pollen_cost", COST_HEADER)

# List fields of a card that say the base price is not the whole story.
CONDITIONS = ("pricing_variants", "pricing_adjustments")


@dataclass(frozen=True, slots=True)
class CostPart:
    """One priced unit: ``count`` (tokens or seconds) times ``price``; ``amount`` is ``None``
    without a price.
    """

    unit: str
    count: Decimal
    price: Decimal | None
    priced_as: str

    @property
    def amount(self) -> Decimal | None:
        """Pollen for this part."""
        return None if self.price is None else self.count * self.price


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one call, part by part.

    ``unknown`` names the units that were used and have no price, or whose count is unreadable; then
    ``total`` is ``None`` and ``known`` is a lower bound. ``assumed`` names the units priced like a
    sibling (cached input like plain input, where the card has no price for it), and
    ``pricing_variants`` or ``pricing_adjustments`` where the gateway has further rates, such as for
    long contexts or web searches, that are not in this sum. ``stated`` is the gateway's own figure,
    where it sent one, and then the total. ``prices_as_of`` is the month of a price that was shipped
    with this package. ``is_upper_bound`` marks an answer from the gateway's cache: it bills none.

    Examples:
        >>> from pollinations_client.catalog.catalog import snapshot
        >>> cost({"x-usage-completion-image-tokens": "3"}, snapshot().get("flux")).total
        Decimal('0.006')
    """

    parts: tuple[CostPart, ...] = ()
    unknown: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    currency: str = "pollen"
    stated: Decimal | None = None
    prices_as_of: str | None = None
    is_upper_bound: bool = False

    @property
    def source(self) -> str | None:
        """Where the total comes from: ``stated`` by the gateway, ``live`` list prices, or
        ``shipped`` with this package and the month of the price; ``None`` without a total.
        """
        if self.total is None:
            return None
        if self.stated is not None:
            return "stated"
        return "live" if self.prices_as_of is None else f"shipped {self.prices_as_of}"

    @property
    def known(self) -> Decimal:
        """The sum of all parts that have a price."""
        return sum((part.amount for part in self.parts if part.amount is not None), ZERO)

    @property
    def total(self) -> Decimal | None:
        """The whole cost, or ``None`` while anything in it is unknown."""
        if self.stated is not None:
            return self.stated
        return None if self.unknown else self.known

    @property
    def amounts(self) -> dict[str, Decimal]:
        """Unit to pollen, for the parts that have a price."""
        return {part.unit: part.amount for part in self.parts if part.amount is not None}


def cost(
    usage: Reply | Usage | ResponseInfo | Mapping[str, Any] | None, card: ModelCard | None
) -> Cost:
    """What ``usage`` costs on the model of ``card``.

    ``usage`` is an answer, its count, a chat completion's ``usage``, response headers
    (``x-usage-*``), or a usage record. Without usage, or without a card, the cost is unknown, not
    zero; a usage of nothing costs ``Decimal(0)``.
    """
    is_hit = _comes_from_cache(usage)
    usage = _raw_usage(usage)
    if usage is None:
        return Cost(unknown=("usage",))
    card = card or UNKNOWN_MODEL
    units, unreadable = units_from(usage)
    siblings = PRICED_LIKE_BY_CATEGORY.get(card.category, PRICED_LIKE)
    parts = tuple(
        _cost_part(unit, count, card.prices, siblings) for unit, count in units.items() if count
    )
    conditions = tuple(name for name in CONDITIONS if parts and card.extra.get(name))
    return Cost(
        parts=parts,
        unknown=(*(part.unit for part in parts if part.price is None), *unreadable),
        assumed=(
            *(
                part.unit
                for part in parts
                if part.price is not None and part.priced_as != part.unit
            ),
            *conditions,
        ),
        currency=card.currency,
        stated=next((_count(usage[name]) for name in STATED if usage.get(name) is not None), None),
        prices_as_of=card.prices_as_of,
        is_upper_bound=is_hit,
    )


def _comes_from_cache(usage: Reply | Usage | ResponseInfo | Mapping[str, Any] | None) -> bool:
    if isinstance(usage, Reply):
        usage = usage.info
    return isinstance(usage, ResponseInfo) and (usage.cache or "").upper() == "HIT"


def _raw_usage(
    usage: Reply | Usage | ResponseInfo | Mapping[str, Any] | None,
) -> Mapping[str, Any] | None:
    """The counts of ``usage`` by the gateway's own names, beside them a cost that a header states.

    ``None`` where nothing was counted.
    """
    match usage:
        case Reply():
            # A film made in a chat is counted in seconds, by the headers alone.
            counts = _raw_usage(usage.usage or replace(usage.info, headers={}))
            stated = stated_cost(usage.info)
        case ResponseInfo():
            by_header = {f"x-usage-{name}": count for name, count in usage.usage.items()}
            counts = by_header if any(map(price_unit, by_header)) else None
            stated = stated_cost(usage)
        case Usage():
            return usage.raw or _completion_usage(usage)
        case _:
            return usage
    if stated is None:
        return counts
    return {**(counts or {}), COST_HEADER: stated}


def stated_cost(info: ResponseInfo) -> Decimal | None:
    """The cost that an answer's header states; ``None`` where it is no amount."""
    header = info.headers.get(COST_HEADER)
    return None if header is None else amount_from(header)


def _completion_usage(usage: Usage) -> dict[str, Any]:
    """``usage`` as a chat completion has it, for one that was not read from an answer."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total or usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
            "audio_tokens": usage.audio_input,
            "image_tokens": usage.image_input,
            "video_tokens": usage.video_input,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": usage.audio_output,
            "image_tokens": usage.image_output,
        },
    }


def units_from(usage: Mapping[str, Any]) -> tuple[dict[str, Decimal], tuple[str, ...]]:
    """Counts by price key (``promptTextTokens``, ...), and the names of those that are unreadable.

    In a chat completion's usage the details are part of the totals, and are taken out of them:
    cached, audio and image tokens out of ``prompt_tokens``, reasoning and audio out of
    ``completion_tokens``. Only where ``total_tokens`` shows that a detail was counted on top (xAI
    reasoning) is it left beside its total. Headers and records are split already.
    """
    if not any(name in usage for name in TOTALS):
        return listed_units(usage)
    counts = _Counts(usage)
    prompt, completion, total = counts.totals()
    prompt_details = {unit: counts.first(kind) or ZERO for unit, kind in PROMPT_DETAILS.items()}
    completion_details = {
        unit: counts.first(kind) or ZERO for unit, kind in COMPLETION_DETAILS.items()
    }
    surplus = total - prompt - completion
    on_top: frozenset[str] = frozenset()
    if surplus > 0:
        on_top = _counted_on_top(surplus, prompt_details, completion_details)
    units = {
        **_split("promptTextTokens", prompt, prompt_details, on_top),
        **_split("completionTextTokens", completion, completion_details, on_top),
    }
    return units, tuple(dict.fromkeys(counts.unreadable))


def _counted_on_top(
    surplus: Decimal, prompt: dict[str, Decimal], completion: dict[str, Decimal]
) -> frozenset[str]:
    """The details that ``total_tokens`` counts on top of prompt and completion.

    None where the ``surplus`` could be of two of them.
    """
    of_prompt, of_completion = sum(prompt.values(), ZERO), sum(completion.values(), ZERO)
    if surplus == of_prompt + of_completion:
        return frozenset((*prompt, *completion))
    if surplus == completion["completionReasoningTokens"]:
        return frozenset(("completionReasoningTokens",))
    if of_prompt == of_completion:
        return frozenset()
    if surplus == of_prompt:
        return frozenset(prompt)
    if surplus == of_completion:
        return frozenset(completion)
    return frozenset()


def _split(
    plain: str, total: Decimal, details: dict[str, Decimal], on_top: frozenset[str]
) -> dict[str, Decimal]:
    """``total`` shared out among ``details``; the remainder is plain text.

    Details larger than the total are capped.
    """
    shares, remainder = {}, total
    for unit, count in details.items():
        if unit in on_top:
            shares[unit] = count
        else:
            shares[unit] = min(count, remainder)
            remainder -= shares[unit]
    return {plain: remainder, **shares}


def _cost_part(
    unit: str, count: Decimal, prices: Mapping[str, Decimal], siblings: Mapping[str, str]
) -> CostPart:
    priced_as = unit if unit in prices else siblings.get(unit, unit)
    return CostPart(unit, count, prices.get(priced_as), priced_as)


class _Counts:
    """Finds counts by their place in a usage; ``unreadable`` names those that are no number."""

    def __init__(self, usage: Mapping[str, Any]) -> None:
        self.unreadable: list[str] = []
        self._by_path: dict[tuple[str, str], Any] = {}
        for name, value in usage.items():
            if isinstance(value, Mapping):
                self._by_path.update(((name, key), detail) for key, detail in value.items())
            else:
                self._by_path["", name] = value

    def totals(self) -> tuple[Decimal, Decimal, Decimal]:
        """The tokens of prompt, completion and both."""
        prompt, completion, total = self.first("input"), self.first("output"), self.first("total")
        if prompt is None and completion is None and total:
            self.unreadable.append("total_tokens")  # nobody says what of it is dear
        if total is not None and completion is None and prompt is not None:
            completion = max(total - prompt, ZERO)
        elif total is not None and prompt is None and completion is not None:
            prompt = max(total - completion, ZERO)
        return prompt or ZERO, completion or ZERO, total or ZERO

    def first(self, kind: str) -> Decimal | None:
        """The first count of ``kind`` that is not zero; ``None`` where there is no count."""
        zero = None
        for owner, name in USAGE_PATHS[kind]:
            if (value := self._by_path.get((owner, name))) is None:
                continue
            count = _count(value)
            if count is None:
                self.unreadable.append(f"{owner}.{name}".lstrip("."))
            elif count:
                return count
            else:
                zero = count
        return zero


def _count(value: Any) -> Decimal | None:
    """A count: zero for ``None``, and ``None`` for a value that is no count."""
    # Nearly all counts are of this type; the way over a string takes five times as long.
    if type(value) is int:
        return Decimal(value) if value >= 0 else None
    if value is None:
        return ZERO
    return amount_from(value)
