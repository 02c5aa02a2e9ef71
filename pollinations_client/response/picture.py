"""Read a picture or a video out of an answer, plain or inside JSON, and check that it is whole."""

from __future__ import annotations

import base64
import contextlib
import os
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._lazy_imports import LazyModule
from ..errors import Keys, MalformedReply, excerpt_of, number_in
from ..media import files
from ..media.sniff import extension_for, sniff
from ..reply_metadata import ResponseInfo
from .reader import content_type_of, json_answer_from, json_from

if TYPE_CHECKING:
    from ..media import measure
    from . import error_decoder
else:  # loaded by the first picture, and the first error
    error_decoder = LazyModule("pollinations_client.response.error_decoder")
    measure = LazyModule("pollinations_client.media.measure")

__all__ = ["Picture"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture or a video.

    ``data`` are its bytes, ``mime_type`` what they are by their own signature, ``seed`` the number
    it was made with (send it again to get the same one), ``url`` its address without any key, which
    the gateway serves to a key alone, and ``media_url`` a public one, where the gateway gave it.
    """

    data: bytes = field(repr=False)
    mime_type: str
    prompt: str
    url: str
    model: str | None = None
    seed: int | None = None
    info: ResponseInfo = field(default_factory=ResponseInfo, repr=False)
    media_url: str | None = None

    @property
    def is_video(self) -> bool:
        """Whether it moves."""
        return self.mime_type.startswith("video/")

    @property
    def size_px(self) -> tuple[int, int] | None:
        """Width and height in pixels as the bytes say, which may differ from what was asked for."""
        return measure.size_px(self.data)

    @property
    def duration_s(self) -> float | None:
        """Seconds of a video as the bytes say."""
        if not self.is_video:
            return None
        return measure.duration_s(self.data)

    def save(self, path: str | os.PathLike[str] = ".", *, overwrite: bool = False) -> Path:
        """Write it to a file and return the file's path.

        ``path`` is a file name if it has a suffix, else a folder, made where missing, in which the
        name comes from prompt and seed. An existing file is kept and a number added, unless
        ``overwrite``; the write is atomic.
        """
        stem = files.safe_file_stem(self.prompt)
        if self.seed is not None:
            stem = f"{stem}-{self.seed}"
        return files.save(self.data, path, stem, extension_for(self.mime_type), overwrite=overwrite)

    def save_in(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write it into ``folder``, made where missing, and return the file's path.

        Unlike a path of ``save``, a folder may look like a file name: ``runs.2026`` is one.
        """
        return self.save(f"{os.fspath(folder)}{os.sep}", overwrite=overwrite)


def picture_from(
    body: bytes,
    info: ResponseInfo,
    prompt: str,
    url: str,
    secret: Keys = None,
    media_host: str = "",
) -> Picture:
    """The picture in an answer.

    Raises where 200 came with something else: JSON, a page, nothing, half a file.
    """
    if not _is_media(sniff(body)) and body.lstrip()[:1] == b"{":
        parsed = json_from(body, info, secret)
        raise error_decoder.error_from_body(parsed, label="GET /image/{prompt}", secret=secret)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    return Picture(
        data=body,
        mime_type=_checked_type(body, info, secret),
        prompt=prompt,
        url=url,
        model=info.model_used or query.get("model"),
        seed=number_in(query.get("seed", "")),
        info=info,
        media_url=_media_url(info, media_host),
    )


def picture_from_json(
    body: bytes,
    info: ResponseInfo,
    prompt: str,
    secret: Keys = None,
    media_host: str = "",
    *,
    label: str,
    request_fields: Mapping[str, Any],
) -> Picture:
    """The picture in an answer of ``POST /v1/images/generations`` or ``/edits``.

    ``request_fields`` have model and seed, which the answer may not repeat. Raises where it
    holds no picture.
    """
    data, usage = body, None
    if not _is_media(sniff(body)):  # some servers answer the bytes themselves, as GET does
        data, usage = _picture_in_json(body, info, secret, label)
    media_url = _media_url(info, media_host)
    return Picture(
        data=data,
        mime_type=_checked_type(data, info, secret),
        prompt=prompt,
        url=media_url or "",
        model=info.model_used or request_fields.get("model"),
        seed=request_fields.get("seed"),
        info=with_usage(info, usage),
        media_url=media_url,
    )


def _picture_in_json(
    body: bytes, info: ResponseInfo, secret: Keys, label: str
) -> tuple[bytes, Any]:
    """The first picture of an answer in JSON, and the usage that stands beside it."""
    parsed = json_answer_from(body, info, secret, label=label)
    data = _first_picture(parsed)
    if data is None:
        raise MalformedReply(
            f"{label}: the answer holds no picture in base64.", request_id=info.request_id
        )
    return data, parsed.get("usage")


def _first_picture(parsed: Any) -> bytes | None:
    match parsed:
        case {"data": [{"b64_json": str(encoded)}, *_]}:
            with contextlib.suppress(ValueError):
                return base64.b64decode(encoded)
    return None


def with_usage(info: ResponseInfo, usage: Any) -> ResponseInfo:
    """``info`` with the counts of a body, where the headers have none.

    The words of a prompt count only where the gateway splits them up: other models are paid by the
    picture.
    """
    if info.usage or not isinstance(usage, Mapping):
        return info
    counts = {"completion-image-tokens": usage.get("output_tokens")}
    details = usage.get("input_tokens_details")
    if isinstance(details, Mapping):
        counts["prompt-text-tokens"] = details.get("text_tokens")
        counts["prompt-image-tokens"] = details.get("image_tokens")
    numbers = {name: float(count) for name, count in counts.items() if isinstance(count, int)}
    return replace(info, usage=numbers)


def _media_url(info: ResponseInfo, media_host: str) -> str | None:
    """The public address that a header tells: one of the media store, never one with a key."""
    address = info.headers.get("content-location", "")
    # An address under /image/ is the gateway's own, which answers to a key alone.
    is_public = "?" not in address and "/image/" not in address
    if media_host and is_public and address.startswith(f"{media_host}/"):
        return address
    return None


def _is_media(mime_type: str | None) -> bool:
    return mime_type is not None and mime_type.startswith(("image/", "video/"))


def _checked_type(body: bytes, info: ResponseInfo, secret: Keys) -> str:
    """The MIME type of a picture or video. Raises for other bytes and for half a file."""
    mime_type = sniff(body)
    if mime_type is None or not _is_media(mime_type):
        received = "nothing came"
        if mime_type is not None:  # a sound, say: its bytes are nothing to read
            received = f"{mime_type} came"
        elif body:
            declared = content_type_of(info) or "nothing"
            excerpt = excerpt_of(body, secret)
            received = f"{len(body)} bytes declared as {declared} came: {excerpt!r}"
        raise MalformedReply(
            f"A picture was asked for and {received}.",
            excerpt=excerpt_of(body, secret),
            request_id=info.request_id,
        )
    # The gateway keeps every 200 that ends cleanly, half pictures included.
    if measure.looks_cut(body, mime_type):
        raise MalformedReply(
            f"The {mime_type} is cut off after {len(body)} bytes. The same call gets it from the"
            " gateway's cache.",
            request_id=info.request_id,
        )
    return mime_type
