"""Tell the type of a file by its first bytes, and its usual extension. Pure; no I/O.

The gateway's ``Content-Type`` is not proof: a limiter of the older hosts answered 200 with a
placeholder. So pictures, videos and sounds are known by their own bytes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

__all__ = ["HEAD_BYTES", "extension_for", "plain_type", "sniff"]

HEAD_BYTES = 4_096  # of a file, enough to tell its type

EXTENSIONS = {
    "application/json": "json",
    "application/pdf": "pdf",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/pcm": "pcm",
    "audio/wav": "wav",
    "audio/webm": "weba",
    "audio/x-wav": "wav",
    "image/avif": "avif",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/webp": "webp",
    "model/gltf-binary": "glb",
    "text/html": "html",
    "text/plain": "txt",
    "video/mp4": "mp4",
    "video/ogg": "ogv",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
}

BY_BEGINNING = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"ADIF", "audio/aac"),
    (b"glTF", "model/gltf-binary"),
)
BY_RIFF_FORM = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
BY_MP4_BRAND = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
# The first packet of an Ogg stream names its codec (for Opus RFC 7845, 5.1); EBML files name their
# kind in their head.
OGG_CODECS = {b"OpusHead": "audio/opus", b"\x80theora": "video/ogg"}
EBML_KINDS = {b"webm": "video/webm"}
# Prolog, comments and a document type may stand before the root element. Atomic groups keep hostile
# text from being read in more than one way.
SVG = re.compile(
    rb"\s*+(?>(?><\?xml[^>]*>|<!--.*?-->|<!DOCTYPE\s+svg[^>]*>)\s*+)*+<svg[\s>/]",
    re.DOTALL | re.IGNORECASE,
)


def sniff(data: bytes) -> str | None:
    """The MIME type that ``data`` begins like, or ``None``: a page, JSON and unknown formats have
    none.

    Knows jpeg, png, gif, webp, svg, avif, heic; mp4, quicktime, webm, matroska; mp3, wav, ogg,
    opus, flac, aac, m4a; pdf and glb.
    """
    for beginning, mime_type in BY_BEGINNING:
        if data.startswith(beginning):
            return mime_type
    match data[:4]:
        case b"RIFF":
            return BY_RIFF_FORM.get(data[8:12])
        case b"OggS":
            return _type_by_mark(data, OGG_CODECS, "audio/ogg")
        case b"\x1a\x45\xdf\xa3":
            return _type_by_mark(data, EBML_KINDS, "video/x-matroska")
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        # "mif1" is a picture of any codec; the list of compatible brands behind it says which.
        if brand == b"mif1" and b"avif" in data[16:64]:
            brand = b"avif"
        return BY_MP4_BRAND.get(brand, "video/mp4")
    if SVG.match(data[:HEAD_BYTES].removeprefix(codecs.BOM_UTF8)):
        return "image/svg+xml"
    return _mpeg_audio_type(data[:3])


def _type_by_mark(data: bytes, marks: Mapping[bytes, str], default: str) -> str:
    head = data[:64]
    return next((mime_type for mark, mime_type in marks.items() if mark in head), default)


def extension_for(mime_type: str) -> str:
    """The usual file extension, without a dot; ``bin`` for types this project does not know."""
    return EXTENSIONS.get(plain_type(mime_type), "bin")


def plain_type(mime_type: str) -> str:
    """A MIME type in lower case, without its parameters."""
    return mime_type.partition(";")[0].strip().lower()


def _mpeg_audio_type(head: bytes) -> str | None:
    """MP3 or AAC by the 12 sync bits of a frame, and by what no valid frame header says."""
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer != 1 or bitrate == 15 or rate == 3:
        return None
    return "audio/mpeg"
