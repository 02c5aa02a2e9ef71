"""What a call cost: whose price holds, where it comes from, and what a cached answer costs."""

from __future__ import annotations

import functools
import operator
from decimal import Decimal
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

from langchain_pollinations import ChatPollinations
from llamaindex_pollinations import Pollinations
from pollinations_client import ModelCard, PollenBudget, PollinationsClient, ResponseInfo, snapshot
from pollinations_client.catalog.pricing import cost
from pollinations_client.emulator import Answer, Body, Emulator

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


COUNTED_IN_HEADERS = {
    "x-usage-prompt-text-tokens": "600",
    "x-usage-prompt-cached-tokens": "400",
    "x-usage-completion-text-tokens": "60",
    "x-usage-completion-reasoning-tokens": "40",
}


def answer_with_headers(headers: dict[str, str], **fields: Any) -> Body:
    """An answer whose body counts nothing, but for ``usage`` among the ``fields``."""
    message = {"role": "assistant", "content": "Hi"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "a", "object": "chat.completion", "choices": [choice], **fields}
    return Body(body, headers=headers)


@pytest.mark.parametrize("cost_of", [langchain_cost, llamaindex_cost, client_cost])
def test_an_answer_is_counted_by_its_headers_where_its_body_counts_nothing(
    gateway: Emulator, cost_of: Any
) -> None:
    """A body's ``usage`` is optional, and the gateway bills by what the headers say."""
    gateway.script(answer_with_headers(COUNTED_IN_HEADERS))
    assert float(cost_of(gateway)) == pytest.approx((600 * 3 + 400 * 0.3 + 100 * 15) / 1e6)
    gateway.script(answer_with_headers(COUNTED_IN_HEADERS))
    message = ChatPollinations("claude", api_key=KEY, base_url=gateway.url).invoke("x")
    assert message.usage_metadata == {
        "input_tokens": 1000,
        "output_tokens": 100,
        "total_tokens": 1100,
        "input_token_details": {"cache_read": 400},
        "output_token_details": {"reasoning": 40},
    }


@pytest.mark.parametrize(
    "headers",
    [
        *({"x-pollen-cost": stated} for stated in ("", "free", "-1", "nan")),
        {"x-usage-total-tokens": "1100"},
    ],
)
def test_headers_that_state_no_cost_do_not_hide_the_usage_of_the_body(
    gateway: Emulator, headers: dict[str, str]
) -> None:
    """Neither from the answer's cost nor from a budget."""
    gateway.script(answer_with_headers(headers, usage=USAGE))
    with PollinationsClient(KEY, base_url=gateway.url) as client:
        reply = client.chat("x", model="claude")
        assert client.cost(reply, "claude").total == Decimal("0.0045")
        assert client.cost(reply.info, "claude").unknown == ("usage",)
        with PollenBudget(1) as budget:
            client.image("a bee", model="flux", width=64, height=64)
            gateway.script(answer_with_headers(headers, usage=USAGE))
            client.chat("y", model="claude")
    assert budget.by_model["claude"] == 0.0045


def costs_told(gateway: Emulator, budget: PollenBudget | None) -> list[Any]:
    """What both frameworks say that an answer cost, whole and streamed."""
    llm = ChatPollinations("gemini", api_key=KEY, base_url=gateway.url, budget=budget)
    other = Pollinations("gemini", api_key=KEY, api_base=gateway.url, budget=budget)
    messages = [llm.invoke("a"), functools.reduce(operator.add, llm.stream("b"))]
    responses = [other.chat([ChatMessage("c")]), [*other.stream_chat([ChatMessage("d")])][-1]]
    return [
        *(sum(message.response_metadata.get("cost", ())) for message in messages),
        *(response.additional_kwargs.get("cost", 0) for response in responses),
    ]


@pytest.mark.parametrize("is_option", [True, False])
def test_answers_cost_what_the_budget_counts(gateway: Emulator, is_option: bool) -> None:
    """By the prices of today, which the budget has read; without one nobody has."""
    assert not snapshot().get("gemini").prices  # type: ignore[union-attr]
    assert sum(costs_told(gateway, None)) == 0
    with PollenBudget(1) as budget:
        if is_option:
            budget.__exit__()
        told = costs_told(gateway, budget if is_option else None)
    assert all(told)
    assert budget.spent == pytest.approx(sum(told))


def test_a_film_made_in_a_chat_costs_its_seconds(gateway: Emulator) -> None:
    """They are in a header, and are no tokens."""
    gateway.script(answer_with_headers({"x-usage-completion-video-seconds": "4"}))
    with PollinationsClient(KEY, base_url=gateway.url) as client:
        reply = client.chat("a bee", model="veo")
        card = client.catalog.get("veo")
        assert card is not None
        price = card.prices["completionVideoSeconds"]
        assert client.cost(reply, "veo").total == 4 * price
        assert reply.usage is None


@pytest.mark.parametrize("count", ["nan", "inf", "-1"])
def test_headers_that_count_no_tokens_are_no_usage(gateway: Emulator, count: str) -> None:
    """The answer is read all the same."""
    gateway.script(answer_with_headers({"x-usage-prompt-text-tokens": count}))
    with PollinationsClient(KEY, base_url=gateway.url) as client:
        reply = client.chat("x", model="claude")
        assert reply.text == "Hi"
        assert client.cost(reply, "claude").total is None
    assert reply.usage is None


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
