"""HTTP clients and pools: opened, shared, closed, full, behind a proxy."""

from __future__ import annotations

import asyncio
import copy
import socket
import subprocess
import sys
import time

import httpx
import pytest
import uvloop

from pollinations_client import (
    APIConnectionError,
    APITimeoutError,
    AsyncPollinationsClient,
    ConfigurationError,
    Limits,
    PollinationsClient,
)
from pollinations_client.emulator import Emulator
from support.rawserver import chunk, raw_server, response, stream_head


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


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_client_made_after_the_environment_changed_takes_the_new_way(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that was set after the first call of the process; older clients stay on their way."""
    whole = b'{"choices":[{"index":0,"finish_reason":"stop","message":{"content":"hi"}}]}'

    def answer(peer: socket.socket, _: bytes) -> None:
        peer.sendall(response(whole))

    with raw_server(answer) as server, raw_server(answer) as proxy:
        older = PollinationsClient(base_url=server.url)
        older.chat("x")
        monkeypatch.setenv(variable, proxy.url)
        assert PollinationsClient(base_url=server.url).chat("x").text == "hi"
        newer = AsyncPollinationsClient(base_url=server.url)
        assert asyncio.run(newer.chat("x")).text == "hi"
        assert [line.split()[1] for line in proxy.requests] == [
            f"{server.url}/v1/chat/completions".encode()
        ] * 2
        older.chat("x")
        monkeypatch.delenv(variable)
        PollinationsClient(base_url=server.url).chat("x")
        assert (len(server.requests), len(proxy.requests)) == (3, 2)


def _answer(peer: socket.socket, request: bytes) -> None:
    """As a proxy would pass it on; a stream's body does not end after the answer."""
    event = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'
    whole = b'{"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]}'
    if b'"stream":true' in request:
        peer.sendall(stream_head() + chunk(event) + chunk(b"data: [DONE]\n\n"))
        peer.recv(1)
    else:
        peer.sendall(response(whole))


@pytest.mark.parametrize("is_async", [False, True])
def test_a_proxy_of_the_environment_carries_calls_and_streams(
    monkeypatch: pytest.MonkeyPatch, is_async: bool
) -> None:
    """Through httpx, which is told the whole address; an answer that is complete is not waited
    behind.
    """

    async def on_a_loop() -> list[str]:
        async with AsyncPollinationsClient("sk_x", base_url="http://gateway.example") as client:
            *_, last = [event async for event in client.stream_chat("x")]
            return [(await client.chat("x")).text, last.reply.text]

    with raw_server(_answer) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        began = time.monotonic()
        if is_async:
            texts = asyncio.run(on_a_loop())
        else:
            with PollinationsClient("sk_x", base_url="http://gateway.example") as client:
                *_, last = client.stream_chat("x")
                texts = [client.chat("x").text, last.reply.text]
        assert texts == ["hi", "hi"]
        assert time.monotonic() - began < 5
        assert {request.split(b" ")[1] for request in proxy.requests} == {
            b"http://gateway.example/v1/chat/completions"
        }


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


def test_an_address_that_cannot_be_resolved_is_a_configuration_error() -> None:
    """An empty label in a host's name."""
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


async def test_aiohttp_can_carry_async_calls_and_its_failures_are_ours() -> None:
    """Through ``httpx-aiohttp``, whose client is an ``httpx.AsyncClient``."""
    from httpx_aiohttp import HttpxAiohttpClient

    def cut(peer: socket.socket, _: bytes) -> None:
        peer.sendall(
            stream_head() + chunk(b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n')
        )
        peer.shutdown(socket.SHUT_WR)

    with raw_server(cut) as server, Emulator() as gateway:
        async with HttpxAiohttpClient(timeout=5) as carrier:
            client = AsyncPollinationsClient(
                base_url=gateway.url, http_client=carrier, max_retries=0
            )
            assert (await client.chat("x")).text
            assert [event async for event in client.stream_chat("x")][-1].reply.text
            cut_off = AsyncPollinationsClient(base_url=server.url, http_client=carrier)
            with pytest.raises(APIConnectionError) as caught:
                assert [event async for event in cut_off.stream_chat("x")]
            assert caught.value.partial.text == "x"
            gone = AsyncPollinationsClient(base_url="http://127.0.0.1:9", http_client=carrier)
            with pytest.raises(APIConnectionError):
                await gone.chat("x")


def test_calls_and_streams_work_on_uvloop(gateway: Emulator) -> None:
    """The loop that uvicorn prefers has no option for ``happy_eyeballs_delay``."""

    async def go() -> None:
        client = AsyncPollinationsClient(base_url=gateway.url)
        replies = await asyncio.gather(*(client.chat(f"row {number}") for number in range(20)))
        assert all(reply.text for reply in replies)
        assert [event async for event in client.stream_chat("hi")]
        left = client.stream_chat("word " * 100)
        await anext(left)
        await left.aclose()
        await client.aclose()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(go())
