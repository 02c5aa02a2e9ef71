"""LangChain over plain httpx, laid down by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from floors import Wire, unvalidated
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}
MESSAGE = AIMessageChunk(content="x", additional_kwargs={}, tool_call_chunks=[])
CHUNK = ChatGenerationChunk(message=MESSAGE)


def _chunk(delta: dict[str, Any]) -> ChatGenerationChunk:
    text = delta.get("content") or ""
    extras, calls, invalid = {}, [], []
    if thought := delta.get("reasoning_content"):
        extras["reasoning_content"] = thought
    for call in delta.get("tool_calls") or ():
        name, args = call["function"].get("name"), call["function"]["arguments"]
        call_id = call.get("id")
        piece = {"name": name, "args": args, "id": call_id, "index": 0}
        if not args or args[0] == "{":
            message = AIMessageChunk(
                content="", tool_call_chunks=[{**piece, "type": "tool_call_chunk"}]
            )
            return ChatGenerationChunk(message=message)
        calls.append({**piece, "type": "tool_call_chunk"})
        invalid.append({"name": name, "args": args, "id": call_id, "error": None})
    fresh = {"response_metadata": {}, "tool_calls": [], "invalid_tool_calls": invalid}
    message = unvalidated(
        AIMessageChunk,
        MESSAGE,
        content=text,
        additional_kwargs=extras,
        tool_call_chunks=calls,
        **fresh,
    )
    return unvalidated(ChatGenerationChunk, CHUNK, text=text, message=message)


def _wire(messages: list[Any]) -> list[dict[str, Any]]:
    return [{"role": ROLES[one.type], "content": one.content} for one in messages]


class FloorChatModel(BaseChatModel):
    """The least that LangChain asks of a chat model."""

    base_url: str
    _wire_client: Any = PrivateAttr(default=None)

    @property
    def _llm_type(self) -> str:
        return "floor"

    def _connection(self) -> Wire:
        if self._wire_client is None:
            self._wire_client = Wire(self.base_url)
        return self._wire_client

    def _generate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        text = self._connection().message(_wire(messages))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    async def _agenerate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        text = await self._connection().amessage(_wire(messages))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    def _stream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for delta in self._connection().deltas(_wire(messages)):
            yield _chunk(delta)

    async def _astream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for delta in self._connection().adeltas(_wire(messages)):
            yield _chunk(delta)
