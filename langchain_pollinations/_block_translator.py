"""Translate our messages' content into LangChain's standard blocks, for ``pollinations``."""

# Every block of a chunk gets an index that begins with ``lc_``: LangChain merges blocks of a stream
# by index (``utils/_merge.py``), and plain numbers of reasoning, text and tool calls would collide
# into one corrupt block, as they do in ChatDeepSeek 1.1 and ChatXAI 1.3.

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages import content as types
from langchain_core.messages.block_translators import register_translator

PROVIDER = "pollinations"
STANDARD = frozenset(
    {
        *("text", "image", "audio", "video", "file", "text-plain", "reasoning"),
        *("server_tool_call", "server_tool_result", "non_standard"),
    }
)
IN_OTHER_FIELDS = frozenset(
    {"tool_use", "tool_call", "tool_call_chunk", "invalid_tool_call", "thinking"}
)

Block = dict[str, Any]


def translate_content(message: AIMessage) -> list[types.ContentBlock]:
    """Blocks of a whole message: reasoning, content in its order, tool calls."""
    blocks: list[Any] = [*_thoughts(message), *_content(message)]
    if annotations := _annotations(message):
        _annotate(blocks, annotations)
    return [*_with_refusal(blocks, message), *_calls(message)]


def translate_content_chunk(message: AIMessageChunk) -> list[types.ContentBlock]:
    """Blocks of a piece of a stream, or of the sum of its pieces, each with an index of its own."""
    run = getattr(message, "run", 0)
    is_last = message.chunk_position == "last"
    blocks: list[Any] = []
    if message.additional_kwargs or getattr(message, "opens_thought", False):
        blocks = _reasoning_blocks(message, run)
    if message.content:
        for number, block in enumerate(_content(message)):
            index = f"lc_txt_{run + number}"
            if (own_index := block.get("index")) is not None:
                index = f"lc_part_{own_index}"
            blocks.append({**block, "index": index})
    if is_last and (annotations := _annotations(message)):
        _annotate(blocks, annotations, {"type": "text", "text": "", "index": f"lc_txt_{run}"})
    late_blocks = getattr(message, "late_blocks", ())
    calls = message.tool_call_chunks
    if is_last and all(call.get("id") for call in calls):
        # The sum of a stream: its calls are complete, and LangChain has parsed them.
        return [*blocks, *_calls(message), *late_blocks]
    extras = getattr(message, "call_extras", None)
    for call in calls:
        block = {**call, "type": "tool_call_chunk", "index": f"lc_tc_{call.get('index')}"}
        blocks.append(_with_extras(block, extras))
    return [*blocks, *late_blocks]


def _reasoning_blocks(message: AIMessageChunk, run: int) -> list[Any]:
    """Reasoning that a chunk brings, or at the end the signatures of what came before."""
    extra = message.additional_kwargs
    blocks: list[Block] = []
    first = run
    if extra.get("reasoning_content"):
        blocks = _thoughts(message)
    elif "thinking_blocks" in extra:
        blocks, first = [{**block, "reasoning": ""} for block in _signed_thoughts(message)], 0
    elif not extra:  # encrypted thinking begins, which has no words
        blocks = [{"type": "reasoning", "reasoning": ""}]
    return [{**block, "index": f"lc_rs_{number}"} for number, block in enumerate(blocks, first)]


def _thoughts(message: AIMessage) -> list[Block]:
    """All reasoning: as the provider's signed runs where there are any, else as one block."""
    reasoning = message.additional_kwargs.get("reasoning_content")
    signed = _signed_thoughts(message)
    if not reasoning or "".join(block["reasoning"] for block in signed) == reasoning:
        return signed
    extras: dict[str, Any] = {}
    for block in signed:
        extras.update(block.get("extras") or {})
    return [_with_extras({"type": "reasoning", "reasoning": reasoning}, extras)]


def _with_extras(block: Block, extras: Any) -> Block:
    if extras:
        block["extras"] = extras
    return block


def _signed_thoughts(message: AIMessage) -> list[Block]:
    blocks: list[Block] = []
    for thought in message.additional_kwargs.get("thinking_blocks") or ():
        if thought.get("type") == "redacted_thinking":
            extras = {"redacted": thought.get("data")}
            blocks.append({"type": "reasoning", "reasoning": "", "extras": extras})
        elif thought.get("type") == "thinking":
            block = {"type": "reasoning", "reasoning": thought.get("thinking", "")}
            signature = thought.get("signature")
            blocks.append(_with_extras(block, signature and {"signature": signature}))
    return blocks


def _content(message: AIMessage) -> list[Block]:
    blocks: list[Block] = []
    content = message.content
    if isinstance(content, str):
        content = [content]
    for block in content:
        if isinstance(block, str):
            if block:
                blocks.append({"type": "text", "text": block})
        elif block.get("type") in STANDARD:
            blocks.append(dict(block))
        elif block.get("type") not in IN_OTHER_FIELDS:
            blocks.append({"type": "non_standard", "value": block})
    return blocks


def _annotate(blocks: list[Block], annotations: list[Block], empty: Block | None = None) -> None:
    """Put annotations on the last text; on ``empty``, which is added, where there is none."""
    last = next((block for block in reversed(blocks) if block["type"] == "text"), None)
    if last is not None:
        last.setdefault("annotations", annotations)
    elif empty is not None:
        blocks.append({**empty, "annotations": annotations})


def _annotations(message: AIMessage) -> list[Block]:
    """Citations as LangChain's annotations: the list of links that search models give, and
    OpenAI's ``url_citation`` with its place in the text.
    """
    extra = message.additional_kwargs
    if not ("citations" in extra or "annotations" in extra):
        return []
    results = [hit for hit in extra.get("search_results") or () if isinstance(hit, dict)]
    titles = {result.get("url"): result.get("title") for result in results}
    annotations: list[Block] = []
    for url in extra.get("citations") or ():
        annotation = {"type": "citation", "url": url}
        if title := titles.get(url):
            annotation["title"] = title
        annotations.append(annotation)
    return annotations + list(map(_annotation, extra.get("annotations") or ()))


def _annotation(raw: Any) -> Block:
    if not isinstance(raw, dict):
        return {"type": "non_standard_annotation", "value": {"value": raw}}
    if raw.get("type") != "url_citation":
        return {"type": "non_standard_annotation", "value": raw}
    citation = raw.get("url_citation", raw)
    fields = ("url", "title", "start_index", "end_index")
    return {"type": "citation", **{name: citation[name] for name in fields if name in citation}}


def _with_refusal(blocks: list[Any], message: AIMessage) -> list[Any]:
    """A refusal as a block of its own, where LangChain has such a block; else it is text."""
    # From core 1.7.5 on, and not in its events.
    refusal = message.additional_kwargs.get("refusal")
    if not refusal or "refusal" not in types.KNOWN_BLOCK_TYPES:
        return blocks
    others = [block for block in blocks if block["type"] != "text" or block["text"] != refusal]
    return [*others, {"type": "refusal", "refusal": refusal}]


def _calls(message: AIMessage) -> list[Any]:
    extras = message.additional_kwargs.get("tool_call_extras") or {}
    blocks: list[Block] = [
        {
            "type": "tool_call",
            "id": call["id"],
            "name": call["name"],
            "args": call["args"],
        }
        for call in message.tool_calls
    ]
    for block in blocks:
        if block["id"] in extras:
            block["extras"] = extras[block["id"]]
    return blocks + [{**call, "type": "invalid_tool_call"} for call in message.invalid_tool_calls]


register_translator(PROVIDER, translate_content, translate_content_chunk)
