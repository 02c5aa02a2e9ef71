"""Answer POST /v1/audio/speech and POST /v1/audio/transcriptions.

Every sound is WAV, whatever format was asked for, but pcm. Its transcription gives the text back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...media.sniff import sniff
from ..gateway.cache import IMMUTABLE
from ..gateway.checks import (
    boolean,
    checked_body,
    either,
    matching,
    number,
    one_of,
    safety,
    string,
    text,
)
from ..gateway.errors import GatewayError, validation_error
from ..gateway.keys import authenticate, check_may_use
from ..gateway.models import Model, model_called
from ..gateway.multipart import parts_by_name
from ..media.wav import RATE_HZ, pcm_in, samples, text_in, wav
from ..scripts import Answer
from ..server.response import TEXT, Reply, json_reply

if TYPE_CHECKING:
    from ..exchange import Exchange

DEFAULT_SPEAKER = "elevenlabs"
DEFAULT_LISTENER = "whisper-large-v3"
MAX_CHARS = 10_000
COMPRESSED_BYTES_PER_S = 16_000
MAX_FILE_BYTES = 25 * 1024 * 1024
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
# Any text of such a length is passed on to ElevenLabs as the id of a voice.
VOICE_ID = matching("[A-Za-z0-9]{20}", "Invalid voice")
SPEECH = {
    "model": string,
    "voice": string,
    "response_format": string,
    "speed": number(0.25, 4),
    "duration": number(3, 300),
    "instrumental": boolean,
    "safe": safety,
}
TRANSCRIPTS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
# What a model can give: none of these renders subtitles, and Whisper is not asked who speaks.
FORMATS_OF = {"openai/whisper-1": ("json", "text", "verbose_json")}
FORMATS_OF_OTHERS = ("json", "text", "verbose_json", "diarized_json")


def speech(exchange: Exchange) -> Reply:
    """A text spoken: tones whose samples carry the text."""
    rules = authenticate(exchange)
    body = exchange.received.json
    checked_body(body, {"input": text(MAX_CHARS)}, SPEECH)
    model_name = body.get("model") or DEFAULT_SPEAKER
    model = model_called("today", "audio", model_name, makes="audio")
    # Music and effects have no voices, and come as mp3 alone.
    model_fields = {"response_format": one_of("mp3")}
    if model.voices:
        voice = either(VOICE_ID, one_of(*model.voices))
        model_fields = {"response_format": one_of(*FORMATS), "voice": voice}
    checked_body(body, {}, model_fields)
    check_may_use(rules, model, model_name, exchange.era)
    exchange.state.generations += 1
    pcm = samples(body["input"], body.get("voice", "alloy"), body.get("speed", 1.0))
    headers = {
        "cache-control": IMMUTABLE,
        **exchange.model_headers(model, model_name),
        "x-usage-completion-audio-tokens": str(len(body["input"])),
    }
    if body.get("response_format") == "pcm":
        return Reply(pcm, content_type="audio/pcm", headers=headers)
    return Reply(wav(pcm), content_type="audio/wav", headers=headers)


def transcribe(exchange: Exchange) -> Reply:
    """What is said in a sound; of a sound that the emulator did not make, how long it is."""
    rules = authenticate(exchange)
    parts = parts_by_name(exchange.received)
    if "file" not in parts or parts["file"].file_name is None:
        raise validation_error({"file": ["Invalid input: expected file, received undefined"]})
    fields = {"model": DEFAULT_LISTENER, "response_format": "json"}
    fields |= {name: part.text for name, part in parts.items()}
    checked_body(fields, {}, {"response_format": one_of(*TRANSCRIPTS)})
    model_name, form_of_answer = fields["model"], fields["response_format"]
    model = model_called("today", "audio", model_name, makes="text")
    _check_format(model, form_of_answer, fields)
    check_may_use(rules, model, model_name, exchange.era)
    sound = parts["file"].data
    if len(sound) > MAX_FILE_BYTES:
        raise GatewayError(413, "The file is larger than 25 MB.")
    kind = sniff(sound) or ""
    if not kind.startswith("audio/") and kind not in ("video/mp4", "video/webm"):
        raise GatewayError(400, "Invalid file format. Supported: mp3, mp4, m4a, wav, webm.")
    exchange.state.generations += 1
    words = _text_of_sound(sound)
    if isinstance(exchange.scripted, Answer):
        words = exchange.scripted.text or ""
    headers = {
        **exchange.model_headers(model, model_name),
        "x-usage-prompt-audio-seconds": f"{_length_s(sound):.2f}",
    }
    if form_of_answer == "text":
        return Reply(words.encode(), content_type=TEXT, headers=headers)
    return json_reply(_transcript(words, _length_s(sound), form_of_answer), headers=headers)


def _check_format(model: Model, form_of_answer: str, fields: dict[str, str]) -> None:
    """Raise ``GatewayError`` 400 for a format that the model cannot fill."""
    formats = FORMATS_OF.get(model.name, FORMATS_OF_OTHERS)
    if form_of_answer not in formats:
        names = ", ".join(formats)
        raise GatewayError(400, f"{model.name} has no format '{form_of_answer}', but {names}.")
    if "speakers_expected" in fields and form_of_answer != "diarized_json":
        raise GatewayError(400, "speakers_expected needs response_format=diarized_json")


def _transcript(words: str, seconds: float, form_of_answer: str) -> dict[str, Any]:
    """The words with their times, or with one speaker, where that is asked for."""
    span = {"start": 0, "end": seconds, "text": words}
    more: dict[str, dict[str, Any]] = {
        "verbose_json": {"language": "unknown", "words": [], "segments": [{"id": 0, **span}]},
        "diarized_json": {
            "segments": [
                {"type": "transcript.text.segment", "id": "seg_001", **span, "speaker": "A"}
            ],
            "usage": {"type": "duration", "seconds": seconds},
        },
    }
    if form_of_answer not in more:
        return {"text": words}
    return {"text": words, "task": "transcribe", "duration": seconds, **more[form_of_answer]}


def _length_s(sound: bytes) -> float:
    pcm = pcm_in(sound)
    if pcm is None:
        return len(sound) / COMPRESSED_BYTES_PER_S
    return len(pcm) / 2 / RATE_HZ


def _text_of_sound(sound: bytes) -> str:
    pcm = pcm_in(sound)
    if pcm is None:
        return f"A sound of {len(sound)} bytes."
    words = text_in(pcm)
    return words or f"A sound of {_length_s(sound):.1f} seconds."
