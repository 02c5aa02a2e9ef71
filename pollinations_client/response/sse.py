"""Server-sent events: bytes in, data fields out, at any cut of the bytes. Pure; no I/O.

Rules: WHATWG HTML, section 9.2 "Server-sent events". Two more that providers behind the gateway
need: an event left without its blank line at the end of the body still counts (the reader above
decides whether it is whole), and a bare line that opens a JSON object counts as data, because some
providers report a failure so.
"""

from __future__ import annotations

from ..errors import MalformedReply

EVENT_LIMIT_BYTES = 32 * 1024 * 1024
BOM = b"\xef\xbb\xbf"


class EventDecoder:
    """Feed it pieces of a body, of any size; it returns the data of each event completed by that
    piece.
    """

    __slots__ = ("_data", "_held", "_open_bytes", "_skip_line_feed", "_started", "limit_bytes")

    def __init__(self, limit_bytes: int = EVENT_LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self._held: list[
            bytes
        ] = []  # the pieces of a line that has not ended; joined once, when it has
        self._open_bytes = 0  # received since the last whole event
        self._data: list[bytes] = []
        self._skip_line_feed = False
        self._started = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that end in ``piece``, in order.

        Raises :class:`MalformedReply` over the limit.
        """
        if self._skip_line_feed and piece:
            self._skip_line_feed = False
            if piece[0] == 10:
                piece = piece[1:]
        if b"\r" in piece:
            self._skip_line_feed = piece[-1] == 13
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._open_bytes += len(piece)
        if b"\n" not in piece:
            self._held.append(piece)
            return self._bounded([])
        lines = piece.split(b"\n")
        if self._held:
            lines[0] = b"".join(self._held) + lines[0]
            self._held.clear()
        if rest := lines.pop():
            self._held.append(rest)
        if not self._started:
            self._started = True
            lines[0] = lines[0].removeprefix(BOM)
        return self._bounded(self._events(lines))

    def end(self) -> list[bytes]:
        """The data of an event that the end of the body left open, if there is one."""
        last = b"".join(self._held)
        self._held.clear()
        return self._events([last if self._started else last.removeprefix(BOM), b""])

    def _bounded(self, events: list[bytes]) -> list[bytes]:
        if events:
            self._open_bytes = 0
        elif self._open_bytes > self.limit_bytes:
            raise MalformedReply(f"An event of the stream is larger than {self.limit_bytes} bytes.")
        return events

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        data = self._data
        for line in lines:
            if line[:6] == b"data: ":
                data.append(line[6:])
            elif not line:
                if data:
                    events.append(data[0] if len(data) == 1 else b"\n".join(data))
                    data.clear()
            elif line[:5] == b"data:":
                data.append(line[5:])
            elif line == b"data":
                data.append(b"")
            elif line[:1] == b"{":
                data.append(line)
        return events
