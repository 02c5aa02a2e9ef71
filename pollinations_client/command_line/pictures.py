"""``pollinations image`` and ``pollinations video``: make one, save it, print where."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from ..client import PollinationsClient
from ..response.picture import Picture
from .arguments import (
    add_budget_argument,
    add_gateway_arguments,
    add_option_arguments,
    add_out_argument,
    add_prompt_argument,
    check_output,
    connect,
    note,
    print_json,
    prompt_from,
    request_options,
    writes_to_output,
)

SUMMARIES = {
    "image": "Make a picture, save it, and print its path.",
    "video": "Make a video, save it, and print its path. Takes a minute or more.",
}
DEFAULT_MODELS = {"image": "flux", "video": "veo"}


def add_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """The prompt, the model, the size or length, and where to save."""
    add_prompt_argument(parser)
    default = DEFAULT_MODELS[command]
    parser.add_argument(
        "-m", "--model", default=default, metavar="NAME", help=f"default: {default}"
    )
    if command == "image":
        parser.add_argument("--width", type=int, metavar="PIXELS", help="default: 1024")
        parser.add_argument("--height", type=int, metavar="PIXELS", help="default: 1024")
    else:
        parser.add_argument("--duration", type=int, metavar="SECONDS", help="as the model allows")
        parser.add_argument("--aspect-ratio", metavar="W:H", help="16:9 or 9:16")
    add_option_arguments(parser)
    add_out_argument(parser)
    add_budget_argument(parser)
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
    check_output(options)
    prompt = prompt_from(options)
    with connect(options) as client:
        # A video takes minutes, and a silent terminal looks like a hanging one.
        if sys.stderr.isatty():
            note(f"{options.model} is at work ...")
        picture = make(client, prompt)
        if writes_to_output(options):
            sys.stdout.buffer.write(picture.data)
            return 0
        path = str(picture.save(options.out))
        if options.json:
            print_json(_media_json(picture, path, client))
        else:
            print(path)
    return 0


def _media_json(picture: Picture, path: str, client: PollinationsClient) -> dict[str, Any]:
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
