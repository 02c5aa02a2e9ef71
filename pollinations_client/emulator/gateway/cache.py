"""Cache replies as the gateway does: the same request gets the same bytes, whoever asks."""

from __future__ import annotations

import hashlib
import json
from email.utils import formatdate
from typing import TYPE_CHECKING

from ..server.response import Reply
from ..state import CachedResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..exchange import Exchange
    from ..scripts import Received
    from ..state import State

# All else tells requests apart, a seed and a user above all; who asks does not, so that one
# caller's answer is another's (gen/utils/text-cache.ts@05622a2). nofeed is of pictures.
NOT_IN_KEY = frozenset({"key", "no-cache", "nofeed"})
IMMUTABLE = "public, max-age=31536000, immutable"


def cache_key(received: Received) -> str:
    """Method, path, sorted query and stable body, without what does not change the answer."""
    query = sorted((name, value) for name, value in received.query_pairs if name not in NOT_IN_KEY)
    body = received.json
    if body is None and received.body:
        body = hashlib.sha256(received.body).hexdigest()  # a form
    # Temperature is in the key like any field: the same body gets the same text (#3423, #7529).
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in NOT_IN_KEY}
    text = json.dumps([received.method, received.path, query, body], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def cached_reply(
    exchange: Exchange, generate: Callable[[], Reply], *, bypass: bool = False
) -> Reply:
    """The stored reply to this request, or a new one that is then stored; ``X-Cache`` says which.

    Seed era: a stored reply has a content type and its cache headers, no usage and no model.
    """
    state = exchange.state
    key = cache_key(exchange.received)
    stored = None if bypass else state.cache.get(key)
    if stored is None:
        state.generations += 1
        reply = generate()
        date = formatdate(usegmt=True)
        if not bypass:
            store(state, key, reply, date)
        return _with_cache_headers(reply, "MISS", key, date)
    reply = Reply(stored.pieces)
    reply.headers = {
        name: value
        for name, value in stored.headers.items()
        if state.today or not name.startswith(("x-usage", "x-model"))
    }
    return _with_cache_headers(reply, "HIT", key, stored.date)


def store(state: State, key: str, reply: Reply, date: str) -> None:
    """Keep a reply that ended cleanly.

    Both eras keep every such 200, a stream that lacks its end or holds an error frame too: the
    same request gets the same half until its body changes (gen/utils/text-cache.ts@05622a2).
    """
    ended = all(isinstance(piece, bytes | float) for piece in reply.pieces)
    if reply.status == 200 and ended and not reply.raw:
        state.cache[key] = CachedResponse(list(reply.pieces), dict(reply.headers), date)


def _with_cache_headers(reply: Reply, verdict: str, key: str, date: str) -> Reply:
    reply.headers |= {"x-cache": verdict, "x-cache-key": key, "x-cache-date": date}
    return reply
