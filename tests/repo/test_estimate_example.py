"""``examples/estimate.py``: which limit holds a job up, and what it takes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "examples" / "estimate.py"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example as a module."""

    spec = importlib.util.spec_from_file_location("estimate_example", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "estimate_example", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("changes", "bottleneck", "rows_per_s"),
    [
        ({}, "the actors", 50),
        ({"cores": 0.1}, "the CPU", 25),
        ({"requests_per_s": 10.0}, "the gateway's limit", 10),
        ({"requests_per_s": 1.0, "rows_a_request": 32}, "the gateway's limit", 32),
    ],
)
def test_the_lowest_limit_holds_the_job_up(
    example: Any, changes: dict[str, Any], bottleneck: str, rows_per_s: float
) -> None:
    """And the time follows from it."""
    usual = {"actors": 2, "actor_ms": 40.0, "cpu_ms": 4.0, "cores": 2.0, "pollen_a_row": 0.001}
    result = example.estimate(36_000, **{**usual, **changes})
    assert result.bottleneck == bottleneck
    assert result.rows_per_s == pytest.approx(rows_per_s)
    assert result.seconds == pytest.approx(36_000 / rows_per_s)
    assert result.cpu_s == pytest.approx(144)
    assert result.pollen == pytest.approx(36)
    assert result.requests == pytest.approx(36_000 / changes.get("rows_a_request", 1))


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (100, "100 s, held up by the actors at 1 rows a second; 1 s of CPU; 100 requests; 50"),
        (600, "10 min, held up by the actors at 1 rows a second; 6 s of CPU; 600 requests; 300"),
        (36_000, "10.0 h, held up by the actors at 1 rows a second; 6 min of CPU; 36000 requests;"),
    ],
)
def test_the_command_prints_the_estimate(
    example: Any, capsys: pytest.CaptureFixture[str], rows: int, text: str
) -> None:
    """In one line, in units for people."""
    options = "--actors 1 --actor-ms 1000 --cpu-ms 10 --cores 1 --pollen-a-row 0.5"
    example.main(["--rows", str(rows), *options.split()])
    assert capsys.readouterr().out.startswith(text)
