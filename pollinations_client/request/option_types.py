"""Types of the options that constructors and calls take, so that editors complete them.

They repeat the fields of the option models, which check the values; a test keeps both equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict

from ..connection_options import CallSettingsDict
from .chat_options import ReasoningEffort

__all__ = [
    "ChatCallDict",
    "ImageCallDict",
    "ImageOptionsDict",
    "MediaToolOptionsDict",
    "ModelOptionsDict",
    "SpeechCallDict",
    "TextCallDict",
    "TranscriptionCallDict",
    "VideoCallDict",
]


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


class ChatCallDict(ModelOptionsDict, CallSettingsDict, total=False):
    """Options of ``chat``: those of :class:`~pollinations_client.ChatOptions`, and what holds for
    the call alone.
    """

    model: str | None
    tools: list[Any] | None
    tool_choice: str | bool | dict[str, Any] | None
    response_format: dict[str, Any] | None
    functions: list[dict[str, Any]] | None
    function_call: str | dict[str, Any] | None
    stream_options: dict[str, Any] | None
    n: Literal[1] | None


class TextCallDict(CallSettingsDict, total=False):
    """Options of ``text``, as of :class:`~pollinations_client.TextOptions`, and of the call."""

    model: str | None
    seed: int | None
    system: str | None
    json: bool | None
    temperature: float | None
    top_p: float | None
    presence_penalty: float | None
    frequency_penalty: float | None
    max_tokens: int | None
    max_completion_tokens: int | None
    voice: str | None
    reasoning_effort: ReasoningEffort | None
    safe: bool | str | list[str] | None
    extra_query: Mapping[str, str | int | float | bool] | None


class SpeechCallDict(CallSettingsDict, total=False):
    """Options of ``speech`` besides its named ones, and of the call."""

    instructions: str | None
    duration: float | None
    instrumental: bool | None
    seed: int | None
    extra_body: Mapping[str, Any] | None


class TranscriptionCallDict(CallSettingsDict, total=False):
    """Options of ``transcribe`` besides its named ones, and of the call."""

    prompt: str | None
    temperature: float | None
    format: Literal["text", "srt", "vtt", "verbose_json", "diarized_json"] | None
    speakers: int | None


class ImageOptionsDict(TypedDict, total=False):
    """Options of :class:`~pollinations_client.ImageOptions`, but for ``model``."""

    width: int | None
    height: int | None
    seed: int | None
    enhance: bool | None
    negative_prompt: str | None
    safe: bool | str | list[str] | None
    quality: Literal["low", "medium", "high", "hd"] | None
    image: str | list[str] | None
    transparent: bool | None
    guidance_scale: float | None
    duration: int | None
    aspect_ratio: str | None
    audio: bool | None
    resolution: str | None
    private: bool | None
    nologo: bool | None
    nofeed: bool | None
    reference_images: str | list[str] | None
    reference_videos: str | list[str] | None
    reference_audios: str | list[str] | None
    extra_query: Mapping[str, str | int | float | bool] | None


class MediaToolOptionsDict(ImageOptionsDict, total=False):
    """Options of tools that make pictures and videos, but for ``model``."""

    models: list[str] | None
    save_dir: str | Path | None
    return_image: bool | Literal["auto"]
    artifact_data: Literal["auto", "bytes", "none"]
    media_base_url: str | None
    upload: bool


class VideoCallDict(ImageOptionsDict, CallSettingsDict, total=False):
    """Options of ``video`` besides ``model``, and of the call."""


class ImageCallDict(VideoCallDict, total=False):
    """Options of ``image``, and of the call."""

    model: str | None
