"""Write tools, ``tool_choice`` and ``response_format`` by the gateway's rules.

Pure: the caller's objects are never changed.

Sources: the request schemas of API 0.3.0 and of autumn 2026, and the gateway's schema sanitiser for
Gemini.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json, to_json

from ..catalog.catalog import AskedModel
from ..errors import InvalidRequestError
from ..schemas.object_root import object_root
from ..schemas.vertex import vertex_schema
from .chat_options import BUILT_IN_TOOLS
from .messages import warn
from .tool_names import ToolNames, valid_name
from .validation import drop_none

__all__ = [
    "functions_for",
    "response_format_for",
    "tool_choice_for",
    "tools_for",
]

# "any" is LangChain's and Anthropic's word; the gateway's schema has the other three.
CHOICES = {"auto": "auto", "none": "none", "required": "required", "any": "required"}
ROOT_CHOICES = frozenset({"anyOf", "oneOf", "allOf"})
CHOICES_BY_BOOL = {True: "required", False: "none"}


def functions_for(functions: Sequence[Mapping[str, Any]], names: ToolNames) -> list[Any]:
    """The deprecated ``functions`` in the gateway's form."""
    return [_encoded_function(function, names) for function in functions]


def _encoded_function(function: Mapping[str, Any], names: ToolNames) -> dict[str, Any]:
    wire = drop_none(function)
    if isinstance(name := wire.get("name"), str):
        wire["name"] = names.encode(name)
    return wire


def tools_for(tools: Sequence[Any], model: AskedModel, names: ToolNames) -> list[Any]:
    """Tools in the gateway's form: built-in names as objects, other names as the wire takes
    them, schemas reduced to what Vertex takes for Gemini, and to one object for Claude.
    """
    reduces = model.has_trait("vertex_tool_schema")
    takes_no_choice = model.has_trait("refuses_root_choice")
    wire_tools: list[Any] = []
    for index, tool in enumerate(tools):
        if isinstance(tool, str):
            if tool not in BUILT_IN_TOOLS:
                raise InvalidRequestError(
                    f"tools[{index}]: {tool!r} is no built-in tool; known ones:"
                    f" {', '.join(sorted(BUILT_IN_TOOLS))}.",
                    param="tools",
                )
            wire_tools.append({"type": tool})
        elif not isinstance(tool, Mapping) or not isinstance(tool.get("type"), str):
            raise InvalidRequestError(
                f"tools[{index}]: a dict with a type, or a built-in tool's name, is needed.",
                param="tools",
            )
        elif tool["type"] == "function":
            wire = _reduced(_function_tool(tool, index, names), reduces=reduces)
            wire_tools.append(_without_root_choice(wire) if takes_no_choice else wire)
        else:
            wire_tools.append(drop_none(tool))
    return wire_tools


def _function_tool(tool: Mapping[str, Any], index: int, names: ToolNames) -> dict[str, Any]:
    function = tool.get("function")
    if not isinstance(function, Mapping) or not function.get("name"):
        raise InvalidRequestError(
            f"tools[{index}]: a function tool needs function.name.", param="tools"
        )
    return {**drop_none(tool), "function": _encoded_function(function, names)}


def _reduced(tool: dict[str, Any], *, reduces: bool) -> dict[str, Any]:
    function = tool["function"]
    if not reduces or not isinstance(parameters := function.get("parameters"), Mapping):
        return tool
    return {
        **tool,
        "function": {**function, "parameters": from_json(_reduced_schema(to_json(parameters)))},
    }


def _without_root_choice(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool["function"]
    parameters = function.get("parameters")
    if not isinstance(parameters, Mapping) or parameters.keys().isdisjoint(ROOT_CHOICES):
        return tool
    return {**tool, "function": {**function, "parameters": object_root(parameters)}}


def response_format_for(response_format: Mapping[str, Any], model: AskedModel) -> dict[str, Any]:
    """``response_format`` with a name that OpenAI takes, and for Gemini its schema reduced to what
    Vertex takes.

    The gateway reduces schemas of tools only, in both eras; Vertex refuses ``exclusiveMinimum``.
    """
    wire = drop_none(response_format)
    inner = wire.get("json_schema")
    if isinstance(inner, dict) and isinstance(name := inner.get("name"), str):
        inner["name"] = valid_name(name)  # "Page[int]", say; the answer does not repeat it
    match wire:
        case {"json_schema": {"schema": dict(schema), **others}} if model.has_trait(
            "vertex_tool_schema"
        ):
            reduced = from_json(_reduced_schema(to_json(schema)))
            return {**wire, "json_schema": {**others, "schema": reduced}}
    return wire


@functools.lru_cache(maxsize=512)
def _reduced_schema(schema: bytes) -> bytes:
    return to_json(vertex_schema(from_json(schema)))


def tool_choice_for(
    choice: Any, tools: Sequence[Any], model: AskedModel, tool_names: ToolNames
) -> Any:
    """``tool_choice`` in the gateway's own forms; ``None`` where it says nothing without tools.

    ``any`` and ``True`` mean ``required``; a name and Anthropic's objects become OpenAI's object.
    Where the model is known to refuse a forced choice it becomes ``auto``, with a warning.
    """
    if isinstance(choice, Mapping):
        choice = _chosen(choice)
    if isinstance(choice, bool):
        choice = CHOICES_BY_BOOL[choice]
    if not tools:
        # Frameworks send "auto" always; without tools it is a 400 at OpenAI.
        if choice in {"auto", "none"}:
            return None
        raise InvalidRequestError(
            f"tool_choice: {choice!r} needs tools, and none are given.", param="tool_choice"
        )
    names = [
        tool["function"].get("name") for tool in tools if isinstance(tool.get("function"), Mapping)
    ]
    # A tool may be called by its own name or by the one it has on the wire.
    wire_name = tool_names.wire_name_of(choice)
    if wire_name in names:
        wire_choice: Any = {"type": "function", "function": {"name": wire_name}}
    elif choice in CHOICES:
        wire_choice = CHOICES[choice]
    elif choice in BUILT_IN_TOOLS and [tool["type"] for tool in tools] == [choice]:
        # The gateway's schema has functions as a choice, and no built-in tool.
        wire_choice = "required"
    elif choice in BUILT_IN_TOOLS:
        raise InvalidRequestError(
            f"tool_choice: the gateway cannot force {choice!r}, a built-in tool, among others. Give"
            " it alone, or leave the choice to the model.",
            param="tool_choice",
        )
    else:
        raise InvalidRequestError(
            f"tool_choice: {choice!r} is none of the tools:"
            f" {', '.join(map(tool_names.decode, names)) or 'only built-in ones'}.",
            param="tool_choice",
        )
    if wire_choice not in ("auto", "none") and model.has_trait("refuses_forced_tool_choice"):
        warn(f"{model.name} refuses a forced tool choice; 'auto' is sent in place of {choice!r}.")
        return "auto"
    return wire_choice


def _chosen(choice: Mapping[str, Any]) -> str:
    """The word or the name in an object form of ``tool_choice``: OpenAI's, Anthropic's, or OpenAI's
    flat ones.
    """
    kind, name = choice.get("type"), choice.get("name")
    if kind in CHOICES or kind in BUILT_IN_TOOLS:
        return str(kind)
    if isinstance(function := choice.get("function"), Mapping):
        name = function.get("name")
    if kind in {"tool", "function", None} and isinstance(name, str):
        return name
    raise InvalidRequestError(
        f"tool_choice: {dict(choice)!r} is in no known form.", param="tool_choice"
    )
