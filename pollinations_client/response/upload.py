"""Read the answer of the media store to an upload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import MalformedReply, excerpt_of
from ..lenient_json import member
from ..reply_metadata import ResponseInfo

__all__ = ["UploadedMedia", "upload_from"]


@dataclass(frozen=True, slots=True)
class UploadedMedia:
    """A file in the media store: public to everyone who has the address, for 30 days."""

    url: str
    id: str | None = None
    mime_type: str | None = None
    size_bytes: int | None = None


def upload_from(parsed: Any, info: ResponseInfo) -> UploadedMedia:
    """The uploaded file. Raises where the answer has no address."""
    url = member(parsed, "url")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise MalformedReply(
            "The media store answered without an address.",
            excerpt=excerpt_of(repr(parsed)[:400]),
            request_id=info.request_id,
        )
    return UploadedMedia(
        url=url,
        id=parsed.get("id"),
        mime_type=parsed.get("contentType"),
        size_bytes=parsed.get("size"),
    )
