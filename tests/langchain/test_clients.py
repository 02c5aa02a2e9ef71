"""HTTP clients of a model: shared, injected, closed, on several loops and threads."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import httpx
import pytest
from langchain_core.exceptions import (
    ModelConnectionError,
)

from langchain_pollinations import ChatPollinations
from pollinations_client.emulator import Emulator
from support.langchain import add


def test_clients_can_be_injected(gateway: Emulator) -> None:
    """They are used as they are, and stay open."""
    with httpx.Client(headers={"x-mine": "1"}) as mine:
        llm = ChatPollinations(base_url=gateway.url, http_client=mine)
        llm.invoke("x")
        llm.close()
        assert gateway.requests[-1].headers["x-mine"] == "1"
        assert not mine.is_closed

    async def run() -> None:
        async with httpx.AsyncClient(headers={"x-mine": "2"}) as other:
            await ChatPollinations(base_url=gateway.url, http_async_client=other).ainvoke("x")

    asyncio.run(run())
    assert gateway.requests[-1].headers["x-mine"] == "2"


def test_copies_share_connections_over_loops_and_threads(gateway: Emulator, make: Any) -> None:
    """A hundred objects, bound copies and many loops leave a handful of connections."""
    for _ in range(100):
        make().bind(temperature=0).invoke("x")
    llm = make()
    for _ in range(5):
        asyncio.run(llm.bind_tools([add]).ainvoke("x"))
    threads = [threading.Thread(target=llm.invoke, args=("x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    gc.collect()
    assert gateway.open_connections <= 12


def test_first_calls_of_many_threads_share_one_client(make: Any) -> None:
    """It is made on the first use, and once."""
    llm, clients = make(), []
    start = threading.Barrier(8)

    def first_use() -> None:
        start.wait(10)
        clients.append(llm._client)

    threads = [threading.Thread(target=first_use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(clients) == 8
    assert len({id(client) for client in clients}) == 1


def test_models_of_one_address_keep_their_own_keys(gateway: Emulator) -> None:
    """They share what is known of the address, and no key."""
    first = ChatPollinations(base_url=gateway.url, api_key="sk_first_0123456789")
    second = ChatPollinations(base_url=gateway.url, api_key="sk_second_0123456789")
    for llm, key in ((first, "sk_first_0123456789"), (second, "sk_second_0123456789")):
        llm.invoke("x")
        assert gateway.requests[-1].headers["authorization"] == f"Bearer {key}"
    assert not ChatPollinations(base_url=gateway.url)._client.settings.secret


def test_models_can_be_closed_and_used_again(gateway: Emulator, make: Any) -> None:
    """With ``with``, with ``async with``, and by name."""
    with make() as llm:
        llm.invoke("x")
    assert llm.invoke("x").text

    async def run() -> None:
        async with make() as other:
            await other.ainvoke("x")
        await other.aclose()

    asyncio.run(run())


def test_a_copy_with_another_address_goes_there(
    gateway: Emulator, seed_gateway: Emulator, make: Any
) -> None:
    """``model_copy(update=...)`` after the first call, and the original stays where it was."""
    llm = make()
    llm.invoke("x")
    other = llm.model_copy(update={"base_url": seed_gateway.url})
    other.invoke("x")
    llm.invoke("x")
    assert (len(gateway.requests), len(seed_gateway.requests)) == (2, 1)


def test_requests_say_who_sends_them(gateway: Emulator, make: Any) -> None:
    """A user agent of our own, and the user's headers."""
    make(default_headers={"X-App": "mine"}).invoke("x")
    headers = gateway.requests[-1].headers
    assert headers["user-agent"].endswith("langchain")
    assert headers["x-app"] == "mine"


def test_one_object_on_many_loops_and_threads(llm: ChatPollinations) -> None:
    """Everybody else: ``Event loop is closed``."""
    for _ in range(4):
        assert asyncio.run(llm.ainvoke("hi")).text
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda: results.append(asyncio.run(llm.ainvoke("hi")).text))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(results) == 6


def test_many_objects_share_their_connections(gateway: Emulator, make: Any) -> None:
    """No client per object."""
    for number in range(60):
        make(temperature=number / 60).invoke("hi")
    assert gateway.open_connections <= 3


def test_an_injected_client_is_used(gateway: Emulator) -> None:
    """For sync and for async calls."""
    clients: list[str] = []

    async def note(request: httpx.Request) -> None:
        clients.append("async")

    async def go() -> None:
        async with httpx.AsyncClient(event_hooks={"request": [note]}) as own:
            await ChatPollinations(base_url=gateway.url, http_async_client=own).ainvoke("x")

    with httpx.Client(event_hooks={"request": [lambda request: clients.append("sync")]}) as own:
        ChatPollinations(base_url=gateway.url, http_client=own).invoke("x")
    asyncio.run(go())
    assert clients == ["sync", "async"]


def test_proxies_come_from_the_environment_or_an_injected_client(gateway: Emulator) -> None:
    """A client with a proxy of one's own is used as it is; the environment's is tested with the
    client.
    """
    with httpx.Client(proxy="http://127.0.0.1:9") as own, pytest.raises(ModelConnectionError):
        ChatPollinations(base_url=gateway.url, http_client=own, max_retries=0).invoke("x")
