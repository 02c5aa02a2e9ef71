"""``make scale``: run the Ray jobs of ``examples/`` over the emulator, with all that can fail.

A small job is measured and foretells a large one. The large one is killed, run again, loses an
actor, then its gateway for ten seconds; a row is bad, a file half written, a budget too small, a
key revoked. Requests are counted in the emulator's log. Names of steps run those alone:

    .venv-scale/bin/python tools/scale.py embed_rows http_processor
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Read by Ray when it is imported. A busy machine takes longer than Ray's 60 s to start a worker;
# workers that may never be needed only hinder, and so do the dozen actors that Ray 2.60 starts to
# look at the footers of one file.
os.environ.update(
    RAY_worker_register_timeout_seconds="600",
    RAY_prestart_worker_first_driver="0",
    RAY_enable_worker_prestart="0",
    RAY_worker_niceness="0",
    RAY_DATA_USE_DATASOURCE_V2="0",
    RAY_USAGE_STATS_ENABLED="0",
    PYTHONPATH=str(Path(__file__).parents[1] / "examples"),
)
sys.path.insert(0, os.environ["PYTHONPATH"])

import psutil
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import ray
import ray_embed
import ray_job
import ray_label
from estimate import Estimate, duration, estimate
from scale_gateway import ANSWER_S, KEY

ROOT = Path(__file__).parents[1]
ROWS = 5_000
SAMPLE_ROWS = 576
# Six full rounds of calls make a batch, six batches the sample.
BATCH, ACTORS, CONCURRENCY = 96, 2, 16
DEAD_S = 10
STEP_LIMIT_S = 1_200
MAX_STARTS = 5
COSTS = re.compile(r"--actor-ms ([\d.]+) --cpu-ms ([\d.]+) --pollen-a-row ([\d.e-]+)")


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

    def start(self, *options: str) -> None:
        """Serve, with a line in the log for each request."""
        command = [sys.executable, str(ROOT / "tools" / "scale_gateway.py"), str(self.port)]
        with self.log.open("a") as lines:
            self.process = psutil.Popen([*command, *options], stdout=lines)
        while self.process.is_running():
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            time.sleep(0.1)
        self.start_cpu_s = self.process_cpu_s()

    def kill(self) -> None:
        """Die as when a machine fails; the caches are gone too."""
        self.cpu_s += self.process_cpu_s() - self.start_cpu_s
        self.process.kill()
        self.process.wait()

    def process_cpu_s(self) -> float:
        """CPU of the process that serves now."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def requests(self) -> int:
        """How many paid requests have come, refused ones among them."""
        return self.log.read_text().count("POST /v1/")


@dataclass
class Scene:
    """What all steps share: the gateway, a folder, and what the small job foretold."""

    gateway: Gateway
    folder: Path
    foretold: dict[str, Estimate] = field(default_factory=dict)

    @property
    def rows(self) -> Path:
        """The rows of the large job."""
        return self.folder / "rows.parquet"

    @property
    def labels(self) -> Path:
        """The results of the large job."""
        return self.folder / "labels"

    def large_job(self) -> list[str]:
        """The arguments of the large job."""
        return [str(self.rows), str(self.labels), "--budget=5", *WIDTH]


WIDTH = (f"--batch-size={BATCH}", f"--actors={ACTORS}", f"--concurrency={CONCURRENCY}")


class Job:
    """``ray_label.py`` as a process, its output in a file."""

    def __init__(self, scene: Scene, arguments: list[str]) -> None:
        self.output = scene.folder / f"{time.monotonic_ns()}.out"
        self.began = time.time()
        with self.output.open("w") as out:
            self.process = psutil.Popen(
                [sys.executable, str(ROOT / "examples" / "ray_label.py"), *arguments],
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def actors(self) -> list[psutil.Process]:
        """The processes that label for this job."""
        found = []
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                is_worker = any("MapWorker" in word for word in child.cmdline()[:1])
                if is_worker and child.create_time() > self.began:
                    found.append(child)
        return found

    def text(self) -> str:
        """What it printed."""
        return self.output.read_text()


def in_process(main: Callable[[list[str]], None], arguments: list[str]) -> tuple[str, str]:
    """Run an example's ``main`` here, where Ray runs already. Returns its output and its error."""
    output, error = io.StringIO(), ""
    with contextlib.redirect_stdout(output):
        try:
            main(arguments)
        except ray_job.JobError as failure:
            error = str(failure)
    print(indented(output.getvalue() + error), flush=True)
    return output.getvalue(), error


def wait_for(what: str, holds: Callable[[], bool], job: Job | None = None) -> None:
    """Wait for it, for as long as a busy machine may need; end the run where it never comes."""
    end = time.monotonic() + STEP_LIMIT_S
    while not holds():
        is_over = job is not None and job.process.poll() is not None
        if is_over or time.monotonic() > end:
            check(what, holds(), job)
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
        if job is not None:
            print(indented(job.text(), 60))
        sys.exit(1)


def write_rows(file: Path, count: int, subject: str, bad_row: int | None = None) -> None:
    """Short reviews, one of which may have no text."""
    texts: list[str | None] = [
        f"{subject} {n}: the soup was cold on day {n}." for n in range(count)
    ]
    if bad_row is not None:
        texts[bad_row] = None
    keys = [f"row-{number:06d}" for number in range(count)]
    pq.write_table(pa.table({"id": keys, "text": texts}), file)


# -- the steps


def small_job(scene: Scene) -> None:
    """576 rows are measured; they foretell 5,000 and ten million."""
    source = scene.folder / "sample.parquet"
    write_rows(source, 2 * SAMPLE_ROWS, "Sample")
    before = scene.gateway.requests()
    arguments = [str(source), str(scene.folder / "sample"), "--budget=5", *WIDTH]
    output, _ = in_process(ray_label.main, [*arguments, f"--limit={SAMPLE_ROWS}"])
    rows_done = len(results(scene.folder / "sample"))
    check(f"--limit={SAMPLE_ROWS} does {rows_done} rows", rows_done == SAMPLE_ROWS)
    costs = COSTS.search(output)
    check("the job tells what a row costs", costs is not None)
    assert costs is not None
    actor_ms, cpu_ms, pollen_a_row = map(float, costs.groups())
    rows_a_request = SAMPLE_ROWS / (scene.gateway.requests() - before)
    for name, rows, actors, cores, requests_per_s in (
        ("5,000 rows", ROWS, ACTORS, os.cpu_count() or 1, None),
        ("10 million rows, 64 such actors on 8 cores", 10_000_000, 64, 8, None),
        ("10 million rows from one address", 10_000_000, 64, 8, 10.0),
    ):
        foretold = scene.foretold[name] = estimate(
            rows,
            actors=actors,
            actor_ms=actor_ms,
            cpu_ms=cpu_ms,
            cores=cores,
            pollen_a_row=pollen_a_row,
            requests_per_s=requests_per_s,
            rows_a_request=rows_a_request,
        )
        print(
            f"   foretold: {name}: {duration(foretold.seconds)} ({foretold.bottleneck}),"
            f" {duration(foretold.cpu_s)} of CPU, {foretold.requests:.0f} requests,"
            f" {foretold.pollen:.4g} pollen",
            flush=True,
        )


def large_job(scene: Scene) -> None:
    """5,000 rows, killed -9, run again; an actor is killed, then the gateway for ten seconds."""
    gateway = scene.gateway
    write_rows(scene.rows, ROWS, "Review", bad_row=ROWS // 3)
    before, cpu_before_s = gateway.requests(), gateway.cpu_s + gateway.process_cpu_s()

    def sent() -> int:
        return gateway.requests() - before

    job = Job(scene, scene.large_job())
    wait_for("600 requests", lambda: sent() >= 600, job)
    job.process.kill()
    job.process.wait()
    wait_for("Ray ends the actors of a job that is gone", lambda: not job.actors())
    kept, sent_before_kill = len(results(scene.labels)), sent()
    check(f"killed -9: {kept} rows are kept of {sent_before_kill} requests", kept > 0)
    lost = sent_before_kill - kept
    check(f"lost is what was under way, a batch of each actor: {lost}", lost <= ACTORS * BATCH)

    job = Job(scene, scene.large_job())
    wait_for("400 more requests", lambda: sent() >= sent_before_kill + 400, job)
    job.actors()[0].kill()
    print("   run again, and an actor was killed", flush=True)
    wait_for("800 more requests", lambda: sent() >= sent_before_kill + 1_200, job)
    gateway.kill()
    print(f"   the gateway was killed, for {DEAD_S} s", flush=True)
    time.sleep(DEAD_S)
    gateway.start()
    wait_for("calls after the dead time", lambda: sent() >= sent_before_kill + 1_800, job)
    calm_from, calm_began = sent(), time.monotonic()
    wait_for("most rows", lambda: sent() >= ROWS - 300, job)
    row_s = (time.monotonic() - calm_began) / (sent() - calm_from)
    code = job.process.wait(STEP_LIMIT_S)
    print(indented(job.text()))
    check("the second run ended well", code == 0, job)

    table = results(scene.labels)
    check(f"every row is there once: {len(table)}", len(set(table["id"].to_pylist())) == ROWS)
    check("and no row twice", len(table) == ROWS)
    bad = [row for row in table.to_pylist() if row["error_kind"]]
    check(f"one bad row, by its key: {bad}", [row["id"] for row in bad] == [f"row-{ROWS // 3:06d}"])
    repeated = sent() - (ROWS - 1)
    # A batch of each actor of the killed job, a batch of the killed actor, calls of the dead time.
    most = (ACTORS + 1) * BATCH + ACTORS * CONCURRENCY
    check(f"{repeated} of {sent()} requests were repeats, at most {most} may be", repeated <= most)
    emulator_ms = (gateway.cpu_s + gateway.process_cpu_s() - cpu_before_s) * 1000 / sent()
    print(f"   the emulator took {emulator_ms:.2f} ms of CPU a request")
    if "5,000 rows" in scene.foretold:
        compare(scene.foretold["5,000 rows"], job, row_s, sent(), table)


def compare(foretold: Estimate, job: Job, row_s: float, requests: int, table: pa.Table) -> None:
    """Hold what the small job foretold beside what the large one took.

    Counts must agree. Times are said and not demanded: neighbours on the machine change them.
    """
    costs = COSTS.search(job.text())
    assert costs is not None
    measured = {
        "requests": (foretold.requests, requests, True),
        "pollen": (foretold.pollen, sum(table["cost_pollen"].drop_null().to_pylist()), True),
        "s of CPU": (foretold.cpu_s, float(costs[2]) * ROWS / 1000, False),
        "s without faults": (foretold.seconds, row_s * ROWS, False),
    }
    for name, (expected, actual, is_demanded) in measured.items():
        off = expected / actual - 1
        sentence = f"{expected:.4g} {name} foretold, {actual:.4g} measured: {off:+.1%}"
        is_close = abs(off) < 0.2
        if is_demanded or is_close:
            check(sentence, is_close, job)
        else:
            print(f"    {sentence}, more than 20 %, at a load of {os.getloadavg()[0]:.0f}")


def second_run(scene: Scene) -> None:
    """The same command does what is missing: nothing, then the rows of a file cut in half."""
    before = scene.gateway.requests()
    in_process(ray_label.main, scene.large_job())
    check("when all is done it sends nothing", scene.gateway.requests() == before)
    part = next(scene.labels.glob("part-*.parquet"))
    rows = pq.read_metadata(part).num_rows
    part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
    _, error = in_process(ray_label.main, scene.large_job())
    check("with a file cut in half it ends well", not error)
    sent = scene.gateway.requests() - before
    check(f"its {rows} rows alone were done again: {sent} requests", rows - 1 <= sent <= rows)
    check("every row is there once", len(results(scene.labels)) == ROWS)


def other_recipes(scene: Scene) -> None:
    """A folder keeps the results of one model and one prompt."""
    before = scene.gateway.requests()
    for other in ("--prompt=Shorten: {text}", "--model=claude"):
        _, error = in_process(ray_label.main, [*scene.large_job(), other])
        check(f"refused: {other}", "another folder" in error)
    check("and nothing was sent", scene.gateway.requests() == before)


def small_budget(scene: Scene) -> None:
    """0.008 pollen for the whole job are too little; what is left is told."""
    before, few = scene.gateway.requests(), scene.folder / "few"
    source = scene.folder / "reviews.parquet"
    write_rows(source, 1_000, "Budget")
    arguments = [str(source), str(few), "--budget=0.008", "--batch-size=16", "--concurrency=4"]
    output, error = in_process(ray_label.main, arguments)
    check("the job stopped with one message", error.count("BudgetSpentError") == 1)
    check("what is left was told", "of 0.008 pollen are left" in output)
    spent = sum(results(few)["cost_pollen"].drop_null().to_pylist())
    sent = scene.gateway.requests() - before
    check(f"{sent} requests, {spent:.4f} pollen", 0 < spent <= 0.008)


def embed_rows(scene: Scene) -> None:
    """1,000 vectors in requests of 32; one row is bad."""
    source, vectors = scene.folder / "documents.parquet", scene.folder / "vectors"
    write_rows(source, 1_000, "Document", bad_row=333)
    before = scene.gateway.requests()
    arguments = [str(source), str(vectors), "--dimensions=256", "--batch-size=128", "--budget=1"]
    _, error = in_process(ray_embed.main, arguments)
    check("the job ended well", not error)
    table = results(vectors)
    check("every row is there once", len(set(table["id"].to_pylist())) == len(table) == 1_000)
    sizes = {len(value) for value in table["value"].to_pylist() if value is not None}
    is_right = table["value"].null_count == 1 and sizes == {256}
    check(f"one bad row, the others have {', '.join(map(str, sizes))} numbers", is_right)
    sent = scene.gateway.requests() - before
    check(f"{sent} requests", sent <= 1_000 // 32 + 8 + 2)


def revoked_key(scene: Scene) -> None:
    """A key that the gateway refuses stops the job with one message."""
    scene.gateway.kill()
    scene.gateway.start("revoked")
    before, source = scene.gateway.requests(), scene.folder / "refused.parquet"
    write_rows(source, ROWS, "Refused")
    arguments = [str(source), str(scene.folder / "none"), *WIDTH]
    _, error = in_process(ray_label.main, arguments)
    check("one message", error.count("AuthenticationError") == 1)
    check("without the key in it", KEY not in error)
    sent = scene.gateway.requests() - before
    check(f"{sent} requests for {ROWS} rows", 0 < sent <= ACTORS * CONCURRENCY)
    check("no row was written off", not list((scene.folder / "none").glob("part-*.parquet")))
    scene.gateway.kill()
    scene.gateway.start()


def http_processor(scene: Scene) -> None:
    """Ray's own HttpRequestProcessor, with one row of 60 that the gateway refuses.

    Not part of ``make scale``: it says what Ray does, not what we do.
    """
    from ray.data.llm import HttpRequestProcessorConfig, build_processor

    config = HttpRequestProcessorConfig(
        url=f"{scene.gateway.url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {KEY}"},
        qps=100,
        concurrency=1,
    )
    print(f"   Ray {ray.__version__}; the key is in repr(config): {KEY in repr(config)}")
    processor = build_processor(
        config,
        preprocess=lambda row: {
            "payload": {
                "model": "openai",
                "messages": [{"role": "user", "content": row["text"]}],
                # The gateway answers 400 to a temperature of 9.
                "temperature": 9 if row["number"] == 30 else 0,
            }
        },
        postprocess=lambda row: {
            "answer": row["http_response"]["choices"][0]["message"]["content"]
        },
    )
    before = scene.gateway.requests()
    rows = [{"number": number, "text": f"Say {number}."} for number in range(60)]
    try:
        answers = processor(ray.data.from_items(rows)).take_all()
        outcome = f"{len(answers)} rows came"
    except ray.exceptions.RayError as error:
        outcome = f"the job ended with {type(error).__name__}: {str(error).splitlines()[-1][:200]}"
    print(f"   {scene.gateway.requests() - before} requests of 60 rows were sent; {outcome}")


STEPS = {
    step.__name__: step
    for step in (
        small_job,
        large_job,
        second_run,
        other_recipes,
        small_budget,
        embed_rows,
        revoked_key,
    )
}
FURTHER_STEPS = {"http_processor": http_processor}


def start_ray(scene: Scene) -> None:
    """Start one Ray for all steps, again where it misses its own limit of 30 s."""
    for attempt in range(1, MAX_STARTS + 1):
        try:
            ray_job.start_ray()
        except Exception as error:  # Ray raises Exception itself
            if attempt == MAX_STARTS or "timed out during startup" not in str(error):
                raise
            print("   Ray did not start within its 30 s; again", flush=True)
            ray.shutdown()
            kill_children(but=scene.gateway.process)
        else:
            # Jobs that are processes of their own join this Ray.
            os.environ["RAY_ADDRESS"] = ray.get_runtime_context().gcs_address
            return


def kill_children(but: psutil.Process | None = None) -> None:
    """End what this process started, all or all but one."""
    for child in psutil.Process().children(recursive=True):
        if child != but:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


@contextlib.contextmanager
def timed(title: str) -> Iterator[None]:
    """A heading, and the time that its step took."""
    began = time.monotonic()
    print(f"-- {title}", flush=True)
    yield
    print(f"   {duration(time.monotonic() - began)}", flush=True)


def main() -> None:
    """Run every step; the first that fails ends it."""
    began = time.monotonic()
    chosen = sys.argv[1:] or list(STEPS)
    print(
        f"{time.strftime('%d %B %Y')}, Ray {ray.__version__}, Python {sys.version.split()[0]},"
        f" {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}; an answer takes {ANSWER_S} s",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="pollinations-scale-") as name:
        scene = Scene(Gateway(Path(name) / "gateway.log"), Path(name))
        os.environ.update(POLLINATIONS_API_KEY=KEY, POLLINATIONS_BASE_URL=scene.gateway.url)
        try:
            with timed("One Ray for all"):
                start_ray(scene)
                signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Ray has set its own
            for step in chosen:
                run = {**STEPS, **FURTHER_STEPS}[step]
                assert run.__doc__ is not None
                with timed(run.__doc__.splitlines()[0]):
                    run(scene)
        finally:
            # First, for a driver whose Ray is killed ends before it prints a traceback.
            ray.shutdown()
            kill_children()
    print(f"All of it in {duration(time.monotonic() - began)}, load {os.getloadavg()[0]:.0f}.")


def indented(text: str, last: int = 6) -> str:
    """The end of a job's output under its step, without Ray's remarks."""
    lines = [line[:300] for line in text.splitlines() if "(raylet)" not in line]
    return "\n".join(f"   | {line}" for line in lines[-last:])


if __name__ == "__main__":
    main()
