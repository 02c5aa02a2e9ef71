"""Build and parse data URLs (RFC 2397)."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
import urllib.parse

from ..errors import InvalidRequestError

__all__ = ["data_url", "parse_data_url"]

DATA_URL = re.compile(r"data:([^,]*),(.*)", re.DOTALL | re.IGNORECASE)
URL_SAFE = bytes.maketrans(b"-_", b"+/")
MIME = re.compile(r"[\w.+-]+/[\w.+-]+(?:;\s*[\w.+-]+=[\w.+\"-]+)*", re.ASCII)


def data_url(data: bytes, mime_type: str) -> str:
    """``data`` as a base64 data URL. Refuses a ``mime_type`` that is none."""
    if not MIME.fullmatch(mime_type):
        raise InvalidRequestError(
            f"{mime_type[:80]!r} is no MIME type; one looks like image/png.", param="mime_type"
        )
    return f"data:{mime_type};base64,{base64.b64encode(data).decode('ascii')}"


def parse_data_url(url: str) -> tuple[str, bytes]:
    """MIME type and bytes of a data URL (RFC 2397), base64 or percent-encoded.

    Line breaks, missing padding and the URL-safe alphabet are accepted in base64. Raises
    ``InvalidRequestError`` for anything else; the message holds none of the data.
    """
    if not (found := DATA_URL.fullmatch(url.strip())):
        raise InvalidRequestError(
            "A data URL looks like data:image/png;base64,...; this one does not.", param="url"
        )
    mime_type, *parameters = (part.strip() for part in found[1].split(";"))
    if "base64" in parameters:
        with contextlib.suppress(ValueError):  # the usual form, decoded without a copy of the text
            return mime_type or "text/plain", binascii.a2b_base64(found[2], strict_mode=True)
    try:
        payload = urllib.parse.unquote_to_bytes(found[2])
        if "base64" in {parameter.lower() for parameter in parameters}:
            letters = b"".join(payload.split()).translate(URL_SAFE).rstrip(b"=")
            payload = base64.b64decode(letters + b"=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        said = error.reason if isinstance(error, UnicodeEncodeError) else str(error)
        raise InvalidRequestError(
            f"The content of the data URL cannot be read: {said}.", param="url"
        ) from None
    return mime_type or "text/plain", payload
