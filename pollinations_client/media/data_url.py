"""Build and parse data URLs (RFC 2397)."""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
import re
import urllib.parse

from ..errors import InvalidRequestError

__all__ = ["base64_in", "data_url", "parse_data_url"]

DATA_URL = re.compile(r"data:([^,]*),(.*)", re.DOTALL | re.IGNORECASE)
BASE64_PREFIX = re.compile(r"data:[^,;]*;base64,")
PIECE_CHARACTERS = 1 << 18  # a multiple of 4: four characters of base64 are three bytes
URL_SAFE = bytes.maketrans(b"-_", b"+/")
MIME = re.compile(r"[\w.+-]+/[\w.+-]+(?:;\s*[\w.+-]+=[\w.+\"-]+)*", re.ASCII)


def data_url(data: bytes, mime_type: str) -> str:
    """``data`` as a base64 data URL.

    Raises :class:`InvalidRequestError` for a ``mime_type`` that is none.
    """
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
    if not (match := DATA_URL.fullmatch(url.strip())):
        raise InvalidRequestError(
            "A data URL looks like data:image/png;base64,...; this one does not.", param="url"
        )
    mime_type, *parameters = (part.strip() for part in match[1].split(";"))
    if "base64" in parameters:
        with contextlib.suppress(ValueError):  # the usual form, decoded without a copy of the text
            return mime_type or "text/plain", binascii.a2b_base64(match[2], strict_mode=True)
    try:
        payload = urllib.parse.unquote_to_bytes(match[2])
        if "base64" in {parameter.lower() for parameter in parameters}:
            letters = b"".join(payload.split()).translate(URL_SAFE).rstrip(b"=")
            payload = base64.b64decode(letters + b"=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        reason = error.reason if isinstance(error, UnicodeEncodeError) else str(error)
        raise InvalidRequestError(
            f"The content of the data URL cannot be read: {reason}.", param="url"
        ) from None
    return mime_type or "text/plain", payload


def base64_in(url: str) -> bytes | None:
    """The base64 of a data URL, as it is written there; ``None`` where it is no strict base64, and
    for any other URL.

    It is checked piece by piece, so that a large picture is not decoded as a whole.
    """
    if not (prefix := BASE64_PREFIX.match(url)):
        return None
    encoded = io.BytesIO()
    padding = 0
    with contextlib.suppress(ValueError):
        for start in range(prefix.end(), len(url), PIECE_CHARACTERS):
            piece = url[start : start + PIECE_CHARACTERS]
            if padding:
                return None  # padding ends the base64, and more of it follows
            padding = len(piece) // 4 * 3 - len(binascii.a2b_base64(piece, strict_mode=True))
            encoded.write(piece.encode("ascii"))
        return encoded.getvalue()
    return None
