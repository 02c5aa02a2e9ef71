"""The examples for one machine: killed in the middle, run again, every row once, nothing paid
twice.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pollinations_client.emulator import Emulator, Fault
from support.warm_python import WarmPython

ROOT = Path(__file__).parents[2]
KEY = "sk_demo_0123456789abcdef"
ROWS = 120
CONCURRENCY = 4
DOCUMENTS = 20


def start(script: str, *arguments: object, gateway: Emulator, key: str = KEY) -> subprocess.Popen:
    """The example as a process."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            "PATH": "",
            "PYTHONPATH": str(ROOT),
            "POLLINATIONS_API_KEY": key,
            "POLLINATIONS_BASE_URL": gateway.url,
        },
    )


@pytest.fixture
def finish(warm_python: WarmPython, gateway: Emulator, tmp_path: Path) -> Callable[..., str]:
    """Run an example to its end, and return its output."""

    def run(script: str, *arguments: object, key: str = KEY) -> str:
        done = warm_python.run(
            ROOT / "examples" / script,
            *arguments,
            folder=tmp_path,
            POLLINATIONS_API_KEY=key,
            POLLINATIONS_BASE_URL=gateway.url,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def kill_after(process: subprocess.Popen, gateway: Emulator, requests: int) -> None:
    """kill -9 once the gateway has seen so many requests."""
    with process:
        while len(gateway.requests) < requests and process.poll() is None:
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -9, process.stdout and process.stdout.read()


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Rows of a labelling job."""
    file = tmp_path / "rows.jsonl"
    lines = [
        json.dumps({"id": f"row-{n}", "text": f"The soup was cold, {n}."}) for n in range(ROWS)
    ]
    file.write_text("\n".join(lines))
    return file


def labels_in(file: Path) -> dict[str, dict[str, str]]:
    """The results by key; a key that comes twice fails."""
    records = [json.loads(line) for line in file.read_text().splitlines()]
    by_key = {record["id"]: record for record in records}
    assert len(by_key) == len(records)
    return by_key


def test_a_killed_batch_pays_again_only_for_what_was_under_way(
    finish: Callable[..., str], gateway: Emulator, rows: Path, tmp_path: Path
) -> None:
    """After kill -9 and a second run every row is there once; a third run sends nothing."""
    arguments = (rows, tmp_path / "labels.jsonl", "--concurrency", CONCURRENCY)
    kill_after(start("langchain_batch.py", *arguments, gateway=gateway), gateway, ROWS // 2)
    sent = len(gateway.requests)
    finish("langchain_batch.py", *arguments)
    assert len(labels_in(tmp_path / "labels.jsonl")) == ROWS
    assert ROWS <= len(gateway.requests) <= ROWS + CONCURRENCY
    assert sent < ROWS
    sent = len(gateway.requests)
    finish("langchain_batch.py", *arguments)
    assert len(gateway.requests) == sent


def test_a_bad_row_of_a_batch_is_one_record_with_its_key(
    finish: Callable[..., str], gateway: Emulator, rows: Path, tmp_path: Path
) -> None:
    """The others have answers, and a later run asks for that row alone."""
    gateway.script(Fault("status", status=400, message="This row is bad."))
    arguments = (rows, tmp_path / "labels.jsonl")
    finish("langchain_batch.py", *arguments)
    bad = [record for record in labels_in(tmp_path / "labels.jsonl").values() if "error" in record]
    assert len(bad) == 1
    assert bad[0]["error_kind"] == "BadRequestError"
    assert "This row is bad." in bad[0]["error"]
    sent = len(gateway.requests)
    finish("langchain_batch.py", *arguments)
    assert len(gateway.requests) == sent + 1


def test_a_batch_with_a_wrong_key_sends_what_is_under_way_and_no_more(
    finish: Callable[..., str], gateway: Emulator, rows: Path, tmp_path: Path
) -> None:
    """120 rows, four at a time."""
    arguments = (rows, tmp_path / "labels.jsonl", "--concurrency", CONCURRENCY)
    finish("langchain_batch.py", *arguments, key="sk_invalid")
    kinds = {record["error_kind"] for record in labels_in(tmp_path / "labels.jsonl").values()}
    assert kinds == {"AuthenticationError"}
    assert len(gateway.requests) <= CONCURRENCY


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder of texts."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(DOCUMENTS):
        (folder / f"{number:02}.txt").write_text(f"Bee number {number} dances for {number} s.")
    return folder


def texts_sent(gateway: Emulator) -> list[str]:
    """Every text that was embedded, in order."""
    return [text for request in gateway.requests for text in request.json["input"]]


def count_vectors(folder: Path) -> int:
    """How many vectors the stored index has."""
    stored = json.loads((folder / "index" / "default__vector_store.json").read_text())
    return len(stored["embedding_dict"])


def test_a_killed_ingestion_embeds_again_only_its_last_window(
    finish: Callable[..., str], gateway: Emulator, documents: Path, tmp_path: Path
) -> None:
    """After kill -9 and a second run every document is in the index; a third run sends nothing,
    and a changed document is embedded alone.
    """
    arguments = (documents, tmp_path / "index", "--window", 4)
    kill_after(start("llamaindex_ingest.py", *arguments, gateway=gateway), gateway, 3)
    finish("llamaindex_ingest.py", *arguments)
    texts = texts_sent(gateway)
    assert len(set(texts)) == DOCUMENTS
    assert len(texts) <= DOCUMENTS + 2 * 4
    assert count_vectors(tmp_path / "index") == DOCUMENTS
    gateway.clear()
    finish("llamaindex_ingest.py", *arguments)
    assert gateway.requests == []
    (documents / "07.txt").write_text("Bee number 7 sleeps.")
    finish("llamaindex_ingest.py", *arguments)
    assert len(texts_sent(gateway)) == 1
    assert count_vectors(tmp_path / "index") == DOCUMENTS


def test_the_engines_in_the_page_are_the_lines_that_were_run() -> None:
    """Dask, Daft and Spark are not installed here; ``tools/scale_engines.py`` runs them."""
    script = (ROOT / "tools" / "scale_engines.py").read_text()
    lines = {line.strip() for line in script.splitlines()}
    page = (ROOT / "docs" / "scale.md").read_text()
    blocks = re.findall(r"```python\n# not run.*?\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        assert {line.strip() for line in block.splitlines()} <= lines
