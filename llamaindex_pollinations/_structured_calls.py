"""Send structured calls, one attempt after another, until an answer holds the object."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from dataclasses import dataclass
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

from ._output_parser import partial_in_response, unwrap_root
from ._structured_output import Attempt, last_failure
from .errors import StructuredOutputError

__all__ = ["StructuredCall"]

# Another way of asking may help against these; against an unknown model or a filter it does not.
FALLBACK_ERRORS = (BadRequestError, UnprocessableEntityError, EmptyReply, StructuredOutputError)


@dataclass(frozen=True, slots=True)
class StructuredCall:
    """A call for an object: each attempt has the same messages and the caller's options."""

    llm: LLM
    attempts: Sequence[Attempt]
    messages: Sequence[ChatMessage]
    options: Mapping[str, Any]

    def predict(self) -> BaseModel:
        """Return the object. Raises the error of the last attempt if none gave one."""
        failures: list[PollinationsError] = []
        for attempt in self.attempts:
            messages, options = self._request(attempt)
            try:
                return attempt.object_in(self.llm.chat(messages, **options))
            except FALLBACK_ERRORS as error:
                self._warn_or_raise(error, attempt, failures)
        raise last_failure(failures)

    async def apredict(self) -> BaseModel:
        """:meth:`predict`, awaited."""
        failures: list[PollinationsError] = []
        for attempt in self.attempts:
            messages, options = self._request(attempt)
            try:
                return attempt.object_in(await self.llm.achat(messages, **options))
            except FALLBACK_ERRORS as error:
                self._warn_or_raise(error, attempt, failures)
        raise last_failure(failures)

    def stream(self) -> Generator[BaseModel, None, None]:
        """Give the object as it grows; the last one is complete and valid."""
        failures: list[PollinationsError] = []
        for attempt in self.attempts:
            growing = _GrowingObject(attempt)
            messages, options = self._request(attempt)
            try:
                with contextlib.closing(self.llm.stream_chat(messages, **options)) as responses:
                    for response in responses:
                        if (partial := growing.feed(response)) is not None:
                            yield partial
                yield growing.result()
                return
            except FALLBACK_ERRORS as error:
                self._warn_or_raise(error, attempt, failures)
        raise last_failure(failures)

    async def astream(self) -> AsyncGenerator[BaseModel, None]:
        """:meth:`stream`, awaited."""
        failures: list[PollinationsError] = []
        for attempt in self.attempts:
            growing = _GrowingObject(attempt)
            messages, options = self._request(attempt)
            try:
                stream = await self.llm.astream_chat(messages, **options)
                async with contextlib.aclosing(stream) as responses:
                    async for response in responses:
                        if (partial := growing.feed(response)) is not None:
                            yield partial
                yield growing.result()
                return
            except FALLBACK_ERRORS as error:
                self._warn_or_raise(error, attempt, failures)
        raise last_failure(failures)

    def _request(self, attempt: Attempt) -> tuple[list[ChatMessage], dict[str, Any]]:
        return attempt.messages(self.messages), attempt.merged_options(self.options)

    def _warn_or_raise(
        self, error: PollinationsError, attempt: Attempt, failures: list[PollinationsError]
    ) -> None:
        """Warn that the next attempt follows; raise if another attempt cannot help."""
        # A subclass of BadRequestError names another reason: an unknown model, a filter, a long
        # prompt.
        is_other = isinstance(error, BadRequestError) and type(error) not in FALLBACK_ERRORS
        if is_other or (isinstance(error, StructuredOutputError) and error.is_final):
            raise error
        failures.append(error)
        following = self.attempts.index(attempt) + 1
        if following == len(self.attempts):
            raise last_failure(failures)
        next_way = self.attempts[following].way
        warn(f"{error.message} Asked again by {next_way} in place of {attempt.way}.")


class _GrowingObject:
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
        data = partial_in_response(response, self._finder)
        if not data or data == self._latest:
            return None
        self._latest = data
        output_cls = self._attempt.output_cls
        try:
            return output_cls.model_validate(unwrap_root(data, output_cls))
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
