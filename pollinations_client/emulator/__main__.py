"""Run the emulator with ``python -m pollinations_client.emulator``."""

import argparse
import sys

from .command import SUMMARIES, add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m pollinations_client.emulator",
        description=SUMMARIES["emulator"],
        allow_abbrev=False,
    )
    add_arguments(parser, "emulator")
    sys.exit(run(parser.parse_args()))
