"""Tools whose names the gateway does not take: LlamaIndex sees their own names only."""

from __future__ import annotations

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.tools import FunctionTool

from llamaindex_pollinations import Pollinations
from pollinations_client.emulator import Answer, Emulator

PAIRS = [("get.data", "get data"), ("天气", "时间"), ("a" * 65, "a" * 66)]


def tools_named(*names: str) -> tuple[list[FunctionTool], list[str]]:
    """Tools, and a list of those that ran."""
    ran: list[str] = []

    def tool(name: str) -> FunctionTool:
        def run() -> str:
            ran.append(name)
            return f"{name} is done"

        return FunctionTool.from_defaults(run, name=name, description="Run it.")

    return [tool(name) for name in names], ran


def wire_names(gateway: Emulator) -> list[str]:
    """The names in the last request, in its order."""
    return [tool["function"]["name"] for tool in gateway.requests[-1].json["tools"]]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0][:9])
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
async def test_an_agent_runs_the_tool_that_was_called(
    gateway: Emulator, llm: Pollinations, pair: tuple[str, str]
) -> None:
    """And the call goes back in the history as it came."""
    tools, ran = tools_named(*pair)
    llm.chat_with_tools(tools, "which tools are there?")
    second = wire_names(gateway)[1]
    gateway.script(Answer(tool_calls=[(second, {})]), Answer("done"))
    await FunctionAgent(llm=llm, tools=tools).run("go")
    assert ran == [pair[1]]
    history = gateway.requests[-1].json["messages"]
    calls = [message["tool_calls"] for message in history if message.get("tool_calls")]
    assert calls[0][0]["function"]["name"] == second


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0][:9])
def test_calls_have_the_tools_own_name_at_once_and_in_streams(
    gateway: Emulator, llm: Pollinations, pair: tuple[str, str]
) -> None:
    """As blocks and as selections; a choice may name the tool by its own name."""
    tools, _ = tools_named(*pair)
    llm.chat_with_tools(tools, "which tools are there?", tool_choice=pair[1])
    second = wire_names(gateway)[1]
    assert gateway.requests[-1].json["tool_choice"]["function"]["name"] == second
    gateway.script(Answer(tool_calls=[(second, {})]), Answer(tool_calls=[(second, {})]))
    plain = llm.chat_with_tools(tools, "go")
    *_, streamed = llm.stream_chat_with_tools(tools, "go")
    for response in (plain, streamed):
        assert [s.tool_name for s in llm.get_tool_calls_from_response(response)] == [pair[1]]
