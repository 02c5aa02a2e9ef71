"""Faults of the network, sync and async: what is raised, how often is asked, what stays open."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import json
import logging
import os
import pickle
import socket
import ssl
import threading
import time
import traceback
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pollinations_client import (
    APIConnectionError,
    APITimeoutError,
    AsyncPollinationsClient,
    ConfigurationError,
    Finished,
    Limits,
    MalformedReply,
    PermissionDeniedError,
    PollinationsClient,
    PollinationsError,
    RateLimitError,
    RedirectError,
    Reply,
    RetryPolicy,
    ServerError,
    StreamInterrupted,
    TextDelta,
    Timeouts,
)
from support.rawserver import chunk, raw_server, reset, response, stream_head

QUICK = RetryPolicy(backoff_base_s=0.01)
KEY = "sk_demo_0123456789abcdef"
# A busy machine may be slow; without the limits under test each of these would take far longer.
SLACK_S = 5.0
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
WHOLE = json.dumps(
    {
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
        ],
        "usage": USAGE,
    }
).encode()


def piece(text: str | None, finish: str | None = None) -> bytes:
    """One chunk of a stream, framed."""
    delta = {} if text is None else {"content": text}
    return (
        b"data: "
        + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()
        + b"\n\n"
    )


GOOD_STREAM = (
    stream_head()
    + chunk(piece("h"))
    + chunk(piece("i"))
    + chunk(piece(None, "stop"))
    + chunk(b"data: [DONE]\n\n")
    + chunk(b"")
)


def ask(mode: str, url: str, prompt: str = "hi", **settings: Any) -> Reply:
    """One chat in one of the four ways, to the end."""
    settings = {"retry": QUICK, "base_url": url, **settings}
    if mode == "sync":
        with PollinationsClient(KEY, **settings) as client:
            return client.chat(prompt)
    if mode == "stream":
        with PollinationsClient(KEY, **settings) as client:
            return _last(list(client.stream_chat(prompt)))
    return asyncio.run(_ask_async(mode, prompt, settings))


async def _ask_async(mode: str, prompt: str, settings: dict[str, Any]) -> Reply:
    async with AsyncPollinationsClient(KEY, **settings) as client:
        if mode == "async":
            return await client.chat(prompt)
        return _last([event async for event in client.stream_chat(prompt)])


def _last(events: list[Any]) -> Reply:
    assert isinstance(events[-1], Finished)
    return events[-1].reply


MODES = ["sync", "async", "stream", "astream"]
PLAIN_MODES, STREAM_MODES = MODES[:2], MODES[2:]
each_mode = pytest.mark.parametrize("mode", MODES)
each_plain = pytest.mark.parametrize("mode", PLAIN_MODES)
each_stream = pytest.mark.parametrize("mode", STREAM_MODES)


def whole_or_stream(peer: socket.socket, request: bytes) -> None:
    """The good answer in the form that was asked for."""
    peer.sendall(GOOD_STREAM if b'"stream":true' in request else response(WHOLE))


@each_mode
def test_a_good_answer_and_its_headers(mode: str) -> None:
    """The key in the header only, our own User-Agent, no cookies sent back."""
    with raw_server(whole_or_stream) as server:
        assert ask(mode, server.url).text == "hi"
    head = server.requests[0].split(b"\r\n\r\n")[0].decode()
    assert f"authorization: Bearer {KEY}" in head
    assert KEY not in head.split("\r\n")[0]
    assert "user-agent: pollinations-adapters/" in head
    assert head.startswith("POST /v1/chat/completions HTTP/1.1")


# -- nothing answers


@each_mode
def test_refused_connections_are_tried_again_and_named(mode: str) -> None:
    """Nothing was sent, so even a stream is tried again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(APIConnectionError, match=str(port)) as caught:
        ask(mode, f"http://127.0.0.1:{port}")
    assert caught.value.retries_taken == 2


@each_mode
def test_a_reset_after_the_request_is_ambiguous(mode: str) -> None:
    """A plain call is repeated once, byte for byte; a stream never: it would be billed twice."""
    with raw_server(lambda peer, _: reset(peer)) as server, pytest.raises(APIConnectionError):
        ask(mode, server.url)
    assert len(server.requests) == (2 if mode in PLAIN_MODES else 1)
    assert len(set(request.partition(b"\r\n")[2] for request in server.requests)) == 1


@each_stream
def test_a_stream_is_repeated_before_its_first_byte_only_when_asked_to(mode: str) -> None:
    """``retry_streams=True`` accepts to pay twice."""
    policy = RetryPolicy(backoff_base_s=0.01, retry_streams=True)
    with raw_server(lambda peer, _: reset(peer)) as server, pytest.raises(APIConnectionError):
        ask(mode, server.url, retry=policy)
    assert len(server.requests) == 2


@each_mode
@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000,
    ],
)
def test_what_is_not_http_is_a_connection_error(mode: str, garbage: bytes) -> None:
    """And the libraries' own exceptions stay inside."""

    def script(peer: socket.socket, _: bytes) -> None:
        peer.sendall(garbage)
        peer.shutdown(socket.SHUT_WR)

    with raw_server(script) as server, pytest.raises(APIConnectionError):
        ask(mode, server.url)


@each_mode
def test_an_untrusted_certificate_is_not_tried_again(
    mode: str, tmp_path: Any, self_signed: ssl.SSLContext
) -> None:
    """Nothing changes by trying, and nothing is sent."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                try:
                    with self_signed.wrap_socket(peer, server_side=True) as secure:
                        received.append(secure.recv(100))
                except OSError:
                    received.append(b"handshake")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(APIConnectionError, match="certificate") as caught:
            ask(mode, f"https://127.0.0.1:{listener.getsockname()[1]}")
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    assert not caught.value.is_retryable
    assert received == [b"handshake"]


# -- time


def stalls_before_headers(peer: socket.socket, _: bytes) -> None:
    """Takes the request and says nothing."""
    time.sleep(1)


def drips_headers(peer: socket.socket, _: bytes) -> None:
    """A header line now and then."""
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(60):
        peer.sendall(b"X-%d: 1\r\n" % number)
        time.sleep(0.05)


def floods_with_informational(peer: socket.socket, _: bytes) -> None:
    """1xx without end."""
    end = time.monotonic() + 1.2
    while time.monotonic() < end:
        peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 50)


def drips_body(peer: socket.socket, request: bytes) -> None:
    """A byte of the answer now and then."""
    peer.sendall(
        stream_head()
        if b'"stream":true' in request
        else b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    )
    for _ in range(200):
        peer.sendall(chunk(b":") if b'"stream":true' in request else b" ")
        time.sleep(0.05)


@each_mode
@pytest.mark.parametrize(
    "script", [stalls_before_headers, drips_headers, floods_with_informational, drips_body]
)
def test_the_total_holds_against_every_kind_of_slowness(
    mode: str, script: Callable[[socket.socket, bytes], None]
) -> None:
    """On a monotonic clock, checked at every read."""
    with raw_server(script) as server:
        began = time.monotonic()
        with pytest.raises(APITimeoutError, match="total_timeout"):
            ask(mode, server.url, total_timeout=0.4)
        assert time.monotonic() - began < SLACK_S


@each_mode
def test_without_a_total_each_wait_is_limited_all_the_same(mode: str) -> None:
    """``None`` switches one limit off, not the others."""
    limits = Timeouts(total_s=None, answer_s=0.2, first_byte_s=0.2)
    with (
        raw_server(stalls_before_headers) as server,
        pytest.raises(APITimeoutError, match=r"no answer within 0\.2 s"),
    ):
        ask(mode, server.url, timeouts=limits)


@each_mode
def test_the_total_holds_while_connecting(mode: str) -> None:
    """A server whose queue is full does not even answer the handshake."""
    with socket.socket() as full, contextlib.ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            other = waiting.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        began = time.monotonic()
        with pytest.raises(APITimeoutError, match="total_timeout"):
            ask(mode, f"http://127.0.0.1:{full.getsockname()[1]}", total_timeout=0.4)
        assert time.monotonic() - began < SLACK_S


@each_mode
def test_the_total_holds_while_a_server_takes_the_request_piece_by_piece(mode: str) -> None:
    """Or takes none of it: a picture in a prompt is many pieces."""

    def script(peer: socket.socket, _: bytes) -> None:
        for _ in range(200):
            peer.recv(4096)
            time.sleep(0.05)

    with raw_server(script, reads_body=False) as server:
        began = time.monotonic()
        with pytest.raises(APITimeoutError, match="total_timeout"):
            ask(mode, server.url, prompt="x" * 20_000_000, total_timeout=0.6)
        assert time.monotonic() - began < SLACK_S


def test_the_total_holds_while_all_connections_are_busy() -> None:
    """The wait for a connection is part of the call."""

    def script(peer: socket.socket, _: bytes) -> None:
        peer.sendall(stream_head() + chunk(piece("h")))
        peer.recv(1)

    with (
        raw_server(script) as server,
        PollinationsClient(
            KEY, base_url=server.url, limits=Limits(max_connections=1), total_timeout=0.4
        ) as client,
        contextlib.closing(client.stream_chat("hi")) as stream,
    ):
        next(stream)
        began = time.monotonic()
        with pytest.raises(APITimeoutError, match="total_timeout"):
            client.chat("hi")
        assert time.monotonic() - began < SLACK_S


@each_mode
def test_a_silent_server_is_left_after_the_timeout(mode: str) -> None:
    """A plain call asks once more, since the repeat joins the first; the message names the
    option.
    """
    with (
        raw_server(stalls_before_headers) as server,
        pytest.raises(APITimeoutError, match=r"0\.2 s \(timeout\)"),
    ):
        ask(mode, server.url, timeout=0.2)
    assert len(server.requests) == (2 if mode in PLAIN_MODES else 1)


@each_stream
def test_a_stream_that_falls_silent_ends_with_what_came(mode: str) -> None:
    """The gateway can leave a stream open for ever."""

    def script(peer: socket.socket, _: bytes) -> None:
        peer.sendall(stream_head() + chunk(piece("par")))
        time.sleep(1)

    with (
        raw_server(script) as server,
        pytest.raises(APITimeoutError, match="stream_idle_timeout") as caught,
    ):
        ask(mode, server.url, stream_idle_timeout=0.2)
    assert caught.value.partial is not None
    assert caught.value.partial.text == "par"
    assert len(server.requests) == 1


@each_stream
def test_comments_keep_a_stream_from_being_idle_but_are_no_progress(mode: str) -> None:
    """Endless pings end too."""

    def script(peer: socket.socket, _: bytes) -> None:
        peer.sendall(stream_head() + chunk(piece("par")))
        for _ in range(200):
            peer.sendall(chunk(b": ping\n\n"))
            time.sleep(0.05)

    with raw_server(script) as server, pytest.raises(APITimeoutError, match="progress"):
        ask(mode, server.url, timeouts=Timeouts(stream_idle_s=0.3, progress_s=0.5))


@each_stream
def test_an_answer_told_to_its_end_waits_only_a_moment_for_the_rest(mode: str) -> None:
    """A provider that hangs after the finish reason has only its count to tell."""

    def script(peer: socket.socket, _: bytes) -> None:
        peer.sendall(stream_head() + chunk(piece("hi")) + chunk(piece("", "stop")))
        peer.recv(1)

    with raw_server(script) as server:
        reply = ask(mode, server.url, timeouts=Timeouts(after_finish_s=0.2, stream_idle_s=60))
    assert (reply.text, reply.finish_reason, reply.usage) == ("hi", "stop", None)


@each_mode
def test_a_proxy_that_cannot_be_used_is_named(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """httpx would raise ``ImportError`` or ``ValueError`` out of the middle of a call."""
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match="proxy"):
        ask(mode, "http://127.0.0.1:9", limits=Limits(max_connections=7))


# -- refusals


@each_mode
@pytest.mark.parametrize(
    ("status", "times"), [(429, 3), (503, 3), (500, 2), (400, 1), (402, 1), (404, 1)]
)
def test_refusals_are_asked_again_as_often_as_the_policy_says(
    mode: str, status: int, times: int
) -> None:
    """Counted on the wire, every repeat the same bytes."""
    with raw_server(
        lambda peer, _: peer.sendall(response(b'{"error":{"message":"no"}}', f"{status} No"))
    ) as server:
        with pytest.raises(PollinationsError) as caught:
            ask(mode, server.url)
    assert caught.value.status_code == status
    assert len(server.requests) == times == caught.value.retries_taken + 1
    assert len({request for request in server.requests}) == 1


@each_mode
@pytest.mark.parametrize("status", [500, 502])
def test_a_number_of_retries_that_was_named_holds_for_server_errors_too(
    mode: str, status: int
) -> None:
    """They are not billed; only nobody is made to wait for more than one who did not ask."""
    with raw_server(
        lambda peer, _: peer.sendall(response(b"{}", f"{status} No", extra="Retry-After: 0.01\r\n"))
    ) as server:
        with pytest.raises(PollinationsError) as caught:
            ask(mode, server.url, retry=None, max_retries=2)
    assert len(server.requests) == 3 == caught.value.retries_taken + 1


@each_mode
def test_a_refusal_then_an_answer(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    """Each repeat is logged, without the key or the prompt."""
    turns: list[int] = []

    def script(peer: socket.socket, request: bytes) -> None:
        turns.append(1)
        if len(turns) == 1:
            peer.sendall(response(b"{}", "429 Slow", extra="Retry-After: 0.01\r\n"))
        else:
            whole_or_stream(peer, request)

    with raw_server(script) as server, caplog.at_level(logging.DEBUG):
        reply = ask(mode, server.url)
    assert (reply.text, reply.info.retries_taken) == ("hi", 1)
    assert "attempt 2" in caplog.text
    assert KEY not in caplog.text


@each_mode
def test_a_limiter_and_then_a_failure_are_both_got_over(mode: str) -> None:
    """What the limiter turned away was not tried, so the failure after it may still be repeated
    once.
    """
    refusals = iter(["429 Slow", "500 Oh"])

    def script(peer: socket.socket, request: bytes) -> None:
        if (status := next(refusals, None)) is None:
            whole_or_stream(peer, request)
        else:
            peer.sendall(response(b"{}", status))

    with raw_server(script) as server:
        assert ask(mode, server.url).info.retries_taken == 2


@each_mode
def test_a_long_wish_is_passed_on_at_once(mode: str) -> None:
    """Not slept through."""
    with (
        raw_server(
            lambda peer, _: peer.sendall(
                response(b"{}", "429 Slow", extra="Retry-After: 4000000\r\n")
            )
        ) as server,
        pytest.raises(RateLimitError) as caught,
    ):
        ask(mode, server.url)
    assert caught.value.retry_after == 4_000_000
    assert len(server.requests) == 1


@each_mode
def test_redirects_are_never_followed(mode: str) -> None:
    """Prompt and key would go to another place."""
    with raw_server(whole_or_stream) as other:
        moved = response(b"", "307 Moved", extra=f"Location: {other.url}/v1/chat/completions\r\n")
        with (
            raw_server(lambda peer, _: peer.sendall(moved)) as server,
            pytest.raises(RedirectError),
        ):
            ask(mode, server.url)
        with (
            pytest.raises(RedirectError),
            raw_server(lambda peer, _: peer.sendall(moved)) as server,
            httpx.Client(follow_redirects=True) as own,
        ):
            PollinationsClient(KEY, base_url=server.url, http_client=own).chat("hi")
    assert other.requests == []


@each_mode
@pytest.mark.parametrize(
    "body",
    [
        b"<html><title>502</title></html>",
        b"error code: 1033",
        b"x" * 500_000,
        b'{"error":{"message":"' + b"y" * 200_000 + b'"}}',
    ],
)
def test_error_bodies_of_any_kind_and_size_are_bounded(mode: str, body: bytes) -> None:
    """An error page is not read to its end."""
    with raw_server(lambda peer, _: peer.sendall(response(body, "502 Bad", "text/html"))) as server:
        with pytest.raises(ServerError) as caught:
            ask(mode, server.url, max_retries=0)
    assert len(str(caught.value)) < 2_100


# -- bodies


@each_mode
def test_an_answer_over_the_limit_is_refused(mode: str) -> None:
    """Counted after decompression."""
    with (
        raw_server(lambda peer, _: peer.sendall(response(b" " * 100_000))) as server,
        pytest.raises(MalformedReply, match="larger"),
    ):
        ask(mode, server.url, limits=Limits(json_bytes=50_000))


@each_mode
def test_a_compression_bomb_is_refused(mode: str) -> None:
    """A few kilobytes that become megabytes."""
    bomb = gzip.compress(b" " * 20_000_000)
    with raw_server(
        lambda peer, _: peer.sendall(response(bomb, extra="Content-Encoding: gzip\r\n"))
    ) as server:
        with pytest.raises(MalformedReply, match="larger"):
            ask(mode, server.url, limits=Limits(json_bytes=1_000_000))


@each_mode
def test_a_body_that_was_packed_twice_is_not_opened(mode: str) -> None:
    """A kilobyte would fill the memory before anybody could count; a refusal packed so is still a
    refusal.
    """
    packed = gzip.compress(gzip.compress(b" " * 20_000_000))
    for status, kind in (("200 OK", MalformedReply), ("403 No", PermissionDeniedError)):
        answer = response(packed, status, extra="Content-Encoding: gzip, gzip\r\n")
        with raw_server(lambda peer, _, answer=answer: peer.sendall(answer)) as server:
            with pytest.raises(kind):
                ask(mode, server.url)


@each_mode
@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(WHOLE)),
        ("deflate", zlib.compress(WHOLE)),
        ("deflate", zlib.compress(WHOLE, wbits=-15)),
        ("identity, x-gzip", gzip.compress(WHOLE)),
        ("identity", WHOLE),
    ],
    # Named, as gzip writes the time: two workers of xdist would collect different tests.
    ids=["gzip", "zlib", "deflate", "x-gzip", "identity"],
)
def test_compressed_answers_are_read(mode: str, encoding: str, packed: bytes) -> None:
    """The two compressions we ask for, as servers name and send them."""
    answer = response(packed, extra=f"Content-Encoding: {encoding}\r\n")
    with raw_server(lambda peer, _: peer.sendall(answer)) as server:
        assert ask(mode, server.url).text == "hi"
    asked = (
        b"accept-encoding: gzip, deflate" if mode in PLAIN_MODES else b"accept-encoding: identity"
    )
    assert asked in server.requests[0].lower()


ENCODED = [("gzip", 31), ("deflate", 15), ("deflate", -15)]


def _packed(body: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(("encoding", "wbits"), ENCODED)
@pytest.mark.parametrize("lost_bytes", [1, 4, 8, 20])
def test_a_compressed_body_that_was_cut_is_not_taken_for_whole(
    encoding: str, wbits: int, lost_bytes: int
) -> None:
    """Its length fits and the connection ends well: only the compression tells."""
    text = "".join(f"{number} pollen;" for number in range(600)).encode()
    packed = _packed(text, wbits)
    answer = response(
        packed[:-lost_bytes], kind="text/plain", extra=f"Content-Encoding: {encoding}\r\n"
    )
    with (
        raw_server(lambda peer, _: peer.sendall(answer)) as server,
        PollinationsClient(KEY, base_url=server.url, retry=QUICK) as client,
    ):
        with pytest.raises(APIConnectionError, match="cut off"):
            client.text("x")
        with pytest.raises(APIConnectionError, match="cut off"):
            client.usage_csv()


@each_stream
def test_a_compressed_stream_that_was_cut_is_an_error_with_what_came(mode: str) -> None:
    """A stream that says that it is complete needs no end of its compression."""
    head = stream_head("Content-Encoding: gzip\r\n")
    for body, is_whole in ((piece("h"), False), (piece("h") + b"data: [DONE]\n\n", True)):
        packer = zlib.compressobj(wbits=31)
        cut = packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH)
        answer = head + chunk(cut) + chunk(b"")
        with raw_server(lambda peer, _, answer=answer: peer.sendall(answer)) as server:
            if is_whole:
                assert ask(mode, server.url).text == "h"
                continue
            with pytest.raises(APIConnectionError, match="cut off") as caught:
                ask(mode, server.url)
            assert caught.value.partial is not None
            assert caught.value.partial.text == "h"


def test_a_body_of_two_gzip_files_is_read_whole() -> None:
    """As RFC 1952 allows."""
    half = len(WHOLE) // 2
    body = gzip.compress(WHOLE[:half]) + gzip.compress(WHOLE[half:])
    answer = response(body, extra="Content-Encoding: gzip\r\n")
    with raw_server(lambda peer, _: peer.sendall(answer)) as server:
        assert ask("sync", server.url).text == "hi"


@each_stream
def test_a_stream_has_a_total_size(mode: str) -> None:
    """Counted after decompression; what came is on the error."""
    packed = gzip.compress(piece("h") + piece("x" * 1000) * 1000)
    answer = stream_head("Content-Encoding: gzip\r\n") + chunk(packed) + chunk(b"")
    with (
        raw_server(lambda peer, _: peer.sendall(answer)) as server,
        pytest.raises(MalformedReply, match="stream_bytes") as caught,
    ):
        ask(mode, server.url, limits=Limits(stream_bytes=300_000))
    assert caught.value.partial is not None
    assert caught.value.partial.text.startswith("h")
    assert len(caught.value.partial.text) < 300_000


def test_an_answer_that_ones_own_client_has_read_already_is_read() -> None:
    """A mock, or a hook that logs bodies."""
    mock = httpx.MockTransport(lambda request: httpx.Response(200, content=WHOLE))
    with httpx.Client(transport=mock) as own:
        assert PollinationsClient(KEY, http_client=own).chat("hi").text == "hi"
    with (
        raw_server(
            lambda peer, _: peer.sendall(
                response(gzip.compress(WHOLE), extra="Content-Encoding: gzip\r\n")
            )
        ) as server,
        httpx.Client(event_hooks={"response": [lambda answer: answer.read()]}) as own,
    ):
        assert PollinationsClient(KEY, base_url=server.url, http_client=own).chat("hi").text == "hi"


@each_mode
def test_broken_compression_is_ours_to_name(mode: str) -> None:
    """Not zlib's."""
    with raw_server(
        lambda peer, _: peer.sendall(response(b"nonsense", extra="Content-Encoding: gzip\r\n"))
    ) as server:
        with pytest.raises(MalformedReply, match="compression"):
            ask(mode, server.url)


@each_plain
def test_a_cut_body_is_asked_for_once_more(mode: str) -> None:
    """Content-Length promised more; the repeat comes from the gateway's cache."""
    cut = response(WHOLE).replace(b"Content-Length: ", b"Content-Length: 9")

    def script(peer: socket.socket, _: bytes) -> None:
        peer.sendall(cut)
        peer.shutdown(socket.SHUT_WR)

    with raw_server(script) as server, pytest.raises(APIConnectionError):
        ask(mode, server.url)
    assert len(server.requests) == 2


@each_stream
@pytest.mark.parametrize(
    "end",
    [
        lambda peer: reset(peer),
        lambda peer: peer.shutdown(socket.SHUT_WR),
        lambda peer: peer.sendall(chunk(b"")),
    ],
)
def test_a_cut_stream_is_an_error_with_what_came_and_one_request(
    mode: str, end: Callable[[socket.socket], Any]
) -> None:
    """Reset, closed, or ended politely before its time."""

    def script(peer: socket.socket, _: bytes) -> None:
        peer.sendall(stream_head() + chunk(piece("par")))
        time.sleep(0.05)
        end(peer)

    with (
        raw_server(script) as server,
        pytest.raises((APIConnectionError, StreamInterrupted)) as caught,
    ):
        ask(mode, server.url)
    assert caught.value.partial is not None
    assert caught.value.partial.text == "par"
    assert len(server.requests) == 1


@each_stream
def test_a_connection_lost_after_the_finish_reason_loses_nothing(mode: str) -> None:
    """The answer was complete."""

    def script(peer: socket.socket, _: bytes) -> None:
        peer.sendall(stream_head() + chunk(piece("hi")) + chunk(piece(None, "stop")))
        time.sleep(0.05)
        reset(peer)

    with raw_server(script) as server:
        assert ask(mode, server.url).text == "hi"


@each_stream
def test_pings_after_the_end_do_not_hold_the_caller(mode: str) -> None:
    """The answer is whole with ``[DONE]``; what still comes is listened to for a moment only."""

    def script(peer: socket.socket, _: bytes) -> None:
        peer.sendall(GOOD_STREAM.removesuffix(chunk(b"")))
        for _ in range(200):
            peer.sendall(chunk(b": ping\n\n"))
            time.sleep(0.05)

    with raw_server(script) as server:
        began = time.monotonic()
        assert ask(mode, server.url).text == "hi"
        assert time.monotonic() - began < SLACK_S


# -- connections


def test_connections_are_kept_after_streams_and_shared_by_clients() -> None:
    """One connection for many calls of many objects."""
    with raw_server(whole_or_stream) as server:
        clients = [PollinationsClient(KEY, base_url=server.url) for _ in range(5)]
        for client in clients:
            list(client.stream_chat("hi"))
            client.chat("hi")
        assert server.connections == 1
        for client in clients:
            client.close()


def test_leaving_a_stream_early_closes_its_connection() -> None:
    """At once, not when the collector comes by."""
    closed = threading.Event()

    def script(peer: socket.socket, _: bytes) -> None:
        peer.sendall(stream_head() + chunk(piece("h")))
        if peer.recv(1) == b"":
            closed.set()

    with raw_server(script) as server, PollinationsClient(KEY, base_url=server.url) as client:
        for event in client.stream_chat("hi"):
            assert isinstance(event, TextDelta)
            break
        assert closed.wait(0.5)
        closed.clear()

        async def early() -> None:
            async with AsyncPollinationsClient(KEY, base_url=server.url) as other:
                stream = other.stream_chat("hi")
                await anext(stream)
                await stream.aclose()

        asyncio.run(early())
        assert closed.wait(0.5)


def test_cancelling_a_task_closes_its_connection() -> None:
    """And raises nothing of ours in its place."""
    closed = threading.Event()

    def script(peer: socket.socket, _: bytes) -> None:
        if peer.recv(1) == b"":
            closed.set()

    async def cancelled(url: str) -> None:
        async with AsyncPollinationsClient(KEY, base_url=url) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.chat("hi")

    with raw_server(script) as server:
        asyncio.run(cancelled(server.url))
        assert closed.wait(0.5)
        assert len(server.requests) == 1


def test_one_object_on_many_loops_and_threads() -> None:
    """``Event loop is closed`` is everybody else's bug."""
    with raw_server(whole_or_stream) as server:
        client = AsyncPollinationsClient(KEY, base_url=server.url, max_retries=0)
        for _ in range(4):
            assert asyncio.run(client.chat("hi")).text == "hi"
        results: list[str] = []
        threads = [
            threading.Thread(target=lambda: results.append(asyncio.run(client.chat("hi")).text))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert results == ["hi"] * 8
        assert len(server.requests) == 12


def test_nothing_is_left_open() -> None:
    """File descriptors after many calls of all kinds, on many loops."""
    with raw_server(whole_or_stream) as server:
        for mode in MODES:
            ask(mode, server.url)
        gc.collect()
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
        for _ in range(25):
            for mode in MODES:
                ask(mode, server.url)
        gc.collect()
        deadline = time.monotonic() + 5  # the server's threads close their ends in their own time
        # Fewer is what other tests have left to the collector meanwhile.
        while before is not None and len(os.listdir("/proc/self/fd")) - before > 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_client_of_ones_own_is_used_as_it_is_and_left_open() -> None:
    """Its hooks run, and it is never closed here."""
    seen: list[str] = []
    with (
        raw_server(whole_or_stream) as server,
        httpx.Client(
            event_hooks={"request": [lambda request: seen.append(request.url.path)]}
        ) as own,
    ):
        with PollinationsClient(KEY, base_url=server.url, http_client=own) as client:
            assert client.chat("hi").text == "hi"
            assert _last(list(client.stream_chat("hi"))).text == "hi"
        assert not own.is_closed
    assert seen == ["/v1/chat/completions"] * 2
    with pytest.raises(ConfigurationError, match="closed"):
        client.chat("hi")


def test_after_close_a_later_call_opens_anew() -> None:
    """Closing gives connections back; it does not break the object."""
    with raw_server(whole_or_stream) as server:
        client = PollinationsClient(KEY, base_url=server.url)
        client.chat("hi")
        client.close()
        assert client.chat("hi").text == "hi"
        client.close()
        assert server.connections == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_uses_connections_of_its_own() -> None:
    """Parent and child on one socket would read each other's answers."""
    with (
        raw_server(whole_or_stream) as server,
        PollinationsClient(KEY, base_url=server.url) as client,
    ):
        client.chat("hi")
        child = os.fork()
        if child == 0:
            os._exit(0 if client.chat("hi").text == "hi" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert client.chat("hi").text == "hi"
        assert server.connections == 2


ECHO = json.dumps(
    {"error": {"message": f"no such key {KEY}", "code": KEY, "requestId": KEY, KEY: [KEY]}}
).encode()


def echoing(answer: bytes) -> Callable[[socket.socket, bytes], None]:
    """Send ``answer``, then end."""
    return lambda peer, _: (peer.sendall(answer), peer.shutdown(socket.SHUT_WR))[0]


@each_mode
@pytest.mark.parametrize(
    "script",
    [
        lambda peer, _: reset(peer),
        echoing(response(ECHO, "401 No", extra=f"x-request-id: {KEY}\r\nx-echo: Bearer {KEY}\r\n")),
        echoing(response(ECHO)),
        echoing(response(json.dumps({KEY: KEY}).encode(), extra=f"x-request-id: {KEY}\r\n")),
        echoing(response(f"<title>{KEY}</title>".encode(), kind=f"text/html; for={KEY}")),
        echoing(stream_head() + chunk(b"data: " + ECHO + b"\n\n") + chunk(b"")),
        echoing(
            stream_head() + chunk(piece("h")) + chunk(f"data: {{{KEY}\n\n".encode()) + chunk(b"")
        ),
        echoing(f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode()),
    ],
)
def test_a_servers_echo_of_the_key_is_in_no_part_of_an_error(
    mode: str, script: Callable[[socket.socket, bytes], None]
) -> None:
    """Message, attributes, pickle, and the locals of our frames in a traceback; the causes behind
    them too.
    """
    with raw_server(script) as server, pytest.raises(PollinationsError) as caught:
        ask(mode, server.url)
    error = caught.value
    assert KEY not in f"{error} {error!r} {error.__dict__}"
    assert KEY.encode() not in pickle.dumps(error)
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    behind = [told, *filter(None, (told.__cause__, told.__context__))]
    ours = [
        frame for one in behind for frame in one.stack if "pollinations_client" in frame.filename
    ]
    assert ours
    assert [
        (frame.name, name)
        for frame in ours
        for name, value in (frame.locals or {}).items()
        if KEY in value
    ] == []


@each_mode
def test_a_servers_echo_of_the_key_in_an_answer_is_blanked(mode: str) -> None:
    """An answer goes into traces and into the next prompt."""

    def script(peer: socket.socket, request: bytes) -> None:
        if b'"stream":true' in request:
            peer.sendall(
                stream_head()
                + chunk(piece(f"It is {KEY}.", "stop"))
                + chunk(b"data: [DONE]\n\n")
                + chunk(b"")
            )
        else:
            peer.sendall(response(WHOLE.replace(b'"hi"', f'"It is {KEY}."'.encode())))

    with raw_server(script) as server:
        assert ask(mode, server.url).text == "It is [redacted]."


def test_one_stream_is_one_post_whatever_happens_after() -> None:
    """The rule that protects the user's money."""
    scripts: list[Callable[[socket.socket, bytes], None]] = [
        lambda peer, _: reset(peer),
        lambda peer, _: peer.sendall(stream_head() + chunk(piece("x")) + chunk(b"")),
        lambda peer, _: peer.sendall(response(b"<html>", kind="text/html")),
        lambda peer, _: peer.sendall(response(b"{}", "504 Late")),
        lambda peer, _: peer.sendall(response(b"{}", "524 Late")),
    ]
    for script in scripts:
        for mode in STREAM_MODES:
            with raw_server(script) as server, pytest.raises(PollinationsError):
                ask(mode, server.url)
            assert len(server.requests) == 1
