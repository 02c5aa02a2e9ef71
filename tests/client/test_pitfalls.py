"""The known pitfalls of this gateway, one test each, by the number under which the project's notes
list them.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage
from pydantic import BaseModel

from langchain_pollinations import ChatPollinations
from llamaindex_pollinations import Pollinations
from pollinations_client import (
    AuthenticationError,
    ContentPolicyError,
    EmptyReply,
    ImageOptions,
    InsufficientBalanceError,
    InvalidRequestError,
    KeyBudgetExhaustedError,
    MalformedReply,
    ModelNotAllowedError,
    NotFoundError,
    PaidModelError,
    PollinationsClient,
    PollinationsError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    UnknownModelError,
)
from pollinations_client.emulator import Answer, Body, Chunks, Emulator, Fault

KEY = "sk_demo_0123456789abcdef"
QUICK = RetryPolicy(backoff_base_s=0.01)
TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}},
    },
}


@pytest.fixture
def client(gateway: Emulator) -> Any:
    """A client of today's gateway."""
    with PollinationsClient(KEY, base_url=gateway.url, retry=QUICK) as made:
        yield made


def completion(message: dict[str, Any], **top: Any) -> dict[str, Any]:
    """A plain answer."""
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
        ],
        **top,
    }


def error(status: int, code: str, message: Any) -> Body:
    """A refusal in the gateway's envelope."""
    return Body(
        {"status": status, "success": False, "error": {"code": code, "message": message}},
        status=status,
    )


def test_an_empty_200_is_an_error(gateway: Emulator, client: PollinationsClient) -> None:
    """Issue 6270."""
    gateway.script(
        Body(
            completion(
                {"content": ""},
                usage={"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3},
            )
        )
    )
    with pytest.raises(EmptyReply, match="seed"):
        client.chat("hi")


@pytest.mark.parametrize(
    ("key", "kind"),
    [("sk_broke", InsufficientBalanceError), ("sk_budget", KeyBudgetExhaustedError)],
)
@pytest.mark.parametrize("way", ["chat", "stream_chat", "text"])
def test_a_top_up_message_is_a_402(gateway: Emulator, key: str, kind: type, way: str) -> None:
    """Pull request 14700: HTTP 200 with an assistant message."""
    with PollinationsClient(key, base_url=gateway.url) as client, pytest.raises(kind) as caught:
        result = getattr(client, way)("hi", model="openai")
        list(result) if way == "stream_chat" else result
    assert caught.value.status_code == 402
    assert caught.value.fix_url
    assert caught.value.fix_url.startswith("https://enter.")
    assert len(gateway.requests) == 1


def test_the_older_gateway_says_402_plainly(seed_gateway: Emulator) -> None:
    """The same class in both eras."""
    with (
        PollinationsClient("sk_broke", base_url=seed_gateway.url) as client,
        pytest.raises(PollinationsError) as caught,
    ):
        client.chat("hi", model="openai")
    assert caught.value.status_code in {402, 403}
    assert len(seed_gateway.requests) == 1


class Bee(BaseModel):
    """A bee."""

    name: str
    legs: int


@pytest.mark.parametrize(
    "way", ["langchain", "langchain, streamed", "llamaindex", "llamaindex, streamed"]
)
@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"name": "Maya", "legs": 6}\n```',
        '```\n{"name": "Maya", "legs": 6}\n```',
        'Here it is:\n\n```json\n{"name": "Maya", "legs": 6}\n```\nAnything else?',
    ],
)
def test_fenced_json_is_read_by_both_adapters(gateway: Emulator, text: str, way: str) -> None:
    """Issues 5184, 6537: a response format is asked for, and its JSON comes in a Markdown fence."""
    gateway.script(Answer(text=text))
    if way.startswith("langchain"):
        llm = ChatPollinations(model="claude", api_key=KEY, base_url=gateway.url)
        bees = llm.with_structured_output(Bee, method="json_schema")
        found = (
            list(bees.stream("Which bee?"))[-1]
            if way.endswith("streamed")
            else bees.invoke("Which bee?")
        )
    else:
        program = Pollinations(model="sonar", api_key=KEY, api_base=gateway.url).as_structured_llm(
            Bee
        )
        asked = [ChatMessage(role="user", content="Which bee?")]
        found = (
            list(program.stream_chat(asked))[-1].raw
            if way.endswith("streamed")
            else program.chat(asked).raw
        )
    assert found == Bee(name="Maya", legs=6)
    assert gateway.requests[-1].json["response_format"]["type"] == "json_schema"


def test_the_older_gateways_claude_fences_its_json(seed_gateway: Emulator) -> None:
    """The client hands on what came; whoever asks for a structure gets the structure."""
    question = "Describe the bee 'Maya', who has 6 legs, as JSON with the keys name and legs."
    with PollinationsClient(KEY, base_url=seed_gateway.url) as client:
        reply = client.chat(question, model="claude", response_format={"type": "json_object"})
    assert reply.text.startswith("```json")
    llm = ChatPollinations(model="claude", api_key=KEY, base_url=seed_gateway.url)
    assert llm.with_structured_output(Bee, method="json_schema").invoke(question) == Bee(
        name="Maya", legs=6
    )


def test_plain_text_that_ignores_json_is_handed_on_as_it_is(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issue 7413: ``/text`` calls JSON plain text, and may not be JSON at all; neither is
    an error.
    """
    for said in ('```json\n{"legs": 6}\n```', '{"legs": 6}', "A bee has six legs."):
        gateway.script(Body(said, status=200, content_type="text/plain; charset=utf-8"))
        assert client.text("How many legs has a bee?", json=True) == said


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


def test_thought_signatures_survive(gateway: Emulator, client: PollinationsClient) -> None:
    """Issues 7637, 8909: unknown fields of a call are kept, and sent back as they are."""
    entry = {
        "id": "a",
        "type": "function",
        "function": {"name": "add", "arguments": '{"x":1}'},
        "extra_content": {"google": {"thought_signature": "s"}},
    }
    gateway.script(Body(completion({"content": None, "tool_calls": [entry]})))
    call = client.chat("add 1", model="gemini", tools=[TOOL]).tool_calls[0]
    assert call.extra == {"extra_content": {"google": {"thought_signature": "s"}}}
    history = [
        {"role": "user", "content": "add 1"},
        {"role": "assistant", "tool_calls": [entry]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    ]
    client.chat(history, model="gemini", tools=[TOOL])
    assert gateway.requests[-1].json["messages"][1]["tool_calls"] == [entry]


def test_the_same_call_is_a_cache_hit_and_says_so(client: PollinationsClient) -> None:
    """Issues 3423, 7529: vary the seed for variety; -1 draws one."""
    first, second = client.chat("hi", model="openai"), client.chat("hi", model="openai")
    assert first.text == second.text
    assert second.info.cache == "HIT"


def test_a_picture_without_a_seed_is_never_the_same_request_twice(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issues 6746, 6764, 6893."""
    client.image("bee", model="flux", width=64, height=64)
    client.image("bee", model="flux", width=64, height=64, seed=-1)
    seeds = [int(request.query["seed"]) for request in gateway.requests]
    assert seeds[0] != seeds[1]
    assert min(seeds) >= 0


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INSUFFICIENT_BALANCE", InsufficientBalanceError),
        ("KEY_BUDGET_EXHAUSTED", KeyBudgetExhaustedError),
        ("QUEST_POLLEN_ONLY", PaidModelError),
    ],
)
def test_each_kind_of_402_has_its_class(
    gateway: Emulator, client: PollinationsClient, code: str, kind: type
) -> None:
    """Issues 9924, 10028, 9168: balance, budget and paid-only are three remedies."""
    gateway.script(error(402, code, "no"))
    with pytest.raises(kind):
        client.image("bee", model="flux")


def test_negative_balances_are_balances(gateway: Emulator, client: PollinationsClient) -> None:
    """Issues 10752, 10790."""
    gateway.script(Body({"balance": -0.0042}))
    assert str(client.balance().balance) == "-0.0042"


@pytest.mark.parametrize("status", [504, 520, 522, 524])
def test_an_edge_timeout_is_asked_again_and_joins(
    gateway: Emulator, client: PollinationsClient, status: int
) -> None:
    """Issues 5763, 7211, 15396: the identical repeat gets the answer."""
    gateway.script(Body(f"error code: {status}", status=status, content_type="text/plain"))
    assert client.chat("hi").info.retries_taken == 1
    assert gateway.requests[0].body == gateway.requests[1].body


@pytest.mark.parametrize(
    "body",
    ["<html><head><title>502 Bad Gateway</title></head></html>", "error code: 1033", "", "null"],
)
@pytest.mark.parametrize("status", [200, 502])
def test_an_html_page_or_plain_text_is_no_chat_answer(
    gateway: Emulator, client: PollinationsClient, body: str, status: int
) -> None:
    """Issues 12254, 7898, 8806."""
    gateway.script(*[Body(body, status=status, content_type="text/html")] * 3)
    with pytest.raises((MalformedReply, ServerError, EmptyReply)):
        client.chat("hi")


def test_picture_500s_are_asked_again(gateway: Emulator, client: PollinationsClient) -> None:
    """Issue 7348."""
    gateway.script(error(500, "INTERNAL_ERROR", "x"))
    assert client.image("bee", model="flux", width=64, height=64).info.retries_taken == 1
    assert gateway.requests[0].raw_path == gateway.requests[1].raw_path


def test_nested_errors_are_opened_and_a_providers_400_is_final(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issues 7783, 9707, 7372."""
    nested = json.dumps(
        {
            "error": "Bad Request",
            "details": {"error": {"message": "inner words", "code": "content_filter"}},
            "message": "400 Bad Request",
        }
    )
    gateway.script(error(500, "INTERNAL_ERROR", nested))
    with pytest.raises(PollinationsError, match="inner words"):
        client.chat("hi")
    assert len(gateway.requests) == 1


def test_moderation_is_its_own_error(gateway: Emulator, client: PollinationsClient) -> None:
    """Issues 12067, 6614."""
    gateway.script(error(422, "content_policy_violation", "no"))
    with pytest.raises(ContentPolicyError):
        client.chat("hi")


@pytest.mark.parametrize(
    "body", [b"", b'{"error":"Rate limit"}', b"<html>", b"GIF", b"\xff\xd8\xff\xe0 cut jpeg"]
)
def test_what_is_no_picture_is_not_handed_on(
    gateway: Emulator, client: PollinationsClient, body: bytes
) -> None:
    """Issue 7207: a 200 may be anything."""
    gateway.script(*[Body(body, content_type="image/jpeg")] * 2)
    with pytest.raises(PollinationsError):
        client.image("bee", model="flux")


def test_a_limited_key_waits_as_told(gateway: Emulator, client: PollinationsClient) -> None:
    """Issues 7283, 5298: the wish stands in the body."""
    limited = Body(
        {"error": "Rate limit exceeded", "message": "Retry after 1s", "retryAfterSeconds": 0.01},
        status=429,
    )
    gateway.script(limited)
    assert client.chat("hi").info.retries_taken == 1
    gateway.script(
        *[Body({"error": "Rate limit exceeded", "retryAfterSeconds": 3600}, status=429)] * 3
    )
    with pytest.raises(RateLimitError) as caught:
        client.chat("hello")
    assert caught.value.retry_after == 3600


def test_long_prompts_and_nested_urls_are_encoded_or_refused(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issues 7786, 6208."""
    with pytest.raises(InvalidRequestError, match="Shorten"):
        client.image("b" * 9_000)
    client.image("bee", model="kontext", width=64, height=64, image=["https://a.example/x?y=1&z=2"])
    assert gateway.requests[-1].query["image"] == "https://a.example/x?y=1&z=2"


def test_a_model_that_is_gone_names_the_near_ones(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issues 7575, 4602."""
    with pytest.raises(UnknownModelError, match="Nearest known names"):
        client.chat("hi", model="opena")


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


def test_prices_are_read_in_any_notation(gateway: Emulator, client: PollinationsClient) -> None:
    """Issue 9000."""
    gateway.script(
        Body(
            [
                {
                    "name": "x",
                    "aliases": [],
                    "pricing": {
                        "currency": "pollen",
                        "promptTextTokens": 1.5e-7,
                        "completionTextTokens": "6e-7",
                    },
                }
            ]
        )
    )
    card = client.text_models()[0]
    assert card.prices == {
        "promptTextTokens": Decimal("0.00000015"),
        "completionTextTokens": Decimal("0.0000006"),
    }


def test_streams_answered_as_json_and_usage_chunks_without_choices(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issues 9144, 5504."""
    gateway.script(Body(completion({"content": "hi"})))
    assert list(client.stream_chat("x"))[-1].reply.text == "hi"
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    gateway.script(
        Chunks(
            [
                {
                    **chunk,
                    "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}],
                },
                {
                    **chunk,
                    "choices": [],
                    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
                },
            ]
        )
    )
    assert list(client.stream_chat("y"))[-1].reply.usage.total == 2


def test_the_user_agent_is_our_own(gateway: Emulator, client: PollinationsClient) -> None:
    """Issues 11235, 11251: others' names were blocked at the edge."""
    client.chat("hi")
    assert gateway.requests[-1].headers["user-agent"].startswith("pollinations-adapters/")


def test_a_cause_and_a_request_id_are_shown(gateway: Emulator, client: PollinationsClient) -> None:
    """Issue 6568: INTERNAL_ERROR with nothing else, or beside a stock sentence that explains
    nothing.
    """
    for message in (
        {},
        {"message": "Oh snap, something went wrong on our end. We're on it!"},
        {"message": "Failed"},
    ):
        said = {"code": "INTERNAL_ERROR", "cause": "socket hang up", "requestId": "r9", **message}
        gateway.script(*[Body({"error": said}, status=500)] * 2)
        with pytest.raises(ServerError, match=r"socket hang up\. \(request id ") as caught:
            client.chat("hi")
        assert caught.value.request_id
        assert message.get("message", "") in str(caught.value)


def test_cost_is_computed_where_no_header_says_it(client: PollinationsClient) -> None:
    """Issue 11349."""
    reply = client.chat("hi", model="openai")
    assert not [name for name in reply.info.headers if "cost" in name]
    assert reply.usage is not None
    assert client.cost(reply.usage, "openai").total


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


def test_created_in_milliseconds_is_read_as_seconds(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """One path of the older gateway."""
    gateway.script(Body({**completion({"content": "x"}), "created": 1_734_567_890_123}))
    assert client.chat("x").created == 1_734_567_890


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


def test_reasoning_is_read_under_its_other_field_name(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issue 11264."""
    gateway.script(Answer(text="x", reasoning="why", reasoning_field="reasoning"))
    assert client.chat("hi").reasoning == "why"


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


def test_cumulative_usage_counts_once(gateway: Emulator, client: PollinationsClient) -> None:
    """The last one holds."""
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    gateway.script(
        Chunks(
            [
                {
                    **chunk,
                    "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}],
                    "usage": {"prompt_tokens": 5, "completion_tokens": n, "total_tokens": 5 + n},
                }
                for n, text in enumerate("abc", 1)
            ]
        )
    )
    assert list(client.stream_chat("x"))[-1].reply.usage.total == 8


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


def test_a_model_this_key_may_not_call(gateway: Emulator, client: PollinationsClient) -> None:
    """403, plain and as a notice, is one class."""
    gateway.script(error(403, "FORBIDDEN", "Model 'x' is not allowed for this API key"))
    with pytest.raises(ModelNotAllowedError):
        client.image("bee", model="flux")
    notice = (
        "The API key used for this request isn\u2019t allowed to use x. "
        "[Change](https://enter.pollinations.ai/keys).\n\nIf this isn\u2019t yours, ask."
    )
    body = completion(
        {"content": notice}, usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    )
    gateway.script(Body(body, headers={"cache-control": "private, no-store"}))
    with pytest.raises(ModelNotAllowedError):
        client.chat("hi")


def test_an_unknown_endpoint_of_an_older_gateway(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """404 names what was asked for."""
    gateway.script(error(404, "NOT_FOUND", "Oh no, there's nothing here."))
    with pytest.raises(NotFoundError, match="/account/key"):
        client.key_info()


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_faults_of_the_emulator_reach_the_client(
    gateway: Emulator, client: PollinationsClient, kind: str
) -> None:
    """The double breaks connections for real."""
    gateway.script(Fault(kind, times=2))
    with pytest.raises(PollinationsError):
        client.chat("hi")
    assert len(gateway.requests) == 2
