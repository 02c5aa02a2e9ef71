"""Read a request from the connection: body, JSON, and the record that a test sees."""

from __future__ import annotations

import json
import time
from math import isfinite
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ..scripts import Received

if TYPE_CHECKING:
    from .response import Receive, Scope


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None when the client left before it was complete."""
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


def received_from(scope: Scope, body: bytes) -> Received:
    """The record of a request."""
    query: bytes = scope["query_string"]
    target: bytes = scope["raw_path"] + b"?" * bool(query) + query
    return Received(
        method=scope["method"],
        path=scope["path"],
        raw_path=target.decode("latin-1"),
        query_pairs=parse_qsl(query.decode("latin-1"), keep_blank_values=True),
        headers={
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        },
        body=body,
        json=json_from(body),
        time=time.monotonic(),
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError(f"{digits:.20} is too large")
    return value


# JavaScript, in which the gateway is written, takes neither NaN nor 1e999 for JSON.
DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def json_from(body: bytes) -> Any:
    """The JSON of a body; None if it is broken or empty. Half a surrogate pair is no character."""
    if not body:
        return None
    try:
        value = DECODER.decode(body.decode("utf-8-sig"))
        if b"\\ud" in body or b"\\uD" in body:
            return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return value
