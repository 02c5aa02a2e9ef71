"""Decode the client's events into LangChain's chunks. Pure.

The common piece of a stream, a few letters of text, reasoning or tool arguments, is built in
``_fast_construct.py``, which runs no validation; everything else by LangChain's constructors.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json

from pollinations_client import (
    AudioDelta,
    AudioPart,
    Cost,
    Event,
    Finished,
    MalformedReply,
    PartDelta,
    ReasoningDelta,
    Reply,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)

from ._fast_construct import (
    IS_KNOWN,
    arguments_chunk,
    reasoning_chunk,
    text_chunk,
    validated_chunk,
)
from ._responses import (
    ORIGINAL,
    extras_from,
    generation_info,
    metadata_from,
    token_usage_from,
    usage_from,
)

if TYPE_CHECKING:
    from ._json_mode import JsonFormat, JsonStream

# Read where a chunk is built, so that a test can build the same one in both ways.
CAN_SKIP_VALIDATION = IS_KNOWN


class StreamDecoder:
    """Turns the events of one stream into chunks."""

    # What a chunk's own fields cannot carry to ``_block_translator.py`` is in attributes that sums
    # do not keep: ``run``, for text and reasoning that come in runs, with a picture or each other
    # in between; ``opens_thought``, for thinking that is encrypted; ``call_extras`` and
    # ``late_blocks``, for what belongs to a call beside its arguments.

    __slots__ = (
        *("_audio_format", "_call_extras", "_cost_of", "_counts_usage", "_json", "_model"),
        *("_offers_functions", "_plain_text_at", "_sound", "_text_at", "_text_run"),
        *("_thought_at", "_thought_run"),
    )

    def __init__(
        self,
        audio_format: str | None = None,
        *,
        model: str | None = None,
        counts_usage: bool = True,
        json_format: JsonFormat | None = None,
        cost_of: Callable[[Reply, str], Cost] = lambda reply, model: Cost(unknown=("usage",)),
        offers_functions: bool = False,
    ) -> None:
        self._audio_format = audio_format
        self._model = model
        self._counts_usage = counts_usage
        self._offers_functions = offers_functions
        self._cost_of = cost_of
        self._json: JsonStream | None = None
        if json_format is not None:
            from ._json_mode import JsonStream  # at its first use

            self._json = JsonStream(json_format)
        self._text_at = self._thought_at = -1
        self._plain_text_at = -1  # the index of text whose pieces pass as they come
        self._text_run = self._thought_run = -1
        self._sound = b""
        self._call_extras: dict[int, dict[str, Any]] = {}

    def decode(self, event: Event) -> ChatGenerationChunk:
        """The chunk for an event."""
        if type(event) is TextDelta:
            if event.index == self._plain_text_at:
                return text_chunk(event.text)
            if event.index != self._text_at:
                self._text_at, self._plain_text_at = event.index, -1
                self._text_run += 1
            text = event.text if self._json is None else self._json.piece(event.text)
            if self._text_run:
                return validated_chunk(text, run=self._text_run)
            if self._json is None and CAN_SKIP_VALIDATION:
                self._plain_text_at = event.index
            return _text_chunk(text)
        if type(event) is ToolCallDelta:
            # Text before a call is no answer, so it need not be JSON alone.
            if self._json is not None and (text := self._json.rest()):
                return _with_text(self.decode(event), text)
            if self._offers_functions:
                return _with_function_call(event)
            if event.extra and event.id:
                self._call_extras[event.index] = event.extra
                return validated_chunk(
                    "", tool_call_chunks=[_fragment(event)], call_extras=event.extra
                )
            return _arguments_chunk(event)
        if (
            type(event) is ReasoningDelta
            and event.index == self._thought_at
            and not self._thought_run
        ):
            return _reasoning_chunk(event.text)
        return self._uncommon_chunk(event)

    def _uncommon_chunk(self, event: Event) -> ChatGenerationChunk:
        match event:
            case ReasoningDelta(text):
                if event.index != self._thought_at:
                    self._thought_at = event.index
                    self._thought_run += 1
                if event.redacted is not None:
                    return validated_chunk("", run=self._thought_run, opens_thought=True)
                if not self._thought_run:
                    return _reasoning_chunk(text)
                return validated_chunk(
                    "", additional_kwargs={"reasoning_content": text}, run=self._thought_run
                )
            case PartDelta():
                return validated_chunk([_block_of(event.part, event.index)])
            case AudioDelta():
                return validated_chunk("", additional_kwargs={"audio": self._sound_piece(event)})
            case Finished(reply):
                return self._last_chunk(reply)
        raise TypeError(type(event).__name__)

    def _sound_piece(self, event: AudioDelta) -> dict[str, Any]:
        """A piece of sound that LangChain can append to the pieces before it: base64 in threes of
        bytes.
        """
        try:
            sound = self._sound + base64.b64decode(event.data)
        except binascii.Error:
            sound, data = b"", event.data
        else:
            end = len(sound) - len(sound) % 3
            sound, data = sound[end:], base64.b64encode(sound[:end]).decode()
        self._sound = sound
        piece = {"id": event.id, "data": data, "transcript": event.transcript}
        return {name: value for name, value in piece.items() if value}

    def _last_chunk(self, reply: Reply) -> ChatGenerationChunk:
        """The last chunk: usage, metadata, finish reason, each exactly once."""
        cost = self._cost_of(reply, self._model or "")
        content: Any = ""
        if not reply.text:
            content = reply.refusal or ""
        extras = extras_from(reply, is_streamed=True)
        for index, part in enumerate(reply.parts):
            if isinstance(part, AudioPart):
                # All of it again: of such a block LangChain's events keep the last piece only.
                content = [_block_of(part, index, self._audio_format)]
                data = base64.b64encode(self._sound).decode()
                audio = {"data": data, "expires_at": part.expires_at}
                extras["audio"] = {name: value for name, value in audio.items() if value}
        attributes: dict[str, Any] = {}
        if self._text_run > 0:
            attributes["run"] = self._text_run
        late_blocks = [block for call in reply.tool_calls for block in self._late_blocks(call)]
        if late_blocks:
            attributes["late_blocks"] = late_blocks
        chunk = validated_chunk(
            content,
            tool_call_chunks=[
                _invalidating_chunk(call) for call in reply.tool_calls if _would_be_repaired(call)
            ],
            additional_kwargs=extras,
            response_metadata=metadata_from(reply, cost, self._model),
            chunk_position="last",
            **attributes,
        )
        if self._counts_usage and reply.usage is not None:
            chunk.message.usage_metadata = usage_from(reply.usage)  # type: ignore[attr-defined]
            chunk.message.response_metadata["token_usage"] = token_usage_from(reply.usage)
        if self._json is not None:
            if text := self._json.end(is_cut=reply.finish_reason == "length"):
                chunk = _with_text(chunk, text)
            if self._json.has_left_out(reply.text):
                chunk.message.response_metadata[ORIGINAL] = reply.text
        chunk.generation_info = generation_info(reply)
        return chunk

    def _late_blocks(self, call: ToolCall) -> list[dict[str, Any]]:
        """Blocks that the end of a stream adds to a call: a signature that came late, a mark on
        arguments that are no object.
        """
        block = {
            "type": "tool_call_chunk",
            "id": None,
            "name": None,
            "index": f"lc_tc_{call.index}",
        }
        blocks: list[dict[str, Any]] = []
        sent = self._call_extras.get(call.index, {})
        late_extras = {name: value for name, value in call.extra.items() if name not in sent}
        if late_extras:
            blocks.append({**block, "args": None, "extras": late_extras})
        if call.problem is not None and not _would_be_repaired(call):
            # LangChain's events take any JSON for arguments and fail on what is no object, unless
            # it is made no JSON.
            blocks.append({**block, "args": "]"})
        return blocks


def _block_of(part: Any, index: int, audio_format: str | None = None) -> dict[str, Any]:
    from ._response_blocks import block_from  # at its first use: most answers are text

    return {**block_from(part, audio_format), "index": index}


def _would_be_repaired(call: ToolCall) -> bool:
    """Whether LangChain would make a call out of arguments that are none."""
    # It repairs partial JSON when it sums chunks, so half a call would become one that the model
    # never made.
    if call.problem is None:
        return False
    try:
        return not call.arguments or isinstance(parse_partial_json(call.arguments), dict)
    except ValueError:
        return False
    except RecursionError:  # LangChain's own sum of the chunks would raise it too
        deep = f"The arguments of the tool call {call.name!r} are nested too deeply to be read."
    raise MalformedReply(deep)


def _invalidating_chunk(call: ToolCall) -> Any:
    """A last fragment that keeps bad arguments unparseable."""
    # It ends the string that is open, and closes a bracket that is not: that, no repair mends.
    is_in_string, is_escaped = False, False
    open_brackets: list[str] = []
    for char in call.arguments:
        if is_in_string:
            is_in_string = is_escaped or char != '"'
            is_escaped = char == "\\" and not is_escaped
        elif char == '"':
            is_in_string = True
        elif char in "{[":
            open_brackets.append(char)
        elif char in "}]" and open_brackets:
            open_brackets.pop()
    args = ""
    if is_escaped:
        args = "\\"
    if is_in_string:
        args += '"'
    args += "}" if open_brackets[-1:] == ["["] else "]"
    return tool_call_chunk(name=None, args=args, id=None, index=call.index)


def _with_text(chunk: ChatGenerationChunk, text: str) -> ChatGenerationChunk:
    content = chunk.message.content
    if isinstance(content, str):
        chunk.message.content = text
    else:
        chunk.message.content = [{"type": "text", "text": text}, *content]
    chunk.text = text
    return chunk


def _text_chunk(text: str) -> ChatGenerationChunk:
    return text_chunk(text) if CAN_SKIP_VALIDATION else validated_chunk(text, additional_kwargs={})


def _reasoning_chunk(text: str) -> ChatGenerationChunk:
    if CAN_SKIP_VALIDATION:
        return reasoning_chunk(text)
    return validated_chunk("", additional_kwargs={"reasoning_content": text} if text else {})


def _fragment(event: ToolCallDelta) -> Any:
    arguments = event.arguments
    if event.id and arguments == "null":
        arguments = ""  # so some providers spell a call without arguments
    return tool_call_chunk(name=event.name, args=arguments, id=event.id, index=event.index)


def _arguments_chunk(event: ToolCallDelta) -> ChatGenerationChunk:
    arguments = event.arguments
    is_fragment = event.id is None and event.name is None
    if CAN_SKIP_VALIDATION and is_fragment and arguments.lstrip()[:1] not in {"{", ""}:
        return arguments_chunk(event.index, arguments)
    return validated_chunk("", tool_call_chunks=[_fragment(event)])


def _with_function_call(event: ToolCallDelta) -> ChatGenerationChunk:
    """A piece of a call with its piece of the older ``function_call``, which has one call only."""
    fragment = _fragment(event)
    chunk = validated_chunk("", tool_call_chunks=[fragment])
    if event.index == 0:
        function = {"name": event.name, "arguments": fragment["args"] or ""}
        named = {name: value for name, value in function.items() if value is not None}
        chunk.message.additional_kwargs["function_call"] = named
    return chunk
