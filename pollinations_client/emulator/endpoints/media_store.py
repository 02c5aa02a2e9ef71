"""Answer POST /upload and GET /media/{id} of the media store.

The real store is a host of its own, media.pollinations.ai, and keeps a file for about 30 days
(its README of July 2026); here it shares the emulator's port and keeps until ``clear``.
"""

from __future__ import annotations

import base64
import uuid
from typing import TYPE_CHECKING

from ...media.sniff import sniff
from ..gateway.errors import GatewayError
from ..gateway.keys import authenticate
from ..gateway.multipart import parts_of
from ..server.response import Reply, json_reply

if TYPE_CHECKING:
    from ..exchange import Exchange
    from ..state import State

BINARY = "application/octet-stream"


def upload(exchange: Exchange) -> Reply:
    """POST /upload: a file of a form, or base64 in JSON; public from then on."""
    authenticate(exchange)
    body = exchange.received.json
    if isinstance(body, dict):
        data = base64.b64decode(str(body.get("data", "")).rpartition(",")[2])
    else:
        files = (part.data for part in parts_of(exchange.received) if part.file_name is not None)
        data = next(files, b"")
    if not data:
        raise GatewayError(400, "No file provided")
    url = store_file(exchange.state, data)
    facts = {"url": url, "contentType": sniff(data) or BINARY, "size": len(data)}
    return json_reply({"id": url.rpartition("/")[2], **facts})


def store_file(state: State, data: bytes) -> str:
    """Keep bytes in the media store; their public address. The same bytes get a new one."""
    name = uuid.uuid4().hex[:16]
    state.media[name] = data
    return f"{state.url}/media/{name}"


def stored_file(exchange: Exchange) -> Reply:
    """GET /media/{id}: what was uploaded, to everyone."""
    data = exchange.state.media.get(exchange.params["name"])
    if data is None:
        raise GatewayError(404)
    return Reply(data, content_type=sniff(data) or BINARY)
