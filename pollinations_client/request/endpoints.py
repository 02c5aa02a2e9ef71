"""One pure function per endpoint: from arguments to a ``Call``. Chat is in ``chat_request.py``."""

from __future__ import annotations

import math
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._lazy_imports import LazyModule
from ..catalog.estimates import CallSize
from ..errors import InvalidRequestError, number_in
from ..media.data_url import data_url
from ..media.sniff import extension_for, sniff
from .calls import CALL_KINDS, Call, Upload
from .chat_request import chat, relaxed
from .image_options import (
    ImageOptions,
    check_url_length,
    checked_prompt,
    generation_fields,
    image_query,
    is_too_long,
    prompt_path,
)
from .json_body import encode_json, large_text_or_value
from .text_options import TextOptions, text_query
from .validation import refuse_stream_option

if TYPE_CHECKING:
    from ..media.sounds import SoundSource
    from . import multipart
else:  # loaded by the first form
    multipart = LazyModule("pollinations_client.request.multipart")

__all__ = [
    "MODEL_LISTS",
    "account",
    "chat",
    "edit",
    "embeddings",
    "image",
    "models",
    "picture",
    "relaxed",
    "speech",
    "text",
    "transcription",
    "upload",
]

# The categories of the models that each list holds; the first is meant where an item names none.
MODEL_LISTS: dict[str, tuple[str, ...]] = {
    "/text/models": ("text",),
    "/image/models": ("image", "video"),
    "/audio/models": ("audio",),
    "/embeddings/models": ("embedding",),
}
VIDEO_HINTS = ("duration", "aspect_ratio", "audio")
MAX_UPLOAD_BYTES = 100 * 1024 * 1024  # of the media store (media.pollinations.ai/README.md)


def _post(path: str, kind: str, body: bytes | None = None, **details: Any) -> Call:
    return Call("POST", path, CALL_KINDS[kind], f"POST {path}", body, **details)


def picture(prompt: str, options: Mapping[str, Any], *, is_video: bool = False) -> Call:
    """A picture or a video: by ``GET``, or by ``POST`` if the prompt is too long for an address."""
    checked = ImageOptions.checked(options, door="extra_query")
    # The POST route makes pictures only.
    only_get = is_video or checked.duration is not None or checked.audio is not None
    if only_get or not is_too_long(_image_target(prompt, image_query(checked))):
        return image(prompt, options, is_video=is_video)
    body = {"prompt": checked_prompt(prompt), **generation_fields(checked)}
    return _post(
        "/v1/images/generations",
        "picture_json",
        encode_json(body),
        request_fields=body,
        size=_media_size(prompt, body),
    )


def image(prompt: str, options: Mapping[str, Any], *, is_video: bool = False) -> Call:
    """``GET /image/{prompt}``: a picture or a video.

    ``options`` are fields of :class:`ImageOptions`.
    """
    checked = ImageOptions.checked(options, door="extra_query")
    pairs = image_query(checked)
    target = check_url_length(_image_target(prompt, pairs))
    # A model that the catalogue does not know may be one for videos: the options tell.
    kind = "picture"
    if is_video or any(getattr(checked, name) is not None for name in VIDEO_HINTS):
        kind = "video"
    size = _media_size(prompt, dict(pairs))
    return Call("GET", target, CALL_KINDS[kind], "GET /image/{prompt}", size=size)


def _media_size(prompt: str, fields: Mapping[str, Any], pictures: int = 0) -> CallSize:
    """What the price of a picture or a video depends on; ``pictures`` are sent as bytes."""
    links = fields.get("image") or fields.get("reference_images") or []
    if isinstance(links, str):
        links = links.split("|")
    return CallSize(
        "image",
        fields.get("model"),
        duration_s=number_in(str(fields.get("duration", ""))),
        has_sound=fields.get("audio") in ("true", True),
        references=pictures + len(links),
        prompt_bytes=len(prompt.encode()),
    )


def _image_target(prompt: str, query: list[tuple[str, str]]) -> str:
    return f"{prompt_path('/image', prompt)}{_query_string(query)}"


def edit(prompt: str, pictures: Sequence[bytes], options: Mapping[str, Any]) -> Call:
    """``POST /v1/images/edits``: pictures, changed as the prompt says.

    As JSON: of a form the gateway reads prompt, model, size, quality, safe, resolution and the
    pictures, and draws a seed of its own (gen.pollinations.ai/src/routes/images.ts).
    """
    checked = ImageOptions.checked(options, door="extra_query")
    fields = {"prompt": checked_prompt(prompt), **generation_fields(checked)}
    sources = [_picture_address(number, data) for number, data in enumerate(pictures, 1)]
    image = sources[0] if len(sources) == 1 else [{"image_url": source} for source in sources]
    return _post(
        "/v1/images/edits",
        "picture_json",
        encode_json({**fields, "image": image}),
        request_fields=fields,
        size=_media_size(prompt, fields, len(pictures)),
    )


def _picture_address(number: int, data: bytes) -> Any:
    mime_type = sniff(data) or ""
    if not mime_type.startswith("image/"):
        raise InvalidRequestError(
            f"image: the bytes of picture {number} are no picture of a known type.", param="image"
        )
    return large_text_or_value(data_url(data, mime_type))


def upload(data: bytes) -> Call:
    """``POST /upload`` of the media store."""
    mime_type = sniff(data) if isinstance(data, bytes) else None
    if mime_type is None or len(data) > MAX_UPLOAD_BYTES:
        raise InvalidRequestError(
            "data: the bytes of a picture, a video or a sound are needed, at most"
            f" {MAX_UPLOAD_BYTES}. Given: {type(data).__name__}.",
            param="data",
        )
    # No other field: ``tags`` would publish the file (media.pollinations.ai/README.md).
    file = multipart.FormFile("file", f"upload.{extension_for(mime_type)}", mime_type, data)
    body, form_type = multipart.encode_form([], [file])
    return _post("/upload", "upload", body, form_type=form_type)


def text(prompt: str, options: Mapping[str, Any], *, stream: bool = False) -> Call:
    """``GET /text/{prompt}``. ``options`` are fields of :class:`TextOptions`."""
    refuse_stream_option(options)
    checked = TextOptions.checked(options, door="extra_query")
    pairs = text_query(checked, stream=stream)
    target = check_url_length(f"{prompt_path('/text', prompt)}{_query_string(pairs)}")
    fields = dict(pairs)
    max_tokens = number_in(fields.get("max_completion_tokens") or fields.get("max_tokens", ""))
    size = CallSize("text", fields.get("model"), max_tokens)
    kind = "text"
    if stream:
        kind = "text_stream"
    return Call("GET", target, CALL_KINDS[kind], "GET /text/{prompt}", size=size)


def embeddings(fields: Mapping[str, Any], texts: Sequence[str]) -> Call:
    """``POST /v1/embeddings`` for at most 32 texts."""
    size = CallSize("embedding", fields.get("model"))
    return _post("/v1/embeddings", "embeddings", encode_json({**fields, "input": texts}), size=size)


def speech(body: Mapping[str, Any]) -> Call:
    """``POST /v1/audio/speech``."""
    size = CallSize(
        *("audio", body.get("model")),
        duration_s=math.ceil(body.get("duration", 0)) or None,
        prompt_bytes=len(body["input"].encode()),
    )
    return _post("/v1/audio/speech", "speech", encode_json(body), size=size)


def transcription(source: SoundSource, fields: Mapping[str, str]) -> Call:
    """``POST /v1/audio/transcriptions``: the sound in a form."""
    size = CallSize("transcription", fields.get("model"), prompt_bytes=source.size_bytes)
    upload = Upload(source, fields)
    return _post("/v1/audio/transcriptions", "transcription", upload=upload, size=size)


def models(path: str) -> Call:
    """``GET`` of a model list, such as ``/v1/models`` or ``/image/models``."""
    return Call("GET", path, CALL_KINDS["models"], f"GET {path}")


def account(path: str, query: Mapping[str, str | int | None] | None = None) -> Call:
    """``GET /account/...``. ``None`` in the query is not sent."""
    pairs = [(name, str(value)) for name, value in (query or {}).items() if value is not None]
    target = f"/account/{path}{_query_string(pairs)}"
    return Call("GET", target, CALL_KINDS["account"], f"GET /account/{path}")


def _query_string(pairs: list[tuple[str, str]]) -> str:
    if not pairs:
        return ""
    # %20 and not a plus for a space: a picture's prompt and its query are then read alike.
    return f"?{urllib.parse.urlencode(pairs, quote_via=urllib.parse.quote, safe='')}"
