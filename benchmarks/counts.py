"""Count the interpreter's steps per chunk, message, call and model: a guard that noise cannot move.

    python benchmarks/counts.py            compare with counts.json; fails where a count grew
    python benchmarks/counts.py --write    store the counts of this version of Python

``bytecodes`` are executed in our three packages. ``calls`` are into anything, so they are compared
while the frameworks are of the versions that were counted. Both are the difference of a long run
and a short one, so that what is done once falls out. The answers come from memory, through a client
that is given: no socket and no clock. ``modules`` are those that an import loads beside the
framework and httpx. Time in C, JSON say, and memory are not seen here: that is for ``run.py``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from scripts import Script, whole_body

ROOT = Path(__file__).resolve().parents[1]
COUNTS = Path(__file__).with_name("counts.json")
PACKAGES = ("pollinations_client", "langchain_pollinations", "llamaindex_pollinations")
FRAMEWORKS = ("langchain-core", "llama-index-core", "httpx", "pydantic")
MAX_GROWTH, MAX_STEPS = 0.03, 0.5
SHORT, LONG, VERY_LONG = 100, 400, 4000

Counts = dict[str, dict[str, float]]
Run = Callable[[], Any]


class Case(NamedTuple):
    """What is counted: ``make`` gives a run of so many units."""

    name: str
    make: Callable[[int], Run]
    short: int = SHORT
    long: int = LONG


def _answers(kind: str, pieces: int) -> httpx.Client:
    """A client whose every answer comes from memory, each event in a piece of its own."""
    events = Script(kind, pieces).events if pieces else []

    def answer(request: httpx.Request) -> httpx.Response:
        if b'"stream":true' not in request.content:
            return httpx.Response(200, content=whole_body())
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, stream=_Pieces(events))

    return httpx.Client(transport=httpx.MockTransport(answer))


class _Pieces(httpx.SyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


def langchain_cases() -> Iterator[Case]:
    """What LangChain's half costs."""
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

    from langchain_pollinations import ChatPollinations

    def model(kind: str = "", pieces: int = 0) -> Any:
        client = _answers(kind, pieces)
        return ChatPollinations(api_key="sk_x", base_url="http://gateway", http_client=client)

    def stream(kind: str) -> Callable[[int], Run]:
        return lambda pieces: _consumer(model(kind, pieces).stream, "hi")

    def history(messages: int) -> Run:
        llm, asked = model(), [HumanMessage("q")]
        for number in range(messages // 4):
            call = {"name": "f", "args": {"a": 1}, "id": f"t{number}"}
            asked += [AIMessage("", tool_calls=[call]), ToolMessage("r", tool_call_id=call["id"])]
            asked += [AIMessage("a"), HumanMessage("q")]
        return lambda: llm.invoke(asked)

    def calls(number: int) -> Run:
        llm = model()
        return lambda: [llm.invoke("hi") for _ in range(number)]

    def made(number: int) -> Run:
        options = {"api_key": "sk_x", "base_url": "http://gateway"}
        return lambda: [ChatPollinations("openai", **options) for _ in range(number)]

    for kind in ("text", "reasoning", "arguments"):
        yield Case(f"LangChain, a chunk of {kind}", stream(kind))
    yield Case("LangChain, a chunk of text in a long answer", stream("text"), LONG, VERY_LONG)
    yield Case("LangChain, a message of the history", history, 40, 160)
    yield Case("LangChain, a call of invoke", calls, 2, 12)
    yield Case("LangChain, a model made", made, 2, 12)


def llamaindex_cases() -> Iterator[Case]:
    """What LlamaIndex's half costs."""
    from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock

    from llamaindex_pollinations import Pollinations

    asked = [ChatMessage(role="user", content="hi")]

    def model(kind: str = "", pieces: int = 0) -> Any:
        client = _answers(kind, pieces)
        return Pollinations(api_key="sk_x", api_base="http://gateway", http_client=client)

    def stream(kind: str) -> Callable[[int], Run]:
        return lambda pieces: _consumer(model(kind, pieces).stream_chat, asked)

    def history(messages: int) -> Run:
        llm, conversation = model(), [*asked]
        for number in range(messages // 4):
            about = {"tool_call_id": f"t{number}"}
            call = ToolCallBlock(**about, tool_name="f", tool_kwargs={"a": 1})
            conversation += [ChatMessage(role="assistant", blocks=[call])]
            conversation += [ChatMessage(role="tool", content="r", additional_kwargs=about)]
            conversation += [ChatMessage(role="assistant", content="a"), *asked]
        return lambda: llm.chat(conversation)

    def calls(number: int) -> Run:
        llm = model()
        return lambda: [llm.chat(asked) for _ in range(number)]

    def made(number: int) -> Run:
        options = {"api_key": "sk_x", "api_base": "http://gateway"}
        return lambda: [Pollinations("openai", **options) for _ in range(number)]

    for kind in ("text", "reasoning", "arguments"):
        yield Case(f"LlamaIndex, a chunk of {kind}", stream(kind))
    yield Case("LlamaIndex, a chunk of text in a long answer", stream("text"), LONG, VERY_LONG)
    yield Case("LlamaIndex, a message of the history", history, 40, 160)
    yield Case("LlamaIndex, a call of chat", calls, 2, 12)
    yield Case("LlamaIndex, a model made", made, 2, 12)


def _consumer(method: Callable[[Any], Any], asked: Any) -> Run:
    def consume() -> int:
        return sum(1 for _ in method(asked))

    return consume


def bytecodes_of(run: Run) -> int:
    """How many instructions of our packages a run executes."""
    roots = tuple(str(ROOT / package) for package in PACKAGES)
    is_ours: dict[str, bool] = {}
    count = 0

    def in_ours(_frame: Any, event: str, _argument: Any) -> Any:
        nonlocal count
        if event == "opcode":
            count += 1
        return in_ours

    def on_call(frame: Any, _event: str, _argument: Any) -> Any:
        name = frame.f_code.co_filename
        if name not in is_ours:
            is_ours[name] = name.startswith(roots)
        if not is_ours[name]:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return in_ours

    sys.settrace(on_call)
    try:
        run()
    finally:
        sys.settrace(None)
    return count


def calls_of(run: Run) -> int:
    """How many functions a run calls, in Python and in C, ours and others'."""
    count = 0

    def on_event(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        if event in {"call", "c_call"}:
            count += 1

    sys.setprofile(on_event)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


def counted(case: Case) -> dict[str, float]:
    """Bytecodes and calls of one more unit."""
    short, long = case.make(case.short), case.make(case.long)
    for run in (short, long):
        run()
        run()  # caches are warm, and the interpreter has specialised what it can
    units = case.long - case.short
    return {
        name: round((count(long) - count(short)) / units, 2)
        for name, count in (("bytecodes", bytecodes_of), ("calls", calls_of))
    }


def modules_loaded(package: str, framework: str) -> int:
    """How many modules an import of ``package`` loads beside ``framework`` and httpx."""
    program = (
        f"import sys, httpx, {framework}; before = set(sys.modules); import {package};"
        " print(len(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return int(done.stdout)


def counts_now() -> Counts:
    """All counts of this checkout."""
    found = {case.name: counted(case) for case in (*langchain_cases(), *llamaindex_cases())}
    for name, package, framework in (
        ("LangChain", PACKAGES[1], "langchain_core.language_models.chat_models"),
        ("LlamaIndex", PACKAGES[2], "llama_index.core.llms.function_calling"),
    ):
        found[f"{name}, the import"] = {"modules": modules_loaded(package, framework)}
    return found


def grown(known: Counts, found: Counts, *, with_calls: bool = True) -> list[str]:
    """What costs more than it did, in sentences."""
    return [
        f"{name}: {count:g} {what}, {known[name][what]:g} before"
        for name, counts in found.items()
        for what, count in counts.items()
        if (with_calls or what == "bytecodes")
        if count > known.get(name, {}).get(what, count) * (1 + MAX_GROWTH) + MAX_STEPS
    ]


def main() -> None:
    """Count, and store or compare."""
    sys.path.insert(0, str(ROOT))
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    versions = {name: metadata.version(name) for name in FRAMEWORKS}
    stored = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    found = counts_now()
    if "--write" in sys.argv:
        stored[python] = {"versions": versions, "counts": found}
        COUNTS.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
        print(f"Stored the counts of Python {python}.")
        return
    if python not in stored:
        print(f"No counts of Python {python} yet: `make bench` stores them.")
        return
    is_same = stored[python]["versions"] == versions
    if failures := grown(stored[python]["counts"], found, with_calls=is_same):
        sys.exit("\n".join(["More steps than before:", *failures, "`make bench` stores new ones."]))
    print(f"{len(found)} counts of steps are as they were.")


if __name__ == "__main__":
    main()
