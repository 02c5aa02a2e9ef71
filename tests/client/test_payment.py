"""Balances, prices, costs, and the ways in which the gateway asks for money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pollinations_client import (
    ContentPolicyError,
    InsufficientBalanceError,
    KeyBudgetExhaustedError,
    ModelNotAllowedError,
    PaidModelError,
    PaymentRequiredError,
    PollinationsClient,
    PollinationsError,
    RetryPolicy,
)
from pollinations_client.emulator import Body, Emulator
from pollinations_client.response.error_decoder import error_from_body, error_from_response
from pollinations_client.response.payment_notices import error_in, may_become

KEY = "sk_demo_0123456789abcdef"


QUICK = RetryPolicy(backoff_base_s=0.01)


@pytest.fixture
def client(gateway: Emulator) -> Any:
    """A client of today's gateway."""
    with PollinationsClient(KEY, base_url=gateway.url, retry=QUICK) as made:
        yield made


@pytest.mark.parametrize(
    ("key", "kind"),
    [("sk_broke", InsufficientBalanceError), ("sk_budget", KeyBudgetExhaustedError)],
)
@pytest.mark.parametrize("way", ["chat", "stream_chat", "text"])
def test_a_top_up_message_is_a_402(gateway: Emulator, key: str, kind: type, way: str) -> None:
    """Pull request 14700: HTTP 200 with an assistant message."""
    with PollinationsClient(key, base_url=gateway.url) as client, pytest.raises(kind) as caught:
        result = getattr(client, way)("hi", model="openai")
        list(result) if way == "stream_chat" else result
    assert caught.value.status_code == 402
    assert caught.value.fix_url
    assert caught.value.fix_url.startswith("https://enter.")
    assert len(gateway.requests) == 1


def test_the_older_gateway_says_402_plainly(seed_gateway: Emulator) -> None:
    """The same class in both eras."""
    with (
        PollinationsClient("sk_broke", base_url=seed_gateway.url) as client,
        pytest.raises(PollinationsError) as caught,
    ):
        client.chat("hi", model="openai")
    assert caught.value.status_code in {402, 403}
    assert len(seed_gateway.requests) == 1


def error(status: int, code: str, message: Any) -> Body:
    """A refusal in the gateway's envelope."""
    return Body(
        {"status": status, "success": False, "error": {"code": code, "message": message}},
        status=status,
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INSUFFICIENT_BALANCE", InsufficientBalanceError),
        ("KEY_BUDGET_EXHAUSTED", KeyBudgetExhaustedError),
        ("QUEST_POLLEN_ONLY", PaidModelError),
    ],
)
def test_each_kind_of_402_has_its_class(
    gateway: Emulator, client: PollinationsClient, code: str, kind: type
) -> None:
    """Issues 9924, 10028, 9168: balance, budget and paid-only are three remedies."""
    gateway.script(error(402, code, "no"))
    with pytest.raises(kind):
        client.image("bee", model="flux")


def test_negative_balances_are_balances(gateway: Emulator, client: PollinationsClient) -> None:
    """Issues 10752, 10790."""
    gateway.script(Body({"balance": -0.0042}))
    assert str(client.balance().balance) == "-0.0042"


def test_prices_are_read_in_any_notation(gateway: Emulator, client: PollinationsClient) -> None:
    """Issue 9000."""
    gateway.script(
        Body(
            [
                {
                    "name": "x",
                    "aliases": [],
                    "pricing": {
                        "currency": "pollen",
                        "promptTextTokens": 1.5e-7,
                        "completionTextTokens": "6e-7",
                    },
                }
            ]
        )
    )
    card = client.text_models()[0]
    assert card.prices == {
        "promptTextTokens": Decimal("0.00000015"),
        "completionTextTokens": Decimal("0.0000006"),
    }


def test_cost_is_computed_where_no_header_says_it(client: PollinationsClient) -> None:
    """Issue 11349."""
    reply = client.chat("hi", model="openai")
    assert not [name for name in reply.info.headers if "cost" in name]
    assert reply.usage is not None
    assert client.cost(reply.usage, "openai").total


def test_refusals_inside_200_by_words_and_by_digits() -> None:
    """Where neither status nor code says it."""
    assert (
        type(error_from_body({"error": {"message": "flagged by content filter"}}))
        is ContentPolicyError
    )
    assert error_from_body({"error": {"message": "x", "code": "503"}}).status_code == 503
    assert not error_from_response(
        500, {"error": {"type": "invalid_request_error", "message": "x"}}
    ).is_retryable


def test_a_notice_is_short() -> None:
    """A long text is an answer whatever it opens with."""
    opening = "The API key used for this request isn't allowed to use x. [y](https://enter.a/b) "
    assert type(error_in(opening, {})) is ModelNotAllowedError
    assert error_in(opening + "z" * 2_000, {}) is None
    assert not may_become(opening + "z" * 2_000)


def test_a_notice_of_the_staging_gateway_is_one_too() -> None:
    """It links to the account site of its own."""
    address = "https://staging.enter.pollinations.ai/top-up"
    opening = "The account behind this API key doesn't have enough credits. "
    error = error_in(f"{opening}Please [top up]({address}), then try again.", {})
    assert type(error) is InsufficientBalanceError
    assert error.fix_url == address
    assert error_in(f"{opening}Please [top up](https://notenter.example/x).", {}) is None


def test_cost_from_headers_and_plain_counts(gateway: Emulator) -> None:
    """A picture's usage stands in its headers."""
    with PollinationsClient(base_url=gateway.url) as client:
        picture = client.image("bee", model="flux", width=64, height=64)
        assert client.cost(picture.info, "flux").total is not None
        assert client.cost({"prompt_tokens": 0, "completion_tokens": 0}, "openai").total == 0


def test_a_call_without_a_key_is_told_that_it_needs_one(gateway: Emulator) -> None:
    """Today's gateway offers such a call a payment of its own, and says 402."""
    offer = {"payment-required": "eyJ4NDAyVmVyc2lvbiI6Mn0="}
    gateway.script(Body({"x402Version": 2, "error": "Payment required"}, status=402, headers=offer))
    with (
        PollinationsClient(base_url=gateway.url) as client,
        pytest.raises(PaymentRequiredError, match="Set POLLINATIONS_API_KEY") as caught,
    ):
        client.chat("hi")
    assert "Top up" not in str(caught.value)
    assert not caught.value.is_retryable
