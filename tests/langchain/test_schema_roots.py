"""JSON schemas whose root has no properties of its own: LangChain writes them out as their titles
alone.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, RootModel, TypeAdapter

from pollinations_client import InvalidRequestError
from pollinations_client.emulator import Answer, Emulator


class Plant(BaseModel):
    """A plant and what grows on it."""

    name: str
    guests: list[Plant] = []


class Moss(BaseModel):
    """A moss."""

    shade: int


RECURSIVE = Plant.model_json_schema()
CHOICE = TypeAdapter(Moss | Plant).json_schema()
LIST = TypeAdapter(list[Moss]).json_schema()
MAP = {"title": "heights", "type": "object", "additionalProperties": {"type": "integer"}}


def sent_body(gateway: Emulator) -> Any:
    """The last request as it was sent."""
    return gateway.requests[-1].json


@pytest.mark.parametrize("strict", [None, True])
def test_a_recursive_root_is_sent_whole(gateway: Emulator, make: Any, strict: bool | None) -> None:
    """Pydantic writes a class that holds itself as a reference; what it refers to is sent, by
    either method.
    """
    gateway.script(*[Answer(text='{"name": "oak", "guests": []}')] * 2)
    for method in ("json_schema", "function_calling"):
        llm = make().with_structured_output(RECURSIVE, method=method, strict=strict)
        assert llm.invoke("An oak.") == {"name": "oak", "guests": []}
        sent = sent_body(gateway)
        inner = (
            sent["response_format"]["json_schema"]
            if method == "json_schema"
            else sent["tools"][0]["function"]
        )
        schema = inner["schema" if method == "json_schema" else "parameters"]
        assert inner["name"] == "Plant"
        assert schema["properties"]["guests"]["items"] == {"$ref": "#/$defs/Plant"}
        assert "Plant" in schema["$defs"]


@pytest.mark.parametrize("root", [CHOICE, LIST, MAP])
@pytest.mark.parametrize("bound", [True, False])
def test_a_root_without_properties_is_sent_as_it_is(
    gateway: Emulator, make: Any, root: dict[str, Any], bound: bool
) -> None:
    """A choice, a list or a map is a ``response_format`` like any other."""
    gateway.script(Answer(text='[{"shade": 3}]'))
    llm = make()
    llm = (
        llm.bind(response_format=root)
        if bound
        else llm.with_structured_output(root, method="json_schema")
    )
    llm.invoke("Mosses.")
    sent = sent_body(gateway)["response_format"]["json_schema"]
    assert sent["name"] == root.get("title", "answer")
    assert sent["schema"] == {name: value for name, value in root.items() if name != "title"}


def test_a_tool_takes_a_choice_or_a_map_of_objects(gateway: Emulator, make: Any) -> None:
    """Their roots are objects, which every provider wants to be told."""
    gateway.script(*[Answer(text="Ok.")] * 2)
    for root in ({"title": "plants", **CHOICE}, MAP):
        make().bind_tools([root]).invoke("Plants.")
        parameters = sent_body(gateway)["tools"][0]["function"]["parameters"]
        assert parameters == {
            "type": "object",
            **{name: value for name, value in root.items() if name != "title"},
        }


class Mosses(RootModel[list[Moss]]):
    """Several mosses."""


@pytest.mark.parametrize("root", [LIST, Mosses])
def test_a_list_is_no_tool(make: Any, root: Any) -> None:
    """A tool's arguments are an object, and nothing else is sent in silence."""
    wrong = "must be an object, and the schema is of type 'array'"
    with pytest.raises(InvalidRequestError, match=wrong):
        make().with_structured_output(root, method="function_calling")
    with pytest.raises(InvalidRequestError, match=wrong):
        make().bind_tools([{"title": "mosses", **root} if root is LIST else root])


@pytest.mark.parametrize("wrong", [{"type": "json"}, {"type": "jsonobject"}])
def test_a_misspelt_format_is_refused(make: Any, wrong: dict[str, str]) -> None:
    """A type that neither the gateway nor JSON schema knows asks for nothing."""
    with pytest.raises(InvalidRequestError, match="is none of json_schema, json_object, text"):
        make().invoke("A plant.", response_format=wrong)


def test_the_inner_part_of_a_format_keeps_its_schema(gateway: Emulator, make: Any) -> None:
    """``name``, ``schema`` and ``strict`` without the wrapping mean what they mean inside it."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    inner = {"name": "plant", "schema": schema, "strict": True}
    make().bind(response_format=inner).invoke("A plant called 'oak'.")
    sent = sent_body(gateway)["response_format"]["json_schema"]
    assert sent["name"] == "plant"
    assert sent["strict"] is True
    assert sent["schema"]["properties"] == schema["properties"]
