"""LlamaIndex's structured LLM with every stream: core leaves out completions, and writes chats by a
deprecated call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts import ChatPromptTemplate
from pydantic import BaseModel

__all__ = ["PollinationsStructuredLLM"]


class PollinationsStructuredLLM(StructuredLLM):
    """A model that answers with objects of one class only.

    Made by ``Pollinations.as_structured_llm``.
    """

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The object as it grows, as JSON text; ``raw`` is the object."""

        def gen() -> ChatResponseGen:
            for found in self.llm.stream_structured_predict(
                self.output_cls, _asking(messages), kwargs
            ):
                yield _chat(found)

        return gen()

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """:meth:`stream_chat`, awaited."""

        async def gen() -> ChatResponseAsyncGen:
            async for found in await self.llm.astream_structured_predict(
                self.output_cls, _asking(messages), kwargs
            ):
                yield _chat(found)

        return gen()

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """The object as it grows, as JSON text; ``raw`` is the object."""

        def gen() -> CompletionResponseGen:
            for found in self.llm.stream_structured_predict(
                self.output_cls, _asking(_said(prompt)), kwargs
            ):
                yield _completion(found)

        return gen()

    @llm_completion_callback()
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """:meth:`stream_complete`, awaited."""

        async def gen() -> CompletionResponseAsyncGen:
            async for found in await self.llm.astream_structured_predict(
                self.output_cls, _asking(_said(prompt)), kwargs
            ):
                yield _completion(found)

        return gen()


def _said(prompt: str) -> list[ChatMessage]:
    return [ChatMessage(role=MessageRole.USER, content=prompt)]


def _asking(messages: Sequence[ChatMessage]) -> Any:
    return ChatPromptTemplate(message_templates=list(messages))


def _chat(found: BaseModel) -> ChatResponse:
    return ChatResponse(
        message=ChatMessage(role=MessageRole.ASSISTANT, content=found.model_dump_json()), raw=found
    )


def _completion(found: BaseModel) -> CompletionResponse:
    return CompletionResponse(text=found.model_dump_json(), raw=found)
