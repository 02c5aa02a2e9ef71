"""Content blocks of our messages in LangChain's standard form, registered under ``pollinations``.

Every block of a chunk gets an index that begins with ``lc_``: LangChain merges blocks of a stream
by index, and plain numbers of reasoning, text and tool calls would collide into one corrupt block.
"""

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
TOLD_ELSEWHERE = frozenset(
    {"tool_use", "tool_call", "tool_call_chunk", "invalid_tool_call", "thinking"}
)

Block = dict[str, Any]


def translate_content(message: AIMessage) -> list[types.ContentBlock]:
    """Blocks of a whole message: reasoning, content in its order, tool calls."""
    blocks: list[Any] = [*_thoughts(message), *_content(message)]
    if noted := _annotations(message):
        _annotate(blocks, noted)
    return [*_with_refusal(blocks, message), *_calls(message)]


def translate_content_chunk(message: AIMessageChunk) -> list[types.ContentBlock]:
    """Blocks of a piece of a stream, or of the sum of its pieces, each with an index of its own."""
    run = getattr(message, "run", 0)
    kept = message.additional_kwargs
    blocks: list[Any] = []
    if kept:
        if told := kept.get("reasoning_content"):
            blocks += [
                {**block, "index": f"lc_rs_{run + n}"}
                for n, block in enumerate(_thoughts(message) if told else ())
            ]
        elif (
            "thinking_blocks" in kept
        ):  # the end of a stream brings the signatures of what was said before
            blocks += [
                {**block, "reasoning": "", "index": f"lc_rs_{n}"}
                for n, block in enumerate(_signed(message))
            ]
    elif getattr(message, "opens_thought", False):
        blocks.append({"type": "reasoning", "reasoning": "", "index": f"lc_rs_{run}"})
    if message.content:
        for n, block in enumerate(_content(message)):
            given = block.get("index")
            blocks.append(
                {**block, "index": f"lc_txt_{run + n}" if given is None else f"lc_part_{given}"}
            )
    if message.chunk_position == "last" and (noted := _annotations(message)):
        _annotate(blocks, noted, {"type": "text", "text": "", "index": f"lc_txt_{run}"})
    if message.chunk_position == "last" and all(
        call.get("id") for call in message.tool_call_chunks
    ):
        return [*blocks, *_calls(message), *getattr(message, "late_blocks", ())]
    if calls := message.tool_call_chunks:
        call_extras = getattr(message, "call_extras", None)
        extras = {} if call_extras is None else {"extras": call_extras}
        blocks += [
            {**call, "type": "tool_call_chunk", **extras, "index": f"lc_tc_{call.get('index')}"}
            for call in calls
        ]
    return [*blocks, *getattr(message, "late_blocks", ())]


def _thoughts(message: AIMessage) -> list[Block]:
    """All reasoning: as the provider's signed runs where there are any, else as one block."""
    told = message.additional_kwargs.get("reasoning_content")
    signed = _signed(message)
    if not told or "".join(block["reasoning"] for block in signed) == told:
        return signed
    extras = {
        name: value for block in signed for name, value in (block.get("extras") or {}).items()
    }
    return [{"type": "reasoning", "reasoning": told, **({"extras": extras} if extras else {})}]


def _signed(message: AIMessage) -> list[Block]:
    blocks: list[Block] = []
    for thought in message.additional_kwargs.get("thinking_blocks") or ():
        if thought.get("type") == "redacted_thinking":
            blocks.append(
                {"type": "reasoning", "reasoning": "", "extras": {"redacted": thought.get("data")}}
            )
        elif thought.get("type") == "thinking":
            extras = (
                {"extras": {"signature": thought["signature"]}} if thought.get("signature") else {}
            )
            blocks.append({"type": "reasoning", "reasoning": thought.get("thinking", ""), **extras})
    return blocks


def _content(message: AIMessage) -> list[Block]:
    blocks: list[Block] = []
    for block in [message.content] if isinstance(message.content, str) else message.content:
        if isinstance(block, str):
            if block:
                blocks.append({"type": "text", "text": block})
        elif block.get("type") in STANDARD:
            blocks.append(dict(block))
        elif block.get("type") not in TOLD_ELSEWHERE:
            blocks.append({"type": "non_standard", "value": block})
    return blocks


def _annotate(blocks: list[Block], noted: list[Block], otherwise: Block | None = None) -> None:
    """Put annotations on the last text; on ``otherwise`` where there is none."""
    last = next((block for block in reversed(blocks) if block["type"] == "text"), None)
    if last is not None:
        last.setdefault("annotations", noted)
    elif otherwise is not None:
        blocks.append({**otherwise, "annotations": noted})


def _annotations(message: AIMessage) -> list[Block]:
    """Citations as LangChain's annotations: the list of links, and OpenAI's ``url_citation`` with
    its place.
    """
    kept = message.additional_kwargs
    if not ("citations" in kept or "annotations" in kept):
        return []
    titles = {
        hit.get("url"): hit.get("title")
        for hit in kept.get("search_results") or ()
        if isinstance(hit, dict)
    }
    noted: list[Block] = [
        {"type": "citation", "url": url, **({"title": titles[url]} if titles.get(url) else {})}
        for url in kept.get("citations") or ()
    ]
    for given in kept.get("annotations") or ():
        inner = given.get("url_citation", given) if isinstance(given, dict) else {}
        if isinstance(given, dict) and given.get("type") == "url_citation":
            named = {
                name: inner[name]
                for name in ("url", "title", "start_index", "end_index")
                if name in inner
            }
            noted.append({"type": "citation", **named})
        else:
            noted.append(
                {
                    "type": "non_standard_annotation",
                    "value": given if isinstance(given, dict) else {"value": given},
                }
            )
    return noted


def _with_refusal(blocks: list[Any], message: AIMessage) -> list[Any]:
    """A refusal as a block of its own, which LangChain has from core 1.7.5; before, and in its
    events, it is text.
    """
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
            **({"extras": extras[call["id"]]} if call["id"] in extras else {}),
        }
        for call in message.tool_calls
    ]
    return blocks + [{**call, "type": "invalid_tool_call"} for call in message.invalid_tool_calls]


register_translator(PROVIDER, translate_content, translate_content_chunk)
