"""A short real sound for models that speak."""

from __future__ import annotations

import base64
import hashlib
import io
import math
import struct
import wave
from typing import Any

RATE_HZ = 24000


def samples(text: str, seconds: float) -> bytes:
    """A soft hum whose pitch follows the text; 16 bit mono."""
    pitch = 180 + 4 * (sum(text.encode()) % 40)
    count = int(RATE_HZ * seconds)
    wave_at = (
        math.sin(2 * math.pi * pitch * at / RATE_HZ) * math.sin(math.pi * at / count)
        for at in range(count)
    )
    return b"".join(struct.pack("<h", int(6000 * height)) for height in wave_at)


def wav(pcm: bytes) -> bytes:
    """PCM in a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(pcm)
    return out.getvalue()


def spoken(text: str, form: str) -> dict[str, Any]:
    """The ``audio`` of a message: half a second of hum, the words as transcript.

    All but pcm16 is a WAV file.
    """
    pcm = samples(text, 0.5)
    data = pcm if form == "pcm16" else wav(pcm)
    name = "audio_" + hashlib.sha256(text.encode()).hexdigest()[:16]
    return {
        "id": name,
        "data": base64.b64encode(data).decode(),
        "transcript": text,
        "expires_at": 1893456000,
    }
