"""Tool schemas as Vertex and as OpenAI's strict mode take them."""

from __future__ import annotations

import copy
import enum
import json
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from pollinations_client.schemas.openai_strict import (
    drop_strict_nulls,
    free_form_paths,
    strict_schema,
)
from pollinations_client.schemas.resolve import drop_titles, is_recursive, target_of
from pollinations_client.schemas.vertex import vertex_schema

VERTEX_KEYWORDS = set(
    "type format title description nullable default items minItems maxItems enum properties"
    " propertyOrdering required minProperties maxProperties minimum maximum minLength maxLength"
    " pattern example anyOf additionalProperties".split()
)
STRICT_KEYWORDS = set(
    "type format title description enum const pattern multipleOf minimum maximum exclusiveMinimum"
    " exclusiveMaximum items minItems maxItems anyOf properties required additionalProperties $ref"
    " $defs definitions".split()
)


class Colour(enum.Enum):
    """An enumeration, which pydantic puts among the definitions."""

    RED = "red"
    BLUE = "blue"


class Node(BaseModel):
    """A recursive model with every kind of field that agents' tools have."""

    value: int = Field(gt=0, lt=10, description="how much")
    colour: Colour = Colour.RED
    children: list[Node] = []
    parent: Node | None = None
    either: int | str | None = Field(None, description="either")
    pair: tuple[int, str] = (1, "a")
    kind: Literal["a", "b"] = "a"
    table: dict[str, int] = {}
    type: str = "plain"
    properties: list[str] = Field([], description="a field named as a keyword")


class Cat(BaseModel):
    """One of two."""

    pet: Literal["cat"]
    lives: int


class Dog(BaseModel):
    """The other."""

    pet: Literal["dog"]
    tricks: list[str]


class Order(BaseModel):
    """A model with a discriminated union and a described reference."""

    node: Node = Field(description="the node itself")
    pet: Cat | Dog = Field(discriminator="pet")


MODELS = [Node.model_json_schema(), Order.model_json_schema()]


def parts_of(schema: Any) -> list[dict[str, Any]]:
    """Every schema inside ``schema``, itself included."""
    if not isinstance(schema, dict):
        return []
    below = [
        *schema.get("properties", {}).values(),
        *schema.get("$defs", {}).values(),
        *schema.get("definitions", {}).values(),
        *schema.get("anyOf", ()),
        schema.get("items"),
        schema.get("additionalProperties"),
    ]
    return [schema, *(inner for part in below for inner in parts_of(part))]


# --- Vertex


@pytest.mark.parametrize(
    ("given_schema", "laid"),
    [
        ({"type": "string", "const": "a"}, {"type": "string", "enum": ["a"]}),
        (
            {"const": 5},
            {"type": "integer", "description": "Allowed: 5", "minimum": 5, "maximum": 5},
        ),
        ({"const": None}, {"nullable": True}),
        (
            {"type": "string", "enum": ["a", None]},
            {"type": "string", "nullable": True, "enum": ["a"]},
        ),
        ({"enum": ["a", 1]}, {"description": 'Allowed: "a", 1'}),
        (
            {"enum": [1, 2.5]},
            {"type": "number", "description": "Allowed: 1, 2.5", "minimum": 1, "maximum": 2.5},
        ),
        ({"enum": [True]}, {"type": "boolean", "description": "Allowed: true"}),
        ({"enum": [[1]]}, {"type": "array", "description": "Allowed: [1]", "items": {}}),
        ({"enum": [{"a": 1}]}, {"type": "object", "description": 'Allowed: {"a": 1}'}),
        ({"enum": ["", "ü"]}, {"type": "string", "description": 'Allowed: "", "ü"'}),
        ({"type": "integer", "enum": ["1"]}, {"type": "integer", "description": 'Allowed: "1"'}),
        (
            {"anyOf": [{"enum": [3, 1]}, {"type": "null"}], "description": "How many."},
            {
                "type": "integer",
                "nullable": True,
                "description": "How many.\nAllowed: 3, 1",
                "minimum": 1,
                "maximum": 3,
            },
        ),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": "STRING"}, {"type": "string"}),
        ({"type": "null"}, {"nullable": True}),
        ({"type": ["null"]}, {"nullable": True}),
        ({"type": 5}, {}),
        (
            {"type": ["string", "integer"], "description": "d"},
            {"description": "d", "anyOf": [{"type": "string"}, {"type": "integer"}]},
        ),
        (
            {"type": ["array", "string", "null"]},
            {"nullable": True, "anyOf": [{"type": "array", "items": {}}, {"type": "string"}]},
        ),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None, "title": "T"},
            {"type": "integer", "nullable": True, "title": "T"},
        ),
        (
            {"oneOf": [{"type": "integer"}, {"type": "string"}]},
            {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        ),
        ({"oneOf": [{"type": "integer"}, {"type": "integer"}]}, {"type": "integer"}),
        ({"anyOf": [{"type": "null"}]}, {"nullable": True}),
        ({"anyOf": [True, {"type": "string"}]}, {"type": "string"}),
        (
            {"anyOf": [{"type": "string"}, {"oneOf": [{"type": "integer"}, {"type": "boolean"}]}]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "boolean"}]},
        ),
        (
            {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
            {"type": "integer", "minimum": 1, "maximum": 9},
        ),
        (
            {"type": "integer", "exclusiveMinimum": 0.5, "exclusiveMaximum": 9.5},
            {"type": "integer", "minimum": 1, "maximum": 9},
        ),
        (
            {"type": "integer", "minimum": 5, "exclusiveMinimum": 0},
            {"type": "integer", "minimum": 5},
        ),
        (
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            {"type": "number", "minimum": 0, "maximum": 1},
        ),
        (
            {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
            {"type": "integer", "minimum": 1},
        ),
        ({"type": "integer", "exclusiveMaximum": True}, {"type": "integer"}),
        (
            {"type": "number", "minimum": "0", "maximum": float("nan"), "exclusiveMinimum": False},
            {"type": "number"},
        ),
        ({"type": "array"}, {"type": "array", "items": {}}),
        ({"type": "array", "items": True}, {"type": "array", "items": {}}),
        ({"items": {"type": "string"}}, {"type": "array", "items": {"type": "string"}}),
        (
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "items": False,
            },
            {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
        ),
        (
            {"type": "array", "items": [{"type": "integer"}, {"type": "integer"}]},
            {"type": "array", "items": {"type": "integer"}},
        ),
        (
            {"prefixItems": [{}, {"type": ["string", "integer"]}]},
            {"type": "array", "items": {"anyOf": [{}, {"type": "string"}, {"type": "integer"}]}},
        ),
        (
            {"prefixItems": [{"type": "integer"}], "items": {"type": "string"}},
            {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
        ),
        (
            {
                "type": "object",
                "not": {},
                "if": {},
                "then": {},
                "else": {},
                "patternProperties": {},
                "$comment": "c",
                "examples": [1],
            },
            {"type": "object"},
        ),
        (
            {"type": "object", "additionalProperties": False},
            {"type": "object", "additionalProperties": False},
        ),
        (
            {"additionalProperties": {"oneOf": [{"type": "string"}]}},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
        (
            {
                "type": "string",
                "properties": {"a": {}},
                "additionalProperties": True,
                "items": {"type": "string"},
            },
            {"type": "string"},
        ),
        (
            {
                "properties": {"a": True, "b": {}},
                "required": ["b", "c", 1],
                "propertyOrdering": ["b", "x"],
            },
            {
                "type": "object",
                "properties": {"a": {}, "b": {}},
                "required": ["b"],
                "propertyOrdering": ["b"],
            },
        ),
        (
            {"type": "string", "title": 5, "description": None, "required": "a", "default": "x"},
            {"type": "string", "default": "x"},
        ),
        (
            {"type": "object", "properties": {}, "required": []},
            {"type": "object", "properties": {}},
        ),
    ],
)
def test_vertex_layout(given_schema: dict[str, Any], laid: dict[str, Any]) -> None:
    """Each keyword that Vertex does not take becomes one that it takes, or goes."""
    assert vertex_schema(given_schema) == laid


def test_vertex_merges_all_of() -> None:
    """Parts that must all fit become one schema, the tighter bound and the common type
    prevailing.
    """
    assert vertex_schema(
        {
            "description": "outer",
            "allOf": [
                {"$ref": "#/$defs/Base"},
                {
                    "properties": {"b": {"type": "string"}, "a": {"minimum": 3}},
                    "required": ["a", "b"],
                },
                {"description": "inner", "maxProperties": 5},
                True,
            ],
            "maxProperties": 9,
            "$defs": {
                "Base": {
                    "type": "object",
                    "properties": {"a": {"type": ["integer", "string"], "minimum": 1}},
                    "required": ["a"],
                }
            },
        }
    ) == {
        "type": "object",
        "description": "outer",
        "maxProperties": 5,
        "properties": {
            "a": {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "string"}]},
            "b": {"type": "string"},
        },
        "required": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("one", "other", "joint"),
    [
        ({"type": "number"}, {"type": "integer"}, {"type": "integer"}),
        ({"type": ["string", "null"]}, {"type": "string"}, {"type": "string"}),
        ({"type": "string"}, {"type": "boolean"}, {"type": "boolean"}),
        ({"enum": ["a", "b"]}, {"enum": ["b", "c"]}, {"type": "string", "enum": ["b"]}),
        ({"enum": ["a"]}, {"enum": ["z"]}, {"type": "string", "enum": ["z"]}),
        (
            {"items": {"type": "string"}},
            {"items": {"minLength": 2}},
            {"type": "array", "items": {"type": "string", "minLength": 2}},
        ),
        ({"type": "integer", "maximum": 3}, {"maximum": 2}, {"type": "integer", "maximum": 2}),
        ({"type": "integer", "maximum": "x"}, {"maximum": 2}, {"type": "integer", "maximum": 2}),
        (
            {"type": ["string", "integer", "null"]},
            {"type": ["null", "integer", "string"]},
            {"nullable": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        ),
    ],
)
def test_vertex_joins_what_two_parts_say(
    one: dict[str, Any], other: dict[str, Any], joint: dict[str, Any]
) -> None:
    """Clashing keywords of two parts are narrowed to what fits both, and the later part wins where
    nothing does.
    """
    assert vertex_schema({"allOf": [one, other]}) == joint


def test_vertex_moves_what_stands_beside_a_choice_into_it() -> None:
    """Vertex refuses other keywords beside ``anyOf``: they go into every alternative."""
    assert vertex_schema(
        {
            "type": "object",
            "description": "d",
            "properties": {"a": {"type": "string"}},
            "required": ["a"],
            "default": {},
            "oneOf": [
                {"properties": {"b": {"type": "integer"}}},
                {"type": "object", "properties": {"c": {}}, "required": ["c"]},
            ],
        }
    ) == {
        "description": "d",
        "anyOf": [
            {
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
                "required": ["a"],
            },
            {
                "type": "object",
                "properties": {"a": {"type": "string"}, "c": {}},
                "required": ["a", "c"],
            },
        ],
    }


def test_vertex_drops_alternatives_that_only_vary_what_is_required() -> None:
    """``anyOf: [{required: [a]}, {required: [b]}]`` must not cost the model the properties."""
    laid = vertex_schema(
        {
            "type": "object",
            "properties": {"a": {}, "b": {}},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        }
    )
    assert laid == {"type": "object", "properties": {"a": {}, "b": {}}}


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("#/$defs/a~1b", {"type": "string"}),
        ("#/$defs/a%20c", {"type": "integer"}),
        ("#/properties/x", {"type": "boolean"}),
        ("#/prefix/1", {"type": "number"}),
        ("#/prefix/7", {}),
        ("#/prefix/x", {}),
        ("#/$defs/none/deeper", {}),
        ("#/count/1", {}),
        ("other.json#/x", {}),
    ],
)
def test_vertex_follows_references(reference: str, found: dict[str, Any]) -> None:
    """Pointers with escapes and into lists are followed; one that leads nowhere says nothing."""
    root = {
        "$defs": {"a/b": {"type": "string"}, "a c": {"type": "integer"}},
        "prefix": [{}, {"type": "number"}],
        "properties": {"x": {"type": "boolean"}, "it": {"$ref": reference}},
        "count": 3,
    }
    assert vertex_schema(root)["properties"]["it"] == found
    assert (target_of(root, reference) or {}) == found


def test_vertex_keeps_the_words_beside_a_reference() -> None:
    """A description at the place of use prevails over the definition's own."""
    laid = vertex_schema(
        {
            "$ref": "#/$defs/A",
            "description": "here",
            "$defs": {"A": {"type": "string", "description": "there"}},
        }
    )
    assert laid == {"type": "string", "description": "here"}


def test_vertex_cuts_recursion() -> None:
    """A definition inside itself becomes a plain object with its description; an array
    stays one.
    """
    tree = {
        "$ref": "#/$defs/Tree",
        "$defs": {
            "Tree": {
                "type": "object",
                "description": "a tree",
                "properties": {"kids": {"$ref": "#/$defs/Kids"}},
            },
            "Kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
        },
    }
    kids = vertex_schema(tree)["properties"]["kids"]
    inner = kids["items"]["properties"]["kids"]
    assert inner == {"type": "array", "items": {"type": "object", "description": "a tree"}}
    rings = {
        "properties": {"a": {"$ref": "#/$defs/A"}},
        "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}},
    }
    assert vertex_schema(rings)["properties"]["a"] == {"type": "object"}
    assert vertex_schema({"$ref": "#"}) == {"type": "object"}
    lists = {"$ref": "#/$defs/L", "$defs": {"L": {"type": "array", "items": {"$ref": "#/$defs/L"}}}}
    list_of_lists = {"type": "array", "items": {"type": "array", "items": {}}}
    assert vertex_schema(lists) == {"type": "array", "items": list_of_lists}


def test_vertex_ends_on_schemas_made_to_exhaust_it() -> None:
    """Definitions that double at every level, and endless nesting, are cut to a bounded size."""
    doubling = {
        f"D{n}": {"properties": {side: {"$ref": f"#/$defs/D{n + 1}"} for side in "ab"}}
        for n in range(40)
    }
    laid = vertex_schema({"$ref": "#/$defs/D0", "$defs": doubling})
    assert len(parts_of(laid)) < 100_000
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(300):
        deep = {"type": "array", "items": deep}
    assert len(parts_of(vertex_schema(deep))) < 100
    chained = {f"D{n}": {"allOf": [{"$ref": f"#/$defs/D{n + 1}"}]} for n in range(300)}
    assert (
        vertex_schema({"properties": {"a": {"$ref": "#/$defs/D0"}}, "$defs": chained})["type"]
        == "object"
    )


@pytest.mark.parametrize("schema", MODELS, ids=["node", "order"])
def test_vertex_takes_what_pydantic_makes(schema: dict[str, Any]) -> None:
    """The schemas of real tools come out within the list, with every field and its words."""
    laid = vertex_schema(schema)
    assert all(set(part) <= VERTEX_KEYWORDS for part in parts_of(laid))
    node = laid if "value" in laid["properties"] else laid["properties"]["node"]
    assert set(node["properties"]) == set(Node.model_fields)
    assert node["properties"]["value"] == {
        "type": "integer",
        "title": "Value",
        "description": "how much",
        "minimum": 1,
        "maximum": 9,
    }
    assert node["properties"]["colour"]["enum"] == ["red", "blue"]
    assert node["properties"]["parent"]["nullable"] is True
    assert node["properties"]["properties"]["description"] == "a field named as a keyword"
    assert node["required"] == ["value"]


# --- strict


def test_strict_closes_objects_and_requires_everything() -> None:
    """Optional properties become nullable, defaults go, and every object is closed, definitions
    included.
    """
    laid = strict_schema(Node.model_json_schema())
    node = laid["$defs"]["Node"]
    assert laid["properties"].keys() == node["properties"].keys() == Node.model_fields.keys()
    assert node["required"] == list(Node.model_fields)
    assert node["additionalProperties"] is False
    assert node["properties"]["value"]["type"] == "integer"
    assert node["properties"]["type"]["type"] == ["string", "null"]
    assert node["properties"]["kind"]["enum"] == ["a", "b", None]
    assert node["properties"]["children"] == {
        "type": ["array", "null"],
        "title": "Children",
        "items": {"$ref": "#/$defs/Node"},
    }
    assert node["properties"]["colour"] == {"anyOf": [{"$ref": "#/$defs/Colour"}, {"type": "null"}]}
    assert "default" not in json.dumps(laid)


@pytest.mark.parametrize(
    ("prop", "laid"),
    [
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"type": "string", "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"enum": ["a"]}, {"anyOf": [{"enum": ["a"]}, {"type": "null"}]}),
        ({"const": "a"}, {"anyOf": [{"const": "a"}, {"type": "null"}]}),
        ({"const": None}, {"const": None}),
        ({"$ref": "#/$defs/A"}, {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}),
        (
            {"$ref": "#/$defs/A", "description": "d", "default": 1},
            {"description": "d", "anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]},
        ),
        (
            {"allOf": [{"$ref": "#/$defs/A"}], "default": 1},
            {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
        ),
        ({"oneOf": [{"type": "string"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"type": "string", "anyOf": [{"enum": ["a"]}]},
            {"anyOf": [{"type": "string", "anyOf": [{"enum": ["a"]}]}, {"type": "null"}]},
        ),
        ({}, {}),
        (True, {}),
        (
            {"type": "string", "format": "uri", "minLength": 3, "pattern": "a"},
            {"type": ["string", "null"], "pattern": "a"},
        ),
        ({"type": "string", "format": "date"}, {"type": ["string", "null"], "format": "date"}),
        ({"type": "array"}, {"type": ["array", "null"], "items": {}}),
        (
            {"type": "array", "prefixItems": [{"type": "string"}]},
            {"type": ["array", "null"], "items": {"anyOf": [{"type": "string"}]}},
        ),
        ({"items": {"type": "string"}}, {"type": ["array", "null"], "items": {"type": "string"}}),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {
                "type": ["object", "null"],
                "properties": {},
                "required": [],
                "additionalProperties": False,
            },
        ),
        (
            {
                "allOf": [
                    {"$ref": "#/$defs/A"},
                    {"properties": {"b": {"type": "null"}}, "required": ["b"]},
                ]
            },
            {
                "type": ["object", "null"],
                "properties": {"a": {"type": "integer"}, "b": {"type": "null"}},
                "required": ["a", "b"],
                "additionalProperties": False,
            },
        ),
        (
            {"allOf": [{"type": "string"}, {"type": "string", "pattern": "a"}]},
            {"type": ["string", "null"], "pattern": "a"},
        ),
    ],
)
def test_strict_optional_property(prop: Any, laid: dict[str, Any]) -> None:
    """An optional property of each shape may be null, once, and keeps the rest."""
    definition = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    schema = {"type": "object", "properties": {"p": prop}, "$defs": {"A": definition}}
    assert strict_schema(schema)["properties"]["p"] == laid


def test_strict_leaves_required_properties_as_they_are() -> None:
    """A required property does not become nullable."""
    laid = strict_schema(
        {
            "properties": {"a": {"type": "string"}},
            "required": ["a", 3],
            "definitions": {"B": {"type": "object"}},
        }
    )
    assert laid["properties"]["a"] == {"type": "string"}
    assert laid["definitions"]["B"]["additionalProperties"] is False


def test_strict_root_is_an_object_itself() -> None:
    """A root that is only a reference is opened, and the definitions stay for the recursion."""
    laid = strict_schema(
        {
            "$ref": "#/$defs/A",
            "$defs": {"A": {"properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a"]}},
        }
    )
    assert laid["type"] == "object"
    assert laid["properties"]["a"] == {"$ref": "#/$defs/A"}
    assert strict_schema({"$ref": "#"}) == {}


class Shelf(BaseModel):
    """Named members, and some that only the answer names."""

    label: str
    stock: dict[str, int]
    notes: dict[str, Any] | None = None
    rows: list[dict[str, float]] = []
    open_node: Open | None = None


class Open(BaseModel, extra="allow"):
    """More members than are named."""

    kind: str


class Nothing(BaseModel):
    """No members at all, and none wanted."""


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"title": "A"}, ["p"]),
        (True, ["p"]),
        ({"anyOf": [{}, {"type": "null"}]}, ["p"]),
        ({"type": "array"}, ["p[]"]),
        ({"type": "array", "items": {"description": "anything"}}, ["p[]"]),
        ({"type": "array", "items": {"enum": ["a"]}}, []),
    ],
)
def test_values_of_any_type_have_no_strict_form(part: Any, path: list[str]) -> None:
    """OpenAI answers 400 to them: "schema must have a 'type' key"."""
    assert free_form_paths({"type": "object", "properties": {"p": part}}) == path


def test_free_form_objects_are_found_by_name() -> None:
    """Strict mode would leave them empty; whoever asks for it can be told which they are."""
    assert free_form_paths(Shelf.model_json_schema()) == ["Open", "stock", "notes", "rows[]"]
    assert free_form_paths({"type": "object"}) == [""]
    for closed in (Node, Order, Nothing):
        assert free_form_paths(strict_schema(closed.model_json_schema())) == []
    assert free_form_paths(Nothing.model_json_schema()) == []


def test_strict_stops_at_a_depth() -> None:
    """Endless nesting does not exhaust the stack."""
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(300):
        deep = {"type": "array", "items": deep}
    assert len(parts_of(strict_schema(deep))) < 100


def test_strict_still_accepts_a_full_answer() -> None:
    """An answer with every field filled fits the strict form, and one with an unknown field does
    not.
    """
    checker = Draft202012Validator(strict_schema(Order.model_json_schema()))
    answer = Order.model_validate(
        {"node": {"value": 3, "table": {}}, "pet": {"pet": "cat", "lives": 7}}
    )
    full = json.loads(answer.model_dump_json())
    assert checker.is_valid(full)
    assert not checker.is_valid({**full, "more": 1})


# --- both

names = st.sampled_from(["a", "b", "type", "properties", "$ref", "anyOf", "required", "enum"])
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, width=16)
    | st.text("ab", max_size=2)
)
references = st.sampled_from(
    ["#", "#/$defs/A", "#/$defs/B", "#/$defs/none", "#/properties/a", "http://x"]
)
kinds = st.sampled_from(
    ["string", "integer", "number", "boolean", "object", "array", "null", "any"]
)
numbers = st.integers(-3, 3) | st.floats(-3, 3, width=16) | st.booleans()


def keywords(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A schema with any of the keywords, sensible and senseless ones."""
    listed = st.lists(schemas, max_size=3)
    named = st.dictionaries(names, schemas, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": kinds | st.lists(kinds, max_size=3),
            "description": st.text("xy", max_size=2) | st.none(),
            "title": st.text("xy", max_size=2),
            "default": scalars,
            "nullable": st.booleans(),
            "enum": st.lists(scalars, max_size=3),
            "const": scalars,
            "$ref": references,
            "allOf": listed,
            "anyOf": listed,
            "oneOf": listed,
            "not": schemas,
            "properties": named,
            "required": st.lists(names, max_size=3),
            "additionalProperties": st.booleans() | schemas,
            "items": schemas | listed,
            "prefixItems": listed,
            "minimum": numbers,
            "exclusiveMinimum": numbers,
            "exclusiveMaximum": numbers,
            "minItems": numbers,
            "format": st.sampled_from(["date", "uri"]),
            "pattern": st.just("a"),
        },
    )


schemas = st.recursive(st.booleans() | keywords(st.just({})), keywords, max_leaves=6)
rooted = st.builds(
    lambda root, a, b: {**root, "$defs": {"A": a, "B": b}}, keywords(schemas), schemas, schemas
)


@settings(max_examples=60)
@given(rooted)
def test_layouts_do_not_change_what_they_are_given(schema: dict[str, Any]) -> None:
    """The caller's schema is the same afterwards, and shares nothing with the answer."""
    before = copy.deepcopy(schema)
    for laid in (vertex_schema(schema), strict_schema(schema)):
        for part in parts_of(laid):
            for value in part.values():
                if isinstance(value, list):
                    value.append("changed")
        assert schema == before


@settings(max_examples=60)
@given(rooted)
def test_layouts_keep_to_their_lists(schema: dict[str, Any]) -> None:
    """No keyword outside the lists comes out, and every answer is JSON."""
    for laid, listed in (
        (vertex_schema(schema), VERTEX_KEYWORDS),
        (strict_schema(schema), STRICT_KEYWORDS),
    ):
        assert all(set(part) <= listed for part in parts_of(laid))
        assert json.loads(json.dumps(laid)) == laid


@settings(max_examples=60)
@given(rooted)
def test_layouts_are_idempotent(schema: dict[str, Any]) -> None:
    """What has been laid out stays as it is."""
    for layout in (vertex_schema, strict_schema):
        once = layout(schema)
        assert layout(once) == once


@settings(max_examples=60)
@given(rooted)
def test_vertex_answers_hang_together(schema: dict[str, Any]) -> None:
    """Arrays have items, required names exist, one type is named, and nothing stands beside a
    choice.
    """
    for part in parts_of(vertex_schema(schema)):
        assert part.get("type") != "array" or "items" in part
        assert set(part.get("required", ())) <= set(part.get("properties", ()))
        assert isinstance(part.get("type", ""), str)
        assert "anyOf" not in part or set(part) <= {"anyOf", "title", "description", "nullable"}
        assert len(part.get("anyOf", [1, 2])) > 1


@settings(max_examples=60)
@given(rooted)
def test_strict_answers_hang_together(schema: dict[str, Any]) -> None:
    """Every object is closed and requires all it has."""
    for part in parts_of(strict_schema(schema)):
        if "properties" in part:
            assert part["required"] == list(part["properties"])
            assert part["additionalProperties"] is False


class Leaf(BaseModel):
    """Every way in which a field may be left out or null."""

    must: int | None
    may: int | None = 1
    plain: int = 2
    parts: list[Leaf] = []
    other: Leaf | str = "x"
    anything: Any = 0


def test_nulls_of_the_strict_form_are_left_out() -> None:
    """Where the schema itself has no null there; nested, in lists, behind references and
    choices.
    """
    leaf = {"must": None, "may": None, "plain": None, "anything": None}
    answered = {**leaf, "parts": [leaf], "other": leaf, "unknown": None}
    kept = {"must": None, "may": None, "anything": None}
    expected = {**kept, "parts": [kept], "other": kept, "unknown": None}
    assert drop_strict_nulls(Leaf.model_json_schema(), answered) == expected
    assert answered["plain"] is None


def test_a_null_that_an_enumeration_lists_is_an_answer() -> None:
    """One that it does not list stands for left out, in a list behind a choice too."""
    level = {
        "type": "object",
        "properties": {"a": {"enum": ["x", None]}, "b": {"enum": ["x", "y"], "default": "x"}},
    }
    schema = {
        "type": "object",
        "properties": {"levels": {"anyOf": [{"type": "array", "items": level}, {"type": "null"}]}},
        "required": ["levels"],
    }
    answered = {"levels": [{"a": None, "b": None}, {"a": "x", "b": "y"}]}
    assert drop_strict_nulls(schema, answered) == {"levels": [{"a": None}, {"a": "x", "b": "y"}]}
    assert drop_strict_nulls(schema, {"levels": None}) == {"levels": None}


@settings(max_examples=60)
@given(
    rooted,
    st.recursive(
        st.none() | st.integers(), lambda inner: st.dictionaries(st.text(max_size=2), inner)
    ),
)
def test_leaving_nulls_out_takes_any_schema_and_any_answer(
    schema: dict[str, Any], answered: Any
) -> None:
    """It ends, and adds nothing."""
    left = drop_strict_nulls(schema, answered)
    assert left == answered or set(left) <= set(answered)


def test_recursion_is_found_wherever_it_goes_round() -> None:
    """Through one definition or several, through the root; what only repeats does not go round."""
    leaf = {"type": "string"}
    ref = {name: {"$ref": f"#/$defs/{name}"} for name in "abc"}
    assert is_recursive({"properties": {"next": {"$ref": "#"}}})
    assert is_recursive({"$ref": "#/$defs/a", "$defs": {"a": {"items": ref["a"]}}})
    assert is_recursive({"anyOf": [ref["a"]], "$defs": {"a": {"items": ref["b"]}, "b": ref["a"]}})
    twice = {"properties": {"x": ref["a"], "y": ref["a"]}, "$defs": {"a": ref["b"], "b": leaf}}
    assert not is_recursive(twice)
    assert not is_recursive({"enum": [{"$ref": "#"}], "properties": {"x": {"$ref": "nowhere"}}})
    ladder = {
        f"d{n}": {"properties": {side: {"$ref": f"#/$defs/d{n + 1}"} for side in "ab"}}
        for n in range(60)
    }
    assert not is_recursive({"$ref": "#/$defs/d0", "$defs": ladder})


def test_titles_are_dropped_but_not_properties_of_that_name() -> None:
    """In lists, definitions and properties."""
    part = {"title": "T", "type": "string"}
    schema = {
        "title": "S",
        "properties": {"title": part},
        "anyOf": [part],
        "$defs": {"title": part},
    }
    bare = {"type": "string"}
    assert drop_titles(schema) == {
        "properties": {"title": bare},
        "anyOf": [bare],
        "$defs": {"title": bare},
    }


def test_strict_without_nulls_lets_references_alone_be_null() -> None:
    """What was optional is required; a class in itself would go on for ever without null."""
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "default": 1}, "next": {"$ref": "#"}},
    }
    laid = strict_schema(schema, optional_as_null=False)
    assert laid["properties"]["n"] == {"type": "integer"}
    assert laid["properties"]["next"] == {"anyOf": [{"$ref": "#"}, {"type": "null"}]}
    assert laid["required"] == ["n", "next"]
