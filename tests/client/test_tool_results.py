"""Tool calls of a history and their results: every call is answered, directly behind its turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollinations_client import InvalidRequestError, PollinationsClient
from pollinations_client.catalog.catalog import AskedModel, snapshot
from pollinations_client.emulator import Emulator
from pollinations_client.request import messages as request_messages
from pollinations_client.request.chat_request import chat_body
from pollinations_client.request.messages import messages_for
from pollinations_client.request.tool_results import NO_RESULT

USER = {"role": "user", "content": "go on"}


def turn(*ids: str) -> dict[str, Any]:
    """An assistant's turn that calls a tool once for each id."""
    function = {"name": "add", "arguments": "{}"}
    calls = [{"id": id_, "type": "function", "function": function} for id_ in ids]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def result(call_id: str) -> dict[str, Any]:
    """A tool's result."""
    return {"role": "tool", "tool_call_id": call_id, "content": "42"}


def sent(messages: list[dict[str, Any]], model: str = "openai") -> list[dict[str, Any]]:
    """The messages as they go out."""
    body, *_ = chat_body(messages, {"model": model}, stream=False)
    ready: list[dict[str, Any]] = body["messages"]
    return ready


@pytest.mark.parametrize(
    "messages",
    [
        [USER, turn("a"), USER],
        [USER, turn("a", "b"), result("b"), USER],
        [USER, turn("a")],
        [USER, turn("a"), turn("b"), result("b"), USER],
        [USER, turn("a"), USER, turn("a"), result("a"), USER],
        [USER, turn("a", "b"), result("a"), USER, result("b")],
    ],
)
def test_a_history_with_open_calls_is_taken(
    either_gateway: Emulator, messages: list[dict[str, Any]]
) -> None:
    """The strict emulator refuses a call without a result, as the providers do."""
    with PollinationsClient(base_url=either_gateway.url) as client:
        assert client.chat(messages).text


def test_the_model_is_told_that_a_call_has_no_result() -> None:
    """In the order of the calls, behind the results that there are."""
    messages = sent([USER, turn("a", "b", "c"), result("b"), USER])
    told = [(m["tool_call_id"], m["content"]) for m in messages if m["role"] == "tool"]
    assert told == [("b", "42"), ("a", NO_RESULT), ("c", NO_RESULT)]
    assert messages[-1] == USER


def test_a_late_result_is_moved_to_its_call() -> None:
    """What came between stays, behind it."""
    messages = sent([USER, turn("a"), USER, result("a")])
    assert messages == [USER, turn("a"), result("a"), USER]


def test_a_complete_history_is_sent_as_it_is() -> None:
    """Ids that come back in a later turn included, and results in another order than the calls."""
    messages = [USER, turn("a"), result("a"), turn("a", "b"), result("b"), result("a"), USER]
    assert sent(messages) == messages


def _ids(messages: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Ids of each turn's calls and of each result, with its content."""
    ids: list[Any] = []
    for message in messages:
        if "tool_calls" in message:
            ids.append([call["id"] for call in message["tool_calls"]])
        elif message["role"] == "tool":
            ids.append((message["tool_call_id"], message["content"]))
    return ids


def test_an_id_that_comes_back_in_a_later_turn_is_told_apart_for_claude() -> None:
    """Anthropic answers 400 to it; the turns before stay as they were, for its cache."""
    history = [USER, turn("a"), result("a"), turn("a", "b"), result("b"), result("a")]
    first = sent(history, "claude")
    assert _ids(first) == [["a"], ("a", "42"), ["a_2", "b"], ("b", "42"), ("a_2", "42")]
    assert sent([*history, USER, turn("a"), result("a")], "claude")[: len(first)] == first


def test_two_calls_of_one_id_keep_their_results() -> None:
    """In the order of the calls."""
    results = [{**result("a"), "content": content} for content in ("one", "two")]
    history = [USER, turn("a", "a"), *results, turn("a_2"), result("a_2")]
    first = [["a", "a_2"], ("a", "one"), ("a_2", "two")]
    assert _ids(sent(history)) == [*first, ["a_2"], ("a_2", "42")]
    assert _ids(sent(history, "claude")) == [*first, ["a_2_2"], ("a_2_2", "42")]


@pytest.mark.parametrize(
    ("model", "wire_ids"),
    [
        ("claude", ["functions_draw_0", "x" * 50]),
        ("openai", ["functions.draw:0", "x" * 40]),
        ("kimi", ["functions.draw:0", "x" * 50]),
        ("mistral", ["545fd389e", "77cf12060"]),
    ],
)
def test_ids_of_another_model_are_written_as_the_provider_takes_them(
    model: str, wire_ids: list[str]
) -> None:
    """A conversation with Kimi goes on with Claude; where no rule is known, ids stay."""
    own = ["functions.draw:0", "x" * 50]
    history = [USER, turn(*own), *map(result, own), USER]
    messages = messages_for(history, AskedModel(model, snapshot()))
    assert _ids(messages) == [wire_ids, *((wire_id, "42") for wire_id in wire_ids)]
    assert history[1] == turn(*own)


steps = st.lists(
    st.one_of(
        st.just(USER),
        st.lists(st.sampled_from("abc."), min_size=1, max_size=4).map(lambda ids: turn(*ids)),
        st.sampled_from("abc").map(result),
    ),
    max_size=12,
)


def test_ids_that_mistral_takes_stay_and_others_have_its_form() -> None:
    """It answers 400 to all but nine letters and digits; the same id reads the same every time."""
    own = ["AbCdE1234", "call_0", "äbcdefghi"]
    history = [USER, turn(*own), *map(result, own), USER]
    messages = sent(history, "mistral")
    ids = [call["id"] for call in messages[1]["tool_calls"]]
    assert ids[0] == "AbCdE1234"
    assert all(len(call_id) == 9 and call_id.isalnum() and call_id.isascii() for call_id in ids)
    assert [message["tool_call_id"] for message in messages[2:5]] == ids
    assert sent([*history, turn("call_0"), result("call_0")], "mistral")[:5] == messages[:5]
    twice = _ids(sent([USER, turn("call_0", "call_0"), result("call_0"), USER], "mistral"))
    assert len({*twice[0]}) == 2
    right = [USER, turn("AbCdE1234"), result("AbCdE1234"), USER]
    assert sent(right, "mistral") == right


@given(steps, st.sampled_from(["openai", "claude", "gemini", "mistral"]))
def test_every_call_has_its_result_behind_it(history: list[dict[str, Any]], model: str) -> None:
    """Whatever was cut out of a history, and nothing of it is lost."""
    messages = sent([USER, *history], model)
    for index, message in enumerate(messages):
        waiting = {call["id"] for call in message.get("tool_calls", ())}
        for later in messages[index + 1 :]:
            if later["role"] != "tool":
                break
            waiting.discard(later["tool_call_id"])
        assert not waiting
    turns = [[call["id"] for call in message.get("tool_calls", ())] for message in messages]
    if model == "claude":
        turns = [[call_id for turn in turns for call_id in turn]]
    for calls in turns:
        assert len(set(calls)) == len(calls)
    for kind in ("user", "assistant"):
        assert _count(messages, kind) == _count([USER, *history], kind)
    assert _count(messages, "tool") >= _count(history, "tool")


def _count(messages: list[dict[str, Any]], role: str) -> int:
    return sum(message["role"] == role for message in messages)


CALLS = st.builds(
    lambda call_id, name, arguments, more: {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        **more,
    },
    st.sampled_from(["a", "b", ""]),
    st.sampled_from(["add", "add.two", ""]),
    st.sampled_from(["{}", '{"x": 1}', "", {"x": 1}]),
    st.sampled_from([{}, {}, {"extra_content": {"s": 1}}, {"index": None}]),
)
MESSAGES = st.one_of(
    st.sampled_from([USER, result("a"), result("b"), turn("a"), turn("a", "b")]),
    st.builds(
        lambda role, content, more: {"role": role, "content": content, **more},
        st.sampled_from(["user", "assistant", "tool", "developer", "odd"]),
        st.sampled_from(["x", "", None, [{"type": "text", "text": "x"}]]),
        st.one_of(
            st.sampled_from([{}, {"name": "Ada B"}, {"tool_call_id": ""}, {"tool_calls": None}]),
            st.lists(CALLS, max_size=2).map(lambda calls: {"tool_calls": calls}),
        ),
    ),
)


def _outcome(messages: list[dict[str, Any]]) -> Any:
    try:
        return messages_for(messages, AskedModel("openai", snapshot()))
    except InvalidRequestError as error:
        return str(error)


@given(st.lists(MESSAGES, min_size=1, max_size=6))
def test_what_is_right_already_is_passed_on_as_the_careful_way_writes_it(
    messages: list[dict[str, Any]],
) -> None:
    """Neither looks at messages that need nothing, nor puts results in order that are."""
    straight = _outcome(messages)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_messages, "_ids_if_ready", lambda *_: None)
        patch.setattr(request_messages, "is_in_order", lambda *_, **__: False)
        assert _outcome(messages) == straight
