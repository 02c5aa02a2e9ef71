"""Objects read out of prose, fences, wrappers and broken JSON, and streams that show them grow."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from llama_index.core import PromptTemplate
from pydantic import BaseModel

from llamaindex_pollinations import StructuredOutputError
from llamaindex_pollinations._output_parser import NothingFound, object_from_text, partial_data
from pollinations_client._adapter_support import find_json
from pollinations_client.emulator import Answer, Chunks, Emulator
from support.llamaindex import TAIL, delta, fragment
from support.llamaindex_structured import (
    BOB,
    WAYS,
    Branch,
    Person,
    answer_by,
    ask_for,
)


class Swarm(BaseModel):
    """A list that may be long."""

    bees: list[str]


@pytest.mark.parametrize("mode", ["function", "json_schema"])
def test_a_long_streamed_object_is_validated_by_its_growth(
    make: Any, gateway: Emulator, mode: str
) -> None:
    """Each partial object costs as much as the whole answer so far; the last one is whole."""
    counts = []
    for size in (500, 5_000):
        swarm = {"bees": [f"bee number {n}" for n in range(size)]}
        text = json.dumps(swarm)
        pieces = [text[at : at + 50] for at in range(0, len(text), 50)]
        if mode == "json_schema":
            chunks = [delta(content=piece) for piece in pieces]
        else:
            first = fragment(0, id="call_1", name="Swarm", arguments="")
            parts = [first, *(fragment(0, arguments=piece) for piece in pieces)]
            chunks = [delta(tool_calls=[part]) for part in parts]
        gateway.script(Chunks([*chunks, delta("stop"), TAIL]))
        llm = make(structured_output_mode=mode)
        objects = list(llm.stream_structured_predict(Swarm, PromptTemplate("Bees")))
        assert objects[-1].bees == swarm["bees"]
        counts.append(len(objects))
    assert counts[1] <= counts[0] + 25


BOB_JSON = '{"name": "Bob", "age": 42}'
SPOKEN: dict[str, str] = {
    "clean": BOB_JSON,
    "fenced": f"```json\n{BOB_JSON}\n```",
    "fenced without a language": f"```\n{BOB_JSON}\n```",
    "prose before": f"Sure! Here is the person:\n\n{BOB_JSON}",
    "prose around": f"Sure: {BOB_JSON} Anything else?",
    "prose with braces before": f"The set {{1, 2}} aside, {BOB_JSON}",
    "fenced with prose": f"Here you are:\n```json\n{BOB_JSON}\n```\nLet me know.",
    "thoughts first": f'<think>Maybe {{"name": "Al", "age": 1}}?</think>{BOB_JSON}',
    "wrapped in its name": f'{{"Person": {BOB_JSON}}}',
    "as if a tool were called": f'{{"name": "Person", "arguments": {BOB_JSON}}}',
    "as if a tool were called, in text": json.dumps({"name": "Person", "parameters": BOB_JSON}),
    "list of one": f"[{BOB_JSON}]",
    "real line break in a string": '{"name": "Bob", "age": 42, "note": "a\nb"}',
    "another object first": f'{{"note": "see below"}} {BOB_JSON}',
    "quoted as a string": json.dumps(BOB_JSON),
    "after a note in brackets": f"[Result: {BOB_JSON}]",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("text", SPOKEN)
def test_json_is_found_in_prose_fences_and_thoughts(
    text: str, way: str, make: Any, method: str, gateway: Emulator
) -> None:
    """Fences, prose, thoughts, wrappers: in one request, whichever way was asked."""
    gateway.script(Answer(text=SPOKEN[text]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ask_for(make(structured_output_mode=way), method)[-1] == BOB
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    "arguments", [BOB_JSON + "}", json.dumps(BOB_JSON), f"```json\n{BOB_JSON}\n```"]
)
def test_arguments_that_are_no_plain_object_are_read_too(
    arguments: str, make: Any, method: str, gateway: Emulator
) -> None:
    """A bracket too many, JSON in a string, fences: models do to arguments what they do to text."""
    gateway.script(Answer(tool_calls=[("Person", arguments)]))
    assert ask_for(make(structured_output_mode="function"), method)[-1] == BOB


def test_prose_beside_a_call_is_ignored(make: Any, method: str, gateway: Emulator) -> None:
    """The arguments of the call are the object."""
    gateway.script(
        Answer(text="Let me call {the} tool.", tool_calls=[("Person", {"name": "Bob", "age": 42})])
    )
    assert ask_for(make(structured_output_mode="function"), method)[-1] == BOB


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(text="I do not know."), "no JSON"),
        (Answer(text='{"name": "Bob"}'), "age: Field required"),
        (Answer(text='{"name": "Bob", "age": "old"}'), "age: "),
        (Answer(text='{"name": "Bob", "a', finish_reason="length"), "max_tokens"),
        (Answer(text="", refusal="I will not."), "I will not"),
    ],
    ids=["prose", "incomplete", "wrong type", "cut", "refusal"],
)
def test_an_answer_without_the_object_is_a_typed_error(
    answer: Answer, reason: str, way: str, make: Any, method: str, gateway: Emulator
) -> None:
    """A ``ValueError`` that names the class, the missing field and the answer."""
    gateway.script(answer)
    with pytest.raises(ValueError, match="No Person in the answer") as caught:
        ask_for(make(structured_output_mode=way), method)
    assert reason in str(caught.value)
    assert isinstance(caught.value, StructuredOutputError)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(text='{"name": "Bob", "a', finish_reason="length"),
        Answer(text="", refusal="I will not."),
        Answer(text="I was about to", finish_reason="content_filter"),
    ],
    ids=["cut", "refusal", "filter"],
)
def test_a_refusal_or_a_cut_answer_is_not_asked_for_again(
    answer: Answer, make: Any, method: str, gateway: Emulator
) -> None:
    """Another way would be refused or cut as well, and paid for: the error says what to do."""
    gateway.script(answer)
    with pytest.raises(StructuredOutputError) as caught:
        ask_for(make(), method)
    assert caught.value.is_final
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("way", WAYS)
def test_streams_show_the_object_growing(way: str, make: Any, gateway: Emulator) -> None:
    """Part by part, then whole; the parts have every attribute."""
    for method in ("stream_structured_predict", "astream_structured_predict"):
        gateway.script(answer_by(way, name="Bob of the long and winding road", age=42))
        objects = ask_for(make(structured_output_mode=way), method)
        assert len(objects) > 2
        assert objects[0].age is None
        assert isinstance(objects[-1], Person)
        assert objects[-1].age == 42


class Lax(BaseModel):
    """A class that fits anything."""

    name: str = "nobody"


def test_defaults_are_not_made_up_from_a_wrapper() -> None:
    """Where every field has a default any object would fit: the one inside is meant."""
    assert object_from_text('{"Lax": {"name": "Bob"}}', Lax) == Lax(name="Bob")


def test_text_without_json_is_an_error_that_says_so() -> None:
    """Nothing is made up."""
    with pytest.raises(NothingFound):
        object_from_text("Nothing here, {not even} this.", Lax)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("Sure", None),
        ('```json\n{"name": "Bo', {"name": "Bo"}),
        ('{"name": "Bob", "age": 4', {"name": "Bob", "age": 4}),
        ('{"name": "Bob", "age":', {"name": "Bob"}),
        ('<think>{"name"', None),
        ('{"a": [1, {"b": "c', {"a": [1, {"b": "c"}]}),
    ],
)
def test_unfinished_text_gives_a_partial_object(text: str, data: Any) -> None:
    """Strings and numbers may still grow."""
    assert partial_data(find_json(text)) == data


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "tree", "parts": [{"name": "leaf"}, {"na',
        '{"name": "tree", "parts": [{"name": "leaf"}],}',
        'Here: {"name": "tree", "parts": [{"name": "leaf", "parts": []}]',
        '```json\n{"name": "tree", "parts": [{"name": "leaf"}',
    ],
)
def test_a_part_of_broken_json_is_not_the_answer(text: str) -> None:
    """Cut or misspelt, it holds whole objects of the class, but none of them is what was
    asked for.
    """
    with pytest.raises(NothingFound):
        object_from_text(text, Branch)


def test_broken_json_does_not_hide_complete_json_after_it() -> None:
    """A model that corrects itself is read to the end."""
    text = 'First {"name": "tree", "parts": [{"name": "leaf"}],} then {"name": "oak"}'
    assert object_from_text(text, Branch) == Branch(name="oak")


HALF = {
    "cut": '{"name": "tree", "parts": [{"name": "leaf"}, {"name": "le',
    "trailing comma": '{"name": "tree", "parts": [{"name": "leaf"}],}',
    "missing comma": '{"name": "tree" "parts": [{"name": "leaf"}]}',
    "single quotes": "{'name': 'tree', [{\"name\": \"leaf\"}]}",
    "no name, in a member": '{"input": {"name": "leaf"}, "parts": []}',
}


class Step(Branch):
    """A class with a field that other answers use as a wrapper."""

    input: Step | None = None


@pytest.mark.parametrize("in_call", [False, True])
@pytest.mark.parametrize("text", HALF.values(), ids=HALF)
def test_half_an_answer_is_an_error(
    make: Any, method: str, text: str, in_call: bool, gateway: Emulator
) -> None:
    """A whole object inside a broken one is not the answer, as text or as arguments of a call."""
    gateway.script(Answer(tool_calls=[("Step", text)]) if in_call else Answer(text=text))
    way = "function" if in_call else "json_schema"
    with pytest.raises(StructuredOutputError):
        ask_for(make(structured_output_mode=way), method, Step)


@pytest.mark.parametrize("text", ["[1," * 50_000, '{"' + '\\"' * 16_000, "{" * 50_000])
def test_hostile_json_is_an_error_of_its_own(make: Any, text: str, gateway: Emulator) -> None:
    """Neither a RecursionError nor minutes of work."""
    gateway.script(Answer(text=text))
    with pytest.raises(StructuredOutputError):
        ask_for(make(structured_output_mode="json_schema"), "structured_predict")
