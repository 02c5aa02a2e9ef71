"""The emulator's replies, of both eras, against the documented API (gateway_schema.py)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jsonschema
import pytest
from client import gateway_schema, loopback

from pollinations_client.emulator import Emulator

Json = dict[str, Any]
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two numbers",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
ASKED: list[Json] = [
    {},
    {"model": "claude", "reasoning_effort": "high"},
    {"model": "gemini", "messages": [{"role": "user", "content": "Plot a curve"}]},
    {"model": "mistral"},
    {"model": "deepseek", "tools": [ADD], "messages": [{"role": "user", "content": "Add 2 and 3"}]},
    {"model": "gemini", "tools": [ADD], "messages": [{"role": "user", "content": "Add 2 and 3"}]},
    {"model": "perplexity-fast"},
    {"logprobs": True, "top_logprobs": 3},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
    {
        "model": "openai-audio",
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "pcm16"},
    },
]


def check(era: str, name: str, value: Any) -> None:
    """Validate, formats included."""
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(
        gateway_schema.schema(era, name), format_checker=checker
    ).validate(value)


def chat(gateway: Emulator, more: Json) -> httpx.Response:
    """One chat request."""
    body = {"model": "openai", "messages": [{"role": "user", "content": "Hello"}], **more}
    return loopback.post(gateway.url + "/v1/chat/completions", json=body)


@pytest.mark.parametrize("more", ASKED)
def test_completions_are_as_documented(either_gateway: Emulator, more: Json) -> None:
    """Plain and streamed, every kind of answer."""
    whole = chat(either_gateway, more)
    assert whole.status_code == 200, whole.text
    check(either_gateway.era, "completion", whole.json())
    streamed = chat(either_gateway, more | {"stream": True})
    chunks = [
        json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: {")
    ]
    assert len(chunks) >= 3
    for chunk in chunks:
        check(either_gateway.era, "chunk", chunk)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/models", "openai models"),
        ("/text/models", "models"),
        ("/image/models", "models"),
        ("/audio/models", "models"),
        ("/account/profile", "profile"),
        ("/account/balance", "balance"),
        ("/account/usage?limit=500", "usage"),
        ("/account/usage/daily", "daily"),
        ("/account/key", "key"),
    ],
)
def test_lists_and_account_are_as_documented(
    either_gateway: Emulator, path: str, name: str
) -> None:
    """Every GET that answers JSON."""
    check(either_gateway.era, name, loopback.get(either_gateway.url + path).json())


@pytest.mark.parametrize("path", ["/models", "/video/models", "/embeddings/models"])
def test_todays_further_lists_are_as_documented(gateway: Emulator, path: str) -> None:
    """The lists that came later."""
    check("today", "models", loopback.get(gateway.url + path).json())


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"temperature": 9}, "sk_x"),
        ({"model": "no-such"}, "sk_x"),
        ({}, "sk_invalid"),
        ({"response_format": {"type": "json_object"}}, "sk_broke"),
        ({"messages": [{"role": "tool", "tool_call_id": "a", "content": "b"}]}, "sk_x"),
    ],
)
def test_errors_are_as_documented(either_gateway: Emulator, more: Json, key: str) -> None:
    """Validation, upstream and plain refusals."""
    body = {"messages": [{"role": "user", "content": "Hello"}], **more}
    headers = {"Authorization": f"Bearer {key}"}
    response = loopback.post(
        either_gateway.url + "/v1/chat/completions", json=body, headers=headers
    )
    assert response.status_code >= 400
    check(either_gateway.era, "error", response.json())
    assert response.json()["status"] == response.status_code


def test_the_rate_limit_has_its_own_shape(either_gateway: Emulator) -> None:
    """Outside the envelope."""
    response = loopback.get(either_gateway.url + "/account/key?key=pk_limited")
    check(either_gateway.era, "rate limit", response.json())


def test_vectors_and_generated_images_are_as_documented(gateway: Emulator) -> None:
    """The POST routes of today."""
    check(
        "today",
        "embeddings",
        loopback.post(gateway.url + "/v1/embeddings", json={"input": ["a", "b"]}).json(),
    )
    body = {"prompt": "bees", "size": "32x32"}
    check(
        "today", "images", loopback.post(gateway.url + "/v1/images/generations", json=body).json()
    )


def test_the_schema_is_no_rubber_stamp() -> None:
    """It refuses what is not documented."""
    wrong = {"id": 1, "object": "chat.completion", "created": 1, "choices": []}
    with pytest.raises(jsonschema.ValidationError):
        check("today", "completion", wrong)
    with pytest.raises(jsonschema.ValidationError):
        check(
            "seed",
            "models",
            [
                {
                    "name": "x",
                    "aliases": [],
                    "pricing": {"currency": "pollen", "promptTextTokens": "1"},
                }
            ],
        )
