"""Share scripts of chunks among the tests of streams and responses."""

from __future__ import annotations

import base64
from typing import Any

from support.llamaindex import TAIL, delta, fragment

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)
PLOT = {
    "type": "image_url",
    "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"},
}


SCRIPTS: dict[str, list[dict[str, Any]]] = {
    "text": [
        delta(role="assistant", content=""),
        delta(content="Hel"),
        delta(content="lo"),
        delta("stop"),
        TAIL,
    ],
    "reasoning": [
        delta(content=None, reasoning_content="A"),
        delta(content=None, reasoning_content="B"),
        delta(content="Done"),
        delta("stop"),
        TAIL,
    ],
    "reasoning between texts": [
        delta(content="Hel"),
        delta(reasoning_content="hm"),
        delta(content="lo"),
        delta("stop"),
        TAIL,
    ],
    "two texts round a picture": [
        delta(content="Before"),
        delta(content_blocks=[PLOT]),
        delta(content="After"),
        delta("stop"),
        TAIL,
    ],
    "tool calls": [
        delta(content="Let me see."),
        delta(tool_calls=[fragment(0, id="call_1", name="add", arguments='{"a": 1, ')]),
        delta(tool_calls=[fragment(0, arguments='"b": 2}')]),
        delta(tool_calls=[fragment(1, id="call_2", name="add", arguments='{"a": 3, "b": 4}')]),
        delta("tool_calls"),
        TAIL,
    ],
    "only a tool call": [
        delta(tool_calls=[fragment(0, id="call_1", name="add", arguments="{}")]),
        delta("tool_calls"),
        TAIL,
    ],
    "only reasoning": [delta(reasoning_content="Hm."), delta("stop"), TAIL],
    "refusal": [delta(refusal="I will "), delta(refusal="not."), delta("stop"), TAIL],
    "citations": [
        delta(content="So.", top={"citations": ["https://a.example/1"]}),
        delta("stop"),
        TAIL,
    ],
}
