"""Decode the client's replies into LangChain's messages. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call
from langchain_core.outputs import ChatGeneration

from pollinations_client import (
    Cost,
    ReasoningPart,
    Reply,
    TextPart,
    ToolCall,
    Usage,
)

from ._block_translator import PROVIDER

if TYPE_CHECKING:
    from ._json_mode import JsonFormat

ORIGINAL = "original_text"  # of response_metadata, where the text that came was not the JSON alone


def message_from(
    reply: Reply,
    *,
    model: str | None = None,
    cost: Cost | None = None,
    audio_format: str | None = None,
    json_format: JsonFormat | None = None,
    offers_functions: bool = False,
) -> AIMessage:
    """Decode a reply as a message.

    Of one that was asked for as JSON, and calls nothing, the text is the JSON alone.
    """
    # Without an id, so that LangChain gives one: the gateway's cache gives the same id with the
    # same answer, and a graph takes two messages of one id for one message. The gateway's own is
    # in ``response_metadata``.
    good = [call for call in reply.tool_calls if call.problem is None]
    bad = [call for call in reply.tool_calls if call.problem is not None]
    message = AIMessage(
        content=_content(reply, audio_format),
        additional_kwargs=extras_from(reply, is_streamed=False),
        response_metadata=metadata_from(reply, cost, model),
        tool_calls=[tool_call(name=call.name, args=call.args or {}, id=call.id) for call in good],
        invalid_tool_calls=[_invalid(call) for call in bad],
    )
    message.usage_metadata = usage_from(reply.usage)
    if offers_functions and reply.tool_calls:
        call = reply.tool_calls[0]
        function = {"name": call.name, "arguments": call.arguments}
        message.additional_kwargs["function_call"] = function
    if json_format is not None and not reply.tool_calls:
        _reduce_to_json(message, json_format)
    return message


def _reduce_to_json(message: AIMessage, json_format: JsonFormat) -> None:
    """Keep only the JSON of a message's text; its metadata get the text as it came."""
    text = str(message.text)
    is_cut = message.response_metadata.get("finish_reason") == "length"
    json_text = json_format.json_in(text, is_cut=is_cut)
    if json_text not in (text, text.strip()):
        message.response_metadata[ORIGINAL] = text
    if json_text == text:
        return
    if isinstance(message.content, str):
        message.content = json_text
    else:
        message.content = _with_single_text(message.content, json_text)


def _with_single_text(blocks: list[str | dict[str, Any]], text: str) -> list[str | dict[str, Any]]:
    """Replace all text blocks by one, where the last of them stood."""
    *earlier, last = (
        index
        for index, block in enumerate(blocks)
        if isinstance(block, dict) and block["type"] == "text"
    )
    blocks = list(blocks)
    blocks[last] = {"type": "text", "text": text}
    return [block for index, block in enumerate(blocks) if index not in earlier]


def generation_from(
    reply: Reply,
    *,
    model: str | None = None,
    cost: Cost | None = None,
    audio_format: str | None = None,
    json_format: JsonFormat | None = None,
    offers_functions: bool = False,
) -> ChatGeneration:
    """Decode a reply as a generation: its message, finish reason and logprobs."""
    message = message_from(
        reply,
        model=model,
        cost=cost,
        audio_format=audio_format,
        json_format=json_format,
        offers_functions=offers_functions,
    )
    return ChatGeneration(message=message, generation_info=generation_info(reply))


def generation_info(reply: Reply) -> dict[str, Any] | None:
    """Return what LangChain keeps beside a message; None for nothing."""
    info = {"finish_reason": reply.finish_reason, "logprobs": reply.logprobs}
    return {name: value for name, value in info.items() if value} or None


def usage_from(usage: Usage | None) -> UsageMetadata | None:
    """Token counts as LangChain names them; the total is always their sum."""
    # Whole numbers only: LangChain adds counts up key by key and raises for anything else, so the
    # cost is in ``response_metadata``.
    if usage is None:
        return None
    # xAI counts reasoning in the total but not in the output, to which all others add it.
    output = max(usage.output, usage.total - usage.input)
    counts = UsageMetadata(
        input_tokens=usage.input, output_tokens=output, total_tokens=usage.input + output
    )
    input_details = _without_none(
        audio=usage.audio_input,
        cache_read=usage.cached,
        cache_creation=usage.cache_write,
        image=usage.image_input,
        video=usage.video_input,
    )
    output_details = _without_none(
        audio=usage.audio_output, reasoning=usage.reasoning, image=usage.image_output
    )
    if input_details:
        counts["input_token_details"] = cast(InputTokenDetails, input_details)
    if output_details:
        counts["output_token_details"] = cast(OutputTokenDetails, output_details)
    return counts


def token_usage_from(usage: Usage) -> dict[str, Any]:
    """Token counts as OpenAI names them, for callbacks and tracers that read ``token_usage``."""
    counts: dict[str, Any] = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
    }
    prompt_details = _without_none(
        cached_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
        audio_tokens=usage.audio_input,
        image_tokens=usage.image_input,
        video_tokens=usage.video_input,
    )
    completion_details = _without_none(
        reasoning_tokens=usage.reasoning,
        audio_tokens=usage.audio_output,
        image_tokens=usage.image_output,
    )
    if prompt_details:
        counts["prompt_tokens_details"] = prompt_details
    if completion_details:
        counts["completion_tokens_details"] = completion_details
    return counts


def summed_counts(usages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several ``token_usage`` as one, details included."""
    total: dict[str, Any] = {}
    for usage in usages:
        for name, value in usage.items():
            if isinstance(value, Mapping):
                total[name] = summed_counts([total.get(name, {}), value])
            else:
                total[name] = total.get(name, 0) + value
    return total


def _without_none(**counts: int | None) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count is not None}


def _invalid(call: ToolCall) -> Any:
    return invalid_tool_call(
        name=call.name or None, args=call.arguments, id=call.id, error=call.problem
    )


def _content(reply: Reply, audio_format: str | None) -> str | list[str | dict[str, Any]]:
    parts = [part for part in reply.parts if not isinstance(part, ReasoningPart)]
    if all(isinstance(part, TextPart) for part in parts):
        return reply.text or reply.refusal or ""
    from ._response_blocks import block_from  # at its first use: most answers are text

    return [block_from(part, audio_format) for part in parts]


def _without_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def extras_from(reply: Reply, *, is_streamed: bool) -> dict[str, Any]:
    """``additional_kwargs``: all that LangChain has no field for.

    Reasoning and speech are left out where a stream has brought them already.
    """
    extras: dict[str, Any] = {
        "thinking_blocks": _signed_thinking(reply),
        "reasoning_details": reply.reasoning_details,
        "tool_call_extras": {call.id: call.extra for call in reply.tool_calls if call.extra},
        "refusal": reply.refusal,
        "citations": reply.citations,
        "search_results": reply.search_results,
        "annotations": reply.annotations,
    }
    if not is_streamed:
        extras["reasoning_content"] = reply.reasoning
        if audio := reply.audio:  # as OpenAI's own field has it; the block is in the content
            extras["audio"] = _without_empty(dataclasses.asdict(audio))
    for name, value in reply.extra.items():
        if name.startswith("message."):
            extras[name.removeprefix("message.")] = _mergeable(value)
    return _without_empty(extras)


def _signed_thinking(reply: Reply) -> list[dict[str, Any]]:
    """Signed thinking as it must go back: unchanged, in order, with the text that stands between
    two thoughts.
    """
    thoughts = [part for part in reply.parts if isinstance(part, ReasoningPart)]
    if not any(part.signature or part.redacted for part in thoughts):
        return []
    blocks: list[dict[str, Any]] = []
    for part in reply.parts:
        if isinstance(part, ReasoningPart):
            blocks.append(_thinking(part))
        elif isinstance(part, TextPart):
            blocks.append({"type": "text", "text": part.text})
    while blocks[-1]["type"] == "text":
        blocks.pop()
    return blocks


def _thinking(part: ReasoningPart) -> dict[str, Any]:
    if part.redacted is not None:
        return {"type": "redacted_thinking", "data": part.redacted}
    block = {"type": "thinking", "thinking": part.text}
    if part.signature:
        block["signature"] = part.signature
    return block


def metadata_from(reply: Reply, cost: Cost | None, model: str | None) -> dict[str, Any]:
    """``response_metadata``: who answered, how it ended, and all fields that are unknown here."""
    metadata: dict[str, Any] = {
        **{
            name: _mergeable(value)
            for name, value in reply.extra.items()
            if not name.startswith("message.")
        },
        "model_provider": PROVIDER,
        "model_name": reply.served_model or model,
        "finish_reason": reply.finish_reason,
        "id": reply.id,
        "created": reply.created,
        "system_fingerprint": reply.system_fingerprint,
        "logprobs": reply.logprobs,
        "prompt_filter_results": reply.prompt_filter_results,
        "content_filter_results": reply.content_filter_results,
        "request_id": reply.info.request_id,
        "cache": reply.info.cache,
        **_cost_metadata(cost),
    }
    if reply.finish_reason_raw != reply.finish_reason:
        metadata["native_finish_reason"] = reply.finish_reason_raw
    return {name: value for name, value in metadata.items() if value is not None}


def _cost_metadata(cost: Cost | None) -> dict[str, Any]:
    # In lists, which LangChain joins, so that a merged message has the costs of all its calls. It
    # refuses to merge two messages whose metadata hold unequal floats (``utils/_merge.py``).
    if cost is None or cost.total is None:
        return {}
    metadata: dict[str, Any] = {"cost": [float(cost.total)], "cost_source": [cost.source]}
    if cost.is_upper_bound:
        metadata["cost_is_upper_bound"] = True
    return metadata


def _mergeable(value: Any) -> Any:
    """An unknown field in a form that LangChain can merge with that of another message."""
    # It refuses unequal floats and booleans, also inside of dictionaries, and joins lists.
    return [value] if _holds_float_or_bool(value) else value


def _holds_float_or_bool(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_float_or_bool, value.values()))
    return isinstance(value, (bool, float))
