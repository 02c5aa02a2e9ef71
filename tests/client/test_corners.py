"""Corners that the tables of the other tests pass by: odd shapes, odd ends, odd settings; and a
bounded fuzz.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import gzip
import json
import random
import socket
import subprocess
import sys
import time
import zlib
from typing import Any

import httpx
import pytest

from pollinations_client import (
    APIConnectionError,
    APITimeoutError,
    AsyncPollinationsClient,
    ChatOptions,
    ConfigurationError,
    ContentPolicyError,
    InvalidRequestError,
    Limits,
    MalformedReply,
    ModelNotAllowedError,
    OtherPart,
    PollinationsClient,
    PollinationsError,
    Reply,
    ResponseInfo,
    RetryPolicy,
    TextDelta,
    TextPart,
    ToolCallDelta,
    UnknownModelError,
    Usage,
)
from pollinations_client.emulator import Answer, Body, Emulator
from pollinations_client.request import endpoints
from pollinations_client.request.validation import Options, unknown_option
from pollinations_client.response.error_decoder import error_from_body, error_from_response
from pollinations_client.response.payment_notices import error_in, may_become
from pollinations_client.response.reader import ResponseReader, reply_from
from pollinations_client.response.sse import EventDecoder
from pollinations_client.transport.decompression import Decompressor
from support.rawserver import chunk, raw_server, response, stream_head

SSE = ResponseInfo(headers={"content-type": "text/event-stream"})
FINISH = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def folded(*deltas: Any) -> Reply:
    """The reply of a stream of deltas; a dict with ``choices`` is a chunk as it is."""
    chunks = [
        one
        if isinstance(one, dict) and "choices" in one
        else {"choices": [{"index": 0, "delta": one}]}
        for one in deltas
    ]
    body = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in [*chunks, FINISH])
    return reply_from(body, SSE)


def test_odd_shapes_of_chunks_and_messages() -> None:
    """Choices that are no objects, legacy text, content as a list, empty deltas on the straight
    path.
    """
    assert (
        folded({"choices": ["x"]}, {"content": "a"}, {"content": ""}, {"content": "b"}).text == "ab"
    )
    assert folded({"choices": [{"index": 0, "text": "old"}]}).text == "old"
    assert folded({"content": [{"type": "text", "text": "in a list"}]}).text == "in a list"
    assert (
        folded(
            {"reasoning_content": "a"},
            {"reasoning_content": ""},
            {"reasoning_content": "b"},
            {"content": "x"},
        ).reasoning
        == "ab"
    )
    assert (
        folded(
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
    assert folded(
        {"content": "x", "search_results": 1},
        {"choices": [{"index": 0, "delta": {"content": "y"}}], "search_results": [{"url": "u"}]},
    ).search_results == [{"url": "u"}]


def test_refusals_annotations_images_and_errors_of_a_choice() -> None:
    """Fields that few providers send."""
    reply = folded(
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
        folded({"choices": [{"index": 0, "error": {"message": "slow", "code": 429}}]})


def test_reasoning_from_one_source_only_and_details_that_are_no_objects() -> None:
    """Blocks first, then the field: the field only repeats."""
    reply = folded(
        {"content_blocks": [{"index": 0, "delta": {"thinking": "a"}}]},
        {"reasoning_content": "a"},
        {"content": "x", "reasoning_details": ["odd"]},
    )
    assert reply.reasoning == "a"
    assert (
        folded(
            {
                "content": "x",
                "content_blocks": [{"type": "thinking", "thinking": "t", "signature": ""}],
            }
        ).reasoning
        == "t"
    )
    assert (
        folded(
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
        _ = folded({"images": ["data:image/png;base64,%%%"]}).images[0].data
    assert folded({"images": ["https://a.example"]}).images[0].data is None
    sound = folded(
        {"audio": {"data": "AA=="}}, {"audio": {"data": "A="}}, {"audio": {"data": "AAA"}}
    )
    assert sound.audio is not None
    assert folded({"audio": {"data": "AAAA"}}, {"audio": {"data": "BBBB"}}).audio.data == "AAAABBBB"  # type: ignore[union-attr]


def test_tool_calls_without_names_or_functions_say_so() -> None:
    """Nothing to call is a problem, not a crash."""
    reply = folded(
        {
            "tool_calls": [
                {"index": 0, "id": "a"},
                {"id": "b", "function": {"name": "f", "arguments": "{}"}},
                "odd",
            ]
        }
    )
    assert [bool(call.problem) for call in reply.tool_calls] == [True, False]
    assert folded(
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"a'}}]},
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '":1}'}}]},
    ).tool_calls[0].args == {"a": 1}


def test_counts_as_text_and_usage_headers_that_are_no_numbers() -> None:
    """Read where possible, left out where not."""
    reply = folded(
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


def test_events_after_the_last_one_and_events_without_end() -> None:
    """One piece may hold more than the answer; one event may be a bomb."""
    reader = ResponseReader(SSE)
    reader.feed(
        b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n'
        b'data: [DONE]\n\ndata: {"x":1}\n\n'
    )
    assert reader.is_finished
    assert reader.end() == []
    bomb = ResponseReader(SSE)
    bomb._decoder = EventDecoder(100)
    bomb.feed(b"data: " + b"x" * 200)
    assert isinstance(bomb.failure, MalformedReply)
    deep = b'data: {"choices": ' + b"[" * 100_000 + b"\n\n"
    with pytest.raises(PollinationsError):
        reply_from(deep, SSE)


def test_refusals_inside_200_by_words_and_by_digits() -> None:
    """Where neither status nor code says it."""
    assert (
        type(error_from_body({"error": {"message": "flagged by content filter"}}))
        is ContentPolicyError
    )
    assert error_from_body({"error": {"message": "x", "code": "503"}}).status_code == 503
    assert not error_from_response(
        500, {"error": {"type": "invalid_request_error", "message": "x"}}
    ).is_retryable


def test_a_notice_is_short() -> None:
    """A long text is an answer whatever it opens with."""
    opening = "The API key used for this request isn't allowed to use x. [y](https://enter.a/b) "
    assert type(error_in(opening, {})) is ModelNotAllowedError
    assert error_in(opening + "z" * 2_000, {}) is None
    assert not may_become(opening + "z" * 2_000)


def test_dots_tools_and_choices_at_the_edge() -> None:
    """A prompt of dots stays one segment; a tool without parameters stays as it is; a built-in
    choice goes through.
    """
    assert endpoints.image("..", {"seed": 1}).target.startswith("/image/%2E%2E?")
    body = json.loads(
        endpoints.chat(
            [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": "y", "tool_calls": []},
            ],
            {
                "model": "gemini",
                "tools": [{"type": "function", "function": {"name": "f"}}],
                "tool_choice": {"type": "google_search"},
                "audio": {"voice": "a", "format": "wav"},
                "response_format": {"type": "json_object"},
            },
        ).body
        or b""
    )
    assert body["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert body["tool_choice"] == {"type": "google_search"}
    assert "tool_calls" not in body["messages"][1]


def test_text_that_is_sound_or_no_text(gateway: Emulator) -> None:
    """Said, with the way to sound."""
    with PollinationsClient(base_url=gateway.url) as client:
        gateway.script(
            Body(b"\xff\xfb\x90\x00", content_type="audio/mpeg"),
            Body(b"\xff\xfe\xfd", content_type="text/plain"),
        )
        with pytest.raises(MalformedReply, match="modalities"):
            client.text("x")
        with pytest.raises(MalformedReply, match="not text"):
            client.text("y")


def test_cost_from_headers_and_plain_counts(gateway: Emulator) -> None:
    """A picture's usage stands in its headers."""
    with PollinationsClient(base_url=gateway.url) as client:
        picture = client.image("bee", model="flux", width=64, height=64)
        assert client.cost(picture.info, "flux").total is not None
        assert client.cost({"prompt_tokens": 0, "completion_tokens": 0}, "openai").total == 0


def test_forced_choice_falls_back_in_streams_and_async_too(gateway: Emulator) -> None:
    """The same rule in all four ways."""
    tool = {
        "type": "function",
        "function": {"name": "add", "parameters": {"type": "object", "properties": {}}},
    }
    refusal = Body({"error": {"message": "tool_choice is not supported"}}, status=400)
    options: dict[str, Any] = {"model": "openai", "tools": [tool], "tool_choice": "any"}

    async def go() -> tuple[Any, Any]:
        async with AsyncPollinationsClient(base_url=gateway.url) as client:
            whole = await client.chat("x", **options)
            return whole, [event async for event in client.stream_chat("x", **options)][-1].reply

    gateway.script(refusal, Answer(text="a"), refusal, Answer(text="b"), refusal, Answer(text="c"))
    with (
        pytest.warns(UserWarning, match="auto"),
        PollinationsClient(base_url=gateway.url) as client,
    ):
        assert list(client.stream_chat("x", **options))[-1].reply.text == "a"
        whole, streamed = asyncio.run(go())
    assert (whole.text, streamed.text) == ("b", "c")
    gateway.script(Body({"error": {"message": "Unknown model: fluxx"}}, status=400))
    with pytest.raises(UnknownModelError, match="flux"):
        asyncio.run(AsyncPollinationsClient(base_url=gateway.url).image("bee", model="fluxx"))


def test_a_closed_async_client_of_ones_own_is_named(gateway: Emulator) -> None:
    """As the sync one is."""

    async def go() -> None:
        own = httpx.AsyncClient()
        await own.aclose()
        await AsyncPollinationsClient(base_url=gateway.url, http_client=own).chat("x")

    with pytest.raises(ConfigurationError, match="closed"):
        asyncio.run(go())


def test_closing_what_was_never_opened_and_twice(gateway: Emulator) -> None:
    """Harmless."""
    client = PollinationsClient(base_url=gateway.url)
    client.close()
    client.chat("x")
    client.close()
    client.close()
    assert copy.deepcopy(client.settings) is client.settings

    async def go() -> None:
        other = AsyncPollinationsClient(base_url=gateway.url)
        await other.aclose()
        await other.chat("x")
        await other.aclose()
        await other.aclose()

    asyncio.run(go())


def test_a_full_pool_fails_in_time_and_names_its_option() -> None:
    """It must not hang."""

    def slow(peer: socket.socket, _: bytes) -> None:
        peer.sendall(
            stream_head() + chunk(b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n')
        )
        time.sleep(1)

    with raw_server(slow) as server:
        client = PollinationsClient(
            base_url=server.url, timeout=0.3, max_retries=0, limits=Limits(max_connections=1)
        )
        stream = client.stream_chat("x")
        next(stream)
        with pytest.raises(APITimeoutError, match="max_connections"):
            client.chat("y")
        stream.close()
        client.close()


def test_bytes_that_come_too_late_end_the_call_between_two_reads() -> None:
    """The check that also holds for a client of one's own."""

    def drips(peer: socket.socket, _: bytes) -> None:
        peer.sendall(stream_head())
        for _ in range(30):
            peer.sendall(chunk(b": x\n\n"))
            time.sleep(0.05)

    with raw_server(drips) as server, httpx.Client() as own:
        client = PollinationsClient(base_url=server.url, http_client=own, total_timeout=0.3)
        with pytest.raises(APITimeoutError, match="total_timeout"):
            list(client.stream_chat("x"))


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
                SSE if number % 3 else ResponseInfo(headers={"content-type": "application/json"}),
            )
        except PollinationsError:
            continue
        answered += 1
        assert isinstance(reply.text, str)
        assert all(isinstance(part, TextPart) or part.kind != "text" for part in reply.parts)
        _ = [call.args for call in reply.tool_calls]
    assert 0 < answered < 3_000


def test_a_streams_bad_answer_closes_its_connection() -> None:
    """HTML under 200, asked for as a stream."""
    with raw_server(
        lambda peer, _: peer.sendall(response(b"<html><title>x</title>", kind="text/html"))
    ) as server:
        with (
            PollinationsClient(base_url=server.url, retry=RetryPolicy(max_retries=0)) as client,
            pytest.raises(MalformedReply),
        ):
            list(client.stream_chat("x"))


def test_proxies_of_the_environment_and_their_exceptions(
    gateway: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead proxy is a connection error; what NO_PROXY names goes around it."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    through = PollinationsClient(
        base_url=gateway.url, max_retries=0, limits=Limits(max_connections=7)
    )
    with pytest.raises(APIConnectionError):
        through.chat("x")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with PollinationsClient(base_url=gateway.url, limits=Limits(max_connections=8)) as around:
        assert around.chat("x").text
    through.close()


def test_a_server_that_never_reads_a_large_body_is_left() -> None:
    """Nothing was carried out, and the message names the limit."""
    with raw_server(lambda peer, _: time.sleep(1), reads_body=False) as server:
        client = PollinationsClient(base_url=server.url, timeout=0.3, max_retries=0)
        began = time.monotonic()
        with pytest.raises(APITimeoutError):
            client.chat("x" * 20_000_000)
        assert time.monotonic() - began < 3
        client.close()


@pytest.mark.parametrize(
    "program",
    [
        "PollinationsClient(base_url=url).chat('x')",
        "next(PollinationsClient(base_url=url).stream_chat('x'))",
        "asyncio.run(AsyncPollinationsClient(base_url=url).chat('x'))",
        "[asyncio.run(AsyncPollinationsClient(base_url=url).chat(str(n))) for n in range(3)]",
    ],
)
def test_leaving_without_closing_warns_about_nothing(gateway: Emulator, program: str) -> None:
    """At the end of a program, and of a loop, everything is closed."""
    lines = f"import asyncio\nfrom pollinations_client import *\nurl = {gateway.url!r}\n{program}\n"
    done = subprocess.run(
        [sys.executable, "-W", "always::ResourceWarning", "-c", lines],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_last_branches() -> None:
    """Shapes that only a fuzz would find: each is read without complaint."""
    details = [
        {"type": "reasoning.text", "index": 0, "text": "a", "format": None},
        {"type": "reasoning.text", "index": 0, "format": None},
    ]
    assert folded({"reasoning_details": details}, {"content": "x"}).reasoning == "a"
    two = [
        {"index": 0, "function": {"name": "f", "arguments": "{bad"}},
        {"index": 0, "function": {"name": "f", "arguments": "{worse"}},
    ]
    assert len(folded({"tool_calls": [two[0]]}, {"tool_calls": [two[1]]}).tool_calls) == 1
    unindexed = [
        {"function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "function": {"name": "f", "arguments": "{}"}},
    ]
    assert len(folded({"tool_calls": unindexed}).tool_calls) == 2
    with pytest.raises(InvalidRequestError, match="temprature"):
        raise unknown_option("temprature", ["temperature"])


def test_events_print_what_they_are() -> None:
    """What a person sees who prints a stream."""
    delta = {"reasoning_content": "hm"}
    pieces = ResponseReader(SSE).feed(
        b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"
    )
    assert [repr(piece) for piece in pieces] == ["ReasoningDelta('hm', 0)"]
    assert repr(TextDelta("hi", 1)) == "TextDelta('hi', 1)"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_bodies_may_come_byte_by_byte(encoding: str) -> None:
    """The first bytes are a header and hold nothing yet."""
    body = json.dumps({"data": [{"id": "openai", "object": "model"}]}).encode()
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)

    def play(peer: socket.socket, _: bytes) -> None:
        peer.sendall(
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {encoding}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        peer.sendall(b"".join(chunk(packed[at : at + 1]) for at in range(len(packed))) + chunk(b""))

    with raw_server(play) as server, PollinationsClient(base_url=server.url) as client:
        assert [card.name for card in client.models()] == ["openai"]
    opened = Decompressor(encoding, "GET /v1/models")
    assert (
        b"".join(piece for at in range(len(packed)) for piece in opened.feed(packed[at : at + 1]))
        == body
    )


def test_an_address_elsewhere_that_cannot_be_reached_says_what_to_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The emulator is no advice there; here it is the proxy that is gone."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    with (
        PollinationsClient(
            base_url="http://gateway.example", max_retries=0, limits=Limits(max_connections=9)
        ) as client,
        pytest.raises(
            APIConnectionError,
            match=r"gateway.example failed.* Check base_url, the network and the proxy",
        ) as caught,
    ):
        client.models()
    assert "emulator" not in str(caught.value)


def test_an_option_that_is_secret_is_not_shown() -> None:
    """A refusal names the field, not its value."""

    class Secretive(Options):
        api_key: int

    with pytest.raises(InvalidRequestError, match="api_key") as caught:
        Secretive.checked({"api_key": "sk_very_secret_value"})
    assert "sk_very" not in str(caught.value)


def test_one_event_of_several_lines_may_hold_the_end() -> None:
    """What stands behind ``[DONE]`` is not read."""
    lines = [
        b'{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}',
        b"[DONE]",
        b'{"error":{"message":"late"}}',
    ]
    body = b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
    assert reply_from(body + b'data: {"error":{"message":"later"}}\n\n', SSE).text == "x"


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


def test_lists_pictures_and_texts_at_the_edge(gateway: Emulator, tmp_path: Any) -> None:
    """An older gateway without an audio list; an unknown image model; a text that is not to be
    stored; no seed.
    """
    missing = Body({"error": {"code": "NOT_FOUND", "message": "no"}}, status=404)
    cards = Body([{"name": "only-one", "pricing": {"currency": "pollen"}}])

    async def refreshed() -> Any:
        async with AsyncPollinationsClient(base_url=gateway.url) as other:
            return await other.refresh()

    with PollinationsClient(base_url=gateway.url) as client:
        gateway.script(cards, cards, missing, cards, cards, missing)
        assert client.refresh().get("only-one") is not None
        assert asyncio.run(refreshed()).get("only-one") is not None
        gateway.script(Body({"error": {"message": "Unknown model: fluxx"}}, status=400))
        with pytest.raises(UnknownModelError, match="flux"):
            client.image("bee", model="fluxx")
        gateway.script(
            Body(
                "plain words",
                content_type="text/plain",
                headers={"cache-control": "private, no-store"},
            )
        )
        assert client.text("x") == "plain words"
        picture = dataclasses.replace(
            client.image("bee", model="flux", width=64, height=64), seed=None
        )
    assert picture.save(tmp_path).name == "bee.jpg"


def test_a_shared_client_outside_of_a_call_has_httpxs_own_limits(gateway: Emulator) -> None:
    """No clock, no deadline."""
    from pollinations_client.transport import client_pool

    user = Limits(max_connections=9)
    client = client_pool.sync_client(user, PollinationsClient(base_url=gateway.url))
    assert client.get(f"{gateway.url}/v1/models").status_code == 200
    client.close()
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        PollinationsClient(base_url="http://a..b", max_retries=0).chat("x")


def test_an_async_client_of_ones_own_stays_open(gateway: Emulator) -> None:
    """Closing ours leaves it alone."""

    async def go() -> None:
        async with httpx.AsyncClient() as own:
            async with AsyncPollinationsClient(base_url=gateway.url, http_client=own) as client:
                assert [event async for event in client.stream_chat("x")][-1].reply.text
            assert not own.is_closed

    asyncio.run(go())


def test_options_that_are_no_mapping_are_refused() -> None:
    """With a sentence, not a traceback of pydantic's."""
    with pytest.raises(InvalidRequestError, match="dictionary"):
        ChatOptions.checked(["temperature"])  # type: ignore[arg-type]
