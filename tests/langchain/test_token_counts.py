"""Tokens counted before anything is sent."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import (
    HumanMessage,
)

from langchain_pollinations import ChatPollinations
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


def test_tokens_are_counted_without_a_download(llm: ChatPollinations) -> None:
    """Approximately."""
    assert 1 <= llm.get_num_tokens("hello bees") <= 10
    assert llm.get_num_tokens_from_messages([HumanMessage("hello bees")]) > 1


def test_tokens_are_counted_as_the_user_says(make: Any) -> None:
    """Where a way to count is given, it counts."""
    llm = make(custom_get_token_ids=lambda text: [0] * len(text.split()))
    assert llm.get_num_tokens("one two three") == 3
    assert llm.get_num_tokens_from_messages([HumanMessage("one two")]) == 3  # "Human: one two"
