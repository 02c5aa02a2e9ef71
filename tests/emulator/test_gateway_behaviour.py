"""The emulator refuses, caches, streams, lists and checks keys as the real gateway does."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from client import loopback

from pollinations_client.emulator import Answer, Chunks, Emulator, EmulatorError, KeyRules

Json = dict[str, Any]
CHAT = "/v1/chat/completions"
USER: Json = {"role": "user", "content": "Hello"}
CALL: Json = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
ADD: Json = {
    "name": "add",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}


def post(gateway: Emulator, **body: Any) -> httpx.Response:
    """One chat request."""
    return loopback.post(gateway.url + CHAT, json={"messages": [USER], "model": "openai", **body})


def chunks_of(response: httpx.Response) -> list[Json]:
    """The chunks of a stream."""
    lines = response.text.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


@pytest.mark.parametrize("role", ["user", "system", "developer"])
@pytest.mark.parametrize("call", [CALL, {}, {"id": "c1"}, {"function": {}}, None, 7])
def test_tool_calls_of_other_roles_are_ignored(
    either_gateway: Emulator, role: str, call: Any
) -> None:
    """They are dropped before the provider, with and without id and arguments."""
    message = {"role": role, "content": "x", "tool_calls": [call]}
    assert post(either_gateway, messages=[message, USER]).status_code == 200


def test_a_providers_refusal_repeats_the_whole_request(seed_gateway: Emulator) -> None:
    """In JSON inside the message, before the provider's words: as large as the request."""
    prompt = "x" * 100_000
    body = {"messages": [{"role": "user", "content": prompt}], "tool_choice": "required"}
    error = post(seed_gateway, **body).json()["error"]
    nested = json.loads(error["message"])
    assert nested["requestParameters"]["messages"][0]["content"] == prompt
    assert list(nested).index("requestParameters") < list(nested).index("details")
    assert "details" not in error


def test_the_request_id_is_in_the_header_alone(either_gateway: Emulator) -> None:
    """And details come with a validation only."""
    for response in (
        post(either_gateway, temperature=9),
        loopback.get(either_gateway.url + "/nowhere"),
    ):
        assert response.headers["x-request-id"]
        assert "requestId" not in response.json()["error"]
    assert "details" in post(either_gateway, temperature=9).json()["error"]
    assert "details" not in loopback.get(either_gateway.url + "/nowhere").json()["error"]


def test_a_bad_query_is_named_as_one(seed_gateway: Emulator) -> None:
    """Not as a bad body."""
    response = loopback.get(seed_gateway.url + "/image/x?width=wide")
    assert response.json()["error"]["message"] == "Query parameter validation failed"


def test_broken_json_is_a_plain_400(either_gateway: Emulator) -> None:
    """Without details; a list is a validation error in zod's words."""
    broken = loopback.post(either_gateway.url + CHAT, content=b"{").json()["error"]
    assert broken["message"] == "Malformed JSON in request body"
    assert "details" not in broken
    listed = loopback.post(either_gateway.url + CHAT, content=b"[1]").json()["error"]
    assert listed["details"]["formErrors"] == ["Invalid input: expected object, received array"]


def test_json_under_another_content_type_reads_as_empty(seed_gateway: Emulator) -> None:
    """The messages are missing then."""
    body = json.dumps({"messages": [USER]}).encode()
    headers = {"content-type": "text/plain"}
    response = loopback.post(seed_gateway.url + CHAT, content=body, headers=headers)
    assert "messages" in response.json()["error"]["details"]["fieldErrors"]


def test_no_balance_was_a_missing_permission(seed_gateway: Emulator) -> None:
    """403 on text and pictures until 402 came."""
    headers = {"Authorization": "Bearer sk_broke"}
    chat = loopback.post(seed_gateway.url + CHAT, json={"messages": [USER]}, headers=headers)
    picture = loopback.get(seed_gateway.url + "/image/x", headers=headers)
    for response in (chat, picture):
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (403, "FORBIDDEN")
        assert error["message"] == "Insufficient pollen balance to use this model"


def test_no_messages_are_taken_by_the_seed_era(gateway: Emulator, seed_gateway: Emulator) -> None:
    """Its own system prompt stands there; today they are refused."""
    assert post(seed_gateway, messages=[]).status_code == 200
    assert "non-empty array" in post(gateway, messages=[]).json()["error"]["message"]


HALF = [{"choices": [{"index": 0, "delta": {"content": "Half an ans"}, "finish_reason": None}]}]


def test_half_a_stream_is_cached(either_gateway: Emulator) -> None:
    """The same body gets the same half; another seed gets an answer."""
    either_gateway.script(Chunks(HALF, done=False))
    first = post(either_gateway, stream=True)
    again = post(either_gateway, stream=True)
    assert again.text == first.text
    assert again.headers["x-cache"] == "HIT"
    other = chunks_of(post(either_gateway, stream=True, seed=2))
    assert any(choice["finish_reason"] for chunk in other for choice in chunk["choices"])


def test_a_hit_states_usage_today_only(gateway: Emulator, seed_gateway: Emulator) -> None:
    """In the seed era it had neither usage nor model headers."""
    for one, states in ((gateway, True), (seed_gateway, False)):
        assert "x-usage-prompt-text-tokens" in post(one).headers
        hit = post(one)
        assert hit.headers["x-cache"] == "HIT"
        assert ("x-usage-prompt-text-tokens" in hit.headers) is states
        assert ("x-model-used" in hit.headers) is states


def test_streams_of_the_seed_era_name_no_model(seed_gateway: Emulator) -> None:
    """And are as immutable as everything else; whole answers state the total of tokens."""
    streamed = post(seed_gateway, stream=True)
    assert "x-model-used" not in streamed.headers
    assert "immutable" in streamed.headers["cache-control"]
    whole = post(seed_gateway)
    total = whole.json()["usage"]["total_tokens"]
    assert whole.headers["x-usage-total-tokens"] == str(total)


def test_an_audio_model_speaks_on_the_text_route(either_gateway: Emulator) -> None:
    """The route fills in what chat demands; the answer is sound."""
    response = loopback.get(either_gateway.url + "/text/Say%20hello?model=openai-audio")
    assert (response.status_code, response.headers["content-type"]) == (200, "audio/mpeg")
    assert len(response.content) > 1000


def test_no_content_on_the_text_route_is_the_message_as_json(gateway: Emulator) -> None:
    """Under a JSON content type."""
    gateway.script(Answer(text=""))
    response = loopback.get(gateway.url + "/text/x")
    assert response.headers["content-type"].startswith("application/json")
    assert response.json()["role"] == "assistant"


def test_a_prompt_may_hold_a_line_feed(either_gateway: Emulator) -> None:
    """In a picture's path and in a text's."""
    for path in ("/image/red%0Afox?width=16&height=16", "/text/red%0Afox"):
        assert loopback.get(either_gateway.url + path).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_blocks_alone_keep_their_text(gateway: Emulator, stream: bool) -> None:
    """Content repeats the text blocks, whole and streamed."""
    blocks = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "It is so."}]
    gateway.script(Answer(content_blocks=blocks))
    response = post(gateway, model="claude", stream=stream)
    if stream:
        choices = [choice for chunk in chunks_of(response) for choice in chunk["choices"]]
        text = "".join(choice["delta"].get("content") or "" for choice in choices)
    else:
        text = response.json()["choices"][0]["message"]["content"]
    assert text == "It is so."


def test_model_lists_know_the_community_flag(gateway: Emulator) -> None:
    """Today another word than true, false, 1 and 0 is refused."""
    assert loopback.get(gateway.url + "/v1/models?community=false").status_code == 200
    assert loopback.get(gateway.url + "/v1/models?community=perhaps").status_code == 400


def test_prices_and_windows_are_those_of_the_shipped_list(gateway: Emulator) -> None:
    """Each model has its own."""
    listed = {card["name"]: card for card in loopback.get(gateway.url + "/models").json()}
    nano, sonnet = listed["openai/gpt-5.4-nano"], listed["anthropic/claude-sonnet-4.6"]
    assert nano["pricing"]["completionTextTokens"] == "0.0000009375"
    assert nano["context_length"] != sonnet["context_length"]


def test_only_listed_keys_pass_where_keys_are_required() -> None:
    """A key that nobody gave out is a wrong key."""
    with Emulator(require_key=True, keys={"sk_mine": KeyRules()}) as gateway:
        for key, status in (("sk_mine", 200), ("sk_other", 401)):
            headers = {"Authorization": f"Bearer {key}"}
            response = loopback.post(gateway.url + CHAT, json={"messages": [USER]}, headers=headers)
            assert response.status_code == status


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file"])
def test_an_attachment_of_a_tool_is_no_request(gateway: Emulator, kind: str) -> None:
    """However many user messages carry them, the turn ends in words."""
    data = "R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
    payload: Any = {
        "image_url": {"url": f"data:image/gif;base64,{data}"},
        "input_audio": {"data": data, "format": "wav"},
        "file": {"file_data": data, "file_name": "a.pdf"},
    }[kind]
    attached = [{"type": "text", "text": "Add 2 and 3:"}, {"type": kind, kind: payload}]
    history = [
        {"role": "user", "content": "Add 2 and 3"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "The sum is 5."},
        {"role": "user", "content": attached},
        {"role": "user", "content": attached},
    ]
    response = post(gateway, messages=history, tools=[{"type": "function", "function": ADD}])
    assert response.json()["choices"][0]["message"]["content"] == "The sum is 5."


@pytest.mark.parametrize("stream", [False, True])
def test_a_forced_function_of_the_older_form_is_called(gateway: Emulator, stream: bool) -> None:
    """``functions`` are answered in ``function_call``."""
    response = post(gateway, functions=[ADD], function_call={"name": "add"}, stream=stream)
    if stream:
        choices = [choice for chunk in chunks_of(response) for choice in chunk["choices"]]
        parts = [choice["delta"].get("function_call") or {} for choice in choices]
        call = {key: "".join(p.get(key, "") for p in parts) for key in ("name", "arguments")}
        finish = choices[-1]["finish_reason"]
    else:
        choice = response.json()["choices"][0]
        call, finish = choice["message"]["function_call"], choice["finish_reason"]
        assert "tool_calls" not in choice["message"]
    assert (call["name"], finish) == ("add", "function_call")
    assert set(json.loads(call["arguments"])) == {"a", "b"}


def test_a_taken_port_says_how_to_take_a_free_one(gateway: Emulator) -> None:
    """With a number that every way of starting it takes."""
    with pytest.raises(EmulatorError, match="port 0 to take a free one"):
        Emulator(port=gateway.port).start()


def test_a_browser_is_told_what_this_is(either_gateway: Emulator) -> None:
    """A page with models, the last requests and an example; nothing of keys and queries."""
    loopback.get(either_gateway.url + "/text/%3Cb%3Ehi?key=sk_secret")
    page = loopback.get(either_gateway.url + "/")
    assert page.headers["content-type"].startswith("text/html")
    assert "no language model" in page.text
    assert "curl " + either_gateway.url in page.text
    assert "GET /text/&lt;b&gt;hi" in page.text
    assert "sk_secret" not in page.text
