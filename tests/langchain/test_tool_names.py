"""Tools whose names the gateway does not take: LangChain sees their own names only."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_pollinations import ChatPollinations
from pollinations_client.emulator import Answer, Emulator
from support.langchain import tools_named

PAIRS = [("get.data", "get data"), ("天气", "时间"), ("a" * 65, "a" * 66)]


def wire_names(gateway: Emulator) -> list[str]:
    """The names in the last request, in its order."""
    return [tool["function"]["name"] for tool in gateway.requests[-1].json["tools"]]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0][:9])
def test_an_agent_runs_the_tool_that_was_called(
    gateway: Emulator, llm: ChatPollinations, pair: tuple[str, str]
) -> None:
    """And the call goes back in the history as it came."""
    tools, ran = tools_named(*pair)
    llm.bind_tools(tools).invoke("which tools are there?")
    second = wire_names(gateway)[1]
    gateway.script(Answer(tool_calls=[(second, {})]), Answer("done"))
    result = create_agent(llm, tools).invoke({"messages": [HumanMessage("go")]})
    assert ran == [pair[1]]
    assert result["messages"][1].tool_calls[0]["name"] == pair[1]
    history = gateway.requests[-1].json["messages"]
    assert history[1]["tool_calls"][0]["function"]["name"] == second


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0][:9])
def test_streamed_calls_have_the_tools_own_name(
    gateway: Emulator, llm: ChatPollinations, pair: tuple[str, str]
) -> None:
    """In the chunks and in their sum, blocking and awaited."""
    tools, _ = tools_named(*pair)
    bound = llm.bind_tools(tools, tool_choice=pair[1])
    bound.invoke("which tools are there?")
    second = wire_names(gateway)[1]
    assert gateway.requests[-1].json["tool_choice"]["function"]["name"] == second

    async def awaited() -> list[Any]:
        return [chunk async for chunk in bound.astream("go")]

    for run in (lambda: list(bound.stream("go")), lambda: asyncio.run(awaited())):
        gateway.script(Answer(tool_calls=[(second, {})]))
        chunks = run()
        total = chunks[0]
        for chunk in chunks[1:]:
            total += chunk
        assert [call["name"] for call in total.tool_calls] == [pair[1]]
        named = [part["name"] for c in chunks for part in c.tool_call_chunks if part["name"]]
        assert named == [pair[1]]


def test_a_history_with_a_tool_of_another_request_is_sent(llm: ChatPollinations) -> None:
    """Without any tools bound, as when another model goes on with a conversation."""
    call = {"id": "c1", "name": "files/read.all", "args": {}}
    messages = [
        HumanMessage("go"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("x", tool_call_id="c1"),
    ]
    assert llm.invoke(messages).text


def test_a_conversation_of_another_model_has_ids_that_claude_takes(
    gateway: Emulator, llm: ChatPollinations
) -> None:
    """Kimi's ids have other characters, and some models count anew in each turn."""
    messages: list[Any] = [HumanMessage("go")]
    for content in ("first", "second"):
        call = {"id": "functions.read:0", "name": "read", "args": {}}
        messages += [
            AIMessage("", tool_calls=[call]),
            ToolMessage(content, tool_call_id="functions.read:0"),
        ]
    llm.invoke(messages, model="claude")
    sent = gateway.requests[-1].json["messages"]
    ids = [message["tool_calls"][0]["id"] for message in sent if "tool_calls" in message]
    assert ids == ["functions_read_0", "functions_read_0_2"]
    answers = {m["tool_call_id"]: m["content"] for m in sent if m["role"] == "tool"}
    assert answers == dict(zip(ids, ("first", "second"), strict=True))
