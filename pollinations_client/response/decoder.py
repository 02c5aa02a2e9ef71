"""The gateway's dialect, read once: chunks in, events out, and at the end one :class:`Reply`.

Pure; no I/O.

A plain answer is folded as a single chunk. The common chunk of a stream, one piece of text in a
layout that the chunk before it had too, takes a short straight path; everything odd is read beside
it.
"""

from __future__ import annotations

import logging
from typing import Any

from pydantic import SecretStr

from ..errors import (
    ContentPolicyError,
    EmptyReply,
    MalformedReply,
    PollinationsError,
    StreamInterrupted,
    UpstreamError,
)
from ..reply import (
    Event,
    Finished,
    ReasoningDelta,
    Reply,
    ResponseInfo,
    TextDelta,
)
from ..usage import usage_from
from . import payment_notices
from .content_decoder import ContentDecoder
from .error_decoder import error_from_body
from .tool_call_decoder import ToolCallDecoder

log = logging.getLogger("pollinations_client")

# Providers' own finish reasons reach the caller unchanged in the older gateway, and in today's
# streams.
FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "complete": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "max_output_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "image_safety": "content_filter",
    "refusal": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
MILLISECONDS_FROM = (
    10**11
)  # ``created`` above this is in milliseconds: one path of the older gateway sends them
NO_TIME = 10**15  # nor is this any more, let alone infinity
BROKEN_STREAM_TEXT = (  # the older gateway's text for a failed transform
    "Streaming response could not be processed."
)

PLAIN_TOP = frozenset(
    "id object created model system_fingerprint choices usage service_tier".split()
)
PLAIN_CHOICE = frozenset("index delta finish_reason logprobs".split())
READ_TOP = frozenset(
    "id object created model system_fingerprint choices usage error citations search_results "
    "prompt_filter_results".split()
)
READ_CHOICE = frozenset(
    "index delta message finish_reason logprobs content_filter_results error text".split()
)
READ_MESSAGE = frozenset(
    "role content reasoning_content reasoning reasoning_details content_blocks tool_calls"
    " function_call audio refusal annotations images".split()
)
CHOICES = frozenset({"choices"})
CHOICE_CONTENT = frozenset({"delta", "message", "text"})


class ReplyDecoder:
    """Folds one answer.

    ``feed`` returns the events of a chunk; ``finish`` the last event, or raises what is wrong.

    Set ``done`` when ``[DONE]`` was seen. Every error raised carries ``partial``, the reply so far.
    """

    def __init__(
        self, info: ResponseInfo | None = None, *, label: str = "", secret: SecretStr | None = None
    ) -> None:
        self.done = False
        self._reply = Reply(info=info or ResponseInfo())
        self._label = label
        self._secret = secret
        self._reasoning_is_named = False
        self._calls = ToolCallDecoder()
        self._parts = ContentDecoder(
            watches_notices=payment_notices.is_announced(self._reply.info.headers)
        )
        self._reply.parts = self._parts.parts
        self._layout: tuple[str, ...] | None = None
        self._choice_layout: tuple[str, ...] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the answer may end here without having been cut."""
        return self.done or self._reply.finish_reason_raw is not None

    @property
    def has_output(self) -> bool:
        """Whether anything of the answer itself has come."""
        return bool(
            self._parts.parts
            or self._parts.opening.held
            or self._calls.began
            or self._reply.refusal
        )

    def partial(self) -> Reply:
        """The reply so far, text that was held back included."""
        self._parts.settle()
        self._parts.close()
        self._reply.tool_calls = self._calls.calls()
        if self._parts.unread:
            self._reply.extra["message.content_blocks"] = self._parts.unread
        return self._reply

    def feed(self, chunk: Any) -> list[Event]:
        """The events of one chunk, a parsed JSON object.

        Raises the error that the chunk reports.
        """
        if type(chunk) is dict and tuple(chunk) == self._layout:
            choices = chunk["choices"]
            if type(choices) is list and len(choices) == 1 and chunk.get("usage") is None:
                choice = choices[0]
                if (
                    type(choice) is dict
                    and tuple(choice) == self._choice_layout
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
                parts.pieces.append(text)
                return [TextDelta(text, parts.index)]
            if parts.takes_reasoning and type(text := delta.get("reasoning_content")) is str:
                if not text:
                    return []
                parts.pieces.append(text)
                return [ReasoningDelta(text, parts.index)]
            if type(calls := delta.get("tool_calls")) is list:
                return self._tool_calls(calls)
        return self._message(delta)

    def _odd_chunk(self, chunk: Any) -> list[Event]:
        if type(chunk) is not dict:
            raise MalformedReply(
                f"The answer is JSON of type {type(chunk).__name__} where an object was expected.",
                partial=self.partial(),
            )
        self._raise_error_in(chunk)
        self._read_top(chunk)
        _keep_values(self._reply.envelope, chunk, without=CHOICES)
        self._layout = None
        choices = chunk.get("choices")
        if type(choices) is not list or not choices:
            return []
        choice = next(
            (one for one in choices if type(one) is dict and not one.get("index")), choices[0]
        )
        if type(choice) is not dict:
            return []
        if choice.get("error"):
            self._raise_error_in(choice)
        self._read_choice(choice)
        message = choice.get("delta")
        if type(message) is dict:
            if chunk.keys() <= PLAIN_TOP and choice.keys() <= PLAIN_CHOICE:
                self._layout, self._choice_layout = tuple(chunk), tuple(choice)
            return self._message(message)
        if type(message := choice.get("message")) is dict:
            return self._message(message, is_whole=True)
        return self._parts.content(choice["text"]) if isinstance(choice.get("text"), str) else []

    def _raise_error_in(self, source: dict[str, Any]) -> None:
        if not source.get("error"):
            if "choices" in source or not (
                source.get("type") == "error" or isinstance(source.get("message"), str)
            ):
                return
            source = {"error": source}  # the data of an ``event: error``
        error = error_from_body(source, label=self._label, secret=self._secret)
        error.partial = self.partial()
        error.request_id = error.request_id or self._reply.info.request_id
        raise error

    def _read_top(self, chunk: dict[str, Any]) -> None:
        reply = self._reply
        for name in ("id", "model", "system_fingerprint"):
            if isinstance(value := chunk.get(name), str) and value:
                setattr(reply, name, value)
        if isinstance(created := chunk.get("created"), (int, float)) and 1 < created < NO_TIME:
            reply.created = int(created // 1000 if created > MILLISECONDS_FROM else created)
        if (usage := usage_from(chunk.get("usage"))) is not None and (
            usage.counts_anything or reply.usage is None
        ):
            reply.usage = (
                usage  # repeated, cumulative or provisional: the last one with tokens in it holds
            )
        if isinstance(citations := chunk.get("citations"), list) and citations:
            reply.citations = [
                str(one.get("url", one)) if isinstance(one, dict) else str(one) for one in citations
            ]
        if isinstance(results := chunk.get("search_results"), list) and results:
            reply.search_results = results
        if chunk.get("prompt_filter_results"):
            reply.prompt_filter_results = chunk["prompt_filter_results"]
        self._keep_unknown(chunk, READ_TOP, "")

    def _read_choice(self, choice: dict[str, Any]) -> None:
        reply = self._reply
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            reply.finish_reason_raw = reason
            reply.finish_reason = FINISH_REASONS.get(reason.lower(), reason.lower())
        if isinstance(logprobs := choice.get("logprobs"), dict):
            held = reply.logprobs = reply.logprobs or {}
            for name, value in logprobs.items():
                held[name] = (
                    held[name] + value if isinstance(value, list) and held.get(name) else value
                )
        if choice.get("content_filter_results"):
            reply.content_filter_results = choice["content_filter_results"]
        if not reply.envelope.get("choices"):
            reply.envelope["choices"] = [{}]
        _keep_values(reply.envelope["choices"][0], choice, without=CHOICE_CONTENT)
        self._keep_unknown(choice, READ_CHOICE, "choice.")

    def keep_body(self, body: dict[str, Any]) -> None:
        """Keep the whole body for :attr:`Reply.raw`, as it came."""
        self._reply.envelope = body

    def _keep_unknown(self, source: dict[str, Any], read: frozenset[str], prefix: str) -> None:
        for name, value in source.items():
            if name not in read and value is not None:
                self._reply.extra[prefix + name] = value

    def _message(self, message: dict[str, Any], *, is_whole: bool = False) -> list[Event]:
        """The events of a delta or of a whole message: they differ only in how much they bring at
        once.
        """
        reasoning = self._reasoning_in(message)
        content, blocks = message.get("content"), message.get("content_blocks")
        if isinstance(content, list):
            blocks = content + (blocks if isinstance(blocks, list) else [])
            content = None
        events: list[Event] = []
        if isinstance(blocks, list) and blocks:
            events += self._parts.blocks(
                blocks, content if isinstance(content, str) else None, reasoning
            )
        else:
            if reasoning:
                events += self._parts.reasoning(reasoning)
            if isinstance(content, str) and content:
                events += self._parts.content(content)
        if isinstance(images := message.get("images"), list):
            for image in images:
                events += self._parts.image(image)
        if isinstance(audio := message.get("audio"), dict):
            events += self._parts.audio(audio)
        calls = message.get("tool_calls") or []
        if not calls and isinstance(function := message.get("function_call"), dict):
            calls = [
                {"index": "function_call", "function": function}
            ]  # beside tool_calls it repeats one of them
        if calls:
            events += self._tool_calls(calls, each_is_whole=is_whole)
        if isinstance(refusal := message.get("refusal"), str):
            self._reply.refusal = (self._reply.refusal or "") + refusal
        if isinstance(annotations := message.get("annotations"), list):
            self._reply.annotations += [
                one for one in annotations if one not in self._reply.annotations
            ]
        self._keep_unknown(message, READ_MESSAGE, "message.")
        return events

    def _reasoning_in(self, message: dict[str, Any]) -> str | None:
        told = None
        if isinstance(details := message.get("reasoning_details"), list):
            told = self._merge_details(details)
        for name in ("reasoning_content", "reasoning"):
            if isinstance(said := message.get(name), str) and said:
                self._reasoning_is_named = True
                return said
        return (
            None if self._reasoning_is_named else told
        )  # what the field has streamed, told again at the end

    def _tool_calls(self, entries: Any, *, each_is_whole: bool = False) -> list[Event]:
        if not isinstance(entries, list):
            return []
        return [*self._parts.settle(), *self._calls.feed(entries, each_is_whole=each_is_whole)]

    def _merge_details(self, details: list[Any]) -> str | None:
        """Join fragments of ``reasoning_details`` by index and type, for the way back; returns
        their text.
        """
        told: list[str] = []
        held = self._reply.reasoning_details
        for entry in details:
            if not isinstance(entry, dict):
                continue
            told += [
                entry[name] for name in ("text", "summary") if isinstance(entry.get(name), str)
            ]
            key = (entry.get("index"), entry.get("type"))
            known = next(
                (
                    one
                    for one in held
                    if (one.get("index"), one.get("type")) == key and key[0] is not None
                ),
                None,
            )
            if known is None:
                held.append(dict(entry))
                continue
            for name, value in entry.items():
                repeat_is_billed_once = name in {"text", "summary", "data"} and isinstance(
                    value, str
                )
                if value is not None:
                    known[name] = (
                        (known.get(name) or "") + value if repeat_is_billed_once else value
                    )
        return "".join(told) or None

    def finish(self, *, streamed: bool = True) -> list[Event]:
        """The last events: text still held back, then :class:`Finished`.

        Raises where the answer is none.
        """
        reply = self._reply
        was_held = bool(self._parts.opening.held)
        events = self._parts.settle()
        self.partial()
        if not (reply.usage and reply.usage.counts_anything) and not self._calls.began:
            notice = payment_notices.error_in(reply.text, reply.info.headers, label=self._label)
            if notice is not None:
                notice.partial = None if was_held else reply
                raise notice
        if streamed and not self.is_complete:
            raise self._failed(
                StreamInterrupted,
                "The stream stopped before the answer was complete: no finish reason and no [DONE]"
                " came. What came is in .partial; sending the request again is billed again.",
            )
        if reply.finish_reason == "length" and reply.tool_calls:
            reply.tool_calls[-1].cut = True
        if reply.finish_reason in {"stop", None} and reply.tool_calls:
            reply.finish_reason = "tool_calls"
        self._raise_if_no_answer()
        return [*events, Finished(reply)]

    def _raise_if_no_answer(self) -> None:
        reply = self._reply
        if reply.finish_reason == "error" or reply.text.strip() == BROKEN_STREAM_TEXT:
            raise self._failed(
                UpstreamError,
                "The provider broke the answer off with an error it does not explain.",
            )
        if self.has_output:
            return
        if reply.finish_reason == "content_filter":
            raise self._failed(
                ContentPolicyError,
                "A content filter stopped the answer before anything of it came. Reword the"
                " request.",
            )
        nothing_counted = reply.usage is not None and not reply.usage.output
        if reply.finish_reason is None or (nothing_counted and reply.finish_reason == "stop"):
            raise self._failed(
                EmptyReply,
                "The model generated nothing: no text, no tool call, no tokens. Try again with"
                " another seed.",
            )

    def _failed(self, kind: type[PollinationsError], sentence: str) -> PollinationsError:
        info = self._reply.info
        seen = f" (request id {info.request_id})" if info.request_id else ""
        return kind(sentence + seen, partial=self._reply, request_id=info.request_id)


def _keep_values(
    merged: dict[str, Any], source: dict[str, Any], *, without: frozenset[str]
) -> None:
    """Merge a chunk of a stream into the body it belongs to: null tells nothing new."""
    merged.update(
        {name: value for name, value in source.items() if value is not None and name not in without}
    )
