"""Tools offered to a model and the calls that it answers with."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    FunctionMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.output_parsers.openai_functions import (
    JsonOutputFunctionsParser,
    PydanticOutputFunctionsParser,
)
from pydantic import BaseModel

from langchain_pollinations import ChatPollinations
from pollinations_client import (
    InvalidRequestError,
    PollinationsError,
    PollinationsWarning,
)
from pollinations_client.emulator import Answer, Body, Chunks, Emulator
from support.langchain import Person, add, asummed, call, chunk, completion, four_ways, summed

NAMED = {"type": "function", "function": {"name": "add"}}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("any", "required"),
        (True, "required"),
        (False, "none"),
        ("add", NAMED),
        (NAMED, NAMED),
        ({"type": "tool", "name": "add"}, NAMED),
        ({"type": "any"}, "required"),
        ({"type": "function", "name": "add"}, NAMED),
    ],
)
def test_every_form_of_tool_choice(gateway: Emulator, make: Any, choice: Any, sent: Any) -> None:
    """LangChain's, OpenAI's, Anthropic's: the gateway knows one."""
    make().bind_tools([add], tool_choice=choice).invoke("Add 1 and 2")
    assert gateway.requests[-1].json["tool_choice"] == sent


def test_a_choice_of_no_tool_names_the_tools(gateway: Emulator, make: Any) -> None:
    """A typo is an error, before anything is sent."""
    with pytest.raises(ValueError, match="add"):
        make().bind_tools([add], tool_choice="ad").invoke("x")
    assert gateway.requests == []


def test_a_model_that_refuses_a_forced_choice_is_left_to_choose(
    gateway: Emulator, make: Any
) -> None:
    """With a warning that says so."""
    refusal = {
        "error": {
            "code": "BAD_REQUEST",
            "message": "tool_choice 'required' is not supported by this model",
        }
    }
    gateway.script(Body(refusal, status=400))
    with pytest.warns(PollinationsWarning, match="forced tool choice"):
        make().bind_tools([add], tool_choice="any").invoke("Add 1 and 2")
    assert [request.json["tool_choice"] for request in gateway.requests] == ["required", "auto"]


def test_parallel_tool_calls_and_strict_schemas_reach_the_wire(
    gateway: Emulator, make: Any
) -> None:
    """Both reach the wire; without tools neither does."""
    make().bind_tools([add], parallel_tool_calls=False, strict=True).invoke("Add 1 and 2")
    sent = gateway.requests[-1].json
    assert sent["parallel_tool_calls"] is False
    function = sent["tools"][0]["function"]
    assert function["strict"] is True
    assert function["parameters"]["additionalProperties"] is False


@pytest.mark.parametrize("entry", [{"index": 0}, {}, {"index": "0"}])
def test_repeated_missing_and_odd_indices_keep_calls_apart(
    gateway: Emulator, make: Any, entry: Any
) -> None:
    """Two calls, as several providers send them."""
    calls = [
        {
            **entry,
            "id": f"call_{n}",
            "type": "function",
            "function": {"name": "add", "arguments": f'{{"a": {n}}}'},
        }
        for n in (1, 2)
    ]
    gateway.script(
        Chunks(
            [
                chunk({"tool_calls": [calls[0]]}),
                chunk({"tool_calls": [calls[1]]}),
                chunk({}, "stop"),
            ]
        )
    )
    message = summed(make().bind_tools([add]).stream("x"))
    assert [(call["id"], call["args"]) for call in message.tool_calls] == [
        ("call_1", {"a": 1}),
        ("call_2", {"a": 2}),
    ]
    assert message.invalid_tool_calls == []


@pytest.mark.parametrize("tool", ["google_search", {"type": "google_search"}])
def test_built_in_tools_by_name_or_form(gateway: Emulator, make: Any, tool: Any) -> None:
    """Beside functions."""
    gateway.script(Answer(text="Found."))
    make("gemini").bind_tools([tool, add]).invoke("x")
    tools = gateway.requests[-1].json["tools"]
    assert tools[0] == {"type": "google_search"}
    assert tools[1]["function"]["name"] == "add"


def test_what_a_providers_tool_did_is_a_block(gateway: Emulator, make: Any) -> None:
    """As LangChain's server tool blocks, sent back as the provider wrote them."""
    ran = {"type": "executable_code", "executable_code": {"language": "PYTHON", "code": "1+1"}}
    result = {
        "type": "code_execution_result",
        "code_execution_result": {"outcome": "OUTCOME_FAILED", "output": "?"},
    }
    gateway.script(Answer(content_blocks=[ran, result, {"type": "text", "text": "Two."}]))
    turn = make("gemini").invoke("x")
    kinds = [block["type"] for block in turn.content_blocks]
    assert kinds == ["server_tool_call", "server_tool_result", "text"]
    assert turn.content_blocks[1]["status"] == "error"
    make("gemini").invoke([HumanMessage("x"), turn, HumanMessage("y")])
    sent = gateway.requests[-1].json["messages"][1]
    assert sent["content_blocks"] == [ran, result]
    assert sent["content"] == "Two."


def test_a_schema_without_a_title_and_tools_as_they_are(gateway: Emulator, make: Any) -> None:
    """Neither needs to be prepared by hand."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    for method in ("json_schema", "function_calling"):
        assert make().with_structured_output(schema, method=method).invoke("He is 'Ada'.") == {
            "name": "Ada"
        }

    def double(x: int) -> int:
        """Double a number."""
        return 2 * x

    for answer in (
        make().invoke("Double 3", tools=[double]),
        make().bind(tools=[add, double]).invoke("Double 3"),
    ):
        assert answer.tool_calls[0]["args"]
    with pytest.raises(ValueError, match=r"tools\[0\]: int is no tool"):
        make().bind_tools([3])
    for method in ("json_schema", "function_calling"):
        with pytest.raises(PollinationsError, match="schema: int cannot"):
            make().with_structured_output(3, method=method)


def test_invalid_calls_go_back_answered_or_as_text(gateway: Emulator, make: Any) -> None:
    """Providers refuse calls without results and arguments that are no JSON; nothing of them is
    lost.
    """
    gateway.script(
        Answer(
            tool_calls=[
                {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a'}}
            ]
        )
    )
    turn = make().invoke("x")
    assert turn.invalid_tool_calls[0]["error"]
    make().invoke([HumanMessage("x"), turn, HumanMessage("y")])
    sent = gateway.requests[-1].json["messages"][1]
    assert "tool_calls" not in sent
    assert '{"a' in sent["content"]
    make().bind_tools([add]).invoke(
        [HumanMessage("x"), turn, ToolMessage("bad JSON", tool_call_id="c1")]
    )
    call = gateway.requests[-1].json["messages"][1]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"invalid_arguments": '{"a'}


@pytest.mark.parametrize("arguments", ['{"a": 1', '{"a": }', '{"a": "b', "", '{"a": [1, {"b": "\\'])
def test_bad_arguments_stay_bad_in_streams(gateway: Emulator, make: Any, arguments: str) -> None:
    """LangChain repairs partial JSON; a call that the model never finished must not be made."""
    call = {
        "index": 0,
        "id": "c1",
        "type": "function",
        "function": {"name": "add", "arguments": arguments},
    }
    gateway.script(Chunks([chunk({"tool_calls": [call]}), chunk({}, "length")]))
    message = summed(make().bind_tools([add]).stream("x"))
    assert message.tool_calls == []
    assert message.invalid_tool_calls[0]["name"] == "add"
    assert message.invalid_tool_calls[0]["args"].startswith(arguments)


def increment(x: int) -> int:
    """Adds one."""
    return x + 1


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (
            [[call(0, "a", "increment", '{"x":1}')], [call(0, "b", "increment", '{"x":2}')]],
            [{"x": 1}, {"x": 2}],
        ),
        (
            [
                [call(None, "a", "increment", '{"x"')],
                [call(None, arguments=":1}")],
                [call(None, "b", "increment", '{"x":2}')],
            ],
            [{"x": 1}, {"x": 2}],
        ),
        ([[call("0", "a", "increment", '{"x"')], [call(0, arguments=":1}")]], [{"x": 1}]),
        (
            [
                [call(0, "a", "increment", ""), call(1, "b", "increment", "")],
                [call(1, arguments='{"x":2}')],
                [call(0, arguments='{"x":1}')],
            ],
            [{"x": 1}, {"x": 2}],
        ),
    ],
)
def test_parallel_tool_calls_are_kept_apart(
    gateway: Emulator, make: Any, entries: Any, expected: Any
) -> None:
    """Equal, missing and textual indices."""
    script = Chunks([*(chunk({"tool_calls": entry}) for entry in entries), chunk({}, "tool_calls")])
    gateway.script(script, script)
    llm = make().bind_tools([increment])
    message = summed(llm.stream("x"))
    assert [call["args"] for call in message.tool_calls] == expected
    assert [call["args"] for call in asyncio.run(asummed(llm.astream("y"))).tool_calls] == expected
    assert message.invalid_tool_calls == []


@pytest.mark.parametrize("arguments", ['{"x": 1', '{"x": "a', '{"x": [1', "", '{"x": "a\\'])
def test_cut_arguments_never_become_a_call(gateway: Emulator, make: Any, arguments: str) -> None:
    """Plain and streamed: a repaired call would be one the model never made."""
    gateway.script(
        Chunks([chunk({"tool_calls": [call(0, "a", "increment", arguments)]}), chunk({}, "length")])
    )
    gateway.script(
        Answer(
            tool_calls=[
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "increment", "arguments": arguments},
                }
            ],
            finish_reason="length",
        )
    )
    llm = make().bind_tools([increment])
    for message in (summed(llm.stream("x")), llm.invoke("x")):
        assert message.tool_calls == []
        assert message.invalid_tool_calls[0]["name"] == "increment"


@pytest.mark.parametrize("arguments", ["[1]", "not json", '"text"'])
def test_arguments_that_are_no_object_are_invalid_calls(
    gateway: Emulator, make: Any, arguments: str
) -> None:
    """With the text kept."""
    entry = {
        "id": "a",
        "type": "function",
        "function": {"name": "increment", "arguments": arguments},
    }
    gateway.script(
        Answer(tool_calls=[entry]),
        Chunks(
            [chunk({"tool_calls": [call(0, "a", "increment", arguments)]}), chunk({}, "tool_calls")]
        ),
    )
    llm = make().bind_tools([increment])
    for message in (llm.invoke("x"), summed(llm.stream("x"))):
        assert (message.tool_calls, message.invalid_tool_calls[0]["args"]) == ([], arguments)


def test_bind_tools_without_tools_sends_none(gateway: Emulator, llm: ChatPollinations) -> None:
    """``create_agent`` does so with native structured output."""
    llm.bind_tools(
        [],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "P", "schema": Person.model_json_schema()},
        },
    ).invoke("x")
    assert "tools" not in gateway.requests[-1].json
    assert gateway.requests[-1].json["response_format"]["json_schema"]["name"] == "P"


def whole_call(name: str, arguments: str, call_id: str = "call_1") -> dict[str, Any]:
    """A call of a tool, as the gateway spells it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize("arguments", ["[1]", '"a"', "5", "true"])
def test_arguments_that_are_no_object_are_invalid_in_events_too(
    gateway: Emulator, make: Any, arguments: str
) -> None:
    """LangChain's events would take any JSON for arguments, and fail."""
    gateway.script(Answer(tool_calls=[whole_call("add", arguments), whole_call("add", "{}", "c2")]))
    output = make().stream_events("x", version="v3").output
    assert [call["id"] for call in output.invalid_tool_calls] == ["call_1"]
    assert [call["args"] for call in output.tool_calls] == [{}]


FUNCTION = {
    "name": "find",
    "description": "Find.",
    "parameters": {"type": "object", "properties": {}},
}


@pytest.mark.parametrize(
    ("tool", "sent"),
    [
        ({"type": "function", **FUNCTION}, {"type": "function", "function": FUNCTION}),
        ({"google_search": {}}, {"type": "google_search"}),
        ({"code_execution": None}, {"type": "code_execution"}),
    ],
)
def test_tools_come_in_the_forms_of_other_packages(
    gateway: Emulator, make: Any, tool: Any, sent: Any
) -> None:
    """OpenAI's flat form of a function, Google's of its own tools."""
    gateway.script(Answer(text="Found."))
    make("gemini").bind_tools([tool]).invoke("x")
    assert gateway.requests[-1].json["tools"] == [sent]


@pytest.mark.parametrize("strict", [None, True])
@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "custom", "name": "note", "description": "A note."},
        {"type": "custom", "custom": {"name": "note"}},
        {"type": "mcp", "server_label": "a", "server_url": "https://a.example"},
    ],
)
def test_a_tool_of_unknown_type_is_no_function(
    gateway: Emulator, make: Any, tool: Any, strict: Any
) -> None:
    """It goes as it is, for the gateway to take or to refuse."""
    gateway.script(Body(completion("Noted.")))
    make().bind_tools([tool], strict=strict).invoke("x")
    assert gateway.requests[-1].json["tools"] == [tool]


def test_strict_holds_for_tools_that_are_dictionaries(gateway: Emulator, make: Any) -> None:
    """Unless one says for itself."""
    own = {"type": "function", "function": {**FUNCTION, "name": "seek", "strict": False}}
    tools = [{"type": "function", "function": FUNCTION}, own]
    make().bind_tools(tools, strict=True).invoke("x")
    first, second = (tool["function"] for tool in gateway.requests[-1].json["tools"])
    assert (first["strict"], first["parameters"]["additionalProperties"], second["strict"]) == (
        True,
        False,
        False,
    )


class Guest(BaseModel):
    """A person."""

    name: str
    age: int | None = None


def test_arguments_that_a_program_has_put_in_are_written_out(gateway: Emulator, make: Any) -> None:
    """Dates, models: a person in the loop, or a tool's schema, may have made them."""
    turn = AIMessage(
        "",
        tool_calls=[
            {"name": "add", "args": {"on": date(2026, 1, 2), "who": Guest(name="Ada")}, "id": "1"}
        ],
    )
    make().bind_tools([add]).invoke([HumanMessage("x"), turn, ToolMessage("2", tool_call_id="1")])
    sent = gateway.requests[-1].json["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(sent) == {"on": "2026-01-02", "who": {"name": "Ada", "age": None}}


OLDER = {"functions": [Person], "function_call": {"name": "Person"}}
ANN = {"name": "Person", "arguments": '{"name": "Ann", "age": 3}'}
CALLS_ANN = (
    Chunks([chunk({"function_call": ANN}), chunk({}, "function_call")]),
    Answer(tool_calls=[("Person", {"name": "Ann", "age": 3})]),
)


@pytest.mark.parametrize("script", CALLS_ANN, ids=["as a function call", "as a tool call"])
def test_an_older_function_call_is_kept_in_its_older_place(
    llm: ChatPollinations, gateway: Emulator, script: Any
) -> None:
    """In each way of calling, whichever form the provider answers in."""
    for answer in four_ways(gateway, llm.bind(**OLDER), script):
        function = answer.additional_kwargs["function_call"]
        assert function["name"] == "Person"
        assert json.loads(function["arguments"]) == {"name": "Ann", "age": 3}
        assert [call["args"] for call in answer.tool_calls] == [{"name": "Ann", "age": 3}]
    assert gateway.requests[-1].json["functions"][0]["name"] == "Person"
    gateway.script(script)
    answer = llm.bind(**OLDER).stream_events("x", version="v3").output
    assert answer.additional_kwargs["function_call"]["name"] == "Person"


def test_an_older_function_call_is_streamed_in_pieces(
    llm: ChatPollinations, gateway: Emulator
) -> None:
    """They add up to its name, once, and its arguments."""
    pieces = [
        chunk({"function_call": {"name": "Person", "arguments": '{"name": "Ann"'}}),
        chunk({"function_call": {"arguments": ', "age": 3}'}}),
        chunk({}, "function_call"),
    ]
    gateway.script(Chunks(pieces))
    answer = summed(llm.bind(**OLDER).stream("x"))
    assert answer.additional_kwargs["function_call"] == ANN


def test_parsers_of_function_calls_read_them(llm: ChatPollinations, gateway: Emulator) -> None:
    """Those of langchain-core, invoked and streamed; the emulator heeds the forced function."""
    bound = llm.bind(**OLDER)
    chain = bound | JsonOutputFunctionsParser()
    assert chain.invoke("Ann").keys() == {"name", "age"}
    assert list(chain.stream("Ann"))[-1].keys() == {"name", "age"}
    person = (bound | PydanticOutputFunctionsParser(pydantic_schema=Person)).invoke("Ann")
    assert isinstance(person, Person)


@pytest.mark.parametrize("streams", [False, True])
def test_a_function_message_stands_behind_the_older_form(
    llm: ChatPollinations, gateway: Emulator, streams: bool
) -> None:
    """A tool's message stands behind a tool call, and a call that nobody answered is older too."""
    bound = llm.bind(**OLDER)
    gateway.script(CALLS_ANN[0])
    answer = summed(bound.stream("x")) if streams else bound.invoke("x")
    bound.invoke([HumanMessage("x"), answer, FunctionMessage("done", name="Person")])
    turn, result = gateway.requests[-1].json["messages"][1:]
    assert turn["function_call"] == ANN
    assert "tool_calls" not in turn
    assert result == {"role": "function", "name": "Person", "content": "done"}
    llm.invoke([HumanMessage("x"), answer, HumanMessage("y")])
    assert gateway.requests[-1].json["messages"][1]["function_call"] == ANN
    call_id = answer.tool_calls[0]["id"]
    llm.invoke([HumanMessage("x"), answer, ToolMessage("done", tool_call_id=call_id)])
    turn = gateway.requests[-1].json["messages"][1]
    assert turn["tool_calls"][0]["function"] == {
        "name": "Person",
        "arguments": '{"name": "Ann", "age": 3}',
    }
    assert "function_call" not in turn


def test_calls_of_tools_have_no_older_form(llm: ChatPollinations, gateway: Emulator) -> None:
    """It is told where functions were sent."""
    for answer in four_ways(gateway, llm.bind_tools([Person]), CALLS_ANN[1]):
        assert "function_call" not in answer.additional_kwargs


def test_what_is_no_function_is_refused_by_its_place(llm: ChatPollinations) -> None:
    """A built-in tool goes among the tools."""
    with pytest.raises(InvalidRequestError, match=r"functions\[1\].*'tools'"):
        llm.bind(functions=[Person, "google_search"]).invoke("x")
