"""Decode the client's replies as LlamaIndex responses: whole answers and a stream's last chunk.

Pure. Text, thinking, pictures, sound, citations and tool calls become blocks of the message; what
must go back with the next turn is in the message's ``additional_kwargs``; counts, cost, finish
reason and everything else about the answer are in the response's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.base.llms.types import (
    ChatResponse,
    CompletionResponse,
    ImageBlock,
    LogProb,
    TextBlock,
    ThinkingBlock,
)

from pollinations_client import (
    AudioPart,
    Cost,
    ImagePart,
    OtherPart,
    ReasoningPart,
    Reply,
    TextPart,
    ToolCall,
    Usage,
)
from pollinations_client._adapter_support import DEFAULT_MODEL

from . import _fast_construct
from ._tool_calls import calls_in
from ._tool_definitions import own_parameters

LOGPROB_TYPES: dict[str, Any] = {"token": str, "logprob": int | float, "bytes": list}

__all__ = ["ResponseContext", "completion_from", "response_context", "response_from"]


@dataclass(frozen=True, slots=True)
class ResponseContext:
    """The facts of a request that its answer is read with.

    ``schemas`` has the own schemas of tools that were sent in strict form; with ``single_call``
    only the first tool call counts; ``audio_format`` is the format of the sound that was asked for;
    ``cost`` prices the usage in pollen.
    """

    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    single_call: bool = False
    audio_format: str | None = None
    cost: Callable[[Reply], Cost] | None = None

    def calls_to_keep(self, calls: list[ToolCall]) -> list[ToolCall]:
        """The first call, or all."""
        # The gateway of January 2026 drops parallel_tool_calls unread, so several calls may come
        # although one was asked for.
        if self.single_call:
            return calls[:1]
        return calls


def response_context(
    options: Mapping[str, Any], cost_of: Callable[[Reply, str], Cost]
) -> ResponseContext:
    """The context for the answer to a call with these options; ``cost_of`` prices it."""

    def cost(reply: Reply) -> Cost:
        # The gateway bills the model that was asked for, also where a fallback served.
        return cost_of(reply, options.get("model") or DEFAULT_MODEL)

    schemas: Mapping[str, Mapping[str, Any]] = {}
    if tools := options.get("tools"):
        schemas = own_parameters(tools)
    return ResponseContext(
        schemas=schemas,
        single_call=options.get("parallel_tool_calls") is False,
        audio_format=(options.get("audio") or {}).get("format"),
        cost=cost,
    )


def response_from(
    reply: Reply,
    context: ResponseContext,
    delta: str | None = None,
    pictures: Mapping[int, ImageBlock] | None = None,
) -> ChatResponse:
    """Decode a whole answer; ``delta`` is the text that a stream's last chunk adds, ``pictures``
    are the blocks that it has made already, by the index of their part.
    """
    blocks, message_kwargs = _blocks(reply, context, pictures or {})
    if not any(isinstance(block, TextBlock) for block in blocks):
        blocks.insert(0, TextBlock(text=""))  # content is text, never None
    calls = None
    if reply.tool_calls:
        call_blocks, call_kwargs = calls_in(
            context.calls_to_keep(reply.tool_calls), context.schemas
        )
        blocks += call_blocks
        message_kwargs = {**call_kwargs, **message_kwargs}
        calls = call_kwargs.get("tool_calls")
    response = _fast_construct.chat_response(
        blocks, message_kwargs, delta, _raw(reply, calls), _response_kwargs(reply, context)
    )
    response.logprobs = _logprobs(reply.logprobs)
    return response


def completion_from(response: ChatResponse) -> CompletionResponse:
    """Turn a chat response into a completion: its text, and both its dictionaries as one."""
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        logprobs=response.logprobs,
        additional_kwargs={**response.message.additional_kwargs, **response.additional_kwargs},
    )


def _blocks(
    reply: Reply, context: ResponseContext, pictures: Mapping[int, ImageBlock]
) -> tuple[list[Any], dict[str, Any]]:
    """The answer's parts as blocks, and those that no block can hold by name."""
    blocks: list[Any] = []
    thoughts: list[ThinkingBlock] = []
    message_kwargs: dict[str, Any] = {}
    if reply.reasoning_details:
        message_kwargs["reasoning_details"] = reply.reasoning_details
    # ChatMessage.content joins text blocks with line breaks, so text on both sides of a thought is
    # one block: the model wrote no line break there. A picture or a sound does part it.
    text: TextBlock | None = None
    for index, part in enumerate(reply.parts):
        match part:
            case TextPart():
                if text is None:
                    blocks.append(text := TextBlock(text=part.text))
                else:
                    text.text += part.text
            case ReasoningPart():
                _add_thinking(thoughts, part, reply)
            case ImagePart() | AudioPart():
                blocks += _media_blocks(part, context, pictures.get(index))
                text = None
                if isinstance(part, AudioPart):
                    message_kwargs |= _sound_reference(part)
            case OtherPart():
                message_kwargs.setdefault("content_blocks", []).append(part.raw)
    if reply.refusal and not any(isinstance(block, TextBlock) for block in blocks):
        blocks.append(TextBlock(text=reply.refusal))
    if thoughts and reply.usage is not None:
        # The gateway counts the thinking of an answer as one, however many pieces it came in.
        thoughts[-1].num_tokens = reply.usage.reasoning
    # Thinking stands behind what the model said: LlamaIndex's DocumentContextExtractor, and users,
    # read blocks[0].text.
    if reply.citations:
        from ._response_blocks import citation_blocks  # at its first use

        blocks += citation_blocks(reply)
    return [*blocks, *thoughts], message_kwargs


def _media_blocks(
    part: ImagePart | AudioPart, context: ResponseContext, picture: ImageBlock | None
) -> list[Any]:
    from ._response_blocks import image_block, sound_blocks  # at its first use: most are text

    if isinstance(part, AudioPart):
        return sound_blocks(part, context.audio_format)
    return [picture or image_block(part)]


def _sound_reference(part: AudioPart) -> dict[str, Any]:
    """The id under which the provider keeps the speech, and its words."""
    if not part.id:
        return {}
    reference = {"id": part.id}
    if part.transcript:
        reference["transcript"] = part.transcript
    return {"audio": reference}


def _add_thinking(thoughts: list[ThinkingBlock], part: ReasoningPart, reply: Reply) -> None:
    """Add to the last block; a signed piece, which must go back as it came, is a block alone."""
    facts: dict[str, Any] = {}
    if part.signature or part.redacted:
        marks = {"signature": part.signature, "redacted": part.redacted}
        # A later turn may go to another provider, which refuses the signature.
        marks["model"] = reply.served_model
        facts = {name: mark for name, mark in marks.items() if mark}
    if not thoughts or thoughts[-1].additional_information or facts:
        thoughts.append(ThinkingBlock(content=part.text, additional_information=facts))
    else:
        thoughts[-1].content = (thoughts[-1].content or "") + part.text


def _response_kwargs(reply: Reply, context: ResponseContext) -> dict[str, Any]:
    """Everything about the answer that is not its content and that the gateway has said."""
    info = reply.info
    facts: dict[str, Any] = {
        **_token_counts(reply.usage),
        "finish_reason": reply.finish_reason,
        "model": reply.served_model,
        "id": reply.id,
        "request_id": info.request_id,
        "cache": info.cache,
        "fallback_target": info.fallback_target,
        "system_fingerprint": reply.system_fingerprint,
        "refusal": reply.refusal,
        "citations": list(reply.citations) or None,
        "search_results": list(reply.search_results) or None,
        "annotations": list(reply.annotations) or None,
        "prompt_filter_results": reply.prompt_filter_results,
        "content_filter_results": reply.content_filter_results,
        "audio": _audio_facts(reply.audio),
    }
    if context.cost is not None and (cost := context.cost(reply)).total is not None:
        # A float: observers write these members as JSON, which has no Decimal.
        facts["cost"] = float(cost.total)
        facts["cost_source"] = cost.source
        facts["cost_is_upper_bound"] = cost.is_upper_bound or None
    return {name: value for name, value in facts.items() if value is not None}


def _token_counts(usage: Usage | None) -> dict[str, int | None]:
    if usage is None:
        return {}
    # The first three under the names that LlamaIndex's token counter, MLflow and Langfuse look for.
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "cached_tokens": usage.cached,
        "cache_write_tokens": usage.cache_write,
        "reasoning_tokens": usage.reasoning,
        "prompt_audio_tokens": usage.audio_input,
        "completion_audio_tokens": usage.audio_output,
        "prompt_image_tokens": usage.image_input,
        "prompt_video_tokens": usage.video_input,
        "completion_image_tokens": usage.image_output,
    }


def _audio_facts(part: AudioPart | None) -> dict[str, Any] | None:
    if part is None:
        return None
    facts = {"id": part.id, "expires_at": part.expires_at, "transcript": part.transcript}
    return {name: value for name, value in facts.items() if value}


def _raw(reply: Reply, calls: list[dict[str, Any]] | None) -> dict[str, Any]:
    """The gateway's answer, with the tool calls of the message: own names, ids, one or all."""
    # TokenCountingHandler reads raw["usage"]. Only with None there does it look further; without
    # the member it counts by itself, and downloads the pictures of the prompt to do so.
    raw = {**reply.raw, "usage": _raw_usage(reply.usage)}
    if calls:
        choice = raw["choices"][0]
        raw["choices"] = [{**choice, "message": {**choice["message"], "tool_calls": calls}}]
    return raw


def _raw_usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    totals = {"prompt_tokens": usage.input, "completion_tokens": usage.output}
    return {**usage.raw, **totals, "total_tokens": usage.total}


def _logprobs(choice_logprobs: Mapping[str, Any] | None) -> list[list[LogProb]] | None:
    """A list for each token: its alternatives if they were asked for, else the token itself."""
    tokens = (choice_logprobs or {}).get("content")
    if not isinstance(tokens, list):
        return None
    return [_alternatives(token) for token in tokens if isinstance(token, Mapping)]


def _alternatives(token: Mapping[str, Any]) -> list[LogProb]:
    alternatives = token.get("top_logprobs")
    if not isinstance(alternatives, list) or not alternatives:
        alternatives = [token]
    return [_logprob(entry) for entry in alternatives if isinstance(entry, Mapping)]


def _logprob(entry: Mapping[str, Any]) -> LogProb:
    # A provider may send any JSON here, and an answer must not fail over it.
    members: dict[str, Any] = {}
    for name, kind in LOGPROB_TYPES.items():
        if isinstance(value := entry.get(name), kind):
            members[name] = value
    members["bytes"] = [code for code in members.get("bytes", ()) if isinstance(code, int)]
    return LogProb(**members)
