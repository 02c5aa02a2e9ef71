"""POST /v1/audio/speech and POST /v1/audio/transcriptions.

Every sound is WAV, whatever format was asked for, but pcm. Its transcription gives the text back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...media.sniff import sniff
from ..gateway.cache import IMMUTABLE
from ..gateway.checks import boolean, checked, number, one_of, string, text
from ..gateway.errors import GatewayError, invalid
from ..gateway.keys import authenticate, permit
from ..gateway.models import model_called
from ..gateway.multipart import form
from ..media.wav import RATE_HZ, pcm_in, samples, text_in, wav
from ..scripts import Answer
from ..server.response import TEXT, Reply, json_reply

if TYPE_CHECKING:
    from ..exchange import Exchange

DEFAULT_SPEAKER = "elevenlabs"
DEFAULT_LISTENER = "whisper-large-v3"
MAX_CHARS = 4096
COMPRESSED_BYTES_PER_S = 16_000
MAX_FILE_BYTES = 25 * 1024 * 1024
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
SPEECH = {
    "model": string,
    "voice": string,
    "response_format": string,
    "speed": number(0.25, 4),
    "duration": number(3, 300),
    "instrumental": boolean,
}
TRANSCRIPTS = ("json", "text", "srt", "verbose_json", "vtt")


def speech(exchange: Exchange) -> Reply:
    """A text spoken: tones whose samples carry the text."""
    rules = authenticate(exchange)
    body = exchange.received.json
    asked = checked(body, {"input": text(MAX_CHARS)}, SPEECH).get("model") or DEFAULT_SPEAKER
    model = model_called("today", "audio", asked, makes="audio")
    # Music and effects have no voices, and come as mp3 alone.
    own = {"response_format": one_of("mp3")}
    if model.voices:
        own = {"response_format": one_of(*FORMATS), "voice": one_of(*model.voices)}
    checked(body, {}, own)
    permit(rules, model, asked, exchange.era)
    exchange.state.generations += 1
    pcm = samples(body["input"], body.get("voice", "alloy"), body.get("speed", 1.0))
    headers = {
        "cache-control": IMMUTABLE,
        "x-model-used": model.name,
        "x-model-requested": asked,
        "x-usage-completion-audio-tokens": str(len(body["input"])),
    }
    if body.get("response_format") == "pcm":
        return Reply(pcm, content_type="audio/pcm", headers=headers)
    return Reply(wav(pcm), content_type="audio/wav", headers=headers)


def transcribe(exchange: Exchange) -> Reply:
    """What is said in a sound; of a sound that the emulator did not make, how long it is."""
    rules = authenticate(exchange)
    parts = form(exchange.received)
    if "file" not in parts or parts["file"].file_name is None:
        raise invalid({"file": ["Invalid input: expected file, received undefined"]})
    fields = {"model": DEFAULT_LISTENER, "response_format": "json"}
    fields |= {name: part.text for name, part in parts.items()}
    checked(fields, {}, {"response_format": one_of(*TRANSCRIPTS)})
    asked, form_of_answer = fields["model"], fields["response_format"]
    model = model_called("today", "audio", asked, makes="text")
    permit(rules, model, asked, exchange.era)
    sound = parts["file"].data
    if len(sound) > MAX_FILE_BYTES:
        raise GatewayError(413, "The file is larger than 25 MB.")
    kind = sniff(sound) or ""
    if not kind.startswith("audio/") and kind not in ("video/mp4", "video/webm"):
        raise GatewayError(400, "Invalid file format. Supported: mp3, mp4, m4a, wav, webm.")
    exchange.state.generations += 1
    words = _words(sound)
    if isinstance(exchange.scripted, Answer):
        words = exchange.scripted.text or ""
    headers = {
        "x-model-used": model.name,
        "x-model-requested": asked,
        "x-usage-prompt-audio-seconds": f"{_seconds(sound):.2f}",
    }
    if form_of_answer == "text":
        return Reply(words.encode(), content_type=TEXT, headers=headers)
    return json_reply({"text": words}, headers=headers)


def _seconds(sound: bytes) -> float:
    pcm = pcm_in(sound)
    if pcm is None:
        return len(sound) / COMPRESSED_BYTES_PER_S
    return len(pcm) / 2 / RATE_HZ


def _words(sound: bytes) -> str:
    pcm = pcm_in(sound)
    if pcm is None:
        return f"A sound of {len(sound)} bytes."
    words = text_in(pcm)
    return words or f"A sound of {_seconds(sound):.1f} seconds."
