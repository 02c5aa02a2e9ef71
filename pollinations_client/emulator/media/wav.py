"""Make short sounds for models that speak, and read the words back from their samples.

A sound is a tone for every word. The lowest bit of each sample carries one bit of the text, too
quiet to hear, so that the transcription of an emulated sound gives the very words, also after it
was written to another WAV file.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
import wave
from array import array
from typing import Any

RATE_HZ = 24000
SECONDS_PER_CHAR = 0.06  # about the pace of speech
MIN_SECONDS = 0.3
LOUDNESS = 6000  # of 32767
MARK = b"POLN"  # tells a sound of ours, whose lowest bits are text, from any other
LENGTH_BYTES = 4
HEADER_BITS = 8 * (len(MARK) + LENGTH_BYTES)


def samples(text: str, voice: str = "alloy", speed: float = 1.0) -> bytes:
    """The text as PCM, 16 bit mono little-endian: deterministic of text, voice and speed."""
    base_hz = 160 + sum(voice.encode()) % 80
    sound = bytearray()
    for word in text.split() or [text]:
        seconds = max(len(word) + 1, MIN_SECONDS / SECONDS_PER_CHAR / 2) * SECONDS_PER_CHAR
        sound += tone(base_hz + 4 * (sum(word.encode()) % 40), seconds / speed)
    # The bits need room: a letter of another script than Latin is up to 32 of them.
    missing = max(_bits_needed(text), int(MIN_SECONDS * RATE_HZ)) - len(sound) // 2
    sound += tone(base_hz, max(missing, 0) / RATE_HZ)
    return _with_text_hidden(sound, text)


def tone(pitch_hz: int, seconds: float) -> bytes:
    """A sine as PCM."""
    # A whole number of samples a cycle, so that one sine is computed and then repeated as bytes.
    length = RATE_HZ // pitch_hz
    cycle = array(
        "h", [int(LOUDNESS * math.sin(2 * math.pi * at / length)) for at in range(length)]
    )
    count = round(seconds * RATE_HZ)
    return (cycle.tobytes() * (count // length + 1))[: 2 * count]


def _bits_needed(text: str) -> int:
    return HEADER_BITS + 8 * len(text.encode())


def _with_text_hidden(sound: bytearray, text: str) -> bytes:
    data = text.encode()
    bits = int.from_bytes(MARK + len(data).to_bytes(LENGTH_BYTES) + data)
    count = _bits_needed(text)
    # Samples are little-endian: the lowest bit of each is in its first byte.
    for at, bit in enumerate(f"{bits:0{count}b}"):
        sound[2 * at] = sound[2 * at] & 0xFE | int(bit)
    return bytes(sound)


def text_in(pcm: bytes) -> str | None:
    """The words in the samples of an emulated sound; None in any other sound."""
    header = _bytes_in(pcm, 0, HEADER_BITS)
    if header[: len(MARK)] != MARK:
        return None
    length = int.from_bytes(header[len(MARK) :])
    return _bytes_in(pcm, HEADER_BITS, 8 * length).decode(errors="replace")


def _bytes_in(pcm: bytes, start: int, count: int) -> bytes:
    bits = "".join(str(byte & 1) for byte in pcm[2 * start : 2 * (start + count) : 2])
    return int(bits or "0", 2).to_bytes(-(-len(bits) // 8) or 1)


def wav(pcm: bytes) -> bytes:
    """PCM in a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(pcm)
    return out.getvalue()


def pcm_in(data: bytes) -> bytes | None:
    """The samples of a WAV file; None of anything else."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            frames: bytes = file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        return None
    return frames


def audio_of_message(text: str, form: str) -> dict[str, Any]:
    """The ``audio`` of a message, with the words as transcript. All but pcm16 is a WAV file."""
    pcm = samples(text)
    data = pcm if form == "pcm16" else wav(pcm)
    name = "audio_" + hashlib.sha256(text.encode()).hexdigest()[:16]
    return {
        "id": name,
        "data": base64.b64encode(data).decode(),
        "transcript": text,
        "expires_at": 1893456000,
    }
