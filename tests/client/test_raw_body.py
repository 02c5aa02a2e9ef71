"""``Reply.raw``: the answer in the gateway's own form, whole or put together from a stream."""

from __future__ import annotations

import json
import pickle
from typing import Any

from pollinations_client import Finished, Reply, ResponseInfo
from pollinations_client.response.reader import ResponseReader, reply_from

INFO = ResponseInfo()
TOP: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_790_000_000,
    "model": "perplexity/sonar",
    "system_fingerprint": "fp_1",
    "citations": [{"url": "https://a.example", "title": "A"}],
    "search_results": [{"url": "https://a.example"}],
    "prompt_filter_results": [{"prompt_index": 0}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost": {"x": 1}},
    "a_new_field": {"deep": [1]},
}
CHOICE: dict[str, Any] = {
    "index": 0,
    "finish_reason": "stop",
    "content_filter_results": {"hate": {"filtered": False}},
    "a_choice_field": 7,
}
LOGPROBS = [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -0.25}]


def streamed(*chunks: dict[str, Any]) -> Reply:
    """The reply that a stream of these chunks ends with."""
    reader = ResponseReader(INFO)
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    events = [*reader.feed(body + b"data: [DONE]\n\n"), *reader.end()]
    assert reader.failure is None
    assert isinstance(events[-1], Finished)
    return events[-1].reply


def test_a_whole_body_is_given_as_it_came() -> None:
    """Null fields and fields nobody knows included."""
    message = {"role": "assistant", "content": "hi", "annotations": [], "refusal": None, "new": 1}
    body = {**TOP, "service_tier": None, "choices": [{**CHOICE, "message": message}]}
    assert reply_from(json.dumps(body).encode(), INFO).raw == body


def test_a_streams_chunks_are_merged_into_the_body_they_make() -> None:
    """The same facts, whichever chunk brought them; ``usage`` as counted at the end."""
    usage = TOP["usage"]
    top = {name: value for name, value in TOP.items() if name != "usage"}
    first = {**top, "object": "chat.completion.chunk", "usage": None}
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "hm"},
        {"content": "a"},
        {"content": "b", "annotations": [{"type": "url_citation"}], "new": 1},
    ]
    chunks = [{**first, "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    for chunk, logprob in zip(chunks[2:], LOGPROBS, strict=True):
        chunk["choices"][0]["logprobs"] = {"content": [logprob]}
    last = {**first, "choices": [{**CHOICE, "delta": {}}]}
    reply = streamed(*chunks, last, {"choices": [], "usage": usage})
    message = {
        "role": "assistant",
        "content": "ab",
        "reasoning_content": "hm",
        "annotations": [{"type": "url_citation"}],
        "new": 1,
    }
    choice = {**CHOICE, "message": message, "logprobs": {"content": LOGPROBS}}
    assert reply.raw == {**TOP, "choices": [choice]}
    assert pickle.loads(pickle.dumps(reply)).raw == reply.raw


def test_tool_calls_signatures_and_sound_are_in_the_raw_body_of_a_stream() -> None:
    """What plain fields cannot carry is in ``content_blocks``."""
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{"}}
    deltas: list[dict[str, Any]] = [
        {"content_blocks": [{"index": 0, "delta": {"thinking": "hm"}}]},
        {"content_blocks": [{"index": 0, "delta": {"signature": "s"}}]},
        {"tool_calls": [call]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
        {"audio": {"id": "a1", "data": "AAAA", "transcript": "hello"}},
    ]
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    message = streamed(*chunks, end).raw["choices"][0]["message"]
    assert message["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]
    assert message["content_blocks"] == [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    assert message["audio"] == {"id": "a1", "data": "AAAA", "transcript": "hello"}
