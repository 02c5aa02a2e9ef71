"""``GET /text/{prompt}``: plain text, no messages.

Fields, bounds, and how they are spelt in the query.

Source: the OpenAPI file of API 0.3.0; the fields from ``top_p`` on are today's.
"""

from __future__ import annotations

from pydantic import Field

from .chat_options import (
    Penalty,
    ReasoningEffort,
    SafetyTokens,
    Seed,
    Temperature,
    Tokens,
    Unit,
    drawn_seed,
)
from .image_options import ExtraQuery, query_pairs
from .validation import Options


class TextOptions(Options):
    """Every parameter of ``GET /text/{prompt}``. ``None`` means: not sent."""

    model: str | None = None
    """Any text model of the gateway."""
    seed: Seed | None = None
    """The same prompt with the same seed gives the same text for ever; -1 draws a random one per
    call.
    """
    system: str | None = None
    """Instructions for the model."""
    json_: bool | None = Field(default=None, alias="json")
    """Ask for a JSON object; honoured unevenly (pollinations/pollinations issue 7413)."""
    temperature: Temperature | None = None
    """0 to 2."""
    top_p: Unit | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    voice: str | None = None
    """Audio models: the voice; the answer is sound then, not text."""
    reasoning_effort: ReasoningEffort | None = None
    safe: SafetyTokens | None = None
    extra_query: ExtraQuery | None = None
    """Parameters that are not listed here, sent as they are."""


def text_query(options: TextOptions, *, stream: bool) -> list[tuple[str, str]]:
    """The query, with a seed of -1 drawn."""
    fields = options.set_fields()
    extra = fields.pop("extra_query", {})
    # Without a seed none is drawn here, unlike for pictures: the same question may get the same
    # answer from the cache, unbilled.
    if "seed" in fields:
        fields["seed"] = drawn_seed(fields["seed"])
    if "json_" in fields:
        fields["json"] = fields.pop("json_")
    if stream:
        fields["stream"] = True
    return query_pairs([*fields.items(), *extra.items()])
