"""Answer every request: from the script if there is one, else from the endpoint of its route.

Each request is recorded, and each reply says that it is emulated.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from .._distribution import __version__
from .endpoints import account, audio, chat, embeddings, home, images, listings, media_store, text
from .exchange import Endpoint, Exchange
from .gateway.errors import GatewayError
from .scripts import Answer, Body, Chunks, Fault, Frames, Item, Received
from .server.literal import literal
from .server.request import read_body, received_from
from .server.response import Reply

if TYPE_CHECKING:
    from .server.response import Receive, Scope, Send
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
OPEN_TO_PAGES = {"access-control-allow-origin": "*", "access-control-expose-headers": "*"}
METHODS = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"

# Method, path and endpoint of every operation; the first that matches answers.
Routes = list[tuple[str, str, Endpoint]]
ROUTES_OF_BOTH: Routes = [
    ("GET", "/", home.home),
    ("POST", "/v1/chat/completions", chat.complete),
    ("GET", "/text/models", listings.text_models),
    ("GET", "/image/models", listings.picture_models),
    ("GET", "/audio/models", listings.audio_models),
    ("GET", "/v1/models", listings.openai_models),
    ("GET", "/text/{prompt}", text.get_text),
    ("GET", "/image/{prompt}", images.picture),
    *(("GET", f"/account/{name}", endpoint) for name, endpoint in account.ENDPOINTS.items()),
]
ROUTES: dict[str, Routes] = {
    "seed": [
        *ROUTES_OF_BOTH,
        *(("GET", f"/api{path}", page) for _, path, page in ROUTES_OF_BOTH if "/account/" in path),
    ],
    "today": [
        ("GET", "/models", listings.all_models),
        ("GET", "/video/models", listings.video_models),
        ("GET", "/embeddings/models", listings.embedding_models),
        *ROUTES_OF_BOTH,
        ("POST", "/text", text.post_text),
        ("GET", "/video/{prompt}", images.video),
        ("POST", "/v1/images/generations", images.generations),
        ("POST", "/v1/images/edits", images.edits),
        ("POST", "/upload", media_store.upload),
        ("GET", "/media/{name}", media_store.stored_file),
        ("POST", "/v1/embeddings", embeddings.embed),
        ("POST", "/v1/audio/speech", audio.speech),
        ("POST", TRANSCRIPTIONS, audio.transcribe),
    ],
}


class App:
    """The ASGI application over one state."""

    def __init__(self, state: State) -> None:
        self.state = state
        # A parameter takes slashes and line feeds too, and may be empty.
        self.routes = [
            (method, re.compile(re.sub(r"{(\w+)}", r"(?P<\1>.*)", path), re.DOTALL), endpoint)
            for method, path, endpoint in ROUTES[state.era]
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = await read_body(receive)
        if body is None:
            return
        received = received_from(scope, body)
        self.state.requests.append(received)
        request_id = str(uuid.uuid4())
        reply = self.reply(received, request_id)
        _sign(reply, request_id)
        if self.state.log:
            line = f"{received.method} {received.path[:100]} {reply.status}"
            print(line, flush=True)  # noqa: T201
        await reply.send(scope["state"]["connection"], send)

    def reply(self, received: Received, request_id: str) -> Reply:
        """The scripted reply, or the endpoint's."""
        # A preflight comes by itself before a page's call, and must not use up the call's script.
        if received.method == "OPTIONS":
            return _preflight(received)
        item: Item | None = self.state.queue.take(received.path)
        fault: Fault | None = None
        if isinstance(item, Fault) and item.kind not in ("status", "reset"):
            fault, item = item, item.options.get("answer")
        if isinstance(item, Body | Frames | Fault):
            reply = literal(item, today=self.state.today, request_id=request_id)
        else:
            try:
                reply = self.endpoint_reply(received, item)
            except GatewayError as refusal:
                # January 2026 put the whole request into a provider's refusal, pictures and all.
                refusal.request = received.json
                reply = refusal.reply(today=self.state.today, request_id=request_id)
        if fault is not None:  # the headers still promise the whole body
            reply.opening, reply.pieces = fault.opening, fault.applied_to(reply.pieces)
        return reply

    def endpoint_reply(self, received: Received, scripted: Answer | Chunks | None) -> Reply:
        """What the endpoint answers. Raises ``GatewayError``, 404 where no route matches."""
        if len(received.body) > BYTE_LIMITS.get(received.path, MAX_BYTES):
            raise GatewayError(413)
        if len(received.raw_path) > MAX_TARGET_CHARS:
            return Reply(EDGE_PAGE, status=414, content_type="text/html; charset=UTF-8")
        wanted_method = "GET" if received.method == "HEAD" else received.method
        for method, path, endpoint in self.routes:
            if method == wanted_method and (match := path.fullmatch(received.path)):
                return endpoint(Exchange(self.state, received, match.groupdict(), scripted))
        raise GatewayError(404)


def _preflight(received: Received) -> Reply:
    """What a browser asks before it lets a page call: every method and every header is welcome."""
    headers = {"access-control-allow-methods": METHODS, "access-control-max-age": "600"}
    if wanted_headers := received.headers.get("access-control-request-headers"):
        headers["access-control-allow-headers"] = wanted_headers
    return Reply([], status=204, headers=headers)


def _sign(reply: Reply, request_id: str) -> None:
    """Say in the headers that this is no gateway; and, as the gateway does, that any page may read
    the answer.
    """
    signs = {"x-emulated": "true", "server": f"pollinations-emulator/{__version__}"}
    signs |= {"x-request-id": request_id, **OPEN_TO_PAGES}
    reply.headers = signs | reply.headers
