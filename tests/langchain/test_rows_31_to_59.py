"""The feature table of the project's notes, row by row: what a good citizen of LangChain does (rows
31 to 59).
"""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import warnings
from typing import Any

import httpx
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import ContextOverflowError, ModelError, ModelTimeoutError
from langchain_core.load import dumps, load, loads
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.tools import tool

from langchain_pollinations import ChatPollinations
from pollinations_client import (
    APIConnectionError,
    PollinationsError,
    StreamInterrupted,
    UpstreamError,
)
from pollinations_client.emulator import Answer, Body, Chunks, Emulator, Fault, Frames

KEY = "sk_demo_0123456789abcdef"


def chunk(delta: dict[str, Any], finish: str | None = None, **top: Any) -> dict[str, Any]:
    """One chunk of a script."""
    return {
        "id": "c",
        "model": "served",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **top,
    }


def summed(chunks: Any) -> AIMessageChunk:
    """A stream as its one message."""
    whole = None
    for one in chunks:
        whole = one if whole is None else whole + one
    assert isinstance(whole, AIMessageChunk)
    return whole


@tool
def add(a: int) -> int:
    """Add one."""
    return a + 1


def test_total_tokens_is_the_sum_of_input_and_output(gateway: Emulator, make: Any) -> None:
    """xAI counts its reasoning in the total alone; here it is part of the output, as with all
    others.
    """
    used = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 20}
    details = {"completion_tokens_details": {"reasoning_tokens": 12}}
    gateway.script(Answer(text="x", usage={**used, **details}))
    usage = make("grok").invoke("x").usage_metadata
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (5, 15, 20)
    assert usage["output_token_details"] == {"reasoning": 12}


def test_streams_tell_their_usage_unless_told_not_to(gateway: Emulator, make: Any) -> None:
    """By default, on any base URL, in one chunk only."""
    told = [one.usage_metadata for one in make().stream("x") if one.usage_metadata]
    assert len(told) == 1
    assert gateway.requests[-1].json["stream_options"] == {"include_usage": True}
    assert not any(one.usage_metadata for one in make(stream_usage=False).stream("x"))
    assert not any(one.usage_metadata for one in make().stream("x", stream_usage=False))


def test_cost_is_told_where_prices_are_known(gateway: Emulator, make: Any) -> None:
    """In pollen, by the catalogue; nothing is said where a price is missing."""
    used = {"prompt_tokens": 1000, "completion_tokens": 0, "total_tokens": 1000}
    for stream in (False, True):
        gateway.script(Answer(text="x", usage=used))
        answer = summed(make().stream("x")) if stream else make().invoke("x")
        assert answer.response_metadata["cost"] == [pytest.approx(0.00015)]
        assert "total_cost" not in answer.usage_metadata
        gateway.script(Answer(text="x", usage=used))
        llm = make("nova-micro")
        unknown = summed(llm.stream("x")) if stream else llm.invoke("x")
        assert "total_cost" not in unknown.usage_metadata
        assert "cost" not in unknown.response_metadata


def test_the_served_model_is_named(gateway: Emulator, make: Any) -> None:
    """Not the one that was asked for."""
    gateway.script(Answer(text="x", model="us.anthropic.claude-haiku"))
    assert make("claude").invoke("x").response_metadata["model_name"] == "us.anthropic.claude-haiku"
    assert (
        make("openai").invoke("x", model="claude").response_metadata["model_name"].count("claude")
        == 1
    )


def test_errors_tell_traces_what_came_back(gateway: Emulator, make: Any) -> None:
    """Status, body, headers and request id, as LangChain reads them; and never the key."""
    gateway.script(Fault("status", status=429, retry_after="30"))

    class Seen(BaseCallbackHandler):
        metadata: Any = None

        def on_llm_error(self, error: BaseException, *, response: Any = None, **_: Any) -> None:
            self.metadata = response.generations[-1][0].message.response_metadata

    seen = Seen()
    with pytest.raises(ModelError) as caught:
        make(max_retries=0).invoke("x", config={"callbacks": [seen]})
    error: Any = caught.value
    assert error.response.status_code == 429
    assert error.response.headers["retry-after"].startswith("30")
    assert error.response.json()["error"]
    assert error.request_id
    assert KEY not in repr(seen.metadata)


def test_a_prompt_that_is_too_long_has_its_class(gateway: Emulator, make: Any) -> None:
    """Which summarising middleware waits for."""
    gateway.script(Body({"error": {"message": "context_length_exceeded"}}, status=400))
    with pytest.raises(ContextOverflowError):
        make().invoke("x")


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize(
    ("frames", "kind"),
    [
        (
            [b'data: {"error": {"message": "Overloaded", "code": "upstream_error"}}\n\n'],
            UpstreamError,
        ),
        ([Frames.CUT], (StreamInterrupted, APIConnectionError)),
        ([], StreamInterrupted),
    ],
)
def test_a_broken_stream_raises_with_what_came(
    gateway: Emulator, make: Any, frames: Any, kind: Any, sync: bool
) -> None:
    """An error among the events, a connection that closes, an end without an end."""
    gateway.script(
        Frames(b"data: " + json.dumps(chunk({"content": "Half a"})).encode() + b"\n\n", *frames)
    )
    seen: list[str] = []

    async def read() -> None:
        async for one in make().astream("x"):
            seen.append(one.text)

    with pytest.raises(kind) as caught:
        if sync:
            seen.extend(one.text for one in make().stream("x"))
        else:
            asyncio.run(read())
    assert isinstance(caught.value, ModelError)
    assert caught.value.partial.text == "Half a"
    assert len(gateway.requests) == 1


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


def test_clients_can_be_injected(gateway: Emulator) -> None:
    """They are used as they are, and stay open."""
    with httpx.Client(headers={"x-mine": "1"}) as mine:
        llm = ChatPollinations(base_url=gateway.url, http_client=mine)
        llm.invoke("x")
        llm.close()
        assert gateway.requests[-1].headers["x-mine"] == "1"
        assert not mine.is_closed

    async def run() -> None:
        async with httpx.AsyncClient(headers={"x-mine": "2"}) as other:
            await ChatPollinations(base_url=gateway.url, http_async_client=other).ainvoke("x")

    asyncio.run(run())
    assert gateway.requests[-1].headers["x-mine"] == "2"


def test_copies_share_connections_over_loops_and_threads(gateway: Emulator, make: Any) -> None:
    """A hundred objects, bound copies and many loops leave a handful of connections."""
    for _ in range(100):
        make().bind(temperature=0).invoke("x")
    llm = make()
    for _ in range(5):
        asyncio.run(llm.bind_tools([add]).ainvoke("x"))
    threads = [threading.Thread(target=llm.invoke, args=("x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    gc.collect()
    assert gateway.open_connections <= 12


def test_models_can_be_closed_and_used_again(gateway: Emulator, make: Any) -> None:
    """With ``with``, with ``async with``, and by name."""
    with make() as llm:
        llm.invoke("x")
    assert llm.invoke("x").text

    async def run() -> None:
        async with make() as other:
            await other.ainvoke("x")
        await other.aclose()

    asyncio.run(run())


def test_a_copy_with_another_address_goes_there(
    gateway: Emulator, seed_gateway: Emulator, make: Any
) -> None:
    """``model_copy(update=...)`` after the first call, and the original stays where it was."""
    llm = make()
    llm.invoke("x")
    other = llm.model_copy(update={"base_url": seed_gateway.url})
    other.invoke("x")
    llm.invoke("x")
    assert (len(gateway.requests), len(seed_gateway.requests)) == (2, 1)


def test_the_profile_comes_from_the_catalogue() -> None:
    """Keys that LangChain knows, and only what is known; an unknown model has none; a given one is
    kept.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        profile = ChatPollinations(model="claude", api_key=KEY).profile
        assert profile["max_input_tokens"] == 200000
        assert profile["tool_calling"] is True
        assert profile["image_inputs"] is True
    assert ChatPollinations(model="a-model-of-tomorrow", api_key=KEY).profile is None
    assert ChatPollinations(model="claude", api_key=KEY, profile={"name": "mine"}).profile == {
        "name": "mine"
    }


def test_tokens_are_counted_without_asking_anyone(gateway: Emulator, make: Any) -> None:
    """Approximately, for text, messages and tools."""
    llm = make()
    assert llm.get_num_tokens("four words of text") in range(3, 9)
    few = llm.get_num_tokens_from_messages([HumanMessage("hello")])
    assert 0 < few < llm.get_num_tokens_from_messages([HumanMessage("hello " * 100)])
    assert llm.get_num_tokens_from_messages([HumanMessage("hello")], tools=[add]) > few
    assert gateway.requests == []


def test_requests_say_who_sends_them(gateway: Emulator, make: Any) -> None:
    """A user agent of our own, and the user's headers."""
    make(default_headers={"X-App": "mine"}).invoke("x")
    headers = gateway.requests[-1].headers
    assert headers["user-agent"].endswith("langchain")
    assert headers["x-app"] == "mine"


SCRIPT = [
    chunk({"reasoning_content": "Add"}),
    chunk({"content": "I add."}),
    chunk(
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "add", "arguments": ""},
                }
            ]
        }
    ),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a": 1}'}}]}),
    chunk({}, "tool_calls"),
    {
        "id": "c",
        "model": "served",
        "choices": [],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    },
]
WANTED = [("reasoning", "Add"), ("text", "I add."), ("tool_call", {"a": 1})]


def told(message: AIMessage) -> list[Any]:
    """Kinds and contents of a message's blocks."""
    blocks: list[Any] = list(message.content_blocks)
    return [
        (block["type"], block.get("reasoning") or block.get("text") or block.get("args"))
        for block in blocks
    ]


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("version", ["v0", "v1", "v3"])
@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_reasoning_text_and_calls_stay_apart(
    gateway: Emulator, make: Any, version: str, sync: bool
) -> None:
    """In all three protocols, sync and async, each with usage and metadata once."""
    gateway.script(Chunks(SCRIPT))
    llm = make(output_version="v1" if version == "v1" else None).bind_tools([add])

    async def streamed() -> AIMessage:
        if version == "v3":
            return await (await llm.astream_events("x", version="v3")).output
        return summed([one async for one in llm.astream("x")])

    if not sync:
        message = asyncio.run(streamed())
    elif version == "v3":
        message = llm.stream_events("x", version="v3").output
    else:
        message = summed(llm.stream("x"))
    assert told(message) == WANTED
    assert message.tool_calls[0]["args"] == {"a": 1}
    assert message.usage_metadata["total_tokens"] == 3
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert message.response_metadata["model_name"] == "served"
    assert message.response_metadata["model_provider"] == "pollinations"


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_interleaved_thoughts_keep_their_order_and_signatures(gateway: Emulator, make: Any) -> None:
    """Thought, text, thought, text: four blocks, and back unchanged in the next turn."""

    def block(index: int, **delta: str) -> dict[str, Any]:
        return chunk({"content_blocks": [{"index": index, "delta": delta}]})

    thoughts = [block(0, thinking="a"), block(0, signature="S1"), block(1, text="one ")]
    thoughts += [
        block(2, thinking="b"),
        block(2, signature="S2"),
        block(3, text="two"),
        chunk({}, "stop"),
    ]
    sent_back = [
        {"type": "thinking", "thinking": "a", "signature": "S1"},
        {"type": "text", "text": "one "},
        {"type": "thinking", "thinking": "b", "signature": "S2"},
    ]
    for version in ("v0", "v1", "v3"):
        gateway.script(Chunks(thoughts))
        llm = make("claude", output_version="v1" if version == "v1" else None)
        message = (
            llm.stream_events("x", version="v3").output
            if version == "v3"
            else summed(llm.stream("x"))
        )
        blocks = message.content_blocks
        if version != "v0":
            assert [one.get("reasoning") or one.get("text") for one in blocks] == [
                "a",
                "one ",
                "b",
                "two",
            ]
            assert [one["extras"]["signature"] for one in blocks if one["type"] == "reasoning"] == [
                "S1",
                "S2",
            ]
        assert message.text == "one two"
        llm.invoke([HumanMessage("x"), message, HumanMessage("y")])
        sent = gateway.requests[-1].json["messages"][1]
        assert sent["content_blocks"] == sent_back
        assert sent["content"] == [*sent_back, {"type": "text", "text": "two"}]


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_a_model_is_loaded_again_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key out of the environment, since a dump has none."""
    llm = ChatPollinations(
        model="claude", api_key=KEY, temperature=0.5, base_url="http://127.0.0.1:1", stop=["."]
    )
    text = dumps(llm)
    assert KEY not in text
    known: Any = {
        "allowed_objects": [ChatPollinations],
        "valid_namespaces": ["langchain_pollinations"],
    }
    assert loads(text, secrets_map={"POLLINATIONS_API_KEY": KEY}, **known) == llm
    monkeypatch.setenv("POLLINATIONS_API_KEY", KEY)
    again = load(json.loads(text), secrets_from_env=True, **known)
    assert again == llm


def test_streams_of_chunks_end_with_the_last_one(gateway: Emulator, make: Any) -> None:
    """Our own last chunk says so; no other does, and no empty one follows."""
    positions = [one.chunk_position for one in make().stream("x")]
    assert positions[-1] == "last"
    assert positions.count("last") == 1


def test_a_call_back_sees_chunks_of_its_own_kind(gateway: Emulator, make: Any) -> None:
    """Old handlers get text, and the chunk beside it."""

    class Seen(BaseCallbackHandler):
        def __init__(self) -> None:
            self.tokens: list[Any] = []

        def on_llm_new_token(self, token: Any, *, chunk: Any = None, **_: Any) -> None:
            assert isinstance(chunk, ChatGenerationChunk)
            self.tokens.append(token)

    seen = Seen()
    answer = make(streaming=True).invoke("hi", config={"callbacks": [seen]})
    assert "".join(seen.tokens) == answer.text


def test_invalid_calls_go_back_answered_or_as_text(gateway: Emulator, make: Any) -> None:
    """Providers refuse calls without results and arguments that are no JSON; nothing of them is
    lost.
    """
    gateway.script(
        Answer(
            tool_calls=[
                {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a'}}
            ]
        )
    )
    turn = make().invoke("x")
    assert turn.invalid_tool_calls[0]["error"]
    make().invoke([HumanMessage("x"), turn, HumanMessage("y")])
    sent = gateway.requests[-1].json["messages"][1]
    assert "tool_calls" not in sent
    assert '{"a' in sent["content"]
    make().bind_tools([add]).invoke(
        [HumanMessage("x"), turn, ToolMessage("bad JSON", tool_call_id="c1")]
    )
    call = gateway.requests[-1].json["messages"][1]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"invalid_arguments": '{"a'}


@pytest.mark.parametrize("arguments", ['{"a": 1', '{"a": }', '{"a": "b', "", '{"a": [1, {"b": "\\'])
def test_bad_arguments_stay_bad_in_streams(gateway: Emulator, make: Any, arguments: str) -> None:
    """LangChain repairs partial JSON; a call that the model never finished must not be made."""
    call = {
        "index": 0,
        "id": "c1",
        "type": "function",
        "function": {"name": "add", "arguments": arguments},
    }
    gateway.script(Chunks([chunk({"tool_calls": [call]}), chunk({}, "length")]))
    whole = summed(make().bind_tools([add]).stream("x"))
    assert whole.tool_calls == []
    assert whole.invalid_tool_calls[0]["name"] == "add"
    assert whole.invalid_tool_calls[0]["args"].startswith(arguments)


def test_several_answers_are_several_requests(gateway: Emulator, make: Any) -> None:
    """Each with a seed of its own, for the same body is answered from the cache; a stream has one
    answer.
    """
    result = make(n=3, seed=7).generate([[HumanMessage("x")]])
    assert len(result.generations[0]) == 3
    assert sorted(request.json["seed"] for request in gateway.requests) == [7, 8, 9]
    result = asyncio.run(make().agenerate([[HumanMessage("x")]], n=2))
    assert len(result.generations[0]) == 2
    with pytest.raises(PollinationsError, match="n=1"):
        list(make(n=2).stream("x"))


@pytest.mark.parametrize(
    ("alias", "name", "value"),
    [
        ("model_name", "model", "claude"),
        ("stop_sequences", "stop", ["a"]),
        ("request_timeout", "timeout", 3.0),
        ("model_kwargs", "extra_body", {"top_k": 3}),
    ],
)
def test_names_from_other_packages_are_understood(alias: str, name: str, value: Any) -> None:
    """At construction."""
    assert getattr(ChatPollinations(api_key=KEY, **{alias: value}), name) == value


def test_extra_fields_have_one_door(gateway: Emulator, make: Any) -> None:
    """The model's and the call's are merged; a typo is refused with the nearest name."""
    make(extra_body={"top_k": 3, "min_p": 0.1}).invoke("x", extra_body={"top_k": 5})
    assert {name: gateway.requests[-1].json[name] for name in ("top_k", "min_p")} == {
        "top_k": 5,
        "min_p": 0.1,
    }
    with pytest.raises(ValueError, match="'temperature'"):
        make(temprature=0.1)
    with pytest.raises(PollinationsError, match="'temperature'"):
        make().invoke("x", temprature=0.1)
    with pytest.raises(ValueError, match="temperature"):
        make(temperature=3)


@pytest.mark.parametrize("sync", [True, False])
def test_a_refreshed_catalogue_prices_the_models_it_lists(gateway: Emulator, sync: bool) -> None:
    """Shipped prices are few; the gateway's own come when they are asked for, and hold for bound
    copies too.
    """
    llm = ChatPollinations(model="claude", base_url=gateway.url)
    assert "total_cost" not in (llm.invoke("hi").usage_metadata or {})
    known = llm.refresh_catalog() if sync else asyncio.run(llm.arefresh_catalog())
    assert known is llm.catalog
    assert known.get("claude").prices  # type: ignore[union-attr]
    assert sum(llm.bind(model="gemini").invoke("hi").response_metadata["cost"]) > 0
    assert sum(asyncio.run(llm.ainvoke("hi")).response_metadata["cost"]) > 0
