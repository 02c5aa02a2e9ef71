"""The command that starts the emulator."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from pollinations_client._distribution import install_command

ROOT = Path(__file__).parents[2]


def test_the_emulator_without_its_extra_says_one_sentence() -> None:
    """At the command line a traceback would tell nothing more."""
    run = (
        "import runpy, sys; sys.modules['uvicorn'] = None; sys.argv = ['emulator'];"
        " runpy.run_module('pollinations_client.emulator', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", run], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"The emulator needs its extra: {install_command('emulator')}\n"


EMULATOR = [sys.executable, "-m", "pollinations_client.emulator"]


def test_a_taken_port_is_one_sentence_and_ctrl_c_ends_cleanly() -> None:
    """No traceback from either."""
    with subprocess.Popen(
        [*EMULATOR, "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as first:
        assert first.stdout is not None
        port = first.stdout.readline().rpartition(":")[2].strip()
        second = subprocess.run(
            [*EMULATOR, "--port", port], capture_output=True, text=True, cwd=ROOT, check=False
        )
        assert (second.returncode, second.stderr.count("\n")) == (1, 1)
        assert second.stderr.startswith(f"Port {port} on 127.0.0.1 cannot be used")
        os.kill(first.pid, signal.SIGINT)
        assert first.wait(20) == 0
