"""Corners where LangChain's own machinery meets the gateway's ways: each was met with a real program."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from pollinations_client.emulator import Body, Emulator


def summed(chunks: Any) -> AIMessageChunk:
    """A stream as its one message."""
    whole = None
    for one in chunks:
        whole = one if whole is None else whole + one
    assert isinstance(whole, AIMessageChunk)
    return whole


def said(content: Any = "ok", finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A whole answer of the gateway, always under the same id."""
    message = {"role": "assistant", "content": content, **message}
    used = {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "same", "object": "chat.completion", "created": 1, "model": "served", "choices": [choice], "usage": used}


def calling(name: str, arguments: str, call_id: str = "call_1") -> dict[str, Any]:
    """A call of a tool, as the gateway spells it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


@tool
def add(a: int) -> int:
    """Add one."""
    return a + 1


def test_answers_of_one_id_stay_messages_of_their_own(gateway: Emulator, make: Any) -> None:
    """The gateway's cache repeats ids, and a graph replaces a message by another of the same id."""
    gateway.script(Body(said(None, "tool_calls", tool_calls=[calling("add", '{"a": 1}')])), Body(said("Two.")))
    agent = create_agent(make(), tools=[add], checkpointer=InMemorySaver())
    turns = agent.invoke({"messages": [("user", "1+1?")]}, {"configurable": {"thread_id": "1"}})["messages"]
    assert [turn.type for turn in turns] == ["human", "ai", "tool", "ai"]
    assert turns[1].response_metadata["id"] == turns[3].response_metadata["id"] == "same"
