"""``pollinations speak`` and ``pollinations transcribe``: text to sound, and sound to text."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import InvalidRequestError
from ..media.sniff import HEAD_BYTES, sniff
from .arguments import (
    STANDARD_INPUT,
    add_budget_argument,
    add_gateway_arguments,
    add_out_argument,
    add_prompt_argument,
    check_output,
    connect,
    print_json,
    prompt_from,
    writes_to_output,
)

SUMMARIES = {
    "speak": "Speak a text, save the sound, and print its path. A music model makes music.",
    "transcribe": "Print what is said in a sound.",
}


def add_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """The text and how it is spoken, or the sound and its language."""
    if command == "speak":
        add_prompt_argument(parser)
        parser.add_argument("-m", "--model", metavar="NAME", help="default: elevenlabs")
        parser.add_argument(
            "--voice", metavar="NAME", help="one of the model's voices, such as rachel"
        )
        parser.add_argument("--format", metavar="NAME", help="mp3, opus, aac, flac, wav or pcm")
        parser.add_argument("--speed", type=float, metavar="FACTOR", help="0.25 to 4")
        add_out_argument(parser)
    else:
        parser.add_argument("sound", metavar="FILE", help="a sound file, or - for standard input")
        parser.add_argument("-m", "--model", metavar="NAME", help="default: whisper-large-v3")
        parser.add_argument("--language", metavar="CODE", help="the language spoken, such as en")
    add_budget_argument(parser)
    add_gateway_arguments(parser)


def run_speak(options: argparse.Namespace) -> int:
    """Speak a text and print the path of the sound."""
    check_output(options)
    text = prompt_from(options)
    speech_options = {"model": options.model, "voice": options.voice}
    speech_options |= {"format": options.format, "speed": options.speed}
    with connect(options) as client:
        if writes_to_output(options):
            sys.stdout.buffer.write(client.speech(text, **speech_options))
            return 0
        # The client writes the file while the sound comes; a long text is never whole in memory.
        path = client.speech(text, **speech_options, path=options.out)
    if options.json:
        print_json(_sound_json(path))
    else:
        print(path)
    return 0


def _sound_json(path: Path) -> dict[str, object]:
    with path.open("rb") as sound:
        mime_type = sniff(sound.read(HEAD_BYTES))
    return {"path": str(path), "mime_type": mime_type, "bytes": path.stat().st_size}


def run_transcribe(options: argparse.Namespace) -> int:
    """Print the text of a sound."""
    sound = options.sound
    if sound == STANDARD_INPUT:
        sound = _piped_sound()
    with connect(options) as client:
        text = client.transcribe(sound, options.language, model=options.model)
    if options.json:
        print_json({"text": text})
    else:
        print(text)
    return 0


def _piped_sound() -> bytes:
    # Nobody types a sound: the command would wait for ever.
    if sys.stdin.isatty():
        raise InvalidRequestError(
            "There is no sound. Name a file, as in pollinations transcribe talk.mp3, or pipe one"
            " into pollinations transcribe -.",
            param="sound",
        )
    return sys.stdin.buffer.read()
