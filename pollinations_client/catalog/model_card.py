"""Model cards: one normal form for every item of the gateway's model lists, of either era.

Read from ``/text/models``, ``/image/models``, ``/audio/models``, ``/models`` and their newer
siblings (bare arrays) and from ``/v1/models`` (``{"data": [...]}``). Sources: the registry's
``ModelInfo`` shape of autumn 2026, and the item shape of API 0.3.0, in which a context window is
``context_window`` and prices are numbers, not strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from ..errors import MalformedReply, excerpt_of

__all__ = ["Durations", "ModelCard", "card_from", "cards_from"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """The lengths a video or audio model can make, in seconds.

    ``None`` or empty where the gateway does not say.
    """

    allowed: tuple[Decimal, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    step: Decimal | None = None
    default: Decimal | None = None

    def allows(self, seconds: float) -> bool:
        """Whether ``seconds`` breaks none of the known limits."""
        length = Decimal(str(seconds))
        if not length.is_finite():
            return False
        if self.allowed:
            return length in self.allowed
        if self.minimum is not None and length < self.minimum:
            return False
        if self.maximum is not None and length > self.maximum:
            return False
        return not self.step or (length - (self.minimum or 0)) % self.step == 0

    def __str__(self) -> str:
        if self.allowed:
            return ", ".join(str(length) for length in self.allowed) + " s"
        low, high = self.minimum, self.maximum
        if low is None and high is None:
            return "any length"
        if high is None:
            span = f"at least {low} s"
        elif low is None:
            span = f"up to {high} s"
        else:
            span = f"{low} to {high} s"
        if self.step and self.step != 1:
            span += f" in steps of {self.step} s"
        return span


RESPONSE_FORMAT_PARAMETERS = frozenset(("response_format", "structured_outputs"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What the gateway says about one model. ``None`` and empty mean "not said", never "no".

    ``name`` is the id to send and ``aliases`` are other names of the same model. ``category`` is
    ``text``, ``image``, ``video``, ``audio``, ``embedding`` or whatever else the gateway calls it.
    ``prices`` are pollen per unit (one pollen is one US dollar) under the gateway's own keys, such
    as ``promptTextTokens``; a key that is missing is a price that is unknown. ``created`` is a Unix
    time in seconds. ``extra`` keeps every field this form has no place for, and every known field
    whose value was not readable.
    """

    name: str
    aliases: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    publisher: str | None = None
    category: str = "text"
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    tools: bool | None = None
    reasoning: bool | None = None
    structured_output: bool | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    voices: tuple[str, ...] = ()
    supported_parameters: tuple[str, ...] = ()
    supported_endpoints: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    video_capabilities: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()
    prices: Mapping[str, Decimal] = field(default_factory=dict, hash=False)
    currency: str = "pollen"
    prices_as_of: str | None = None
    """Year and month of prices that were shipped with this package; ``None`` for a live list's."""
    paid_only: bool | None = None
    specialized: bool | None = None
    community: bool | None = None
    durations: Durations | None = None
    max_reference_images: int | None = None
    max_reference_videos: int | None = None
    created: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def takes_json_schema(self) -> bool | None:
        """Whether a JSON schema as ``response_format`` is followed; ``None`` where it is not said.

        ``supported_parameters`` names what the model's route takes, and holds over the flag: some
        routes of models that could follow one do not pass it on.
        """
        if not self.supported_parameters:
            return self.structured_output
        if not RESPONSE_FORMAT_PARAMETERS & set(self.supported_parameters):
            return False
        return self.structured_output is not False

    @property
    def vision(self) -> bool | None:
        """Whether pictures are understood; ``None`` where the input modalities are not said."""
        return self._takes("image")

    @property
    def audio_input(self) -> bool | None:
        """Whether sound is understood; ``None`` where the input modalities are not said."""
        return self._takes("audio")

    @property
    def video_input(self) -> bool | None:
        """Whether video is understood; ``None`` where the input modalities are not said."""
        return self._takes("video")

    @property
    def is_text(self) -> bool:
        """A model for chat and text completion."""
        return self.category == "text"

    @property
    def is_image(self) -> bool:
        """A model that makes pictures."""
        return self.category == "image"

    @property
    def is_video(self) -> bool:
        """A model that makes videos; the gateway lists it beside the image models."""
        return self.category == "video"

    @property
    def names(self) -> tuple[str, ...]:
        """``name`` and every alias."""
        return (self.name, *self.aliases)

    def _takes(self, modality: str) -> bool | None:
        return modality in self.input_modalities if self.input_modalities else None


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
            f" {_kind(reply)}.",
            excerpt=excerpt_of(repr(reply)[:4_000]),
        )
    return [
        _card_at(f"item {index} of the model list", item, category)
        for index, item in enumerate(items)
    ]


def card_from(item: Any, *, category: str | None = None) -> ModelCard:
    """The card of one item of a model list. Raises ``MalformedReply`` where it has no name."""
    return _card_at("the model item", item, category)


def _card_at(where: str, item: Any, category: str | None) -> ModelCard:
    if not isinstance(item, Mapping):
        raise MalformedReply(
            f"{where.capitalize()} is no object, but {_kind(item)}.", excerpt=excerpt_of(repr(item))
        )
    fields = _Fields(item)
    name = fields.take(_text, "name", "id")
    if name is None:
        raise MalformedReply(
            f"{where.capitalize()} has no usable 'name' (or 'id'):"
            f" {_kind(item.get('name', item.get('id')))}.",
            excerpt=excerpt_of(repr(dict(item))[:4_000]),
        )
    return _card(name, fields, category)


def _card(name: str, fields: _Fields, listed_as: str | None) -> ModelCard:
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
        if fields.rest.get(constant) == value:
            del fields.rest[constant]
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
        context_window=fields.take(_count, "context_length", "context_window"),
        max_output_tokens=fields.take(_count, "max_completion_tokens", "max_output_tokens"),
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
        max_reference_images=fields.take(_count, "max_reference_images"),
        max_reference_videos=fields.take(_count, "max_reference_videos"),
        created=fields.take(_unix_seconds, "created"),
        extra=fields.rest,
    )


class _Fields:
    """The fields of one item.

    Reading one takes it out, so that ``rest`` is what nobody could read.
    """

    def __init__(self, item: Mapping[str, Any]) -> None:
        self.rest = dict(item)

    def take(self, read: Callable[[Any], T | None], *names: str) -> T | None:
        for name in names:
            value = self.rest.get(name)
            if value is None:
                self.rest.pop(name, None)
            elif (parsed := read(value)) is not None:
                del self.rest[name]
                return parsed
        return None

    def take_names(self, name: str) -> tuple[str, ...]:
        value = self.rest.get(name)
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list | tuple):
            if value is None:
                self.rest.pop(name, None)
            return ()
        strings = tuple(item for item in listed if isinstance(item, str))
        if len(strings) == len(listed):
            del self.rest[name]
        return strings

    def take_prices(self) -> tuple[dict[str, Decimal], str]:
        pricing = self.rest.get("pricing")
        if not isinstance(pricing, Mapping):
            if pricing is None:
                self.rest.pop("pricing", None)
            return {}, "pollen"
        currency = _text(pricing.get("currency")) or "pollen"
        read = {
            unit: amount_from(value)
            for unit, value in pricing.items()
            if unit != "currency" and value is not None
        }
        unreadable = {unit: pricing[unit] for unit, price in read.items() if price is None}
        if unreadable:
            self.rest["pricing"] = unreadable
        else:
            del self.rest["pricing"]
        return {str(unit): price for unit, price in read.items() if price is not None}, currency

    def take_durations(self) -> Durations | None:
        allowed = self.rest.get("allowed_durations")
        listed = allowed if isinstance(allowed, list | tuple) else ()
        read = tuple(_seconds(listed))
        if allowed is None or (allowed is listed and len(read) == len(listed)):
            self.rest.pop("allowed_durations", None)
        durations = Durations(
            allowed=read,
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


def amount_from(value: Any) -> Decimal | None:
    """A finite number that is not negative, from a number or a string, e-notation included."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def _count(value: Any) -> int | None:
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


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    return f"{type(value).__name__} {excerpt_of(repr(value)[:400], limit=60)}"
