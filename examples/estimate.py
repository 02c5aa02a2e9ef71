"""Estimate what a job of many rows takes: hours, pollen, and what holds it up.

    python examples/estimate.py --rows 10000000 --cpu-ms 2.9 --cores 8 --calls 256 \
        --latency-s 1.2 --pollen-a-row 0.00007 --requests-per-s 10

Measure a few thousand rows first: the examples print CPU and pollen a row.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """What a job takes, and which of its limits is the lowest."""

    rows_per_s: float
    hours: float
    pollen: float
    bottleneck: str


def estimate(
    rows: int,
    *,
    cpu_ms: float,
    cores: float,
    calls: int,
    latency_s: float,
    pollen_a_row: float,
    requests_per_s: float | None = None,
    rows_a_request: int = 1,
) -> Estimate:
    """Rows a second are bounded by the CPU, by calls under way, and by the gateway's limit.

    Args:
        rows: Rows of the job.
        cpu_ms: Milliseconds of CPU a row, in the actors.
        cores: Cores that the actors have to themselves.
        calls: Requests under way at a time, of all actors together.
        latency_s: Seconds from a request to the end of its answer.
        pollen_a_row: Pollen a row.
        requests_per_s: What the gateway takes, of all addresses that the job sends from.
        rows_a_request: 1 for chat, up to 32 for embeddings.
    """
    limits = {
        "CPU": cores / (cpu_ms / 1000),
        "calls under way": calls / latency_s * rows_a_request,
    }
    if requests_per_s is not None:
        limits["the gateway's limit"] = requests_per_s * rows_a_request
    bottleneck = min(limits, key=limits.__getitem__)
    rows_per_s = limits[bottleneck]
    return Estimate(rows_per_s, rows / rows_per_s / 3600, rows * pollen_a_row, bottleneck)


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and print the estimate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--cpu-ms", type=float, required=True)
    parser.add_argument("--cores", type=float, required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--latency-s", type=float, required=True)
    parser.add_argument("--pollen-a-row", type=float, required=True)
    parser.add_argument("--requests-per-s", type=float)
    parser.add_argument("--rows-a-request", type=int, default=1)
    result = estimate(**vars(parser.parse_args(argv)))
    print(
        f"{result.rows_per_s:.0f} rows a second, bounded by {result.bottleneck};"
        f" {result.hours:.1f} hours; {result.pollen:.2f} pollen"
    )


if __name__ == "__main__":
    main()
