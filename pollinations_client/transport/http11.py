"""Speak HTTP/1.1 on one connection, by h11: requests to bytes, bytes to responses. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import h11
import httpx

JOINED_BYTES = 64 * 1024  # head and body up to this size go out in one write
MAX_HEAD_BYTES = 100 * 1024  # of a response's head, or of a line between chunks; as in httpcore
DEFAULT_PORTS = {b"http": 80, b"https": 443}
MAX_CHUNKS = 32  # in one piece: what is read of a burst is used before the rest is
WITHOUT_BODY = frozenset({204, 304})
BODY_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
SIZE_LINE_BEGINNING = re.compile(rb"[0-9A-Fa-f]{0,8}\r?")

Origin = tuple[bytes, bytes, int]
"""Scheme, host and port: what two requests on one connection have in common."""


class RawRequest:
    """A request in the form that is sent, checked once; it can be sent again with another body.

    Raises ``httpx.UnsupportedProtocol`` and ``httpx.LocalProtocolError`` for what HTTP/1.1 cannot
    carry.
    """

    __slots__ = ("_event", "origin")

    def __init__(self, method: str, url: httpx.URL, headers: Iterable[tuple[bytes, bytes]]) -> None:
        port = url.port or DEFAULT_PORTS.get(url.raw_scheme)
        if port is None or not url.raw_host:
            raise httpx.UnsupportedProtocol("the address needs http:// or https:// and a host")
        self.origin: Origin = (url.raw_scheme, url.raw_host, port)
        sent = [pair for pair in headers if pair[0].lower() not in BODY_FRAMING]
        names = {name.lower() for name, _ in sent}
        if b"host" not in names:
            sent.append((b"Host", url.netloc))
        if b"connection" not in names:
            sent.append((b"Connection", b"keep-alive"))
        try:
            self._event = h11.Request(method=method, target=url.raw_path, headers=sent)
        except h11.LocalProtocolError as error:
            reason = str(error)
        else:
            return
        raise httpx.LocalProtocolError(reason)

    @property
    def is_head(self) -> bool:
        """Whether only the head of the response is asked for."""
        return self._event.method == b"HEAD"

    def __repr__(self) -> str:  # headers carry the key
        return f"<RawRequest {self._event.method.decode()}>"


@dataclass(slots=True, frozen=True)
class SizedPieces:
    """A body that is read while it is sent, ``length`` bytes in all."""

    length: int
    pieces: Iterable[bytes]


Body = bytes | SizedPieces | None


def _header_text(value: bytes) -> str:
    # HTTP has no encoding for them (RFC 9110, 5.5); gateways write UTF-8.
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


class BaseResponse:
    """A response's head, by the names that ``httpx.Response`` gives it.

    ``stream`` is the connection that the response comes on.
    """

    def __init__(self, head: h11.Response, stream: Any) -> None:
        self.status_code = head.status_code
        self.raw_headers = head.headers.raw_items()
        self.headers: dict[str, str] = {}
        for raw_name, raw_value in head.headers:
            name, value = raw_name.decode("ascii"), _header_text(raw_value)
            # RFC 9110, section 5.3: lines of one name are one list.
            if name in self.headers:
                value = f"{self.headers[name]}, {value}"
            self.headers[name] = value
        self.extensions: dict[str, Any] = {
            "http_version": b"HTTP/" + head.http_version,
            "reason_phrase": head.reason,
            "network_stream": stream,
        }

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return 200 <= self.status_code <= 299

    def for_httpx(self) -> httpx.Response:
        """The same as httpx's object, whose body is read and closed through this one."""
        stream: Any = self
        return httpx.Response(
            self.status_code, headers=self.raw_headers, stream=stream, extensions=self.extensions
        )


class ReceivedBytes:
    """What was received and not yet read: plain chunks are taken here, h11 gets everything else."""

    # A model's stream is thousands of chunks, one event each. h11 takes 4 us for a chunk, half of
    # what it costs in all; httpcore's own driver of h11 took as much again. But a chunk that is
    # here as a whole, with its size in plain hexadecimal and CRLF where they belong (RFC 9112,
    # section 7.1), needs no state machine: h11 is between two chunks before it and after it. From
    # the last chunk on h11 gets all: extensions, trailers, a chunk that is cut, bytes that are no
    # chunk. A test compares the two at every cut and for spoilt bytes.

    __slots__ = ("_data", "_owed_bytes", "_position", "has_plain_chunks")

    def __init__(self) -> None:
        self._data = b""
        self._position = 0
        self._owed_bytes = 0  # until h11, which has the beginning of a chunk, has its end
        self.has_plain_chunks = False

    def __len__(self) -> int:
        return len(self._data) - self._position

    def append(self, data: bytes) -> None:
        """Take what the connection brought."""
        self._data, self._position = self._data[self._position :] + data, 0

    def begin_chunks(self) -> None:
        """Look for plain chunks from here on, where a first one begins."""
        self.has_plain_chunks = True
        self._owed_bytes = 0

    def take_all(self) -> bytes:
        """Everything that is left, for h11."""
        self.has_plain_chunks = False
        return self._take(len(self))

    def take_head(self, before: bytes) -> bytes:
        """The bytes up to the end of a head, or all; ``before`` are the last ones taken."""
        end = (before + self._data[self._position :]).find(b"\r\n\r\n")
        return self._take(len(self) if end < 0 else end + 4 - len(before))

    def take_chunks(self) -> bytes:
        """The content of the plain chunks that come next; nothing where none does."""
        if not self.has_plain_chunks or self._owed_bytes:
            return b""
        data, position = self._data, self._position
        contents: list[bytes] = []
        while len(contents) < MAX_CHUNKS and (size := SIZE_LINE.match(data, position)):
            start = size.end()
            end = start + int(size[1], 16)
            if end == start or data[end : end + 2] != b"\r\n":
                break
            contents.append(data[start:end])
            position = end + 2
        self._position = position
        return b"".join(contents)

    def take_for_h11(self) -> bytes:
        """What h11 has to read next, after ``take_chunks``; nothing, where more must come first.

        The beginning of a chunk goes to h11, so that its content is not held back, and then its
        end.
        """
        if not self.has_plain_chunks:
            return self._take(len(self))
        if self._owed_bytes:
            owed = self._take(min(self._owed_bytes, len(self)))
            self._owed_bytes -= len(owed)
            return owed
        if SIZE_LINE_BEGINNING.fullmatch(self._data, self._position):
            return b""
        size = SIZE_LINE.match(self._data, self._position)
        if size and (chunk_bytes := int(size[1], 16)):
            missing_bytes = size.end() + chunk_bytes + 2 - len(self._data)
            if missing_bytes > 0:
                self._owed_bytes = missing_bytes
                return self._take(len(self))
        return self.take_all()

    def _take(self, number: int) -> bytes:
        start, self._position = self._position, self._position + number
        return self._data[start : self._position]


class Http11:
    """The state of one connection: what is being sent on it, and what came."""

    __slots__ = (
        "_failure",
        "_is_head_request",
        "_last_bytes",
        "_received",
        "_state",
        "is_complete",
    )

    def __init__(self) -> None:
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._received = ReceivedBytes()
        self._last_bytes = b""  # that h11 got of a head
        self._is_head_request = False
        self._failure: httpx.RemoteProtocolError | None = None
        self.is_complete = False

    def send(self, request: RawRequest, body: Body) -> Iterator[bytes]:
        """The pieces of a request, small ones joined."""
        # h11 sees a request without a body: it would copy the body, and check the headers again
        # for each length.
        self.is_complete = False
        self._is_head_request = request.is_head
        data: bytes = self._state.send(request._event) or b""
        self._state.send(h11.EndOfMessage())
        if isinstance(body, bytes):
            body = SizedPieces(len(body), (body,))
        if body is not None:
            # The length goes in before the empty line that ends the head.
            data = b"%bContent-Length: %d\r\n\r\n" % (data[:-2], body.length)
            missing_bytes = body.length
            for piece in body.pieces:
                missing_bytes -= len(piece)
                if len(data) + len(piece) <= JOINED_BYTES:
                    data += piece
                else:
                    yield data
                    data = piece
            if missing_bytes != 0:
                raise httpx.LocalProtocolError("the upload changed its size while it was sent")
        yield data

    def receive(self, data: bytes) -> None:
        """Take what the connection brought; nothing for its end."""
        if data:
            self._received.append(data)
            return
        if self._state.their_state is h11.SEND_RESPONSE:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        self._feed(self._received.take_all())
        self._state.receive_data(b"")

    def _feed(self, data: bytes) -> None:
        if data:  # nothing means the end to h11
            self._state.receive_data(data)

    def head(self) -> h11.Response | None:
        """The response's head, or ``None`` until it is there. Interim responses are skipped."""
        while True:
            event = self._next_event()
            if isinstance(event, h11.Response):
                self._begin_body(event)
                return event
            if event is h11.NEED_DATA:
                if not self._received:
                    return None
                # No further than the head's end: plain chunks behind it are not for h11.
                data = self._received.take_head(self._last_bytes)
                self._last_bytes = (self._last_bytes + data)[-3:]
                self._feed(data)

    def _begin_body(self, head: h11.Response) -> None:
        self._last_bytes = b""
        is_empty = self._is_head_request or head.status_code in WITHOUT_BODY
        is_chunked = any(name == b"transfer-encoding" for name, _ in head.headers)
        if is_chunked and not is_empty and self._state.trailing_data == (b"", False):
            self._received.begin_chunks()

    def body(self) -> bytes:
        """What has come of the body, some chunks together.

        Nothing, where more has to be received; ``is_complete`` says that nothing follows.
        """
        if self._failure is not None:
            raise self._failure
        while True:
            if content := self._received.take_chunks():
                return content
            data = self._received.take_for_h11()
            if not data and self._received.has_plain_chunks:
                return b""
            self._feed(data)
            content = self._read_h11()
            if content or self.is_complete or not self._received:
                return content

    def _read_h11(self) -> bytes:
        pieces: list[bytes] = []
        try:
            while isinstance(event := self._next_event(), h11.Data):
                pieces.append(event.data)
                if len(pieces) == MAX_CHUNKS:
                    return b"".join(pieces)
        except httpx.RemoteProtocolError as error:
            if not pieces:
                raise
            self._failure = error  # after what came before it
            return b"".join(pieces)
        self.is_complete = event is not h11.NEED_DATA
        return b"".join(pieces)

    def _next_event(self) -> Any:
        try:
            return self._state.next_event()
        except h11.RemoteProtocolError as error:
            reason = str(error)
        raise httpx.RemoteProtocolError(reason)

    def start_next(self) -> bool:
        """Be ready for another request. Returns whether the connection can carry one."""
        state = self._state
        if not (self.is_complete and state.our_state is state.their_state is h11.DONE):
            return False
        # Bytes that nobody asked for would be read as the next response.
        if self._received or state.trailing_data != (b"", False):
            return False
        state.start_next_cycle()
        return True
