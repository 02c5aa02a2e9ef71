"""Check sound that is to be sent, a file or bytes, before anything leaves the machine.

Only the first bytes of a file are read here; the transport reads the rest while it sends it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InvalidRequestError
from .files import read_regular_file
from .sniff import HEAD_BYTES, extension_for, sniff

__all__ = [
    "INPUT_AUDIO_FORMATS",
    "MAX_SOUND_BYTES",
    "SoundSource",
    "input_audio_format",
    "is_sound",
    "sound_source",
]

MAX_SOUND_BYTES = 25 * 1024 * 1024
# Containers that hold sound alone as well as video: the gateway takes both as sound.
SOUND_CONTAINERS = frozenset({"video/mp4", "video/webm", "video/quicktime"})
# Transcription services go by the file's ending, and do not know this one.
UPLOAD_EXTENSIONS = {"opus": "ogg", "weba": "webm", "mov": "mp4"}

# The values of ``input_audio.format`` in the gateway's schema, and other names of them.
INPUT_AUDIO_FORMATS = frozenset({"wav", "mp3", "flac", "opus", "pcm16"})
FORMAT_NAMES = {
    "mpeg": "mp3",
    "x-wav": "wav",
    "wave": "wav",
    "vnd.wave": "wav",
    "x-flac": "flac",
    "ogg": "opus",
    "pcm": "pcm16",
    "l16": "pcm16",
    "mp4": "m4a",
}


def input_audio_format(subtype: str) -> str:
    """The gateway's word for a sound's format, out of the second half of a media type.

    A format that the gateway does not know, one not in ``INPUT_AUDIO_FORMATS``, stays as it is.
    """
    name = subtype.lower()
    return FORMAT_NAMES.get(name, name)


@dataclass(frozen=True, slots=True)
class SoundSource:
    """Sound as bytes, or the path of a file of it; ``name`` is what the upload is called."""

    data: bytes | Path = field(repr=False)
    name: str
    mime_type: str
    size_bytes: int


def is_sound(mime_type: str | None) -> bool:
    """Whether bytes of this type can be listened to."""
    return mime_type is not None and (
        mime_type.startswith("audio/") or mime_type in SOUND_CONTAINERS
    )


def sound_source(path_or_bytes: str | os.PathLike[str] | bytes) -> SoundSource:
    """Look at sound to be sent.

    Raises :class:`InvalidRequestError` for a file that cannot be read, for nothing, for more than
    25 MiB, and for bytes that are no sound by their beginning, whatever their name.
    """
    if isinstance(path_or_bytes, (bytes, bytearray, memoryview)):
        data = bytes(path_or_bytes)
        return _checked(data, data[:HEAD_BYTES], len(data), "The sound", "sound")
    if not isinstance(path_or_bytes, (str, os.PathLike)):
        raise _refusal(f"A path or bytes are needed. Given: {type(path_or_bytes).__name__}")
    if str(path_or_bytes).startswith(("http://", "https://", "data:")):
        raise _refusal("A path or bytes are needed, no link. Load the sound first")
    path, head, size = read_regular_file(path_or_bytes, "The sound", _refusal, HEAD_BYTES)
    return _checked(path, head, size, f"The sound {path.name!r}", path.stem)


def _checked(data: bytes | Path, head: bytes, size: int, subject: str, stem: str) -> SoundSource:
    if size == 0:
        raise _refusal(f"{subject} is empty")
    if size > MAX_SOUND_BYTES:
        raise _refusal(
            f"{subject} has {size} bytes, and the gateway takes at most {MAX_SOUND_BYTES} (25 MiB)."
            " Cut it or compress it"
        )
    mime_type = sniff(head)
    if mime_type is None or not is_sound(mime_type):
        raise _refusal(
            f"{subject} is no sound by its content, but {mime_type or 'of an unknown kind'}."
            " mp3, wav, flac, ogg, m4a, mp4 and webm are taken"
        )
    extension = extension_for(mime_type)
    name = f"{stem}.{UPLOAD_EXTENSIONS.get(extension, extension)}"
    return SoundSource(data, name, mime_type, size)


def _refusal(sentence: str) -> InvalidRequestError:
    # The sentence names no parameter: a user of the command line or of a tool typed another.
    return InvalidRequestError(f"{sentence}.", param="path_or_bytes")
