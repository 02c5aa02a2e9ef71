"""What the LangChain tests share: scripted answers, streams as one message, tools, schemas."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.tools import StructuredTool, tool
from pydantic import BaseModel

from pollinations_client.emulator import Emulator

KEY = "sk_demo_0123456789abcdef"


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **top: Any) -> dict[str, Any]:
    """One chunk of a script; without a delta it has no choices."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "served",
        "choices": choices,
        **top,
    }


def call(
    index: int | str | None, id: str | None = None, name: str | None = None, arguments: Any = None
) -> dict[str, Any]:
    """A tool-call fragment of a streamed delta."""
    function = {
        key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None
    }
    return {
        key: value
        for key, value in (("index", index), ("id", id), ("function", function))
        if value is not None
    }


def agent_call(**arguments: Any) -> dict[str, Any]:
    """A call of a tool as an agent makes it."""
    return {"type": "tool_call", "name": "generate_image", "id": "call_1", "args": arguments}


def answer_of(tool: Any, sync: bool = True, **arguments: Any) -> ToolMessage:
    """A tool's answer to an agent's call, either way."""
    call = {**agent_call(**arguments), "name": tool.name}
    message = tool.invoke(call) if sync else asyncio.run(tool.ainvoke(call))
    assert isinstance(message, ToolMessage)
    return message


def summed(chunks: Any) -> AIMessageChunk:
    """A stream as its one message."""
    total = None
    for part in chunks:
        total = part if total is None else total + part
    assert isinstance(total, AIMessageChunk)
    return total


async def asummed(chunks: Any) -> AIMessageChunk:
    """An async stream as its one message."""
    return summed([part async for part in chunks])


def four_ways(gateway: Emulator, llm: Any, script: Any, prompt: Any = "x") -> list[AIMessage]:
    """The same scripted answer: invoked and streamed, sync and async."""
    ways = (
        lambda: llm.invoke(prompt),
        lambda: summed(llm.stream(prompt)),
        lambda: asyncio.run(llm.ainvoke(prompt)),
        lambda: asyncio.run(asummed(llm.astream(prompt))),
    )
    answers = []
    for way in ways:
        gateway.script(script)
        answers.append(way())
    return answers


@tool
def add(a: int, b: int = 0) -> int:
    """Add two numbers."""
    return a + b


class Person(BaseModel):
    """A person."""

    name: str
    age: int


USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 4,
    "total_tokens": 9,
    "completion_tokens_details": {"reasoning_tokens": 2},
    "prompt_tokens_details": {"cached_tokens": 3},
}


REASONING_HELLO_AND_CALL = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "I "}),
    chunk({"reasoning_content": "think"}),
    chunk({"content": "Hel"}),
    chunk({"content": "lo"}),
    chunk({"tool_calls": [call(0, "call_1", "increment", "")]}),
    chunk({"tool_calls": [call(0, arguments='{"x": ')]}),
    chunk({"tool_calls": [call(0, arguments="3}")]}),
    chunk({}, "tool_calls"),
    chunk(None, usage=USAGE),
]


def increment(x: int) -> int:
    """Adds one."""
    return x + 1


def completion(content: Any = "ok", finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A whole answer of the gateway, always under the same id."""
    message = {"role": "assistant", "content": content, **message}
    used = {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
    top = {
        "id": "same",
        "object": "chat.completion",
        "created": 1,
        "model": "served",
        "usage": used,
    }
    return {**top, "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def tools_named(*names: str) -> tuple[list[StructuredTool], list[str]]:
    """Tools, and the list that tells which of them ran."""
    ran: list[str] = []

    def tool(name: str) -> StructuredTool:
        def run() -> str:
            """Run it."""
            ran.append(name)
            return f"{name} is done"

        return StructuredTool.from_function(run, name=name)

    return [tool(name) for name in names], ran


class Node(BaseModel):
    """A node of a tree."""

    name: str
    children: list[Node] = []
