"""The httpx clients that a process shares: one for blocking calls, one for each event loop.

Nothing here is reached before the first call. Clients are rebuilt after a fork, and an async client
goes down with its loop.
"""

from __future__ import annotations

import asyncio
import atexit
import http.cookiejar
import os
import ssl
import threading
import weakref
from collections.abc import AsyncGenerator
from typing import Any, TypeVar

import httpx

from ..errors import ConfigurationError, redact
from ..settings import Limits
from .httpx_deadlines import set_deadlines

OwnClient = TypeVar("OwnClient", httpx.Client, httpx.AsyncClient)

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
        set_deadlines(client)
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
