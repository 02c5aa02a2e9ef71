"""Share the eight public calls as one function, and chunks of streams, among LlamaIndex tests."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from llama_index.core.llms import ChatMessage

CHAT_WAYS = ("chat", "achat", "stream_chat", "astream_chat")
COMPLETION_WAYS = ("complete", "acomplete", "stream_complete", "astream_complete")


async def responses_of(llm: Any, way: str, prompt: Any, **options: Any) -> list[Any]:
    """All responses of one of the eight public calls; the last one is the answer."""
    if way in CHAT_WAYS and isinstance(prompt, str):
        prompt = [ChatMessage(role="user", content=prompt)]
    answered = getattr(llm, way)(prompt, **options)
    if isinstance(answered, Awaitable):
        answered = await answered
    if hasattr(answered, "__aiter__"):
        return [response async for response in answered]
    return list(answered) if "stream" in way else [answered]


def text_of(response: Any) -> str | None:
    """The answer's text, of a chat response or a completion."""
    text: str | None = response.message.content if hasattr(response, "message") else response.text
    return text


def blocks_of(response: Any, kind: type) -> list[Any]:
    """The blocks of one kind in a chat response."""
    return [block for block in response.message.blocks if isinstance(block, kind)]


def delta(
    finish: str | None = None, usage: Any = None, top: dict[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    """A chunk of a stream with one choice."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "openai/gpt-5.4-nano",
        "choices": [{"index": 0, "delta": fields, "finish_reason": finish}],
        **({"usage": usage} if usage else {}),
        **(top or {}),
    }


def fragment(index: int | None, **fields: Any) -> dict[str, Any]:
    """One entry of a delta's ``tool_calls``; ``name`` and ``arguments`` go into its function."""
    function = {name: fields.pop(name) for name in ("name", "arguments") if name in fields}
    return {**({} if index is None else {"index": index}), **fields, "function": function}


USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
TAIL = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [],
    "usage": USAGE,
}
