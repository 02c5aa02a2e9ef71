"""``python -m pollinations_client.emulator``: the same as ``pollinations emulator``."""

import sys

from ..command_line.main import main

if __name__ == "__main__":
    sys.exit(main(["emulator", *sys.argv[1:]]))
