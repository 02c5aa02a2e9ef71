"""Unpack compressed bodies piece by piece, within a bound of memory. No I/O."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from ..errors import APIConnectionError, MalformedReply

ACCEPTED = "gzip, deflate"
ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})
PIECE_BYTES = 64 * 1024


class Decompressor:
    """Takes the pieces of a compressed body and returns unpacked ones of at most ``PIECE_BYTES``.

    A body that is not compressed passes as it comes.
    """

    def __init__(self, encoding: str, label: str) -> None:
        """``encoding`` is the header's value.

        Raises :class:`MalformedReply` for one that was not asked for.
        """
        names = [name.strip().lower() for name in encoding.split(",")]
        names = [name for name in names if name not in {"", "identity"}]
        # httpx unpacks a whole piece at once, and one encoding after the other: a kilobyte that is
        # packed twice fills the memory before anybody can count.
        if len(names) > 1 or not ENCODINGS.issuperset(names):
            raise MalformedReply(
                f"{label}: the answer's compression was not asked for: {encoding[:80]!r}."
            )
        self._label = label
        self._is_gzip = bool(names) and names != ["deflate"]
        self._has_begun = False
        # 32 more than the largest window: gzip and zlib are told apart by their first bytes.
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32) if names else None
        self._may_be_bare = names == ["deflate"]

    def feed(self, packed: bytes) -> Iterable[bytes]:
        """What ``packed`` holds, as it is asked for.

        Raises :class:`MalformedReply` where it is broken.
        """
        return (packed,) if self._inflater is None else self._unpacked(packed)

    def _unpacked(self, packed: bytes) -> Iterator[bytes]:
        assert self._inflater is not None
        self._has_begun = self._has_begun or bool(packed)
        while packed:
            if self._inflater.eof and not self._begins_member(packed):
                return
            piece = self._inflated(packed)
            packed = self._inflater.unconsumed_tail or self._inflater.unused_data
            if piece:
                yield piece

    def _begins_member(self, packed: bytes) -> bool:
        """Whether another gzip file follows the one that has ended (RFC 1952, section 2.2)."""
        if self._is_gzip and packed.startswith(b"\x1f"):
            self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
            return True
        return False

    def end(self) -> None:
        """The body has ended. Raises :class:`APIConnectionError` where its compression has not: a
        part was lost on the way, though the length that the server told may fit.
        """
        if self._inflater is not None and self._has_begun and not self._inflater.eof:
            raise APIConnectionError(f"{self._label}: the answer's compressed body was cut off.")

    def _inflated(self, packed: bytes) -> bytes:
        assert self._inflater is not None
        try:
            piece = self._inflater.decompress(packed, PIECE_BYTES)
        except zlib.error as error:
            if self._may_be_bare:
                # Some servers send deflate without the header that RFC 1950 puts before it.
                self._inflater, self._may_be_bare = zlib.decompressobj(-zlib.MAX_WBITS), False
                return self._inflated(packed)
            reason = str(error)
        else:
            self._may_be_bare = False
            return piece
        raise MalformedReply(f"{self._label}: the answer's compression is broken: {reason}.")
