"""Fixtures of the LangChain tests."""

from __future__ import annotations

from typing import Any

import pytest

from langchain_pollinations import ChatPollinations
from pollinations_client.emulator import Emulator

KEY = "sk_demo_0123456789abcdef"


@pytest.fixture
def llm(gateway: Emulator) -> ChatPollinations:
    """A model of today's gateway."""
    return ChatPollinations(model="openai", api_key=KEY, base_url=gateway.url)


@pytest.fixture
def make(gateway: Emulator) -> Any:
    """Any model of today's gateway: ``make("claude", temperature=0)``."""
    return lambda model="openai", **options: ChatPollinations(
        model=model, api_key=KEY, base_url=gateway.url, **options
    )
