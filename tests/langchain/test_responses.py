"""Answers as LangChain messages: blocks and metadata."""

from __future__ import annotations

import base64
import warnings
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import (
    HumanMessage,
)
from langgraph.checkpoint.memory import InMemorySaver

from langchain_pollinations import ChatPollinations
from pollinations_client.emulator import Answer, Body, Chunks, Emulator
from support.langchain import USAGE, add, chunk, completion, four_ways, summed

PNG_BASE64 = "iVBORw0KGgo="


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_pictures_come_out_as_blocks(gateway: Emulator, make: Any, version: str) -> None:
    """Text, picture, text stay three blocks in their order; the picture goes back in a user
    message.
    """
    pieces = [
        chunk({"content": "Before "}),
        chunk(
            {
                "content_blocks": [
                    {
                        "type": "image_url",
                        "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"},
                    }
                ]
            }
        ),
        chunk({"content": "after"}),
        chunk({}, "stop"),
    ]
    gateway.script(Chunks(pieces))
    llm = make("gemini", output_version=version)
    turn = summed(llm.stream("Plot it"))
    assert [block["type"] for block in turn.content_blocks] == ["text", "image", "text"]
    assert turn.content_blocks[1]["base64"] == PNG_BASE64
    assert turn.text == "Before after"
    gateway.script(Answer(text="x"))
    llm.invoke([HumanMessage("Plot it"), turn, HumanMessage("Now in red")])
    sent = gateway.requests[-1].json["messages"]
    assert sent[1] == {"role": "assistant", "content": "Before after"}
    assert sent[2]["content"][1]["image_url"]["url"] == f"data:image/png;base64,{PNG_BASE64}"


@pytest.mark.parametrize("version", ["v0", "v1", "v3"])
def test_speech_comes_out_as_a_block_with_its_words(
    gateway: Emulator, make: Any, version: str
) -> None:
    """Pieces of base64 are joined so that they decode, and live ones are beside the block."""
    pieces = [
        chunk({"audio": {"id": "au", "data": base64.b64encode(b"abcd").decode()}}),
        chunk({"audio": {"data": base64.b64encode(b"efgh").decode(), "transcript": "Hello "}}),
        chunk({"audio": {"transcript": "you"}}),
        chunk({}, "stop"),
    ]
    gateway.script(Chunks(pieces))
    llm = make("openai-audio", output_version=version if version == "v1" else None)
    llm = llm.bind(modalities=["text", "audio"], audio={"voice": "alloy", "format": "pcm16"})
    if version == "v3":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            turn = llm.stream_events("Say hello", version="v3").output
    else:
        turn = summed(llm.stream("Say hello"))
    block = turn.content_blocks[-1]
    assert block["type"] == "audio"
    assert base64.b64decode(block["base64"]) == b"abcdefgh"
    assert block["mime_type"] == "audio/pcm"
    assert block["extras"] == {"transcript": "Hello you", "id": "au"}
    assert base64.b64decode(turn.additional_kwargs["audio"]["data"]) == b"abcdefgh"
    gateway.script(Answer(text="x"))
    make().invoke([HumanMessage("Say hello"), turn, HumanMessage("Again")])
    assert gateway.requests[-1].json["messages"][1]["content"] == "Hello you"


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_citations_are_annotations(gateway: Emulator, make: Any, version: str) -> None:
    """Perplexity's list on the text, once, though every chunk repeats it; with titles where they
    are told.
    """
    fields = {
        "citations": ["https://a.example"],
        "search_results": [{"url": "https://a.example", "title": "A"}],
    }
    script = Chunks(
        [
            chunk({"content": "Yes"}, **fields),
            chunk({"content": "."}, **fields),
            chunk({}, "stop", **fields),
        ]
    )
    for turn in four_ways(gateway, make("perplexity", output_version=version), script):
        block = turn.content_blocks[-1]
        assert block["text"] == "Yes."
        assert block["annotations"] == [
            {"type": "citation", "url": "https://a.example", "title": "A"}
        ]
        assert turn.additional_kwargs["citations"] == ["https://a.example"]


def test_openais_annotations_keep_their_place(gateway: Emulator, make: Any) -> None:
    """``url_citation`` with its indices."""
    cited = {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 3}
    noted = [{"type": "url_citation", "url_citation": cited}, {"type": "file_path", "path": "p"}]
    gateway.script(Answer(text="Yes", extra_message={"annotations": noted}))
    block = make().invoke("x").content_blocks[0]
    assert block["annotations"] == [
        {"type": "citation", **cited},
        {"type": "non_standard_annotation", "value": noted[1]},
    ]


def test_logprobs_are_in_the_response_metadata(gateway: Emulator, make: Any) -> None:
    """Plain and streamed, whole."""
    llm = make(logprobs=True, top_logprobs=1)
    assert llm.invoke("hi").response_metadata["logprobs"]["content"]
    assert summed(llm.stream("hi")).response_metadata["logprobs"]["content"]


def test_the_served_model_is_named(gateway: Emulator, make: Any) -> None:
    """Not the one that was asked for."""
    gateway.script(Answer(text="x", model="us.anthropic.claude-haiku"))
    assert make("claude").invoke("x").response_metadata["model_name"] == "us.anthropic.claude-haiku"
    assert (
        make("openai").invoke("x", model="claude").response_metadata["model_name"].count("claude")
        == 1
    )


def test_null_content_is_an_empty_string(gateway: Emulator, llm: ChatPollinations) -> None:
    """``content`` is never None."""
    gateway.script(
        Body(
            {
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": None},
                        "finish_reason": "stop",
                    }
                ],
                "usage": USAGE,
            }
        )
    )
    assert llm.invoke("x").content == ""


def test_pictures_and_unknown_fields_of_answers_are_kept(
    gateway: Emulator, llm: ChatPollinations
) -> None:
    """As image blocks; odd fields in response_metadata."""
    url = "data:image/png;base64,iVBORw0KGgo="
    gateway.script(
        Answer(
            text="plot",
            content_blocks=[
                {"type": "text", "text": "plot"},
                {"type": "image_url", "image_url": {"url": url}},
                {"type": "text", "text": "end"},
            ],
            extra_top={"odd": 7},
        )
    )
    message = llm.invoke("x")
    assert [block["type"] for block in message.content_blocks] == ["text", "image", "text"]
    assert message.content_blocks[1]["base64"] == "iVBORw0KGgo="
    assert message.response_metadata["odd"] == 7
    blocks = [
        chunk({"content": "a"}),
        chunk({"content_blocks": [{"type": "image_url", "image_url": {"url": url}}]}),
        chunk({"content": "b"}),
        chunk({}, "stop"),
    ]
    gateway.script(Chunks(blocks), Chunks(blocks))
    assert [block["type"] for block in summed(llm.stream("y")).content_blocks] == [
        "text",
        "image",
        "text",
    ]
    v1 = summed(ChatPollinations(base_url=gateway.url, output_version="v1").stream("z"))
    assert [block["type"] for block in v1.content] == ["text", "image", "text"]


def whole_call(name: str, arguments: str, call_id: str = "call_1") -> dict[str, Any]:
    """A call of a tool, as the gateway spells it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_answers_of_one_id_stay_messages_of_their_own(gateway: Emulator, make: Any) -> None:
    """The gateway's cache repeats ids, and a graph replaces a message by another of the same id."""
    gateway.script(
        Body(completion(None, "tool_calls", tool_calls=[whole_call("add", '{"a": 1}')])),
        Body(completion("Two.")),
    )
    agent = create_agent(make(), tools=[add], checkpointer=InMemorySaver())
    turns = agent.invoke({"messages": [("user", "1+1?")]}, {"configurable": {"thread_id": "1"}})[
        "messages"
    ]
    assert [turn.type for turn in turns] == ["human", "ai", "tool", "ai"]
    assert turns[1].response_metadata["id"] == turns[3].response_metadata["id"] == "same"


def test_an_end_without_a_reason_is_told_by_no_name(gateway: Emulator, make: Any) -> None:
    """Plain as in streams."""
    body = completion("ok")
    body["choices"][0]["finish_reason"] = None
    gateway.script(Body(body))
    assert "finish_reason" not in make().invoke("x").response_metadata
