"""Complete LlamaIndex's structured LLM: core's streams no completions and gives no deltas.

While the object grows, a response holds it as JSON text, and its delta is empty: the JSON of a part
is no beginning of the JSON of all. The last response has all text as its delta, so that the joined
deltas are the answer, as chat engines and memories need them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from typing import TYPE_CHECKING, Any

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
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts import ChatPromptTemplate

from ._callbacks import chat_callback, completion_callback
from ._options import HiddenHeadersMixin

__all__ = ["PollinationsStructuredLLM"]


class PollinationsStructuredLLM(HiddenHeadersMixin, StructuredLLM):
    """A model that answers with objects of one class only.

    Made by ``Pollinations.as_structured_llm``.
    """

    if TYPE_CHECKING:
        # These are LlamaIndex's own, whose decorator leaves them without types for mypy.

        def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
            """The object as JSON text; ``raw`` is the object."""
            ...

        async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
            """:meth:`chat`, awaited."""
            ...

        def complete(
            self, prompt: str, formatted: bool = False, **kwargs: Any
        ) -> CompletionResponse:
            """The object as JSON text; ``raw`` is the object."""
            ...

        async def acomplete(
            self, prompt: str, formatted: bool = False, **kwargs: Any
        ) -> CompletionResponse:
            """:meth:`complete`, awaited."""
            ...

    @chat_callback
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The object as it grows, as JSON text; ``raw`` is the object."""

        def gen() -> ChatResponseGen:
            for response in self._responses(messages, kwargs):
                yield response

        return gen()

    @chat_callback
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """:meth:`stream_chat`, awaited."""

        async def gen() -> ChatResponseAsyncGen:
            async for response in self._aresponses(messages, kwargs):
                yield response

        return gen()

    @completion_callback
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """The object as it grows, as JSON text; ``raw`` is the object."""

        def gen() -> CompletionResponseGen:
            for response in self._responses(_user_message(prompt), kwargs):
                yield _completion_from(response)

        return gen()

    @completion_callback
    # LlamaIndex 0.14.25 types its own method as a plain generator, and returns an async one.
    async def astream_complete(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """:meth:`stream_complete`, awaited."""

        async def gen() -> CompletionResponseAsyncGen:
            async for response in self._aresponses(_user_message(prompt), kwargs):
                yield _completion_from(response)

        return gen()

    def _responses(
        self, messages: Sequence[ChatMessage], options: dict[str, Any]
    ) -> Generator[ChatResponse, None, None]:
        answer = None
        prompt = ChatPromptTemplate(message_templates=list(messages))
        for answer in self.llm.stream_structured_predict(self.output_cls, prompt, options):
            yield _response_from(answer)
        if answer is not None:
            yield _response_from(answer, is_last=True)

    async def _aresponses(
        self, messages: Sequence[ChatMessage], options: dict[str, Any]
    ) -> AsyncGenerator[ChatResponse, None]:
        answer = None
        prompt: Any = ChatPromptTemplate(message_templates=list(messages))
        stream = await self.llm.astream_structured_predict(self.output_cls, prompt, options)
        async for answer in stream:
            yield _response_from(answer)
        if answer is not None:
            yield _response_from(answer, is_last=True)


def _user_message(prompt: str) -> list[ChatMessage]:
    return [ChatMessage(role=MessageRole.USER, content=prompt)]


def _response_from(answer: Any, *, is_last: bool = False) -> ChatResponse:
    text = answer.model_dump_json()
    message = ChatMessage(role=MessageRole.ASSISTANT, content=text)
    delta = ""
    if is_last:
        delta = text
    return ChatResponse(message=message, delta=delta, raw=answer)


def _completion_from(response: ChatResponse) -> CompletionResponse:
    text = response.message.content or ""
    return CompletionResponse(text=text, delta=response.delta, raw=response.raw)
