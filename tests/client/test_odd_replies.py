"""Replies of odd shapes: read where they can be read, refused by our own errors else."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from typing import Any

import pytest

from pollinations_client import (
    AsyncPollinationsClient,
    EmptyReply,
    InvalidRequestError,
    MalformedReply,
    OtherPart,
    PollinationsClient,
    PollinationsError,
    RateLimitError,
    Reply,
    ResponseInfo,
    TextDelta,
    TextPart,
    ToolCallDelta,
    Usage,
)
from pollinations_client.reply_metadata import usage_from
from pollinations_client.request.validation import unknown_option
from pollinations_client.response.account import profile_from
from pollinations_client.response.reader import ResponseReader, reply_from
from support.rawserver import chunk, raw_server, stream_head

EVENT_STREAM = ResponseInfo(headers={"content-type": "text/event-stream"})


FINISH = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def streamed_reply(*deltas: Any) -> Reply:
    """The reply of a stream of deltas; a dict with ``choices`` is a chunk as it is."""
    chunks = [
        one
        if isinstance(one, dict) and "choices" in one
        else {"choices": [{"index": 0, "delta": one}]}
        for one in deltas
    ]
    body = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in [*chunks, FINISH])
    return reply_from(body, EVENT_STREAM)


def test_odd_shapes_of_chunks_and_messages() -> None:
    """Choices that are no objects, legacy text, content as a list, empty deltas on the straight
    path.
    """
    assert (
        streamed_reply({"choices": ["x"]}, {"content": "a"}, {"content": ""}, {"content": "b"}).text
        == "ab"
    )
    assert streamed_reply({"choices": [{"index": 0, "text": "old"}]}).text == "old"
    assert streamed_reply({"content": [{"type": "text", "text": "in a list"}]}).text == "in a list"
    assert (
        streamed_reply(
            {"reasoning_content": "a"},
            {"reasoning_content": ""},
            {"reasoning_content": "b"},
            {"content": "x"},
        ).reasoning
        == "ab"
    )
    assert (
        streamed_reply(
            {"content": "x"},
            {
                "choices": [
                    {"index": 1, "delta": {"content": "other"}},
                    {"index": 0, "delta": {"content": "y"}},
                ]
            },
        ).text
        == "xy"
    )
    assert streamed_reply(
        {"content": "x", "search_results": 1},
        {"choices": [{"index": 0, "delta": {"content": "y"}}], "search_results": [{"url": "u"}]},
    ).search_results == [{"url": "u"}]


def test_refusals_annotations_images_and_errors_of_a_choice() -> None:
    """Fields that few providers send."""
    reply = streamed_reply(
        {"refusal": "I "},
        {"refusal": "won't"},
        {"annotations": [{"type": "url_citation"}]},
        {
            "images": [
                "https://a.example/x.png",
                {"image_url": {"url": "https://b.example", "mime_type": "image/webp"}},
                {"odd": 1},
            ]
        },
    )
    assert (reply.refusal, reply.annotations) == ("I won't", [{"type": "url_citation"}])
    assert [image.url for image in reply.images] == ["https://a.example/x.png", "https://b.example"]
    assert any(isinstance(part, OtherPart) for part in reply.parts)
    with pytest.raises(PollinationsError, match="slow"):
        streamed_reply({"choices": [{"index": 0, "error": {"message": "slow", "code": 429}}]})


def test_reasoning_from_one_source_only_and_details_that_are_no_objects() -> None:
    """Blocks first, then the field: the field only repeats."""
    reply = streamed_reply(
        {"content_blocks": [{"index": 0, "delta": {"thinking": "a"}}]},
        {"reasoning_content": "a"},
        {"content": "x", "reasoning_details": ["odd"]},
    )
    assert reply.reasoning == "a"
    assert (
        streamed_reply(
            {
                "content": "x",
                "content_blocks": [{"type": "thinking", "thinking": "t", "signature": ""}],
            }
        ).reasoning
        == "t"
    )
    assert (
        streamed_reply(
            {
                "content": "x",
                "reasoning_content": "r",
                "content_blocks": [{"type": "text", "text": "x"}],
            }
        ).reasoning
        == "r"
    )


def test_broken_pictures_and_sounds_of_answers() -> None:
    """Named, not a foreign exception."""
    with pytest.raises(MalformedReply, match="picture"):
        _ = streamed_reply({"images": ["data:image/png;base64,%%%"]}).images[0].data
    assert streamed_reply({"images": ["https://a.example"]}).images[0].data is None
    sound = streamed_reply(
        {"audio": {"data": "AA=="}}, {"audio": {"data": "A="}}, {"audio": {"data": "AAA"}}
    )
    assert sound.audio is not None
    assert (
        streamed_reply({"audio": {"data": "AAAA"}}, {"audio": {"data": "BBBB"}}).audio.data
        == "AAAABBBB"
    )  # type: ignore[union-attr]


def test_tool_calls_without_names_or_functions_say_so() -> None:
    """Nothing to call is a problem, not a crash."""
    reply = streamed_reply(
        {
            "tool_calls": [
                {"index": 0, "id": "a"},
                {"id": "b", "function": {"name": "f", "arguments": "{}"}},
                "odd",
            ]
        }
    )
    assert [bool(call.problem) for call in reply.tool_calls] == [True, False]
    assert streamed_reply(
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"a'}}]},
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '":1}'}}]},
    ).tool_calls[0].args == {"a": 1}


def test_counts_as_text_and_usage_headers_that_are_no_numbers() -> None:
    """Read where possible, left out where not."""
    reply = streamed_reply(
        {"content": "x"},
        {
            "choices": [],
            "usage": {"prompt_tokens": "3", "completion_tokens": 1.0, "total_tokens": -1},
        },
    )
    assert reply.usage == Usage(3, 1, 4)
    info = ResponseInfo.from_headers(
        200,
        {
            "x-usage-prompt-text-tokens": "5",
            "x-usage-odd": "many",
            "set-cookie": "x",
            "x-model-used": "m",
        },
    )
    assert info.usage == {"prompt-text-tokens": 5.0}
    assert "set-cookie" not in info.headers
    assert Reply(info=info).served_model == "m"
    assert "TextDelta" in repr(TextDelta("x", 0))
    assert "ToolCallDelta" in repr(ToolCallDelta(0, "x"))


def test_fuzzed_bodies_raise_our_own_errors_only() -> None:
    """Three thousand mutations of a stream and of a JSON answer: an answer, or an error of ours."""
    rng = random.Random(7)
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": text}}]}
        for text in ("<think>a</think>", "Hello ", "wörld")
    ]
    chunks += [
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {
                        "tool_calls": [
                            {
                                "index": 0,
                                "id": "a",
                                "function": {"name": "f", "arguments": '{"x": 1}'},
                            }
                        ]
                    },
                }
            ]
        },
        FINISH,
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}},
    ]
    stream = (
        b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks)
        + b"data: [DONE]\n\n"
    )
    plain = json.dumps(
        {
            "choices": [
                {
                    "message": {
                        "content": "x",
                        "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}],
                    },
                    "finish_reason": "stop",
                }
            ]
        }
    ).encode()
    answered = 0
    for number in range(3_000):
        body = bytearray(stream if number % 3 else plain)
        for _ in range(rng.randint(1, 6)):
            place = rng.randrange(len(body))
            match rng.randrange(4):
                case 0:
                    body[place] = rng.randrange(256)
                case 1:
                    del body[place : place + rng.randint(1, 20)]
                case 2:
                    body[place:place] = bytes(
                        rng.choices(b'{}[]",:\\\n\r\x00null', k=rng.randint(1, 5))
                    )
                case _:
                    other = rng.randrange(len(body))
                    body[place:place] = body[other : other + 30]
            body = body or bytearray(b" ")
        try:
            reply = reply_from(
                bytes(body),
                EVENT_STREAM
                if number % 3
                else ResponseInfo(headers={"content-type": "application/json"}),
            )
        except PollinationsError:
            continue
        answered += 1
        assert isinstance(reply.text, str)
        assert all(isinstance(part, TextPart) or part.kind != "text" for part in reply.parts)
        _ = [call.args for call in reply.tool_calls]
    assert 0 < answered < 3_000


def test_incomplete_details_and_calls_without_ids_are_read() -> None:
    """Shapes that only a fuzz would find: each is read without complaint."""
    details = [
        {"type": "reasoning.text", "index": 0, "text": "a", "format": None},
        {"type": "reasoning.text", "index": 0, "format": None},
    ]
    assert streamed_reply({"reasoning_details": details}, {"content": "x"}).reasoning == "a"
    two = [
        {"index": 0, "function": {"name": "f", "arguments": "{bad"}},
        {"index": 0, "function": {"name": "f", "arguments": "{worse"}},
    ]
    assert len(streamed_reply({"tool_calls": [two[0]]}, {"tool_calls": [two[1]]}).tool_calls) == 1
    unindexed = [
        {"function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "function": {"name": "f", "arguments": "{}"}},
    ]
    assert len(streamed_reply({"tool_calls": unindexed}).tool_calls) == 2
    with pytest.raises(InvalidRequestError, match="temprature"):
        raise unknown_option("temprature", ["temperature"])


def test_events_print_what_they_are() -> None:
    """What a person sees who prints a stream."""
    delta = {"reasoning_content": "hm"}
    pieces = ResponseReader(EVENT_STREAM).feed(
        b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"
    )
    assert [repr(piece) for piece in pieces] == ["ReasoningDelta('hm', 0)"]
    assert repr(TextDelta("hi", 1)) == "TextDelta('hi', 1)"


@pytest.mark.parametrize("asks_async", [False, True])
def test_what_comes_with_and_after_the_end_of_a_stream(asks_async: bool) -> None:
    """An error in an event that the end of the body left open; bytes behind ``[DONE]``."""
    text = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
    late = b'data: {"error":{"message":"too late"}}'
    done = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    scripts = [
        chunk(text) + chunk(late) + chunk(b""),
        chunk(text) + chunk(done) + chunk(b": after\n\n") + chunk(b""),
    ]

    def serve(peer: socket.socket, _: bytes) -> None:
        first, _, rest = scripts.pop(0).partition(b": after")
        peer.sendall(stream_head() + first)
        time.sleep(0.05)
        peer.sendall(b": after" + rest if rest else b"")

    async def listed(client: AsyncPollinationsClient) -> list[Any]:
        return [event async for event in client.stream_chat("x")]

    async def both(url: str) -> None:
        async with (
            AsyncPollinationsClient(base_url=url) as client,
            AsyncPollinationsClient(base_url=url) as other,
        ):
            with pytest.raises(PollinationsError, match="too late"):
                await listed(client)
            assert (await listed(other))[-1].reply.text == "x"

    with raw_server(serve) as server:
        if asks_async:
            asyncio.run(both(server.url))
            return
        with PollinationsClient(base_url=server.url) as client:
            with pytest.raises(PollinationsError, match="too late"):
                list(client.stream_chat("x"))
            assert list(client.stream_chat("x"))[-1].reply.text == "x"


def test_headers_about_the_model_its_stand_in_and_the_filters_are_told() -> None:
    """Those with a field of their own, and the rest by name."""
    sent = {
        "x-model-requested": "claude",
        "x-fallback-target": "openai",
        "x-moderation-prompt-hate-severity": "safe",
        "x-safety-applied": "privacy",
    }
    info = ResponseInfo.from_headers(200, sent)
    assert (info.model_requested, info.fallback_target) == ("claude", "openai")
    assert info.headers["x-moderation-prompt-hate-severity"] == "safe"
    assert info.headers["x-safety-applied"] == "privacy"


def test_counts_of_a_providers_own_searches_are_kept() -> None:
    """They have no place in the normal form."""
    searches = {"web_search_requests": 2}
    usage = usage_from(
        {"prompt_tokens": 1, "completion_tokens": 1, "server_tool_use_details": searches}
    )
    assert usage is not None
    assert usage.raw["server_tool_use_details"] == searches


@pytest.mark.parametrize(
    ("source", "counts"),
    [
        (
            {
                "input_tokens": 9,
                "output_tokens": 5,
                "input_tokens_details": {"cached_tokens": 4},
                "output_tokens_details": {"reasoning_tokens": 3},
            },
            {"input": 9, "output": 5, "total": 14, "cached": 4, "reasoning": 3},
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 5,
                "total_tokens": 14,
                "prompt_tokens_details": {"video_tokens": 6, "cached_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0},
                "cache_read_input_tokens": 2,
                "reasoning_tokens": 3,
            },
            {
                "input": 9,
                "output": 5,
                "total": 14,
                "video_input": 6,
                "cached": 2,
                "reasoning": 3,
            },
        ),
        (
            {"prompt_tokens": 9, "total_tokens": 14},
            {"input": 9, "output": 5, "total": 14},
        ),
        (
            {"prompt_tokens": None, "completion_tokens": 5, "total_tokens": "14"},
            {"input": 9, "output": 5, "total": 14},
        ),
        ({"total_tokens": 14}, {"total": 14}),
    ],
)
def test_counts_are_read_wherever_a_provider_puts_them(
    source: dict[str, Any], counts: dict[str, int]
) -> None:
    """A 0 in one place does not hide the count in another, and a missing sum follows from two."""
    assert usage_from(source) == Usage(**counts)


def test_a_profile_of_any_month_is_read() -> None:
    """Tiers came and went, and the time of the next grant with them."""
    profile = profile_from({"tier": "microbe", "nextResetAt": "2026-03-01T00:00:00Z"})
    assert profile.tier == "microbe"
    assert "2026-03-01" in repr(profile)


@pytest.mark.parametrize("first", [0, 1])
def test_of_answers_that_come_mixed_one_is_read(first: int) -> None:
    """A server that heeds ``n`` sends the pieces of all answers in turn."""
    texts = {0: ["a", "b", "c"], 1: ["X", "Y", "Z"]}
    order = [first, 1 - first]
    chunks = [
        {"choices": [{"index": index, "delta": {"content": texts[index][at]}}]}
        for at in range(3)
        for index in order
    ]
    ends = [
        {"choices": [{"index": index, "delta": {}, "finish_reason": reason}]}
        for index, reason in ((first, "stop"), (1 - first, "length"))
    ]
    reply = streamed_reply(*chunks, *ends, {"choices": []})
    assert (reply.text, reply.finish_reason) == ("".join(texts[first]), "stop")
    both = {"choices": [{"index": 1, "delta": {"content": "no"}}, {"delta": {"content": "yes"}}]}
    assert streamed_reply(both, both).text == "yesyes"


@pytest.mark.parametrize("reason", ["tool_calls", "tool_use", "MALFORMED_FUNCTION_CALL"])
def test_an_answer_that_ends_for_a_call_has_one(reason: str) -> None:
    """An agent would take nothing for the final answer."""
    choice = {"message": {"role": "assistant", "content": ""}, "finish_reason": reason}
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
    body = json.dumps({"choices": [choice], "usage": usage}).encode()
    with pytest.raises(EmptyReply, match=rf"{reason}.*another seed") as caught:
        reply_from(body, ResponseInfo())
    assert caught.value.is_retryable


@pytest.mark.parametrize("word", ["null", "[]", "5", '"ping"', "ping", "true"])
def test_words_before_an_answer_only_keep_the_connection_alive(word: str) -> None:
    """Some providers send them as JSON."""
    answer = json.dumps({"choices": [{"delta": {"content": "hi"}, "finish_reason": "stop"}]})
    body = f"data: {word}\n\ndata: {answer}\n\ndata: [DONE]\n\n".encode()
    assert reply_from(body, EVENT_STREAM).text == "hi"


def test_an_error_in_a_list_is_an_error() -> None:
    """As Gemini writes it, in a stream and as a whole body."""
    body = b'[{"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}]'
    for answer, info in ((body, ResponseInfo()), (b"data: " + body + b"\n\n", EVENT_STREAM)):
        with pytest.raises(RateLimitError, match="Quota"):
            reply_from(answer, info)
