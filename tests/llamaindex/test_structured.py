"""Objects of a class: four methods, three ways of asking, and every way in which models answer."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
import warnings
from typing import Any, get_type_hints

import pytest
from llama_index.core import PromptTemplate
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.prompts import ChatPromptTemplate
from llama_index.core.types import Model, PydanticProgramMode
from pydantic import BaseModel, Field, RootModel

from llamaindex_pollinations import Pollinations, StructuredOutputError
from llamaindex_pollinations._structured_output import (
    NothingFound,
    object_from_text,
    partial_data,
)
from pollinations_client import (
    ContextOverflowError,
    InvalidRequestError,
    PollinationsWarning,
    UnknownModelError,
)
from pollinations_client._adapter_support import find_json
from pollinations_client.emulator import Answer, Chunks, Emulator, Fault
from support.llamaindex import TAIL, delta, fragment

METHODS = (
    "structured_predict",
    "astructured_predict",
    "stream_structured_predict",
    "astream_structured_predict",
)
WAYS = ("json_schema", "function", "text")


class Person(BaseModel):
    """A person."""

    name: str
    age: int


BOB = Person(name="Bob", age=42)
PROMPT = PromptTemplate("Who is 'Bob', aged 42? {hint}")


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    """Each of the four structured methods."""
    return str(request.param)


def found(
    llm: Any, method: str, output_cls: Any = Person, prompt: Any = PROMPT, **options: Any
) -> list[Any]:
    """All objects a structured method gives, the last one being the answer."""
    given = {"hint": "Answer.", **options}

    async def awaited() -> list[Any]:
        answered = await getattr(llm, method)(output_cls, prompt, **given)
        return [one async for one in answered] if "stream" in method else [answered]

    if method.startswith("a"):
        return asyncio.run(awaited())
    answered = getattr(llm, method)(output_cls, prompt, **given)
    return list(answered) if "stream" in method else [answered]


def answer_by(way: str, **person: Any) -> Answer:
    """A person, told in the form that was asked for."""
    if way == "function":
        return Answer(tool_calls=[("Person", person)])
    return Answer(text=json.dumps(person))


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


@pytest.mark.parametrize("way", WAYS)
def test_each_way_gives_the_object(way: str, make: Any, method: str) -> None:
    """The emulator fills the schema from the prompt, whichever way it is told."""
    assert found(make(structured_output_mode=way), method)[-1] == BOB


def test_a_json_schema_is_on_the_wire(make: Any, method: str, gateway: Emulator) -> None:
    """By default the schema is the response format, named and described."""
    found(make(), method)
    wanted = gateway.requests[0].json["response_format"]
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["name"] == "Person"
    assert wanted["json_schema"]["schema"]["required"] == ["name", "age"]
    assert "tools" not in gateway.requests[0].json


def test_strict_schemas_on_request(make: Any, method: str, gateway: Emulator) -> None:
    """Closed and all required; nulls for what was optional are taken back out."""

    class Pet(BaseModel):
        name: str
        age: int = 3

    gateway.script(Answer(text='{"name": "Rex", "age": null}'))
    assert found(make(strict=True), method, Pet)[-1] == Pet(name="Rex")
    schema = gateway.requests[0].json["response_format"]["json_schema"]
    assert (schema["strict"], schema["schema"]["additionalProperties"]) == (True, False)
    assert schema["schema"]["required"] == ["name", "age"]


class People(RootModel[list[Person]]):
    """Some people."""


class Found(RootModel[Person | str]):
    """A person, or why there is none."""


class Ages(RootModel[dict[str, int]]):
    """Ages by name."""


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("output_cls", "held"),
    [
        (People, [{"name": "Bob", "age": 42}]),
        (Found, {"name": "Bob", "age": 42}),
        (Ages, {"Bob": 42, "Ann": 3}),
    ],
)
def test_lists_and_choices_are_members_of_an_object(
    make: Any, method: str, way: str, output_cls: Any, held: Any, bare: bool, gateway: Emulator
) -> None:
    """Functions and strict schemas are objects: a RootModel is asked for as a member of one, and
    read in both forms.
    """
    bare = bare and not (way == "function" and isinstance(held, list))
    told = held if bare else {"root": held}
    gateway.script(
        answer_by(way, **told) if isinstance(told, dict) else Answer(text=json.dumps(told))
    )
    objects = found(make(structured_output_mode=way), method, output_cls)
    assert objects[-1] == output_cls(held)
    assert all(type(one) is output_cls for one in objects)
    sent = gateway.requests[0].json
    if way == "text":
        assert '"required": ["root"]' in str(sent["messages"])
    else:
        schema = sent["tools"][0]["function"]["parameters"] if way == "function" else None
        schema = schema or sent["response_format"]["json_schema"]["schema"]
        assert (schema["type"], list(schema["properties"]), schema["required"]) == (
            "object",
            ["root"],
            ["root"],
        )


@pytest.mark.parametrize("way", WAYS[:2])
def test_strict_loses_no_free_form_member(
    make: Any, method: str, way: str, gateway: Emulator
) -> None:
    """A class with a free-form object is asked for without strict, and a warning names the
    field.
    """

    class Tally(BaseModel):
        """A tally."""

        counts: dict[str, int]

    gateway.script(answer_by(way, counts={"a": 1}))
    with pytest.warns(PollinationsWarning, match=r"Tally.*without strict.*\(counts\)"):
        assert found(make(strict=True, structured_output_mode=way), method, Tally)[-1] == Tally(
            counts={"a": 1}
        )
    assert '"strict"' not in str(gateway.requests[0].json).replace("'", '"')


def test_structured_output_by_functions_forces_the_tool(
    make: Any, method: str, gateway: Emulator
) -> None:
    """Streams too, and one call only."""
    found(make(structured_output_mode="function"), method)
    sent = gateway.requests[0].json
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "Person"}}
    assert sent["parallel_tool_calls"] is False
    assert "response_format" not in sent


def test_asking_by_words_puts_the_schema_into_the_prompt(
    make: Any, method: str, gateway: Emulator
) -> None:
    """At the end of the last message, with nothing escaped."""
    found(make(structured_output_mode="text"), method)
    sent = gateway.requests[0].json
    assert '"properties": {"name":' in sent["messages"][-1]["content"]
    assert not {"tools", "response_format"} & sent.keys()


MODES = {
    PydanticProgramMode.FUNCTION: lambda body: "tools" in body and "response_format" not in body,
    PydanticProgramMode.OPENAI: lambda body: "tools" in body and "response_format" not in body,
    PydanticProgramMode.LLM: lambda body: "tools" not in body and "response_format" not in body,
}


@pytest.mark.parametrize("mode", MODES)
def test_an_explicit_program_mode_is_respected(
    mode: PydanticProgramMode, make: Any, method: str, gateway: Emulator
) -> None:
    """LlamaIndex's own switch decides over everything."""
    assert (
        found(make(pydantic_program_mode=mode, structured_output_mode="json_schema"), method)[-1]
        == BOB
    )
    assert MODES[mode](gateway.requests[0].json)


@pytest.mark.parametrize("method", ["structured_predict", "astructured_predict"])
def test_type_checkers_are_told_the_class(method: str) -> None:
    """What comes back is of the class that was asked for, as in LlamaIndex's own declaration."""
    told = get_type_hints(getattr(Pollinations, method))
    assert (told["output_cls"], told["return"]) == (type[Model], Model)


def test_an_explicit_mode_is_the_only_one(make: Any, method: str, gateway: Emulator) -> None:
    """No other way is tried behind your back."""
    gateway.script(Answer(text="I do not know."))
    with pytest.raises(StructuredOutputError):
        found(make(pydantic_program_mode=PydanticProgramMode.FUNCTION), method)
    assert len(gateway.requests) == 1


def test_a_model_without_functions_is_asked_without(
    make: Any, method: str, gateway: Emulator
) -> None:
    """The fallback behind a JSON schema is words."""
    gateway.script(Answer(text="Hm."))
    with pytest.warns(PollinationsWarning, match="Asked again by text"):
        assert found(make(is_function_calling_model=False), method)[-1] == BOB
    assert all("tools" not in request.json for request in gateway.requests)


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
@pytest.mark.parametrize("said", SPOKEN)
def test_json_is_found_in_prose_fences_and_thoughts(
    said: str, way: str, make: Any, method: str, gateway: Emulator
) -> None:
    """Fences, prose, thoughts, wrappers: in one request, whichever way was asked."""
    gateway.script(Answer(text=SPOKEN[said]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found(make(structured_output_mode=way), method)[-1] == BOB
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    "arguments", [BOB_JSON + "}", json.dumps(BOB_JSON), f"```json\n{BOB_JSON}\n```"]
)
def test_arguments_that_are_no_plain_object_are_read_too(
    arguments: str, make: Any, method: str, gateway: Emulator
) -> None:
    """A bracket too many, JSON in a string, fences: models do to arguments what they do to text."""
    gateway.script(Answer(tool_calls=[("Person", arguments)]))
    assert found(make(structured_output_mode="function"), method)[-1] == BOB


def test_prose_beside_a_call_does_no_harm(make: Any, method: str, gateway: Emulator) -> None:
    """The call holds."""
    gateway.script(
        Answer(text="Let me call {the} tool.", tool_calls=[("Person", {"name": "Bob", "age": 42})])
    )
    assert found(make(structured_output_mode="function"), method)[-1] == BOB


def test_one_way_after_another(make: Any, method: str, gateway: Emulator) -> None:
    """JSON schema, then a forced function, then words; each step is said."""
    gateway.script(Answer(text="I do not know."), Answer(text="I do not know."))
    with pytest.warns(PollinationsWarning) as told:
        assert found(make(), method)[-1] == BOB
    assert [str(one.message).rpartition("Asked again ")[2] for one in told] == [
        "by function in place of json_schema.",
        "by text in place of function.",
    ]
    bodies = [request.json for request in gateway.requests]
    assert ["response_format" in body for body in bodies] == [True, False, False]
    assert ["tools" in body for body in bodies] == [False, True, False]


def test_a_refused_response_format_is_followed_by_a_function(
    make: Any, method: str, gateway: Emulator
) -> None:
    """Some providers answer 400."""
    gateway.script(Fault("status", status=400, message="response_format is not supported"))
    with pytest.warns(PollinationsWarning, match="response_format is not supported"):
        assert found(make(), method)[-1] == BOB


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (
            "This model's maximum context length is 8192 tokens, context_length_exceeded",
            ContextOverflowError,
        )
    ],
)
def test_what_no_other_way_can_cure_is_not_repeated(
    message: str, kind: type[Exception], make: Any, method: str, gateway: Emulator
) -> None:
    """Too long stays too long."""
    gateway.script(Fault("status", times=3, status=400, message=message))
    with pytest.raises(kind):
        found(make(), method)
    assert len(gateway.requests) == 1


def test_an_unknown_model_is_not_asked_three_times(
    make: Any, method: str, gateway: Emulator
) -> None:
    """Nor does it become known."""
    with pytest.raises(UnknownModelError):
        found(make("no-such-model"), method)
    assert len(gateway.requests) == 1


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
def test_what_is_no_object_is_a_typed_error(
    answer: Answer, reason: str, way: str, make: Any, method: str, gateway: Emulator
) -> None:
    """It says what was wanted, what is missing and what came; it is a ``ValueError``."""
    gateway.script(answer)
    with pytest.raises(ValueError, match="No Person in the answer") as caught:
        found(make(structured_output_mode=way), method)
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
        found(make(), method)
    assert caught.value.is_final
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("way", WAYS)
def test_the_system_prompt_is_kept(way: str, make: Any, method: str, gateway: Emulator) -> None:
    """In all four methods, in all three ways."""
    found(make(structured_output_mode=way, system_prompt="Be kind."), method)
    assert gateway.requests[0].json["messages"][0] == {"role": "system", "content": "Be kind."}


@pytest.mark.parametrize("way", WAYS)
def test_what_callers_pass_along_does_no_harm(
    way: str, make: Any, method: str, gateway: Emulator
) -> None:
    """``tool_choice`` and the like are decided here; other options are sent; the dictionary stays
    as it was.
    """
    options = {
        "tool_choice": "none",
        "tool_required": True,
        "allow_parallel_tool_calls": True,
        "temperature": 0.1,
    }
    before = dict(options)
    assert found(make(structured_output_mode=way), method, llm_kwargs=options)[-1] == BOB
    assert gateway.requests[0].json["temperature"] == 0.1
    assert options == before


@pytest.mark.parametrize("way", WAYS)
def test_streams_show_the_object_growing(way: str, make: Any, gateway: Emulator) -> None:
    """Part by part, then whole; the parts have every attribute."""
    for method in ("stream_structured_predict", "astream_structured_predict"):
        gateway.script(answer_by(way, name="Bob of the long and winding road", age=42))
        objects = found(make(structured_output_mode=way), method)
        assert len(objects) > 2
        assert objects[0].age is None
        assert isinstance(objects[-1], Person)
        assert objects[-1].age == 42


class Colour(enum.Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


class Engine(BaseModel):
    """An engine."""

    power: int = Field(description="In horse powers.")
    fuel: str | None = None


class Car(BaseModel):
    """A car with everything that makes schemas hard."""

    colour: Colour
    engine: Engine
    doors: list[str] = Field(default_factory=list)
    notes: dict[str, str] = Field(default_factory=dict)
    towed: Car | None = None


CAR = {
    "colour": "blue",
    "engine": {"power": 90},
    "doors": ["left"],
    "notes": {"a": "b"},
    "towed": None,
}


@pytest.mark.parametrize("way", WAYS)
def test_nested_optional_enumerated_and_recursive_classes(
    way: str, make: Any, method: str, gateway: Emulator
) -> None:
    """The schema reaches the gateway and the answer becomes the object."""
    gateway.script(
        Answer(tool_calls=[("Car", CAR)]) if way == "function" else Answer(text=json.dumps(CAR))
    )
    car = found(make(structured_output_mode=way), method, Car)[-1]
    assert car == Car(colour=Colour.BLUE, engine=Engine(power=90), doors=["left"], notes={"a": "b"})


def test_gemini_is_given_a_schema_that_it_reads(make: Any, method: str, gateway: Emulator) -> None:
    """The client lays tool schemas out for it."""
    found(make("gemini", structured_output_mode="function"), method)
    assert "$defs" not in gateway.requests[0].json["tools"][0]["function"]["parameters"]


def test_chat_prompts_are_taken(make: Any, method: str, gateway: Emulator) -> None:
    """With their roles."""
    prompt = ChatPromptTemplate(
        [
            ChatMessage(role="system", content="You know {hint}"),
            ChatMessage(role="user", content="'Bob' is 42"),
        ]
    )
    assert found(make(), method, prompt=prompt)[-1] == BOB
    assert [message["role"] for message in gateway.requests[0].json["messages"]] == [
        "system",
        "user",
    ]


def test_a_structured_llm_answers_with_objects_in_all_eight_calls(
    make: Any, say: Any, way: str
) -> None:
    """Core leaves streamed completions out."""
    llm = make().as_structured_llm(Person)
    response = say(llm, way, "'Bob' is 42")[-1]
    assert response.raw == BOB
    assert (
        json.loads(response.message.content if hasattr(response, "message") else response.text)
        == BOB.model_dump()
    )


def test_a_structured_llm_takes_a_tool_choice(make: Any) -> None:
    """Agents pass one along."""
    assert make().as_structured_llm(Person).complete("'Bob' is 42", tool_choice="none").raw == BOB


def test_async_is_async(make: Any) -> None:
    """Two at a time share one loop."""

    async def both() -> list[Any]:
        llm = make()
        return await asyncio.gather(
            *(llm.astructured_predict(Person, PROMPT, hint=str(n)) for n in range(2))
        )

    assert asyncio.run(both()) == [BOB, BOB]


def test_events_of_structured_calls() -> None:
    """The methods are spans, like core's own."""
    for name in ("structured_predict", "astructured_predict"):
        assert getattr(getattr(Pollinations, name), "__dispatcher_span_decorated__", None) is True


# -- reading, without a gateway


class Lax(BaseModel):
    """A class that fits anything."""

    name: str = "nobody"


def test_defaults_are_not_made_up_from_a_wrapper() -> None:
    """Where every field has a default any object would fit: the one inside is meant."""
    assert object_from_text('{"Lax": {"name": "Bob"}}', Lax) == Lax(name="Bob")


def test_text_without_json_is_said_so() -> None:
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
def test_unfinished_text_gives_what_is_there(text: str, data: Any) -> None:
    """Strings and numbers may still grow."""
    assert partial_data(find_json(text)) == data


class Branch(BaseModel):
    """A class within itself."""

    name: str
    parts: list[Branch] = []


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


def test_broken_json_does_not_hide_a_whole_one_after_it() -> None:
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
        found(make(structured_output_mode=way), method, Step)


@pytest.mark.parametrize("text", ["[1," * 50_000, '{"' + '\\"' * 16_000, "{" * 50_000])
def test_hostile_json_is_an_error_of_its_own(make: Any, text: str, gateway: Emulator) -> None:
    """Neither a RecursionError nor minutes of work."""
    gateway.script(Answer(text=text))
    with pytest.raises(StructuredOutputError):
        found(make(structured_output_mode="json_schema"), "structured_predict")


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("way", WAYS[:2])
def test_recursive_classes_are_asked_for_whole(
    make: Any, method: str, way: str, strict: bool, gateway: Emulator
) -> None:
    """The root is an object, and what it contains of itself is a reference to a definition."""
    tree = {"name": "tree", "parts": [{"name": "twig", "parts": [{"name": "leaf", "parts": []}]}]}
    gateway.script(
        Answer(tool_calls=[("Branch", tree)]) if way == "function" else answer_by(way, **tree)
    )
    llm = make(structured_output_mode=way, strict=strict)
    assert found(llm, method, Branch)[-1].model_dump() == tree
    sent = gateway.requests[0].json
    if way == "function":
        schema = sent["tools"][0]["function"]["parameters"]
    else:
        schema = sent["response_format"]["json_schema"]["schema"]
    assert schema["type"] == "object"
    for part in (schema, schema["$defs"]["Branch"]):
        assert part["properties"]["parts"]["items"] == {"$ref": "#/$defs/Branch"}


def test_joined_deltas_of_a_structured_llm_are_the_final_json(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """In all four streams; the objects on the way have no delta."""
    if "stream" not in way:
        return
    responses = say(make().as_structured_llm(Person), way, "'Bob' is 42")
    last = responses[-1]
    text = last.message.content if hasattr(last, "message") else last.text
    assert "".join(response.delta for response in responses) == text == BOB.model_dump_json()
    assert len(responses) > 2


def test_a_chat_engine_streams_and_remembers_a_structured_answer(make: Any) -> None:
    """It shows the JSON and keeps it."""
    memory = ChatMemoryBuffer.from_defaults(token_limit=1_000)
    engine = SimpleChatEngine.from_defaults(llm=make().as_structured_llm(Person), memory=memory)
    answer = engine.stream_chat("'Bob' is 42")
    assert "".join(answer.response_gen) == BOB.model_dump_json()
    assert engine.chat_history[-1].content == BOB.model_dump_json()


@dataclasses.dataclass
class Point:
    """No Pydantic class."""

    x: int


@pytest.mark.parametrize("wrong", [list[Person], Point, dict, Person | None, 3], ids=str)
def test_what_is_no_pydantic_class_is_refused(
    make: Any, method: str, wrong: Any, gateway: Emulator
) -> None:
    """In one sentence, before anything is sent; by a structured LLM too."""
    with pytest.raises(InvalidRequestError, match=r"^output_cls: a Pydantic class is needed"):
        found(make(), method, wrong)
    with pytest.raises(InvalidRequestError, match="RootModel"):
        make().as_structured_llm(wrong)
    assert not gateway.requests


class Positive(BaseModel):
    """A positive number."""

    value: int = Field(gt=0)


def test_a_response_format_is_reduced_for_gemini(make: Any, method: str, gateway: Emulator) -> None:
    """As tools are: Vertex refuses ``exclusiveMinimum``. Other models get it as it is."""
    for model, bound in (("gemini", {"minimum": 1}), ("openai", {"exclusiveMinimum": 0})):
        gateway.script(Answer(text='{"value": 3}'))
        found(make(model, structured_output_mode="json_schema"), method, Positive)
        schema = gateway.requests[-1].json["response_format"]["json_schema"]["schema"]
        assert schema["properties"]["value"] == {"title": "Value", "type": "integer", **bound}


def test_the_way_is_chosen_for_the_model_of_the_call(
    make: Any, method: str, gateway: Emulator
) -> None:
    """A model without a response format is asked by a function, whichever model the object has."""
    assert found(make(), method, llm_kwargs={"model": "llama-scout"})[-1] == BOB
    sent = gateway.requests[0].json
    assert sent["model"] == "llama-scout"
    assert "response_format" not in sent
