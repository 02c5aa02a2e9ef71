"""Limits, headers and keys of one call."""

from __future__ import annotations

import asyncio
import pickle
import time
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

from llamaindex_pollinations import Pollinations, PollinationsEmbedding
from pollinations_client import APITimeoutError, AuthenticationError, InvalidRequestError
from pollinations_client.emulator import Emulator
from support.rawserver import raw_server

KEY = "sk_function_key_0123456789"
HI = [ChatMessage(content="hi")]


def test_a_call_has_limits_of_its_own() -> None:
    """In the call or in ``additional_kwargs``, streamed or not."""
    with raw_server(lambda _peer, _: time.sleep(1)) as server:
        llm = Pollinations(model="openai", api_base=server.url)
        own: dict[str, Any] = {"timeout": 0.2, "max_retries": 0}
        usual = Pollinations(model="openai", api_base=server.url, additional_kwargs=own)
        calls: list[Any] = [
            lambda: llm.chat(HI, **own),
            lambda: list(llm.stream_chat(HI, **own)),
            lambda: llm.complete("x", **own),
            lambda: asyncio.run(llm.achat(HI, **own)),
            lambda: usual.chat(HI),
        ]
        for call in calls:
            with pytest.raises(APITimeoutError, match=r"0\.2 s"):
                call()
        assert len(server.requests) == len(calls)
        assert not [request for request in server.requests if b"timeout" in request]


def test_options_of_openais_class_are_accepted(gateway: Emulator) -> None:
    """``DocumentContextExtractor`` gives the first, ragas the others."""
    llm = Pollinations(model="openai", api_base=gateway.url)
    assert llm.chat(HI, extra_headers={"x-cache-hint": "1"}).message.content
    assert gateway.requests[-1].headers["x-cache-hint"] == "1"
    assert "extra_headers" not in gateway.requests[-1].json
    assert llm.complete("x", n=1, temperature=0.01, stop=None).text
    assert "n" not in gateway.requests[-1].json
    assert llm.complete("x", n=None).text
    with pytest.raises(InvalidRequestError, match="one answer"):
        llm.complete("x", n=2)


def test_a_key_function_is_asked_and_its_value_is_in_no_dump(gateway: Emulator) -> None:
    """Sync, or async for async calls."""

    async def fetch_key() -> str:
        return KEY

    llm = Pollinations(model="openai", api_base=gateway.url, api_key=lambda: KEY)
    other = Pollinations(model="openai", api_base=gateway.url, api_key=fetch_key)
    assert llm.complete("x").text
    assert list(llm.stream_complete("x"))
    assert asyncio.run(other.acomplete("x")).text
    for request in gateway.requests:
        assert request.headers["authorization"] == f"Bearer {KEY}"
    for text in (repr(llm), llm.to_json(), llm.model_dump_json(), repr(pickle.dumps(llm))):
        assert KEY not in text


async def test_many_chats_with_a_wrong_key_end_after_the_first_refusal() -> None:
    """With ``refusal_memory_s`` what begins after a 401 is not sent and has the same error."""
    with Emulator() as gateway:
        options: dict[str, Any] = {"api_key": "sk_invalid", "api_base": gateway.url}
        llm = Pollinations(model="openai", refusal_memory_s=60, **options)
        embed_model = PollinationsEmbedding(refusal_memory_s=60, **options)
        with pytest.raises(AuthenticationError):
            await llm.achat(HI)
        chats = [llm.achat(HI) for _ in range(50)]
        embeddings = [embed_model.aget_text_embedding(f"row {n}") for n in range(50)]
        outcomes = await asyncio.gather(*chats, *embeddings, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {AuthenticationError}
        assert len(gateway.requests) == 1
