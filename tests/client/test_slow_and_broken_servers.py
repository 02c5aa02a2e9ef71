"""Servers that stall, break off or answer in pieces."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib

import httpx
import pytest

from pollinations_client import (
    APIConnectionError,
    APITimeoutError,
    Limits,
    MalformedReply,
    PollinationsClient,
    RetryPolicy,
)
from pollinations_client.transport.decompression import Decompressor
from support.rawserver import chunk, raw_server, response, stream_head


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


def test_a_server_that_never_reads_a_large_body_is_left() -> None:
    """Nothing was carried out, and the message names the limit."""
    with raw_server(lambda peer, _: time.sleep(1), reads_body=False) as server:
        client = PollinationsClient(base_url=server.url, timeout=0.3, max_retries=0)
        began = time.monotonic()
        with pytest.raises(APITimeoutError):
            client.chat("x" * 20_000_000)
        assert time.monotonic() - began < 3
        client.close()


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
