"""LlamaIndex tools to the gateway's tool definitions, each tool object converted once."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llama_index.core.tools.types import BaseTool

from pollinations_client import InvalidRequestError
from pollinations_client._adapter_support import resolve_root, strict_form

__all__ = [
    "ToolDefinition",
    "choice_among",
    "own_parameters",
    "wire_tools",
]


# What LlamaIndex sends of a tool's schema.
SCHEMA_KEYS = ("type", "properties", "required", "definitions", "$defs")


class ToolDefinition(dict[str, Any]):
    """A tool as it is sent.

    ``own_parameters`` is its schema where the strict form of it was sent.
    """

    own_parameters: Mapping[str, Any] | None = None


_Entry = tuple[tuple[Any, ...], ToolDefinition]
_converted: weakref.WeakKeyDictionary[BaseTool, dict[bool, _Entry]] = weakref.WeakKeyDictionary()


def wire_tools(tools: Iterable[Any], *, strict: bool) -> list[Any]:
    """Tools as the client takes them: LlamaIndex tools converted, names of built-in tools and dicts
    as they are.

    Raises :class:`InvalidRequestError` for a function or a class that is no tool yet.
    """
    tools = list(tools)
    for index, tool in enumerate(tools):
        if callable(tool) and not isinstance(tool, BaseTool):
            name = getattr(tool, "__name__", type(tool).__name__)
            raise InvalidRequestError(
                f"tools[{index}]: {name} is no tool yet; make it one with"
                f" FunctionTool.from_defaults({name}).",
                param="tools",
            )
    return [_definition(tool, strict) if isinstance(tool, BaseTool) else tool for tool in tools]


def own_parameters(tools: Sequence[Any]) -> Mapping[str, Mapping[str, Any]]:
    """From a tool's own name to its own schema, where the strict form of it was sent."""
    definitions = [tool for tool in tools if isinstance(tool, ToolDefinition)]
    return {
        tool["function"]["name"]: tool.own_parameters
        for tool in definitions
        if tool.own_parameters is not None
    }


def choice_among(tools: Sequence[Any], choice: Any) -> Any:
    """A choice that is the name of one of ``tools`` as an object; another choice as it is."""
    definitions = [tool for tool in tools if isinstance(tool, ToolDefinition)]
    if choice in [tool["function"]["name"] for tool in definitions]:
        return {"type": "function", "function": {"name": choice}}
    return choice


def _definition(tool: BaseTool, strict: bool) -> ToolDefinition:
    about = tool.metadata
    state = (about.name, about.description, about.fn_schema)
    try:
        entries = _converted.setdefault(tool, {})
    except TypeError:  # a tool that cannot be hashed or weakly referenced is converted every time
        return _convert(tool, strict)
    entry = entries.get(strict)
    if entry is None or entry[0] != state:
        entry = entries[strict] = (state, _convert(tool, strict))
    return entry[1]


def _convert(tool: BaseTool, strict: bool) -> ToolDefinition:
    definition = ToolDefinition(tool.metadata.to_openai_tool(skip_length_check=True))
    # LlamaIndex makes the name fit for OpenAI, two names alike perhaps; the client does it better.
    name = tool.metadata.get_name()
    function = definition["function"] = {**definition["function"], "name": name}
    if tool.metadata.fn_schema is not None and "properties" not in function["parameters"]:
        # A class that contains itself is a reference at its root, which LlamaIndex leaves out.
        root = resolve_root(tool.metadata.fn_schema.model_json_schema())
        function["parameters"] = {key: root[key] for key in SCHEMA_KEYS if key in root}
    strict_parameters = strict_form(function["parameters"], f"The tool {name}") if strict else None
    if strict_parameters is not None:
        definition.own_parameters = function["parameters"]
        definition["function"] = {**function, "parameters": strict_parameters, "strict": True}
    return definition
