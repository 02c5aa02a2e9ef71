"""``make scale``: run the Ray jobs of ``examples/`` over the emulator, with all that can fail.

The whole job is killed once, then an actor, then the gateway is dead for ten seconds; a row is
bad, a file is half written, a key is wrong. Requests are counted in the emulator's log.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[1]
ROWS = 5_000
BATCH, ACTORS, CONCURRENCY = 100, 2, 32
DEAD_S = 10
KEY = "sk_demo_0123456789abcdef"
RUN_LIMIT_S = 1_800
MAX_STARTS = 4
PROGRESS = re.compile(r"(\d+) of .* ([\d.]+) pollen, ([\d.]+) ms CPU")
# A busy machine takes longer than Ray's 60 s to start a worker; those it may not need only hinder.
SLOW_MACHINE = {
    "RAY_worker_register_timeout_seconds": "600",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_enable_worker_prestart": "0",
    "RAY_worker_niceness": "0",
    # A dozen actors that look at the footers of one file.
    "RAY_DATA_USE_DATASOURCE_V2": "0",
}


class Gateway:
    """The emulator in a process of its own, which can be killed and started again."""

    def __init__(self, log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.log = log
        self.cpu_s = 0.0
        self.start()

    @property
    def url(self) -> str:
        """Its address, the same after a restart."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve, with a line in the log for each request."""
        with self.log.open("a") as lines:
            self.process = psutil.Popen(
                [sys.executable, "-m", "pollinations_client.emulator", f"--port={self.port}"],
                stdout=lines,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        while socket.socket().connect_ex(("127.0.0.1", self.port)):
            time.sleep(0.1)

    def kill(self) -> None:
        """As when a machine fails; the caches are gone too."""
        self.cpu_s += self.process.cpu_times().user + self.process.cpu_times().system
        self.process.kill()
        self.process.wait()

    def requests(self) -> int:
        """How many paid requests it has answered, refusals among them."""
        return self.log.read_text().count("POST /v1/")


class Job:
    """One run of an example, its output in a file."""

    def __init__(self, gateway: Gateway, folder: Path, *arguments: str, key: str = KEY) -> None:
        script, *rest = arguments
        self.command = [sys.executable, str(ROOT / "examples" / script), *rest]
        self.folder = folder
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "POLLINATIONS_API_KEY": key,
            "POLLINATIONS_BASE_URL": gateway.url,
            **SLOW_MACHINE,
        }
        self.start()

    def start(self) -> None:
        """Run the command."""
        self.output = self.folder / f"{time.monotonic_ns()}.out"
        with self.output.open("w") as out:
            self.process = psutil.Popen(
                self.command, stdout=out, stderr=subprocess.STDOUT, env=self.environment
            )

    def wait(self) -> int:
        """The exit code. Where Ray itself did not start in its 30 s, the job is started again."""
        for _ in range(MAX_STARTS):
            code = int(self.process.wait(RUN_LIMIT_S))
            if "timed out during startup" not in self.text():
                break
            print("   Ray did not start in time; again", flush=True)
            self.start()
        return code

    def actors(self) -> list[psutil.Process]:
        """The processes that label, among those that this run started."""
        found = []
        for child in self.process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if any("MapWorker" in word for word in child.cmdline()[:1]):
                    found.append(child)
        return found

    def kill(self) -> None:
        """The driver and everything it started, at once."""
        tree = [*self.process.children(recursive=True), self.process]
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(tree, timeout=20)

    def text(self) -> str:
        """What it printed."""
        return self.output.read_text()


def until(gateway: Gateway, requests: int, job: Job) -> None:
    """Wait until the gateway has answered so many, or the job is over."""
    while gateway.requests() < requests and job.process.is_running():
        if job.process.status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)


def results(folder: Path) -> pa.Table:
    """Every part of a folder."""
    parts = [str(part) for part in folder.glob("part-*.parquet")]
    return pyarrow.dataset.dataset(parts).to_table()


def check(sentence: str, holds: bool, job: Job | None = None) -> None:
    """Say it, and end the run where it does not hold."""
    print(f"{'ok ' if holds else 'NOT'} {sentence}", flush=True)
    if not holds:
        print(indented(job.text(), 60) if job is not None else "")
        sys.exit(1)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """A heading with the time it took."""
    began = time.monotonic()
    print(f"-- {title}", flush=True)
    yield
    print(f"   {time.monotonic() - began:.0f} s", flush=True)


def write_rows(file: Path, count: int) -> None:
    """Short reviews, one of which has no text."""
    texts: list[str | None] = [f"Review {n}: the soup was cold on day {n}." for n in range(count)]
    texts[count // 3] = None
    keys = [f"row-{number:06d}" for number in range(count)]
    pq.write_table(pa.table({"id": keys, "text": texts}), file)


def main() -> None:
    """Run every step; the first that fails ends it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pollinations-scale-") as name:
        folder = Path(name)
        gateway = Gateway(folder / "gateway.log")
        try:
            for part in (label_rows, again, other_recipes, spent_budget, wrong_key, embed_rows):
                part(gateway, folder)
        finally:
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
    print(f"All of it in {time.monotonic() - began:.0f} s.", flush=True)


def label_command(folder: Path) -> tuple[str, ...]:
    """The labelling job."""
    return (
        *("ray_label.py", str(folder / "rows.parquet"), str(folder / "labels"), "--budget=5"),
        *(f"--batch-size={BATCH}", f"--actors={ACTORS}", f"--concurrency={CONCURRENCY}"),
    )


def label_rows(gateway: Gateway, folder: Path) -> None:
    """5,000 rows through three kinds of failure."""
    labels, command = folder / "labels", label_command(folder)
    write_rows(folder / "rows.parquet", ROWS)
    with step(f"{ROWS} rows; the whole job is killed after about 1,000"):
        job = Job(gateway, folder, *command)
        until(gateway, 1_000, job)
        job.kill()
        sent, done = gateway.requests(), len(results(labels))
        lost = sent - done
        check(f"{done} rows kept of {sent} requests", 0 < done <= sent)
        check(f"at most one batch of each actor is lost: {lost}", lost <= ACTORS * BATCH)
    with step(f"the same command; an actor is killed, then the gateway for {DEAD_S} s"):
        job = Job(gateway, folder, *command)
        until(gateway, sent + 1_000, job)
        actors = job.actors()
        print(indented(job.text()) if not actors else f"   {len(actors)} actors", flush=True)
        actors[0].kill()
        until(gateway, sent + 2_000, job)
        gateway.kill()
        time.sleep(DEAD_S)
        gateway.start()
        code = job.wait()
        print(indented(job.text()))
        check("the job ended well", code == 0, job)
    check_estimate(job.text())
    table = results(labels)
    check(f"every row is there once: {len(table)}", len(set(table["id"].to_pylist())) == ROWS)
    check("and no row twice", len(table) == ROWS)
    bad = [row for row in table.to_pylist() if row["error_kind"]]
    check(f"one bad row, by its key: {bad}", [row["id"] for row in bad] == [f"row-{ROWS // 3:06d}"])
    repeated = gateway.requests() - (ROWS - 1)
    # What the killed job, the killed actor and the dead gateway had under way, and no more.
    check(f"{repeated} of {gateway.requests()} requests were repeats", repeated <= 4 * BATCH)


def check_estimate(output: str) -> None:
    """What the first rows of a run cost foretells what all of them do."""
    counts = [tuple(map(float, line)) for line in PROGRESS.findall(output)]
    (first, pollen, cpu_ms), (last, all_pollen, all_cpu_ms) = counts[0], counts[-1]
    guess = pollen / first * last
    check(
        f"{guess:.4f} pollen foretold after {first:.0f} rows, {all_pollen:.4f} spent;"
        f" {cpu_ms} ms CPU a row foretold, {all_cpu_ms} used",
        abs(guess / all_pollen - 1) < 0.2 and abs(cpu_ms / all_cpu_ms - 1) < 0.2,
    )


def again(gateway: Gateway, folder: Path) -> None:
    """What a second run costs, after all is done and after a file was damaged."""
    labels, command = folder / "labels", label_command(folder)
    with step("the same command, when all is done"):
        before = gateway.requests()
        check("it ends well", Job(gateway, folder, *command).wait() == 0)
        check("and sends nothing", gateway.requests() == before)
    with step("a Parquet file is cut in half"):
        part = next(labels.glob("part-*.parquet"))
        rows = pq.read_metadata(part).num_rows
        part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
        job = Job(gateway, folder, *command)
        check("the job ended well", job.wait() == 0, job)
        sent = gateway.requests() - before
        check(f"its {rows} rows alone were done again: {sent} requests", rows - 1 <= sent <= rows)
        check("every row is there once", len(results(labels)) == ROWS)


def other_recipes(gateway: Gateway, folder: Path) -> None:
    """A folder keeps the results of one model and one prompt."""
    with step("another prompt, another model"):
        before = gateway.requests()
        for other in ("--prompt=Shorten: {text}", "--model=claude"):
            job = Job(gateway, folder, *label_command(folder), other)
            check(f"refused: {other}", job.wait() != 0 and "another folder" in job.text())
        check("and nothing was sent", gateway.requests() == before)


def spent_budget(gateway: Gateway, folder: Path) -> None:
    """A job that may spend little, and tells what is left."""
    with step("0.02 pollen, which is too little"):
        before = gateway.requests()
        job = Job(
            *(gateway, folder, "ray_label.py", str(folder / "rows.parquet"), str(folder / "few")),
            *("--budget=0.02", "--batch-size=50"),
        )
        check("the job stopped", job.wait() != 0)
        print(indented(job.text()))
        spent = sum(row["cost_pollen"] or 0 for row in results(folder / "few").to_pylist())
        check(f"{gateway.requests() - before} requests, {spent:.4f} pollen", 0 < spent <= 0.02)


def wrong_key(gateway: Gateway, folder: Path) -> None:
    """One message, and requests only for what was under way."""
    with step("a wrong key"):
        before = gateway.requests()
        job = Job(
            *(gateway, folder, "ray_label.py", str(folder / "rows.parquet"), str(folder / "none")),
            f"--concurrency={CONCURRENCY}",
            key="sk_invalid",
        )
        check("the job failed", job.wait() != 0)
        print(indented(job.text()))
        sent = gateway.requests() - before
        check(f"{sent} requests for {ROWS} rows", 0 < sent <= ACTORS * CONCURRENCY)
        check("one message", job.text().count("AuthenticationError") == 1)


def embed_rows(gateway: Gateway, folder: Path) -> None:
    """1,000 rows in requests of 32, one of them bad."""
    with step("1,000 vectors"):
        source, vectors, before = folder / "documents.parquet", folder / "vectors", 0
        write_rows(source, 1_000)
        before = gateway.requests()
        command = ("ray_embed.py", str(source), str(vectors), "--dimensions=256")
        job = Job(gateway, folder, *command, "--batch-size=128")
        code = job.wait()
        print(indented(job.text()))
        check("the job ended well", code == 0, job)
        table = results(vectors)
        check("every row is there once", len(set(table["id"].to_pylist())) == len(table) == 1_000)
        sizes = {len(value) for value in table["value"].to_pylist() if value is not None}
        check("one bad row, the others have 256 numbers", table["value"].null_count == 1)
        check(f"sizes: {sizes}", sizes == {256})
        sent = gateway.requests() - before
        check(f"{sent} requests", sent <= 1_000 // 32 + 8 + 2)


def indented(text: str, last: int = 6) -> str:
    """The end of a job's output under its step, without Ray's remarks."""
    lines = [line[:300] for line in text.splitlines() if "(raylet)" not in line]
    return "\n".join(f"   | {line}" for line in lines[-last:])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
