"""From the bytes of an answer to its events, whether it came as a stream or as one JSON body.

Pure; no I/O.

Sync and async drivers feed the same reader, so that they cannot differ. Ask for a stream and the
gateway may answer with JSON, or the other way round; the first bytes decide, since the declared
type is not always true.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import SecretStr
from pydantic_core import from_json

from ..errors import (
    EmptyReply,
    MalformedReply,
    PollinationsError,
    StreamInterrupted,
    excerpt_of,
    redact,
)
from ..reply import Event, Reply, ResponseInfo
from . import payment_notices
from .decoder import ReplyDecoder
from .sse import EventDecoder

DONE = b"[DONE]"
START_BYTES = 64
SSE_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")


class ResponseReader:
    """Reads one chat answer.

    Feed it the body's pieces; it returns events, the last of them ``Finished``.

    An error found in a piece is kept in ``failure``, for the events before it in the same piece are
    good: give those out, then raise it. ``progress`` counts the events of the stream that could be
    parsed.
    """

    def __init__(
        self,
        info: ResponseInfo,
        *,
        label: str = "",
        secret: SecretStr | None = None,
        json_limit_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self.failure: PollinationsError | None = None
        self.progress = 0
        self.is_finished = False
        self._info = info
        self._label = label
        self._secret = secret
        self._json_limit_bytes = json_limit_bytes
        self._fold = ReplyDecoder(info, label=label, secret=secret)
        self._decoder = EventDecoder()
        self._whole: list[
            bytes
        ] = []  # the body, while it is not known to be a stream, or known not to be one
        self._whole_bytes = 0
        self._start = b""  # of it, enough to tell
        self._is_stream = False

    @property
    def is_complete(self) -> bool:
        """Whether the answer is whole even if the connection breaks now."""
        return self._fold.is_complete

    def partial(self) -> Reply:
        """The reply received so far."""
        return self._fold.partial()

    def feed(self, piece: bytes) -> list[Event]:
        """The events that ``piece`` completes."""
        if not self._is_stream:
            self._whole.append(piece)
            if len(self._start) < START_BYTES:
                self._start += piece[:START_BYTES]
            self._whole_bytes += len(piece)
            if self._whole_bytes > self._json_limit_bytes:
                self.failure = MalformedReply(
                    f"The answer is larger than {self._json_limit_bytes} bytes."
                )
            if not self._looks_like_stream():
                return []
            self._is_stream = True
            piece = b"".join(self._whole)
            self._whole.clear()
        try:
            events = self._decoder.feed(piece)
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
        if not self._is_stream:
            return self._read_whole()
        events = self._events(self._decoder.end(), at_end=True)
        if self.failure is not None or self.is_finished:
            return events
        return events + self._finish()

    def _looks_like_stream(self) -> bool:
        start = self._start.removeprefix(b"\xef\xbb\xbf").lstrip()
        declared = self._info.headers.get("content-type", "")
        if declared.startswith("text/event-stream"):
            return bool(start) and start[:1] not in b"{[<"
        return start.startswith(SSE_FIELDS)

    def _events(self, payloads: list[bytes], *, at_end: bool = False) -> list[Event]:
        given: list[Event] = []
        feed = self._fold.feed
        for payload in payloads:
            if self.is_finished:
                break
            try:
                if payload[:6] == DONE:
                    self._fold.done = True
                    given += self._finish()
                    break
                try:
                    chunk = from_json(payload)
                except ValueError:
                    if (
                        b"\n" in payload
                    ):  # events that a provider has set apart by one line break only
                        given += self._events(payload.split(b"\n"), at_end=at_end)
                        continue
                    chunk = self._lenient(payload, at_end=at_end)
                if chunk is not None:
                    self.progress += 1
                    given += feed(chunk)
            except PollinationsError as error:
                self.failure = error
                break
        return given

    def _lenient(self, payload: bytes, *, at_end: bool) -> Any:
        """A data field that is not plain JSON: lone surrogates, a keep-alive word, a cut event, or
        rubbish.
        """
        text = payload.decode("utf-8", "replace").strip()
        if not text:
            return None
        try:
            return _mended(json.loads(text))
        except (ValueError, RecursionError):
            pass
        if self._fold.is_complete:
            return None
        if at_end:
            raise StreamInterrupted(
                "The stream was cut in the middle of an event. What came before it is in .partial.",
                partial=self.partial(),
            )
        if text[:1] not in "{[" and not self._fold.has_output:
            return None  # providers keep connections alive with words before the answer begins
        raise MalformedReply(
            "An event of the stream is not JSON.",
            excerpt=excerpt_of(payload, self._secret),
            partial=self.partial(),
        )

    def _finish(self) -> list[Event]:
        events = self._fold.finish()
        self.is_finished = True
        return events

    def _read_whole(self) -> list[Event]:
        body = b"".join(self._whole)
        if not body.strip():
            raise EmptyReply(
                f"The gateway answered {self._info.status} with an empty body.",
                request_id=self._info.request_id,
            )
        parsed = self._parsed(body)
        events = self._fold.feed(parsed)
        if not isinstance(parsed.get("choices"), list) or not parsed["choices"]:
            names = redact(", ".join(sorted(parsed)[:20]), self._secret)
            raise MalformedReply(
                f"The answer has no choices; its fields are: {names or 'none'}.",
                excerpt=excerpt_of(body, self._secret),
                request_id=self._info.request_id,
            )
        self._fold.keep_body(parsed)
        events += self._fold.finish(streamed=False)
        self.is_finished = True
        return events

    def _parsed(self, body: bytes) -> Any:
        if (
            self._label.startswith("GET /text/")
            and kind_of(self._info) == "text/plain"
            and not _is_answer(body)
        ):
            said = text_from(body, self._info, label=self._label, secret=self._secret)
            return {
                "choices": [{"message": {"content": said}}]
            }  # asked for as a stream, answered as ever
        return json_from(body, self._info, self._secret)


def reply_from(
    body: bytes, info: ResponseInfo, *, label: str = "", secret: SecretStr | None = None
) -> Reply:
    """The whole reply out of a complete body, JSON or stream.

    Raises every error an answer can hide.
    """
    reader = ResponseReader(info, label=label, secret=secret, json_limit_bytes=len(body) + 1)
    reader.feed(body)
    if reader.failure is None:
        reader.end()
    if reader.failure is not None:
        raise reader.failure
    return reader.partial()


def text_from(
    body: bytes, info: ResponseInfo, *, label: str = "", secret: SecretStr | None = None
) -> str:
    """The text that a plain text call was answered with; raises for a notice, a page, sound and
    nothing.
    """
    kind = kind_of(info)
    if kind.startswith("audio/"):
        raise MalformedReply(
            "This model answers with sound; use chat() with modalities=['text', 'audio'] and"
            " audio={...}.",
            request_id=info.request_id,
        )
    if kind == "text/event-stream" or (kind == "application/json" and _is_answer(body)):
        return reply_from(body, info, label=label, secret=secret).text
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedReply(
            f"{label}: the answer is not text ({kind}).", request_id=info.request_id
        ) from None
    if kind == "text/html":
        raise MalformedReply(
            f"{label}: a page came in place of an answer.",
            excerpt=excerpt_of(body, secret),
            request_id=info.request_id,
        )
    if not text.strip():
        raise EmptyReply(
            f"The gateway answered {info.status} without a word.", request_id=info.request_id
        )
    if "no-store" in info.headers.get("cache-control", ""):
        notice = payment_notices.error_in(text, info.headers, label=label)
        if notice is not None:
            raise notice
    return text


def kind_of(info: ResponseInfo) -> str:
    """The declared type of an answer, without its parameters."""
    return info.headers.get("content-type", "").partition(";")[0].strip().lower()


def _is_answer(body: bytes) -> bool:
    """Whether ``body`` is a chat answer, or an error, in JSON."""
    try:
        parsed = from_json(body)
    except ValueError:
        return False
    return isinstance(parsed, dict) and bool(parsed.get("choices") or parsed.get("error"))


def json_from(body: bytes, info: ResponseInfo, secret: SecretStr | None = None) -> Any:
    """Parse a JSON body; raises :class:`MalformedReply` with what came instead (an HTML page, cut
    JSON).
    """
    try:
        return from_json(body)
    except ValueError as error:
        try:
            return _mended(json.loads(body))
        except (ValueError, RecursionError):
            pass
        kind = redact(info.headers.get("content-type") or "no declared type", secret)
        raise MalformedReply(
            f"The gateway answered {info.status} with something that is not JSON ({kind}): "
            f"{excerpt_of(body, secret)!r} ({error}).",
            excerpt=excerpt_of(body, secret),
            request_id=info.request_id,
            status_code=info.status,
        ) from None


def _mended(value: Any, depth: int = 0) -> Any:
    """``value`` with surrogates paired, and lone ones replaced, so that its text can be printed and
    sent again.
    """
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list) and depth < 64:
        return [_mended(item, depth + 1) for item in value]
    if isinstance(value, dict) and depth < 64:
        return {_mended(name, depth + 1): _mended(item, depth + 1) for name, item in value.items()}
    return value
