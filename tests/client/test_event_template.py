"""The straight path through a stream gives what the careful one gives, whatever the stream is."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pollinations_client import Finished, PollinationsError, ResponseInfo, TextDelta
from pollinations_client.response.event_template import MAX_FAILURES, MIN_USES, EventTemplate
from pollinations_client.response.reader import ResponseReader

SSE = ResponseInfo(headers={"content-type": "text/event-stream"})
TEXTS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        ["", "x", '"', "\\", '\\"content":"x"', "}", "\u2028", "\x7f", "\ud83d", "\ude00"]
    ),
)
CALL_STARTS = [
    {"index": index, "id": f"c{index}", "type": "function", "function": {"name": "f"}}
    for index in (0, 1)
]


def _fragment(arguments: str, index: int) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}


DELTAS = st.one_of(
    st.builds(lambda text: {"content": text}, TEXTS),
    st.builds(lambda text: {"reasoning_content": text}, TEXTS),
    st.builds(_fragment, TEXTS, st.integers(0, 2)),
    st.sampled_from([{}, {"role": "assistant", "content": ""}, {"content": None}, {"content": 1}]),
    st.builds(lambda start: {"tool_calls": [start]}, st.sampled_from(CALL_STARTS)),
    st.builds(lambda text: {"content": text, "reasoning_content": text}, TEXTS),
)
TOPS = st.sampled_from(
    [
        {"id": "a", "created": 1_700_000_000, "model": "m"},
        {"id": "a", "created": 1_700_000_001, "model": "m"},
        {"id": "b", "created": 1_700_000_000, "model": "n"},
        {"id": "a", "model": "m", "usage": None},
        {"id": "a", "model": "m", "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
        {"id": "a", "model": "m", "content": "not this", "arguments": "nor this"},
        {},
    ]
)


@st.composite
def runs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A run of chunks that differ in a string, in padding, or in a time, as providers send them."""
    top, first = draw(TOPS), draw(DELTAS)
    changes = draw(st.sampled_from(["nothing", "padding", "created"]))
    chunks = []
    for number in range(draw(st.integers(1, 6))):
        delta = json.loads(json.dumps(first))
        text = draw(TEXTS)
        for name in delta.keys() & {"content", "reasoning_content"}:
            delta[name] = text
        for call in delta.get("tool_calls", ()):
            if "id" not in call:
                call["function"]["arguments"] = text
        chunk = {**top, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        if changes == "padding":
            chunk["obfuscation"] = "x" * number
        elif changes == "created":
            chunk["created"] = 1_700_000_000 + number
        chunks.append(chunk)
    return chunks


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """The body of a stream of such runs, in any spelling of JSON and of lines."""
    chunks = list(itertools.chain.from_iterable(draw(st.lists(runs(), max_size=6))))
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    spelling: dict[str, Any] = {
        "ensure_ascii": draw(st.booleans()),
        "separators": draw(st.sampled_from([(",", ":"), (", ", ": ")])),
    }
    line_end = draw(st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]))
    lines = [b"data: " + _encoded(chunk, spelling) + line_end * 2 for chunk in chunks]
    for place in draw(st.lists(st.integers(0, len(lines)), max_size=2)):
        lines.insert(
            place, draw(st.sampled_from([b": ping\n\n", b"id: 7\n", b"\n", b"data: \n\n"]))
        )
    return b"".join(lines) + b"data: [DONE]" + line_end * 2


def _encoded(chunk: dict[str, Any], spelling: dict[str, Any]) -> bytes:
    return json.dumps(chunk, **spelling).encode("utf-8", "surrogatepass")


class CarefulReader(ResponseReader):
    """A reader that takes neither of the two straight paths."""

    def feed(self, piece: bytes) -> list[Any]:
        """The events that ``piece`` completes."""
        if self._is_stream:
            self._event_decoder._is_between_events = False
            self._template.field = None
        return super().feed(piece)


def _outcome(reader: ResponseReader, pieces: list[bytes]) -> str:
    """All events, the whole answer and the error that ended it; ids made up here are blanked."""
    events: list[Any] = []
    error: PollinationsError | None = None
    try:
        for piece in pieces:
            events += reader.feed(piece)
            if reader.failure is not None:
                raise reader.failure
        events += reader.end()
    except PollinationsError as failure:
        error = failure
    about = (error, error and error.partial, reader.partial().raw, reader.progress)
    return re.sub("call_[0-9a-f]{24}", "call_made_up", repr((events, about)))


def _single_events(body: bytes) -> list[bytes]:
    """Each event in a piece of its own, as a gateway that flushes each sends it."""
    return [event + b"\n\n" for event in body.split(b"\n\n")[:-1]] or [body]


@given(bodies(), st.lists(st.integers(min_value=0), max_size=8))
@example(b"", [])
def test_the_straight_path_gives_the_events_of_the_careful_one(
    body: bytes, cuts: list[int]
) -> None:
    """At any cut of the bytes, and with each event in a piece of its own."""
    careful = _outcome(CarefulReader(SSE), [bytes([byte]) for byte in body])
    places = [0, *sorted({cut % (len(body) + 1) for cut in cuts}), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(places)]
    assert _outcome(ResponseReader(SSE), pieces) == careful
    if b"\r" not in body:
        assert _outcome(ResponseReader(SSE), _single_events(body)) == careful


def _event(text: str, **top: Any) -> bytes:
    chunk = {"id": "a", **top, "choices": [{"index": 0, "delta": {"content": text}}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def test_a_stream_of_one_form_is_read_by_its_template() -> None:
    """All but the first chunks, which make the form known."""
    reader = ResponseReader(SSE)
    for number in range(40):
        (event,) = reader.feed(_event(f"word {number}"))
        assert isinstance(event, TextDelta)
    assert reader._template.field == "content"
    assert reader._template._uses == 40 - 2


@pytest.mark.parametrize("changing", [{"obfuscation": True}, {"created": True}])
def test_a_stream_that_always_changes_elsewhere_stops_the_search_for_a_form(
    changing: dict[str, bool],
) -> None:
    """Each search costs a second parse of an event."""
    reader = ResponseReader(SSE)
    for number in range(40):
        reader.feed(_event("x", **dict.fromkeys(changing, 1_700_000_000 + number)))
    assert reader._template.field is None
    assert reader.feed(_event("x")) != []


def test_a_form_that_was_used_often_may_be_replaced_any_number_of_times() -> None:
    """``created`` moves on once a second, and a second has many chunks."""
    reader = ResponseReader(SSE)
    for second in range(3 * MAX_FAILURES):
        for _ in range(MIN_USES + 1):
            reader.feed(_event("x", created=1_700_000_000 + second))
        assert reader._template.field == "content"


@pytest.mark.parametrize(
    "payload",
    [
        b'{"choices":[{"delta":{"content":"a"}}],"n":NaN}',
        b'{"choices":[{"delta":{"content":"a"}}],"text":{"content":"b"}}',
    ],
)
def test_a_form_that_cannot_be_proved_is_not_used(payload: bytes) -> None:
    """The last string of that name is not the delta's, or the event does not equal itself."""
    template = EventTemplate()
    chunk = json.loads(payload)
    template.learn(payload, chunk, "content")
    assert template.field is None


def test_the_answer_of_a_template_is_whole() -> None:
    """What the template read is in the reply at the end."""
    reader = ResponseReader(SSE)
    events = reader.feed(b"".join(_event(f"w{n} ") for n in range(50)))
    events += reader.feed(b"data: [DONE]\n\n")
    assert isinstance(last := events[-1], Finished)
    assert last.reply.text == "".join(f"w{n} " for n in range(50))
