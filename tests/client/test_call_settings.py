"""Limits, retries, headers and keys of one call."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest

from pollinations_client import (
    APITimeoutError,
    AsyncPollinationsClient,
    ConfigurationError,
    InvalidRequestError,
    PollinationsClient,
    PollinationsError,
    ServerError,
)
from pollinations_client.emulator import Emulator
from support.rawserver import raw_server, response

WHOLE = (
    b'{"choices":[{"index":0,"finish_reason":"stop",'
    b'"message":{"role":"assistant","content":"hi"}}]}'
)
OPERATIONS: list[Callable[..., Any]] = [
    lambda client, **own: client.chat("x", **own),
    lambda client, **own: list(client.stream_chat("x", **own)),
    lambda client, **own: client.text("x", **own),
    lambda client, **own: list(client.stream_text("x", **own)),
    lambda client, **own: client.image("x", **own),
    lambda client, **own: client.video("x", **own),
]


def _async(operation: str, client: AsyncPollinationsClient, **own: Any) -> Any:
    async def run() -> Any:
        called = getattr(client, operation)("x", **own)
        if operation.startswith("stream"):
            return [event async for event in called]
        return await called

    return asyncio.run(run())


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_call_has_limits_of_its_own(operation: Callable[..., Any]) -> None:
    """They hold for that call, and are in no body and no query."""
    with raw_server(lambda _peer, _: time.sleep(1)) as server:
        client = PollinationsClient(base_url=server.url)
        with pytest.raises(APITimeoutError, match=r"0\.2 s"):
            operation(client, timeout=0.2, max_retries=0)
        assert len(server.requests) == 1
        assert b"timeout" not in server.requests[0]
        assert b"max_retries" not in server.requests[0]


@pytest.mark.parametrize("operation", ["chat", "stream_chat", "text", "stream_text", "image"])
def test_an_awaited_call_has_limits_of_its_own(operation: str) -> None:
    """As its blocking twin."""
    with raw_server(lambda peer, _: peer.sendall(response(b"{}", "503 No"))) as server:
        client = AsyncPollinationsClient(base_url=server.url, max_retries=5)
        with pytest.raises(ServerError):
            _async(operation, client, max_retries=0)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("own", "param"),
    [
        ({"timeout": -1}, "timeout"),
        ({"timeout": "5"}, "timeout"),
        ({"total_timeout": 0}, "total_timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": "2"}, "max_retries"),
        ({"extra_headers": ["x"]}, "extra_headers"),
        ({"extra_headers": {"x y": "1"}}, "extra_headers"),
        ({"extra_headers": {"x": 1}}, "extra_headers"),
        ({"extra_headers": {"x": "a\r\nb: c"}}, "extra_headers"),
        ({"extra_headers": {"Authorization": "Bearer other"}}, "extra_headers"),
        ({"extra_headers": {"Content-Length": "3"}}, "extra_headers"),
    ],
)
def test_bad_settings_of_a_call_are_named_before_it_is_sent(
    gateway: Emulator, own: dict[str, Any], param: str
) -> None:
    """With no value of a header in the message."""
    with pytest.raises(ConfigurationError, match=param) as caught:
        PollinationsClient(base_url=gateway.url).chat("x", **own)
    assert caught.value.param == param
    assert "Bearer" not in str(caught.value)
    assert not gateway.requests


@pytest.mark.parametrize("operation", OPERATIONS[:5])
def test_extra_headers_go_out_as_headers_of_that_call(operation: Callable[..., Any]) -> None:
    """And neither in a body nor with the next call."""
    with raw_server(lambda peer, _: peer.sendall(response(WHOLE))) as server:
        client = PollinationsClient("sk_demo_key", base_url=server.url, max_retries=0)
        for own in ({"extra_headers": {"X-Trace": "t1"}}, {}):
            with contextlib.suppress(PollinationsError):  # the answer does not fit all of them
                operation(client, **own)
        first, second = server.requests
        assert b"x-trace: t1\r\n" in first.lower()
        assert b"bearer sk_demo_key" in first.lower()
        assert b"extra_headers" not in first
        assert b"x-trace" not in second.lower()


def test_one_answer_may_be_asked_for_by_number(gateway: Emulator) -> None:
    """``n`` of 1 is what the gateway does; 2 it cannot."""
    client = PollinationsClient(base_url=gateway.url)
    assert client.chat("x", n=1).text
    assert client.chat("x", n=None).text
    with pytest.raises(InvalidRequestError, match="one answer"):
        client.chat("x", n=2)


@pytest.mark.parametrize("value", ["grüße", "a\nb", "a\x00b"])
def test_a_default_header_that_http_cannot_carry_is_named_at_construction(value: str) -> None:
    """Without its value, which may be a secret."""
    with pytest.raises(ConfigurationError, match="x-title") as caught:
        PollinationsClient(default_headers={"x-title": value})
    assert value not in str(caught.value)


def test_a_key_function_is_asked_before_each_request() -> None:
    """Retries included: keys rotate."""
    keys = iter([f"sk_rotating_key_number_{number}" for number in range(9)])
    answers = [response(b"{}", "503 No", extra="Retry-After: 0.01\r\n"), response(WHOLE)]
    with raw_server(lambda peer, _: peer.sendall(answers.pop(0))) as server:
        client = PollinationsClient(lambda: next(keys), base_url=server.url)
        assert client.chat("x").text == "hi"
        assert b"sk_rotating_key_number_0" in server.requests[0]
        assert b"sk_rotating_key_number_1" in server.requests[1]


def test_an_async_key_function_is_awaited_and_refused_in_blocking_calls(gateway: Emulator) -> None:
    """As its name says; a plain one serves both."""

    async def fetch_key() -> str:
        await asyncio.sleep(0)
        return "sk_awaited_key_0123456789"

    client = AsyncPollinationsClient(fetch_key, base_url=gateway.url)
    assert asyncio.run(client.chat("x")).text
    plain = AsyncPollinationsClient(lambda: "sk_plain_key_0123456789", base_url=gateway.url)
    assert asyncio.run(plain.chat("x")).text
    with pytest.raises(ConfigurationError, match="async"):
        PollinationsClient(fetch_key, base_url=gateway.url).chat("x")


@pytest.mark.parametrize("key", ["", None, "sk with space", 3])
def test_a_key_function_that_gives_no_key_is_named(gateway: Emulator, key: Any) -> None:
    """Nothing is sent."""
    with pytest.raises(ConfigurationError, match="api_key"):
        PollinationsClient(lambda: key, base_url=gateway.url).chat("x")
    assert not gateway.requests


def test_a_key_functions_value_is_in_no_text_and_no_pickle() -> None:
    """Neither is it in an error that echoes it."""
    key = "sk_function_key_0123456789"
    echo = response(f'{{"error":{{"message":"bad {key}"}}}}'.encode(), "400 Bad")
    with raw_server(lambda peer, _: peer.sendall(echo)) as server:
        client = PollinationsClient(lambda: key, base_url=server.url)
        with pytest.raises(PollinationsError) as caught:
            client.chat("x")
        assert key not in f"{caught.value!r} {caught.value.body!r} {caught.value}"
        texts = f"{client!r} {client.settings!r} {vars(client)!r} {pickle.dumps(client)!r}"
        assert key not in texts
        assert copy.deepcopy(client).settings.key_function is not None


def _echo_of(sent: bytes, status: str = "200 OK") -> bytes:
    body = b'{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant",'
    return response(body + b'"content":"you said ' + sent + b'"}}]}', status)


def test_every_key_of_a_key_function_is_blanked_where_a_server_echoes_it() -> None:
    """Calls run side by side, so an answer may hold another call's key than the newest."""
    keys = [f"rotating-{number}-0123456789" for number in range(4)]
    given = iter(keys)
    all_of_them = " ".join(keys)
    refusal = response(f'{{"error":{{"message":"bad {all_of_them}"}}}}'.encode(), "400 Bad")
    answers = [*[response(WHOLE)] * 2, _echo_of(keys[0].encode()), refusal]
    with raw_server(lambda peer, _: peer.sendall(answers.pop(0))) as server:
        client = PollinationsClient(lambda: next(given), base_url=server.url)
        for _ in range(2):
            client.chat("x")
        assert client.chat("x").text == "you said [redacted]"
        with pytest.raises(PollinationsError) as caught:
            client.chat("x")
    assert "rotating" not in f"{caught.value} {caught.value.body!r}"
    assert str(caught.value).count("[redacted]") == 4


@pytest.mark.parametrize(
    ("default", "own"),
    [
        ({"Authorization": "Bearer my.jwt.of.another.gateway"}, {}),
        ({"X-Api-Key": "my.jwt.of.another.gateway"}, {}),
        ({}, {"X-Auth-Token": "my.jwt.of.another.gateway"}),
    ],
)
def test_a_secret_header_that_a_server_echoes_is_blanked(
    default: dict[str, str], own: dict[str, str]
) -> None:
    """Whether it belongs to the client or to the call, as a key does."""
    echo = _echo_of(b"my.jwt.of.another.gateway")
    with raw_server(lambda peer, _: peer.sendall(echo)) as server:
        client = PollinationsClient(base_url=server.url, default_headers=default)
        assert client.chat("x", extra_headers=own).text == "you said [redacted]"
