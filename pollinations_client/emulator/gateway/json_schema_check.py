"""Whether a JSON Schema is one: what providers refuse in tools and response formats before they
look at the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
MOST_NESTED = 40


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100_000


def _is_type(value: Any) -> bool:
    several = value if isinstance(value, list) else [value]
    return bool(several) and all(isinstance(one, str) and one in TYPES for one in several)


def _is_pattern(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        re.compile(value)
    except re.error:
        return False
    return True


KEYWORDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "type": (_is_type, "a JSON type"),
    "enum": (lambda value: isinstance(value, list) and bool(value), "a non-empty array"),
    "required": (
        lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
        "names",
    ),
    "pattern": (_is_pattern, "a regular expression"),
    "format": (lambda value: isinstance(value, str), "a string"),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a positive number"),
    **dict.fromkeys(("minimum", "maximum"), (_is_number, "a number")),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), (_is_count, "a count")),
}
SEVERAL = ("anyOf", "oneOf", "allOf", "prefixItems")
NAMED = ("properties", "$defs", "definitions", "patternProperties")


def fault_in(schema: Any, root: Json, depth: int = 0) -> str | None:
    """What is wrong with a schema; None when nothing is."""
    if isinstance(schema, bool):
        return None
    if not isinstance(schema, dict):
        return f"{schema!r:.40} is not a schema"
    if depth > MOST_NESTED:
        return "the schema is nested too deeply"
    for name, (holds, wanted) in KEYWORDS.items():
        if name in schema and not holds(schema[name]):
            return f"{name!r} is {schema[name]!r:.40} and not {wanted}"
    if "$ref" in schema and not _resolves(schema["$ref"], root):
        return f"reference {schema['$ref']!r:.60} leads nowhere"
    return _fault_inside(schema, root, depth)


def _fault_inside(schema: Json, root: Json, depth: int) -> str | None:
    inner: list[Any] = []
    for name in SEVERAL:
        if name in schema:
            if not isinstance(schema[name], list) or not schema[name]:
                return f"{name!r} is not a non-empty array"
            inner += schema[name]
    for name in NAMED:
        if name in schema:
            if not isinstance(schema[name], dict):
                return f"{name!r} is not an object"
            inner += schema[name].values()
    inner += [schema[name] for name in ("items", "additionalProperties", "not") if name in schema]
    return next((fault for one in inner if (fault := fault_in(one, root, depth + 1))), None)


def _resolves(reference: Any, root: Json) -> bool:
    if not isinstance(reference, str) or not reference.startswith("#"):
        return False
    found: Any = root
    for step in reference.lstrip("#/").split("/") if reference.strip("#/") else []:
        if not isinstance(found, dict) or step not in found:
            return False
        found = found[step]
    return isinstance(found, dict | bool)


def fault_in_parameters(parameters: Json) -> str | None:
    """What is wrong with the parameters of a tool: besides being a schema they must describe an
    object.
    """
    if parameters.get("type", "object") != "object":
        return f"schema must be of type 'object', not {parameters['type']!r:.40}"
    return fault_in(parameters, parameters)
