"""GET /text/{prompt} and, today, POST /text: the content and nothing round it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..gateway.errors import GatewayError
from ..gateway.models import find
from ..gateway.query import decimal, integer, truth
from ..gateway.validation import SEED_MAX, SEED_MAX_TODAY
from ..server.response import TEXT, Reply, json_bytes
from .chat import complete

if TYPE_CHECKING:
    from ..exchange import Exchange

Json = dict[str, Any]
NUMBERS_TODAY = ("top_p", "presence_penalty", "frequency_penalty", "repetition_penalty")


def get_text(exchange: Exchange) -> Reply:
    """The prompt is one path segment; parameters come from the query."""
    prompt = exchange.params["prompt"]
    segment = exchange.received.raw_path.partition("?")[0].removeprefix("/text/")
    if not prompt or (not exchange.state.today and "/" in segment):
        raise GatewayError(404)
    query, today = exchange.received.query, exchange.state.today
    system = query.get("system")
    messages = [{"role": "system", "content": system}] if system else []
    body: Json = {"messages": [*messages, {"role": "user", "content": prompt}]}
    if query.get("model"):
        body["model"] = query["model"]
    seed = integer(query, "seed", -1, SEED_MAX_TODAY if today else SEED_MAX)
    if seed is not None:
        body["seed"] = seed
    temperature = decimal(query, "temperature")
    if temperature is not None:
        body["temperature"] = min(2.0, max(0.0, temperature))
    if truth(query, "stream"):
        body["stream"] = True
    if truth(query, "json"):
        body["response_format"] = {"type": "json_object"}
    model = find(exchange.state.era, "text", query.get("model", ""))
    if model is not None and model.has("A"):
        # Only this route fills in what a model that speaks needs.
        form = "pcm16" if body.get("stream") else "mp3"
        body |= {
            "modalities": ["text", "audio"],
            "audio": {"voice": query.get("voice", "alloy"), "format": form},
        }
    return _text(exchange, body | _more(query))


def _more(query: dict[str, str]) -> Json:
    """The other parameters; one that cannot be read is dropped."""
    found: Json = {
        name: value for name in NUMBERS_TODAY if (value := decimal(query, name)) is not None
    }
    if re.fullmatch(r"[0-9]{1,9}", query.get("max_tokens", "")):
        found["max_tokens"] = int(query["max_tokens"])
    if "reasoning_effort" in query:
        found["reasoning_effort"] = query["reasoning_effort"]
    return found


def post_text(exchange: Exchange) -> Reply:
    """A chat body, answered with the content only."""
    body = exchange.received.json
    return _text(exchange, body if isinstance(body, dict) else {})


def _text(exchange: Exchange, body: Json) -> Reply:
    reply = complete(replace(exchange, received=replace(exchange.received, json=body)))
    if body.get("stream") or reply.status_code != 200:
        return reply
    whole = json.loads(b"".join(piece for piece in reply.pieces if isinstance(piece, bytes)))
    message = whole["choices"][0]["message"]
    dropped = (b"content-type", b"content-length")
    headers = {
        name.decode(): value.decode() for name, value in reply.raw_headers if name not in dropped
    }
    if message.get("audio"):
        sound = base64.b64decode(message["audio"]["data"])
        return Reply(sound, content_type="audio/mpeg", headers=headers)
    content = message.get("content")
    if not content:
        return Reply(json_bytes(message), headers=headers)
    data = content.encode()
    if whole.get("citations"):
        listed = "\n".join(f"[{at}] {url}" for at, url in enumerate(whole["citations"], 1))
        data += f"\n\n---\nSources:\n{listed}\n".encode()
    return Reply(data, content_type=TEXT, headers=headers)
