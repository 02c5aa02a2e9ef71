"""Peak memory of calls with a picture in base64, the payload. Run as a script, for itself alone.

Prints, in JSON, how many times the payload was in memory at the peak of each call, without what the
caller holds already.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock

from langchain_pollinations import ChatPollinations
from llamaindex_pollinations import Pollinations
from pollinations_client import AsyncPollinationsClient, PollinationsClient

PAYLOAD_BYTES = 4 * 1024 * 1024
# One allocation: a text of two parts would leave a gap in the heap that hides a copy.
PICTURE_URL = "data:image/png;base64,".ljust(PAYLOAD_BYTES + 22, "A")
# Large blocks are mapped and given back one by one, so that no gap of the heap hides or adds one.
ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_MMAP_MAX_": "65536"}
RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


class LangChainCalls:
    """Calls of ``ChatPollinations``."""

    def __init__(self, address: str) -> None:
        self._llm = ChatPollinations("openai", base_url=address)
        picture = {"type": "image_url", "image_url": {"url": PICTURE_URL}}
        self.prompts: dict[str, Any] = {
            "small": [HumanMessage("hi")],
            "picture": [HumanMessage([{"type": "text", "text": "what?"}, picture])],
        }

    def call(self, prompt: Any) -> Any:
        """The whole answer."""
        return self._llm.invoke(prompt)

    async def acall(self, prompt: Any) -> Any:
        """The same, awaited."""
        return await self._llm.ainvoke(prompt)

    def stream(self, prompt: Any) -> Any:
        """The chunks."""
        return list(self._llm.stream(prompt))

    async def astream(self, prompt: Any) -> Any:
        """The same, awaited."""
        return [chunk async for chunk in self._llm.astream(prompt)]


class LlamaIndexCalls:
    """Calls of ``Pollinations``."""

    def __init__(self, address: str) -> None:
        self._llm = Pollinations("openai", api_base=address)
        blocks = [TextBlock(text="what?"), ImageBlock(url=PICTURE_URL)]
        self.prompts: dict[str, Any] = {
            "small": [ChatMessage(role="user", content="hi")],
            "picture": [ChatMessage(role="user", blocks=blocks)],
        }

    def call(self, prompt: Any) -> Any:
        """The whole answer."""
        return self._llm.chat(prompt)

    async def acall(self, prompt: Any) -> Any:
        """The same, awaited."""
        return await self._llm.achat(prompt)

    def stream(self, prompt: Any) -> Any:
        """The chunks."""
        return list(self._llm.stream_chat(prompt))

    async def astream(self, prompt: Any) -> Any:
        """The same, awaited."""
        return [chunk async for chunk in await self._llm.astream_chat(prompt)]


class ClientCalls:
    """Calls of the client alone: a picture as bytes, sound into a file."""

    def __init__(self, address: str) -> None:
        self._client = PollinationsClient(base_url=address)
        self._async_client = AsyncPollinationsClient(base_url=address)
        self._folder = Path(tempfile.mkdtemp())
        self.prompts: dict[str, Any] = {"small": "bee", "picture": "bee"}

    def call(self, prompt: Any) -> Any:
        """The picture."""
        return self._client.image(prompt)

    async def acall(self, prompt: Any) -> Any:
        """The same, awaited."""
        return await self._async_client.image(prompt)

    def stream(self, prompt: Any) -> Any:
        """The file."""
        return self._client.speech(prompt, path=self._folder)

    async def astream(self, prompt: Any) -> Any:
        """The same, awaited."""
        return await self._async_client.speech(prompt, path=self._folder)


CALLS = {"langchain": LangChainCalls, "llamaindex": LlamaIndexCalls, "client": ClientCalls}
# Kind, method, prompt, mode: each is called twice, the first time with little in prompt and answer.
ROWS = [
    (kind, method, prompt, mode)
    for kind in CALLS
    for method, prompt in (("call", "picture"), ("call", "small"), ("stream", "small"))
    for mode in ("sync", "async")
    if (kind, prompt) != ("client", "picture")
]


def peak_payloads(calls: Any, method: str, prompt: str, mode: str) -> float:
    """How many payloads a call takes, after one like it with little in it."""
    loop = asyncio.new_event_loop()
    answers: list[Any] = []

    async def awaited(prompt: Any) -> None:
        answers.append(await getattr(calls, f"a{method}")(prompt))

    def run(prompt: Any) -> None:
        if mode == "async":
            loop.run_until_complete(awaited(prompt))
        else:
            answers.append(getattr(calls, method)(prompt))

    run(calls.prompts["small"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run(calls.prompts[prompt])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return peak * RSS_UNIT_BYTES / PAYLOAD_BYTES


def main() -> None:
    """Measure every row, each in a fork, whose peak begins with what is in use."""
    made = {kind: make(sys.argv[1]) for kind, make in CALLS.items()}
    peaks: dict[str, float] = {}
    for kind, *row in ROWS:
        reading, writing = os.pipe()
        if not os.fork():
            peak = peak_payloads(made[kind], *row)
            os.write(writing, f"{peak:.2f}".encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as result:
            peaks[" ".join([kind, *row])] = float(result.read())
        os.wait()
    print(json.dumps(peaks))


if __name__ == "__main__":
    main()
