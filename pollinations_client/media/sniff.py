"""Facts about bytes: what they are, how large the picture is, whether the end is missing.

Pure, and never a guess.

The gateway's ``Content-Type`` is not proof: a limiter of the older hosts answered 200 with a
placeholder, and a cut connection leaves half a file. So pictures, videos and sounds are known by
their own bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

__all__ = ["duration_s", "extension_for", "looks_cut", "size_px", "sniff"]

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
SVG_END = re.compile(rb"</svg\s*>", re.IGNORECASE)
EMPTY_SVG = re.compile(rb"<svg\b[^>]*/>", re.IGNORECASE)
# What ends a run of picture data in a JPEG: not a stuffed zero, a restart marker or a fill byte.
JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_START_OF_SCAN, JPEG_END = 0xDA, 0xD9
JPEG_BARE = frozenset((0x01, *range(0xD0, 0xD9)))


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
            return _by_mark(data, OGG_CODECS, "audio/ogg")
        case b"\x1a\x45\xdf\xa3":
            return _by_mark(data, EBML_KINDS, "video/x-matroska")
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        # "mif1" is a picture of any codec; the list of compatible brands behind it says which.
        if brand == b"mif1" and b"avif" in data[16:64]:
            brand = b"avif"
        return BY_MP4_BRAND.get(brand, "video/mp4")
    if SVG.match(data[:4_096].removeprefix(b"\xef\xbb\xbf")):
        return "image/svg+xml"
    return _mpeg_audio(data[:3])


def _by_mark(data: bytes, marks: Mapping[bytes, str], default: str) -> str:
    head = data[:64]
    return next((mime_type for mark, mime_type in marks.items() if mark in head), default)


def size_px(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as stored, or ``None`` where the bytes do not say.

    Reads jpeg, png, gif, webp, avif and the first track of mp4 with a picture.
    """
    read = SIZES.get(sniff(data) or "", _no_size)
    size = read(data)
    if size is None or min(size) <= 0:
        return None
    return size


def _no_size(data: bytes) -> None:
    return None


def duration_s(data: bytes) -> float | None:
    """Seconds of an mp4 or a quicktime video, as its movie header says; ``None`` for others."""
    if sniff(data) not in {"video/mp4", "video/quicktime"}:
        return None
    for start, end in _boxes_at(data, (b"moov", b"mvhd"), 0, len(data)):
        # ISO 14496-12, 8.2.2: version 1 has times of eight bytes, before units a second and length.
        at, size = start + 12, 4
        if data[start] == 1:
            at, size = start + 20, 8
        units = int.from_bytes(data[at : at + 4])
        if at + 4 + size <= end and units:
            return round(int.from_bytes(data[at + 4 : at + 4 + size]) / units, 3)
    return None


def looks_cut(data: bytes, mime_type: str | None = None) -> bool:
    """Whether the end of ``data`` is missing: no end marker, or a part that is longer than what is
    there.

    Nothing at all is always cut. ``False`` for formats that do not show their end (mp3, aac, flac,
    ogg, webm), and for bytes that follow a complete file.
    """
    if not data:
        return True
    mime_type = _plain(mime_type or sniff(data) or "")
    check = ENDINGS.get(mime_type)
    return check is not None and check(data)


def extension_for(mime_type: str) -> str:
    """The usual file extension, without a dot; ``bin`` for types this project does not know."""
    return EXTENSIONS.get(_plain(mime_type), "bin")


def _plain(mime_type: str) -> str:
    return mime_type.partition(";")[0].strip().lower()


def _mpeg_audio(head: bytes) -> str | None:
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


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment of a JPEG; the end marker is the last, unless the file
    is cut.
    """
    offset = 2
    while match := JPEG_MARKER.search(data, offset):
        marker, start = data[match.start() + 1], match.end()
        end = start
        if marker not in JPEG_BARE and marker != JPEG_END:
            end += int.from_bytes(data[start : start + 2])
        yield marker, start, end
        if marker == JPEG_END or end > len(data) or (end < start + 2 and marker not in JPEG_BARE):
            return
        offset = end


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for marker, start, end in _jpeg_segments(data):
        if marker in JPEG_FRAMES and end - start >= 8 and end <= len(data):
            height, width = data[start + 3 : start + 5], data[start + 5 : start + 7]
            return int.from_bytes(width), int.from_bytes(height)
        if marker == JPEG_START_OF_SCAN:
            return None
    return None


def _jpeg_is_cut(data: bytes) -> bool:
    # A preview in the metadata has an end marker of its own, so the segments are walked, not
    # searched.
    return all(marker != JPEG_END for marker, _, _ in _jpeg_segments(data))


def _png_size(data: bytes) -> tuple[int, int] | None:
    if data[12:16] != b"IHDR" or len(data) < 24:
        return None
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def _png_is_cut(data: bytes) -> bool:
    offset = 8
    while offset + 12 <= len(data):
        end = offset + 12 + int.from_bytes(data[offset : offset + 4])
        if data[offset + 4 : offset + 8] == b"IEND":
            return end > len(data)
        offset = end
    return True


def _gif_size(data: bytes) -> tuple[int, int] | None:
    if len(data) < 10:
        return None
    return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")


def _gif_is_cut(data: bytes) -> bool:
    offset = 13 + _gif_colours(data, 10)
    while offset < len(data):
        match data[offset]:
            case 0x3B:
                return False
            case 0x2C:  # a picture: place and size, colours, then the code size and its sub-blocks
                offset += 11 + _gif_colours(data, offset + 9)
            case 0x21:  # an extension: its label, then sub-blocks
                offset += 2
            case _:
                return True
        while offset < len(data) and data[offset]:
            offset += 1 + data[offset]
        offset += 1
    return True


def _gif_colours(data: bytes, at: int) -> int:
    """The length in bytes of the colour table that the flags at ``at`` announce."""
    flags = int.from_bytes(data[at : at + 1])
    if not flags & 0x80:
        return 0
    return 3 << (flags & 7) + 1


def _webp_size(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8X" if len(data) >= 30:
            width, height = data[24:27], data[27:30]
            return 1 + int.from_bytes(width, "little"), 1 + int.from_bytes(height, "little")
        case b"VP8L" if data[20:21] == b"\x2f" and len(data) >= 25:
            bits = int.from_bytes(data[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a" and len(data) >= 30:
            width, height = data[26:28], data[28:30]
            # The two highest bits ask a player to scale the picture (RFC 6386, section 9.1).
            return (
                int.from_bytes(width, "little") & 0x3FFF,
                int.from_bytes(height, "little") & 0x3FFF,
            )
    return None


def _riff_is_cut(data: bytes) -> bool:
    declared = int.from_bytes(data[4:8], "little")
    # A sound that was streamed does not know its length and says so with the largest number.
    return len(data) < 12 or (declared < 0xFFFF_FF00 and 8 + declared > len(data))


def _boxes(data: bytes, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, content start and end of each box of an ISO media file.

    The end may lie beyond ``stop``.
    """
    while start + 8 <= stop:
        size, kind, head = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16]), 16
        end = start + size
        if size == 0:
            end = stop  # the last box may leave its size open (ISO 14496-12, 4.2)
        elif end < start + head:
            end = stop + 1  # a box smaller than its own header: nothing after it can be trusted
        yield kind, start + head, end
        start = end


def _boxes_at(
    data: bytes, path: tuple[bytes, ...], start: int, stop: int
) -> Iterator[tuple[int, int]]:
    """Content start and end of the boxes at ``path``, such as moov, trak, tkhd."""
    first, *rest = path
    for kind, inner, end in _boxes(data, start, stop):
        if kind != first or end > stop:
            continue
        if rest:
            yield from _boxes_at(data, tuple(rest), inner, end)
        else:
            yield inner, end


def _mp4_size(data: bytes) -> tuple[int, int] | None:
    for start, end in _boxes_at(data, (b"moov", b"trak", b"tkhd"), 0, len(data)):
        # The last eight bytes of a track header are width and height as 16.16 fixed point; a sound
        # track has zeros.
        size = int.from_bytes(data[end - 8 : end - 6]), int.from_bytes(data[end - 4 : end - 2])
        if end - start >= 84 and min(size) > 0:
            return size
    return None


def _avif_size(data: bytes) -> tuple[int, int] | None:
    """The largest spatial extent: a grid lists its tiles too, and a picture its alpha plane."""
    extents = (match.end() + 4 for match in re.finditer(b"ispe", data[:8_192]))
    sizes = [
        (int.from_bytes(data[at : at + 4]), int.from_bytes(data[at + 4 : at + 8])) for at in extents
    ]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _mp4_is_cut(data: bytes) -> bool:
    complete_boxes = set()
    for kind, _, end in _boxes(data, 0, len(data)):
        if end <= len(data):
            complete_boxes.add(kind)
        elif kind.strip().isalnum():  # else it is no box, but something that follows the file
            return True
    return not (complete_boxes & {b"moov", b"moof", b"meta"} and b"mdat" in complete_boxes)


def _glb_is_cut(data: bytes) -> bool:
    return len(data) < 12 or int.from_bytes(data[8:12], "little") > len(data)


def _pdf_is_cut(data: bytes) -> bool:
    return b"%%EOF" not in data[-2_048:]


def _svg_is_cut(data: bytes) -> bool:
    if SVG_END.search(data):
        return False
    # A drawing without content ends in its one tag. Only the last one is looked at: a search from
    # every "<svg" of hostile bytes to the end would take quadratic time.
    tail = data.rstrip()
    return not EMPTY_SVG.fullmatch(tail[tail.lower().rfind(b"<svg") :])


SIZES: dict[str, Callable[[bytes], tuple[int, int] | None]] = {
    "image/jpeg": _jpeg_size,
    "image/png": _png_size,
    "image/gif": _gif_size,
    "image/webp": _webp_size,
    "image/avif": _avif_size,
    "video/mp4": _mp4_size,
    "video/quicktime": _mp4_size,
}
ENDINGS: dict[str, Callable[[bytes], bool]] = {
    "image/jpeg": _jpeg_is_cut,
    "image/jpg": _jpeg_is_cut,
    "image/png": _png_is_cut,
    "image/gif": _gif_is_cut,
    "image/webp": _riff_is_cut,
    "audio/wav": _riff_is_cut,
    "image/avif": _mp4_is_cut,
    "image/heic": _mp4_is_cut,
    "image/svg+xml": _svg_is_cut,
    "video/mp4": _mp4_is_cut,
    "video/quicktime": _mp4_is_cut,
    "audio/mp4": _mp4_is_cut,
    "model/gltf-binary": _glb_is_cut,
    "application/pdf": _pdf_is_cut,
}
