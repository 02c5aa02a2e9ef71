"""Send structured calls, one attempt after another, until an answer holds the object.

Sync and async twins.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms.llm import LLM
from llama_index.core.program.utils import FlexibleModel, create_flexible_model
from pydantic import BaseModel, RootModel, ValidationError

from pollinations_client import (
    BadRequestError,
    EmptyReply,
    PollinationsError,
    UnprocessableEntityError,
)
from pollinations_client._adapter_support import JsonFinder, ParsePace, warn

from ._structured_output import Attempt, StructuredOutputError, last_failure, unwrapped

__all__ = ["apredicted", "astreamed", "predicted", "streamed"]

# Another way of asking may help against these; against an unknown model or a filter it does not.
FALLBACK_ERRORS = (BadRequestError, UnprocessableEntityError, EmptyReply, StructuredOutputError)
Options = Mapping[str, Any]
Attempts = Sequence[Attempt]


def predicted(
    llm: LLM, attempts: Attempts, messages: Sequence[ChatMessage], options: Options
) -> BaseModel:
    """The object. Raises the error of the last attempt if none gave one."""
    failures: list[PollinationsError] = []
    for attempt in attempts:
        try:
            response = llm.chat(attempt.messages(messages), **attempt.merged_options(options))
            return attempt.object_in(response)
        except FALLBACK_ERRORS as error:
            _note(error, attempt, attempts, failures)
    raise last_failure(failures)


async def apredicted(
    llm: LLM, attempts: Attempts, messages: Sequence[ChatMessage], options: Options
) -> BaseModel:
    """:func:`predicted`, awaited."""
    failures: list[PollinationsError] = []
    for attempt in attempts:
        try:
            response = await llm.achat(
                attempt.messages(messages), **attempt.merged_options(options)
            )
            return attempt.object_in(response)
        except FALLBACK_ERRORS as error:
            _note(error, attempt, attempts, failures)
    raise last_failure(failures)


def streamed(
    llm: LLM, attempts: Attempts, messages: Sequence[ChatMessage], options: Options
) -> Generator[BaseModel, None, None]:
    """The object as it grows; the last one is complete and valid."""
    failures: list[PollinationsError] = []
    for attempt in attempts:
        growth = _Growth(attempt)
        try:
            with contextlib.closing(
                llm.stream_chat(attempt.messages(messages), **attempt.merged_options(options))
            ) as chat:
                for response in chat:
                    if (grown := growth.feed(response)) is not None:
                        yield grown
            yield growth.result()
            return
        except FALLBACK_ERRORS as error:
            _note(error, attempt, attempts, failures)
    raise last_failure(failures)


async def astreamed(
    llm: LLM, attempts: Attempts, messages: Sequence[ChatMessage], options: Options
) -> AsyncGenerator[BaseModel, None]:
    """:func:`streamed`, awaited."""
    failures: list[PollinationsError] = []
    for attempt in attempts:
        growth = _Growth(attempt)
        try:
            responses = await llm.astream_chat(
                attempt.messages(messages), **attempt.merged_options(options)
            )
            async with contextlib.aclosing(responses) as chat:
                async for response in chat:
                    if (grown := growth.feed(response)) is not None:
                        yield grown
            yield growth.result()
            return
        except FALLBACK_ERRORS as error:
            _note(error, attempt, attempts, failures)
    raise last_failure(failures)


class _Growth:
    """Reads a growing object out of a stream's responses."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._flexible: type[FlexibleModel] = create_flexible_model(attempt.output_cls)
        self._latest: dict[str, Any] | None = None
        self._last: ChatResponse | None = None
        self._finder = JsonFinder()
        self._pace = ParsePace()

    def feed(self, response: ChatResponse) -> BaseModel | None:
        """The object so far, where the response added to it."""
        self._last = response
        self._finder.feed(response.delta or "")
        # Each look parses all text so far. The pace lets looks grow rarer with the text, so that a
        # stream of n chunks takes n steps and not n * n.
        if not self._pace.is_due(len(self._finder.text) + _chars_of_arguments(response)):
            return None
        data = self._attempt.partial_in(response, self._finder)
        if not data or data == self._latest:
            return None
        self._latest = data
        output_cls = self._attempt.output_cls
        try:
            return output_cls.model_validate(unwrapped(data, output_cls))
        except ValidationError:
            pass
        # A RootModel has no fields that could be left open: it is given when it fits.
        if issubclass(output_cls, RootModel):
            return None
        return self._flexible.model_validate(data)

    def result(self) -> BaseModel:
        """The finished object. Raises :class:`StructuredOutputError`."""
        if self._last is None:
            raise StructuredOutputError("The stream was empty.")
        return self._attempt.object_in(self._last)


def _chars_of_arguments(response: ChatResponse) -> int:
    arguments = [getattr(block, "tool_kwargs", "") for block in response.message.blocks]
    return sum(len(text) for text in arguments if isinstance(text, str))


def _note(
    error: PollinationsError,
    attempt: Attempt,
    attempts: Attempts,
    failures: list[PollinationsError],
) -> None:
    """Warn that the next attempt follows; raise if another attempt cannot help."""
    # A subclass of BadRequestError names another reason: an unknown model, a filter, a long prompt.
    is_other = isinstance(error, BadRequestError) and type(error) not in FALLBACK_ERRORS
    if is_other or (isinstance(error, StructuredOutputError) and error.is_final):
        raise error
    failures.append(error)
    following = attempts.index(attempt) + 1
    if following == len(attempts):
        raise last_failure(failures)
    warn(f"{error.message} Asked again by {attempts[following].way} in place of {attempt.way}.")
