"""Objects made without validation equal those that LangChain validates."""

from __future__ import annotations

import pickle
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pollinations_client import (
    Finished,
    ReasoningDelta,
    Reply,
    TextDelta,
    TextPart,
    ToolCallDelta,
)
from support.langchain import summed


def test_chunks_made_without_validation_equal_validated_ones() -> None:
    """The fast way makes the same objects as LangChain's constructors."""
    from langchain_pollinations import _streaming

    assert _streaming.CAN_SKIP_VALIDATION
    events = [
        TextDelta("x", 0),
        ReasoningDelta("why", 0),
        *(ToolCallDelta(0, text) for text in ("a", '"', "1}", " ", "{", "", "null", "[1")),
    ]
    fast = [_streaming.StreamDecoder().decode(event) for event in events]
    _streaming.CAN_SKIP_VALIDATION = False
    try:
        slow = [_streaming.StreamDecoder().decode(event) for event in events]
    finally:
        _streaming.CAN_SKIP_VALIDATION = True
    for chunk, other in zip(fast, slow, strict=True):
        assert chunk == other
        assert chunk.model_dump() == other.model_dump()
        assert chunk.message.__pydantic_fields_set__ == other.message.__pydantic_fields_set__
        assert pickle.loads(pickle.dumps(chunk)) == other
    assert summed([chunk.message for chunk in fast[:2]]) == summed(
        [chunk.message for chunk in slow[:2]]
    )


TEXTS = st.one_of(st.text(max_size=4), st.sampled_from(["", "{", '{"a"', " {", "null", '"', "1}"]))
EVENTS = st.one_of(
    st.builds(TextDelta, TEXTS, st.integers(0, 2)),
    st.builds(ReasoningDelta, TEXTS, st.integers(0, 2)),
    st.builds(ReasoningDelta, st.just(""), st.just(1), st.just("signature")),
    st.builds(ToolCallDelta, st.integers(0, 1), TEXTS),
    st.builds(
        ToolCallDelta,
        st.integers(0, 1),
        TEXTS,
        st.just("c"),
        st.just("f"),
        st.sampled_from([None, {"extra_content": 1}]),
    ),
)


@given(st.lists(EVENTS, max_size=12), st.sampled_from([{}, {"offers_functions": True}]))
def test_a_whole_stream_is_the_same_in_both_ways(
    events: list[Any], options: dict[str, Any]
) -> None:
    """Chunk by chunk, in every field and in what LangChain has down as set."""
    from langchain_pollinations import _streaming

    events = [*events, Finished(Reply(parts=[TextPart("x")], finish_reason="stop"))]
    outcomes = []
    for can in (True, False):
        _streaming.CAN_SKIP_VALIDATION = can
        try:
            decoder = _streaming.StreamDecoder(**options)
            chunks = [decoder.decode(event) for event in events]
        finally:
            _streaming.CAN_SKIP_VALIDATION = True
        outcomes.append(
            [
                (
                    chunk.model_dump(),
                    list(chunk.message.__dict__),
                    chunk.message.__pydantic_extra__,
                    chunk.message.model_fields_set,
                    chunk.model_fields_set,
                )
                for chunk in chunks
            ]
        )
    assert outcomes[0] == outcomes[1]


def test_chunks_share_nothing() -> None:
    """Changing one leaves the next as it is."""
    from langchain_pollinations import _fast_construct as fast

    makers = (
        lambda: fast.text_chunk("a"),
        lambda: fast.reasoning_chunk("a"),
        lambda: fast.arguments_chunk(0, "a"),
    )
    for make in makers:
        first, second = make().message, make().message
        unchanged = second.model_dump()
        for name in fast.OWN:
            value = getattr(first, name)
            value.append("x") if isinstance(value, list) else value.update(x="x")
        first.id = "other"
        assert second.model_dump() == unchanged
        assert "id" not in second.model_fields_set
