"""A Python that has imported both frameworks, and forks a child for each program that is run.

A program meets what it would meet in a fresh interpreter - its own environment, folder, output and
``__main__`` - without the two seconds of imports. Run as a program, this file is that Python.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
# LlamaIndex's agents use what pydantic has deprecated.
STRICTLY = "error,default::DeprecationWarning"
IMPORTS = [
    "langchain.agents",
    "langchain_core.vectorstores",
    "langchain_pollinations.tools",
    "llama_index.core",
    "llama_index.core.agent.workflow",
    "llamaindex_pollinations.tools",
    "pollinations_client.emulator.server.server",
]
TIMEOUT_S = 300
READY = "ready\n"  # comes when everything is imported


class WarmPython:
    """Runs programs one after the other; ``close`` ends it. The environment is that of its own
    imports, not of the programs.
    """

    def __init__(self, folder: Path, *more_imports: str, **environment: str) -> None:
        self._output, self._errors = folder / "output", folder / "errors"
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, *IMPORTS, *more_imports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                "PATH": "",
                "PYTHONPATH": str(ROOT),
                "PYTHONIOENCODING": "utf-8",
                "PYTHONWARNINGS": STRICTLY,
                **environment,
            },
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == READY

    def run(
        self, file: Path, *arguments: object, folder: Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a file in a folder, with those arguments and that environment and no other."""
        command = [str(file), *map(str, arguments)]
        job = {
            "command": command,
            "folder": str(folder),
            "environment": {"PATH": "", "HOME": str(folder), **environment},
            "files": [os.devnull, str(self._output), str(self._errors)],
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(job), file=self._process.stdin, flush=True)
        code = int(self._process.stdout.readline())
        return subprocess.CompletedProcess(
            command, code, self._output.read_text("utf-8"), self._errors.read_text("utf-8")
        )

    def close(self) -> None:
        """End it; it stops when its input ends."""
        with self._process:
            pass


def main() -> None:
    """Fork for each line of standard input, and print the child's exit code."""
    for module in sys.argv[1:]:
        importlib.import_module(module)
    # The collector of a child need not look through the frameworks: each look costs half a second.
    gc.freeze()
    print(READY, end="", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _be_program(**json.loads(line))
            return  # and end as any program does, with what it has registered for its end
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _be_program(
    command: Sequence[str], folder: str, environment: dict[str, str], files: Sequence[str]
) -> None:
    """Become the program: its environment, folder and files, then its code as ``__main__``."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, (file, mode) in enumerate(zip(files, "rww", strict=True)):
        with open(file, mode) as opened:
            os.dup2(opened.fileno(), number)
    signal.alarm(TIMEOUT_S)  # kills a program that hangs
    sys.argv = list(command)
    runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    main()
