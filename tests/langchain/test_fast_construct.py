"""Objects made without validation equal those that LangChain validates."""

from __future__ import annotations

import pickle

from support.langchain import summed


def test_chunks_made_without_validation_equal_validated_ones() -> None:
    """The fast way makes the same objects as LangChain's constructors."""
    from langchain_pollinations import _streaming
    from pollinations_client import ReasoningDelta, TextDelta, ToolCallDelta

    assert _streaming.CAN_LAY_DOWN
    events = [
        TextDelta("x", 0),
        ReasoningDelta("why", 0),
        *(ToolCallDelta(0, text) for text in ("a", '"', "1}", " ", "{", "", "null", "[1")),
    ]
    fast = [_streaming.ChunkEncoder().of(event) for event in events]
    _streaming.CAN_LAY_DOWN = False
    try:
        slow = [_streaming.ChunkEncoder().of(event) for event in events]
    finally:
        _streaming.CAN_LAY_DOWN = True
    for one, other in zip(fast, slow, strict=True):
        assert one == other
        assert one.model_dump() == other.model_dump()
        assert one.message.__pydantic_fields_set__ == other.message.__pydantic_fields_set__
        assert pickle.loads(pickle.dumps(one)) == other
    assert summed([one.message for one in fast[:2]]) == summed([one.message for one in slow[:2]])
