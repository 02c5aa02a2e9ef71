"""Types of the constructors' options, so that editors complete them. A test keeps them complete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from langchain_core.caches import BaseCache
from langchain_core.callbacks import Callbacks
from langchain_core.language_models import ModelProfile
from langchain_core.rate_limiters import BaseRateLimiter

from pollinations_client._adapter_support import ApiKey, ConnectionOptionsDict, ModelOptionsDict

__all__ = ["ChatModelOptions", "ConnectionOptions"]


class ConnectionOptions(ConnectionOptionsDict, total=False):
    """Where the gateway is, and the limits of a call, by all their names."""

    api_key: ApiKey | None
    pollinations_api_key: ApiKey | None
    base_url: str | None
    request_timeout: Any
    http_client: Any
    http_async_client: Any
    async_http_client: Any


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
