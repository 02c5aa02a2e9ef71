"""Answers of a history that say nothing, and blank texts beside other parts."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pollinations_client import InvalidRequestError, PollinationsClient
from pollinations_client.catalog.catalog import AskedModel, snapshot
from pollinations_client.emulator import Emulator
from pollinations_client.request.messages import messages_for

USER = {"role": "user", "content": "hi"}
CALLS = [{"id": "a", "type": "function", "function": {"name": "add", "arguments": "{}"}}]
RESULT = {"role": "tool", "tool_call_id": "a", "content": "42"}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
REFUSING = ("claude", "gemini", "deepseek", "mistral")


def answer(content: Any = "", **fields: Any) -> dict[str, Any]:
    """A turn of the assistant's."""
    return {"role": "assistant", "content": content, **fields}


def sent(*messages: Any, model: str = "claude") -> list[Any]:
    """The messages as they go out."""
    return [dict(turn) for turn in messages_for(messages, AskedModel(model, snapshot()))]


BLANK = [
    answer(),
    answer(None),
    answer([]),
    answer(" \n"),
    answer([{"type": "text", "text": ""}, {"type": "text", "text": " "}]),
    answer(name="Bee"),
    answer(reasoning_content="hm"),
]


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize("model", REFUSING)
def test_an_answer_that_says_nothing_is_left_out(
    model: str, blank: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Its providers refuse the history with 400 on every later request."""
    caplog.set_level(logging.INFO, "pollinations_client")
    assert sent(USER, blank, USER, blank, model=model) == [USER, USER]
    assert "2 empty answers of the history are left out" in caplog.text


@pytest.mark.parametrize("model", ["openai", "grok", "never-heard-of"])
def test_other_providers_get_it(model: str) -> None:
    """OpenAI takes it, and others are not known to refuse it."""
    assert sent(USER, answer(), USER, model=model) == [USER, answer(), USER]


@pytest.mark.parametrize("blank", ["", "\n\n", [{"type": "text", "text": " "}]])
def test_a_call_stays_without_the_white_space_before_it(blank: Any) -> None:
    """Qwen and GLM write line breaks before a call, which Claude takes for a blank text."""
    calling = answer(blank, tool_calls=CALLS)
    assert sent(USER, calling, RESULT) == [USER, answer(tool_calls=CALLS), RESULT]


def test_calls_are_answered_past_a_blank_answer() -> None:
    """The result stands behind the call, and the empty answer is gone."""
    calling = answer(tool_calls=CALLS)
    assert sent(USER, calling, answer(), RESULT, USER) == [USER, calling, RESULT, USER]


def test_what_says_something_stays() -> None:
    """White space before a text is part of it, and other fields say something too."""
    thought = answer(content_blocks=[{"type": "thinking", "thinking": "hm", "signature": "S"}])
    history = [
        {"role": "system", "content": "\nBe brief."},
        {"role": "user", "content": " "},
        answer("\na "),
        thought,
        USER,
    ]
    assert sent(*history) == history


@pytest.mark.parametrize("role", ["user", "assistant"])
@pytest.mark.parametrize("model", ["claude", "openai"])
def test_a_blank_text_beside_a_picture_is_left_out(model: str, role: str) -> None:
    """Chat windows attach a picture to an empty text; a text with a mark keeps its place."""
    marked = {"type": "text", "text": " ", "cache_control": {"type": "ephemeral"}}
    message = {"role": role, "content": [{"type": "text", "text": ""}, PICTURE, "\n", marked]}
    assert sent(USER, message, USER, model=model)[1]["content"] == [PICTURE, marked]


def test_nothing_but_blank_texts_is_still_refused_before_sending() -> None:
    """There is nothing to answer."""
    with pytest.raises(InvalidRequestError, match="all of them are empty"):
        sent({"role": "user", "content": " "}, answer())


@pytest.mark.parametrize("model", REFUSING)
def test_a_conversation_goes_on_after_an_empty_answer(either_gateway: Emulator, model: str) -> None:
    """The strict emulator refuses such an answer in a history, as the providers do."""
    asking = {
        "role": "user",
        "content": [{"type": "text", "text": ""}, {"type": "text", "text": "a"}],
    }
    with PollinationsClient(base_url=either_gateway.url) as client:
        assert client.chat([USER, answer(), asking], model=model).text
