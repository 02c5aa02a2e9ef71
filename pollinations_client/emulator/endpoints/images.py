"""Answer GET /image/{prompt}, GET /video/{prompt} and POST /v1/images/generations and /edits."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from ...media.sniff import sniff
from ..gateway.cache import IMMUTABLE, cached
from ..gateway.checks import (
    Check,
    a_list,
    array,
    checked,
    either,
    mapping,
    matching,
    nullable,
    number,
    one_of,
    record,
    string,
    text,
)
from ..gateway.errors import GatewayError, invalid
from ..gateway.keys import authenticate, permit
from ..gateway.model_rules import check_safe
from ..gateway.models import Model, model_called
from ..gateway.multipart import parts_of
from ..gateway.query import Query, fraction, integer, option, truth
from ..gateway.validation import SEED_MAX, SEED_MAX_TODAY
from ..media.mp4 import video as make_video
from ..media.pictures import MAX_PX, PictureSpec, within
from ..media.pictures import picture as make_picture
from ..scripts import Answer
from ..server.response import Reply, json_reply
from .media_store import stored

if TYPE_CHECKING:
    from ..exchange import Exchange
    from ..scripts import KeyRules

Json = dict[str, Any]
DEFAULT = {"seed": "flux", "today": "zimage"}
ASPECTS = {
    "seed": ("16:9", "9:16"),
    "today": ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "9:21", "adaptive"),
}
MAX_SECONDS = {"seed": 10, "today": 120}
# The image service of January 2026 took 42 for a missing seed, whatever the schema promised.
DEFAULT_SEED = {"seed": 42, "today": 0}
MAX_VIDEO_PX = 512
QUALITIES = ("low", "medium", "high", "hd")
# Data URLs are for POST only: in a query they are refused with the sentence below (#6208).
LINK = re.compile(r"https?://")
REFERENCE = matching(r"(?:https?://|data:image/).*", "Invalid URL")
GENERATION: dict[str, Check] = {
    "model": nullable(string),
    "seed": number(-1, SEED_MAX_TODAY, is_integer=True),
    "n": lambda value: None if value == 1 else "Invalid input: expected 1",
    "size": matching(r"\d{1,5}x\d{1,5}", "Invalid string: must match pattern WxH"),
    "quality": one_of("standard", *QUALITIES),
    "response_format": one_of("b64_json", "url"),
    "user": string,
}
# The body of an edit in JSON: one address, or OpenAI's list of objects (today's schema).
EDIT_SOURCES = either(REFERENCE, array(record({"image_url": REFERENCE})))


def picture(exchange: Exchange) -> Reply:
    """A picture, or a video when the model makes videos; the answer is the bytes."""
    return _served(exchange, "/image/", DEFAULT[exchange.era])


def video(exchange: Exchange) -> Reply:
    """A video; the model is ``veo`` unless another is named."""
    return _served(exchange, "/video/", "veo")


def _served(exchange: Exchange, prefix: str, default_model: str) -> Reply:
    rules = authenticate(exchange)
    prompt, query = exchange.params["prompt"], exchange.received.query
    segment = exchange.received.raw_path.partition("?")[0].removeprefix(prefix)
    # The route of January 2026 took one path segment: a slash in the prompt had to be %2F.
    if not prompt or (not exchange.state.today and "/" in segment):
        raise GatewayError(404)
    asked = query.get("model") or default_model
    model = model_called(exchange.era, "picture", asked)
    spec = picture_spec(exchange.era, prompt, model, query)
    length_s = _length(exchange.era, model, query)
    _check_references(model, query.get("image", ""))
    permit(rules, model, asked, exchange.era)
    if isinstance(exchange.scripted, Answer) and exchange.scripted.images:
        data = exchange.scripted.images[0]
        if isinstance(data, str):
            data = base64.b64decode(data.partition(",")[2])
        return _bytes(exchange, data, model, prompt, asked, 1)
    # From January 2026 a seed of -1 was random and went past the cache (#6746); today it is stable.
    bypass = query.get("seed") == "-1" and not exchange.state.today

    def generate() -> Reply:
        if model.kind != "video":
            return _bytes(exchange, make_picture(spec), model, prompt, asked, 1)
        sound = truth(query, "audio") or model.name.startswith("wan")
        data = make_video(spec, length_s, sound=sound)
        return _bytes(exchange, data, model, prompt, asked, length_s)

    return cached(exchange, generate, bypass=bypass)


def picture_spec(era: str, prompt: str, model: Model, query: Query) -> PictureSpec:
    """What to draw, from checked parameters."""
    width = integer(query, "width", 0, SEED_MAX, 1024) or 0
    height = integer(query, "height", 0, SEED_MAX, 1024) or 0
    seed = integer(query, "seed", -1, SEED_MAX_TODAY, DEFAULT_SEED[era]) or 0
    option(query, "quality", QUALITIES, "medium")
    if era == "today":
        check_safe(query.get("safe"))
    else:
        prompt = prompt.replace("\n", "")  # its image service loses line breaks; words glue
        fraction(query, "guidance_scale", 1, 20)
    if "aspectRatio" in query:
        width, height = _shape(option(query, "aspectRatio", ASPECTS[era], "16:9"), width, height)
    elif model.kind == "video" and not {"width", "height"} & set(query):
        width, height = _shape("16:9", width, height)
    width, height = within(width, height, {"video": MAX_VIDEO_PX}.get(model.kind, MAX_PX))
    if seed == -1:
        seed = _number_from(f"{prompt}{time.time_ns()}".encode())
    return PictureSpec(prompt, model.name, seed, width, height, truth(query, "transparent"))


def _number_from(data: bytes) -> int:
    """A seed that depends on bytes alone."""
    return int.from_bytes(hashlib.sha256(data).digest()[:4]) // 2


def _shape(aspect: str, width: int, height: int) -> tuple[int, int]:
    if aspect == "adaptive":
        return width, height
    across, down = map(int, aspect.split(":"))
    long, longer = max(width, height) or 1024, max(across, down)
    return long * across // longer, long * down // longer


def _length(era: str, model: Model, query: Query) -> int:
    """The length of a video in seconds, within what the model makes."""
    asked = integer(query, "duration", 1, MAX_SECONDS[era])
    if model.kind != "video":
        return 0
    if asked is not None and asked not in model.durations:
        allowed = ", ".join(str(one) for one in model.durations)
        raise GatewayError(
            400, f"Duration {asked} s is not supported by {model.name}. Allowed: {allowed}."
        )
    return asked or model.durations[0]


def _check_references(model: Model, image: str) -> None:
    # A bar separates addresses; a comma does too, unless it is part of one.
    urls = [url for url in re.split(r"\||,(?=https?:)", image) if url]
    if not all(map(LINK.match, urls)):
        raise GatewayError(
            400,
            "Invalid image URL. Put image= param last and percent-encode nested URLs; only http and"
            " https are read.",
        )
    _check_count(model, len(urls))


def _check_count(model: Model, count: int) -> None:
    if count > model.references:
        raise GatewayError(
            400,
            f"Model '{model.name}' takes at most {model.references} reference images, not {count}.",
        )


def _bytes(
    exchange: Exchange, data: bytes, model: Model, prompt: str, asked: str, amount: int
) -> Reply:
    kind = sniff(data) or "image/jpeg"
    if data.startswith(b"\x89PNG"):  # also a scripted one that is broken behind its first bytes
        kind = "image/png"
    name = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:40] or "picture"
    headers = {
        "x-usage-completion-image-tokens": "1",
        "cache-control": IMMUTABLE,
        "content-disposition": f'inline; filename="{name}.{kind.rpartition("/")[2]}"',
        "x-model-used": model.name,
    }
    # A video is counted in seconds, which is what it costs by.
    if model.kind == "video":
        del headers["x-usage-completion-image-tokens"]
        headers["x-usage-completion-video-seconds"] = str(amount)
    if exchange.state.today:
        headers["x-model-requested"] = asked
    return Reply(data, content_type=kind, headers=headers)


def generations(exchange: Exchange) -> Reply:
    """POST /v1/images/generations: the picture in base64, or a URL that serves it."""
    rules = authenticate(exchange)
    body = exchange.received.json
    return _generation(exchange, rules, body, _links(body))


def edits(exchange: Exchange) -> Reply:
    """POST /v1/images/edits: pictures of a form, or at addresses in JSON, made anew."""
    rules = authenticate(exchange)
    if "multipart/form-data" in exchange.received.headers.get("content-type", ""):
        body, references = _edit_form(exchange)
    else:
        body = exchange.received.json
        references = _edit_links(body)
    if not references:
        raise invalid({"image": ["Invalid input: expected at least 1 image"]})
    return _generation(exchange, rules, body, references)


def _edit_form(exchange: Exchange) -> tuple[Json, list[str]]:
    """The fields of a form, and a name that tells each of its pictures from others."""
    parts = parts_of(exchange.received)
    body: Json = {part.name: part.text for part in parts if part.file_name is None}
    files = [part for part in parts if part.name in ("image", "image[]") and part.file_name]
    for file in files:
        kind = sniff(file.data) or ""
        if not kind.startswith("image/"):
            raise GatewayError(400, "Invalid image file. Supported: png, jpeg, webp, gif.")
        if kind != file.content_type:
            raise GatewayError(400, f"The file is no {file.content_type}.")
    for name in ("seed", "n"):
        if body.get(name, "").lstrip("-").isdigit():
            body[name] = int(body[name])
    return body, [hashlib.sha256(file.data).hexdigest()[:12] for file in files]


def _links(body: Any) -> list[str]:
    """The addresses of reference pictures: one, or a list."""
    if complaint := mapping(body):
        raise invalid({}, [complaint])
    links = body.get("image")
    if links is None:
        return []
    if a_list(links):  # a single one
        links = [links]
    if array(REFERENCE)(links):
        raise invalid({"image": ["Invalid URL"]})
    return list(links)


def _edit_links(body: Any) -> list[str]:
    """The addresses of the pictures to edit."""
    if complaint := mapping(body):
        raise invalid({}, [complaint])
    sources = body.get("image", [])
    if complaint := EDIT_SOURCES(sources):
        raise invalid({"image": [complaint]})
    if isinstance(sources, str):
        return [sources]
    return [source["image_url"] for source in sources]


def _generation(exchange: Exchange, rules: KeyRules, body: Json, references: list[str]) -> Reply:
    checked(body, {"prompt": text(32_000)}, GENERATION)
    asked = body.get("model") or DEFAULT["today"]
    model = model_called("today", "picture", asked)
    permit(rules, model, asked, exchange.era)
    _check_count(model, len(references))
    # Without a seed the same body must still be the same picture, or the cache would lie.
    seed = body.get("seed", _number_from(exchange.received.body))
    width, height = body.get("size", "1024x1024").split("x")
    query = {"width": width, "height": height, "seed": str(seed)}
    if body.get("transparent") in (True, "true"):
        query["transparent"] = "true"
    spec = picture_spec("today", body["prompt"], model, query)
    spec = dataclasses.replace(spec, references=tuple(references))

    def generate() -> Reply:
        data = make_picture(spec)
        headers = {
            "x-model-used": model.name,
            "x-usage-completion-image-tokens": "1",
            "cache-control": IMMUTABLE,
        }
        headers["content-location"] = stored(exchange.state, data)
        return json_reply(_generated(exchange, body, data, spec, query), headers=headers)

    return cached(exchange, generate)


def _generated(
    exchange: Exchange, body: Json, data: bytes, spec: PictureSpec, query: dict[str, str]
) -> Json:
    picture = {"b64_json": base64.b64encode(data).decode()}
    if body.get("response_format") == "url":
        address = f"{exchange.state.url}/image/{quote(spec.prompt, safe='')}"
        picture = {"url": f"{address}?{urlencode({'model': spec.model} | query)}"}
    picture["revised_prompt"] = spec.prompt
    # A model that is paid by the picture counts no tokens of the prompt.
    usage = {
        "input_tokens": 0,
        "output_tokens": 1,
        "total_tokens": 1,
        "input_tokens_details": {"text_tokens": 0, "image_tokens": 0},
    }
    return {"created": int(time.time()), "data": [picture], "usage": usage}
