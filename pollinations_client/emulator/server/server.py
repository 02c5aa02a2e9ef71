"""Start and stop the emulator: one thread, one event loop, one listening socket."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Any, Literal, Self

import uvicorn
from uvicorn.server import ServerState

from ..app import App
from ..state import HOST, State
from .connection import Connection, Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..scripts import Item, KeyRules, Received

KEEP_ALIVE_S = 75
STOP_S = 5.0


class EmulatorError(OSError):
    """The emulator could not be started; the message says why and what to do."""


class Emulator:
    """A gateway of one era on a loopback port; ``port=0`` takes a free one.

    ``era`` is ``"today"`` or ``"seed"`` (API 0.3.0). ``keys`` maps keys to ``KeyRules``; without
    ``require_key`` a request that carries no key is served too, with it and ``keys`` only those
    are. ``delay_s`` is the pause in seconds after each streamed chunk. ``log`` prints a line per
    request.

    Use it in a ``with`` block or call ``start`` and ``stop``. Raises ``EmulatorError`` when the
    port is taken.
    """

    def __init__(
        self,
        *,
        era: Literal["seed", "today"] = "today",
        port: int = 0,
        keys: Mapping[str, KeyRules] | None = None,
        require_key: bool = False,
        delay_s: float = 0.0,
        log: bool = False,
    ) -> None:
        if era not in ("seed", "today"):
            raise ValueError(f"era: 'seed' or 'today' is needed, {era!r} was given.")
        self._wanted_port = port
        self._state = State(
            era, dict(keys or {}), require_key=require_key, delay_s=delay_s, log=log, port=port
        )
        self._traffic = Traffic()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def era(self) -> str:
        """The era it speaks."""
        return self._state.era

    @property
    def port(self) -> int:
        """The port it listens on; before ``start`` the one it was given."""
        return self._state.port

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, without a trailing slash."""
        return self._state.url

    @property
    def requests(self) -> list[Received]:
        """Everything received so far, in order of arrival."""
        return self._state.requests

    @property
    def generations(self) -> int:
        """How many answers were worked out rather than taken from the cache."""
        return self._state.generations

    @property
    def open_connections(self) -> int:
        """TCP connections open now."""
        return self._traffic.open_connections

    @property
    def disconnects(self) -> int:
        """Requests whose client went away before the reply was complete."""
        return self._traffic.disconnects

    def script(self, *items: Item) -> None:
        """Queue replies; each request, whatever it asks, takes the next one."""
        self._state.queue.add(items)

    def clear(self) -> None:
        """Forget requests, scripts, caches and counters."""
        self._state.clear()
        self._traffic.disconnects = 0

    def start(self) -> Self:
        """Serve; returns when the port answers."""
        if self._thread is not None:
            return self
        listening = _listen(self._wanted_port)
        self._state.port = listening.getsockname()[1]
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, args=(listening, ready), name="pollinations-emulator", daemon=True
        )
        self._thread.start()
        ready.wait()
        return self

    def stop(self) -> None:
        """Close every connection and end the thread; may be called twice."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join()

    def __repr__(self) -> str:
        return (
            f"Emulator(era={self.era!r}, url={self.url!r})"
            if self._thread
            else f"Emulator(era={self.era!r})"
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _serve(self, listening: socket.socket, ready: threading.Event) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._main(listening, ready))

    async def _main(self, listening: socket.socket, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        config = uvicorn.Config(
            App(self._state),
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        # uvicorn's Server would take over the signals of the process, so only its protocol is used.
        config.load()
        served = ServerState()
        server = await self._loop.create_server(
            lambda: Connection(config, served, self._traffic), sock=listening
        )
        ready.set()
        await self._stopping.wait()
        server.close()
        await _drop_connections(served)
        await server.wait_closed()


async def _drop_connections(served: ServerState) -> None:
    """Abandon every connection and wait for the requests that were under way to notice."""
    connections: set[Any] = set(served.connections)
    for connection in connections:
        connection.abandon()
    if served.tasks:
        await asyncio.wait(set(served.tasks), timeout=STOP_S)
    await asyncio.sleep(0)


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Else a port of one's own cannot be taken again for a minute after the emulator stopped.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(256)
    except (OSError, OverflowError) as refused:
        listening.close()
        raise EmulatorError(
            f"Port {port} on {HOST} cannot be used ({refused}). Choose another, or port 0 to"
            " take a free one."
        ) from refused
    listening.setblocking(False)
    return listening
