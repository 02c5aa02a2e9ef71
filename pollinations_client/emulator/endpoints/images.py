"""GET /image/{prompt}, GET /video/{prompt}, POST /v1/images/generations and /v1/images/edits, and
the media store: POST /upload, GET /media/{id}.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from ...media.sniff import sniff
from ..gateway.cache import IMMUTABLE, cached
from ..gateway.checks import mapping, nullable, number, string
from ..gateway.errors import GatewayError, invalid
from ..gateway.keys import authenticate, permit
from ..gateway.model_rules import check_safe
from ..gateway.models import Model, find, models
from ..gateway.multipart import parts_of
from ..gateway.query import Query, fraction, integer, option, truth
from ..gateway.validation import SEED_MAX, SEED_MAX_TODAY
from ..media.mp4 import video as make_video
from ..media.pictures import MAX_PX, PictureSpec, within
from ..media.pictures import picture as make_picture
from ..scripts import Answer
from ..server.response import Reply, json_reply

if TYPE_CHECKING:
    from ..exchange import Exchange
    from ..scripts import KeyRules
    from ..state import State

DEFAULT = {"seed": "flux", "today": "zimage"}
ASPECTS_TODAY = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "9:21", "adaptive")
ASPECTS_SEED = ("16:9", "9:16")
MAX_VIDEO_PX = 512
REFERENCE = re.compile(r"https?://|data:image/")
BINARY = "application/octet-stream"
QUALITIES = ("low", "medium", "high", "hd")


def picture(exchange: Exchange) -> Reply:
    """A picture, or a video when the model makes videos; the answer is the bytes."""
    return _served(exchange, "/image/", DEFAULT[exchange.state.era])


def video(exchange: Exchange) -> Reply:
    """A video; the model is ``veo`` unless another is named."""
    return _served(exchange, "/video/", "veo")


def _served(exchange: Exchange, prefix: str, default_model: str) -> Reply:
    rules = authenticate(exchange.state, exchange.received)
    prompt, query = exchange.params["prompt"], exchange.received.query
    segment = exchange.received.raw_path.partition("?")[0].removeprefix(prefix)
    if not prompt or (not exchange.state.today and "/" in segment):
        raise GatewayError(404)
    asked = query.get("model") or default_model
    model = picture_model(exchange.state.era, asked)
    spec = picture_spec(exchange.state.era, prompt, model, query)
    length_s = _length(exchange.state.era, model, query)
    _check_references(model, query.get("image", ""))
    permit(rules, model, asked, exchange.state.era)
    if isinstance(exchange.scripted, Answer) and exchange.scripted.images:
        first = exchange.scripted.images[0]
        data = first if isinstance(first, bytes) else base64.b64decode(first.partition(",")[2])
        return _bytes(exchange, data, model, prompt, asked, 1)
    bypass = query.get("seed") == "-1" and not exchange.state.today

    def generate() -> Reply:
        if model.kind == "video":
            sound = truth(query, "audio") or model.name.startswith("wan")
            return _bytes(
                exchange, make_video(spec, length_s, sound=sound), model, prompt, asked, length_s
            )
        return _bytes(exchange, make_picture(spec), model, prompt, asked, 1)

    return cached(exchange.state, exchange.received, generate, bypass=bypass)


def picture_model(era: str, asked: str) -> Model:
    """The picture or video model of that name. Raises ``GatewayError`` 400 in the era's words."""
    model = find(era, "picture", asked)
    if model is not None:
        return model
    names = [one.name for one in models(era, "picture")]
    if era == "today":
        raise GatewayError(
            400,
            f"Model '{asked}' was not found. Available image and video models: {', '.join(names)}",
        )
    raise invalid(
        {"model": ["Invalid option: expected one of " + "|".join(f'"{name}"' for name in names)]}
    )


def picture_spec(era: str, prompt: str, model: Model, query: Query) -> PictureSpec:
    """What to draw, from checked parameters."""
    width = integer(query, "width", 0, SEED_MAX, 1024) or 0
    height = integer(query, "height", 0, SEED_MAX, 1024) or 0
    seed = integer(query, "seed", -1, SEED_MAX_TODAY, 0 if era == "today" else 42) or 0
    if era == "seed":
        prompt = prompt.replace("\n", "")  # its image service loses line breaks; words glue
    option(query, "quality", QUALITIES, "medium")
    if era == "today":
        check_safe(query.get("safe"))
    if era == "seed":
        fraction(query, "guidance_scale", 1, 20)
    aspects = ASPECTS_TODAY if era == "today" else ASPECTS_SEED
    if "aspectRatio" in query:
        width, height = _shape(option(query, "aspectRatio", aspects, "16:9"), width, height)
    elif model.kind == "video" and not {"width", "height"} & set(query):
        width, height = _shape("16:9", width, height)
    width, height = within(width, height, MAX_VIDEO_PX if model.kind == "video" else MAX_PX)
    if seed == -1:
        seed = (
            int.from_bytes(hashlib.sha256(f"{prompt}{time.time_ns()}".encode()).digest()[:4]) // 2
        )
    transparent = truth(query, "transparent")
    return PictureSpec(prompt, model.name, seed, width, height, transparent)


def _shape(aspect: str, width: int, height: int) -> tuple[int, int]:
    if aspect == "adaptive":
        return width, height
    across, down = (int(part) for part in aspect.split(":"))
    long = max(width, height) or 1024
    return (long, long * down // across) if across >= down else (long * across // down, long)


def _length(era: str, model: Model, query: Query) -> int:
    """The length of a video in seconds, within what the model makes."""
    asked = integer(query, "duration", 1, 120 if era == "today" else 10)
    if model.kind != "video":
        return 0
    if asked is not None and asked not in model.durations:
        allowed = ", ".join(str(one) for one in model.durations)
        raise GatewayError(
            400, f"Duration {asked} s is not supported by {model.name}. Allowed: {allowed}."
        )
    return asked or model.durations[0]


def _check_references(model: Model, image: str) -> None:
    urls = [one for one in re.split(r"\||,(?=https?:)", image) if one]
    if any(not re.match(r"https?://", one) for one in urls):
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
    kind = (
        "video/mp4"
        if data[4:8] == b"ftyp"
        else "image/png"
        if data.startswith(b"\x89PNG")
        else "image/jpeg"
    )
    name = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:40] or "picture"
    usage = (
        {"x-usage-completion-video-seconds": str(amount)}
        if model.kind == "video"
        else {"x-usage-completion-image-tokens": "1"}
    )
    headers = usage | {
        "cache-control": IMMUTABLE,
        "content-disposition": f'inline; filename="{name}.{kind.rpartition("/")[2]}"',
        "x-model-used": model.name,
    }
    if exchange.state.today:
        headers["x-model-requested"] = asked
    return Reply(data, content_type=kind, headers=headers)


def generations(exchange: Exchange) -> Reply:
    """POST /v1/images/generations: the picture in base64, or a URL that serves it."""
    rules = authenticate(exchange.state, exchange.received)
    body = exchange.received.json
    if complaint := mapping(body):
        raise invalid({}, [complaint])
    return _generation(exchange, rules, body, references=_listed(body.get("image")))


def edits(exchange: Exchange) -> Reply:
    """POST /v1/images/edits: pictures of a form, or at addresses in JSON, made anew."""
    rules = authenticate(exchange.state, exchange.received)
    if "multipart/form-data" not in exchange.received.headers.get("content-type", ""):
        body: dict[str, Any] = exchange.received.json
        if complaint := mapping(body):
            raise invalid({}, [complaint])
        return _generation(exchange, rules, body, references=_listed(body.get("image")), edits=True)
    parts = parts_of(exchange.received)
    body = {part.name: part.text for part in parts if part.file_name is None}
    files = [part for part in parts if part.name in ("image", "image[]") and part.file_name]
    for file in files:
        if not (sniff(file.data) or "").startswith("image/"):
            raise GatewayError(400, "Invalid image file. Supported: png, jpeg, webp, gif.")
        if sniff(file.data) != file.content_type:
            raise GatewayError(400, f"The file is no {file.content_type}.")
    for name in ("seed", "n"):
        if body.get(name, "").lstrip("-").isdigit():
            body[name] = int(body[name])
    names = [hashlib.sha256(file.data).hexdigest()[:12] for file in files]
    return _generation(exchange, rules, body, references=names, edits=True)


def _listed(image: Any) -> list[str]:
    links = image if isinstance(image, list) else [image] if image is not None else []
    if any(
        not isinstance(one, str) or not re.match(r"https?://|data:image/", one) for one in links
    ):
        raise invalid({"image": ["Invalid URL"]})
    return links


def _generation(
    exchange: Exchange,
    rules: KeyRules,
    body: dict[str, Any],
    references: list[str],
    *,
    edits: bool = False,
) -> Reply:
    errors = _generation_errors(body)
    if edits and not references:
        errors["image"] = ["Invalid input: expected at least 1 image"]
    if errors:
        raise invalid(errors)
    asked = body.get("model") or DEFAULT["today"]
    model = picture_model("today", asked)
    permit(rules, model, asked, exchange.state.era)
    _check_count(model, len(references))
    seed = body.get(
        "seed", int.from_bytes(hashlib.sha256(exchange.received.body).digest()[:4]) // 2
    )
    width, height = body.get("size", "1024x1024").split("x")
    query = {"width": width, "height": height, "seed": str(seed)} | (
        {"transparent": "true"} if body.get("transparent") in (True, "true") else {}
    )
    spec = picture_spec("today", body["prompt"], model, query)
    spec = dataclasses.replace(spec, references=tuple(references))

    def generate() -> Reply:
        data = make_picture(spec)
        headers = {"x-model-used": model.name, "cache-control": IMMUTABLE}
        headers["content-location"] = stored(exchange.state, data)
        return json_reply(_generated(exchange, body, data, spec, query), headers=headers)

    return cached(exchange.state, exchange.received, generate)


def upload(exchange: Exchange) -> Reply:
    """POST /upload of the media store: a file of a form, or base64 in JSON; public from then on."""
    authenticate(exchange.state, exchange.received)
    body = exchange.received.json
    if isinstance(body, dict):
        data = base64.b64decode(str(body.get("data", "")).rpartition(",")[2])
    else:
        files = [part for part in parts_of(exchange.received) if part.file_name is not None]
        data = files[0].data if files else b""
    if not data:
        raise GatewayError(400, "No file provided")
    url = stored(exchange.state, data)
    name = url.rpartition("/")[2]
    return json_reply(
        {"id": name, "url": url, "contentType": sniff(data) or BINARY, "size": len(data)}
    )


def stored(state: State, data: bytes) -> str:
    """Keep bytes in the media store; their public address."""
    name = uuid.uuid4().hex[:16]
    state.media[name] = data
    return f"http://127.0.0.1:{state.port}/media/{name}"


def stored_file(exchange: Exchange) -> Reply:
    """GET /media/{id}: what was uploaded, to everyone."""
    data = exchange.state.media.get(exchange.params["name"])
    if data is None:
        raise GatewayError(404)
    return Reply(data, content_type=sniff(data) or BINARY)


def _generation_errors(body: dict[str, Any]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    prompt = body.get("prompt")
    if not isinstance(prompt, str) or not 1 <= len(prompt) <= 32000:
        errors["prompt"] = ["Invalid input: expected string of 1 to 32000 characters"]
    checks = {"model": nullable(string), "seed": number(-1, SEED_MAX_TODAY, is_integer=True)}
    errors |= {
        name: [told]
        for name, check in checks.items()
        if name in body and (told := check(body[name]))
    }
    if body.get("n", 1) != 1:
        errors["n"] = ["Invalid input: expected 1"]
    if not re.fullmatch(r"\d{1,5}x\d{1,5}", str(body.get("size", "1024x1024"))):
        errors["size"] = ["Invalid string: must match pattern WxH"]
    if body.get("response_format", "b64_json") not in ("b64_json", "url"):
        errors["response_format"] = ['Invalid option: expected one of "b64_json"|"url"']
    return errors


def _generated(
    exchange: Exchange, body: dict[str, Any], data: bytes, spec: PictureSpec, query: dict[str, str]
) -> dict[str, Any]:
    shown: dict[str, str]
    if body.get("response_format") == "url":
        asked = "&".join(
            f"{name}={value}" for name, value in {"model": spec.model, **query}.items()
        )
        shown = {
            "url": (
                f"http://127.0.0.1:{exchange.state.port}"
                f"/image/{exchange.quoted(spec.prompt)}?{asked}"
            )
        }
    else:
        kind = "image/png" if spec.transparent else "image/jpeg"
        shown = {"b64_json": base64.b64encode(data).decode(), "media_type": kind}
    usage = {
        "input_tokens": len(spec.prompt) // 4 + 1,
        "output_tokens": 1,
        "total_tokens": len(spec.prompt) // 4 + 2,
    }
    return {"created": int(time.time()), "data": [shown], "usage": usage}
