"""Work on many rows with Ray Data: resumable, bounded in pollen, one record a row.

``ray_label.py`` and ``ray_embed.py`` say what is done to a row; everything else is here. Results
are Parquet files in one folder, each written whole or not at all, and named after the rows in it:
a batch that Ray runs again, because its actor died, finds its file and pays for nothing.

The file has three parts: the folder of results, what runs in the actors, what runs in the driver.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq
import ray

from pollinations_client import (
    APIConnectionError,
    AuthenticationError,
    BudgetSpentError,
    InvalidRequestError,
    PaymentRequiredError,
    PermissionDeniedError,
    PollenBudget,
    PollinationsError,
)

# Every further row would be refused for the same reason.
HOPELESS = (AuthenticationError, PaymentRequiredError, PermissionDeniedError)
EMPTY = InvalidRequestError("The text of this row is empty.")
RECIPE_FILE = "job.json"
PART_FILES = "part-*.parquet"
# Actors mostly wait for the gateway; whole cores would leave none for reading on a small machine.
CPUS_OF_AN_ACTOR = 0.5
MIN_LOCAL_CORES = 4  # logical ones: with fewer Ray Data finds none for reading beside two actors
PROGRESS_EVERY_S = 5.0


@dataclass
class Outcome:
    """What became of one row: a value with its cost in pollen, or an error."""

    value: Any = None
    cost: float | None = None
    error: PollinationsError | None = None


Work = Callable[[Sequence[str]], list[Outcome]]
"""Made once in each actor; takes the texts of a batch and returns an outcome for each."""


class JobError(SystemExit):
    """The job cannot go on; its text is the one message the user reads."""


# -- the folder of results


def check_recipe(folder: Path, recipe: dict[str, Any]) -> None:
    """Write down what makes the results, or refuse a folder that holds others."""
    file = folder / RECIPE_FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(recipe, indent=1))
        return
    stored = json.loads(file.read_text())
    changed = [name for name in recipe if recipe[name] != stored.get(name)]
    if changed:
        name = changed[0]
        raise JobError(
            f"{folder} holds results of another {name}: {stored.get(name)!r}, and this job has"
            f" {recipe[name]!r}. Give another folder."
        )


def drop_broken_parts(folder: Path) -> int:
    """Remove files that a crash left half written: their rows are done again."""
    for unfinished in folder.glob("*.tmp"):
        unfinished.unlink()
    broken = 0
    for part in folder.glob(PART_FILES):
        try:
            pq.read_metadata(part)
        except (pa.ArrowInvalid, OSError):
            part.unlink()
            broken += 1
    return broken


def read_done(folder: Path, key: str) -> pa.Table:
    """Keys, costs and errors of the rows that are done, in every part of the folder."""
    columns = {key: pa.string(), "cost_pollen": pa.float64(), "error_kind": pa.string()}
    parts = [str(part) for part in folder.glob(PART_FILES)]
    if not parts:
        return pa.schema(columns).empty_table()
    return pyarrow.dataset.dataset(parts).to_table(columns=list(columns))


def checked_keys(source: str, column: str) -> int:
    """How many rows there are. Refuses keys that do not name one row each."""
    keys = pyarrow.dataset.dataset(source).to_table(columns=[column])[column]
    if keys.null_count:
        raise JobError(f"{source}: {keys.null_count} rows have no {column!r}.")
    counts = pc.value_counts(keys.combine_chunks())
    twice = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        example = twice[0]["values"].as_py()
        raise JobError(f"{source}: {len(twice)} keys name several rows, {example!r} is one.")
    return len(keys)


# -- in the actors


@ray.remote(num_cpus=0)
class Purse:
    """The pollen of the whole job. Each actor draws a part, and more when that is spent.

    What an actor drew before it died stays out: this run spends less, never more.
    """

    def __init__(self, pollen: float, actors: int) -> None:
        self.left = pollen
        self.actors = actors

    def draw(self) -> float:
        """A part of what is left."""
        amount = self.left / (2 * self.actors)
        self.left -= amount
        return amount

    def put_back(self, amount: float) -> None:
        """What an actor did not spend."""
        self.left += amount


class Worker:
    """One actor: takes batches of rows, writes their results, reports counts."""

    def __init__(
        self,
        make_work: Callable[[], Work],
        folder: str,
        key: str,
        text: str,
        kind: pa.DataType,
        purse: Any,
    ) -> None:
        self.work, self.purse = make_work(), purse
        self.budget: PollenBudget | None = None
        self.is_warm = False
        self.folder, self.key, self.text = Path(folder), key, text
        self.schema = pa.schema(
            [
                (key, pa.string()),
                ("value", kind),
                ("cost_pollen", pa.float64()),
                ("error_kind", pa.string()),
                ("error", pa.string()),
            ]
        )

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Do the rows of one batch, unless their file is there already."""
        keys = [str(key) for key in batch[self.key].to_pylist()]
        name = hashlib.sha256("\0".join(keys).encode()).hexdigest()[:24]
        part = self.folder / f"part-{name}.parquet"
        if part.exists():
            return report(pq.read_table(part).to_pylist(), 0, None)
        began_s, cpu_began_s = time.monotonic(), time.process_time()
        outcomes = self._outcomes(batch[self.text].to_pylist())
        records = [
            record_of(self.key, key, outcome)
            for key, outcome in zip(keys, outcomes, strict=True)
            if outcome.error is None or is_final(outcome.error)
        ]
        if records:
            # Whole or not at all: a reader never meets half a file under the final name.
            unfinished = part.with_suffix(".tmp")
            pq.write_table(pa.Table.from_pylist(records, schema=self.schema), unfinished)
            unfinished.replace(part)
        # The first batch of an actor loads modules and connects: it foretells nothing.
        worked, self.is_warm = len(keys) * self.is_warm, True
        return report(
            records,
            len(keys) - len(records),
            stop_reason(outcomes),
            worked=worked,
            cpu_s=time.process_time() - cpu_began_s,
            actor_s=time.monotonic() - began_s,
        )

    def _outcomes(self, texts: Sequence[str | None]) -> list[Outcome]:
        """One outcome a text; a row without a text is not worked on."""
        readable = [text for text in texts if text and text.strip()]
        worked = iter(self._paid_work(readable))
        return [next(worked) if text and text.strip() else Outcome(error=EMPTY) for text in texts]

    def _paid_work(self, texts: list[str]) -> list[Outcome]:
        """The work within the pollen that this actor holds; it draws more while there is some."""
        if self.purse is None or not texts:
            return self.work(texts) if texts else []
        outcomes = self._within_budget(texts)
        while refused := [
            number
            for number, outcome in enumerate(outcomes)
            if isinstance(outcome.error, BudgetSpentError)
        ]:
            self._draw()
            again = self._within_budget([texts[number] for number in refused])
            for number, outcome in zip(refused, again, strict=True):
                outcomes[number] = outcome
            if all(isinstance(outcome.error, BudgetSpentError) for outcome in again):
                break
        return outcomes

    def _draw(self) -> None:
        """Swap what is left of this actor's pollen for a part of what is left of the job's."""
        if self.budget is not None:
            ray.get(self.purse.put_back.remote(self.budget.left))
        self.budget = PollenBudget(ray.get(self.purse.draw.remote()))

    def _within_budget(self, texts: list[str]) -> list[Outcome]:
        if self.budget is None:
            self._draw()
        spent_before = self.budget.spent
        with self.budget:
            outcomes = self.work(texts)
        unpriced = [
            outcome for outcome in outcomes if outcome.error is None and outcome.cost is None
        ]
        for outcome in unpriced:
            outcome.cost = (self.budget.spent - spent_before) / len(unpriced)
        return outcomes


def record_of(key_column: str, key: str, outcome: Outcome) -> dict[str, Any]:
    """One row of a result file."""
    error = outcome.error
    return {
        key_column: key,
        "value": outcome.value,
        "cost_pollen": outcome.cost,
        "error_kind": error and type(error).__name__,
        "error": error and error.message,
    }


def is_final(error: PollinationsError) -> bool:
    """Whether this row alone is at fault, and would be again. Other failures stay for a later
    run.
    """
    return not error.is_retryable and not isinstance(error, HOPELESS)


def stop_reason(outcomes: Sequence[Outcome]) -> str | None:
    """Why no further batch should be begun, or ``None``."""
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    for error in errors:
        if isinstance(error, HOPELESS):
            return f"{type(error).__name__}: {error.message}"
    if len(errors) == len(outcomes) and all(
        isinstance(error, APIConnectionError) for error in errors
    ):
        return f"{type(errors[0]).__name__}: {errors[0].message}"
    return None


def report(
    records: list[dict[str, Any]],
    postponed: int,
    stop: str | None,
    *,
    worked: int = 0,
    cpu_s: float = 0.0,
    actor_s: float = 0.0,
) -> pa.Table:
    """One row of counts, which is all that goes back to the driver.

    The batch took an actor ``actor_s`` seconds, ``cpu_s`` of them on the CPU. From ``worked`` rows
    of it may be told what further rows take.
    """
    costs = [record["cost_pollen"] for record in records]
    return pa.table(
        {
            "done": [len(records)],
            "errors": [sum(record["error_kind"] is not None for record in records)],
            "postponed": [postponed],
            "cost": [float(sum(cost for cost in costs if cost is not None))],
            "worked": [worked],
            "cpu_s": [cpu_s],
            "actor_s": [actor_s],
            "stop": pa.array([stop], pa.string()),
        }
    )


# -- in the driver


def arguments(description: str) -> argparse.ArgumentParser:
    """What both jobs take."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("source", help="Parquet file or folder with the rows")
    parser.add_argument("results", type=Path, help="folder for the results")
    parser.add_argument("--key", default="id", help="column that names a row")
    parser.add_argument("--text", default="text", help="column that is read")
    parser.add_argument("--actors", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=128, help="rows of one file")
    parser.add_argument("--concurrency", type=int, default=32, help="calls of one actor at a time")
    parser.add_argument("--budget", type=float, help="pollen for the whole job, all runs together")
    parser.add_argument("--limit", type=int, help="rows of this run, to see what they cost")
    return parser


def run(
    options: argparse.Namespace,
    make_work: Callable[[], Work],
    recipe: dict[str, Any],
    kind: pa.DataType,
) -> None:
    """Do what is missing in the folder of results. Raises :class:`JobError` with one message
    where the job cannot go on.
    """
    check_recipe(options.results, recipe)
    broken = drop_broken_parts(options.results)
    total = checked_keys(options.source, options.key)
    done = read_done(options.results, options.key)
    print(f"{total} rows, {len(done)} done before, {broken} broken files to do again.", flush=True)
    if len(done) >= total:
        return
    start_ray()
    purse = purse_for(options, done)
    tally = Tally(done, min(total, len(done) + (options.limit or total)))
    stop, shown_at = None, time.monotonic()
    for counted in _reports(options, make_work, kind, done[options.key], purse):
        stop = tally.add(counted)
        if stop:
            break
        if time.monotonic() - shown_at > PROGRESS_EVERY_S and not tally.is_complete():
            shown_at = time.monotonic()
            print(tally.progress(), flush=True)
    print(tally.progress(), flush=True)
    if purse is not None:
        left = options.budget - tally.counts["cost"]
        print(f"{left:.4f} of {options.budget:g} pollen are left.", flush=True)
    if stop:
        raise JobError(f"Stopped: {stop}\nWhat is done is kept; run the same command again.")
    print(tally.costs_of_a_row(options.actors), flush=True)


class Tally:
    """What all runs have done, and how fast this one does it."""

    def __init__(self, done: pa.Table, total: int) -> None:
        self.before, self.total = len(done), total
        self.counts: Counter[str] = Counter(
            done=len(done),
            errors=len(done) - done["error_kind"].null_count,
            cost=pc.sum(done["cost_pollen"]).as_py() or 0,
        )
        self.began: float | None = None

    def add(self, counted: dict[str, Any]) -> str | None:
        """Count the report of a batch. Returns why the job must stop, if it must."""
        if self.began is None:
            # The clock starts with the first batch: Ray takes a while to start its actors.
            self.began = time.monotonic() - counted["actor_s"]
        self.counts.update(
            {name: counted[name] for name in ("done", "errors", "postponed", "cost")}
        )
        if counted["worked"]:
            self.counts.update({name: counted[name] for name in ("worked", "cpu_s", "actor_s")})
        stop: str | None = counted["stop"]
        return stop

    def is_complete(self) -> bool:
        """Whether no row of this run is open."""
        return self.counts["done"] + self.counts["postponed"] >= self.total

    def progress(self) -> str:
        """How far the job is, and how long it will take at this pace."""
        counts, now = self.counts, time.monotonic()
        new_rows, pace = counts["done"] - self.before, ""
        if self.began is not None and new_rows:
            rate = new_rows / (now - self.began)
            pace = f" ({rate:.0f} a second, {(self.total - counts['done']) / rate:.0f} s to go)"
        return (
            f"{counts['done']} of {self.total} rows done{pace}, {counts['errors']} bad,"
            f" {counts['postponed']} left for a later run, {counts['cost']:.4f} pollen"
        )

    def costs_of_a_row(self, actors: int) -> str:
        """What ``estimate.py`` asks for, as it is typed there."""
        counts, worked = self.counts, self.counts["worked"]
        if not worked:
            return "Too few rows to tell what further ones cost."
        # The gateway does not say what vectors cost; with a budget the price list does.
        pollen_a_row = f"{counts['cost'] / counts['done']:.3g}" if counts["cost"] else "..."
        return (
            f"For more rows: estimate.py --actors {actors}"
            f" --actor-ms {counts['actor_s'] * 1000 / worked:.2f}"
            f" --cpu-ms {counts['cpu_s'] * 1000 / worked:.2f}"
            f" --pollen-a-row {pollen_a_row} --rows ... --cores ..."
        )


def purse_for(options: argparse.Namespace, done: pa.Table) -> Any:
    """The pollen that earlier runs left of the job's budget, or ``None`` without a budget."""
    if options.budget is None:
        return None
    spent = pc.sum(done["cost_pollen"]).as_py() or 0.0
    return Purse.remote(max(options.budget - spent, 0.0), options.actors)


def _reports(
    options: argparse.Namespace,
    make_work: Callable[[], Work],
    kind: pa.DataType,
    done: Any,
    purse: Any,
) -> Iterator[dict[str, Any]]:
    finished = ray.put(done.combine_chunks())

    def drop_finished(batch: pa.Table) -> pa.Table:
        keys = pc.cast(batch[options.key], pa.string())
        return batch.filter(pc.invert(pc.is_in(keys, value_set=ray.get(finished))))

    rows = ray.data.read_parquet(options.source, columns=[options.key, options.text]).map_batches(
        drop_finished, batch_format="pyarrow"
    )
    if options.limit:
        rows = rows.limit(options.limit)
    # A block is a batch is a file: what Ray runs again after a crash is one batch.
    rows = rows.repartition(target_num_rows_per_block=options.batch_size)
    reports = rows.map_batches(
        Worker,
        batch_size=options.batch_size,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=options.actors),
        num_cpus=CPUS_OF_AN_ACTOR,
        fn_constructor_kwargs={
            "make_work": make_work,
            "folder": str(options.results.resolve()),
            "key": options.key,
            "text": options.text,
            "kind": kind,
            "purse": purse,
        },
    )
    yield from reports.iter_rows()


def start_ray() -> None:
    """Join the cluster that ``RAY_ADDRESS`` names, or start one on this machine.

    The key is not passed on: each worker reads it from its own environment.
    """
    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS", "local")
        cores = max(MIN_LOCAL_CORES, os.cpu_count() or 1)
        ray.init(
            address,
            num_cpus=cores if address == "local" else None,
            log_to_driver=False,
            include_dashboard=False,
            logging_level=logging.ERROR,
        )
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = sys.stderr.isatty()
