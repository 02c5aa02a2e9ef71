"""What the commands have in common: the address of the gateway, options, the prompt, the output."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from ..budget.budget import PollenBudget
from ..client import PollinationsClient
from ..errors import ConfigurationError, InvalidRequestError
from ..settings.checks import KEY_PAGE

STANDARD_INPUT = STANDARD_OUTPUT = "-"

NO_KEY = (
    f"No API key: make one at {KEY_PAGE} and export POLLINATIONS_API_KEY=sk_..."
    " Without a key, run pollinations emulator in another terminal and add"
    " --base-url http://127.0.0.1:8787 here."
)


def add_gateway_arguments(parser: argparse.ArgumentParser) -> None:
    """``--base-url``, ``--timeout`` and ``--json``, which every command that asks has."""
    parser.add_argument(
        "--base-url", metavar="URL", help="another gateway; else POLLINATIONS_BASE_URL"
    )
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="how long an answer may take"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for other programs")


def add_budget_argument(parser: argparse.ArgumentParser) -> None:
    """``--budget``, which every command that spends has."""
    parser.add_argument(
        "--budget",
        type=_budget,
        metavar="POLLEN",
        help="send nothing that may cost more, and exit 3 then (1 pollen = 1 US$)",
    )


def _budget(text: str) -> PollenBudget:
    try:
        return PollenBudget(float(text))
    except ValueError as error:  # of either: a ConfigurationError is one, too
        raise argparse.ArgumentTypeError(
            "a number of pollen, 0 or more, is needed, such as 0.05"
        ) from error


def add_out_argument(parser: argparse.ArgumentParser) -> None:
    """``--out``, which every command that makes a file has."""
    parser.add_argument(
        "--out",
        default=".",
        metavar="PATH",
        help="a file, a folder, or - for standard output (default: this folder). A file that is"
        " there is kept, and a number added to the new one's name",
    )


def writes_to_output(options: argparse.Namespace) -> bool:
    """Whether the bytes go to standard output."""
    return bool(options.out == STANDARD_OUTPUT)


def check_output(options: argparse.Namespace) -> None:
    """Refuse ``--out -`` where bytes are of no use, before anything is paid for."""
    if writes_to_output(options) and (options.json or sys.stdout.isatty()):
        raise InvalidRequestError(
            "--out -: bytes go to a pipe or a file, not to a terminal and not beside --json."
            " Give --out a path.",
            param="out",
        )


def add_prompt_argument(parser: argparse.ArgumentParser) -> None:
    """The words of the prompt."""
    parser.add_argument(
        "prompt", nargs="*", help="the prompt; standard input where it is left out, or for a -"
    )


def add_option_arguments(parser: argparse.ArgumentParser) -> None:
    """``--seed`` and ``-o``, for what makes a text, a picture or a video of a prompt."""
    parser.add_argument(
        "--seed",
        type=int,
        metavar="NUMBER",
        help="a number; the same one gives the same answer from the cache",
    )
    parser.add_argument(
        "-o",
        "--option",
        action="append",
        default=[],
        type=_name_and_value,
        dest="pairs",
        metavar="NAME=VALUE",
        help="any other option of the gateway by its name; may be repeated",
    )


def _name_and_value(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("write NAME=VALUE, such as temperature=0.2")
    # As JSON first: a number is to be a number, and a list one.
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def request_options(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """The options by ``names`` that were written, and those of ``-o``."""
    written = {name: getattr(options, name) for name in names}
    return {name: value for name, value in written.items() if value is not None} | dict(
        options.pairs
    )


def connect(options: argparse.Namespace, *, needs_key: bool = True) -> PollinationsClient:
    """A client for the gateway of ``options``.

    Raises :class:`ConfigurationError` where the public gateway is addressed without a key.
    """
    client = PollinationsClient(
        base_url=options.base_url, timeout=options.timeout, budget=vars(options).get("budget")
    )
    if needs_key and client.settings.needs_key:
        raise ConfigurationError(NO_KEY, param="api_key")
    return client


def prompt_from(options: argparse.Namespace) -> str:
    """The prompt of the command line, standard input in place of a ``-`` or of all of it.

    Standard input is not read otherwise: it may be a pipe to which nobody writes.
    """
    # Words behind each other are one prompt, as with echo: quotes are easily forgotten.
    words: list[str] = options.prompt
    if not words and not sys.stdin.isatty():
        words = [STANDARD_INPUT]
    piped = _standard_input() if STANDARD_INPUT in words else ""
    prompt = " ".join(piped if word == STANDARD_INPUT else word for word in words).strip()
    if not prompt:
        raise InvalidRequestError(
            f"There is no prompt. Write it behind the command, as in pollinations"
            f' {options.command} "bees over lavender", or pipe it in.',
            param="prompt",
        )
    return prompt


def _standard_input() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        failure = InvalidRequestError(
            f"Standard input is no text ({error.encoding} cannot read byte {error.start})."
            " Pipe in text; a picture goes as a URL, with -o image=https://...",
            param="prompt",
        )
    raise failure


def print_json(value: Any) -> None:
    """Print ``value`` as JSON, prices and amounts as numbers."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=_json_form))


def _json_form(value: Any) -> Any:
    # Numbers, for jq and spreadsheets sum them; Decimal as a string would be text there.
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return dict(value)
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows in columns as wide as their widest cell. What is unknown is a dash."""
    cells = [header, *(["-" if cell is None else str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(padded).rstrip())


def note(text: str) -> None:
    """Tell the person at the terminal; a pipe gets the result alone."""
    print(text, file=sys.stderr)
