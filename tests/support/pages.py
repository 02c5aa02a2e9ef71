"""Run the Python blocks of a page of the documentation as a reader would."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# LlamaIndex's agents use what pydantic has deprecated.
STRICTLY = ["-W", "error", "-W", "default::DeprecationWarning"]
# Separates what the blocks of a page print.
MARK = "\x1e"


def assert_blocks_print_what_is_shown(text: str, folder: Path, **environment: str) -> None:
    """Run them one after the other. An ``output`` block is what the one before prints."""
    fences = re.findall(r"```(python|output)\n(.*?)```", text, re.DOTALL)
    blocks = [(kind, block) for kind, block in fences if "# not run" not in block]
    program = "".join(
        f"print({MARK!r}, end='')\n{block}\n" for kind, block in blocks if kind == "python"
    )
    done = subprocess.run(
        [sys.executable, *STRICTLY, "-c", program],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment},
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    printed = iter(done.stdout.split(MARK)[1:])
    last = ""
    for kind, block in blocks:
        if kind == "python":
            last = next(printed)
        else:
            assert last == block, block
