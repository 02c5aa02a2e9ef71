"""Choose the command, and turn every failure into one line and an exit code.

0: done. 1: the gateway, the network or a file failed, or the doctor found a fault. 2: the command
was written wrongly, or refused before anything was sent. 3: it may cost more than ``--budget``.
130: Ctrl-C.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn, TextIO

from .._distribution import __version__
from ..emulator import command as emulator
from ..errors import (
    BudgetSpentError,
    InvalidRequestError,
    PollinationsError,
    UnpricedModelError,
    redact,
)
from . import account, chat, doctor, models, pictures, sounds

FAILED = 1
WRONG_USE = 2
# Not 2: a script that meets it asks a cheaper model, and has nothing to correct.
OVER_BUDGET = 3
INTERRUPTED = 130  # 128 + SIGINT, as shells count
SILENCE = logging.NullHandler()

# Command, the module that has its `add_arguments`, and the function that runs it.
COMMANDS = {
    "models": (models, models.run),
    "chat": (chat, chat.run),
    "image": (pictures, pictures.run_image),
    "video": (pictures, pictures.run_video),
    "speak": (sounds, sounds.run_speak),
    "transcribe": (sounds, sounds.run_transcribe),
    "balance": (account, account.run_balance),
    "usage": (account, account.run_usage),
    "emulator": (emulator, emulator.run),
    "doctor": (doctor, doctor.run),
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line. A key that was written as an argument is not in it."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where the help is."""
        sentence = redact(message).rstrip(".")
        self.exit(WRONG_USE, f"{self.prog}: {sentence}. Help: {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # An answer may hold characters that the terminal's encoding lacks.
            stream.reconfigure(errors="replace")
    if not sys.stderr.isatty():
        # A person sees retries as they happen; a program that reads errors gets one line.
        logging.getLogger("pollinations_client").addHandler(SILENCE)
    options = _parser().parse_args(argv)
    command = f"pollinations {options.command}"
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            code: int = options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return 0  # whoever reads has enough, as with `| head`
    except BudgetSpentError as error:
        return _failed(command, _over_budget(error), OVER_BUDGET)
    except InvalidRequestError as error:
        return _failed(command, error, WRONG_USE)
    except PollinationsError as error:
        return _failed(command, error, FAILED)
    return code


def _parser() -> Parser:
    parser = Parser(
        prog="pollinations",
        description="Models behind the Pollinations gateway, from the command line.",
        epilog="The key is read from POLLINATIONS_API_KEY alone: arguments show in lists of"
        " processes. Without a key: pollinations emulator",
        allow_abbrev=False,
    )
    # Every option in full: with a new one, a script's short form of another would mean two things.
    parser.add_argument("--version", action="version", version=f"pollinations {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, run) in COMMANDS.items():
        _add_command(commands, name, module).set_defaults(run=run)
    return parser


def _add_command(
    commands: argparse._SubParsersAction[Parser], name: str, module: ModuleType
) -> Parser:
    summary = module.SUMMARIES[name]
    parser = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    module.add_arguments(parser, name)
    return parser


def _over_budget(error: BudgetSpentError) -> object:
    """The error in words of the command line, which has no arguments of ``PollenBudget``."""
    if not isinstance(error, UnpricedModelError):
        return error
    return (
        f"No price of {error.model} is known, so --budget cannot hold; nothing was sent. Use a"
        " model that pollinations models lists with a price, or leave --budget out."
    )


def _failed(command: str, error: object, code: int) -> int:
    sys.stdout.flush()  # what came of an answer stands above the line that says why it ended
    print(f"{command}: {' '.join(str(error).split())}", file=sys.stderr)
    return code


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning as one line, without the place in the code that gave it."""
    print(f"pollinations: {' '.join(str(message).split())}", file=sys.stderr)


def _forget_output() -> None:
    """Point standard output nowhere, or Python would report the broken pipe again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
