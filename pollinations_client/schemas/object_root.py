"""Write the schema of a tool as one object, for Anthropic, which takes no choice at its root.

Servers of MCP say so that one of several arguments is needed, or list the forms of a call; every
request that offers such a tool is answered with 400: "input_schema does not support oneOf, allOf,
or anyOf at the top level" (dearlordylord/huly-mcp issue 66, PostHog/posthog issue 61359).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .resolve import Schema, alternatives, distinct, mapping_at, merged, names_at

__all__ = ["CHOICES", "object_root"]

CHOICES = ("anyOf", "oneOf")
MAX_FORM_DEPTH = 4  # of choices within choices; what is deeper says nothing


def object_root(schema: Mapping[str, Any]) -> Schema:
    """``schema`` with the arguments of all its forms as its own; needed are those of every form.

    >>> object_root({"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})
    {'type': 'object', 'properties': {}}
    """
    return _as_object(schema, schema, frozenset(), 0)


def _as_object(
    root: Mapping[str, Any], schema: Mapping[str, Any], inside: frozenset[str], depth: int
) -> Schema:
    joint, inside = merged(root, schema, inside)  # None where it leads back into itself
    target: Schema = {
        name: value for name, value in (joint or {}).items() if name not in {*CHOICES, "required"}
    }
    forms: list[Schema] = []
    if depth < MAX_FORM_DEPTH:
        choices = alternatives(joint or {}, *CHOICES)
        forms = [_as_object(root, form, inside, depth + 1) for form in choices]
    properties = dict(mapping_at(target, "properties"))
    for name in dict.fromkeys(name for form in forms for name in form["properties"]):
        parts = distinct(form["properties"][name] for form in forms if name in form["properties"])
        properties.setdefault(name, parts[0] if len(parts) == 1 else {"anyOf": parts})
    required = list(names_at(joint or {}, "required"))
    if forms:
        needed = [set(form.get("required", ())) for form in forms]
        required += [name for name in properties if all(name in names for names in needed)]
    target = {"type": "object", **target, "properties": properties}
    if required:
        target["required"] = list(dict.fromkeys(required))
    return target
