"""The emulator's audio routes: as strict as the gateway, and deterministic."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pollinations_client.emulator import Emulator
from pollinations_client.emulator.media.wav import samples, wav

SPEECH, TRANSCRIPTIONS = "/v1/audio/speech", "/v1/audio/transcriptions"


def spoken(gateway: Emulator, **body: Any) -> httpx.Response:
    """The answer to a speech request."""
    return httpx.post(gateway.url + SPEECH, json=body)


def test_the_same_words_are_the_same_sound(gateway: Emulator) -> None:
    """Another voice or speed is another one."""
    first, again = (spoken(gateway, input="Bees dance.").content for _ in range(2))
    assert first == again
    assert first != spoken(gateway, input="Bees dance.", voice="rachel").content
    assert len(spoken(gateway, input="Bees dance.", speed=2).content) < len(first)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": "a" * 10_001}, "input"),
        ({"input": "a", "voice": "nobody"}, "voice"),
        ({"input": "a", "safe": ["privacy"]}, "safe"),
        ({"input": "a", "response_format": "ogg"}, "response_format"),
        ({"input": "a", "model": "elevenmusic", "response_format": "wav"}, "response_format"),
        ({"input": "a", "speed": 5}, "speed"),
        ({"input": "a", "duration": 2}, "duration"),
    ],
)
def test_speech_refuses_what_the_gateway_refuses(
    gateway: Emulator, body: dict[str, Any], field: str
) -> None:
    """With the field's name."""
    answer = spoken(gateway, **body)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]["fieldErrors"]) == [field]


def test_a_voice_of_ones_own_is_named_by_its_id(gateway: Emulator) -> None:
    """As ElevenLabs writes them."""
    assert spoken(gateway, input="a", voice="JBFqnCBsd6RMkjVDRZzb").status_code == 200


@pytest.mark.parametrize("model", ["whisper", "flux", "nobody"])
def test_only_models_that_make_sound_speak(gateway: Emulator, model: str) -> None:
    """The refusal lists those that do."""
    answer = spoken(gateway, input="a", model=model)
    assert answer.status_code == 400
    assert "elevenlabs/eleven-v3" in answer.json()["error"]["message"]


@pytest.mark.parametrize("size", [25 * 1024 * 1024, 25 * 1024 * 1024 + 1])
def test_transcriptions_take_25_mib(gateway: Emulator, size: int) -> None:
    """And not a byte more."""
    sound = wav(samples("hello"))
    file = ("a.wav", sound + bytes(size - len(sound)), "audio/wav")
    answer = httpx.post(gateway.url + TRANSCRIPTIONS, files={"file": file}, timeout=60)
    assert answer.status_code == (200 if size == 25 * 1024 * 1024 else 413)


@pytest.mark.parametrize(
    "request_",
    [
        {"json": {"file": "a"}},
        {"files": {"sound": ("a.wav", wav(b""), "audio/wav")}},
        {"files": {"file": ("a.wav", b"no sound", "audio/wav")}},
        {"files": {"file": ("a.wav", wav(b""))}, "data": {"response_format": "xml"}},
        {"files": {"file": ("a.wav", wav(b""))}, "data": {"model": "elevenlabs"}},
        {
            "content": b"--b\r\n\r\nhalf",
            "headers": {"content-type": "multipart/form-data; boundary=b"},
        },
    ],
)
def test_transcriptions_refuse_what_is_no_form_with_a_sound(
    gateway: Emulator, request_: dict[str, Any]
) -> None:
    """Another body, another field, other bytes, another format, a model that only speaks."""
    assert httpx.post(gateway.url + TRANSCRIPTIONS, **request_).status_code == 400


def test_a_sound_from_elsewhere_is_measured(gateway: Emulator) -> None:
    """The emulator hears no words but its own."""
    files = {"file": ("a.wav", wav(bytes(48000)), "audio/wav")}
    answer = httpx.post(gateway.url + TRANSCRIPTIONS, files=files, data={"response_format": "text"})
    assert answer.text == "A sound of 1.0 seconds."


def test_models_that_hear_are_listed_as_such(gateway: Emulator) -> None:
    """What they take and make tells them from those that speak."""
    cards = {card["name"]: card for card in httpx.get(gateway.url + "/audio/models").json()}
    assert cards["openai/whisper-large-v3"]["input_modalities"] == ["audio"]
    assert cards["openai/whisper-large-v3"]["output_modalities"] == ["text"]
    assert "rachel" in cards["elevenlabs/eleven-v3"]["voices"]
