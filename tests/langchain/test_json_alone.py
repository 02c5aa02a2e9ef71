"""Answers that were asked for as JSON: agents and programs find the JSON alone in their text."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_pollinations._json_mode import JsonFormat, JsonStream
from pollinations_client.emulator import Answer, Emulator
from support.langchain import summed

SNOWDROP = '{"name": "snow}drop \\"G. nivalis\\"", "height_cm": 15}'
WRAPPED = {
    "bare": SNOWDROP,
    "fenced": f"```json\n{SNOWDROP}\n```",
    "fenced and introduced": f"Here is the {{plant}}:\n\n```\n{SNOWDROP}\n```\nAnything else?",
    "introduced": f"Sure: {SNOWDROP}",
    "followed": f"{SNOWDROP}\n\nIt flowers in {{January}}.",
    "thought over": f'<thinking>{{"name": "daisy"}}?</thinking>\n{SNOWDROP}',
}
NOT_ONE_OBJECT = {
    "prose": "I do not know {that} plant [1].",
    "array": "[1, 2]",
    "fenced array": '```json\n[{"name": "daisy"}]\n```',
    "broken": '{"name": daisy}, in short.',
    "unfinished thought": "<thinking>What is",
    "nothing": "",
}
JSON_OBJECT = {"type": "json_object"}


class Plant(BaseModel):
    """A plant."""

    name: str
    height_cm: int


@tool
def flowering_now(month: str) -> str:
    """Tell which plants flower in a month."""
    return f"In {month} snowdrops flower."


def streamed(text: str, cuts: list[int]) -> str:
    """``text`` through a stream that comes in pieces of these lengths."""
    stream, given_out, index = JsonStream(JsonFormat()), "", 0
    for length in [*cuts, len(text)]:
        given_out += stream.piece(text[index : index + length])
        index += length
    return given_out + stream.end()


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "messages"])
@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("wrapped", WRAPPED)
def test_an_agent_reads_wrapped_json_by_provider_strategy(
    gateway: Emulator, make: Any, way: str, version: str, wrapped: str
) -> None:
    """LangChain's agents take the whole text of such an answer for JSON, and some models put more
    into it.
    """
    gateway.script(
        Answer(text="Let me {look}. ", tool_calls=[("flowering_now", {"month": "May"})]),
        Answer(text=WRAPPED[wrapped]),
    )
    llm = make("claude", output_version=version)
    agent = create_agent(llm, tools=[flowering_now], response_format=ProviderStrategy(Plant))
    question: Any = {"messages": [HumanMessage("What flowers?")]}
    if way == "messages":
        stream: Any = agent.stream(question, stream_mode="messages")
        tokens = [piece for piece, _ in stream if piece.type != "tool"]
        assert "".join(str(piece.text) for piece in tokens) == "Let me {look}. " + SNOWDROP
        return
    state = agent.invoke(question) if way == "invoke" else asyncio.run(agent.ainvoke(question))
    assert state["structured_response"] == Plant(**json.loads(SNOWDROP))
    assert state["messages"][1].text == "Let me {look}. "


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_the_text_as_it_came_is_kept(gateway: Emulator, make: Any, wrapped: str) -> None:
    """What was put round the JSON is not lost, whole or streamed, and nothing is added where there
    was none.
    """
    gateway.script(*[Answer(text=WRAPPED[wrapped])] * 2)
    llm = make(model_kwargs={"response_format": JSON_OBJECT})
    for answer in (llm.invoke("A plant as JSON."), summed(llm.stream("A plant as JSON."))):
        assert answer.text == SNOWDROP
        original = answer.response_metadata.get("original_text")
        assert original == (None if wrapped == "bare" else WRAPPED[wrapped])


@pytest.mark.parametrize("case", NOT_ONE_OBJECT)
def test_an_answer_without_an_object_stays_as_it_is(
    gateway: Emulator, make: Any, case: str
) -> None:
    """Nothing is cut out of what is no object, and all of it arrives."""
    text = NOT_ONE_OBJECT[case]
    gateway.script(*[Answer(text=text, reasoning="Hm.")] * 2)
    llm = make().bind(response_format=JSON_OBJECT)
    for answer in (llm.invoke("A plant as JSON."), summed(llm.stream("A plant as JSON."))):
        assert answer.text == text
        assert "original_text" not in answer.response_metadata


def test_an_answer_in_prose_keeps_its_fences(gateway: Emulator, make: Any) -> None:
    """Where no JSON was asked for, a fenced example is part of the answer."""
    gateway.script(*[Answer(text=WRAPPED["fenced"])] * 2)
    assert make().invoke("Show me JSON.").text == WRAPPED["fenced"]
    assert summed(make().stream("Show me JSON.")).text == WRAPPED["fenced"]


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_json_beside_a_picture_is_alone_too(gateway: Emulator, make: Any, version: str) -> None:
    """Gemini draws, speaks and answers in one content; the picture stays, and the text is
    the JSON.
    """
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": "A plot: "},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
        {"type": "text", "text": WRAPPED["fenced"]},
    ]
    gateway.script(*[Answer(text=f"A plot: {WRAPPED['fenced']}", content_blocks=blocks)] * 2)
    llm = make("gemini", output_version=version).bind(response_format=JSON_OBJECT)
    for answer in (llm.invoke("A plot and JSON."), summed(llm.stream("A plot and JSON."))):
        assert answer.text == SNOWDROP
        assert sorted(block["type"] for block in answer.content_blocks) == ["image", "text"]
        assert answer.response_metadata["original_text"] == f"A plot: {WRAPPED['fenced']}"


def test_json_is_streamed_while_it_comes(gateway: Emulator, make: Any) -> None:
    """Only what stands before the object waits; the object itself comes in as many pieces as it was
    sent.
    """
    gateway.script(Answer(text=WRAPPED["fenced and introduced"]))
    pieces = [
        str(chunk.text)
        for chunk in make().bind(response_format=JSON_OBJECT).stream("A plant as JSON.")
    ]
    emitted = [piece for piece in pieces if piece]
    assert "".join(emitted) == SNOWDROP
    assert len(emitted) > 3


@given(
    text=st.sampled_from([*WRAPPED.values(), *NOT_ONE_OBJECT.values()]),
    cuts=st.lists(st.integers(1, 40), max_size=60),
)
def test_any_cut_gives_the_same_json(text: str, cuts: list[int]) -> None:
    """A stream and a whole answer say the same, wherever the pieces end."""
    assert streamed(text, cuts).strip() == JsonFormat().json_in(text).strip()


@given(
    value=st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.text() | st.integers(), lambda inner: st.lists(inner), max_leaves=5
        ),
    ),
    after=st.text(),
    cuts=st.lists(st.integers(1, 9), max_size=60),
)
def test_any_object_is_found_whole(value: dict[str, Any], after: str, cuts: list[int]) -> None:
    """Brackets, quotes and escapes inside an object's strings do not end it."""
    text = json.dumps(value, ensure_ascii=False)
    assert streamed(f"```json\n{text}\n```{after}", cuts) == text
