"""Read a content block of any provider, or a picture or sound of its own. Pure; no I/O.

Blocks come whole, or in a stream as ``{index, delta}``; some providers put bare texts in their
place.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from typing import Any

from ..reply import ImagePart, OtherPart

Block = dict[str, Any]

ADDRESS = re.compile(r"data:|https?://[^\s/?#]", re.IGNORECASE)
MAX_MIME_END = 300  # RFC 6838, section 4.2: two names of 127 characters at most
THINKING_TYPES = frozenset({"thinking", "redacted_thinking"})


def block_from(block: Any) -> Block:
    """A content block as an object: some providers put bare texts into the list."""
    if isinstance(block, dict):
        return block
    if isinstance(block, str):
        return {"type": "text", "text": block}
    return {"type": "unknown", "value": block}


def image_part(entry: Any) -> ImagePart | OtherPart:
    """A picture of the ``images`` list, or of a block."""
    # Seen: {"image_url": {"url": ...}}, {"image_url": ...}, {"url": ...}, and a bare address.
    raw: Block = {}
    address = entry
    if isinstance(entry, dict):
        raw, address = entry, entry.get("image_url", entry.get("url"))
    if not isinstance(address, dict):
        address = {"url": address}
    url, mime_type = address.get("url"), address.get("mime_type")
    if not isinstance(url, str) or not ADDRESS.match(url):
        return other_part(entry, "image")
    if url.startswith("data:"):
        mime_type = url[5:MAX_MIME_END].partition(";")[0].partition(",")[0]
    if not isinstance(mime_type, str):
        mime_type = None
    return ImagePart(url, mime_type or None, raw)


def other_part(entry: Any, kind: str) -> OtherPart:
    """A part that is handed on as it came; whoever reads it looks its type up, so it is a text."""
    if isinstance(entry, dict):
        for block in (entry, delta_of(entry)):
            if isinstance(block.get("type"), str):
                return OtherPart(block)
    return OtherPart({"type": kind, "value": entry})


def delta_of(entry: Block) -> Block:
    """What a streamed block brings, which Portkey puts into ``delta``; a whole block itself."""
    delta = entry.get("delta")
    if isinstance(delta, dict):
        return delta
    return entry


def type_of(entry: Block) -> str:
    """The type of a block, empty where it has none, as in Portkey's deltas."""
    kind = entry.get("type") or delta_of(entry).get("type")
    if kind and not isinstance(kind, str):
        return "unknown"
    return kind or ""


def text_or_empty(value: Any) -> str:
    """``value`` if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def text_in(entry: Block) -> str:
    """The text of a text block; empty for a block of another type."""
    kind = entry.get("type")
    if kind is not None and kind != "text":
        return ""
    return text_or_empty(delta_of(entry).get("text"))


def thought_in(entry: Block) -> str:
    """The readable reasoning of a block."""
    thinking = delta_of(entry).get("thinking")
    if isinstance(thinking, list):  # Mistral's form: text blocks within
        return "".join(text_in(block) for block in thinking if isinstance(block, dict))
    return text_or_empty(thinking)


def redacted_in(entry: Block) -> str | None:
    """Encrypted thinking.

    Portkey takes the type off the deltas it streams, so ``data`` alone tells it there.
    """
    encrypted = delta_of(entry).get("data")
    if isinstance(encrypted, str) and type_of(entry) in {"", "redacted_thinking"}:
        return encrypted
    return None


def is_thinking(entry: Block) -> bool:
    """Whether a block is reasoning: readable, signed or encrypted."""
    return (
        bool(thought_in(entry))
        or entry.get("type") in tuple(THINKING_TYPES)
        or "signature" in delta_of(entry)
        or redacted_in(entry) is not None
    )


def joined_base64(pieces: list[str]) -> str:
    """Fragments of base64 as one: each may be padded for itself, so they are decoded and encoded
    again.
    """
    joined = "".join(pieces)
    if len(pieces) < 2 or "=" not in joined.rstrip("="):
        return joined
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except binascii.Error:
        return joined


class EchoedText:
    """Text that the blocks gave and the ``content`` field may still repeat, in pieces of any
    size.
    """

    __slots__ = ("_pieces", "_start")

    def __init__(self) -> None:
        self._pieces: deque[str] = deque()
        self._start = 0  # how much of the first piece has been repeated

    def append(self, text: str) -> None:
        """Expect ``text`` after what is expected already."""
        self._pieces.append(text)

    def clear(self) -> None:
        """Expect nothing any more."""
        self._pieces.clear()
        self._start = 0

    def repeats(self, text: str) -> bool:
        """Whether ``text`` is the next of what is expected; if so, it is expected no more."""
        start, position, repeated_pieces = self._start, 0, 0
        for piece in self._pieces:
            length = min(len(piece) - start, len(text) - position)
            if piece[start : start + length] != text[position : position + length]:
                return False
            position += length
            if start + length < len(piece):
                start += length
                break
            start, repeated_pieces = 0, repeated_pieces + 1
            if position == len(text):
                break
        if position < len(text):
            return False
        for _ in range(repeated_pieces):
            self._pieces.popleft()
        self._start = start
        return True
