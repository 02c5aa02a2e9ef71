"""Types of the constructors' options, so that editors complete them. A test keeps them complete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from langchain_core.caches import BaseCache
from langchain_core.callbacks import Callbacks
from langchain_core.language_models import ModelProfile
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.tools import ArgsSchema

from pollinations_client._adapter_support import (
    ApiKey,
    AsyncHttpClient,
    ConnectionOptionsDict,
    MediaToolOptionsDict,
    ModelOptionsDict,
    SyncHttpClient,
    Timeout,
)

__all__ = [
    "ChatModelOptions",
    "ConnectionOptions",
    "EmbeddingsOptions",
    "MakingToolOptions",
    "ModelsToolOptions",
    "SearchToolOptions",
    "ToolOptions",
    "ToolkitOptions",
    "VoiceToolOptions",
]


class ConnectionOptions(ConnectionOptionsDict, total=False):
    """Where the gateway is, and the limits of a call, by all their names."""

    api_key: ApiKey | None
    pollinations_api_key: ApiKey | None
    base_url: str | None
    request_timeout: Timeout
    http_client: SyncHttpClient
    http_async_client: AsyncHttpClient
    async_http_client: AsyncHttpClient


class ChatModelOptions(ConnectionOptions, ModelOptionsDict, total=False):
    """Options of ``ChatPollinations`` besides ``model``."""

    model_name: str
    model_kwargs: Mapping[str, Any] | None
    stop_sequences: str | list[str] | None
    streaming: bool
    stream_usage: bool
    n: int
    replay_reasoning: bool
    keep_images: int
    name: str | None
    cache: BaseCache | bool | None
    verbose: bool
    callbacks: Callbacks
    tags: list[str] | None
    metadata: dict[str, Any] | None
    custom_get_token_ids: Callable[[str], list[int]] | None
    rate_limiter: BaseRateLimiter | None
    disable_streaming: bool | Literal["tool_calling"]
    output_version: str | None
    profile: ModelProfile | None


class EmbeddingsOptions(ConnectionOptions, total=False):
    """Options of ``PollinationsEmbeddings`` besides ``model``."""

    model_name: str
    dimensions: int | None
    max_concurrency: int | None


class ToolOptions(ConnectionOptions, total=False):
    """Options of every tool, besides the model of those that have one."""

    name: str
    description: str
    args_schema: ArgsSchema | None
    return_direct: bool
    verbose: bool
    callbacks: Callbacks
    tags: list[str] | None
    metadata: dict[str, Any] | None
    handle_tool_error: Any
    handle_validation_error: Any
    response_format: Literal["content", "content_and_artifact"]
    extras: dict[str, Any] | None
    media_base_url: str | None


class MakingToolOptions(ToolOptions, MediaToolOptionsDict, total=False):
    """Options of the picture and the video tool besides ``model``."""


class SearchToolOptions(ToolOptions, total=False):
    """Options of ``PollinationsSearchTool`` besides ``model``."""

    return_search_results: bool


class ModelsToolOptions(ToolOptions, total=False):
    """Options of ``PollinationsModelsTool``."""

    models: list[str] | None
    models_kind: Literal["text", "image", "video", "audio"]


class VoiceToolOptions(ToolOptions, total=False):
    """Options of the tools that speak and listen, besides ``model``."""

    save_dir: str | Path | None


class ToolkitOptions(ConnectionOptions, MediaToolOptionsDict, total=False):
    """Options of ``PollinationsToolkit`` besides ``model``."""

    image_model: str | None
    video_model: str | None
    search_model: str | None
    voice: bool
    speech_model: str
    transcription_model: str
    handle_tool_error: Any
    handle_validation_error: Any
