"""Estimate what a call costs at most, in pollen, before it is sent: its size times a card's prices.

Upper bounds are used where there are any: a prompt has at most as many tokens as bytes. What has no
bound (an answer without ``max_tokens``, a film of unknown length in a prompt) is estimated
generously.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from .catalog import Catalog, snapshot
from .model_card import ModelCard
from .price_units import ZERO

__all__ = [
    "CallSize",
    "Estimate",
    "Estimator",
    "estimated_cost",
    "max_prompt_tokens",
]

# The gateway's own choice where no model is named; of pictures it has changed with the years.
DEFAULT_MODELS = {"text": ("openai",), "image": ("flux", "zimage"), "video": ("veo",)}
# An answer without max_tokens, where the budget names no reserve: longer than most, and a prompt in
# an ordinary language, at three bytes a token.
DEFAULT_REPLY_TOKENS = 1_000
TYPICAL_BYTES_PER_TOKEN = 3
# A price below this is one of a picture's tokens, not of a picture. Gemini's pictures have up to
# 2,520 tokens (4K); the dearest is GPT Image's of high quality and 1024x1536 pixels.
MIN_PICTURE_PRICE = Decimal("0.0005")
MAX_PICTURE_TOKENS = 6_240
MAX_PICTURE_TOKENS_OF_FAMILY = {"google": 2_520}
# Seedance counts width x height x frames / 1024: full HD at 24 frames a second.
VIDEO_TOKENS_PER_S = 50_000
DEFAULT_VIDEO_S = 10
# Slow speech has eight characters a second; music of unknown length is taken for half a minute.
SPOKEN_BYTES_PER_S = 8
DEFAULT_SOUND_S = 30
# The poorest speech codecs in use have 16 kbit/s; Gemini counts 32 tokens a second.
MIN_SOUND_BYTES_PER_S = 2_000
SOUND_TOKENS_PER_S = 32
# In a chat, by the type of the content part, whose base64 is not counted by its bytes. The same in
# a text has its quotes escaped, and is.
ATTACHMENT_TOKENS = {
    b'"type":"image_url"': 5_000,
    b'"type":"input_audio"': 20_000,
    b'"type":"file"': 50_000,
    b'"type":"video_url"': 100_000,
}
CONTENT_PART = b'"type":"'
BASE64 = re.compile(
    rb'"(?:url|data|file_data|file_url)":"(?:data:[^"]{0,100};base64,)?[A-Za-z0-9+/=]{256,}"'
)


class CallSize(NamedTuple):
    """What a call's price depends on, as far as it is known beforehand."""

    category: str
    """``text``, ``image``, ``video``, ``audio``, ``transcription`` or ``embedding``."""
    model: str | None
    max_tokens: int | None = None
    duration_s: int | None = None
    has_sound: bool = False
    """A video with sound."""
    references: int = 0
    """Pictures to start from."""
    prompt_bytes: int | None = None
    """Of a picture's prompt, a text to speak or a sound to write down. Else the request's bytes
    count.
    """


def max_prompt_tokens(body: bytes) -> int:
    """At most this many tokens are in the JSON body of a request."""
    if CONTENT_PART not in body:
        return len(body)
    attached = sum(body.count(mark) * tokens for mark, tokens in ATTACHMENT_TOKENS.items())
    return len(BASE64.sub(b"", body)) + attached


def estimated_cost(size: CallSize, prompt_tokens: int, card: ModelCard) -> Decimal | None:
    """What a call may cost on the model of ``card``; ``None`` without a price for it."""
    # A chat may name a model that makes pictures.
    category = card.category if card.category in {"image", "video"} else size.category
    estimate = ESTIMATES.get(category)
    if estimate is None or not card.prices:
        return None
    return estimate(size, prompt_tokens, card)


def _chat(size: CallSize, prompt_tokens: int, card: ModelCard) -> Decimal | None:
    price_of = card.prices.get
    text_price = price_of("completionTextTokens")
    kinds = (text_price, price_of("completionReasoningTokens"), price_of("completionAudioTokens"))
    output_prices = [price for price in kinds if price is not None]
    if not output_prices:
        return None
    input_price = price_of("promptTextTokens", ZERO)
    input_price = max(input_price, price_of("promptCacheWriteTokens", input_price))
    if not size.max_tokens:
        prompt_tokens //= TYPICAL_BYTES_PER_TOKEN
    output_tokens = size.max_tokens or DEFAULT_REPLY_TOKENS
    return prompt_tokens * input_price + output_tokens * max(output_prices)


def _picture(size: CallSize, prompt_tokens: int, card: ModelCard) -> Decimal | None:
    price = card.prices.get("completionImageTokens")
    if price is None:
        return None
    count = 1
    if price < MIN_PICTURE_PRICE:
        count = MAX_PICTURE_TOKENS_OF_FAMILY.get(
            snapshot().family(card.name) or "", MAX_PICTURE_TOKENS
        )
    reference_tokens = size.references * ATTACHMENT_TOKENS[b'"type":"image_url"']
    return (
        count * price
        + (size.prompt_bytes or prompt_tokens) * card.prices.get("promptTextTokens", ZERO)
        + reference_tokens * card.prices.get("promptImageTokens", ZERO)
    )


def _video(size: CallSize, prompt_tokens: int, card: ModelCard) -> Decimal | None:
    price_per_s = card.prices.get("completionVideoSeconds")
    if price_per_s is None:
        token_price = card.prices.get("completionVideoTokens")
        price_per_s = token_price and token_price * VIDEO_TOKENS_PER_S
    if price_per_s is None:
        return None
    if size.has_sound:
        price_per_s += card.prices.get("completionAudioSeconds", ZERO)
    return (size.duration_s or _usual_length_s(card) or DEFAULT_VIDEO_S) * price_per_s


def _usual_length_s(card: ModelCard) -> Decimal | None:
    """What a model makes where no length is asked for; else the longest it can."""
    lengths = card.durations
    if lengths is None:
        return None
    return lengths.default or max(lengths.allowed, default=None) or lengths.maximum


def _speech(size: CallSize, prompt_tokens: int, card: ModelCard) -> Decimal | None:
    text_bytes = Decimal(prompt_tokens if size.prompt_bytes is None else size.prompt_bytes)
    spoken_s = max(text_bytes / SPOKEN_BYTES_PER_S, Decimal(DEFAULT_SOUND_S))
    length_s = Decimal(size.duration_s or _usual_length_s(card) or spoken_s)
    return _sum_of(card, {"completionAudioTokens": text_bytes, "completionAudioSeconds": length_s})


def _transcription(size: CallSize, prompt_tokens: int, card: ModelCard) -> Decimal | None:
    heard_s = Decimal(size.prompt_bytes or prompt_tokens) / MIN_SOUND_BYTES_PER_S
    return _sum_of(
        card,
        {
            "promptAudioSeconds": heard_s,
            "promptAudioTokens": heard_s * SOUND_TOKENS_PER_S,
            "completionTextTokens": heard_s * SPOKEN_BYTES_PER_S,
        },
    )


def _sum_of(card: ModelCard, units: Mapping[str, Decimal]) -> Decimal | None:
    """The units that have a price; ``None`` where none has."""
    amounts = [count * card.prices[unit] for unit, count in units.items() if unit in card.prices]
    return sum(amounts, ZERO) if amounts else None


def _embedding(size: CallSize, prompt_tokens: int, card: ModelCard) -> Decimal | None:
    price = card.prices.get("promptTextTokens")
    return price and prompt_tokens * price


ESTIMATES: dict[str, Callable[[CallSize, int, ModelCard], Decimal | None]] = {
    "text": _chat,
    "image": _picture,
    "video": _video,
    "audio": _speech,
    "transcription": _transcription,
    "embedding": _embedding,
}


class Estimate(NamedTuple):
    """What a call may cost, by which card; ``amount`` is ``None`` without a price."""

    model: str
    """As it was asked for."""
    card: ModelCard | None = None
    amount: Decimal | None = None


class Estimator:
    """Estimates by one catalogue. Cards are looked up once for each model."""

    __slots__ = ("_cards", "catalog")

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._cards: dict[tuple[str, str], ModelCard | None] = {}

    def estimate(self, size: CallSize | None, prompt_tokens: int) -> Estimate:
        """What a call of this size may cost."""
        if size is None:
            return Estimate("a model that is not named")
        if size.model is not None:
            return self._estimate(size, prompt_tokens, size.model)
        defaults = DEFAULT_MODELS.get(size.category, ())
        estimates = [self._estimate(size, prompt_tokens, name) for name in defaults]
        priced = [estimate for estimate in estimates if estimate.amount is not None]
        unpriced = Estimate("the default model")
        return max(priced, key=lambda estimate: estimate.amount or ZERO, default=unpriced)

    def dearest(self, size: CallSize, prompt_tokens: int) -> Decimal | None:
        """What a call of this size may cost on the dearest model of its kind."""
        kinds = {_listed_as(size)}
        if size.duration_s or size.has_sound:
            # GET /image/{prompt} serves video models as well (seen in autumn 2026).
            kinds = {"image", "video"}
        cards = [card for card in self.catalog if card.category in kinds]
        amounts = [estimated_cost(size, prompt_tokens, card) for card in cards]
        return max((amount for amount in amounts if amount is not None), default=None)

    def _estimate(self, size: CallSize, prompt_tokens: int, name: str) -> Estimate:
        key = (size.category, name)
        if key not in self._cards:
            self._cards[key] = self._card(size, name)
        card = self._cards[key]
        if card is None:
            return Estimate(name)
        return Estimate(name, card, estimated_cost(size, prompt_tokens, card))

    def _card(self, size: CallSize, name: str) -> ModelCard | None:
        """The card of a model. One that is not listed may be one that the key cannot pay for:
        shipped prices hold then, and the gateway says so itself.
        """
        listed = self.catalog.get(name, _listed_as(size)) or self.catalog.get(name)
        return listed or snapshot().get(name)


def _listed_as(size: CallSize) -> str:
    """The category of the models that can do it."""
    if size.category == "transcription":
        return "audio"
    return size.category
