"""One reply on its way out: pieces of bytes with pauses, cuts and hangs between them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ..scripts import Mark, Piece

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .connection import Connection

SSE = "text/event-stream; charset=utf-8"
JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


def json_bytes(value: Any) -> bytes:
    """Compact JSON with its characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Reply(Response):
    """A response whose body is a list of pieces; a single piece gets a Content-Length, several are
    chunked.
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
        self.pieces: list[Piece] = [pieces] if isinstance(pieces, bytes) else list(pieces)
        self.opening: list[Piece] = []
        self.raw = raw
        self.status_code = status
        self.background = None
        self.body = b""
        all_headers = {"content-type": content_type}
        if isinstance(pieces, bytes):
            all_headers["content-length"] = str(len(pieces))
        for name, value in (headers or {}).items():
            all_headers[name.lower()] = value
        self.raw_headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in all_headers.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces; every piece is flushed before the next one is touched."""
        connection: Connection = scope["state"]["connection"]
        # A reset that comes first comes before the status line, as from a dead server.
        if Mark.RESET in self.pieces[:1]:
            await connection.reset()
        await self._send_all(self.opening, connection, send)
        if connection.gone.is_set():
            return
        if not self.raw:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
        await self._send_all(self.pieces, connection, send)
        if connection.gone.is_set():
            return
        if self.raw:
            await connection.close()
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

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
