"""Describe models by cards: one form for what the gateway's lists say, of either era.

``model_list.py`` reads the lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

__all__ = ["Durations", "ModelCard"]

RESPONSE_FORMAT_PARAMETERS = frozenset(("response_format", "structured_outputs"))


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
