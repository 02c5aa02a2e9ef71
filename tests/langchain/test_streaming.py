"""Streams and events: order, metadata, callbacks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import (
    AIMessage,
)
from langchain_core.outputs import ChatGenerationChunk

from pollinations_client.emulator import Chunks, Emulator
from support.langchain import REASONING_HELLO_AND_CALL, add, chunk, increment, summed

REASONING_TEXT_AND_CALL = [
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


EXPECTED_BLOCKS = [("reasoning", "Add"), ("text", "I add."), ("tool_call", {"a": 1})]


def blocks_of(message: AIMessage) -> list[Any]:
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
    gateway.script(Chunks(REASONING_TEXT_AND_CALL))
    llm = make(output_version="v1" if version == "v1" else None).bind_tools([add])

    async def streamed() -> AIMessage:
        if version == "v3":
            return await (await llm.astream_events("x", version="v3")).output
        return summed([chunk async for chunk in llm.astream("x")])

    if not sync:
        message = asyncio.run(streamed())
    elif version == "v3":
        message = llm.stream_events("x", version="v3").output
    else:
        message = summed(llm.stream("x"))
    assert blocks_of(message) == EXPECTED_BLOCKS
    assert message.tool_calls[0]["args"] == {"a": 1}
    assert message.usage_metadata["total_tokens"] == 3
    assert message.response_metadata["finish_reason"] == "tool_calls"
    assert message.response_metadata["model_name"] == "served"
    assert message.response_metadata["model_provider"] == "pollinations"


def test_streams_of_chunks_end_with_the_last_one(gateway: Emulator, make: Any) -> None:
    """Our own last chunk says so; no other does, and no empty one follows."""
    positions = [chunk.chunk_position for chunk in make().stream("x")]
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

    handler = Seen()
    answer = make(streaming=True).invoke("hi", config={"callbacks": [handler]})
    assert "".join(handler.tokens) == answer.text


def test_response_metadata_is_streamed_once(gateway: Emulator, make: Any) -> None:
    """No ``stopstop``, however often the provider repeats itself."""
    gateway.script(
        Chunks(
            [chunk({"content": "x"}, system_fingerprint="fp"), chunk({}, "stop"), chunk({}, "stop")]
        )
    )
    metadata = summed(make().stream("x")).response_metadata
    assert (
        metadata["finish_reason"],
        metadata["model_name"],
        metadata["model_provider"],
        metadata["system_fingerprint"],
    ) == ("stop", "served", "pollinations", "fp")


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_v3_keeps_usage_details_and_reasoning_before_a_call(gateway: Emulator, make: Any) -> None:
    """Sync and async, every projection."""
    gateway.script(Chunks(REASONING_HELLO_AND_CALL), Chunks(REASONING_HELLO_AND_CALL))
    llm = make().bind_tools([increment])

    async def go() -> Any:
        return await (await llm.astream_events("y", version="v3")).output

    stream = llm.stream_events("x", version="v3")
    for output in (stream.output, asyncio.run(go())):
        assert [block["type"] for block in output.content] == ["reasoning", "text", "tool_call"]
        assert output.usage_metadata["output_token_details"] == {"reasoning": 2}
        assert output.usage_metadata["input_token_details"] == {"cache_read": 3}


FORMS = pytest.mark.parametrize("form", ["v0", "v1"])


@FORMS
def test_blocks_do_not_run_into_each_other(gateway: Emulator, make: Any, form: str) -> None:
    """One block of reasoning, one of text, one call."""
    gateway.script(Chunks(REASONING_HELLO_AND_CALL))
    message = summed(make(output_version=form).bind_tools([increment]).stream("x"))
    kinds = [
        (block["type"], block.get("reasoning") or block.get("text") or block.get("args"))
        for block in message.content_blocks
    ]
    assert kinds == [("reasoning", "I think"), ("text", "Hello"), ("tool_call", {"x": 3})]


def test_callbacks_see_every_token_in_all_four_ways(make: Any) -> None:
    """Old-style handlers, plain calls with ``streaming=True`` among them."""

    class Tokens(BaseCallbackHandler):
        def __init__(self) -> None:
            self.text = ""

        def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
            self.text += token

    async def go(tokens: Tokens) -> str:
        return (
            await make(streaming=True).ainvoke("Tell me about bees", config={"callbacks": [tokens]})
        ).text

    for ask in (
        lambda tokens: (
            summed(make().stream("Tell me about bees", config={"callbacks": [tokens]})).text
        ),
        lambda tokens: (
            make(streaming=True).invoke("Tell me about bees", config={"callbacks": [tokens]}).text
        ),
        lambda tokens: asyncio.run(go(tokens)),
    ):
        tokens = Tokens()
        assert ask(tokens) == tokens.text != ""
