"""Carry a pickled model of either framework through Dask, Daft and Spark, over the emulator.

    python -m venv .venv-engines
    .venv-engines/bin/pip install -e '.[all]' 'dask[bag,distributed]' daft pyspark pandas pyarrow
    .venv-engines/bin/python tools/scale_engines.py        # Spark needs a Java runtime

Each engine runs workers in processes of its own, which read the key from their environment. One of
the rows is bad; it must come back as an error beside the others. The snippets are in docs/scale.md.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from langchain_core.messages import AIMessage

from langchain_pollinations import ChatPollinations
from llamaindex_pollinations import Pollinations
from pollinations_client import PollinationsError
from pollinations_client.emulator import Emulator

KEY = "sk_demo_0123456789abcdef"
ROWS = 40
BAD_ROW = 7
PARTITIONS = 4
Record = dict[str, Any]


def texts() -> list[str]:
    """Short texts, one of which no gateway takes."""
    rows = [f"The soup was cold, {number}." for number in range(ROWS)]
    rows[BAD_ROW] = ""
    return rows


# -- what runs in the workers


def label(model: ChatPollinations, rows: Iterable[str]) -> list[Record]:
    """Ask LangChain's model, several rows at a time."""
    answers = model.batch(list(rows), return_exceptions=True)
    return [record_of(answer) for answer in answers]


def record_of(answer: AIMessage | Exception) -> Record:
    """Return a row's text, or the kind of its error."""
    if isinstance(answer, AIMessage):
        return {"value": answer.text, "error": None, "pid": os.getpid()}
    return {"value": None, "error": type(answer).__name__, "pid": os.getpid()}


def complete(model: Pollinations, rows: Iterable[str]) -> list[Record]:
    """Ask LlamaIndex's model, one row after the other."""
    records = []
    for row in rows:
        try:
            records.append({"value": model.complete(row).text, "error": None, "pid": os.getpid()})
        except PollinationsError as error:
            records.append({"value": None, "error": type(error).__name__, "pid": os.getpid()})
    return records


# -- the engines


def with_dask(model: Any, work: Callable[..., list[Record]]) -> list[Record]:
    """Run on Dask: a bag's partitions, in worker processes."""
    import dask.bag

    client = dask_client()
    bag = dask.bag.from_sequence(texts(), npartitions=PARTITIONS)
    records = bag.map_partitions(lambda rows: work(model, rows)).compute(scheduler=client)
    return list(records)


@cache
def dask_client() -> Any:
    """Two worker processes, started once."""
    from dask.distributed import Client

    return Client(n_workers=2, threads_per_worker=1, dashboard_address=None)


def with_daft(model: Any, work: Callable[..., list[Record]]) -> list[Record]:
    """Run on Daft: a class whose constructor takes the model, in processes of its own."""
    import daft
    from daft import DataType

    @daft.cls(use_process=True, max_concurrency=2)
    class Worker:
        def __init__(self, model: Any) -> None:
            self.model = model

        @daft.method.batch(return_dtype=DataType.string())
        def label(self, rows: daft.Series) -> list[str]:
            return [json.dumps(record) for record in work(self.model, rows.to_pylist())]

    worker = Worker(model)
    frame = daft.from_pydict({"text": texts()}).select(worker.label(daft.col("text")).alias("r"))
    return [json.loads(record) for record in frame.to_pydict()["r"]]


def with_spark(model: Any, work: Callable[..., list[Record]]) -> list[Record]:
    """Run on Spark: ``mapInPandas`` with the model in the closure."""
    import pandas as pd
    from pyspark.sql import SparkSession

    def run(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            yield pd.DataFrame(work(model, frame["text"]))

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.executorEnv.POLLINATIONS_API_KEY", KEY)
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    frame = spark.createDataFrame([[text] for text in texts()], "text string")
    rows = frame.repartition(PARTITIONS).mapInPandas(run, "value string, error string, pid long")
    return [row.asDict() for row in rows.collect()]


ENGINES = {"dask": with_dask, "daft": with_daft, "pyspark": with_spark}


def check(engine: str, name: str, gateway: Emulator, records: list[Record]) -> None:
    """Print what came, and end the program where a row is missing or paid twice."""
    bad = [record["error"] for record in records if record["error"]]
    workers = {record["pid"] for record in records} - {os.getpid()}
    sent = len(gateway.requests)
    holds = len(records) == ROWS and bad == ["InvalidRequestError"] and sent == ROWS - 1
    print(
        f"{'ok ' if holds and workers else 'NOT'} {engine} {importlib.metadata.version(engine)},"
        f" {name}: {len(records)} rows, {sent} requests, {len(workers)} worker processes, {bad}",
        flush=True,
    )
    if not holds or not workers:
        sys.exit(1)


def main() -> None:
    """Run the engines that are named, or all."""
    os.environ["POLLINATIONS_API_KEY"] = KEY
    os.environ["PYSPARK_PYTHON"] = sys.executable  # else Spark's workers run the PATH's python3
    with Emulator() as gateway:
        os.environ["POLLINATIONS_BASE_URL"] = gateway.url
        models: list[tuple[str, Any, Callable[..., list[Record]]]] = [
            ("ChatPollinations", ChatPollinations("openai"), label),
            ("Pollinations", Pollinations("openai"), complete),
        ]
        for _, model, _ in models:
            pickled = pickle.dumps(model)
            has_key = KEY.encode() in pickled
            print(f"{type(model).__name__}: {len(pickled)} bytes, the key in it: {has_key}")
        for engine in sys.argv[1:] or ENGINES:
            for name, model, work in models:
                gateway.clear()
                began = time.monotonic()
                check(engine, name, gateway, ENGINES[engine](model, work))
                print(f"   {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
