"""Encode a model's answer as the assistant turn that it goes back in: text, calls, reasoning."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage

from pollinations_client._adapter_support import arguments_text, with_line

from ._block_translator import PROVIDER
from ._content import KNOWN_KINDS, Part, Wire, kind_of, part_from

# Blocks of an answer's content that are in ``tool_calls`` on the wire.
CALLS = frozenset(
    "tool_use tool_call tool_call_chunk invalid_tool_call input_json_delta function_call".split()
)
THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking", "reasoning_content"})
# What tools of the provider's own did. No field of a message but the gateway's ``content_blocks``
# has room for it.
SERVER_TOOLS = frozenset(
    "server_tool_call server_tool_call_chunk server_tool_result server_tool_use"
    " web_search_tool_result code_execution_tool_result executable_code"
    " code_execution_result".split()
)
CALL_FIELDS = frozenset({"tool_calls", "function_call"})
SPEECH = frozenset({"audio", "output_audio"})


def assistant_turn(
    message: AIMessage, index: int, answered_calls: frozenset[str]
) -> tuple[Wire, list[Part]]:
    """Encode an answer as a turn, and the media in it, which only a user message can carry.

    ``answered_calls`` are ids of calls that have results.
    """
    content: Any = message.content
    blocks = AnswerBlocks([], [], [])
    if isinstance(content, list):
        blocks = _sorted_blocks(message, index)
        content = blocks.texts
    turn = with_marks({"role": "assistant", "content": content}, message)
    if message.tool_calls or message.invalid_tool_calls or message.additional_kwargs:
        _add_calls(turn, message, answered_calls)
    elif calls := _calls(message, answered_calls):
        turn["tool_calls"] = calls
    if blocks.gateway_blocks:
        turn["content_blocks"] = blocks.gateway_blocks
    return turn, blocks.media


def with_marks(turn: Wire, message: BaseMessage) -> Wire:
    """A turn with the message's own name and its mark for the prompt cache."""
    if message.name:
        turn["name"] = message.name
    if extra := message.additional_kwargs:
        for field in ("name", "cache_control"):
            if field in extra and field not in turn:
                turn[field] = extra[field]
    return turn


class AnswerBlocks(NamedTuple):
    """The blocks of an answer by where they go."""

    texts: list[Part]
    media: list[Part]
    """What only a user message can carry."""
    gateway_blocks: list[Any]
    """What only the gateway's ``content_blocks`` can carry."""


def _sorted_blocks(message: AIMessage, index: int) -> AnswerBlocks:
    """The blocks of an answer by where they go.

    Left out is what other fields of the turn carry, calls and thoughts, and what no field can: the
    traces that built-in tools of another vendor left, and kinds of blocks unknown here. So a
    conversation that began on another vendor's model goes on with its words.
    """
    blocks = AnswerBlocks([], [], [])
    provider = message.response_metadata.get("model_provider")
    is_ours = provider in (None, PROVIDER)
    for number, block in enumerate(message.content):
        part = _answer_part(block, f"messages[{index}].content[{number}]")
        if part is None:
            if is_ours and (raw := _gateway_block(block)) is not None:
                blocks.gateway_blocks.append(raw)
        elif part["type"] == "text":
            blocks.texts.append(part)
        else:
            blocks.media.append(part)
    if len(blocks.texts) > 1 and all(part.keys() == {"type", "text"} for part in blocks.texts):
        # Runs of one answer, between which thoughts or calls stood: no line ended there.
        text = "".join(part["text"] for part in blocks.texts)
        blocks.texts[:] = [{"type": "text", "text": text}]
    return blocks


def _answer_part(block: Any, where: str) -> Part | None:
    """The part for a block of an answer, None for one that a message has no part for."""
    if not isinstance(block, dict):
        return part_from(block, where)
    kind = kind_of(block)
    if kind in SPEECH:
        # The model's own speech goes back as its words: of an assistant's message the gateway
        # passes role, content, name and calls on, and no ``audio`` (seen 1/2026).
        words = (block.get("extras") or {}).get("transcript") or block.get("transcript")
        if words:
            return {"type": "text", "text": words}
    return part_from(block, where) if kind in KNOWN_KINDS else None


def _gateway_block(block: Any) -> Any:
    """A block as the gateway's ``content_blocks`` had it, None where it came from elsewhere.

    The original of a built-in tool's trace is kept beside its standard form; it goes back while the
    two say the same.
    """
    kind = kind_of(block)
    if kind == "non_standard" and isinstance(value := block.get("value"), dict):
        return None if kind_of(value) in CALLS | THOUGHTS else value
    if kind not in SERVER_TOOLS:
        return None
    raw = (block.get("extras") or {}).get("raw")
    if raw is not None:
        from ._response_blocks import server_tool_block  # at its first use: few answers have one

        standard = server_tool_block(raw) or {}
        is_unchanged = all(standard.get(name) == block.get(name) for name in ("args", "output"))
        return raw if is_unchanged else None
    if kind.startswith(("server_tool_call", "server_tool_result")):
        return None  # LangChain's own form, which no provider reads
    return {name: value for name, value in block.items() if name != "index"}


# -- calls


def _add_calls(turn: Wire, message: AIMessage, answered_calls: frozenset[str]) -> None:
    extra = message.additional_kwargs
    calls = _calls(message, answered_calls) or [dict(call) for call in extra.get("tool_calls", ())]
    function = extra.get("function_call")
    # An answer in the older form has its call twice here. What has no result by a call's id was
    # answered by a function message, which stands behind the older form alone.
    if function and all(call["id"] not in answered_calls for call in calls):
        turn["function_call"] = function
    elif calls:
        turn["tool_calls"] = calls
    # Other packages keep a refusal beside an empty content; ours is in the content, and a program
    # that took it out there wants it out.
    is_ours = message.response_metadata.get("model_provider") == PROVIDER
    if not turn["content"] and not is_ours and (refusal := extra.get("refusal")):
        turn["content"] = refusal
    for call in message.invalid_tool_calls:
        # A call without a result is refused by every provider, so it goes back in words.
        if call["id"] not in answered_calls:
            line = (
                f"[called {call['name'] or 'a tool'} with arguments that are no JSON object:"
                f" {call['args'] or ''}]"
            )
            turn["content"] = with_line(turn["content"], line)


def _calls(message: AIMessage, answered_calls: frozenset[str]) -> list[Wire]:
    calls = [call_for(call) for call in message.tool_calls]
    in_content = _call_blocks(message)
    ids = {call["id"] for call in message.tool_calls}
    calls += [_call_from(block) for block in in_content if block.get("id") not in ids]
    calls += [
        _call(call["id"], call["name"] or "unknown", _as_json_object(call["args"]))
        for call in message.invalid_tool_calls
        if call["id"] in answered_calls
    ]
    extras = {block.get("id"): _call_extras(block) for block in in_content}
    extras.update(message.additional_kwargs.get("tool_call_extras") or {})
    return [_with_extras(call, extras.get(call["id"]) or {}) for call in calls]


def call_for(call: Mapping[str, Any]) -> Wire:
    """One of LangChain's ``tool_calls`` as the gateway takes it."""
    # As ``_call`` writes it, which would take 0.1 us more of a path that histories take often.
    function = {"name": call["name"], "arguments": arguments_text(call["args"])}
    return {"id": call["id"], "type": "function", "function": function}


def _call(call_id: str | None, name: str, arguments: str) -> Wire:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _call_blocks(message: AIMessage) -> list[dict[str, Any]]:
    """The calls in the content of an answer."""
    if isinstance(message.content, str):
        return []
    blocks = [block for block in message.content if isinstance(block, dict)]
    return [block for block in blocks if kind_of(block) in {"tool_call", "tool_use"}]


def _call_from(block: dict[str, Any]) -> Wire:
    arguments = block.get("args", block.get("input")) or {}
    if not isinstance(arguments, str):
        arguments = arguments_text(arguments)
    return _call(block.get("id"), str(block.get("name")), arguments)


def _call_extras(block: dict[str, Any]) -> dict[str, Any]:
    """What a call came with, a thought signature say; a cache mark is no part of a call."""
    extras = block.get("extras") or {}
    return {name: value for name, value in extras.items() if name != "cache_control"}


def _with_extras(call: Wire, extras: Mapping[str, Any]) -> Wire:
    """A call with the fields it came with, each in its place."""
    if not extras:
        return call
    call_fields = {name: value for name, value in extras.items() if name != "function"}
    function = {**call["function"], **extras.get("function", {})}
    return {**call, "function": function, **call_fields}


def _as_json_object(arguments: str | None) -> str:
    """Arguments that the model got wrong, as a JSON object: providers refuse anything else in a
    history.
    """
    try:
        if isinstance(json.loads(arguments or ""), dict):
            return arguments or "{}"
    except ValueError:
        pass
    return json.dumps({"invalid_arguments": arguments or ""}, ensure_ascii=False)


# -- reasoning


def replay_reasoning_in(
    turn: Wire, message: AIMessage, *, is_demanded: bool, in_content: bool
) -> None:
    """Put the reasoning of an answer back into its turn.

    Args:
        turn: The turn, which is changed.
        message: The answer.
        is_demanded: Providers want it here; elsewhere only signed thinking goes back.
        in_content: The model wants its thinking among the parts of the content.
    """
    is_ours = message.response_metadata.get("model_provider") == PROVIDER
    # Nobody else can read what others signed.
    thoughts = _signed_thoughts(message) if is_ours or in_content else []
    if thoughts:
        signed, parts = _thoughts_and_text(thoughts, turn["content"])
        turn["content_blocks"] = [*signed, *turn.get("content_blocks", ())]
        if in_content:
            # Today's gateway cuts off a field that the message's schema does not know, and lets
            # parts of any type through.
            turn["content"] = [*signed, *parts]
    if is_demanded or thoughts:
        if reasoning := _reasoning(message):
            turn["reasoning_content"] = reasoning
        if details := message.additional_kwargs.get("reasoning_details"):
            turn["reasoning_details"] = details


def _reasoning(message: AIMessage) -> str:
    reasoning = message.additional_kwargs.get("reasoning_content")
    if isinstance(reasoning, str) and reasoning:
        return reasoning
    if isinstance(message.content, str):
        return ""
    return "".join(
        _text_of_thought(block)
        for block in message.content
        if isinstance(block, dict) and kind_of(block) in THOUGHTS
    )


def _text_of_thought(block: dict[str, Any]) -> str:
    """The words of a thought, in LangChain's form or that of Anthropic, OpenAI or Bedrock."""
    if isinstance(inner := block.get("reasoning_content"), dict):  # Bedrock's
        return str(inner.get("text") or "")
    if isinstance(summary := block.get("summary"), list):  # OpenAI's Responses
        return "\n".join(str(part.get("text") or "") for part in summary)
    return str(block.get("reasoning") or block.get("thinking") or "")


def _thoughts_and_text(
    thoughts: Sequence[Part], content: str | list[Part]
) -> tuple[list[Part], list[Part]]:
    """Return the thoughts of an answer with the text between them, and the text after them.

    All words are those of ``content``: a program may have changed them since the model wrote them,
    to redact a name say. Text between two thoughts stays there only while it is unchanged.
    """
    parts = content
    if isinstance(parts, str):
        parts = [{"type": "text", "text": parts}]
    parts = [part for part in parts if part.get("text") or part["type"] != "text"]
    if any(part.keys() != {"type", "text"} for part in parts):  # a mark stays with its part
        return [block for block in thoughts if block["type"] != "text"], parts
    words = "".join(part["text"] for part in parts)
    blocks: list[Part] = []
    for block in thoughts:
        if block["type"] != "text":
            blocks.append(block)
        elif words.startswith(block["text"]):
            blocks.append(block)
            words = words.removeprefix(block["text"])
    return blocks, [{"type": "text", "text": words}] if words else []


def _signed_thoughts(message: AIMessage) -> list[Part]:
    """The thinking of an answer where a provider signed it, with the text that stood in between;
    else nothing.
    """
    if isinstance(message.content, list):
        parts = map(_thought_or_text, message.content)
        blocks = [part for part in parts if part is not None]
        if any(block.get("signature") or block["type"] == "redacted_thinking" for block in blocks):
            while blocks[-1]["type"] == "text":
                blocks.pop()
            return blocks
    return [dict(block) for block in message.additional_kwargs.get("thinking_blocks") or ()]


def _thought_or_text(block: Any) -> Part | None:
    if isinstance(block, str):
        block = {"type": "text", "text": block}
    kind, extras = kind_of(block), block.get("extras") or {}
    if kind == "redacted_thinking" or (kind == "reasoning" and "redacted" in extras):
        return {"type": "redacted_thinking", "data": block.get("data") or extras.get("redacted")}
    if kind in THOUGHTS:
        thought = {"type": "thinking", "thinking": _text_of_thought(block)}
        if isinstance(inner := block.get("reasoning_content"), dict):
            extras = inner
        if signature := block.get("signature") or extras.get("signature"):
            thought["signature"] = signature
        return thought
    if kind == "text" and block.get("text"):
        return {"type": "text", "text": block["text"]}
    return None
