"""Connections over TLS: whose certificate is trusted, what is kept, what is closed."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import subprocess
import sys
import time
from typing import Any

import pytest

from pollinations_client import (
    APIConnectionError,
    APITimeoutError,
    AsyncPollinationsClient,
    Finished,
    PollinationsClient,
)
from support.rawserver import chunk, raw_server, response, stream_head
from support.tls import LocalAuthority

WHOLE = b'{"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]}'
PIECE = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
each_mode = pytest.mark.parametrize("mode", ["sync", "async", "stream", "astream"])


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    """One for all tests."""
    return LocalAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def _trusted(authority: LocalAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the local authority and nobody else."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))


def answer(peer: socket.socket, request: bytes) -> None:
    """Whole or streamed, as it was asked for."""
    if b'"stream":true' in request:
        peer.sendall(stream_head() + chunk(PIECE) + chunk(END) + chunk(b""))
    else:
        peer.sendall(response(WHOLE))


def ask(mode: str, url: str, times: int = 1, pause_s: float = 0.0, **settings: Any) -> list[str]:
    """``times`` chats one after the other, with a pause after each."""
    texts: list[str] = []
    if mode in ("sync", "stream"):
        with PollinationsClient("sk_x", base_url=url, max_retries=0, **settings) as client:
            for _ in range(times):
                if mode == "sync":
                    texts.append(client.chat("x").text)
                else:
                    texts.append(_last(list(client.stream_chat("x"))))
                time.sleep(pause_s)
            return texts

    async def on_a_loop() -> list[str]:
        async with AsyncPollinationsClient(
            "sk_x", base_url=url, max_retries=0, **settings
        ) as client:
            for _ in range(times):
                if mode == "async":
                    texts.append((await client.chat("x")).text)
                else:
                    texts.append(_last([event async for event in client.stream_chat("x")]))
                await asyncio.sleep(pause_s)
        return texts

    return asyncio.run(on_a_loop())


def _last(events: list[Any]) -> str:
    assert isinstance(events[-1], Finished)
    return events[-1].reply.text


@each_mode
def test_one_tls_connection_carries_several_calls(mode: str, authority: LocalAuthority) -> None:
    """And one handshake is made, for the name that was asked for, over HTTP/1.1."""
    names: list[Any] = []
    protocols: list[Any] = []
    context = authority.server("localhost", "127.0.0.1")
    context.sni_callback = lambda peer, name, _: names.append(name)
    context.set_alpn_protocols(["h2", "http/1.1"])

    def note_protocol(peer: Any, request: bytes) -> None:
        protocols.append(peer.selected_alpn_protocol())
        answer(peer, request)

    with raw_server(note_protocol, context=context) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        assert ask(mode, url, times=3) == ["hi"] * 3
        assert server.connections == 1
        assert names == ["localhost"]
        assert protocols == ["http/1.1"] * 3
        assert ask(mode, server.url) == ["hi"]


@each_mode
@pytest.mark.parametrize(
    ("names", "is_expired", "reason"),
    [
        (["elsewhere.example"], False, "IP address mismatch"),
        (["127.0.0.1"], True, "certificate has expired"),
    ],
)
def test_a_certificate_of_another_name_or_time_is_refused_and_nothing_is_sent(
    mode: str, names: list[str], is_expired: bool, reason: str, authority: LocalAuthority
) -> None:
    """Trying again changes nothing."""
    context = authority.server(*names, is_expired=is_expired)
    with (
        raw_server(answer, context=context) as server,
        pytest.raises(APIConnectionError, match=reason) as caught,
    ):
        ask(mode, server.url)
    assert "not trusted" in str(caught.value)
    assert not caught.value.is_retryable
    assert server.requests == []


@each_mode
def test_a_handshake_that_does_not_end_is_left(mode: str) -> None:
    """A server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(APITimeoutError, match="total_timeout"):
            ask(mode, url, total_timeout=0.3)


@each_mode
def test_a_large_body_goes_out_and_comes_back_over_tls(
    mode: str, authority: LocalAuthority
) -> None:
    """More than any buffer on the way holds."""
    text = "x" * 3_000_000
    whole = WHOLE.replace(b'"hi"', f'"{text}"'.encode())
    pieces = chunk(PIECE.replace(b'"hi"', f'"{text}"'.encode()))

    def echo(peer: socket.socket, request: bytes) -> None:
        assert text.encode() in request
        if b'"stream":true' in request:
            peer.sendall(stream_head() + pieces + chunk(END) + chunk(b""))
        else:
            peer.sendall(response(whole))

    with raw_server(echo, context=authority.server("127.0.0.1")) as server:
        if mode in ("sync", "stream"):
            with PollinationsClient("sk_x", base_url=server.url) as client:
                assert client.chat(text).text == text
                assert _last(list(client.stream_chat(text))) == text
            return

        async def on_a_loop() -> None:
            async with AsyncPollinationsClient("sk_x", base_url=server.url) as client:
                assert (await client.chat(text)).text == text
                assert _last([event async for event in client.stream_chat(text)]) == text

        asyncio.run(on_a_loop())


@each_mode
def test_a_tls_connection_that_the_server_closed_is_not_used_again(
    mode: str, authority: LocalAuthority
) -> None:
    """Each of its ends is seen before the next request goes out."""

    def answer_and_close(peer: Any, request: bytes) -> None:
        answer(peer, request)
        peer.unwrap()

    with raw_server(answer_and_close, context=authority.server("127.0.0.1")) as server:
        assert ask(mode, server.url, times=2, pause_s=0.1) == ["hi"] * 2
        assert server.connections == 2


@pytest.mark.parametrize("end", ["loop.close()", "", "loop.run_until_complete(client.aclose())"])
def test_a_tls_connection_is_closed_with_its_loop_and_its_process(
    authority: LocalAuthority, end: str
) -> None:
    """Without a ResourceWarning, and without waiting for the server to say goodbye."""
    with raw_server(answer, context=authority.server("127.0.0.1")) as server:
        program = (
            "import asyncio\n"
            "from pollinations_client import AsyncPollinationsClient, PollinationsClient\n"
            f"PollinationsClient('sk_x', base_url={server.url!r}).chat('x')\n"
            f"client = AsyncPollinationsClient('sk_x', base_url={server.url!r})\n"
            "loop = asyncio.new_event_loop()\n"
            "loop.run_until_complete(client.chat('x'))\n"
            f"{end}\n"
        )
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-c", program],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    problems = [line for line in done.stderr.splitlines() if "unclosed event loop" not in line]
    assert done.returncode == 0
    assert [line for line in problems if "Warning" in line or "Error" in line] == []


def test_a_context_is_made_when_the_first_https_connection_is(
    authority: LocalAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes 20 ms; the emulator's users need none."""
    from pollinations_client.transport import client_pool

    gc.collect()
    made: list[ssl.SSLContext] = []
    make = client_pool._ssl_context

    def note() -> ssl.SSLContext:
        made.append(make())
        return made[-1]

    monkeypatch.setattr(client_pool, "_ssl_context", note)
    with raw_server(answer) as plain:
        ask("sync", plain.url)
    assert made == []
    with raw_server(answer, context=authority.server("127.0.0.1")) as secure:
        ask("sync", secure.url, times=2)
    assert len(made) == 1
