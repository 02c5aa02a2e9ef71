"""Responses laid down without validation are what the constructors make."""

from __future__ import annotations

import base64
import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from llamaindex_pollinations import _fast_construct
from llamaindex_pollinations._responses import ResponseContext
from llamaindex_pollinations._streaming import StreamDecoder
from pollinations_client import (
    AudioDelta,
    Finished,
    ReasoningDelta,
    Reply,
    TextDelta,
    TextPart,
    ToolCallDelta,
)


def pairs() -> list[tuple[Any, Any]]:
    """Each thing laid down, beside the same from the constructor."""
    text, thought = TextBlock(text="Hi"), ThinkingBlock(content="Hm.")
    message = ChatMessage(
        role=MessageRole.ASSISTANT, blocks=[thought, text], additional_kwargs={"a": 1}
    )
    response = ChatResponse(message=message, delta="Hi", raw={"b": 2}, additional_kwargs={"c": 3})
    fast = [_fast_construct.thinking_block("Hm."), _fast_construct.text_block("Hi")]
    return [
        (fast[1], text),
        (fast[0], thought),
        (
            _fast_construct.image_block(base64.b64encode(b"a picture"), "image/png"),
            ImageBlock(image=b"a picture", image_mimetype="image/png"),
        ),
        (
            _fast_construct.call_block("c", "f", '{"a'),
            ToolCallBlock(tool_call_id="c", tool_name="f", tool_kwargs='{"a'),
        ),
        (_fast_construct.chat_response(fast, {"a": 1}, "Hi", {"b": 2}, {"c": 3}), response),
    ]


def test_the_layout_is_the_known_one() -> None:
    """Else streams are slower, though right."""
    assert _fast_construct.IS_KNOWN


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("is_known", [True, False])
def test_fast_objects_equal_constructed_ones(
    index: int, is_known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In value, fields set, dumps, prints, copies and pickles."""
    monkeypatch.setattr(_fast_construct, "IS_KNOWN", is_known)
    fast, built = pairs()[index]
    assert fast == built
    assert fast.model_fields_set == built.model_fields_set
    assert fast.model_dump_json() == built.model_dump_json()
    assert (repr(fast), str(fast)) == (repr(built), str(built))
    assert copy.deepcopy(fast) == pickle.loads(pickle.dumps(fast)) == built
    assert fast.model_copy(deep=True) == built


def test_nothing_is_shared_between_two_of_them() -> None:
    """Changing one response does not change the next."""
    first, second = _fast_construct.thinking_block("a"), _fast_construct.thinking_block("a")
    first.additional_information["x"] = 1
    first.num_tokens = 4
    assert second.additional_information == {}
    assert "num_tokens" not in second.model_fields_set


TEXTS = st.one_of(st.text(max_size=4), st.sampled_from(["", "{", '{"a": 1}', "null"]))
EVENTS = st.one_of(
    st.builds(TextDelta, TEXTS, st.integers(0, 2)),
    st.builds(ReasoningDelta, TEXTS, st.integers(0, 2)),
    st.builds(AudioDelta, st.just(1), st.just("AAAA"), TEXTS),
    st.builds(ToolCallDelta, st.integers(0, 2), TEXTS),
    st.builds(
        ToolCallDelta,
        st.integers(0, 2),
        TEXTS,
        st.just("c"),
        st.just("f"),
        st.sampled_from([None, {"extra_content": 1}, {"function": {"x": 1}}]),
    ),
)


class CarefulStreamDecoder(StreamDecoder):
    """An accumulator without the straight path of text."""

    def _text_grows_alone(self) -> bool:
        return False


def _responses(events: list[Any], context: ResponseContext, *, is_known: bool) -> list[Any]:
    """What a stream of these events yields, and of each response what was set in it."""
    _fast_construct.IS_KNOWN = is_known
    kind = StreamDecoder if is_known else CarefulStreamDecoder
    try:
        feed = kind(context).decode
        responses = [item for event in events if (item := feed(event)) is not None]
    finally:
        _fast_construct.IS_KNOWN = True
    return [
        (item, item.model_fields_set, item.message.model_fields_set, item.message.blocks)
        for item in responses
    ]


@given(st.lists(EVENTS, max_size=12), st.booleans())
def test_a_stream_is_the_same_with_and_without_fast_objects(
    events: list[Any], single_call: bool
) -> None:
    """Response by response, in every field and in what was set."""
    context = ResponseContext(single_call=single_call)
    events = [*events, Finished(Reply(parts=[TextPart("x")], finish_reason="stop"))]
    fast = _responses(events, context, is_known=True)
    assert fast == _responses(events, context, is_known=False)
