"""Take the plain chunks of a chunked body out of what is received; h11 reads everything else.

A model's stream is thousands of chunks of one event each, and h11 takes 4 us for each of them, half
of what a streamed chunk costs in all. A chunk that is here as a whole, with its size in plain
hexadecimal and CRLF where they belong (RFC 9112, section 7.1), needs no state machine: h11 is
between two chunks before it and after it. Whatever else comes goes to h11 unchanged, and from the
last chunk on all of it: extensions, trailers, a chunk that is cut, bytes that are no chunk. A test
compares the two at every cut and for spoilt bytes.
"""

from __future__ import annotations

import re

MAX_CHUNKS = 32  # in one piece: what is read of a burst is used before the rest is

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_SIZE_BEGUN = re.compile(rb"[0-9A-Fa-f]{0,8}\r?")


class ReceivedBytes:
    """What was received and not yet read: plain chunks by us, the rest by h11."""

    __slots__ = ("_at", "_data", "_owed_bytes", "has_plain_chunks")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._owed_bytes = 0  # until h11, which has the beginning of a chunk, has its end
        self.has_plain_chunks = False

    def __len__(self) -> int:
        return len(self._data) - self._at

    def append(self, data: bytes) -> None:
        """Take what the connection brought."""
        self._data, self._at = self._data[self._at :] + data, 0

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
        end = (before + self._data[self._at :]).find(b"\r\n\r\n")
        return self._take(len(self) if end < 0 else end + 4 - len(before))

    def take_chunks(self) -> bytes:
        """The content of the plain chunks that come next; nothing where none does."""
        if not self.has_plain_chunks or self._owed_bytes:
            return b""
        data, at = self._data, self._at
        contents: list[bytes] = []
        while len(contents) < MAX_CHUNKS and (size := _SIZE.match(data, at)):
            start = size.end()
            end = start + int(size[1], 16)
            if end == start or data[end : end + 2] != b"\r\n":
                break
            contents.append(data[start:end])
            at = end + 2
        self._at = at
        return b"".join(contents)

    def take_for_h11(self) -> bytes:
        """What h11 has to read next, after ``take_chunks``; nothing, where more must come first.

        The beginning of a chunk goes to h11, so that its content is not held back, and then its
        end.
        """
        if not self.has_plain_chunks:
            return self._take(len(self))
        if self._owed_bytes:
            taken = self._take(min(self._owed_bytes, len(self)))
            self._owed_bytes -= len(taken)
            return taken
        if _SIZE_BEGUN.fullmatch(self._data, self._at):
            return b""
        size = _SIZE.match(self._data, self._at)
        chunk_bytes = int(size[1], 16) if size else 0
        if size and chunk_bytes:
            missing_bytes = size.end() + chunk_bytes + 2 - len(self._data)
            if missing_bytes > 0:
                self._owed_bytes = missing_bytes
                return self._take(len(self))
        return self.take_all()

    def _take(self, number: int) -> bytes:
        start, self._at = self._at, self._at + number
        return self._data[start : self._at]
