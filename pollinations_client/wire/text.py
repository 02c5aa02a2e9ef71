"""``GET /text/{prompt}``: plain text, no messages. Fields and bounds.

Source: the OpenAPI file of API 0.3.0; the fields from ``top_p`` on are today's.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .chat import MAX_SEED, Penalty, ReasoningEffort, Unit
from .options import Options


class TextOptions(Options):
    """Every parameter of ``GET /text/{prompt}``. ``None`` means: not sent."""

    model: str | None = None
    """Any text model of the gateway."""
    seed: Annotated[int, Field(ge=-1, le=MAX_SEED)] | None = None
    """The same prompt with the same seed gives the same text for ever; -1 draws a random one per call."""
    system: str | None = None
    """Instructions for the model."""
    json_: bool | None = Field(default=None, alias="json")
    """Ask for a JSON object; honoured unevenly (pollinations/pollinations issue 7413)."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """0 to 2."""
    top_p: Unit | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=0)] | None = None
    voice: str | None = None
    """Audio models: the voice; the answer is sound then, not text."""
    reasoning_effort: ReasoningEffort | None = None
    safe: bool | str | list[str] | None = None
