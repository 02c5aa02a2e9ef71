"""Odd input gets an answer or a refusal, never a crash."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from client import loopback

from pollinations_client.emulator import Emulator

Json = dict[str, Any]
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    2.0**70,
    "",
    "x",
    "tool",
    "required",
    [],
    {},
    [None],
    [[]],
    {"type": "x"},
    "\x00",
    "\ud800é",
    {"$ref": "#"},
    {"$ref": "#/x/y"},
    {"enum": []},
    {"anyOf": []},
    {"type": []},
    {"type": "array", "items": True},
    {"properties": {"a": True, "b": None}},
    {"minimum": "x", "type": "integer"},
    {"pattern": "(", "type": "string"},
]
CALL: Json = {"id": "c", "type": "function", "function": {"name": "add", "arguments": "{}"}}
WHOLE: Json = {
    "model": "openai",
    "messages": [
        {"role": "system", "content": "Be short"},
        {"role": "user", "content": [{"type": "text", "text": 'Add 2 and 3 as JSON {"b": [1'}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "5"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "add",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "a": {"type": "integer", "minimum": 1},
                        "b": {"anyOf": [{"type": "string"}]},
                    },
                    "required": ["a", "b"],
                },
            },
        }
    ],
    "tool_choice": "auto",
    "stop": ["x"],
    "max_tokens": 5,
    "stream": False,
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into a JSON value."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(found for key, one in inner for found in places(one, (*path, key)))]


def spoilt(chance: random.Random) -> Json:
    """The whole body with up to three values replaced by odd ones."""
    body = copy.deepcopy(WHOLE)
    if chance.random() < 0.5:
        body["messages"] = body["messages"][:2]
    for _ in range(chance.randint(1, 3)):
        path = chance.choice(places(body)[1:])
        holder: Any = body
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = copy.deepcopy(chance.choice(ODD))
    return body


def test_no_body_makes_it_crash(either_gateway: Emulator) -> None:
    """Six hundred spoilt chat bodies are answered or refused with 400."""
    chance = random.Random(7)
    with loopback.Client(base_url=either_gateway.url) as client:
        for _ in range(600):
            body = json.dumps(spoilt(chance)).encode()
            response = client.post("/v1/chat/completions", content=body)
            assert response.status_code in (200, 400), body


VALUES = [
    "",
    "0",
    "-1",
    "abc",
    "false",
    "1e9",
    "NaN",
    "inf",
    "9" * 20,
    "\u00b2",
    "2026-01-01T00:00:00Z",
    "16:9",
    "a|b",
    "\x00",
]
NAMES = (
    "model width height seed quality image transparent duration aspectRatio audio json stream"
    " system temperature top_p max_tokens limit before format days key safe reasoning_effort"
    " guidance_scale"
).split()


def test_no_query_makes_it_crash(either_gateway: Emulator) -> None:
    """Every parameter with every odd value on every GET route."""
    chance = random.Random(8)
    with loopback.Client(base_url=either_gateway.url) as client:
        for path in (
            "/image/x",
            "/text/x",
            "/text/%F0%9F",
            "/account/usage",
            "/account/usage/daily",
            "/v1/models",
            "//",
            "/%",
        ):
            for name in NAMES:
                query = {"width": "16", "height": "16", name: chance.choice(VALUES)}
                assert client.get(path, params=query).status_code in (200, 400, 404), (path, query)


def test_no_json_makes_the_other_routes_crash(gateway: Emulator) -> None:
    """Embeddings and image generations."""
    with loopback.Client(base_url=gateway.url) as client:
        for value in ODD:
            for name in ("input", "model", "dimensions", "encoding_format", "task_type"):
                embedded = client.post(
                    "/v1/embeddings", content=json.dumps({"input": "x", name: value}).encode()
                )
                assert embedded.status_code in (200, 400), (name, value)
            for name in ("prompt", "model", "size", "seed", "response_format"):
                body = {"prompt": "x", "size": "16x16", name: value}
                drawn = client.post("/v1/images/generations", content=json.dumps(body).encode())
                assert drawn.status_code in (200, 400), (name, value)


LONG = [
    "a" * 100_000,
    "a " * 50_000,
    "1 " * 50_000,
    "{" * 5_000,
    'JSON {"a":' * 2_000,
    "(1) a\n" * 5_000,
    "a, " * 20_000 + "and b",
]


@pytest.mark.parametrize("text", LONG, ids=[text[:6].strip() for text in LONG])
@pytest.mark.parametrize(
    "more", [{}, {"tools": WHOLE["tools"]}, {"response_format": {"type": "json_object"}}]
)
def test_long_texts_are_answered(gateway: Emulator, text: str, more: Json) -> None:
    """Repetitive megabytes are no trap for the readers."""
    body = {"model": "deepseek", "messages": [{"role": "user", "content": text}], **more}
    assert (
        loopback.post(gateway.url + "/v1/chat/completions", json=body, timeout=30).status_code
        == 200
    )


def test_broken_schemas_are_refused_as_providers_do(gateway: Emulator) -> None:
    """A tool's parameters must be a schema of an object; a response format must be a schema."""
    user = {"role": "user", "content": "x"}
    for parameters in (
        {"type": "string"},
        {"type": "object", "properties": []},
        {"properties": {"a": {"$ref": "#/no"}}},
    ):
        tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
        response = loopback.post(
            gateway.url + "/v1/chat/completions", json={"messages": [user], "tools": [tool]}
        )
        assert response.status_code == 400
        assert "Invalid schema for function 'f'" in response.json()["error"]["message"]
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "thing"}}}
    refused = loopback.post(
        gateway.url + "/v1/chat/completions", json={"messages": [user], "response_format": form}
    )
    assert "Invalid schema for response_format" in refused.json()["error"]["message"]
