"""``speech()`` and ``transcribe()``: what goes out, what comes back, what is refused before."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import tracemalloc
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pollinations_client import (
    APIConnectionError,
    AsyncPollinationsClient,
    BadRequestError,
    InvalidRequestError,
    MalformedReply,
    NotFoundError,
    PaymentRequiredError,
    PollinationsClient,
    RateLimitError,
    SaveError,
    ServerError,
    UnknownModelError,
)
from pollinations_client.emulator import Answer, Body, Emulator, Fault
from pollinations_client.emulator.media.wav import samples, wav
from pollinations_client.request import endpoints
from support.rawserver import raw_server, response

KEY = "sk_demo_0123456789abcdef"
WORDS = "Bees dance, 庭 and 🌼."
MIB = 1024 * 1024
HEADS = {
    "wav": wav(samples("hello")),
    "mp3": b"ID3\x04" + bytes(200),
    "flac": b"fLaC" + bytes(200),
    "ogg": b"OggS" + bytes(20) + b"OpusHead" + bytes(100),
    "m4a": b"\0\0\0\x20ftypM4A " + bytes(100),
    "mp4": b"\0\0\0\x20ftypmp42" + bytes(100),
    "webm": b"\x1a\x45\xdf\xa3" + bytes(20) + b"webm" + bytes(100),
}
Call = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, gateway: Emulator) -> Call:
    """``call(method, ...)`` on both clients; ``url`` is another server, ``settings`` a client's."""

    def blocking(method: str, *args: Any, url: str = "", settings: Any = None, **more: Any) -> Any:
        with PollinationsClient(KEY, base_url=url or gateway.url, **(settings or {})) as client:
            return getattr(client, method)(*args, **more)

    def awaited(method: str, *args: Any, url: str = "", settings: Any = None, **more: Any) -> Any:
        async def run() -> Any:
            address = url or gateway.url
            async with AsyncPollinationsClient(KEY, base_url=address, **(settings or {})) as client:
                return await getattr(client, method)(*args, **more)

        return asyncio.run(run())

    return blocking if request.param == "sync" else awaited


def length_s(sound: bytes) -> float:
    """How long a WAV plays."""
    with wave.open(io.BytesIO(sound)) as file:
        return file.getnframes() / file.getframerate()


def test_speech_is_a_sound_whose_transcription_gives_the_text_back(call: Call) -> None:
    """As bytes, and as long as the words are."""
    sound = call("speech", WORDS)
    assert 0.5 < length_s(sound) < 3
    assert call("transcribe", sound) == WORDS
    assert length_s(call("speech", WORDS * 3)) > 2 * length_s(sound)


def test_speech_sends_what_was_given_and_the_model(call: Call, gateway: Emulator) -> None:
    """And nothing for what was left out."""
    call("speech", "hi")
    call("speech", "hi", "rachel", "wav", 1.5, model="tts-1")
    assert [request.json for request in gateway.requests] == [
        {"model": "elevenlabs", "input": "hi"},
        {
            "model": "tts-1",
            "input": "hi",
            "voice": "rachel",
            "response_format": "wav",
            "speed": 1.5,
        },
    ]


def test_speech_goes_to_a_file_while_it_comes(
    call: Call, gateway: Emulator, tmp_path: Path
) -> None:
    """The ending says the format; what is there is kept; a folder gets a name from the text."""
    paths = [call("speech", WORDS, path=tmp_path / "bees.wav") for _ in range(2)]
    paths.append(call("speech", "Hello world", path=str(tmp_path / "sounds")))
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        "bees.wav",
        "bees-2.wav",
        "sounds/Hello-world.wav",
    ]
    assert gateway.requests[0].json["response_format"] == "wav"
    assert "response_format" not in gateway.requests[2].json
    assert call("transcribe", paths[1]) == WORDS


def test_raw_samples_are_sound_too(call: Call, tmp_path: Path) -> None:
    """pcm has no signature to look at."""
    pcm = call("speech", "hi", format="pcm")
    assert pcm == samples("hi")
    assert call("speech", "hi", format="pcm", path=tmp_path).name == "hi.pcm"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Body(b"", content_type="audio/mpeg"), MalformedReply),
        (Body(b"<html>busy</html>", content_type="text/html"), MalformedReply),
        (Body(b"<html>busy</html>", content_type="audio/mpeg"), MalformedReply),
        (Body(b"%PDF-1.4 not sound", content_type="audio/mpeg"), MalformedReply),
        (Body(HEADS["wav"][:2000], content_type="audio/wav"), MalformedReply),
        (Body({"error": {"message": "no pollen"}, "status": 402}), PaymentRequiredError),
        (Fault("cut", after=3000), APIConnectionError),
        (Fault("status", times=4, status=500), ServerError),
    ],
)
def test_a_speech_that_fails_is_an_error_and_leaves_no_file(
    call: Call, gateway: Emulator, tmp_path: Path, answer: Any, kind: type[Exception]
) -> None:
    """Neither under the name nor beside it."""
    gateway.script(answer, answer)
    with pytest.raises(kind):
        call("speech", WORDS, path=tmp_path / "bees.wav")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(kind):
        call("speech", WORDS, settings={"max_retries": 0})


def test_a_path_that_cannot_be_written_costs_nothing(call: Call, gateway: Emulator) -> None:
    """It is found out before the request."""
    with pytest.raises(SaveError, match="Choose another path"):
        call("speech", "hi", path="/dev/null/bees.wav")
    assert gateway.requests == []


@pytest.mark.parametrize("fault", [Fault("reset"), Fault("status", status=504)])
@pytest.mark.parametrize("method", ["speech", "transcribe"])
def test_what_may_have_been_carried_out_is_not_repeated(
    call: Call, gateway: Emulator, method: str, fault: Fault
) -> None:
    """The gateway does not say that a repeat of these is billed once."""
    gateway.script(fault)
    with pytest.raises((APIConnectionError, ServerError)):
        call(method, HEADS["wav"] if method == "transcribe" else "hi")
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("as_file", [False, True])
def test_a_busy_gateway_is_asked_again(
    call: Call, gateway: Emulator, tmp_path: Path, as_file: bool
) -> None:
    """429 and 503 generate nothing; the file is read again from its beginning."""
    gateway.script(Fault("status", status=503))
    path = tmp_path / "hello.wav"
    path.write_bytes(HEADS["wav"])
    assert call("transcribe", path if as_file else HEADS["wav"]) == "hello"
    assert len(gateway.requests) == 2
    gateway.script(Fault("status", status=429))
    with pytest.raises(RateLimitError):
        call("speech", "hi", settings={"max_retries": 0}, path=path if as_file else None)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"text": "a" * 10_001}, r"^text: .* 10000 characters a call, and there are 10001"),
        ({"text": " \n"}, r"^text: Words to speak are needed\. Given: an empty text"),
        ({"text": None}, r"^text: .*NoneType"),
        ({"voice": "racel"}, r"^voice: elevenlabs has no voice 'racel'\. Nearest: rachel"),
        ({"voice": "zzz"}, r"^voice: .* It has alloy, echo"),
        ({"format": "wave2"}, r"^format: elevenlabs gives mp3.* Did you mean 'wav'\?"),
        ({"format": "wav", "model": "elevenmusic"}, r"^format: elevenmusic gives mp3\."),
        ({"format": "flac", "model": "lyria-3"}, r"^format: lyria-3 gives mp3\."),
        ({"format": "opus", "model": "sfx"}, r"^format: sfx gives mp3\."),
        ({"path": "song.wav", "model": "elevenmusic"}, r"^format: elevenmusic gives mp3\."),
        ({"speed": 0.2}, r"^speed: The gateway takes 0\.25 to 4\. Given: 0\.2"),
        ({"speed": float("nan")}, r"^speed: "),
        ({"model": "whisper"}, r"^model: whisper makes no sound"),
        ({"model": ""}, r"^model: "),
    ],
)
def test_a_speech_that_cannot_be_is_refused_before_sending(
    call: Call, gateway: Emulator, options: dict[str, Any], sentence: str
) -> None:
    """By name, with bounds or the nearest name."""
    with pytest.raises(InvalidRequestError, match=sentence) as caught:
        call("speech", **{"text": "hi", **options})
    assert caught.value.param is not None
    assert gateway.requests == []


@pytest.mark.parametrize("voice", ["JBFqnCBsd6RMkjVDRZzb", "0f2d7b1c9a384e55b6a7c8d9e0f1a2b3"])
def test_a_voice_may_be_named_by_its_id(call: Call, gateway: Emulator, voice: str) -> None:
    """One that somebody has made stands in no list; a long name that is none has no digits."""
    gateway.script(Body(HEADS["wav"], content_type="audio/wav"))
    call("speech", "hi", voice=voice)
    assert gateway.requests[0].json["voice"] == voice
    with pytest.raises(InvalidRequestError, match="has no voice"):
        call("speech", "hi", voice="somebody-without-a-number")


def test_a_long_text_is_spoken(call: Call, gateway: Emulator) -> None:
    """Ten thousand characters since summer 2026; a gateway that takes fewer says so."""
    gateway.script(Body(HEADS["wav"], content_type="audio/wav"))
    assert call("speech", "a" * 10_000) == HEADS["wav"]
    assert gateway.requests[0].json["input"] == "a" * 10_000


def test_music_has_a_length_and_a_seed(call: Call, gateway: Emulator) -> None:
    """And fields that nobody lists; a budget knows the length too."""
    asked = {"duration": 31.5, "instrumental": True, "seed": 7, "instructions": "softly"}
    call("speech", "rain", model="elevenmusic", **asked, extra_body={"loop": True})
    sent = gateway.requests[0].json
    assert {**asked, "loop": True}.items() <= sent.items()
    size = endpoints.speech({"input": "rain", "model": "elevenmusic", **asked}).size
    assert size is not None
    assert size.duration_s == 32


def test_a_transcription_takes_words_that_may_be_said(call: Call, gateway: Emulator) -> None:
    """As texts of the form."""
    call("transcribe", HEADS["wav"], prompt="Pollen, bees", temperature=0.5)
    for name, value in ((b"prompt", b"Pollen, bees"), (b"temperature", b"0.5")):
        assert b'name="%b"\r\n\r\n%b\r\n' % (name, value) in gateway.requests[0].body


def test_a_transcription_has_times_or_speakers_as_json(call: Call, gateway: Emulator) -> None:
    """In the gateway's own form."""
    timed = json.loads(call("transcribe", HEADS["wav"], format="verbose_json"))
    assert timed["segments"][0]["text"] == timed["text"] == "hello"
    options = {"model": "scribe", "format": "diarized_json", "speakers": 2}
    (segment,) = json.loads(call("transcribe", HEADS["wav"], **options))["segments"]
    assert (segment["speaker"], segment["text"]) == ("A", "hello")
    sent = [request.body for request in gateway.requests]
    assert b'name="response_format"\r\n\r\nverbose_json\r\n' in sent[0]
    assert b'name="speakers_expected"\r\n\r\n2\r\n' in sent[1]
    assert call("transcribe", HEADS["wav"], format="text") == "hello"
    assert b"response_format" not in gateway.requests[2].body


def test_subtitles_are_text(call: Call, gateway: Emulator) -> None:
    """A model that renders none says which formats it has."""
    subtitles = "1\n00:00:00,000 --> 00:00:01,500\nhello"
    gateway.script(Body(f"{subtitles}\n".encode(), content_type="text/plain; charset=utf-8"))
    assert call("transcribe", HEADS["wav"], model="universal-2", format="srt") == subtitles
    with pytest.raises(BadRequestError, match="has no format 'vtt', but json"):
        call("transcribe", HEADS["wav"], format="vtt")
    for options in ({"format": "xml"}, {"speakers": 2}, {"speakers": 0, "format": "diarized_json"}):
        with pytest.raises(InvalidRequestError) as caught:
            call("transcribe", HEADS["wav"], **options)
        assert caught.value.param in options
    assert len(gateway.requests) == 2


def test_a_model_that_is_not_known_may_have_any_voice(call: Call, gateway: Emulator) -> None:
    """The list of models is never closed; the gateway's refusal names the nearest."""
    with pytest.raises(UnknownModelError, match=r"Nearest known names: .*elevenlabs"):
        call("speech", "hi", "somebody", model="elevenlab")
    assert gateway.requests[0].json["voice"] == "somebody"


@pytest.mark.parametrize("ending", HEADS)
def test_bytes_get_a_file_name_of_their_kind(call: Call, gateway: Emulator, ending: str) -> None:
    """Transcription services go by it."""
    gateway.script(Answer(text="words"))
    assert call("transcribe", HEADS[ending], "en", model="scribe") == "words"
    request = gateway.requests[0]
    assert f'filename="sound.{ending}"'.encode() in request.body
    assert b'name="language"\r\n\r\nen\r\n' in request.body
    assert b'name="model"\r\n\r\nscribe\r\n' in request.body
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")


def test_a_file_is_called_by_its_content(call: Call, gateway: Emulator, tmp_path: Path) -> None:
    """A recording with another ending would be refused by providers that go by it."""
    path = tmp_path / 'a "quoted" name.dat'
    path.write_bytes(HEADS["wav"])
    assert call("transcribe", str(path)) == "hello"
    assert b'filename="a %22quoted%22 name.wav"' in gateway.requests[0].body


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"some words", "is no sound by its content"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "no sound by its content, but image/png"),
        (b"%PDF-1.7", "but application/pdf"),
        (HEADS["wav"] + bytes(25 * MIB), "at most 26214400"),
    ],
)
def test_what_is_no_sound_does_not_leave(
    call: Call, gateway: Emulator, tmp_path: Path, content: bytes, sentence: str
) -> None:
    """By its content, whatever its name; as bytes and as a file."""
    path = tmp_path / "secret.wav"
    path.write_bytes(content)
    for sound in (content, path):
        with pytest.raises(InvalidRequestError, match=sentence):
            call("transcribe", sound)
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"path_or_bytes": "missing.wav"}, "^The sound 'missing.wav' cannot be read: No such file"),
        ({"path_or_bytes": "/"}, "is no file"),
        ({"path_or_bytes": "nul\0l"}, "cannot be read"),
        ({"path_or_bytes": "https://a.example/b.wav"}, "no link"),
        ({"path_or_bytes": 7}, "^A path or bytes are needed. Given: int"),
        ({"language": "english"}, "language: An ISO-639-1 code"),
        ({"model": "elevenlabs"}, "model: elevenlabs transcribes no sound"),
    ],
)
def test_a_transcription_that_cannot_be_is_refused_before_sending(
    call: Call, gateway: Emulator, options: dict[str, Any], sentence: str
) -> None:
    """By name."""
    with pytest.raises(InvalidRequestError, match=sentence):
        call("transcribe", **{"path_or_bytes": HEADS["wav"], **options})
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Body({"text": " Hello. "}), "Hello."),
        (Body({"text": ""}), ""),
        (Body({"text": "Hi", "language": "en", "segments": []}), "Hi"),
        (Body(b"Hello.\n", content_type="text/plain"), "Hello."),
    ],
)
def test_a_transcription_is_read_from_json_or_text(
    call: Call, gateway: Emulator, answer: Body, text: str
) -> None:
    """Silence has no words."""
    gateway.script(answer)
    assert call("transcribe", HEADS["wav"]) == text


@pytest.mark.parametrize("answer", [Body({"words": []}), Body([1]), Body(b"<html>", status=200)])
def test_a_transcription_without_text_is_an_error(
    call: Call, gateway: Emulator, answer: Body
) -> None:
    """And no empty string."""
    gateway.script(answer)
    with pytest.raises(MalformedReply):
        call("transcribe", HEADS["wav"])


@pytest.mark.parametrize(("method", "argument"), [("speech", "hi"), ("transcribe", HEADS["wav"])])
def test_an_older_gateway_is_named(
    call: Call, seed_gateway: Emulator, method: str, argument: Any
) -> None:
    """API 0.3.0 has neither route."""
    with pytest.raises(NotFoundError, match=r"needs a gateway newer than API 0\.3\.0"):
        call(method, argument, url=seed_gateway.url)


def drain(peer: socket.socket, request: bytes) -> None:
    """Take a body and forget it, then answer."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    left = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    left -= len(body)
    buffer = bytearray(64 * 1024)
    while left > 0:
        left -= peer.recv_into(buffer)
    peer.sendall(response(b'{"text": "long"}'))


@pytest.mark.parametrize("as_file", [True, False])
def test_a_file_of_25_mib_is_sent_without_a_copy(call: Call, tmp_path: Path, as_file: bool) -> None:
    """From disk piece by piece; given as bytes, a tenth of them is used besides."""
    sound = HEADS["wav"] + bytes(25 * MIB - len(HEADS["wav"]))
    path = tmp_path / "long.wav"
    path.write_bytes(sound)
    with raw_server(drain, reads_body=False) as server:
        call("transcribe", HEADS["wav"], url=server.url)  # imports are not counted
        tracemalloc.start()
        try:
            assert call("transcribe", path if as_file else sound, url=server.url) == "long"
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2.5 * MIB
