"""Agents of ``langchain_classic``, by function calls and by tool calls, under an executor."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_classic.agents import (
    AgentExecutor,
    create_openai_functions_agent,
    create_openai_tools_agent,
    create_tool_calling_agent,
)
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

from pollinations_client.emulator import Answer, Emulator
from support.langchain import tools_named

PROMPT = ChatPromptTemplate.from_messages(
    [("user", "{input}"), MessagesPlaceholder("agent_scratchpad")]
)
GO = {"input": "go"}
PAIRS = [("add", "subtract"), ("get.data", "get data"), ("a" * 65, "天气")]


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize(
    "make_agent",
    [create_openai_functions_agent, create_openai_tools_agent, create_tool_calling_agent],
)
@pytest.mark.parametrize(
    "pair", [("add", "subtract"), ("get.data", "get data"), ("a" * 65, "天气")]
)
def test_an_older_agent_runs_the_tool_that_was_called(
    gateway: Emulator, make: Any, make_agent: Any, streams: bool, pair: tuple[str, str]
) -> None:
    """Blocking, awaited and streamed; its next request has the call and the result."""
    tools, ran = tools_named(*pair)
    llm = make()
    llm.bind_tools(tools).invoke("which tools are there?")
    second = gateway.requests[-1].json["tools"][1]["function"]["name"]
    executor = AgentExecutor(agent=make_agent(llm, tools, PROMPT), tools=tools)
    executor.agent.stream_runnable = streams
    gateway.script(*[Answer(tool_calls=[(second, {})]), Answer("done")] * 3)
    outputs = [
        executor.invoke(GO)["output"],
        asyncio.run(executor.ainvoke(GO))["output"],
        list(executor.stream(GO))[-1]["output"],
    ]
    assert (outputs, ran) == (["done"] * 3, [pair[1]] * 3)
    called, result = gateway.requests[-1].json["messages"][1:]
    call = called.get("function_call") or called["tool_calls"][0]["function"]
    assert call["name"] == second
    assert result["content"] == f"{pair[1]} is done"
