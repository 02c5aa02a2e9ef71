"""Model names, profiles and what importing the package loads."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import pytest

from langchain_pollinations import ChatPollinations
from pollinations_client.emulator import Emulator
from support.langchain import KEY


def test_an_unknown_field_in_a_profile_of_ones_own_is_warned_of() -> None:
    """LangChain's check runs for a profile that was given, and the catalogue's need none."""
    with pytest.warns(UserWarning, match="bee_legs"):
        profile: Any = {"bee_legs": 6}
        ChatPollinations(model="claude", api_key=KEY, profile=profile)
    first, second = (ChatPollinations(model="claude", api_key=KEY) for _ in range(2))
    assert first.profile is not None
    first.profile["max_input_tokens"] = 1
    assert second.profile != first.profile
    assert ChatPollinations(model="claude", api_key=KEY).profile == second.profile


def test_the_profile_comes_from_the_catalogue() -> None:
    """Keys that LangChain knows, and only what is known; an unknown model has none; a given one is
    kept.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        profile = ChatPollinations(model="claude", api_key=KEY).profile
        assert profile["max_input_tokens"] == 200000
        assert profile["tool_calling"] is True
        assert profile["image_inputs"] is True
    assert ChatPollinations(model="a-model-of-tomorrow", api_key=KEY).profile is None
    assert ChatPollinations(model="claude", api_key=KEY, profile={"name": "mine"}).profile == {
        "name": "mine"
    }


def test_the_import_brings_no_foreign_sdk() -> None:
    """No openai, no tiktoken, no PIL, and no httpx before the first call by our own doing."""
    foreign = ("openai", "tiktoken", "PIL", "llama_index", "starlette")
    probe = (
        f"import sys, langchain_pollinations; print([name for name in {foreign} if name in"
        " sys.modules])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", probe], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_models_are_listed_for_people_and_for_agents(gateway: Emulator) -> None:
    """By the client, and as a tool."""
    from langchain_pollinations import PollinationsModelsTool

    text = PollinationsModelsTool(base_url=gateway.url).invoke({})
    assert "openai" in str(text)
    assert gateway.requests
