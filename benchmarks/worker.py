"""One target in a process of its own: takes a scenario a line on stdin, answers with its cost.

A reply that was not read back whole is an error and not a result.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
import warnings
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from scripts import WHOLE_ANSWER, Script
from targets import TARGETS

CALLS = 20  # of one measurement that is no stream
TOOLS = 10


class NotWholeError(AssertionError):
    """A reply lacks something of what the gateway sent."""


class Adapter:
    """A target's model, asked and read in its framework's own way."""

    def __init__(self, name: str, port: int) -> None:
        self._target = TARGETS[name]
        self._address = f"http://127.0.0.1:{port}"
        self._models: dict[str, Any] = {}
        self.is_langchain = self._target.framework == "langchain"

    def model(self, script: str) -> Any:
        """The model for a script, made once."""
        if script not in self._models:
            self._models[script] = self._target.make(f"{self._address}/{script}")
        return self._models[script]

    def messages(self, number: int) -> Any:
        """A conversation of so many messages that ends with the user."""
        texts = [f"Message {place} of a conversation about bees." for place in range(number)]
        if self.is_langchain:
            from langchain_core.messages import AIMessage, HumanMessage

            kinds: tuple[Any, ...] = (HumanMessage, AIMessage)
            turns = [kinds[place % 2](text) for place, text in enumerate(texts)]
            return [*turns, HumanMessage("And now?")]
        from llama_index.core.base.llms.types import ChatMessage

        roles = ("user", "assistant")
        turns = [ChatMessage(role=roles[n % 2], content=text) for n, text in enumerate(texts)]
        return [*turns, ChatMessage(role="user", content="And now?")]

    def call(self, llm: Any, messages: Any) -> None:
        """One answer that is not streamed."""
        answer = llm.invoke(messages) if self.is_langchain else llm.chat(messages)
        self._check_whole(answer)

    async def acall(self, llm: Any, messages: Any) -> None:
        """The same, awaited."""
        answer = await (llm.ainvoke(messages) if self.is_langchain else llm.achat(messages))
        self._check_whole(answer)

    def _check_whole(self, answer: Any) -> None:
        text = str(answer.text) if self.is_langchain else answer.message.content
        if text != WHOLE_ANSWER:
            raise NotWholeError(f"{text!r} came for {WHOLE_ANSWER!r}")

    def stream(self, name: str) -> None:
        """One streamed answer."""
        tally = Tally(self.is_langchain)
        llm, messages = self.model(name), self.messages(0)
        for chunk in llm.stream(messages) if self.is_langchain else llm.stream_chat(messages):
            tally.add(chunk)
        tally.check(Script.named(name))

    async def astream(self, name: str) -> None:
        """The same, awaited."""
        tally = Tally(self.is_langchain)
        llm, messages = self.model(name), self.messages(0)
        chunks = llm.astream(messages) if self.is_langchain else await llm.astream_chat(messages)
        async for chunk in chunks:
            tally.add(chunk)
        tally.check(Script.named(name))


class Tally:
    """What came back in the chunks of a stream."""

    def __init__(self, is_langchain: bool) -> None:
        self._pieces: dict[str, list[str]] = {"text": [], "reasoning": [], "arguments": []}
        self.add: Callable[[Any], None] = self._add_chunk if is_langchain else self._add_response
        self._last: Any = None

    def _add_chunk(self, chunk: Any) -> None:
        if chunk.content:
            self._pieces["text"].append(str(chunk.text))
        if thought := chunk.additional_kwargs.get("reasoning_content"):
            self._pieces["reasoning"].append(thought)
        for call in chunk.tool_call_chunks:
            self._pieces["arguments"].append(call["args"] or "")

    def _add_response(self, response: Any) -> None:
        self._last = response
        self._pieces["text"].append(response.delta or "")
        self._pieces["reasoning"].append(response.additional_kwargs.get("thinking_delta") or "")

    def check(self, script: Script) -> None:
        """Raise :class:`NotWholeError` unless all of a script's words came."""
        words = "".join(script.words)
        came = "".join(self._pieces[script.kind])
        if script.kind == "arguments" and self._last is not None:
            came = self._arguments_of_last_response()
        if script.kind == "arguments":
            came, words = json.dumps(json.loads(came)), json.dumps(json.loads(words))
        if came != words:
            raise NotWholeError(f"{len(came)} of {len(words)} characters of {script.kind} came")

    def _arguments_of_last_response(self) -> str:
        for block in self._last.message.blocks:
            if type(block).__name__ == "ToolCallBlock":
                arguments = block.tool_kwargs
                return arguments if isinstance(arguments, str) else json.dumps(arguments)
        return "null"


class Scenarios:
    """Each method measures one thing and returns CPU and wall seconds a unit."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._loop = asyncio.new_event_loop()

    def stream(self, script: str) -> dict[str, float]:
        """A streamed answer, a chunk."""
        self._adapter.model(script)
        return measured(lambda: self._adapter.stream(script), Script.named(script).pieces)

    def astream(self, script: str) -> dict[str, float]:
        """The same, awaited."""
        self._adapter.model(script)
        run = self._blocking(lambda: self._adapter.astream(script))
        return measured(run, Script.named(script).pieces)

    def streams(self, script: str, number: int) -> dict[str, float]:
        """Many streams at once on one loop, a chunk of them; wall time is that of all."""

        async def all_streams() -> None:
            await asyncio.gather(*(self._adapter.astream(script) for _ in range(number)))

        run = self._blocking(all_streams)
        result = measured(run, Script.named(script).pieces * number)
        return {**result, "wall": result["wall"] * Script.named(script).pieces * number}

    def calls(self, messages: int = 0) -> dict[str, float]:
        """Answers that are not streamed, a call."""
        llm, asked = self._adapter.model("whole"), self._adapter.messages(messages)
        return measured(lambda: [self._adapter.call(llm, asked) for _ in range(CALLS)], CALLS)

    def acalls(self) -> dict[str, float]:
        """The same, awaited one after the other."""
        llm, asked = self._adapter.model("whole"), self._adapter.messages(0)

        async def all_calls() -> None:
            for _ in range(CALLS):
                await self._adapter.acall(llm, asked)

        return measured(self._blocking(all_calls), CALLS)

    def make(self, number: int) -> dict[str, float]:
        """Models made, each."""
        make, address = self._adapter._target.make, self._adapter._address
        return measured(lambda: [make(f"{address}/whole") for _ in range(number)], number)

    def _blocking(self, run: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        return lambda: self._loop.run_until_complete(run())


def measured(run: Callable[[], Any], units: int) -> dict[str, float]:
    """CPU seconds of this process, all threads, and wall seconds, of one unit of ``run``."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    return {
        "cpu": (time.process_time() - cpu) / units,
        "wall": (time.perf_counter() - wall) / units,
    }


def main() -> None:
    """Answer scenarios until stdin ends."""
    name, port = sys.argv[1:]
    sys.path.insert(1, TARGETS[name].path or str(Path(__file__).parents[1]))
    warnings.simplefilter("ignore")
    scenarios = Scenarios(Adapter(name, int(port)))
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer: dict[str, Any] = getattr(scenarios, asked.pop("do"))(**asked)
        except Exception as error:  # noqa: BLE001 - of any package; it is told in the table
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
