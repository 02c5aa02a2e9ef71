"""LlamaIndex over plain httpx, laid down by hand."""

from __future__ import annotations

from typing import Any

from floors import Wire, unvalidated
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms.callbacks import llm_chat_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM

TEXT = TextBlock(text="x")
MESSAGE = ChatMessage(role=MessageRole.ASSISTANT, blocks=[TEXT])
RESPONSE = ChatResponse(message=MESSAGE, delta="x")


class _Answer:
    """The message so far, as LlamaIndex wants it in every response."""

    def __init__(self) -> None:
        self.text = self.thinking = self.arguments = ""
        self.call: dict[str, Any] | None = None

    def add(self, delta: dict[str, Any]) -> ChatResponse:
        piece = delta.get("content") or ""
        thought = delta.get("reasoning_content") or ""
        self.text += piece
        self.thinking += thought
        for call in delta.get("tool_calls") or ():
            self.call = self.call or call
            self.arguments += call["function"]["arguments"]
        blocks: list[Any] = [unvalidated(TextBlock, TEXT, text=self.text)]
        if self.thinking:
            blocks.append(ThinkingBlock(content=self.thinking))
        if self.call is not None:
            name = self.call["function"]["name"]
            blocks.append(
                ToolCallBlock(
                    tool_call_id=self.call["id"], tool_name=name, tool_kwargs=self.arguments
                )
            )
        message = unvalidated(ChatMessage, MESSAGE, blocks=blocks, additional_kwargs={})
        about = {"thinking_delta": thought} if thought else {}
        return unvalidated(
            ChatResponse, RESPONSE, message=message, delta=piece, additional_kwargs=about
        )


def _wire(messages: Any) -> list[dict[str, Any]]:
    return [{"role": one.role.value, "content": one.content} for one in messages]


class FloorLLM(FunctionCallingLLM):
    """The least that LlamaIndex asks of a model."""

    base_url: str
    _wire_client: Any = PrivateAttr(default=None)

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex asks about a model."""
        return LLMMetadata(is_chat_model=True, is_function_calling_model=True)

    def _connection(self) -> Wire:
        if self._wire_client is None:
            self._wire_client = Wire(self.base_url)
        return self._wire_client

    @llm_chat_callback()
    def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        """The whole answer."""
        text = self._connection().message(_wire(messages))
        return ChatResponse(message=ChatMessage(role="assistant", blocks=[TextBlock(text=text)]))

    @llm_chat_callback()
    async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        """The same, awaited."""
        text = await self._connection().amessage(_wire(messages))
        return ChatResponse(message=ChatMessage(role="assistant", blocks=[TextBlock(text=text)]))

    @llm_chat_callback()
    def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
        """The answer as it comes."""

        def responses() -> Any:
            answer = _Answer()
            for delta in self._connection().deltas(_wire(messages)):
                yield answer.add(delta)

        return responses()

    @llm_chat_callback()
    async def astream_chat(self, messages: Any, **kwargs: Any) -> Any:
        """The same, awaited."""

        async def responses() -> Any:
            answer = _Answer()
            async for delta in self._connection().adeltas(_wire(messages)):
                yield answer.add(delta)

        return responses()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Not measured."""
        raise NotImplementedError

    acomplete = stream_complete = astream_complete = complete

    def _prepare_chat_with_tools(self, tools: Any, **kwargs: Any) -> dict[str, Any]:
        raise NotImplementedError
