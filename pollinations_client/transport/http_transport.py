"""Keep connections and send requests on them, as httpx's transports do; sync and async twins.

httpx's pool looks through all its connections at every request and at every answer's end, and has
no public way to put a call's deadline on a read. These follow few rules:

- A request takes the idle connection of its origin that was used last, else it opens one. What is
  idle too long (``keepalive_expiry_s``), closed by the server, or has received bytes that nobody
  asked for, is closed and not used.
- As many requests as ``max_connections`` are under way at a time. A further one waits for
  ``pool_s`` and raises ``httpx.PoolTimeout``.
- At most ``max_keepalive_connections`` stay idle; the one that is idle longest goes first.
- A connection carries another request only after a response that was read to its end. Any other
  end closes it: an error, an early close, a cancelled task. Closing awaits nothing and takes no
  lock, so that no cancellation and no finalizer leaves a place in the pool or a socket behind.
- HTTP/1.1 only, without proxies: those of the environment go through httpx's own transports.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import h11
import httpx

from ..settings.limits import Limits
from .http11 import BaseResponse, Body, Http11, Origin, RawRequest
from .network_streams import ContextFactory, LoopStream, SocketStream
from .time_limits import TimeLimits

Stream = TypeVar("Stream", SocketStream, LoopStream)


@dataclass(slots=True, eq=False)
class Connection(Generic[Stream]):
    """A connection to ``origin``, in use by one request or idle."""

    origin: Origin
    stream: Stream
    http: Http11 = field(default_factory=Http11)
    idle_since: float = 0.0


class IdleConnections(Generic[Stream]):
    """The connections that nobody uses, by origin, the one that was used last on top."""

    # Last in, first out: what a burst left over is idle until it expires.

    def __init__(self, limits: Limits) -> None:
        self._max_idle = limits.max_keepalive_connections
        self._expiry_s = limits.keepalive_expiry_s
        self._by_origin: dict[Origin, deque[Connection[Stream]]] = {}
        # A finalizer of the user's may close the pool while this thread is in here.
        self._lock = threading.RLock()

    def take(self, origin: Origin) -> Connection[Stream] | None:
        """A connection that can carry a request, or ``None``."""
        while True:
            with self._lock:
                stack = self._by_origin.get(origin)
                if not stack:
                    return None
                connection = stack.pop()
            # Servers close idle connections when they like. A request that is written into such a
            # one may have been carried out for all anybody knows, and could not be sent again.
            if not self._is_expired(connection) and connection.stream.is_idle:
                return connection
            connection.stream.close()

    def put(self, connection: Connection[Stream]) -> None:
        """Keep a connection, and close those that are too old or too many."""
        connection.idle_since = time.monotonic()
        with self._lock:
            self._by_origin.setdefault(connection.origin, deque()).append(connection)
            surplus = self._take_surplus()
        for unused in surplus:
            unused.stream.close()

    def _take_surplus(self) -> list[Connection[Stream]]:
        stacks = [stack for stack in self._by_origin.values() if stack]
        # One of each origin at most: a sweep over all would make every answer's end dearer with the
        # number of connections, as in httpx's pool.
        surplus = [stack.popleft() for stack in stacks if self._is_expired(stack[0])]
        stacks = [stack for stack in stacks if stack]
        if self._max_idle is not None and sum(map(len, stacks)) > self._max_idle:
            oldest = min(stacks, key=lambda stack: stack[0].idle_since)
            surplus.append(oldest.popleft())
        return surplus

    def _is_expired(self, connection: Connection[Stream]) -> bool:
        idle_s = time.monotonic() - connection.idle_since
        return self._expiry_s is not None and idle_s > self._expiry_s


class Places:
    """How many requests may be under way at a time: ``number`` of them, ``None`` for any number."""

    def __init__(self, number: int | None) -> None:
        self._free = None if number is None else threading.Semaphore(number)

    def take(self, limit_s: float | None) -> None:
        """Wait for a place. Raises ``httpx.PoolTimeout``."""
        if self._free is not None and not self._free.acquire(timeout=limit_s):
            raise httpx.PoolTimeout("all connections are busy")

    def give_back(self) -> None:
        """A request has ended."""
        if self._free is not None:
            self._free.release()


class AsyncPlaces:
    """The same for the tasks of an event loop."""

    def __init__(self, number: int | None) -> None:
        self._free = None if number is None else asyncio.Semaphore(number)

    async def take(self, limit_s: float | None) -> None:
        """Wait for a place. Raises ``httpx.PoolTimeout``."""
        if self._free is None:
            return
        if not self._free.locked():
            await self._free.acquire()  # returns at once; a timer would cost more than it
            return
        try:
            async with asyncio.timeout(limit_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("all connections are busy") from error

    def give_back(self) -> None:
        """A request has ended."""
        if self._free is not None:
            self._free.release()


class PooledResponse(BaseResponse, httpx.SyncByteStream):
    """A response whose body is being read."""

    def __init__(
        self,
        pool: PooledTransport,
        connection: Connection[SocketStream],
        head: h11.Response,
        limits: TimeLimits,
    ) -> None:
        super().__init__(head, connection.stream)
        self._pool = pool
        self._connection: Connection[SocketStream] | None = connection
        self._limits = limits
        self._is_complete = False

    def iter_raw(self) -> Iterator[bytes]:
        """The body as it comes, what one read brought in one piece."""
        return self

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while not self._is_complete:
            connection = self._connection
            if connection is None:
                raise httpx.StreamClosed
            piece = connection.http.body()
            self._is_complete = connection.http.is_complete
            if piece:
                return piece
            if not self._is_complete:
                connection.http.receive(connection.stream.read(self._limits))
        raise StopIteration

    def close(self) -> None:
        """Give the connection back, or close it where the body was not read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(connection)


class PooledTransport(httpx.BaseTransport):
    """A pool of blocking connections, for any number of threads.

    ``context`` makes the TLS context that https connections use.
    """

    def __init__(self, context: ContextFactory, limits: Limits) -> None:
        self.is_closed = False
        self._context = context
        self._idle: IdleConnections[SocketStream] = IdleConnections(limits)
        self._places = Places(limits.max_connections)
        self.streams: set[SocketStream] = set()

    def send(self, request: RawRequest, body: Body, limits: TimeLimits) -> PooledResponse:
        """Send a request and wait for the head of its response, which has to be closed."""
        self._places.take(limits.within_total(limits.pool_s))
        connection: Connection[SocketStream] | None = None
        try:
            connection = self._idle.take(request.origin)
            if connection is None:
                connection = self._connect(request.origin, limits)
            head = self._exchange(connection, request, body, limits)
        except BaseException:  # Ctrl-C, too, must leave no place taken
            if connection is not None:
                connection.stream.close()
            self._places.give_back()
            raise
        return PooledResponse(self, connection, head, limits)

    def _connect(self, origin: Origin, limits: TimeLimits) -> Connection[SocketStream]:
        stream = SocketStream.connect(origin, self._context, limits, self.streams)
        return Connection(origin, stream)

    def _exchange(
        self,
        connection: Connection[SocketStream],
        request: RawRequest,
        body: Body,
        limits: TimeLimits,
    ) -> h11.Response:
        http, stream = connection.http, connection.stream
        try:
            for data in http.send(request, body):
                stream.write(data, limits)
        except httpx.WriteError:
            pass  # a server may answer before it has read everything; the answer says why
        while (head := http.head()) is None:
            http.receive(stream.read(limits))
        return head

    def give_back(self, connection: Connection[SocketStream]) -> None:
        """A response has ended: keep its connection where it can carry another request."""
        is_kept = not self.is_closed and not connection.stream.is_closed
        if is_kept and connection.http.start_next():
            self._idle.put(connection)
        else:
            connection.stream.close()
        self._places.give_back()
        if self.is_closed:  # while it was put back
            connection.stream.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request of an httpx client, with its timeouts."""
        raw_request = RawRequest(request.method, request.url, request.headers.raw)
        body: bytes | None = request.read()
        # A POST of nothing says so (RFC 9110, section 8.6); a GET says no length at all.
        if not body and "content-length" not in request.headers:
            body = None
        limits = TimeLimits.from_httpx(request)
        response = self.send(raw_request, body, limits)
        return response.for_httpx()

    def close(self) -> None:
        """Close all connections, those in use as well."""
        self.is_closed = True
        for stream in list(self.streams):
            stream.close()


class AsyncPooledResponse(BaseResponse, httpx.AsyncByteStream):
    """A response whose body is being read."""

    def __init__(
        self,
        pool: AsyncPooledTransport,
        connection: Connection[LoopStream],
        head: h11.Response,
        limits: TimeLimits,
    ) -> None:
        super().__init__(head, connection.stream)
        self._pool = pool
        self._connection: Connection[LoopStream] | None = connection
        self._limits = limits
        self._is_complete = False

    def aiter_raw(self) -> AsyncIterator[bytes]:
        """The body as it comes, what one read brought in one piece."""
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._is_complete:
            connection = self._connection
            if connection is None:
                raise httpx.StreamClosed
            piece = connection.http.body()
            self._is_complete = connection.http.is_complete
            if piece:
                return piece
            if not self._is_complete:
                connection.http.receive(await connection.stream.read(self._limits))
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Give the connection back, or close it where the body was not read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(connection)


class AsyncPooledTransport(httpx.AsyncBaseTransport):
    """A pool of connections of one event loop.

    ``context`` makes the TLS context that https connections use.
    """

    def __init__(self, context: ContextFactory, limits: Limits) -> None:
        self.is_closed = False
        self._context = context
        self._idle: IdleConnections[LoopStream] = IdleConnections(limits)
        self._places = AsyncPlaces(limits.max_connections)
        self.streams: set[LoopStream] = set()

    async def send(
        self, request: RawRequest, body: Body, limits: TimeLimits
    ) -> AsyncPooledResponse:
        """Send a request and wait for the head of its response, which has to be closed."""
        await self._places.take(limits.within_total(limits.pool_s))
        connection: Connection[LoopStream] | None = None
        try:
            connection = self._idle.take(request.origin)
            if connection is None:
                connection = await self._connect(request.origin, limits)
            head = await self._exchange(connection, request, body, limits)
        except BaseException:
            if connection is not None:
                connection.stream.close()
            self._places.give_back()
            raise
        return AsyncPooledResponse(self, connection, head, limits)

    async def _connect(self, origin: Origin, limits: TimeLimits) -> Connection[LoopStream]:
        stream = await LoopStream.connect(origin, self._context, limits, self.streams)
        return Connection(origin, stream)

    async def _exchange(
        self,
        connection: Connection[LoopStream],
        request: RawRequest,
        body: Body,
        limits: TimeLimits,
    ) -> h11.Response:
        http, stream = connection.http, connection.stream
        try:
            for data in http.send(request, body):
                await stream.write(data, limits)
        except httpx.WriteError:
            pass  # a server may answer before it has read everything; the answer says why
        while (head := http.head()) is None:
            http.receive(await stream.read(limits))
        return head

    def give_back(self, connection: Connection[LoopStream]) -> None:
        """A response has ended: keep its connection where it can carry another request."""
        is_kept = not self.is_closed and not connection.stream.is_closed
        if is_kept and connection.http.start_next():
            self._idle.put(connection)
        else:
            connection.stream.close()
        self._places.give_back()
        if self.is_closed:  # while it was put back
            connection.stream.close()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request of an httpx client, with its timeouts."""
        raw_request = RawRequest(request.method, request.url, request.headers.raw)
        body: bytes | None = await request.aread()
        if not body and "content-length" not in request.headers:
            body = None
        limits = TimeLimits.from_httpx(request)
        response = await self.send(raw_request, body, limits)
        return response.for_httpx()

    async def aclose(self) -> None:
        """Close all connections, those in use as well."""
        self.is_closed = True
        for stream in list(self.streams):
            stream.close()
