"""The notebooks run from top to bottom on the emulator, and the outputs kept in git are those of a
good run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))
EACH = pytest.mark.parametrize(
    "path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name
)


def outputs_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """All outputs of all cells."""
    return [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]


def texts_of(notebook: nbformat.NotebookNode) -> list[str]:
    """What the cells printed or showed as text; pictures depend on the plotting library."""
    return [
        str(output.get("text") or output.get("data", {}).get("text/markdown", ""))
        for output in outputs_of(notebook)
    ]


@EACH
@pytest.mark.enable_socket
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_notebook_runs_on_the_emulator(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a fresh kernel, without a key; it says so, and prints what is kept in git."""
    from run import executed

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    texts = texts_of(executed(path))
    assert "emulator" in "".join(texts)
    assert texts == texts_of(nbformat.read(path, as_version=4)), "run make notebooks"


@EACH
def test_a_notebook_keeps_its_outputs(path: Path) -> None:
    """Pictures included, and neither errors, keys nor paths of somebody's machine."""
    notebook = nbformat.read(path, as_version=4)
    outputs = outputs_of(notebook)
    assert not [output for output in outputs if output.output_type == "error"]
    assert [
        output for output in outputs if {"image/png", "image/jpeg"} & set(output.get("data", {}))
    ]
    text = path.read_text()
    assert len(text) < 1_000_000
    for trace in ("/home/", "/root/", "/tmp/", "/Users/", "site-packages", "Bearer "):
        assert trace not in text
