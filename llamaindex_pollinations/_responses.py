"""Decode the client's replies as LlamaIndex responses: whole answers and a stream's last chunk.

Pure. What goes where: text, thinking, pictures, sound, citations and tool calls are blocks of the
message; what must go back with the next turn is in the message's ``additional_kwargs``; counts,
cost, finish reason and everything else about the answer are in the response's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatResponse,
    CitationBlock,
    CompletionResponse,
    ImageBlock,
    LogProb,
    TextBlock,
    ThinkingBlock,
)

from pollinations_client import (
    AudioPart,
    Catalog,
    Cost,
    ImagePart,
    MalformedReply,
    OtherPart,
    ReasoningPart,
    Reply,
    TextPart,
    ToolCall,
    Usage,
)
from pollinations_client._adapter_support import DEFAULT_MODEL, sniff
from pollinations_client._adapter_support import cost as cost_of

from . import _fast_construct
from ._tool_calls import calls_in
from ._tool_definitions import own_parameters

__all__ = ["ResponseContext", "completion_from", "image_block", "response_context", "response_from"]


@dataclass(frozen=True, slots=True)
class ResponseContext:
    """How one request's answer is to be read.

    ``schemas`` gives a tool's own schema where a strict one was sent; ``single_call`` keeps the
    first tool call only; ``audio_format`` is what sound was asked for in; ``cost`` prices usage in
    pollen.
    """

    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    single_call: bool = False
    audio_format: str | None = None
    cost: Callable[[Reply], Cost] | None = None

    def calls_to_keep(self, calls: list[ToolCall]) -> list[ToolCall]:
        """The tool calls to hand on."""
        return calls[:1] if self.single_call else calls


def response_context(options: Mapping[str, Any], catalog: Catalog) -> ResponseContext:
    """How the answer to a call with these options is to be read."""

    def cost(reply: Reply) -> Cost:
        # The gateway bills the model that was asked for, also where a fallback served.
        return cost_of(reply, catalog.get(options.get("model") or DEFAULT_MODEL))

    tools = options.get("tools")
    return ResponseContext(
        schemas=own_parameters(tools) if tools else {},
        single_call=options.get("parallel_tool_calls") is False,
        audio_format=(options.get("audio") or {}).get("format"),
        cost=cost,
    )


def response_from(reply: Reply, context: ResponseContext, delta: str | None = None) -> ChatResponse:
    """A whole answer as a response; ``delta`` is given for the last chunk of a stream."""
    blocks, message_kwargs = _blocks(reply, context)
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
    """A chat response as a completion: its text, and both its dictionaries as one."""
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        logprobs=response.logprobs,
        additional_kwargs={**response.message.additional_kwargs, **response.additional_kwargs},
    )


def image_block(part: ImagePart) -> ImageBlock:
    """A picture in an answer: its bytes where they came along, else its address."""
    if (data := part.data) is not None:
        mime_type = part.mime_type or sniff(data)
        return _fast_construct.image_block(data, mime_type) if mime_type else ImageBlock(image=data)
    try:
        return ImageBlock(url=part.url, image_mimetype=part.mime_type)
    except ValueError as error:
        cause = error
    raise MalformedReply("A picture in the answer has an address that is no URL.") from cause


def _blocks(reply: Reply, context: ResponseContext) -> tuple[list[Any], dict[str, Any]]:
    """The answer's parts as blocks, and what of them only fits into ``additional_kwargs``.

    Thinking between two pieces of text does not part them: a picture or a sound does. Thinking is
    one block, but for signed pieces, which must go back as they came. It stands behind what the
    model said, because LlamaIndex's DocumentContextExtractor, and users, read ``blocks[0].text``.
    """
    blocks: list[Any] = []
    thoughts: list[ThinkingBlock] = []
    message_kwargs: dict[str, Any] = (
        {"reasoning_details": reply.reasoning_details} if reply.reasoning_details else {}
    )
    text: TextBlock | None = None
    for part in reply.parts:
        match part:
            case TextPart():
                if text is None:
                    blocks.append(text := TextBlock(text=part.text))
                else:
                    text.text += part.text
            case ReasoningPart():
                _add_thinking(thoughts, part, reply)
            case ImagePart():
                blocks.append(image_block(part))
                text = None
            case AudioPart():
                blocks += _sound(part, context)
                text = None
                if part.id:
                    words = {"transcript": part.transcript} if part.transcript else {}
                    message_kwargs["audio"] = {"id": part.id, **words}
            case OtherPart():
                message_kwargs.setdefault("content_blocks", []).append(part.raw)
    if reply.refusal and not any(isinstance(block, TextBlock) for block in blocks):
        blocks.append(TextBlock(text=reply.refusal))
    if thoughts and reply.usage is not None:
        thoughts[-1].num_tokens = reply.usage.reasoning  # the gateway counts all of it as one
    return [*blocks, *_citations(reply), *thoughts], message_kwargs


def _add_thinking(thoughts: list[ThinkingBlock], part: ReasoningPart, reply: Reply) -> None:
    last = thoughts[-1] if thoughts else None
    about: dict[str, Any] = {}
    if part.signature or part.redacted:
        marks = {
            "signature": part.signature,
            "redacted": part.redacted,
            "model": reply.served_model,
        }
        about = {name: mark for name, mark in marks.items() if mark}
    if last is None or last.additional_information or about:
        thoughts.append(ThinkingBlock(content=part.text, additional_information=about))
    else:
        last.content = (last.content or "") + part.text


def _sound(part: AudioPart, context: ResponseContext) -> list[Any]:
    sound = (
        [AudioBlock(audio=part.data.encode("ascii"), format=context.audio_format)]
        if part.data
        else []
    )
    return [TextBlock(text=part.transcript), *sound] if part.transcript else [*sound]


def _citations(reply: Reply) -> list[CitationBlock]:
    """One block a cited page, with title and excerpt where the search results tell them."""
    results = {
        str(result.get("url")): result
        for result in reply.search_results
        if isinstance(result, Mapping)
    }
    return [
        CitationBlock(
            cited_content=TextBlock(text=str(about.get("snippet") or "")),
            source=url,
            title=str(about.get("title") or url),
            additional_location_info={},
        )
        for url in reply.citations
        for about in [results.get(url, {})]
    ]


def _response_kwargs(reply: Reply, context: ResponseContext) -> dict[str, Any]:
    """Everything about the answer that is not its content; absent where the gateway did not say."""
    info = reply.info
    facts: dict[str, Any] = {
        **_counts(reply.usage),
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
    cost = context.cost(reply) if context.cost is not None else None
    if cost is not None and cost.total is not None:
        facts["cost"] = float(cost.total)
        facts["cost_source"] = cost.source
        facts["cost_is_upper_bound"] = cost.is_upper_bound or None
    return {name: value for name, value in facts.items() if value is not None}


def _counts(usage: Usage | None) -> dict[str, int | None]:
    if usage is None:
        return {}
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
        "completion_image_tokens": usage.image_output,
    }


def _audio_facts(part: AudioPart | None) -> dict[str, Any] | None:
    if part is None:
        return None
    facts = {"id": part.id, "expires_at": part.expires_at, "transcript": part.transcript}
    return {name: value for name, value in facts.items() if value}


def _raw(reply: Reply, calls: list[dict[str, Any]] | None) -> dict[str, Any]:
    """What came, with ``usage`` where token counters look for it, in their words.

    Tool calls are those of the message: with ids, their tools' own names, and one where one was
    asked for.
    """
    raw = {**reply.raw, "usage": _raw_usage(reply.usage)}
    if calls:
        choice = raw["choices"][0]
        raw["choices"] = [{**choice, "message": {**choice["message"], "tool_calls": calls}}]
    return raw


def _raw_usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    plain = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
    }
    return {**usage.raw, **plain}


def _logprobs(choice_logprobs: Mapping[str, Any] | None) -> list[list[LogProb]] | None:
    """One list a token: its alternatives where they were asked for, else itself."""
    tokens = choice_logprobs.get("content") if choice_logprobs else None
    if not isinstance(tokens, list):
        return None
    return [_alternatives(token) for token in tokens if isinstance(token, Mapping)]


def _alternatives(token: Mapping[str, Any]) -> list[LogProb]:
    alternatives = token.get("top_logprobs")
    if not isinstance(alternatives, list) or not alternatives:
        alternatives = [token]
    return [_logprob(entry) for entry in alternatives if isinstance(entry, Mapping)]


def _logprob(entry: Mapping[str, Any]) -> LogProb:
    text, logprob, codes = (entry.get(name) for name in ("token", "logprob", "bytes"))
    # A provider may send any JSON here, and an answer is not to fail over it.
    return LogProb(
        token=text if isinstance(text, str) else "",
        logprob=logprob if isinstance(logprob, int | float) else 0.0,
        bytes=[code for code in codes if isinstance(code, int)] if isinstance(codes, list) else [],
    )
