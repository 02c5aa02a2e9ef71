"""Encode LlamaIndex messages as the gateway's. Pure: the caller's messages are not changed.

Three things do not fit one to one. Tool results take text only, so their pictures follow in one
user message after the whole run of results, and so do files of the assistant. Thinking goes back as
``reasoning_content``, and signed thinking also as a content part for the provider that signed it. A
cache point marks the part before it.
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
    ToolCallBlock,
)
from llama_index.core.tools import ToolOutput

from pollinations_client import InvalidRequestError
from pollinations_client._adapter_support import (
    AskedModel,
    arguments_text,
    drop_unsupported_media,
    kept_tool_media,
    older_pictures,
    with_line,
)

from ._assistant_messages import assistant_turn, attach, identified_calls
from ._content import (
    Part,
    Wire,
    as_parts,
    simplest_content,
    turn_with_parts,
    with_name,
)
from ._tool_calls import is_call_of_block, refusal_of, refusals_in

__all__ = ["wire_messages"]

log = logging.getLogger("llamaindex_pollinations")

# Bound once: a member of an enum class costs two lookups at each use.
USER, SYSTEM = MessageRole.USER, MessageRole.SYSTEM
ASSISTANT, TOOL = MessageRole.ASSISTANT, MessageRole.TOOL
WIRE_ROLES = {"chatbot": "assistant", "model": "assistant"}
ANSWERING_ROLES = frozenset({"assistant", *WIRE_ROLES})
PLAIN_ROLES = frozenset({"user", "system"})
INSTRUCTING_ROLES = frozenset({"system", "developer"})
RESULT_OF = "Result of tool call {call_id}:"


def wire_messages(
    messages: Sequence[ChatMessage],
    model: AskedModel,
    *,
    replay_reasoning: bool = True,
    keep_images: int | None = None,
) -> list[Wire]:
    """Encode messages of any roles and blocks; ``chatbot`` and ``model`` are the assistant.

    Args:
        messages: The conversation, in order.
        model: The model that will read them: signed thinking goes only to the provider that signed
            it, pictures of tools only to a model that takes pictures.
        replay_reasoning: Whether the model sees its earlier thinking again. DeepSeek and Kimi
            want it within a tool loop.
        keep_images: How many pictures of tools are sent, the latest ones; None sends all.

    Raises:
        InvalidRequestError: For a block that cannot be sent, with its type, role and position; for
            a tool result that answers no call.
    """
    return _Conversation(model, replay_reasoning, keep_images).wire(messages)


class _Conversation:
    """One walk over the messages; remembers open calls and media that wait to be sent."""

    def __init__(
        self, model: AskedModel, replay_reasoning: bool, keep_images: int | None = None
    ) -> None:
        self._model = model
        self._replays_reasoning = replay_reasoning
        self._keep_images = keep_images
        self._older_by_index: dict[int, int] | None = None  # older pictures, by message index
        self._messages: Sequence[ChatMessage] = ()
        self._wire: list[Wire] = []
        self._tool_names: dict[str, str] = {}  # every call so far, its tool's name by id
        self._refusals: dict[str | None, ToolOutput] = {}  # calls that no tool may have run
        self._open_calls: list[str] = []  # calls of the last assistant turn without a result yet
        self._attachments: list[Part] = []  # media of the run of tool results
        # Whether the last assistant message has no calls. LlamaIndex's CodeActAgent keeps of a
        # handover only the tool's result: it goes as a user message then, and is no error.
        self._lost_calls = False

    def wire(self, messages: Sequence[ChatMessage]) -> list[Wire]:
        self._messages = messages
        wire, text_turn = self._wire, self._text_turn
        for index, message in enumerate(messages):
            if self._attachments or (turn := text_turn(message)) is None:
                self._add(message, index)
            else:
                wire.append(turn)
        self._send_attachments()
        return wire

    def _add(self, message: ChatMessage, index: int) -> None:
        """Encode a message of any kind."""
        if not isinstance(message, ChatMessage):
            raise InvalidRequestError(
                f"messages[{index}]: a ChatMessage is needed, not {type(message).__name__}.",
                param="messages",
            )
        role = WIRE_ROLES.get(message.role.value, message.role.value)
        if role == "tool":
            self._add_tool_result(message, index)
            return
        self._send_attachments()
        self._lost_calls = False
        if role in INSTRUCTING_ROLES and _is_blank(message):
            return  # some providers refuse an empty system message
        if role in PLAIN_ROLES and (text := _single_text(message)) is not None:
            self._wire.append(with_name({"role": role, "content": text}, message))
        elif role == "assistant":
            self._wire.append(self._assistant(message, index))
        else:
            self._wire.append(with_name(turn_with_parts(message, index, role), message))

    def _text_turn(self, message: ChatMessage) -> Wire | None:
        """Encode a message that is one text, or one call; None for any other message."""
        # Nearly all messages are. Exact classes and identical roles are compared, which takes 1 us:
        # each isinstance() of a pydantic class and each value of an enum takes 0.25 us.
        if type(message) is not ChatMessage:
            return None
        blocks, extras, role = message.blocks, message.additional_kwargs, message.role
        if extras and role is ASSISTANT:
            return self._answer_turn(blocks, extras)
        if len(blocks) != 1 or (extras and role is not TOOL):
            return None
        block = blocks[0]
        if type(block) is ToolCallBlock and role is ASSISTANT:
            return self._call_turn(block)
        if type(block) is not TextBlock:
            return None
        text = block.text
        if role is TOOL:
            return self._result_turn(extras, text)
        if role is USER:
            self._lost_calls = False
            return {"role": "user", "content": text}
        if role is ASSISTANT:
            self._open_calls, self._lost_calls = [], True
            return {"role": "assistant", "content": text}
        if role is SYSTEM and text.strip():
            self._lost_calls = False
            return {"role": "system", "content": text}
        return None

    def _answer_turn(self, blocks: Sequence[Any], extras: Mapping[str, Any]) -> Wire | None:
        """Encode an answer of this package that calls tools: its calls are in its blocks, behind
        the text, and listed in the gateway's form.
        """
        calls = extras.get("tool_calls")
        if len(extras) != 1 or type(calls) is not list or not calls:
            return None
        texts, call_blocks = blocks[: -len(calls)], blocks[-len(calls) :]
        if len(call_blocks) != len(calls) or len(texts) > 1:
            return None
        if not all(map(is_call_of_block, calls, call_blocks)):
            return None
        content = ""
        if texts:
            if type(texts[0]) is not TextBlock:
                return None
            content = texts[0].text
        self._open_calls, self._lost_calls = [block.tool_call_id for block in call_blocks], False
        self._tool_names.update((block.tool_call_id, block.tool_name) for block in call_blocks)
        return {"role": "assistant", "content": content, "tool_calls": calls}

    def _call_turn(self, block: ToolCallBlock) -> Wire | None:
        call_id, name = block.tool_call_id, block.tool_name
        if type(block.tool_kwargs) is not dict or not call_id or not name:
            return None
        self._tool_names[call_id] = name
        self._open_calls, self._lost_calls = [call_id], False
        function = {"name": name, "arguments": arguments_text(block.tool_kwargs)}
        call = {"id": call_id, "type": "function", "function": function}
        return {"role": "assistant", "content": "", "tool_calls": [call]}

    def _result_turn(self, extras: Mapping[str, Any], text: str) -> Wire | None:
        call_id: Any = extras.get("tool_call_id")
        if len(extras) != 1 or call_id not in self._open_calls or call_id in self._refusals:
            return None
        self._open_calls.remove(call_id)
        return {"role": "tool", "content": text, "tool_call_id": call_id}

    def _send_attachments(self) -> None:
        """Send the media of tool results, now that their run has ended."""
        # Not between two results: providers answer 400 to a call whose result does not follow.
        if self._attachments:
            self._wire.append({"role": "user", "content": self._attachments})
            self._attachments = []

    def _assistant(self, message: ChatMessage, index: int) -> Wire:
        calls: list[Wire] = []
        if not self._are_calls_removed(message, index):
            calls = identified_calls(message, index)
            self._refusals |= refusals_in(message)
        self._tool_names.update((call["id"], call["function"]["name"]) for call in calls)
        self._open_calls = [call["id"] for call in calls]
        self._lost_calls = not calls
        turn, media = assistant_turn(
            message, index, calls, self._model, replay_reasoning=self._replays_reasoning
        )
        self._attachments += media
        return turn

    def _are_calls_removed(self, message: ChatMessage, index: int) -> bool:
        """Whether somebody took the calls out of an answer's blocks."""
        # Its additional_kwargs list the calls still, its text stays, and no result follows. Sent as
        # it was, such an answer gets a 400: every call needs its result.
        if "tool_calls" not in message.additional_kwargs or not message.content:
            return False
        if any(isinstance(block, ToolCallBlock) for block in message.blocks):
            return False
        following = self._messages[index + 1 : index + 2]
        return not following or following[0].role.value != "tool"

    def _add_tool_result(self, message: ChatMessage, index: int) -> None:
        call_id = self._answered_call(message)
        if call_id not in self._tool_names and self._lost_calls:
            self._send_as_user(message, index, call_id)
            return
        if call_id not in self._tool_names:
            raise InvalidRequestError(
                f"messages[{index}] (tool): this result answers call {call_id!r}, and no assistant"
                " message before it made that call. Keep the assistant message with the tool call"
                " in the history.",
                param="messages",
            )
        if call_id in self._open_calls:
            self._open_calls.remove(call_id)
        wire = turn_with_parts(message, index, "tool")
        if isinstance(content := wire["content"], list):
            wire["content"] = simplest_content([part for part in content if part["type"] == "text"])
            media = [part for part in content if part["type"] != "text"]
            media, dropped = drop_unsupported_media(self._model, media)
            media, left_out = kept_tool_media(media, self._older_pictures(index))
            for line in filter(None, (dropped, left_out)):
                wire["content"] = with_line(wire["content"], line)
            self._attachments += attach(
                wire, media, self._model, f"the tool {self._tool_names[call_id]}"
            )
        elif call_id in self._refusals:
            wire["content"] = refusal_of(content, self._refusals[call_id])
        self._wire.append({**wire, "tool_call_id": call_id})

    def _older_pictures(self, index: int) -> int:
        """How many pictures are left out of the result at ``index``."""
        if self._keep_images is None:
            return 0
        if self._older_by_index is None:
            results: list[int] = []
            answered = 0
            for position, message in enumerate(self._messages):
                if message.role.value == "tool":
                    results.append(position)
                elif message.role.value in ANSWERING_ROLES:
                    answered = len(results)
            counts = [_pictures_in(self._messages[position]) for position in results]
            left_out = older_pictures(counts, self._keep_images, answered)
            self._older_by_index = dict(zip(results, left_out, strict=True))
        return self._older_by_index[index]

    def _answered_call(self, message: ChatMessage) -> str | None:
        """The id of the call that a result answers."""
        # Ollama's and Gemini's classes have no ids and name the tool in their place; a result
        # that names nothing answers the first open call.
        call_id: str | None = message.additional_kwargs.get("tool_call_id")
        if call_id in self._open_calls:
            return call_id
        names = {call_id, message.additional_kwargs.get("name")}
        candidates = [open_id for open_id in self._open_calls if self._tool_names[open_id] in names]
        if not call_id and not candidates:
            candidates = self._open_calls
        return next(iter(candidates), call_id)

    def _send_as_user(self, message: ChatMessage, index: int, call_id: str | None) -> None:
        log.warning(
            "messages[%s] (tool): call %s is not in the history; its result goes as text.",
            index,
            call_id,
        )
        parts = as_parts(turn_with_parts(message, index, "tool")["content"])
        self._attachments += [{"type": "text", "text": RESULT_OF.format(call_id=call_id)}, *parts]


def _pictures_in(message: ChatMessage) -> int:
    return sum(isinstance(block, ImageBlock) for block in message.blocks)


def _single_text(message: ChatMessage) -> str | None:
    """The text of a message that is one text; None if it holds anything else."""
    if len(message.blocks) != 1 or message.additional_kwargs.get("cache_control"):
        return None
    (block,) = message.blocks
    if type(block) is TextBlock:
        return block.text
    return None


def _is_blank(message: ChatMessage) -> bool:
    """Whether a message has nothing but white space and cache points."""
    blocks = [block for block in message.blocks if not isinstance(block, CachePoint)]
    return all(isinstance(block, TextBlock) and not block.text.strip() for block in blocks)
