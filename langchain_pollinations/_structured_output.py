"""Ask for structured output by one of three methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableMap
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass

from pollinations_client import Catalog, InvalidRequestError
from pollinations_client._adapter_support import resolve_root

from ._structured_types import Method
from ._tool_definitions import (
    CONVERSION_ERRORS,
    NO_PARAMETERS,
    SCHEMA_TYPES,
    class_name_of,
    function_from,
    is_schema_without_properties,
    typed_dict_as_schema,
    wire_tools,
)

if TYPE_CHECKING:
    from ._output_parser import StructuredOutputParser

METHODS = get_args(Method)
FORMATS = ("json_schema", "json_object", "text")


def with_title(schema: Any) -> Any:
    """Give a JSON schema a title, which LangChain takes for its name, and its root in place.

    Others as they are, but for a TypedDict that LangChain cannot convert.
    """
    schema = typed_dict_as_schema(schema)
    if not isinstance(schema, dict):
        return schema
    schema = resolve_root(schema)
    if schema.get("type") == "function" and "name" in schema:
        # OpenAI's Responses write a tool so; LangChain reads it without the type.
        schema = {name: value for name, value in schema.items() if name != "type"}
    if schema.keys() & {"title", "name", "function", "json_schema"}:
        return schema
    return {"title": "answer", **schema}


def unwrap_schema(schema: Any, strict: bool | None) -> tuple[Any, bool | None]:
    """Take a JSON schema out of OpenAI's ``response_format``, or out of its inner part.

    Returns the schema, and whether it is strict.
    """
    inner = schema.get("json_schema", schema) if isinstance(schema, dict) else None
    if not isinstance(inner, dict):
        return schema, strict
    # A schema with properties is one itself, whatever else it has.
    if not isinstance(inner.get("schema"), dict) or "properties" in inner:
        return schema, strict
    notes = {"title": inner.get("name"), "description": inner.get("description")}
    notes = {name: value for name, value in notes.items() if value}
    if strict is None:
        strict = inner.get("strict")
    return {**inner["schema"], **notes}, strict


def convert_schema(convert: Callable[..., Any], schema: Any, **options: Any) -> Any:
    """Write a schema by one of LangChain's converters.

    Raises :class:`InvalidRequestError` for what is no schema.
    """
    try:
        return convert(with_title(schema), **options)
    except CONVERSION_ERRORS as error:
        reason = str(error).partition("\n")[0]
    raise InvalidRequestError(
        f"schema: {class_name_of(schema)} cannot be written as one: {reason}", param="schema"
    )


def response_format_for(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """Make the ``response_format`` for a class, a TypedDict, a function or a JSON schema."""
    kind = None
    if isinstance(schema, dict):
        kind = schema.get("type")
        if kind in FORMATS and "properties" not in schema:
            return schema
        if isinstance(schema.get("json_schema"), dict):
            return {"type": "json_schema", **schema}
    if isinstance(kind, str) and kind not in SCHEMA_TYPES and kind != "function":
        raise InvalidRequestError(
            f"response_format: type {kind!r} is none of {', '.join(FORMATS)}, nor a JSON schema's.",
            param="response_format",
        )
    schema, strict = unwrap_schema(schema, strict)
    function = convert_schema(function_from, schema, strict=strict)
    inner = {"name": function["name"]}
    if description := function.get("description"):
        inner["description"] = description
    inner["schema"] = function.get("parameters") or NO_PARAMETERS
    if "strict" in function:
        inner["strict"] = function["strict"]
    return {"type": "json_schema", "json_schema": inner}


def method_for(model: str, catalog: Catalog, *, has_tools: bool = False) -> Method:
    """Choose the method for a model: ``json_schema`` where it is followed, else a forced tool.

    ``has_tools``: others are offered beside. A model that calls no tools, or cannot be forced to,
    is asked by schema unless its card says that it takes none.
    """
    card = catalog.get(model)
    if card is None:
        return "function_calling"
    # Gemini loses its tools where JSON is asked for beside them.
    if has_tools and card.tools is not False and catalog.has_trait(model, "json_drops_tools"):
        return "function_calling"
    if card.takes_json_schema or card.tools is False:
        return "json_schema"
    cannot_be_forced = catalog.has_trait(model, "refuses_forced_tool_choice")
    if cannot_be_forced and card.takes_json_schema is None:
        return "json_schema"
    return "function_calling"


def structured_runnable(
    llm: BaseChatModel,
    schema: Any,
    /,
    *,
    method: Method,
    include_raw: bool,
    strict: bool | None,
    **options: Any,
) -> Runnable[Any, Any]:
    """Chain ``llm``, asked for ``schema`` by ``method``, with the parser of its answers.

    ``options`` of the call override those that the method sets; ``tools`` are offered beside, and
    where the model calls one of them there is no object: None, and the call is in the raw message.
    """
    # Imported here, for programs that ask for no structure need no parser.
    from ._output_parser import StructuredOutputParser

    if method not in METHODS:
        raise InvalidRequestError(
            f"method: {method!r} is none of {', '.join(map(repr, METHODS))}.", param="method"
        )
    if schema is None and method != "json_mode":
        raise InvalidRequestError(f"schema: method {method!r} needs one.", param="schema")
    schema, strict = unwrap_schema(schema, strict)
    schema = convert_schema(with_title, schema)
    json_schema = _json_schema(schema)
    parser = StructuredOutputParser(json_schema=json_schema or {})
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        parser.schema_class = schema
    tools = wire_tools(options.pop("tools", None) or (), strict=strict)
    parser.other_tools = frozenset(map(_function_name, tools)) - {""}
    # LangChain's tracing shows it, and its standard tests compare it with the schema.
    traced_format = {"kwargs": {"method": method, "strict": strict}, "schema": json_schema}
    options["ls_structured_output_format"] = traced_format
    if method == "function_calling":
        bound = _bind_tool(llm, schema, tools, parser, strict, options)
    else:
        response_format = {"type": "json_object"}
        if method == "json_schema":
            response_format = response_format_for(schema, strict=strict)
        if tools:
            options = {"tools": tools, **options}
        bound = llm.bind(**{"response_format": response_format, **options})
    if include_raw:
        return _with_raw(bound, parser)
    return bound | parser


def _bind_tool(
    llm: BaseChatModel,
    schema: Any,
    tools: list[Any],
    parser: StructuredOutputParser,
    strict: bool | None,
    options: dict[str, Any],
) -> Runnable[Any, Any]:
    """Offer the schema to ``llm`` as a tool that it has to call."""
    name = convert_schema(function_from, schema, strict=None)["name"]
    parser.tool_name = name
    forced = {"tool_choice": name, "strict": strict, "parallel_tool_calls": False}
    if tools:
        forced["tool_choice"] = "any"  # the model chooses between the tools and the answer
    return llm.bind_tools([schema, *tools], **{**forced, **options})


def _function_name(tool: Any) -> str:
    function = tool.get("function") if isinstance(tool, dict) else None
    return str(function["name"]) if function else ""


def _with_raw(llm: Runnable[Any, Any], parser: Any) -> Runnable[Any, Any]:
    """Return the raw message with the parsed object, or with the error that there is none."""

    def parse(answer: dict[str, Any], config: RunnableConfig) -> dict[str, Any]:
        try:
            return {**answer, "parsed": parser.invoke(answer["raw"], config), "parsing_error": None}
        # The parser's errors, and those of Pydantic's two versions, are all of these.
        except (ValueError, TypeError) as error:
            return {**answer, "parsed": None, "parsing_error": error}

    return RunnableMap(raw=llm) | RunnableLambda(parse)


def _json_schema(schema: Any) -> Any:
    if schema is None or is_schema_without_properties(schema):
        return schema
    convert_schema(function_from, schema, strict=None)  # refuses what the next line would accept
    return convert_schema(convert_to_json_schema, schema)
