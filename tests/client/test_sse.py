"""The event decoder: bytes cut anywhere, line ends of any kind."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollinations_client import (
    MalformedReply,
    PollinationsError,
    ResponseInfo,
)
from pollinations_client.response.reader import ResponseReader, reply_from
from pollinations_client.response.sse import EventDecoder


def decoded(body: bytes, cuts: list[int] | None = None, limit: int = 1 << 20) -> list[bytes]:
    """The data of all events of ``body`` when it arrives in pieces cut at ``cuts``."""
    decoder = EventDecoder(limit)
    places = [0, *sorted({cut % (len(body) + 1) for cut in cuts or []}), len(body)]
    events: list[bytes] = []
    for start, end in itertools.pairwise(places):
        events += decoder.feed(body[start:end])
    return events + decoder.end()


BODY = (
    b'\xef\xbb\xbf: hello\r\n\r\ndata: {"a":1}\n\ndata:{"b":2}\r\rid: 7\r\nevent: x\r\n'
    + b"data: line one\r\ndata: line two\r\n\r\n"
    + 'data: {"t":"\u2028 \u0085 ü €"}\n\n'.encode()
    + b"data\n\n: ping\n\ndata: last"
)


EVENTS = [
    b'{"a":1}',
    b'{"b":2}',
    b"line one\nline two",
    '{"t":"\u2028 \u0085 ü €"}'.encode(),
    b"",
    b"last",
]


def test_reads_every_line_end_comment_field_and_an_event_without_its_blank_line() -> None:
    """LF, CR and CRLF mixed, a BOM, comments, joined data lines, and an unfinished last event."""
    assert decoded(BODY) == EVENTS


@given(st.lists(st.integers(min_value=0), max_size=6))
def test_any_cut_of_the_bytes_gives_the_same_events(cuts: list[int]) -> None:
    """Where the network cuts a body must not matter."""
    assert decoded(BODY, cuts) == EVENTS


def test_every_single_cut_and_every_byte_alone() -> None:
    """The sweep that a random test may miss: one cut at each place, and one byte at a time."""
    for place in range(len(BODY) + 1):
        assert decoded(BODY, [place]) == EVENTS
    assert decoded(BODY, list(range(len(BODY)))) == EVENTS


@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])),
        max_size=8,
    )
)
def test_what_was_written_as_events_is_read_back(texts: list[str]) -> None:
    """Any text without line ends goes through unchanged."""
    body = b"".join(b"data: " + text.encode() + b"\n\n" for text in texts)
    assert decoded(body) == [text.encode() for text in texts]


def test_an_event_over_the_limit_is_refused() -> None:
    """A line without end must not fill the memory."""
    decoder = EventDecoder(100)
    with pytest.raises(MalformedReply, match="100 bytes"):
        for _ in range(20):
            decoder.feed(b"data: xxxxxxxxxx")


def test_many_events_larger_together_than_the_limit_pass() -> None:
    """The limit is for one event, not for the stream."""
    assert len(decoded(b"data: 0123456789\n\n" * 100, limit=100)) == 100


def test_a_bare_json_line_counts_as_data() -> None:
    """Some providers report a failure without the field name."""
    assert decoded(b'data: {"a":1}\n\n{"error":{"message":"x"}}\n\n') == [
        b'{"a":1}',
        b'{"error":{"message":"x"}}',
    ]


EVENT_STREAM = ResponseInfo(headers={"content-type": "text/event-stream"})


def test_events_after_the_last_one_and_events_without_end() -> None:
    """One piece may hold more than the answer; one event may be a bomb."""
    reader = ResponseReader(EVENT_STREAM)
    reader.feed(
        b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n'
        b'data: [DONE]\n\ndata: {"x":1}\n\n'
    )
    assert reader.is_finished
    assert reader.end() == []
    bomb = ResponseReader(EVENT_STREAM)
    bomb.feed(b"data: ")
    bomb._event_decoder = EventDecoder(100)
    bomb.feed(b"x" * 200)
    assert isinstance(bomb.failure, MalformedReply)
    deep = b'data: {"choices": ' + b"[" * 100_000 + b"\n\n"
    with pytest.raises(PollinationsError):
        reply_from(deep, EVENT_STREAM)


def test_one_event_of_several_lines_may_hold_the_end() -> None:
    """What stands behind ``[DONE]`` is not read."""
    lines = [
        b'{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}',
        b"[DONE]",
        b'{"error":{"message":"late"}}',
    ]
    body = b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
    assert reply_from(body + b'data: {"error":{"message":"later"}}\n\n', EVENT_STREAM).text == "x"
