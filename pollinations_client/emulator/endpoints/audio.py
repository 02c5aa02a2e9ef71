"""POST /v1/audio/speech and POST /v1/audio/transcriptions.

Every sound is WAV, whatever format was asked for, but pcm. Its transcription gives the text back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...media.sniff import sniff
from ..gateway.cache import IMMUTABLE
from ..gateway.checks import boolean, mapping, number, one_of, string
from ..gateway.errors import GatewayError, invalid
from ..gateway.keys import authenticate, permit
from ..gateway.models import Model, find, models
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
TRANSCRIPTS = ("json", "text", "srt", "verbose_json", "vtt")


def speech(exchange: Exchange) -> Reply:
    """A text spoken: tones whose samples carry the text."""
    rules = authenticate(exchange.state, exchange.received)
    body = exchange.received.json
    if complaint := mapping(body):
        raise invalid({}, [complaint])
    asked = body.get("model") or DEFAULT_SPEAKER
    model = _model(asked, "audio")
    errors = _speech_errors(body, model)
    if errors:
        raise invalid(errors)
    permit(rules, model, asked, exchange.state.era)
    exchange.state.generations += 1
    pcm = samples(body["input"], body.get("voice", "alloy"), body.get("speed", 1.0))
    is_pcm = body.get("response_format") == "pcm"
    return Reply(
        pcm if is_pcm else wav(pcm),
        content_type="audio/pcm" if is_pcm else "audio/wav",
        headers={
            "cache-control": IMMUTABLE,
            "x-model-used": model.name,
            "x-model-requested": asked,
            "x-usage-completion-audio-tokens": str(len(body["input"])),
        },
    )


def _speech_errors(body: dict[str, Any], model: Model) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    text = body.get("input")
    if not isinstance(text, str) or not 1 <= len(text) <= MAX_CHARS:
        errors["input"] = [f"Invalid input: expected string of 1 to {MAX_CHARS} characters"]
    checks = {
        "model": string,
        "voice": one_of(*model.voices) if model.voices else string,
        "response_format": one_of(*(FORMATS if model.voices else ("mp3",))),
        "speed": number(0.25, 4),
        "duration": number(3, 300),
        "instrumental": boolean,
    }
    return errors | {
        name: [complaint]
        for name, check in checks.items()
        if name in body and (complaint := check(body[name]))
    }


def transcribe(exchange: Exchange) -> Reply:
    """What is said in a sound; of a sound that the emulator did not make, how long it is."""
    rules = authenticate(exchange.state, exchange.received)
    parts = form(exchange.received)
    if "file" not in parts or parts["file"].file_name is None:
        raise invalid({"file": ["Invalid input: expected file, received undefined"]})
    asked = parts["model"].text if "model" in parts else DEFAULT_LISTENER
    model = _model(asked, "text")
    form_of_answer = parts["response_format"].text if "response_format" in parts else "json"
    if complaint := one_of(*TRANSCRIPTS)(form_of_answer):
        raise invalid({"response_format": [complaint]})
    permit(rules, model, asked, exchange.state.era)
    sound = parts["file"].data
    if len(sound) > MAX_FILE_BYTES:
        raise GatewayError(413, "The file is larger than 25 MB.")
    kind = sniff(sound) or ""
    if not kind.startswith("audio/") and kind not in ("video/mp4", "video/webm"):
        raise GatewayError(400, "Invalid file format. Supported: mp3, mp4, m4a, wav, webm.")
    exchange.state.generations += 1
    text = exchange.scripted.text if isinstance(exchange.scripted, Answer) else _words(sound)
    headers = {
        "x-model-used": model.name,
        "x-model-requested": asked,
        "x-usage-prompt-audio-seconds": f"{_seconds(sound):.2f}",
    }
    if form_of_answer == "text":
        return Reply((text or "").encode(), content_type=TEXT, headers=headers)
    return json_reply({"text": text or ""}, headers=headers)


def _seconds(sound: bytes) -> float:
    pcm = pcm_in(sound)
    return len(sound) / COMPRESSED_BYTES_PER_S if pcm is None else len(pcm) / 2 / RATE_HZ


def _words(sound: bytes) -> str:
    pcm = pcm_in(sound)
    if pcm is None:
        return f"A sound of {len(sound)} bytes."
    text = text_in(pcm)
    return f"A sound of {_seconds(sound):.1f} seconds." if text is None else text


def _model(asked: Any, output: str) -> Model:
    """The model of that name that makes sound, or text of it. Raises ``GatewayError`` 400."""
    if complaint := string(asked):
        raise invalid({"model": [complaint]})
    fitting = [one for one in models("today", "audio") if output in one.output_modalities]
    model = find("today", "audio", asked)
    if model not in fitting:
        names = ", ".join(one.name for one in fitting)
        raise GatewayError(400, f"Model '{asked}' was not found. Available audio models: {names}")
    return model
