"""Chunks and bodies of chat whose fields have values of any JSON type, for property tests."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats()
    | st.sampled_from(["", "x", "0", "text", "thinking", "\ud83d", "error", '{"a":1}', "null"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                "type text thinking signature data index delta id function name arguments url "
                "image_url content error message code transcript expires_at value x".split()
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def object_of(names: str, **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with any of these fields, of any value or of the strategies given."""
    fields = dict.fromkeys(names.split(), VALUES)
    return st.fixed_dictionaries({}, optional={**fields, **fixed})


def any_or(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any value, or one of the strategy."""
    return strategy | VALUES


BLOCKS = any_or(
    st.lists(any_or(object_of("type text thinking signature data index delta image_url url x")))
)
CALLS = any_or(
    st.lists(
        any_or(
            object_of("index id type extra_content", function=any_or(object_of("name arguments")))
        )
    )
)
MESSAGES = object_of(
    "role reasoning_content reasoning refusal x",
    content=BLOCKS,
    content_blocks=BLOCKS,
    reasoning_details=BLOCKS,
    images=BLOCKS,
    annotations=BLOCKS,
    tool_calls=CALLS,
    function_call=any_or(object_of("name arguments")),
    audio=any_or(object_of("id data transcript expires_at")),
)
CHOICES = object_of(
    "index finish_reason logprobs content_filter_results error text x",
    delta=any_or(MESSAGES),
    message=any_or(MESSAGES),
)
CHUNKS = object_of(
    "id object created model system_fingerprint citations search_results prompt_filter_results"
    " error message x",
    choices=any_or(st.lists(any_or(CHOICES), min_size=1, max_size=2)),
    usage=any_or(object_of("prompt_tokens completion_tokens total_tokens prompt_tokens_details")),
)


def wire_answer(chunks: list[Any], *, streams: bool) -> tuple[bytes, str]:
    """The body and content type of an answer: these chunks as a stream, or the first one whole."""
    if not streams:
        return json.dumps(chunks[0]).encode(), "application/json"
    lines = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    return b"".join(lines) + b"data: [DONE]\n\n", "text/event-stream"


ANSWERS = st.builds(wire_answer, st.lists(CHUNKS, min_size=1, max_size=3), streams=st.booleans())
