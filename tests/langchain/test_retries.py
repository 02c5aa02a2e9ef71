"""Retries, timeouts and streams that stall."""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import Any

import httpx
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware
from langchain_core.exceptions import (
    ModelAuthenticationError,
    ModelError,
    ModelTimeoutError,
)

from langchain_pollinations import ChatPollinations
from pollinations_client import (
    PollinationsError,
)
from pollinations_client.emulator import Body, Chunks, Emulator, Fault, Frames
from support.langchain import chunk


@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize("stream", [False, True])
def test_retries_are_as_many_as_asked_for(
    gateway: Emulator, make: Any, retries: int, stream: bool
) -> None:
    """None is none."""
    gateway.script(Fault("status", times=5, status=503, retry_after_ms="1"))
    llm = make(max_retries=retries)
    with pytest.raises(ModelError):
        list(llm.stream("x")) if stream else llm.invoke("x")
    assert len(gateway.requests) == retries + 1


def test_half_a_cached_answer_is_not_asked_for_again_by_what_looks_at_the_error(
    gateway: Emulator, make: Any
) -> None:
    """The gateway would give the same half. A bare ``with_retry`` repeats every Exception; with a
    function it looks, as LangChain's middleware does by itself.
    """
    half = Chunks([chunk({"content": "ha"})], done=False, headers={"X-Cache": "HIT"})
    gateway.script(*[half] * 4)
    llm = make(streaming=True)
    careful = llm.with_retry(retry_if_exception_type=lambda error: error.is_retryable)
    agent = create_agent(llm, middleware=[ModelRetryMiddleware(on_failure="error")])
    for ask in (
        lambda: careful.invoke("x"),
        lambda: agent.invoke({"messages": [("user", "x")]}),
    ):
        sent = len(gateway.requests)
        with pytest.raises(PollinationsError, match="another seed"):
            ask()
        assert len(gateway.requests) == sent + 1


@pytest.mark.parametrize("timeout", [0.2, httpx.Timeout(0.2)])
def test_a_timeout_is_seconds_or_an_object(gateway: Emulator, make: Any, timeout: Any) -> None:
    """And ends as LangChain's own class."""
    gateway.script(Fault("stall"))
    with pytest.raises(ModelTimeoutError):
        make(timeout=timeout, max_retries=0).invoke("x")


@pytest.mark.parametrize("sync", [True, False])
def test_a_silent_stream_ends(gateway: Emulator, make: Any, sync: bool) -> None:
    """Between chunks too, sync and async."""
    first = b"data: " + json.dumps(chunk({"content": "Half"})).encode() + b"\n\n"
    gateway.script(Frames(first, Frames.HANG))
    llm = make(stream_idle_timeout=0.2)

    async def read() -> None:
        async for _ in llm.astream("x"):
            pass

    with pytest.raises(ModelTimeoutError):
        list(llm.stream("x")) if sync else asyncio.run(read())


@pytest.mark.parametrize(("status", "requests"), [(429, 3), (500, 2), (400, 1)])
@pytest.mark.parametrize("how", ["invoke", "stream"])
def test_retries_are_counted_and_zero_is_none(
    gateway: Emulator, make: Any, status: int, requests: int, how: str
) -> None:
    """In streams too."""
    refusal = Body({"error": {"message": "no"}}, status=status, headers={"retry-after": "0.01"})
    for options, expected in (({}, requests), ({"max_retries": 0}, 1)):
        gateway.clear()
        gateway.script(*[refusal] * 5)
        with pytest.raises(PollinationsError):
            result = getattr(make(**options), how)("x")
            list(result) if inspect.isgenerator(result) else result
        assert len(gateway.requests) == expected


@pytest.mark.parametrize("comments", [False, True])
def test_a_stalled_stream_ends(gateway: Emulator, make: Any, comments: bool) -> None:
    """Sync and async; comments do not count as progress of the answer, but as life of the
    connection.
    """
    first = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n'
    frames = Frames(
        first,
        *([b": ping\n\n", 0.1] * 30 if comments else []),
        Frames.HANG,
        headers={"content-type": "text/event-stream"},
    )
    llm = make(stream_idle_timeout=0.3, total_timeout=1)
    gateway.script(frames, frames)
    with pytest.raises(ModelTimeoutError) as caught:
        list(llm.stream("x"))
    assert caught.value.partial.text == "x"

    async def go() -> None:
        async for _ in llm.astream("y"):
            pass

    with pytest.raises(ModelTimeoutError):
        asyncio.run(go())


async def test_a_batch_with_a_wrong_key_ends_after_the_first_refusals() -> None:
    """With ``refusal_memory_s`` only what was under way is sent; every row has the error."""
    rows = [f"row {number}" for number in range(200)]
    with Emulator() as gateway:
        llm = ChatPollinations(
            "openai", api_key="sk_invalid", base_url=gateway.url, refusal_memory_s=60
        )
        answers = await llm.abatch(rows, {"max_concurrency": 8}, return_exceptions=True)
        assert all(isinstance(answer, ModelAuthenticationError) for answer in answers)
        assert len(answers) == 200
        assert len(gateway.requests) <= 8
