"""What a model is offered and what is known of it: tools as the gateway takes them, profiles from
the catalogue.
"""

from __future__ import annotations

import weakref
from typing import Any, cast

from langchain_core.language_models import ModelProfile
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_function, convert_to_openai_tool

from pollinations_client import InvalidRequestError, ModelCard
from pollinations_client._adapter_support import BUILT_IN_TOOLS, strict_schema

Wire = dict[str, Any]

WRITTEN_OUT_BY_LANGCHAIN = frozenset({"properties", "name", "toolSpec"})

# An agent offers the same tools on every turn, and to write one out takes LangChain about 0.2 ms.
_written: dict[int, tuple[weakref.ref[Any], tuple[Any, ...], Wire]] = {}


def tool_from(tool: Any, strict: bool | None, place: int = 0) -> Wire | str:
    """One tool as the gateway takes it: built-in ones by name or in their own forms, all others as
    functions.

    Raises :class:`InvalidRequestError` for what is none.
    """
    if isinstance(tool, str):
        return tool
    try:
        if isinstance(tool, dict):
            return _written_out(tool, strict)
        if isinstance(tool, BaseTool):
            return _remembered(tool, strict)
        return convert_to_openai_tool(tool, strict=strict)
    except (ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0]
    raise InvalidRequestError(
        f"tools[{place}]: {type(tool).__name__} is no tool: {reason}", param="tools"
    )


def _written_out(tool: Wire, strict: bool | None) -> Wire:
    """A tool that is a dictionary: the gateway's form, OpenAI's flat one, Google's for what it has
    built in, others.
    """
    if tool.get("type") in BUILT_IN_TOOLS:
        return tool
    if len(tool) == 1 and (name := next(iter(tool))) in BUILT_IN_TOOLS:
        return {"type": name, **(tool[name] or {})}
    flat = tool.get("type") == "function" and isinstance(tool.get("name"), str)
    function = (
        {name: value for name, value in tool.items() if name != "type"}
        if flat
        else tool.get("function")
    )
    if not isinstance(function, dict):
        if not is_bare(tool):
            return convert_to_openai_tool(tool, strict=strict)
        bare = function_of(tool, strict)
        kind = bare["parameters"].get("type", "object")
        if kind != "object":
            raise ValueError(f"its arguments must be an object, and the schema is of type {kind!r}")
        return {
            "type": "function",
            "function": {**bare, "parameters": {"type": "object", **bare["parameters"]}},
        }
    wanted = strict is not None and "strict" not in function
    function = convert_to_openai_function(function, strict=strict) if wanted else function
    return (
        {**tool, "function": function} if not flat else {"type": "function", "function": function}
    )


def is_bare(schema: Any) -> bool:
    """Whether LangChain would write a JSON schema out as nothing but its title, for its root has no
    properties.
    """
    return (
        isinstance(schema, dict)
        and "title" in schema
        and not schema.keys() & WRITTEN_OUT_BY_LANGCHAIN
    )


def function_of(schema: Wire, strict: bool | None) -> Wire:
    """A bare JSON schema, of an array, a choice or a map, as a function."""
    described = {"description": schema["description"]} if schema.get("description") else {}
    parameters = {
        name: value for name, value in schema.items() if name not in {"title", "description"}
    }
    parameters = strict_schema(parameters) if strict else parameters
    told = {} if strict is None else {"strict": strict}
    return {"name": schema["title"], **described, "parameters": parameters, **told}


def _remembered(tool: BaseTool, strict: bool | None) -> Wire:
    """The tool written out once; again when its name, description or schema is another."""
    schema = tool.args_schema
    said = (tool.name, tool.description, id(schema), strict, tool.extras)
    known = _written.get(id(tool))
    if known is not None and known[0]() is tool and known[1] == said:
        return known[2]
    wire = convert_to_openai_tool(tool, strict=strict)
    if isinstance(schema, type):  # a schema that is a dictionary may be changed in place
        place = id(tool)
        _written[place] = (weakref.ref(tool, lambda _: _written.pop(place, None)), said, wire)
    return wire


def profile_from(card: ModelCard) -> ModelProfile:
    """What LangChain's agents and middleware want to know of a model; only what the
    catalogue says.
    """
    inputs, outputs = card.input_modalities, card.output_modalities
    known: dict[str, Any] = {
        "name": card.title or card.name,
        "max_input_tokens": card.context_window,
        "max_output_tokens": card.max_output_tokens,
        "text_inputs": "text" in inputs if inputs else None,
        "image_inputs": card.vision,
        "image_url_inputs": card.vision,
        "image_tool_message": card.vision,
        "audio_inputs": card.audio_input,
        "video_inputs": card.video_input,
        "text_outputs": "text" in outputs if outputs else None,
        "image_outputs": "image" in outputs if outputs else None,
        "audio_outputs": "audio" in outputs if outputs else None,
        "video_outputs": "video" in outputs if outputs else None,
        "reasoning_output": card.reasoning,
        "tool_calling": card.tools,
        "tool_call_streaming": card.tools,
        "structured_output": card.structured_output,
    }
    fields = ModelProfile.__annotations__
    return cast(
        ModelProfile,
        {name: value for name, value in known.items() if value is not None and name in fields},
    )
