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
from ..gateway.cache import IMMUTABLE, cached_reply
from ..gateway.checks import (
    Check,
    array,
    checked_body,
    either,
    matching,
    nullable,
    number,
    one_of,
    record,
    safety,
    string,
    text,
)
from ..gateway.errors import GatewayError, query_error, validation_error
from ..gateway.keys import authenticate, check_may_use
from ..gateway.model_rules import check_safety_header
from ..gateway.models import Model, model_called
from ..gateway.multipart import parts_of
from ..gateway.query import Query, integer, number_in, option, truth
from ..gateway.validation import SEED_MAX, SEED_MAX_TODAY
from ..media.mp4 import video as make_video
from ..media.pictures import MAX_PX, PictureSpec, size_within
from ..media.pictures import picture as make_picture
from ..scripts import Answer
from ..server.response import Reply, json_reply
from .media_store import store_file

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
    "safe": safety,
}
REFERENCES = either(array(REFERENCE), REFERENCE)
# A form has these alone: whatever else stands in it, a seed too, is not read (routes/images.ts).
FORM_FIELDS = frozenset(("prompt", "model", "size", "quality", "safe", "resolution"))
# The body of an edit in JSON: one address, or OpenAI's list of objects (today's schema).
EDIT_SOURCES = either(REFERENCE, array(record({"image_url": REFERENCE})))


def picture(exchange: Exchange) -> Reply:
    """A picture, or a video when the model makes videos; the answer is the bytes."""
    return _get_media(exchange, DEFAULT[exchange.era])


def video(exchange: Exchange) -> Reply:
    """A video; the model is ``veo`` unless another is named."""
    return _get_media(exchange, "veo")


def _get_media(exchange: Exchange, default_model: str) -> Reply:
    rules = authenticate(exchange)
    prompt, query = exchange.prompt, exchange.received.query
    model_name = query.get("model") or default_model
    model = model_called(exchange.era, "picture", model_name)
    spec = picture_spec(exchange.era, prompt, model, query)
    length_s = _video_length_s(exchange.era, model, query)
    _check_reference_urls(model, query.get("image", ""))
    if exchange.state.today:
        check_safety_header(exchange.received.headers)
    check_may_use(rules, model, model_name, exchange.era)
    if isinstance(exchange.scripted, Answer) and exchange.scripted.images:
        data = exchange.scripted.images[0]
        if isinstance(data, str):
            data = base64.b64decode(data.partition(",")[2])
        return _media_reply(exchange, model, model_name, data, 1)

    def generate() -> Reply:
        if model.kind == "video":
            has_sound = truth(query, "audio") or model.name.startswith("wan")
            data = make_video(spec, length_s, sound=has_sound)
        else:
            data = make_picture(spec)
        return _media_reply(exchange, model, model_name, data, length_s)

    # From January 2026 a seed of -1 was random and went past the cache (#6746); today it is stable.
    bypass = query.get("seed") == "-1" and not exchange.state.today
    return cached_reply(exchange, generate, bypass=bypass)


def picture_spec(era: str, prompt: str, model: Model, query: Query) -> PictureSpec:
    """What to draw, from checked parameters."""
    width = integer(query, "width", 0, SEED_MAX, 1024) or 0
    height = integer(query, "height", 0, SEED_MAX, 1024) or 0
    seed = integer(query, "seed", -1, SEED_MAX_TODAY, DEFAULT_SEED[era]) or 0
    option(query, "quality", QUALITIES, "medium")
    if era == "today":
        if complaint := safety(query.get("safe", "")):
            raise query_error({"safe": [complaint]})
    else:
        prompt = prompt.replace("\n", "")  # its image service loses line breaks; words glue
        number_in(query, "guidance_scale", 1, 20)
    if "aspectRatio" in query:
        aspect = option(query, "aspectRatio", ASPECTS[era], "16:9")
        width, height = _size_in_aspect(aspect, width, height)
    elif model.kind == "video" and not {"width", "height"} & set(query):
        width, height = _size_in_aspect("16:9", width, height)
    width, height = size_within(width, height, {"video": MAX_VIDEO_PX}.get(model.kind, MAX_PX))
    if seed == -1:
        seed = _seed_from(f"{prompt}{time.time_ns()}".encode())
    return PictureSpec(prompt, model.name, seed, width, height, truth(query, "transparent"))


def _seed_from(data: bytes) -> int:
    """A seed that depends on bytes alone."""
    return int.from_bytes(hashlib.sha256(data).digest()[:4]) // 2


def _size_in_aspect(aspect: str, width: int, height: int) -> tuple[int, int]:
    if aspect == "adaptive":
        return width, height
    across, down = map(int, aspect.split(":"))
    long_px, longer = max(width, height) or 1024, max(across, down)
    return long_px * across // longer, long_px * down // longer


def _video_length_s(era: str, model: Model, query: Query) -> int:
    """The length of a video, which must be one that the model makes; 0 for a picture."""
    duration = integer(query, "duration", 1, MAX_SECONDS[era])
    if model.kind != "video":
        return 0
    if duration is not None and duration not in model.durations:
        allowed = ", ".join(map(str, model.durations))
        raise GatewayError(
            400, f"Duration {duration} s is not supported by {model.name}. Allowed: {allowed}."
        )
    return duration or model.durations[0]


def _check_reference_urls(model: Model, image: str) -> None:
    # A bar separates addresses; a comma does too, unless it is part of one.
    urls = [url for url in re.split(r"\||,(?=https?:)", image) if url]
    if not all(map(LINK.match, urls)):
        raise GatewayError(
            400,
            "Invalid image URL. Put image= param last and percent-encode nested URLs; only http and"
            " https are read.",
        )
    _check_reference_count(model, len(urls))


def _check_reference_count(model: Model, count: int) -> None:
    if count > model.references:
        raise GatewayError(
            400,
            f"Model '{model.name}' takes at most {model.references} reference images, not {count}.",
        )


def _media_reply(
    exchange: Exchange, model: Model, model_name: str, data: bytes, length_s: int
) -> Reply:
    kind = sniff(data) or "image/jpeg"
    if data.startswith(b"\x89PNG"):  # also a scripted one that is broken behind its first bytes
        kind = "image/png"
    words = re.sub(r"[^a-z0-9]+", "-", exchange.params["prompt"].lower())
    name = words.strip("-")[:40] or "picture"
    headers = {
        "cache-control": IMMUTABLE,
        "content-disposition": f'inline; filename="{name}.{kind.rpartition("/")[2]}"',
        **exchange.model_headers(model, model_name),
    }
    # A video is counted in seconds, which is what it costs by.
    if model.kind == "video":
        headers["x-usage-completion-video-seconds"] = str(length_s)
    else:
        headers["x-usage-completion-image-tokens"] = "1"
    return Reply(data, content_type=kind, headers=headers)


def generations(exchange: Exchange) -> Reply:
    """POST /v1/images/generations: the picture in base64, or a URL that serves it."""
    rules = authenticate(exchange)
    body = checked_body(exchange.received.json, {}, {"image": nullable(REFERENCES)})
    links = body.get("image") or []
    return _post_picture(exchange, rules, body, [links] if isinstance(links, str) else links)


def edits(exchange: Exchange) -> Reply:
    """POST /v1/images/edits: pictures of a form, or at addresses in JSON, made anew."""
    rules = authenticate(exchange)
    if "multipart/form-data" in exchange.received.headers.get("content-type", ""):
        body, references = _edit_form(exchange)
    else:
        body = checked_body(exchange.received.json, {}, {"image": EDIT_SOURCES})
        sources = body.get("image", [])
        if isinstance(sources, str):
            sources = [{"image_url": sources}]
        references = [_source(source["image_url"]) for source in sources]
    if not references:
        raise validation_error({"image": ["Invalid input: expected at least 1 image"]})
    return _post_picture(exchange, rules, body, references)


def _edit_form(exchange: Exchange) -> tuple[Json, list[str]]:
    """The fields of a form, and a name that tells each of its pictures from others."""
    parts = parts_of(exchange.received)
    body: Json = {part.name: part.text for part in parts if part.name in FORM_FIELDS}
    files = [part for part in parts if part.name in ("image", "image[]") and part.file_name]
    for file in files:
        if _kind_of_picture(file.data) != file.content_type:
            raise GatewayError(400, f"The file is no {file.content_type}.")
    return body, [_name_of(file.data) for file in files]


def _kind_of_picture(data: bytes) -> str:
    kind = sniff(data) or ""
    if not kind.startswith("image/"):
        raise GatewayError(400, "Invalid image file. Supported: png, jpeg, webp, gif.")
    return kind


def _name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def _source(address: str) -> str:
    """An address as it is, and the name of a picture that a data URL holds."""
    if not address.startswith("data:"):
        return address
    try:
        data = base64.b64decode(address.partition(",")[2], validate=True)
    except ValueError:
        data = b""
    _kind_of_picture(data)
    return _name_of(data)


def _post_picture(exchange: Exchange, rules: KeyRules, body: Json, references: list[str]) -> Reply:
    checked_body(body, {"prompt": text(32_000)}, GENERATION)
    model_name = body.get("model") or DEFAULT["today"]
    model = model_called("today", "picture", model_name)
    check_safety_header(exchange.received.headers)
    check_may_use(rules, model, model_name, exchange.era)
    _check_reference_count(model, len(references))
    # Without a seed the same body must still be the same picture, or the cache would lie.
    seed = body.get("seed", _seed_from(exchange.received.body))
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
        headers["content-location"] = store_file(exchange.state, data)
        return json_reply(_generated(exchange, body, data, spec, query), headers=headers)

    return cached_reply(exchange, generate)


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
