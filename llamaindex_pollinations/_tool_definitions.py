"""Convert LlamaIndex tools to the gateway's tool definitions, each tool object once."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llama_index.core.tools.types import BaseTool

from pollinations_client import InvalidRequestError
from pollinations_client._adapter_support import resolve_root, strict_form

__all__ = [
    "ToolDefinition",
    "own_parameters",
    "tool_options",
    "wire_tools",
]

# The members of a schema that LlamaIndex's ToolMetadata.get_parameters_dict() keeps.
SCHEMA_KEYS = ("type", "properties", "required", "definitions", "$defs")


class ToolDefinition(dict[str, Any]):
    """A tool as it is sent; ``own_parameters`` is its own schema if its strict form is sent."""

    own_parameters: Mapping[str, Any] | None = None


_Entry = tuple[tuple[Any, ...], ToolDefinition]
# An agent sends all its tools with each step. Making ten schemas anew made a call three times as
# slow (measured 11/2026). The keys are weak: a tool is forgotten with its agent.
_converted_tools: weakref.WeakKeyDictionary[BaseTool, dict[bool, _Entry]] = (
    weakref.WeakKeyDictionary()
)


def wire_tools(tools: Iterable[Any], *, strict: bool) -> list[Any]:
    """Convert LlamaIndex tools; names of built-in tools and dicts stay as they are.

    Raises :class:`InvalidRequestError` for a function or a class that is no tool yet.
    """
    definitions = []
    for index, tool in enumerate(tools):
        if callable(tool) and not isinstance(tool, BaseTool):
            name = getattr(tool, "__name__", type(tool).__name__)
            raise InvalidRequestError(
                f"tools[{index}]: {name} is no tool yet; make it one with"
                f" FunctionTool.from_defaults({name}).",
                param="tools",
            )
        if isinstance(tool, BaseTool):
            tool = _convert_once(tool, strict)
        definitions.append(tool)
    return definitions


def tool_options(
    tools: Iterable[Any], *, choice: Any, strict: bool, parallel: bool
) -> dict[str, Any]:
    """The options of a call that offers ``tools``."""
    definitions = wire_tools(tools, strict=strict)
    return {
        "tools": definitions,
        "tool_choice": _choice_among(definitions, choice),
        "parallel_tool_calls": parallel,
    }


def own_parameters(tools: Sequence[Any]) -> Mapping[str, Mapping[str, Any]]:
    """The tools' own schemas by name, of the tools that are sent in strict form."""
    definitions = [tool for tool in tools if isinstance(tool, ToolDefinition)]
    return {
        tool["function"]["name"]: tool.own_parameters
        for tool in definitions
        if tool.own_parameters is not None
    }


def _choice_among(tools: Sequence[Any], choice: Any) -> Any:
    """Turn the name of one of ``tools`` into a choice of it; another choice stays as it is."""
    # A tool may be called "auto" or "none": the tools' own names are looked at first.
    definitions = [tool for tool in tools if isinstance(tool, ToolDefinition)]
    if choice in [tool["function"]["name"] for tool in definitions]:
        return {"type": "function", "function": {"name": choice}}
    return choice


def _convert_once(tool: BaseTool, strict: bool) -> ToolDefinition:
    metadata = tool.metadata
    state = (metadata.name, metadata.description, metadata.fn_schema)
    try:
        entries = _converted_tools.setdefault(tool, {})
    except TypeError:  # a tool that cannot be hashed or weakly referenced
        return _convert(tool, strict)
    entry = entries.get(strict)
    if entry is None or entry[0] != state:
        entry = entries[strict] = (state, _convert(tool, strict))
    return entry[1]


def _convert(tool: BaseTool, strict: bool) -> ToolDefinition:
    definition = ToolDefinition(tool.metadata.to_openai_tool(skip_length_check=True))
    # LlamaIndex replaces what OpenAI's names may not hold, so that two tools may get one name. The
    # client tells them apart, and gives each call its tool's own name again.
    name = tool.metadata.get_name()
    function = definition["function"] = {**definition["function"], "name": name}
    if tool.metadata.fn_schema is not None and "properties" not in function["parameters"]:
        # A class that contains itself is a reference at its root, which LlamaIndex leaves out.
        root = resolve_root(tool.metadata.fn_schema.model_json_schema())
        function["parameters"] = {key: root[key] for key in SCHEMA_KEYS if key in root}
    if not strict:
        return definition
    # None where the strict form would lose something: an argument of type dict[str, int] would be
    # an object that may hold nothing, and the model could only answer {}.
    strict_parameters = strict_form(function["parameters"], f"The tool {name}")
    if strict_parameters is not None:
        definition.own_parameters = function["parameters"]
        definition["function"] = {**function, "parameters": strict_parameters, "strict": True}
    return definition
