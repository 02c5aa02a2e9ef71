"""Decode a stream's events as LlamaIndex responses: one decoder for sync and async. Pure.

Every response holds the message so far, as LlamaIndex demands, and the joined deltas are the final
content. Responses share the blocks that are finished; the one that grows is made anew.
"""

from __future__ import annotations

from typing import Any

from llama_index.core.base.llms.types import ChatResponse, ImageBlock, ToolCallBlock

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

from ._fast_construct import call_block, chat_response, text_block, thinking_block
from ._responses import ResponseContext, response_from
from ._tool_calls import wire_call

__all__ = ["StreamDecoder"]

BETWEEN_TEXTS = "\n"  # ChatMessage.content puts this between two text blocks


class StreamDecoder:
    """Turns the events of one stream into responses."""

    def __init__(self, context: ResponseContext) -> None:
        self._context = context
        self._blocks: list[Any] = []
        self._pictures: dict[int, ImageBlock] = {}  # for the last response as well
        self._text = ""
        self._text_at: int | None = None  # index in ``_blocks`` of the text that grows
        self._has_text = False  # the next run of text follows a line break
        self._thinking = ""
        self._thoughts: list[Any] = []  # behind the text, as in a whole answer
        self._speaks = False  # a transcript is a text block of its own
        self._calls: list[ToolCall] = []
        self._call_blocks: list[ToolCallBlock] = []
        self._call_dicts: list[dict[str, Any]] = []

    def decode(self, event: Event) -> ChatResponse | None:
        """Return the response for one event; None for one that a caller cannot see."""
        # Exact types are compared, the commonest first: this runs for every chunk.
        kind = type(event)
        if kind is TextDelta:
            if self._text_grows_alone():
                return self._grow_text(event.text)  # type: ignore[union-attr]
            if self._speaks:
                self._speaks, self._text_at = False, None
            return self._add_text(event.text)  # type: ignore[union-attr]
        if kind is ReasoningDelta:
            return self._add_thinking(event)  # type: ignore[arg-type]
        if kind is ToolCallDelta:
            return self._add_to_call(event)  # type: ignore[arg-type]
        if kind is Finished:
            return self._last_response(event.reply)  # type: ignore[union-attr]
        if kind is AudioDelta:
            return self._add_sound(event)  # type: ignore[arg-type]
        return self._add_part(event)  # type: ignore[arg-type]

    def _text_grows_alone(self) -> bool:
        return self._text_at is not None and not self._speaks and not self._calls

    def _grow_text(self, text: str) -> ChatResponse:
        """The response for the commonest event: more text, and no call yet."""
        # Fewer steps than _add_text takes: most chunks of most streams come here.
        self._text += text
        self._blocks[self._text_at] = text_block(self._text)  # type: ignore[index]
        raw = {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"content": text}}],
        }
        return chat_response([*self._blocks, *self._thoughts], {}, text, raw, {})

    def _add_text(self, text: str, **response_kwargs: Any) -> ChatResponse:
        delta = text
        if self._text_at is None:
            if self._has_text:
                delta = BETWEEN_TEXTS + text
            self._has_text = True
            self._text_at, self._text = len(self._blocks), ""
            self._blocks.append(None)
        self._text += text
        self._blocks[self._text_at] = text_block(self._text)
        return self._response(delta, {"content": text}, **response_kwargs)

    def _add_thinking(self, event: ReasoningDelta) -> ChatResponse | None:
        if not event.text:
            return None  # a signature: the finished message has it
        # Agents read thinking_delta of the response, not of its message (function_agent.py).
        self._thinking += event.text
        self._thoughts = [thinking_block(self._thinking)]
        return self._response("", {"reasoning_content": event.text}, thinking_delta=event.text)

    def _add_to_call(self, event: ToolCallDelta) -> ChatResponse | None:
        index = event.index
        if self._context.single_call and index > 0:
            return None
        while len(self._calls) <= index:
            self._calls.append(ToolCall(id="", name="", index=len(self._calls)))
            self._call_blocks.append(ToolCallBlock(tool_name=""))
            self._call_dicts.append({})
        call = self._calls[index]
        call.id = event.id or call.id
        call.name = event.name or call.name
        call.arguments += event.arguments
        if event.extra:
            call.extra.update(event.extra)
        self._call_blocks[index] = call_block(call.id, call.name, call.arguments)
        self._call_dicts[index] = wire_call(call)
        return self._response("", {"tool_calls": [self._call_dicts[index]]})

    def _add_sound(self, event: AudioDelta) -> ChatResponse:
        if not self._speaks:
            self._speaks, self._text_at = True, None
        sound = {}
        if event.data:
            sound["audio_delta"] = event.data
        if event.transcript:
            return self._add_text(event.transcript, **sound)
        return self._response("", {"audio": {"data": event.data}}, **sound)

    def _add_part(self, event: PartDelta) -> ChatResponse:
        if isinstance(event.part, ImagePart):
            from ._response_blocks import image_block  # at its first use

            self._pictures[event.index] = image_block(event.part)
            self._blocks.append(self._pictures[event.index])
            self._text_at = None
        return self._response("", {"content_blocks": [event.part.raw]})

    def _last_response(self, reply: Reply) -> ChatResponse:
        # The last response is the whole answer, which agents keep. It adds no text, but for a
        # refusal, which has no events of its own.
        delta = ""
        if reply.refusal and not self._has_text:
            delta = reply.refusal
        return response_from(reply, self._context, delta, self._pictures)

    def _response(self, delta: str, wire: dict[str, Any], **response_kwargs: Any) -> ChatResponse:
        blocks = [*self._blocks, *self._thoughts, *self._call_blocks]
        if self._text_at is None and not self._has_text:
            blocks.insert(0, text_block(""))
        message_kwargs: dict[str, Any] = {}
        if self._calls:
            message_kwargs["tool_calls"] = self._call_dicts[:]
        raw = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": wire}]}
        return chat_response(blocks, message_kwargs, delta, raw, response_kwargs)
