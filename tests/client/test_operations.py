"""Every operation of the gateway, sync and async, in both eras, over real HTTP to the emulator."""

from __future__ import annotations

import asyncio
import inspect
from decimal import Decimal
from typing import Any

import pytest

from pollinations_client import (
    AsyncPollinationsClient,
    AuthenticationError,
    ChatOptions,
    Finished,
    ImageOptions,
    InvalidRequestError,
    MalformedReply,
    ModelCard,
    PollinationsClient,
    ReasoningDelta,
    ResponseInfo,
    TextDelta,
    TextOptions,
    UnknownModelError,
    UpstreamError,
    Usage,
    daily_usage_from_csv,
    usage_from_csv,
)
from pollinations_client.emulator import Body, Emulator
from pollinations_client.request.calls import CALL_KINDS

KEY = "sk_demo_0123456789abcdef"


def run(mode: str, gateway: Emulator, operation: str, *args: Any, **options: Any) -> Any:
    """One operation of a client, blocking or on a loop; generators are drained to a list."""
    if mode == "sync":
        with PollinationsClient(KEY, base_url=gateway.url) as client:
            result = getattr(client, operation)(*args, **options)
            return list(result) if inspect.isgenerator(result) else result

    async def go() -> Any:
        async with AsyncPollinationsClient(KEY, base_url=gateway.url) as client:
            result = getattr(client, operation)(*args, **options)
            return [one async for one in result] if inspect.isasyncgen(result) else await result

    return asyncio.run(go())


each_mode = pytest.mark.parametrize("mode", ["sync", "async"])


@each_mode
def test_chat(mode: str, either_gateway: Emulator) -> None:
    """POST /v1/chat/completions: text, usage, finish reason, headers."""
    reply = run(
        mode,
        either_gateway,
        "chat",
        "Say hello to the bees",
        model="openai",
        max_tokens=200,
        user="u",
    )
    assert reply.text
    assert reply.finish_reason == "stop"
    assert reply.usage.total == reply.usage.input + reply.usage.output > 0
    assert reply.info.request_id
    assert reply.info.model_used
    sent = either_gateway.requests[-1]
    assert (sent.method, sent.path) == ("POST", "/v1/chat/completions")
    assert sent.json == {
        "model": "openai",
        "messages": [{"role": "user", "content": "Say hello to the bees"}],
        "max_tokens": 200,
        "user": "u",
    }
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert "key" not in sent.query


@each_mode
def test_stream_chat(mode: str, either_gateway: Emulator) -> None:
    """The same as a stream: deltas add up to the reply, the last event is the reply."""
    events = run(mode, either_gateway, "stream_chat", "How many legs has a bee?", model="deepseek")
    assert isinstance(events[-1], Finished)
    reply = events[-1].reply
    assert "".join(one.text for one in events if isinstance(one, TextDelta)) == reply.text != ""
    assert (
        "".join(one.text for one in events if isinstance(one, ReasoningDelta))
        == reply.reasoning
        != ""
    )
    assert reply.usage.total > 0


@each_mode
def test_batches_are_the_same_events(mode: str, gateway: Emulator) -> None:
    """``stream_chat_batches``: the events of ``stream_chat``, in lists that are never empty."""
    events = run(mode, gateway, "stream_chat", "How many legs has a bee?", model="openai")
    batches = run(mode, gateway, "stream_chat_batches", "How many legs has a bee?", model="openai")
    assert all(batches)
    assert "".join(
        event.text for batch in batches for event in batch if isinstance(event, TextDelta)
    ) == "".join(event.text for event in events if isinstance(event, TextDelta))
    assert isinstance(batches[-1][-1], Finished)
    assert batches[-1][-1].reply.text == events[-1].reply.text


@each_mode
def test_plain_and_streamed_answers_are_the_same(mode: str, gateway: Emulator) -> None:
    """One question, two transports."""
    plain = run(mode, gateway, "chat", "What is a drone bee?", model="openai")
    streamed = run(mode, gateway, "stream_chat", "What is a drone bee?", model="openai")[-1].reply
    assert (plain.text, plain.finish_reason) == (streamed.text, streamed.finish_reason)


@each_mode
def test_text_plain_and_streamed(mode: str, either_gateway: Emulator) -> None:
    """GET /text/{prompt}: the prompt is one path segment."""
    text = run(
        mode,
        either_gateway,
        "text",
        "bees / wasps? 100%",
        model="openai",
        seed=3,
        system="Be short.",
        temperature=0.5,
    )
    assert text
    sent = either_gateway.requests[-1]
    assert sent.path == "/text/bees / wasps? 100%"
    assert sent.query == {
        "model": "openai",
        "seed": "3",
        "system": "Be short.",
        "temperature": "0.5",
    }
    assert "".join(run(mode, either_gateway, "stream_text", "bees", model="openai"))


@each_mode
def test_text_as_json(mode: str, either_gateway: Emulator) -> None:
    """``json=True`` travels as a word and only then."""
    assert (
        run(mode, either_gateway, "text", "Give JSON with the key 'bee'", json=True)
        .lstrip()
        .startswith("{")
    )
    assert either_gateway.requests[-1].query["json"] == "true"
    run(mode, either_gateway, "text", "bee", json=False)
    assert "json" not in either_gateway.requests[-1].query


@each_mode
def test_image(mode: str, either_gateway: Emulator, tmp_path: Any) -> None:
    """GET /image/{prompt}: looked at before it is handed on, saved under a safe name."""
    picture = run(
        mode,
        either_gateway,
        "image",
        "a bee/wasp? on 100% lavender",
        model="flux",
        width=320,
        height=200,
        seed=7,
    )
    assert (picture.mime_type, picture.size_px, picture.seed) == ("image/jpeg", (320, 200), 7)
    assert KEY not in picture.url
    assert either_gateway.requests[-1].path == "/image/a bee/wasp? on 100% lavender"
    assert either_gateway.requests[-1].query == {
        "model": "flux",
        "width": "320",
        "height": "200",
        "seed": "7",
    }
    saved = picture.save(tmp_path)
    assert saved.read_bytes() == picture.data
    assert saved.parent == tmp_path
    assert saved.suffix == ".jpg"
    assert picture.save(tmp_path) != saved


@each_mode
def test_video(mode: str, either_gateway: Emulator) -> None:
    """The same endpoint with a video model."""
    film = run(
        mode,
        either_gateway,
        "video",
        "bees dancing",
        model="veo",
        duration=4,
        aspect_ratio="16:9",
        audio=True,
    )
    assert film.is_video
    assert film.mime_type == "video/mp4"
    query = either_gateway.requests[-1].query
    assert (query["model"], query["duration"], query["aspectRatio"], query["audio"]) == (
        "veo",
        "4",
        "16:9",
        "true",
    )


@each_mode
@pytest.mark.parametrize("operation", ["models", "text_models", "image_models", "audio_models"])
def test_model_lists(mode: str, either_gateway: Emulator, operation: str) -> None:
    """Cards of either era's shape."""
    cards = run(mode, either_gateway, operation)
    assert cards
    assert all(isinstance(card, ModelCard) and card.name for card in cards)


@each_mode
def test_refresh_lays_the_live_list_over_the_snapshot(mode: str, either_gateway: Emulator) -> None:
    """Any alias finds its card; a second look-up asks nobody."""

    def check(catalog: Any) -> None:
        assert catalog.get("openai") is not None
        assert catalog.get("flux").is_image
        assert catalog.find(category="embedding")

    check(run(mode, either_gateway, "refresh"))
    before = len(either_gateway.requests)
    client = PollinationsClient(base_url=either_gateway.url)
    check(client.catalog)
    assert len(either_gateway.requests) == before


@each_mode
def test_account(mode: str, either_gateway: Emulator) -> None:
    """Profile, balance, key, usage by record and by day."""
    assert run(mode, either_gateway, "profile") is not None
    assert isinstance(run(mode, either_gateway, "balance").balance, Decimal)
    assert run(mode, either_gateway, "key_info").valid
    records = run(mode, either_gateway, "usage", limit=5)
    assert len(records) == 5
    assert records[0].timestamp
    older = run(mode, either_gateway, "usage", limit=5, before=records[-1].timestamp)
    assert older[0].timestamp < records[-1].timestamp
    assert run(mode, either_gateway, "usage_daily")
    assert run(mode, either_gateway, "usage_csv", limit=3).splitlines()[0].startswith("timestamp,")


@each_mode
def test_csv_is_read_back(mode: str, either_gateway: Emulator) -> None:
    """Both usage lists, as the records that JSON gives."""
    records = list(usage_from_csv(run(mode, either_gateway, "usage_csv", limit=7).splitlines()))
    assert [record.timestamp for record in records] == [
        one.timestamp for one in run(mode, either_gateway, "usage", limit=7)
    ]
    days = list(daily_usage_from_csv(run(mode, either_gateway, "usage_daily_csv").splitlines()))
    assert [(day.date, day.model) for day in days] == [
        (one.date, one.model) for one in run(mode, either_gateway, "usage_daily")
    ]


@each_mode
def test_iter_usage_reads_every_record_once(mode: str, gateway: Emulator) -> None:
    """Page after page, by the cursor, as far back as the gateway goes; one border lies within a
    second.
    """
    whole = run(mode, gateway, "usage", limit=50_000, days=90)
    twins = next(n for n in range(200, len(whole)) if whole[n - 1].timestamp == whole[n].timestamp)
    paged = run(mode, gateway, "iter_usage", page_size=twins)
    assert paged == whole
    assert run(mode, gateway, "iter_usage", page_size=1_000, days=2) == run(
        mode, gateway, "usage", limit=1_000, days=2
    )


ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}},
    },
}
LINKS = ["https://a.example/1.png", "https://a.example/2.png"]
JOINED = "https://a.example/1.png|https://a.example/2.png"

# What is given, what is found on the wire.
CHAT_PARAMETERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "model": ({"model": "openai"}, {"model": "openai"}),
    "temperature": ({"temperature": 0.5}, {"temperature": 0.5}),
    "top_p": ({"top_p": 0.5}, {"top_p": 0.5}),
    "max_tokens": ({"max_tokens": 50}, {"max_tokens": 50}),
    "max_completion_tokens": ({"max_completion_tokens": 50}, {"max_completion_tokens": 50}),
    "stop": ({"stop": ["x"]}, {"stop": ["x"]}),
    "seed": ({"seed": 5}, {"seed": 5}),
    "frequency_penalty": ({"frequency_penalty": -2}, {"frequency_penalty": -2}),
    "presence_penalty": ({"presence_penalty": 2}, {"presence_penalty": 2}),
    "repetition_penalty": ({"repetition_penalty": 1.5}, {"repetition_penalty": 1.5}),
    "logit_bias": ({"logit_bias": {5: -100}}, {"logit_bias": {"5": -100}}),
    "logprobs": ({"logprobs": True}, {"logprobs": True}),
    "top_logprobs": ({"logprobs": True, "top_logprobs": 2}, {"top_logprobs": 2}),
    "reasoning_effort": ({"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
    "thinking": (
        {"thinking": {"type": "enabled", "budget_tokens": 9}},
        {"thinking": {"type": "enabled", "budget_tokens": 9}},
    ),
    "thinking_budget": ({"thinking_budget": 9}, {"thinking_budget": 9}),
    "parallel_tool_calls": (
        {"tools": [ADD], "parallel_tool_calls": False},
        {"parallel_tool_calls": False},
    ),
    "modalities": ({"modalities": ["text"]}, {"modalities": ["text"]}),
    "audio": (
        {
            "model": "openai-audio",
            "modalities": ["text", "audio"],
            "audio": {"voice": "alloy", "format": "wav"},
        },
        {"audio": {"voice": "alloy", "format": "wav"}},
    ),
    "response_format": (
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_object"}},
    ),
    "tools": ({"tools": [ADD]}, {"tools": [ADD]}),
    "tool_choice": ({"tools": [ADD], "tool_choice": "any"}, {"tool_choice": "required"}),
    "default_tools": ({"default_tools": False}, {"tools": []}),
    "functions": ({"functions": [{"name": "add"}]}, {"functions": [{"name": "add"}]}),
    "function_call": (
        {"functions": [{"name": "add"}], "function_call": "none"},
        {"function_call": "none"},
    ),
    "stream_options": (
        {"stream_options": {"include_usage": False}},
        {"stream_options": {"include_usage": False}},
    ),
    "user": ({"user": "u"}, {"user": "u"}),
    "safe": ({"safe": ["privacy", "secrets"]}, {"safe": "privacy,secrets"}),
    "web_search_options": (
        {"web_search_options": {"search_context_size": "low"}},
        {"web_search_options": {"search_context_size": "low"}},
    ),
    "extra_body": ({"extra_body": {"top_k": 3}}, {"top_k": 3}),
}
IMAGE_PARAMETERS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "model": ({"model": "flux"}, {"model": "flux"}),
    "width": ({"width": 64}, {"width": "64"}),
    "height": ({"height": 64}, {"height": "64"}),
    "seed": ({"seed": 3}, {"seed": "3"}),
    "image": ({"model": "nanobanana", "image": LINKS}, {"image": JOINED}),
    "reference_images": ({"reference_images": LINKS}, {"reference_images": JOINED}),
    "reference_videos": ({"reference_videos": LINKS}, {"reference_videos": JOINED}),
    "reference_audios": ({"reference_audios": LINKS}, {"reference_audios": JOINED}),
    "quality": ({"quality": "hd"}, {"quality": "hd"}),
    "guidance_scale": ({"guidance_scale": 7.5}, {"guidance_scale": "7.5"}),
    "duration": ({"model": "veo", "duration": 4}, {"duration": "4"}),
    "aspect_ratio": ({"model": "veo", "aspect_ratio": "9:16"}, {"aspectRatio": "9:16"}),
    "audio": ({"model": "veo", "audio": True}, {"audio": "true"}),
    "resolution": ({"model": "veo", "resolution": "720p"}, {"resolution": "720p"}),
    "negative_prompt": ({"negative_prompt": "blurry, dark"}, {"negative_prompt": "blurry, dark"}),
    "enhance": ({"enhance": True}, {"enhance": "true"}),
    "safe": ({"safe": True}, {"safe": "true"}),
    "transparent": ({"transparent": True}, {"transparent": "true"}),
    "private": ({"private": True}, {"private": "true"}),
    "nologo": ({"nologo": True}, {"nologo": "true"}),
    "nofeed": ({"nofeed": True}, {"nofeed": "true"}),
    "extra_query": ({"extra_query": {"style": 3}}, {"style": "3"}),
}
TEXT_PARAMETERS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "model": ({"model": "openai"}, {"model": "openai"}),
    "seed": ({"seed": 3}, {"seed": "3"}),
    "system": ({"system": "Be short."}, {"system": "Be short."}),
    "json_": ({"json": True}, {"json": "true"}),
    "temperature": ({"temperature": 0.5}, {"temperature": "0.5"}),
    "top_p": ({"top_p": 0.5}, {"top_p": "0.5"}),
    "presence_penalty": ({"presence_penalty": -1.5}, {"presence_penalty": "-1.5"}),
    "frequency_penalty": ({"frequency_penalty": 1}, {"frequency_penalty": "1"}),
    "max_tokens": ({"max_tokens": 50}, {"max_tokens": "50"}),
    "max_completion_tokens": ({"max_completion_tokens": 50}, {"max_completion_tokens": "50"}),
    "voice": ({"voice": "nova"}, {"voice": "nova"}),
    "reasoning_effort": ({"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
    "safe": ({"safe": ["privacy", "secrets"]}, {"safe": "privacy,secrets"}),
    "extra_query": ({"extra_query": {"style": 3}}, {"style": "3"}),
}


@each_mode
@pytest.mark.parametrize("parameter", ChatOptions.model_fields)
def test_every_chat_parameter_reaches_the_gateway(
    mode: str, either_gateway: Emulator, parameter: str
) -> None:
    """Both eras take it, whole and streamed; sound is streamed in another format."""
    given, sent = CHAT_PARAMETERS[parameter]
    if parameter != "stream_options":
        assert run(mode, either_gateway, "chat", "Give JSON about bees", **given).finish_reason
        assert sent.items() <= either_gateway.requests[-1].json.items()
    if parameter == "audio":
        given = {**given, "audio": {"voice": "alloy", "format": "pcm16"}}
        sent = {"audio": {"voice": "alloy", "format": "pcm16"}}
    assert run(mode, either_gateway, "stream_chat", "Give JSON about bees", **given)[
        -1
    ].reply.finish_reason
    assert sent.items() <= either_gateway.requests[-1].json.items()


@each_mode
@pytest.mark.parametrize("parameter", ImageOptions.model_fields)
def test_every_picture_parameter_reaches_the_gateway(
    mode: str, either_gateway: Emulator, parameter: str
) -> None:
    """In its spelling; a picture comes, or a film."""
    given, sent = IMAGE_PARAMETERS[parameter]
    assert run(mode, either_gateway, "image", "a bee", **{"width": 64, "height": 64, **given}).data
    assert sent.items() <= either_gateway.requests[-1].query.items()


@each_mode
@pytest.mark.parametrize("parameter", TextOptions.model_fields)
def test_every_text_parameter_reaches_the_gateway(
    mode: str, either_gateway: Emulator, parameter: str
) -> None:
    """Whole and streamed."""
    given, sent = TEXT_PARAMETERS[parameter]
    for operation in ("text", "stream_text"):
        assert "".join(run(mode, either_gateway, operation, "Give JSON about bees", **given))
        assert sent.items() <= either_gateway.requests[-1].query.items()


@each_mode
def test_account_parameters_reach_the_gateway(mode: str, either_gateway: Emulator) -> None:
    """As numbers, and only those that were given."""
    cursor = run(mode, either_gateway, "usage", limit=3)[-1].timestamp
    asked = {"limit": "2", "before": cursor, "days": "7"}
    run(mode, either_gateway, "usage", limit=2, before=cursor, days=7)
    assert either_gateway.requests[-1].query == asked
    run(mode, either_gateway, "usage_csv", limit=2, before=cursor, days=7)
    assert either_gateway.requests[-1].query == {**asked, "format": "csv"}
    run(mode, either_gateway, "iter_usage", page_size=50_000, before=cursor, days=7)
    assert {"limit": "50000", "before": cursor, "days": "7"} in [
        one.query for one in either_gateway.requests
    ]
    run(mode, either_gateway, "usage_daily", days=7)
    assert either_gateway.requests[-1].query == {"days": "7"}
    run(mode, either_gateway, "usage_daily_csv", days=7)
    assert either_gateway.requests[-1].query == {"days": "7", "format": "csv"}
    run(mode, either_gateway, "usage_daily")
    assert either_gateway.requests[-1].query == {}


@each_mode
def test_usage_of_a_period(mode: str, gateway: Emulator) -> None:
    """A month, a week or a day; what is none is refused by its name."""
    for period, word in (("2026-01", "month"), ("2026-W05", "week"), ("2026-01-31", "day")):
        records = run(mode, gateway, "usage", period=period)
        sent = gateway.requests[-1].query
        assert (sent["granularity"], sent["period"]) == (word, period)
        assert records
        assert all(record.timestamp.startswith("2026-0") for record in records)
        assert run(mode, gateway, "usage_daily", period=period)
        assert "2026-0" in run(mode, gateway, "usage_csv", period=period)
        assert "2026-0" in run(mode, gateway, "usage_daily_csv", period=period)
    for wrong in ("2026", "2026-1", "January", 2026):
        with pytest.raises(InvalidRequestError, match=r"period: .*'2026-W48'"):
            run(mode, gateway, "usage", period=wrong)


@each_mode
def test_an_account_answer_that_is_an_error_or_of_another_kind_says_so(
    mode: str, gateway: Emulator
) -> None:
    """An error in a 200, and JSON or a page where CSV was asked for."""
    gateway.script(Body({"error": {"message": "no such account"}}, status=200))
    with pytest.raises(UpstreamError, match="no such account"):
        run(mode, gateway, "balance")
    for body in ({"usage": []}, "<html></html>"):
        gateway.script(
            Body(
                body,
                status=200,
                content_type="text/html" if isinstance(body, str) else "application/json",
            )
        )
        with pytest.raises(MalformedReply, match="CSV"):
            run(mode, gateway, "usage_csv")


@each_mode
@pytest.mark.parametrize(
    ("operation", "option", "value", "said"),
    [
        ("usage", "limit", 0, "1 to 50000 records"),
        ("usage", "limit", 50_001, "1 to 50000 records"),
        ("usage_csv", "limit", "5", "1 to 50000 records"),
        ("usage", "days", 0, "1 to 90 days"),
        ("usage_daily", "days", 91, "1 to 90 days"),
        ("usage_daily_csv", "days", True, "1 to 90 days"),
        ("iter_usage", "page_size", 0, "1 to 50000 records"),
    ],
)
def test_usage_bounds(
    mode: str, gateway: Emulator, operation: str, option: str, value: Any, said: str
) -> None:
    """Refused before sending: by name, with the bounds and the unit."""
    with pytest.raises(
        InvalidRequestError, match=f"^{option}: .*{said}. Given: {value!r}"
    ) as caught:
        run(mode, gateway, operation, **{option: value})
    assert caught.value.param == option
    assert gateway.requests == []


@each_mode
def test_the_older_account_host_is_asked_only_when_the_newer_does_not_know(
    mode: str, gateway: Emulator, seed_gateway: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only for the public gateway's own address."""
    from pollinations_client.settings import settings

    monkeypatch.setattr(settings, "GATEWAY", gateway.url)
    monkeypatch.setattr(settings, "OLDER_ACCOUNT_HOST", f"{seed_gateway.url}/api")
    gateway.script(Body({"error": {"code": "NOT_FOUND", "message": "nothing here"}}, status=404))
    assert run(mode, gateway, "balance").balance is not None
    assert [request.path for request in seed_gateway.requests] == ["/api/account/balance"]


@each_mode
def test_a_wrong_key_and_an_unknown_model(mode: str, either_gateway: Emulator) -> None:
    """Readable, with what to do; near names offered."""
    for operation in ("chat", "stream_chat", "text", "stream_text"):
        with pytest.raises(UnknownModelError, match="claude"):
            run(mode, either_gateway, operation, "hi", model="claud")
    with pytest.raises(UnknownModelError, match="flux"):
        run(mode, either_gateway, "image", "hi", model="fluxx")
    client = PollinationsClient("sk_invalid", base_url=either_gateway.url)
    with pytest.raises(AuthenticationError, match="POLLINATIONS_API_KEY"):
        client.chat("hi")


def test_cost_is_counted_from_usage_and_prices(gateway: Emulator) -> None:
    """In pollen, exact; unknown prices are said to be unknown."""
    with PollinationsClient(KEY, base_url=gateway.url) as client:
        client.refresh()
        reply = client.chat("hi", model="openai")
        assert reply.usage is not None
        counted = client.cost(reply.usage, "openai")
        assert counted.total is not None
        assert counted.total > 0
        assert client.cost(reply.usage, "nobody/knows").total is None
        assert (
            client.cost(Usage(input=reply.usage.input, output=reply.usage.output), "openai").total
            is not None
        )
        assert (
            client.cost(Usage(input=1_000), "openai").total
            == client.cost({"prompt_tokens": 1_000}, "openai").total
        )


@pytest.mark.parametrize("usage", [None, ResponseInfo()])
def test_a_cost_without_usage_is_unknown_not_nothing(usage: Any) -> None:
    """Today's gateway may leave usage out, and streams have no usage headers."""
    assert PollinationsClient().cost(usage, "flux").total is None


def test_a_prompt_may_be_given_bare_or_as_messages(gateway: Emulator) -> None:
    """``chat("hi")`` is one user message."""
    with PollinationsClient(base_url=gateway.url) as client:
        assert client.chat("hi").text == client.chat([{"role": "user", "content": "hi"}]).text
    assert gateway.requests[0].json == gateway.requests[1].json


def test_a_video_waits_as_long_as_videos_take_whatever_its_model_is_called(
    gateway: Emulator,
) -> None:
    """A model of tomorrow is in no catalogue; asked for by ``video`` it still gets a
    video's time.
    """
    with PollinationsClient(base_url=gateway.url) as client:
        assert (
            client._image_call("bees", {"model": "film-of-tomorrow"}, is_video=True).kind
            == CALL_KINDS["video"]
        )
        picture = client._image_call("bees", {"model": "film-of-tomorrow"})
        assert picture.kind == CALL_KINDS["picture"]
        assert client._image_call("bees", {"model": "veo"}).kind == CALL_KINDS["video"]
        assert client.video("bees").is_video
