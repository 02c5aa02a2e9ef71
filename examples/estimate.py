"""Estimate what a job of many rows takes: time, CPU, requests, pollen, and what holds it up.

    python examples/ray_label.py reviews.parquet labels --limit 500      # prints what a row costs
    python examples/estimate.py --rows 10000000 --actors 64 --actor-ms 38 --cpu-ms 2.1 --cores 8 \
        --pollen-a-row 0.00007 --requests-per-s 10
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """What a job takes, and which of its limits is the lowest."""

    rows_per_s: float
    bottleneck: str
    seconds: float
    cpu_s: float
    requests: float
    pollen: float


def estimate(
    rows: int,
    *,
    actors: int,
    actor_ms: float,
    cpu_ms: float,
    cores: float,
    pollen_a_row: float,
    requests_per_s: float | None = None,
    rows_a_request: float = 1,
) -> Estimate:
    """Find the lowest limit: the actors, the CPU, or what the gateway takes.

    Args:
        rows: Rows of the job.
        actors: Actors that work at a time.
        actor_ms: Milliseconds that a row takes of one actor, mostly spent waiting. They follow from
            the calls under way in it: measure with the ``--concurrency`` of the large job.
        cpu_ms: Milliseconds of CPU a row, in the actors.
        cores: Cores that the actors have to themselves.
        pollen_a_row: Pollen a row.
        requests_per_s: What the gateway takes, of all addresses that the job sends from.
        rows_a_request: 1 for chat, up to 32 for embeddings.
    """
    limits = {"the actors": actors * 1000 / actor_ms, "the CPU": cores * 1000 / cpu_ms}
    if requests_per_s is not None:
        limits["the gateway's limit"] = requests_per_s * rows_a_request
    bottleneck = min(limits, key=limits.__getitem__)
    return Estimate(
        rows_per_s=limits[bottleneck],
        bottleneck=bottleneck,
        seconds=rows / limits[bottleneck],
        cpu_s=rows * cpu_ms / 1000,
        requests=rows / rows_a_request,
        pollen=rows * pollen_a_row,
    )


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would use."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and print the estimate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--actors", type=int, required=True)
    parser.add_argument("--actor-ms", type=float, required=True)
    parser.add_argument("--cpu-ms", type=float, required=True)
    parser.add_argument("--cores", type=float, required=True)
    parser.add_argument("--pollen-a-row", type=float, required=True)
    parser.add_argument("--requests-per-s", type=float)
    parser.add_argument("--rows-a-request", type=float, default=1)
    result = estimate(**vars(parser.parse_args(argv)))
    print(
        f"{duration(result.seconds)}, held up by {result.bottleneck} at {result.rows_per_s:.0f}"
        f" rows a second; {duration(result.cpu_s)} of CPU; {result.requests:.0f} requests;"
        f" {result.pollen:.4g} pollen"
    )


if __name__ == "__main__":
    main()
