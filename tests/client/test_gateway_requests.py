"""Requests as they arrive at the gateway."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pollinations_client import (
    AsyncPollinationsClient,
    AuthenticationError,
    ImageOptions,
    InvalidRequestError,
    PollinationsClient,
    RetryPolicy,
    UnknownModelError,
)
from pollinations_client.emulator import Answer, Body, Emulator
from pollinations_client.request import endpoints
from pollinations_client.request.endpoints import chat

KEY = "sk_demo_0123456789abcdef"


QUICK = RetryPolicy(backoff_base_s=0.01)


@pytest.fixture
def client(gateway: Emulator) -> Any:
    """A client of today's gateway."""
    with PollinationsClient(KEY, base_url=gateway.url, retry=QUICK) as made:
        yield made


def test_geminis_own_tools_can_be_switched_off_for_json(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issues 6876, 6834: its default code execution and JSON exclude each other."""
    client.chat(
        "Give JSON", model="gemini", default_tools=False, response_format={"type": "json_object"}
    )
    assert gateway.requests[-1].json["tools"] == []


def test_reasoning_effort_is_what_is_sent(gateway: Emulator, client: PollinationsClient) -> None:
    """``thinking`` is ignored for Claude (issues 7382, 7560, 5197); it goes out only when given."""
    client.chat("hi", model="claude", reasoning_effort="high")
    assert gateway.requests[-1].json["reasoning_effort"] == "high"
    assert "thinking" not in gateway.requests[-1].json


def test_a_picture_without_a_seed_is_never_the_same_request_twice(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issues 6746, 6764, 6893."""
    client.image("bee", model="flux", width=64, height=64)
    client.image("bee", model="flux", width=64, height=64, seed=-1)
    seeds = [int(request.query["seed"]) for request in gateway.requests]
    assert seeds[0] != seeds[1]
    assert min(seeds) >= 0


def test_long_prompts_and_nested_urls_are_sent_or_refused(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issues 7786, 6208: a prompt too long for an address goes in a body where there is one."""
    client.image("b" * 9_000, width=64, height=64)
    assert gateway.requests[-1].path == "/v1/images/generations"
    with pytest.raises(InvalidRequestError, match="Shorten"):
        client.text("b" * 9_000)
    client.image("bee", model="kontext", width=64, height=64, image=["https://a.example/x?y=1&z=2"])
    assert gateway.requests[-1].query["image"] == "https://a.example/x?y=1&z=2"


@pytest.mark.parametrize("seconds", [0, 121])
def test_durations_nobody_takes_are_refused(client: PollinationsClient, seconds: int) -> None:
    """Issues 7954, 5581: narrower bounds are each model's own, and the gateway's to say."""
    with pytest.raises(InvalidRequestError, match="duration"):
        client.video("bee", duration=seconds)


def test_speech_needs_both_voice_and_format(client: PollinationsClient) -> None:
    """Issue 1713."""
    with pytest.raises(InvalidRequestError, match="format"):
        client.chat(
            "hi", model="openai-audio", modalities=["text", "audio"], audio={"voice": "alloy"}
        )
    reply = client.chat(
        "hi",
        model="openai-audio",
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "wav"},
    )
    assert reply.audio is not None
    assert reply.audio.data


def test_the_user_agent_is_our_own(gateway: Emulator, client: PollinationsClient) -> None:
    """Issues 11235, 11251: others' names were blocked at the edge."""
    client.chat("hi")
    assert gateway.requests[-1].headers["user-agent"].startswith("pollinations-adapters/")


TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}},
    },
}


def test_reasoning_in_a_history_is_sent(gateway: Emulator, client: PollinationsClient) -> None:
    """DeepSeek and Kimi demand it; where the gateway strips it nothing is lost."""
    entry = {"id": "a", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    turn = {
        "role": "assistant",
        "content": "",
        "reasoning_content": "because",
        "tool_calls": [entry],
    }
    history = [
        {"role": "user", "content": "x"},
        turn,
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    ]
    client.chat(history, model="deepseek", tools=[TOOL])
    assert gateway.requests[-1].json["messages"][1] == turn


def test_a_files_name_is_spelt_as_the_gateway_spells_it(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """``filename`` would be stripped."""
    part = {
        "type": "file",
        "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
    }
    client.chat(
        [{"role": "user", "content": [{"type": "text", "text": "x"}, part]}], model="gemini"
    )
    assert gateway.requests[-1].json["messages"][0]["content"][1]["file"]["file_name"] == "a.pdf"


def test_explicit_nulls_are_not_sent(gateway: Emulator, client: PollinationsClient) -> None:
    """Half of the fields refuse them."""
    nothing = dict.fromkeys(
        (
            "response_format",
            "tools",
            "tool_choice",
            "user",
            "reasoning_effort",
            "parallel_tool_calls",
        )
    )
    client.chat("x", model="openai", **nothing)
    assert gateway.requests[-1].json.keys() == {"model", "messages"}


def test_cache_control_is_sent_only_when_given(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issue 15682: Fireworks refuses it."""
    client.chat("hi", model="claude")
    assert "cache_control" not in gateway.requests[-1].body.decode()
    part = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
    client.chat([{"role": "user", "content": [part]}], model="claude")
    assert gateway.requests[-1].json["messages"][0]["content"] == [part]


def test_false_is_never_in_a_query(gateway: Emulator, client: PollinationsClient) -> None:
    """It would be read as true."""
    flags = dict.fromkeys(
        ("enhance", "safe", "transparent", "audio", "private", "nologo", "nofeed"), False
    )
    assert flags.keys() <= ImageOptions.model_fields.keys()
    client.image("bee", model="flux", width=64, height=64, seed=1, **flags)
    assert gateway.requests[-1].query.keys() == {"model", "width", "height", "seed"}


def error(status: int, code: str, message: Any) -> Body:
    """A refusal in the gateway's envelope."""
    return Body(
        {"status": status, "success": False, "error": {"code": code, "message": message}},
        status=status,
    )


def test_a_refused_forced_choice_falls_back_to_auto(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """With a warning, and once."""
    gateway.script(
        error(400, "BAD_REQUEST", "tool_choice 'required' is not supported by this model"),
        Answer(text="fine"),
    )
    with pytest.warns(UserWarning, match="auto"):
        assert client.chat("hi", model="openai", tools=[TOOL], tool_choice="any").text == "fine"
    assert [request.json["tool_choice"] for request in gateway.requests] == ["required", "auto"]


def test_the_key_is_in_the_header_only(gateway: Emulator, client: PollinationsClient) -> None:
    """Not in a URL, an error or a print."""
    client.image("bee", model="flux", width=64, height=64)
    assert KEY not in gateway.requests[-1].raw_path
    with PollinationsClient("sk_invalid_0123456789", base_url=gateway.url) as wrong:
        gateway.script(error(401, "UNAUTHORIZED", "sk_invalid_0123456789 is unknown"))
        with pytest.raises(AuthenticationError) as caught:
            wrong.chat("hi")
    assert "sk_invalid_0123456789" not in str(caught.value) + repr(caught.value) + repr(
        vars(caught.value)
    ) + repr(wrong)


def test_a_prompt_of_dots_and_a_bare_tool_are_sent_as_they_are() -> None:
    """A prompt of dots stays one segment; a tool without parameters stays as it is."""
    assert endpoints.image("..", {"seed": 1}).target.startswith("/image/%2E%2E?")
    body = json.loads(
        endpoints.chat(
            [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": "y", "tool_calls": []},
            ],
            {
                "model": "gemini",
                "tools": [{"type": "function", "function": {"name": "f"}}],
                "audio": {"voice": "a", "format": "wav"},
                "response_format": {"type": "json_object"},
            },
        ).body
        or b""
    )
    assert body["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert "tool_calls" not in body["messages"][1]


@pytest.mark.parametrize("choice", ["google_search", {"type": "google_search"}])
def test_a_built_in_tool_is_forced_where_it_is_alone(
    gateway: Emulator, client: PollinationsClient, choice: Any
) -> None:
    """The gateway's schema takes functions as a choice only, in both eras."""
    client.chat("news?", model="gemini", tools=["google_search"], tool_choice=choice)
    assert gateway.requests[-1].json["tool_choice"] == "required"
    for tools in (["google_search", TOOL], ["google_search", "url_context"], [TOOL]):
        with pytest.raises(InvalidRequestError, match="cannot force"):
            client.chat("news?", model="gemini", tools=tools, tool_choice=choice)
    assert len(gateway.requests) == 1


def test_forced_choice_falls_back_in_streams_and_async_too(gateway: Emulator) -> None:
    """The same rule in all four ways."""
    tool = {
        "type": "function",
        "function": {"name": "add", "parameters": {"type": "object", "properties": {}}},
    }
    refusal = Body({"error": {"message": "tool_choice is not supported"}}, status=400)
    options: dict[str, Any] = {"model": "openai", "tools": [tool], "tool_choice": "any"}

    async def go() -> tuple[Any, Any]:
        async with AsyncPollinationsClient(base_url=gateway.url) as client:
            whole = await client.chat("x", **options)
            return whole, [event async for event in client.stream_chat("x", **options)][-1].reply

    gateway.script(refusal, Answer(text="a"), refusal, Answer(text="b"), refusal, Answer(text="c"))
    with (
        pytest.warns(UserWarning, match="auto"),
        PollinationsClient(base_url=gateway.url) as client,
    ):
        assert list(client.stream_chat("x", **options))[-1].reply.text == "a"
        whole, streamed = asyncio.run(go())
    assert (whole.text, streamed.text) == ("b", "c")
    gateway.script(Body({"error": {"message": "Unknown model: fluxx"}}, status=400))
    with pytest.raises(UnknownModelError, match="flux"):
        asyncio.run(AsyncPollinationsClient(base_url=gateway.url).image("bee", model="fluxx"))


def test_a_film_on_youtube_is_sent_as_a_link() -> None:
    """Gemini watches it there; nothing is fetched here."""
    film = {"type": "video_url", "video_url": {"url": "https://www.youtube.com/watch?v=bees"}}
    body = chat([{"role": "user", "content": [film]}], {"model": "gemini"}).body
    assert json.loads(body or b"")["messages"][0]["content"] == [film]


def test_jsonmode_can_be_sent_in_extra_body() -> None:
    """``jsonMode`` is a convenience of today's gateway; ``response_format`` says the same in both
    eras.
    """
    body = chat([{"role": "user", "content": "hi"}], {"extra_body": {"jsonMode": True}}).body
    assert json.loads(body or b"")["jsonMode"] is True
