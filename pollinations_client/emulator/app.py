"""The routes: a request is recorded, a script comes first, then the endpoint answers; replies say
they are emulated.
"""

from __future__ import annotations

import json
import time
import uuid
from math import isfinite
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.routing import Match, Route

from .._distribution import __version__
from .endpoints import account, audio, chat, embeddings, home, images, media_store
from .endpoints.text import get_text, post_text
from .exchange import Endpoint, Exchange
from .gateway import models
from .gateway.errors import GatewayError
from .gateway.keys import may_see
from .gateway.query import option
from .scripts import Answer, Body, Chunks, Fault, Frames, Item, Received
from .server.faults import literal, with_fault
from .server.response import Reply, json_reply

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from .state import State

MAX_BYTES = 20 * 1024 * 1024
MAX_UPLOAD_BYTES = 26 * 1024 * 1024  # a file of 25 MB, which the route itself counts, and its form
TRANSCRIPTIONS = "/v1/audio/transcriptions"
BYTE_LIMITS = {TRANSCRIPTIONS: MAX_UPLOAD_BYTES}
# Cloudflare, which stands before the gateway, answers longer addresses itself (#7786).
MAX_TARGET_CHARS = 8192
EDGE_PAGE = (
    b"<html><head><title>414 Request-URI Too Large</title></head><body>cloudflare"
    b" (emulated)</body></html>"
)
LINE_FEED = "\ue000"  # a private character that stands for one while a route is matched
EVERY_KIND = ("text", "picture", "audio", "embedding")
OPEN_TO_PAGES = {"access-control-allow-origin": "*", "access-control-expose-headers": "*"}
METHODS = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"


def _listing(*kinds: str) -> Endpoint:
    def endpoint(exchange: Exchange) -> Reply:
        return json_reply(
            [models.list_item(one, today=exchange.state.today) for one in _listed(exchange, kinds)]
        )

    return endpoint


def _openai_listing(exchange: Exchange) -> Reply:
    # Chat models alone until 2026, every kind since: a client has to filter by what they make.
    kinds = {"seed": EVERY_KIND[:1], "today": EVERY_KIND}[exchange.state.era]
    return json_reply(models.openai_list(exchange.state.era, _listed(exchange, kinds)))


def _listed(exchange: Exchange, kinds: tuple[str, ...]) -> list[models.Model]:
    query = exchange.received.query
    if exchange.state.today:
        older = option(query, "community", ("true", "false", "1", "0"), "false")
        source = option(query, "source", ("official", "community"), "official")
        option(query, "reliability", ("reliable", "all"), "reliable")
        if older in ("true", "1") or source == "community":
            return []  # there are official models alone
    found = (one for kind in kinds for one in models.models(exchange.state.era, kind))
    return [one for one in found if may_see(exchange.state, exchange.received, one)]


def _routes(state: State) -> list[tuple[Route, Endpoint]]:
    """Every operation of the era."""
    table: list[tuple[str, str, Endpoint]] = [
        ("GET", "/", home.home),
        ("POST", "/v1/chat/completions", chat.complete),
        ("GET", "/text/models", _listing("text")),
        ("GET", "/image/models", _listing("picture")),
        ("GET", "/audio/models", _listing("audio")),
        ("GET", "/v1/models", _openai_listing),
        ("GET", "/text/{prompt:path}", get_text),
        ("GET", "/image/{prompt:path}", images.picture),
    ]
    accounts = list(account.ENDPOINTS.items())
    table += [("GET", f"/account/{name}", endpoint) for name, endpoint in accounts]
    if state.today:
        table = [
            ("GET", "/models", _listing(*EVERY_KIND)),
            ("GET", "/video/models", _listing("video")),
            ("GET", "/embeddings/models", _listing("embedding")),
            *table,
            ("POST", "/text", post_text),
            ("GET", "/video/{prompt:path}", images.video),
            ("POST", "/v1/images/generations", images.generations),
            ("POST", "/v1/images/edits", images.edits),
            ("POST", "/upload", media_store.upload),
            ("GET", "/media/{name}", media_store.stored_file),
            ("POST", "/v1/embeddings", embeddings.embed),
            ("POST", "/v1/audio/speech", audio.speech),
            ("POST", TRANSCRIPTIONS, audio.transcribe),
        ]
    else:
        table += [("GET", f"/api/account/{name}", endpoint) for name, endpoint in accounts]
    return [(Route(path, _unused, methods=[method]), endpoint) for method, path, endpoint in table]


async def _unused(_: Any) -> None:
    """A route is only matched here, never run."""


def build_app(state: State) -> ASGIApp:
    """The ASGI application over one state."""
    routes = _routes(state)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())
        body = await _body(receive)
        if body is None:
            return
        received = _received(scope, body)
        state.requests.append(received)
        reply = _reply(state, routes, scope, received, request_id)
        _sign(reply, request_id)
        if state.log:
            line = f"{received.method} {received.path[:100]} {reply.status_code}"
            print(line, flush=True)  # noqa: T201
        await reply(scope, receive, send)

    return app


def _reply(
    state: State,
    routes: list[tuple[Route, Endpoint]],
    scope: Scope,
    received: Received,
    request_id: str,
) -> Reply:
    # A preflight comes by itself before a page's call, and must not use up the script of the call.
    if received.method == "OPTIONS":
        return _preflight(received)
    item: Item | None = state.queue.take(received.path)
    fault: Fault | None = None
    if isinstance(item, Fault) and item.kind not in ("status", "reset"):
        fault, item = item, item.options.get("answer")
    if isinstance(item, Body | Frames | Fault):
        reply = literal(item, today=state.today, request_id=request_id)
    else:
        try:
            reply = _answered(state, routes, scope, received, item)
        except GatewayError as refusal:
            # January 2026 put the whole request into a provider's refusal, pictures and all.
            refusal.request = received.json
            reply = refusal.reply(today=state.today, request_id=request_id)
    if fault is not None:
        reply = with_fault(reply, fault)
    return reply


def _answered(
    state: State,
    routes: list[tuple[Route, Endpoint]],
    scope: Scope,
    received: Received,
    scripted: Answer | Chunks | None,
) -> Reply:
    if len(received.body) > BYTE_LIMITS.get(received.path, MAX_BYTES):
        raise GatewayError(413)
    if len(received.raw_path) > MAX_TARGET_CHARS:
        return Reply(EDGE_PAGE, status=414, content_type="text/html; charset=UTF-8")
    for route, endpoint in routes:
        # Starlette's paths end at a line feed, the gateway's do not.
        match, found = route.matches({**scope, "path": scope["path"].replace("\n", LINE_FEED)})
        if match is Match.FULL:
            params = {
                name: value.replace(LINE_FEED, "\n") for name, value in found["path_params"].items()
            }
            return endpoint(Exchange(state, received, params, scripted))
    raise GatewayError(404)


def _preflight(received: Received) -> Reply:
    """What a browser asks before it lets a page call: every method and every header is welcome."""
    asked = received.headers.get("access-control-request-headers")
    headers = {"access-control-allow-methods": METHODS, "access-control-max-age": "600"}
    if asked:
        headers["access-control-allow-headers"] = asked
    return Reply([], status=204, headers=headers)


def _sign(reply: Reply, request_id: str) -> None:
    """Say in the headers that this is no gateway; and, as the gateway does, that any page may read
    the answer.
    """
    names = {name for name, _ in reply.raw_headers}
    signs = {"x-emulated": "true", "server": f"pollinations-emulator/{__version__}"}
    signs |= {"x-request-id": request_id, **OPEN_TO_PAGES}
    for name, value in signs.items():
        if name.encode() not in names:
            reply.raw_headers.append((name.encode(), value.encode()))


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when the client left before it was complete."""
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def _parsed(body: bytes) -> Any:
    """The JSON of a body: no NaN, nothing endless, half a surrogate pair is no character; None if
    broken.
    """
    try:
        # JavaScript, in which the gateway is written, takes neither NaN nor 1e999 for JSON.
        value = json.loads(body or b"null", parse_constant=_refuse_constant, parse_float=_finite)
        if b"\\ud" in body.lower():
            return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError(f"{digits:.20} is too large")
    return value


def _received(scope: Scope, body: bytes) -> Received:
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
        json=_parsed(body),
        time=time.monotonic(),
    )
