"""What a call cost: whose price holds, where it comes from, and what a cached answer costs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

from langchain_pollinations import ChatPollinations
from llamaindex_pollinations import Pollinations
from pollinations_client import ModelCard, PollinationsClient, ResponseInfo, snapshot
from pollinations_client.catalog.pricing import cost
from pollinations_client.emulator import Answer, Emulator

KEY = "sk_demo_0123456789abcdef"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
FALLBACK = Answer(text="Hi", usage=USAGE, model="openai/gpt-5.4-nano")


def langchain_cost(gateway: Emulator) -> Any:
    """The cost in LangChain's metadata."""
    metadata = ChatPollinations("claude", api_key=KEY, base_url=gateway.url).invoke("x")
    return metadata.response_metadata["cost"][0]


def llamaindex_cost(gateway: Emulator) -> Any:
    """The cost in LlamaIndex's response."""
    llm = Pollinations("claude", api_key=KEY, api_base=gateway.url)
    return llm.chat([ChatMessage("x")]).additional_kwargs["cost"]


def client_cost(gateway: Emulator) -> Any:
    """The cost that the client tells."""
    with PollinationsClient(KEY, base_url=gateway.url) as client:
        return client.cost(client.chat("x", model="claude"), "claude").total


@pytest.mark.parametrize("cost_of", [langchain_cost, llamaindex_cost, client_cost])
def test_an_answer_costs_what_the_model_that_was_asked_costs(
    gateway: Emulator, cost_of: Any
) -> None:
    """Also where a fallback of another price served it."""
    gateway.script(FALLBACK)
    assert float(cost_of(gateway)) == pytest.approx((1000 * 3 + 100 * 15) / 1e6)


@pytest.mark.parametrize(
    ("usage", "card", "source"),
    [
        ({**USAGE, "pollen_cost": 0.5}, snapshot().get("claude"), "stated"),
        (USAGE, snapshot().get("claude"), "shipped 2026-03"),
        (
            USAGE,
            ModelCard(
                name="x",
                prices={
                    "promptTextTokens": Decimal("0.1"),
                    "completionTextTokens": Decimal("0.2"),
                },
            ),
            "live",
        ),
        (USAGE, None, None),
    ],
)
def test_a_cost_tells_where_it_comes_from(
    usage: Any, card: ModelCard | None, source: str | None
) -> None:
    """The gateway, its live list, or a list that was shipped, with the month of its prices."""
    assert cost(usage, card).source == source


def test_a_refreshed_price_is_a_live_one(gateway: Emulator) -> None:
    """The shipped date goes with the shipped price."""
    with PollinationsClient(KEY, base_url=gateway.url) as client:
        assert client.catalog.get("claude").prices_as_of == "2026-03"  # type: ignore[union-attr]
        client.refresh()
        assert client.catalog.get("claude").prices_as_of is None  # type: ignore[union-attr]


def test_a_cached_answer_costs_at_most_that(gateway: Emulator) -> None:
    """The gateway does not bill a hit."""
    info = ResponseInfo.from_headers(200, {"x-cache": "HIT", "x-usage-prompt-text-tokens": "1000"})
    assert cost(info, snapshot().get("claude")).is_upper_bound
    llm = ChatPollinations("claude", api_key=KEY, base_url=gateway.url, seed=7)
    first, second = llm.invoke("bees"), llm.invoke("bees")
    assert "cost_is_upper_bound" not in first.response_metadata
    assert second.response_metadata["cost_is_upper_bound"] is True
    assert second.response_metadata["cost_source"] == first.response_metadata["cost_source"]


def test_every_shipped_price_has_a_month_and_a_currency() -> None:
    """None is guessed, and none is told as today's."""
    priced = [card for card in snapshot() if card.prices]
    assert len(priced) >= 55
    assert {card.currency for card in priced} == {"pollen"}
    assert all(card.prices_as_of for card in priced)
    assert all(card.prices_as_of is None for card in snapshot() if not card.prices)
