"""What one call learns from the gateway holds for all calls of the process with the same key: a
429 with ``Retry-After``, and, where ``refusal_memory_s`` is set, a 401 or 402.
"""

from __future__ import annotations

import asyncio
import math
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from pollinations_client import (
    AsyncPollinationsClient,
    AuthenticationError,
    ConfigurationError,
    InsufficientBalanceError,
    KeyBudgetExhaustedError,
    ModelNotAllowedError,
    PaidModelError,
    PollinationsClient,
    PollinationsError,
    RateLimitError,
)
from pollinations_client.emulator import Emulator, Fault, KeyRules
from pollinations_client.transport.gateway_state import GATEWAY_STATE

KEY = "sk_demo_0123456789abcdef"
WAIT_S = 0.4
TOLERANCE_S = 0.05
LONG_S = 59.0  # below the policy's limit, and longer than any test may take


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """Other tests use the same gateway and key."""
    GATEWAY_STATE.entries.clear()
    yield
    GATEWAY_STATE.entries.clear()


def client_of(gateway: Emulator, key: Any = KEY, **options: Any) -> PollinationsClient:
    """A client of this gateway."""
    return PollinationsClient(key, base_url=gateway.url, **options)


def leave_limit(
    gateway: Emulator,
    wait_s: float = WAIT_S,
    *,
    client: PollinationsClient | None = None,
    max_retries: int = 1,
) -> None:
    """A call whose only retry is refused as well: a limit of ``wait_s`` stays behind."""
    gateway.script(
        Fault("status", status=429, retry_after="0.05"),
        Fault("status", status=429, retry_after=str(wait_s)),
    )
    with pytest.raises(RateLimitError):
        (client or client_of(gateway)).chat("first", max_retries=max_retries)


def pauses_after_limit(gateway: Emulator, sent_before: int = 2) -> list[float]:
    """Seconds from the last 429 to each later request, as the gateway saw them."""
    times = [request.time for request in gateway.requests]
    return [time - times[sent_before - 1] for time in times[sent_before:]]


def test_another_client_with_the_same_key_waits_for_a_429(gateway: Emulator) -> None:
    """One call is refused; the next one, of another client, is not sent before its time."""
    leave_limit(gateway)
    client_of(gateway).chat("second")
    assert pauses_after_limit(gateway)[0] >= WAIT_S - TOLERANCE_S


async def test_async_calls_wait_for_a_429_of_a_sync_call(gateway: Emulator) -> None:
    """All of them, and not all for the same moment."""
    await asyncio.to_thread(leave_limit, gateway)
    client = AsyncPollinationsClient(KEY, base_url=gateway.url)
    await asyncio.gather(*(client.chat(f"row {number}") for number in range(8)))
    pauses = pauses_after_limit(gateway)
    assert len(pauses) == 8
    assert min(pauses) >= WAIT_S - TOLERANCE_S
    assert max(pauses) - min(pauses) > 0.005


def test_streams_in_threads_wait_for_a_429(gateway: Emulator) -> None:
    """Streams and plain calls share the limit."""
    leave_limit(gateway)
    client = client_of(gateway)
    with ThreadPoolExecutor(4) as threads:
        for stream in threads.map(lambda n: list(client.stream_chat(f"row {n}")), range(4)):
            assert stream[-1].reply.text
    assert min(pauses_after_limit(gateway)) >= WAIT_S - TOLERANCE_S


def test_a_limit_that_comes_during_the_wait_is_waited_for_too(gateway: Emulator) -> None:
    """One of three that waited is refused again; all are served in the end."""
    leave_limit(gateway)
    gateway.script(Fault("status", status=429, retry_after=str(WAIT_S)))
    client = client_of(gateway)
    with ThreadPoolExecutor(3) as threads:
        replies = list(threads.map(client.chat, ["a", "b", "c"]))
    assert all(reply.text for reply in replies)
    assert len(gateway.requests) == 2 + 3 + 1


def test_a_key_that_a_function_gives_is_the_one_that_waits(gateway: Emulator) -> None:
    """The limit belongs to the key of the moment, not to the client."""
    keys = (f"sk_rotated_{number:016d}" for number in count())
    client = client_of(gateway, lambda: next(keys))
    leave_limit(gateway, LONG_S, client=client)
    client.chat("second")


@pytest.mark.parametrize("same_gateway", [True, False])
def test_other_keys_and_other_gateways_do_not_wait(gateway: Emulator, same_gateway: bool) -> None:
    """A limit of 59 s would be noticed."""
    leave_limit(gateway, LONG_S)
    if same_gateway:
        client_of(gateway, "sk_another_0123456789").chat("second")
        return
    with Emulator() as other:
        client_of(other).chat("second")


def test_a_call_with_less_time_than_the_wait_fails_unsent(gateway: Emulator) -> None:
    """The same error, with the seconds that are left."""
    leave_limit(gateway, LONG_S)
    with pytest.raises(RateLimitError) as caught:
        client_of(gateway, total_timeout=5).chat("second")
    assert len(gateway.requests) == 2
    assert caught.value.retry_after == pytest.approx(LONG_S, abs=6)


def test_without_retries_nobody_waits_for_anybody(gateway: Emulator) -> None:
    """``max_retries=0`` leaves waiting to the caller, in both directions."""
    leave_limit(gateway, LONG_S, max_retries=0)
    assert not GATEWAY_STATE.entries
    gateway.clear()
    leave_limit(gateway, LONG_S)
    client_of(gateway, max_retries=0).chat("second")
    assert len(gateway.requests) == 3


@pytest.mark.parametrize("wait_s", [0, 61, 86_400])
def test_a_wait_that_the_policy_does_not_take_holds_nobody(
    gateway: Emulator, wait_s: float
) -> None:
    """Above ``retry_after_limit_s`` the call itself gives up at once."""
    leave_limit(gateway, wait_s)
    client_of(gateway).chat("second")
    assert len(gateway.requests) == 3


def test_a_limit_of_one_model_holds_no_other(gateway: Emulator) -> None:
    """A community model has a limit of its own."""
    code = "community_model_rate_limit"
    gateway.script(
        Fault("status", status=429, retry_after="0.05"),
        Fault("status", status=429, retry_after=str(LONG_S), code=code),
    )
    with pytest.raises(RateLimitError):
        client_of(gateway).chat("first", max_retries=1)
    client_of(gateway).chat("second", model="claude")


def test_a_served_call_that_waited_lifts_the_limit(gateway: Emulator) -> None:
    """Then nothing is remembered, and nothing is looked up any more."""
    gateway.script(Fault("status", status=429, retry_after="0.05"))
    client_of(gateway).chat("first")
    assert not GATEWAY_STATE.entries


KINDS = {
    "chat": lambda client: client.chat("hi"),
    "stream_chat": lambda client: list(client.stream_chat("hi")),
    "text": lambda client: client.text("hi"),
    "stream_text": lambda client: list(client.stream_text("hi")),
    "image": lambda client: client.image("hi"),
    "embed": lambda client: client.embed(["hi"]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("sk_invalid", AuthenticationError),
        ("sk_broke", InsufficientBalanceError),
        ("sk_budget", KeyBudgetExhaustedError),
    ],
)
def test_a_remembered_refusal_is_not_sent_again(
    gateway: Emulator, kind: str, key: str, error: type[PollinationsError]
) -> None:
    """Of every kind of call, also where the gateway dresses it as an answer: the same error,
    another exception.
    """
    client = client_of(gateway, key, refusal_memory_s=60)
    with pytest.raises(error) as first:
        KINDS[kind](client)
    with pytest.raises(error) as second:
        KINDS[kind](client)
    assert len(gateway.requests) == 1
    assert second.value is not first.value
    assert str(second.value) == str(first.value)
    assert (second.value.status_code, second.value.code) == (
        first.value.status_code,
        first.value.code,
    )


async def test_refusals_are_shared_by_loops_threads_and_clients(gateway: Emulator) -> None:
    """One request is refused; 50 on a loop and one in a thread are not sent."""
    sync = client_of(gateway, "sk_invalid", refusal_memory_s=60)
    client = AsyncPollinationsClient("sk_invalid", base_url=gateway.url, refusal_memory_s=60)
    with pytest.raises(AuthenticationError):
        await client.chat("first")
    outcomes = await asyncio.gather(
        *(client.chat(f"row {number}") for number in range(50)), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {AuthenticationError}
    with pytest.raises(AuthenticationError):
        await asyncio.to_thread(sync.chat, "last")
    assert len(gateway.requests) == 1


def test_without_refusal_memory_every_call_is_sent(gateway: Emulator) -> None:
    """It is off by default, also while another client remembers."""
    with pytest.raises(AuthenticationError):
        client_of(gateway, "sk_invalid", refusal_memory_s=60).chat("first")
    with pytest.raises(AuthenticationError):
        client_of(gateway, "sk_invalid").chat("second")
    assert len(gateway.requests) == 2


def test_a_refusal_is_forgotten_after_its_time(gateway: Emulator) -> None:
    """A topped-up account is served again."""
    client = client_of(gateway, "sk_broke", refusal_memory_s=0.05)
    for _ in range(2):
        with pytest.raises(InsufficientBalanceError):
            client.chat("hi")
        asyncio.run(asyncio.sleep(0.06))
    assert len(gateway.requests) == 2


def test_free_calls_go_out_while_a_refusal_is_remembered(gateway: Emulator) -> None:
    """One can look at the balance that is said to be spent."""
    client = client_of(gateway, "sk_broke", refusal_memory_s=60)
    with pytest.raises(InsufficientBalanceError):
        client.chat("hi")
    assert client.balance().balance <= 0
    assert client.text_models()


@pytest.mark.parametrize(
    ("key", "model", "error"),
    [
        ("sk_quest", "claude", PaidModelError),
        ("sk_forbidden_model", "claude", ModelNotAllowedError),
    ],
)
def test_a_refusal_of_one_model_does_not_stop_others(
    gateway: Emulator, key: str, model: str, error: type[PollinationsError]
) -> None:
    """Nothing is wrong with the key."""
    client = client_of(gateway, key, refusal_memory_s=60)
    with pytest.raises(error):
        client.chat("hi", model=model)
    assert client.chat("hi", model="openai").text


def test_a_long_rate_limit_is_remembered_as_a_refusal() -> None:
    """What no call would wait for need not be asked 100,000 times."""
    with Emulator(keys={KEY: KeyRules(rate=0, retry_after_s=3_600)}) as gateway:
        client = client_of(gateway, refusal_memory_s=60)
        for _ in range(3):
            with pytest.raises(RateLimitError):
                client.chat("hi")
        assert len(gateway.requests) == 1


def test_no_key_is_stored_with_what_is_remembered(gateway: Emulator) -> None:
    """Neither as the name of an entry nor in its error or traceback."""
    with pytest.raises(AuthenticationError) as caught:
        client_of(gateway, "sk_invalid", refusal_memory_s=60).chat("hi")
    with pytest.raises(AuthenticationError) as again:
        client_of(gateway, "sk_invalid", refusal_memory_s=60).chat("hi")
    shown = repr(GATEWAY_STATE.entries) + "".join(
        "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        for error in (caught.value, again.value)
    )
    assert "sk_invalid" not in shown.replace('"sk_invalid"', "")
    assert all(math.isfinite(entry.until) for entry in GATEWAY_STATE.entries.values())


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "60", True])
def test_a_memory_that_cannot_be_is_refused(gateway: Emulator, seconds: Any) -> None:
    """``None`` switches it off."""
    with pytest.raises(ConfigurationError, match="refusal_memory_s"):
        client_of(gateway, refusal_memory_s=seconds)
