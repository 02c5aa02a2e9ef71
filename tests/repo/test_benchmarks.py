"""The benchmark and the guard of counts: what they accept and what they refuse."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a module of the benchmarks folder, which is no package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    names: list[str] = []

    def load(name: str) -> Any:
        names.append(name)
        return importlib.import_module(name)

    yield load
    for name in [*names, "scripts"]:
        sys.modules.pop(name, None)


def test_a_count_may_grow_by_three_percent_and_half_a_step(load: Any) -> None:
    """More is a failure, which names the case; less is fine, and a new case has no past."""
    grown = load("counts").grown
    known = {"a chunk": {"bytecodes": 500.0, "calls": 70.0}}
    assert grown(known, {"a chunk": {"bytecodes": 515.4, "calls": 72.5}, "new": {"calls": 9}}) == []
    assert grown(known, {"a chunk": {"bytecodes": 400.0, "calls": 1.0}}) == []
    found = {"a chunk": {"bytecodes": 516.0, "calls": 99.0}}
    assert grown(known, found) == [
        "a chunk: 516 bytecodes, 500 before",
        "a chunk: 99 calls, 70 before",
    ]
    assert grown(known, found, with_calls=False) == ["a chunk: 516 bytecodes, 500 before"]


def test_a_long_answer_costs_as_much_a_chunk_as_a_short_one() -> None:
    """The stored counts of every Python: 400 to 4,000 chunks like 100 to 400."""
    stored = json.loads((FOLDER / "counts.json").read_text())
    for about in stored.values():
        for name in ("LangChain, a chunk of text", "LlamaIndex, a chunk of text"):
            short, long = about["counts"][name], about["counts"][f"{name} in a long answer"]
            assert long == pytest.approx(short, rel=0.01)


def test_counting_twice_gives_the_same_counts(load: Any) -> None:
    """No clock, no socket: the same bytecodes to the last digit. The collector adds calls."""
    counts = load("counts")
    case = next(case for case in counts.langchain_cases() if "a chunk of text" in case.name)
    small = case._replace(short=10, long=40)
    first, second = counts.counted(small), counts.counted(small)
    assert first["bytecodes"] == second["bytecodes"] > 100
    assert first["calls"] == pytest.approx(second["calls"], abs=2)


@pytest.mark.parametrize("name", ["text-20", "reasoning-20", "arguments-20", "text-20-x16"])
def test_a_script_is_a_whole_stream_in_chunks(load: Any, name: str) -> None:
    """What the chunks hold is what must be read back."""
    script = load("scripts").Script.named(name)
    body = b"".join(script.http_chunks)
    framed = re.split(rb"(?:\A|\r\n)[0-9a-f]+\r\n", body)
    events = b"".join(framed).split(b"\n\n")
    assert events[-2] == b"data: [DONE]"
    assert all(json.dumps(word)[1:-1].encode() in body for word in script.words)
    assert len(script.http_chunks) == -(-len(script.events) // script.per_chunk) + 1
