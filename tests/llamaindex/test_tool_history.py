"""Tool calls, their results and signed thoughts in a conversation that is sent again."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms.llm import ToolSelection

from pollinations_client import InvalidRequestError
from pollinations_client.emulator import Answer, Chunks, Emulator
from support.llamaindex import TAIL, delta
from support.llamaindex_messages import PNG, THOUGHT, tool_turn, wire_messages

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "draw", "arguments": '{"of": "a fox"}'},
}


def test_results_keep_their_call_id() -> None:
    """The result names the call it answers."""
    assert wire_messages(tool_turn([TextBlock(text="done")]))[2]["tool_call_id"] == "call_1"


def test_calls_without_ids_are_paired_by_order() -> None:
    """Histories of other models have none; the results still find their calls."""
    wire = wire_messages(
        [
            ChatMessage(
                role="assistant",
                blocks=[ToolCallBlock(tool_name="a"), ToolCallBlock(tool_name="b")],
            ),
            ChatMessage(role="tool", content="1", additional_kwargs={"name": "a"}),
            ChatMessage(role="tool", content="2", additional_kwargs={"name": "b"}),
        ]
    )
    assert [call["id"] for call in wire[0]["tool_calls"]] == [
        wire[1]["tool_call_id"],
        wire[2]["tool_call_id"],
    ]


def test_an_orphaned_result_is_named() -> None:
    """Before the gateway refuses it with a sentence about something else."""
    orphan = ChatMessage(role="tool", content="done", additional_kwargs={"tool_call_id": "call_9"})
    with pytest.raises(InvalidRequestError, match=r"messages\[1\].*call_9"):
        wire_messages([ChatMessage(role="user", content="hi"), orphan])


def test_a_result_whose_calls_were_lost_goes_as_a_user_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """CodeActAgent keeps only the words of the message that hands over, and then what the tool
    answered.
    """
    result = ChatMessage(
        role="tool",
        blocks=[TextBlock(text="Agent b is in charge."), ImageBlock(image=PNG)],
        additional_kwargs={"tool_call_id": "call_9"},
    )
    wire = wire_messages([ChatMessage(role="assistant", content="I hand over."), result])
    assert [message["role"] for message in wire] == ["assistant", "user"]
    assert [part.get("text") for part in wire[1]["content"]] == [
        "Result of tool call call_9:",
        "Agent b is in charge.",
        None,
    ]
    assert "call_9" in caplog.text


def test_dict_calls_of_a_reloaded_history_are_sent() -> None:
    """After a round trip through JSON the calls may be dicts only (section 5.2)."""
    message = ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": [CALL]})
    again = ChatMessage.model_validate_json(message.model_dump_json())
    assert wire_messages([again])[0]["tool_calls"] == [CALL]


def test_unknown_fields_of_calls_are_echoed() -> None:
    """Gemini refuses a history whose thought signatures are gone."""
    extra = {"extra_content": {"google": {"thought_signature": "abc"}}}
    message = ChatMessage(
        role="assistant",
        blocks=[
            ToolCallBlock(tool_call_id="call_1", tool_name="draw", tool_kwargs={"of": "a fox"})
        ],
        additional_kwargs={"tool_calls": [{**CALL, **extra}]},
    )
    (sent,) = wire_messages([message])[0]["tool_calls"]
    assert sent["extra_content"] == extra["extra_content"]
    assert sent["function"] == CALL["function"]


def test_signatures_survive_a_tool_loop(
    make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """From the answer through memory back to the gateway, verbatim."""
    signed = {**CALL, "extra_content": {"google": {"thought_signature": "abc"}}}
    gateway.script(Answer(tool_calls=[signed]))
    llm = make("gemini")
    answer = say(llm, chat_way, "Draw a fox")[-1].message
    remembered = ChatMessage.model_validate_json(answer.model_dump_json())
    result = ChatMessage(role="tool", content="done", additional_kwargs={"tool_call_id": "call_1"})
    say(llm, chat_way, [ChatMessage(role="user", content="Draw a fox"), remembered, result])
    (sent,) = gateway.requests[-1].json["messages"][1]["tool_calls"]
    assert sent["extra_content"] == signed["extra_content"]
    assert sent["function"] == CALL["function"]


@pytest.mark.parametrize("arguments", ["", "null", "[]", '{"of": "a', "nonsense"])
def test_broken_arguments_do_not_break_the_history(
    arguments: str, make: Any, gateway: Emulator
) -> None:
    """Providers parse what they are sent: what was no object is sent as an empty one."""
    block = ToolCallBlock(tool_call_id="call_1", tool_name="draw", tool_kwargs=arguments)
    result = ChatMessage(role="tool", content="no", additional_kwargs={"tool_call_id": "call_1"})
    make().chat(
        [
            ChatMessage(role="user", content="x"),
            ChatMessage(role="assistant", blocks=[block]),
            result,
        ]
    )
    assert gateway.requests[0].json["messages"][1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_thinking_is_sent_again() -> None:
    """DeepSeek refuses a tool loop without it."""
    assert wire_messages([THOUGHT]) == [
        {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}
    ]


def test_replay_reasoning_false_sends_no_thinking(make: Any, gateway: Emulator) -> None:
    """``replay_reasoning=False`` leaves it out."""
    make(replay_reasoning=False).chat([THOUGHT, ChatMessage(role="user", content="Sure?")])
    assert gateway.requests[0].json["messages"][0] == {"role": "assistant", "content": "Yes."}


@pytest.mark.parametrize(
    ("model", "goes"),
    [("claude", True), ("anthropic/claude-opus-4.6", True), ("openai", False), (None, True)],
)
def test_signed_thinking_goes_only_to_the_provider_that_signed_it(
    model: str | None, goes: bool
) -> None:
    """A signature means nothing to another provider, and its part would be refused."""
    about = {"signature": "sig==", "model": "anthropic/claude-haiku-4.5"}
    message = ChatMessage(
        role="assistant",
        blocks=[ThinkingBlock(content="Hm.", additional_information=about), TextBlock(text="Yes.")],
    )
    content = wire_messages([message], model=model)[0]["content"]
    signed = {"type": "thinking", "thinking": "Hm.", "signature": "sig=="}
    assert content == ([signed, {"type": "text", "text": "Yes."}] if goes else "Yes.")


def test_a_deprecated_function_call_is_sent_again() -> None:
    """A stored conversation may hold the form before tool calls."""
    called = ChatMessage(
        role="assistant",
        content="",
        additional_kwargs={"function_call": {"name": "draw", "arguments": "{}"}},
    )
    result = ChatMessage(role="function", content="done", additional_kwargs={"name": "draw"})
    assert wire_messages([called, result]) == [
        {"role": "assistant", "content": "", "function_call": {"name": "draw", "arguments": "{}"}},
        {"role": "function", "content": "done", "name": "draw"},
    ]


def test_calls_taken_out_of_an_answer_are_not_sent_again(
    make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """Its blocks are the truth; ``additional_kwargs`` have the calls still."""
    gateway.script(Answer(text="Wait.", tool_calls=[("add", {"a": 1})]))
    answer = say(make(), chat_way)[-1].message
    answer.blocks = [block for block in answer.blocks if isinstance(block, TextBlock)]
    assert answer.additional_kwargs["tool_calls"]
    say(make(), chat_way, [answer, ChatMessage(role="user", content="Go on")])
    assert gateway.requests[-1].json["messages"][0] == {"role": "assistant", "content": "Wait."}


def test_calls_that_only_additional_kwargs_have_are_sent_with_their_results(
    make: Any, gateway: Emulator
) -> None:
    """Programs copy an answer's content and ``additional_kwargs`` alone."""
    gateway.script(Answer(text="Wait.", tool_calls=[("add", {"a": 1})]))
    answer = make().chat([ChatMessage(role="user", content="hi")]).message
    kwargs = answer.additional_kwargs
    copied = ChatMessage(role="assistant", content=answer.content, additional_kwargs=kwargs)
    call_id = kwargs["tool_calls"][0]["id"]
    result = ChatMessage(role="tool", content="1", additional_kwargs={"tool_call_id": call_id})
    make().chat([copied, result])
    assert gateway.requests[-1].json["messages"][0]["tool_calls"][0]["id"] == call_id


FOX = {"of": "a fox"}
CALLS_OF_OTHER_CLASSES = {
    "Anthropic": {"id": "c", "input": FOX, "name": "draw", "type": "tool_use"},
    "Anthropic, text": {"id": "c", "input": '{"of": "a fox"}', "name": "draw"},
    "Bedrock": {"toolUseId": "c", "name": "draw", "input": FOX},
    "Bedrock, wrapped": {"toolUse": {"toolUseId": "c", "name": "draw", "input": FOX}},
    "Gemini": {"name": "draw", "args": FOX},
    "Gemini, wrapped": {"functionCall": {"name": "draw", "args": FOX}},
    "Gemini, an object": SimpleNamespace(name="draw", args=FOX),
    "Cohere": {"name": "draw", "parameters": FOX},
    "Ollama": {"function": {"name": "draw", "arguments": FOX}},
    "OpenAI Responses": {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "c",
        "name": "draw",
        "arguments": '{"of": "a fox"}',
    },
    "LangChain": {"name": "draw", "args": FOX, "id": "c", "type": "tool_call"},
    "LlamaIndex's mock": ToolSelection(tool_id="c", tool_name="draw", tool_kwargs=FOX),
    "LlamaIndex's mock, stored": {"tool_id": "c", "tool_name": "draw", "tool_kwargs": FOX},
    "LlamaIndex's block, stored": {"tool_call_id": "c", "tool_name": "draw", "tool_kwargs": FOX},
}


@pytest.mark.parametrize("call", CALLS_OF_OTHER_CLASSES.values(), ids=CALLS_OF_OTHER_CLASSES)
def test_histories_of_other_classes_are_read(call: Any, make: Any, gateway: Emulator) -> None:
    """The call as OpenAI writes it, and the result under its id; a class without ids names the tool
    in its results.
    """
    called = ChatMessage(role="assistant", additional_kwargs={"tool_calls": [call]})
    answered = ChatMessage(
        role="tool",
        content="Drawn.",
        additional_kwargs={"tool_call_id": "c" if "'c'" in str(call) else "draw"},
    )
    make().chat([ChatMessage(role="user", content="Draw a fox"), called, answered])
    _, turn, result = gateway.requests[0].json["messages"]
    (sent,) = turn["tool_calls"]
    assert sent["function"] == {"name": "draw", "arguments": json.dumps(FOX)}
    assert sent.keys() == {"id", "type", "function"}
    assert result["tool_call_id"] == sent["id"] != ""


def test_results_without_ids_answer_the_open_calls_in_order(make: Any, gateway: Emulator) -> None:
    """Ollama's results name the tool, here twice the same; an id that two calls share is split."""
    for call in ({"function": {"name": "draw", "arguments": FOX}}, {"id": "draw", "name": "draw"}):
        called = ChatMessage(role="assistant", additional_kwargs={"tool_calls": [call, call]})
        results = [
            ChatMessage(role="tool", content=text, additional_kwargs={"tool_call_id": "draw"})
            for text in ("First.", "Second.")
        ]
        make().chat([ChatMessage(role="user", content="Draw twice"), called, *results])
        _, turn, *answers = gateway.requests[-1].json["messages"]
        ids = [sent["id"] for sent in turn["tool_calls"]]
        assert len(set(ids)) == 2
        assert [answer["tool_call_id"] for answer in answers] == ids


def test_two_calls_of_one_id_keep_their_results(make: Any, gateway: Emulator) -> None:
    """Some models repeat an id, in a turn or in a later one; Anthropic refuses it."""
    call = ToolCallBlock(tool_call_id="c", tool_name="draw", tool_kwargs=FOX)
    first, second, third = [
        ChatMessage(role="tool", content=text, additional_kwargs={"tool_call_id": "c"})
        for text in ("First.", "Second.", "Third.")
    ]
    turns = [ChatMessage(role="assistant", blocks=blocks) for blocks in ([call, call], [call])]
    question = ChatMessage(role="user", content="Draw twice")
    make("claude").chat([question, turns[0], first, second, turns[1], third])
    sent = gateway.requests[0].json["messages"]
    calls = [call["id"] for message in sent for call in message.get("tool_calls", ())]
    answers = {m["tool_call_id"]: m["content"] for m in sent if m["role"] == "tool"}
    assert answers == dict(zip(calls, ("First.", "Second.", "Third."), strict=True))


ADDRESS = "bob@bees.example"


@pytest.mark.parametrize("way", ["chat", "stream_chat"])
def test_an_edited_answer_is_sent_in_its_new_words_only(
    way: str, make: Any, say: Any, gateway: Emulator
) -> None:
    """Redacted blocks go before everything that the answer came with."""
    details = [
        {"type": "reasoning.text", "text": f"Ask {ADDRESS}."},
        {"type": "reasoning.encrypted", "data": "sealed"},
    ]
    message = {
        "content": f"Write to {ADDRESS}.",
        "reasoning": f"Ask {ADDRESS}.",
        "reasoning_details": details,
    }
    llm = make()
    for redacts in (False, True):
        gateway.script(Chunks([delta("stop", **message), TAIL]))
        answer = say(llm, way)[-1].message
        if redacts:
            for block in answer.blocks:
                for name in {"text", "content"} & type(block).model_fields.keys():
                    setattr(block, name, getattr(block, name).replace(ADDRESS, "[address]"))
        llm.chat([ChatMessage(role="user", content="Hi"), answer])
        sent = gateway.requests[-1].json["messages"][1]
        assert (ADDRESS in json.dumps(sent)) != redacts
        assert sent["reasoning_details"] == (details[1:] if redacts else details)


def test_thinking_signed_by_an_unnamed_model_goes_to_claude_only(
    make: Any, gateway: Emulator
) -> None:
    """Anthropic's class of LlamaIndex keeps signatures without the model's name."""
    thinking = ThinkingBlock(content="Hm.", additional_information={"signature": "s"})
    answer = ChatMessage(role="assistant", blocks=[thinking, TextBlock(text="Hi")])
    for model, goes in (("claude", True), ("gemini", False)):
        make(model).chat([ChatMessage(role="user", content="Hi"), answer])
        assert ("signature" in json.dumps(gateway.requests[-1].json["messages"][1])) == goes
