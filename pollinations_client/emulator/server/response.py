"""Send a reply: pieces of bytes, and the pauses, cuts and hangs that a script puts between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..scripts import Mark, Piece

if TYPE_CHECKING:
    from .connection import Connection

# What uvicorn calls an application with (ASGI 3).
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

SSE = "text/event-stream; charset=utf-8"
JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def json_bytes(value: Any) -> bytes:
    """Compact JSON with its characters as they are."""
    return ENCODER.encode(value).encode()


class Reply:
    """A status, headers by their lowercase names, and a body in pieces.

    A body given as bytes gets a Content-Length, one given as pieces is chunked. With ``raw`` the
    pieces are all that goes over the wire. ``opening`` comes before the headers.
    """

    def __init__(
        self,
        pieces: Sequence[Piece] | bytes,
        *,
        status: int = 200,
        content_type: str = JSON,
        headers: Mapping[str, str] | None = None,
        raw: bool = False,
    ) -> None:
        self.status = status
        self.headers = {"content-type": content_type}
        if isinstance(pieces, bytes):
            self.headers["content-length"] = str(len(pieces))
        self.headers |= {name.lower(): value for name, value in (headers or {}).items()}
        self.pieces: list[Piece] = [pieces] if isinstance(pieces, bytes) else list(pieces)
        self.opening: list[Piece] = []
        self.raw = raw

    async def send(self, connection: Connection, send: Send) -> None:
        """Send the pieces; every piece is flushed before the next one is touched."""
        # A reset that comes first comes before the status line, as from a dead server.
        if Mark.RESET in self.pieces[:1]:
            await connection.reset()
        await self._send_all(self.opening, connection, send)
        if connection.gone.is_set():
            return
        if not self.raw:
            headers = [
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in self.headers.items()
            ]
            start = {"type": "http.response.start", "status": self.status, "headers": headers}
            await send(start)
        # The last bytes and the end of the body go out in one write.
        *pieces, last = self.pieces or [b""]
        if self.raw or not isinstance(last, bytes):
            pieces, last = self.pieces, b""
        await self._send_all(pieces, connection, send)
        if connection.gone.is_set():
            return
        if self.raw:
            await connection.close()
        else:
            await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _send_all(self, pieces: Sequence[Piece], connection: Connection, send: Send) -> None:
        for piece in pieces:
            await self._send(piece, connection, send)
            if connection.gone.is_set():
                return

    async def _send(self, piece: Piece, connection: Connection, send: Send) -> None:
        match piece:
            case bytes() if self.raw:
                connection.write(piece)
                await asyncio.sleep(0)
            case bytes():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.sleep(0)  # the loop writes now, so that the client sees this piece
            case Mark.CUT:
                await connection.close()
            case Mark.RESET:
                await connection.reset()
            case Mark.HANG:
                await connection.gone.wait()
            case seconds:
                await connection.pause(seconds)


def json_reply(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON body with its length."""
    return Reply(json_bytes(value), status=status, headers=headers)


def sse_frames(chunks: Sequence[Any], *, done: bool = True, delay_s: float = 0.0) -> list[Piece]:
    """One piece per chunk, ``data: {json}`` and a blank line, and the closing ``[DONE]``."""
    frames: list[Piece] = []
    # Today a [DONE] always ends a stream; in January 2026 it came only if the provider sent it.
    for chunk in chunks:
        frames.append(b"data: " + json_bytes(chunk) + b"\n\n")
        if delay_s:
            frames.append(delay_s)
    return [*frames, b"data: [DONE]\n\n"] if done else frames
