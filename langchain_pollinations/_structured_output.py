"""Ask for structured output by one of three methods, and parse the answers.

The parsers accept fences, prose and thoughts round the JSON, and nothing else: what is cut or
misspelt is an error.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Generic, Literal, TypedDict, TypeVar, get_args

from langchain_core import exceptions
from langchain_core.exceptions import ModelError, OutputParserException
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import ChatGenerationChunk, Generation, GenerationChunk
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableMap
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, Field, ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

from pollinations_client import Catalog, InvalidRequestError
from pollinations_client._adapter_support import (
    JsonFinder,
    ParsePace,
    find_json,
    first_fitting,
    likeliest_first,
    parse_partial_json,
    resolve_root,
)

from ._tool_definitions import (
    NO_PARAMETERS,
    function_from,
    is_bare,
    name_of,
    tool_from,
    without_recursive_typed_dict,
)

Method = Literal["function_calling", "json_schema", "json_mode"]
METHODS = get_args(Method)
Parsed = TypeVar("Parsed")


class RawAndParsed(TypedDict, Generic[Parsed]):
    """What ``include_raw=True`` gives: the answer, and what was read in it or why nothing was."""

    raw: AIMessage
    parsed: Parsed | None
    parsing_error: BaseException | None


FORMATS = ("json_schema", "json_object", "text")
SCHEMA_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")


def named(schema: Any) -> Any:
    """A JSON schema with a title, which LangChain takes for its name, and its root in place.

    Others as they are, but for a TypedDict that contains itself.
    """
    schema = without_recursive_typed_dict(schema)
    if not isinstance(schema, dict):
        return schema
    schema = resolve_root(schema)
    if schema.get("type") == "function" and "name" in schema:
        # OpenAI's Responses write a tool so; LangChain reads it without the type.
        schema = {name: value for name, value in schema.items() if name != "type"}
    if schema.keys() & {"title", "name", "function", "json_schema"}:
        return schema
    return {"title": "answer", **schema}


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
    notes = {"title": inner.get("name"), "description": inner.get("description")}
    notes = {name: value for name, value in notes.items() if value}
    return {**inner["schema"], **notes}, inner.get("strict") if strict is None else strict


def written(convert: Callable[..., Any], schema: Any, **options: Any) -> Any:
    """A schema written out by one of LangChain's converters.

    Raises :class:`InvalidRequestError` for what is none.
    """
    try:
        return convert(named(schema), **options)
    except (ValueError, TypeError, AttributeError) as error:
        # AttributeError: an object without a name, or a root of several types
        reason = str(error).partition("\n")[0]
    raise InvalidRequestError(
        f"schema: {name_of(schema)} cannot be written as one: {reason}", param="schema"
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
    function = written(function_from, schema, strict=strict)
    described = {"description": function["description"]} if function.get("description") else {}
    inner = {
        "name": function["name"],
        **described,
        "schema": function.get("parameters") or NO_PARAMETERS,
    }
    if "strict" in function:
        inner["strict"] = function["strict"]
    return {"type": "json_schema", "json_schema": inner}


def method_for(model: str, catalog: Catalog, *, has_tools: bool = False) -> Method:
    """The method that suits a model: ``json_schema`` where it is followed, else a forced tool.

    ``has_tools``: others are offered beside, which Gemini loses where JSON is asked for. A model
    that calls no tools, or cannot be forced to, is asked by schema unless its card says that it
    takes none.
    """
    card = catalog.get(model)
    if card is None:
        return "function_calling"
    if has_tools and card.tools is not False and catalog.has_trait(model, "json_drops_tools"):
        return "function_calling"
    if card.takes_json_schema or card.tools is False:
        return "json_schema"
    cannot_be_forced = catalog.has_trait(model, "refuses_forced_tool_choice")
    if cannot_be_forced and card.takes_json_schema is None:
        return "json_schema"
    return "function_calling"


def structured(
    llm: BaseChatModel,
    schema: Any,
    /,
    *,
    method: Method,
    include_raw: bool,
    strict: bool | None,
    **options: Any,
) -> Runnable[Any, Any]:
    """``llm`` asked for ``schema`` by ``method``, and the parser of its answers.

    ``options`` of the call hold over those that the method sets; ``tools`` are offered beside, and
    where the model calls one of them there is no object: None, and the call is in the raw message.
    """
    if method not in METHODS:
        raise InvalidRequestError(
            f"method: {method!r} is none of {', '.join(map(repr, METHODS))}.", param="method"
        )
    if schema is None and method != "json_mode":
        raise InvalidRequestError(f"schema: method {method!r} needs one.", param="schema")
    schema, strict = unwrapped(schema, strict)
    schema = written(named, schema)
    json_schema = _json_schema(schema)
    is_class = isinstance(schema, type) and is_basemodel_subclass(schema)
    parser = StructuredOutputParser(
        schema_class=schema if is_class else None, json_schema=json_schema or {}
    )
    beside = options.pop("tools", None) or ()
    tools: list[Any] = [tool_from(tool, strict, index) for index, tool in enumerate(beside)]
    parser.other_tools = frozenset(map(_function_name, tools)) - {""}
    traced = {"kwargs": {"method": method, "strict": strict}, "schema": json_schema}
    options["ls_structured_output_format"] = traced
    if method == "function_calling":
        name = written(function_from, schema, strict=None)["name"]
        parser.tool_name = name
        # With tools beside, the model chooses between them and the answer.
        choice = "any" if tools else name
        forced = {"tool_choice": choice, "strict": strict, "parallel_tool_calls": False}
        bound = llm.bind_tools([schema, *tools], **{**forced, **options})
    else:
        by_method = {"type": "json_object"}
        if method == "json_schema":
            by_method = response_format_for(schema, strict=strict)
        offered = {"tools": tools} if tools else {}
        bound = llm.bind(**{"response_format": by_method, **offered, **options})
    return _with_raw(bound, parser) if include_raw else bound | parser


def _function_name(tool: Any) -> str:
    function = tool.get("function") if isinstance(tool, dict) else None
    return str(function["name"]) if function else ""


def _with_raw(llm: Runnable[Any, Any], parser: Any) -> Runnable[Any, Any]:
    """The raw message, and what the parser makes of it or why it makes nothing."""

    def read(answer: dict[str, Any], config: RunnableConfig) -> dict[str, Any]:
        try:
            return {**answer, "parsed": parser.invoke(answer["raw"], config), "parsing_error": None}
        except (
            ValueError,
            TypeError,
        ) as error:  # parsers' errors, and those of Pydantic's two versions
            return {**answer, "parsed": None, "parsing_error": error}

    return RunnableMap(raw=llm) | RunnableLambda(read)


def _json_schema(schema: Any) -> Any:
    if schema is None or is_bare(schema):
        return schema
    written(function_from, schema, strict=None)
    return written(convert_to_json_schema, schema)


# Older cores have no class of their own for refusals.
REFUSAL_ERROR: Any = getattr(exceptions, "ModelRefusalError", ModelError)


class RefusedAnswer(OutputParserException, REFUSAL_ERROR):  # type: ignore[misc]
    """The model refused.

    It is LangChain's ``ModelRefusalError`` too, where LangChain has it (from core 1.7.5).
    """

    raw_message: Any = None


class StructuredOutputParser(BaseTransformOutputParser[Any]):
    """Parse the tool call that was asked for, or else the JSON in the text of an answer.

    In a stream partial objects grow, and the last one is whole, or an error says why there is none:
    LangChain's parsers repair the end as they repair what is partial, so half an answer would pass.
    """

    schema_class: Any = None
    """A Pydantic class of either version, or None for plain data."""
    json_schema: dict[str, Any] = Field(default_factory=dict)
    tool_name: str | None = None
    other_tools: frozenset[str] = frozenset()
    """Tools that were offered beside; a call of them is an answer without an object."""

    @property
    def OutputType(self) -> Any:  # noqa: N802
        """The class, or a dictionary."""
        return self.schema_class or dict[str, Any]

    def parse(self, text: str) -> Any:
        """Parse a text alone."""
        return self.parse_result([Generation(text=text)])

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse an answer; None where it calls a tool that was offered beside.

        Raises ``OutputParserException``, or what Pydantic says of a call.
        """
        if partial:
            return self.parse_partial(result, find_json(result[0].text))
        if refusal_in(result):
            raise no_answer(result)
        if (arguments := self._arguments_in(result)) is not None:
            return self._object_from(arguments)
        if self.other_tools and self._calls_other_tool(result):
            return None
        is_cut = (
            getattr(message_of(result), "response_metadata", {}).get("finish_reason") == "length"
        )
        values = find_json(result[0].text).answers(is_cut=is_cut)
        if not values:
            raise no_answer(result)
        if len(values) > 1:
            values = likeliest_first(values, self.json_schema)
        return first_fitting(values, self._object_in_text, OutputParserException)

    def parse_partial(self, result: list[Generation], finder: JsonFinder) -> Any:
        """What an answer holds so far; None where that is no object yet."""
        if refusal_in(result):
            return None
        arguments = self._arguments_in(result)
        candidates = [value.data for value in finder.values] if arguments is None else [arguments]
        if arguments is None and finder.unfinished is not None:
            candidates.append(parse_partial_json(finder.unfinished))
        for data in candidates:
            with contextlib.suppress(OutputParserException):
                return None if data is None else self._object_in_text(data)
        return None

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002
        stream = _StreamedAnswer(self)
        for message in input:
            yield from stream.feed(message)
        yield from stream.end()

    async def _atransform(
        self,
        input: AsyncIterator[str | BaseMessage],  # noqa: A002
    ) -> AsyncIterator[Any]:
        stream = _StreamedAnswer(self)
        async for message in input:
            for parsed in stream.feed(message):
                yield parsed
        for parsed in stream.end():
            yield parsed

    def _arguments_in(self, result: list[Generation]) -> dict[str, Any] | None:
        """The arguments of the first call of the tool that was asked for."""
        calls = getattr(message_of(result), "tool_calls", ())
        return next((call["args"] for call in calls if call["name"] == self.tool_name), None)

    def _calls_other_tool(self, result: list[Generation]) -> bool:
        calls = getattr(message_of(result), "tool_calls", ())
        return any(call["name"] in self.other_tools for call in calls)

    def _object_from(self, data: Any) -> Any:
        cls = self.schema_class
        if cls is None:
            return data
        return cls.model_validate(data) if issubclass(cls, BaseModel) else cls.parse_obj(data)

    def _object_in_text(self, data: Any) -> Any:
        if not isinstance(data, dict) and "properties" in self.json_schema:
            raise OutputParserException(f"The model answered with a list, no object: {data!r:.200}")
        try:
            return self._object_from(data)
        except (ValidationError, ValidationErrorV1) as error:
            text = json.dumps(data, ensure_ascii=False)
            raise OutputParserException(
                f"Failed to parse {self.schema_class.__name__} from {text}. Got: {error}",
                llm_output=text,
            ) from error


class _StreamedAnswer:
    """The sum of a stream's chunks, and what was parsed out of it last.

    LangChain reads all arguments anew with each sum, and Pydantic validates the object anew, so a
    long answer is not summed and read at every chunk.
    """

    def __init__(self, parser: StructuredOutputParser) -> None:
        self._parser = parser
        self._finder = JsonFinder()
        self._sum: Any = None
        self._pending: list[Any] = []  # chunks that are not in the sum yet
        self._pace = ParsePace()
        self._chars = 0
        self._last: Any = None

    def feed(self, message: str | BaseMessage) -> Iterator[Any]:
        """The partial object, if it is due and another than the last."""
        chunk = _chunk_from(message)
        self._finder.feed(chunk.text)
        self._pending.append(chunk)
        self._chars += len(chunk.text) + _chars_of_arguments(chunk)
        if not self._pace.is_due(self._chars):
            return
        parsed = self._parser.parse_partial([self._summed()], self._finder)
        if parsed is not None and parsed != self._last:
            self._last = parsed
            yield parsed

    def end(self) -> Iterator[Any]:
        """The whole object, if it is another. Raises what ``parse_result`` raises."""
        if not self._pending and self._sum is None:
            return
        parsed = self._parser.parse_result([self._summed()])
        if parsed is None or parsed != self._last:
            yield parsed

    def _summed(self) -> Any:
        chunks = self._pending if self._sum is None else [self._sum, *self._pending]
        self._pending = []
        if isinstance(chunks[0], ChatGenerationChunk):
            self._sum = chunks[0] + chunks[1:] if chunks[1:] else chunks[0]
        else:
            self._sum = GenerationChunk(text="".join(chunk.text for chunk in chunks))
        return self._sum


def _chars_of_arguments(chunk: Any) -> int:
    fragments = getattr(message_of([chunk]), "tool_call_chunks", ())
    return sum(len(fragment["args"] or "") for fragment in fragments)


def _chunk_from(message: str | BaseMessage) -> Any:
    if isinstance(message, str):
        return GenerationChunk(text=message)
    if isinstance(message, AIMessage) and not isinstance(message, AIMessageChunk):
        message = AIMessageChunk(**message.model_dump(exclude={"type"}))  # from a cache, whole
    return ChatGenerationChunk(message=message)  # type: ignore[arg-type]


def message_of(result: Sequence[Generation]) -> Any:
    """The message of an answer; None where it is text alone."""
    return getattr(result[0], "message", None)


def refusal_in(result: Sequence[Generation]) -> str | None:
    """The sentence a model refused with."""
    refusal = getattr(message_of(result), "additional_kwargs", {}).get("refusal")
    return str(refusal) if refusal else None


def is_cut(result: Sequence[Generation]) -> bool:
    """Whether the model stopped at its token limit."""
    metadata = getattr(message_of(result), "response_metadata", {})
    return bool(metadata.get("finish_reason") == "length")


def no_answer(result: Sequence[Generation]) -> OutputParserException:
    """The error of an answer that does not hold the structure asked for."""
    message, text = message_of(result), result[0].text
    if refusal := refusal_in(result):
        refused = RefusedAnswer(f"The model refused: {refusal}", llm_output=text)
        refused.raw_message = message
        return refused
    if is_cut(result):
        why = "The answer was cut before it was complete: raise max_tokens."
    elif calls := getattr(message, "tool_calls", None):
        why = f"The model called {calls[0]['name']}, which is not the structure asked for."
    elif bad := getattr(message, "invalid_tool_calls", None):
        why = (
            f"The model called {bad[0]['name']} with arguments that are no JSON object:"
            f" {bad[0]['args']}"
        )
    else:
        why = f"The model answered without the structure asked for: {text[:200]!r}"
    return OutputParserException(why, llm_output=text)
