"""OpenAI's strict form of a JSON schema: every object closed, every property required, nothing it
refuses.

Source: OpenAI's guide to structured outputs, "Supported schemas". Definitions and references stay,
recursion included.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from .resolve import MAX_DEPTH, Schema, is_null, merged, schemas_in, tuple_items, types_of

__all__ = ["drop_strict_nulls", "free_form_paths", "strict_schema"]

PLAIN = (
    *(
        "type",
        "title",
        "description",
        "enum",
        "const",
        "pattern",
        "format",
        "multipleOf",
        "minItems",
        "maxItems",
    ),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
)
FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
)
DEFINITIONS = ("$defs", "definitions")
NOTES = ("title", "description")


def strict_schema(schema: Mapping[str, Any]) -> Schema:
    """``schema`` in the form that ``strict: true`` demands.

    Objects get ``additionalProperties: false`` and every property is required; one that was
    optional may be null instead. Defaults and other keywords that strict mode refuses are dropped;
    ``oneOf`` becomes ``anyOf``, ``allOf`` is merged. A free-form object (``dict[str, int]``) has no
    strict form and becomes an empty one; :func:`free_form_paths` finds them.

    >>> n = {"type": "integer", "default": 1}
    >>> strict_schema({"type": "object", "properties": {"n": n}})["properties"]
    {'n': {'type': ['integer', 'null']}}
    """
    if isinstance(schema.get("$ref"), str):  # the outermost schema must be an object itself
        found, _ = merged(schema, schema)
        schema = {**(found or {}), **{key: schema[key] for key in DEFINITIONS if key in schema}}
    return _laid(schema, schema, frozenset(), 0)


def free_form_paths(schema: Mapping[str, Any]) -> list[str]:
    """Where ``schema`` has objects whose members it does not name, which no strict form can hold.

    Members of definitions are told with the definition's name; the empty name is the outermost
    object.

    >>> n = {"type": "object", "additionalProperties": True}
    >>> free_form_paths({"type": "object", "properties": {"n": n}})
    ['n']
    """
    return list(dict.fromkeys(_free_form(schema, "", 0)))


def drop_strict_nulls(schema: Mapping[str, Any], data: Any) -> Any:
    """What answers :func:`strict_schema` as it would answer ``schema``: nulls that stand for "left
    out" are left out.

    >>> n = {"type": "integer", "default": 1}
    >>> drop_strict_nulls({"type": "object", "properties": {"n": n}}, {"n": None})
    {}
    """
    return _answered(schema, schema, data, 0)


def _free_form(schema: Any, where: str, depth: int) -> Iterator[str]:
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return
    open_to = schema.get("additionalProperties")
    unnamed = "object" in types_of(schema) and not {"properties", "allOf", "$ref"} & schema.keys()
    if open_to is True or isinstance(open_to, Mapping) or (unnamed and open_to is not False):
        yield where
    for key in DEFINITIONS:
        named = schema.get(key)
        for name, part in named.items() if isinstance(named, Mapping) else ():
            yield from _free_form(part, str(name), depth + 1)
    properties = schema.get("properties")
    for name, part in properties.items() if isinstance(properties, Mapping) else ():
        yield from _free_form(part, f"{where}.{name}".lstrip("."), depth + 1)
    for part in [
        part for key in ("anyOf", "oneOf", "allOf") for part in schemas_in(schema.get(key))
    ]:
        yield from _free_form(part, where, depth + 1)
    for part in [*tuple_items(schema), schema.get("items")]:
        yield from _free_form(part, f"{where}[]", depth + 1)


def _answered(root: Mapping[str, Any], schema: Any, data: Any, depth: int) -> Any:
    if not isinstance(schema, Mapping) or not isinstance(data, dict | list) or depth > MAX_DEPTH:
        return data
    source = _chosen(root, schema, data)
    if isinstance(data, list):
        return [_answered(root, source.get("items"), item, depth + 1) for item in data]
    parts, required = source.get("properties"), source.get("required")
    parts, needed = (
        parts if isinstance(parts, Mapping) else {},
        required if isinstance(required, list) else (),
    )
    return {
        name: _answered(root, parts.get(name), value, depth + 1)
        for name, value in data.items()
        if value is not None or name in needed or _takes_null(root, parts.get(name))
    }


def _chosen(
    root: Mapping[str, Any], schema: Mapping[str, Any], data: dict[str, Any] | list[Any]
) -> Schema:
    """What ``schema`` says of ``data``: itself, or the first of its alternatives that knows all
    members.
    """
    source = merged(root, schema)[0] or {}
    choices = [
        merged(root, part)[0] or {}
        for key in ("anyOf", "oneOf")
        for part in schemas_in(source.get(key))
    ]
    if isinstance(data, list):
        return next((part for part in choices if "items" in part), source)
    known = [
        (part, part["properties"])
        for part in choices
        if isinstance(part.get("properties"), Mapping)
    ]
    return next((part for part, members in known if data.keys() <= members.keys()), source)


def _takes_null(root: Mapping[str, Any], schema: Any) -> bool:
    source = merged(root, schema)[0] or {} if isinstance(schema, Mapping) else {}
    choices = [part for key in ("anyOf", "oneOf") for part in schemas_in(source.get(key))]
    if choices:
        return any(_takes_null(root, part) for part in choices)
    listed = source.get("enum")
    if isinstance(listed, list):
        return None in listed
    kinds = types_of(source)
    return is_null(source) or "null" in kinds or not (kinds or "const" in source)


def _laid(root: Mapping[str, Any], schema: Any, inside: frozenset[str], depth: int) -> Schema:
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return {}
    parts = schemas_in(schema.get("allOf"))
    if len(parts) == 1 and set(schema) - {"allOf", "default", *NOTES, *DEFINITIONS} == set():
        schema = {**parts[0], **{key: value for key, value in schema.items() if key != "allOf"}}
    elif parts:
        found, inside = merged(root, schema, inside)
        schema = found or {}
    if isinstance(schema.get("$ref"), str):
        return _reference(root, schema, inside, depth)
    target = {key: copy.deepcopy(schema[key]) for key in PLAIN if schema.get(key) is not None}
    if "const" in schema:
        target["const"] = copy.deepcopy(schema["const"])
    if target.get("format") not in FORMATS:
        target.pop("format", None)
    _lay_members(root, schema, target, inside, depth)
    _lay_definitions(root, schema, target, inside, depth)
    return target


def _reference(
    root: Mapping[str, Any], schema: Mapping[str, Any], inside: frozenset[str], depth: int
) -> Schema:
    """A reference alone stays alone; strict mode refuses words beside it, so these go round a
    choice of one.
    """
    notes = {key: schema[key] for key in NOTES if isinstance(schema.get(key), str)}
    pointer = {"$ref": schema["$ref"]}
    target: Schema = {**notes, "anyOf": [pointer]} if notes else pointer
    _lay_definitions(root, schema, target, inside, depth)
    return target


def _lay_members(
    root: Mapping[str, Any],
    schema: Mapping[str, Any],
    target: Schema,
    inside: frozenset[str],
    depth: int,
) -> None:
    choices = [part for key in ("anyOf", "oneOf") for part in schemas_in(schema.get(key))]
    if choices:
        target["anyOf"] = [_laid(root, part, inside, depth + 1) for part in choices]
    properties = schema.get("properties")
    if isinstance(properties, Mapping) or "object" in types_of(schema):
        given = properties if isinstance(properties, Mapping) else {}
        laid = {str(name): _laid(root, part, inside, depth + 1) for name, part in given.items()}
        required = schema.get("required")
        needed = (
            set(filter(lambda name: isinstance(name, str), required))
            if isinstance(required, list)
            else set()
        )
        target.setdefault("type", "object")
        target["properties"] = {
            name: part if name in needed else _or_null(part) for name, part in laid.items()
        }
        target["required"] = list(laid)
        target["additionalProperties"] = False
    if fixed := tuple_items(schema):
        target["items"] = {"anyOf": [_laid(root, part, inside, depth + 1) for part in fixed]}
        target.setdefault("type", "array")
    elif isinstance(schema.get("items"), Mapping) or "array" in types_of(schema):
        target["items"] = _laid(root, schema.get("items"), inside, depth + 1)
        target.setdefault("type", "array")


def _lay_definitions(
    root: Mapping[str, Any],
    schema: Mapping[str, Any],
    target: Schema,
    inside: frozenset[str],
    depth: int,
) -> None:
    for key in DEFINITIONS:
        if isinstance(named := schema.get(key), Mapping):
            target[key] = {
                str(name): _laid(root, part, inside, depth + 1) for name, part in named.items()
            }


def _or_null(schema: Schema) -> Schema:
    """``schema``, or null: how strict mode says that a property may be left out."""
    kinds = types_of(schema)
    if not schema or "null" in kinds or is_null(schema):
        return schema
    if "anyOf" in schema and not kinds:
        choices = schema["anyOf"]
        return (
            schema
            if any(map(is_null, choices))
            else {**schema, "anyOf": [*choices, {"type": "null"}]}
        )
    if not kinds or "const" in schema or "anyOf" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    values = (
        {"enum": [*schema["enum"], None]} if "enum" in schema and None not in schema["enum"] else {}
    )
    return {**schema, "type": [*kinds, "null"], **values}
