"""A notebook's kernel, forked from a Python that has imported what notebooks import.

It is the kernel that Jupyter starts, and sends what that one sends; only its imports are done.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ipykernel_launcher
from jupyter_client import AsyncKernelManager

from support.warm_python import WarmPython


def python_for_kernels(folder: Path) -> WarmPython:
    """A Python that has imported what notebooks and their kernels import."""
    return WarmPython(
        folder,
        "ipykernel.kernelapp",
        "matplotlib.pyplot",
        # Matplotlib reads it while it is imported; a kernel sets it before.
        MPLBACKEND="module://matplotlib_inline.backend_inline",
        PYTHONWARNINGS="",  # a reader's kernel shows what Python shows
    )


class ForkedKernel(AsyncKernelManager):
    """Starts and ends a kernel as the program of a warm Python, with files in ``home``."""

    def __init__(self, python: WarmPython, home: Path) -> None:
        super().__init__(connection_file=str(home / "kernel.json"))
        self._python, self._home = python, home
        self._run = threading.Thread()

    async def start_kernel(self, *, extra_arguments: Sequence[str], cwd: str, **_: Any) -> None:
        """Run Jupyter's own program beside this one."""
        self.write_connection_file()
        self._run = threading.Thread(
            target=self._python.run,
            args=(ipykernel_launcher.__file__, "-f", self.connection_file, *extra_arguments),
            kwargs={
                "folder": Path(cwd),
                "HOME": str(self._home),
                "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or its debugger writes of frozen modules
            },
        )
        self._run.start()

    async def is_alive(self) -> bool:
        """Whether the program has not ended."""
        return self._run.is_alive()

    _async_is_alive = is_alive  # the name by which a client of Jupyter's asks for it

    async def shutdown_kernel(self, now: bool = False, restart: bool = False) -> None:
        """Ask it to end, as Jupyter does, and wait until it has."""
        client = self.blocking_client()
        client.start_channels()
        client.shutdown()
        self._run.join()
        client.stop_channels()
