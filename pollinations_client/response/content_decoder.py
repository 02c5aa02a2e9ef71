"""Decode text, reasoning, pictures and speech of one answer into parts, in the order they come.

Pure; no I/O. Three fields may say the same thing: ``content``, ``reasoning_content`` (or
``reasoning``) and ``content_blocks``, whose single blocks ``content_blocks.py`` reads. Whichever
comes first for a kind of part is read for that kind, so that nothing appears twice; signatures are
kept whatever field they come in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._lazy_imports import LazyModule
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
    Reply,
    TextDelta,
    TextPart,
)
from .content_blocks import (
    THINKING_TYPES,
    Block,
    EchoedText,
    block_from,
    delta_of,
    image_part,
    is_thinking,
    joined_base64,
    other_part,
    redacted_in,
    text_in,
    text_or_empty,
    thought_in,
    type_of,
)
from .think_tags import TAG, LeadingTextFilter

if TYPE_CHECKING:
    from . import reasoning_details
else:  # OpenRouter's answers alone need it
    reasoning_details = LazyModule("pollinations_client.response.reasoning_details")

Run = type[TextPart] | type[ReasoningPart]

READ_BLOCK = frozenset({"index", "type", "text", "thinking", "signature", "data"})
TEXT_TYPES = frozenset({"", "text"})
IMAGE_TYPES = frozenset({"image_url", "image"})
READ_TYPES = TEXT_TYPES | THINKING_TYPES


class ContentDecoder:
    """Takes what a message brings, field by field; fills ``parts`` and returns the events.

    A run is a part of text or reasoning that still grows.
    """

    __slots__ = (
        "_audio_index",
        "_audio_pieces",
        "_block",
        "_details",
        "_details_decoder",
        "_echo",
        "_opening",
        "_reasoning_from",
        "_reasoning_index",
        "_reasoning_is_named",
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

    def __init__(self, reply: Reply) -> None:
        self.parts: list[Part] = reply.parts
        self.pieces: list[str] = []  # of the open run, joined when it closes
        self.index = -1  # of the open run in ``parts``
        # The open run is text (or reasoning) of the plain field, and the next piece of that field
        # may be appended to ``pieces`` as it comes: the decoder's short path.
        self.takes_text = False
        self.takes_reasoning = False
        # The first words go through a filter where they may be a thought in tags or a notice.
        self._watches_notices = reply.info.forbids_storing
        self._opening: LeadingTextFilter | None = None
        self._text_passes = False
        self.unread: list[Block] = []  # deltas of blocks that say nothing this project knows
        self._run: TextPart | ReasoningPart | None = None
        self._block: Any = None  # the provider's index of the content block behind the open run
        self._text_from: str | None = None
        self._reasoning_from: str | None = None
        self._reasoning_is_named = False
        self._details = reply.reasoning_details
        # Made by the first details.
        self._details_decoder: reasoning_details.ReasoningDetails | None = None
        self._reasoning_index: int | None = None  # of the last reasoning part
        self._echo: EchoedText | None = None  # made by the first blocks
        self._signed: ReasoningPart | None = None
        self._signature_pieces: list[str] = []
        self._audio_index: int | None = None
        self._audio_pieces: list[str] = []
        self._transcript_pieces: list[str] = []

    def feed(self, message: dict[str, Any]) -> list[Event]:
        """The events of a delta or of a whole message; its tool calls are left to others."""
        events = self._feed_text(message)
        if isinstance(images := message.get("images"), list):
            for image in images:
                events += self._add_part(image_part(image))
        if isinstance(audio := message.get("audio"), dict):
            events += self._audio(audio)
        return events

    def _feed_text(self, message: dict[str, Any]) -> list[Event]:
        """Text and reasoning, wherever the message has them."""
        reasoning = self._reasoning_in(message)
        content, blocks = message.get("content"), list_from(message.get("content_blocks"))
        text = ""
        if isinstance(content, str):
            text = content
        else:
            blocks = list_from(content) + blocks
        if blocks:
            return self._blocks(blocks, text, reasoning)
        events: list[Event] = []
        if reasoning:
            events += self._reasoning(reasoning)
        if text:
            events += self._content(text)
        return events

    def _reasoning_in(self, message: dict[str, Any]) -> str | None:
        details, text = message.get("reasoning_details"), None
        if isinstance(details, list):
            if self._details_decoder is None:
                self._details_decoder = reasoning_details.ReasoningDetails(self._details)
            text = self._details_decoder.add(details)
        # DeepSeek's name, and OpenRouter's and Mistral's (pollinations/pollinations issue 11264).
        for name in ("reasoning_content", "reasoning"):
            if isinstance(reasoning := message.get(name), str) and reasoning:
                self._reasoning_is_named = True
                return reasoning
        # Where a field streams the reasoning, the details repeat it at the end.
        if self._reasoning_is_named:
            return None
        return text

    def _content(self, text: str) -> list[Event]:
        """A piece of the ``content`` field."""
        if self._echo is not None and self._text_from == "blocks" and self._echo.repeats(text):
            return []  # the field repeats the text of the blocks, piece by piece or at the end
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
        return self._events_for(pieces)

    def _reasoning(self, text: str, source: str = "field") -> list[Event]:
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
        """Give out the first words that were held back: something else has begun, or the answer
        has ended.
        """
        if self._opening is None or self._text_passes or not self._opening.waiting:
            return []
        self._text_passes = True
        return self._events_for(self._opening.release())

    def close(self) -> None:
        """Join all pieces, so that ``parts`` is the answer so far."""
        self._close_run()
        self._close_signature()
        if self._details_decoder is not None:
            self._details_decoder.join()
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

    def _blocks(self, blocks: list[Any], content: str, reasoning: str | None) -> list[Event]:
        """``content_blocks`` of a delta or a whole message, beside the fields that may
        repeat them.
        """
        if self._echo is None:
            self._echo = EchoedText()
        entries = [block_from(block) for block in blocks if block is not None]
        text = "".join(text_in(entry) for entry in entries).strip()
        events: list[Event] = []
        thoughts = "".join(thought_in(entry) for entry in entries)
        if reasoning and (self._reasoning_from == "field" or thoughts.strip() != reasoning.strip()):
            events += self._reasoning(reasoning)
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
        thoughts = [entry for entry in entries if is_thinking(entry)]
        others = [entry for entry in entries if not is_thinking(entry)]
        events: list[Event] = []
        for entry in thoughts:
            events += self._block_entry(entry)
        events += self._content(content)
        if text and text not in content:
            self._text_from = None  # the blocks say something else: nothing of either is dropped
        for entry in others:
            events += self._block_entry(entry)
        return events

    def _audio(self, audio: dict[str, Any]) -> list[Event]:
        """The ``audio`` field: whole, or a fragment of the sound, of its words, of its identity."""
        data, words = text_or_empty(audio.get("data")), text_or_empty(audio.get("transcript"))
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

    def _events_for(self, pieces: list[tuple[bool, str]]) -> list[Event]:
        """The events of what the filter of the first words lets through."""
        events: list[Event] = []
        for is_reasoning, text in pieces:
            if text and is_reasoning:
                events += self._extend(ReasoningPart, text)
            elif text:
                events += self._extend(TextPart, text)
        return events

    def _extend(self, kind: Run, text: str, block: Any = None) -> list[Event]:
        """Add text to the open run, or begin another one of ``kind``."""
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

    def _add_part(self, part: ImagePart | OtherPart) -> list[Event]:
        """Add a part that comes in one piece."""
        events = self.settle()
        self._close_run()
        self.parts.append(part)
        return [*events, PartDelta(len(self.parts) - 1, part)]

    def _block_entry(self, entry: Block) -> list[Event]:
        """One content block: whole, or the delta of one that Portkey streams as ``{index,
        delta}``.
        """
        delta, index = delta_of(entry), entry.get("index")
        events: list[Event] = []
        if (thought := thought_in(entry)) and self._reasoning_from != "field":
            self._reasoning_from = "blocks"
            events += [*self.settle(), *self._extend(ReasoningPart, thought, index)]
        if (text := text_in(entry)) and self._text_from != "content":
            self._text_from = "blocks"
            assert self._echo is not None
            self._echo.append(text)
            events += [*self.settle(), *self._extend(TextPart, text, index)]
        events += self._add_signature(text_or_empty(delta.get("signature")), redacted_in(entry))
        kind = type_of(entry)
        if kind in IMAGE_TYPES:
            events += self._add_part(image_part(delta))
        elif kind not in READ_TYPES:
            events += self._add_part(other_part(entry, kind))
        elif not kind and any(delta[name] is not None for name in delta.keys() - READ_BLOCK):
            self.unread.append(entry)
        return events

    def _add_signature(self, signature: str, redacted: str | None) -> list[Event]:
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


def list_from(value: Any) -> list[Any]:
    """``value`` where it is a list; an object that nobody put into one is its only item."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []
