"""Tokens counted before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, trim_messages
from pydantic import BaseModel

from langchain_pollinations import ChatPollinations
from pollinations_client import ConfigurationError
from pollinations_client.emulator import Emulator
from support.langchain import add


def test_tokens_are_counted_without_asking_anyone(gateway: Emulator, make: Any) -> None:
    """Approximately, for text, messages and tools."""
    llm = make()
    assert llm.get_num_tokens("four words of text") in range(3, 9)
    few = llm.get_num_tokens_from_messages([HumanMessage("hello")])
    assert 0 < few < llm.get_num_tokens_from_messages([HumanMessage("hello " * 100)])
    assert llm.get_num_tokens_from_messages([HumanMessage("hello")], tools=[add]) > few
    assert gateway.requests == []


def petals(flower: str) -> int:
    """Count the petals of a flower."""
    return len(flower)


class Petals(BaseModel):
    """Count the petals of a flower."""

    flower: str


@pytest.mark.parametrize("tool", [petals, Petals, "google_search"])
def test_every_kind_of_tool_is_counted(make: Any, tool: Any) -> None:
    """What ``bind_tools`` takes; LangChain's own count knows tools and dictionaries only."""
    messages = [HumanMessage("hello")]
    count = make().get_num_tokens_from_messages
    assert count(messages, tools=[tool]) > count(messages)


def test_tokens_are_counted_without_a_download(llm: ChatPollinations) -> None:
    """Approximately."""
    assert 1 <= llm.get_num_tokens("hello bees") <= 10
    assert llm.get_num_tokens_from_messages([HumanMessage("hello bees")]) > 1


def test_tokens_are_counted_as_the_user_says(make: Any) -> None:
    """Where a way to count is given, it counts."""
    llm = make(custom_get_token_ids=lambda text: [0] * len(text.split()))
    assert llm.get_num_tokens("one two three") == 3
    assert llm.get_num_tokens_from_messages([HumanMessage("one two")]) == 3  # "Human: one two"


TEXTS = {
    "English": ("The bees fly from flower to flower and bring the pollen home. ", 0.25),
    "Chinese": ("蜜蜂从一朵花飞到另一朵花", 0.58),
    "Japanese": ("ミツバチは花から花へ飛びます", 0.55),
    "Korean": ("꿀벌은꽃에서꽃으로날아간다", 0.47),
}


@pytest.mark.parametrize(("text", "tokens_per_character"), TEXTS.values(), ids=TEXTS)
def test_dense_scripts_count_at_their_size(
    llm: ChatPollinations, text: str, tokens_per_character: float
) -> None:
    """In texts, messages, blocks, arguments of calls, and in budgets made of them."""
    long = text * 50
    expected = pytest.approx(len(long) * tokens_per_character, rel=0.05)
    assert llm.get_num_tokens(long) == expected
    assert llm.get_num_tokens_from_messages([HumanMessage(long)]) == expected
    blocks = HumanMessage([{"type": "text", "text": long}])
    assert llm.get_num_tokens_from_messages([blocks]) == expected
    call = {"name": "f", "args": {"q": long}, "id": "c"}
    calling = AIMessage("", tool_calls=[call])
    bare = AIMessage("", tool_calls=[{**call, "args": {"q": ""}}])
    count = llm.get_num_tokens_from_messages
    assert count([calling]) - count([bare]) == expected
    assert count([calling, blocks]) == count([calling]) + count([blocks])
    budget = int(len(long) * tokens_per_character * 1.5)
    messages = [HumanMessage(long), HumanMessage(long)]
    assert len(trim_messages(messages, max_tokens=budget, token_counter=llm)) == 1


def test_token_ids_are_not_made_up(llm: ChatPollinations, make: Any) -> None:
    """Whoever has a tokenizer may give it."""
    with pytest.raises(ConfigurationError, match="custom_get_token_ids"):
        llm.get_token_ids("hello")
    assert make(custom_get_token_ids=lambda text: [7]).get_token_ids("hello") == [7]
