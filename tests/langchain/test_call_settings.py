"""Limits, headers and keys of one call."""

from __future__ import annotations

import asyncio
import pickle
import time
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumps

from langchain_pollinations import ChatPollinations
from pollinations_client import APITimeoutError, InvalidRequestError
from pollinations_client.emulator import Emulator
from support.rawserver import raw_server

KEY = "sk_function_key_0123456789"


@pytest.mark.parametrize("name", ["timeout", "request_timeout", "total_timeout"])
def test_a_call_has_limits_of_its_own(name: str) -> None:
    """Given to the call or bound, streamed or not."""
    with raw_server(lambda _peer, _: time.sleep(1)) as server:
        llm = ChatPollinations(model="openai", base_url=server.url)
        bound = llm.bind(**{name: 0.2}, max_retries=0)
        calls: list[Any] = [
            lambda: llm.invoke("x", **{name: 0.2}, max_retries=0),
            lambda: bound.invoke("x"),
            lambda: list(bound.stream("x")),
            lambda: asyncio.run(bound.ainvoke("x")),
        ]
        for call in calls:
            with pytest.raises(APITimeoutError, match=r"0\.2 s"):
                call()
        assert len(server.requests) == len(calls)
        assert not [request for request in server.requests if b"timeout" in request]


def test_extra_headers_are_sent_and_neither_traced_nor_part_of_a_caches_key(
    gateway: Emulator,
) -> None:
    """A secret in them stays there."""
    params: list[Any] = []

    class Tracer(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **options: Any) -> None:
            params.append((args, options))

    llm = ChatPollinations(model="openai", base_url=gateway.url, cache=InMemoryCache())
    own = {"extra_headers": {"x-secret": "hush-hush"}}
    first = llm.invoke("x", config={"callbacks": [Tracer()]}, **own)
    again = llm.invoke("x")
    assert first.content == again.content
    assert len(gateway.requests) == 1
    assert gateway.requests[0].headers["x-secret"] == "hush-hush"
    assert "extra_headers" not in gateway.requests[0].json
    assert "hush-hush" not in repr(params)


def test_more_answers_than_the_stream_can_bring_are_still_refused(gateway: Emulator) -> None:
    """One is what it brings."""
    llm = ChatPollinations(model="openai", base_url=gateway.url)
    assert list(llm.stream("x", n=1))
    with pytest.raises(InvalidRequestError):
        list(llm.stream("x", n=2))


def test_a_key_function_is_asked_and_its_value_is_in_no_dump(gateway: Emulator) -> None:
    """As ChatOpenAI takes it: sync, or async for async calls."""

    async def fetch_key() -> str:
        return KEY

    llm = ChatPollinations(model="openai", base_url=gateway.url, api_key=lambda: KEY)
    other = ChatPollinations(model="openai", base_url=gateway.url, api_key=fetch_key)
    assert llm.invoke("x").text
    assert list(llm.stream("x"))
    assert llm.model_copy(update={"temperature": 0.1}).invoke("x").text
    assert asyncio.run(other.ainvoke("x")).text
    assert asyncio.run(llm.ainvoke("x")).text
    for request in gateway.requests:
        assert request.headers["authorization"] == f"Bearer {KEY}"
    for text in (repr(llm), dumps(llm), llm.model_dump_json(), repr(pickle.dumps(llm))):
        assert KEY not in text
