"""Label many rows in one process with LangChain, resumable after any end, kill -9 included.

    python examples/langchain_batch.py rows.jsonl labels.jsonl

Every answer is in ``labels.jsonl.cache`` before its row is reported. The same command again takes
from there what is paid for and asks for the rest. Rows are ``{"id": ..., "text": ...}``.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage
from langchain_core.outputs import Generation
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable

from langchain_pollinations import ChatPollinations
from pollinations_client import PollinationsError

PROMPT = "Answer with one word, positive, negative or neutral: how does this text sound?\n\n{text}"
WINDOW_ROWS = 500  # abatch_as_completed makes a task for each row at once: memory grows with them


class SQLiteCache(BaseCache):
    """LangChain's answers in a SQLite file, each written before it is returned.

    ``langchain_community`` has one of the same name, and is not maintained any more.
    """

    def __init__(self, path: str) -> None:
        # LangChain calls from several threads; the lock lets one write at a time.
        self.database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, value)")
        self.lock = threading.Lock()

    def lookup(self, prompt: str, llm_string: str) -> Sequence[Generation] | None:
        """What was answered to this prompt by this model with these options."""
        with self.lock:
            row = self.database.execute(
                "SELECT value FROM answers WHERE key = ?", [self.key_of(prompt, llm_string)]
            ).fetchone()
        return loads(row[0], allowed_objects="core") if row else None

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Store an answer."""
        key, value = self.key_of(prompt, llm_string), dumps(list(return_val))
        with self.lock:
            self.database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", [key, value])

    def clear(self, **_: Any) -> None:
        """Forget all answers."""
        with self.lock:
            self.database.execute("DELETE FROM answers")

    @staticmethod
    def key_of(prompt: str, llm_string: str) -> str:
        """A short name for both."""
        return hashlib.sha256(f"{llm_string}\0{prompt}".encode()).hexdigest()


async def label(
    chain: Runnable[Any, AIMessage], rows: Iterable[dict[str, Any]], concurrency: int
) -> AsyncIterator[tuple[dict[str, Any], AIMessage | PollinationsError]]:
    """Each row with its answer or its error, as they come."""
    rows = iter(rows)
    while window := list(islice(rows, WINDOW_ROWS)):
        answers = chain.abatch_as_completed(
            window, {"max_concurrency": concurrency}, return_exceptions=True
        )
        async for index, answer in answers:
            if isinstance(answer, Exception) and not isinstance(answer, PollinationsError):
                raise answer  # a mistake in the chain, not in a row
            yield window[index], answer


def record_of(row: dict[str, Any], answer: AIMessage | PollinationsError) -> dict[str, Any]:
    """A line of the results."""
    if isinstance(answer, PollinationsError):
        return {"id": row["id"], "error_kind": type(answer).__name__, "error": answer.message}
    return {"id": row["id"], "label": answer.text}


async def run(source: Path, results: Path, model_name: str, concurrency: int) -> None:
    """Write a line for each row; the last one is whole or not there."""
    # A wrong key or a spent balance ends the calls that follow, unsent.
    model = ChatPollinations(
        model_name, cache=SQLiteCache(f"{results}.cache"), refusal_memory_s=60, max_retries=8
    )
    chain = ChatPromptTemplate.from_template(PROMPT) | model
    failed = 0
    with source.open() as lines, results.open("w") as written:
        async for row, answer in label(chain, map(json.loads, lines), concurrency):
            failed += isinstance(answer, PollinationsError)
            written.write(json.dumps(record_of(row, answer), ensure_ascii=False) + "\n")
            written.flush()
    print(f"Done; {failed} rows failed. Run it again for those that may pass.")


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--model", default="openai")
    parser.add_argument("--concurrency", type=int, default=32)
    options = parser.parse_args(argv)
    asyncio.run(run(options.source, options.results, options.model, options.concurrency))


if __name__ == "__main__":
    main()
