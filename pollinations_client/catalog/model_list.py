"""Read the gateway's model lists, of either era, into model cards.

The lists are ``/text/models``, ``/image/models``, ``/audio/models``, ``/models`` and their newer
siblings (bare arrays), and ``/v1/models`` (``{"data": [...]}``). Sources: the registry's
``ModelInfo`` shape of autumn 2026, and the item shape of API 0.3.0, in which a context window is
``context_window`` and prices are numbers, not strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from ..errors import MalformedReply, excerpt_of
from .model_card import Durations, ModelCard
from .price_units import amount_from

__all__ = ["card_from", "cards_from"]

T = TypeVar("T")

# Above this a Unix time is in milliseconds: as seconds it would lie after the year 5138.
MILLISECONDS_FROM = 100_000_000_000

# A model that can output several kinds belongs where the first of these says: gpt-audio speaks, yet
# it is a chat model.
CATEGORY_BY_OUTPUT = {
    "video": "video",
    "text": "text",
    "image": "image",
    "audio": "audio",
    "embedding": "embedding",
    "embeddings": "embedding",
}
CATEGORY_BY_ENDPOINT = {
    "/v1/chat/completions": "text",
    "/v1/embeddings": "embedding",
    "/v1/audio/speech": "audio",
    "/v1/audio/transcriptions": "audio",
    "/v1/images/generations": "image",
}


def cards_from(reply: Any, *, category: str | None = None) -> list[ModelCard]:
    """Every card of a model list: a bare array, or ``{"data": [...]}``.

    ``category`` is for items that do not say theirs: pass what the endpoint lists. Raises
    ``MalformedReply`` naming the place for anything that is not a list of items with a name;
    nothing is skipped.
    """
    items = reply.get("data") if isinstance(reply, Mapping) else reply
    if not isinstance(items, Sequence) or isinstance(items, str | bytes):
        raise MalformedReply(
            "The model list is neither an array nor an object with a 'data' array, but"
            f" {_described(reply)}.",
            excerpt=excerpt_of(repr(reply)[:4_000]),
        )
    return [
        _card_at(f"item {index} of the model list", item, category)
        for index, item in enumerate(items)
    ]


def card_from(item: Any, *, category: str | None = None) -> ModelCard:
    """The card of one item of a model list. Raises ``MalformedReply`` where it has no name."""
    return _card_at("the model item", item, category)


def _card_at(item_name: str, item: Any, category: str | None) -> ModelCard:
    if not isinstance(item, Mapping):
        raise MalformedReply(
            f"{item_name.capitalize()} is no object, but {_described(item)}.",
            excerpt=excerpt_of(repr(item)),
        )
    fields = _ItemFields(item)
    name = fields.take(_text, "name", "id")
    if name is None:
        raise MalformedReply(
            f"{item_name.capitalize()} has no usable 'name' (or 'id'):"
            f" {_described(item.get('name', item.get('id')))}.",
            excerpt=excerpt_of(repr(dict(item))[:4_000]),
        )
    return _card(name, fields, category)


def _card(name: str, fields: _ItemFields, listed_as: str | None) -> ModelCard:
    outputs = fields.take_names("output_modalities")
    endpoints = fields.take_names("supported_endpoints")
    capabilities = fields.take_names("capabilities")
    # API 0.3.0 has a flag for each; today's lists name abilities, and a flag holds over them.
    tools = fields.take(_flag, "tools")
    if tools is None and "tool_calling" in capabilities:
        tools = True
    reasoning = fields.take(_flag, "reasoning")
    if reasoning is None and "reasoning" in capabilities:
        reasoning = True
    prices, currency = fields.take_prices()
    for constant, value in (("id", name), ("object", "model")):
        if fields.unread.get(constant) == value:
            del fields.unread[constant]
    return ModelCard(
        name=name,
        aliases=tuple(
            dict.fromkeys(
                alias for alias in fields.take_names("aliases") if alias and alias != name
            )
        ),
        title=fields.take(_text, "title"),
        description=fields.take(_text, "description"),
        publisher=fields.take(_text, "publisher"),
        category=fields.take(_text, "category") or _category(outputs, endpoints, listed_as),
        input_modalities=fields.take_names("input_modalities"),
        output_modalities=outputs,
        tools=tools,
        reasoning=reasoning,
        structured_output=fields.take(_flag, "supports_structured_output"),
        context_window=fields.take(_whole_number, "context_length", "context_window"),
        max_output_tokens=fields.take(_whole_number, "max_completion_tokens", "max_output_tokens"),
        voices=fields.take_names("voices"),
        supported_parameters=fields.take_names("supported_parameters"),
        supported_endpoints=endpoints,
        capabilities=capabilities,
        video_capabilities=fields.take_names("video_capabilities"),
        resolutions=fields.take_names("resolutions"),
        prices=prices,
        prices_as_of=fields.take(_text, "pricing_date"),
        currency=currency,
        paid_only=fields.take(_flag, "paid_only"),
        specialized=fields.take(_flag, "is_specialized"),
        community=fields.take(_flag, "community"),
        durations=fields.take_durations(),
        max_reference_images=fields.take(_whole_number, "max_reference_images"),
        max_reference_videos=fields.take(_whole_number, "max_reference_videos"),
        created=fields.take(_unix_seconds, "created"),
        extra=fields.unread,
    )


class _ItemFields:
    """The fields of one item. ``take`` removes what it can read, so that ``unread`` is the rest."""

    def __init__(self, item: Mapping[str, Any]) -> None:
        self.unread = dict(item)

    def take(self, read: Callable[[Any], T | None], *names: str) -> T | None:
        """What ``read`` makes of the first field of these names that it can read."""
        for name in names:
            value = self.unread.get(name)
            if value is None:
                self.unread.pop(name, None)
            elif (parsed := read(value)) is not None:
                del self.unread[name]
                return parsed
        return None

    def take_names(self, name: str) -> tuple[str, ...]:
        """The strings of a list; a string alone is a list of one."""
        value = self.unread.get(name)
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list | tuple):
            if value is None:
                self.unread.pop(name, None)
            return ()
        strings = tuple(item for item in listed if isinstance(item, str))
        if len(strings) == len(listed):
            del self.unread[name]
        return strings

    def take_prices(self) -> tuple[dict[str, Decimal], str]:
        """The prices that are amounts, by unit, and their currency."""
        pricing = self.unread.get("pricing")
        if not isinstance(pricing, Mapping):
            if pricing is None:
                self.unread.pop("pricing", None)
            return {}, "pollen"
        currency = _text(pricing.get("currency")) or "pollen"
        prices = {
            unit: amount_from(value)
            for unit, value in pricing.items()
            if unit != "currency" and value is not None
        }
        unreadable = {unit: pricing[unit] for unit, price in prices.items() if price is None}
        if unreadable:
            self.unread["pricing"] = unreadable
        else:
            del self.unread["pricing"]
        return {str(unit): price for unit, price in prices.items() if price is not None}, currency

    def take_durations(self) -> Durations | None:
        """The lengths that the model can make, from the five fields that may limit them."""
        allowed = self.unread.get("allowed_durations")
        listed = allowed if isinstance(allowed, list | tuple) else ()
        lengths = tuple(_seconds(listed))
        if allowed is None or (allowed is listed and len(lengths) == len(listed)):
            self.unread.pop("allowed_durations", None)
        durations = Durations(
            allowed=lengths,
            minimum=self.take(amount_from, "min_duration"),
            maximum=self.take(amount_from, "max_duration"),
            step=self.take(amount_from, "duration_step"),
            default=self.take(amount_from, "default_duration"),
        )
        return durations if durations != Durations() else None


def _category(outputs: tuple[str, ...], endpoints: tuple[str, ...], listed_as: str | None) -> str:
    for modality, category in CATEGORY_BY_OUTPUT.items():
        if modality in outputs:
            return category
    if outputs:
        return outputs[0]
    served = (
        category for endpoint, category in CATEGORY_BY_ENDPOINT.items() if endpoint in endpoints
    )
    # API 0.3.0 lists bare ids at /v1/models, and only text models.
    return listed_as or next(served, "text")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _flag(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _whole_number(value: Any) -> int | None:
    # The bound keeps a senseless 1e999999 from becoming an integer of a million digits.
    amount = amount_from(value)
    if amount is None or amount >= 10**18 or amount != amount.to_integral_value():
        return None
    return int(amount)


def _unix_seconds(value: Any) -> int | None:
    amount = amount_from(value)
    if amount is None or amount >= 10**18:
        return None
    if amount > MILLISECONDS_FROM:
        amount /= 1_000
    return int(amount)


def _seconds(values: Sequence[Any]) -> Iterator[Decimal]:
    return (amount for value in values if (amount := amount_from(value)) is not None)


def _described(value: Any) -> str:
    """A value for the sentence of an error."""
    if value is None:
        return "nothing"
    return f"{type(value).__name__} {excerpt_of(repr(value)[:400], limit=60)}"
