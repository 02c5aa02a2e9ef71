"""Close responses that are being read, however the reading ends, by finalizers too."""

from __future__ import annotations

import _thread
import atexit
import contextlib
import os
from collections import deque

import httpx

from .client_pool import SharedClient, give_back_async, give_back_sync
from .http_transport import AsyncPooledResponse, PooledResponse
from .httpx_errors import NETWORK_ERRORS

# A generator that nobody reads any more is finalized by the garbage collector, in whatever thread
# allocates next. That thread may stand inside httpcore and hold the lock of its pool or of its
# queue; closing a response there waits for itself for ever (encode/httpcore issues 990 and 996). So
# what is read is referred to from here, where the collector does not reach it, and a finalizer only
# hands it to a thread of its own.
_open: set[OpenResponse] = set()
_abandoned: deque[OpenResponse] = deque()


class OpenResponse:
    """A response of a blocking client, and the client that it came through."""

    __slots__ = ("_is_abandoned", "_shared", "is_decoded", "pieces", "response")

    def __init__(self, response: httpx.Response | PooledResponse, shared: SharedClient) -> None:
        self.response = response
        # Read by a hook or a mock of the user's own client, and opened by httpx.
        self.is_decoded = isinstance(response, httpx.Response) and response.is_stream_consumed
        self.pieces = response.iter_raw()
        if isinstance(response, httpx.Response) and response.is_stream_consumed:
            self.pieces = response.iter_bytes()
        self._shared: SharedClient | None = shared
        self._is_abandoned = False
        _open.add(self)
        if _abandoned:
            close_abandoned()

    def close(self) -> None:
        """Give the connection back, or close it where the body was not read to its end."""
        if not self._is_abandoned:
            self.finish()

    def finish(self) -> None:
        """Close what is still open, abandoned or not."""
        shared, self._shared = self._shared, None
        if shared is None:
            return
        try:
            self.response.close()
        finally:
            _open.discard(self)
            give_back_sync(shared)

    def abandon(self) -> None:
        """Close the socket now and leave the rest to a thread. Takes no lock, so that a finalizer
        may call it.
        """
        if self._shared is None or self._is_abandoned:
            return
        self._is_abandoned = True
        extensions = self.response.extensions
        if extensions.get("http_version", b"").startswith(b"HTTP/1"):  # HTTP/2 shares its sockets
            with contextlib.suppress(OSError):
                extensions["network_stream"].close()
        _abandoned.append(self)
        with contextlib.suppress(RuntimeError):  # no further thread: the next call does it
            _thread.start_new_thread(close_abandoned, ())


def close_abandoned() -> None:
    """Close what finalizers have left."""
    while _abandoned:
        with contextlib.suppress(IndexError, *NETWORK_ERRORS):  # another thread was faster
            _abandoned.popleft().finish()


class AsyncOpenResponse:
    """A response on an event loop."""

    # Not among _open: asyncio runs finalizers as tasks of the loop, where closing waits for
    # nobody, and a reference from here would keep the loop.

    __slots__ = ("_shared", "is_decoded", "pieces", "response")

    def __init__(
        self, response: httpx.Response | AsyncPooledResponse, shared: SharedClient
    ) -> None:
        self.response = response
        # Read by a hook or a mock of the user's own client, and opened by httpx.
        self.is_decoded = isinstance(response, httpx.Response) and response.is_stream_consumed
        self.pieces = response.aiter_raw()
        if isinstance(response, httpx.Response) and response.is_stream_consumed:
            self.pieces = response.aiter_bytes()
        self._shared: SharedClient | None = shared

    async def aclose(self) -> None:
        """Give the connection back, or close it where the body was not read to its end."""
        shared, self._shared = self._shared, None
        if shared is None:
            return
        try:
            await self.response.aclose()
        finally:
            await give_back_async(shared)

    def abandon(self) -> None:
        """Nothing: the generator's own ending closes the response."""


atexit.register(close_abandoned)
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows cannot fork
    os.register_at_fork(after_in_child=_abandoned.clear)  # what is open stays its parent's
