"""Streams that nobody reads any more, and ``close()`` beside calls and copies."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest

from langchain_pollinations import ChatPollinations
from pollinations_client.emulator import Emulator
from pollinations_client.transport.http_transport import IdleConnections


def test_a_stream_collected_inside_the_pools_lock_does_not_block_the_next_call(
    gateway: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector may run anywhere: here where the pool of connections holds its lock."""
    take_surplus = IdleConnections._take_surplus

    def collect_then_take(pool: Any) -> Any:
        gc.collect()
        return take_surplus(pool)

    llm = ChatPollinations(model="openai", base_url=gateway.url)
    answers: list[str] = []
    gc.disable()
    try:
        stream = llm.stream("a long text " * 20)
        next(stream)
        box: list[Any] = [stream]
        box.append(box)
        del stream, box
        monkeypatch.setattr(IdleConnections, "_take_surplus", collect_then_take)
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
