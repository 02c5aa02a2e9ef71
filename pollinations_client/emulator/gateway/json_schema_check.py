"""Check that a JSON schema is one, as providers do before they look at the prompt."""

from __future__ import annotations

from typing import Any

import jsonschema  # type: ignore[import-untyped]

Json = dict[str, Any]
MAX_DEPTH = 40
VALIDATOR = jsonschema.Draft202012Validator
FORMATS = VALIDATOR.FORMAT_CHECKER  # says whether a "pattern" is a regular expression


def fault_in_schema(schema: Json) -> str | None:
    """What is wrong with a schema; None when nothing is."""
    references: list[Any] = []
    if _depth(schema, references) > MAX_DEPTH:
        return "the schema is nested too deeply"
    try:
        VALIDATOR.check_schema(schema, format_checker=FORMATS)
    except jsonschema.SchemaError as error:
        where = ".".join(map(str, error.absolute_path)) or "the schema"
        return f"{where}: {error.message:.120}"
    for reference in references:
        if not _leads_somewhere(reference, schema):
            return f"reference {reference!r:.60} leads nowhere"
    return None


def fault_in_parameters(parameters: Json) -> str | None:
    """What is wrong with a tool's parameters: a schema, and one of an object."""
    if parameters.get("type", "object") != "object":
        return f"schema must be of type 'object', not {parameters['type']!r:.40}"
    return fault_in_schema(parameters)


def _depth(value: Any, references: list[Any], depth: int = 0) -> int:
    """How deep a value is nested; stops past the limit. Collects the references on the way."""
    if depth > MAX_DEPTH or not isinstance(value, dict | list):
        return depth
    if isinstance(value, dict) and isinstance(value.get("$ref"), str):
        references.append(value["$ref"])
    inner = value.values() if isinstance(value, dict) else value
    return max((_depth(part, references, depth + 1) for part in inner), default=depth)


def _leads_somewhere(reference: str, root: Json) -> bool:
    if not reference.startswith("#"):
        return False
    target: Any = root
    for step in reference.lstrip("#/").split("/") if reference.strip("#/") else ():
        if not isinstance(target, dict) or step not in target:
            return False
        target = target[step]
    return isinstance(target, dict | bool)
