"""Measure pictures, films and sounds: pixels, seconds, and whether the end is missing.

Pure, and never a guess: the numbers are those that the bytes state. A cut connection leaves half a
file, and the gateway may store it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .sniff import plain_type, sniff

__all__ = ["duration_s", "looks_cut", "riff_size", "size_px"]

SVG_END = re.compile(rb"</svg\s*>", re.IGNORECASE)
EMPTY_SVG = re.compile(rb"<svg\b[^>]*/>", re.IGNORECASE)
# What ends a run of picture data in a JPEG: not a stuffed zero, a restart marker or a fill byte.
JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_START_OF_SCAN, JPEG_END = 0xDA, 0xD9
# Markers without a segment behind them.
JPEG_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
# A sound that was streamed does not know its length and says so with one of the largest numbers.
UNKNOWN_LENGTH = 0x7FFF_0000


def size_px(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as stored, or ``None`` where the bytes do not say.

    Reads jpeg, png, gif, webp, avif and the first track of mp4 with a picture.
    """
    read_size = SIZES.get(sniff(data) or "", _no_size)
    size = read_size(data)
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
        units_start, length_bytes = start + 12, 4
        if data[start] == 1:
            units_start, length_bytes = start + 20, 8
        length_start = units_start + 4
        length_end = length_start + length_bytes
        units = int.from_bytes(data[units_start:length_start])
        if length_end <= end and units:
            return round(int.from_bytes(data[length_start:length_end]) / units, 3)
    return None


def looks_cut(data: bytes, mime_type: str | None = None) -> bool:
    """Whether the end of ``data`` is missing: no end marker, or a part that is longer than what is
    there.

    Nothing at all is always cut. ``False`` for formats that do not show their end (mp3, aac, flac,
    ogg, webm), and for bytes that follow a complete file.
    """
    if not data:
        return True
    mime_type = plain_type(mime_type or sniff(data) or "")
    check = ENDINGS.get(mime_type)
    return check is not None and check(data)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment of a JPEG; the end marker is the last, unless the file
    is cut.
    """
    offset = 2
    while match := JPEG_MARKER.search(data, offset):
        marker, start = data[match.start() + 1], match.end()
        end = start
        if marker not in JPEG_ALONE and marker != JPEG_END:
            end += int.from_bytes(data[start : start + 2])
        yield marker, start, end
        if marker == JPEG_END or end > len(data) or (end < start + 2 and marker not in JPEG_ALONE):
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


def _gif_colours(data: bytes, flags_index: int) -> int:
    """The length in bytes of the colour table that the flags at ``flags_index`` announce."""
    flags = int.from_bytes(data[flags_index : flags_index + 1])
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


def riff_size(head: bytes) -> int | None:
    """How many bytes a WAV or WebP file says it has, by its first ones; ``None`` if it does not."""
    declared = int.from_bytes(head[4:8], "little")
    if declared >= UNKNOWN_LENGTH:
        return None
    return declared + 8  # the first eight bytes do not count themselves


def _riff_is_cut(data: bytes) -> bool:
    size = riff_size(data)
    return len(data) < 12 or (size is not None and size > len(data))


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
    outermost, *inner_kinds = path
    for kind, content_start, end in _boxes(data, start, stop):
        if kind != outermost or end > stop:
            continue
        if inner_kinds:
            yield from _boxes_at(data, tuple(inner_kinds), content_start, end)
        else:
            yield content_start, end


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
    starts = (match.end() + 4 for match in re.finditer(b"ispe", data[:8_192]))
    extents = (data[start : start + 8] for start in starts)
    sizes = [(int.from_bytes(extent[:4]), int.from_bytes(extent[4:])) for extent in extents]
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
