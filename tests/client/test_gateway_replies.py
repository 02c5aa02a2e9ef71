"""Replies of the gateway in all its spellings, each met over HTTP."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage
from pydantic import BaseModel

from langchain_pollinations import ChatPollinations
from llamaindex_pollinations import Pollinations
from pollinations_client import (
    AsyncPollinationsClient,
    PollinationsClient,
    RetryPolicy,
    UnknownModelError,
)
from pollinations_client.emulator import Answer, Body, Chunks, Emulator

KEY = "sk_demo_0123456789abcdef"


class Bee(BaseModel):
    """A bee."""

    name: str
    legs: int


@pytest.mark.parametrize(
    "way", ["langchain", "langchain, streamed", "llamaindex", "llamaindex, streamed"]
)
@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"name": "Maya", "legs": 6}\n```',
        '```\n{"name": "Maya", "legs": 6}\n```',
        'Here it is:\n\n```json\n{"name": "Maya", "legs": 6}\n```\nAnything else?',
    ],
)
def test_fenced_json_is_read_by_both_adapters(gateway: Emulator, text: str, way: str) -> None:
    """Issues 5184, 6537: a response format is asked for, and its JSON comes in a Markdown fence."""
    gateway.script(Answer(text=text))
    if way.startswith("langchain"):
        llm = ChatPollinations(model="claude", api_key=KEY, base_url=gateway.url)
        bees = llm.with_structured_output(Bee, method="json_schema")
        found = (
            list(bees.stream("Which bee?"))[-1]
            if way.endswith("streamed")
            else bees.invoke("Which bee?")
        )
    else:
        program = Pollinations(model="sonar", api_key=KEY, api_base=gateway.url).as_structured_llm(
            Bee
        )
        asked = [ChatMessage(role="user", content="Which bee?")]
        found = (
            list(program.stream_chat(asked))[-1].raw
            if way.endswith("streamed")
            else program.chat(asked).raw
        )
    assert found == Bee(name="Maya", legs=6)
    assert gateway.requests[-1].json["response_format"]["type"] == "json_schema"


QUICK = RetryPolicy(backoff_base_s=0.01)


@pytest.fixture
def client(gateway: Emulator) -> Any:
    """A client of today's gateway."""
    with PollinationsClient(KEY, base_url=gateway.url, retry=QUICK) as made:
        yield made


def test_the_older_gateways_claude_fences_its_json(seed_gateway: Emulator) -> None:
    """The client hands on what came; whoever asks for a structure gets the structure."""
    question = "Describe the bee 'Maya', who has 6 legs, as JSON with the keys name and legs."
    with PollinationsClient(KEY, base_url=seed_gateway.url) as client:
        reply = client.chat(question, model="claude", response_format={"type": "json_object"})
    assert reply.text.startswith("```json")
    llm = ChatPollinations(model="claude", api_key=KEY, base_url=seed_gateway.url)
    assert llm.with_structured_output(Bee, method="json_schema").invoke(question) == Bee(
        name="Maya", legs=6
    )


def test_plain_text_that_ignores_json_is_handed_on_as_it_is(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issue 7413: ``/text`` calls JSON plain text, and may not be JSON at all; neither is
    an error.
    """
    for said in ('```json\n{"legs": 6}\n```', '{"legs": 6}', "A bee has six legs."):
        gateway.script(Body(said, status=200, content_type="text/plain; charset=utf-8"))
        assert client.text("How many legs has a bee?", json=True) == said


TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}},
    },
}


def completion(message: dict[str, Any], **top: Any) -> dict[str, Any]:
    """A plain answer."""
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
        ],
        **top,
    }


def test_thought_signatures_survive(gateway: Emulator, client: PollinationsClient) -> None:
    """Issues 7637, 8909: unknown fields of a call are kept, and sent back as they are."""
    entry = {
        "id": "a",
        "type": "function",
        "function": {"name": "add", "arguments": '{"x":1}'},
        "extra_content": {"google": {"thought_signature": "s"}},
    }
    gateway.script(Body(completion({"content": None, "tool_calls": [entry]})))
    call = client.chat("add 1", model="gemini", tools=[TOOL]).tool_calls[0]
    assert call.extra == {"extra_content": {"google": {"thought_signature": "s"}}}
    history = [
        {"role": "user", "content": "add 1"},
        {"role": "assistant", "tool_calls": [entry]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    ]
    client.chat(history, model="gemini", tools=[TOOL])
    assert gateway.requests[-1].json["messages"][1]["tool_calls"] == [entry]


def test_the_same_call_is_a_cache_hit_and_says_so(client: PollinationsClient) -> None:
    """Issues 3423, 7529: vary the seed for variety; -1 draws one."""
    first, second = client.chat("hi", model="openai"), client.chat("hi", model="openai")
    assert first.text == second.text
    assert second.info.cache == "HIT"


def test_streams_answered_as_json_and_usage_chunks_without_choices(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issues 9144, 5504."""
    gateway.script(Body(completion({"content": "hi"})))
    assert list(client.stream_chat("x"))[-1].reply.text == "hi"
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    gateway.script(
        Chunks(
            [
                {
                    **chunk,
                    "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}],
                },
                {
                    **chunk,
                    "choices": [],
                    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
                },
            ]
        )
    )
    assert list(client.stream_chat("y"))[-1].reply.usage.total == 2


def test_created_in_milliseconds_is_read_as_seconds(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """One path of the older gateway."""
    gateway.script(Body({**completion({"content": "x"}), "created": 1_734_567_890_123}))
    assert client.chat("x").created == 1_734_567_890


def test_reasoning_is_read_under_its_other_field_name(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issue 11264."""
    gateway.script(Answer(text="x", reasoning="why", reasoning_field="reasoning"))
    assert client.chat("hi").reasoning == "why"


def test_cumulative_usage_counts_once(gateway: Emulator, client: PollinationsClient) -> None:
    """The last one holds."""
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    gateway.script(
        Chunks(
            [
                {
                    **chunk,
                    "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
                    "usage": {"prompt_tokens": 5, "completion_tokens": n, "total_tokens": 5 + n},
                }
                for n, text in enumerate("abc", 1)
            ]
        )
    )
    assert list(client.stream_chat("x"))[-1].reply.usage.total == 8


def test_missing_lists_unknown_image_models_and_unstored_texts_are_read(
    gateway: Emulator, tmp_path: Any
) -> None:
    """An older gateway without an audio list; an unknown image model; a text that is not to be
    stored; no seed.
    """
    missing = Body({"error": {"code": "NOT_FOUND", "message": "no"}}, status=404)
    cards = Body([{"name": "only-one", "pricing": {"currency": "pollen"}}])

    async def refreshed() -> Any:
        async with AsyncPollinationsClient(base_url=gateway.url) as other:
            return await other.refresh()

    with PollinationsClient(base_url=gateway.url) as client:
        gateway.script(cards, cards, missing, cards, cards, missing)
        assert client.refresh().get("only-one") is not None
        assert asyncio.run(refreshed()).get("only-one") is not None
        gateway.script(Body({"error": {"message": "Unknown model: fluxx"}}, status=400))
        with pytest.raises(UnknownModelError, match="flux"):
            client.image("bee", model="fluxx")
        gateway.script(
            Body(
                "plain words",
                content_type="text/plain",
                headers={"cache-control": "private, no-store"},
            )
        )
        assert client.text("x") == "plain words"
        picture = dataclasses.replace(
            client.image("bee", model="flux", width=64, height=64), seed=None
        )
    assert picture.save(tmp_path).name == "bee.jpg"
