"""``embed()``: batches, order, what is refused, and what is left when a request fails."""

from __future__ import annotations

import asyncio
import base64
import copy
import pickle
import struct
import threading
import time
from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pollinations_client import (
    AsyncPollinationsClient,
    AuthenticationError,
    ConfigurationError,
    ContextOverflowError,
    InvalidRequestError,
    MalformedReply,
    NotFoundError,
    PollinationsClient,
    PollinationsError,
    RateLimitError,
    ServerError,
    UnknownModelError,
)
from pollinations_client.emulator import Body, Emulator, Fault
from pollinations_client.transport.concurrency import ConcurrencyLimit

KEY = "sk_demo_0123456789abcdef"
TEXTS = [f"text {number} about bees" for number in range(70)]
Embed = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def embed(request: pytest.FixtureRequest, gateway: Emulator) -> Embed:
    """``embed(texts, **options)`` of both clients of today's gateway."""

    def blocking(texts: Any, *, settings: Any = None, **options: Any) -> Any:
        with PollinationsClient(KEY, base_url=gateway.url, **(settings or {})) as client:
            return client.embed(texts, **options)

    def awaited(texts: Any, *, settings: Any = None, **options: Any) -> Any:
        async def call() -> Any:
            async with AsyncPollinationsClient(
                KEY, base_url=gateway.url, **(settings or {})
            ) as client:
                return await client.embed(texts, **options)

        return asyncio.run(call())

    return blocking if request.param == "sync" else awaited


def answer(*vectors: Any, indices: list[Any] | None = None) -> Body:
    """A gateway's answer with these vectors."""
    data = [
        {"object": "embedding", "embedding": vector, "index": index}
        for vector, index in zip(vectors, indices or range(len(vectors)), strict=True)
    ]
    return Body({"object": "list", "data": data})


def base64_of(*numbers: float) -> str:
    """float32 numbers, little-endian."""
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def test_texts_go_out_in_requests_of_at_most_32_and_come_back_in_order(
    embed: Embed, gateway: Emulator
) -> None:
    """Each text has the vector it has alone."""
    vectors = embed(TEXTS)
    assert sorted(len(request.json["input"]) for request in gateway.requests) == [6, 32, 32]
    assert {request.json["encoding_format"] for request in gateway.requests} == {"base64"}
    assert [len(vector) for vector in vectors] == [1536] * 70
    assert isinstance(vectors[0][0], float)
    assert vectors[69] == embed([TEXTS[69]])[0]
    assert vectors[0] == embed(TEXTS[0])[0]


def test_no_texts_are_no_request(embed: Embed, gateway: Emulator) -> None:
    """An empty list costs nothing."""
    assert embed([]) == []
    assert embed([], as_numpy=True).shape == (0, 0)
    assert gateway.requests == []


def test_a_numpy_array_of_float32_on_request(embed: Embed) -> None:
    """One row a text, with the same numbers."""
    matrix = embed(TEXTS[:3], as_numpy=True)
    assert (matrix.shape, str(matrix.dtype)) == ((3, 1536), "float32")
    assert matrix.tolist() == embed(TEXTS[:3])


@pytest.mark.parametrize(
    ("model", "task", "field"),
    [
        ("gemini-embedding-2", "document", {"task_type": "RETRIEVAL_DOCUMENT"}),
        ("gemini-embedding-2", "query", {"task_type": "RETRIEVAL_QUERY"}),
        ("google/gemini-embedding-2", "CLUSTERING", {"task_type": "CLUSTERING"}),
        ("cohere-embed-v4", "query", {"input_type": "query"}),
        ("cohere/embed-v4.0", "document", {"input_type": "document"}),
        ("openai/text-embedding-3-small", "query", {}),
        ("qwen3-embedding-8b", "document", {}),
        (None, "query", {}),
    ],
)
def test_a_task_is_said_in_the_words_of_the_model_family(
    gateway: Emulator, model: str | None, task: str, field: dict[str, str]
) -> None:
    """And not at all to families without tasks."""
    with PollinationsClient(KEY, base_url=gateway.url) as client:
        client.embed(["bees"], model=model, task=task)
    body = gateway.requests[-1].json
    assert {name: body[name] for name in ("task_type", "input_type") if name in body} == field


@pytest.mark.parametrize(
    ("texts", "options", "words"),
    [
        (["a", ""], {}, r"texts\[1\]: The text is empty"),
        (["a", " \n"], {}, r"texts\[1\]: The text is empty"),
        (["a"] * 40 + ["b\ud835"], {}, r"texts\[40\]: The text holds half a character"),
        (["a", None], {}, r"texts\[1\]: A string is needed. Given: NoneType"),
        ([[1, 2]], {}, r"texts\[0\]: .*Token ids are not accepted"),
        ({"a": 1}, {}, "texts: A list of strings is needed. Given: dict"),
        (None, {}, "texts: A list of strings is needed. Given: NoneType"),
        (["a", "word " * 9_000], {}, r"texts\[1\]: The text has 9000 words.*at most 8192 tokens"),
        (["a"], {"dimensions": 0}, "dimensions: The gateway takes 1 to 4096"),
        (["a"], {"dimensions": "3"}, "dimensions: "),
        (["a"], {"dimensions": True}, "dimensions: "),
        (
            ["a"],
            {"model": "cohere-embed-v4", "dimensions": 300},
            "256, 512, 1024, 1536. Giv",
        ),
        (["a"], {"model": "gemini-embedding-2", "dimensions": 64}, "128 to 3072. Given: 64"),
        (["a"], {"task": "CLUSTERING"}, "task: openai/text-embedding-3-small has no tasks"),
        (["a"], {"model": "cohere-embed-v4", "task": "CLUSTERING"}, "task: .* knows document, que"),
        (["a"], {"model": "unheard-of", "task": "CLUSTERING"}, "task: unheard-of has no tasks"),
    ],
)
def test_what_cannot_be_embedded_is_refused_before_sending(
    embed: Embed, gateway: Emulator, texts: Any, options: dict[str, Any], words: str
) -> None:
    """With the name, the index, and what there is."""
    with pytest.raises(InvalidRequestError, match=words):
        embed(texts, **options)
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (answer([1.0]), "2 texts were sent and 1 vectors came"),
        (answer([1.0], [2.0], [3.0]), "the index 2"),
        (answer([1.0], [2.0], indices=[0, 0]), "the index 0"),
        (answer([1.0], [2.0], indices=[0, -1]), "the index -1"),
        (answer([1.0], [2.0], indices=[0, "1"]), "the index -1"),
        (answer([1.0], [2.0, 3.0]), "Vector 1 has 2 numbers in place of 1"),
        (answer([1.0], []), "Vector 1 is empty"),
        (answer([1.0], None), "Vector 1 cannot be read"),
        (answer([1.0], ["x"]), "Vector 1 cannot be read"),
        (answer([1.0], base64_of(float("nan"))), "Vector 1 is empty or holds NaN"),
        (answer([1.0], base64_of(float("inf"))), "Vector 1 is empty or holds NaN or infinity"),
        (answer([1.0], "AAAA"), "Vector 1 cannot be read"),
        (answer([1.0], "not base64"), "Vector 1 cannot be read"),
        (Body(b'{"data": 1}', content_type="application/json"), "no list of vectors"),
        (Body(b"[]", content_type="application/json"), "no list of vectors"),
    ],
)
def test_an_answer_with_other_vectors_than_were_asked_for_is_refused(
    embed: Embed, gateway: Emulator, reply: Body, words: str
) -> None:
    """Half an answer would make a wrong index."""
    gateway.script(reply)
    with pytest.raises(MalformedReply, match=words):
        embed(["a", "b"])


def test_another_size_than_was_asked_for_is_refused(embed: Embed, gateway: Emulator) -> None:
    """A store with vectors of two sizes is broken."""
    gateway.script(answer([1.0, 2.0]))
    with pytest.raises(MalformedReply, match="2 numbers in place of 256"):
        embed(["a"], model="gemini-embedding-2", dimensions=256)


def test_vectors_are_put_in_order_by_their_index(embed: Embed, gateway: Emulator) -> None:
    """Lists, base64, and no index at all."""
    gateway.script(answer([2.0], base64_of(1.0), indices=[1, 0]))
    assert embed(["a", "b"]) == [[1.0], [2.0]]
    gateway.script(Body(b'{"data": [{"embedding": [1]}, {"embedding": [2]}]}'))
    assert embed(["a", "b"]) == [[1.0], [2.0]]


def test_a_failed_request_tells_what_is_missing_and_keeps_the_rest(
    embed: Embed, gateway: Emulator
) -> None:
    """Its own kind of error; what was paid for is not lost."""
    gateway.script(Fault("status", status=500), Fault("status", status=500))
    with pytest.raises(ServerError, match=r"of 70 texts were embedded \(error.partial\)") as caught:
        embed(TEXTS, settings={"max_retries": 0, "max_concurrency": 1})
    missing = caught.value.missing  # type: ignore[attr-defined]
    assert missing == list(range(64))
    assert sorted(caught.value.partial) == list(range(64, 70))  # type: ignore[call-overload]
    assert caught.value.partial[64] == embed([TEXTS[64]])[0]  # type: ignore[index]


def test_a_refused_key_stops_what_has_not_begun(embed: Embed, gateway: Emulator) -> None:
    """Every further request would be refused too."""
    gateway.script(Fault("status", status=401))
    with pytest.raises(AuthenticationError) as caught:
        embed([f"text {number}" for number in range(320)], settings={"max_concurrency": 1})
    assert len(gateway.requests) == 1
    assert caught.value.missing == list(range(320))  # type: ignore[attr-defined]


def test_rate_limits_are_waited_out(embed: Embed, gateway: Emulator) -> None:
    """429 and 503 were not billed."""
    gateway.script(Fault("status", status=429, retry_after="0.01"), Fault("status", status=503))
    assert len(embed(["a"])) == 1
    assert len(gateway.requests) == 3


@pytest.mark.parametrize("fault", [Fault("status", status=504), Fault("cut", after=40)])
def test_an_answer_that_may_have_been_billed_is_not_asked_for_again(
    embed: Embed, gateway: Emulator, fault: Fault
) -> None:
    """The gateway does not document a repeat of this route as free."""
    gateway.script(fault)
    with pytest.raises(PollinationsError):
        embed(["a"])
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_requests_at_a_time_than_allowed(limit: int) -> None:
    """Over all method calls of one object: threads together, and each event loop for itself."""
    active, most = 0, 0
    lock = threading.Lock()

    def enter(change: int) -> None:
        nonlocal active, most
        with lock:
            active += change
            most = max(most, active)

    def work(job: int) -> int:
        enter(1)
        time.sleep(0.01)
        enter(-1)
        return job

    async def awaited(job: int) -> int:
        enter(1)
        await asyncio.sleep(0.01)
        enter(-1)
        return job

    slots = ConcurrencyLimit(limit)
    with ThreadPoolExecutor(4) as threads:
        for future in [threads.submit(slots.run, work, range(5)) for _ in range(4)]:
            assert future.result() == list(range(5))
    assert most == limit
    most = 0

    async def gathered() -> list[list[Any]]:
        return await asyncio.gather(*(slots.arun(awaited, range(5)) for _ in range(4)))

    assert asyncio.run(gathered()) == [list(range(5))] * 4
    assert most == limit


def test_a_wrong_concurrency_is_refused() -> None:
    """A whole number of one or more."""
    for value in (0, -1, 1.5, True, "8"):
        with pytest.raises(ConfigurationError, match="max_concurrency"):
            PollinationsClient(KEY, max_concurrency=value)  # type: ignore[arg-type]


def test_a_copied_or_pickled_client_embeds(gateway: Emulator) -> None:
    """Its limit goes along."""
    client = PollinationsClient(KEY, base_url=gateway.url, max_concurrency=3)
    for twin in (copy.copy(client), copy.deepcopy(client), pickle.loads(pickle.dumps(client))):
        assert twin._concurrency.limit == 3


def test_event_loops_are_not_kept_alive(gateway: Emulator) -> None:
    """The limit of an event loop goes with it."""

    async def call(client: AsyncPollinationsClient) -> None:
        await client.embed([f"text {number}" for number in range(100)])
        await client.aclose()

    client = AsyncPollinationsClient(KEY, base_url=gateway.url, max_concurrency=1)
    for _ in range(3):
        asyncio.run(call(client))
    assert len(client._concurrency._by_loop) == 0


def test_an_unknown_model_is_told_with_the_nearest(embed: Embed) -> None:
    """From the gateway's own refusal."""
    with pytest.raises(UnknownModelError, match="text-embedding-3-small"):
        embed(["a"], model="text-embedding-3-smal")


def test_an_older_gateway_is_told(seed_gateway: Emulator) -> None:
    """API 0.3.0 has no embeddings."""
    with (
        PollinationsClient(KEY, base_url=seed_gateway.url) as client,
        pytest.raises(NotFoundError, match=r"needs a gateway newer than API 0\.3\.0"),
    ):
        client.embed(["a"])


def test_a_rate_limit_that_stays_is_the_error(embed: Embed, gateway: Emulator) -> None:
    """No retry left."""
    gateway.script(Fault("status", status=429))
    with pytest.raises(RateLimitError):
        embed(["a"], settings={"max_retries": 0})


def test_float_lists_keep_the_precision_of_float32(embed: Embed, gateway: Emulator) -> None:
    """Both forms on the wire give the same numbers."""
    numbers = [0.1, -0.30000001192092896]
    gateway.script(answer(numbers))
    assert embed(["a"]) == [array("f", numbers).tolist()]


def test_a_refusal_names_the_texts_it_may_be_about(embed: Embed, gateway: Emulator) -> None:
    """The gateway does not say which of the 32 was too long."""
    refusal = Fault("status", times=2, status=400, message="maximum context length is 8192 tokens")
    gateway.script(refusal)
    with pytest.raises(ContextOverflowError, match=r"texts\[0\] to texts\[2\]; .* texts\[1\]"):
        embed(["a", "a b c", "b"])
    with pytest.raises(ContextOverflowError, match=r"It is about texts\[0\]"):
        embed(["a"])


@pytest.mark.parametrize(
    ("method", "argument"), [("embed", ["a"]), ("speech", "a"), ("ocr", "https://a.example/a.pdf")]
)
def test_a_call_has_settings_of_its_own(gateway: Emulator, method: str, argument: Any) -> None:
    """Retries, limits, headers; a name that is none is refused with the nearest."""
    with PollinationsClient(KEY, base_url=gateway.url) as client:
        call: Any = getattr(client, method)
        call(argument, extra_headers={"x-trace": "7"}, timeout=20)
        assert gateway.requests[0].headers["x-trace"] == "7"
        gateway.script(Fault("status", status=503))
        with pytest.raises(ServerError):
            call(argument, max_retries=0)
        with pytest.raises(InvalidRequestError, match="timeouts"):
            call(argument, timeouts=3)
    assert len(gateway.requests) == 2
