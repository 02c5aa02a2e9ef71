"""Types of the options that constructors and calls take, so that editors complete them.

They repeat the fields of the option models, which check the values; a test keeps both equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from .chat_options import ReasoningEffort

__all__ = ["ModelOptionsDict"]


class ModelOptionsDict(TypedDict, total=False):
    """Options of :class:`~pollinations_client.ModelOptions`. ``None`` is not sent."""

    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    max_completion_tokens: int | None
    stop: str | list[str] | None
    seed: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    repetition_penalty: float | None
    logit_bias: dict[str, int] | None
    logprobs: bool | None
    top_logprobs: int | None
    reasoning_effort: ReasoningEffort | None
    thinking: dict[str, Any] | None
    thinking_budget: int | None
    parallel_tool_calls: bool | None
    modalities: list[Literal["text", "audio"]] | None
    audio: dict[str, Any] | None
    user: str | None
    safe: bool | str | list[str] | None
    web_search_options: dict[str, Any] | None
    default_tools: bool | None
    extra_body: Mapping[str, Any] | None
