"""Measure our adapters beside floors and other packages; write the table and the plots of docs.

    make bench                                  everything, about 10 minutes
    python benchmarks/run.py -r 3 -c stream     3 rounds of the cases whose name has "stream"

Each target runs in a process of its own; in each round all of them run once, in random order, so
that a busy machine disturbs all alike. A figure is the median over the rounds; a ratio is the
median of the ratios to the floor of the same round. A reply that was not read back whole is an
error and not a result.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from targets import TARGETS

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
FLOORS = {"langchain": "lc_floor", "llamaindex": "li_floor"}
PACKAGES = (
    *("langchain-core", "langchain-openai", "llama-index-core", "llama-index-llms-openai-like"),
    *("httpx", "pydantic"),
)
COLOURS = {"floor": "#999999", "ChatPollinations": "#7b2d8b", "Pollinations": "#7b2d8b"}
LENGTHS = (100, 1000, 10000)
STREAMS = (10, 50, 200)


@dataclass
class Case:
    """A row of the table, or a point of a plot; ``ask`` is what a worker is told."""

    name: str
    ask: dict[str, Any]
    unit: str = "chunk"
    in_table: bool = True
    results: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def ratio(self, target: str) -> float | None:
        """The median ratio of CPU to the floor's."""
        floor = self.results.get(FLOORS[TARGETS[target].framework], [])
        pairs = zip(self.results.get(target, []), floor, strict=False)
        ratios = [one["cpu"] / other["cpu"] for one, other in pairs if other["cpu"]]
        return statistics.median(ratios) if ratios else None

    def median(self, target: str, what: str) -> float | None:
        """The median of CPU or wall seconds."""
        results = self.results.get(target)
        return statistics.median(one[what] for one in results) if results else None


def cases() -> list[Case]:
    """All rows and points."""
    return [
        Case("stream, 2,000 chunks of text", {"do": "stream", "script": "text-2000"}),
        Case("the same, async", {"do": "astream", "script": "text-2000"}),
        Case("stream, 2,000 of reasoning", {"do": "stream", "script": "reasoning-2000"}),
        Case("stream, 2,000 of tool arguments", {"do": "stream", "script": "arguments-2000"}),
        Case("stream, 16 events in a packet", {"do": "stream", "script": "text-2000-x16"}),
        Case("stream, a chunk every 2 ms", {"do": "stream", "script": "text-200-2ms"}),
        Case("answer at once", {"do": "calls"}, "call"),
        Case("the same, async", {"do": "acalls"}, "call"),
        Case("answer to 20 messages", {"do": "calls", "messages": 20}, "call"),
        Case("making a model", {"do": "make", "number": 100}, "model"),
        *(
            Case(f"length {length}", {"do": "stream", "script": f"text-{length}"}, in_table=False)
            for length in LENGTHS
        ),
        *(
            Case(
                f"{number} streams at once",
                {"do": "streams", "script": "text-50-10ms", "number": number},
                in_table=number == STREAMS[-1],
            )
            for number in STREAMS
        ),
    ]


class Worker:
    """A process that holds one target."""

    def __init__(self, name: str, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "worker.py", name, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE,
        )

    def ask(self, case: Case) -> dict[str, Any]:
        """The cost of a case, or its error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(case.ask) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        return json.loads(line) if line else {"error": "the process ended"}

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@contextlib.contextmanager
def gateway() -> Iterator[int]:
    """The scripted gateway in a process of its own; gives its port."""
    process = subprocess.Popen(
        [sys.executable, "gateway.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)


def measure(names: list[str], wanted: list[Case], rounds: int) -> None:
    """Fill in the results of ``wanted``, all targets in each round."""
    with gateway() as port, contextlib.ExitStack() as stack:
        workers = {name: Worker(name, port) for name in names}
        for worker in workers.values():
            stack.callback(worker.close)
        for case in wanted:
            for number in range(rounds + 1):  # the first round warms up and is not kept
                order = [name for name in names if name not in case.errors]
                for name in random.sample(order, len(order)):
                    answer = workers[name].ask(case)
                    if "error" in answer:
                        case.errors[name] = answer["error"]
                        case.results.pop(name, None)
                    elif number:
                        case.results.setdefault(name, []).append(answer)
            print(case.name, {name: _figure(case, name) for name in names}, flush=True)


def _figure(case: Case, name: str) -> str:
    if name in case.errors:
        return "error"
    cpu, ratio = case.median(name, "cpu"), case.ratio(name)
    if cpu is None or ratio is None:
        return "-"
    return f"{ratio:.2f} ({cpu * 1e6:,.0f})"


def table(names: list[str], wanted: list[Case]) -> str:
    """The cases as a Markdown table: ratio to the floor, and microseconds of CPU a unit."""
    lines = []
    for framework, floor in FLOORS.items():
        columns = [name for name in names if TARGETS[name].framework == framework]
        labels = [TARGETS[name].label for name in columns]
        title = "LangChain" if framework == "langchain" else "LlamaIndex"
        lines += [f"| {title}, CPU | per | " + " | ".join(labels) + " |"]
        lines += ["|---" * (len(columns) + 2) + "|"]
        for case in wanted:
            if case.in_table and floor in case.results:
                figures = " | ".join(_figure(case, name) for name in columns)
                lines.append(f"| {case.name} | {case.unit} | {figures} |")
        lines.append("")
    return "\n".join(lines)


def about() -> str:
    """Date, machine and versions, for the line above a table."""
    installed = {name: version for name in PACKAGES if (version := _version(name))}
    versions = ", ".join(f"{name} {version}" for name, version in installed.items())
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    return f"{dt.datetime.now(dt.UTC).date().isoformat()}, {machine}, {versions}"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def plot(names: list[str], wanted: list[Case]) -> None:
    """CPU a chunk against length, and wall time against streams at once, as small pictures."""
    import matplotlib as mpl

    mpl.use("Agg")
    by_name = {case.name: case for case in wanted}
    lengths = [by_name[f"length {length}"] for length in LENGTHS]
    _draw(names, "cpu-by-length.png", "chunks of an answer", "µs of CPU a chunk",
          list(zip(LENGTHS, lengths, strict=True)), "cpu", 1e6)  # fmt: skip
    together = [by_name[f"{number} streams at once"] for number in STREAMS]
    _draw(names, "wall-by-streams.png", "streams at once (ideal: 0.5 s)", "s until all are read",
          list(zip(STREAMS, together, strict=True)), "wall", 1.0)  # fmt: skip


def _draw(
    names: list[str],
    file: str,
    x_label: str,
    y_label: str,
    points: list[tuple[int, Case]],
    what: str,
    scale: float,
) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for place, (framework, title) in enumerate(
        (("langchain", "LangChain"), ("llamaindex", "LlamaIndex"))
    ):
        for name in (name for name in names if TARGETS[name].framework == framework):
            known = [(x, value) for x, case in points if (value := case.median(name, what))]
            label = TARGETS[name].label
            axes[place].plot(
                [x for x, _ in known],
                [value * scale for _, value in known],
                marker="o",
                label=label,
                color=COLOURS.get(label),
            )
        axes[place].set(title=title, xlabel=x_label, ylabel=y_label, xscale="log", yscale="log")
        axes[place].legend(fontsize="small")
        axes[place].grid(alpha=0.3)
    figure.savefig(DOCS / "images" / file, dpi=80)
    pyplot.close(figure)


def main() -> None:
    """Measure, print, and write what the documents show."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-r", "--rounds", type=int, default=7)
    parser.add_argument("-c", "--case", default="", help="only cases whose name holds this")
    parser.add_argument("-t", "--targets", default="", help="names, with commas between them")
    options = parser.parse_args()
    sys.path.append(str(HERE.parent))  # ours are here, installed or not
    names = [name for name, target in TARGETS.items() if target.is_installed]
    if options.targets:
        names = [name for name in names if name in options.targets.split(",")]
    wanted = [case for case in cases() if options.case in case.name]
    measure(names, wanted, options.rounds)
    text = f"{about()}; median of {options.rounds} rounds.\n\n{table(names, wanted)}"
    print(f"\n{text}")
    for case in wanted:
        for name, error in case.errors.items():
            print(f"{case.name}, {TARGETS[name].label}: {error}")
    if not options.case and not options.targets:
        (DOCS / "benchmarks.md").write_text(_document(text))
        plot(names, wanted)


def _document(text: str) -> str:
    page = DOCS / "benchmarks.md"
    head, mark, _ = page.read_text().partition("<!-- figures -->\n")
    return f"{head}{mark}\n{text}"


if __name__ == "__main__":
    main()
