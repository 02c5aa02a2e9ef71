"""Decode a chat answer of any provider: chunks in, events out, and at the end one :class:`Reply`.

Pure; no I/O.

A plain answer is decoded as a single chunk, so that it cannot differ from a stream. The common
chunk of a stream, one piece of text in a layout that the chunk before it had too, takes a short
straight path; everything else is read beside it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._lazy_imports import LazyModule
from ..errors import Keys, MalformedReply
from ..reply import Event, Finished, ReasoningDelta, Reply, TextDelta
from ..reply_metadata import ResponseInfo, Usage, usage_from, usage_in_headers
from . import payment_notices
from .answer_fields import (
    CHOICE_CONTENT,
    CHOICES,
    FINISH_REASONS,
    MESSAGE_CONTENT,
    PLAIN_CHOICE,
    PLAIN_TOP,
    READ_CHOICE,
    READ_MESSAGE,
    READ_TOP,
    SOURCE_FIELDS,
    extend_lists,
    read_sources,
)
from .content_decoder import ContentDecoder, list_from

if TYPE_CHECKING:
    from . import answer_faults, error_decoder, tool_call_decoder
else:  # loaded by the first answer that needs them
    answer_faults = LazyModule("pollinations_client.response.answer_faults")
    error_decoder = LazyModule("pollinations_client.response.error_decoder")
    tool_call_decoder = LazyModule("pollinations_client.response.tool_call_decoder")

# ``created`` above this is in milliseconds: one path of the older gateway sends them.
MIN_MILLISECONDS = 10**11
MAX_CREATED = 10**15  # above it there is no time at all, let alone at infinity
# The older gateway's text where it could not convert a provider's stream.
UNPROCESSED_STREAM = "Streaming response could not be processed."


class ReplyDecoder:
    """Decodes one answer.

    ``feed`` returns the events of a chunk; ``finish`` the last event, or raises what is wrong.

    Set ``is_complete`` when ``[DONE]`` was seen. Every error raised carries ``partial``, the
    reply so far.
    """

    def __init__(
        self,
        info: ResponseInfo | None = None,
        *,
        label: str = "",
        secret: Keys = None,
        tool_names: Mapping[str, str] | None = None,
    ) -> None:
        self.is_complete = False  # the answer may end here without having been cut
        self._reply = Reply(info=info or ResponseInfo())
        self._label = label
        self._secret = secret
        self._has_message = False
        self._refusal: list[str] = []
        self._annotations: set[str] = set()
        self._tool_names = tool_names
        self._parts = ContentDecoder(self._reply)
        # The delta's only field, if the last chunk was a common one of that field.
        self.common_field: str | None = None
        self._layout: tuple[str, ...] | None = None
        self._choice_layout: tuple[str, ...] | None = None
        self._choice_index: Any = None  # of the choice that is read, once one has come

    @functools.cached_property
    def _calls(self) -> tool_call_decoder.ToolCallDecoder:
        # Made by the first of them: most answers have none.
        return tool_call_decoder.ToolCallDecoder(self._reply.tool_calls, self._tool_names)

    @property
    def has_output(self) -> bool:
        """Whether anything of the answer itself has come."""
        reply = self._reply
        return bool(reply.parts or self._parts.is_waiting or reply.tool_calls or self._refusal)

    @property
    def usage(self) -> Usage | None:
        """What was counted so far."""
        return self._reply.usage

    def partial(self) -> Reply:
        """The reply so far, text that was held back included."""
        reply = self._reply
        self._parts.settle()
        self._parts.close()
        if reply.tool_calls:
            self._calls.join()
        reply.refusal = "".join(self._refusal) or None
        if self._parts.unread:
            reply.extra["message.content_blocks"] = self._parts.unread
        return reply

    def feed(self, chunk: Any) -> list[Event]:
        """The events of one chunk, a parsed JSON object.

        Raises the error that the chunk reports.
        """
        self.common_field = None
        # The chunk before had the same fields in the same order, and none of them says anything
        # new: only the delta has to be read.
        if type(chunk) is dict and tuple(chunk) == self._layout:
            choices = chunk["choices"]
            if type(choices) is list and len(choices) == 1 and chunk.get("usage") is None:
                choice = choices[0]
                if (
                    type(choice) is dict
                    and tuple(choice) == self._choice_layout
                    and (choice.get("index") or 0) == self._choice_index
                    and not choice.get("finish_reason")
                    and choice.get("logprobs") is None
                    and type(delta := choice["delta"]) is dict
                ):
                    return self._delta(delta)
        return self._odd_chunk(chunk)

    def _delta(self, delta: dict[str, Any]) -> list[Event]:
        parts = self._parts
        if len(delta) == 1:
            if parts.takes_text and type(text := delta.get("content")) is str:
                if not text:
                    return []
                self.common_field = "content"
                parts.pieces.append(text)
                return [TextDelta(text, parts.index)]
            if parts.takes_reasoning and type(text := delta.get("reasoning_content")) is str:
                if not text:
                    return []
                self.common_field = "reasoning_content"
                parts.pieces.append(text)
                return [ReasoningDelta(text, parts.index)]
            if type(calls := delta.get("tool_calls")) is list:
                if len(calls) == 1 and self._calls.is_common(calls[0]):
                    self.common_field = "tool_calls"
                return self._tool_calls(calls)
        return self._message(delta)

    def feed_string(self, field: str, text: str, call_index: int) -> Event | None:
        """The event of a chunk that differs from the last one, a common one, in ``text`` alone.

        None where the whole chunk has to be read.
        """
        parts = self._parts
        if field != self.common_field:
            return None
        if field == "tool_calls":
            return self._calls.feed_arguments(call_index, text)
        if not text:
            return None
        if field == "content" and parts.takes_text:
            parts.pieces.append(text)
            return TextDelta(text, parts.index)
        if field == "reasoning_content" and parts.takes_reasoning:
            parts.pieces.append(text)
            return ReasoningDelta(text, parts.index)
        return None

    def _odd_chunk(self, chunk: Any) -> list[Event]:
        if type(chunk) is not dict:
            for item in list_from(chunk):  # Gemini wraps its error in a list
                if type(item) is dict:
                    self._raise_error_in(item)
            raise MalformedReply(
                f"The answer is JSON of type {type(chunk).__name__} where an object was expected.",
                partial=self.partial(),
            )
        self._raise_error_in(chunk)
        self._read_top(chunk)
        _keep_values(self._reply.envelope, chunk, without=CHOICES)
        self._layout = None
        choice = self._choice_in(chunk.get("choices"))
        if choice is None:
            return []
        if choice.get("error"):
            self._raise_error_in(choice)
        self._read_choice(choice)
        message, is_whole = self._message_in(choice)
        if message is None:
            return []
        self._has_message = True
        if not is_whole and chunk.keys() <= PLAIN_TOP and choice.keys() <= PLAIN_CHOICE:
            self._layout, self._choice_layout = tuple(chunk), tuple(choice)
        return self._message(message, is_whole=is_whole)

    def _choice_in(self, choices: Any) -> dict[str, Any] | None:
        """The first choice; None where there is none in this chunk."""
        if not choices:
            return None
        # Seen: one choice that nobody put into a list, and choices by their number.
        if type(choices) is dict and not choices.keys() & READ_CHOICE:
            choices = list(choices.values())
        if type(choices) is not list:
            choices = [choices]
        objects = [choice for choice in choices if type(choice) is dict]
        if not objects:
            self._keep_unread(choices)
            return None
        # The gateway gives one answer whatever ``n`` is. Of several, which come mixed in a stream,
        # the first is read.
        if self._choice_index is None:
            choice = next((choice for choice in objects if not choice.get("index")), objects[0])
            self._choice_index = choice.get("index") or 0
        index = self._choice_index
        return next((choice for choice in objects if (choice.get("index") or 0) == index), None)

    def _message_in(self, choice: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
        """The delta or the whole message of a choice, and whether it is whole.

        A text or a list in its place is its content.
        """
        for name in ("delta", "message"):
            message = choice.get(name)
            if type(message) is dict and (message or not choice.get("message")):
                return message, name == "message"
            if type(message) in (str, list):
                return {"content": message}, name == "message"
            if message and type(message) is not dict:
                self._keep_unread([message])
        text = choice.get("text")
        if type(text) is str:
            return {"content": text}, False
        message_fields = {name: choice[name] for name in MESSAGE_CONTENT & choice.keys()}
        return message_fields or None, True

    def _keep_unread(self, values: list[Any]) -> None:
        """Keep what stands in the place of a choice or a message and is none."""
        unread = [value for value in values if value is not None]
        if unread:
            self._reply.extra.setdefault("choice.unread", []).extend(unread)

    def _raise_error_in(self, source: dict[str, Any]) -> None:
        if not source.get("error"):
            if "choices" in source or not (
                source.get("type") == "error" or isinstance(source.get("message"), str)
            ):
                return
            # The data of an ``event: error``, as Anthropic and others write it: the error alone.
            source = {"error": source}
        error = error_decoder.error_from_body(source, label=self._label, secret=self._secret)
        error.partial = self.partial()
        error.request_id = error.request_id or self._reply.info.request_id
        raise error

    def _read_top(self, chunk: dict[str, Any]) -> None:
        reply = self._reply
        for name in ("id", "model", "system_fingerprint"):
            if isinstance(value := chunk.get(name), str) and value:
                setattr(reply, name, value)
        created = chunk.get("created")
        if isinstance(created, (int, float)) and 1 < created < MAX_CREATED:
            reply.created = int(created)
            if created > MIN_MILLISECONDS:
                reply.created = int(created // 1000)
        self._read_usage(chunk.get("usage"))
        if not SOURCE_FIELDS.isdisjoint(chunk):
            read_sources(chunk, reply)
        self._keep_unknown(chunk, READ_TOP, "")

    def _read_usage(self, value: Any) -> None:
        usage = usage_from(value)
        # Repeated, cumulative or provisional: the last one with tokens in it holds.
        if usage is not None and (usage.counts_anything or self._reply.usage is None):
            self._reply.usage = usage

    def _read_choice(self, choice: dict[str, Any]) -> None:
        reply = self._reply
        if "usage" in choice:  # where Moonshot's own API has it in a stream
            self._read_usage(choice["usage"])
        # A stream may end here without [DONE]: the older gateway passes providers' streams on.
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            self.is_complete = True
            reply.finish_reason_raw = reason
            reply.finish_reason = FINISH_REASONS.get(reason.lower(), reason.lower())
        if isinstance(logprobs := choice.get("logprobs"), dict):
            reply.logprobs = reply.logprobs or {}
            extend_lists(reply.logprobs, logprobs)
        if choice.get("content_filter_results"):
            reply.content_filter_results = choice["content_filter_results"]
        if not reply.envelope.get("choices"):
            reply.envelope["choices"] = [{}]
        _keep_values(reply.envelope["choices"][0], choice, without=CHOICE_CONTENT)
        self._keep_unknown(choice, READ_CHOICE, "choice.")

    def keep_body(self, body: dict[str, Any]) -> None:
        """Keep the whole body for :attr:`Reply.raw`, as it came, if it has a message.

        One of an odd shape is put together like a stream's: readers of ``raw`` go by that path.
        """
        match body:
            case {"choices": [{"message": dict()}, *_]}:
                self._reply.body = body

    def _keep_unknown(
        self, source: dict[str, Any], read_fields: frozenset[str], prefix: str
    ) -> None:
        for name, value in source.items():
            if name not in read_fields and value is not None:
                self._reply.extra[prefix + name] = value

    def _message(self, message: dict[str, Any], *, is_whole: bool = False) -> list[Event]:
        """The events of a delta or of a whole message: they differ only in how much they bring at
        once.
        """
        events = self._parts.feed(message)
        if calls := _calls_in(message):
            events += self._tool_calls(calls, each_is_whole=is_whole)
        if isinstance(refusal := message.get("refusal"), str) and refusal:
            self._refusal.append(refusal)
        if isinstance(annotations := message.get("annotations"), list):
            self._add_annotations(annotations)
        self._keep_unknown(message, READ_MESSAGE, "message.")
        return events

    def _add_annotations(self, annotations: list[Any]) -> None:
        """Keep annotations that are new: some providers repeat all of them in every chunk."""
        for annotation in annotations:
            key = json.dumps(annotation, sort_keys=True)
            if key not in self._annotations:
                self._annotations.add(key)
                self._reply.annotations.append(annotation)

    def _tool_calls(self, entries: list[Any], *, each_is_whole: bool = False) -> list[Event]:
        return [*self._parts.settle(), *self._calls.feed(entries, each_is_whole=each_is_whole)]

    def finish(self, *, streamed: bool = True) -> list[Event]:
        """The last events: text still held back, then :class:`Finished`.

        Raises where the answer is none.
        """
        reply = self._reply
        was_held_back = self._parts.is_waiting
        events = self._parts.settle()
        self.partial()
        if reply.usage is None and reply.info.usage:
            reply.usage = usage_in_headers(reply.info)
        if not (reply.usage and reply.usage.counts_anything) and not reply.tool_calls:
            notice = payment_notices.error_in(reply.text, reply.info.headers, label=self._label)
            if notice is not None:
                # Text that was held back is the notice itself, and nothing of an answer.
                if not was_held_back:
                    notice.partial = reply
                raise notice
        if streamed and not self.is_complete:
            raise answer_faults.cut_stream(reply)
        # Calls are written one after the other, so the limit can have cut only the last.
        if reply.finish_reason == "length" and reply.tool_calls:
            reply.tool_calls[-1].cut = True
        # Some providers say "stop" beside calls, and agents go by the reason.
        if reply.finish_reason in {"stop", None} and reply.tool_calls:
            reply.finish_reason = "tool_calls"
        if reply.finish_reason == "error" or _is_unprocessed(reply.text):
            raise answer_faults.broken_off(reply)
        if not self.has_output:
            answer_faults.check_empty(reply, has_message=self._has_message)
        return [*events, Finished(reply)]


def _is_unprocessed(text: str) -> bool:
    # "in" first: strip() copies an answer that may be a picture.
    return UNPROCESSED_STREAM in text and text.strip() == UNPROCESSED_STREAM


def _calls_in(message: dict[str, Any]) -> list[Any]:
    """The tool calls of a message; the older ``function_call`` beside them repeats one."""
    if calls := list_from(message.get("tool_calls")):
        return calls
    function = message.get("function_call")
    if isinstance(function, dict):
        # It has no index and no id; one of a kind joins its fragments.
        return [{"index": "function_call", "function": function}]
    return []


def _keep_values(
    merged: dict[str, Any], source: dict[str, Any], *, without: frozenset[str]
) -> None:
    """Merge a chunk of a stream into the body it belongs to: null tells nothing new."""
    merged.update(
        {name: value for name, value in source.items() if value is not None and name not in without}
    )
