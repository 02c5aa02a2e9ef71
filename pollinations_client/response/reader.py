"""Read the bytes of an answer into events, whether it came as a stream or as one JSON body.

Pure; no I/O.

Sync and async drivers feed the same reader, so that they cannot differ. Ask for a stream and the
gateway may answer with JSON, or the other way round; the first bytes decide, since the declared
type is not always true.
"""

from __future__ import annotations

import codecs
import itertools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from .._lazy_imports import LazyModule
from ..errors import (
    EmptyReply,
    Keys,
    MalformedReply,
    PollinationsError,
    StreamInterrupted,
    blank_keys,
    excerpt_of,
    redact,
    sure_keys_in,
)
from ..lenient_json import SurrogateJoiner, parse_mended_json, parse_with_halves
from ..reply import Event, Reply
from ..reply_metadata import ResponseInfo, Usage
from .decoder import ReplyDecoder
from .event_template import EventTemplate
from .sse import EventDecoder

if TYPE_CHECKING:
    from . import error_decoder
else:  # loaded by the first error
    error_decoder = LazyModule("pollinations_client.response.error_decoder")

DONE = b"[DONE]"
START_BYTES = 64
CACHED = (
    "The gateway has stored this answer (X-Cache: HIT), so the same request gets it again; another"
    " seed gets a new one."
)
SSE_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")

Parse = Callable[[bytes, ResponseInfo, Keys], Any]


def content_type_of(info: ResponseInfo) -> str:
    """The declared type of an answer, without its parameters."""
    return info.headers.get("content-type", "").partition(";")[0].strip().lower()


def json_from(body: bytes, info: ResponseInfo, secret: Keys = None) -> Any:
    """Parse a JSON body; raises :class:`MalformedReply` with what came instead (an HTML page, cut
    JSON).
    """
    try:
        return from_json(body)
    except ValueError:
        pass
    try:
        return parse_mended_json(body)
    except ValueError as error:
        kind = redact(info.headers.get("content-type") or "no declared type", secret)
        raise MalformedReply(
            f"The gateway answered {info.status} with something that is not JSON ({kind}): "
            f"{excerpt_of(body, secret)!r} ({error}).",
            excerpt=excerpt_of(body, secret),
            request_id=info.request_id,
            status_code=info.status,
        ) from None


def json_answer_from(
    body: bytes, info: ResponseInfo, secret: Keys = None, *, label: str = ""
) -> Any:
    """Parse a JSON body; raises the error that stands in it in place of an answer."""
    parsed = json_from(body, info, secret)
    if isinstance(parsed, dict) and parsed.get("error"):
        raise error_decoder.error_from_body(parsed, label=label, secret=secret)
    return parsed


class ResponseReader:
    """Reads one chat answer.

    Feed it the body's pieces; it returns events, the last of them ``Finished``.

    An error found in a piece is kept in ``failure``, for the events before it in the same piece are
    good: give those out, then raise it. ``progress`` counts the events of the stream that could be
    parsed. ``tool_names`` gives a tool's own name for the one it had on the wire. ``parse`` makes a
    chat answer of a body that is no stream.
    """

    def __init__(
        self,
        info: ResponseInfo,
        *,
        label: str = "",
        secret: Keys = None,
        json_limit_bytes: int = 64 * 1024 * 1024,
        stream_limit_bytes: float = math.inf,
        tool_names: Mapping[str, str] | None = None,
        parse: Parse = json_from,
    ) -> None:
        self.failure: PollinationsError | None = None
        self.progress = 0
        self.is_finished = False
        self.info = info
        self._label = label
        self._secret = secret
        self._json_limit_bytes = json_limit_bytes
        self._stream_limit_bytes = stream_limit_bytes
        self._parse = parse
        self._reply_decoder = ReplyDecoder(info, label=label, secret=secret, tool_names=tool_names)
        # The body, while it is not known to be a stream, or known not to be one.
        self._pieces: list[bytes] = []
        self._received_bytes = 0
        self._start = b""  # its first bytes that are not blank: enough to tell
        self._is_stream = False

    @property
    def is_complete(self) -> bool:
        """Whether the answer is whole even if the connection breaks now."""
        return self._reply_decoder.is_complete

    @property
    def usage(self) -> Usage | None:
        """What was counted so far."""
        return self._reply_decoder.usage

    def partial(self) -> Reply:
        """The reply received so far."""
        return self._reply_decoder.partial()

    def feed(self, piece: bytes) -> list[Event]:
        """The events that ``piece`` completes."""
        self._received_bytes += len(piece)
        if self._received_bytes > self._stream_limit_bytes:
            self.failure = MalformedReply(
                f"{self._label}: the stream is larger than the {self._stream_limit_bytes} bytes"
                " allowed (Limits.stream_bytes). What came before is in .partial.",
                partial=self.partial(),
            )
            return []
        if not self._is_stream:
            if not self._begins_stream(piece):
                return []
            piece = b"".join(self._pieces)
            self._pieces.clear()
        try:
            events = self._event_decoder.feed(piece)
        except MalformedReply as error:
            error.partial = self.partial()
            self.failure = error
            return []
        return self._events(events)

    def end(self) -> list[Event]:
        """The events left at the end of the body.

        Raises where the answer is cut, unreadable or none.
        """
        if self.is_finished:
            return []
        try:
            if not self._is_stream:
                return self._read_whole()
            events = self._events(self._event_decoder.end(), at_end=True)
            if self.failure is not None or self.is_finished:
                return events
            return events + self._finish()
        except PollinationsError as error:
            mark_cached(error, self.info)
            raise

    def _begins_stream(self, piece: bytes) -> bool:
        """Keep ``piece`` of a body of unknown kind; whether it is known to be a stream now."""
        self._pieces.append(piece)
        if not self._start:
            self._start = piece.lstrip()[:START_BYTES]
        elif len(self._start) < START_BYTES:
            self._start += piece[:START_BYTES]
        if self._received_bytes > self._json_limit_bytes:
            self.failure = MalformedReply(
                f"The answer is larger than {self._json_limit_bytes} bytes."
            )
        self._is_stream = self._looks_like_stream()
        if self._is_stream:
            self._event_decoder = EventDecoder(keys=sure_keys_in(self._secret))
            self._template = EventTemplate()
            self._joiner = SurrogateJoiner()
        return self._is_stream

    def _looks_like_stream(self) -> bool:
        start = self._start.removeprefix(codecs.BOM_UTF8).lstrip()
        # A stream that was asked for may come as JSON (pollinations/pollinations issue 9144), and
        # the older gateway declares some streams as text.
        declared = self.info.headers.get("content-type", "")
        if declared.startswith("text/event-stream"):
            return bool(start) and start[:1] not in b"{[<"
        return start.startswith(SSE_FIELDS)

    def _events(self, payloads: list[bytes], *, at_end: bool = False) -> list[Event]:
        events: list[Event] = []
        decoder, template, halves = self._reply_decoder, self._template, self._joiner.halves
        # Taken out of the list, so that an event with a picture is let go of once it is read.
        for payload in map(payloads.pop, itertools.repeat(0, len(payloads))):
            if self.is_finished:
                break
            # The common event of a stream, one string in a form that is known: see
            # event_template.py.
            if (
                (field := template.field) is not None
                and not halves
                and (text := template.string_in(payload)) is not None
                and (event := decoder.feed_string(field, text, template.call_index)) is not None
            ):
                self.progress += 1
                events.append(event)
                continue
            try:
                events += self._read_payload(payload, at_end=at_end)
            except PollinationsError as error:
                mark_cached(error, self.info)
                self.failure = error
                break
        return events

    def _read_payload(self, payload: bytes, *, at_end: bool) -> list[Event]:
        """The events of a data field of any form."""
        decoder = self._reply_decoder
        # Today's gateway writes it where a provider has not; of the older one's streams many end
        # without.
        if payload[:6] == DONE:
            decoder.is_complete = True
            return self._finish()
        try:
            chunk = from_json(payload)
        except ValueError:
            if b"\n" in payload:
                # Events that a provider has set apart by one line break only.
                return self._events(payload.split(b"\n"), at_end=at_end)
            chunk = self._odd_payload(payload, at_end=at_end)
        else:
            if self._joiner.halves:
                chunk = self._joiner.joined_chunk(chunk)
        is_word = type(chunk) not in (dict, list) and not decoder.has_output
        if chunk is None or is_word or chunk == []:
            return []  # keeps the connection alive; today's gateway lets such data pass
        self.progress += 1
        events = decoder.feed(chunk)
        if decoder.common_field is not None:
            self._template.learn(payload, chunk, decoder.common_field)
        return events

    def _odd_payload(self, payload: bytes, *, at_end: bool) -> Any:
        """A data field that is not plain JSON: halves of characters, a keep-alive word, a cut
        event, or rubbish.
        """
        text = payload.decode("utf-8", "replace").strip()
        if not text:
            return None
        try:
            return self._joiner.joined_chunk(parse_with_halves(payload))
        except ValueError:
            pass
        if self._reply_decoder.is_complete:
            return None
        if at_end:
            raise StreamInterrupted(
                "The stream was cut in the middle of an event. What came before it is in .partial.",
                partial=self.partial(),
            )
        if text[:1] not in "{[" and not self._reply_decoder.has_output:
            return None  # providers keep connections alive with words before the answer begins
        raise MalformedReply(
            "An event of the stream is not JSON.",
            excerpt=excerpt_of(payload, self._secret),
            partial=self.partial(),
        )

    def _finish(self) -> list[Event]:
        events: list[Event] = []
        for chunk in self._joiner.remaining_chunks():
            events += self._reply_decoder.feed(chunk)
        events += self._reply_decoder.finish()
        self.is_finished = True
        return events

    def _read_whole(self) -> list[Event]:
        body = blank_keys(b"".join(self._pieces), sure_keys_in(self._secret))
        self._pieces.clear()
        if not self._start:
            raise EmptyReply(
                f"The gateway answered {self.info.status} with an empty body.",
                request_id=self.info.request_id,
            )
        parsed = self._parse(body, self.info, self._secret)
        events = self._reply_decoder.feed(parsed)
        if not parsed.get("choices"):
            names = redact(", ".join(sorted(parsed)[:20]), self._secret)
            raise MalformedReply(
                f"The answer has no choices; its fields are: {names or 'none'}.",
                excerpt=excerpt_of(body, self._secret),
                request_id=self.info.request_id,
            )
        del body  # what is made of a picture now needs not its memory besides
        self._reply_decoder.keep_body(parsed)
        events += self._reply_decoder.finish(streamed=False)
        self.is_finished = True
        return events


def mark_cached(error: PollinationsError, info: ResponseInfo) -> None:
    """Say of an error in an answer from the gateway's cache that the same request gets it again.

    The gateway keeps every 200 that ends cleanly, halves of streams and error frames included.
    """
    if (info.cache or "").upper() == "HIT" and CACHED not in error.message:
        error.is_retryable = False
        error.args = (f"{error.message} {CACHED}",)


def reply_from(
    body: bytes,
    info: ResponseInfo,
    *,
    label: str = "",
    secret: Keys = None,
    tool_names: Mapping[str, str] | None = None,
    parse: Parse = json_from,
) -> Reply:
    """The whole reply out of a complete body, JSON or stream.

    Raises every error an answer can hide. Arguments as for :class:`ResponseReader`.
    """
    reader = ResponseReader(
        info,
        label=label,
        secret=secret,
        json_limit_bytes=len(body) + 1,
        tool_names=tool_names,
        parse=parse,
    )
    reader.feed(body)
    del body  # so that the reader alone has it, until it is parsed
    if reader.failure is None:
        reader.end()
    if reader.failure is not None:
        raise reader.failure
    return reader.partial()
