"""Marks for the prompt cache: on the content part, the only place where the gateway reads them."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from pollinations_client import PollinationsWarning
from pollinations_client.emulator import Emulator

MARK = {"type": "ephemeral"}
MARKED = {"cache_control": MARK}
TEXT = {"type": "text", "text": "rules"}


@pytest.mark.parametrize(
    "message",
    [
        SystemMessage("rules", additional_kwargs=MARKED),
        HumanMessage("rules", additional_kwargs=MARKED),
        AIMessage("rules", additional_kwargs=MARKED),
        SystemMessage([TEXT], additional_kwargs=MARKED),
        SystemMessage([{**TEXT, **MARKED}]),
        HumanMessage([{**TEXT, "extras": MARKED}]),
    ],
    ids=lambda message: f"{message.type}-{type(message.content).__name__}",
)
@pytest.mark.parametrize("streams", [False, True])
def test_a_mark_goes_out_on_the_last_part(
    make: Any, gateway: Emulator, message: BaseMessage, streams: bool
) -> None:
    """A string becomes one part."""
    llm, messages = make("claude"), [message, HumanMessage("Go on.")]
    if streams:
        list(llm.stream(messages))
    else:
        llm.invoke(messages)
    sent = gateway.requests[-1].json["messages"][0]
    assert sent["content"] == [{**TEXT, **MARKED}]
    assert "cache_control" not in sent


def test_only_the_last_of_several_parts_is_marked(make: Any, gateway: Emulator) -> None:
    """The cache reaches up to the mark; a part's own mark stays."""
    other = {"type": "text", "text": "more", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    make("claude").invoke(
        [
            SystemMessage([TEXT, "end"], additional_kwargs=MARKED),
            HumanMessage([TEXT, other], additional_kwargs=MARKED),
        ]
    )
    system, user = gateway.requests[-1].json["messages"]
    assert system["content"] == [{"type": "text", "text": "rules\nend", **MARKED}]
    assert user["content"] == [TEXT, other]


@pytest.mark.parametrize(
    "result",
    [
        ToolMessage("2", tool_call_id="c1", additional_kwargs=MARKED),
        ToolMessage([{"type": "text", "text": "2", **MARKED}], tool_call_id="c1"),
    ],
)
def test_a_mark_on_a_tools_result_is_said_to_be_lost(
    make: Any, gateway: Emulator, result: ToolMessage
) -> None:
    """Once a request; the text itself goes out."""
    turn = AIMessage("", tool_calls=[{"name": "add", "args": {"a": 1}, "id": "c1"}])
    with pytest.warns(PollinationsWarning, match=r"cache_control .*\(tool\) is not sent") as warned:
        make("claude").invoke([HumanMessage("1+1?"), turn, result, turn, result])
    assert len(warned) == 1
    assert gateway.requests[-1].json["messages"][-1]["content"] == "2"
    assert "cache_control" not in gateway.requests[-1].body.decode()
