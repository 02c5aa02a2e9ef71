"""Whatever the schema and whatever the text: what is filled in is valid and always the same."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pollinations_client.emulator.fill import Source, fill

Json = dict[str, Any]
PROPERTIES = "name age city email score count width is_valid tags query prompt title url date order_id minutes language"
NAMES = some.sampled_from(PROPERTIES.split())
SAID = "Alice Paris 3 42.5 'a b' and, red not bees @ 2026-01-02 - a@b.co? x: 1e3 Yes {} \n- é"
WORDS = some.lists(
    some.sampled_from(
        "Alice Paris 3 42.5 'a b' and, red not bees @ 2026-01-02 - a@b.co? x: 1e3 Yes {} \n- é".split(" ")
    ),
    max_size=12,
).map(" ".join)


def bounded(low: str, high: str, values: Any) -> Any:
    """Two optional bounds in order."""
    return (
        some.tuples(values, values)
        .map(sorted)
        .flatmap(lambda pair: some.sampled_from([{}, {low: pair[0]}, {high: pair[1]}, {low: pair[0], high: pair[1]}]))
    )


INTEGERS = bounded("minimum", "maximum", some.integers(-50, 50)).map(lambda more: {"type": "integer", **more})
NUMBERS = bounded("minimum", "maximum", some.integers(-5, 5)).map(lambda more: {"type": "number", **more})
TEXTS = bounded("minLength", "maxLength", some.integers(0, 40)).map(lambda more: {"type": "string", **more})
FORMATS = some.sampled_from(["date", "email", "uuid", "ipv4", "uri"]).map(
    lambda form: {"type": "string", "format": form}
)
PATTERNS = some.sampled_from(["^[A-Z]{3}$", r"^\d+$", "^[a-z]+$"]).map(lambda one: {"type": "string", "pattern": one})
OPTIONS = some.lists(some.sampled_from(["red", "blue", 1, 2.5, None]), min_size=1, max_size=4).map(
    lambda one: {"enum": one}
)
LEAVES = some.one_of(
    INTEGERS, NUMBERS, TEXTS, FORMATS, PATTERNS, OPTIONS,
    some.sampled_from([{"type": "boolean"}, {"type": "null"}, {"const": 7}, {"type": ["string", "null"]}]),
)  # fmt: skip


def nested(inner: Any) -> Any:
    """Arrays, objects and unions of other schemas."""
    arrays = some.tuples(inner, some.integers(0, 3)).map(
        lambda two: {"type": "array", "items": two[0], "minItems": two[1]}
    )
    objects = some.tuples(some.dictionaries(NAMES, inner, max_size=4), some.booleans()).map(
        lambda two: {"type": "object", "properties": two[0], "required": list(two[0]) if two[1] else []}
    )
    unions = some.lists(inner, min_size=1, max_size=3).map(lambda several: {"anyOf": [*several, {"type": "null"}]})
    pairs = some.tuples(inner, inner).map(
        lambda two: {"type": "array", "prefixItems": list(two), "minItems": 2, "maxItems": 2}
    )
    return some.one_of(arrays, objects, unions, pairs)


SCHEMAS = some.dictionaries(NAMES, some.recursive(LEAVES, nested, max_leaves=6), min_size=1, max_size=5).map(
    lambda properties: {"type": "object", "properties": properties, "required": list(properties)}
)


@settings(max_examples=200, deadline=None)
@given(SCHEMAS, WORDS, some.booleans())
def test_what_is_filled_is_valid(schema: Json, text: str, keep_defaults: bool) -> None:
    """Bounds, lengths, formats, patterns, options, nesting: the value validates, and a second time it is the same."""
    value = fill(schema, Source.of(text, keep_defaults=keep_defaults))
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).validate(
        value
    )
    assert value == fill(schema, Source.of(text, keep_defaults=keep_defaults))


PARTS: list[tuple[str, Json, str, Any]] = [
    ("near its name", {"seed": "integer", "count": "integer"}, "7 bees with seed 42", {"seed": 42, "count": 7}),
    ("thousands", {"amount": "number"}, "pay 1,250.50 now", {"amount": 1250.5}),
    ("in words", {"count": "integer"}, "three bees", {"count": 3}),
    ("negative", {"degrees": "number"}, "it is -4.5 outside", {"degrees": -4.5}),
    ("a year", {"year": "integer"}, "some day", {"year": 2026}),
    ("denied", {"urgent": "boolean"}, "this is not urgent", {"urgent": False}),
    ("affirmed", {"urgent": "boolean"}, "this is urgent", {"urgent": True}),
    ("switched off", {"dark_mode": "boolean"}, "dark mode off", {"dark_mode": False}),
    ("labelled", {"color": "string"}, "color: dark red, size: 3", {"color": "dark red"}),
    ("arithmetic", {"expression": "string"}, "please work out (2 + 3) * 4", {"expression": "(2 + 3) * 4"}),
    ("a language", {"target_language": "string"}, "say it in french", {"target_language": "French"}),
    ("a link", {"url": "string"}, "see https://a.b/c?d=1 now", {"url": "https://a.b/c?d=1"}),
]


@pytest.mark.parametrize(
    ("properties", "text", "expected"), [part[1:] for part in PARTS], ids=[part[0] for part in PARTS]
)
def test_values_come_from_the_text(properties: Json, text: str, expected: Json) -> None:
    """Each kind of value is found where a reader would find it."""
    typed = {name: {"type": kind} for name, kind in properties.items()}
    assert fill({"type": "object", "properties": typed, "required": list(typed)}, Source.of(text)) == expected


def test_allof_references_and_free_objects() -> None:
    """allOf is merged, references are followed, a free object takes the pairs of the text."""
    schema = {
        "type": "object",
        "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}],
        "properties": {"extra": {"type": "object", "additionalProperties": {"type": "integer"}}},
        "required": ["extra"],
        "$defs": {"base": {"properties": {"a": {"type": "integer"}}, "required": ["a"]}},
    }
    found = fill(schema, Source.of("x=4 y=5"))
    assert found["extra"] == {"x": 4, "y": 5}
    assert {type(found[name]) for name in ("a", "b")} == {int}


def test_defaults_are_kept_unless_the_text_speaks_of_them() -> None:
    """Optional properties stay out, defaults stay as they are, until mentioned."""
    schema = {
        "type": "object",
        "properties": {
            "q": {"type": "string"},
            "limit": {"type": "integer", "default": 10},
            "page": {"type": "integer"},
        },
        "required": ["q", "limit"],
    }
    assert fill(schema, Source.of("'bees'")) == {"q": "bees", "limit": 10}
    assert fill(schema, Source.of("'bees' limit 5 page 2")) == {"q": "bees", "limit": 5, "page": 2}
