"""From an answer to the structure asked for: tolerant of what stands around the JSON, and of
nothing else.

Where a stream is parsed, what has come so far is given while it lasts, and in the end the whole or
the reason why not.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core import exceptions
from langchain_core.exceptions import ModelError, OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.outputs import ChatGenerationChunk, Generation, GenerationChunk

THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>.*?</\1>", re.DOTALL)
FENCE = re.compile(r"```(?:json|JSON)?\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
DECODER = json.JSONDecoder(strict=False)  # line breaks in strings are taken as they are


class RefusedAnswer(OutputParserException, getattr(exceptions, "ModelRefusalError", ModelError)):  # type: ignore[misc]
    """The model refused.

    It is LangChain's ``ModelRefusalError`` too, where LangChain has it (from core 1.7.5).
    """

    raw_message: Any = None


def json_text(text: str) -> str:
    """The JSON in an answer: without thoughts, fences, or the prose before and after it.

    The first whole object counts, else the first whole array, else what begins like one and is cut.
    """
    text = text.strip().removeprefix("\ufeff")
    if not text.startswith(("{", "[")):
        text = THOUGHT.sub("", text).strip()
    if not text.startswith(("{", "[")) and (fenced := FENCE.search(text)):
        text = fenced[1].strip()
    if text.startswith(("{", "[")) and (whole := whole_json(text, 0)):
        return whole
    for opening in "{[":
        place = text.find(opening)
        while place >= 0:
            if whole := whole_json(text, place):
                return whole
            place = text.find(opening, place + 1)
    start = min((place for place in (text.find("{"), text.find("[")) if place >= 0), default=0)
    return text[start:]


def whole_json(text: str, start: int) -> str | None:
    """The JSON value that begins at ``start``; ``None`` where it is cut or none."""
    try:
        return text[start : DECODER.raw_decode(text, start)[1]]
    except ValueError:
        return None


def refusal_in(result: list[Generation]) -> str | None:
    """What the model said in place of an answer."""
    kept = getattr(getattr(result[0], "message", None), "additional_kwargs", {})
    return str(kept["refusal"]) if kept.get("refusal") else None


def no_answer(result: list[Generation]) -> OutputParserException:
    """Why an answer holds nothing of the form that was asked for."""
    message = getattr(result[0], "message", None)
    told = getattr(message, "response_metadata", {})
    if refusal := refusal_in(result):
        refused = RefusedAnswer(f"The model refused: {refusal}", llm_output=result[0].text)
        refused.raw_message = message
        return refused
    if told.get("finish_reason") == "length":
        why = "The answer was cut before it was complete: raise max_tokens."
    elif bad := getattr(message, "invalid_tool_calls", None):
        why = (
            f"The model called {bad[0]['name']} with arguments that are no JSON object:"
            f" {bad[0]['args']}"
        )
    else:
        why = f"The model answered without the structure asked for: {result[0].text[:200]!r}"
    return OutputParserException(why, llm_output=result[0].text)


def _piece(message: str | BaseMessage) -> Any:
    if isinstance(message, str):
        return GenerationChunk(text=message)
    if isinstance(message, AIMessage) and not isinstance(message, AIMessageChunk):
        message = AIMessageChunk(
            **message.model_dump(exclude={"type"})
        )  # a whole answer, from a cache say
    return ChatGenerationChunk(message=message)  # type: ignore[arg-type]


class StrictFinalParseMixin:
    """A parser's way with streams. A mixin: it comes before LangChain's class."""

    def _transform(self: Any, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002
        whole = given = None
        for message in input:
            whole = _piece(message) if whole is None else whole + _piece(message)
            parsed = self.parse_result([whole], partial=True)
            if parsed is not None and parsed != given:
                yield (given := parsed)
        if whole is not None and (parsed := self.parse_result([whole])) != given:
            yield parsed

    async def _atransform(self: Any, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002
        whole = given = None
        async for message in input:
            whole = _piece(message) if whole is None else whole + _piece(message)
            parsed = self.parse_result([whole], partial=True)
            if parsed is not None and parsed != given:
                yield (given := parsed)
        if whole is not None and (parsed := self.parse_result([whole])) != given:
            yield parsed


class TolerantJsonParser(StrictFinalParseMixin, JsonOutputParser):
    """LangChain's JSON parser, after everything around the JSON was taken off."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse the JSON in an answer; partial ones while they stream."""
        text = json_text(result[0].text)
        if not partial and (
            refusal_in(result) or not text.startswith(("{", "[")) or whole_json(text, 0) is None
        ):
            raise no_answer(result)
        return super().parse_result([Generation(text=text)], partial=partial)


class TolerantPydanticParser(StrictFinalParseMixin, PydanticOutputParser[Any]):
    """The same for a Pydantic class, of either version of Pydantic."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse the JSON in an answer into the class."""
        text = json_text(result[0].text)
        if not partial and (
            refusal_in(result) or not text.startswith(("{", "[")) or whole_json(text, 0) is None
        ):
            raise no_answer(result)
        return super().parse_result([Generation(text=text)], partial=partial)


class ToolCallOrTextParser(StrictFinalParseMixin, PydanticToolsParser):
    """The class out of the tool call; where the model answered in text instead, out of that."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse the call, or else the JSON in the text."""
        called = None if refusal_in(result) else super().parse_result(result, partial=partial)
        if called is not None or (partial and "{" not in result[0].text):
            return called
        return TolerantPydanticParser(pydantic_object=self.tools[0]).parse_result(
            result, partial=partial
        )


class ToolCallOrTextJsonParser(StrictFinalParseMixin, JsonOutputKeyToolsParser):
    """The same for a schema without a class."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Parse the call, or else the JSON in the text."""
        called = None if refusal_in(result) else super().parse_result(result, partial=partial)
        if called is not None or (partial and "{" not in result[0].text):
            return called
        return TolerantJsonParser().parse_result(result, partial=partial)
