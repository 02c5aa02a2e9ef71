"""Run the notebooks and keep their outputs: on the emulator without a key, on the gateway with one.

Usage: python notebooks/run.py [name.ipynb ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from jupyter_client import KernelManager
from nbclient import NotebookClient

HERE = Path(__file__).parent


def executed(
    path: Path, kernel: KernelManager | None = None, timeout_s: int = 300
) -> nbformat.NotebookNode:
    """The notebook at ``path``, run from top to bottom in a fresh kernel, in its own folder."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        km=kernel,
        timeout=timeout_s,
        startup_timeout=timeout_s,
        kernel_name="python3",
        resources={"metadata": {"path": str(HERE)}},
        coalesce_streams=True,  # a streamed answer is one output, not one a word
    )
    ran: nbformat.NotebookNode = client.execute(cleanup_kc=True)
    for cell in ran.cells:
        cell.metadata.pop("execution", None)  # the times of one run are nobody's business
    ran.metadata.pop("language_info", None)
    return ran


def main(names: list[str]) -> None:
    """Run the named notebooks, or all of them, and write them back."""
    for path in [HERE / name for name in names] or sorted(HERE.glob("*.ipynb")):
        print(f"{path.name} ...", flush=True)
        nbformat.write(executed(path), path)


if __name__ == "__main__":
    main(sys.argv[1:])
