"""Collectors for traces: LangSmith's protocol on loopback, and spans of OpenTelemetry in memory."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import langsmith
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

# Without all five fields the client falls back on its own guesses.
LANGSMITH_INFO = {
    "version": "0.10",
    "batch_ingest_config": {
        "size_limit": 100,
        "size_limit_bytes": 20_000_000,
        "scale_up_nthreads_limit": 1,
        "scale_up_qsize_trigger": 1_000,
        "use_multipart_endpoint": False,
    },
}


@contextlib.contextmanager
def trace_collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """An address for traces, and what was sent to it: path and body, inflated."""
    received: list[tuple[str, bytes]] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, json.dumps(LANGSMITH_INFO).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            received.append((self.path, body))
            self._answer(202, b"{}")

        do_PATCH = do_POST  # noqa: N815 - the name that http.server looks for

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the console."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def langsmith_collector() -> Iterator[tuple[langsmith.Client, list[tuple[str, bytes]]]]:
    """A client of LangSmith, and what it has sent after ``client.flush()``."""
    with trace_collector() as (url, received):
        client = langsmith.Client(api_url=url, api_key="x")
        try:
            yield client, received
        finally:
            client.close()


def stored_runs(received: list[tuple[str, bytes]]) -> str:
    """The runs as LangSmith keeps them: what is told of a run later is laid over what came first.

    How often a run is told depends on when its batch went out.
    """
    runs: dict[str, Any] = {}
    for _, body in received:
        batch = json.loads(body)
        for run in [*batch.get("post", ()), *batch.get("patch", ())]:
            runs.setdefault(run["id"], {}).update(run)
    return json.dumps(runs)


def spans_in_memory() -> tuple[TracerProvider, InMemorySpanExporter]:
    """A provider whose finished spans stay in the exporter."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def written(spans: tuple[ReadableSpan, ...]) -> str:
    """Spans as they would be sent."""
    return "\n".join(span.to_json(indent=None) for span in spans)
