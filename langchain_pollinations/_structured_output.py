"""Structured answers: three methods of asking for them.

What comes back is read in ``_parsers.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableMap
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

from pollinations_client import InvalidRequestError
from pollinations_client._adapter_support import merged

from ._parsers import (
    TolerantJsonParser,
    TolerantPydanticParser,
    ToolCallOrTextJsonParser,
    ToolCallOrTextParser,
)
from ._tool_definitions import function_of, is_bare

if TYPE_CHECKING:
    from .chat_models import ChatPollinations

Method = Literal["function_calling", "json_schema", "json_mode"]

FORMATS = ("json_schema", "json_object", "text")
SCHEMA_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")


def named(schema: Any) -> Any:
    """A JSON schema with a title, which LangChain takes for its name, and its root in place; others
    as they are.
    """
    if isinstance(schema, dict) and "$ref" in schema and "properties" not in schema:
        schema = merged(schema, schema)[0] or schema
    if isinstance(schema, dict) and not schema.keys() & {
        "title",
        "name",
        "function",
        "json_schema",
    }:
        return {"title": "answer", **schema}
    return schema


def unwrapped(schema: Any, strict: bool | None) -> tuple[Any, bool | None]:
    """A JSON schema out of OpenAI's ``response_format``, or out of its inner part, and whether it
    says strict.
    """
    inner = schema.get("json_schema", schema) if isinstance(schema, dict) else None
    if (
        not isinstance(inner, dict)
        or not isinstance(inner.get("schema"), dict)
        or "properties" in inner
    ):
        return schema, strict
    told = {"title": inner.get("name"), "description": inner.get("description")}
    told = {name: value for name, value in told.items() if value}
    return {**inner["schema"], **told}, inner.get("strict") if strict is None else strict


def written(convert: Callable[..., Any], schema: Any, **options: Any) -> Any:
    """A schema written out by one of LangChain's converters.

    Raises :class:`InvalidRequestError` for what is none.
    """
    try:
        return convert(named(schema), **options)
    except (
        ValueError,
        TypeError,
        AttributeError,
    ) as error:  # the last where a root has several types
        reason = str(error).partition("\n")[0]
    raise InvalidRequestError(
        f"schema: {type(schema).__name__} cannot be written as one: {reason}", param="schema"
    )


def response_format_for(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """``response_format`` for a class, a TypedDict, a function or a JSON schema."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    if isinstance(schema, dict) and kind in FORMATS and "properties" not in schema:
        return schema
    if isinstance(schema, dict) and isinstance(schema.get("json_schema"), dict):
        return {"type": "json_schema", **schema}
    if isinstance(kind, str) and kind not in SCHEMA_TYPES and kind != "function":
        raise InvalidRequestError(
            f"response_format: type {kind!r} is none of {', '.join(FORMATS)}, nor a JSON schema's.",
            param="response_format",
        )
    schema, strict = unwrapped(schema, strict)
    schema = named(schema)
    bare = is_bare(schema)
    function = (
        function_of(schema, strict)
        if bare
        else written(convert_to_openai_tool, schema, strict=strict)["function"]
    )
    described = {"description": function["description"]} if function.get("description") else {}
    inner = {
        "name": function["name"],
        **described,
        "schema": function.get("parameters") or {"type": "object", "properties": {}},
    }
    return {
        "type": "json_schema",
        "json_schema": {**inner, **({} if strict is None else {"strict": strict})},
    }


def structured(
    model: ChatPollinations,
    schema: Any,
    *,
    method: Method,
    include_raw: bool,
    strict: bool | None,
    **kwargs: Any,
) -> Runnable[Any, Any]:
    """``model`` asked for ``schema`` by ``method``, and the parser of its answers."""
    if schema is None and method != "json_mode":
        raise InvalidRequestError(f"schema: method {method!r} needs one.", param="schema")
    schema, strict = unwrapped(schema, strict)
    schema = named(schema)
    is_class = isinstance(schema, type) and is_basemodel_subclass(schema)
    told = {
        "ls_structured_output_format": {
            "kwargs": {"method": method, "strict": strict},
            "schema": _json_schema(schema),
        }
    }
    if method == "function_calling":
        name = written(convert_to_openai_tool, schema)["function"]["name"]
        llm: Runnable[Any, Any] = model.bind_tools(
            [schema], tool_choice=name, strict=strict, parallel_tool_calls=False, **told, **kwargs
        )
        parser: Any = (
            ToolCallOrTextParser(tools=[schema], first_tool_only=True)
            if is_class
            else ToolCallOrTextJsonParser(key_name=name, first_tool_only=True)
        )
    elif method in {"json_schema", "json_mode"}:
        wanted = (
            {"type": "json_object"}
            if method == "json_mode"
            else response_format_for(schema, strict=strict)
        )
        llm = model.bind(response_format=wanted, **told, **kwargs)
        parser = (
            TolerantPydanticParser(pydantic_object=schema) if is_class else TolerantJsonParser()
        )
    else:
        raise InvalidRequestError(
            f"method: {method!r} is none of 'function_calling', 'json_schema', 'json_mode'.",
            param="method",
        )
    return _with_raw(llm, parser) if include_raw else llm | parser


def _with_raw(llm: Runnable[Any, Any], parser: Any) -> Runnable[Any, Any]:
    """The raw message, and what the parser makes of it or why it makes nothing."""

    def read(given: dict[str, Any], config: RunnableConfig) -> dict[str, Any]:
        try:
            return {**given, "parsed": parser.invoke(given["raw"], config), "parsing_error": None}
        except (
            ValueError,
            TypeError,
        ) as error:  # parsers' errors, and those of Pydantic's two versions
            return {**given, "parsed": None, "parsing_error": error}

    return RunnableMap(raw=llm) | RunnableLambda(read)


def _json_schema(schema: Any) -> Any:
    return schema if schema is None or is_bare(schema) else written(convert_to_json_schema, schema)
