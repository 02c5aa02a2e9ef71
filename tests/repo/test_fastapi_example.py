"""``examples/fastapi_chat.py`` over the emulator, as a server process with many readers."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from pollinations_client.emulator import Emulator, Fault

ROOT = Path(__file__).parents[2]
READERS = 100
CHUNK_DELAY_S = 0.05


@pytest.fixture(scope="module")
def slow_gateway() -> Iterator[Emulator]:
    """A gateway whose streams take a while."""
    with Emulator(delay_s=CHUNK_DELAY_S) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def server(slow_gateway: Emulator) -> Iterator[str]:
    """The example, served by uvicorn on a free port."""
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT / "examples"), "--port", "0"]
    process = subprocess.Popen(
        [*command, "fastapi_chat:app"],
        stderr=subprocess.PIPE,
        text=True,
        env={"POLLINATIONS_BASE_URL": slow_gateway.url, "PATH": "", "PYTHONPATH": str(ROOT)},
    )
    assert process.stderr is not None
    with process, process.stderr:
        try:
            yield next(
                line.split("running on ")[1].split()[0]
                for line in process.stderr
                if "running on " in line
            )
        finally:
            process.terminate()


async def events_of(client: httpx.AsyncClient, question: str) -> AsyncIterator[dict[str, object]]:
    """The events of one answer, as they come."""
    async with client.stream("POST", "/chat", json={"question": question}) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line:
                yield json.loads(line.removeprefix("data: "))


async def read_all(client: httpx.AsyncClient, question: str) -> list[dict[str, object]]:
    """A reader who stays."""
    return [event async for event in events_of(client, question)]


async def leave_early(client: httpx.AsyncClient, question: str) -> None:
    """A reader who leaves after two words."""
    events = events_of(client, question)
    await anext(events)
    await anext(events)
    await events.aclose()  # type: ignore[attr-defined]


async def test_many_readers_share_one_model_object(server: str, slow_gateway: Emulator) -> None:
    """Each gets an own answer, whole, in pieces."""
    slow_gateway.clear()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=server, limits=limits, timeout=60, verify=False
    ) as client:
        answers = await asyncio.gather(
            *(read_all(client, f"Say 'reader {number}'") for number in range(READERS))
        )
    for number, events in enumerate(answers):
        assert events[-1] == {"done": True}
        assert f"reader {number}" in "".join(str(event["text"]) for event in events[:-1])
        assert len(events) >= 3
    assert len(slow_gateway.requests) == READERS
    assert slow_gateway.disconnects == 0


async def test_readers_who_leave_end_their_streams_upstream(
    server: str, slow_gateway: Emulator
) -> None:
    """Every one of them, and those who stay are not disturbed."""
    slow_gateway.clear()
    limits = httpx.Limits(max_connections=None)
    long = "Repeat these words: " + "word " * 200
    async with httpx.AsyncClient(
        base_url=server, limits=limits, timeout=60, verify=False
    ) as client:
        staying = asyncio.create_task(read_all(client, "Say 'I stay'"))
        await asyncio.gather(*(leave_early(client, f"{n}: {long}") for n in range(READERS)))
        assert (await staying)[-1] == {"done": True}
    async with asyncio.timeout(20):
        while slow_gateway.disconnects < READERS:
            await asyncio.sleep(0.05)
    assert slow_gateway.disconnects == READERS


async def test_a_failure_is_an_event_that_tells_no_reader_about_keys(
    server: str, slow_gateway: Emulator
) -> None:
    """The operator's log has the error; the reader learns whether to try again."""
    slow_gateway.clear()
    slow_gateway.script(Fault("status", status=401))
    async with httpx.AsyncClient(base_url=server, timeout=60, verify=False) as client:
        events = await read_all(client, "Hello")
    assert events == [{"error": "No answer could be given.", "try_again": False}]
