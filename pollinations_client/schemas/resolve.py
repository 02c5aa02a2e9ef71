"""What the parts of a JSON schema mean together: references followed, ``allOf`` merged, null
recognised. Pure.

Shared by ``vertex`` and ``openai_strict``. Nothing here changes a schema it is given.
"""

from __future__ import annotations

import json
import math
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
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

TIGHTER = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}


def aimed_at(root: Mapping[str, Any], reference: str) -> Mapping[str, Any] | None:
    """The schema that ``reference`` (``#``, ``#/$defs/Name``) points to inside ``root``, or
    ``None``.
    """
    if not reference.startswith("#"):
        return None
    place: Any = root
    for step in urllib.parse.unquote(reference[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, Mapping):
            place = place.get(name)
        elif isinstance(place, list) and name.isdecimal() and int(name) < len(place):
            place = place[int(name)]
        else:
            return None
    return place if isinstance(place, Mapping) else None


def merged(
    root: Mapping[str, Any],
    schema: Mapping[str, Any],
    inside: frozenset[str] = frozenset(),
    depth: int = 0,
) -> tuple[Schema | None, frozenset[str]]:
    """``schema`` with its reference followed and its ``allOf`` parts laid together, one level deep.

    ``inside`` are the references that ``schema`` stands in; the answer has those that were followed
    added. The schema is ``None`` where it leads back into one of them. A reference that points
    nowhere says nothing.
    """
    own = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
    found: Schema = {}
    if isinstance(reference := schema.get("$ref"), str):
        if reference in inside or depth > MAX_DEPTH:
            return None, inside
        inside |= {reference}
        if (aimed := aimed_at(root, reference)) is not None:
            base, inside = merged(root, aimed, inside, depth + 1)
            if base is None:
                return None, inside
            found = base
    for part in schemas_in(schema.get("allOf")):
        if depth > MAX_DEPTH:
            break
        more, followed = merged(root, part, inside, depth + 1)
        if more is not None:
            found, inside = both(found, more), followed
    return both(found, own), inside


def both(one: Schema, other: Schema) -> Schema:
    """One schema for what fits ``one`` and ``other``, as near as keywords can say; where they
    clash, ``other``.
    """
    joint = {**one, **other}
    for key in one.keys() & other.keys():
        first, second = one[key], other[key]
        if first == second and type(first) is type(second):
            continue
        if key == "properties" and isinstance(first, Mapping) and isinstance(second, Mapping):
            shared = {
                name: {"allOf": [first[name], second[name]]} for name in first if name in second
            }
            joint[key] = {**first, **second, **shared}
        elif key == "required" and isinstance(first, list) and isinstance(second, list):
            joint[key] = [*first, *(name for name in second if name not in first)]
        elif key == "enum" and isinstance(first, list) and isinstance(second, list):
            joint[key] = [value for value in second if value in first] or second
        elif key == "type":
            joint[key] = _common_type(first, second)
        elif key == "items" and isinstance(first, Mapping) and isinstance(second, Mapping):
            joint[key] = {"allOf": [first, second]}
        elif key in TIGHTER and is_number(first) and is_number(second):
            joint[key] = TIGHTER[key](first, second)
    return joint


def is_recursive(schema: Mapping[str, Any]) -> bool:
    """Whether a definition in ``schema``, or the schema itself, contains itself.

    >>> is_recursive({"properties": {"next": {"$ref": "#"}}})
    True
    """
    edges: dict[str, set[str]] = {}
    ahead = _references_in(schema)
    while ahead:
        reference = ahead.pop()
        if reference not in edges:
            edges[reference] = _references_in(aimed_at(schema, reference))
            ahead |= edges[reference]
    # Take away what refers to nothing that is left; a circle stays.
    while leaves := [name for name, inner in edges.items() if not inner & edges.keys()]:
        for name in leaves:
            del edges[name]
    return bool(edges)


def _references_in(schema: Any) -> set[str]:
    references: set[str] = set()
    ahead = [schema]
    while ahead:
        part = ahead.pop()
        if isinstance(part, Mapping):
            if isinstance(reference := part.get("$ref"), str):
                references.add(reference)
            ahead += [value for key, value in part.items() if key not in VALUES]
        elif isinstance(part, list):
            ahead += part
    return references


def resolve_root(schema: Mapping[str, Any]) -> Schema:
    """``schema`` with its root in place: of a class that contains itself that is a reference.

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
    given = schema.get("type")
    named = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return list(dict.fromkeys(kind.lower() for kind in named if isinstance(kind, str)))


def schemas_in(value: Any) -> list[Mapping[str, Any]]:
    """The schemas of a list of schemas; ``true``, ``false`` and what is no list say nothing."""
    return (
        [part for part in value if isinstance(part, Mapping)]
        if isinstance(value, list | tuple)
        else []
    )


def alternatives(schema: Mapping[str, Any], *keywords: str) -> list[Mapping[str, Any]]:
    """The schemas listed under ``keywords``, such as ``anyOf`` and ``oneOf``."""
    return [part for keyword in keywords for part in schemas_in(schema.get(keyword))]


def tuple_items(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The items of a tuple, in the spelling of draft 2020-12 (``prefixItems``) or before; empty for
    other arrays.
    """
    fixed = schemas_in(schema.get("prefixItems"))
    rest = [schema["items"]] if fixed and isinstance(schema.get("items"), Mapping) else []
    return [*fixed, *rest] or schemas_in(schema.get("items"))


def is_null(schema: Mapping[str, Any]) -> bool:
    """Whether only null fits."""
    return (
        types_of(schema) == ["null"]
        or schema.get("enum") == [None]
        or ("const" in schema and schema["const"] is None)
    )


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
    seen: dict[str, Schema] = {}
    for schema in schemas:
        seen.setdefault(json.dumps(schema, sort_keys=True, default=repr), schema)
    return list(seen.values())


def is_number(value: Any) -> TypeGuard[int | float]:
    """A finite number, which a bool is not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _common_type(first: Any, second: Any) -> Any:
    ours, theirs = types_of({"type": first}), types_of({"type": second})
    common = [kind for kind in theirs if kind in ours]
    if "integer" in {*ours, *theirs} - {*common} and "number" in {*ours, *theirs} - {*common}:
        common.append("integer")
    return second if not common else common[0] if len(common) == 1 else common
