"""Run the emulator from the command line until Ctrl-C, as ``pollinations emulator``.

The emulator itself is imported when it is run: its extra may be missing.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading

SUMMARIES = {
    "emulator": "A local Pollinations gateway on 127.0.0.1 until Ctrl-C: no key, no spend, no"
    " language model."
}


def add_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """Port, era and silence."""
    parser.add_argument(
        "--port",
        type=int,
        default=8787,
        help="port on 127.0.0.1; 0 takes a free one (default: 8787)",
    )
    parser.add_argument(
        "--era",
        choices=("today", "seed"),
        default="today",
        help="which gateway to be (default: today)",
    )
    parser.add_argument("--quiet", action="store_true", help="do not print a line per request")


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted; 0 after Ctrl-C, 1 when the port cannot be used."""
    try:
        from . import Emulator, EmulatorError
    except ImportError as missing:
        print(missing, file=sys.stderr)
        return 1

    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    gateway = Emulator(era=options.era, port=options.port, log=not options.quiet)
    try:
        gateway.start()
    except EmulatorError as refused:
        print(refused, file=sys.stderr)
        return 1
    print(
        f"Emulated gateway on {gateway.url} - no key needed: export"
        f" POLLINATIONS_BASE_URL={gateway.url}",
        flush=True,
    )
    # Not for ever: on Windows a wait without a limit sees no Ctrl-C.
    while not stop.wait(0.5):
        pass
    gateway.stop()
    return 0
