"""Whatever the schema and whatever the text: what is filled in is valid and always the same."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pollinations_client.emulator.stub_model.patterns import text_for
from pollinations_client.emulator.stub_model.schema_values import value_for as fill
from pollinations_client.emulator.stub_model.text_values import TextValues as Source

Json = dict[str, Any]
PROPERTIES = (
    "name age city email score count width is_valid tags query prompt title url date order_id"
    " minutes language"
)
NAMES = some.sampled_from(PROPERTIES.split())
SAID = "Alice Paris 3 42.5 'a b' and, red not bees @ 2026-01-02 - a@b.co? x: 1e3 Yes {} \n- é"
WORDS = some.lists(
    some.sampled_from(
        "Alice Paris 3 42.5 'a b' and, red not bees @ 2026-01-02"
        " - a@b.co? x: 1e3 Yes {} \n- é".split(" ")
    ),
    max_size=12,
).map(" ".join)


def bounded(low: str, high: str, values: Any) -> Any:
    """Two optional bounds in order."""
    return (
        some.tuples(values, values)
        .map(sorted)
        .flatmap(
            lambda pair: some.sampled_from(
                [{}, {low: pair[0]}, {high: pair[1]}, {low: pair[0], high: pair[1]}]
            )
        )
    )


INTEGERS = bounded("minimum", "maximum", some.integers(-50, 50)).map(
    lambda more: {"type": "integer", **more}
)
NUMBERS = bounded("minimum", "maximum", some.integers(-5, 5)).map(
    lambda more: {"type": "number", **more}
)
STEPS = some.tuples(some.sampled_from([2, 5, 0.5, 0.25, 0.1, 0.01]), some.integers(-9, 9)).map(
    lambda two: {"type": "number", "multipleOf": two[0], "minimum": two[1]}
)
OPEN = some.tuples(
    some.sampled_from(["integer", "number"]), some.integers(-9, 9), some.integers(2, 9)
).map(
    lambda three: {
        "type": three[0],
        "exclusiveMinimum": three[1],
        "exclusiveMaximum": three[1] + three[2],
    }
)
UNIQUE = some.tuples(some.sampled_from(["string", "integer", "number"]), some.integers(0, 4)).map(
    lambda two: {
        "type": "array",
        "items": {"type": two[0]},
        "uniqueItems": True,
        "minItems": two[1],
    }
)
TEXTS = bounded("minLength", "maxLength", some.integers(0, 40)).map(
    lambda more: {"type": "string", **more}
)
FORMATS = some.sampled_from(
    "date date-time time duration email uuid ipv4 ipv6 uri hostname".split()
).map(lambda form: {"type": "string", "format": form})
EXPRESSIONS = [
    "^[A-Z]{3}$",
    r"^\d+$",
    "^[a-z]+$",
    r"^ISBN \d{13}$",
    r"^\+?[0-9]{7,15}$",
    "^(?:on|off)$",
    r"v\d+\.\d+",
]
PATTERNS = some.sampled_from(EXPRESSIONS).map(lambda one: {"type": "string", "pattern": one})
OPTIONS = some.lists(some.sampled_from(["red", "blue", 1, 2.5, None]), min_size=1, max_size=4).map(
    lambda one: {"enum": one}
)
LEAVES = some.one_of(
    INTEGERS,
    NUMBERS,
    STEPS,
    OPEN,
    UNIQUE,
    TEXTS,
    FORMATS,
    PATTERNS,
    OPTIONS,
    some.sampled_from(
        [{"type": "boolean"}, {"type": "null"}, {"const": 7}, {"type": ["string", "null"]}]
    ),
)


def nested(inner: Any) -> Any:
    """Arrays, objects and unions of other schemas."""
    arrays = some.tuples(inner, some.integers(0, 3)).map(
        lambda two: {"type": "array", "items": two[0], "minItems": two[1]}
    )
    objects = some.tuples(some.dictionaries(NAMES, inner, max_size=4), some.booleans()).map(
        lambda two: {
            "type": "object",
            "properties": two[0],
            "required": list(two[0]) if two[1] else [],
        }
    )
    unions = some.lists(inner, min_size=1, max_size=3).map(
        lambda several: {"anyOf": [*several, {"type": "null"}]}
    )
    pairs = some.tuples(inner, inner).map(
        lambda two: {"type": "array", "prefixItems": list(two), "minItems": 2, "maxItems": 2}
    )
    maps = some.tuples(inner, some.integers(0, 2)).map(
        lambda two: {"type": "object", "additionalProperties": two[0], "minProperties": two[1]}
    )
    kinds = some.tuples(inner, inner).map(
        lambda two: {
            "oneOf": [
                {"properties": {"kind": {"const": at}, "told": one}, "required": ["kind", "told"]}
                for at, one in enumerate(two)
            ],
            "type": "object",
        }
    )
    return some.one_of(arrays, objects, unions, pairs, maps, kinds)


SCHEMAS = some.dictionaries(
    NAMES, some.recursive(LEAVES, nested, max_leaves=6), min_size=1, max_size=5
).map(lambda properties: {"type": "object", "properties": properties, "required": list(properties)})


@settings(max_examples=200)
@given(SCHEMAS, WORDS, some.booleans())
def test_what_is_filled_is_valid(schema: Json, text: str, keep_defaults: bool) -> None:
    """Bounds, lengths, formats, patterns, options, nesting: the value validates, and a second time
    it is the same.
    """
    value = fill(schema, Source.of(text, keep_defaults=keep_defaults))
    jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(value)
    assert value == fill(schema, Source.of(text, keep_defaults=keep_defaults))


HARD: dict[str, tuple[Json, Any]] = {
    "a bound between integers": ({"type": "integer", "minimum": 0.5, "maximum": 1.5}, 1),
    "a step above a bound": ({"type": "integer", "minimum": 17, "multipleOf": 5}, 20),
    "a required name without a schema": ({"type": "object", "required": ["who"]}, {"who": "Ann"}),
    "what stands beside variants": (
        {
            "type": "object",
            "properties": {"a": {"const": 1}, "b": {"const": 2}},
            "anyOf": [{"required": ["b"]}, {"required": ["a"]}],
        },
        {"b": 2},
    ),
    "the stricter of merged bounds": (
        {"allOf": [{"type": "integer", "minimum": 2}, {"minimum": 8}]},
        8,
    ),
    "bytes in a string": ({"type": "string", "contentEncoding": "base64"}, "ZW11bGF0ZWQ="),
    "a default of another type": ({"type": "integer", "default": "many"}, 1),
}


@pytest.mark.parametrize(("schema", "expected"), HARD.values(), ids=HARD)
def test_keywords_that_bind(schema: Json, expected: Any) -> None:
    """Keywords that a filler easily overlooks are kept."""
    outer = {"type": "object", "properties": {"it": schema}, "required": ["it"]}
    assert fill(outer, Source.of("Ann", keep_defaults=False)) == {"it": expected}


@pytest.mark.parametrize(
    ("form", "said", "spelt"),
    [
        ("date", "on 2026-13-01 or 2026-02-03", "2026-02-03"),
        ("date-time", "at 2026-02-03T04:05:00Z", "2026-02-03T04:05:00Z"),
        ("ipv4", "999.1.1.1 or 10.0.0.7", "10.0.0.7"),
    ],
)
def test_formats_are_spelt_as_formats(form: str, said: str, spelt: str) -> None:
    """What a person writes becomes what the format takes; what is no date or address at all is
    passed over.
    """
    schema = {
        "type": "object",
        "properties": {"it": {"type": "string", "format": form}},
        "required": ["it"],
    }
    assert fill(schema, Source.of(said)) == {"it": spelt}


@pytest.mark.parametrize(
    ("pattern", "low", "made"),
    [
        (r"^[A-Z]{3}-\d{4}$", 0, "AAA-1111"),
        (r"^(?:[01]\d|2[0-3]):[0-5]\d$", 0, "01:01"),
        (r"^(?!x)[^a-z\]]{2,}\.?$", 4, "111."),
        (r"(?i)^(a)(?P<b>b)\x41\u0042\b[\u4e00-\u9fff]?$", 0, "abAB"),
        (r"^\w+\s\w*$", 0, "a "),
        (r"^[\u4e00-\u9fff]+$", 2, "\u4e00\u4e00"),
        (r"^(?P<q>['\"])x(?P=q)$", 0, None),
        (r"^(?=.*\d)(?=.*[a-z]).{8,}$", 0, None),
        (r"^a{9}{9}{9}{9}$", 0, None),
        (r"^(?:(?:a{99}){99}){99}$", 0, None),
        (r"^[^\u0000-\uffff]$", 0, None),
        (r"^(?<=b)a$", 0, None),
        ("[", 0, None),
    ],
)
def test_patterns_get_a_text_that_they_take(pattern: str, low: int, made: str | None) -> None:
    """Classes, groups, repeats, references; what has no simple text gets none, and soon."""
    assert text_for(pattern, low) == made


PARTS: list[tuple[str, Json, str, Any]] = [
    (
        "near its name",
        {"seed": "integer", "count": "integer"},
        "7 bees with seed 42",
        {"seed": 42, "count": 7},
    ),
    ("thousands", {"amount": "number"}, "pay 1,250.50 now", {"amount": 1250.5}),
    ("negative", {"degrees": "number"}, "it is -4.5 outside", {"degrees": -4.5}),
    ("denied", {"urgent": "boolean"}, "this is not urgent", {"urgent": False}),
    ("affirmed", {"urgent": "boolean"}, "this is urgent", {"urgent": True}),
    ("switched off", {"dark_mode": "boolean"}, "dark mode off", {"dark_mode": False}),
    ("labelled", {"color": "string"}, "color: dark red, size: 3", {"color": "dark red"}),
    ("a link", {"url": "string"}, "see https://a.b/c?d=1 now", {"url": "https://a.b/c?d=1"}),
]


@pytest.mark.parametrize(
    ("properties", "text", "expected"),
    [part[1:] for part in PARTS],
    ids=[part[0] for part in PARTS],
)
def test_values_come_from_the_text(properties: Json, text: str, expected: Json) -> None:
    """Each kind of value is found where a reader would find it."""
    typed = {name: {"type": kind} for name, kind in properties.items()}
    assert (
        fill({"type": "object", "properties": typed, "required": list(typed)}, Source.of(text))
        == expected
    )


def test_a_list_takes_the_quoted_words_or_those_of_an_enumeration() -> None:
    """``'a' and 'b'``, else ``a, b and c``."""
    schema = {
        "type": "object",
        "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
        "required": ["tags"],
    }
    quoted = fill(schema, Source.of("Ann likes 'red bee' and 'wax'."))
    assert quoted["tags"] == ["red bee", "wax"]
    assert fill(schema, Source.of("buy milk, eggs and bread"))["tags"] == ["milk", "eggs", "bread"]


def test_allof_references_and_free_objects() -> None:
    """allOf is merged, references are followed, a free object takes the pairs of the text."""
    schema = {
        "type": "object",
        "allOf": [
            {"$ref": "#/$defs/base"},
            {"properties": {"b": {"type": "integer"}}, "required": ["b"]},
        ],
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
