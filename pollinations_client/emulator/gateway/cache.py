"""The gateway's cache: the same request gets the same bytes, whoever asks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING

from ..server.response import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..scripts import Piece, Received
    from ..state import State

NOT_IN_KEY = frozenset({"key", "no-cache", "nofeed"})
IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Kept:
    """One finished reply."""

    pieces: list[Piece]
    headers: list[tuple[bytes, bytes]]
    date: str


def cache_key(received: Received) -> str:
    """Method, path, sorted query and stable body, without what does not change the answer."""
    query = sorted((name, value) for name, value in received.query_pairs if name not in NOT_IN_KEY)
    body = received.json
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in NOT_IN_KEY}
    text = json.dumps([received.method, received.path, query, body], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def remembered(
    state: State, received: Received, generate: Callable[[], Reply], *, bypass: bool = False
) -> Reply:
    """The kept reply to this request, or a new one that is then kept; says which in ``X-Cache``."""
    key = cache_key(received)
    kept = None if bypass else state.cache.get(key)
    if kept is None:
        state.generations += 1
        reply = generate()
        date = formatdate(usegmt=True)
        if reply.status_code == 200 and not bypass:
            state.cache[key] = Kept(list(reply.pieces), list(reply.raw_headers), date)
        return _stamped(reply, "MISS", key, date)
    reply = Reply(list(kept.pieces))
    reply.raw_headers = list(kept.headers)
    return _stamped(reply, "HIT", key, kept.date)


def _stamped(reply: Reply, verdict: str, key: str, date: str) -> Reply:
    stamps = {"x-cache": verdict, "x-cache-key": key, "x-cache-date": date}
    reply.raw_headers = reply.raw_headers + [
        (name.encode(), value.encode()) for name, value in stamps.items()
    ]
    return reply
