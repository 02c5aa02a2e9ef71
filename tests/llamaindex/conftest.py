"""Fixtures of the LlamaIndex tests: models of the emulated gateway, and the eight public calls as
one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from llamaindex_pollinations import Pollinations
from pollinations_client.emulator import Emulator
from support.llamaindex import CHAT_WAYS, COMPLETION_WAYS, responses_of
from support.llamaindex_structured import METHODS

KEY = "sk_demo_0123456789abcdef"
Make = Callable[..., Pollinations]
Say = Callable[..., list[Any]]


@pytest.fixture
def make(gateway: Emulator) -> Make:
    """Any model of today's gateway: ``make("claude", temperature=0)``."""

    def make_model(model: str = "openai", **options: Any) -> Pollinations:
        return Pollinations(
            model=model, **{"api_key": KEY, "api_base": gateway.url, "max_retries": 0, **options}
        )

    return make_model


@pytest.fixture
def llm(make: Make) -> Pollinations:
    """A model of today's gateway that is asked once and no more."""
    return make()


@pytest.fixture
def say() -> Say:
    """``say(llm, way, prompt_or_messages, **options)``: the responses of one of the eight public
    calls.
    """

    def say_it(llm: Any, way: str, prompt: Any = "Say hello", **options: Any) -> list[Any]:
        return asyncio.run(responses_of(llm, way, prompt, **options))

    return say_it


@pytest.fixture(params=CHAT_WAYS)
def chat_way(request: pytest.FixtureRequest) -> str:
    """Each of the four chat calls."""
    return str(request.param)


@pytest.fixture(params=[*CHAT_WAYS, *COMPLETION_WAYS])
def way(request: pytest.FixtureRequest) -> str:
    """Each of the eight public calls."""
    return str(request.param)


@pytest.fixture(params=["stream_chat", "astream_chat"])
def stream_way(request: pytest.FixtureRequest) -> str:
    """Both streamed chat calls."""
    return str(request.param)


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    """Each of the four structured methods."""
    return str(request.param)
