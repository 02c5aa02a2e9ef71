"""Names of tools: what they are on the wire, and that every call comes back under its own name."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollinations_client import AsyncPollinationsClient, Finished, PollinationsClient, ToolCallDelta
from pollinations_client.emulator import Answer, Emulator
from pollinations_client.request.chat_request import chat_body
from pollinations_client.request.tool_names import ToolNames

VALID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
CLASHES = [
    ["get.data", "get data"],
    ["get_data", "get.data"],
    ["天气", "时间"],
    ["a" * 65, "a" * 66],
    ["server/" + "x" * 70 + "/read", "server/" + "x" * 70 + "/write"],
]


def tool(name: str) -> dict[str, Any]:
    """A function tool without arguments."""
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


@given(
    st.lists(
        st.text(max_size=80) | st.sampled_from([name for pair in CLASHES for name in pair]),
        unique=True,
    )
)
def test_wire_names_are_valid_distinct_and_read_back(names: list[str]) -> None:
    """For any names, in any order."""
    mapping = ToolNames.of(names)
    wire = [mapping.encode(name) for name in names]
    assert len(set(wire)) == len(names)
    assert all(VALID.fullmatch(name) for name in wire)
    assert [mapping.decode(name) for name in wire] == names
    backwards = ToolNames.of(reversed(names))
    assert [backwards.encode(name) for name in names] == wire


def test_names_without_a_clash_are_only_made_valid() -> None:
    """A valid name stays, another one loses nothing but its bad characters."""
    names = ToolNames.of(["get_data", "list files", "x" * 64])
    assert [names.encode(name) for name in ("get_data", "list files", "x" * 64)] == [
        "get_data",
        "list_files",
        "x" * 64,
    ]


def test_calls_of_a_tool_that_is_not_offered_any_more_are_sent_validly() -> None:
    """A history may name tools of an earlier turn; they take no offered tool's name."""
    names = ToolNames.of(["get.data"])
    assert names.encode("old.tool") == "old_tool"
    assert VALID.fullmatch(names.encode("get data"))
    assert names.encode("get data") != names.encode("get.data") == "get_data"


@pytest.mark.parametrize("pair", CLASHES, ids=lambda pair: pair[0][:12])
def test_tools_history_and_choice_use_one_name(pair: list[str]) -> None:
    """The name of a tool is the same wherever a request says it."""
    first, second = pair
    call = {"id": "c1", "type": "function", "function": {"name": second, "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": second, "content": "done"},
    ]
    options = {"tools": [tool(first), tool(second)], "tool_choice": second}
    body, names = chat_body(messages, options, stream=False)
    sent = [entry["function"]["name"] for entry in body["tools"]]
    assert len(set(sent)) == 2
    assert all(VALID.fullmatch(name) for name in sent)
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == sent[1]
    assert body["tool_choice"]["function"]["name"] == sent[1]
    assert [names.decode(name) for name in sent] == pair


def test_deprecated_functions_have_one_name_too() -> None:
    """In ``functions``, ``function_call`` and the history."""
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "function_call": {"name": "get data", "arguments": "{}"}},
        {"role": "function", "name": "get data", "content": "done"},
    ]
    functions = [{"name": "get.data"}, {"name": "get data"}]
    options = {"functions": functions, "function_call": {"name": "get data"}}
    body, _ = chat_body(messages, options, stream=False)
    name = body["functions"][1]["name"]
    assert name != body["functions"][0]["name"]
    assert body["function_call"] == {"name": name}
    assert body["messages"][1]["function_call"]["name"] == name == body["messages"][2]["name"]


@pytest.mark.parametrize("pair", CLASHES, ids=lambda pair: pair[0][:12])
def test_a_call_comes_back_under_the_tools_own_name(gateway: Emulator, pair: list[str]) -> None:
    """At once and as a stream, blocking and awaited."""
    tools = [tool(name) for name in pair]
    wire_name = ToolNames.of(pair).encode(pair[1])

    def script() -> None:
        gateway.script(Answer(tool_calls=[(wire_name, {"x": 1})]))

    with PollinationsClient(base_url=gateway.url) as client:
        script()
        assert [call.name for call in client.chat("go", tools=tools).tool_calls] == [pair[1]]
        script()
        events = list(client.stream_chat("go", tools=tools))
    names = [event.name for event in events if isinstance(event, ToolCallDelta) and event.name]
    assert names == [pair[1]]
    assert isinstance(events[-1], Finished)
    assert events[-1].reply.tool_calls[0].name == pair[1]

    async def awaited() -> list[str]:
        async with AsyncPollinationsClient(base_url=gateway.url) as client:
            script()
            reply = await client.chat("go", tools=tools)
            script()
            *_, last = [event async for event in client.stream_chat("go", tools=tools)]
        assert isinstance(last, Finished)
        return [reply.tool_calls[0].name, last.reply.tool_calls[0].name]

    assert asyncio.run(awaited()) == [pair[1], pair[1]]


@pytest.mark.parametrize(
    ("name", "sent"),
    [("Page[int]", "Page_int_"), ("Weather report", "Weather_report"), ("a-b_1", "a-b_1")],
)
def test_a_schemas_name_is_one_that_providers_take(name: str, sent: str, gateway: Emulator) -> None:
    """OpenAI has the rule of tools' names for it; what was given is not changed."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    response_format = {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}
    client = PollinationsClient(api_key="sk_demo", base_url=gateway.url)
    client.chat("JSON with n 3", model="openai", response_format=response_format)
    assert gateway.requests[-1].json["response_format"]["json_schema"]["name"] == sent
    assert response_format["json_schema"]["name"] == name
