"""Connect, read and write with a limit on every step: by sockets, and by asyncio's transports."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import math
import os
import select
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from .http11 import Origin
from .time_limits import TimeLimits

READ_BYTES = 64 * 1024
MAX_WAITING_BYTES = 256 * 1024  # received and not yet read; beyond it the server has to wait
PIECE_BYTES = 64 * 1024  # of a body: a server that takes one piece now and then is still timed
HAPPY_EYEBALLS_S = 0.25  # RFC 8305, section 5

ContextFactory = Callable[[], ssl.SSLContext]


def _pieces(data: bytes) -> Iterator[bytes | memoryview]:
    if len(data) <= PIECE_BYTES:
        yield data
        return
    view = memoryview(data)  # slices of bytes would copy a picture of 20 MB once more
    for start in range(0, len(data), PIECE_BYTES):
        yield view[start : start + PIECE_BYTES]


def _is_readable(descriptor: int) -> bool:
    """Whether a read would return at once: on an idle connection, that the server has closed it."""
    if descriptor < 0:
        return True
    if not hasattr(select, "poll"):  # pragma: no cover - Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()  # select() takes no descriptor above 1023
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _race_delay_s(host: str) -> float | None:
    """When to try a host's next address beside the one before."""
    # An address has no other, and the race takes three tasks.
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return HAPPY_EYEBALLS_S
    return None


@contextlib.contextmanager
def _connect_errors() -> Iterator[None]:
    """Errors of connecting, as httpx names them."""
    try:
        yield
    except TimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except OSError as error:
        raise httpx.ConnectError(str(error)) from error


class SocketStream:
    """A blocking connection. It is among ``streams`` until it is closed."""

    def __init__(self, connected: socket.socket, streams: set[SocketStream]) -> None:
        self._socket = connected
        self._streams = streams
        self._timeout_s: float | None = -1.0  # nobody's limit, so that the first one is set
        self._process = os.getpid()
        streams.add(self)

    @classmethod
    def connect(
        cls,
        origin: Origin,
        context: ContextFactory,
        limits: TimeLimits,
        streams: set[SocketStream],
    ) -> SocketStream:
        """Open a connection. Raises ``httpx.ConnectTimeout`` and ``httpx.ConnectError``."""
        scheme, host, port = origin
        name = host.decode("ascii")
        with _connect_errors():
            limit_s = limits.within_total(limits.connect_s)
            connected = socket.create_connection((name, port), limit_s)
            try:
                # Nagle's algorithm would hold a request's last packet back until the one before it
                # is acknowledged, which servers put off by 40 ms.
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if scheme == b"https":
                    connected.settimeout(limits.within_total(limits.connect_s))
                    connected = context().wrap_socket(connected, server_hostname=name)
            except BaseException:
                connected.close()
                raise
        return cls(connected, streams)

    def _set_timeout(self, limit_s: float | None) -> None:
        if limit_s != self._timeout_s:  # each change is a system call
            self._socket.settimeout(limit_s)
            self._timeout_s = limit_s

    def read(self, limits: TimeLimits) -> bytes:
        """What comes next; nothing at the connection's end."""
        limit_s = limits.next_read_s()
        try:
            self._set_timeout(limit_s)
            return self._socket.recv(READ_BYTES)
        except TimeoutError as error:
            raise httpx.ReadTimeout("no byte came in time") from error
        except OSError as error:
            raise httpx.ReadError(str(error)) from error

    def write(self, data: bytes, limits: TimeLimits) -> None:
        """Send all of ``data``, each piece within the limit."""
        try:
            for piece in _pieces(data):
                self._set_timeout(limits.within_total(limits.write_s))
                self._socket.sendall(piece)
        except TimeoutError as error:
            raise httpx.WriteTimeout("the server took no byte in time") from error
        except OSError as error:
            raise httpx.WriteError(str(error)) from error

    @property
    def is_idle(self) -> bool:
        """Whether nothing came since the last response was read: bytes, or the server's close."""
        # TLS may hold bytes that poll() does not see any more.
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return False
        return not _is_readable(self._socket.fileno())

    @property
    def is_closed(self) -> bool:
        """Whether the socket is closed on this side."""
        return self._socket.fileno() < 0

    def close(self) -> None:
        """Close the socket. Takes no lock, so that a finalizer may call it."""
        if self._process == os.getpid():  # in a forked child, the parent still talks on it
            with contextlib.suppress(OSError):  # wakes a thread that waits for bytes
                self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._streams.discard(self)

    def get_extra_info(self, info: str) -> Any:
        """The socket, under httpcore's name for it."""
        return self._socket if info == "socket" else None


class LoopStream(asyncio.Protocol):
    """A connection of an event loop, with nothing between asyncio and the reader. It is among
    ``streams`` until its socket is closed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, streams: set[LoopStream]) -> None:
        self._loop = loop
        self._streams = streams
        self._transport: Any = None
        self._raw_transport: Any = None  # under TLS, what it stands on
        self._received: list[bytes] = []
        self._waiting_bytes = 0
        self._is_paused = False
        self._is_ended = False
        self._is_lost = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._read_until = math.inf
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def connect(
        cls,
        origin: Origin,
        context: ContextFactory,
        limits: TimeLimits,
        streams: set[LoopStream],
    ) -> LoopStream:
        """Open a connection. Raises ``httpx.ConnectTimeout`` and ``httpx.ConnectError``."""
        scheme, host, port = origin
        name = host.decode("ascii")
        stream = cls(asyncio.get_running_loop(), streams)
        options: dict[str, Any] = {}
        # uvloop, which uvicorn prefers, does not know the option.
        if isinstance(stream._loop, asyncio.BaseEventLoop):
            options["happy_eyeballs_delay"] = _race_delay_s(name)
        with _connect_errors():
            try:
                async with asyncio.timeout(limits.within_total(limits.connect_s)):
                    await stream._loop.create_connection(lambda: stream, name, port, **options)
                if scheme == b"https":
                    async with asyncio.timeout(limits.within_total(limits.connect_s)):
                        await stream._start_tls(context(), name)
            except BaseException:
                stream.close()
                raise
        return stream

    async def _start_tls(self, context: ssl.SSLContext, name: str) -> None:
        self._transport = await self._loop.start_tls(
            self._raw_transport, self, context, server_hostname=name
        )
        if self._transport is None:  # closed while shaking hands
            raise ConnectionResetError("the connection was lost during the TLS handshake")

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = self._raw_transport = transport
        self._streams.add(self)

    def data_received(self, data: bytes) -> None:
        """Keep what came for the next read."""
        self._received.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > MAX_WAITING_BYTES and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake_reader()

    def eof_received(self) -> None:
        """The server sends no more; asyncio closes the connection."""
        self._is_ended = True
        self._wake_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by whom ever."""
        self._is_ended = self._is_lost = True
        self._error = exc
        self._streams.discard(self)
        self._wake_reader()
        self.resume_writing()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def pause_writing(self) -> None:
        """The server takes less than was sent."""
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """The server has caught up."""
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def _wake_reader(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # What readers and writers call.

    async def read(self, limits: TimeLimits) -> bytes:
        """All that came since the last read; nothing at the connection's end."""
        limit_s = limits.next_read_s()
        if not self._received and not self._is_ended:
            self._waiter = self._loop.create_future()
            self._limit_read(limit_s)
            await self._waiter
        if self._received:
            data = b"".join(self._received)
            self._received.clear()
            self._waiting_bytes = 0
            if self._is_paused:
                self._is_paused = False
                self._transport.resume_reading()
            return data
        if self._error is not None:
            raise httpx.ReadError(str(self._error)) from self._error
        return b""

    def _limit_read(self, limit_s: float | None) -> None:
        """Set the timer, or let the one that is set run."""
        # A timer for each read would cost more than the read.
        self._read_until = math.inf
        if limit_s is not None:
            self._read_until = self._loop.time() + limit_s
        timer = self._timer
        if timer is not None and timer.when() > self._read_until:
            timer.cancel()
            timer = self._timer = None
        if timer is None and limit_s is not None:
            self._timer = self._loop.call_at(self._read_until, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        waiter = self._waiter
        if waiter is None or waiter.done() or self._read_until == math.inf:
            return
        if self._loop.time() < self._read_until:
            self._timer = self._loop.call_at(self._read_until, self._on_timer)
            return
        self._waiter = None
        waiter.set_exception(httpx.ReadTimeout("no byte came in time"))

    async def write(self, data: bytes, limits: TimeLimits) -> None:
        """Send all of ``data``, each piece within the limit."""
        for piece in _pieces(data):
            if self._is_ended:
                raise httpx.WriteError(str(self._error or "the server has closed the connection"))
            self._transport.write(piece)
            if self._drained is not None:
                try:
                    async with asyncio.timeout(limits.within_total(limits.write_s)):
                        await self._drained
                except TimeoutError as error:
                    raise httpx.WriteTimeout("the server took no byte in time") from error

    @property
    def is_idle(self) -> bool:
        """Whether nothing came since the last response was read: bytes, or the server's close."""
        if self._is_ended or self._received:
            return False
        # The loop may not have looked at the socket since.
        return not _is_readable(self._raw_transport.get_extra_info("socket").fileno())

    @property
    def is_closed(self) -> bool:
        """Whether either side has closed the connection."""
        return self._is_ended

    def close(self) -> None:
        """Close the connection; the loop closes its socket in its next turn."""
        # Nothing is awaited: a task that is cancelled once more leaves nothing behind. And not
        # close(), which would wait for a server that takes no bytes to take what is buffered.
        self._is_ended = True
        if self._transport is not None and not self._is_lost:
            self._transport.abort()

    def close_without_loop(self) -> None:
        """Close the socket of a loop that is closed or will not run again."""
        # asyncio closes one by a callback of its loop only; left to the garbage collector, each is
        # a ResourceWarning.
        with contextlib.suppress(RuntimeError):  # the loop is closed and takes no callback
            self.close()
        own_socket = getattr(self._raw_transport, "_sock", None)
        if own_socket is not None:
            self._raw_transport._sock = None
            own_socket.close()

    def get_extra_info(self, info: str) -> Any:
        """As asyncio's transports say it."""
        return self._transport.get_extra_info(info)
