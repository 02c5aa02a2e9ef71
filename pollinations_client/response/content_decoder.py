"""Text, reasoning, pictures and speech of one answer, laid down in the order they come.

Pure; no I/O.

Three fields may tell the same thing: ``content``, ``reasoning_content`` (or ``reasoning``) and
``content_blocks``. Whichever speaks first is listened to for its kind, so that nothing appears
twice; signatures are kept whatever field they come in.
"""

from __future__ import annotations

import base64
import binascii
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
from .think_tags import LeadingTextFilter

Run = type[TextPart] | type[ReasoningPart]

READ_BLOCK = frozenset({"index", "type", "text", "thinking", "signature", "data"})


class ContentDecoder:
    """What a message brings goes in by kind; the events for it come out; ``parts`` is the
    result.
    """

    __slots__ = (
        "_audio",
        "_block",
        "_reasoning_from",
        "_run",
        "_text_from",
        "_unechoed",
        "index",
        "opening",
        "parts",
        "pieces",
        "takes_reasoning",
        "takes_text",
        "unread",
    )

    def __init__(self, *, watches_notices: bool) -> None:
        self.parts: list[Part] = []
        self.pieces: list[str] = []  # of the open run, joined when it closes
        self.index = -1  # of the open run in ``parts``
        self.takes_text = (
            False  # the open run is answer text that may be appended to ``pieces`` as it comes
        )
        self.takes_reasoning = False
        self.opening = LeadingTextFilter(watches_notices=watches_notices)
        self.unread: list[
            dict[str, Any]
        ] = []  # deltas of blocks that say nothing this project knows
        self._run: TextPart | ReasoningPart | None = None
        self._block: Any = None  # the provider's index of the content block behind the open run
        self._text_from: str | None = None
        self._unechoed: list[
            str
        ] = []  # text that the blocks said first and the field may still repeat
        self._reasoning_from: str | None = None
        self._audio: list[str] = []

    def content(self, text: str) -> list[Event]:
        """A piece of the ``content`` field."""
        if self._text_from == "blocks" and self._is_echo(text):
            return []  # the field repeats what the blocks have said, piece by piece or at the end
        self._text_from = "content"
        return self._opened(self.opening.feed(text))

    def reasoning(self, text: str, source: str = "field") -> list[Event]:
        """A piece of reasoning; ``source`` tells the field from the blocks."""
        if self._reasoning_from not in {None, source}:
            return []
        self._reasoning_from = source
        return [*self.settle(), *self._extend(ReasoningPart, text)]

    def settle(self) -> list[Event]:
        """Give out text held back at the opening: something else has begun, or the answer has
        ended.
        """
        return (
            []
            if self.opening.is_past or not self.opening.held
            else self._opened(self.opening.release())
        )

    def close(self) -> None:
        """Join the pieces of the open run, and of the audio."""
        if self._run is not None:
            self._run.text += "".join(self.pieces)
        self.pieces.clear()
        self._run = self._block = None
        self.takes_text = self.takes_reasoning = False
        if self._audio:
            part = next(part for part in self.parts if isinstance(part, AudioPart))
            self._audio[:] = [joined_base64(self._audio)]
            part.data = self._audio[0]

    def blocks(self, blocks: list[Any], content: str | None, reasoning: str | None) -> list[Event]:
        """``content_blocks`` of a delta or a whole message, beside the fields that may
        repeat them.
        """
        entries = [block for block in blocks if isinstance(block, dict)]
        repeated = None
        if content:
            told = "".join(_text_in(entry) for entry in entries).strip()
            if told and content.strip() in told and self._text_from != "content":
                # The same text, but the blocks know its place among pictures and thoughts.
                repeated, content = content, None
            elif self._text_from is None and (not told or told in content):
                self._text_from = "content"
        events: list[Event] = []
        thoughts = [entry for entry in entries if _thought_in(entry)]
        told_thoughts = "".join(_thought_in(entry) for entry in thoughts)
        if reasoning and (
            self._reasoning_from == "field" or told_thoughts.strip() != reasoning.strip()
        ):
            events += self.reasoning(reasoning)
        before = [entry for entry in entries if _is_thinking(entry)] if content else []
        for entry in before:
            events += self._block_entry(entry)
        if content:
            events += self.content(content)
            if told and told not in content:
                self._text_from = (
                    None  # the blocks say something else: nothing of either is dropped
                )
        for entry in entries:
            if not any(entry is one for one in before):
                events += self._block_entry(entry)
        if repeated is not None and not self._is_echo(repeated):
            self._unechoed.clear()
        return events

    def image(self, entry: Any) -> list[Event]:
        """A picture of the ``images`` list, or of a block."""
        inner = entry.get("image_url", entry.get("url")) if isinstance(entry, dict) else entry
        url = inner.get("url") if isinstance(inner, dict) else inner
        if not isinstance(url, str) or not url:
            return self._whole(
                OtherPart(entry if isinstance(entry, dict) else {"type": "image", "value": entry})
            )
        named = inner.get("mime_type") if isinstance(inner, dict) else None
        mime = url[5:].partition(";")[0].partition(",")[0] if url.startswith("data:") else named
        return self._whole(ImagePart(url, mime or None, entry if isinstance(entry, dict) else {}))

    def audio(self, audio: dict[str, Any]) -> list[Event]:
        """The ``audio`` field: whole, or a fragment of the sound, of its words, of its identity."""
        data, words = (
            said if isinstance(said := audio.get(name), str) else ""
            for name in ("data", "transcript")
        )
        part = next((part for part in self.parts if isinstance(part, AudioPart)), None)
        if part is None and not (data or words or audio.get("id")):
            return []
        events = self.settle()
        if part is None:
            self.close()
            part = AudioPart()
            self.parts.append(part)
        if isinstance(audio.get("id"), str):
            part.id = audio["id"]
        if isinstance(audio.get("expires_at"), int):
            part.expires_at = audio["expires_at"]
        part.transcript += words
        if data:
            self._audio.append(data)
        index = next(place for place, one in enumerate(self.parts) if one is part)
        return [*events, AudioDelta(index, data, words, part.id)]

    def _opened(self, pieces: list[tuple[bool, str]]) -> list[Event]:
        events: list[Event] = []
        for is_reasoning, text in pieces:
            if text:
                events += self._extend(ReasoningPart if is_reasoning else TextPart, text)
        return events

    def _is_echo(self, text: str) -> bool:
        said = "".join(self._unechoed)
        if not said.startswith(text):
            return False
        self._unechoed[:] = [said[len(text) :]]
        return True

    def _extend(self, kind: Run, text: str, block: Any = None) -> list[Event]:
        if type(self._run) is not kind or (block is not None and block != self._block):
            self.close()
            self._run = kind(text="")
            self.parts.append(self._run)
            self.index = len(self.parts) - 1
        if block is not None:
            self._block = block
        self.pieces.append(text)
        self.takes_text = kind is TextPart and self._text_from == "content" and self.opening.is_past
        self.takes_reasoning = kind is ReasoningPart and self._reasoning_from == "field"
        return [
            TextDelta(text, self.index) if kind is TextPart else ReasoningDelta(text, self.index)
        ]

    def _whole(self, part: ImagePart | OtherPart) -> list[Event]:
        events = self.settle()
        self.close()
        self.parts.append(part)
        return [*events, PartDelta(len(self.parts) - 1, part)]

    def _block_entry(self, entry: dict[str, Any]) -> list[Event]:
        """One content block: whole, or the delta of one that Portkey streams as ``{index,
        delta}``.
        """
        inner, index = _inner(entry), entry.get("index")
        kind = entry.get("type") or inner.get("type")
        events: list[Event] = []
        if (thought := _thought_in(entry)) and self._reasoning_from != "field":
            self._reasoning_from = "blocks"
            events += [*self.settle(), *self._extend(ReasoningPart, thought, index)]
        if (text := _text_in(entry)) and self._text_from != "content":
            self._text_from = "blocks"
            self._unechoed.append(text)
            events += [*self.settle(), *self._extend(TextPart, text, index)]
        redacted = _redacted_in(entry)
        if isinstance(signature := inner.get("signature"), str) or redacted is not None:
            events += self._signed(
                signature if isinstance(signature, str) and signature else None, redacted
            )
        if kind is None and any(
            value is not None for name, value in inner.items() if name not in READ_BLOCK
        ):
            self.unread.append(entry)
        if kind in {"image_url", "image"}:
            events += self.image(inner)
        elif kind not in {None, "text", "thinking", "redacted_thinking"}:
            events += self._whole(OtherPart(entry))
        return events

    def _signed(self, signature: str | None, redacted: str | None) -> list[Event]:
        """A signature for the reasoning just told, or reasoning that came encrypted."""
        if signature is None and redacted is None:
            return []
        place = next(
            (
                n
                for n in reversed(range(len(self.parts)))
                if isinstance(self.parts[n], ReasoningPart)
            ),
            None,
        )
        part = None if place is None else self.parts[place]
        if (
            redacted is not None
            or not isinstance(part, ReasoningPart)
            or (part.signature and part is not self._run)
        ):
            self.close()
            part = ReasoningPart(redacted=redacted)
            self.parts.append(part)
            place = len(self.parts) - 1
        if signature:
            part.signature = (part.signature or "") + signature
        return [ReasoningDelta("", place or 0, signature, redacted)]


def _inner(entry: dict[str, Any]) -> dict[str, Any]:
    return entry["delta"] if isinstance(entry.get("delta"), dict) else entry


def _text_in(entry: dict[str, Any]) -> str:
    said = _inner(entry).get("text")
    return said if isinstance(said, str) and entry.get("type") in {None, "text"} else ""


def _thought_in(entry: dict[str, Any]) -> str:
    said = _inner(entry).get("thinking")
    if isinstance(said, list):  # Mistral's form: text blocks within
        return "".join(_text_in(one) for one in said if isinstance(one, dict))
    return said if isinstance(said, str) else ""


def _redacted_in(entry: dict[str, Any]) -> str | None:
    """Encrypted thinking.

    Portkey takes the type off the deltas it streams, so ``data`` alone tells it there.
    """
    inner = _inner(entry)
    kind, held = entry.get("type") or inner.get("type"), inner.get("data")
    return held if isinstance(held, str) and kind in {None, "redacted_thinking"} else None


def _is_thinking(entry: dict[str, Any]) -> bool:
    return (
        bool(_thought_in(entry))
        or entry.get("type") in {"thinking", "redacted_thinking"}
        or "signature" in _inner(entry)
        or _redacted_in(entry) is not None
    )


def joined_base64(pieces: list[str]) -> str:
    """Fragments of base64 as one: each may be padded for itself, so they are decoded and encoded
    again.
    """
    if len(pieces) == 1:
        return pieces[0]
    joined = "".join(pieces)
    if "=" not in joined.rstrip("="):
        return joined
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except binascii.Error:
        return joined
