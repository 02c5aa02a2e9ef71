"""Decode server-sent events: pieces of bytes in, data fields out. Pure; no I/O.

Rules: WHATWG HTML, section 9.2 "Server-sent events". Three more that providers behind the gateway
need: an event left without its blank line at the end of the body still counts (the reader above
decides whether it is whole); a bare line that opens a JSON object counts as data, because some
providers report a failure so; and an event whose name says that it is an error comes out in the
gateway's own form of one, ``{"error": ...}``, whatever its data says.
"""

from __future__ import annotations

import codecs
import io
import json

from pydantic_core import from_json

from ..errors import MalformedReply, blank_keys

# One event may hold a whole picture in base64, or a whole answer replayed from the cache.
MAX_EVENT_BYTES = 32 * 1024 * 1024
LINE_FEED, CARRIAGE_RETURN = 10, 13
# "error", "upstream_error", "response.failed": no event of an answer has such a name.
ERROR_WORDS = (b"error", b"failed", b"failure")


class EventDecoder:
    """Feed it pieces of a body, of any size; it returns the data of each event that a piece
    completes.
    """

    __slots__ = (
        "_data",
        "_is_between_events",
        "_keys",
        "_line",
        "_name",
        "_open_bytes",
        "_skip_line_feed",
        "_started",
        "max_bytes",
    )

    def __init__(self, max_bytes: int = MAX_EVENT_BYTES, keys: tuple[bytes, ...] = ()) -> None:
        self.max_bytes = max_bytes
        self._keys = keys
        # A line that has not ended, in a buffer that gives its bytes out without a copy.
        self._line: io.BytesIO | None = None
        self._open_bytes = 0  # received since the last whole event
        self._data: list[bytes] = []
        self._name = b""
        self._skip_line_feed = False
        self._started = False
        self._is_between_events = False  # nothing that came is open

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that end in ``piece``, in order.

        Raises :class:`MalformedReply` if an event is larger than ``max_bytes``.
        """
        # A gateway sends each event by itself: one line, which no look at every line has to find.
        if (
            self._is_between_events
            and piece.find(b"\n") == len(piece) - 2
            and piece[-1:] == b"\n"
            and piece[:6] == b"data: "
            and b"\r" not in piece
        ):
            self._open_bytes = 0
            return [piece[6:-2]]
        events = self._feed_lines(piece)
        is_open = self._line or self._data or self._name or self._skip_line_feed
        self._is_between_events = self._started and not is_open
        return events

    def _feed_lines(self, piece: bytes) -> list[bytes]:
        if self._skip_line_feed and piece:
            self._skip_line_feed = False
            if piece[0] == LINE_FEED:
                piece = piece[1:]
        if b"\r" in piece:
            self._skip_line_feed = piece[-1] == CARRIAGE_RETURN
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._open_bytes += len(piece)
        if b"\n" not in piece:
            self._append_to_line(piece)
            return self._bounded([])
        lines = piece.split(b"\n")
        if self._line is not None:
            lines[0] = self._joined_line(lines[0])
        if unfinished := lines.pop():
            self._append_to_line(unfinished)
        if not self._started:
            self._started = True
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        return self._bounded(self._events(lines))

    def end(self) -> list[bytes]:
        """The data of an event that the end of the body left open, if there is one."""
        last = self._joined_line(b"")
        if not self._started:
            last = last.removeprefix(codecs.BOM_UTF8)
        return self._events([last, b""])

    def _append_to_line(self, piece: bytes) -> None:
        if self._line is None:
            self._line = io.BytesIO()
        self._line.write(piece)

    def _joined_line(self, ending: bytes) -> bytes:
        """A line that came in several network pieces.

        The transport blanks the key out of each piece; where two of them met within the key, it is
        whole only here.
        """
        if self._line is None:
            return ending
        self._line.write(ending)
        line, self._line = self._line.getvalue(), None
        return blank_keys(line, self._keys)

    def _bounded(self, events: list[bytes]) -> list[bytes]:
        if events:
            self._open_bytes = 0
        elif self._open_bytes > self.max_bytes:
            raise MalformedReply(f"An event of the stream is larger than {self.max_bytes} bytes.")
        return events

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        data = self._data
        for line in lines:
            # The commonest line first: a chunk passes one comparison and one slice.
            if line[:6] == b"data: ":
                data.append(line[6:])
            elif not line:
                if self._name:
                    events += self._named_event()
                elif data:
                    events.append(data[0] if len(data) == 1 else b"\n".join(data))
                    data.clear()
            elif line[:5] == b"data:":
                data.append(line[5:])
            elif line == b"data":
                data.append(b"")
            elif line[:6] == b"event:":
                self._name = line[6:].strip().lower()
            elif line[:1] == b"{":
                data.append(line)
            # All other lines say nothing here: comments such as ": OPENROUTER PROCESSING", which
            # keep a connection alive, and the fields id and retry.
        return events

    def _named_event(self) -> list[bytes]:
        name, self._name = self._name, b""
        lines = self._data.copy()
        self._data.clear()
        data = b"\n".join(lines)
        if any(word in name for word in ERROR_WORDS):
            return [_error_from(name, data)]
        if not lines:
            return []
        return [data]


def _error_from(name: bytes, data: bytes) -> bytes:
    """``{"error": ...}`` with the data of an error event in it, JSON or not."""
    text = data.decode("utf-8", "replace").strip()
    try:
        from_json(data)
    except ValueError:
        message = text or f"an event named {name.decode('utf-8', 'replace')!r} without data"
        data = json.dumps({"message": message}).encode()
    return b'{"error":' + data + b"}"
