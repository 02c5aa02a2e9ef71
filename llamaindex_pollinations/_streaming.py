"""A stream's events to LlamaIndex responses: one accumulator for sync and async. Pure.

Every response holds the whole message so far, as LlamaIndex wants it, and the joined deltas are the
final content. Blocks that are finished are shared by the responses; the one that grows is made
anew.
"""

from __future__ import annotations

from typing import Any

from llama_index.core.base.llms.types import ChatResponse, ToolCallBlock

from pollinations_client import (
    AudioDelta,
    Event,
    Finished,
    ImagePart,
    PartDelta,
    ReasoningDelta,
    Reply,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)

from ._fast_construct import chat_response, text_block, thinking_block
from ._responses import ResponseContext, image_block, response_from
from ._tool_calls import wire_call

__all__ = ["Accumulator"]

BETWEEN_TEXTS = "\n"  # what ChatMessage.content puts between two text blocks


class Accumulator:
    """Events in, responses out; ``None`` for an event that changes nothing a caller can see."""

    def __init__(self, reading: ResponseContext) -> None:
        self._reading = reading
        self._blocks: list[Any] = []
        self._text = ""
        self._text_at: int | None = None  # where in ``_blocks`` the text that grows is
        self._told = False  # any text yet: the next run of it follows a line break
        self._thinking = ""
        self._thinking_at: int | None = None
        self._speaks = False  # sound is coming: its words are a text of their own
        self._calls: list[ToolCall] = []
        self._call_blocks: list[ToolCallBlock] = []
        self._call_dicts: list[dict[str, Any]] = []

    def feed(self, event: Event) -> ChatResponse | None:
        """The response for one event."""
        kind = type(event)
        if kind is TextDelta:
            if self._speaks:
                self._speaks, self._text_at = False, None
            return self._grown(event.text)  # type: ignore[union-attr]
        if kind is ReasoningDelta:
            return self._thought(event)  # type: ignore[arg-type]
        if kind is ToolCallDelta:
            return self._called(event)  # type: ignore[arg-type]
        if kind is Finished:
            return self._finished(event.reply)  # type: ignore[union-attr]
        if kind is AudioDelta:
            return self._heard(event)  # type: ignore[arg-type]
        return self._placed(event)  # type: ignore[arg-type]

    def _grown(self, text: str, **about: Any) -> ChatResponse:
        delta = text
        if self._text_at is None:
            delta = BETWEEN_TEXTS + text if self._told else text
            self._told = True
            self._text_at, self._text = len(self._blocks), ""
            self._blocks.append(None)
        self._text += text
        self._blocks[self._text_at] = text_block(self._text)
        return self._response(delta, {"content": text}, **about)

    def _thought(self, event: ReasoningDelta) -> ChatResponse | None:
        if not event.text:
            return None  # a signature: the finished message has it
        if self._thinking_at is None:
            self._thinking_at = len(self._blocks)
            self._blocks.append(None)
        self._thinking += event.text
        self._blocks[self._thinking_at] = thinking_block(self._thinking)
        return self._response("", {"reasoning_content": event.text}, thinking_delta=event.text)

    def _called(self, event: ToolCallDelta) -> ChatResponse | None:
        place = event.index
        if self._reading.single_call and place > 0:
            return None
        while len(self._calls) <= place:
            self._calls.append(ToolCall(id="", name="", index=len(self._calls)))
            self._call_blocks.append(ToolCallBlock(tool_name=""))
            self._call_dicts.append({})
        call = self._calls[place]
        call.id = event.id or call.id
        call.name = event.name or call.name
        call.arguments += event.arguments
        if event.extra:
            call.extra.update(event.extra)
        self._call_blocks[place] = ToolCallBlock(
            tool_call_id=call.id, tool_name=call.name, tool_kwargs=call.arguments
        )
        self._call_dicts[place] = wire_call(call)
        return self._response("", {"tool_calls": [self._call_dicts[place]]})

    def _heard(self, event: AudioDelta) -> ChatResponse:
        if not self._speaks:
            self._speaks, self._text_at = True, None
        sound = {"audio_delta": event.data} if event.data else {}
        if event.transcript:
            return self._grown(event.transcript, **sound)
        return self._response("", {"audio": {"data": event.data}}, **sound)

    def _placed(self, event: PartDelta) -> ChatResponse:
        if isinstance(event.part, ImagePart):
            self._blocks.append(image_block(event.part))
            self._text_at = None
        return self._response("", {"content_blocks": [event.part.raw]})

    def _finished(self, reply: Reply) -> ChatResponse:
        refusal = reply.refusal if reply.refusal and not self._told else ""
        return response_from(reply, self._reading, delta=refusal)

    def _response(self, delta: str, wire: dict[str, Any], **about: Any) -> ChatResponse:
        blocks = [*self._blocks, *self._call_blocks] if self._calls else self._blocks[:]
        if self._text_at is None and not self._told:
            blocks.append(text_block(""))
        kept = {"tool_calls": self._call_dicts[:]} if self._calls else {}
        raw = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": wire}]}
        return chat_response(blocks, kept, delta, raw, about)
