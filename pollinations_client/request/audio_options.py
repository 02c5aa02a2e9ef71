"""The options of ``POST /v1/audio/speech`` and ``/v1/audio/transcriptions``, checked here.

Source: the fuller OpenAPI file of API 0.3.0 (schema CreateSpeechRequest), whose gateway may not
have the routes yet, and the gateway of autumn 2026.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import Field

from ..catalog.catalog import Catalog
from ..catalog.model_card import ModelCard
from ..errors import InvalidRequestError
from .validation import Options, drop_none, within

__all__ = ["SpeechOptions", "TranscriptionOptions"]

DEFAULT_SPEECH_MODEL = "elevenlabs"
DEFAULT_TRANSCRIPTION_MODEL = "whisper-large-v3"
# Of CreateSpeechRequest today; until summer 2026 it was 4,096, and the gateway decides.
MAX_SPEECH_CHARS = 10_000
# The gateway passes on ids of voices that one has made or bought (ElevenLabs, Fish Audio), which
# are no names: long, with digits or capitals.
VOICE_ID = re.compile(r"(?=.*[0-9A-Z])[A-Za-z0-9_-]{16,}")
SPEECH_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
AS_GIVEN = ("speed", "instructions", "duration", "instrumental", "seed")
# What a user may call a format, or a file's ending.
FORMAT_NAMES = {"mpeg": "mp3", "ogg": "opus", "pcm16": "pcm", "wave": "wav"}


class SpeechOptions(Options):
    """Every option of :meth:`~pollinations_client.PollinationsClient.speech`. ``None`` is not sent.

    Examples:
        >>> SpeechOptions.checked({"voice": "rachel"}).set_fields()
        {'voice': 'rachel'}
    """

    model: Annotated[str, Field(min_length=1)] | None = None
    """Any model that speaks or makes music; ``elevenlabs`` by default."""
    voice: Annotated[str, Field(min_length=1)] | None = None
    """One of the model's voices, or the id of a voice of one's own; ``alloy`` by default."""
    format: str | None = None
    """``mp3``, ``opus``, ``aac``, ``flac``, ``wav`` or ``pcm``; by the ending of the file that is
    written, else ``mp3``.
    """
    speed: Annotated[float, within(0.25, 4)] | None = None
    """0.25 to 4; 1 by default."""
    instructions: str | None = None
    """How to speak, for models that heed it (today's gateway)."""
    duration: Annotated[float, within(0.5, 300, "seconds")] | None = None
    """Seconds of music or of a sound effect; each model has its own bounds."""
    instrumental: bool | None = None
    """Music without a voice."""
    seed: Annotated[int, within(0, 2**32 - 1)] | None = None
    """The same request with the same seed is answered with the same sound (today's gateway)."""
    extra_body: dict[str, Any] | None = None
    """Fields that are not listed here, merged into the request as they are."""

    def body_for(self, text: Any, catalog: Catalog, path: Any = None) -> dict[str, Any]:
        """The body of the request.

        Raises :class:`InvalidRequestError` for a text, a voice, a format or a model that cannot
        work.
        """
        model = self.model or DEFAULT_SPEECH_MODEL
        card = catalog.get(model, "audio") or catalog.get(model)
        body: dict[str, Any] = {"model": model, "input": _checked_text(text)}
        _check_direction(card, model, "audio", "makes no sound")
        if self.voice is not None:
            body["voice"] = _checked_voice(self.voice, model, card)
        sound_format = self.format
        if sound_format is None:
            sound_format = _format_of(path)
        if sound_format is not None:
            body["response_format"] = _checked_format(
                sound_format, model, is_mp3_only=catalog.has_trait(model, "mp3_only")
            )
        sent = {name: getattr(self, name) for name in AS_GIVEN}
        return {**(self.extra_body or {}), **body, **drop_none(sent)}


class TranscriptionOptions(Options):
    """Options of :meth:`~pollinations_client.PollinationsClient.transcribe`. ``None`` is not sent.

    Examples:
        >>> TranscriptionOptions.checked({"language": "en"}).set_fields()
        {'language': 'en'}
    """

    model: Annotated[str, Field(min_length=1)] | None = None
    """Any model that reads sound; ``whisper-large-v3`` by default."""
    language: str | None = None
    """The language spoken, as an ISO-639-1 code such as ``en``; found out by default."""
    prompt: str | None = None
    """Words that may be said, or what came before, for models that heed it."""
    temperature: Annotated[float, within(0, 1)] | None = None
    """0 to 1; lower is steadier."""
    format: Literal["text", "srt", "vtt", "verbose_json", "diarized_json"] | None = None
    """``text`` by default. Of today's gateway, and not of every model: ``srt`` and ``vtt`` are
    subtitles; ``verbose_json``, with the times of words, and ``diarized_json``, with who speaks,
    are the gateway's JSON.
    """
    speakers: Annotated[int, within(1, unit="speakers")] | None = None
    """How many speak, as a hint for ``diarized_json``."""

    def fields_for(self, catalog: Catalog) -> dict[str, str]:
        """The fields of the form besides the file."""
        model = self.model or DEFAULT_TRANSCRIPTION_MODEL
        card = catalog.get(model, "audio") or catalog.get(model)
        _check_direction(card, model, "text", "transcribes no sound")
        fields = {"model": model}
        if self.language is not None:
            fields["language"] = _checked_language(self.language)
        if self.prompt is not None:
            fields["prompt"] = self.prompt
        if self.temperature is not None:
            fields["temperature"] = f"{self.temperature:g}"
        if self.format not in (None, "text"):
            fields["response_format"] = str(self.format)
        if self.speakers is not None:
            # Beside another format it is a 400.
            if self.format != "diarized_json":
                raise InvalidRequestError(
                    "speakers: They are told apart in format='diarized_json' only."
                    f" Given: {self.format!r}.",
                    param="speakers",
                )
            fields["speakers_expected"] = str(self.speakers)
        return fields


def _checked_text(text: Any) -> str:
    if not isinstance(text, str):
        raise InvalidRequestError(
            f"text: Words to speak are needed. Given: {type(text).__name__}.", param="text"
        )
    if not text.strip():
        raise InvalidRequestError(
            "text: Words to speak are needed. Given: an empty text.", param="text"
        )
    if len(text) > MAX_SPEECH_CHARS:
        raise InvalidRequestError(
            f"text: The gateway speaks at most {MAX_SPEECH_CHARS} characters a call, and there are"
            f" {len(text)}. Split the text.",
            param="text",
        )
    return text


def _check_direction(card: ModelCard | None, model: str, output: str, fault: str) -> None:
    if card is not None and card.output_modalities and output not in card.output_modalities:
        raise InvalidRequestError(f"model: {model} {fault}.", param="model")


def _checked_voice(voice: str, model: str, card: ModelCard | None) -> str:
    """``voice``, where the model has it, its voices are not known, or it is the id of one."""
    if card is None or not card.voices or voice in card.voices or VOICE_ID.fullmatch(voice):
        return voice
    names = f"It has {', '.join(card.voices)}."
    # "Rachel" and "rachael": a lower cutoff than difflib's own, for names are short.
    if near := difflib.get_close_matches(voice.strip().lower(), card.voices, n=3, cutoff=0.5):
        names = f"Nearest: {', '.join(near)}."
    raise InvalidRequestError(f"voice: {model} has no voice {voice!r}. {names}", param="voice")


def _format_of(path: str | os.PathLike[str] | None) -> str | None:
    """The format that a file's ending names, if it names one."""
    if path is None:
        return None
    ending = PurePath(path).suffix.lower().removeprefix(".")
    name = FORMAT_NAMES.get(ending, ending)
    if name in SPEECH_FORMATS:
        return name
    return None


def _checked_format(sound_format: str, model: str, *, is_mp3_only: bool) -> str:
    name = FORMAT_NAMES.get(sound_format, sound_format)
    formats: tuple[str, ...] = SPEECH_FORMATS
    if is_mp3_only:
        formats = ("mp3",)
    if name in formats:
        return name
    hint = ""
    if near := difflib.get_close_matches(sound_format.lower(), formats, n=1):
        hint = f" Did you mean {near[0]!r}?"
    raise InvalidRequestError(
        f"format: {model} gives {', '.join(formats)}. Given: {sound_format!r}.{hint}",
        param="format",
    )


def _checked_language(language: str) -> str:
    code = language.strip().lower()
    primary_tag = code.replace("_", "-").partition("-")[0]
    if not (primary_tag.isascii() and primary_tag.isalpha() and len(primary_tag) in {2, 3}):
        raise InvalidRequestError(
            f"language: An ISO-639-1 code such as 'en' is needed. Given: {language!r}.",
            param="language",
        )
    return code
