"""Reduce a JSON schema to what Vertex AI accepts, for Gemini behind the gateway.

The gateway drops what it does not know without a word: a ``oneOf`` left in means that the model
never sees the parameter. Source of the accepted keywords: the gateway's sanitizer of tool schemas,
autumn 2026.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .resolve import (
    MAX_DEPTH,
    Schema,
    alternatives,
    distinct,
    is_null,
    is_number,
    kind_of,
    merged,
    names_at,
    target_of,
    tuple_items,
    types_of,
)

__all__ = ["vertex_schema"]

NUMBERS = (
    *("minItems", "maxItems", "minProperties", "maxProperties"),
    *("minLength", "maxLength", "minimum", "maximum"),
)
TEXTS = ("title", "description", "format", "pattern")
LISTS = ("enum", "required", "propertyOrdering")
VALUES = ("default", "example")
KINDS = frozenset(("string", "number", "integer", "boolean", "array", "object"))
ONLY_FOR = {
    **dict.fromkeys(("minimum", "maximum"), ("integer", "number")),
    **dict.fromkeys(("minLength", "maxLength", "pattern"), ("string",)),
    **dict.fromkeys(("minItems", "maxItems"), ("array",)),
    **dict.fromkeys(("minProperties", "maxProperties"), ("object",)),
}
EXCLUSIVE_BOUNDS: tuple[tuple[str, str, Callable[..., Any], Callable[[float], int]], ...] = (
    ("exclusiveMinimum", "minimum", max, lambda bound: math.floor(bound) + 1),
    ("exclusiveMaximum", "maximum", min, lambda bound: math.ceil(bound) - 1),
)
NOTES = ("title", "description")
# Said of a choice as a whole; Vertex refuses anything else beside anyOf.
BESIDE_CHOICES = frozenset(("title", "description", "nullable", "anyOf", "oneOf"))
WITHOUT_MEANING = frozenset(
    ("$defs", "definitions", "$schema", "$id", "$comment", "default", "example", "examples")
)
# Definitions that name each other twice double with every level: past this many parts the rest is
# cut.
MAX_NODES = 20_000


def vertex_schema(schema: Mapping[str, Any]) -> Schema:
    """``schema`` reduced to what Vertex AI accepts, with the meaning kept as far as that goes.

    References are resolved in place. A definition inside itself is written out once more, and then
    becomes a plain object, for Vertex has no form for endless ones. ``allOf`` is merged; ``oneOf``
    becomes ``anyOf``; ``const`` an ``enum``, and one of other values than texts words in the
    description; exclusive bounds inclusive ones (the next integer for integers); a null among the
    types ``nullable``; tuples arrays of any of their items. What else stands beside a choice moves
    into it. Everything outside the accepted keywords is dropped.

    >>> vertex_schema({"type": ["integer", "null"], "exclusiveMinimum": 0, "if": {}})
    {'type': 'integer', 'nullable': True, 'minimum': 1}
    """
    return _VertexWriter(schema).write(schema, frozenset(), 0)


class _VertexWriter:
    """Write one schema for Vertex; ``root`` is what its references point into."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.nodes = 0

    def write(self, schema: Any, inside: frozenset[str], depth: int) -> Schema:
        """The reduced form of a part; ``inside`` are the references whose targets it is part of."""
        self.nodes += 1
        if not isinstance(schema, Mapping):
            return {}  # true and false as schemas: no keyword here says "anything" or "nothing"
        source: Schema | None = None
        if depth <= MAX_DEPTH and self.nodes <= MAX_NODES:
            source, inside = self._source(schema, inside)
        if source is None:
            return self._cut(schema)
        is_nullable = source.get("nullable") is True or _takes_null(source)
        if choices := _choices(source):
            written, has_null = self._write_choices(source, choices, inside, depth)
            return _completed(written, is_nullable or has_null)
        target: Schema = {}
        if kinds := _kinds(source):
            target["type"] = kinds[0]
        _copy_values(source, target)
        self._write_properties(source, target, inside, depth)
        self._write_items(source, target, inside, depth)
        _write_bounds(source, target)
        return _completed(target, is_nullable)

    def _source(
        self, schema: Mapping[str, Any], inside: frozenset[str]
    ) -> tuple[Schema | None, frozenset[str]]:
        """A part with its reference followed, into the same definition twice at most."""
        source, followed = merged(self.root, schema, inside)
        if source is None and (again := _without_first_visit(schema, inside)):
            return merged(self.root, schema, again)
        return source, followed

    def _write_choices(
        self, source: Schema, choices: list[Mapping[str, Any]], inside: frozenset[str], depth: int
    ) -> tuple[Schema, bool]:
        """A schema that is nothing but its choices, and whether null is one of them."""
        ignored = BESIDE_CHOICES | WITHOUT_MEANING
        beside = {key: value for key, value in source.items() if key not in ignored}
        if len(_kinds(source)) != 1:
            beside.pop("type", None)  # several types are choices themselves
        others = [part for part in choices if not is_null(part)]
        has_null = len(others) < len(choices)
        if beside:
            others = [{"allOf": [beside, part]} for part in others]
        notes = {key: source[key] for key in NOTES if isinstance(source.get(key), str)}
        if len(others) == 1:  # whose own words are added to those of the choice
            others = [{**notes, "allOf": others}]
        written = _flat(self.write(part, inside, depth + 1) for part in others)
        if len(written) == 1:
            return {**notes, **written[0]}, has_null
        if written:
            notes["anyOf"] = written
        return notes, has_null

    def _write_properties(
        self, source: Schema, target: Schema, inside: frozenset[str], depth: int
    ) -> None:
        properties = source.get("properties")
        if isinstance(properties, Mapping) and target.setdefault("type", "object") == "object":
            target["properties"] = {
                str(name): self.write(part, inside, depth + 1) for name, part in properties.items()
            }
        others = source.get("additionalProperties")
        if isinstance(others, bool | Mapping) and target.setdefault("type", "object") == "object":
            if not isinstance(others, bool):
                others = self.write(others, inside, depth + 1)
            target["additionalProperties"] = others

    def _write_items(
        self, source: Schema, target: Schema, inside: frozenset[str], depth: int
    ) -> None:
        items: Schema = {}
        if members := tuple_items(source):
            # Vertex has no tuples; an array of any of the items is the nearest that it knows.
            parts = _flat(self.write(part, inside, depth + 1) for part in members)
            items = {"anyOf": parts}
            if len(parts) == 1:
                items = parts[0]
        elif isinstance(source.get("items"), Mapping):
            items = self.write(source["items"], inside, depth + 1)
        if not items and target.get("type") != "array":
            return
        if target.setdefault("type", "array") == "array":
            target["items"] = items

    # Not an empty schema: the model is to know at least what kind of value belongs there.
    def _cut(self, schema: Mapping[str, Any]) -> Schema:
        """What stands in place of a part that would never end: its type and description."""
        definition = target_of(self.root, str(schema.get("$ref"))) or {}
        kinds = _kinds(schema) or _kinds(definition) or ["object"]
        target: Schema = {"type": kinds[0]}
        description = schema.get("description", definition.get("description"))
        if isinstance(description, str):
            target["description"] = description
        if kinds[0] == "array":
            target["items"] = {}
        return target


def _without_first_visit(
    schema: Mapping[str, Any], inside: frozenset[str]
) -> frozenset[str] | None:
    """The references around a part, so that its own is followed a second time; None for a third."""
    reference = schema.get("$ref")
    second_visit = f"second {reference}"
    if reference not in inside or second_visit in inside:
        return None
    return inside - {reference} | {second_visit}


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    return [kind for kind in types_of(schema) if kind in KINDS]


def _flat(schemas: Iterable[Schema]) -> list[Schema]:
    """Each alternative once, those of a choice inside the choice among them."""
    parts: list[Schema] = []
    for schema in schemas:
        parts += schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
    return distinct(parts)


def _takes_null(source: Schema) -> bool:
    return "null" in types_of(source) or is_null(source) or None in names_at(source, "enum")


def _choices(source: Schema) -> list[Mapping[str, Any]]:
    """The alternatives of a schema. Those that only vary what is required say nothing to Vertex."""
    choices = alternatives(source, "anyOf", "oneOf")
    if choices and ("properties" in source or "type" in source):
        choices = [part for part in choices if set(part) - {"required", "not", *WITHOUT_MEANING}]
    kinds = _kinds(source)
    if not choices and len(kinds) > 1:
        return [{"type": kind} for kind in kinds]
    return choices


def _copy_values(source: Schema, target: Schema) -> None:
    """Keywords that hold values: each only if its value is of the kind that Vertex reads there."""
    for keys, fits in ((TEXTS, str), (LISTS, list), (VALUES, object)):
        for key in keys:
            if isinstance(value := source.get(key), fits) and value is not None:
                target[key] = copy.deepcopy(value)
    for key in NUMBERS:
        if is_number(value := source.get(key)):
            target[key] = value
    if "const" in source:
        target["enum"] = [copy.deepcopy(source["const"])]


def _write_bounds(source: Schema, target: Schema) -> None:
    """Exclusive bounds as inclusive ones: the next integer, or the bound itself for other
    numbers.
    """
    is_integer = target.get("type") == "integer"
    for exclusive, inclusive, tighter, next_integer in EXCLUSIVE_BOUNDS:
        bound = source.get(exclusive)
        if bound is True:  # draft 4 marks the other bound as exclusive
            bound = target.pop(inclusive, None)
        if is_number(bound):
            if is_integer:
                bound = next_integer(bound)
            target[inclusive] = tighter(bound, target.get(inclusive, bound))


def _write_values(values: list[Any], target: Schema) -> None:
    """The values that a schema allows: as an enumeration where Vertex takes one, else in words."""
    # Its enumerations are of texts, none of them empty. Of others it answers 400 to the whole
    # request: "Invalid value at '...enum[0]' (TYPE_STRING), 2" (microsoft/azure-devops-mcp issue
    # 145), "only allowed for STRING type" (decolua/9router issue 359).
    if target.get("type") == "string" and all(value and type(value) is str for value in values):
        target["enum"] = values
        return
    allowed = ", ".join(json.dumps(value, ensure_ascii=False, default=str) for value in values)
    words = (target.get("description"), f"Allowed: {allowed}")
    target["description"] = "\n".join(filter(None, words))
    if target.get("type") in ONLY_FOR["minimum"] and all(map(is_number, values)):
        target["minimum"], target["maximum"] = min(values), max(values)


def _completed(target: Schema, nullable: bool) -> Schema:
    """``target`` made consistent: no null among its values, no required name without a property,
    keywords in a steady order.
    """
    if values := [value for value in target.pop("enum", ()) if value is not None]:
        if "type" not in target and (kind_of_values := kind_of(values)):
            target["type"] = kind_of_values
        _write_values(values, target)
    kind = target.get("type")
    if kind == "array":
        target.setdefault("items", {})
    for key in [key for key in target if kind and kind not in ONLY_FOR.get(key, (kind,))]:
        del target[key]
    # Vertex answers 400 to a required name that no property has, as a merge can leave one.
    for key in ("required", "propertyOrdering"):
        names = [name for name in target.pop(key, ()) if name in target.get("properties", {})]
        if names:
            target[key] = names
    if nullable or target.get("nullable"):
        target["nullable"] = True
    return {
        key: target[key]
        for key in dict.fromkeys(("type", "nullable", "title", "description", *target))
        if key in target
    }
