"""LlamaIndex messages to the gateway's. Pure; what the caller gave is never changed.

Three things do not fit one to one. Tool results take text only, so their pictures follow in one
user message after the whole run of results, and so do files of the assistant. Thinking goes back as
``reasoning_content``, and signed thinking also as a content part for the provider that signed it. A
cache point belongs to the part before it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    CachePoint,
    ChatMessage,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.tools import ToolOutput

from pollinations_client import InvalidRequestError
from pollinations_client._adapter_support import (
    AskedModel,
    drop_unsupported_media,
    kept_tool_media,
    older_pictures,
)

from ._content import Part, cache_control, linked_sound, parts_from
from ._tool_calls import json_text, refusal_of, refusals_in, wire_calls_in

__all__ = ["wire_messages"]

log = logging.getLogger("llamaindex_pollinations")

Wire = dict[str, Any]
USER, SYSTEM, ASSISTANT, TOOL = (
    MessageRole.USER,
    MessageRole.SYSTEM,
    MessageRole.ASSISTANT,
    MessageRole.TOOL,
)
ANSWERING_ROLES = frozenset({"assistant", "chatbot", "model"})
WIRE_ROLES = {"chatbot": "assistant", "model": "assistant"}
PLAIN_ROLES = frozenset({"user", "system"})
INSTRUCTING_ROLES = frozenset({"system", "developer"})
ASSISTANT_PARTS = frozenset({"text", "image_url"})
TEXT_ONLY_RESULTS = frozenset({"tool", "function"})  # their text cannot bear a cache mark
TEXT_ROLES = frozenset({"system", "developer", "function"})
NOT_OF_THE_CALLER = frozenset({"assistant", "tool"})
ATTACHED = "[attached below]"
ATTACHED_FROM = "Attached by {name}:"
RESULT_OF = "Result of tool call {call_id}:"


def wire_messages(
    messages: Sequence[ChatMessage],
    model: AskedModel,
    *,
    replay_reasoning: bool = True,
    keep_images: int | None = None,
) -> list[Wire]:
    """The messages as the client takes them.

    Args:
        messages: Any roles and blocks; ``chatbot`` and ``model`` are the assistant.
        model: Whom they are for: signed thinking goes only to the provider that signed it, pictures
            of tools only to a model that takes pictures.
        replay_reasoning: Whether the model sees its earlier thinking again; within a tool loop some
            need it.
        keep_images: Pictures of tools that are sent, the latest; of older ones the text alone.

    Raises:
        InvalidRequestError: For a block that cannot be sent, with its type, its role and its
            position, and for a tool result that answers no call. After an assistant message without
            any call it becomes
            a user message: LlamaIndex's CodeActAgent keeps of a handover only what the tool
            answered.
    """
    return _Conversation(model, replay_reasoning, keep_images).wire(messages)


class _Conversation:
    """One walk over the messages: which calls wait for a result, and what waits for the end of the
    results.
    """

    def __init__(
        self, model: AskedModel, replay_reasoning: bool, keep_images: int | None = None
    ) -> None:
        self._model = model
        self._replays = replay_reasoning
        self._keep_images = keep_images
        self._left_out: dict[int, int] | None = None  # pictures, by the place of their message
        self._messages: Sequence[ChatMessage] = ()
        self._wire: list[Wire] = []
        self._calls: dict[str, str] = {}  # every call so far, its tool's name by id
        self._refusals: dict[str | None, ToolOutput] = {}  # calls that no tool may have run
        self._open: list[str] = []  # calls of the last assistant turn without a result yet
        self._attached: list[Part] = []  # media of the run of tool results
        self._lost_calls = (
            False  # whether the run follows an assistant message that should have made calls
        )

    def wire(self, messages: Sequence[ChatMessage]) -> list[Wire]:
        self._messages = messages
        for place, message in enumerate(messages):
            if not self._attached and (turn := self._text_turn(message)) is not None:
                self._wire.append(turn)
            else:
                self._add(message, place)
        self._settle()
        return self._wire

    def _add(self, message: ChatMessage, place: int) -> None:
        """Put a message of any kind into the conversation."""
        if not isinstance(message, ChatMessage):
            raise InvalidRequestError(
                f"messages[{place}]: a ChatMessage is needed, not {type(message).__name__}.",
                param="messages",
            )
        role = WIRE_ROLES.get(message.role.value, message.role.value)
        if role == "tool":
            self._tool(message, place)
            return
        self._settle()
        self._lost_calls = False
        if role in INSTRUCTING_ROLES and not _says_anything(message):
            return  # some providers refuse an empty system message
        if role in PLAIN_ROLES and (text := _only_text(message)) is not None:
            self._wire.append(_named({"role": role, "content": text}, message))
        elif role == "assistant":
            self._wire.append(self._assistant(message, place))
        else:
            self._wire.append(_named(_with_parts(message, place, role), message))

    def _text_turn(self, message: ChatMessage) -> Wire | None:
        """The turn for a message that is one text, or one call, and nothing else; None for any
        other message.

        Nearly all messages are. Exact classes and identical roles are compared, 1 us: each
        ``isinstance`` of a pydantic class and each value of an enum takes 0.25.
        """
        if type(message) is not ChatMessage or len(message.blocks) != 1:
            return None
        (block,), about, role = message.blocks, message.additional_kwargs, message.role
        if type(block) is ToolCallBlock:
            return None if about or role is not ASSISTANT else self._call_turn(block)
        if type(block) is not TextBlock:
            return None
        text = block.text
        if role is TOOL:
            return self._result_turn(about, text)
        if about:
            return None
        if role is USER:
            self._lost_calls = False
            return {"role": "user", "content": text}
        if role is ASSISTANT:
            self._open, self._lost_calls = [], True
            return {"role": "assistant", "content": text}
        if role is SYSTEM and text.strip():
            self._lost_calls = False
            return {"role": "system", "content": text}
        return None

    def _call_turn(self, block: ToolCallBlock) -> Wire | None:
        call_id, name = block.tool_call_id, block.tool_name
        if type(block.tool_kwargs) is not dict or not call_id or not name:
            return None
        self._calls[call_id] = name
        self._open, self._lost_calls = [call_id], False
        function = {"name": name, "arguments": json_text(block.tool_kwargs)}
        call = {"id": call_id, "type": "function", "function": function}
        return {"role": "assistant", "content": "", "tool_calls": [call]}

    def _result_turn(self, about: Mapping[str, Any], text: str) -> Wire | None:
        call_id: Any = about.get("tool_call_id")
        if len(about) != 1 or call_id not in self._open or call_id in self._refusals:
            return None
        self._open.remove(call_id)
        return {"role": "tool", "content": text, "tool_call_id": call_id}

    def _settle(self) -> None:
        """Send what tool results had attached, now that their run has ended."""
        if self._attached:
            self._wire.append({"role": "user", "content": self._attached})
            self._attached = []

    def _assistant(self, message: ChatMessage, place: int) -> Wire:
        self._open = []
        calls = [] if self._are_calls_removed(message, place) else self._called(message, place)
        self._lost_calls = not calls
        thoughts = [block for block in message.blocks if isinstance(block, ThinkingBlock)]
        wire = _with_parts(message, place, "assistant", apart=(ThinkingBlock, ToolCallBlock))
        if isinstance(content := wire["content"], list):
            self._take_out_media(wire, content)
        if sound_id := _sound_id(message):
            wire["audio"] = {"id": sound_id}
        if self._replays:
            self._add_thinking(wire, message, thoughts)
        if calls:
            wire["tool_calls"] = calls
        elif called := message.additional_kwargs.get("function_call"):
            wire["function_call"] = called
        return _named(wire, message)

    def _take_out_media(self, wire: Wire, content: list[Part]) -> None:
        """Sound, video and files of the assistant follow as the user's; of its own speech the words
        are enough.
        """
        kept = [part for part in content if part["type"] in ASSISTANT_PARTS]
        spoken = any(part["type"] == "text" for part in kept)
        media = [part for part in content if part["type"] not in ASSISTANT_PARTS]
        if spoken:
            media = [part for part in media if part["type"] != "input_audio"]
        kept, hidden = drop_unsupported_media(self._model, kept)
        wire["content"] = _with_line(_simplest(kept), hidden) if hidden else _simplest(kept)
        self._attach(wire, media, "the assistant")

    def _attach(self, wire: Wire, media: list[Part], by: str) -> None:
        """Let media follow a message that cannot carry them, or say in it that the model takes
        none.
        """
        shown, hidden = drop_unsupported_media(self._model, media)
        if hidden:
            wire["content"] = _with_line(wire["content"], hidden)
        if shown:
            wire["content"] = wire["content"] or ATTACHED
            self._attached += [{"type": "text", "text": ATTACHED_FROM.format(name=by)}, *shown]

    def _add_thinking(
        self, wire: Wire, message: ChatMessage, thoughts: Sequence[ThinkingBlock]
    ) -> None:
        about = message.additional_kwargs
        text = "".join(block.content or "" for block in thoughts)
        if reasoning := text if thoughts else about.get("reasoning_content"):
            wire["reasoning_content"] = reasoning
        if details := _unedited(about.get("reasoning_details"), text):
            wire["reasoning_details"] = details
        if signed := [part for block in thoughts if (part := self._signed(block))]:
            content = wire["content"]
            parts = (
                content
                if isinstance(content, list)
                else [{"type": "text", "text": content}]
                if content
                else []
            )
            wire["content"] = [*signed, *parts]

    def _signed(self, block: ThinkingBlock) -> Part | None:
        about = block.additional_information
        # Answers of this package name their model; of the other classes Anthropic's signs.
        if not self._model.may_read_thinking_of(str(about.get("model") or "claude")):
            return None
        if redacted := about.get("redacted"):
            return {"type": "redacted_thinking", "data": redacted}
        if signature := about.get("signature"):
            return {"type": "thinking", "thinking": block.content or "", "signature": signature}
        return None

    def _called(self, message: ChatMessage, place: int) -> list[Wire]:
        """The calls of an assistant message, each with an id, so that results can be told which
        they answer.
        """
        self._refusals |= refusals_in(message)
        ready = []
        for number, call in enumerate(wire_calls_in(message)):
            function = call.get("function")
            function = function if isinstance(function, dict) else {}
            name = str(function.get("name") or "")
            if not name:
                raise InvalidRequestError(
                    f"messages[{place}] (assistant): tool call {number} does not name its tool.",
                    param="messages",
                )
            call_id = str(call.get("id") or "")
            if not call_id or call_id in self._open:
                call_id = f"call_{place}_{number}"
            self._calls[call_id] = name
            self._open.append(call_id)
            ready.append({**call, "id": call_id, "function": {**function, "name": name}})
        return ready

    def _are_calls_removed(self, message: ChatMessage, place: int) -> bool:
        """Whether somebody took the calls out of an answer's blocks: its ``additional_kwargs`` have
        them still, its text stays, and no result follows.
        """
        if "tool_calls" not in message.additional_kwargs or not message.content:
            return False
        if any(isinstance(block, ToolCallBlock) for block in message.blocks):
            return False
        following = self._messages[place + 1 : place + 2]
        return not following or following[0].role.value != "tool"

    def _tool(self, message: ChatMessage, place: int) -> None:
        call_id = self._answered_call(message)
        if call_id not in self._calls and self._lost_calls:
            self._tell_as_user(message, place, call_id)
            return
        if call_id not in self._calls:
            raise InvalidRequestError(
                f"messages[{place}] (tool): this result answers call {call_id!r}, and no assistant"
                " message before it made that call. Keep the assistant message with the tool call"
                " in the history.",
                param="messages",
            )
        if call_id in self._open:
            self._open.remove(call_id)
        wire = _with_parts(message, place, "tool")
        if isinstance(content := wire["content"], list):
            wire["content"] = _simplest([part for part in content if part["type"] == "text"])
            media = [part for part in content if part["type"] != "text"]
            media, hidden = drop_unsupported_media(self._model, media)
            media, left_out = kept_tool_media(media, self._older_pictures(place))
            for line in filter(None, (hidden, left_out)):
                wire["content"] = _with_line(wire["content"], line)
            self._attach(wire, media, f"the tool {self._calls[call_id]}")
        elif call_id in self._refusals:
            wire["content"] = refusal_of(content, self._refusals[call_id])
        self._wire.append({**wire, "tool_call_id": call_id})

    def _older_pictures(self, place: int) -> int:
        """How many pictures are left out of the result at ``place``."""
        if self._keep_images is None:
            return 0
        if self._left_out is None:
            places: list[int] = []
            seen = 0
            for index, message in enumerate(self._messages):
                if message.role.value == "tool":
                    places.append(index)
                elif message.role.value in ANSWERING_ROLES:
                    seen = len(places)
            counts = [_pictures_in(self._messages[index]) for index in places]
            left_out = older_pictures(counts, self._keep_images, seen)
            self._left_out = dict(zip(places, left_out, strict=True))
        return self._left_out[place]

    def _answered_call(self, message: ChatMessage) -> str | None:
        """The id of the call that a result answers.

        Ollama's and Gemini's classes have no ids and name the tool in their place.
        """
        call_id: str | None = message.additional_kwargs.get("tool_call_id")
        if call_id in self._open:
            return call_id
        names = {call_id, message.additional_kwargs.get("name")}
        candidates = [open_id for open_id in self._open if self._calls[open_id] in names]
        if not call_id and not candidates:
            candidates = self._open
        return candidates[0] if candidates else call_id

    def _tell_as_user(self, message: ChatMessage, place: int, call_id: str | None) -> None:
        log.warning(
            "messages[%s] (tool): call %s is not in the history; its result goes as text.",
            place,
            call_id,
        )
        told = _with_parts(message, place, "tool")["content"]
        parts = told if isinstance(told, list) else [{"type": "text", "text": told}] if told else []
        self._attached += [{"type": "text", "text": RESULT_OF.format(call_id=call_id)}, *parts]


def _sound_id(message: ChatMessage) -> str | None:
    """The id under which the provider keeps an answer's speech, while its words still stand."""
    speech = message.additional_kwargs.get("audio")
    if not isinstance(speech, Mapping) or not speech.get("id"):
        return None
    is_unedited = str(speech.get("transcript") or "") in (message.content or "")
    return str(speech["id"]) if is_unedited else None


def _pictures_in(message: ChatMessage) -> int:
    return sum(isinstance(block, ImageBlock) for block in message.blocks)


def _unedited(details: Any, thinking: str) -> list[Any] | None:
    """The reasoning details to send again: those with text only while the blocks still say it.

    Somebody may have blacked out a name in the blocks; the details have it in its old form.
    """
    if not isinstance(details, list):
        return None
    texts = [
        str(detail.get("text") or detail.get("summary") or "")
        for detail in details
        if isinstance(detail, Mapping)
    ]
    if "".join(texts) == thinking:
        return details
    return [
        detail
        for detail in details
        if isinstance(detail, Mapping) and not (detail.get("text") or detail.get("summary"))
    ]


def _only_text(message: ChatMessage) -> str | None:
    """The text of a message that has nothing else to tell."""
    if len(message.blocks) != 1 or type(block := message.blocks[0]) is not TextBlock:
        return None
    return None if message.additional_kwargs.get("cache_control") else block.text


def _says_anything(message: ChatMessage) -> bool:
    ignored = (TextBlock, CachePoint)
    return any(
        block.text.strip() if isinstance(block, TextBlock) else not isinstance(block, ignored)
        for block in message.blocks
    )


def _with_parts(message: ChatMessage, place: int, role: str, apart: tuple[type, ...] = ()) -> Wire:
    """Role and content; a cache point is put on the part before it, or on the message where there
    is none.

    Blocks of the types ``apart`` are told elsewhere in the message.
    """
    parts: list[Part] = []
    wire: Wire = {"role": role}
    for number, block in enumerate(message.blocks):
        if isinstance(block, apart):
            continue
        where = f"messages[{place}] ({role}), block {number} ({type(block).__name__})"
        if role in NOT_OF_THE_CALLER and (words := linked_sound(block)) is not None:
            parts.append(words)
        elif not isinstance(block, CachePoint):
            parts += _allowed(parts_from(block, where), role, where)
        elif parts and role not in TEXT_ONLY_RESULTS:
            parts[-1] = {**parts[-1], "cache_control": cache_control(block.cache_control, where)}
        elif role == "user":
            raise InvalidRequestError(
                f"{where}: a cache point needs something before it.", param="messages"
            )
        else:
            wire["cache_control"] = cache_control(block.cache_control, where)
    if given := message.additional_kwargs.get("cache_control"):
        wire["cache_control"] = cache_control(given, f"messages[{place}] ({role})")
    wire["content"] = _simplest(parts)
    return wire


def _allowed(parts: list[Part], role: str, where: str) -> list[Part]:
    if role in TEXT_ROLES and any(part["type"] != "text" for part in parts):
        raise InvalidRequestError(
            f"{where}: this role takes text only; put it into a user message.", param="messages"
        )
    return parts


def _with_line(content: str | list[Part], line: str) -> str | list[Part]:
    return (
        [*content, {"type": "text", "text": line}]
        if isinstance(content, list)
        else f"{content}\n{line}".strip()
    )


def _simplest(parts: list[Part]) -> str | list[Part]:
    """Text alone as a string: the oldest gateway takes nothing else outside user messages."""
    if all(part["type"] == "text" and len(part) == 2 for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _named(wire: Wire, message: ChatMessage) -> Wire:
    if message.additional_kwargs and (name := message.additional_kwargs.get("name")):
        wire["name"] = name
    return wire
