"""Print what ``examples/langchain_batch.py`` costs: CPU beside LangChain's own batch, and memory.

    python tools/batch_cost.py [rows]           # 100,000 by default

The gateway is a process that answers every request with the same bytes, so that nearly all CPU
counted is the client's. The emulator's own CPU a request, in a process of its own, comes last.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

from langchain_batch import PROMPT, label

from langchain_pollinations import ChatPollinations
from pollinations_client.emulator import Emulator

CONCURRENCY = 32
FLOOR_ROWS = 5_000
KEY = "sk_demo_0123456789abcdef"
REPLY = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "openai/gpt-5.4-nano",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 30, "completion_tokens": 1, "total_tokens": 31},
    }
).encode()


class FloorModel(BaseChatModel):
    """Answers at once, without I/O: what is left is LangChain's own cost."""

    @property
    def _llm_type(self) -> str:
        return "floor"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("ok"))])

    async def _agenerate(self, *arguments: Any, **options: Any) -> ChatResult:
        return self._generate(*arguments, **options)


class FixedAnswer(asyncio.Protocol):
    """The same answer to each request; its body is looked for by ``Content-Length`` alone."""

    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(REPLY)}\r\n\r\n"
    )

    def connection_made(self, transport: Any) -> None:
        """Connected."""
        self.transport, self.received = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            length = int(self.received[:end].lower().split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self.received) < end + 4 + length:
                return
            self.received = self.received[end + 4 + length :]
            self.transport.write(self.head.encode() + REPLY)


def serve(port_to: Connection) -> None:
    """The gateway's process."""

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(FixedAnswer, "127.0.0.1", 0)
        port_to.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def rows(count: int) -> Any:
    """Short rows, made when they are needed."""
    return ({"id": number, "text": f"The soup was cold, {number}."} for number in range(count))


def cpu_of(work: Callable[[], Coroutine[Any, Any, None]]) -> float:
    """Seconds of CPU of this process."""
    began_s = time.process_time()
    asyncio.run(work())
    return time.process_time() - began_s


def floor_ratio() -> tuple[float, float, float]:
    """CPU of the example's loop over CPU of LangChain's own, both with the floor model."""
    chain = ChatPromptTemplate.from_template(PROMPT) | FloorModel()

    async def plain() -> None:
        batch = list(rows(FLOOR_ROWS))
        async for _ in chain.abatch_as_completed(batch, {"max_concurrency": CONCURRENCY}):
            pass

    async def ours() -> None:
        async for _ in label(chain, rows(FLOOR_ROWS), CONCURRENCY):
            pass

    cpu_of(ours)
    least = [min(cpu_of(work) for _ in range(3)) for work in (plain, ours)]
    return least[1] / least[0], least[0], least[1]


def resident_mb() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def many_rows(url: str, count: int) -> None:
    """Label ``count`` rows and print CPU and memory."""
    model = ChatPollinations("openai", api_key=KEY, base_url=url)
    chain = ChatPromptTemplate.from_template(PROMPT) | model
    highest_mb = 0.0

    async def work(count: int) -> None:
        nonlocal highest_mb
        done = 0
        async for _, answer in label(chain, rows(count), CONCURRENCY):
            if isinstance(answer, Exception):
                raise answer
            done += 1
            if done % 1_000 == 0:
                highest_mb = max(highest_mb, resident_mb())

    asyncio.run(work(200))
    start_mb, began_s = resident_mb(), time.monotonic()
    cpu_s = cpu_of(lambda: work(count))
    seconds = time.monotonic() - began_s
    print(f"{count} rows: {cpu_s / count * 1000:.2f} ms CPU a row, {count / seconds:.0f} a second")
    print(f"memory: {start_mb:.0f} MB at the start, {highest_mb - start_mb:+.0f} MB at most")


def serve_emulator(pipe: Connection) -> None:
    """The emulator's process: sends its address, then the CPU that it used until it is asked."""
    with Emulator() as gateway:
        began_s = time.process_time()
        pipe.send(gateway.url)
        pipe.recv()
        pipe.send((time.process_time() - began_s, len(gateway.requests)))


def emulator_cost(count: int = 2_000) -> float:
    """CPU of the emulator a request, in milliseconds, as its own process counts it."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve_emulator, args=(there,))
    process.start()
    many_rows(here.recv(), count)
    here.send("enough")
    cpu_s, requests = here.recv()
    process.join()
    return float(cpu_s) * 1000 / requests


def main() -> None:
    """Print all figures."""
    ratio, plain_s, ours_s = floor_ratio()
    print(
        f"{FLOOR_ROWS} rows, floor model: {plain_s:.2f} s CPU plain, {ours_s:.2f} s with the loop"
    )
    print(f"ratio {ratio:.3f}")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    here, there = multiprocessing.Pipe()
    gateway = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    gateway.start()
    many_rows(f"http://127.0.0.1:{here.recv()}", count)
    gateway.terminate()
    print(f"the emulator: {emulator_cost():.2f} ms CPU a request")
    print(f"cores: {os.cpu_count()}, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
