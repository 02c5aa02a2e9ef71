"""Write a short MP4 video of drawn JPEG frames, with a hum when sound is asked for.

The boxes are those of ISO/IEC 14496-12; the video track holds Motion JPEG (sample entry ``jpeg``),
the sound track 16 bit PCM (sample entry ``sowt``).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from functools import lru_cache

from .pictures import PictureSpec, draw
from .wav import RATE_HZ, tone

FRAMES_PER_S = 4
DRAWN_FRAMES = 8
TIMESCALE = 1000
# ISO/IEC 14496-12, 8.2.2: the unity matrix, fixed point with 16 bits and its last row with 30.
MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


@dataclass(frozen=True)
class Track:
    """One track: its samples and how long each lasts in its own timescale."""

    kind: str
    entry: bytes
    sizes: list[int]
    timescale: int
    sample_ticks: int
    offset: int
    width: int = 0
    height: int = 0
    uniform: int = 0
    count: int = 0


def box(kind: bytes, *parts: bytes) -> bytes:
    """One box: length, kind, content."""
    content = b"".join(parts)
    return struct.pack(">I", len(content) + 8) + kind + content


def full_box(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    """One box with version 0 and flags."""
    return box(kind, struct.pack(">I", flags), *parts)


@lru_cache(maxsize=16)
def video(spec: PictureSpec, seconds: int, *, sound: bool = False) -> bytes:
    """The video as MP4: four frames a second, the drawing drifting as it goes on."""
    count = max(1, seconds * FRAMES_PER_S)
    # A few drawings, each shown for a while: two minutes have 480 frames.
    drawings = [
        _frame(replace(spec, transparent=False, phase=at / DRAWN_FRAMES))
        for at in range(min(DRAWN_FRAMES, count))
    ]
    frames = [drawings[at * len(drawings) // count] for at in range(count)]
    hum = tone(180 + 4 * (sum(spec.prompt.encode()) % 40), 1.0) * seconds * sound
    # The samples stand before the table that lists them, so that their offsets are known at once.
    head = box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2mp41")
    picture = Track(
        "vide",
        _picture_entry(spec),
        [len(frame) for frame in frames],
        TIMESCALE,
        TIMESCALE // FRAMES_PER_S,
        len(head) + 8,
        spec.width,
        spec.height,
        count=count,
    )
    tracks = [picture]
    if hum:
        start = len(head) + 8 + sum(picture.sizes)
        tracks.append(
            Track("soun", _sound_entry(), [], RATE_HZ, 1, start, uniform=2, count=len(hum) // 2)
        )
    note = box(b"udta", box(b"\xa9cmt", _note_text("Emulated: no model made this video.")))
    moov = box(
        b"moov",
        _movie_header(seconds * TIMESCALE, len(tracks)),
        *(_track_box(track, number) for number, track in enumerate(tracks, 1)),
        note,
    )
    return head + box(b"mdat", *frames, hum) + moov


def _frame(spec: PictureSpec) -> bytes:
    out = io.BytesIO()
    draw(spec).save(out, "JPEG", quality=72)
    return out.getvalue()


def _note_text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">HH", len(data), 0x55C4) + data


def _picture_entry(spec: PictureSpec) -> bytes:
    name = b"Photo - JPEG"
    return box(
        b"jpeg",
        struct.pack(">6xH16xHHII4xH", 1, spec.width, spec.height, 0x480000, 0x480000, 1),
        bytes([len(name)]) + name.ljust(31, b"\0"),
        struct.pack(">Hh", 24, -1),
    )


def _sound_entry() -> bytes:
    return box(b"sowt", struct.pack(">6xH8xHHHHI", 1, 1, 16, 0, 0, RATE_HZ << 16))


def _movie_header(ticks: int, tracks: int) -> bytes:
    fixed = struct.pack(">IIIIIH10x", 0, 0, TIMESCALE, ticks, 0x10000, 0x100)
    return full_box(b"mvhd", fixed, MATRIX, bytes(24), struct.pack(">I", tracks + 1))


def _track_box(track: Track, number: int) -> bytes:
    ticks = track.count * track.sample_ticks
    length = ticks * TIMESCALE // track.timescale
    volume = {"soun": 0x100}.get(track.kind, 0)
    header = full_box(
        b"tkhd",
        struct.pack(">IIIII8xHHHH", 0, 0, number, 0, length, 0, 0, volume, 0),
        MATRIX,
        struct.pack(">II", track.width << 16, track.height << 16),
        flags=3,
    )
    media = full_box(b"mdhd", struct.pack(">IIIIHH", 0, 0, track.timescale, ticks, 0x55C4, 0))
    handler = full_box(b"hdlr", b"\0\0\0\0", track.kind.encode(), bytes(12), b"emulated\0")
    return box(b"trak", header, box(b"mdia", media, handler, _media_information(track)))


def _media_information(track: Track) -> bytes:
    """Where the samples lie and how long they last."""
    if track.kind == "vide":
        header = full_box(b"vmhd", bytes(8), flags=1)
    else:
        header = full_box(b"smhd", bytes(4))
    where = box(b"dinf", full_box(b"dref", struct.pack(">I", 1), full_box(b"url ", flags=1)))
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), track.entry),
        full_box(b"stts", struct.pack(">III", 1, track.count, track.sample_ticks)),
        full_box(b"stsc", struct.pack(">IIII", 1, 1, track.count, 1)),
        full_box(
            b"stsz",
            struct.pack(">II", track.uniform, track.count),
            *(struct.pack(">I", size) for size in track.sizes),
        ),
        full_box(b"stco", struct.pack(">II", 1, track.offset)),
    )
    return box(b"minf", header, where, table)
