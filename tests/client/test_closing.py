"""What is open, and how it closes: blocks, streams that nobody reads any more, loops, ``close()``
beside calls.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from httpcore._sync import connection_pool

from pollinations_client import (
    AsyncPollinationsClient,
    ConfigurationError,
    Finished,
    Limits,
    PollinationsClient,
    PollinationsError,
    TextDelta,
)
from pollinations_client.client.lazy_clients import CloseableMixin
from pollinations_client.emulator import Emulator
from pollinations_client.transport.http_transport import IdleConnections
from support.rawserver import RawServer, chunk, raw_server, stream_head

PIECE = b'data: {"choices":[{"index":0,"delta":{"content":"h"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
LONG = "a long text " * 20


class Door(CloseableMixin):
    """Notes which way it was closed."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    def close(self) -> None:
        """Note the blocking way."""
        self.closed.append("sync")

    async def aclose(self) -> None:
        """Note the way of the loop."""
        self.closed.append("async")


def test_leaving_a_block_closes_its_own_kind_also_after_an_error() -> None:
    """``with`` closes the blocking connections, ``async with`` the loop's."""
    door = Door()

    async def passes() -> None:
        async with door as same:
            assert same is door
            assert door.closed == ["sync"]

    with pytest.raises(KeyError), door as same:
        assert same is door
        raise KeyError
    asyncio.run(passes())
    assert door.closed == ["sync", "async"]


def test_what_does_not_say_how_it_closes_is_an_error() -> None:
    """Nothing stays open silently."""
    with pytest.raises(NotImplementedError), CloseableMixin():
        pass
    with pytest.raises(NotImplementedError):
        asyncio.run(CloseableMixin().aclose())


@pytest.fixture
def _collector_off() -> Iterator[None]:
    """Garbage is collected where a test says so and nowhere else."""
    gc.disable()
    yield
    gc.enable()


def _abandon_in_a_cycle(stream: Any) -> None:
    """Leave a stream that has begun to the garbage collector."""
    next(stream)
    box = [stream]
    box.append(box)


@pytest.mark.usefixtures("_collector_off")
@pytest.mark.parametrize("operation", ["stream_chat", "stream_text"])
@pytest.mark.parametrize(
    ("pool", "locked_step", "is_own"),
    [
        (IdleConnections, "_take_surplus", True),
        (connection_pool.ConnectionPool, "_assign_requests_to_connections", False),
    ],
)
def test_a_stream_collected_inside_the_pools_lock_does_not_block_the_next_call(
    gateway: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    pool: type,
    locked_step: str,
    is_own: bool,
) -> None:
    """The collector may run anywhere: here where our pool, or httpcore's, holds its lock."""
    step = getattr(pool, locked_step)
    collected: list[int] = []

    def collect_then_go_on(locked: Any) -> Any:
        collected.append(gc.collect())
        return step(locked)

    answers: list[str] = []
    with httpx.Client() as httpx_client:
        client = PollinationsClient(
            base_url=gateway.url, http_client=None if is_own else httpx_client
        )
        _abandon_in_a_cycle(getattr(client, operation)(LONG))
        monkeypatch.setattr(pool, locked_step, collect_then_go_on)
        thread = threading.Thread(target=lambda: answers.append(client.chat("x").text), daemon=True)
        thread.start()
        thread.join(10)
        assert not thread.is_alive(), "the call waits for a lock that its own thread holds"
    assert answers[0]
    assert collected
    client.close()


def _one_word(closed: threading.Event) -> Callable[[socket.socket, bytes], None]:
    """Answer every request with a stream that has begun, and note when its reader is gone."""

    def script(peer: socket.socket, _: bytes) -> None:
        peer.sendall(stream_head() + chunk(PIECE))
        if peer.recv(1) == b"":
            closed.set()

    return script


@pytest.mark.usefixtures("_collector_off")
def test_a_collected_stream_closes_its_connection_and_frees_its_place_in_the_pool() -> None:
    """Sync streams by a thread, async ones by a task of their loop."""
    closed = threading.Event()
    with raw_server(_one_word(closed)) as server:
        only_one = Limits(max_connections=1)
        with PollinationsClient(base_url=server.url, limits=only_one) as client:
            for _ in range(3):
                closed.clear()
                _abandon_in_a_cycle(client.stream_chat(LONG))
                gc.collect()
                assert closed.wait(1)

        async def abandon(is_cyclic: bool) -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, told: problems.append(told))
            stream = AsyncPollinationsClient(base_url=server.url).stream_chat(LONG)
            await anext(stream)
            closed.clear()
            box: list[Any] = [stream]
            if is_cyclic:
                box.append(box)
            del stream, box
            gc.collect()
            await asyncio.sleep(0.2)

        problems: list[Any] = []
        for is_cyclic in (False, True):
            asyncio.run(abandon(is_cyclic))
            assert closed.is_set()
        assert not problems


def test_an_abandoned_stream_of_an_own_client_frees_its_place_there() -> None:
    """Also where the pool is the user's, who may call it directly."""
    closed = threading.Event()
    with (
        raw_server(_one_word(closed)) as server,
        httpx.Client(limits=httpx.Limits(max_connections=1), timeout=5) as own,
    ):
        stream = PollinationsClient(base_url=server.url, http_client=own).stream_chat("x")
        next(stream)
        stream.close()
        with own.stream("GET", server.url) as response:
            assert response.status_code == 200


def _open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _in_a_closed_loop(work: Any) -> None:
    """As old code does: no shutdown_asyncgens before close."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(work)
    loop.close()


@pytest.mark.parametrize("run", [asyncio.run, _in_a_closed_loop])
@pytest.mark.parametrize("is_streamed", [False, True])
def test_event_loops_are_freed_with_their_connections(
    gateway: Emulator, run: Callable[[Any], None], is_streamed: bool
) -> None:
    """A loop that has ended is kept by nothing of ours, and leaves no descriptor."""
    client = AsyncPollinationsClient(base_url=gateway.url)
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def call() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        if is_streamed:
            assert [event async for event in client.stream_chat("x")]
        else:
            assert (await client.chat("x")).text

    run(call())
    gc.collect()
    before = _open_descriptors()
    for _ in range(10):
        run(call())
    gc.collect()
    assert not [loop for loop in loops if loop() is not None]
    assert _open_descriptors() <= before + 2


def test_closing_a_loop_closes_its_connections_at_once(gateway: Emulator) -> None:
    """Without the garbage collector, and where somebody still refers to the loop."""
    client = AsyncPollinationsClient(base_url=gateway.url)
    loops = [asyncio.new_event_loop() for _ in range(6)]
    before = _open_descriptors()
    for loop in loops:
        loop.run_until_complete(client.chat("x"))
        loop.close()
    assert _open_descriptors() <= before


def _paced(server_may_go_on: threading.Event) -> Callable[[socket.socket, bytes], None]:
    def script(peer: socket.socket, _: bytes) -> None:
        peer.sendall(stream_head() + chunk(PIECE))
        server_may_go_on.wait(5)
        peer.sendall(chunk(PIECE) + chunk(END) + chunk(b""))

    return script


def test_close_lets_streams_under_way_end_well() -> None:
    """The last user's ``close()`` retires the pool; what is under way is read to its end."""
    go_on = threading.Event()
    with raw_server(_paced(go_on)) as server:
        client = PollinationsClient(base_url=server.url, limits=Limits(max_connections=5))
        stream = client.stream_chat("x")
        assert isinstance(next(stream), TextDelta)
        client.close()
        go_on.set()
        *_, last = stream
        assert isinstance(last, Finished)
        assert last.reply.text == "hh"
        go_on.clear()

        async def on_a_loop() -> str:
            other = AsyncPollinationsClient(base_url=server.url, limits=Limits(max_connections=5))
            events = other.stream_chat("x")
            await anext(events)
            await other.aclose()
            go_on.set()
            return "".join([event.text async for event in events if isinstance(event, TextDelta)])

        assert asyncio.run(on_a_loop()) == "h"


def _idle_sockets(server: RawServer) -> int:
    return len(server._open)


def test_a_closed_client_gives_its_connection_back_when_its_last_call_has_ended() -> None:
    """Closing is late, not left out."""
    go_on = threading.Event()
    with raw_server(_paced(go_on)) as server:
        client = PollinationsClient(base_url=server.url, limits=Limits(max_connections=6))
        stream = client.stream_chat("x")
        next(stream)
        client.close()
        go_on.set()
        list(stream)
        deadline = time.monotonic() + 2
        while _idle_sockets(server) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert _idle_sockets(server) == 0


def test_close_beside_calls_of_other_threads_breaks_none(gateway: Emulator) -> None:
    """Between any two lines of a call."""
    client = PollinationsClient(base_url=gateway.url, limits=Limits(max_connections=11))
    failures: list[Exception] = []
    done = threading.Event()

    def call_often() -> None:
        try:
            for _ in range(25):
                assert client.chat("x").text
        except (PollinationsError, RuntimeError) as error:
            failures.append(error)

    def close_often() -> None:
        while not done.is_set():
            client.close()

    threads = [threading.Thread(target=call_often) for _ in range(3)]
    closer = threading.Thread(target=close_often)
    for thread in [*threads, closer]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    closer.join()
    assert failures == []


def test_an_own_client_that_closes_between_two_lines_is_named(gateway: Emulator) -> None:
    """httpx says RuntimeError there."""

    class ClosesWhenAsked(httpx.Client):
        def build_request(self, *args: Any, **options: Any) -> httpx.Request:
            request = super().build_request(*args, **options)
            self.close()
            return request

    client = PollinationsClient(base_url=gateway.url, http_client=ClosesWhenAsked())
    with pytest.raises(ConfigurationError, match="closed"):
        client.chat("x")


def _run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "dev", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_daemon_threads_stream_is_cut_silently_at_exit() -> None:
    """The process ends; that is no failure of the connection."""
    with raw_server(_one_word(threading.Event())) as server:
        done = _run_python(
            "import threading, time\n"
            "from pollinations_client import PollinationsClient\n"
            f"client = PollinationsClient(base_url={server.url!r})\n"
            "read = lambda: list(client.stream_chat('x'))\n"
            "threading.Thread(target=read, daemon=True).start()\n"
            "time.sleep(0.5)\n"
        )
    assert (done.returncode, done.stderr) == (0, "")


NESTED = pytest.param(
    "nest_asyncio.apply(); asyncio.run",
    marks=pytest.mark.xfail(
        sys.version_info >= (3, 14),
        reason="nest_asyncio's fault: its tasks are none to Python 3.14; httpx alone fails, too",
    ),
)


@pytest.mark.parametrize("applied", [NESTED, "_by_the_loop"])
def test_a_loop_that_nobody_shuts_down_ends_silently_with_the_process(
    gateway: Emulator, applied: str
) -> None:
    """``nest_asyncio`` runs everything on one loop and never closes it."""
    done = _run_python(
        "import asyncio, nest_asyncio\n"
        "from pollinations_client import AsyncPollinationsClient\n"
        f"client = AsyncPollinationsClient(base_url={gateway.url!r})\n"
        "loop = asyncio.new_event_loop(); asyncio.set_event_loop(loop)\n"
        "_by_the_loop = loop.run_until_complete\n"
        f"{applied}(client.chat('x'))\n"
    )
    unclosed = "unclosed event loop"
    problems = [line for line in done.stderr.splitlines() if "Warning" in line]
    assert done.returncode == 0
    assert [line for line in problems if unclosed not in line] == []
    assert "Traceback" not in done.stderr
