"""Objects of a class: four methods, three ways of asking, and every way in which models answer."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
from typing import Any, get_type_hints

import pytest
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.prompts import ChatPromptTemplate
from llama_index.core.types import Model, PydanticProgramMode
from pydantic import BaseModel, Field, RootModel

from llamaindex_pollinations import Pollinations, StructuredOutputError
from pollinations_client import (
    ContextOverflowError,
    InvalidRequestError,
    PollinationsWarning,
    UnknownModelError,
)
from pollinations_client.emulator import Answer, Emulator, Fault
from support.llamaindex_structured import (
    BOB,
    PROMPT,
    WAYS,
    Branch,
    Person,
    answer_by,
    ask_for,
)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_gives_the_object(way: str, make: Any, method: str) -> None:
    """The emulator fills the schema from the prompt, in each way of asking."""
    assert ask_for(make(structured_output_mode=way), method)[-1] == BOB


def test_a_json_schema_is_on_the_wire(make: Any, method: str, gateway: Emulator) -> None:
    """By default the schema is the response format, named and described."""
    ask_for(make(), method)
    response_format = gateway.requests[0].json["response_format"]
    assert response_format["type"] == "json_schema"
    assert response_format["json_schema"]["name"] == "Person"
    assert response_format["json_schema"]["schema"]["required"] == ["name", "age"]
    assert "tools" not in gateway.requests[0].json


def test_strict_schemas_on_request(make: Any, method: str, gateway: Emulator) -> None:
    """Closed and all required; nulls for what was optional are taken back out."""

    class Pet(BaseModel):
        name: str
        age: int = 3

    gateway.script(Answer(text='{"name": "Rex", "age": null}'))
    assert ask_for(make(strict=True), method, Pet)[-1] == Pet(name="Rex")
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
    ("output_cls", "value"),
    [
        (People, [{"name": "Bob", "age": 42}]),
        (Found, {"name": "Bob", "age": 42}),
        (Ages, {"Bob": 42, "Ann": 3}),
    ],
)
def test_lists_and_choices_are_members_of_an_object(
    make: Any, method: str, way: str, output_cls: Any, value: Any, bare: bool, gateway: Emulator
) -> None:
    """Functions and strict schemas are objects: a RootModel is asked for as a member of one, and
    read in both forms.
    """
    bare = bare and not (way == "function" and isinstance(value, list))
    answer = value if bare else {"root": value}
    gateway.script(
        answer_by(way, **answer) if isinstance(answer, dict) else Answer(text=json.dumps(answer))
    )
    objects = ask_for(make(structured_output_mode=way), method, output_cls)
    assert objects[-1] == output_cls(value)
    assert all(type(item) is output_cls for item in objects)
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


def test_a_forced_function_goes_out_without_a_format(
    make: Any, method: str, gateway: Emulator
) -> None:
    """Several providers refuse tools beside the JSON mode of ``additional_kwargs``."""
    json_mode = {"response_format": {"type": "json_object"}}
    llm = make(structured_output_mode="function", additional_kwargs=json_mode)
    ask_for(llm, method, RootModel[int])
    assert "response_format" not in gateway.requests[0].json


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
        assert ask_for(make(strict=True, structured_output_mode=way), method, Tally)[-1] == Tally(
            counts={"a": 1}
        )
    assert '"strict"' not in str(gateway.requests[0].json).replace("'", '"')


def test_structured_output_by_functions_forces_the_tool(
    make: Any, method: str, gateway: Emulator
) -> None:
    """Streams too, and one call only."""
    ask_for(make(structured_output_mode="function"), method)
    sent = gateway.requests[0].json
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "Person"}}
    assert sent["parallel_tool_calls"] is False
    assert "response_format" not in sent


def test_asking_by_words_puts_the_schema_into_the_prompt(
    make: Any, method: str, gateway: Emulator
) -> None:
    """At the end of the last message, with nothing escaped."""
    ask_for(make(structured_output_mode="text"), method)
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
        ask_for(make(pydantic_program_mode=mode, structured_output_mode="json_schema"), method)[-1]
        == BOB
    )
    assert MODES[mode](gateway.requests[0].json)


@pytest.mark.parametrize("method", ["structured_predict", "astructured_predict"])
def test_type_hints_name_the_class_of_the_object(method: str) -> None:
    """What comes back is of the class that was asked for, as in LlamaIndex's own declaration."""
    hints = get_type_hints(getattr(Pollinations, method))
    assert (hints["output_cls"], hints["return"]) == (type[Model], Model)


def test_an_explicit_mode_is_the_only_one(make: Any, method: str, gateway: Emulator) -> None:
    """No other way is tried behind your back."""
    gateway.script(Answer(text="I do not know."))
    with pytest.raises(StructuredOutputError):
        ask_for(make(pydantic_program_mode=PydanticProgramMode.FUNCTION), method)
    assert len(gateway.requests) == 1


def test_a_model_without_functions_is_asked_without(
    make: Any, method: str, gateway: Emulator
) -> None:
    """The fallback behind a JSON schema is words."""
    gateway.script(Answer(text="Hm."))
    with pytest.warns(PollinationsWarning, match="Asked again by text"):
        assert ask_for(make(is_function_calling_model=False), method)[-1] == BOB
    assert all("tools" not in request.json for request in gateway.requests)


def test_each_way_is_tried_in_turn_with_a_warning(
    make: Any, method: str, gateway: Emulator
) -> None:
    """JSON schema, then a forced function, then words; a warning names each step."""
    gateway.script(Answer(text="I do not know."), Answer(text="I do not know."))
    with pytest.warns(PollinationsWarning) as warned:
        assert ask_for(make(), method)[-1] == BOB
    assert [str(item.message).rpartition("Asked again ")[2] for item in warned] == [
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
        assert ask_for(make(), method)[-1] == BOB


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (
            "This model's maximum context length is 8192 tokens, context_length_exceeded",
            ContextOverflowError,
        )
    ],
)
def test_errors_that_no_other_way_can_cure_are_raised_at_once(
    message: str, kind: type[Exception], make: Any, method: str, gateway: Emulator
) -> None:
    """Too long stays too long."""
    gateway.script(Fault("status", times=3, status=400, message=message))
    with pytest.raises(kind):
        ask_for(make(), method)
    assert len(gateway.requests) == 1


def test_an_unknown_model_is_not_asked_three_times(
    make: Any, method: str, gateway: Emulator
) -> None:
    """Nor does it become known."""
    with pytest.raises(UnknownModelError):
        ask_for(make("no-such-model"), method)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("way", WAYS)
def test_the_system_prompt_is_sent(way: str, make: Any, method: str, gateway: Emulator) -> None:
    """In all four methods, in all three ways."""
    ask_for(make(structured_output_mode=way, system_prompt="Be kind."), method)
    assert gateway.requests[0].json["messages"][0] == {"role": "system", "content": "Be kind."}


@pytest.mark.parametrize("way", WAYS)
def test_options_that_callers_pass_along_are_ignored(
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
    assert ask_for(make(structured_output_mode=way), method, llm_kwargs=options)[-1] == BOB
    assert gateway.requests[0].json["temperature"] == 0.1
    assert options == before


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
    car = ask_for(make(structured_output_mode=way), method, Car)[-1]
    assert car == Car(colour=Colour.BLUE, engine=Engine(power=90), doors=["left"], notes={"a": "b"})


def test_gemini_gets_a_schema_that_it_reads(make: Any, method: str, gateway: Emulator) -> None:
    """The client lays tool schemas out for it."""
    ask_for(make("gemini", structured_output_mode="function"), method)
    assert "$defs" not in gateway.requests[0].json["tools"][0]["function"]["parameters"]


def test_chat_prompt_templates_work(make: Any, method: str, gateway: Emulator) -> None:
    """With their roles."""
    prompt = ChatPromptTemplate(
        [
            ChatMessage(role="system", content="You know {hint}"),
            ChatMessage(role="user", content="'Bob' is 42"),
        ]
    )
    assert ask_for(make(), method, prompt=prompt)[-1] == BOB
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


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("way", WAYS[:2])
def test_recursive_classes_are_sent_with_their_definitions(
    make: Any, method: str, way: str, strict: bool, gateway: Emulator
) -> None:
    """The root is an object, and what it contains of itself is a reference to a definition."""
    tree = {"name": "tree", "parts": [{"name": "twig", "parts": [{"name": "leaf", "parts": []}]}]}
    gateway.script(
        Answer(tool_calls=[("Branch", tree)]) if way == "function" else answer_by(way, **tree)
    )
    llm = make(structured_output_mode=way, strict=strict)
    assert ask_for(llm, method, Branch)[-1].model_dump() == tree
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
def test_an_output_cls_that_is_no_pydantic_class_is_refused(
    make: Any, method: str, wrong: Any, gateway: Emulator
) -> None:
    """In one sentence, before anything is sent; by a structured LLM too."""
    with pytest.raises(InvalidRequestError, match=r"^output_cls: a Pydantic class is needed"):
        ask_for(make(), method, wrong)
    with pytest.raises(InvalidRequestError, match="RootModel"):
        make().as_structured_llm(wrong)
    assert not gateway.requests


class Positive(BaseModel):
    """A positive number."""

    value: int = Field(gt=0)


def test_a_response_format_is_reduced_for_gemini(make: Any, method: str, gateway: Emulator) -> None:
    """Vertex refuses ``exclusiveMinimum``, as in tools. Other models get the schema unchanged."""
    for model, bound in (("gemini", {"minimum": 1}), ("openai", {"exclusiveMinimum": 0})):
        gateway.script(Answer(text='{"value": 3}'))
        ask_for(make(model, structured_output_mode="json_schema"), method, Positive)
        schema = gateway.requests[-1].json["response_format"]["json_schema"]["schema"]
        assert schema["properties"]["value"] == {"title": "Value", "type": "integer", **bound}


def test_the_way_is_chosen_for_the_model_of_the_call(
    make: Any, method: str, gateway: Emulator
) -> None:
    """A model without a response format is asked by a function, whichever model the object has."""
    assert ask_for(make(), method, llm_kwargs={"model": "llama-scout"})[-1] == BOB
    sent = gateway.requests[0].json
    assert sent["model"] == "llama-scout"
    assert "response_format" not in sent
