"""Streams that nobody reads any more, and ``close()`` beside calls and copies."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest
from httpcore._sync import connection_pool

from langchain_pollinations import ChatPollinations
from pollinations_client.emulator import Emulator


def test_a_stream_collected_inside_the_pools_lock_does_not_block_the_next_call(
    gateway: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector may run anywhere: here where httpcore holds the lock of its pool."""
    assign = connection_pool.ConnectionPool._assign_requests_to_connections

    def collect_then_assign(pool: Any) -> Any:
        gc.collect()
        return assign(pool)

    llm = ChatPollinations(model="openai", base_url=gateway.url)
    answers: list[str] = []
    gc.disable()
    try:
        stream = llm.stream("a long text " * 20)
        next(stream)
        box: list[Any] = [stream]
        box.append(box)
        del stream, box
        monkeypatch.setattr(
            connection_pool.ConnectionPool, "_assign_requests_to_connections", collect_then_assign
        )
        thread = threading.Thread(target=lambda: answers.append(llm.invoke("x").text), daemon=True)
        thread.start()
        thread.join(10)
    finally:
        gc.enable()
    assert answers


def test_closing_a_model_lets_its_copys_stream_end_well(gateway: Emulator) -> None:
    """And a later call of the closed one opens anew."""
    llm = ChatPollinations(model="openai", base_url=gateway.url)
    copied = llm.model_copy(update={"temperature": 0.5})
    chunks = copied.stream("a long text " * 20)
    parts = [next(chunks).text]
    llm.close()
    parts += [chunk.text for chunk in chunks]
    assert "".join(parts)
    assert llm.invoke("x").text
