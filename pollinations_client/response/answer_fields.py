"""Name the fields of a chat answer, and read those that few answers have. Pure; no I/O."""

from __future__ import annotations

from typing import Any

from ..reply import Reply

# Finish reasons of providers, which reach the caller unchanged in the older gateway, and in today's
# streams.
FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "complete": "stop",
    "max_tokens": "length",
    "model_length": "length",
    "max_output_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "image_safety": "content_filter",
    "refusal": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}

# A chunk with no other fields than these, in an order seen before, takes the short path.
PLAIN_TOP = frozenset(
    "id object created model system_fingerprint choices usage service_tier".split()
)
PLAIN_CHOICE = frozenset("index delta finish_reason logprobs".split())
# Fields that are read; all others are kept as they come, in Reply.extra.
SOURCE_FIELDS = frozenset("citations search_results prompt_filter_results".split())
READ_TOP = SOURCE_FIELDS | frozenset(
    "id object created model system_fingerprint choices usage error".split()
)
READ_CHOICE = frozenset(
    "index delta message finish_reason logprobs content_filter_results error text usage".split()
)
READ_MESSAGE = frozenset(
    "role content reasoning_content reasoning reasoning_details content_blocks tool_calls"
    " function_call audio refusal annotations images".split()
)
CHOICES = frozenset({"choices"})
CHOICE_CONTENT = frozenset({"delta", "message", "text"})
# A choice with one of these and without a message is the message itself.
MESSAGE_CONTENT = READ_MESSAGE - {"role", "refusal", "annotations", "reasoning_details"}


def read_sources(chunk: dict[str, Any], reply: Reply) -> None:
    """Take the sources and filter results of a whole answer or of a chunk into ``reply``."""
    # Perplexity repeats all citations with every chunk: they are set, not appended.
    if isinstance(citations := chunk.get("citations"), list) and citations:
        reply.citations = [_address_of(citation) for citation in citations]
    if isinstance(results := chunk.get("search_results"), list) and results:
        reply.search_results = results
    if chunk.get("prompt_filter_results"):
        reply.prompt_filter_results = chunk["prompt_filter_results"]


def _address_of(citation: Any) -> str:
    if isinstance(citation, dict):
        return str(citation.get("url", citation))
    return str(citation)


def extend_lists(joined: dict[str, Any], source: dict[str, Any]) -> None:
    """Append the lists of ``source`` to those of the same name; other values replace."""
    for name, value in source.items():
        earlier = joined.get(name)
        if isinstance(value, list) and isinstance(earlier, list):
            earlier.extend(value)
        elif isinstance(value, list):
            joined[name] = list(value)
        elif value is not None or earlier is None:
            joined[name] = value
