"""``PollenBudget``: no call goes out that it does not cover, and each is counted once.

The gateway counts the requests; it says what was really sent.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import functools
import os
import pickle
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollinations_client import (
    APIConnectionError,
    APITimeoutError,
    AsyncPollinationsClient,
    BadRequestError,
    BudgetSpentError,
    ConfigurationError,
    InsufficientBalanceError,
    InvalidRequestError,
    PaymentRequiredError,
    PollenBudget,
    PollinationsClient,
    PollinationsError,
    PollinationsWarning,
    ResponseInfo,
    ServerError,
    UnpricedModelError,
    snapshot,
)
from pollinations_client.budget.ledger import Ledger
from pollinations_client.budget.reservation import Reservation, budgets_for
from pollinations_client.catalog.estimates import CallSize, Estimator, max_prompt_tokens
from pollinations_client.catalog.model_list import card_from
from pollinations_client.catalog.pricing import cost
from pollinations_client.catalog.usual_costs import total_pollen
from pollinations_client.emulator import Answer, Body, Emulator, Fault, Frames
from pollinations_client.emulator.media.wav import samples, wav
from pollinations_client.reply_metadata import USAGE_PATHS, usage_from
from pollinations_client.request import endpoints

KEY = "sk_demo_0123456789abcdef"
FLUX = 0.002
ZERO = Decimal(0)
USAGE = {"prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200}
CLAUDE_ANSWER = Answer(text="Hi", usage=USAGE)
DEAR_ANSWER = Answer(
    text="x", usage={"prompt_tokens": 10, "completion_tokens": 700, "total_tokens": 710}
)
SOUND = wav(samples("hi", "alloy", 1.0))
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)
CLAUDE_COST = (100 * 3 + 100 * 15) / 1e6


@pytest.fixture
def client(gateway: Emulator) -> Iterator[PollinationsClient]:
    """A blocking client."""
    with PollinationsClient(KEY, base_url=gateway.url) as client:
        yield client


@pytest.fixture
def async_client(gateway: Emulator) -> AsyncPollinationsClient:
    """A client for the loop."""
    return AsyncPollinationsClient(KEY, base_url=gateway.url)


def paid_requests(gateway: Emulator) -> int:
    """Requests that were sent, but for the free ones."""
    free = ("/models", "/account")
    return sum(not any(word in request.path for word in free) for request in gateway.requests)


def draw(client: PollinationsClient, prompt: str = "a bee") -> Any:
    """A picture of 0.002 pollen."""
    return client.image(prompt, model="flux", width=64, height=64)


def ask(client: PollinationsClient, prompt: str = "hi", **options: Any) -> Any:
    """A chat that reserves 0.0105 pollen and a little for its prompt."""
    return client.chat(prompt, model="claude", max_tokens=700, **options)


UNPRICED_AS_SHIPPED = {"speech", "transcribe", "ocr"}
PAID_CALLS: dict[str, Callable[[PollinationsClient], Any]] = {
    "chat": ask,
    "stream_chat": lambda client: list(client.stream_chat("hi", model="claude")),
    "text": lambda client: client.text("hi", model="claude"),
    "stream_text": lambda client: list(client.stream_text("hi", model="claude")),
    "image": draw,
    "video": lambda client: client.video("a bee", duration=4),
    "embed": lambda client: client.embed(["hi"]),
    "speech": lambda client: client.speech("hi"),
    "transcribe": lambda client: client.transcribe(SOUND),
    "edit_image": lambda client: client.edit_image("red", PIXEL, model="gptimage"),
    "image with a long prompt": lambda client: client.image("bee " * 5_000, model="flux"),
    "ocr": lambda client: client.ocr("https://example.com/page.png"),
}


@pytest.mark.parametrize("kind", PAID_CALLS)
def test_a_budget_of_nothing_refuses_every_paid_call(
    gateway: Emulator, client: PollinationsClient, kind: str
) -> None:
    """Nothing is sent, not even for prices; free calls go out."""
    with PollenBudget(0) as budget, pytest.raises(BudgetSpentError) as caught:
        PAID_CALLS[kind](client)
    assert not gateway.requests
    assert (caught.value.limit, caught.value.left) == (0, 0)
    assert isinstance(caught.value, PaymentRequiredError)
    assert not caught.value.is_retryable
    assert "not known" not in str(caught.value) or kind in UNPRICED_AS_SHIPPED
    with budget:
        assert client.balance().balance > 0
        assert client.text_models()


@pytest.mark.parametrize("kind", PAID_CALLS)
def test_every_kind_of_call_is_counted_at_its_price(
    gateway: Emulator, client: PollinationsClient, kind: str
) -> None:
    """Once, and nothing stays held back."""
    with PollenBudget(1) as budget:
        PAID_CALLS[kind](client)
    assert paid_requests(gateway) == 1
    assert 0 < budget.spent < 0.5
    assert budget.reserved == 0
    assert budget.left == pytest.approx(1 - budget.spent)
    assert list(budget.by_model.values()) == [budget.spent]


async def test_async_calls_are_counted_in_the_same_way(
    gateway: Emulator, async_client: AsyncPollinationsClient
) -> None:
    """Plain and streamed, in ``async with``."""
    async with PollenBudget(1) as budget:
        await async_client.image("a bee", model="flux", width=64, height=64)
        gateway.script(CLAUDE_ANSWER, CLAUDE_ANSWER)
        await async_client.chat("hi", model="claude")
        async for _ in async_client.stream_chat("hi again", model="claude"):
            pass
    assert budget.spent == pytest.approx(2 * CLAUDE_COST + FLUX)
    assert budget.by_model == {"flux": FLUX, "claude": pytest.approx(2 * CLAUDE_COST)}


def test_prices_are_read_once_by_free_calls_before_the_first_paid_one(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Not when a budget is made, and not again."""
    with PollenBudget(1):
        assert not gateway.requests
        draw(client)
        draw(client, "a wasp")
    paths = [request.path for request in gateway.requests]
    assert sorted(paths[:4]) == [
        "/audio/models",
        "/embeddings/models",
        "/image/models",
        "/text/models",
    ]
    assert [path.startswith("/image/a") for path in paths[4:]] == [True, True]


async def test_tasks_and_threads_that_come_at_once_read_prices_once(
    gateway: Emulator, client: PollinationsClient, async_client: AsyncPollinationsClient
) -> None:
    """The others wait; ``klein`` has a price in no shipped list."""
    budget = PollenBudget(1)
    with budget:
        calls = [async_client.image(f"bee {n}", model="klein", width=64) for n in range(6)]
        threads = [
            asyncio.to_thread(client.image, f"wasp {n}", model="klein", width=64) for n in range(6)
        ]
        await asyncio.gather(*calls, *threads)
    assert sum(request.path.endswith("/models") for request in gateway.requests) == 4
    assert budget.spent == pytest.approx(12 * FLUX)


async def test_a_blocking_call_inside_of_a_task_does_not_wait_for_that_loop(
    gateway: Emulator, client: PollinationsClient, async_client: AsyncPollinationsClient
) -> None:
    """LlamaIndex does so; waiting would last for ever."""
    with PollenBudget(1) as budget:
        task = asyncio.create_task(async_client.image("a", model="klein", width=64))
        await asyncio.sleep(0.01)
        client.image("b", model="klein", width=64)
        await task
    assert budget.spent == pytest.approx(2 * FLUX)


def test_a_failed_look_at_the_prices_breaks_no_call(
    gateway: Emulator, client: PollinationsClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The shipped prices hold, and it is logged. A model without one is still refused."""
    gateway.script(*[Fault("status", status=400)] * 4)
    with PollenBudget(1) as budget:
        draw(client)
        with pytest.raises(UnpricedModelError):
            client.image("a bee", model="klein")
    assert budget.spent == FLUX
    assert paid_requests(gateway) == 1
    assert "shipped prices" in caplog.text


def test_parallel_calls_cannot_pass_the_limit_together(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Of 20 chats at 0.0105 pollen four fit into 0.05, whatever they cost in the end."""
    budget = PollenBudget(0.052)
    with budget:
        draw(client)
    gateway.script(*[DEAR_ANSWER] * 4)
    barrier = threading.Barrier(20)

    def one(number: int) -> bool:
        barrier.wait()
        try:
            with budget:
                ask(client, f"row {number}")
        except BudgetSpentError:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        sent = sum(threads.map(one, range(20)))
    assert sent + 1 == paid_requests(gateway) == 5
    assert 0.044 < budget.spent <= 0.052


async def test_parallel_tasks_cannot_pass_the_limit_together(
    gateway: Emulator, async_client: AsyncPollinationsClient
) -> None:
    """The same on a loop."""
    with PollenBudget(0.052) as budget:
        await async_client.image("a bee", model="flux", width=64)
        gateway.script(*[DEAR_ANSWER] * 4)
        outcomes = await asyncio.gather(
            *(
                async_client.chat(f"row {number}", model="claude", max_tokens=700)
                for number in range(20)
            ),
            return_exceptions=True,
        )
    refused = [outcome for outcome in outcomes if isinstance(outcome, BudgetSpentError)]
    assert len(refused) == 16
    assert paid_requests(gateway) == 5
    assert 0.044 < budget.spent <= 0.052


def test_a_budget_stops_a_run_at_an_exact_count_and_says_what_is_left(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """The third picture of 0.002 does not fit into 0.005."""
    with PollenBudget(0.005) as budget:
        draw(client, "a")
        draw(client, "b")
        with pytest.raises(BudgetSpentError) as caught:
            draw(client, "c")
    assert paid_requests(gateway) == 2
    error = caught.value
    assert (error.needed, error.left, error.model) == (FLUX, 0.001, "flux")
    assert "0.001" in str(error)
    assert "0.002" in str(error)
    assert budget.spent == 0.004


def test_a_batch_of_texts_stops_at_the_first_refusal(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """``embed`` sends 32 texts a request; the vectors that came are kept."""
    texts = ["x" * 300] * 320
    one_batch = 32 * 303 * 15e-9
    with PollenBudget(one_batch * 1.2), pytest.raises(BudgetSpentError) as caught:
        client.embed(texts)
    assert 1 <= paid_requests(gateway) < 10
    assert caught.value.missing
    assert caught.value.partial


REFUSALS = {
    "400": (Fault("status", status=400), BadRequestError),
    "402": (Fault("status", status=402), PaymentRequiredError),
    "422": (Fault("status", status=422), PollinationsError),
    "503": (Fault("status", status=503), ServerError),
}


@pytest.mark.parametrize("fault", REFUSALS)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_refusal_gives_back_what_was_held(
    gateway: Emulator, client: PollinationsClient, fault: str, streamed: bool
) -> None:
    """Nothing was generated."""
    scripted, error = REFUSALS[fault]
    with PollenBudget(1) as budget:
        draw(client)
        gateway.script(scripted)
        with pytest.raises(error):
            if streamed:
                list(client.stream_chat("hi", model="claude", max_retries=0))
            else:
                client.chat("hi", model="claude", max_retries=0)
    assert budget.spent == FLUX
    assert budget.reserved == 0


@pytest.mark.parametrize("kind", ["chat", "stream_chat", "text", "stream_text"])
def test_a_payment_notice_in_place_of_an_answer_costs_nothing(gateway: Emulator, kind: str) -> None:
    """The gateway sends it as 200."""
    client = PollinationsClient("sk_broke", base_url=gateway.url)
    with PollenBudget(1) as budget, pytest.raises(InsufficientBalanceError):
        PAID_CALLS[kind](client)
    assert budget.spent == 0
    assert budget.reserved == 0


def test_a_call_that_was_not_connected_costs_nothing() -> None:
    """Nobody listens there."""
    with Emulator() as gateway:
        url = gateway.url
    client = PollinationsClient(KEY, base_url=url, max_retries=0)
    with PollenBudget(1) as budget, pytest.raises(APIConnectionError):
        draw(client)
    assert budget.spent == 0
    assert budget.reserved == 0


def test_a_repeated_call_counts_once(gateway: Emulator, client: PollinationsClient) -> None:
    """After a refusal, and after a break that the gateway joins."""
    with PollenBudget(1) as budget:
        draw(client)
        gateway.script(Fault("status", status=503), CLAUDE_ANSWER)
        client.chat("hi", model="claude")
        gateway.script(Fault("reset"), CLAUDE_ANSWER)
        client.chat("hi again", model="claude")
    assert paid_requests(gateway) == 5
    assert budget.spent == pytest.approx(FLUX + 2 * CLAUDE_COST)


def test_an_outcome_that_nobody_knows_keeps_its_reservation(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """A connection that broke after sending, and a refusal after it."""
    with PollenBudget(1, chat_reserve=0.03) as budget:
        draw(client)
        gateway.script(Fault("reset"))
        with pytest.raises(APIConnectionError):
            client.chat("hi", model="claude", max_retries=0)
        assert budget.spent == pytest.approx(FLUX + 0.03)
        gateway.script(Fault("reset"), Fault("status", status=400))
        with pytest.raises(BadRequestError):
            client.chat("hi", model="claude")
    assert budget.spent == pytest.approx(FLUX + 0.06)
    assert budget.reserved == 0


def test_a_time_out_after_sending_keeps_its_reservation(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """The gateway goes on generating."""
    with PollenBudget(1, chat_reserve=0.03) as budget:
        draw(client)
        gateway.script(Frames(Frames.HANG))
        with pytest.raises(APITimeoutError):
            client.chat("hi", model="claude", timeout=0.2, max_retries=0)
    assert budget.spent == pytest.approx(FLUX + 0.03)


@pytest.mark.parametrize("ending", ["abandoned", "cut", "cancelled"])
async def test_a_stream_that_does_not_end_keeps_its_reservation(
    gateway: Emulator, async_client: AsyncPollinationsClient, ending: str
) -> None:
    """Left, cut, or cancelled in the middle."""
    budget = PollenBudget(1, chat_reserve=0.03)
    first = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'

    async def read() -> None:
        with budget:
            async for _ in async_client.stream_chat("hi", model="claude"):
                if ending == "abandoned":
                    return

    last = Frames.CUT if ending == "cut" else Frames.HANG
    with budget:
        await async_client.image("a bee", model="flux", width=64)
    gateway.script(Frames(first, last))
    task = asyncio.create_task(read())
    if ending == "cancelled":
        await asyncio.sleep(0.2)
        task.cancel()
    outcome = (await asyncio.gather(task, return_exceptions=True))[0]
    assert isinstance(outcome, BaseException) is (ending != "abandoned")
    for _ in range(50):
        if not budget.reserved:
            break
        await asyncio.sleep(0.02)
    assert budget.reserved == 0
    assert budget.spent == pytest.approx(FLUX + 0.03)


def test_a_stream_left_after_its_last_event_costs_what_it_says(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Callers stop at ``Finished``."""
    with PollenBudget(1) as budget:
        draw(client)
        gateway.script(CLAUDE_ANSWER)
        stream = client.stream_chat("hi", model="claude")
        for event in stream:
            if type(event).__name__ == "Finished":
                break
        stream.close()
    assert budget.spent == pytest.approx(FLUX + CLAUDE_COST)


def test_a_repeated_stream_that_may_be_billed_twice_counts_twice(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """``retry_streams`` accepts a second charge, and the budget counts it."""
    with PollenBudget(1, chat_reserve=0.03) as budget:
        draw(client)
        gateway.script(Fault("reset"), CLAUDE_ANSWER)
        list(client.stream_chat("hi", model="claude", retry_streams=True))
    assert budget.spent == pytest.approx(FLUX + 0.03 + CLAUDE_COST)


def test_a_repeat_that_is_refused_costs_what_the_first_attempt_may_have(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """The refusal itself is free."""
    with PollenBudget(1, chat_reserve=0.03) as budget:
        draw(client)
        gateway.script(Fault("reset"), Fault("status", status=400))
        with pytest.raises(BadRequestError):
            list(client.stream_chat("hi", model="claude", retry_streams=True))
    assert budget.spent == pytest.approx(FLUX + 0.03)
    assert budget.reserved == 0


async def test_a_call_that_is_cancelled_before_it_is_repeated_costs_nothing(
    gateway: Emulator, async_client: AsyncPollinationsClient
) -> None:
    """It was refused, and the repeat has not left; nor has one that waits for that refusal."""
    with PollenBudget(1) as budget:
        await async_client.image("a bee", model="flux", width=64, height=64)
        gateway.script(Fault("status", status=429, retry_after="30"))
        refused = asyncio.create_task(async_client.chat("hi", model="claude"))
        while paid_requests(gateway) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        waiting = asyncio.create_task(async_client.chat("ho", model="claude"))
        await asyncio.sleep(0.1)
        refused.cancel()
        waiting.cancel()
        await asyncio.gather(refused, waiting, return_exceptions=True)
    assert paid_requests(gateway) == 2
    assert (budget.spent, budget.reserved) == (FLUX, 0)


def test_a_key_function_that_fails_costs_nothing(gateway: Emulator) -> None:
    """Nothing was sent."""

    def no_key() -> str:
        raise RuntimeError("the vault is closed")

    with PollinationsClient(no_key, base_url=gateway.url) as client, PollenBudget(1) as budget:
        with pytest.raises(RuntimeError, match="vault"):
            client.chat("hi", model="claude")
    assert (budget.spent, budget.reserved) == (0, 0)


def test_a_finalizer_settles_while_its_thread_counts() -> None:
    """The garbage collector may end a stream that nobody reads inside the ledger's own methods."""
    ledger = Ledger(Decimal(10))

    class Name(str):
        """A key that is hashed while the ledger is locked."""

        __slots__ = ()

        def __hash__(self) -> int:
            if not ledger.by_model:
                ledger.settle("left", "left", ZERO, Decimal(1), is_certain=False)
            return super().__hash__()

    def count() -> None:
        ledger.settle("read", Name("read"), ZERO, Decimal(2), is_certain=True)

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert ledger.by_model == {"left": 1, "read": 2}
    assert ledger.spent == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_can_count_while_a_thread_of_its_parent_does() -> None:
    """No lock stays with a thread that the child does not have."""
    is_counting = threading.Event()

    class Name(str):
        """A key that takes long to look up."""

        __slots__ = ()

        def __hash__(self) -> int:
            is_counting.set()
            time.sleep(0.1)
            return super().__hash__()

    ledger = Ledger(Decimal(10))
    count = functools.partial(ledger.settle, "a", Name("a"), ZERO, Decimal(1), is_certain=True)
    thread = threading.Thread(target=count)
    thread.start()
    is_counting.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        os._exit(ledger.left != 9)
    assert os.waitpid(child, 0)[1] == 0
    thread.join()


def test_a_repeated_stream_that_the_budget_does_not_cover_is_not_sent(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """The failure that it would have followed is raised."""
    with PollenBudget(0.05, chat_reserve=0.03) as budget:
        draw(client)
        gateway.script(Fault("reset"))
        with pytest.raises(APIConnectionError) as caught:
            list(client.stream_chat("hi", model="claude", retry_streams=True))
    assert isinstance(caught.value.__cause__, BudgetSpentError)
    assert paid_requests(gateway) == 2
    assert budget.spent == pytest.approx(FLUX + 0.03)


def test_a_budget_as_option_of_a_call_is_refused_with_the_way_to_say_it(
    client: PollinationsClient,
) -> None:
    """A statement holds for any calls, in both frameworks."""
    options: Any = {"budget": PollenBudget(1)}
    with pytest.raises(InvalidRequestError, match="under 'with budget:'"):
        client.chat("hi", **options)


def test_nested_budgets_both_count_and_the_same_one_counts_once(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """The smaller one refuses, and the larger one gets its reservation back."""
    with PollenBudget(1) as outer:
        draw(client, "a")
        with PollenBudget(0.003) as inner, outer:
            draw(client, "b")
            with pytest.raises(BudgetSpentError) as caught:
                draw(client, "c")
        draw(client, "d")
    assert caught.value.limit == 0.003
    assert (inner.spent, outer.spent, outer.reserved) == (FLUX, 3 * FLUX, 0)
    assert sum(request.path.endswith("/models") for request in gateway.requests) == 4


def test_threads_that_copy_the_context_are_covered(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """``embed`` and both frameworks start theirs so."""
    with PollenBudget(1) as budget:
        client.embed(["x"] * 100)
    assert paid_requests(gateway) == 4
    assert sum(budget.by_model.values()) == budget.spent > 0


def test_an_answer_from_the_cache_counts_at_most_its_price(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """HIT proves nothing: the first asker may get one. The table shows it as uncertain."""
    with PollenBudget(1) as budget:
        client.image("a bee", model="flux", seed=1)
        client.image("a bee", model="flux", seed=1)
    assert budget.spent == 2 * FLUX
    assert budget.table().splitlines()[1].split() == ["flux", "2", "0.004", "0.002"]


def test_a_model_without_a_price_is_refused_by_name_with_the_remedy(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Before it is sent."""
    with PollenBudget(1), pytest.raises(UnpricedModelError) as caught:
        client.chat("hi", model="someone/secret-model")
    assert "someone/secret-model" in str(caught.value)
    assert "unpriced='reserve'" in str(caught.value)
    assert isinstance(caught.value, ConfigurationError)
    assert isinstance(caught.value, BudgetSpentError)
    assert paid_requests(gateway) == 0


def test_reserve_takes_the_chat_reserve_for_a_chat(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Kept, for no cost comes back."""
    gateway.script(*[Fault("status", status=404)] * 4, Body(ANSWER), Body(ANSWER))
    with PollenBudget(0.07, chat_reserve=0.03, unpriced="reserve") as budget:
        client.chat("hi", model="secret")
        client.chat("hi", model="secret")
        with pytest.raises(BudgetSpentError):
            client.chat("hi", model="secret")
    assert budget.spent == 0.06


def test_reserve_takes_the_dearest_price_of_the_kind(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Kept, for the answer's cost is not known either."""
    gateway.script(*[Fault("status", status=404)] * 4)
    size = CallSize("image", "klein", prompt_bytes=5)
    dearest = float(Estimator(snapshot()).dearest(size, 0) or 0)
    with PollenBudget(1, unpriced="reserve") as budget:
        client.image("a bee", model="klein", width=64, height=64)
    assert budget.spent == dearest > FLUX
    gateway.script(*[Fault("status", status=404)] * 4)
    with PollenBudget(0.5, unpriced="reserve"), pytest.raises(BudgetSpentError) as caught:
        client.video("a bee", model="secret", duration=8)
    assert caught.value.needed is not None
    assert caught.value.needed >= 8 * 0.08


def test_allow_counts_calls_without_a_price(gateway: Emulator, client: PollinationsClient) -> None:
    """The cost that an answer states counts."""
    gateway.script(*[Fault("status", status=404)] * 4, Body(ANSWER), Body(STATED))
    with PollenBudget(0.07, unpriced="allow") as budget:
        client.chat("hi", model="secret")
        assert (budget.unknown, budget.spent) == (1, 0)
        client.chat("hi", model="secret")
        assert (budget.unknown, budget.spent) == (1, 0.01)
        client.image("a bee", model="klein", width=64, height=64)
    assert (budget.unknown, budget.spent) == (2, 0.01)
    assert "2 calls of unknown cost" in budget.table()


ANSWER = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": USAGE}
STATED = {**ANSWER, "usage": {**USAGE, "pollen_cost": 0.01}}


@pytest.mark.parametrize("amount", [-1, -0.01, float("nan"), float("inf"), "1", True, None, b"1"])
def test_what_is_no_amount_of_pollen_is_refused(amount: Any) -> None:
    """With the name of the option."""
    for options in ({"limit": amount}, {"limit": 1, "chat_reserve": amount}):
        if options.get("chat_reserve", 0) is None:
            continue
        with pytest.raises(ConfigurationError, match=r"^(limit|chat_reserve): a number of pollen"):
            PollenBudget(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"warn_at": 80},
        {"warn_at": 0},
        {"warn_at": "0.8"},
        {"unpriced": "ignore"},
        {"on_warn": "print"},
        {"on_warn": asyncio.sleep},
    ],
)
def test_other_options_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    """Before anything is counted."""
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        PollenBudget(1, **options)


@pytest.mark.parametrize("limit", [1, 0.5, Decimal("0.1"), 0, 1e-9])
def test_a_limit_is_read_as_it_was_written(limit: Any) -> None:
    """0.1 is 0.1, and not the nearest binary fraction."""
    budget = PollenBudget(limit)
    assert budget.limit == budget.left == float(limit)
    assert (budget.spent, budget.unknown, budget.by_model) == (0, 0, {})


def test_a_warning_comes_once(gateway: Emulator, client: PollinationsClient) -> None:
    """When four fifths are spent."""
    seen: list[float] = []
    with PollenBudget(0.01, on_warn=lambda budget: seen.append(budget.spent)) as budget:
        for number in range(5):
            draw(client, f"bee {number}")
    assert seen == [0.008]
    assert budget.left == 0


def test_a_warning_that_raises_leaves_other_budgets_counted(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Nothing stays reserved in them, and the function's error reaches the caller."""

    def stop(budget: PollenBudget) -> None:
        raise RuntimeError("four fifths are spent")

    with PollenBudget(0.002, on_warn=stop) as outer, PollenBudget(1) as inner:
        with pytest.raises(RuntimeError, match="four fifths"):
            draw(client)
    assert outer.spent == inner.spent == FLUX
    assert outer.reserved == inner.reserved == 0


def test_without_a_function_the_warning_is_logged(
    client: PollinationsClient, caplog: pytest.LogCaptureFixture
) -> None:
    """One line, with the sums."""
    with PollenBudget(0.004, warn_at=0.5):
        draw(client, "a")
        draw(client, "b")
    lines = [record.message for record in caplog.records if "pollen spent" in record.message]
    assert len(lines) == 1
    assert "0.002 of 0.004 pollen spent" in lines[0]


def test_copies_are_the_same_budget_and_a_pickle_carries_the_limit_alone(
    client: PollinationsClient,
) -> None:
    """It says so, once."""
    budget = PollenBudget(0.01, unpriced="allow", chat_reserve=0.002, on_warn=lambda _: None)
    with budget:
        draw(client)
    assert copy.copy(budget) is copy.deepcopy(budget) is copy.deepcopy([budget])[0] is budget
    with pytest.warns(PollinationsWarning, match="limit again"):
        opened = pickle.loads(pickle.dumps(budget))
    pickle.dumps(budget)
    assert (opened.limit, opened.spent) == (0.01, 0)
    assert "spent=0)" in repr(opened)


def test_a_table_in_a_notebook_shows_what_the_text_shows(client: PollinationsClient) -> None:
    """Names are escaped."""
    with PollenBudget(1, unpriced="allow") as budget:
        draw(client)
    shown = budget._repr_html_()
    assert "<td>flux</td><td>1</td><td>0.002</td><td>0</td>" in shown
    assert "0.002 of 1 pollen spent, 0.998 left" in shown
    assert budget.table().splitlines()[-1] in shown


USAGE_ROW = {"timestamp": "2999-01-01 00:00:00", "type": "generate.text", "meter_source": "tier"}


def records(*costs: float, model: str = "anthropic/claude-sonnet-4.6") -> Body:
    """The account's records, as the gateway sends them."""
    rows = [{**USAGE_ROW, "model": model, "cost_usd": cost} for cost in costs]
    old = {**USAGE_ROW, "timestamp": "2020-01-01 00:00:00", "model": model, "cost_usd": 9}
    return Body({"usage": [*rows, old], "count": len(rows) + 1})


def after_a_lost_call(gateway: Emulator, client: PollinationsClient) -> PollenBudget:
    """A budget with one call that is certain and one whose outcome nobody knows."""
    gateway.script(*[Fault("status", status=404)] * 4, CLAUDE_ANSWER, Fault("reset"))
    budget = PollenBudget(1, chat_reserve=0.03)
    with budget:
        client.chat("hi", model="claude")
        with pytest.raises(APIConnectionError):
            client.chat("again", model="claude", max_retries=0)
    assert budget.spent == pytest.approx(CLAUDE_COST + 0.03)
    return budget


@pytest.mark.parametrize(
    ("costs", "spent"),
    [
        ((0.0018, 0.002), 0.0038),  # the lost call was billed
        ((0.0018,), 0.0018),  # it was not
        ((0.0020,), 0.0020),  # and the price was another one
        ((), CLAUDE_COST + 0.03),  # the log is behind
        ((0.0018, 0.002, 0.5), CLAUDE_COST + 0.03),  # somebody else used the account
        ((0.0018, 0.001, 0.001), CLAUDE_COST + 0.002),
    ],
)
def test_reconciling_replaces_kept_reservations_by_records(
    gateway: Emulator, client: PollinationsClient, costs: tuple[float, ...], spent: float
) -> None:
    """Records from before the first call do not count, and doing it twice changes nothing."""
    budget = after_a_lost_call(gateway, client)
    for _ in range(2):
        gateway.script(records(*costs))
        budget.reconcile(client)
        assert budget.spent == pytest.approx(spent)
        assert budget.by_model == {"claude": pytest.approx(spent)}


async def test_reconciling_on_a_loop(gateway: Emulator, client: PollinationsClient) -> None:
    """The async twin; each names the other where it gets the other's client."""
    budget = await asyncio.to_thread(after_a_lost_call, gateway, client)
    async_client = AsyncPollinationsClient(KEY, base_url=gateway.url)
    gateway.script(records(0.0018, 0.002))
    await budget.areconcile(async_client)
    assert budget.spent == pytest.approx(0.0038)
    with pytest.raises(ConfigurationError, match="areconcile"):
        budget.reconcile(async_client)
    with pytest.raises(ConfigurationError, match="reconcile"):
        await budget.areconcile(client)


def test_a_budget_that_was_not_used_has_nothing_to_reconcile(client: PollinationsClient) -> None:
    """The account's own records are not its."""
    budget = PollenBudget(1)
    budget.reconcile(client)
    assert budget.spent == 0


PATHS = sorted({path for paths in USAGE_PATHS.values() for path in paths})
KINDS = ("Text", "Cached", "CacheWrite", "Audio", "Image", "Video", "Reasoning")
ALL_PRICED = card_from(
    {
        "name": "m",
        "pricing": {
            f"{side}{kind}Tokens": f"0.00{digit}"
            for side in ("prompt", "completion")
            for digit, kind in enumerate(KINDS, 1)
        },
    }
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(PATHS), st.none() | st.integers(0, 99)))
def test_a_usage_of_any_spelling_costs_the_same_by_either_sum(
    counts: dict[tuple[str, str], int | None],
) -> None:
    """A budget counts what the message says."""
    body: dict[str, Any] = {}
    for (owner, name), count in counts.items():
        values = body.setdefault(owner, {}) if owner else body
        values[name] = count
    usage = usage_from(body)
    assert usage is not None
    assert total_pollen(usage, ALL_PRICED) == cost(body, ALL_PRICED).total


COUNTS = st.integers(0, 10**7)


@settings(max_examples=300)
@given(
    prompt=COUNTS, completion=COUNTS, cached=COUNTS, written=COUNTS, reasoning=COUNTS, over=COUNTS
)
def test_the_quick_sum_is_the_careful_one(
    prompt: int, completion: int, cached: int, written: int, reasoning: int, over: int
) -> None:
    """Of a body's usage and of headers, whatever they count."""
    card = snapshot().get("claude")
    body = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion + over % 2 * reasoning,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    usage = usage_from(body)
    assert usage is not None
    assert total_pollen(usage, card) == cost(usage, card).total
    headers = {
        "x-usage-prompt-text-tokens": str(prompt),
        "x-usage-prompt-cached-tokens": str(cached),
        "x-usage-completion-reasoning-tokens": str(reasoning + over / 10**7),
        "x-usage-total-tokens": str(completion),
    }
    info = ResponseInfo.from_headers(200, headers)
    assert total_pollen(info, card) == cost(info, card).total


@pytest.mark.parametrize(
    ("card", "size", "pollen"),
    [
        ({"completionImageTokens": 0.04}, CallSize("image", "m"), 0.04),
        ({"completionImageTokens": 8e-6}, CallSize("image", "m"), 8e-6 * 6_240),
        ({"completionImageTokens": 8e-6}, CallSize("image", "gemini-x"), 8e-6 * 2_520),
        ({"completionImageTokens": 0}, CallSize("image", "m"), 0),
        ({"promptTextTokens": 1}, CallSize("image", "m"), None),
        ({"completionVideoSeconds": 0.1}, CallSize("video", "m", duration_s=4), 0.4),
        ({"completionVideoSeconds": 0.1}, CallSize("video", "m"), 0.6),
        (
            {"completionVideoSeconds": 0.1, "completionAudioSeconds": 0.01},
            CallSize("video", "m", duration_s=4, has_sound=True),
            0.44,
        ),
        ({"completionVideoTokens": 1e-6}, CallSize("video", "m", duration_s=4), 0.2),
        ({"promptTextTokens": 1e-6}, CallSize("embedding", "m"), 1e-4),
        (
            {"promptTextTokens": 1e-6, "completionTextTokens": 1e-5},
            CallSize("text", "m", 50),
            6e-4,
        ),
        ({"completionAudioTokens": 1e-4}, CallSize("audio", "m", prompt_bytes=20), 2e-3),
        (
            {"promptAudioSeconds": 1e-3},
            CallSize("transcription", "m", prompt_bytes=20_000),
            1e-2,
        ),
        ({"completionAudioTokens": 1}, CallSize("transcription", "m", prompt_bytes=9), None),
        ({"completionAudioSeconds": 1e-3}, CallSize("audio", "m", prompt_bytes=8_000), 1),
        ({}, CallSize("text", "m", 50), None),
    ],
)
def test_what_a_call_may_cost(card: dict[str, float], size: CallSize, pollen: float | None) -> None:
    """By the prices of the card, for a prompt of at most 100 tokens."""
    lengths = {"allowed_durations": [2, 6]} if size.category == "video" else {}
    facts = {"name": size.model, "category": size.category, "pricing": card, **lengths}
    catalog = snapshot().merged([card_from(facts)])
    amount = Estimator(catalog).estimate(size, 100).amount
    assert amount == (None if pollen is None else pytest.approx(Decimal(str(pollen))))


def test_a_picture_in_a_prompt_is_not_counted_by_its_bytes() -> None:
    """A megabyte of base64 is no megabyte of tokens."""
    body = (
        b'{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,'
    )
    body += b"A" * 1_000_000 + b'"}}]}]}'
    assert max_prompt_tokens(body) < 6_000
    text = body.replace(b'"', b'\\"')
    assert max_prompt_tokens(b'{"content":"' + text + b'"}') > 1_000_000
    assert max_prompt_tokens(b'{"a":"' + b"bee " * 100 + b'"}') == 408


def test_a_budget_costs_a_call_some_fifty_function_calls() -> None:
    """About 10 microseconds, and none of it without a budget."""
    budget = PollenBudget(1)
    call = endpoints.chat([{"role": "user", "content": "hi"}], {"model": "claude"})
    headers = {"x-usage-prompt-text-tokens": "10", "x-usage-completion-text-tokens": "20"}
    info = ResponseInfo.from_headers(200, headers)

    def count_once() -> None:
        reservation = Reservation(budgets_for(call, budget), call, "http://127.0.0.1:1")
        reservation.settle_answer(info, b"")
        reservation.close()

    assert budgets_for(call, None) == ()
    count_once()
    events: list[str] = []
    sys.setprofile(lambda frame, event, argument: events.append(event))
    try:
        count_once()
    finally:
        sys.setprofile(None)
    assert events.count("call") + events.count("c_call") < 75
    assert budget.spent > 0


OUTCOMES: tuple[tuple[Any, float], ...] = (
    (Answer(text="x", usage={"prompt_tokens": 10, "completion_tokens": 5}), 10 * 3 + 5 * 15),
    (Answer(text="x", usage={"prompt_tokens": 10, "completion_tokens": 100}), 10 * 3 + 100 * 15),
    (Fault("status", status=400), 0),
    (Fault("status", status=503), 0),
    (Fault("reset"), 0),
)


async def test_thousand_random_interleavings_never_pass_the_limit(
    gateway: Emulator, client: PollinationsClient, async_client: AsyncPollinationsClient
) -> None:
    """Cheap and dear answers, refusals and lost calls, plain and streamed, in tasks and threads."""
    rng = random.Random(11)
    budget = PollenBudget(Decimal("0.25"))
    with budget:
        client.image("a bee", model="flux", width=64)
    gateway.clear()
    script = [rng.choice(OUTCOMES) for _ in range(1_000)]
    gateway.script(*(outcome for outcome, _ in script))
    options: Any = {"model": "claude", "max_tokens": 100, "max_retries": 0}
    highest = []
    slots = asyncio.Semaphore(40)

    async def one(number: int) -> bool:
        prompt = f"row {number}"
        async with slots:
            try:
                match number % 4:
                    case 0:
                        await asyncio.to_thread(client.chat, prompt, **options)
                    case 1:
                        await asyncio.to_thread(list, client.stream_chat(prompt, **options))
                    case 2:
                        await async_client.chat(prompt, **options)
                    case _:
                        async for _ in async_client.stream_chat(prompt, **options):
                            pass
            except BudgetSpentError:
                return False
            except PollinationsError:
                pass
            finally:
                highest.append(Decimal(str(budget.spent)) + Decimal(str(budget.reserved)))
        return True

    with budget:
        sent = sum(await asyncio.gather(*map(one, range(1_000))))
    assert sent == len(gateway.requests)
    assert 100 < sent < 1_000
    billed = sum(pollen for _, pollen in script[:sent]) / 1e6
    assert billed + FLUX <= budget.spent <= budget.limit
    assert max(highest) <= Decimal("0.25")
    assert budget.reserved == 0
