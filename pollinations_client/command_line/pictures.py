"""``pollinations image`` and ``pollinations video``: make one, save it, print where."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from ..client import PollinationsClient
from ..errors import InvalidRequestError
from ..response.picture import Picture
from .arguments import (
    add_gateway_arguments,
    add_prompt_arguments,
    connect,
    note,
    print_json,
    prompt_from,
    request_options,
)

SUMMARIES = {
    "image": "Make a picture, save it, and print its path.",
    "video": "Make a video, save it, and print its path. Takes a minute or more.",
}
DEFAULT_MODELS = {"image": "flux", "video": "veo"}
STANDARD_OUTPUT = "-"


def add_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """The prompt, the model, the size or length, and where to save."""
    add_prompt_arguments(parser)
    default = DEFAULT_MODELS[command]
    parser.add_argument("-m", "--model", default=default, help=f"default: {default}")
    if command == "image":
        parser.add_argument("--width", type=int, metavar="PIXELS")
        parser.add_argument("--height", type=int, metavar="PIXELS")
    else:
        parser.add_argument("--duration", type=int, metavar="SECONDS")
        parser.add_argument("--aspect-ratio", metavar="W:H", help="16:9 or 9:16")
    parser.add_argument(
        "--out",
        default=".",
        metavar="PATH",
        help="a file, a folder, or - for standard output (default: this folder). A file that is"
        " there is kept, and a number added to the new one's name",
    )
    add_gateway_arguments(parser)


def run_image(options: argparse.Namespace) -> int:
    """Make a picture and print the path of its file."""
    fields = request_options(options, ("model", "seed", "width", "height"))
    return _run(options, lambda client, prompt: client.image(prompt, **fields))


def run_video(options: argparse.Namespace) -> int:
    """Make a video and print the path of its file."""
    fields = request_options(options, ("model", "seed", "duration", "aspect_ratio"))
    return _run(options, lambda client, prompt: client.video(prompt, **fields))


def _run(options: argparse.Namespace, make: Callable[[PollinationsClient, str], Picture]) -> int:
    to_output = options.out == STANDARD_OUTPUT
    if to_output and (options.json or sys.stdout.isatty()):
        raise InvalidRequestError(
            "--out -: bytes go to a pipe or a file, not to a terminal and not beside --json."
            " Give --out a path.",
            param="out",
        )
    prompt = prompt_from(options)
    with connect(options) as client:
        if sys.stderr.isatty():
            note(f"{options.model} is at work ...")
        picture = make(client, prompt)
        if to_output:
            sys.stdout.buffer.write(picture.data)
            return 0
        path = str(picture.save(options.out))
        if options.json:
            print_json(_described(picture, path, client))
        else:
            print(path)
    return 0


def _described(picture: Picture, path: str, client: PollinationsClient) -> dict[str, Any]:
    return {
        "path": path,
        "mime_type": picture.mime_type,
        "size_px": picture.size_px,
        "bytes": len(picture.data),
        "model": picture.model,
        "seed": picture.seed,
        "url": picture.url,
        "cost": client.cost(picture.info, picture.model or "").total,
        "request_id": picture.info.request_id,
    }
