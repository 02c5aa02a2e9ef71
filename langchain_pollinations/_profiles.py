"""Convert model cards to LangChain's profiles."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Any, cast

from langchain_core.language_models import ModelProfile

from pollinations_client import ModelCard, snapshot


@functools.lru_cache(maxsize=256)
def known_profile(model: str) -> ModelProfile | None:
    """The profile of a model of the shipped catalogue, by any of its names. Not to be changed."""
    card = snapshot().get(model)
    return None if card is None else profile_from(card)


def profile_from(card: ModelCard) -> ModelProfile:
    """What LangChain's agents and middleware ask of a model, as far as the catalogue says."""
    profile: dict[str, Any] = {
        "name": card.title or card.name,
        "max_input_tokens": card.context_window,
        "max_output_tokens": card.max_output_tokens,
        "text_inputs": _holds("text", card.input_modalities),
        "image_inputs": card.vision,
        "image_url_inputs": card.vision,
        "image_tool_message": card.vision,
        "audio_inputs": card.audio_input,
        "video_inputs": card.video_input,
        "text_outputs": _holds("text", card.output_modalities),
        "image_outputs": _holds("image", card.output_modalities),
        "audio_outputs": _holds("audio", card.output_modalities),
        "video_outputs": _holds("video", card.output_modalities),
        "reasoning_output": card.reasoning,
        "tool_calling": card.tools,
        "tool_call_streaming": card.tools,
        "structured_output": card.structured_output,
    }
    # LangChain warns of fields that its version does not know.
    fields = ModelProfile.__annotations__
    return cast(
        ModelProfile,
        {name: value for name, value in profile.items() if value is not None and name in fields},
    )


def _holds(kind: str, modalities: Collection[str] | None) -> bool | None:
    """Whether a model takes or gives a kind; None where the catalogue names none."""
    return (kind in modalities) if modalities else None
