"""Reasoning of models: read, streamed, signed, and sent back."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import PIIMiddleware
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    ToolMessage,
)

from pollinations_client.emulator import Answer, Chunks, Emulator
from support.langchain import (
    REASONING_HELLO_AND_CALL,
    add,
    chunk,
    four_ways,
    increment,
    summed,
)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_comes_out_under_every_name(gateway: Emulator, make: Any, field: str) -> None:
    """Plain and streamed, in additional_kwargs and as a standard block."""
    for answer in four_ways(
        gateway, make("deepseek"), Answer(text="Four.", reasoning="2+2", reasoning_field=field)
    ):
        assert answer.additional_kwargs["reasoning_content"] == "2+2"
        assert answer.content == "Four."
        assert [block["type"] for block in answer.content_blocks] == ["reasoning", "text"]


THINKING = {"type": "thinking", "thinking": "hm", "signature": "sig=="}


def test_thinking_blocks_are_reasoning_too(gateway: Emulator, make: Any) -> None:
    """Claude's form: the text is not doubled, the signature is kept."""
    blocks = [THINKING, {"type": "text", "text": "Four."}]
    for answer in four_ways(gateway, make("claude"), Answer(text="Four.", content_blocks=blocks)):
        assert answer.content == "Four."
        assert answer.content_blocks[0]["reasoning"] == "hm"
        assert answer.content_blocks[0]["extras"] == {"signature": "sig=="}


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_reasoning_goes_back_in_a_tool_loop(gateway: Emulator, make: Any, version: str) -> None:
    """Whatever form the message has."""
    llm = make("kimi", output_version=version).bind_tools([add])
    for turn in four_ways(gateway, llm, Answer(reasoning="Add.", tool_calls=[("add", {"a": 1})])):
        loop = [HumanMessage("1?"), turn, ToolMessage("1", tool_call_id=turn.tool_calls[0]["id"])]
        llm.invoke(loop)
        assert gateway.requests[-1].json["messages"][1]["reasoning_content"] == "Add."


@pytest.mark.parametrize("model", ["claude", "openai"])
@pytest.mark.parametrize("version", ["v0", "v1"])
def test_signed_thinking_goes_back_unchanged(
    gateway: Emulator, make: Any, version: str, model: str
) -> None:
    """In the gateway's own field, and for Claude among the parts of the content, where today's
    gateway lets it pass.
    """
    llm = make(model, output_version=version)
    thought = chunk(
        {"content_blocks": [{"index": 0, "delta": {"thinking": "hm", "signature": "sig=="}}]}
    )
    script = Chunks([thought, chunk({"content": "A"}), chunk({}, "stop")])
    ways = (lambda: llm.invoke("x", stream=True), lambda: summed(llm.stream("x")))
    for way in ways:
        gateway.script(script)
        turn = way()
        llm.invoke([HumanMessage("x"), turn, HumanMessage("y")])
        sent = gateway.requests[-1].json["messages"][1]
        assert sent["content_blocks"] == [THINKING]
        assert sent["content"] == (
            [THINKING, {"type": "text", "text": "A"}] if model == "claude" else "A"
        )


def test_fragments_of_reasoning_details_are_joined_for_the_way_back(
    gateway: Emulator, make: Any
) -> None:
    """By index; the signature whole, the text in its order."""
    script = Chunks(
        [
            chunk({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "I "}]}),
            chunk(
                {
                    "reasoning_details": [
                        {"type": "reasoning.text", "index": 0, "text": "think", "signature": "S"}
                    ]
                }
            ),
            chunk({"content": "Hi"}),
            chunk({}, "stop"),
        ]
    )
    gateway.script(script)
    llm = make("openai")
    turn = summed(llm.stream("x"))
    llm.invoke(
        [
            HumanMessage("x"),
            AIMessage("", tool_calls=[{"name": "add", "args": {}, "id": "c"}]),
            ToolMessage("1", tool_call_id="c"),
            turn,
        ]
    )
    sent = gateway.requests[-1].json["messages"][-1]
    assert sent["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "text": "I think", "signature": "S"}
    ]


def test_effort_and_budget_reach_the_wire(gateway: Emulator, make: Any) -> None:
    """As fields and as options of a call."""
    make(
        "claude", reasoning_effort="high", thinking={"type": "enabled", "budget_tokens": 1024}
    ).invoke("x")
    make("claude").invoke("x", thinking_budget=99)
    first, second = (request.json for request in gateway.requests)
    assert first["reasoning_effort"] == "high"
    assert first["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert second["thinking_budget"] == 99


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
            assert [block.get("reasoning") or block.get("text") for block in blocks] == [
                "a",
                "one ",
                "b",
                "two",
            ]
            assert [
                block["extras"]["signature"] for block in blocks if block["type"] == "reasoning"
            ] == [
                "S1",
                "S2",
            ]
        assert message.text == "one two"
        llm.invoke([HumanMessage("x"), message, HumanMessage("y")])
        sent = gateway.requests[-1].json["messages"][1]
        assert sent["content_blocks"] == sent_back
        assert sent["content"] == [*sent_back, {"type": "text", "text": "two"}]


def test_reasoning_is_kept_plain_and_streamed(make: Any) -> None:
    """In additional_kwargs, and as a block of its own."""
    llm = make("deepseek")
    for message in (
        llm.invoke("How many legs has a bee?"),
        summed(llm.stream("How many legs has a bee?")),
    ):
        assert message.additional_kwargs["reasoning_content"]
        assert [block["type"] for block in message.content_blocks] == ["reasoning", "text"]
        assert (
            message.content_blocks[0]["reasoning"] == message.additional_kwargs["reasoning_content"]
        )


@pytest.mark.parametrize("form", ["v0", "v1", "v3"])
def test_reasoning_of_a_tool_call_turn_goes_back(gateway: Emulator, make: Any, form: str) -> None:
    """DeepSeek and Kimi answer 400 without it."""
    llm = make("deepseek", output_version="v1" if form == "v1" else None).bind_tools([increment])
    gateway.script(Chunks(REASONING_HELLO_AND_CALL))
    if form == "v3":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            turn = llm.stream_events("increment 3", version="v3").output
    else:
        turn = summed(llm.stream("increment 3"))
    gateway.script(Answer(text="4"))
    llm.invoke([HumanMessage("increment 3"), turn, ToolMessage("4", tool_call_id="call_1")])
    sent = gateway.requests[-1].json["messages"][1]
    assert sent["reasoning_content"] == "I think"
    assert sent["content"] == "Hello"
    assert sent["tool_calls"][0]["function"] == {"name": "increment", "arguments": '{"x": 3}'}


def test_reasoning_of_finished_turns_stays_and_a_switch_leaves_it_out(
    gateway: Emulator, make: Any
) -> None:
    """It is not wanted there, and costs tokens."""
    turn = AIMessage("Hello", additional_kwargs={"reasoning_content": "r"})
    make("deepseek").invoke([HumanMessage("a"), turn, HumanMessage("b")])
    assert "reasoning_content" not in gateway.requests[-1].json["messages"][1]
    loop = [
        HumanMessage("a"),
        AIMessage(
            "",
            additional_kwargs={"reasoning_content": "r"},
            tool_calls=[{"name": "increment", "args": {}, "id": "1"}],
        ),
        ToolMessage("x", tool_call_id="1"),
    ]
    make("deepseek", replay_reasoning=False).invoke(loop)
    assert "reasoning_content" not in gateway.requests[-1].json["messages"][1]


def test_signed_thinking_goes_back_in_both_versions(gateway: Emulator, make: Any) -> None:
    """Fragments are merged before the signature is judged."""
    gateway.script(
        Chunks(
            [
                chunk({"content_blocks": [{"index": 0, "delta": {"thinking": "th"}}]}),
                chunk({"content_blocks": [{"index": 0, "delta": {"thinking": "ink"}}]}),
                chunk({"content_blocks": [{"index": 0, "delta": {"signature": "sig=="}}]}),
                chunk({"content": "x"}),
                chunk({}, "stop"),
            ]
        )
    )
    turn = summed(make("claude").stream("hi"))
    make("claude").invoke([HumanMessage("hi"), turn, HumanMessage("go on")])
    assert gateway.requests[-1].json["messages"][1]["content_blocks"] == [
        {"type": "thinking", "thinking": "think", "signature": "sig=="}
    ]


FORMS = pytest.mark.parametrize("form", ["v0", "v1"])


@FORMS
def test_thought_signatures_of_calls_go_back(gateway: Emulator, make: Any, form: str) -> None:
    """Gemini 3 refuses a history without them."""
    entry = {
        "id": "a",
        "type": "function",
        "function": {"name": "increment", "arguments": '{"x": 1}'},
        "extra_content": {"google": {"thought_signature": "s"}},
    }
    gateway.script(Answer(tool_calls=[entry]))
    turn = make("gemini", output_version=form).bind_tools([increment]).invoke("increment 1")
    make("gemini").bind_tools([increment]).invoke(
        [HumanMessage("increment 1"), turn, ToolMessage("2", tool_call_id="a")]
    )
    assert gateway.requests[-1].json["messages"][1]["tool_calls"][0] == entry


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_encrypted_thinking_keeps_its_place_in_streams(
    gateway: Emulator, make: Any, version: str
) -> None:
    """Before the text that it led to, as in a whole answer."""
    thought, text = {"index": 0, "delta": {"data": "xx"}}, {"index": 1, "delta": {"text": "Four."}}
    chunks = [
        chunk({"content_blocks": [thought]}),
        chunk({"content": "Four.", "content_blocks": [text]}),
    ]
    gateway.script(Chunks([*chunks, chunk({}, "stop")]))
    llm = make("claude", output_version="v1")
    turn = (
        llm.stream_events("x", version="v3").output if version == "v3" else summed(llm.stream("x"))
    )
    assert [block["type"] for block in turn.content] == ["reasoning", "text"]
    assert turn.content[0]["extras"] == {"redacted": "xx"}


def whole_call(name: str, arguments: str, call_id: str = "call_1") -> dict[str, Any]:
    """A call of a tool, as the gateway spells it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize("version", ["v0", "v1", "v3"])
def test_a_signature_that_comes_with_its_call_stands_in_the_block(
    gateway: Emulator, make: Any, version: str
) -> None:
    """Once, in every form."""
    signed = {
        **whole_call("add", '{"a": 1}'),
        "extra_content": {"google": {"thought_signature": "sig"}},
    }
    gateway.script(Answer(tool_calls=[signed]))
    llm = make("gemini", output_version="v1" if version == "v1" else "v0")
    turn = (
        llm.stream_events("x", version="v3").output if version == "v3" else summed(llm.stream("x"))
    )
    assert turn.content_blocks[-1]["type"] == "tool_call"
    assert turn.content_blocks[-1]["extras"] == {
        "extra_content": {"google": {"thought_signature": "sig"}}
    }


def thinking_twice() -> Answer:
    """Thought, text with an address, thought, text; both thoughts signed."""
    return Answer(
        text="Write to ann@example.com. Bye.",
        content_blocks=[
            {"type": "thinking", "thinking": "a", "signature": "S1"},
            {"type": "text", "text": "Write to ann@example.com. "},
            {"type": "thinking", "thinking": "b", "signature": "S2"},
            {"type": "text", "text": "Bye."},
        ],
    )


@pytest.mark.parametrize("model", ["claude", "gemini"])
@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("streaming", [False, True])
def test_redacted_text_stays_redacted(
    gateway: Emulator, make: Any, model: str, version: str, streaming: bool
) -> None:
    """Words come from the content alone; the signed thoughts go back beside them."""
    llm = make(model, output_version=version, streaming=streaming)
    redact = PIIMiddleware("email", strategy="redact", apply_to_output=True, apply_to_input=False)
    agent = create_agent(llm, middleware=[redact])
    gateway.script(thinking_twice())
    messages = agent.invoke({"messages": [HumanMessage("x")]})["messages"]
    assert "[REDACTED_EMAIL]" in messages[-1].text
    agent.invoke({"messages": [*messages, HumanMessage("y")]})
    sent = gateway.requests[-1].json["messages"]
    assert "ann@example.com" not in json.dumps(sent)
    assert "[REDACTED_EMAIL]" in json.dumps(sent[1]["content"])
    signed = [block["signature"] for block in sent[1]["content_blocks"] if "signature" in block]
    assert signed == ["S1", "S2"]


@pytest.mark.parametrize("edited", ["", "Nothing.", "Write to ann@example.com. See you."])
def test_an_edited_answer_goes_back_as_it_is_now(gateway: Emulator, make: Any, edited: str) -> None:
    """Emptied, replaced, or changed after its last thought."""
    llm = make("claude")
    gateway.script(thinking_twice())
    answer = llm.invoke("x").model_copy(update={"content": edited})
    llm.invoke([HumanMessage("x"), answer, HumanMessage("y")])
    sent = gateway.requests[-1].json["messages"][1]
    assert "".join(part.get("text", "") for part in sent["content"]) == edited
    assert [part["signature"] for part in sent["content"] if "signature" in part] == ["S1", "S2"]


def test_a_refusal_that_was_taken_out_stays_out(gateway: Emulator, make: Any) -> None:
    """It is kept beside the content, for those who look for it there."""
    llm = make()
    gateway.script(Answer(text="", refusal="I will not name Ann."))
    answer = llm.invoke("x").model_copy(update={"content": ""})
    llm.invoke([HumanMessage("x"), answer, HumanMessage("y")])
    assert "Ann" not in json.dumps(gateway.requests[-1].json)
