"""Encode a model's answer as the assistant turn that it goes back in: text, calls, reasoning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock, ToolCallBlock

from pollinations_client import InvalidRequestError
from pollinations_client._adapter_support import AskedModel, drop_unsupported_media, with_line

from ._content import (
    Part,
    Wire,
    as_parts,
    simplest_content,
    turn_with_parts,
    with_name,
)
from ._tool_calls import wire_calls_in

__all__ = ["assistant_turn", "attach", "identified_calls"]

ASSISTANT_PARTS = frozenset({"text", "image_url"})
ATTACHED = "[attached below]"
ATTACHED_FROM = "Attached by {name}:"


def assistant_turn(
    message: ChatMessage,
    index: int,
    calls: Sequence[Wire],
    model: AskedModel,
    *,
    replay_reasoning: bool,
) -> tuple[Wire, list[Part]]:
    """The turn for an answer, and the media in it, which only a user message can carry.

    ``calls`` are those that have results, or will have.
    """
    turn = turn_with_parts(message, index, "assistant", skip=(ThinkingBlock, ToolCallBlock))
    media: list[Part] = []
    if isinstance(content := turn["content"], list):
        media = _take_out_media(turn, content, model)
    if sound_id := _sound_id(message):
        turn["audio"] = {"id": sound_id}
    if replay_reasoning:
        _add_thinking(turn, message, model)
    if calls:
        turn["tool_calls"] = calls
    elif function_call := message.additional_kwargs.get("function_call"):
        turn["function_call"] = function_call
    return with_name(turn, message), media


def identified_calls(message: ChatMessage, index: int) -> list[Wire]:
    """The calls of an answer, each with an id that its result can name.

    Raises :class:`InvalidRequestError` for a call that names no tool.
    """
    calls = []
    for number, call in enumerate(wire_calls_in(message)):
        function = call.get("function")
        if not isinstance(function, dict) or not function.get("name"):
            raise InvalidRequestError(
                f"messages[{index}] (assistant): tool call {number} does not name its tool.",
                param="messages",
            )
        # Ollama's class writes no ids. One that comes twice is told apart by the client.
        call_id = str(call.get("id") or f"call_{index}_{number}")
        function = {**function, "name": str(function["name"])}
        calls.append({**call, "id": call_id, "function": function})
    return calls


def attach(turn: Wire, media: list[Part], model: AskedModel, author: str) -> list[Part]:
    """Give the parts that follow a turn which cannot carry media, after a line that names who made
    them; say in the turn itself what the model cannot take.
    """
    media, notice = drop_unsupported_media(model, media)
    if notice:
        turn["content"] = with_line(turn["content"], notice)
    if not media:
        return []
    # A result that was only a picture has no text, and an empty one reads as a failure.
    turn["content"] = turn["content"] or ATTACHED
    return [{"type": "text", "text": ATTACHED_FROM.format(name=author)}, *media]


def _take_out_media(turn: Wire, content: list[Part], model: AskedModel) -> list[Part]:
    """Let sound, video and files of the assistant follow as the user's."""
    own_parts = [part for part in content if part["type"] in ASSISTANT_PARTS]
    media = [part for part in content if part["type"] not in ASSISTANT_PARTS]
    # Its own speech is not sent again where its words are: sound costs many times what text costs,
    # and the model has said it.
    if any(part["type"] == "text" for part in own_parts):
        media = [part for part in media if part["type"] != "input_audio"]
    own_parts, notice = drop_unsupported_media(model, own_parts)
    turn["content"] = simplest_content(own_parts)
    if notice:
        turn["content"] = with_line(turn["content"], notice)
    return attach(turn, media, model, "the assistant")


def _sound_id(message: ChatMessage) -> str | None:
    """The id under which the provider keeps an answer's speech, unless its words were edited."""
    speech = message.additional_kwargs.get("audio")
    if not isinstance(speech, Mapping) or not speech.get("id"):
        return None
    if str(speech.get("transcript") or "") in (message.content or ""):
        return str(speech["id"])
    return None


# -- reasoning


def _add_thinking(turn: Wire, message: ChatMessage, model: AskedModel) -> None:
    extras = message.additional_kwargs
    thoughts = [block for block in message.blocks if isinstance(block, ThinkingBlock)]
    text = "".join(block.content or "" for block in thoughts)
    # Classes without ThinkingBlock keep thinking in additional_kwargs. Blocks go before that:
    # somebody may have edited them.
    reasoning = extras.get("reasoning_content")
    if thoughts:
        reasoning = text
    if reasoning:
        turn["reasoning_content"] = reasoning
    if details := _unedited_details(extras.get("reasoning_details"), text):
        turn["reasoning_details"] = details
    signed = [part for block in thoughts if (part := _signed_thought(block, model))]
    if signed:
        # Anthropic wants a signed thought before what the model said or called after it.
        turn["content"] = [*signed, *as_parts(turn["content"])]


def _signed_thought(block: ThinkingBlock, model: AskedModel) -> Part | None:
    """The part for a thought that ``model`` may read; None for one that nobody signed."""
    facts = block.additional_information
    # Answers of this package name their model; of the other classes Anthropic's signs.
    if not model.may_read_thinking_of(str(facts.get("model") or "claude")):
        return None
    if redacted := facts.get("redacted"):
        return {"type": "redacted_thinking", "data": redacted}
    if signature := facts.get("signature"):
        return {"type": "thinking", "thinking": block.content or "", "signature": signature}
    return None


def _unedited_details(details: Any, thinking: str) -> list[Any] | None:
    """The reasoning details to send again: those with text only if the blocks still say it."""
    if not isinstance(details, list):
        return None
    texts = {
        index: str(detail.get("text") or detail.get("summary") or "")
        for index, detail in enumerate(details)
        if isinstance(detail, Mapping)
    }
    if "".join(texts.values()) == thinking:
        return details
    # Somebody may have blacked out a name in the blocks, and these details would bring it back.
    # What has no text, a signature or encrypted thought, is sent still.
    return [details[index] for index, text in texts.items() if not text]
