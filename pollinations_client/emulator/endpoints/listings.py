"""Answer GET /models and its sisters; a key sees the models that it may call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..gateway import models
from ..gateway.keys import may_see
from ..gateway.query import option
from ..server.response import json_reply

if TYPE_CHECKING:
    from ..exchange import Endpoint, Exchange
    from ..server.response import Reply

EVERY_KIND = ("text", "picture", "audio", "embedding")


def _visible_models(exchange: Exchange, kinds: tuple[str, ...]) -> list[models.Model]:
    query = exchange.received.query
    if exchange.state.today:
        community = option(query, "community", ("true", "false", "1", "0"), "false")
        source = option(query, "source", ("official", "community"), "official")
        option(query, "reliability", ("reliable", "all"), "reliable")
        if community in ("true", "1") or source == "community":
            return []  # there are official models alone
    listed = (model for kind in kinds for model in models.models(exchange.era, kind))
    return [model for model in listed if may_see(exchange, model)]


def _listing(*kinds: str) -> Endpoint:
    def endpoint(exchange: Exchange) -> Reply:
        visible = _visible_models(exchange, kinds)
        return json_reply([models.list_item(model, exchange.era) for model in visible])

    return endpoint


all_models = _listing(*EVERY_KIND)
text_models = _listing("text")
picture_models = _listing("picture")
video_models = _listing("video")
audio_models = _listing("audio")
embedding_models = _listing("embedding")


def openai_models(exchange: Exchange) -> Reply:
    """GET /v1/models, in OpenAI's form."""
    # Chat models alone until 2026, every kind since: a client has to filter by what they make.
    kinds = EVERY_KIND if exchange.state.today else ("text",)
    return json_reply(models.openai_list(exchange.era, _visible_models(exchange, kinds)))
