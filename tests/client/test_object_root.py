"""Tools with a choice at the root of their schema, which Claude does not take."""

from __future__ import annotations

from typing import Any

import pytest

from pollinations_client import PollinationsClient
from pollinations_client.emulator import Emulator
from pollinations_client.schemas.object_root import object_root

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def form(required: list[str], **properties: Any) -> dict[str, Any]:
    """An object with these properties."""
    return {"type": "object", "properties": properties, "required": required}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {**form(["a"], a=TEXT, b=TEXT), "anyOf": [{"required": ["b"]}, {"required": ["c"]}]},
            form(["a"], a=TEXT, b=TEXT),
        ),
        (
            {"oneOf": [form(["a", "k"], a=TEXT, k=TEXT), form(["b", "k"], b=NUMBER, k=NUMBER)]},
            form(["k"], a=TEXT, k={"anyOf": [TEXT, NUMBER]}, b=NUMBER),
        ),
        (
            {"allOf": [form(["a"], a=TEXT), form(["b"], b=NUMBER)], "description": "D"},
            {**form(["a", "b"], a=TEXT, b=NUMBER), "description": "D"},
        ),
        (
            {
                "anyOf": [{"$ref": "#/$defs/A"}, {"anyOf": [{"$ref": "#/$defs/A"}]}],
                "$defs": {"A": form(["a"], a=TEXT)},
            },
            {**form(["a"], a=TEXT), "$defs": {"A": form(["a"], a=TEXT)}},
        ),
        ({"anyOf": [{"$ref": "#"}, True, 3]}, {"type": "object", "properties": {}}),
    ],
)
def test_the_arguments_of_all_forms_are_those_of_one_object(
    schema: dict[str, Any], expected: dict[str, Any]
) -> None:
    """And those that every form needs are needed."""
    assert object_root(schema) == expected


@pytest.mark.parametrize("model", ["claude", "openai"])
def test_a_tool_with_a_choice_at_its_root_is_taken(gateway: Emulator, model: str) -> None:
    """Claude gets one object; for others the schema is as it was, inside of tools too."""
    inner = {"anyOf": [TEXT, NUMBER]}
    parameters = {**form([], a=inner), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    with PollinationsClient(base_url=gateway.url) as client:
        client.chat([{"role": "user", "content": "hi"}], model=model, tools=[tool])
    sent = gateway.requests[-1].json["tools"][0]["function"]["parameters"]
    assert sent["properties"] == {"a": inner}
    assert ("anyOf" in sent) == (model == "openai")
