"""Requests as the gateway wants them: each rule once, with the fact behind it. No network."""

from __future__ import annotations

import copy
import json
import urllib.parse
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pollinations_client import ChatOptions, ImageOptions, InvalidRequestError, PollinationsWarning
from pollinations_client.request import endpoints
from pollinations_client.request.chat_request import chat_body
from pollinations_client.request.json_body import MIN_LARGE_CHARACTERS

HI = [{"role": "user", "content": "hi"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds.",
        "parameters": {
            "type": "object",
            "properties": {"x": {"$ref": "#/$defs/N"}},
            "$defs": {"N": {"const": 3}},
        },
    },
}


def body(messages: Any = HI, *, stream: bool = False, **options: Any) -> dict[str, Any]:
    """The JSON body of a chat request."""
    return json.loads(endpoints.chat(messages, options, stream=stream).body or b"")


def test_a_plain_call_sends_what_was_given_and_nothing_else() -> None:
    """No defaults of ours: the gateway's own hold."""
    assert body() == {"messages": HI}
    assert body(model="claude", temperature=0) == {
        "model": "claude",
        "messages": HI,
        "temperature": 0,
    }


def test_none_is_left_out_everywhere() -> None:
    """Explicit null is refused for half of the fields."""
    given = dict.fromkeys(ChatOptions.model_fields)
    assert body(**given) == {"messages": HI}
    assert body([{"role": "user", "content": "hi", "name": None}]) == {"messages": HI}


def test_none_is_left_out_of_objects_too_but_not_of_schemas() -> None:
    """A description that is null is refused; a default that is null says something."""
    parameters = {"type": "object", "properties": {"x": {"default": None}}}
    tool = {
        "type": "function",
        "function": {"name": "f", "description": None, "strict": None, "parameters": parameters},
    }
    sent = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    assert body(tools=[tool, {"type": "google_search", "x": None}])["tools"] == [
        sent,
        {"type": "google_search"},
    ]
    layout = {
        "type": "json_schema",
        "json_schema": {"name": "n", "description": None, "schema": parameters},
    }
    assert body(response_format=layout)["response_format"]["json_schema"] == {
        "name": "n",
        "schema": parameters,
    }
    assert body(functions=[{"name": "f", "description": None}])["functions"] == [{"name": "f"}]
    part = {"type": "image_url", "image_url": {"url": "https://a.example", "detail": None}}
    assert body([{"role": "user", "content": [part]}])["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://a.example"}}
    ]
    call = {"id": "1", "type": None, "function": {"name": "f", "arguments": None}}
    assert body([*HI, {"role": "assistant", "tool_calls": [call]}])["messages"][1][
        "tool_calls"
    ] == [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


def test_a_stream_asks_for_usage() -> None:
    """The gateway forces it in any case; other gateways do not."""
    assert body(stream=True) == {
        "messages": HI,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert body(stream=True, stream_options={"include_usage": False})["stream_options"] == {
        "include_usage": False
    }
    assert "stream_options" not in body(stream_options={"include_usage": True})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("temperature", 2.1),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("top_p", 1.1),
        ("frequency_penalty", -2.5),
        ("presence_penalty", 3),
        ("repetition_penalty", 2.5),
        ("top_logprobs", 21),
        ("max_tokens", -1),
        ("seed", 2**31),
        ("seed", -2),
        ("stop", ["a", "b", "c", "d", "e"]),
        ("reasoning_effort", 3),
        ("modalities", []),
        ("modalities", ["smell"]),
        ("audio", {"voice": "alloy"}),
        ("audio", {"voice": "alloy", "format": None}),
        ("audio", {"voice": "alloy", "format": "midi"}),
        ("response_format", {"type": "xml"}),
        ("response_format", {"type": "json_schema"}),
        ("thinking_budget", -1),
        ("functions", []),
        ("user", 7),
        ("parallel_tool_calls", "perhaps"),
        ("logit_bias", {"5": "much"}),
    ],
)
def test_values_out_of_range_are_refused_by_name_before_sending(option: str, value: Any) -> None:
    """The message names the field and shows what was given."""
    with pytest.raises(InvalidRequestError) as caught:
        body(**{option: value})
    assert str(caught.value).startswith(option)
    assert caught.value.param is not None
    assert caught.value.param.startswith(option)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("temperature", 2.1, "0 to 2"),
        ("frequency_penalty", 3, "-2 to 2"),
        ("max_tokens", -1, "0 tokens or more"),
        ("top_logprobs", 21, "0 to 20 alternatives"),
    ],
)
def test_a_refusal_names_both_bounds_and_the_unit(option: str, value: Any, said: str) -> None:
    """Whoever reads it can mend the call."""
    with pytest.raises(InvalidRequestError, match=f"^{option}: .*{said}.*Given: {value}"):
        body(**{option: value})
    with pytest.raises(InvalidRequestError, match="1 to 120 seconds"):
        endpoints.image("p", {"duration": 121})
    with pytest.raises(InvalidRequestError, match="0 pixels or more"):
        endpoints.image("p", {"width": -1})


@pytest.mark.parametrize("ask", [endpoints.chat, endpoints.text])
def test_a_stream_asked_for_as_an_option_is_shown_the_way(ask: Any) -> None:
    """It is what users of other clients try first."""
    with pytest.raises(InvalidRequestError, match="stream_chat"):
        ask(HI, {"stream": True})


def test_a_fault_within_a_choice_of_types_names_the_option() -> None:
    """Not the type that was tried."""
    with pytest.raises(InvalidRequestError) as caught:
        body(stop=[1])
    assert caught.value.param == "stop"


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("temprature", "temperature"),
        ("max_token", "max_tokens"),
        ("reasoning", "reasoning_effort"),
        ("toolchoice", "tool_choice"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_name(typo: str, meant: str) -> None:
    """A typo must not be billed."""
    with pytest.raises(InvalidRequestError, match=f"{typo}.*{meant}.*extra_body"):
        body(**{typo: 1})


@pytest.mark.parametrize(
    "setting", ["timeout", "api_key", "base_url", "max_retries", "http_client"]
)
@pytest.mark.parametrize("ask", [endpoints.chat, endpoints.image, endpoints.text])
def test_a_setting_among_the_options_of_a_call_is_shown_its_place(setting: str, ask: Any) -> None:
    """No near name is guessed, and the value, which may be a key, is not shown."""
    with pytest.raises(
        InvalidRequestError, match=f"'{setting}' of a call.* where the client or the model is made"
    ) as caught:
        ask("hi" if ask is not endpoints.chat else HI, {setting: "sk_secret"})
    assert "sk_secret" not in str(caught.value)
    assert caught.value.param == setting


def test_extra_body_is_the_door_for_fields_nobody_lists() -> None:
    """They go out as they are, and win."""
    assert body(extra_body={"top_k": 5, "temperature": 9})["top_k"] == 5


def test_stop_takes_a_string_or_one_to_four_and_empty_means_none() -> None:
    """An empty list is a 400 at the gateway."""
    assert body(stop="x")["stop"] == "x"
    assert body(stop=["a", "b"])["stop"] == ["a", "b"]
    assert "stop" not in body(stop=[])


def test_seed_minus_one_becomes_a_fresh_number_once() -> None:
    """Today's gateway takes -1 as a fixed seed; a call keeps its number over all attempts."""
    seeds = {body(seed=-1)["seed"] for _ in range(20)}
    assert len(seeds) > 1
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert body(seed=2**31 - 1)["seed"] == 2**31 - 1


def test_the_refusal_of_a_wide_seed_gives_the_reason() -> None:
    """API 0.3.0 took 53 bits."""
    with pytest.raises(InvalidRequestError, match="today's gateway refuses"):
        body(seed=2**40)


# -- messages


@pytest.mark.parametrize(
    "messages",
    [
        [],
        (),
        "",
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": []}],
        None,
        {"role": "user"},
        ["hi"],
        [{"content": "x"}],
        [{"role": "boss", "content": "x"}],
        [{"role": "user", "content": 5}],
        [{"role": "user", "content": [5]}],
        [{"role": "user", "content": [{"text": "x"}]}],
        [{"role": "tool", "content": "x"}],
        [{"role": "function", "content": "x"}],
        [{"role": "assistant", "tool_calls": [{"id": "a"}]}],
        [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}],
    ],
)
def test_messages_that_cannot_be_sent_are_refused_by_position(messages: Any) -> None:
    """Before anything is billed."""
    with pytest.raises(InvalidRequestError, match="messages"):
        body(messages)


@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_all_text_content_is_one_string(role: str) -> None:
    """The oldest gateway took text only outside user messages."""
    parts = [{"type": "text", "text": "a"}, "b"]
    assert body([{"role": role, "content": parts}])["messages"] == [
        {"role": role, "content": "a\nb"}
    ]
    marked = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]
    assert body([{"role": role, "content": marked}])["messages"][0]["content"] == marked


def test_null_content_beside_tool_calls_is_an_empty_string_and_arguments_are_text() -> None:
    """A Gemini route refuses null; every provider refuses arguments that are no string."""
    history = [
        *HI,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "a",
                    "function": {"name": "f", "arguments": {"x": "ü"}},
                    "extra_content": {"sig": 1},
                },
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": None}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
    ]
    before = copy.deepcopy(history)
    sent = body(history)["messages"][1]
    assert sent["content"] == ""
    assert [call["function"]["arguments"] for call in sent["tool_calls"]] == ['{"x": "ü"}', "{}"]
    assert sent["tool_calls"][0]["extra_content"] == {"sig": 1}
    assert history == before


def test_the_older_function_call_has_text_arguments_too() -> None:
    """Both eras still take it, as text."""
    asked = {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "f", "arguments": {"a": 1}},
    }
    answer = {"role": "function", "name": "f", "content": [{"type": "text", "text": "2"}]}
    sent = body([*HI, asked, answer])["messages"]
    assert sent[1] == {
        "role": "assistant",
        "content": "",
        "function_call": {"name": "f", "arguments": '{"a": 1}'},
    }
    assert sent[2] == {"role": "function", "name": "f", "content": "2"}


def test_files_are_spelt_as_the_gateway_spells_them() -> None:
    """OpenAI's ``filename`` is stripped by the gateway."""
    part = {
        "type": "file",
        "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
    }
    assert (
        body([{"role": "user", "content": [part]}])["messages"][0]["content"][0]["file"][
            "file_name"
        ]
        == "a.pdf"
    )
    assert body(
        [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": "https://a.example/x.png"}],
            }
        ]
    )["messages"][0]["content"][0]["image_url"] == {"url": "https://a.example/x.png"}


@pytest.mark.parametrize(
    "address",
    ["file:///home/me/x.pdf", "FILE:x.pdf", "x.pdf", "./x.pdf", r"C:\x.pdf", "JVBERi0xLjQK", ""],
)
@pytest.mark.parametrize(
    ("kind", "field"), [("image_url", "url"), ("video_url", "url"), ("file", "file_url")]
)
def test_an_address_that_no_provider_can_reach_is_refused(
    kind: str, field: str, address: str
) -> None:
    """A path, or base64 without its data URL, would come back as a 400, or be read as nothing."""
    part = {"type": kind, kind: {field: address}}
    with pytest.raises(InvalidRequestError, match=rf"messages\[0\].content\[0\].{kind}.{field}"):
        body([{"role": "user", "content": [part]}])


@pytest.mark.parametrize("address", ["https://a.example/x", "gs://b/x", "data:a/b;base64,QUJD"])
def test_an_address_elsewhere_is_for_the_gateway_to_judge(address: str) -> None:
    """Vertex AI reads gs:// addresses."""
    part = {"type": "file", "file": {"file_url": address}}
    assert body([{"role": "user", "content": [part]}])["messages"][0]["content"] == [part]


def test_names_are_made_acceptable() -> None:
    """A bad name is a 400 on a tool message, and lost elsewhere."""
    assert (
        body([{"role": "user", "content": "x", "name": "José M."}])["messages"][0]["name"]
        == "Jos__M_"
    )


@pytest.mark.parametrize(
    ("model", "role"),
    [
        ("openai", "developer"),
        (None, "developer"),
        ("gpt-5.4", "developer"),
        ("claude", "system"),
        ("deepseek", "system"),
    ],
)
def test_the_developer_role_is_for_openais_models(model: str | None, role: str) -> None:
    """Others know ``system`` only."""
    options = {"model": model} if model else {}
    assert body([{"role": "developer", "content": "x"}], **options)["messages"][0]["role"] == role


@pytest.mark.parametrize(
    ("model", "sent"), [("openai", None), ("claude", None), (None, None), ("gemini", "add")]
)
def test_a_result_carries_its_functions_name_only_to_vertex(
    model: str | None, sent: str | None
) -> None:
    """A tool message has no name in the schema, so strict providers refuse one; Gemini's API asks
    for it.
    """
    call = {"id": "a", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    said = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "3", "name": "add"},
    ]
    result = body(said, **({"model": model} if model else {}))["messages"][2]
    assert result.get("name") == sent


# -- tools


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("any", "required"),
        (True, "required"),
        (False, "none"),
        ("add", {"type": "function", "function": {"name": "add"}}),
        (
            {"type": "function", "function": {"name": "add"}},
            {"type": "function", "function": {"name": "add"}},
        ),
        ({"type": "function", "name": "add"}, {"type": "function", "function": {"name": "add"}}),
        ({"type": "tool", "name": "add"}, {"type": "function", "function": {"name": "add"}}),
        ({"name": "add"}, {"type": "function", "function": {"name": "add"}}),
        ({"type": "any"}, "required"),
        ({"type": "auto"}, "auto"),
    ],
)
def test_every_form_of_tool_choice(choice: Any, sent: Any) -> None:
    """``any`` and Anthropic's objects are a 400 at the gateway."""
    assert body(tools=[TOOL], tool_choice=choice)["tool_choice"] == sent


@pytest.mark.parametrize(
    ("tools", "choice"),
    [
        ([TOOL], "sub"),
        ([], "required"),
        ([TOOL], {"type": "odd"}),
        (["no_such"], "auto"),
        ([5], "auto"),
        ([{"type": "function"}], "auto"),
        ([{"type": "function", "function": {}}], "auto"),
    ],
)
def test_a_choice_or_tool_that_does_not_exist_is_refused(tools: list[Any], choice: Any) -> None:
    """Naming what there is."""
    with pytest.raises(InvalidRequestError, match="tool"):
        body(tools=tools, tool_choice=choice)


def test_without_tools_nothing_about_tools_is_sent_unless_the_defaults_are_switched_off() -> None:
    """``tools: []`` tells today's gateway to add none of its own."""
    assert body(tools=[], tool_choice="auto", parallel_tool_calls=True) == {"messages": HI}
    assert body(default_tools=False) == {"messages": HI, "tools": []}
    assert body(default_tools=False, tools=[TOOL])["tools"] == [TOOL]
    assert body(default_tools=True) == {"messages": HI}


def test_built_in_tools_go_by_name_or_as_objects() -> None:
    """Both eras know six of them."""
    assert body(tools=["google_search", {"type": "code_execution"}])["tools"] == [
        {"type": "google_search"},
        {"type": "code_execution"},
    ]


def test_tool_schemas_are_reduced_for_gemini_only_and_never_changed_in_place() -> None:
    """Vertex refuses ``const`` and references; others take the whole of JSON schema."""
    before = copy.deepcopy(TOOL)
    reduced = body(model="gemini", tools=[TOOL])["tools"][0]["function"]["parameters"]
    assert "$ref" not in json.dumps(reduced)
    assert "const" not in json.dumps(reduced)
    assert body(model="openai", tools=[TOOL])["tools"] == [TOOL]
    assert before == TOOL


def test_a_model_known_to_refuse_forced_tools_is_asked_with_auto_and_a_warning() -> None:
    """Claude Sonnet 5.5 and its siblings answer 400."""
    with pytest.warns(PollinationsWarning, match="auto"):
        assert (
            body(model="claude-sonnet-5.5", tools=[TOOL], tool_choice="any")["tool_choice"]
            == "auto"
        )


def test_relaxed_gives_up_the_forced_choice_only_when_that_was_the_fault() -> None:
    """Anything else is the caller's to know."""
    forced = endpoints.chat(HI, {"tools": [TOOL], "tool_choice": "any"})
    again = endpoints.relaxed(forced, "tool_choice required is not supported")
    assert again is not None
    assert json.loads(again.body or b"")["tool_choice"] == "auto"
    assert endpoints.relaxed(forced, "temperature is wrong") is None
    assert endpoints.relaxed(again, "tool_choice again") is None


def test_what_is_given_is_never_changed() -> None:
    """Messages, tools and options stay the caller's."""
    messages = [
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": "https://a.example/x.png"}],
            "name": None,
        }
    ]
    options = {
        "tools": [copy.deepcopy(TOOL)],
        "tool_choice": {"type": "any"},
        "model": "gemini",
        "extra_body": {"a": 1},
    }
    before = copy.deepcopy((messages, options))
    chat_body(messages, options, stream=True)
    assert (messages, options) == before


def test_text_that_is_no_unicode_is_refused() -> None:
    """Half a character cannot be written as UTF-8."""
    with pytest.raises(InvalidRequestError, match=r"messages\[0\]: .*half a character"):
        body([{"role": "user", "content": "\ud83d"}])


# -- pictures and text


def query(prompt: str = "a fox", **options: Any) -> dict[str, str]:
    """The query of an image call."""
    return dict(urllib.parse.parse_qsl(endpoints.image(prompt, options).target.partition("?")[2]))


@given(st.text(min_size=1, max_size=60).filter(lambda text: text.strip() and text.isprintable()))
@example("models")
def test_any_prompt_is_one_path_segment(prompt: str) -> None:
    """Slashes, question marks and dots included; the bare word models is the list's address."""
    path = endpoints.image(prompt, {"seed": 1}).target.partition("?")[0]
    segment = path.removeprefix("/image/")
    assert "/" not in segment
    assert segment not in {".", ".."}
    sent = "models " if prompt == "models" else prompt
    assert urllib.parse.unquote(segment) == sent


@pytest.mark.parametrize("prompt", ["", "   ", None, 5, "\ud83d"])
def test_a_prompt_that_is_none_is_refused(prompt: Any) -> None:
    """Before sending."""
    with pytest.raises(InvalidRequestError, match="prompt"):
        endpoints.image(prompt, {})


def test_a_url_that_the_edge_would_refuse_is_refused_here() -> None:
    """Issue 7786: about 8 KB."""
    with pytest.raises(InvalidRequestError, match="Shorten"):
        endpoints.image("x" * 9_000, {})


def test_false_is_left_out_and_true_is_a_word() -> None:
    """``?transparent=false`` is TRUE at the gateway."""
    sent = query(transparent=False, enhance=True, nologo=False, seed=1)
    assert sent == {"enhance": "true", "seed": "1"}


def test_the_prompt_models_is_not_the_list_of_models() -> None:
    """The bare word is another endpoint's address."""
    assert endpoints.image("models", {"seed": 1}).target == "/image/models%20?seed=1"
    assert endpoints.text("models", {}).target == "/text/models%20"


def test_a_key_is_never_put_into_a_url() -> None:
    """And the refusal does not show it."""
    for ask in (endpoints.image, endpoints.text):
        with pytest.raises(InvalidRequestError, match="api_key") as caught:
            ask("p", {"extra_query": {"key": "sk_secret"}})
        assert "sk_secret" not in str(caught.value)


def test_a_picture_without_a_seed_gets_a_random_one() -> None:
    """Without, everybody gets the same picture for ever."""
    assert len({query()["seed"] for _ in range(10)}) > 1
    assert query(seed=0)["seed"] == "0"
    assert query(seed=-1)["seed"] != "-1"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (["https://a.example/1,2"], "https://a.example/1%2C2"),
        ("https://a.example/1,2", "https://a.example/1%2C2"),
        (
            ["https://a.example/1|2", "https://b.example"],
            "https://a.example/1%7C2|https://b.example",
        ),
        ("https://a.example,https://b.example", "https://a.example,https://b.example"),
        ("https://a.example|https://b.example/1,2", "https://a.example|https://b.example/1,2"),
    ],
)
def test_a_comma_or_bar_within_a_link_does_not_split_it(given: Any, sent: str) -> None:
    """The gateway splits at bars, or else at commas."""
    query = urllib.parse.parse_qs(endpoints.image("p", {"image": given}).target.partition("?")[2])
    assert query["image"] == [sent]


def test_references_are_joined_by_bars_and_come_last() -> None:
    """Commas occur in URLs."""
    target = endpoints.image(
        "x",
        {"image": ["https://a.example/1,2.png", "https://b.example"], "model": "veo", "seed": 1},
    ).target
    assert target.endswith("image=https%3A%2F%2Fa.example%2F1%2C2.png%7Chttps%3A%2F%2Fb.example")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("width", -1),
        ("seed", 2**31),
        ("quality", "best"),
        ("duration", 0),
        ("duration", 121),
        ("guidance_scale", 21),
        ("image", "data:image/png;base64,AA"),
        ("image", ["/tmp/x.png"]),
        ("widht", 5),
    ],
)
def test_picture_options_out_of_range_are_refused(option: str, value: Any) -> None:
    """By name."""
    with pytest.raises(InvalidRequestError, match=option):
        endpoints.image("x", {option: value})


def test_every_picture_parameter_of_the_specification_is_there() -> None:
    """The OpenAPI file of API 0.3.0, and the source of its time."""
    known = (
        "model width height seed enhance negative_prompt private nologo nofeed safe quality image"
        " transparent guidance_scale duration aspect_ratio audio resolution"
    )
    assert set(known.split()) <= ImageOptions.model_fields.keys()
    assert query(aspectRatio="16:9", seed=1)["aspectRatio"] == "16:9"
    assert query(extra_query={"new": True, "n": 2}, seed=1) == {
        "seed": "1",
        "new": "true",
        "n": "2",
    }


def test_text_calls_spell_their_query() -> None:
    """``json`` and ``stream`` are words or absent."""
    call = endpoints.text(
        "say / hi", {"model": "openai", "json": True, "temperature": 0.5, "seed": 3}, stream=True
    )
    path, _, text = call.target.partition("?")
    assert path == "/text/say%20%2F%20hi"
    assert dict(urllib.parse.parse_qsl(text)) == {
        "model": "openai",
        "json": "true",
        "temperature": "0.5",
        "seed": "3",
        "stream": "true",
    }
    assert endpoints.text("x", {"json": False}).target == "/text/x"


def test_text_calls_have_a_door_and_spell_lists_and_typos_right() -> None:
    """The same rules as for pictures."""
    assert (
        endpoints.text(
            "p", {"safe": ["privacy", "nsfw"], "extra_query": {"style": 1, "raw": False}}
        ).target
        == "/text/p?safe=privacy%2Cnsfw&style=1"
    )
    assert endpoints.text("p", {"safe": []}).target == "/text/p"
    assert (
        endpoints.text("p", {"temperature": 1.0, "extra_query": {"x": 1234567.5}}).target
        == "/text/p?temperature=1&x=1234567.5"
    )
    with pytest.raises(InvalidRequestError, match="Did you mean 'json'"):
        endpoints.text("p", {"jsn": True})


def test_what_is_asked_for_is_named_without_the_prompt() -> None:
    """Errors and logs must not carry it."""
    assert endpoints.image("my secret", {}).label == "GET /image/{prompt}"
    assert endpoints.text("my secret", {}).label == "GET /text/{prompt}"
    assert endpoints.models("/text/models").label == "GET /text/models"
    assert (
        endpoints.account("usage", {"limit": 5, "before": None}).target == "/account/usage?limit=5"
    )


@pytest.mark.parametrize("prompt", ["a red\nfox", "a red\r\nfox", "a red\u2028fox"])
def test_a_line_break_in_a_picture_prompt_is_a_space(prompt: str) -> None:
    """The older gateway joins the words beside it."""
    assert endpoints.image(prompt, {"seed": 1}).target == "/image/a%20red%20fox?seed=1"
    assert endpoints.text(prompt, {}).target == "/text/a%20red%20fox"


def test_a_new_word_for_reasoning_effort_passes_to_the_gateway() -> None:
    """Providers add levels; the gateway knows which there are."""
    call = endpoints.chat([{"role": "user", "content": "x"}], {"reasoning_effort": "ultra"})
    assert b'"reasoning_effort":"ultra"' in (call.body or b"")


@settings(max_examples=10)
@given(st.text(min_size=1, max_size=6), st.integers(0, 3))
@example("\U0001f41d\n", 1)
@example('"\\\x00', 2)
def test_large_texts_of_a_part_are_written_as_small_ones_are(word: str, offset: int) -> None:
    """They go out piece by piece, cut anywhere, past escapes and long characters."""
    large = "data:," + "A" * offset + word * (MIN_LARGE_CHARACTERS // len(word) + 1)
    parts = [
        {"type": "text", "text": word},
        {"type": "image_url", "image_url": {"url": large, "detail": "low"}},
        {"type": "file", "file": {"file_data": large[1:], "file_name": word}},
    ]
    call = endpoints.chat([{"role": "user", "content": parts}], {"user": word})
    assert json.loads(call.body or b"")["messages"] == [{"role": "user", "content": parts}]


def test_half_a_character_in_a_large_text_names_its_message() -> None:
    """And not the message before it, whose text is large as well."""
    data = "data:," + "A" * MIN_LARGE_CHARACTERS
    large = {"type": "image_url", "image_url": {"url": data}}
    broken = {"type": "image_url", "image_url": {"url": data + "\ud800"}}
    messages = [{"role": "user", "content": [large]}, {"role": "user", "content": [broken]}]
    with pytest.raises(InvalidRequestError, match=r"messages\[1\]: .*half a character"):
        endpoints.chat(messages, {})


@pytest.mark.parametrize("name", ["image_url", "video_url"])
def test_a_messages_mark_for_the_prompt_cache_is_where_the_gateway_keeps_it(name: str) -> None:
    """Its schema has none on pictures and videos, and cuts it off without a word."""
    mark = {"cache_control": {"type": "ephemeral"}}
    text, seen = {"type": "text", "text": "a"}, {"type": name, name: {"url": "https://a.example/x"}}
    for content, sent in (
        ([text, seen, seen], [{**text, **mark}, seen, seen]),
        ([seen, text], [seen, {**text, **mark}]),
        ([seen], [{**seen, **mark}]),
    ):
        messages = body([{"role": "user", "content": content, **mark}])["messages"]
        assert messages == [{"role": "user", "content": sent}]
