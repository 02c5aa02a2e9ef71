"""Type the constructors' options, so that editors complete them.

``tests/repo/test_types.py`` compares them with the fields of the classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pollinations_client._adapter_support import (
    ApiKey,
    AsyncHttpClient,
    ConnectionOptionsDict,
    ImageOptionsDict,
    ModelOptionsDict,
    SyncHttpClient,
)

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.prompts import BasePromptTemplate
    from llama_index.core.types import BaseOutputParser, PydanticProgramMode

    from ._structured_types import Mode

__all__ = [
    "ConnectionOptions",
    "EmbeddingModelOptions",
    "LLMOptions",
    "OCRReaderOptions",
    "ToolSpecOptions",
]


class ConnectionOptions(ConnectionOptionsDict, total=False):
    """Options of the connection, under each of their names."""

    api_key: ApiKey | None
    api_base: str | None
    base_url: str | None
    http_client: SyncHttpClient
    async_http_client: AsyncHttpClient
    http_async_client: AsyncHttpClient


class LLMOptions(ConnectionOptions, ModelOptionsDict, total=False):
    """Options of ``Pollinations``."""

    model: str | None
    model_name: str | None
    audio_config: dict[str, Any] | None
    additional_kwargs: dict[str, Any]
    context_window: int | None
    is_function_calling_model: bool | None
    is_chat_model: bool
    strict: bool
    include_usage: bool
    replay_reasoning: bool
    keep_images: int
    structured_output_mode: Mode
    callback_manager: CallbackManager | None
    rate_limiter: Any
    system_prompt: str | None
    messages_to_prompt: Callable[[Sequence[ChatMessage]], str] | None
    completion_to_prompt: Callable[[str], str] | None
    output_parser: BaseOutputParser | None
    pydantic_program_mode: PydanticProgramMode
    query_wrapper_prompt: BasePromptTemplate | None


class EmbeddingModelOptions(ConnectionOptions, total=False):
    """Options of ``PollinationsEmbedding``."""

    model: str | None
    model_name: str | None
    dimensions: int | None
    embed_batch_size: int
    max_concurrency: int | None
    callback_manager: CallbackManager | None
    num_workers: int | None
    embeddings_cache: Any
    rate_limiter: Any


class OCRReaderOptions(ConnectionOptions, total=False):
    """Options of ``PollinationsOCRReader``."""

    model: str | None
    pages: list[int] | None
    is_remote: bool


class ToolSpecOptions(ConnectionOptionsDict, ImageOptionsDict, total=False):
    """Options of ``PollinationsToolSpec`` that its constructor does not name."""

    base_url: str | None
    http_client: SyncHttpClient
    async_http_client: AsyncHttpClient
    http_async_client: AsyncHttpClient
    artifact_data: Literal["auto", "bytes", "none"]
    media_base_url: str | None
    upload: bool
    speech_model: str
    transcription_model: str
