"""Structured output: what is asked for, by which method, and what is read from the answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy
from langchain_core import exceptions
from langchain_core.exceptions import (
    ModelError,
    OutputParserException,
)
from langchain_core.messages.content import KNOWN_BLOCK_TYPES
from pydantic import BaseModel
from pydantic.v1 import BaseModel as OldBaseModel

from langchain_pollinations._output_parser import RefusedAnswer
from pollinations_client.emulator import Answer, Body, Chunks, Emulator
from support.langchain import Node, Person, chunk, completion, summed

METHODS = ("function_calling", "json_schema", "json_mode")


class Lax(BaseModel):
    """A class that accepts any object."""

    name: str | None = None
    child: Lax | None = None


HALF = {
    "cut": '{"name":"root","children":[{"name":"leaf1"},{"name":"le',
    "trailing comma": '{"name":"root","children":[{"name":"leaf1"}],}',
    "missing comma": '{"name":"root" "children":[{"name":"leaf1"}]}',
    "fenced and cut": '```json\n{"name":"root","children":[{"name":"leaf1"},\n```',
    "single quotes": "{'name':'root',[{\"name\":\"leaf1\"}]}",
}


def four_ways(llm: Any, prompt: str = "x") -> list[Any]:
    """Calls that give all that a runnable gives: plain and streamed, sync and async."""

    async def streamed() -> list[Any]:
        return [part async for part in llm.astream(prompt)]

    return [
        lambda: [llm.invoke(prompt)],
        lambda: list(llm.stream(prompt)),
        lambda: [asyncio.run(llm.ainvoke(prompt))],
        lambda: asyncio.run(streamed()),
    ]


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
def test_a_long_streamed_object_is_parsed_by_its_growth(
    gateway: Emulator, make: Any, method: str
) -> None:
    """Each partial object costs as much as the whole answer so far: ten times the answer is some
    twenty partial objects more, and the last one is whole.
    """
    counts = []
    for size in (300, 3_000):
        node = {"name": "root", "children": [{"name": f"leaf {n}"} for n in range(size)]}
        text = json.dumps(node)
        pieces = [text[at : at + 50] for at in range(0, len(text), 50)]
        if method == "json_schema":
            chunks = [chunk({"content": piece}) for piece in pieces]
        else:
            chunks = [
                chunk({"tool_calls": [_fragment(piece, at)]}) for at, piece in enumerate(pieces)
            ]
        gateway.script(Chunks([*chunks, chunk({}, "stop")]))
        llm = make().with_structured_output(Node, method=method)
        objects = list(llm.stream("x"))
        assert objects[-1] == Node.model_validate(node)
        counts.append(len(objects))
    assert counts[1] <= counts[0] + 25


def _fragment(piece: str, at: int) -> dict[str, Any]:
    about = {} if at else {"id": "call_1", "type": "function"}
    named = {} if at else {"name": "Node"}
    return {"index": 0, **about, "function": {**named, "arguments": piece}}


@pytest.mark.parametrize("schema", [Node, Lax, Node.model_json_schema()], ids=["a", "lax", "dict"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", HALF.values(), ids=HALF)
def test_half_an_answer_is_an_error(
    gateway: Emulator, make: Any, method: str, schema: Any, text: str
) -> None:
    """A whole object inside a broken one is not the answer, by any method, in any mode."""
    reason = "length" if text.endswith("le") else "stop"
    for way in four_ways(make().with_structured_output(schema, method=method)):
        gateway.script(Answer(text=text, finish_reason=reason))
        with pytest.raises(OutputParserException):
            way()


@pytest.mark.parametrize("method", METHODS)
def test_half_an_answer_is_returned_raw(gateway: Emulator, make: Any, method: str) -> None:
    """``include_raw`` shows what came, unchanged, and why there is no object."""
    llm = make().with_structured_output(Node, method=method, include_raw=True)
    for way in four_ways(llm):
        gateway.script(Answer(text=HALF["cut"], finish_reason="length"))
        last = way()[-1]
        assert last["raw"].content == HALF["cut"]
        assert last["parsed"] is None
        assert "max_tokens" in str(last["parsing_error"])


@pytest.mark.parametrize("text", HALF.values(), ids=HALF)
def test_half_a_tool_call_is_an_error(gateway: Emulator, make: Any, text: str) -> None:
    """The same in the arguments of the forced call."""
    for way in four_ways(make().with_structured_output(Node, method="function_calling")):
        gateway.script(Answer(tool_calls=[("Node", text)]))
        with pytest.raises(OutputParserException):
            way()


def test_partial_objects_of_a_stream_grow_and_are_never_inner_ones(
    gateway: Emulator, make: Any
) -> None:
    """What is given on the way is the root, with what there is of it."""
    tree = {"name": "root", "children": [{"name": "leaf1", "children": []}]}
    for schema in (Node, Node.model_json_schema()):
        gateway.script(Answer(text=f"Here: {json.dumps(tree)} Bye."))
        objects = list(make().with_structured_output(schema, method="json_schema").stream("x"))
        assert len(objects) >= 2
        roots = [root["name"] if isinstance(root, dict) else root.name for root in objects if root]
        assert all("root".startswith(name) for name in roots)
        assert objects[-1] == (tree if isinstance(schema, dict) else Node(**tree))


@pytest.mark.parametrize("text", HALF.values(), ids=HALF)
def test_json_mode_leaves_a_broken_answer_as_it_came(
    gateway: Emulator, make: Any, text: str
) -> None:
    """The content is not rewritten to a part of it.

    A stream has left a fence out by the time its JSON turns out broken; the metadata has all text.
    """
    llm = make().bind(response_format={"type": "json_object"})
    gateway.script(*[Answer(text=text)] * 2)
    assert llm.invoke("x").content == text
    message = summed(llm.stream("x"))
    assert text.endswith(message.text)
    assert '"root' in message.text or "'root" in message.text
    assert message.response_metadata.get("original_text", message.text) == text


def test_the_object_that_fits_is_taken_of_several(gateway: Emulator, make: Any) -> None:
    """By class and by schema, whichever comes first, and in the content that an agent parses."""
    text = '{"note": "see below"} then {"name": "root", "children": []}'
    for schema in (Node, Node.model_json_schema()):
        for way in four_ways(make().with_structured_output(schema, method="json_schema")):
            gateway.script(Answer(text=text))
            last = way()[-1]
            assert (last if isinstance(last, dict) else last.model_dump()) == {
                "name": "root",
                "children": [],
            }
    gateway.script(Answer(text=text))
    agent = create_agent(make(), response_format=ProviderStrategy(Node))
    state = agent.invoke({"messages": [("user", "A tree.")]})
    assert state["structured_response"] == Node(name="root")


@pytest.mark.parametrize("text", ["[1," * 50_000, '{"' + '\\"' * 16_000, "{" * 50_000])
def test_hostile_json_is_an_error_of_the_parser(gateway: Emulator, make: Any, text: str) -> None:
    """Neither a RecursionError nor minutes of work."""
    gateway.script(Answer(text=text), Answer(text=text))
    assert make().invoke("x", response_format={"type": "json_object"}).content == text
    with pytest.raises(OutputParserException):
        make().with_structured_output(Node, method="json_mode").invoke("x")


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
    expected = (
        schema(name="Ada", age=36) if isinstance(schema, type) else {"name": "Ada", "age": 36}
    )
    script = Answer(text='{"name": "Ada", "age": 36}') if method == "json_mode" else None

    async def streamed() -> Any:
        return [part async for part in llm.astream(prompt)][-1]

    prompt = "Describe 'Ada', who is 36."
    for way in (
        lambda: llm.invoke(prompt),
        lambda: list(llm.stream(prompt))[-1],
        lambda: asyncio.run(llm.ainvoke(prompt)),
        lambda: asyncio.run(streamed()),
    ):
        if script is not None:
            gateway.script(script)
        assert way() == expected
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
    objects = list(make().with_structured_output(PersonDict, method="json_schema").stream("x"))
    assert objects[-1] == {"name": "Ada", "age": 36}
    assert {"name": "Ada"} in objects


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


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
@pytest.mark.parametrize("streaming", [False, True])
def test_structured_answers_stream(
    gateway: Emulator, make: Any, method: str, streaming: bool
) -> None:
    """All three methods, plain and streamed, with and without ``streaming=True``."""
    structured = make(streaming=streaming).with_structured_output(Person, method=method)
    prompt = "Describe 'Ada', who is 36."
    if method == "json_mode":
        script = Answer(text='{"name": "Ada", "age": 36}')
        gateway.script(script, script, script)
    assert structured.invoke(prompt) == Person(name="Ada", age=36)
    assert list(structured.stream(prompt))[-1] == Person(name="Ada", age=36)
    assert asyncio.run(structured.ainvoke(prompt)) == Person(name="Ada", age=36)
    formats = {
        "function_calling": "tools",
        "json_schema": "response_format",
        "json_mode": "response_format",
    }
    assert all(formats[method] in request.json for request in gateway.requests)


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"name": "Ada", "age": 36}\n```',
        'Sure! {"name": "Ada", "age": 36} Anything else?',
        '<think>hm {</think>{"name": "Ada", "age": 36}',
    ],
)
@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_structured_answers_survive_fences_prose_and_thoughts(
    gateway: Emulator, make: Any, text: str, method: str
) -> None:
    """Models wrap JSON in all sorts of things."""
    gateway.script(Answer(text=text))
    assert make().with_structured_output(Person, method=method).invoke("x") == Person(
        name="Ada", age=36
    )


def test_structured_answers_that_fail_are_returned_with_the_raw_message(
    gateway: Emulator, make: Any
) -> None:
    """``include_raw`` catches; without it the error is raised."""
    gateway.script(Answer(text="no"), Answer(text="no"))
    result = (
        make().with_structured_output(Person, method="json_schema", include_raw=True).invoke("x")
    )
    assert result["parsed"] is None
    assert result["parsing_error"] is not None
    assert result["raw"].content == "no"
    with pytest.raises(Exception, match="no"):
        make().with_structured_output(Person, method="json_schema").invoke("y")


class Guest(BaseModel):
    """A person."""

    name: str
    age: int | None = None


def last_of(parsed: Any) -> Any:
    """The last item of a stream."""
    return list(parsed)[-1]


@pytest.mark.parametrize("schema", [Guest, Guest.model_json_schema()])
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
                result = way("x")
                assert result["parsed"] is None
                assert "max_tokens" in str(result["parsing_error"])
            else:
                with pytest.raises(OutputParserException, match="max_tokens"):
                    way("x")


@pytest.mark.parametrize("method", METHODS)
def test_a_stream_that_holds_no_structure_says_so_in_the_end(
    gateway: Emulator, make: Any, method: str
) -> None:
    """Sync and async; ChatOpenAI's ends without a word."""
    llm = make().with_structured_output(Guest, method=method)

    async def streamed() -> list[Any]:
        return [part async for part in llm.astream("x")]

    for text in ("I would rather not.", '{"nam": "Ada"}', ""):
        for way in (lambda: list(llm.stream("x")), lambda: asyncio.run(streamed())):
            gateway.script(Body(completion(text)))
            with pytest.raises(ValueError, match=r"structure|validation"):
                way()


def test_thoughts_in_any_tag_are_no_answer(gateway: Emulator, make: Any) -> None:
    """Whatever JSON stands in them."""
    for tag in ("think", "thinking", "reasoning"):
        gateway.script(Answer(text=f'So. <{tag}>{{"name": "Bob"}}</{tag}> {{"name": "Ada"}}'))
        assert make().with_structured_output(Guest, method="json_schema").invoke("x") == Guest(
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
        make().with_structured_output(Guest, method=method).invoke("x")
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
    inner = {"name": "Someone", "strict": True, "schema": Guest.model_json_schema()}
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
        json_schema = sent["response_format"]["json_schema"]
        assert (json_schema["name"], json_schema["strict"]) == ("Someone", True)
