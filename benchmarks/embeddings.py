"""CPU a text and memory of ``embed()``, beside plain httpx with the same decoding and OpenAI's.

Run: ``python benchmarks/embeddings.py``. OpenAIEmbeddings is measured where langchain-openai is
installed. The server is a process of its own on 127.0.0.1 that sends vectors it made before; CPU is
the client's process time. Wanted: at most 1.15 of plain httpx, at most 0.6 of OpenAIEmbeddings, and
10,000 texts of 1,536 numbers within 60 KB a text.
"""

from __future__ import annotations

import base64
import binascii
import gc
import json
import random
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
from array import array
from collections.abc import Callable

SIZE = 1536
BATCH = 32
TEXTS = [f"text number {number} about bees and flowers" for number in range(2_000)]
MANY = 10_000
ROUNDS = 7
Embed = Callable[[list[str]], list[list[float]]]


def serve() -> None:
    """Answer every request with as many vectors as it has texts, each connection in a thread."""
    numbers = [random.uniform(-1, 1) for _ in range(SIZE)]
    vector = base64.b64encode(struct.pack(f"<{SIZE}f", *numbers)).decode()
    answers = {count: _answer(vector, count) for count in (BATCH, len(TEXTS) % BATCH, MANY % BATCH)}
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=_talk, args=(peer, answers), daemon=True).start()


def _talk(peer: socket.socket, answers: dict[int, bytes]) -> None:
    with peer:
        while request := _request(peer):
            peer.sendall(answers[len(json.loads(request)["input"])])


def _answer(vector: str, count: int) -> bytes:
    item = {"object": "embedding", "embedding": vector}
    data = [{**item, "index": at} for at in range(count)]
    usage = {"prompt_tokens": count, "total_tokens": count}
    body = json.dumps({"object": "list", "data": data, "model": "m", "usage": usage}).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def _request(peer: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = peer.recv(65536)
        if not piece:
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    while len(body) < length:
        body += peer.recv(65536)
    return body


def plain_httpx(url: str) -> Embed:
    """What nobody can do with less: httpx, the fastest JSON at hand, and lists of floats."""
    import httpx
    from pydantic_core import from_json, to_json

    client = httpx.Client(base_url=url)

    def embed(texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            body = {
                "model": "m",
                "encoding_format": "base64",
                "input": texts[start : start + BATCH],
            }
            answer = client.post(
                "/v1/embeddings",
                content=to_json(body),
                headers={"content-type": "application/json"},
            )
            for item in from_json(answer.content)["data"]:
                vectors.append(array("f", binascii.a2b_base64(item["embedding"])).tolist())
        return vectors

    return embed


def ours(url: str) -> Embed:
    """``PollinationsClient.embed``, one request at a time as the others do."""
    from pollinations_client import PollinationsClient

    client = PollinationsClient("sk_benchmark_0123456789", base_url=url, max_concurrency=1)
    return lambda texts: client.embed(texts)


def ours_in_langchain(url: str) -> Embed:
    """``PollinationsEmbeddings``."""
    from langchain_pollinations import PollinationsEmbeddings

    return PollinationsEmbeddings(
        api_key="sk_benchmark_0123456789", base_url=url, max_concurrency=1
    ).embed_documents


def openais(url: str) -> Embed | None:
    """``OpenAIEmbeddings`` with what the gateway needs of it, or None where it is not installed."""
    try:
        from langchain_openai import OpenAIEmbeddings
    except ImportError:
        return None
    return OpenAIEmbeddings(
        model="text-embedding-3-small",
        base_url=f"{url}/v1",
        api_key="sk-benchmark",
        chunk_size=BATCH,
        check_embedding_ctx_length=False,
    ).embed_documents


def cpu_us_a_text(embeds: dict[str, Embed]) -> dict[str, float]:
    """Median microseconds of CPU a text, the candidates taking turns."""
    times: dict[str, list[float]] = {name: [] for name in embeds}
    for turn in range(ROUNDS + 1):
        for name, embed in embeds.items():
            gc.collect()
            start = time.process_time()
            assert len(embed(TEXTS)) == len(TEXTS)
            if turn:  # the first opens connections
                times[name].append((time.process_time() - start) / len(TEXTS) * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def peak_kb_a_text(embed: Embed) -> float:
    """The peak that tracemalloc sees for many texts, in KB a text."""
    texts = [f"text {number}" for number in range(MANY)]
    gc.collect()
    tracemalloc.start()
    vectors = embed(texts)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(vectors) == MANY
    return peak / MANY / 1000


def main() -> None:
    """Print the figures."""
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        embeds: dict[str, Embed] = {
            "plain httpx and decoding": plain_httpx(url),
            "PollinationsClient.embed": ours(url),
            "PollinationsEmbeddings": ours_in_langchain(url),
        }
        if (other := openais(url)) is not None:
            embeds["OpenAIEmbeddings"] = other
        figures = cpu_us_a_text(embeds)
        floor = figures["plain httpx and decoding"]
        for name, figure in figures.items():
            print(f"{name:26} {figure:7.1f} us of CPU a text   {figure / floor:.2f} of plain httpx")
        if other is None:
            print("OpenAIEmbeddings           not installed: pip install langchain-openai")
        print(
            f"embed({MANY:,} texts)        {peak_kb_a_text(ours(url)):7.1f} KB a text at the peak"
        )
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    main()
