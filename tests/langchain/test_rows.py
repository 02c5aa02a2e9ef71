"""The feature table of the project's notes, row by row: what a first-class integration does (rows 1
to 30).
"""

from __future__ import annotations

import asyncio
import base64
import warnings
from typing import Any, TypedDict

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import tool
from pydantic import BaseModel
from pydantic.v1 import BaseModel as OldBaseModel

from pollinations_client import BadRequestError, PollinationsError, PollinationsWarning
from pollinations_client.emulator import Answer, Body, Chunks, Emulator

PNG = "iVBORw0KGgo="
THINKING = {"type": "thinking", "thinking": "hm", "signature": "sig=="}


def chunk(delta: dict[str, Any], finish: str | None = None, **top: Any) -> dict[str, Any]:
    """One chunk of a script."""
    return {
        "id": "c",
        "model": "served",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **top,
    }


def summed(chunks: Any) -> AIMessageChunk:
    """A stream as its one message."""
    whole = None
    for one in chunks:
        whole = one if whole is None else whole + one
    assert isinstance(whole, AIMessageChunk)
    return whole


def four_ways(gateway: Emulator, llm: Any, script: Any, prompt: Any = "x") -> list[AIMessage]:
    """The same scripted answer: plain and streamed, sync and async."""

    async def streamed() -> AIMessageChunk:
        return summed([one async for one in llm.astream(prompt)])

    ways = (
        lambda: llm.invoke(prompt),
        lambda: summed(llm.stream(prompt)),
        lambda: asyncio.run(llm.ainvoke(prompt)),
        lambda: asyncio.run(streamed()),
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


class OldPerson(OldBaseModel):
    """A person, in the older Pydantic."""

    name: str
    age: int


class PersonDict(TypedDict):
    """A person, as a dictionary."""

    name: str
    age: int


SCHEMAS = [
    Person,
    OldPerson,
    PersonDict,
    {"title": "Person", "description": "A person", **Person.model_json_schema()},
]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_comes_out_under_every_name(gateway: Emulator, make: Any, field: str) -> None:
    """Plain and streamed, in additional_kwargs and as a standard block."""
    for answer in four_ways(
        gateway, make("deepseek"), Answer(text="Four.", reasoning="2+2", reasoning_field=field)
    ):
        assert answer.additional_kwargs["reasoning_content"] == "2+2"
        assert answer.content == "Four."
        assert [block["type"] for block in answer.content_blocks] == ["reasoning", "text"]


def test_thinking_blocks_are_reasoning_too(gateway: Emulator, make: Any) -> None:
    """Claude's form: the text is not doubled, the signature is kept."""
    blocks = [THINKING, {"type": "text", "text": "Four."}]
    for answer in four_ways(gateway, make("claude"), Answer(text="Four.", content_blocks=blocks)):
        assert answer.content == "Four."
        assert answer.content_blocks[0]["reasoning"] == "hm"
        assert answer.content_blocks[0]["extras"] == {"signature": "sig=="}


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_reasoning_goes_back_in_a_tool_loop(gateway: Emulator, make: Any, version: str) -> None:
    """Whatever form the message has."""
    llm = make("kimi", output_version=version).bind_tools([add])
    for turn in four_ways(gateway, llm, Answer(reasoning="Add.", tool_calls=[("add", {"a": 1})])):
        loop = [HumanMessage("1?"), turn, ToolMessage("1", tool_call_id=turn.tool_calls[0]["id"])]
        llm.invoke(loop)
        assert gateway.requests[-1].json["messages"][1]["reasoning_content"] == "Add."


@pytest.mark.parametrize("model", ["claude", "openai"])
@pytest.mark.parametrize("version", ["v0", "v1"])
def test_signed_thinking_goes_back_unchanged(
    gateway: Emulator, make: Any, version: str, model: str
) -> None:
    """In the gateway's own field, and for Claude among the parts of the content, where today's
    gateway lets it pass.
    """
    llm = make(model, output_version=version)
    thought = chunk(
        {"content_blocks": [{"index": 0, "delta": {"thinking": "hm", "signature": "sig=="}}]}
    )
    script = Chunks([thought, chunk({"content": "A"}), chunk({}, "stop")])
    ways = (lambda: llm.invoke("x", stream=True), lambda: summed(llm.stream("x")))
    for way in ways:
        gateway.script(script)
        turn = way()
        llm.invoke([HumanMessage("x"), turn, HumanMessage("y")])
        sent = gateway.requests[-1].json["messages"][1]
        assert sent["content_blocks"] == [THINKING]
        assert sent["content"] == (
            [THINKING, {"type": "text", "text": "A"}] if model == "claude" else "A"
        )


def test_fragments_of_reasoning_details_are_joined_for_the_way_back(
    gateway: Emulator, make: Any
) -> None:
    """By index; the signature whole, the text in its order."""
    script = Chunks(
        [
            chunk({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "I "}]}),
            chunk(
                {
                    "reasoning_details": [
                        {"type": "reasoning.text", "index": 0, "text": "think", "signature": "S"}
                    ]
                }
            ),
            chunk({"content": "Hi"}),
            chunk({}, "stop"),
        ]
    )
    gateway.script(script)
    llm = make("openai")
    turn = summed(llm.stream("x"))
    llm.invoke(
        [
            HumanMessage("x"),
            AIMessage("", tool_calls=[{"name": "add", "args": {}, "id": "c"}]),
            ToolMessage("1", tool_call_id="c"),
            turn,
        ]
    )
    sent = gateway.requests[-1].json["messages"][-1]
    assert sent["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "text": "I think", "signature": "S"}
    ]


def test_effort_and_budget_reach_the_wire(gateway: Emulator, make: Any) -> None:
    """As fields and as options of a call."""
    make(
        "claude", reasoning_effort="high", thinking={"type": "enabled", "budget_tokens": 1024}
    ).invoke("x")
    make("claude").invoke("x", thinking_budget=99)
    first, second = (request.json for request in gateway.requests)
    assert first["reasoning_effort"] == "high"
    assert first["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert second["thinking_budget"] == 99


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
    whole = summed(make().bind_tools([add]).stream("x"))
    assert [(call["id"], call["args"]) for call in whole.tool_calls] == [
        ("call_1", {"a": 1}),
        ("call_2", {"a": 2}),
    ]
    assert whole.invalid_tool_calls == []


@pytest.mark.parametrize("strict", [None, True, False])
@pytest.mark.parametrize(
    "schema", SCHEMAS, ids=["pydantic", "pydantic-v1", "typeddict", "json-schema"]
)
@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_every_schema_by_every_method_gives_its_object(
    gateway: Emulator, make: Any, method: str, schema: Any, strict: Any
) -> None:
    """Three methods, four kinds of schema, three states of strict, plain and streamed, sync and
    async.
    """
    llm = make().with_structured_output(schema, method=method, strict=strict)
    wanted = schema(name="Ada", age=36) if isinstance(schema, type) else {"name": "Ada", "age": 36}
    script = Answer(text='{"name": "Ada", "age": 36}') if method == "json_mode" else None

    async def streamed() -> Any:
        return [one async for one in llm.astream(prompt)][-1]

    prompt = "Describe 'Ada', who is 36."
    for way in (
        lambda: llm.invoke(prompt),
        lambda: list(llm.stream(prompt))[-1],
        lambda: asyncio.run(llm.ainvoke(prompt)),
        lambda: asyncio.run(streamed()),
    ):
        if script is not None:
            gateway.script(script)
        assert way() == wanted
    sent = gateway.requests[-1].json
    if method == "json_schema":
        assert sent["response_format"]["json_schema"].get("strict") == strict
    elif method == "json_mode":
        assert sent["response_format"] == {"type": "json_object"}
    else:
        assert sent["tool_choice"]["function"]["name"] == sent["tools"][0]["function"]["name"]


def test_the_method_follows_the_catalogue_when_none_is_named(gateway: Emulator, make: Any) -> None:
    """``json_schema`` where the model is known to follow it, or to call no tools; elsewhere a
    forced tool.
    """
    make("openai").with_structured_output(Person).invoke("Describe 'Ada', who is 36.")
    make("no-such-model-yet").with_structured_output(Person)
    assert "response_format" in gateway.requests[-1].json
    bound = make("no-such-model-yet").with_structured_output(Person).first
    assert "tools" in bound.kwargs
    without_tools = make("perplexity-fast").with_structured_output(Person).first
    assert "response_format" in without_tools.kwargs
    named = make("llama-scout").with_structured_output(Person, method="json_schema").first
    assert named.kwargs["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_include_raw_gives_the_message_the_object_and_the_error(
    gateway: Emulator, make: Any, method: str
) -> None:
    """What failed is returned beside the raw message; nothing is raised, nothing is lost."""
    llm = make().with_structured_output(Person, method=method, include_raw=True)
    gateway.script(Answer(text="I would rather not."))
    failed = llm.invoke("x")
    assert failed["raw"].text == "I would rather not."
    assert failed["parsed"] is None
    assert "I would rather not." in str(failed["parsing_error"])
    gateway.script(Answer(text='```json\n{"name": "Ada", "age": 36}\n```'))
    good = llm.invoke("x")
    assert good["parsed"] == Person(name="Ada", age=36)
    assert good["parsing_error"] is None


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_refused_and_cut_answers_are_errors_of_structured_output(
    gateway: Emulator, make: Any, method: str
) -> None:
    """Not: expected value at line 1 column 1."""
    llm = make().with_structured_output(Person, method=method)
    gateway.script(Answer(refusal="I must not."))
    with pytest.raises(ValueError, match="refused: I must not"):
        llm.invoke("x")
    gateway.script(Answer(text='{"name": "Ad', finish_reason="length"))
    with pytest.raises(ValueError, match="max_tokens"):
        llm.invoke("x")


def test_a_streamed_schema_fills_up(gateway: Emulator, make: Any) -> None:
    """Dictionaries grow piece by piece."""
    pieces = [chunk({"content": piece}) for piece in ('{"name": ', '"Ada", ', '"age": 3', "6}")]
    gateway.script(Chunks([*pieces, chunk({}, "stop")]))
    seen = list(make().with_structured_output(PersonDict, method="json_schema").stream("x"))
    assert seen[-1] == {"name": "Ada", "age": 36}
    assert {"name": "Ada"} in seen


def test_a_native_response_format_may_be_bound(gateway: Emulator, make: Any) -> None:
    """As create_agent binds it, with tools and without; a class does as well."""
    native = {
        "type": "json_schema",
        "json_schema": {"name": "Person", "schema": Person.model_json_schema()},
    }
    make().bind_tools([], response_format=native).invoke("Describe 'Ada', who is 36.")
    assert "tools" not in gateway.requests[-1].json
    assert gateway.requests[-1].json["response_format"] == native
    make().bind(response_format=Person).invoke("Describe 'Ada', who is 36.")
    assert gateway.requests[-1].json["response_format"]["json_schema"]["name"] == "Person"


@pytest.mark.parametrize("given", ["google_search", {"type": "google_search"}])
def test_built_in_tools_by_name_or_form(gateway: Emulator, make: Any, given: Any) -> None:
    """Beside functions."""
    gateway.script(Answer(text="Found."))
    make("gemini").bind_tools([given, add]).invoke("x")
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


def picture(url: str) -> dict[str, Any]:
    """The gateway's part for a picture."""
    return {"type": "image_url", "image_url": {"url": url}}


def file(**fields: str) -> dict[str, Any]:
    """The gateway's part for a file."""
    return {"type": "file", "file": {"mime_type": "application/pdf", **fields}}


def sound(form: str) -> dict[str, Any]:
    """The gateway's part for sound."""
    return {"type": "input_audio", "input_audio": {"data": "AA==", "format": form}}


LINK, INLINE, PDF = "https://a.example/b", f"data:image/png;base64,{PNG}", "application/pdf"
TEXT_SOURCE = {"type": "text", "media_type": "text/plain", "data": "Snow."}
INPUTS = [
    ({"type": "image", "base64": PNG, "mime_type": "image/png"}, picture(INLINE)),
    ({"type": "image", "url": LINK}, picture(LINK)),
    (
        {"type": "image", "source_type": "base64", "data": PNG, "mime_type": "image/png"},
        picture(INLINE),
    ),
    ({"type": "image", "source_type": "url", "url": LINK}, picture(LINK)),
    ({"type": "image_url", "image_url": LINK}, picture(LINK)),
    ({"type": "input_image", "image_url": LINK}, picture(LINK)),
    ({"type": "media", "mime_type": "image/png", "data": PNG}, picture(INLINE)),
    (
        {
            "type": "file",
            "source_type": "base64",
            "data": "AA==",
            "mime_type": PDF,
            "filename": "a.pdf",
        },
        file(file_name="a.pdf", file_data=f"data:{PDF};base64,AA=="),
    ),
    (
        {"type": "file", "url": LINK, "mime_type": PDF},
        file(file_name="document.pdf", file_url=LINK),
    ),
    (
        {"type": "media", "mime_type": PDF, "file_uri": LINK},
        file(file_name="document.pdf", file_url=LINK),
    ),
    ({"type": "audio", "base64": "AA==", "mime_type": "audio/x-wav"}, sound("wav")),
    ({"type": "audio", "url": "data:audio/mpeg;base64,AA=="}, sound("mp3")),
    (
        {"type": "video", "url": LINK, "mime_type": "video/webm"},
        {"type": "video_url", "video_url": {"url": LINK, "mime_type": "video/webm"}},
    ),
    (
        {"type": "text-plain", "text": "Snow.", "title": "Notes", "mime_type": "text/plain"},
        {"type": "text", "text": "Notes\nSnow."},
    ),
    (
        {"type": "document", "source": TEXT_SOURCE, "title": "Notes"},
        {"type": "text", "text": "Notes\nSnow."},
    ),
]


@pytest.mark.parametrize(("block", "part"), INPUTS)
def test_every_kind_of_input_block_reaches_the_wire(
    gateway: Emulator, make: Any, block: Any, part: Any
) -> None:
    """Pictures, files, sound, video and text, in every form that LangChain's users write
    them in.
    """
    gateway.script(Answer(text="Seen."))
    make("gemini").invoke([HumanMessage(["What is it?", block])])
    assert gateway.requests[-1].json["messages"][0]["content"] in (
        [{"type": "text", "text": "What is it?"}, part],
        f"What is it?\n{part.get('text')}",
    )


def test_sound_in_a_format_nobody_takes_is_named(gateway: Emulator, make: Any) -> None:
    """Before sending."""
    with pytest.raises(ValueError, match=r"messages\[0\].content\[0\].*audio/midi"):
        make().invoke(
            [HumanMessage([{"type": "audio", "base64": "AA==", "mime_type": "audio/midi"}])]
        )


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "base64": PNG, "mime_type": "image/png"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "file", "base64": "AA==", "mime_type": "application/pdf"},
    ],
)
def test_pictures_and_files_of_tools_follow_their_run(
    gateway: Emulator, make: Any, block: Any
) -> None:
    """Tool messages take text only; one user message after all of them holds the rest."""
    calls = [{"name": "add", "args": {"a": n}, "id": f"c{n}"} for n in (1, 2)]
    gateway.script(Answer(text="Seen."))
    make("gemini").bind_tools([add]).invoke(
        [
            HumanMessage("x"),
            AIMessage("", tool_calls=calls),
            ToolMessage([block], tool_call_id="c1"),
            ToolMessage([{"type": "text", "text": "Two."}, block], tool_call_id="c2"),
        ]
    )
    sent = gateway.requests[-1].json["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert sent[2]["content"] == "[1 attachment follows in the next user message]"
    assert sent[3]["content"].startswith("Two.\n")
    assert "c1" in sent[4]["content"][0]["text"]
    assert len(sent[4]["content"]) == 4


@pytest.mark.filterwarnings("ignore::pollinations_client.PollinationsWarning")
def test_a_text_only_model_gets_a_note_in_place_of_a_picture(gateway: Emulator, make: Any) -> None:
    """The gateway would refuse the whole request, and end the run of an agent that has just paid
    for the picture.
    """
    picture = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    calls = [{"name": "add", "args": {"a": 1}, "id": "c1"}]
    history = [
        HumanMessage("x"),
        AIMessage([{"type": "text", "text": "Look."}, picture], tool_calls=calls),
        ToolMessage([{"type": "text", "text": "Done."}, picture], tool_call_id="c1"),
    ]
    make("deepseek").invoke(history)
    sent = gateway.requests[-1].json["messages"]
    note = "[1 attachment left out: this model takes no image input]"
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
    assert [message["content"] for message in sent[1:]] == [f"Look.\n{note}", f"Done.\n{note}"]
    with pytest.raises(BadRequestError, match="image"):
        make("deepseek").invoke([HumanMessage([picture])])


def test_anthropics_tool_results_become_tool_messages(gateway: Emulator, make: Any) -> None:
    """With what else the user said in a message of its own after them."""
    call = {"type": "tool_use", "id": "t", "name": "add", "input": {"a": 1}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "3"}]}
    history = [
        HumanMessage("What is 1 + 2?"),
        AIMessage([{"type": "text", "text": "I add."}, call]),
        HumanMessage([result, {"type": "text", "text": "And?"}]),
    ]
    make().bind_tools([add]).invoke(history)
    sent = gateway.requests[-1].json["messages"]
    assert sent[1]["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a": 1}'}
    assert sent[2] == {"role": "tool", "tool_call_id": "t", "content": "3"}
    assert sent[3] == {"role": "user", "content": "And?"}


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_pictures_come_out_as_blocks(gateway: Emulator, make: Any, version: str) -> None:
    """Text, picture, text stay three blocks in their order; the picture goes back in a user
    message.
    """
    pieces = [
        chunk({"content": "Before "}),
        chunk(
            {
                "content_blocks": [
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
                ]
            }
        ),
        chunk({"content": "after"}),
        chunk({}, "stop"),
    ]
    gateway.script(Chunks(pieces))
    llm = make("gemini", output_version=version)
    turn = summed(llm.stream("Plot it"))
    assert [block["type"] for block in turn.content_blocks] == ["text", "image", "text"]
    assert turn.content_blocks[1]["base64"] == PNG
    assert turn.text == "Before after"
    gateway.script(Answer(text="x"))
    llm.invoke([HumanMessage("Plot it"), turn, HumanMessage("Now in red")])
    sent = gateway.requests[-1].json["messages"]
    assert sent[1] == {"role": "assistant", "content": "Before after"}
    assert sent[2]["content"][1]["image_url"]["url"] == f"data:image/png;base64,{PNG}"


@pytest.mark.parametrize("version", ["v0", "v1", "v3"])
def test_speech_comes_out_as_a_block_with_its_words(
    gateway: Emulator, make: Any, version: str
) -> None:
    """Pieces of base64 are joined so that they decode, and live ones are beside the block."""
    pieces = [
        chunk({"audio": {"id": "au", "data": base64.b64encode(b"abcd").decode()}}),
        chunk({"audio": {"data": base64.b64encode(b"efgh").decode(), "transcript": "Hello "}}),
        chunk({"audio": {"transcript": "you"}}),
        chunk({}, "stop"),
    ]
    gateway.script(Chunks(pieces))
    llm = make("openai-audio", output_version=version if version == "v1" else None)
    llm = llm.bind(modalities=["text", "audio"], audio={"voice": "alloy", "format": "pcm16"})
    if version == "v3":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            turn = llm.stream_events("Say hello", version="v3").output
    else:
        turn = summed(llm.stream("Say hello"))
    block = turn.content_blocks[-1]
    assert block["type"] == "audio"
    assert base64.b64decode(block["base64"]) == b"abcdefgh"
    assert block["mime_type"] == "audio/pcm"
    assert block["extras"] == {"transcript": "Hello you", "id": "au"}
    assert base64.b64decode(turn.additional_kwargs["audio"]["data"]) == b"abcdefgh"
    gateway.script(Answer(text="x"))
    make().invoke([HumanMessage("Say hello"), turn, HumanMessage("Again")])
    assert gateway.requests[-1].json["messages"][1]["content"] == "Hello you"


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_citations_are_annotations(gateway: Emulator, make: Any, version: str) -> None:
    """Perplexity's list on the text, once, though every chunk repeats it; with titles where they
    are told.
    """
    found = {
        "citations": ["https://a.example"],
        "search_results": [{"url": "https://a.example", "title": "A"}],
    }
    script = Chunks(
        [
            chunk({"content": "Yes"}, **found),
            chunk({"content": "."}, **found),
            chunk({}, "stop", **found),
        ]
    )
    for turn in four_ways(gateway, make("perplexity", output_version=version), script):
        block = turn.content_blocks[-1]
        assert block["text"] == "Yes."
        assert block["annotations"] == [
            {"type": "citation", "url": "https://a.example", "title": "A"}
        ]
        assert turn.additional_kwargs["citations"] == ["https://a.example"]


def test_openais_annotations_keep_their_place(gateway: Emulator, make: Any) -> None:
    """``url_citation`` with its indices."""
    cited = {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 3}
    noted = [{"type": "url_citation", "url_citation": cited}, {"type": "file_path", "path": "p"}]
    gateway.script(Answer(text="Yes", extra_message={"annotations": noted}))
    block = make().invoke("x").content_blocks[0]
    assert block["annotations"] == [
        {"type": "citation", **cited},
        {"type": "non_standard_annotation", "value": noted[1]},
    ]


def test_logprobs_are_in_the_response_metadata(gateway: Emulator, make: Any) -> None:
    """Plain and streamed, whole."""
    llm = make(logprobs=True, top_logprobs=1)
    assert llm.invoke("hi").response_metadata["logprobs"]["content"]
    assert summed(llm.stream("hi")).response_metadata["logprobs"]["content"]


def test_marks_for_the_prompt_cache_are_passed(gateway: Emulator, make: Any) -> None:
    """On blocks and on messages."""
    mark = {"type": "ephemeral"}
    make("claude").invoke(
        [
            SystemMessage([{"type": "text", "text": "Long.", "cache_control": mark}]),
            HumanMessage(
                [{"type": "image", "url": "https://a.example/b.png", "cache_control": mark}, "x"]
            ),
        ]
    )
    system, user = gateway.requests[-1].json["messages"]
    assert system["content"][0]["cache_control"] == mark
    assert user["content"][0]["cache_control"] == mark


USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 20,
    "total_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 2, "cache_write_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 6},
}


def test_usage_has_cached_and_reasoning_tokens(gateway: Emulator, make: Any) -> None:
    """Cache, reasoning and sound, both ways, four ways."""
    for turn in four_ways(gateway, make(), Answer(text="x", usage=USAGE)):
        usage = turn.usage_metadata
        assert usage is not None
        assert usage["input_token_details"] == {"audio": 2, "cache_read": 4, "cache_creation": 3}
        assert usage["output_token_details"] == {"audio": 6, "reasoning": 5}


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
