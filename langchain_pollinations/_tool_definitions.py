"""Convert tools to the gateway's format."""

from __future__ import annotations

import enum
import inspect
import weakref
from collections.abc import Iterable
from dataclasses import is_dataclass
from typing import Any, NotRequired, Required, cast, get_args, get_origin

from langchain_core.tools import BaseTool, create_schema_from_function
from langchain_core.utils.function_calling import convert_to_openai_function, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, PydanticUserError, TypeAdapter
from typing_extensions import ReadOnly, get_type_hints, is_typeddict

from pollinations_client import InvalidRequestError
from pollinations_client._adapter_support import (
    BUILT_IN_TOOLS,
    drop_titles,
    is_recursive,
    resolve_root,
    strict_form,
)

Wire = dict[str, Any]

# ``convert_to_openai_function`` reads a dictionary with one of these; of another, the title alone.
READ_BY_LANGCHAIN = frozenset({"properties", "name", "toolSpec"})
# A dictionary with none of these and a type that no schema has is a tool of some provider's own.
READ_AS_FUNCTION = READ_BY_LANGCHAIN - {"name"} | {"parameters", "input_schema"}
SCHEMA_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
# What converters raise for what is no schema. AttributeError: an object without a name, or a root
# of several types. The last two: an annotation in quotes whose name is not there.
CONVERSION_ERRORS = (ValueError, TypeError, AttributeError, NameError, PydanticUserError)
QUALIFIERS = (Required, NotRequired, ReadOnly)
NO_PARAMETERS = {"type": "object", "properties": {}}

# Converted tools by identity: an agent offers the same on every turn, and LangChain takes about
# 0.2 ms to convert one. A weak reference tells that an id belongs to another object now.
_converted_tools: dict[int, tuple[weakref.ref[Any], tuple[Any, ...], Wire]] = {}


def wire_tools(tools: Iterable[Any], *, strict: bool | None) -> list[Any]:
    """Convert tools; names of built-in ones stay as they are.

    Raises :class:`InvalidRequestError` for what is no tool, with its index.
    """
    return [tool_from(tool, strict, index) for index, tool in enumerate(tools)]


def tool_options(
    tools: Iterable[Any], *, choice: Any, strict: bool | None, parallel: bool | None
) -> dict[str, Any]:
    """The options of a call that offers ``tools``."""
    options = {
        "tools": wire_tools(tools, strict=strict),
        "tool_choice": choice,
        "parallel_tool_calls": parallel,
    }
    # ``create_agent`` without tools binds an empty list, which some providers refuse.
    return {name: value for name, value in options.items() if value is not None and value != []}


def tool_from(tool: Any, strict: bool | None, index: int = 0) -> Wire | str:
    """Convert a tool: names of built-in tools stay as they are, all others become functions.

    Raises :class:`InvalidRequestError` for what is no tool.
    """
    if isinstance(tool, str):
        return tool
    try:
        if isinstance(tool, dict):
            return _tool_from_dict(tool, strict)
        if isinstance(tool, BaseTool):
            return _convert_once(tool, strict)
        return _convert(tool, strict)
    except CONVERSION_ERRORS as error:
        reason = str(error).partition("\n")[0]
    raise InvalidRequestError(
        f"tools[{index}]: {class_name_of(tool)} is no tool: {reason}", param="tools"
    )


def older_function_from(function: Any, index: int = 0) -> Wire:
    """Convert one of the older ``functions``; a dictionary with a name stays as it is.

    Raises :class:`InvalidRequestError` for what is no function.
    """
    if isinstance(function, dict) and isinstance(function.get("name"), str):
        return function
    tool = tool_from(function, None, index)
    if isinstance(tool, dict) and isinstance(tool.get("function"), dict):
        return cast(Wire, tool["function"])
    raise InvalidRequestError(
        f"functions[{index}]: {tool!r} is no function; offer built-in tools in 'tools'.",
        param="functions",
    )


def function_from(schema: Any, strict: bool | None) -> Wire:
    """Convert a class, a callable or a JSON schema to a function.

    Raises ValueError or TypeError for anything else.
    """
    if is_schema_without_properties(schema):
        return _with_strict(_function_from_schema(schema), strict)
    if isinstance(schema, dict) and isinstance(schema.get("function"), dict):
        return _with_strict(schema["function"], strict)
    check_is_schema(schema)
    return _complete_function(convert_to_openai_function(schema), schema, strict)


def check_is_schema(schema: Any) -> None:
    """Raise TypeError, with what to give in its place, for what LangChain converts to nonsense."""
    remedy = "; give a Pydantic class with a field for it, or a JSON schema"
    if get_origin(schema) is not None:
        raise TypeError(f"it is no class{remedy}")
    if isinstance(schema, BaseModel) and not isinstance(schema, BaseTool):
        raise TypeError("it is an object; give its class")
    if not isinstance(schema, type):
        return
    if issubclass(schema, enum.Enum):
        raise TypeError(f"it is an Enum, and an answer is an object{remedy}")
    if not (is_basemodel_subclass(schema) or is_typeddict(schema) or is_dataclass(schema)):
        raise TypeError(f"the class does not say what its fields are{remedy}")


def class_name_of(schema: Any) -> str:
    """Return the name of a class, or of the type of anything else."""
    return schema.__name__ if isinstance(schema, type) else type(schema).__name__


def is_schema_without_properties(schema: Any) -> bool:
    """Whether LangChain would keep of a JSON schema its title alone, for it has no properties."""
    return isinstance(schema, dict) and "title" in schema and not schema.keys() & READ_BY_LANGCHAIN


def typed_dict_as_schema(schema: Any) -> Any:
    """Write a TypedDict that LangChain cannot convert as a JSON schema; leave anything else.

    It cannot where one contains itself, or has ``Required``, ``NotRequired`` or ``ReadOnly``.
    """
    if not is_typeddict(schema):
        return schema
    try:
        convert_to_openai_function(schema)
    except (RecursionError, TypeError):
        pass
    else:
        return schema
    try:
        json_schema = drop_titles(resolve_root(TypeAdapter(schema).json_schema()))
    except PydanticUserError as error:
        raise ValueError(f"{schema.__name__} cannot be converted: {error.message}") from None
    for name, hint in get_type_hints(schema, include_extras=True).items():
        if description := _description_in(hint):
            json_schema["properties"][name]["description"] = description
    notes = {"title": schema.__name__, "description": inspect.getdoc(schema)}
    return {**json_schema, **{name: note for name, note in notes.items() if note}}


def _description_in(hint: Any) -> str | None:
    """The description in LangChain's ``Annotated[int, ..., "The description."]``."""
    while get_origin(hint) in QUALIFIERS:
        hint = get_args(hint)[0]
    metadata: tuple[Any, ...] = getattr(hint, "__metadata__", ())
    return next((note for note in metadata[1:2] if isinstance(note, str)), None)


def _tool_from_dict(tool: Wire, strict: bool | None) -> Wire:
    if tool.get("type") in BUILT_IN_TOOLS:
        return tool
    # Google's form: {"google_search": {}}
    if len(tool) == 1 and (name := next(iter(tool))) in BUILT_IN_TOOLS:
        return {"type": name, **(tool[name] or {})}
    function = tool.get("function")
    if isinstance(function, dict):
        return {**tool, "function": _with_strict(function, strict)}
    # The flat form of OpenAI's Responses
    if tool.get("type") == "function" and isinstance(tool.get("name"), str):
        flat = {name: value for name, value in tool.items() if name != "type"}
        return {"type": "function", "function": _with_strict(flat, strict)}
    kind = tool.get("type", "function")
    is_function = kind == "function" or kind in SCHEMA_TYPES or bool(tool.keys() & READ_AS_FUNCTION)
    if not is_function and isinstance(kind, str):
        return tool  # the gateway's to take or to refuse; LangChain makes a function of its name
    tool = resolve_root(tool)
    if not is_schema_without_properties(tool):
        return _convert(tool, strict)
    _check_takes_object(tool)
    return {"type": "function", "function": function_from({**tool, "type": "object"}, strict)}


def _check_takes_object(parameters: Wire) -> None:
    kind = parameters.get("type", "object")
    if kind != "object":
        raise ValueError(
            f"its arguments must be an object, and the schema is of type {kind!r}; give a class"
            " with a field for it, or ask for it by method='json_schema'"
        )


def _convert(tool: Any, strict: bool | None) -> Wire:
    """Convert a tool as LangChain does, and put back what LangChain loses."""
    check_is_schema(tool)
    tool = typed_dict_as_schema(tool)
    wire = convert_to_openai_tool(tool)
    if not isinstance(function := wire.get("function"), dict):
        return wire
    _check_takes_object(function.get("parameters") or NO_PARAMETERS)
    return {**wire, "function": _complete_function(function, tool, strict)}


def _complete_function(function: Wire, source: Any, strict: bool | None) -> Wire:
    """Give a function the inside of recursive classes, and its strict form if asked for."""
    # LangChain inlines every reference, and what a class holds of itself becomes ``{}``.
    schema = _schema_of(source)
    if schema is not None and is_recursive(schema):
        parameters = drop_titles(resolve_root(schema))
        parameters.pop("description", None)
        function = {**function, "parameters": parameters}
    return _with_strict(function, strict)


def _schema_of(source: Any) -> Wire | None:
    """Write the JSON schema of a class or of a callable's arguments; None for a dictionary."""
    if isinstance(source, dict):
        return None
    if isinstance(source, BaseTool):
        source = source.tool_call_schema
    elif not isinstance(source, type):
        source = create_schema_from_function(source.__name__, source, parse_docstring=False)
    if isinstance(source, dict):  # the schema of a tool of MCP
        return source
    if not is_basemodel_subclass(source):
        return None
    write_schema = getattr(source, "model_json_schema", None) or source.schema  # pydantic 1's
    schema: Wire = write_schema()
    return schema


def _with_strict(function: Wire, strict: bool | None) -> Wire:
    """Set ``strict`` in a function that does not say it itself, and write its parameters so."""
    if strict is None or "strict" in function:
        return function
    if not strict:
        return {**function, "strict": False}
    owner, parameters = str(function.get("name")), function.get("parameters")
    # What was optional gets a value from the model, as with ChatOpenAI: LangChain's tools refuse a
    # null where they have a default.
    parameters = strict_form(parameters or NO_PARAMETERS, owner, optional_as_null=False)
    if parameters is None:
        return function
    return {**function, "parameters": parameters, "strict": True}


def _function_from_schema(schema: Wire) -> Wire:
    """Make a function of a JSON schema without properties: of an array, a choice or a map."""
    function = {"name": schema["title"]}
    if description := schema.get("description"):
        function["description"] = description
    notes = {"title", "description"}
    function["parameters"] = {name: schema[name] for name in schema if name not in notes}
    return function


def _convert_once(tool: BaseTool, strict: bool | None) -> Wire:
    """Convert a tool once, as long as its name, description and schema are the same."""
    schema = tool.args_schema
    state = (tool.name, tool.description, id(schema), strict, tool.extras)
    entry = _converted_tools.get(id(tool))
    if entry is not None and entry[0]() is tool and entry[1] == state:
        return entry[2]
    wire = _convert(tool, strict)
    if isinstance(schema, type):  # a schema that is a dictionary may be changed in place
        key = id(tool)
        _converted_tools[key] = (
            weakref.ref(tool, lambda _: _converted_tools.pop(key, None)),
            state,
            wire,
        )
    return wire
