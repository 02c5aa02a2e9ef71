"""Write a JSON schema in OpenAI's strict form: objects closed, properties required.

Source: OpenAI's guide to structured outputs, "Supported schemas". Definitions and references stay,
recursion included.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from .resolve import (
    MAX_DEPTH,
    Schema,
    alternatives,
    is_null,
    mapping_at,
    merged,
    names_at,
    tuple_items,
    types_of,
)

__all__ = ["drop_strict_nulls", "free_form_paths", "strict_schema"]

KEPT_KEYWORDS = (
    *("type", "title", "description", "enum", "const", "pattern", "format", "multipleOf"),
    *("minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
)
FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
)
DEFINITIONS = ("$defs", "definitions")
NOTES = ("title", "description")
TYPE_KEYWORDS = {"type", "enum", "const", "properties", "items", "prefixItems"}
TYPE_KEYWORDS |= {"$ref", "anyOf", "oneOf", "allOf"}
MAX_CHOICES = 8  # choices within choices; one that goes round says nothing of null


def strict_schema(schema: Mapping[str, Any], *, optional_as_null: bool = True) -> Schema:
    """``schema`` in the form that ``strict: true`` demands.

    Objects get ``additionalProperties: false`` and every property is required; one that was
    optional may be null instead, unless ``optional_as_null`` is False: then the model gives a value
    for it. Defaults and other keywords that strict mode refuses are dropped; ``oneOf`` becomes
    ``anyOf``, ``allOf`` is merged. A free-form object (``dict[str, int]``) has no strict form and
    becomes an empty one; :func:`free_form_paths` finds them.

    >>> n = {"type": "integer", "default": 1}
    >>> strict_schema({"type": "object", "properties": {"n": n}})["properties"]
    {'n': {'type': ['integer', 'null']}}
    """
    if isinstance(schema.get("$ref"), str):  # the outermost schema must be an object itself
        root, _ = merged(schema, schema)
        schema = {**(root or {}), **{key: schema[key] for key in DEFINITIONS if key in schema}}
    return _StrictWriter(schema, optional_as_null).write(schema, frozenset(), 0)


def free_form_paths(schema: Mapping[str, Any]) -> list[str]:
    """Paths of the parts of ``schema`` that no strict form can hold: objects with unnamed members,
    and values of any type.

    Paths into a definition begin with its name; the empty path is the outermost object.

    >>> n = {"type": "object", "additionalProperties": True}
    >>> free_form_paths({"type": "object", "properties": {"n": n}})
    ['n']
    """
    return list(dict.fromkeys(_free_form(schema, "", 0)))


def drop_strict_nulls(schema: Mapping[str, Any], data: Any) -> Any:
    """``data`` without the nulls that stand for optional properties in :func:`strict_schema`.

    >>> n = {"type": "integer", "default": 1}
    >>> drop_strict_nulls({"type": "object", "properties": {"n": n}}, {"n": None})
    {}
    """
    return _without_nulls(schema, schema, data, 0)


class _StrictWriter:
    """Write one schema in strict form; ``root`` is what its references point into."""

    def __init__(self, root: Mapping[str, Any], optional_as_null: bool) -> None:
        self.root = root
        self.optional_as_null = optional_as_null

    def write(self, schema: Any, inside: frozenset[str], depth: int) -> Schema:
        """The strict form of a part; ``inside`` are the references whose targets it is part of."""
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
            return {}
        schema, inside = self._without_all_of(schema, inside)
        if isinstance(schema.get("$ref"), str):
            target = _reference(schema)
        else:
            target = _own_keywords(schema)
            self._write_choices(schema, target, inside, depth)
            self._write_properties(schema, target, inside, depth)
            self._write_items(schema, target, inside, depth)
        self._write_definitions(schema, target, inside, depth)
        return target

    def _without_all_of(
        self, schema: Mapping[str, Any], inside: frozenset[str]
    ) -> tuple[Mapping[str, Any], frozenset[str]]:
        parts = alternatives(schema, "allOf")
        # One part and nothing that it would have to be merged with: the reference stays one.
        if len(parts) == 1 and not set(schema) - {"allOf", "default", *NOTES, *DEFINITIONS}:
            # Pydantic's way to write a reference with a description beside it.
            return {**parts[0], **{key: schema[key] for key in schema if key != "allOf"}}, inside
        if not parts:
            return schema, inside
        merged_parts, inside = merged(self.root, schema, inside)
        return merged_parts or {}, inside

    def _write_choices(
        self, schema: Mapping[str, Any], target: Schema, inside: frozenset[str], depth: int
    ) -> None:
        if choices := alternatives(schema, "anyOf", "oneOf"):
            target["anyOf"] = [self.write(part, inside, depth + 1) for part in choices]

    def _write_properties(
        self, schema: Mapping[str, Any], target: Schema, inside: frozenset[str], depth: int
    ) -> None:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            if "object" not in types_of(schema):
                return
            properties = {}
        needed = names_at(schema, "required")
        target.setdefault("type", "object")
        target["properties"] = {}
        for name, part in properties.items():
            written = self.write(part, inside, depth + 1)
            # A class inside itself must be nullable, or its smallest value would be endless.
            if name not in needed and (self.optional_as_null or _holds_reference(written)):
                written = _or_null(written)
            target["properties"][str(name)] = written
        target["required"] = list(target["properties"])
        target["additionalProperties"] = False

    def _write_items(
        self, schema: Mapping[str, Any], target: Schema, inside: frozenset[str], depth: int
    ) -> None:
        if members := tuple_items(schema):
            target["items"] = {"anyOf": [self.write(part, inside, depth + 1) for part in members]}
        elif isinstance(schema.get("items"), Mapping) or "array" in types_of(schema):
            target["items"] = self.write(schema.get("items"), inside, depth + 1)
        else:
            return
        target.setdefault("type", "array")

    def _write_definitions(
        self, schema: Mapping[str, Any], target: Schema, inside: frozenset[str], depth: int
    ) -> None:
        # Definitions are named by "#/$defs/...", so they stay at the place where they were.
        for key in DEFINITIONS:
            if isinstance(named := schema.get(key), Mapping):
                target[key] = {
                    str(name): self.write(part, inside, depth + 1) for name, part in named.items()
                }


def _own_keywords(schema: Mapping[str, Any]) -> Schema:
    target = {
        key: copy.deepcopy(schema[key]) for key in KEPT_KEYWORDS if schema.get(key) is not None
    }
    if "const" in schema:
        target["const"] = copy.deepcopy(schema["const"])
    if target.get("format") not in FORMATS:
        target.pop("format", None)
    return target


def _reference(schema: Mapping[str, Any]) -> Schema:
    """A reference alone; a title, which strict mode refuses beside it, gets an ``anyOf`` of one."""
    notes = {key: schema[key] for key in NOTES if isinstance(schema.get(key), str)}
    pointer = {"$ref": schema["$ref"]}
    if not notes:
        return pointer
    return {**notes, "anyOf": [pointer]}


def _holds_reference(schema: Schema) -> bool:
    """Whether a value is described by a reference: of a recursive class each would need another."""
    return "$ref" in schema or any("$ref" in part for part in schema.get("anyOf", ()))


def _or_null(schema: Schema) -> Schema:
    """``schema``, or null: how strict mode says that a property may be left out."""
    kinds = types_of(schema)
    if not schema or "null" in kinds or is_null(schema):
        return schema
    if "anyOf" in schema and not kinds:
        if any(map(is_null, schema["anyOf"])):
            return schema
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if not kinds or "const" in schema or "anyOf" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    nullable = {**schema, "type": [*kinds, "null"]}
    if "enum" in schema and None not in schema["enum"]:
        nullable["enum"] = [*schema["enum"], None]
    return nullable


def _free_form(schema: Any, path: str, depth: int) -> Iterator[str]:
    if schema is True:  # JSON Schema's other way to write {}
        schema = {}
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return
    if _is_free_form(schema):
        yield path
    for key, inner_path in (*((key, "") for key in DEFINITIONS), ("properties", path)):
        for name, part in mapping_at(schema, key).items():
            yield from _free_form(part, f"{inner_path}.{name}".lstrip("."), depth + 1)
    for part in alternatives(schema, "anyOf", "oneOf", "allOf"):
        yield from _free_form(part, path, depth + 1)
    items = [*tuple_items(schema), schema.get("items")]
    if items == [None] and "array" in types_of(schema):
        items = [{}]
    for part in items:
        yield from _free_form(part, f"{path}[]", depth + 1)


def _is_free_form(schema: Mapping[str, Any]) -> bool:
    others = schema.get("additionalProperties")
    if others is True or isinstance(others, Mapping):
        return True
    if not TYPE_KEYWORDS & schema.keys():
        return True  # OpenAI answers 400: "schema must have a 'type' key"
    names_members = {"properties", "allOf", "$ref"} & schema.keys()
    return "object" in types_of(schema) and not names_members and others is not False


def _without_nulls(root: Mapping[str, Any], schema: Any, data: Any, depth: int) -> Any:
    if not isinstance(schema, Mapping) or not isinstance(data, dict | list) or depth > MAX_DEPTH:
        return data
    source = _chosen(root, schema, data)
    if isinstance(data, list):
        return [_without_nulls(root, source.get("items"), item, depth + 1) for item in data]
    parts, needed = mapping_at(source, "properties"), names_at(source, "required")
    return {
        name: _without_nulls(root, parts.get(name), value, depth + 1)
        for name, value in data.items()
        if value is not None or name in needed or _takes_null(root, parts.get(name))
    }


def _chosen(
    root: Mapping[str, Any], schema: Mapping[str, Any], data: dict[str, Any] | list[Any]
) -> Schema:
    """The part of ``schema`` that describes ``data``: itself, or its first alternative that fits.

    An alternative fits an object if it knows all members.
    """
    source = merged(root, schema)[0] or {}
    choices = [merged(root, part)[0] or {} for part in alternatives(source, "anyOf", "oneOf")]
    if isinstance(data, list):
        return next((part for part in choices if "items" in part), source)
    for part in choices:
        members = part.get("properties")
        if isinstance(members, Mapping) and data.keys() <= members.keys():
            return part
    return source


def _takes_null(root: Mapping[str, Any], schema: Any, depth: int = 0) -> bool:
    source = merged(root, schema)[0] or {} if isinstance(schema, Mapping) else {}
    if choices := alternatives(source, "anyOf", "oneOf"):
        return depth < MAX_CHOICES and any(_takes_null(root, part, depth + 1) for part in choices)
    if isinstance(values := source.get("enum"), list):
        return None in values
    kinds = types_of(source)
    return is_null(source) or "null" in kinds or not (kinds or "const" in source)
