"""What a user reads who prints an object or gets an option wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langchain_pollinations import ChatPollinations, PollinationsImageTool, PollinationsToolkit
from llamaindex_pollinations import Pollinations, PollinationsToolSpec
from pollinations_client import (
    APIConnectionError,
    AsyncPollinationsClient,
    InvalidRequestError,
    PollinationsClient,
)
from pollinations_client.emulator import Emulator

KEY = "sk_demo_0123456789abcdef"


@pytest.mark.parametrize(
    ("thing", "printed"),
    [
        (
            ChatPollinations(model="claude", seed=1, api_key=KEY),
            "ChatPollinations(model='claude', seed=1)",
        ),
        (Pollinations(model="gemini", seed=1, api_key=KEY), "Pollinations(model='gemini', seed=1)"),
        (PollinationsToolSpec(api_key=KEY), "PollinationsToolSpec(model='flux')"),
        (PollinationsClient(KEY), "PollinationsClient(base_url='https://gen.pollinations.ai')"),
        (Emulator(era="seed"), "Emulator(era='seed')"),
    ],
)
def test_a_print_tells_the_model_and_what_was_set(thing: object, printed: str) -> None:
    """In one line, and never the key."""
    assert repr(thing) == printed


@pytest.mark.parametrize(
    ("make", "door"),
    [
        (ChatPollinations, "extra_body"),
        (Pollinations, "extra_body"),
        (PollinationsImageTool, "extra_query"),
        (PollinationsToolSpec, "extra_query"),
        (PollinationsToolkit, None),
        (PollinationsClient, None),
        (AsyncPollinationsClient, None),
    ],
)
def test_a_misspelt_option_is_refused_with_the_nearest_name(
    make: Callable[..., Any], door: str | None
) -> None:
    """Everywhere, and the door for what is not listed is the one there is."""
    with pytest.raises(InvalidRequestError, match="Did you mean 'api_key'") as caught:
        make(apikey=KEY)
    assert KEY not in str(caught.value)
    assert ("extra_" in str(caught.value)) == bool(door)
    assert (door or "") in str(caught.value)


@pytest.mark.parametrize("name", ["base_url", "default_headers", "api_key"])
def test_a_setting_given_to_a_call_is_sent_to_the_constructor(name: str) -> None:
    """The nearest name among a call's options would mislead."""
    with (
        PollinationsClient(KEY) as client,
        pytest.raises(InvalidRequestError, match=f"'{name}' of a call.*made"),
    ):
        client.chat("hi", **{name: 1})


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("image", {"prompt": "x", "model": 7}, "model: "),
        ("video", {"prompt": "x", "model": 7}, "model: "),
        ("edit_image", {"prompt": "x", "image": "https://e.org/a.png", "model": 7}, "model: "),
        ("edit_image", {"prompt": "x", "image": 7}, "image: "),
        ("upload", {"data": "bee.png"}, "data: the bytes of a picture.*Given: str"),
        ("embed", {"texts": 7}, "texts: "),
        ("speech", {"text": "x", "path": 7}, "path: A file or a folder. Given: 7"),
        ("speech", {"text": "x", "voice": 7}, "voice: "),
        ("transcribe", {"path_or_bytes": "bee.mp3"}, "The sound 'bee.mp3' cannot be read"),
        ("transcribe", {"path_or_bytes": b""}, "The sound is empty"),
        ("ocr", {"path_or_url": "bee.pdf"}, "The document 'bee.pdf' cannot be read"),
        ("usage", {"days": "all"}, "days: "),
    ],
)
def test_an_argument_of_a_wrong_kind_is_refused_in_the_users_words(
    method: str, arguments: dict[str, Any], message: str
) -> None:
    """It begins with what the user typed, and nothing is sent."""
    with (
        PollinationsClient(base_url="http://127.0.0.1:9", max_retries=0) as client,
        pytest.raises(InvalidRequestError, match=f"^{message}"),
    ):
        getattr(client, method)(**arguments)


def test_a_page_size_of_none_is_the_default(gateway: Emulator) -> None:
    """As everywhere, ``None`` is not sent."""
    with PollinationsClient(base_url=gateway.url) as client:
        client.chat("hi", model="openai")
        assert list(client.iter_usage(page_size=None)) == list(client.iter_usage())


@pytest.mark.parametrize("blank", ["", " \n", [{"type": "text", "text": " "}], []])
def test_a_prompt_that_says_nothing_is_refused_before_it_is_paid_for(blank: Any) -> None:
    """White space is nothing; a picture without words is something."""
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    with PollinationsClient(base_url="http://127.0.0.1:9", max_retries=0) as client:
        with pytest.raises(InvalidRequestError, match=r"messages: .*empty"):
            client.chat([{"role": "user", "content": blank}])
        with pytest.raises(APIConnectionError):
            client.chat([{"role": "user", "content": [picture]}])


@pytest.mark.parametrize(
    ("make", "theirs", "ours"),
    [
        (ChatPollinations, "openai_api_base", "base_url"),
        (ChatPollinations, "openai_api_key", "api_key"),
        (ChatPollinations, "reasoning", "reasoning_effort"),
        (Pollinations, "openai_api_base", "api_base"),
        (Pollinations, "request_timeout", "timeout"),
    ],
)
def test_what_other_packages_call_it_is_known(
    make: Callable[..., Any], theirs: str, ours: str
) -> None:
    """Who comes from OpenAI's classes is told the name here."""
    with pytest.raises(InvalidRequestError, match=f"Did you mean '{ours}'"):
        make(**{theirs: "x"})


@pytest.mark.parametrize("make", [PollinationsImageTool, PollinationsToolSpec, PollinationsToolkit])
def test_a_folder_may_be_a_path(make: Callable[..., Any], tmp_path: Path) -> None:
    """Or its name."""
    assert make(api_key=KEY, save_dir=tmp_path).save_dir == tmp_path
    with pytest.raises(InvalidRequestError, match="save_dir"):
        make(api_key=KEY, save_dir=5)
