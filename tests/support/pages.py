"""Run the Python blocks of a page of the documentation as a reader would."""

from __future__ import annotations

import re
from pathlib import Path

from support.warm_python import WarmPython

# Separates what the blocks of a page print.
MARK = "\x1e"


def without_chance(printed: str) -> str:
    """What was printed, without the emulator's free port and a stored picture's name."""
    return re.sub(r"127\.0\.0\.1:\d+(/media/\w+)?", "127.0.0.1:N", printed).strip()


def assert_blocks_print_what_is_shown(
    python: WarmPython, text: str, folder: Path, **environment: str
) -> None:
    """Run them one after the other. An ``output`` block is what the one before prints.

    That of a ``console`` block has a test of its own.
    """
    text = re.sub(r"```console\n.*?```(\n\n```output\n.*?```)?", "", text, flags=re.DOTALL)
    fences = re.findall(r"```(python|output)\n(.*?)```", text, re.DOTALL)
    blocks = [(kind, block) for kind, block in fences if "# not run" not in block]
    programs = [block for kind, block in blocks if kind == "python"]
    if not programs:
        return
    program = folder.with_suffix(".py")
    program.write_text("".join(f"print({MARK!r}, end='')\n{block}\n" for block in programs))
    done = python.run(program, folder=folder, **environment)
    assert done.returncode == 0, done.stderr[-3000:]
    printed = iter(done.stdout.split(MARK)[1:])
    last = ""
    for kind, block in blocks:
        if kind == "python":
            last = next(printed)
        else:
            assert without_chance(last) == without_chance(block), block
