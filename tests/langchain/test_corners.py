"""Corners where LangChain's own machinery meets the gateway's ways: each was met with a real
program.
"""

from __future__ import annotations

import asyncio
import copy
import json
from datetime import date
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core import exceptions
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.exceptions import ModelError, OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.messages.content import KNOWN_BLOCK_TYPES
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from langchain_pollinations._structured_output import RefusedAnswer
from pollinations_client.emulator import Answer, Body, Chunks, Emulator


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
    top = {
        "id": "same",
        "object": "chat.completion",
        "created": 1,
        "model": "served",
        "usage": used,
    }
    return {**top, "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def chunk(delta: dict[str, Any], finish: str | None = None, **top: Any) -> dict[str, Any]:
    """One chunk of a script."""
    return {
        "id": "same",
        "model": "served",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **top,
    }


def calling(name: str, arguments: str, call_id: str = "call_1") -> dict[str, Any]:
    """A call of a tool, as the gateway spells it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


@tool
def add(a: int) -> int:
    """Add one."""
    return a + 1


def test_answers_of_one_id_stay_messages_of_their_own(gateway: Emulator, make: Any) -> None:
    """The gateway's cache repeats ids, and a graph replaces a message by another of the same id."""
    gateway.script(
        Body(said(None, "tool_calls", tool_calls=[calling("add", '{"a": 1}')])), Body(said("Two."))
    )
    agent = create_agent(make(), tools=[add], checkpointer=InMemorySaver())
    turns = agent.invoke({"messages": [("user", "1+1?")]}, {"configurable": {"thread_id": "1"}})[
        "messages"
    ]
    assert [turn.type for turn in turns] == ["human", "ai", "tool", "ai"]
    assert turns[1].response_metadata["id"] == turns[3].response_metadata["id"] == "same"


def test_a_stream_counts_tokens_where_invoke_does(gateway: Emulator, make: Any) -> None:
    """``response_metadata`` of a summed stream is that of the whole answer."""
    plain, streamed = make().invoke("hi"), summed(make().stream("hi"))
    assert streamed.response_metadata["token_usage"] == plain.response_metadata["token_usage"]
    assert streamed.response_metadata.keys() == plain.response_metadata.keys()


@pytest.mark.parametrize("arguments", ["[1]", '"a"', "5", "true"])
def test_arguments_that_are_no_object_are_invalid_in_events_too(
    gateway: Emulator, make: Any, arguments: str
) -> None:
    """LangChain's events would take any JSON for arguments, and fail."""
    gateway.script(Answer(tool_calls=[calling("add", arguments), calling("add", "{}", "c2")]))
    output = make().stream_events("x", version="v3").output
    assert [call["id"] for call in output.invalid_tool_calls] == ["call_1"]
    assert [call["args"] for call in output.tool_calls] == [{}]


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_encrypted_thinking_keeps_its_place_in_streams(
    gateway: Emulator, make: Any, version: str
) -> None:
    """Before the text that it led to, as in a whole answer."""
    thought, text = {"index": 0, "delta": {"data": "xx"}}, {"index": 1, "delta": {"text": "Four."}}
    chunks = [
        chunk({"content_blocks": [thought]}),
        chunk({"content": "Four.", "content_blocks": [text]}),
    ]
    gateway.script(Chunks([*chunks, chunk({}, "stop")]))
    llm = make("claude", output_version="v1")
    turn = (
        llm.stream_events("x", version="v3").output if version == "v3" else summed(llm.stream("x"))
    )
    assert [block["type"] for block in turn.content] == ["reasoning", "text"]
    assert turn.content[0]["extras"] == {"redacted": "xx"}


@pytest.mark.parametrize("version", ["v0", "v1", "v3"])
def test_a_signature_that_comes_with_its_call_stands_in_the_block(
    gateway: Emulator, make: Any, version: str
) -> None:
    """Once, in every form."""
    signed = {
        **calling("add", '{"a": 1}'),
        "extra_content": {"google": {"thought_signature": "sig"}},
    }
    gateway.script(Answer(tool_calls=[signed]))
    llm = make("gemini", output_version="v1" if version == "v1" else "v0")
    turn = (
        llm.stream_events("x", version="v3").output if version == "v3" else summed(llm.stream("x"))
    )
    assert turn.content_blocks[-1]["type"] == "tool_call"
    assert turn.content_blocks[-1]["extras"] == {
        "extra_content": {"google": {"thought_signature": "sig"}}
    }


FUNCTION = {
    "name": "find",
    "description": "Find.",
    "parameters": {"type": "object", "properties": {}},
}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"type": "function", **FUNCTION}, {"type": "function", "function": FUNCTION}),
        ({"google_search": {}}, {"type": "google_search"}),
        ({"code_execution": None}, {"type": "code_execution"}),
    ],
)
def test_tools_come_in_the_forms_of_other_packages(
    gateway: Emulator, make: Any, given: Any, sent: Any
) -> None:
    """OpenAI's flat form of a function, Google's of its own tools."""
    gateway.script(Answer(text="Found."))
    make("gemini").bind_tools([given]).invoke("x")
    assert gateway.requests[-1].json["tools"] == [sent]


def test_strict_holds_for_tools_that_are_dictionaries(gateway: Emulator, make: Any) -> None:
    """Unless one says for itself."""
    own = {"type": "function", "function": {**FUNCTION, "name": "seek", "strict": False}}
    given = [{"type": "function", "function": FUNCTION}, own]
    make().bind_tools(given, strict=True).invoke("x")
    first, second = (tool["function"] for tool in gateway.requests[-1].json["tools"])
    assert (first["strict"], first["parameters"]["additionalProperties"], second["strict"]) == (
        True,
        False,
        False,
    )


@pytest.mark.parametrize("n", [0, 17, True, "2"])
def test_how_many_answers_is_checked_in_a_call_too(gateway: Emulator, make: Any, n: Any) -> None:
    """Zero is no way to leave it out."""
    with pytest.raises(ValueError, match="n: 1 to 16"):
        make().invoke("x", n=n)
    assert gateway.requests == []


class Person(BaseModel):
    """A person."""

    name: str
    age: int | None = None


METHODS = ["function_calling", "json_schema", "json_mode"]


def last_of(parsed: Any) -> Any:
    """The last item of a stream."""
    return list(parsed)[-1]


@pytest.mark.parametrize("schema", [Person, Person.model_json_schema()])
@pytest.mark.parametrize("method", METHODS)
def test_a_cut_answer_is_no_answer_even_where_it_would_pass(
    gateway: Emulator, make: Any, method: str, schema: Any
) -> None:
    """Half a name is not a name: in streams the end says so, and beside the raw message too."""
    for include_raw in (False, True):
        llm = make().with_structured_output(schema, method=method, include_raw=include_raw)
        for way in (llm.invoke, lambda prompt, llm=llm: last_of(llm.stream(prompt))):
            gateway.script(Answer(text='{"name": "Ad', finish_reason="length"))
            if include_raw:
                given = way("x")
                assert given["parsed"] is None
                assert "max_tokens" in str(given["parsing_error"])
            else:
                with pytest.raises(OutputParserException, match="max_tokens"):
                    way("x")


@pytest.mark.parametrize("method", METHODS)
def test_a_stream_that_holds_no_structure_says_so_in_the_end(
    gateway: Emulator, make: Any, method: str
) -> None:
    """Sync and async; ChatOpenAI's ends without a word."""
    llm = make().with_structured_output(Person, method=method)

    async def streamed() -> list[Any]:
        return [one async for one in llm.astream("x")]

    for text in ("I would rather not.", '{"nam": "Ada"}', ""):
        for way in (lambda: list(llm.stream("x")), lambda: asyncio.run(streamed())):
            gateway.script(Body(said(text)))
            with pytest.raises(ValueError, match=r"structure|validation"):
                way()


def test_thoughts_in_any_tag_are_no_answer(gateway: Emulator, make: Any) -> None:
    """Whatever JSON stands in them."""
    for tag in ("think", "thinking", "reasoning"):
        gateway.script(Answer(text=f'So. <{tag}>{{"name": "Bob"}}</{tag}> {{"name": "Ada"}}'))
        assert make().with_structured_output(Person, method="json_schema").invoke("x") == Person(
            name="Ada"
        )


@pytest.mark.parametrize("method", METHODS)
def test_a_refusal_is_langchains_error_and_its_block(
    gateway: Emulator, make: Any, method: str
) -> None:
    """Both names of the error hold: that of parsers, and that of refusals, where LangChain
    has one.
    """
    gateway.script(Answer(refusal="I must not."))
    with pytest.raises(OutputParserException, match="I must not") as caught:
        make().with_structured_output(Person, method=method).invoke("x")
    assert isinstance(caught.value, RefusedAnswer)
    assert isinstance(caught.value, getattr(exceptions, "ModelRefusalError", ModelError))
    assert caught.value.raw_message.content == "I must not."
    if "refusal" in KNOWN_BLOCK_TYPES:
        assert caught.value.raw_message.content_blocks == [
            {"type": "refusal", "refusal": "I must not."}
        ]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_schema_may_be_a_response_format(
    gateway: Emulator, make: Any, method: str, wrapped: bool
) -> None:
    """As ChatOpenAI takes it: whole, or its inner part."""
    inner = {"name": "Someone", "strict": True, "schema": Person.model_json_schema()}
    schema = {"type": "json_schema", "json_schema": inner} if wrapped else inner
    gateway.script(Answer(text='{"name": "Ada"}'))
    assert make().with_structured_output(schema, method=method).invoke("x") == {"name": "Ada"}
    sent = gateway.requests[-1].json
    if method == "function_calling":
        assert (sent["tools"][0]["function"]["name"], sent["tools"][0]["function"]["strict"]) == (
            "Someone",
            True,
        )
    elif method == "json_schema":
        told = sent["response_format"]["json_schema"]
        assert (told["name"], told["strict"]) == ("Someone", True)


PDF = "data:application/pdf;base64,JVBERg=="
NAMED_PDF = {"file_name": "a.pdf", "mime_type": "application/pdf", "file_data": PDF}


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "input_file", "file_data": PDF, "filename": "a.pdf"},
            {"type": "file", "file": NAMED_PDF},
        ),
        ({"type": "input_file", "file_id": "f1"}, {"type": "file", "file": {"file_id": "f1"}}),
        (
            {"type": "input_file", "file_url": "https://x.example/a.pdf", "filename": "a.pdf"},
            {
                "type": "file",
                "file": {
                    "file_name": "a.pdf",
                    "mime_type": "application/pdf",
                    "file_url": "https://x.example/a.pdf",
                },
            },
        ),
        (
            {
                "type": "file",
                "source_type": "base64",
                "data": "JVBERg==",
                "mime_type": "application/pdf",
                "metadata": {"filename": "a.pdf", "cache_control": {"type": "ephemeral"}},
            },
            {"type": "file", "file": NAMED_PDF, "cache_control": {"type": "ephemeral"}},
        ),
        (
            {"type": "video_url", "video_url": "https://x.example/a.mp4"},
            {"type": "video_url", "video_url": {"url": "https://x.example/a.mp4"}},
        ),
    ],
)
def test_files_and_videos_in_more_forms(
    gateway: Emulator, make: Any, block: Any, part: Any
) -> None:
    """OpenAI's newer file part, LangChain's older metadata, a video as a bare address."""
    gateway.script(Answer(text="Seen."))
    make("gemini").invoke([HumanMessage(["What is this?", block])])
    assert gateway.requests[-1].json["messages"][0]["content"][1] == part


def test_nothing_of_an_answer_is_lost_on_its_way_back(gateway: Emulator, make: Any) -> None:
    """Speech without words, and pictures in any form: only a user message can carry them."""
    speech = {"type": "audio", "base64": "UklGRg==", "mime_type": "audio/wav"}
    picture = {"type": "input_image", "image_url": "https://x.example/a.png"}
    gateway.script(Answer(text="Yes."))
    make("gemini").invoke(
        [HumanMessage("Speak."), AIMessage([speech, picture, "Here."]), HumanMessage("Again?")]
    )
    answer, carried = gateway.requests[-1].json["messages"][1:3]
    assert answer == {"role": "assistant", "content": "Here."}
    assert [part["type"] for part in carried["content"]] == ["text", "input_audio", "image_url"]


def test_a_mark_for_the_prompt_cache_stays_with_a_tools_result(
    gateway: Emulator, make: Any
) -> None:
    """The gateway takes it beside the text of a tool message."""
    gateway.script(Answer(text="Yes."))
    result = ToolMessage(
        [{"type": "text", "text": "2", "cache_control": {"type": "ephemeral"}}], tool_call_id="c1"
    )
    turn = AIMessage("", tool_calls=[{"name": "add", "args": {"a": 1}, "id": "c1"}])
    make("claude").bind_tools([add]).invoke([HumanMessage("1+1?"), turn, result])
    sent = gateway.requests[-1].json["messages"][-1]
    assert (sent["content"], sent["cache_control"]) == ("2", {"type": "ephemeral"})


def test_a_deep_copy_has_options_of_its_own(gateway: Emulator, make: Any) -> None:
    """Down to what stands inside them."""
    llm = make(extra_body={"top_k": {"a": 1}}, stop=["x"])
    copied = copy.deepcopy(llm)
    copied.extra_body["top_k"]["a"] = 2
    copied.stop.append("y")
    assert (llm.extra_body, llm.stop) == ({"top_k": {"a": 1}}, ["x"])
    assert copied.invoke("hi").content


def test_an_option_under_two_names_is_refused(make: Any) -> None:
    """Neither wins in silence."""
    with pytest.raises(ValueError, match="model_name and model are one option"):
        make("openai", model_name="claude")


def test_generate_tells_what_all_its_prompts_used(gateway: Emulator, make: Any) -> None:
    """As ``llm_output``, where LangChain's own gives nothing."""
    gateway.script(Body(said("a")), Body(said("b")))
    told = make().generate([[HumanMessage("a")], [HumanMessage("b")]]).llm_output
    assert told == {
        "model_name": "served",
        "token_usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6},
    }
    assert make()._combine_llm_outputs([None]) == {}


def test_tokens_are_counted_as_the_user_says(make: Any) -> None:
    """Where a way to count is given, it counts."""
    llm = make(custom_get_token_ids=lambda text: [0] * len(text.split()))
    assert llm.get_num_tokens("one two three") == 3
    assert llm.get_num_tokens_from_messages([HumanMessage("one two")]) == 3  # "Human: one two"


def test_arguments_that_a_program_has_put_in_are_written_out(gateway: Emulator, make: Any) -> None:
    """Dates, models: a person in the loop, or a tool's schema, may have made them."""
    turn = AIMessage(
        "",
        tool_calls=[
            {"name": "add", "args": {"on": date(2026, 1, 2), "who": Person(name="Ada")}, "id": "1"}
        ],
    )
    make().bind_tools([add]).invoke([HumanMessage("x"), turn, ToolMessage("2", tool_call_id="1")])
    sent = gateway.requests[-1].json["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(sent) == {"on": "2026-01-02", "who": {"name": "Ada", "age": None}}


def test_an_end_without_a_reason_is_told_by_no_name(gateway: Emulator, make: Any) -> None:
    """Plain as in streams."""
    body = said("ok")
    body["choices"][0]["finish_reason"] = None
    gateway.script(Body(body))
    assert "finish_reason" not in make().invoke("x").response_metadata


def test_counts_of_streamed_calls_add_up(gateway: Emulator, make: Any) -> None:
    """LangChain's counter fails on a cost, which is no whole number: the message that it is given
    has none.
    """
    used = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
    llm, streaming = make(), make(streaming=True)
    agent = create_agent(llm)

    async def streamed() -> list[Any]:
        return [one async for one in llm.astream("x")]

    ways = (
        lambda: list(llm.stream("x")),
        lambda: asyncio.run(streamed()),
        lambda: streaming.invoke("x"),
        lambda: list(agent.stream({"messages": [("user", "x")]}, stream_mode="messages")),
    )
    with get_usage_metadata_callback() as counter:
        for way in ways:
            gateway.script(Answer(text="ok", usage=used, model="served"))
            way()
    assert counter.usage_metadata["served"] == {
        "input_tokens": 80,
        "output_tokens": 40,
        "total_tokens": 120,
    }
    gateway.script(Answer(text="ok", usage=used))
    assert sum(streaming.invoke("x").response_metadata["cost"]) > 0
    gateway.script(Answer(text="ok", usage=used))
    assert sum(summed(llm.stream("x")).response_metadata["cost"]) > 0
