"""Structured answers: three methods, tolerant of fences, preambles and thoughts around the JSON."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.outputs import Generation
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

from pollinations_client import InvalidRequestError

if TYPE_CHECKING:
    from .chat_models import ChatPollinations

Method = Literal["function_calling", "json_schema", "json_mode"]
THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
FENCE = re.compile(r"```(?:json|JSON)?\s*\n?(.*?)(?:```|\Z)", re.DOTALL)


def json_text(text: str) -> str:
    """The JSON in an answer: without thoughts, fences, or the prose before and after it.

    The first whole object counts, else the first whole array, else what begins like one and is cut.
    """
    text = THOUGHT.sub("", text).strip()
    if not text.startswith(("{", "[")) and (fenced := FENCE.search(text)):
        text = fenced[1].strip()
    if text.startswith(("{", "[")) and (whole := _whole_json(text, 0)):
        return whole
    for opening in "{[":
        place = text.find(opening)
        while place >= 0:
            if whole := _whole_json(text, place):
                return whole
            place = text.find(opening, place + 1)
    start = min((place for place in (text.find("{"), text.find("[")) if place >= 0), default=0)
    return text[start:]


def _whole_json(text: str, start: int) -> str | None:
    try:
        return text[start : json.JSONDecoder().raw_decode(text, start)[1]]
    except ValueError:
        return None


def no_answer(result: list[Generation]) -> OutputParserException:
    """Why an answer holds nothing of the form that was asked for."""
    message = getattr(result[0], "message", None)
    kept = getattr(message, "additional_kwargs", {})
    told = getattr(message, "response_metadata", {})
    if refusal := kept.get("refusal"):
        why = f"The model refused: {refusal}"
    elif told.get("finish_reason") == "length":
        why = "The answer was cut before it was complete: raise max_tokens."
    elif bad := getattr(message, "invalid_tool_calls", None):
        why = f"The model called {bad[0]['name']} with arguments that are no JSON object: {bad[0]['args']}"
    else:
        why = f"The model answered without the structure asked for: {result[0].text[:200]!r}"
    return OutputParserException(why, llm_output=result[0].text)


def _as_chunk(message: Any) -> Any:
    """A whole answer among the pieces of a stream keeps its calls only as a chunk."""
    if isinstance(message, AIMessage) and not isinstance(message, AIMessageChunk):
        return AIMessageChunk(**message.model_dump(exclude={"type"}))
    return message


class TolerantJsonParser(JsonOutputParser):
    """LangChain's JSON parser, after everything around the JSON was taken off."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse the JSON in an answer; partial ones while they stream."""
        try:
            return super().parse_result([Generation(text=json_text(result[0].text))], partial=partial)
        except OutputParserException as error:
            raise no_answer(result) from error


class TolerantPydanticParser(PydanticOutputParser[Any]):
    """The same for a Pydantic class, of either version of Pydantic."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse the JSON in an answer into the class."""
        text = json_text(result[0].text)
        try:
            return super().parse_result([Generation(text=text)], partial=partial)
        except OutputParserException as error:
            if not partial and _whole_json(text, 0) is None:
                raise no_answer(result) from error
            raise


class CalledOrSaidParser(PydanticToolsParser):
    """The class out of the tool call; where the model answered in text instead, out of that."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse the call, or else the JSON in the text."""
        called = super().parse_result(result, partial=partial)
        if called is not None:
            return called
        if "{" in result[0].text:
            return TolerantPydanticParser(pydantic_object=self.tools[0]).parse_result(result, partial=partial)
        if partial:
            return None
        raise no_answer(result)

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002
        return super()._transform(_as_chunk(message) for message in input)

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002
        async for parsed in super()._atransform(_as_chunk(message) async for message in input):
            yield parsed


class CalledOrSaidJsonParser(JsonOutputKeyToolsParser):
    """The same for a schema without a class."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse the call, or else the JSON in the text."""
        called = super().parse_result(result, partial=partial)
        if called is not None:
            return called
        if "{" in result[0].text:
            return TolerantJsonParser().parse_result(result, partial=partial)
        if partial:
            return None
        raise no_answer(result)

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002
        return super()._transform(_as_chunk(message) for message in input)

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002
        async for parsed in super()._atransform(_as_chunk(message) async for message in input):
            yield parsed


def named(schema: Any) -> Any:
    """A JSON schema with a title, which LangChain takes for its name; others as they are."""
    if isinstance(schema, dict) and not schema.keys() & {"title", "name", "function", "json_schema"}:
        return {"title": "answer", **schema}
    return schema


def unwrapped(schema: Any, strict: bool | None) -> tuple[Any, bool | None]:
    """A JSON schema out of OpenAI's ``response_format``, or out of its inner part, and whether it says strict."""
    inner = schema.get("json_schema", schema) if isinstance(schema, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("schema"), dict) or "properties" in inner:
        return schema, strict
    told = {"title": inner.get("name"), "description": inner.get("description")}
    told = {name: value for name, value in told.items() if value}
    return {**inner["schema"], **told}, inner.get("strict") if strict is None else strict


def written(convert: Callable[..., Any], schema: Any, **options: Any) -> Any:
    """A schema written out by one of LangChain's converters. Raises :class:`InvalidRequestError` for what is none."""
    try:
        return convert(named(schema), **options)
    except (ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0]
    raise InvalidRequestError(f"schema: {type(schema).__name__} cannot be written as one: {reason}", param="schema")


def response_format_for(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """``response_format`` for a class, a TypedDict, a function or a JSON schema."""
    if (
        isinstance(schema, dict)
        and schema.get("type") in {"json_schema", "json_object", "text"}
        and "properties" not in schema
    ):
        return schema
    if isinstance(schema, dict) and isinstance(schema.get("json_schema"), dict):
        return {"type": "json_schema", **schema}
    function = written(convert_to_openai_tool, schema, strict=strict)["function"]
    described = {"description": function["description"]} if function.get("description") else {}
    inner = {
        "name": function["name"],
        **described,
        "schema": function.get("parameters") or {"type": "object", "properties": {}},
    }
    return {"type": "json_schema", "json_schema": {**inner, **({} if strict is None else {"strict": strict})}}


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
        "ls_structured_output_format": {"kwargs": {"method": method, "strict": strict}, "schema": _json_schema(schema)}
    }
    if method == "function_calling":
        name = written(convert_to_openai_tool, schema)["function"]["name"]
        llm: Runnable[Any, Any] = model.bind_tools(
            [schema], tool_choice=name, strict=strict, parallel_tool_calls=False, **told, **kwargs
        )
        parser: Any = (
            CalledOrSaidParser(tools=[schema], first_tool_only=True)
            if is_class
            else CalledOrSaidJsonParser(key_name=name, first_tool_only=True)
        )
    elif method in {"json_schema", "json_mode"}:
        wanted = {"type": "json_object"} if method == "json_mode" else response_format_for(schema, strict=strict)
        llm = model.bind(response_format=wanted, **told, **kwargs)
        parser = TolerantPydanticParser(pydantic_object=schema) if is_class else TolerantJsonParser()
    else:
        raise InvalidRequestError(
            f"method: {method!r} is none of 'function_calling', 'json_schema', 'json_mode'.", param="method"
        )
    return _with_raw(llm, parser) if include_raw else llm | parser


def _with_raw(llm: Runnable[Any, Any], parser: Any) -> Runnable[Any, Any]:
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    unparsed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=llm) | parsed.with_fallbacks([unparsed], exception_key="parsing_error")


def _json_schema(schema: Any) -> Any:
    return None if schema is None else written(convert_to_json_schema, schema)
