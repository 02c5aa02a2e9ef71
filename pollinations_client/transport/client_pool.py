"""httpx, as this project uses it: the clients a process shares, deadlines on every read, and
failures with a name.

Nothing here is reached before the first call. One sync client serves the whole process, one async
client each event loop; both are rebuilt after a fork, and an async client goes down with its loop.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import http.cookiejar
import os
import socket
import ssl
import threading
import urllib.parse
import weakref
from collections.abc import AsyncGenerator, Iterable
from contextvars import ContextVar
from typing import Any, TypeVar

import httpcore
import httpx
from pydantic import SecretStr

from ..errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    PollinationsError,
    redact,
)
from ..request.endpoints import Call
from ..settings import Limits, Timeouts
from .deadline import Deadline

NETWORK_ERRORS = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    UnicodeError,
)  # the last: bad host names
UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.WriteTimeout,
    httpx.WriteError,
    httpx.ProxyError,
)

OwnClient = TypeVar("OwnClient", httpx.Client, httpx.AsyncClient)
PIECE_BYTES = (
    64 * 1024
)  # of a request body: a server that takes one piece now and then is still timed

DEADLINE: ContextVar[Deadline | None] = ContextVar("pollinations_clock", default=None)


def failure_from(
    error: Exception, call: Call, clock: Deadline, host: str, secret: SecretStr | None
) -> PollinationsError:
    """The typed error for what the network library raised.

    The original's request, headers and frames stay behind.
    """
    said = redact(str(error), secret) or type(error).__name__
    cause = RuntimeError(f"{type(error).__module__}.{type(error).__name__}: {said}")
    failure: PollinationsError
    if isinstance(error, (httpx.ReadTimeout, httpcore.ReadTimeout)):
        failure = clock.timed_out()
    elif isinstance(error, httpx.TimeoutException):
        failure = clock.timed_out() if clock.is_over else _no_connection(error, call, host)
        failure.ambiguous = False  # type: ignore[attr-defined]
    elif isinstance(
        error, (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError)
    ):
        failure = ConfigurationError(f"{call.label} cannot be sent: {said}.")
    else:
        untrusted = "CERTIFICATE_VERIFY_FAILED" in said or isinstance(
            error, ssl.SSLCertVerificationError
        )
        failure = APIConnectionError(
            f"{call.label}: the connection to {host} failed:"
            f" {said}.{_advice(error, host, untrusted)}",
            ambiguous=not isinstance(error, UNSENT),
        )
        if untrusted:
            failure.is_retryable = False
    failure.__cause__ = cause
    return failure


def _advice(error: Exception, host: str, untrusted: bool) -> str:
    """What to look at when no connection came about."""
    if untrusted:
        return " The server's certificate is not trusted; check base_url and the proxy."
    if not isinstance(error, httpx.ConnectError):
        return ""
    if urllib.parse.urlsplit(host).hostname in {"localhost", "127.0.0.1", "::1"}:
        return (
            " Is anything served there? The emulator is started with: python -m"
            " pollinations_client.emulator"
        )
    return " Check base_url, the network and the proxy."


def _no_connection(error: httpx.TimeoutException, call: Call, host: str) -> PollinationsError:
    what = {
        "ConnectTimeout": f"no connection to {host} was made in time (timeout)",
        "PoolTimeout": "all connections were busy (Limits.max_connections)",
        "WriteTimeout": "the server took the request too slowly (timeout)",
    }.get(type(error).__name__, "it timed out")
    return APITimeoutError(f"{call.label}: {what}.")


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

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **options: Any
    ) -> httpcore.AsyncNetworkStream:
        return _AsyncTimedStream(
            await self._backend.connect_tcp(host, port, _within_total(timeout), *args, **options)
        )


def _with_deadlines(client: httpx.Client | httpx.AsyncClient) -> None:
    """Put deadlines on the reads of a client of our own.

    httpx has no public door for a network backend, so this goes through its pools, proxies'
    included; should a later httpx move them, the per-read timeouts of httpx and the check between
    reads still hold (see Clock.heard).
    """
    wrap = _TimedBackend if isinstance(client, httpx.Client) else _AsyncTimedBackend
    for transport in (client._transport, *client._mounts.values()):
        pool = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if backend is not None:
            pool._network_backend = wrap(backend)  # type: ignore[union-attr]


# -- the clients a process shares

_lock = threading.Lock()
_sync_clients: dict[Limits, _Shared] = {}
_async_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Limits, _Shared]] = (
    weakref.WeakKeyDictionary()
)
_ssl_context: ssl.SSLContext | None = None


class _Shared:
    """A client and who uses it. It closes when the last of its users does."""

    __slots__ = ("client", "keeper", "users")

    def __init__(self, client: Any, keeper: AsyncGenerator[None, None] | None = None) -> None:
        self.client = client
        self.keeper = keeper
        self.users: weakref.WeakSet[Any] = weakref.WeakSet()


class _NoCookies(http.cookiejar.CookieJar):
    """Remembers nothing: the clients are shared by users with different keys."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Take none."""


def _options(limits: Limits) -> dict[str, Any]:
    global _ssl_context
    if _ssl_context is None:
        _ssl_context = httpx.create_ssl_context()
    return {
        "verify": _ssl_context,
        "limits": httpx.Limits(
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry_s,
        ),
        "cookies": _NoCookies(),
        "follow_redirects": False,
    }


def _made(kind: type[OwnClient], limits: Limits) -> OwnClient:
    try:
        client = kind(**_options(limits))
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        said = redact(str(error))
    else:
        _with_deadlines(client)
        return client
    raise ConfigurationError(
        f"A proxy that the environment names (HTTP_PROXY, ALL_PROXY) cannot be used: {said}"
    )


def sync_client(limits: Limits, user: Any) -> httpx.Client:
    """The process's client for these limits; ``user`` keeps it open."""
    with _lock:
        shared = _sync_clients.get(limits)
        if shared is None or shared.client.is_closed:
            shared = _sync_clients[limits] = _Shared(_made(httpx.Client, limits))
        shared.users.add(user)
    client: httpx.Client = shared.client
    return client


async def async_client(limits: Limits, user: Any) -> httpx.AsyncClient:
    """The running loop's client for these limits; ``user`` keeps it open, the loop's end
    closes it.
    """
    with _lock:
        clients = _async_clients.setdefault(asyncio.get_running_loop(), {})
    shared = clients.get(limits)
    if shared is None or shared.client.is_closed:
        client = _made(httpx.AsyncClient, limits)
        shared = clients[limits] = _Shared(client, _closed_with_the_loop(client))
        await anext(shared.keeper)  # type: ignore[arg-type]
    shared.users.add(user)
    found: httpx.AsyncClient = shared.client
    return found


async def _closed_with_the_loop(client: httpx.AsyncClient) -> AsyncGenerator[None, None]:
    """asyncio closes every generator that is still open when a loop shuts down; this one closes a
    client then.
    """
    try:
        yield
    finally:
        await client.aclose()


def leave_sync(limits: Limits, user: Any) -> None:
    """``user`` needs the client no more; the last one closes it."""
    with _lock:
        shared = _sync_clients.get(limits)
        if shared is None:
            return
        shared.users.discard(user)
        if shared.users:
            return
        del _sync_clients[limits]
    shared.client.close()


async def leave_async(limits: Limits, user: Any) -> None:
    """``user`` needs the running loop's client no more; the last one closes it."""
    clients = _async_clients.get(asyncio.get_running_loop(), {})
    shared = clients.get(limits)
    if shared is None:
        return
    shared.users.discard(user)
    if not shared.users:
        del clients[limits]
        await shared.keeper.aclose()  # type: ignore[union-attr]


def _close_all() -> (
    None
):  # pragma: no cover - runs when the interpreter ends; a test watches that from outside
    for shared in _sync_clients.values():
        shared.client.close()


def _forget_all() -> (
    None
):  # pragma: no cover - runs in a forked child; a test watches that from outside
    """In a forked child: its parent's sockets are not its own."""
    global _lock
    _lock = threading.Lock()
    _sync_clients.clear()
    _async_clients.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows cannot fork
    os.register_at_fork(after_in_child=_forget_all)


def timeouts_for(call: Call, timeouts: Timeouts, clock: Deadline) -> httpx.Timeout:
    """httpx's own limits, which hold for an injected client as well; none is longer than what is
    left of the total.
    """
    read_s = timeouts.read_s(call.kind)
    if call.kind == "stream":
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


def lower_case(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name, the last of a name holding."""
    return {name.lower(): value for name, value in headers}
