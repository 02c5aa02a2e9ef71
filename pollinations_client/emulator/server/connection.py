"""Extend uvicorn's HTTP connection so that it can be cut, reset and watched."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

# socket(7): closing with a linger of zero seconds sends RST instead of FIN.
LINGER_ZERO = struct.pack("ii", 1, 0)


@dataclass
class Traffic:
    """Counters over all connections; written by the server's thread only."""

    open_connections: int = 0
    disconnects: int = 0


class Connection(H11Protocol):
    """A connection that knows when its peer has gone and can leave first."""

    def __init__(self, config: Config, server_state: ServerState, traffic: Traffic) -> None:
        super().__init__(config=config, server_state=server_state, app_state={"connection": self})
        self.traffic = traffic
        self.gone = asyncio.Event()
        self._left_first = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection in."""
        self.traffic.open_connections += 1
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection out, and the reply that was under way, if any."""
        self.traffic.open_connections -= 1
        if self.cycle is not None and not self.cycle.response_complete and not self._left_first:
            self.traffic.disconnects += 1
        self.gone.set()
        super().connection_lost(exc)
        # uvicorn does so after a clean end only; else the timer would keep this object for 75 s.
        self._unset_keepalive_if_required()

    def write(self, data: bytes) -> None:
        """Put bytes on the wire past all HTTP framing."""
        self.transport.write(data)

    async def close(self) -> None:
        """Send what is buffered and close, whether the reply is finished or not."""
        self._left_first = True
        self.transport.close()
        await self.gone.wait()

    async def reset(self) -> None:
        """Abort with a TCP reset."""
        self._left_first = True
        peer = cast("Any", self.transport.get_extra_info("socket"))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self.transport.abort()
        await self.gone.wait()

    async def pause(self, seconds: float) -> None:
        """Wait, but not for a peer that has gone."""
        try:
            await asyncio.wait_for(self.gone.wait(), seconds)
        except TimeoutError:
            return

    def abandon(self) -> None:
        """Drop the connection at once: the server stops."""
        self._left_first = True
        self.transport.abort()
