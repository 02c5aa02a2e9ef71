"""Parse answers into the structure that was asked for.

Fences, prose and thoughts round the JSON are accepted, and nothing else: what is cut or misspelt is
an error.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core import exceptions
from langchain_core.exceptions import ModelError, OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import ChatGenerationChunk, Generation, GenerationChunk
from pydantic import BaseModel, Field, ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

from pollinations_client._adapter_support import (
    JsonFinder,
    ParsePace,
    find_json,
    first_fitting,
    likeliest_first,
    parse_partial_json,
)

# Core has a class of its own for refusals from 1.7.5 on.
REFUSAL_ERROR: Any = getattr(exceptions, "ModelRefusalError", ModelError)


class RefusedAnswer(OutputParserException, REFUSAL_ERROR):  # type: ignore[misc]
    """The model refused. It is LangChain's ``ModelRefusalError`` too, where LangChain has it."""

    raw_message: Any = None


class StructuredOutputParser(BaseTransformOutputParser[Any]):
    """Parse the tool call that was asked for, or else the JSON in the text of an answer.

    In a stream partial objects grow, and the last one is complete, or an error says why there is
    none.
    """

    # Not core's ``PydanticToolsParser`` and ``PydanticOutputParser``: they repair the end of a
    # stream as they repair what is partial, so half an answer would pass for one.

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
        values = find_json(result[0].text).answers(is_cut=is_cut(result))
        if not values:
            raise no_answer(result)
        if len(values) > 1:
            values = likeliest_first(values, self.json_schema)
        return first_fitting(values, self._object_in_text, OutputParserException)

    def parse_partial(self, result: list[Generation], finder: JsonFinder) -> Any:
        """What an answer holds so far; None where that is no object yet."""
        if refusal_in(result):
            return None
        if (arguments := self._arguments_in(result)) is not None:
            candidates: list[Any] = [arguments]
        else:
            candidates = [value.data for value in finder.values]
            if finder.unfinished is not None:
                candidates.append(parse_partial_json(finder.unfinished))
        for data in candidates:
            with contextlib.suppress(OutputParserException):
                return None if data is None else self._object_in_text(data)
        return None

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002
        growing = _GrowingObject(self)
        for message in input:
            yield from growing.feed(message)
        yield from growing.end()

    async def _atransform(
        self,
        input: AsyncIterator[str | BaseMessage],  # noqa: A002
    ) -> AsyncIterator[Any]:
        growing = _GrowingObject(self)
        async for message in input:
            for parsed in growing.feed(message):
                yield parsed
        for parsed in growing.end():
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


class _GrowingObject:
    """Reads a growing object out of a stream's chunks."""

    # LangChain reads all arguments anew with each sum, and Pydantic validates the object anew, so a
    # long answer is not summed and read at every chunk but at the parser's pace.

    def __init__(self, parser: StructuredOutputParser) -> None:
        self._parser = parser
        self._finder = JsonFinder()
        self._sum: Any = None
        self._pending: list[Any] = []  # chunks that are not in the sum yet
        self._pace = ParsePace()
        self._chars = 0
        self._last: Any = None

    def feed(self, message: str | BaseMessage) -> Iterator[Any]:
        """Take a chunk; give the partial object if it is due and another than the last."""
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
        """Give the complete object, if it is another. Raises what ``parse_result`` raises."""
        if not self._pending and self._sum is None:
            return
        parsed = self._parser.parse_result([self._summed()])
        if parsed is None or parsed != self._last:
            yield parsed

    def _summed(self) -> Any:
        chunks, self._pending = self._pending, []
        if self._sum is not None:
            chunks.insert(0, self._sum)
        self._sum = chunks[0]
        if not isinstance(chunks[0], ChatGenerationChunk):
            self._sum = GenerationChunk(text="".join(chunk.text for chunk in chunks))
        elif chunks[1:]:
            # All at once: a sum of two at a time copies what is there again for every chunk.
            self._sum = chunks[0] + chunks[1:]
        return self._sum


def _chars_of_arguments(chunk: Any) -> int:
    fragments = getattr(message_of([chunk]), "tool_call_chunks", ())
    return sum(len(fragment["args"] or "") for fragment in fragments)


def _chunk_from(message: str | BaseMessage) -> Any:
    if isinstance(message, str):
        return GenerationChunk(text=message)
    if isinstance(message, AIMessage) and not isinstance(message, AIMessageChunk):
        # A cache of LangChain's gives a whole message also where a stream was asked for.
        message = AIMessageChunk(**message.model_dump(exclude={"type"}))
    return ChatGenerationChunk(message=message)  # type: ignore[arg-type]


def message_of(result: Sequence[Generation]) -> Any:
    """The message of an answer; None where it is text alone."""
    return getattr(result[0], "message", None)


def refusal_in(result: Sequence[Generation]) -> str | None:
    """The sentence that a model refused with."""
    refusal = getattr(message_of(result), "additional_kwargs", {}).get("refusal")
    return str(refusal) if refusal else None


def is_cut(result: Sequence[Generation]) -> bool:
    """Whether the model stopped at its token limit."""
    metadata = getattr(message_of(result), "response_metadata", {})
    return bool(metadata.get("finish_reason") == "length")


def no_answer(result: Sequence[Generation]) -> OutputParserException:
    """The error for an answer that does not hold the structure asked for."""
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
