"""Share messages, and their encoding without a request, among the tests of messages."""

from __future__ import annotations

import base64
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from llamaindex_pollinations import _messages
from pollinations_client import snapshot
from pollinations_client._adapter_support import AskedModel

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)


TEXT = TextBlock(text="Look:")
TEXT_PART = {"type": "text", "text": "Look:"}


def wire_messages(
    messages: list[ChatMessage], *, model: str = "", **options: Any
) -> list[dict[str, Any]]:
    """The messages as they are sent to ``model``."""
    return _messages.wire_messages(messages, AskedModel(model, snapshot()), **options)


def tool_turn(*results: Any, calls: int = 1) -> list[ChatMessage]:
    """A question, calls, and their results as given blocks."""
    calls_made = [
        ToolCallBlock(tool_call_id=f"call_{n}", tool_name="draw", tool_kwargs={"of": "a fox"})
        for n in range(1, calls + 1)
    ]
    results_of_tools = [
        ChatMessage(role="tool", blocks=blocks, additional_kwargs={"tool_call_id": f"call_{n}"})
        for n, blocks in enumerate(results, 1)
    ]
    return [
        ChatMessage(role="user", content="Draw."),
        ChatMessage(role="assistant", blocks=calls_made),
        *results_of_tools,
    ]


THOUGHT = ChatMessage(
    role="assistant", blocks=[ThinkingBlock(content="Hm."), TextBlock(text="Yes.")]
)
