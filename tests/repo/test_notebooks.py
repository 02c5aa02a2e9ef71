"""The notebooks run from top to bottom on the emulator, and the outputs kept in git are those of a
good run.
"""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from PIL import Image, ImageChops, ImageStat

from support.warm_kernel import ForkedKernel, python_for_kernels
from support.warm_python import WarmPython

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


# Shades of 255, on average, of pictures shrunk to this size: text that another release of the
# plotting library sets a pixel further changes 1, a line drawn elsewhere 3 and more.
MAX_DIFFERENCE = 2
THUMBNAIL_PX = (96, 48)


def pictures_of(notebook: nbformat.NotebookNode) -> list[Image.Image]:
    """What the cells drew, in grey on white."""
    pictures = []
    for output in outputs_of(notebook):
        for kind in {"image/png", "image/jpeg"} & set(output.get("data", {})):
            with Image.open(io.BytesIO(base64.b64decode(output.data[kind]))) as picture:
                drawn = picture.convert("RGBA")
            white = Image.new("RGBA", drawn.size, "white")
            pictures.append(Image.alpha_composite(white, drawn).convert("L"))
    return pictures


def difference(one: Image.Image, other: Image.Image) -> float:
    """How far two pictures are apart, 0 to 255; neither fonts nor a few pixels count for much."""
    shrunk = (picture.resize(THUMBNAIL_PX, Image.Resampling.BOX) for picture in (one, other))
    return ImageStat.Stat(ImageChops.difference(*shrunk)).mean[0]


def texts_of(notebook: nbformat.NotebookNode) -> list[str]:
    """What the cells printed or showed as text."""
    return [
        str(output.get("text") or output.get("data", {}).get("text/markdown", ""))
        for output in outputs_of(notebook)
    ]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmPython]:
    """A Python that forks kernels."""
    python = python_for_kernels(tmp_path_factory.mktemp("python"))
    yield python
    python.close()


@EACH
@pytest.mark.enable_socket
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_notebook_runs_on_the_emulator(path: Path, python: WarmPython, tmp_path: Path) -> None:
    """In a fresh kernel, without a key; it says so, and prints and draws what is kept in git."""
    from run import executed

    fresh = executed(path, ForkedKernel(python, tmp_path))
    stored = nbformat.read(path, as_version=4)
    texts = texts_of(fresh)
    assert "emulator" in "".join(texts)
    assert texts == texts_of(stored), "run make notebooks"
    for pair in zip(pictures_of(fresh), pictures_of(stored), strict=True):
        assert difference(*pair) < MAX_DIFFERENCE, "run make notebooks"


@EACH
def test_another_picture_would_be_noticed(path: Path) -> None:
    """The tolerance is for fonts: the same plot with a part of it painted over is another one."""
    for picture in pictures_of(nbformat.read(path, as_version=4)):
        changed = picture.copy()
        width, height = picture.size
        changed.paste(0, (width // 3, height // 3, width // 2, height // 2))
        assert difference(picture, picture.resize((width - 3, height - 2))) < MAX_DIFFERENCE
        assert difference(picture, changed) > MAX_DIFFERENCE


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
