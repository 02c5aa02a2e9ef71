"""Put a call's deadline on every read and write that httpx does."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

from ..request.endpoints import Call
from ..settings import Timeouts
from .deadline import Deadline

PIECE_BYTES = (
    64 * 1024
)  # of a request body: a server that takes one piece now and then is still timed

DEADLINE: ContextVar[Deadline | None] = ContextVar("pollinations_clock", default=None)


def timeouts_for(call: Call, timeouts: Timeouts, clock: Deadline) -> httpx.Timeout:
    """httpx's own limits, which hold for an injected client as well; none is longer than what is
    left of the total.
    """
    read_s: float | None = getattr(timeouts, call.kind.first_byte_limit)
    if call.kind.is_stream:
        read_s = (
            None
            if read_s is None or timeouts.stream_idle_s is None
            else max(read_s, timeouts.stream_idle_s)
        )
    limit = clock.within_total
    return httpx.Timeout(
        connect=limit(timeouts.connect_s),
        write=limit(timeouts.write_s),
        pool=limit(timeouts.pool_s),
        read=limit(read_s),
    )


def _within_total(timeout: float | None) -> float | None:
    """``timeout``, or what is left of the call's time where that is less."""
    clock = DEADLINE.get()
    return timeout if clock is None else clock.within_total(timeout)


def _pieces(buffer: bytes) -> Iterable[bytes]:
    if len(buffer) <= PIECE_BYTES:
        return (buffer,)
    return (buffer[start : start + PIECE_BYTES] for start in range(0, len(buffer), PIECE_BYTES))


class _Timed:
    """Deadlines for one connection: the clock of the call that wrote last holds."""

    __slots__ = ("_clock", "_stream")

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._clock: Deadline | None = None

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _limit(self, timeout: float | None) -> float | None:
        if self._clock is None:
            return timeout
        limit = self._clock.read_limit_s()
        if limit is not None and limit <= 0:
            raise httpcore.ReadTimeout("the call's time is used up")
        return limit


class _TimedStream(_Timed, httpcore.NetworkStream):
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data: bytes = self._stream.read(max_bytes, self._limit(timeout))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._clock = DEADLINE.get()
        for piece in _pieces(buffer):
            self._stream.write(piece, _within_total(timeout))

    def close(self) -> None:
        with contextlib.suppress(
            OSError
        ):  # wakes a thread that waits for bytes; closing alone would leave it there
            self.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _TimedStream(
            self._stream.start_tls(ssl_context, server_hostname, _within_total(timeout))
        )


class _AsyncTimedStream(_Timed, httpcore.AsyncNetworkStream):
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data: bytes = await self._stream.read(max_bytes, self._limit(timeout))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._clock = DEADLINE.get()
        for piece in _pieces(buffer):
            await self._stream.write(piece, _within_total(timeout))

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _AsyncTimedStream(
            await self._stream.start_tls(ssl_context, server_hostname, _within_total(timeout))
        )


class _TimedBackend(httpcore.NetworkBackend):
    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **options: Any
    ) -> httpcore.NetworkStream:
        return _TimedStream(
            self._backend.connect_tcp(host, port, _within_total(timeout), *args, **options)
        )


class _AsyncTimedBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        self._backend = backend
        self.transports: list[Any] = []

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **options: Any
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._backend.connect_tcp(
            host, port, _within_total(timeout), *args, **options
        )
        transport = getattr(getattr(stream, "_stream", None), "_transport", None)
        if getattr(transport, "_sock", None) is not None:
            still_open = [one for one in self.transports if not one.is_closing()]
            self.transports = [*still_open, transport]
        return _AsyncTimedStream(stream)


def _pools_of(client: httpx.Client | httpx.AsyncClient) -> Iterator[Any]:
    """The connection pools of a client of our own, proxies' included.

    httpx has no public door to them. Should a later httpx move them, the per-read timeouts of httpx
    and the check between reads still hold (see Deadline.on_bytes).
    """
    for transport in (client._transport, *client._mounts.values()):
        pool = getattr(transport, "_pool", None)
        if getattr(pool, "_network_backend", None) is not None:
            yield pool


def set_deadlines(client: httpx.Client | httpx.AsyncClient) -> None:
    """Put deadlines on the reads of a client of our own."""
    wrap = _TimedBackend if isinstance(client, httpx.Client) else _AsyncTimedBackend
    for pool in _pools_of(client):
        pool._network_backend = wrap(pool._network_backend)


def close_without_loop(client: httpx.AsyncClient) -> None:
    """Close the sockets of a client whose event loop is closed.

    asyncio closes a socket by a callback of its loop only; left to the garbage collector, each one
    is a ResourceWarning.
    """
    for pool in _pools_of(client):
        for transport in getattr(pool._network_backend, "transports", ()):
            own_socket, transport._sock = transport._sock, None
            if own_socket is not None:
                own_socket.close()
