"""The tools that look something up: web search, models, balance."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, ToolMessage

from langchain_pollinations import (
    ChatPollinations,
    PollinationsModelsTool,
    PollinationsSearchTool,
    PollinationsToolkit,
)
from pollinations_client.emulator import Answer, Body, Emulator, Fault
from support.langchain import answer_of

KEY = "sk_demo_0123456789abcdef"


def test_a_failing_lookup_is_an_answer_too(gateway: Emulator) -> None:
    """The balance needs a permission that many keys lack."""
    gateway.script(Fault("status", status=403))
    tool = PollinationsToolkit(base_url=gateway.url).get_tools()[-1]
    message = tool.invoke({"type": "tool_call", "name": tool.name, "id": "c", "args": {}})
    assert message.status == "error"
    assert "Do not make the same call again" in message.content


@pytest.mark.parametrize("sync", [True, False])
def test_a_search_gives_an_answer_with_its_sources(gateway: Emulator, sync: bool) -> None:
    """Numbered in the text, and with titles for the program."""
    tool = PollinationsSearchTool(base_url=gateway.url)
    gateway.script(Answer(text="Bees dance.", citations=["https://a.example/bees"]))
    message = answer_of(tool, sync, query="why?")
    assert message.content == "Bees dance.\n\nSources:\n[1] Source 1: https://a.example/bees"
    assert message.artifact == [{"title": "Source 1", "url": "https://a.example/bees"}]
    assert gateway.requests[0].json["model"] == "sonar"
    gateway.script(Fault("status", status=402))
    assert "balance is spent" in str(answer_of(tool, sync, query="why?").content)


@pytest.mark.parametrize("sync", [True, False])
def test_a_search_without_words_says_so_and_lists_addresses_only(
    gateway: Emulator, sync: bool
) -> None:
    """A model makes nothing of an empty answer, nor of a source that is none."""
    tool = PollinationsSearchTool(base_url=gateway.url)
    message = {"role": "assistant", "content": None}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    gateway.script(Body({"choices": choices, "citations": ["https://a.example/bees", None, 3]}))
    answer = answer_of(tool, sync, query="why?")
    assert answer.content == (
        "The search gave no answer in words.\n\nSources:\n[1] a.example: https://a.example/bees"
    )
    assert [source["url"] for source in answer.artifact] == ["https://a.example/bees"]


def test_sources_can_be_blocks_that_claude_cites_from(gateway: Emulator) -> None:
    """For agents on Anthropic's own class; ours reads them as text."""
    tool = PollinationsSearchTool(base_url=gateway.url, return_search_results=True)
    gateway.script(Answer(text="Bees dance.", citations=["https://a.example/bees"]))
    (block,) = answer_of(tool, True, query="why?").content
    assert (block["type"], block["source"]) == ("search_result", "https://a.example/bees")
    assert block["content"][0]["text"] == "Bees dance."
    messages = [
        ("user", "x"),
        AIMessage("", tool_calls=[{"name": "web_search", "args": {}, "id": "call_1"}]),
        ToolMessage([block], tool_call_id="call_1"),
    ]
    ChatPollinations("openai", base_url=gateway.url).invoke(messages)
    assert "Bees dance." in gateway.requests[-1].json["messages"][2]["content"]


@pytest.mark.parametrize("sync", [True, False])
def test_the_models_of_a_kind_are_listed_with_prices(gateway: Emulator, sync: bool) -> None:
    """At most forty, under their short names."""
    listed = str(
        answer_of(PollinationsModelsTool(base_url=gateway.url), sync, kind="image").content
    )
    assert "\nflux: flux (emulated) (0.002 pollen" in listed
    everything = str(answer_of(PollinationsModelsTool(base_url=gateway.url), sync).content)
    assert len(everything.splitlines()) <= 41
