"""Answer GET /text/{prompt} and, today, POST /text: the content and nothing around it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..gateway.errors import query_error
from ..gateway.models import find
from ..gateway.query import flag, integer, number_in, number_or_none, option, truth
from ..gateway.validation import EFFORTS, SEED_MAX, SEED_MAX_TODAY
from ..server.response import TEXT, Reply, json_bytes
from .chat import complete

if TYPE_CHECKING:
    from ..exchange import Exchange

Json = dict[str, Any]
MAX_SEED = {"today": SEED_MAX_TODAY, "seed": SEED_MAX}
EFFORTS_OF = {"today": (*EFFORTS, "max"), "seed": EFFORTS}
NUMBERS_TODAY = ("top_p", "presence_penalty", "frequency_penalty", "repetition_penalty")


def get_text(exchange: Exchange) -> Reply:
    """The prompt is one path segment; parameters come from the query."""
    query = exchange.received.query
    messages = [{"role": "user", "content": exchange.prompt}]
    if query.get("system"):
        messages.insert(0, {"role": "system", "content": query["system"]})
    body: Json = {"messages": messages}
    if query.get("model"):
        body["model"] = query["model"]
    elif "model" in query and not exchange.state.today:
        raise query_error({"model": ["Invalid input"]})
    seed = integer(query, "seed", -1, MAX_SEED[exchange.era])
    if seed is not None:
        body["seed"] = seed
    temperature = number_in(query, "temperature")
    if temperature is not None:
        # Here a value out of bounds is clamped; in a chat body it is refused.
        body["temperature"] = min(2.0, max(0.0, temperature))
    is_on = flag if exchange.state.today else truth
    if is_on(query, "stream"):
        body["stream"] = True
    if is_on(query, "json"):
        body["response_format"] = {"type": "json_object"}
    model = find(exchange.era, "text", query.get("model", ""))
    if model is not None and model.has("speech"):
        # Only this route fills in what a model that speaks needs; chat answers 400 (#1713).
        audio = {"voice": query.get("voice", "alloy"), "format": "mp3"}
        if body.get("stream"):
            audio["format"] = "pcm16"
        body |= {"modalities": ["text", "audio"], "audio": audio}
    if "reasoning_effort" in query:
        body["reasoning_effort"] = option(query, "reasoning_effort", EFFORTS_OF[exchange.era], "")
    return _content_reply(exchange, body | _lenient_options(query))


def _lenient_options(query: dict[str, str]) -> Json:
    """The other parameters; a number that cannot be read is dropped."""
    options: Json = {
        name: value for name in NUMBERS_TODAY if (value := number_or_none(query, name)) is not None
    }
    if re.fullmatch(r"[0-9]{1,9}", query.get("max_tokens", "")):
        options["max_tokens"] = int(query["max_tokens"])
    if "safe" in query:
        options["safe"] = query["safe"]
    return options


def post_text(exchange: Exchange) -> Reply:
    """A chat body, answered with the content only."""
    body = exchange.received.json
    if not isinstance(body, dict):
        body = {}
    return _content_reply(exchange, body)


def _content_reply(exchange: Exchange, body: Json) -> Reply:
    reply = complete(replace(exchange, received=replace(exchange.received, json=body)))
    if body.get("stream") or reply.status != 200:
        return reply
    completion = json.loads(b"".join(piece for piece in reply.pieces if isinstance(piece, bytes)))
    message = completion["choices"][0]["message"]
    own_headers = ("content-type", "content-length")
    headers = {name: value for name, value in reply.headers.items() if name not in own_headers}
    if message.get("audio"):
        sound = base64.b64decode(message["audio"]["data"])
        return Reply(sound, content_type="audio/mpeg", headers=headers)
    content = message.get("content")
    # An answer without text, such as a tool call, is its whole message as JSON.
    if not content:
        return Reply(json_bytes(message), headers=headers)
    # Perplexity's sources are put under the text, which ends with a line feed then.
    if sources := completion.get("citations"):
        listed = "\n".join(f"[{number}] {url}" for number, url in enumerate(sources, 1))
        content += f"\n\n---\nSources:\n{listed}\n"
    return Reply(content.encode(), content_type=TEXT, headers=headers)
