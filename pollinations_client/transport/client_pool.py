"""Share connection pools in a process: one for blocking calls, one for each event loop.

A pool of our own, or an httpx client where the environment names a proxy. Nothing here is reached
before the first call. Both are rebuilt after a fork, and those of a loop go down with it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import http.cookiejar
import os
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator
from typing import Any, TypeVar

import httpx

from ..errors import ConfigurationError, redact
from ..settings.limits import Limits
from ..settings.settings import network_environment
from .http_transport import AsyncPooledTransport, PooledTransport

OwnClient = TypeVar("OwnClient", httpx.Client, httpx.AsyncClient)
PROXY_VARIABLES = frozenset({"http", "https", "all"})  # the keys of urllib's getproxies()
LOOP_ATTRIBUTE = "_pollinations_clients"


class SharedClient:
    """A client, the transports that keep it open, and the calls that it carries.

    It is retired when its last user closes, and closed when its last call has ended.
    """

    __slots__ = ("calls", "client", "is_dropped", "is_retired", "keeper", "users")

    def __init__(self, client: Any) -> None:
        self.client = client
        self.users: weakref.WeakSet[Any] = weakref.WeakSet()
        self.calls = 0
        self.is_retired = False
        self.is_dropped = False
        self.keeper: AsyncGenerator[None, None] | None = None

    def end_call(self) -> bool:
        """Count a call out. Returns whether the client is to be closed now."""
        self.calls -= 1
        return self.is_retired and self.calls == 0

    async def aclose(self) -> None:
        """Close the client of a loop."""
        self.end_keeper()
        await self.client.aclose()

    def end_keeper(self) -> None:
        """End the generator that closes the client with its loop."""
        # It awaits nothing here, so no loop is needed. One that nobody ends is a RuntimeWarning
        # where a loop is never closed.
        self.is_dropped = True
        if self.keeper is not None:
            with contextlib.suppress(StopIteration, RuntimeError):  # it has ended, or does just now
                self.keeper.aclose().send(None)

    def leave(self, user: Any) -> bool:
        """Count a user out. Returns whether it was the last one."""
        self.users.discard(user)
        self.is_retired = not self.users
        return self.is_retired


class PoolKey:
    """What decides whether two transports share a client: limits, and the environment's proxies.

    Read once for each transport, so that an object made after the environment changed sees it.
    """

    __slots__ = ("_environment", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._environment = network_environment()

    @property
    def has_proxies(self) -> bool:
        """Whether the environment names a proxy, whatever NO_PROXY excepts."""
        return not PROXY_VARIABLES.isdisjoint(name for name, _ in self._environment.proxies)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PoolKey)
            and self.limits == other.limits
            and self._environment == other._environment
        )

    def __hash__(self) -> int:
        return hash((self.limits, self._environment))


class LoopClients:
    """The clients of one event loop, held by an attribute of it."""

    # So both are freed together: a table of loops would keep each loop through its clients'
    # connections.

    __slots__ = ("by_key",)

    def __init__(self) -> None:
        self.by_key: dict[PoolKey, SharedClient] = {}

    def drop(self) -> None:
        """Close all connections without the loop, which is closed or will not run again."""
        shared_clients = list(self.by_key.values())
        self.by_key.clear()
        for shared in shared_clients:
            shared.end_keeper()
            if isinstance(shared.client, AsyncPooledTransport):
                for stream in list(shared.client.streams):
                    stream.close_without_loop()


_lock = threading.RLock()  # a finalizer of the user's may close a model while we are in here
_sync_clients: dict[PoolKey, SharedClient] = {}
_loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()
_ssl_contexts: dict[tuple[str, ...], ssl.SSLContext] = {}


class _NoCookies(http.cookiejar.CookieJar):
    """Remembers nothing: the clients are shared by users with different keys."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Take none."""


def _ssl_context() -> ssl.SSLContext:
    """One for each set of trusted certificates: making it takes 20 ms."""
    certificates = network_environment().certificates
    if certificates not in _ssl_contexts:
        context = _ssl_contexts[certificates] = httpx.create_ssl_context()
        context.set_alpn_protocols(["http/1.1"])
    return _ssl_contexts[certificates]


def _httpx_client(kind: type[OwnClient], limits: Limits) -> OwnClient:
    """A client that goes through the environment's proxies, and around them as NO_PROXY says."""
    try:
        return kind(
            verify=_ssl_context(),
            limits=httpx.Limits(
                max_connections=limits.max_connections,
                max_keepalive_connections=limits.max_keepalive_connections,
                keepalive_expiry=limits.keepalive_expiry_s,
            ),
            cookies=_NoCookies(),
            follow_redirects=False,
        )
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        reason = redact(str(error))
    raise ConfigurationError(
        f"A proxy that the environment names (HTTP_PROXY, ALL_PROXY) cannot be used: {reason}"
    )


def _new_sync(key: PoolKey) -> httpx.Client | PooledTransport:
    if key.has_proxies:
        return _httpx_client(httpx.Client, key.limits)
    # The context is made with the first https connection: an emulator's address needs none.
    return PooledTransport(functools.cache(_ssl_context), key.limits)


def _new_async(key: PoolKey) -> httpx.AsyncClient | AsyncPooledTransport:
    if key.has_proxies:
        return _httpx_client(httpx.AsyncClient, key.limits)
    return AsyncPooledTransport(functools.cache(_ssl_context), key.limits)


def borrow_sync(key: PoolKey, user: Any) -> SharedClient:
    """The process's client for a call that begins; ``user`` keeps it open afterwards."""
    with _lock:
        shared = _sync_clients.get(key)
        if shared is None or shared.client.is_closed:
            client = _new_sync(key)
            shared = _sync_clients[key] = SharedClient(client)
        shared.calls += 1
        shared.users.add(user)
    return shared


async def borrow_async(key: PoolKey, user: Any) -> SharedClient:
    """The running loop's client for a call that begins; the loop's end closes it."""
    clients = _clients_of(asyncio.get_running_loop()).by_key
    shared = clients.get(key)
    if shared is None or shared.client.is_closed:
        client = _new_async(key)
        shared = clients[key] = SharedClient(client)
        shared.keeper = _close_with_loop(clients, key, shared)
        await anext(shared.keeper)
    shared.calls += 1
    shared.users.add(user)
    return shared


def give_back_sync(shared: SharedClient) -> None:
    """A call has ended."""
    with _lock:
        is_last = shared.end_call()
    if is_last:
        shared.client.close()


async def give_back_async(shared: SharedClient) -> None:
    """A call has ended."""
    if shared.end_call():
        await shared.aclose()


def leave_sync(key: PoolKey, user: Any) -> None:
    """``user`` needs the client no more: after the last one it closes, once its calls have
    ended.
    """
    with _lock:
        shared = _sync_clients.get(key)
        if shared is None or not shared.leave(user):
            return
        del _sync_clients[key]
        is_idle = shared.calls == 0
    if is_idle:
        shared.client.close()


async def leave_async(key: PoolKey, user: Any) -> None:
    """``user`` needs the running loop's client no more."""
    clients = _clients_of(asyncio.get_running_loop()).by_key
    shared = clients.get(key)
    if shared is None or not shared.leave(user):
        return
    del clients[key]
    if shared.calls == 0:
        await shared.aclose()


def _clients_of(loop: asyncio.AbstractEventLoop) -> LoopClients:
    clients: LoopClients | None = getattr(loop, LOOP_ATTRIBUTE, None)
    if clients is None:
        clients = LoopClients()
        setattr(loop, LOOP_ATTRIBUTE, clients)
        _drop_on_close(loop, clients)
        with _lock:
            _loops.add(loop)
    return clients


def _drop_on_close(loop: asyncio.AbstractEventLoop, clients: LoopClients) -> None:
    """Let ``loop.close()`` close the clients' sockets."""
    # run_until_complete() and close() shut no generators down, and asyncio has no other hook: the
    # sockets would wait for the garbage collector, each with a ResourceWarning.
    close_loop = loop.close

    def close() -> None:
        close_loop()
        clients.drop()

    loop.close = close  # type: ignore[method-assign]


async def _close_with_loop(
    clients: dict[PoolKey, SharedClient], key: PoolKey, shared: SharedClient
) -> AsyncGenerator[None, None]:
    """Close a client when its loop shuts down."""
    # asyncio.run() closes every async generator that is still open at its end.
    try:
        yield
    finally:
        if clients.get(key) is shared:
            del clients[key]
        if not shared.is_dropped:
            await shared.client.aclose()


def _close_at_exit() -> None:  # pragma: no cover - a test watches it from outside
    """Close what is idle when the interpreter ends."""
    # A call of a daemon thread ends with the process: closing its connection would make it report
    # a failure that is none.
    for shared in list(_sync_clients.values()):
        if shared.calls == 0:
            shared.client.close()
    for loop in list(_loops):
        if not loop.is_running():
            getattr(loop, LOOP_ATTRIBUTE).drop()


def _forget_all() -> None:  # pragma: no cover - a test watches it from outside
    """In a forked child: its parent's sockets are not its own."""
    # Another thread of the parent may have held the lock, and is not here to let it go.
    global _lock
    _lock = threading.RLock()
    _sync_clients.clear()
    for loop in list(_loops):
        vars(loop).pop(LOOP_ATTRIBUTE, None)
    _loops.clear()


atexit.register(_close_at_exit)
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows cannot fork
    os.register_at_fork(after_in_child=_forget_all)
