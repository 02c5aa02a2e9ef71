"""The pools of connections: their rules, and responses of any shape, read as h11 and httpx do."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import h11
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollinations_client import (
    AsyncPollinationsClient,
    Limits,
    PollinationsClient,
    StreamInterrupted,
)
from pollinations_client.emulator import Emulator
from pollinations_client.transport.http11 import Http11, RawRequest
from pollinations_client.transport.http_transport import AsyncPooledTransport, PooledTransport
from pollinations_client.transport.network_streams import PIECE_BYTES
from support.rawserver import RawServer, chunk, raw_server, reset, response, stream_head

URL = httpx.URL("http://127.0.0.1/")


def no_tls() -> Any:
    """These connections are plain."""
    raise AssertionError("a TLS context is asked for")


@contextlib.contextmanager
def pooled_client(limits: Limits | None = None, timeout: Any = 5) -> Iterator[httpx.Client]:
    """An httpx client over the blocking pool."""
    transport = PooledTransport(no_tls, limits or Limits())
    with httpx.Client(transport=transport, timeout=timeout) as client:
        yield client


def async_pool(limits: Limits | None = None) -> AsyncPooledTransport:
    """A pool for the running loop."""
    return AsyncPooledTransport(no_tls, limits or Limits())


def free_places(pool: AsyncPooledTransport) -> int:
    """How many requests may begin."""
    assert pool._places._free is not None
    return pool._places._free._value


# -- responses of any shape

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SHAPES = {
    "interim responses": b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "chunk extensions": CHUNKED + b'3;a=b\r\nabc\r\n2 ; c="d"\r\nde\r\n0;end\r\n\r\n',
    "trailers": CHUNKED + b"3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n",
    "chunk sizes in any case": CHUNKED + b"00A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n",
    "many chunks": CHUNKED + b"".join(b"1\r\n%d\r\n" % (n % 10) for n in range(100)) + b"0\r\n\r\n",
    "chunks in HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + b"2\r\nhi\r\n0\r\n\r\n",
    "chunks after line ends of one byte": CHUNKED.replace(b"\r\n", b"\n")
    + b"2\r\nhi\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunks of no content": CHUNKED.replace(b"200 OK", b"204 No") + b"2\r\nhi\r\n0\r\n\r\n",
    "chunks not modified": CHUNKED.replace(b"200 OK", b"304 No") + b"2\r\nhi\r\n0\r\n\r\n",
    "sizes that only Python reads": CHUNKED + b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
    "a signed size": CHUNKED + b"+2\r\nhi\r\n0\r\n\r\n",
    "a chunk without its end": CHUNKED + b"2\r\nhi3\r\nabc\r\n0\r\n\r\n",
    "a last chunk of many zeros": CHUNKED + b"2\r\nhi\r\n000\r\n\r\n",
    "an empty chunked body": CHUNKED + b"0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
    "until the connection ends": b"HTTP/1.1 200 OK\r\n\r\nsome bytes",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nfour",
    "headers that repeat": b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n",
    "a header in Latin-1": b"HTTP/1.1 200 OK\r\nX-A: caf\xe9\r\nContent-Length: 0\r\n\r\n",
    "a header in UTF-8": "HTTP/1.1 200 OK\r\nX-A: café\r\nContent-Length: 0\r\n\r\n".encode(),
    "a folded header": b"HTTP/1.1 200 OK\r\nX-A: 1\r\n  2\r\nContent-Length: 0\r\n\r\n",
    "line ends of one byte": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    "a length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "another transfer coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhi",
    "a chunk cut off": CHUNKED + b"3\r\nabc\r\n5\r\nde",
    "a chunk size that is none": CHUNKED + b"3\r\nabc\r\nxyz\r\nabc\r\n",
    "a chunk longer than it says": CHUNKED + b"3\r\nabc\r\n2\r\nlong\r\n0\r\n\r\n",
    "a body cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
    "a head cut off": b"HTTP/1.1 200 OK\r\nContent-",
    "a protocol that nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "nothing": b"",
    "not HTTP": b"220 mail.example ESMTP\r\n",
}
each_shape = pytest.mark.parametrize("shape", SHAPES)

Outcome = tuple[int | None, list[tuple[bytes, bytes]], bytes, str]


def outcome_of(client: httpx.Client, method: str, url: str) -> Outcome:
    """Status, headers, the body as far as it came, and the error's name."""
    status, headers, pieces = None, [], []
    try:
        with client.stream(method, url) as answer:
            status, headers = answer.status_code, answer.headers.raw
            pieces.extend(answer.iter_raw())
    except httpx.HTTPError as error:
        return status, headers, b"".join(pieces), type(error).__name__
    return status, headers, b"".join(pieces), ""


async def async_outcome_of(client: httpx.AsyncClient, method: str, url: str) -> Outcome:
    """The same on a loop."""
    status, headers, pieces = None, [], []
    try:
        async with client.stream(method, url) as answer:
            status, headers = answer.status_code, answer.headers.raw
            async for piece in answer.aiter_raw():
                pieces.append(piece)
    except httpx.HTTPError as error:
        return status, headers, b"".join(pieces), type(error).__name__
    return status, headers, b"".join(pieces), ""


@each_shape
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_response_of_any_shape_is_read_as_httpx_reads_it(shape: str, method: str) -> None:
    """Status, headers, body and error, blocking and on a loop."""

    def play(peer: socket.socket, _: bytes) -> None:
        peer.sendall(SHAPES[shape])
        peer.shutdown(socket.SHUT_WR)

    async def on_a_loop(url: str) -> Outcome:
        async with httpx.AsyncClient(transport=async_pool()) as client:
            return await async_outcome_of(client, method, url)

    with raw_server(play) as server, httpx.Client() as stock, pooled_client() as ours:
        expected = outcome_of(stock, method, server.url)
        assert outcome_of(ours, method, server.url) == expected
        assert asyncio.run(on_a_loop(server.url)) == expected


def read_with_h11_alone(pieces: list[bytes]) -> tuple[int | None, bytes, bool]:
    """As h11's documentation shows it: the status, the body, whether it came to its end."""
    state = h11.Connection(h11.CLIENT, max_incomplete_event_size=100 * 1024)
    state.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    state.send(h11.EndOfMessage())
    status, body = None, b""
    left = [*pieces, b""]
    try:
        while True:
            event = state.next_event()
            if event is h11.NEED_DATA:
                state.receive_data(left.pop(0))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif not isinstance(event, h11.InformationalResponse):
                return status, body, isinstance(event, h11.EndOfMessage)
    except h11.RemoteProtocolError:
        return status, body, False


def read_with_ours(pieces: list[bytes]) -> tuple[int | None, bytes, bool]:
    """The same through the class that the pools use."""
    http = Http11()
    list(http.send(RawRequest("GET", URL, []), None))
    status, body = None, b""
    left = [*pieces, b""]
    try:
        while (head := http.head()) is None:
            http.receive(left.pop(0))
        status = head.status_code
        while not http.is_complete:
            if piece := http.body():
                body += piece
            elif not http.is_complete:
                http.receive(left.pop(0))
    except httpx.RemoteProtocolError:
        return status, body, False
    return status, body, True


def without_empty(pieces: list[bytes]) -> list[bytes]:
    """A read that brings nothing is the connection's end."""
    return [piece for piece in pieces if piece]


@each_shape
def test_a_response_cut_at_any_byte_reads_as_with_h11_alone(shape: str) -> None:
    """In two reads at every place, and byte by byte."""
    data = SHAPES[shape]
    expected = read_with_h11_alone(without_empty([data]))
    for cut in range(len(data) + 1):
        assert read_with_ours(without_empty([data[:cut], data[cut:]])) == expected
        cut_off = without_empty([data[:cut]])
        assert read_with_ours(cut_off) == read_with_h11_alone(cut_off)
    one_by_one = [data[at : at + 1] for at in range(len(data))]
    assert read_with_ours(one_by_one) == expected


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(list(SHAPES.values())),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=3),
    st.lists(st.integers(0, 400), max_size=4),
)
def test_a_spoilt_response_reads_as_with_h11_alone(
    data: bytes, changes: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    """Bytes put in or written over at any place, in reads of any size."""
    for at, other in changes:
        data = data[:at] + other + data[at + len(other) // 2 :]
    borders = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(borders)]
    pieces = without_empty(pieces)
    assert read_with_ours(pieces) == read_with_h11_alone(pieces)


CHUNK_PARTS = [
    *(chunk(b"data: x\n\n"), chunk(b"y"), chunk(b"0\r\n\r\n"), chunk(b"z" * 300), chunk(b"")),
    *(b"3;a=b\r\nabc\r\n", b"3 \r\nabc\r\n", b" 3\r\nabc\r\n", b"3\nabc\n", b"0x3\r\nabc\r\n"),
    *(b"-3\r\nabc\r\n", b"3\r\nabcd\r\n", b"3\r\nab\r\n", b"\r\n", b"X-Trailer: 1\r\n", b"\x00"),
    *(b"0000000000000000003\r\nabc\r\n", b"fffffffff\r\n", b"3\r\nabc\r\r", b"3\r\rabc\r\n"),
]


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from(CHUNK_PARTS), max_size=12).map(b"".join),
    st.lists(st.integers(0, 500), max_size=6),
)
def test_any_row_of_chunks_reads_as_with_h11_alone(body: bytes, cuts: list[int]) -> None:
    """Good ones, odd ones and broken ones, in reads of any size."""
    data = CHUNKED + body
    borders = [0, *sorted(min(len(CHUNKED) - 5 + cut, len(data)) for cut in cuts), len(data)]
    pieces = without_empty([data[start:end] for start, end in itertools.pairwise(borders)])
    assert read_with_ours(pieces) == read_with_h11_alone(pieces)


@pytest.mark.parametrize("cut", range(1, 9))
def test_what_came_of_a_chunk_is_not_held_back_until_its_end(cut: int) -> None:
    """A server that stalls within one: the caller has all that came before."""
    http = Http11()
    list(http.send(RawRequest("GET", URL, []), None))
    http.receive(CHUNKED + b"2\r\nhi\r\n" + b"5\r\nabcde\r\n"[:cut])
    assert http.head() is not None
    assert http.body() + http.body() == b"hi" + b"abcde"[: max(0, cut - 3)]
    http.receive(b"5\r\nabcde\r\n"[cut:] + b"1\r\nf\r\n0\r\n\r\n")
    rest = b""
    while not http.is_complete:
        rest += http.body()
    assert rest == b"abcde"[max(0, cut - 3) :] + b"f"
    assert http.start_next()


def test_a_first_chunk_is_not_held_back_until_a_whole_burst_is_read() -> None:
    """A fast model's stream comes in few reads."""
    http = Http11()
    list(http.send(RawRequest("GET", URL, []), None))
    http.receive(CHUNKED + chunk(b"x") * 1000)
    assert http.head() is not None
    assert 1 <= len(http.body()) < 100


def test_a_header_that_http_cannot_carry_is_refused() -> None:
    """Before anything is sent, and the key is in no repr."""
    with pytest.raises(httpx.LocalProtocolError):
        RawRequest("GET", URL, [(b"x", b"a\r\nb")])
    with pytest.raises(httpx.UnsupportedProtocol):
        RawRequest("GET", httpx.URL("ftp://x/"), [])
    with pytest.raises(httpx.UnsupportedProtocol):
        RawRequest("GET", httpx.URL("/no-host"), [])
    assert "sk_" not in repr(RawRequest("GET", URL, [(b"authorization", b"Bearer sk_x")]))


# -- rules of the pool


def whole(peer: socket.socket, _: bytes) -> None:
    """A good answer."""
    peer.sendall(response(b"{}"))


def endless(peer: socket.socket, _: bytes) -> None:
    """The beginning of a body, until the client goes."""
    peer.sendall(stream_head() + chunk(b"x"))
    peer.recv(1)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Give threads and loops a moment."""
    deadline = time.monotonic() + 5
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_so()


def open_sockets(server: RawServer) -> int:
    """How many connections the server has."""
    return len(server._open)


def pool_of(client: httpx.Client) -> Any:
    """The transport of a client that ``pooled_client`` made."""
    return client._transport


def test_the_connection_that_was_used_last_is_used_next_and_the_oldest_closed() -> None:
    """At most as many stay idle as the limit says."""
    limits = Limits(max_keepalive_connections=2)
    with raw_server(whole) as server, pooled_client(limits) as client:
        answers = [client.send(client.build_request("GET", server.url), stream=True) for _ in "123"]
        assert server.connections == 3
        sockets = [
            answer.extensions["network_stream"].get_extra_info("socket") for answer in answers
        ]
        for answer in answers:
            answer.read()
        wait_until(lambda: open_sockets(server) == 2)
        assert [one.fileno() < 0 for one in sockets] == [True, False, False]
        with client.stream("GET", server.url) as again:
            stream = again.extensions["network_stream"]
            assert stream.get_extra_info("socket") is sockets[2]
            assert stream.get_extra_info("anything else") is None
            again.read()
        assert server.connections == 3


def test_a_connection_that_is_idle_too_long_is_not_used() -> None:
    """Routers forget connections silently."""
    limits = Limits(keepalive_expiry_s=0.05)
    with raw_server(whole) as server, pooled_client(limits) as client:
        for _ in range(2):
            client.get(server.url)
            time.sleep(0.1)
        assert server.connections == 2
        client.get(server.url)
        assert len(pool_of(client).streams) == 1


@pytest.mark.parametrize("leftover", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_connection_with_bytes_that_nobody_asked_for_is_not_used(
    leftover: bytes, is_late: bool
) -> None:
    """They would be the next call's answer. The same for one that the server has closed."""
    is_answered = threading.Event()

    def play(peer: socket.socket, _: bytes) -> None:
        if is_late:
            peer.sendall(response(b"good"))
            is_answered.wait(5)
            is_answered.clear()
            peer.sendall(leftover)
        else:
            peer.sendall(response(b"good") + leftover)
        if not leftover:
            peer.shutdown(socket.SHUT_WR)

    def wait_for_leftover(pool: Any) -> None:
        is_answered.set()
        wait_until(lambda: not any(stream.is_idle for stream in pool.streams))

    async def on_a_loop(url: str) -> list[bytes]:
        pool = async_pool()
        async with httpx.AsyncClient(transport=pool) as client:
            bodies = []
            for _ in range(3):
                bodies.append((await client.get(url)).content)
                wait_for_leftover(pool)  # the loop does not look at its sockets meanwhile
            return bodies

    with raw_server(play) as server, pooled_client() as client:
        for _ in range(3):
            assert client.get(server.url).content == b"good"
            wait_for_leftover(pool_of(client))
        assert server.connections == 3
        assert asyncio.run(on_a_loop(server.url)) == [b"good"] * 3


@pytest.mark.parametrize("header", ["Connection: close\r\n", ""])
def test_a_connection_is_kept_only_where_both_sides_agree(header: str) -> None:
    """``Connection: close`` of either side ends it."""
    with (
        raw_server(lambda peer, _: peer.sendall(response(b"{}", extra=header))) as server,
        pooled_client() as client,
    ):
        for _ in range(2):
            client.get(server.url)
        assert server.connections == (2 if header else 1)
        client.get(server.url, headers={"Connection": "close"})
        assert pool_of(client).streams == set()


def test_a_full_pool_waits_and_then_says_so() -> None:
    """For each of the two kinds of pools; a place that becomes free is taken at once."""
    only_one = Limits(max_connections=1)

    async def on_a_loop(url: str) -> None:
        async with httpx.AsyncClient(transport=async_pool(only_one), timeout=0.2) as client:
            async with client.stream("GET", url):
                with pytest.raises(httpx.PoolTimeout):
                    await client.get(url)
            waiting = asyncio.create_task(
                client.send(client.build_request("GET", url), stream=True)
            )
            answer = await waiting
            next_one = asyncio.create_task(
                client.send(client.build_request("GET", url), stream=True)
            )
            await asyncio.sleep(0.05)
            assert not next_one.done()
            await answer.aclose()
            await (await next_one).aclose()

    with raw_server(endless) as server, pooled_client(only_one, timeout=0.2) as client:
        with client.stream("GET", server.url), pytest.raises(httpx.PoolTimeout):
            client.get(server.url)
        with client.stream("GET", server.url):
            pass
        asyncio.run(on_a_loop(server.url))


def failing(kind: str) -> Callable[[socket.socket, bytes], None]:
    """Servers that end a call in different ways."""
    scripts: dict[str, Callable[[socket.socket, bytes], Any]] = {
        "reset": lambda peer, _: reset(peer),
        "garbage": lambda peer, _: (peer.sendall(b"garbage\r\n\r\n"), peer.close()),
        "cut": lambda peer, _: (peer.sendall(stream_head() + chunk(b"x")), peer.close()),
        "silent": lambda peer, _: peer.recv(1),
    }
    return scripts[kind]


@pytest.mark.parametrize("kind", ["reset", "garbage", "cut", "silent"])
def test_no_failure_takes_a_place_or_a_socket_with_it(kind: str) -> None:
    """More failures than places, then the pool is as new."""
    limits = Limits(max_connections=2)

    async def on_a_loop(url: str) -> None:
        pool = async_pool(limits)
        async with httpx.AsyncClient(transport=pool, timeout=0.1) as client:
            for _ in range(4):
                with pytest.raises(httpx.TransportError):
                    await client.get(url)
            await asyncio.sleep(0.05)
            assert pool.streams == set()
            assert free_places(pool) == 2

    with raw_server(failing(kind)) as server, pooled_client(limits, timeout=0.1) as client:
        for _ in range(4):
            with pytest.raises(httpx.TransportError):
                client.get(server.url)
        assert pool_of(client).streams == set()
        asyncio.run(on_a_loop(server.url))


async def _serve_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A chunked answer with a pause between any two pieces, again and again."""
    with contextlib.suppress(ConnectionError, EOFError, asyncio.CancelledError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            for piece in (stream_head()[:20], stream_head()[20:], chunk(b"hi"), chunk(b"")):
                writer.write(piece)
                await asyncio.sleep(0.001)
    writer.close()


@contextlib.asynccontextmanager
async def slow_server() -> AsyncIterator[str]:
    """Its address; every answer takes some turns of the loop."""
    server = await asyncio.start_server(_serve_slowly, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.sleep(0.02)


async def test_a_task_cancelled_at_any_turn_of_the_loop_leaves_nothing_behind() -> None:
    """While it waits for a place, connects, sends, reads or closes; cancelled once or twice."""
    pool = async_pool(Limits(max_connections=2))
    ended: set[str] = set()
    async with slow_server() as url, httpx.AsyncClient(transport=pool) as client:
        for turns in range(60):
            tasks = [asyncio.create_task(client.get(url)) for _ in range(3)]
            for _ in range(turns):
                await asyncio.sleep(0.0002)
            for task in tasks:
                task.cancel()
            await asyncio.sleep(0)
            tasks[turns % 3].cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                ended.add(type(result).__name__)
            await asyncio.sleep(0.002)
            assert free_places(pool) == 2
            assert len(pool.streams) <= 2
            assert all(stream.is_idle for stream in pool.streams)
        assert (await client.get(url)).text == "hi"
    assert ended == {"CancelledError", "Response"}


async def test_a_cancelled_call_of_a_client_gives_its_place_back() -> None:
    """Through all the layers above the pool."""
    async with (
        slow_server() as url,
        AsyncPollinationsClient(base_url=url, limits=Limits(max_connections=1)) as client,
    ):
        for turns in range(20):
            calls = [client.chat("x"), anext(client.stream_chat("x"))]
            tasks = [asyncio.ensure_future(call) for call in calls]
            await asyncio.sleep(0.0005 * turns)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(5):
            with pytest.raises(StreamInterrupted):
                await client.chat("x")  # "hi" is no answer of a model; but it came


def test_close_ends_the_calls_of_a_pools_httpx_client() -> None:
    """A thread that waits for bytes is woken, as httpx's own transport does."""
    failures: list[Exception] = []
    with raw_server(endless) as server:
        client = httpx.Client(transport=PooledTransport(no_tls, Limits()), timeout=30)

        def read() -> None:
            try:
                client.get(server.url)
            except httpx.TransportError as error:
                failures.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        wait_until(lambda: len(server.requests) == 1)
        time.sleep(0.05)
        client.close()
        reader.join(5)
        assert not reader.is_alive()
        wait_until(lambda: open_sockets(server) == 0)
    assert len(failures) == 1


def test_a_response_that_was_closed_cannot_be_read() -> None:
    """Its connection may carry another call by then."""
    pool = PooledTransport(no_tls, Limits())
    with raw_server(whole) as server:
        request = RawRequest("GET", httpx.URL(server.url), [])
        limits: Any = pooled_limits()
        answer = pool.send(request, None, limits)
        answer.close()
        answer.close()
        with pytest.raises(httpx.StreamClosed):
            list(answer)
        pool.close()


def pooled_limits() -> Any:
    """No limits."""
    from pollinations_client.transport.time_limits import TimeLimits

    return TimeLimits()


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 3_000_000])
def test_a_body_of_any_size_arrives_whole(size: int) -> None:
    """In one write with its head, or in many."""
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    async def on_a_loop(url: str) -> None:
        async with httpx.AsyncClient(transport=async_pool()) as client:
            assert (await client.post(url, content=body)).status_code == 200

    with raw_server(whole) as server, pooled_client() as client:
        assert client.post(server.url, content=body).status_code == 200
        assert client.post(server.url, content=iter([body, b"more"])).status_code == 200
        asyncio.run(on_a_loop(server.url))
    sent, streamed, by_loop = (request.partition(b"\r\n\r\n") for request in server.requests)
    assert sent[2] == body == by_loop[2]
    assert streamed[2] == body + b"more"
    assert f"Content-Length: {size}".encode() in sent[0]


def test_an_answer_that_comes_before_the_request_is_read_is_taken() -> None:
    """A gateway refuses a body that is too large without reading it."""

    def refuse(peer: socket.socket, _: bytes) -> None:
        peer.sendall(response(b"too large", "413 Too Large"))
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65536):
            pass

    async def on_a_loop(url: str) -> int:
        async with httpx.AsyncClient(transport=async_pool()) as client:
            return (await client.post(url, content=b"x" * 20_000_000)).status_code

    with raw_server(refuse, reads_body=False) as server, pooled_client() as client:
        assert client.post(server.url, content=b"x" * 20_000_000).status_code == 413
        assert asyncio.run(on_a_loop(server.url)) == 413


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_does_not_end_its_parents_stream() -> None:
    """What the child closes, the parent still reads."""
    go_on = threading.Event()

    def two_pieces(peer: socket.socket, _: bytes) -> None:
        event = b'data: {"choices":[{"index":0,"delta":{"content":"h"}}]}\n\n'
        end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
        peer.sendall(stream_head() + chunk(event))
        go_on.wait(5)
        peer.sendall(chunk(event) + chunk(end) + chunk(b"data: [DONE]\n\n") + chunk(b""))

    with raw_server(two_pieces) as server, PollinationsClient(base_url=server.url) as client:
        stream = client.stream_chat("x")
        next(stream)
        child = os.fork()
        if child == 0:
            stream.close()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        go_on.set()
        assert [event for event in stream][-1].reply.text == "hh"


def test_many_loops_one_after_the_other_leave_no_descriptor(gateway: Emulator) -> None:
    """Fifty runs of asyncio."""
    client = AsyncPollinationsClient(base_url=gateway.url)

    async def call() -> None:
        assert (await client.chat("x")).text
        stream = client.stream_chat("a long text " * 20)
        await anext(stream)
        await stream.aclose()

    def loops() -> list[asyncio.BaseEventLoop]:
        return [one for one in gc.get_objects() if isinstance(one, asyncio.BaseEventLoop)]

    asyncio.run(call())
    gc.collect()
    before, loops_before = len(os.listdir("/proc/self/fd")), loops()
    for _ in range(50):
        asyncio.run(call())
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    # Emulators of other tests may run on loops of their own.
    assert not [loop for loop in loops() if not any(loop is other for other in loops_before)]


def test_ones_own_httpx_client_is_not_given_a_pool_of_ours(gateway: Emulator) -> None:
    """Its transport, cookies and log stay as they are."""
    with httpx.Client() as own:
        transport = own._transport
        PollinationsClient(base_url=gateway.url, http_client=own).chat("x")
        assert own._transport is transport


def test_each_request_is_logged_as_httpx_does_without_the_prompt(
    gateway: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Under the logger's name that people filter by."""
    caplog.set_level("INFO", logger="httpx")
    with PollinationsClient("sk_0123456789abcdef", base_url=gateway.url) as client:
        client.chat("x")
        client.image("a secret prompt")
    assert [record.getMessage() for record in caplog.records if record.name == "httpx"] == [
        f'HTTP Request: POST {gateway.url}/v1/chat/completions "HTTP/1.1 200 OK"',
        f'HTTP Request: GET {gateway.url}/image/{{prompt}} "HTTP/1.1 200 OK"',
    ]
