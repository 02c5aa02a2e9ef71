"""Structured output: what is asked for, by which method, and what is read from the answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel

from pollinations_client.emulator import Answer, Emulator

METHODS = ("function_calling", "json_schema", "json_mode")


class Node(BaseModel):
    """A node of a tree."""

    name: str
    children: list[Node] = []


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
        return [one async for one in llm.astream(prompt)]

    return [
        lambda: [llm.invoke(prompt)],
        lambda: list(llm.stream(prompt)),
        lambda: [asyncio.run(llm.ainvoke(prompt))],
        lambda: asyncio.run(streamed()),
    ]


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
    whole = {"name": "root", "children": [{"name": "leaf1", "children": []}]}
    for schema in (Node, Node.model_json_schema()):
        gateway.script(Answer(text=f"Here: {json.dumps(whole)} Bye."))
        given = list(make().with_structured_output(schema, method="json_schema").stream("x"))
        assert len(given) >= 2
        roots = [one["name"] if isinstance(one, dict) else one.name for one in given if one]
        assert all("root".startswith(name) for name in roots)
        assert given[-1] == (whole if isinstance(schema, dict) else Node(**whole))


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
    whole: Any = None
    for chunk in llm.stream("x"):
        whole = chunk if whole is None else whole + chunk
    assert text.endswith(whole.text)
    assert '"root' in whole.text or "'root" in whole.text
    assert whole.response_metadata.get("original_text", whole.text) == text


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
