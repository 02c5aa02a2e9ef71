"""Streams and whole bodies of chat as providers write them: cut, odd, cached, hostile."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pollinations_client import (
    AudioDelta,
    EmptyReply,
    Finished,
    MalformedReply,
    PollinationsClient,
    PollinationsError,
    RateLimitError,
    ReasoningDelta,
    Reply,
    ResponseInfo,
    StreamInterrupted,
    TextDelta,
    ToolCallDelta,
    UpstreamError,
)
from pollinations_client.response.reader import ResponseReader, reply_from
from pollinations_client.settings.retry import RetryPolicy
from support.any_json import CHUNKS
from support.rawserver import raw_server

SSE = ResponseInfo(headers={"content-type": "text/event-stream"})
JSON = ResponseInfo(headers={"content-type": "application/json"})
HIT = ResponseInfo.from_headers(200, {"content-type": "text/event-stream", "x-cache": "HIT"})


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    """A chunk of one choice."""
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def sse(*chunks: Any, done: bool = True) -> bytes:
    """A stream of these chunks, half characters as JSON escapes."""
    lines = [b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks]
    return b"".join(lines) + (b"data: [DONE]\n\n" if done else b"")


def events_of(body: bytes, info: ResponseInfo = SSE, **options: Any) -> list[Any]:
    """The events of a stream; raises its error."""
    reader = ResponseReader(info, **options)
    events = reader.feed(body)
    if reader.failure is None:
        events += reader.end()
    if reader.failure is not None:
        raise reader.failure
    return events


def streamed(*chunks: Any, info: ResponseInfo = SSE) -> Reply:
    """The reply that a stream of these chunks ends with."""
    last = events_of(sse(*chunks), info)[-1]
    assert isinstance(last, Finished)
    return last.reply


def joined(events: list[Any]) -> str:
    """All that the events of a stream show."""
    texts = [
        event.arguments if isinstance(event, ToolCallDelta) else event.text
        for event in events
        if isinstance(event, (TextDelta, ReasoningDelta, ToolCallDelta))
    ]
    return "".join(texts)


# Characters that the gateway cuts in two.

FIRST, SECOND = "a \ud83d", "\ude00 b"
MENDED = "a 😀 b"


def call(arguments: str, **more: Any) -> dict[str, Any]:
    """A delta with a piece of a tool call."""
    return {"tool_calls": [{"index": 0, "function": {"arguments": arguments}, **more}]}


DELTAS: dict[str, tuple[Callable[[str], dict[str, Any]], Callable[[Reply], str | None]]] = {
    "content": (lambda text: {"content": text}, lambda reply: reply.text),
    "reasoning_content": (lambda text: {"reasoning_content": text}, lambda reply: reply.reasoning),
    "reasoning": (lambda text: {"reasoning": text}, lambda reply: reply.reasoning),
    "refusal": (lambda text: {"refusal": text, "content": "x"}, lambda reply: reply.refusal),
    "arguments": (
        lambda text: call(text, id="c", type="function"),
        lambda reply: reply.tool_calls[0].arguments,
    ),
    "transcript": (
        lambda text: {"audio": {"id": "a", "transcript": text}},
        lambda reply: reply.audio and reply.audio.transcript,
    ),
    "block text": (
        lambda text: {"content_blocks": [{"index": 1, "delta": {"text": text}}]},
        lambda reply: reply.text,
    ),
    "block thinking": (
        lambda text: {"content_blocks": [{"index": 0, "delta": {"thinking": text}}]},
        lambda reply: reply.reasoning,
    ),
    "content list": (
        lambda text: {"content": [{"type": "text", "text": text}]},
        lambda reply: reply.text,
    ),
    "details": (
        lambda text: {"reasoning_details": [{"index": 0, "type": "t", "text": text}]},
        lambda reply: reply.reasoning_details[0]["text"],
    ),
}


@pytest.mark.parametrize("name", DELTAS)
def test_a_character_cut_between_two_chunks_is_one_character(name: str) -> None:
    """Its halves come as JSON escapes of their own; nothing of either text is lost."""
    delta, text_of = DELTAS[name]
    for halves in ((FIRST, SECOND), ("a \ud83d", "", "\ude00 b"), ("a ", "\ud83d", "\ude00", " b")):
        body = sse(*(chunk(**delta(half)) for half in halves), chunk("stop"))
        events = events_of(body)
        assert text_of(events[-1].reply) == MENDED
        shown = "".join(
            event.transcript if isinstance(event, AudioDelta) else joined([event])
            for event in events
        )
        assert name == "refusal" or shown == MENDED


def test_a_half_without_its_other_half_is_replaced_and_nothing_else() -> None:
    """Before other text, at the end of the stream, and where two calls are told in turns."""
    assert streamed(chunk(content=FIRST), chunk("stop", content="b")).text == "a \ufffdb"
    assert streamed(chunk(content=FIRST), chunk("stop")).text == "a \ufffd"
    assert streamed(chunk(content=SECOND), chunk("stop")).text == "\ufffd b"
    calls = [
        {"tool_calls": [{"index": index, "id": f"c{index}", "function": {"name": "f"}}]}
        for index in (0, 1)
    ]
    parts = [(0, '{"x": "\ud83d'), (1, '{"y": "\ud83d'), (0, '\ude00"}'), (1, '\ude01"}')]
    pieces = [
        {"tool_calls": [{"index": index, "function": {"arguments": text}}]} for index, text in parts
    ]
    reply = streamed(*(chunk(**delta) for delta in (*calls, *pieces)), chunk("tool_calls"))
    assert [one.args for one in reply.tool_calls] == [{"x": "😀"}, {"y": "😁"}]


def test_halves_in_a_whole_body_are_joined() -> None:
    """In one text, over two blocks, as bytes, and in the JSON of arguments."""
    message = {
        "content": [{"type": "text", "text": FIRST}, {"type": "text", "text": SECOND}],
        "reasoning_content": FIRST + SECOND,
        "tool_calls": [
            {"id": "c", "function": {"name": "f", "arguments": '{"x": "\\ud83d\\ude00 \\ud83d"}'}}
        ],
    }
    body = json.dumps({"choices": [{"message": message}]}).encode()
    reply = reply_from(body, JSON)
    assert (reply.text, reply.reasoning) == (MENDED, MENDED)
    assert reply.tool_calls[0].args == {"x": "😀 \ufffd"}
    cesu = b'{"choices":[{"message":{"content":"a \xed\xa0\xbd\xed\xb8\x80 b"}}]}'
    assert reply_from(cesu, JSON).text == MENDED


# Choices, messages and events of odd kinds.


@pytest.mark.parametrize(
    "choices",
    [
        {"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"},
        {"0": {"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}},
        [{"index": 0, "message": "hi", "finish_reason": "stop"}],
        [{"index": 0, "delta": "hi", "finish_reason": "stop"}],
        [{"index": 0, "delta": {}, "message": {"content": "hi"}, "finish_reason": "stop"}],
        [{"index": 0, "message": ["hi"], "finish_reason": "stop"}],
        [{"index": 0, "message": {"content": {"type": "text", "text": "hi"}}}],
        [{"index": 0, "message": {"content": ["h", "i"]}, "finish_reason": "stop"}],
        [{"index": 0, "content": "hi", "finish_reason": "stop"}],
        [{"index": 0, "text": "hi", "finish_reason": "stop"}],
        [None, {"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}],
    ],
)
def test_choices_of_odd_kinds_are_read(choices: Any) -> None:
    """As a whole body and as the chunk of a stream."""
    assert reply_from(json.dumps({"choices": choices}).encode(), JSON).text == "hi"
    events = events_of(sse({"choices": choices}))
    assert (joined(events), events[-1].reply.text) == ("hi", "hi")


@pytest.mark.parametrize(
    "choices",
    [
        [{"index": 0, "finish_reason": "stop"}],
        [{"index": 0, "message": None, "finish_reason": "stop"}],
        [{"index": 0, "delta": 7, "finish_reason": "stop"}],
        ["hi"],
        "hi",
        [["hi"]],
        7,
        True,
    ],
)
def test_an_answer_of_choices_that_cannot_be_read_is_refused(choices: Any) -> None:
    """Never an empty answer in silence."""
    with pytest.raises(MalformedReply):
        reply_from(json.dumps({"choices": choices}).encode(), JSON)
    with pytest.raises((MalformedReply, EmptyReply)):
        events_of(sse({"choices": choices}))


def test_what_cannot_be_read_beside_an_answer_is_kept() -> None:
    """One odd chunk costs no answer."""
    reply = streamed(chunk(content="a"), {"choices": ["odd"]}, chunk("stop", content="b"))
    assert (reply.text, reply.extra["choice.unread"]) == ("ab", ["odd"])


@pytest.mark.parametrize("name", ["error", "Error", "upstream_error", "response.failed"])
@pytest.mark.parametrize(
    ("data", "word"),
    [
        ('data: {"detail": "it broke"}\n', "it broke"),
        ('data: {"code": 529}\n', ""),
        ('data: {"choices": [], "message": "it broke"}\n', "it broke"),
        ("data: it broke\n", "it broke"),
        ("data: [DONE]\n", "[DONE]"),
        ("data: it\ndata: broke\n", "it broke"),
        ("", "error"),
    ],
)
def test_an_event_whose_name_says_error_is_one_whatever_its_data(
    name: str, data: str, word: str
) -> None:
    """Before the first word, where text is a keep-alive, and behind it."""
    event = f"event: {name}\n{data}\n".encode()
    for before in (b"", sse(chunk(content="half"), done=False)):
        with pytest.raises(PollinationsError) as caught:
            events_of(before + event)
        assert not isinstance(caught.value, (StreamInterrupted, EmptyReply))
        assert word in str(caught.value) or name in str(caught.value).lower()
    ordinary = sse(chunk("stop", content="x")).replace(b"data: {", b"event: message\ndata: {")
    assert joined(events_of(ordinary)) == "x"


def test_blank_lines_before_a_stream_do_not_hide_it() -> None:
    """Some gateways keep a connection open with them."""
    assert joined(events_of(b"\n" * 200 + sse(chunk("stop", content="x")))) == "x"


# What the gateway's cache repeats.


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (sse(chunk(content="half"), done=False), StreamInterrupted),
        (sse(chunk(content="half"), {"error": {"message": "x"}}), UpstreamError),
        (sse(chunk(content="half"), {"error": {"message": "x", "code": 429}}), RateLimitError),
        (sse(chunk("error", content="half")), UpstreamError),
        (sse(), EmptyReply),
        (b"", EmptyReply),
        (b"data: {\n\n", MalformedReply),
    ],
)
def test_a_failure_from_the_cache_is_not_retryable_and_names_the_seed(
    body: bytes, kind: type[PollinationsError]
) -> None:
    """Every 200 that ends cleanly is stored: the identical request gets the same failure."""
    with pytest.raises(PollinationsError) as caught:
        events_of(body, HIT)
    error = caught.value
    assert isinstance(error, (kind, StreamInterrupted))
    assert not error.is_retryable
    assert "X-Cache: HIT" in str(error)
    assert "seed" in str(error)
    assert str(error).count("X-Cache") == 1
    with pytest.raises(PollinationsError) as caught:
        events_of(body)
    assert "X-Cache" not in str(caught.value)


def test_no_retry_policy_repeats_a_failure_from_the_cache() -> None:
    """Neither the client's own, for plain calls, nor one that asks the error."""
    answer = b'{"choices":[{"message":{"content":""},"finish_reason":"stop"}],"usage":{}}'
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Cache: HIT\r\n"
        b"Content-Length: %d\r\n\r\n" % len(answer)
    )

    def play(peer: socket.socket, request: bytes) -> None:
        peer.sendall(head + answer)

    with raw_server(play) as server:
        client = PollinationsClient(base_url=server.url, retry=RetryPolicy(max_retries=3))
        with pytest.raises(EmptyReply) as caught:
            client.chat("hi")
        assert not caught.value.is_retryable
        assert len(server.requests) == 1


# A key that a server echoes.


@pytest.mark.parametrize("streams", [False, True])
def test_a_key_cut_by_two_network_pieces_is_blanked(streams: bool) -> None:
    """At every place where the pieces can meet, in streams and in whole bodies."""
    key = "sk_test_0123456789abcdef"
    body = json.dumps({"choices": [{"message": {"content": f"your key is {key}."}}]}).encode()
    if streams:
        body = sse(chunk("stop", content=f"your key is {key}."))
    kind = b"text/event-stream" if streams else b"application/json"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % kind
    start = body.index(key.encode())
    cuts = iter(range(start, start + len(key) + 1))

    def play(peer: socket.socket, request: bytes) -> None:
        cut = next(cuts)
        pieces = [b"%x\r\n%s\r\n" % (len(one), one) for one in (body[:cut], body[cut:], b"")]
        peer.sendall(head + b"".join(pieces))

    with raw_server(play) as server, PollinationsClient(api_key=key, base_url=server.url) as client:
        for _ in range(len(key) + 1):
            if streams:
                events = list(client.stream_chat("hi"))
                text = joined(events) + events[-1].reply.text
            else:
                text = client.chat("hi").text
            assert key not in text
            assert "your key is [redacted]." in text


# Time: what a server sends is read in a number of steps that grows with it, not with its square.


def steps_of(function: Callable[[], Any]) -> int:
    """Lines of Python that a call runs, and calls of C functions."""
    steps = 0

    def count(frame: Any, event: str, argument: Any) -> Any:
        nonlocal steps
        steps += 1
        return count

    sys.settrace(count)
    try:
        function()
    finally:
        sys.settrace(None)
    return steps


def read(*chunks: Any) -> None:
    """Read a stream; errors are answers too."""
    try:
        events_of(sse(*chunks))
    except PollinationsError:
        pass


GROWING: dict[str, Callable[[int], list[Any]]] = {
    "think tags": lambda n: [chunk(content="<think>" * n), chunk("stop")],
    "think tags in pieces": lambda n: [chunk(content="<think>")] * n + [chunk("stop")],
    "closed think tags": lambda n: [chunk(content="<think></think>" * n), chunk("stop")],
    "blank lines": lambda n: [chunk(content="\n")] * n + [chunk("stop", content="x")],
    "reasoning details": lambda n: [
        chunk(reasoning_details=[{"type": "t", "index": i, "text": "x"}]) for i in range(n)
    ],
    "reasoning details of no index": lambda n: [
        chunk(reasoning_details=[{"type": "t", "text": "x"}] * n)
    ],
    "annotations": lambda n: [chunk(annotations=[{"n": i} for i in range(n)])],
    "named brackets": lambda n: (
        [chunk(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}])]
        * n
    ),
    "named quotes": lambda n: [
        chunk(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": text}}])
        for text in ['{"', *['\\"'] * n]
    ],
    "whole calls": lambda n: [
        {"choices": [{"message": {"tool_calls": [{"function": {"name": "f"}}] * n}}]}
    ],
    "blocks": lambda n: [
        chunk(content="z", content_blocks=[{"type": "thinking", "thinking": "t"}] * n)
    ],
    "echoed blocks": lambda n: [
        *[chunk(content_blocks=[{"index": 0, "delta": {"text": "ab"}}])] * n,
        *[chunk(content="ab")] * n,
    ],
    "signatures": lambda n: [
        chunk(content_blocks=[{"index": i, "delta": {"signature": "s"}}]) for i in range(n)
    ],
    "pictures and sound": lambda n: (
        [chunk(images=["data:image/png;base64,QQ=="], audio={"data": "QQ==", "transcript": "x"})]
        * n
    ),
    "text and sound": lambda n: [
        one for _ in range(n) for one in (chunk(content="x"), chunk(audio={"data": "QQ=="}))
    ],
    "halves": lambda n: [chunk(content=text) for text in ["\ud83d", "\ude00"] * n],
    "log probabilities": lambda n: (
        [{"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [{"token": "x"}]}}]}] * n
    ),
}


@pytest.mark.parametrize("name", GROWING)
def test_ten_times_the_input_takes_ten_times_the_steps(name: str) -> None:
    """Whatever a server sends: no scan of what came before for each thing that comes."""
    few, many = GROWING[name](60), GROWING[name](600)
    read(*few)  # caches of the standard library
    assert steps_of(lambda: read(*many)) < 12 * steps_of(lambda: read(*few)) + 500


@pytest.mark.parametrize("depth", [150, 500, 5_000, 200_000])
@pytest.mark.parametrize("opening", ['{"a":', "["])
def test_depth_is_an_answer_or_one_of_our_errors(depth: int, opening: str) -> None:
    """In a body, in an event, as arguments, in JSON within strings."""
    closing = "}" if opening == '{"a":' else "]"
    for deep in (opening * depth, opening * depth + "1" + closing * depth):
        for wrapped in (
            "%s",
            '{"choices":[%s]}',
            '{"choices":[{"delta":{"x":%s,"content":"\\ud83d"}}]}',
        ):
            body = (wrapped % deep).encode()
            for received, info in ((body, JSON), (b"data: " + body + b"\n\n", SSE)):
                try:
                    events_of(received, info)
                except PollinationsError:
                    pass
        reply = streamed(chunk(**call(deep, id="c")), chunk("tool_calls"))
        assert reply.tool_calls[0].args is None or depth < 200
        assert isinstance(reply.tool_calls[0].problem, (str, type(None)))
        with pytest.raises(PollinationsError):
            events_of(sse({"error": deep}, {"error": {"message": deep}}))


# Any JSON type in any field.


@settings(max_examples=300)
@given(st.lists(CHUNKS, max_size=4), st.booleans())
@example([{"choices": [{"delta": {"content": [{"type": []}]}}]}], True)
def test_every_field_may_have_any_json_type(chunks: list[Any], done: bool) -> None:
    """An answer or one of our own errors, as a stream and as a whole body; both print."""
    bodies = [(sse(*chunks, done=done), SSE)]
    bodies += [(json.dumps(one).encode(), JSON) for one in chunks]
    for body, info in bodies:
        try:
            events = events_of(body, info)
        except PollinationsError as error:
            repr((str(error), error.body, error.partial))
            continue
        reply = events[-1].reply
        assert isinstance(reply.raw["choices"][0]["message"], dict)
        json.dumps(reply.raw).encode()
        for one in reply.tool_calls:
            assert (one.args is None) == (one.problem is not None) or not one.name
