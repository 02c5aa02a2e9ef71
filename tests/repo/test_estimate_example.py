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
        ({}, "calls under way", 50),
        ({"cores": 0.1}, "CPU", 25),
        ({"requests_per_s": 10.0}, "the gateway's limit", 10),
        ({"requests_per_s": 1.0, "rows_a_request": 32}, "the gateway's limit", 32),
    ],
)
def test_the_lowest_limit_holds_the_job_up(
    example: Any, changes: dict[str, Any], bottleneck: str, rows_per_s: float
) -> None:
    """And the hours follow from it."""
    usual = {"cpu_ms": 4.0, "cores": 2.0, "calls": 100, "latency_s": 2.0, "pollen_a_row": 0.001}
    result = example.estimate(36_000, **{**usual, **changes})
    assert result.bottleneck == bottleneck
    assert result.rows_per_s == pytest.approx(rows_per_s)
    assert result.hours == pytest.approx(10 / rows_per_s)
    assert result.pollen == pytest.approx(36)


def test_the_command_prints_the_estimate(example: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line."""
    example.main(
        "--rows 3600 --cpu-ms 1 --cores 1 --calls 1 --latency-s 1 --pollen-a-row 0.5".split()
    )
    assert capsys.readouterr().out == (
        "1 rows a second, bounded by calls under way; 1.0 hours; 1800.00 pollen\n"
    )
