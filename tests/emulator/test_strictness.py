"""What the emulator refuses, in the gateway's own words, in each era."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from client import loopback

from pollinations_client.emulator import Answer, Emulator, KeyRules

CHAT = "/v1/chat/completions"
USER = {"role": "user", "content": "Hello"}
TOOL = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {}}},
}
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE = {"type": "image_url", "image_url": {"url": PIXEL}}


def post(gateway: Emulator, body: Any, key: str = "sk_rich") -> httpx.Response:
    """One chat request with a key."""
    return loopback.post(gateway.url + CHAT, json=body, headers={"Authorization": f"Bearer {key}"})


def field_errors(response: httpx.Response) -> set[str]:
    """The fields that a 400 complains of."""
    assert response.status_code == 400, response.text
    return set(response.json()["error"]["details"]["fieldErrors"])


REFUSED = [
    ("temperature", 2.1),
    ("temperature", "hot"),
    ("top_p", 1.5),
    ("presence_penalty", -2.5),
    ("frequency_penalty", 3),
    ("repetition_penalty", 2.1),
    ("max_tokens", -1),
    ("max_tokens", 1.5),
    ("seed", -2),
    ("seed", 2**53),
    ("stop", []),
    ("stop", ["a", "b", "c", "d", "e"]),
    ("stop", [1]),
    ("top_logprobs", 21),
    ("logprobs", "yes"),
    ("stream", "true"),
    ("tools", None),
    ("tool_choice", None),
    ("tool_choice", "any"),
    ("tool_choice", {"type": "any"}),
    ("parallel_tool_calls", None),
    ("user", None),
    ("user", 7),
    ("reasoning_effort", None),
    ("reasoning_effort", "extreme"),
    ("response_format", None),
    ("response_format", {"type": "xml"}),
    ("response_format", {"type": "json_schema", "json_schema": {"name": "x"}}),
    ("modalities", ["smell"]),
    ("audio", {"voice": "alloy"}),
    ("audio", {"voice": "alloy", "format": "midi"}),
    ("functions", []),
    ("functions", [{"name": "add", "strict": True}]),
    ("logit_bias", {"50256": "high"}),
    ("messages", [USER, {"role": "assistant", "content": "x", "tool_calls": None}]),
    ("messages", [USER, {"role": "assistant", "content": "x", "function_call": {"name": "add"}}]),
    (
        "messages",
        [USER, {"role": "assistant", "content": "x", "cache_control": {"type": "for ever"}}],
    ),
    (
        "messages",
        [USER, {"role": "function", "name": "add", "content": [{"type": "text", "text": "x"}]}],
    ),
    (
        "messages",
        [
            {
                "role": "user",
                "content": [{"type": "file", "file": {"file_data": "x", "mime_type": 1}}],
            }
        ],
    ),
    ("messages", "Hello"),
    ("messages", [{"role": "robot", "content": "x"}]),
    ("messages", [{"role": "user", "content": []}]),
    ("messages", [{"role": "user", "content": None}]),
    ("messages", [{"role": "user"}]),
    ("messages", [{"role": "user", "content": "x", "name": None}]),
    ("messages", [{"role": "user", "content": [{"type": "text"}]}]),
    (
        "messages",
        [
            {
                "role": "user",
                "content": [{"type": "image", "source": {"type": "base64", "data": "x"}}],
            }
        ],
    ),
    (
        "messages",
        [{"role": "user", "content": [{"type": "image", "base64": "x", "mime_type": "image/png"}]}],
    ),
    (
        "messages",
        [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x"}}]}],
    ),
    (
        "messages",
        [
            USER,
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}],
            },
        ],
    ),
    (
        "messages",
        [USER, {"role": "assistant", "content": None, "tool_calls": [{**CALL, "id": None}]}],
    ),
    (
        "messages",
        [
            USER,
            {
                "role": "assistant",
                "tool_calls": [{**CALL, "function": {"name": "add", "arguments": {}}}],
            },
        ],
    ),
    ("messages", [USER, {"role": "tool", "content": "x"}]),
    (
        "messages",
        [
            USER,
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": [PICTURE]},
        ],
    ),
]


@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_a_field_out_of_bounds_is_refused_by_name(
    either_gateway: Emulator, field: str, value: Any
) -> None:
    """The envelope is the gateway's and names the field."""
    response = post(either_gateway, {"messages": [USER], "model": "openai", field: value})
    assert field in field_errors(response)
    envelope = response.json()
    assert (envelope["status"], envelope["success"]) == (400, False)
    assert envelope["error"]["code"] == "BAD_REQUEST"
    seed = either_gateway.era == "seed"
    sentence = "JSON body validation failed" if seed else "Something was wrong with the input data"
    assert envelope["error"]["message"].startswith(sentence)
    assert envelope["error"]["details"]["name"] == "ValidationError"


ACCEPTED = [
    ("temperature", None),
    ("seed", -1),
    ("stop", None),
    ("stop", ["a", "b", "c", "d"]),
    ("stream_options", None),
    ("logit_bias", None),
    ("max_tokens", 0),
    ("top_logprobs", 20),
    ("tools", []),
    ("unheard_of", {"anything": 1}),
    ("messages", [{"role": "developer", "content": "Be short."}, USER, USER]),
    (
        "messages",
        [{"role": "system", "content": [{"type": "text", "text": "x"}]}, {**USER, "name": "Ann"}],
    ),
    (
        "messages",
        [
            {
                "role": "user",
                "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
            }
        ],
    ),
    (
        "messages",
        [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, PICTURE]}],
    ),
    (
        "messages",
        [
            USER,
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "3"},
        ],
    ),
]


@pytest.mark.parametrize(("field", "value"), ACCEPTED)
def test_what_the_gateway_takes_is_taken(either_gateway: Emulator, field: str, value: Any) -> None:
    """Nulls where they are allowed, edges of the bounds, unknown fields."""
    assert (
        post(either_gateway, {"messages": [USER], "model": "openai", field: value}).status_code
        == 200
    )


def test_the_eras_differ_where_the_gateway_did(gateway: Emulator, seed_gateway: Emulator) -> None:
    """Seed range, the effort max, and thinking."""
    big = {"messages": [USER], "seed": 2**40}
    assert field_errors(post(gateway, big)) == {"seed"}
    assert post(seed_gateway, big).status_code == 200
    most = {"messages": [USER], "reasoning_effort": "max"}
    assert post(gateway, most).status_code == 200
    assert field_errors(post(seed_gateway, most)) == {"reasoning_effort"}
    thinking = {"messages": [USER], "thinking": {"type": "perhaps"}}
    assert post(gateway, thinking).status_code == 200
    assert field_errors(post(seed_gateway, thinking)) == {"thinking"}


def test_unknown_models_are_refused_in_the_words_of_the_era(
    gateway: Emulator, seed_gateway: Emulator
) -> None:
    """Today a sentence that names the model; in the seed era an enum error."""
    body = {"messages": [USER], "model": "gpt-99"}
    today = post(gateway, body)
    assert today.status_code == 400
    assert "gpt-99" in today.json()["error"]["message"]
    assert field_errors(post(seed_gateway, body)) == {"model"}


HISTORIES = [
    (
        [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, USER],
        "must be followed by tool messages",
    ),
    (
        [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}],
        "must be followed by tool messages",
    ),
    (
        [USER, {"role": "tool", "tool_call_id": "c1", "content": "x"}],
        "must be a response to a preceding message",
    ),
    (
        [
            USER,
            {
                "role": "assistant",
                "tool_calls": [{**CALL, "function": {"name": "add", "arguments": "{"}}],
            },
        ],
        "must be a JSON object",
    ),
]


@pytest.mark.parametrize(("messages", "words"), HISTORIES)
def test_histories_that_providers_refuse(
    either_gateway: Emulator, messages: list[Any], words: str
) -> None:
    """Unanswered calls, answers to no call, arguments that are no JSON."""
    response = post(either_gateway, {"model": "openai", "messages": messages})
    assert response.status_code == 400
    assert words in response.json()["error"]["message"]


def test_what_a_provider_refuses_is_told_as_each_era_told_it(
    gateway: Emulator, seed_gateway: Emulator
) -> None:
    """Today the sentence is the message and the body stands in the details; the seed era nests JSON
    in the message.
    """
    body = {"messages": [USER, {"role": "tool", "tool_call_id": "a", "content": 'said "hm"'}]}
    error = post(gateway, body).json()["error"]
    provider = json.loads(error["details"]["upstreamBody"])["error"]
    assert provider["message"] == error["message"]
    assert error["details"]["upstreamStatus"] == 400
    nested = json.loads(post(seed_gateway, body).json()["error"]["message"])
    assert nested["details"]["error"] == provider
    assert nested["message"] == "400 Bad Request"


def test_bodies_that_are_no_json_objects(either_gateway: Emulator) -> None:
    """Broken JSON, a list and nothing at all are 400; more than 20 MB is 413."""
    for content in (
        b"{",
        b"[1]",
        b"",
        b'{"messages": [{"role": "user", "content": "x"}], "seed": 1e999}',
    ):
        assert loopback.post(either_gateway.url + CHAT, content=content).status_code == 400
    huge = loopback.post(either_gateway.url + CHAT, content=b" " * (20 * 1024 * 1024 + 1))
    assert huge.status_code == 413


SCHEMA = {"type": "object", "properties": {"x": {"oneOf": [{"type": "string"}]}}}
BY_MODEL = [
    (
        {
            "model": "gemini",
            "messages": [USER],
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "f",
                        "parameters": {"type": "object", "properties": {"a": {"enum": [1]}}},
                    },
                }
            ],
        },
        "(TYPE_STRING), 1",
    ),
    (
        {
            "model": "mistral",
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {
                            "id": "call_0",
                            "type": "function",
                            "function": {"name": "f", "arguments": "{}"},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "call_0", "content": "1"},
            ],
        },
        "Tool call id was call_0 but must be a-z, A-Z, 0-9, with a length of 9",
    ),
    (
        {"model": "claude", "messages": [USER, {"role": "assistant", "content": ""}, USER]},
        "all messages must have non-empty content",
    ),
    (
        {"model": "gemini", "messages": [USER, {"role": "assistant", "content": "\n"}, USER]},
        "text content blocks must contain non-whitespace text",
    ),
    (
        {"model": "deepseek", "messages": [{"role": "user", "content": [PICTURE]}]},
        "does not support image input",
    ),
    ({"model": "perplexity", "messages": [USER], "tools": [TOOL]}, "does not support tool calling"),
    (
        {
            "model": "claude-sonnet-5.5",
            "messages": [USER],
            "tools": [TOOL],
            "tool_choice": "required",
        },
        "tool_choice",
    ),
    (
        {
            "model": "gemini",
            "messages": [USER],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
        },
        'Unknown name "oneOf"',
    ),
    ({"model": "openai-audio", "messages": [USER]}, "contain audio"),
    (
        {
            "model": "openai-audio",
            "messages": [USER],
            "stream": True,
            "modalities": ["text", "audio"],
            "audio": {"voice": "alloy", "format": "wav"},
        },
        "pcm16",
    ),
    (
        {
            "model": "claude",
            "messages": [USER],
            "tools": [TOOL],
            "tool_choice": "required",
            "reasoning_effort": "high",
        },
        "Thinking may not be enabled",
    ),
    ({"messages": [USER], "tool_choice": "required"}, "only allowed when 'tools' are specified"),
    ({"messages": [USER], "tools": [TOOL, TOOL]}, "unique"),
    (
        {"messages": [USER], "tools": [{"type": "function", "function": {"name": "a b"}}]},
        "does not match",
    ),
]


@pytest.mark.parametrize(("body", "words"), BY_MODEL)
def test_what_a_model_cannot_do_is_refused(
    gateway: Emulator, body: dict[str, Any], words: str
) -> None:
    """Vision, tools, forced tools, Vertex schemas and audio, each by the model's table."""
    response = post(gateway, body)
    assert response.status_code == 400
    assert words in response.json()["error"]["message"]


def test_a_property_may_be_called_like_a_keyword(gateway: Emulator) -> None:
    """Vertex refuses the keyword oneOf, not a property of that name."""
    parameters = {
        "type": "object",
        "properties": {"oneOf": {"type": "string"}},
        "required": ["oneOf"],
    }
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    assert (
        post(gateway, {"model": "gemini", "messages": [USER], "tools": [tool]}).status_code == 200
    )


KEYS = [
    ("sk_invalid", 401, "UNAUTHORIZED"),
    ("sk_broke", 402, "INSUFFICIENT_BALANCE"),
    ("sk_budget", 402, "KEY_BUDGET_EXHAUSTED"),
    ("sk_forbidden_model", 403, "FORBIDDEN"),
    ("sk_quest", 402, "QUEST_POLLEN_ONLY"),
]


@pytest.mark.parametrize(("key", "status", "code"), KEYS)
def test_keys_that_misbehave(
    gateway: Emulator, seed_gateway: Emulator, key: str, status: int, code: str
) -> None:
    """On JSON answers and pictures the status is real today; in the seed era always."""
    body = {"model": "claude", "messages": [USER], "response_format": {"type": "json_object"}}
    response = post(gateway, body, key)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    picture = loopback.get(
        gateway.url + "/image/x?model=nanobanana", headers={"Authorization": f"Bearer {key}"}
    )
    assert picture.status_code == status
    if code != "QUEST_POLLEN_ONLY":
        refused = post(seed_gateway, {"model": "claude", "messages": [USER]}, key)
        assert refused.status_code == (403 if key == "sk_broke" else status)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("key", "status", "code"), KEYS[1:])
def test_todays_text_routes_dress_refusals_up_as_answers(
    gateway: Emulator, key: str, status: int, code: str, stream: bool
) -> None:
    """HTTP 200, a sentence with a link, no usage, and Cache-Control private, no-store."""
    response = post(gateway, {"model": "claude", "messages": [USER], "stream": stream}, key)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "private, no-store"
    if stream:
        chunks = [
            json.loads(line[6:])
            for line in response.text.splitlines()
            if line.startswith("data: {")
        ]
        said = "".join(
            chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"]
        )
        assert "](https://enter." in said
    else:
        assert "](https://enter." in response.text
        whole = response.json()
        assert whole["choices"][0]["message"]["content"].startswith("The ")
        assert whole["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    text = loopback.get(
        gateway.url + "/text/hi?model=claude", headers={"Authorization": f"Bearer {key}"}
    )
    assert (text.status_code, text.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert "contact whoever runs the app" in text.text


def test_a_limited_key_is_told_when_to_come_back(either_gateway: Emulator) -> None:
    """429 outside the envelope, with seconds in the header and in the body."""
    response = post(either_gateway, {"messages": [USER]}, "pk_limited")
    assert response.status_code == 429
    assert response.headers["retry-after"] == "30"
    assert response.json()["retryAfterSeconds"] == 30


def test_a_key_is_asked_for_only_when_required() -> None:
    """Without a key generation is served, unless require_key; model lists always are; ?key= counts
    as a key.
    """
    with Emulator(require_key=True) as gateway:
        assert loopback.post(gateway.url + CHAT, json={"messages": [USER]}).status_code == 401
        assert loopback.get(gateway.url + "/image/x").status_code == 401
        assert loopback.get(gateway.url + "/account/balance").status_code == 401
        assert loopback.get(gateway.url + "/v1/models").status_code == 200
        assert (
            loopback.post(gateway.url + CHAT + "?key=sk_x", json={"messages": [USER]}).status_code
            == 200
        )
    with Emulator() as gateway:
        assert loopback.post(gateway.url + CHAT, json={"messages": [USER]}).status_code == 200


def test_own_key_rules() -> None:
    """Allowed models, account permissions, budget and rate are configurable per key."""
    rules = KeyRules(models=["gemini"], account=["balance", "usage"], budget=0.5, rate=3)
    with Emulator(keys={"sk_mine": rules}, era="seed") as gateway:
        headers = {"Authorization": "Bearer sk_mine"}
        assert loopback.get(gateway.url + "/account/balance", headers=headers).json() == {
            "balance": 0.5
        }
        assert loopback.get(gateway.url + "/account/profile", headers=headers).status_code == 403
        assert post(gateway, {"model": "openai", "messages": [USER]}, "sk_mine").status_code == 403
        assert post(gateway, {"model": "gemini", "messages": [USER]}, "sk_mine").status_code == 429


IMAGE_QUERIES = [
    "width=-1",
    "width=wide",
    "seed=-2",
    "quality=best",
    "aspectRatio=2:1",
    "image=ftp://x",
    "duration=0",
]


@pytest.mark.parametrize("query", IMAGE_QUERIES)
def test_picture_parameters_have_bounds(either_gateway: Emulator, query: str) -> None:
    """A bad parameter is 400."""
    response = loopback.get(f"{either_gateway.url}/image/x?model=flux&{query}")
    assert response.status_code == 400


def test_film_lengths_and_references_are_the_models_own(either_gateway: Emulator) -> None:
    """veo takes 4, 6 and 8 seconds; flux takes no reference picture."""
    assert loopback.get(either_gateway.url + "/image/x?model=veo&duration=5").status_code == 400
    assert (
        loopback.get(
            either_gateway.url + "/image/x?model=flux&image=https%3A%2F%2Fa.b%2Fc.png"
        ).status_code
        == 400
    )


def test_unknown_paths_and_methods_are_404_in_the_envelope(either_gateway: Emulator) -> None:
    """Nothing there, in the gateway's words."""
    for method, path in (
        ("GET", "/nope"),
        ("POST", "/v1/models"),
        ("GET", CHAT),
        ("GET", "/image/"),
    ):
        response = loopback.request(method, either_gateway.url + path)
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "NOT_FOUND"


def test_routes_of_one_era_only(gateway: Emulator, seed_gateway: Emulator) -> None:
    """Embeddings, POST /text and image generations came later; /api/account went away."""
    for path, body in (("/v1/embeddings", {"input": "x"}), ("/text", {"messages": [USER]})):
        assert loopback.post(gateway.url + path, json=body).status_code == 200
        assert loopback.post(seed_gateway.url + path, json=body).status_code == 404
    assert loopback.get(seed_gateway.url + "/api/account/balance").status_code == 200
    assert loopback.get(gateway.url + "/api/account/balance").status_code == 404
    assert loopback.get(seed_gateway.url + "/image/a/b").status_code == 404


def test_unknown_safety_tokens_are_refused_in_their_own_shape(
    gateway: Emulator, seed_gateway: Emulator
) -> None:
    """Today ``safe`` is a flag or known tokens with commas, never a list: the schema refuses
    others by field, and the header of the same meaning has a shape of its own. The seed era took
    anything.
    """
    for safe in (True, "privacy,secrets", "nsfw, violence", "0"):
        assert post(gateway, {"messages": [USER], "safe": safe}).status_code == 200
    generations = "/v1/images/generations"
    for response in (
        post(gateway, {"messages": [USER], "safe": "privacy,everything"}),
        post(gateway, {"messages": [USER], "safe": ["privacy"]}),
        loopback.get(gateway.url + "/text/x?safe=everything"),
        loopback.get(gateway.url + "/image/x?width=64&height=64&safe=everything"),
        loopback.post(gateway.url + generations, json={"prompt": "x", "safe": ["privacy"]}),
    ):
        assert response.status_code == 400
        assert list(response.json()["error"]["details"]["fieldErrors"]) == ["safe"]
    header = {"pollinations-safe": "everything"}
    for response in (
        loopback.post(gateway.url + CHAT, json={"messages": [USER]}, headers=header),
        loopback.get(gateway.url + "/image/x?width=64&height=64", headers=header),
    ):
        assert response.status_code == 400
        error = response.json()["error"]
        assert (error["type"], error["code"]) == ("safety_error", "invalid_safe")
    assert post(seed_gateway, {"messages": [USER], "safe": "everything"}).status_code == 200


def test_lists_hold_what_the_key_may_call(gateway: Emulator, seed_gateway: Emulator) -> None:
    """A key of two models sees two; one that cannot pay sees no paid model today; without a key all
    are there.
    """
    for one in (gateway, seed_gateway):
        seen = loopback.get(one.url + "/v1/models?key=sk_forbidden_model").json()["data"]
        assert {entry["id"].rpartition("/")[2] for entry in seen} <= {
            "openai",
            "gpt-5.4-nano",
            "flux",
        }
        assert [
            entry["name"]
            for entry in loopback.get(one.url + "/image/models?key=sk_forbidden_model").json()
        ] == ["flux"]
        assert len(loopback.get(one.url + "/text/models").json()) > 20
    for key in ("sk_quest", "sk_broke"):
        shown = loopback.get(f"{gateway.url}/models?key={key}").json()
        assert shown
        assert not any(entry["paid_only"] for entry in shown)


def test_the_edge_refuses_long_addresses_with_a_page(either_gateway: Emulator) -> None:
    """Past about 8 KB no gateway answers, but what stands before it, in HTML."""
    response = loopback.get(either_gateway.url + "/image/" + "a" * 9000)
    assert response.status_code == 414
    assert response.headers["content-type"].startswith("text/html")


def test_pages_in_a_browser_may_call_it(either_gateway: Emulator) -> None:
    """A preflight is welcome and takes no script; every answer may be read by any page."""
    either_gateway.script(Answer(text="scripted"))
    asked = {"Origin": "https://a.example", "Access-Control-Request-Headers": "authorization"}
    preflight = loopback.request("OPTIONS", either_gateway.url + CHAT, headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-headers"] == "authorization"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    answered = post(either_gateway, {"messages": [USER]})
    assert answered.json()["choices"][0]["message"]["content"] == "scripted"
    assert answered.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("era", ["today", "seed"])
@pytest.mark.parametrize(
    ("query", "eras"),
    [
        ("temperature=abc", "today seed"),
        ("reasoning_effort=ultra", "today seed"),
        ("model=", "seed"),
        ("json=maybe", "today"),
        ("stream=maybe", "today"),
        ("top_p=abc", ""),
        ("json=false&stream=0&temperature=3", ""),
    ],
)
def test_a_text_query_is_refused_by_the_field(era: str, query: str, eras: str) -> None:
    """In the words for a query; what neither era checks is dropped."""
    with Emulator(era=era) as gateway:
        answer = loopback.get(f"{gateway.url}/text/hi?{query}")
    if era not in eras:
        assert answer.status_code == 200
        return
    error = answer.json()["error"]
    assert list(error["details"]["fieldErrors"]) == [query.partition("=")[0]]
    if era == "seed":
        assert error["message"] == "Query parameter validation failed"


def test_lists_and_usage_are_narrowed_as_asked(gateway: Emulator) -> None:
    """By source of the models, by period of the records; a period needs its two words."""

    def get(path: str) -> httpx.Response:
        headers = {"authorization": "Bearer sk_rich"}
        return httpx.get(f"{gateway.url}{path}", headers=headers)

    everything = get("/text/models").json()
    for query, listed in (
        ("community=true", []),
        ("source=community", []),
        ("community=0", everything),
        ("source=official&reliability=all", everything),
    ):
        assert get(f"/text/models?{query}").json() == listed
    for period, prefix in (("month&period=2026-01", "2026-01"), ("day&period=2026-01-31", "")):
        records = get(f"/account/usage?limit=50000&granularity={period}").json()["usage"]
        assert records
        assert all(record["timestamp"].startswith(prefix) for record in records)
    assert get("/account/usage?granularity=week&period=2026-W05").json()["count"] > 0
    for query in ("source=x", "reliability=some"):
        assert get(f"/v1/models?{query}").status_code == 400
    for query in ("granularity=day", "period=2026-01", "granularity=day&period=x"):
        assert get(f"/account/usage?{query}").status_code == 400
