"""Options and where they hold: constructor, call, additional_kwargs; retries, clients,
deadlines.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest
from llama_index.core.llms import ChatMessage

from llamaindex_pollinations import Pollinations, PollinationsEmbedding
from pollinations_client import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    ModelOptions,
    PollinationsError,
)
from pollinations_client.emulator import Body, Emulator, Fault

KEY = "sk_demo_0123456789abcdef"
ASKED = [ChatMessage(role="user", content="hi")]


def test_a_call_holds_over_the_constructor(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """``max_tokens`` of the call is what is sent."""
    say(make(max_tokens=100, temperature=0.9), way, max_tokens=5)
    assert (gateway.requests[0].json["max_tokens"], gateway.requests[0].json["temperature"]) == (
        5,
        0.9,
    )


def test_a_call_holds_over_additional_kwargs(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """``additional_kwargs`` go before the fields of the constructor."""
    llm = make(temperature=0.1, additional_kwargs={"temperature": 0.9, "top_k": 40})
    say(llm, way, temperature=0.2)
    say(llm, way)
    assert [request.json["temperature"] for request in gateway.requests] == [0.2, 0.9]
    assert [request.json["top_k"] for request in gateway.requests] == [40, 40]


def test_none_in_a_call_takes_an_option_back(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """``None`` means: not sent."""
    say(make(max_tokens=100), way, max_tokens=None)
    assert "max_tokens" not in gateway.requests[0].json


def test_a_limit_of_the_call_replaces_the_limit_of_the_constructor(
    make: Any, gateway: Emulator
) -> None:
    """``max_tokens`` and ``max_completion_tokens`` say the same and are never both sent."""
    make(max_completion_tokens=100).chat(ASKED, max_tokens=5)
    sent = gateway.requests[0].json
    assert (sent["max_tokens"], "max_completion_tokens" in sent) == (5, False)


def test_extra_body_of_call_and_constructor_are_one(make: Any, gateway: Emulator) -> None:
    """Key by key, the call's first; an option of the call goes before the constructor's body."""
    llm = make(extra_body={"top_k": 1, "min_p": 0.1, "temperature": 1.5})
    llm.chat(ASKED, extra_body={"top_k": 2}, temperature=0.3)
    sent = gateway.requests[0].json
    assert (sent["top_k"], sent["min_p"], sent["temperature"]) == (2, 0.1, 0.3)


def test_extra_body_may_stand_among_the_additional_kwargs(make: Any, gateway: Emulator) -> None:
    """Where users of OpenAI-like classes put it; the call's goes first, key by key."""
    llm = make(
        extra_body={"top_k": 1, "min_p": 0.1},
        additional_kwargs={"extra_body": {"top_k": 2, "verbosity": "low"}},
    )
    llm.chat(ASKED, extra_body={"verbosity": "high"})
    sent = gateway.requests[0].json
    assert (sent["top_k"], sent["min_p"], sent["verbosity"]) == (2, 0.1, "high")


EVERY_OPTION: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.5,
    "max_tokens": 10,
    "stop": ["x"],
    "seed": 7,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "repetition_penalty": 1.1,
    "logit_bias": {"5": 1},
    "logprobs": True,
    "top_logprobs": 2,
    "reasoning_effort": "high",
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "thinking_budget": 1024,
    "modalities": ["text"],
    "user": "ann",
    "safe": True,
    "web_search_options": {"search_context_size": "low"},
}


@pytest.mark.parametrize("place", ["constructor", "call"])
@pytest.mark.parametrize("name", EVERY_OPTION)
def test_every_option_reaches_the_body(name: str, place: str, make: Any, gateway: Emulator) -> None:
    """For any model, thinking and reasoning options included."""
    value = EVERY_OPTION[name]
    beside = {"logprobs": True} if name == "top_logprobs" else {}
    if place == "constructor":
        make("deepseek", **{name: value}, **beside).chat(ASKED)
    else:
        make("deepseek").chat(ASKED, **{name: value}, **beside)
    assert gateway.requests[0].json[name] == value


def test_every_model_option_is_a_field() -> None:
    """They are written once, in the client, and are fields here."""
    assert set(ModelOptions.model_fields) <= set(Pollinations.model_fields)


def test_nothing_is_sent_that_was_not_asked_for(make: Any, gateway: Emulator) -> None:
    """No default temperature, no default limit: reasoning models refuse them."""
    make().chat(ASKED)
    assert gateway.requests[0].json == {
        "model": "openai",
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_usage_in_streams_can_be_declined(
    make: Any, say: Any, stream_way: str, gateway: Emulator
) -> None:
    """It is asked for unless ``include_usage=False``."""
    say(make(), stream_way)
    say(make(include_usage=False), stream_way)
    assert [request.json["stream_options"]["include_usage"] for request in gateway.requests] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("option", "nearest"), [("temprature", "temperature"), ("max_token", "max_tokens")]
)
def test_a_typo_is_refused_with_the_nearest_name(
    option: str, nearest: str, make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """In the constructor and in each call, and nothing is sent."""
    with pytest.raises(InvalidRequestError, match=nearest):
        make(**{option: 1})
    with pytest.raises(InvalidRequestError, match=nearest):
        say(make(), way, **{option: 1})
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("reuse_client", "leave it out"), ("api_version", "leave it out"), ("n", "one answer a call")],
)
def test_an_option_of_openais_class_that_means_nothing_here_says_so(
    name: str, sentence: str, make: Any
) -> None:
    """Whoever swaps one line is told what to do, not the name of some other option that is spelt
    alike.
    """
    with pytest.raises(InvalidRequestError, match=sentence):
        make(**{name: 2})


def test_headers_of_one_call_go_out_with_it(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """In every way of asking, and in no body."""
    say(make(), way, extra_headers={"X-A": "b"})
    assert gateway.requests[-1].headers["x-a"] == "b"
    assert "extra_headers" not in gateway.requests[-1].json


def test_a_typo_of_a_setting_is_refused_with_the_nearest_name(make: Any) -> None:
    """Settings of the connection count as options."""
    with pytest.raises(InvalidRequestError, match="'timeout'"):
        make(timeot=3)


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 3), ("top_p", -1), ("max_tokens", "many"), ("seed", 2**31)]
)
def test_values_out_of_bounds_are_refused(
    name: str, value: Any, make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """With the field's name, in the constructor and in the call, as a ``ValueError`` too."""
    with pytest.raises(InvalidRequestError, match=name):
        make(**{name: value})
    with pytest.raises(ValueError, match=name):
        say(make(), way, **{name: value})
    assert gateway.requests == []


def test_other_names_of_options(gateway: Emulator) -> None:
    """``base_url``, ``audio_config`` and ``model_name`` are understood; a contradiction is
    refused.
    """
    llm = Pollinations(
        model_name="claude",
        base_url=f"{gateway.url}/v1",
        audio_config={"voice": "alloy", "format": "wav"},
    )
    assert (llm.model, llm.audio) == ("claude", {"voice": "alloy", "format": "wav"})
    assert llm.audio_config == llm.audio
    llm.complete("hi")
    assert gateway.requests[0].path == "/v1/chat/completions"
    with pytest.raises(InvalidRequestError, match="one option"):
        Pollinations(api_base=gateway.url, base_url="http://127.0.0.1:1")


def test_repr_shows_the_options_that_were_set(make: Any, gateway: Emulator) -> None:
    """Not the functions that LlamaIndex puts into every model."""
    assert (
        repr(make("claude", temperature=0.5))
        == f"Pollinations(model='claude', temperature=0.5, max_retries=0, api_base={gateway.url!r})"
    )


def test_a_missing_key_or_a_bad_address_is_one_clear_sentence() -> None:
    """It says where keys are made and how to start the emulator."""
    with pytest.raises(ConfigurationError, match=r"POLLINATIONS_API_KEY.*emulator"):
        Pollinations()


def test_key_and_address_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, gateway: Emulator
) -> None:
    """The client's variables are this class's."""
    monkeypatch.setenv("POLLINATIONS_API_KEY", "sk_from_environment")
    monkeypatch.setenv("POLLINATIONS_API_BASE", gateway.url)
    Pollinations().complete("hi")
    assert gateway.requests[0].headers["authorization"] == "Bearer sk_from_environment"


def test_only_chat_completions_is_called(make: Any, say: Any, way: str, gateway: Emulator) -> None:
    """Completions are chats of one message."""
    say(make(), way)
    assert [request.path for request in gateway.requests] == ["/v1/chat/completions"]


def test_requests_say_who_they_come_from(llm: Any, gateway: Emulator) -> None:
    """The gateway's edge has refused other libraries' names."""
    llm.complete("hi")
    assert gateway.requests[0].headers["user-agent"].endswith(" llama-index")


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("max_retries", [0, 2])
def test_retries_are_counted_once(
    max_retries: int, status: int, make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """``max_retries`` further attempts, exactly, in one layer."""
    gateway.script(Fault("status", times=9, status=status, retry_after_ms=1))
    with pytest.raises(PollinationsError):
        say(make(max_retries=max_retries), way)
    assert len(gateway.requests) == max_retries + 1


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
def test_refusals_are_not_repeated(
    status: int, make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """One request, and the status on the error."""
    gateway.script(Fault("status", times=3, status=status))
    with pytest.raises(PollinationsError) as caught:
        say(make(max_retries=2), way)
    assert (len(gateway.requests), caught.value.status_code) == (1, status)


def test_retry_after_is_honoured(make: Any, say: Any, way: str, gateway: Emulator) -> None:
    """The gateway says when."""
    gateway.script(Fault("status", status=429, retry_after="0.2"))
    say(make(max_retries=1), way)
    first, second = gateway.requests
    assert second.time - first.time >= 0.2


def test_opening_a_stream_is_repeated(
    make: Any, say: Any, stream_way: str, gateway: Emulator
) -> None:
    """Before the first byte, where nothing can have been billed."""
    gateway.script(Fault("status", status=503, retry_after_ms=1))
    assert say(make(max_retries=1), stream_way)[-1].message.content
    assert len(gateway.requests) == 2


def test_an_error_quotes_the_gateway(make: Any, say: Any, way: str, gateway: Emulator) -> None:
    """Code, request id and sentence."""
    gateway.script(Fault("status", status=401, message="A valid API key is required."))
    with pytest.raises(AuthenticationError, match="A valid API key is required") as caught:
        say(make(), way)
    assert caught.value.request_id
    assert caught.value.code


def test_a_short_timeout_holds(make: Any, say: Any, way: str, gateway: Emulator) -> None:
    """Seconds for each wait."""
    gateway.script(Fault("stall", seconds=5))
    with pytest.raises(APITimeoutError):
        say(make(timeout=0.2), way)


def test_timeout_may_be_an_httpx_timeout(make: Any) -> None:
    """And shown as seconds in a dump."""
    llm = make(timeout=httpx.Timeout(5, read=900))
    assert llm._client.settings.timeouts.answer_s == 900
    assert llm.to_dict()["timeout"] == 900


def test_your_own_clients_carry_the_requests(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """Both kinds, as they are; they stay open."""
    if way.startswith("a"):
        # An async client belongs to one loop, so it is made and closed in the loop of the call.
        async def call() -> bool:
            async with httpx.AsyncClient(headers={"x-mine": "yes"}) as mine:
                llm = make(async_http_client=mine)
                await llm.acomplete("hi")
                await llm.aclose()
                return mine.is_closed

        assert not asyncio.run(call())
    else:
        with httpx.Client(headers={"x-mine": "yes"}) as mine:
            llm = make(http_client=mine)
            say(llm, way)
            llm.close()
            assert not mine.is_closed
    assert gateway.requests[0].headers["x-mine"] == "yes"


def test_default_headers_are_sent(make: Any, say: Any, way: str, gateway: Emulator) -> None:
    """With every request."""
    say(make(default_headers={"x-team": "bees"}), way)
    assert gateway.requests[0].headers["x-team"] == "bees"


@pytest.mark.parametrize("way_", ["achat", "acomplete", "astream_chat", "astream_complete"])
def test_every_event_loop_is_served(way_: str, make: Any, say: Any, gateway: Emulator) -> None:
    """One model, loop after loop, without an error and without a second request."""
    llm = make()
    for _ in range(3):
        say(llm, way_)
    assert len(gateway.requests) == 3


def test_threads_share_a_model(make: Any, gateway: Emulator) -> None:
    """Eight threads, each with a loop of its own."""
    llm, failures = make(), []

    def ask() -> None:
        try:
            llm.complete("hi")
            asyncio.run(llm.acomplete("hi"))
        except PollinationsError as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(gateway.requests) == 16


def test_a_model_can_be_closed_and_used_again(make: Any, gateway: Emulator) -> None:
    """As a context manager or by name; closing is giving connections back."""
    with make() as llm:
        llm.complete("hi")
    llm.complete("hi again")
    llm.close()

    async def call() -> None:
        async with make() as other:
            await other.acomplete("hi")
        await other.acomplete("hi again")
        await other.aclose()

    asyncio.run(call())
    assert len(gateway.requests) == 4


def test_a_changed_setting_holds_from_the_next_call(make: Any, gateway: Emulator) -> None:
    """Assignments and ``model_copy(update=...)`` are settings like others."""
    llm = make()
    llm.complete("hi")
    llm.default_headers = {"x-team": "bees"}
    llm.complete("hi")
    llm.model_copy(update={"default_headers": {"x-team": "wasps"}}).complete("hi")
    llm.complete("hi")
    assert [request.headers.get("x-team") for request in gateway.requests] == [
        None,
        "bees",
        "wasps",
        "bees",
    ]


def test_any_model_name_works(make: Any, gateway: Emulator) -> None:
    """Nothing is looked up before the call; the gateway decides."""
    gateway.script(Body({"choices": [{"message": {"content": "Here."}, "finish_reason": "stop"}]}))
    llm = make("a-model-of-tomorrow")
    assert llm.metadata.context_window >= 32_000
    assert llm.metadata.is_function_calling_model
    assert llm.complete("hi").text == "Here."
    assert gateway.requests[0].json["model"] == "a-model-of-tomorrow"


def test_connection_refused_is_a_typed_error() -> None:
    """With the address that did not answer."""
    with pytest.raises(APIConnectionError, match=r"127\.0\.0\.1"):
        Pollinations(api_base="http://127.0.0.1:9", max_retries=0).complete("hi")


@pytest.mark.parametrize("n", [None, 1])
def test_one_answer_may_be_asked_for_by_number(
    n: int | None, make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """OpenAI's class takes ``n`` and ``stop=None``, and libraries pass them; neither is sent."""
    say(make(), way, n=n, temperature=0.01, stop=None)
    body = gateway.requests[0].json
    assert body["temperature"] == 0.01
    assert not {"n", "stop"} & body.keys()


def test_several_answers_a_call_are_refused(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidRequestError, match="n: 2 was given"):
        say(make(), way, n=2)
    with pytest.raises(InvalidRequestError, match="n: 3 was given"):
        say(make(additional_kwargs={"n": 3}), way)
    assert not gateway.requests


@pytest.mark.parametrize(
    ("alias", "name", "value"),
    [
        ("model_name", "model", "gemini"),
        ("base_url", "api_base", "http://127.0.0.1:9"),
        ("audio_config", "audio", {"voice": "nova", "format": "wav"}),
        ("http_async_client", "async_http_client", None),
    ],
)
def test_other_names_of_an_option_are_read_and_written_later(
    alias: str, name: str, value: Any
) -> None:
    """Whatever the constructor takes."""
    llm = Pollinations(api_key="sk_demo_0123456789abcdef", **{alias: value})
    assert getattr(llm, alias) == getattr(llm, name) == value
    setattr(llm, alias, None)
    assert getattr(llm, name) is None
    assert alias not in llm.to_dict()


def test_one_object_has_one_key_also_when_the_environment_changes(
    gateway: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its blocking and awaited calls are billed to one account."""
    monkeypatch.setenv("POLLINATIONS_API_KEY", "sk_the_first_key_of_all")
    llm = Pollinations(api_base=gateway.url)
    embed_model = PollinationsEmbedding(api_base=gateway.url)
    monkeypatch.setenv("POLLINATIONS_API_KEY", "sk_another_key_that_is_newer")
    llm.complete("hi")
    asyncio.run(llm.acomplete("hi"))
    embed_model.get_text_embedding("hi")
    asyncio.run(embed_model.aget_text_embedding("hi"))
    keys = [request.headers["authorization"] for request in gateway.requests]
    assert keys == ["Bearer sk_the_first_key_of_all"] * 4


@pytest.mark.parametrize("kind", [Pollinations, PollinationsEmbedding])
def test_two_values_for_the_model_are_refused(kind: Any) -> None:
    """As the first argument and by its name."""
    with pytest.raises(InvalidRequestError, match="model: it was given twice"):
        kind("gemini-2", model="gemini-2", api_key=KEY)
