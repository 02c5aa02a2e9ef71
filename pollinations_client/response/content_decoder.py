"""Decode text, reasoning, pictures and speech of one answer into parts, in the order they come.

Pure; no I/O.

Three fields may say the same thing: ``content``, ``reasoning_content`` (or ``reasoning``) and
``content_blocks``. Whichever comes first for a kind of part is read for that kind, so that nothing
appears twice; signatures are kept whatever field they come in.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from typing import Any

from ..reply import (
    AudioDelta,
    AudioPart,
    Event,
    ImagePart,
    OtherPart,
    Part,
    PartDelta,
    ReasoningDelta,
    ReasoningPart,
    TextDelta,
    TextPart,
)
from .think_tags import TAG, LeadingTextFilter

Block = dict[str, Any]
Run = type[TextPart] | type[ReasoningPart]

READ_BLOCK = frozenset({"index", "type", "text", "thinking", "signature", "data"})
TEXT_TYPES = frozenset({"", "text"})
ADDRESS = re.compile(r"data:|https?://[^\s/?#]", re.IGNORECASE)
MAX_MIME_END = 300  # RFC 6838, section 4.2: two names of 127 characters at most
IMAGE_TYPES = frozenset({"image_url", "image"})
THINKING_TYPES = frozenset({"thinking", "redacted_thinking"})
READ_TYPES = TEXT_TYPES | THINKING_TYPES


class ContentDecoder:
    """What a message brings goes in by kind; the events for it come out; ``parts`` is filled."""

    __slots__ = (
        "_audio_index",
        "_audio_pieces",
        "_block",
        "_echo",
        "_opening",
        "_reasoning_from",
        "_reasoning_index",
        "_run",
        "_signature_pieces",
        "_signed",
        "_text_from",
        "_text_passes",
        "_transcript_pieces",
        "_watches_notices",
        "index",
        "parts",
        "pieces",
        "takes_reasoning",
        "takes_text",
        "unread",
    )

    def __init__(self, parts: list[Part], *, watches_notices: bool) -> None:
        self.parts = parts
        self.pieces: list[str] = []  # of the open run, joined when it closes
        self.index = -1  # of the open run in ``parts``
        # The open run is text (or reasoning) of the plain field, and the next piece of that field
        # may be appended to ``pieces`` as it comes: the decoder's short path.
        self.takes_text = False
        self.takes_reasoning = False
        # The first words go through a filter where they may be a thought in tags or a notice.
        self._watches_notices = watches_notices
        self._opening: LeadingTextFilter | None = None
        self._text_passes = False
        self.unread: list[Block] = []  # deltas of blocks that say nothing this project knows
        self._run: TextPart | ReasoningPart | None = None
        self._block: Any = None  # the provider's index of the content block behind the open run
        self._text_from: str | None = None
        self._reasoning_from: str | None = None
        self._reasoning_index: int | None = None  # of the last reasoning part
        self._echo = EchoedText()
        self._signed: ReasoningPart | None = None
        self._signature_pieces: list[str] = []
        self._audio_index: int | None = None
        self._audio_pieces: list[str] = []
        self._transcript_pieces: list[str] = []

    def content(self, text: str) -> list[Event]:
        """A piece of the ``content`` field."""
        if self._text_from == "blocks" and self._echo.repeats(text):
            return []  # the field repeats what the blocks have said, piece by piece or at the end
        self._text_from = "content"
        if not self._text_passes:
            return self._first_words(text)
        return self._extend(TextPart, text)

    def _first_words(self, text: str) -> list[Event]:
        if self._opening is None:
            begins_tag = text[0] == TAG[0] or text[0].isspace()
            if not begins_tag and not self._watches_notices:
                self._text_passes = True
                return self._extend(TextPart, text)
            self._opening = LeadingTextFilter(watches_notices=self._watches_notices)
        pieces = self._opening.feed(text)
        self._text_passes = self._opening.is_past
        return self._opened(pieces)

    def reasoning(self, text: str, source: str = "field") -> list[Event]:
        """A piece of reasoning; ``source`` tells the field from the blocks."""
        if self._reasoning_from not in {None, source}:
            return []
        self._reasoning_from = source
        return [*self.settle(), *self._extend(ReasoningPart, text)]

    @property
    def is_waiting(self) -> bool:
        """Whether text came that was not given out yet."""
        return self._opening is not None and bool(self._opening.waiting)

    def settle(self) -> list[Event]:
        """Give out text held back at the opening: something else has begun, or the answer has
        ended.
        """
        if self._opening is None or self._text_passes or not self._opening.waiting:
            return []
        self._text_passes = True
        return self._opened(self._opening.release())

    def close(self) -> None:
        """Join all pieces, so that ``parts`` is the answer so far."""
        self._close_run()
        self._close_signature()
        if self._audio_index is not None:
            part = self.parts[self._audio_index]
            assert isinstance(part, AudioPart)
            self._audio_pieces[:] = [joined_base64(self._audio_pieces)]
            self._transcript_pieces[:] = ["".join(self._transcript_pieces)]
            part.data, part.transcript = self._audio_pieces[0], self._transcript_pieces[0]

    def _close_run(self) -> None:
        if self._run is not None:
            self._run.text += "".join(self.pieces)
        self.pieces.clear()
        self._run = self._block = None
        self.takes_text = self.takes_reasoning = False

    def _close_signature(self) -> None:
        if self._signed is not None:
            self._signed.signature = "".join(self._signature_pieces)
            self._signature_pieces[:] = [self._signed.signature]

    def blocks(self, blocks: list[Any], content: str, reasoning: str | None) -> list[Event]:
        """``content_blocks`` of a delta or a whole message, beside the fields that may
        repeat them.
        """
        entries = [_block_from(block) for block in blocks if block is not None]
        text = "".join(_text_in(entry) for entry in entries).strip()
        events: list[Event] = []
        thoughts = "".join(_thought_in(entry) for entry in entries)
        if reasoning and (self._reasoning_from == "field" or thoughts.strip() != reasoning.strip()):
            events += self.reasoning(reasoning)
        # The same text in both, but the blocks know its place among pictures and thoughts.
        is_repeated = bool(text) and content.strip() in text and self._text_from != "content"
        if content and not is_repeated:
            return events + self._content_and_blocks(content, entries, text)
        for entry in entries:
            events += self._block_entry(entry)
        if content and not self._echo.repeats(content):
            self._echo.clear()
        return events

    def _content_and_blocks(self, content: str, entries: list[Block], text: str) -> list[Event]:
        """A ``content`` that says more than the blocks: it stands behind their thoughts."""
        if self._text_from is None and (not text or text in content):
            self._text_from = "content"
        thoughts = [entry for entry in entries if _is_thinking(entry)]
        others = [entry for entry in entries if not _is_thinking(entry)]
        events: list[Event] = []
        for entry in thoughts:
            events += self._block_entry(entry)
        events += self.content(content)
        if text and text not in content:
            self._text_from = None  # the blocks say something else: nothing of either is dropped
        for entry in others:
            events += self._block_entry(entry)
        return events

    def image(self, entry: Any) -> list[Event]:
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
            return self._whole(_other_part(entry, "image"))
        if url.startswith("data:"):
            mime_type = url[5:MAX_MIME_END].partition(";")[0].partition(",")[0]
        if not isinstance(mime_type, str):
            mime_type = None
        return self._whole(ImagePart(url, mime_type or None, raw))

    def audio(self, audio: dict[str, Any]) -> list[Event]:
        """The ``audio`` field: whole, or a fragment of the sound, of its words, of its identity."""
        data, words = _text_of(audio.get("data")), _text_of(audio.get("transcript"))
        if self._audio_index is None and not (data or words or audio.get("id")):
            return []
        events = self.settle()
        if self._audio_index is None:
            self._close_run()
            self._audio_index = len(self.parts)
            self.parts.append(AudioPart())
        part = self.parts[self._audio_index]
        assert isinstance(part, AudioPart)
        if isinstance(audio.get("id"), str):
            part.id = audio["id"]
        if isinstance(audio.get("expires_at"), int):
            part.expires_at = audio["expires_at"]
        if words:
            self._transcript_pieces.append(words)
        if data:
            self._audio_pieces.append(data)
        return [*events, AudioDelta(self._audio_index, data, words, part.id)]

    def _opened(self, pieces: list[tuple[bool, str]]) -> list[Event]:
        events: list[Event] = []
        for is_reasoning, text in pieces:
            if text and is_reasoning:
                events += self._extend(ReasoningPart, text)
            elif text:
                events += self._extend(TextPart, text)
        return events

    def _extend(self, kind: Run, text: str, block: Any = None) -> list[Event]:
        if type(self._run) is not kind or (block is not None and block != self._block):
            self._close_run()
            self._run = kind(text="")
            self.index = len(self.parts)
            self.parts.append(self._run)
        if block is not None:
            self._block = block
        self.pieces.append(text)
        if kind is TextPart:
            self.takes_text = self._text_from == "content" and self._text_passes
            return [TextDelta(text, self.index)]
        self._reasoning_index = self.index
        self.takes_reasoning = self._reasoning_from == "field"
        return [ReasoningDelta(text, self.index)]

    def _whole(self, part: ImagePart | OtherPart) -> list[Event]:
        events = self.settle()
        self._close_run()
        self.parts.append(part)
        return [*events, PartDelta(len(self.parts) - 1, part)]

    def _block_entry(self, entry: Block) -> list[Event]:
        """One content block: whole, or the delta of one that Portkey streams as ``{index,
        delta}``.
        """
        inner, index = _inner(entry), entry.get("index")
        events: list[Event] = []
        if (thought := _thought_in(entry)) and self._reasoning_from != "field":
            self._reasoning_from = "blocks"
            events += [*self.settle(), *self._extend(ReasoningPart, thought, index)]
        if (text := _text_in(entry)) and self._text_from != "content":
            self._text_from = "blocks"
            self._echo.append(text)
            events += [*self.settle(), *self._extend(TextPart, text, index)]
        events += self._signature(_text_of(inner.get("signature")), _redacted_in(entry))
        kind = _type_of(entry)
        if kind in IMAGE_TYPES:
            events += self.image(inner)
        elif kind not in READ_TYPES:
            events += self._whole(_other_part(entry, kind))
        elif not kind and any(inner[name] is not None for name in inner.keys() - READ_BLOCK):
            self.unread.append(entry)
        return events

    def _signature(self, signature: str, redacted: str | None) -> list[Event]:
        """A signature for the reasoning before it, or reasoning that came encrypted."""
        if not signature and redacted is None:
            return []
        part: Part | None = None
        if self._reasoning_index is not None:
            part = self.parts[self._reasoning_index]
        is_signed = isinstance(part, ReasoningPart) and (part.signature or part is self._signed)
        if redacted is not None or part is None or (is_signed and part is not self._run):
            self._close_run()
            part = ReasoningPart(redacted=redacted)
            self._reasoning_index = len(self.parts)
            self.parts.append(part)
        assert isinstance(part, ReasoningPart)
        if signature:
            if part is not self._signed:
                self._close_signature()
                self._signed, self._signature_pieces = part, []
            self._signature_pieces.append(signature)
        return [ReasoningDelta("", self._reasoning_index or 0, signature or None, redacted)]


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
        start, at, repeated = self._start, 0, 0
        for piece in self._pieces:
            length = min(len(piece) - start, len(text) - at)
            if piece[start : start + length] != text[at : at + length]:
                return False
            at += length
            if start + length < len(piece):
                start += length
                break
            start, repeated = 0, repeated + 1
            if at == len(text):
                break
        if at < len(text):
            return False
        for _ in range(repeated):
            self._pieces.popleft()
        self._start = start
        return True


def _block_from(block: Any) -> Block:
    """A content block as an object: some providers put bare texts into the list."""
    if isinstance(block, dict):
        return block
    if isinstance(block, str):
        return {"type": "text", "text": block}
    return {"type": "unknown", "value": block}


def _other_part(entry: Any, kind: str) -> OtherPart:
    """A part that is handed on as it came; whoever reads it looks its type up, so it is a text."""
    if isinstance(entry, dict):
        for block in (entry, _inner(entry)):
            if isinstance(block.get("type"), str):
                return OtherPart(block)
    return OtherPart({"type": kind, "value": entry})


def _inner(entry: Block) -> Block:
    delta = entry.get("delta")
    if isinstance(delta, dict):
        return delta
    return entry


def _type_of(entry: Block) -> str:
    """The type of a block, empty where it has none, as in Portkey's deltas."""
    kind = entry.get("type") or _inner(entry).get("type")
    if kind and not isinstance(kind, str):
        return "unknown"
    return kind or ""


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _text_in(entry: Block) -> str:
    kind = entry.get("type")
    if kind is not None and kind != "text":
        return ""
    return _text_of(_inner(entry).get("text"))


def _thought_in(entry: Block) -> str:
    thinking = _inner(entry).get("thinking")
    if isinstance(thinking, list):  # Mistral's form: text blocks within
        return "".join(_text_in(block) for block in thinking if isinstance(block, dict))
    return _text_of(thinking)


def _redacted_in(entry: Block) -> str | None:
    """Encrypted thinking.

    Portkey takes the type off the deltas it streams, so ``data`` alone tells it there.
    """
    encrypted = _inner(entry).get("data")
    if isinstance(encrypted, str) and _type_of(entry) in {"", "redacted_thinking"}:
        return encrypted
    return None


def _is_thinking(entry: Block) -> bool:
    return (
        bool(_thought_in(entry))
        or entry.get("type") in tuple(THINKING_TYPES)
        or "signature" in _inner(entry)
        or _redacted_in(entry) is not None
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
