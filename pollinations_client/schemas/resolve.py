"""Resolve a JSON schema: follow references, merge ``allOf``, find recursion. Pure.

Shared by ``vertex`` and ``openai_strict``. Nothing here changes a schema in place.
"""

from __future__ import annotations

import json
import math
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeGuard

Schema = dict[str, Any]

# Deep enough for any real tool; what is nested deeper has gone round, or is meant to exhaust the
# reader.
MAX_DEPTH = 64

KINDS: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
}

# Keywords whose members are names that somebody chose, and those that hold values, not schemas.
NAMED_PARTS = frozenset(("properties", "patternProperties", "$defs", "definitions"))
VALUES = frozenset(("enum", "const", "default", "example", "examples"))


def target_of(root: Mapping[str, Any], reference: str) -> Mapping[str, Any] | None:
    """The schema that ``reference`` (``#``, ``#/$defs/Name``) points to inside ``root``, if any."""
    if not reference.startswith("#"):
        return None
    target: Any = root
    for step in urllib.parse.unquote(reference[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(target, Mapping):
            target = target.get(name)
        elif isinstance(target, list) and name.isdecimal() and int(name) < len(target):
            target = target[int(name)]
        else:
            return None
    return target if isinstance(target, Mapping) else None


def merged(
    root: Mapping[str, Any],
    schema: Mapping[str, Any],
    inside: frozenset[str] = frozenset(),
    depth: int = 0,
) -> tuple[Schema | None, frozenset[str]]:
    """``schema`` with its reference followed and its ``allOf`` parts combined, one level deep.

    ``inside`` are the references whose targets ``schema`` is part of; they are returned with those
    that were followed added. The schema is ``None`` where it leads back into one of them. A
    reference that points nowhere is ignored.
    """
    own_keywords = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
    result: Schema = {}
    if isinstance(reference := schema.get("$ref"), str):
        if reference in inside or depth > MAX_DEPTH:
            return None, inside
        inside |= {reference}
        if (target := target_of(root, reference)) is not None:
            base, inside = merged(root, target, inside, depth + 1)
            if base is None:
                return None, inside
            result = base
    for part in schemas_in(schema.get("allOf")):
        if depth > MAX_DEPTH:
            break
        merged_part, followed = merged(root, part, inside, depth + 1)
        if merged_part is not None:
            result, inside = _combined(result, merged_part), followed
    return _combined(result, own_keywords), inside


def _combined(first: Schema, second: Schema) -> Schema:
    """One schema for what fits both; where they clash, ``second`` holds."""
    # As near as keywords can say: Vertex and strict mode know no allOf.
    result = {**first, **second}
    for key in first.keys() & second.keys() & JOINED.keys():
        value, other_value = first[key], second[key]
        if value != other_value or type(value) is not type(other_value):
            result[key] = JOINED[key](value, other_value)
    return result


def is_recursive(schema: Mapping[str, Any]) -> bool:
    """Whether a definition in ``schema``, or the schema itself, contains itself.

    >>> is_recursive({"properties": {"next": {"$ref": "#"}}})
    True
    """
    edges: dict[str, set[str]] = {}
    waiting = _references_in(schema)
    while waiting:
        reference = waiting.pop()
        if reference not in edges:
            edges[reference] = _references_in(target_of(schema, reference))
            waiting |= edges[reference]
    # Take away what refers to nothing that is left; a circle stays.
    while leaves := [name for name, targets in edges.items() if not targets & edges.keys()]:
        for name in leaves:
            del edges[name]
    return bool(edges)


def _references_in(schema: Any) -> set[str]:
    references: set[str] = set()
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            if isinstance(reference := part.get("$ref"), str):
                references.add(reference)
            waiting += [value for key, value in part.items() if key not in VALUES]
        elif isinstance(part, list):
            waiting += part
    return references


def resolve_root(schema: Mapping[str, Any]) -> Schema:
    """``schema`` with an object as its root, which is a reference in that of a recursive class.

    Definitions stay. A schema whose root is no reference is returned as it is.
    """
    if "$ref" in schema and "properties" not in schema:
        return merged(schema, schema)[0] or dict(schema)
    return dict(schema)


def drop_titles(schema: Any) -> Any:
    """Copy without the titles of parts; properties with the name ``title`` stay."""
    if isinstance(schema, list):
        return [drop_titles(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    copied: Schema = {}
    for key, value in schema.items():
        if key in NAMED_PARTS and isinstance(value, Mapping):
            copied[key] = {name: drop_titles(part) for name, part in value.items()}
        elif key in VALUES:
            copied[key] = value
        elif key != "title":
            copied[key] = drop_titles(value)
    return copied


def types_of(schema: Mapping[str, Any]) -> list[str]:
    """The types a schema names, in lower case, each once."""
    names = names_at(schema, "type") or [schema.get("type")]
    return list(dict.fromkeys(name.lower() for name in names if isinstance(name, str)))


def schemas_in(value: Any) -> list[Mapping[str, Any]]:
    """The schemas of a list of schemas; ``true``, ``false`` and what is no list say nothing."""
    parts = value if isinstance(value, list | tuple) else []
    return [part for part in parts if isinstance(part, Mapping)]


def alternatives(schema: Mapping[str, Any], *keywords: str) -> list[Mapping[str, Any]]:
    """The schemas listed under ``keywords``, such as ``anyOf`` and ``oneOf``."""
    return [part for keyword in keywords for part in schemas_in(schema.get(keyword))]


def tuple_items(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The items of a tuple, of draft 2020-12 (``prefixItems``) or before; none of other arrays."""
    items = schema.get("items")
    fixed = schemas_in(schema.get("prefixItems"))
    if fixed and isinstance(items, Mapping):
        return [*fixed, items]
    return fixed or schemas_in(items)


def is_null(schema: Mapping[str, Any]) -> bool:
    """Whether only null fits."""
    if types_of(schema) == ["null"] or schema.get("enum") == [None]:
        return True
    return "const" in schema and schema["const"] is None


def mapping_at(schema: Mapping[str, Any], keyword: str) -> Mapping[str, Any]:
    """The object at ``keyword``, such as ``properties``; an empty one for anything else.

    Schemas come from anybody's tools, MCP servers among them, and are not checked before.
    """
    value = schema.get(keyword)
    return value if isinstance(value, Mapping) else {}


def names_at(schema: Mapping[str, Any], keyword: str) -> Sequence[Any]:
    """The list at ``keyword``, such as ``required``; an empty one for anything else.

    Draft 3 has ``required: true`` on the property itself, and such schemas are still around.
    """
    value = schema.get(keyword)
    return value if isinstance(value, list) else []


def kind_of(values: Sequence[Any]) -> str | None:
    """The one type that all ``values`` have, or ``None``."""
    kinds = {KINDS.get(type(value)) for value in values}
    if kinds == {"integer", "number"}:
        return "number"
    return kinds.pop() if len(kinds) == 1 else None


def distinct(schemas: Iterable[Schema]) -> list[Schema]:
    """Each different schema once, in order.

    ``1``, ``1.0`` and ``true`` are different, as they are in JSON.
    """
    by_text: dict[str, Schema] = {}
    for schema in schemas:
        by_text.setdefault(json.dumps(schema, sort_keys=True, default=repr), schema)
    return list(by_text.values())


def is_number(value: Any) -> TypeGuard[int | float]:
    """A finite number, which a bool is not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _common_type(first: Any, second: Any) -> Any:
    names, other_names = types_of({"type": first}), types_of({"type": second})
    common = [name for name in other_names if name in names]
    different = {*names, *other_names} - {*common}
    if {"integer", "number"} <= different:
        common.append("integer")
    # No type is common to both: nothing would fit, and a model could not answer at all.
    if not common:
        return second
    if len(common) == 1:
        return common[0]
    return common


def _joined_properties(first: Any, second: Any) -> Any:
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        return second
    shared = {name: {"allOf": [first[name], second[name]]} for name in first if name in second}
    return {**first, **second, **shared}


def _joined_items(first: Any, second: Any) -> Any:
    # Of a tuple in the old spelling and a list no keyword says both; the second holds, as always.
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        return second
    return {"allOf": [first, second]}


def _joined_names(first: Any, second: Any) -> Any:
    if not isinstance(first, list) or not isinstance(second, list):
        return second
    return [*first, *(name for name in second if name not in first)]


def _common_values(first: Any, second: Any) -> Any:
    if not isinstance(first, list) or not isinstance(second, list):
        return second
    return [value for value in second if value in first] or second


def _tighter(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def join(first: Any, second: Any) -> Any:
        if is_number(first) and is_number(second):
            return choose(first, second)
        return second

    return join


LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
# How two values of a keyword are made one. Of all other keywords the second holds.
JOINED: dict[str, Callable[[Any, Any], Any]] = {
    "properties": _joined_properties,
    "items": _joined_items,
    "required": _joined_names,
    "enum": _common_values,
    "type": _common_type,
    **dict.fromkeys(LOWER_BOUNDS, _tighter(max)),
    **dict.fromkeys(UPPER_BOUNDS, _tighter(min)),
}
