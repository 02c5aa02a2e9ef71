"""The voice tools: speak a text into a file, and transcribe a file of the operator's folder.

A model may name sounds inside that folder only. The bytes of a sound are in no prompt.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from ..catalog.catalog import Catalog
from ..errors import InvalidRequestError
from ..media.sniff import sniff
from ..media.sounds import sound_source
from ..request.audio_options import MAX_SPEECH_CHARS
from ..response.media_result import MediaResult
from .arguments import Arguments
from .media_tool import MediaAnswer

__all__ = [
    "SPEAK",
    "TRANSCRIBE",
    "SoundFolder",
    "TranscribeArguments",
    "speak_arguments",
    "spoken_answer",
    "transcript_answer",
]

SPEAK = (
    "Speak a text: it becomes a sound file. Use it when the user asks to say something aloud, to"
    " read something out, or for a voice message."
)
TRANSCRIBE = (
    "Write down what is said in a sound file of the sounds folder. Name the file as it was told."
)
MAX_LISTED_FILES = 20
HEAD_BYTES = 64
SOUND_ENDINGS = frozenset(
    {".aac", ".flac", ".m4a", ".mp3", ".mp4", ".mpeg", ".mpga", ".ogg", ".opus", ".wav", ".webm"}
)


class TranscribeArguments(Arguments):
    """Which sound to listen to."""

    path: str = Field(min_length=1, description="The sound file, such as hello.mp3.")
    language: str | None = Field(
        default=None, description="The language spoken, as a code such as en, where it is known."
    )


def speak_arguments(catalog: Catalog, model: str) -> type[BaseModel]:
    """The arguments of ``speak`` for a model: its voices, where its card lists them."""
    card = catalog.get(model, "audio")
    voice: Any = str
    if card is not None and card.voices:
        voice = Literal[card.voices]
    fields: dict[str, Any] = {
        "text": (
            str,
            Field(min_length=1, max_length=MAX_SPEECH_CHARS, description="The words to speak."),
        ),
        "voice": (
            voice | None,
            Field(default=None, description="Who speaks; leave it out for the usual voice."),
        ),
        "speed": (
            float | None,
            Field(default=None, ge=0.25, le=4, description="1 is the usual pace, 2 twice as fast."),
        ),
    }
    return create_model("Speak", __base__=Arguments, **fields)


class SoundFolder:
    """The folder of a tool's sounds: the operator's, else a temporary one made when needed."""

    def __init__(self) -> None:
        self._temporary: Path | None = None

    def path(self, save_dir: str | Path | None) -> Path:
        """The folder; ``save_dir`` is the operator's."""
        if save_dir is not None:
            return Path(save_dir).expanduser()
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="pollinations-sounds-"))
        return self._temporary

    def target(self, save_dir: str | Path | None) -> str:
        """Where ``speech()`` is to write: a folder, whatever its name looks like."""
        return f"{self.path(save_dir)}{os.sep}"

    def file(self, save_dir: str | Path | None, name: str) -> Path:
        """The sound that a model named, by a name within the folder or by its path.

        Raises :class:`InvalidRequestError` for everything that is not a sound inside the folder.
        """
        folder = self.path(save_dir)
        root = folder.resolve()
        # Links and ".." are followed before anything is decided, or a link in the folder would lead
        # to any file of the machine.
        for candidate in (root / name, Path(name)):
            file = _resolved_inside(candidate, root)
            if file is not None:
                return _checked_sound(file)
        names = ", ".join(_sounds_in(folder)) or "none"
        raise InvalidRequestError(
            f"path: no sound of that name is in the sounds folder. There: {names}.", param="path"
        )


def _resolved_inside(path: Path, root: Path) -> Path | None:
    """The file that ``path`` leads to; ``None`` where it is none, or lies outside of ``root``."""
    try:
        file = path.resolve()
        if file.is_relative_to(root) and file.is_file():
            return file
    except (OSError, ValueError, RuntimeError):  # a name that is none, a circle of links
        pass
    return None


def _checked_sound(file: Path) -> Path:
    """``file`` if it is a sound that can be sent; the refusal names the tool's own argument."""
    try:
        sound_source(file)
    except InvalidRequestError as error:
        refusal = InvalidRequestError(f"path: {error.message}", param="path")
    else:
        return file
    raise refusal


def _sounds_in(folder: Path) -> list[str]:
    """The names of sounds in the folder, links to files outside of it left out."""
    if not folder.is_dir():
        return []
    root = folder.resolve()
    names = sorted(
        file.name
        for file in folder.iterdir()
        if file.suffix.lower() in SOUND_ENDINGS and _resolved_inside(file, root)
    )
    # The list goes into a prompt, and a folder may hold thousands of files.
    if len(names) > MAX_LISTED_FILES:
        return [*names[:MAX_LISTED_FILES], f"and {len(names) - MAX_LISTED_FILES} more"]
    return names


def spoken_answer(path: Path, arguments: Mapping[str, Any], model: str) -> MediaAnswer:
    """The answer of ``speak`` for a file that was written."""
    with path.open("rb") as file:
        mime_type = sniff(file.read(HEAD_BYTES)) or "audio/pcm"
    facts = [f"model {model}", mime_type]
    if voice := arguments.get("voice"):
        facts.insert(0, f"voice {voice}")
    details = ", ".join(facts)
    result = MediaResult(mime_type=mime_type, path=str(path), prompt=arguments["text"], model=model)
    return MediaAnswer(
        f"Spoke {len(arguments['text'])} characters ({details}) into {path}.", result
    )


def transcript_answer(text: str) -> str:
    """The answer of ``transcribe``."""
    return text or "Nothing is said in this sound."
