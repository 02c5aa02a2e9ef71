"""Every spelling of an answer, folded into one normal form; plain and streamed alike."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollinations_client import (
    AudioDelta,
    ContentPolicyError,
    ContextOverflowError,
    EmptyReply,
    Finished,
    ImagePart,
    InsufficientBalanceError,
    MalformedReply,
    OtherPart,
    PollinationsError,
    RateLimitError,
    ReasoningDelta,
    ReasoningPart,
    Reply,
    ResponseInfo,
    StreamInterrupted,
    TextDelta,
    TextPart,
    ToolCallDelta,
    UpstreamError,
)
from pollinations_client.response.reader import ResponseReader, reply_from

SSE = ResponseInfo(headers={"content-type": "text/event-stream; charset=utf-8"})
JSON = ResponseInfo(headers={"content-type": "application/json"})
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **top: Any) -> dict[str, Any]:
    """One chunk in the usual layout."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "m",
        "choices": choices,
        **top,
    }


def sse(*chunks: Any, done: bool = True) -> bytes:
    """The chunks as the body of a stream."""
    body = b"".join(
        b"data: " + (one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n\n"
        for one in chunks
    )
    return body + (b"data: [DONE]\n\n" if done else b"")


def events_of(body: bytes, info: ResponseInfo = SSE, step: int | None = None) -> list[Any]:
    """All events of a body that arrives in pieces of ``step`` bytes."""
    reader = ResponseReader(info)
    events: list[Any] = []
    for start in range(0, len(body), step or len(body)):
        events += reader.feed(body[start : start + (step or len(body))])
        if reader.failure is not None:
            raise reader.failure
    events += reader.end()
    if reader.failure is not None:
        raise reader.failure
    return events


def streamed(*chunks: Any, done: bool = True) -> Reply:
    """The reply that a stream folds into."""
    return reply_from(sse(*chunks, done=done), SSE)


def plain(message: dict[str, Any], finish: str | None = "stop", **top: Any) -> Reply:
    """The reply that one JSON body folds into."""
    body = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        ],
        "usage": USAGE,
        **top,
    }
    return reply_from(json.dumps(body).encode(), JSON)


def call(
    index: Any = None,
    id: str | None = None,
    name: str | None = None,
    arguments: Any = None,
    **extra: Any,
) -> dict[str, Any]:
    """A tool-call entry with only the fields that are given."""
    function = {
        key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None
    }
    entry = {key: value for key, value in (("index", index), ("id", id)) if value is not None}
    return {**entry, **({"function": function} if function else {}), **extra}


def calls_in(*entries: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Name and arguments of the calls that a stream of ``tool_calls`` lists folds into."""
    reply = streamed(
        *(chunk({"tool_calls": list(entry)}) for entry in entries), chunk({}, "tool_calls")
    )
    return [(one.name, one.args) for one in reply.tool_calls]


def test_calls_that_share_an_id_stay_calls_of_their_own() -> None:
    """Some providers give one id to all: the second gets one of its own, or its result could not be
    told apart.
    """
    entries = [
        call(0, "x", "add", '{"a": 1}'),
        call(1, "x", "find", "{}"),
        call(2, "x", "add", '{"a": 2}'),
    ]
    whole = plain({"content": None, "tool_calls": entries}, "tool_calls")
    assert [(one.name, one.args) for one in whole.tool_calls] == [
        ("add", {"a": 1}),
        ("find", {}),
        ("add", {"a": 2}),
    ]
    assert whole.tool_calls[0].id == "x"
    assert len({one.id for one in whole.tool_calls}) == 3
    opened = [call(0, "x", "add", ""), call(1, "x", "find", "")]
    pieces = [
        call(0, arguments='{"a"'),
        call(1, arguments="{"),
        call(0, arguments=": 1}"),
        call(1, "x", arguments="}"),
    ]
    assert calls_in(opened, *([piece] for piece in pieces)) == [("add", {"a": 1}), ("find", {})]


# -- text, reasoning, order


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_read_under_both_field_names(field: str) -> None:
    """Mistral and OpenRouter say ``reasoning`` (issue 11264), the others ``reasoning_content``."""
    whole = plain({"content": "answer", field: "thought"})
    parts = streamed(
        chunk({field: "tho"}),
        chunk({field: "ught"}),
        chunk({"content": "answer"}),
        chunk({}, "stop"),
    )
    for reply in (whole, parts):
        assert (reply.reasoning, reply.text) == ("thought", "answer")
        assert [part.kind for part in reply.parts] == ["reasoning", "text"]


def test_both_names_at_once_are_one_thought() -> None:
    """Precedence: ``reasoning_content`` first."""
    assert (
        plain({"content": "x", "reasoning_content": "same", "reasoning": "same"}).reasoning
        == "same"
    )


def test_content_blocks_do_not_double_text_or_reasoning_and_keep_signatures() -> None:
    """``content`` repeats what the text blocks say; signatures come only in the blocks."""
    reply = plain(
        {
            "content": "answer",
            "reasoning_content": "thought",
            "content_blocks": [
                {"type": "thinking", "thinking": "thought", "signature": "sig"},
                {"type": "redacted_thinking", "data": "blob"},
                {"type": "text", "text": "answer"},
            ],
        }
    )
    assert (reply.text, reply.reasoning) == ("answer", "thought")
    assert reply.parts[0] == ReasoningPart("thought", signature="sig")
    assert reply.parts[1] == ReasoningPart("", redacted="blob")


def test_reasoning_told_again_in_details_is_one_thought() -> None:
    """The field streams it, the details bring it whole with its signature at the end."""
    detail = {"type": "reasoning.text", "text": "because", "index": 0, "signature": "sig"}
    deltas = [
        {"reasoning": "bec"},
        {"reasoning": "ause"},
        {"content": "hi", "reasoning_details": [detail]},
    ]
    reply = streamed(*map(chunk, deltas), chunk({}, "stop"))
    assert (reply.reasoning, reply.reasoning_details) == ("because", [detail])


def test_encrypted_thinking_streams_without_a_type() -> None:
    """Portkey streams a block's start as a delta and takes its type off."""
    whole = [{"type": "redacted_thinking", "data": "blob"}, {"type": "text", "text": "hi"}]
    deltas = [{"index": 0, "delta": {"data": "blob"}}, {"index": 1, "delta": {"text": "hi"}}]
    typed = [{"index": 0, "delta": whole[0]}, {"index": 1, "delta": whole[1]}]
    for blocks in (deltas, typed):
        reply = streamed(
            *(chunk({"content_blocks": [block]}) for block in blocks), chunk({}, "stop")
        )
        assert reply.parts == [ReasoningPart("", redacted="blob"), TextPart("hi")]


def test_pictures_among_blocks_keep_their_place() -> None:
    """Gemini's plots come between pieces of text."""
    url = "data:image/png;base64," + base64.b64encode(b"png").decode()
    blocks = [
        {"type": "text", "text": "before "},
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "text", "text": "after"},
        {"type": "executable_code", "code": "1"},
    ]
    reply = plain({"content": "before after", "content_blocks": blocks})
    assert reply.parts == [
        TextPart("before "),
        ImagePart(url, "image/png", blocks[1]),
        TextPart("after"),
        OtherPart(blocks[3]),
    ]
    assert reply.images[0].data == b"png"


def test_a_streamed_block_of_another_kind_is_taken_out_of_its_delta() -> None:
    """So that it reads as that of a whole answer does."""
    call = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}}
    delta = {"content_blocks": [{"index": 1, "delta": call}]}
    assert streamed(chunk(delta), chunk({}, "stop")).parts == [OtherPart(call)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("one", "onetwo"),
        ("two", "onetwo"),
        ("onetwo", "onetwo"),
        ("onetwo and more", "onetwo and more"),
        ("else ", "else onetwo"),
    ],
)
def test_nothing_is_dropped_where_content_and_blocks_disagree(content: str, expected: str) -> None:
    """The field may say less, the same, more, or something else."""
    blocks = [
        {"type": "text", "text": "one"},
        {"type": "image_url", "image_url": {"url": "https://a.example"}},
        {"type": "text", "text": "two"},
    ]
    reply = plain({"content": content, "content_blocks": blocks})
    assert reply.text == expected
    assert len(reply.images) == 1


def test_streamed_block_deltas_beside_the_fields_say_everything_once() -> None:
    """Portkey sends Claude's deltas twice: as fields, and as ``content_blocks`` with an index."""
    reply = streamed(
        chunk(
            {
                "reasoning_content": "th",
                "content_blocks": [{"index": 0, "delta": {"thinking": "th"}}],
            }
        ),
        chunk(
            {
                "reasoning_content": "ink",
                "content_blocks": [{"index": 0, "delta": {"thinking": "ink"}}],
            }
        ),
        chunk({"content_blocks": [{"index": 0, "delta": {"signature": "sig"}}]}),
        chunk({"content": "an", "content_blocks": [{"index": 1, "delta": {"text": "an"}}]}),
        chunk({"content": "swer", "content_blocks": [{"index": 1, "delta": {"text": "swer"}}]}),
        chunk({}, "stop"),
    )
    assert (reply.reasoning, reply.text) == ("think", "answer")
    assert reply.parts[0].signature == "sig"  # type: ignore[union-attr]


def test_blocks_alone_are_enough() -> None:
    """A stream may tell everything in blocks."""
    reply = streamed(
        chunk({"content_blocks": [{"index": 0, "delta": {"thinking": "th"}}]}),
        chunk({"content_blocks": [{"index": 1, "delta": {"text": "an"}}]}),
        chunk({"content_blocks": [{"index": 1, "delta": {"text": "swer"}}]}),
        chunk({"content": "answer"}),
        chunk({}, "stop"),
    )
    assert (reply.reasoning, reply.text) == ("th", "answer")


@pytest.mark.parametrize("blocks_first", [True, False])
def test_blocks_and_field_in_chunks_of_their_own_say_everything_once(blocks_first: bool) -> None:
    """The field may lag behind the blocks, or run before them."""
    chunks = []
    for piece in ("an", "sw", "er"):
        pair = [{"content_blocks": [{"index": 0, "delta": {"text": piece}}]}, {"content": piece}]
        chunks += pair if blocks_first else pair[::-1]
    assert streamed(*map(chunk, chunks), chunk({}, "stop")).text == "answer"


def test_thinking_as_a_list_of_texts_is_read() -> None:
    """Mistral's own form, plain and streamed, also as the content itself."""
    thought = {
        "type": "thinking",
        "thinking": [{"type": "text", "text": "th"}, {"type": "text", "text": "ink"}],
    }
    for message in (
        {"content": [thought, {"type": "text", "text": "a"}]},
        {"content": "a", "content_blocks": [thought]},
    ):
        for reply in (plain(message), streamed(chunk(message, "stop"))):
            assert (reply.reasoning, reply.text) == ("think", "a")


def test_a_word_said_twice_is_no_repetition() -> None:
    """A chunk's field repeats that chunk's blocks, not the next chunk's word."""
    laugh = chunk({"content": "ha", "content_blocks": [{"index": 0, "delta": {"text": "ha"}}]})
    assert streamed(laugh, laugh, chunk({"content": "ha"}, "stop")).text == "hahaha"


@pytest.mark.parametrize("delta", [{"data": "ENC"}, {"type": "redacted_thinking", "data": "ENC"}])
def test_encrypted_thinking_in_a_stream_is_kept(delta: dict[str, Any]) -> None:
    """It must go back with the next turn; Portkey takes the type off."""
    reply = streamed(
        chunk({"content_blocks": [{"index": 0, "delta": delta}]}), chunk({"content": "a"}, "stop")
    )
    assert reply.parts == [ReasoningPart(redacted="ENC"), TextPart("a")]


def test_a_block_delta_nobody_knows_is_kept_beside_the_answer() -> None:
    """Claude's citations, say."""
    odd = {"index": 1, "delta": {"citation": {"cited_text": "x"}}}
    reply = streamed(chunk({"content": "a", "content_blocks": [odd]}), chunk({}, "stop"))
    assert reply.extra["message.content_blocks"] == [odd]
    assert reply.text == "a"


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_think_tags_at_the_opening_become_reasoning(step: int) -> None:
    """Some models write their thoughts into the content (issue 1058)."""
    text = "<think>a < b</think>\n\nThe answer <think>is</think> 1"
    reply = streamed(
        *(chunk({"content": text[n : n + step]}) for n in range(0, len(text), step)),
        chunk({}, "stop"),
    )
    assert (reply.reasoning, reply.text) == ("a < b", "The answer <think>is</think> 1")


def test_reasoning_details_are_merged_for_the_way_back_and_read_when_nothing_else_speaks() -> None:
    """Fragments with one index and type are one entry; the signature is the last one given."""
    reply = streamed(
        chunk({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "a"}]}),
        chunk(
            {
                "reasoning_details": [
                    {"type": "reasoning.text", "index": 0, "text": "b", "signature": "s"}
                ]
            }
        ),
        chunk({"content": "x"}),
        chunk({}, "stop"),
    )
    assert reply.reasoning == "ab"
    assert reply.reasoning_details == [
        {"type": "reasoning.text", "index": 0, "text": "ab", "signature": "s"}
    ]


def test_audio_fragments_become_one_sound_with_its_words() -> None:
    """Each fragment of base64 is padded for itself; joined they must still decode."""
    first, second = base64.b64encode(b"ab").decode(), base64.b64encode(b"cde").decode()
    events = events_of(
        sse(
            chunk({"audio": {"id": "a1", "transcript": "Hel"}}),
            chunk({"audio": {"data": first}}),
            chunk({"audio": {"data": second, "transcript": "lo", "expires_at": 9}}),
            chunk({}, "stop"),
        )
    )
    audio = events[-1].reply.audio
    assert base64.b64decode(audio.data) == b"abcde"
    assert (audio.transcript, audio.id, audio.expires_at) == ("Hello", "a1", 9)
    assert [event.data for event in events if isinstance(event, AudioDelta)] == ["", first, second]


# -- tool calls


def test_fragments_of_interleaved_calls_find_their_call() -> None:
    """Index decides when only the first fragment names the call."""
    assert calls_in(
        [call(0, "a", "add", ""), call(1, "b", "sub", "")],
        [call(0, arguments='{"x"')],
        [call(1, arguments='{"y"')],
        [call(0, arguments=":1}")],
        [call(1, arguments=":2}")],
    ) == [("add", {"x": 1}), ("sub", {"y": 2})]


def test_id_and_name_on_every_fragment_are_not_repeated() -> None:
    """``call_1call_1`` and ``addadd`` are other packages' results."""
    assert calls_in([call(0, "a", "add", '{"x"')], [call(0, "a", "add", ":1}")]) == [
        ("add", {"x": 1})
    ]


def test_whole_calls_of_the_same_index_with_other_ids_are_two_calls() -> None:
    """Ollama-style back ends number every call 0."""
    assert calls_in([call(0, "a", "add", '{"x":1}')], [call(0, "b", "add", '{"x":2}')]) == [
        ("add", {"x": 1}),
        ("add", {"x": 2}),
    ]


def test_same_index_other_ids_interleaved_fragments() -> None:
    """A fragment that repeats its id is found by it, whatever its index."""
    assert calls_in(
        [call(0, "a", "add", '{"x"')],
        [call(0, "b", "sub", '{"y"')],
        [call(0, "a", arguments=":1}")],
        [call(0, "b", arguments=":2}")],
    ) == [("add", {"x": 1}), ("sub", {"y": 2})]


@pytest.mark.parametrize("empty", [None, ""])
def test_whole_calls_without_ids_and_of_one_index_are_told_apart(empty: str | None) -> None:
    """Gemini: same index for several calls, ids missing or empty."""
    entries = [{**call(0, name="add", arguments=f'{{"x":{n}}}'), "id": empty} for n in (1, 2)]
    assert calls_in([entries[0]], [entries[1]]) == [("add", {"x": 1}), ("add", {"x": 2})]
    assert calls_in(entries) == [("add", {"x": 1}), ("add", {"x": 2})]


def test_calls_without_index_follow_id_then_order() -> None:
    """A fragment with neither belongs to the last call."""
    assert calls_in(
        [call(id="a", name="add", arguments='{"x"')],
        [call(arguments=":1}")],
        [call(id="b", name="sub", arguments="{}")],
    ) == [
        ("add", {"x": 1}),
        ("sub", {}),
    ]


def test_an_index_as_text_is_the_same_index() -> None:
    """``"0"`` and ``0`` are one call."""
    assert calls_in([call("0", "a", "add", '{"x"')], [call(0, arguments=":1}")]) == [
        ("add", {"x": 1})
    ]


def test_object_and_null_arguments_are_read() -> None:
    """Arguments should be text and are not always."""
    assert calls_in([call(0, "a", "add", {"x": "ü"})]) == [("add", {"x": "ü"})]
    assert calls_in([{"index": 0, "id": "a", "function": {"name": "f", "arguments": None}}]) == [
        ("f", {})
    ]


def test_the_whole_call_repeated_at_the_end_is_not_appended() -> None:
    """Some providers send the call again with the finish reason."""
    assert calls_in([call(0, "a", "add", '{"x":1}')], [call(0, "a", "add", '{"x":1}')]) == [
        ("add", {"x": 1})
    ]


@pytest.mark.parametrize(
    "entries",
    [
        [
            [
                call(id="a", name="add", arguments='{"x":1}'),
                call(id="a", name="add", arguments='{"x":2}'),
            ]
        ],
        [[call(0, "a", "add", '{"x":1}')], [call(0, "a", "add", '{"x":2}')]],
        [[call(0, "a", "add", '{"x":1}')], [call(1, "a", "add", '{"x":2}')]],
        [
            [call(0, "a", "add", "")],
            [call(1, "a", "add", "")],
            [call(0, arguments='{"x":1}')],
            [call(1, arguments='{"x":2}')],
        ],
        [
            [call(0, "a", "add", "")],
            [call(0, "a", "add", '{"x"')],
            [call(0, "a", "add", ":1}")],
            [call(1, "a", "add", '{"x"')],
            [call(1, "a", "add", ":2}")],
        ],
    ],
)
def test_one_id_on_several_calls_keeps_them_apart(entries: list[list[dict[str, Any]]]) -> None:
    """Some providers give every call the same id; the results must still find their own."""
    reply = streamed(*(chunk({"tool_calls": entry}) for entry in entries), chunk({}, "tool_calls"))
    assert [(one.name, one.args) for one in reply.tool_calls] == [
        ("add", {"x": 1}),
        ("add", {"x": 2}),
    ]
    assert reply.tool_calls[0].id == "a"
    assert reply.tool_calls[1].id not in {"", "a"}


def test_one_id_on_calls_of_two_tools_keeps_them_apart() -> None:
    """Another name is another call, whatever the id says."""
    assert calls_in([call(0, "a", "add", '{"x":1}')], [call(0, "a", "sub", '{"x":1}')]) == [
        ("add", {"x": 1}),
        ("sub", {"x": 1}),
    ]


@pytest.mark.parametrize("id", [None, "", "a"])
@pytest.mark.parametrize("arguments", ["", "{}"])
def test_every_entry_of_a_whole_message_is_a_call_of_its_own(
    id: str | None, arguments: str
) -> None:
    """Throwing a die twice is two calls, though nothing tells their entries apart."""
    reply = plain(
        {"tool_calls": [call(0, id, "roll", arguments), call(0, id, "roll", arguments)]},
        "tool_calls",
    )
    assert [one.name for one in reply.tool_calls] == ["roll", "roll"]
    assert len({one.id for one in reply.tool_calls}) == 2


def test_missing_ids_are_made_up_and_different() -> None:
    """A result must be able to refer to its call."""
    reply = plain(
        {"tool_calls": [call(name="a", arguments="{}"), call(name="b", arguments="{}")]},
        "tool_calls",
    )
    assert reply.tool_calls[0].id
    assert reply.tool_calls[0].id != reply.tool_calls[1].id


def test_unknown_fields_of_a_call_are_kept_for_the_way_back() -> None:
    """Gemini 3 refuses a history without its thought signatures (issues 7637, 8909)."""
    entry = call(
        0, "a", "f", "{}", type="function", extra_content={"google": {"thought_signature": "s"}}
    )
    entry["function"]["thought_signature"] = "t"
    assert plain({"tool_calls": [entry]}).tool_calls[0].extra == {
        "extra_content": {"google": {"thought_signature": "s"}},
        "function": {"thought_signature": "t"},
    }


@pytest.mark.parametrize(
    ("arguments", "finish", "problem"),
    [
        ('{"x": 1', "length", "max_tokens"),
        ('{"x": }', "tool_calls", "not valid JSON"),
        ("[1]", "stop", "not an object"),
        ("", "length", "max_tokens"),
    ],
)
def test_arguments_that_are_no_object_say_why(arguments: str, finish: str, problem: str) -> None:
    """Cut arguments are never repaired into a call the model did not make."""
    made = plain({"tool_calls": [call(0, "a", "f", arguments)]}, finish).tool_calls[0]
    assert made.args is None
    assert problem in (made.problem or "")


def test_the_old_function_call_field_is_a_tool_call() -> None:
    """Deprecated, and still sent by some providers."""
    reply = streamed(
        chunk({"function_call": {"name": "f", "arguments": '{"x"'}}),
        chunk({"function_call": {"arguments": ":1}"}}),
        chunk({}, "function_call"),
    )
    assert [(one.name, one.args) for one in reply.tool_calls] == [("f", {"x": 1})]


def test_the_old_field_beside_the_new_one_is_no_second_call() -> None:
    """Both at once tell of one call."""
    both = {
        "tool_calls": [call(0, "a", "f", "{}")],
        "function_call": {"name": "f", "arguments": "{}"},
    }
    assert [one.id for one in plain(both, "tool_calls").tool_calls] == ["a"]


# -- usage, finish reasons, metadata


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("STOP", "stop"),
        ("end_turn", "stop"),
        ("MAX_TOKENS", "length"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("SAFETY", "content_filter"),
        ("weird", "weird"),
    ],
)
def test_native_finish_reasons_are_normalised_and_the_raw_one_kept(raw: str, normal: str) -> None:
    """The older gateway, and today's streams, pass the provider's own word."""
    for reply in (plain({"content": "x"}, raw), streamed(chunk({"content": "x"}), chunk({}, raw))):
        assert (reply.finish_reason, reply.finish_reason_raw) == (normal, raw)


def test_the_last_usage_with_tokens_holds_however_often_it_is_repeated() -> None:
    """Cumulative counts must not be summed, nor replaced by a closing zero."""
    reply = streamed(
        chunk(
            {"content": "a"}, usage={"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
        ),
        chunk({"content": "b"}, usage=USAGE),
        chunk({}, "stop", usage=None),
        chunk(None, usage=USAGE),
        chunk(None, usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
    )
    assert reply.usage is not None
    assert (reply.usage.input, reply.usage.output, reply.usage.total) == (3, 4, 7)


def test_usage_within_a_choice_counts() -> None:
    """Moonshot's own streams have it in the choice that ends the answer."""
    ending = chunk({}, "stop")
    ending["choices"][0]["usage"] = USAGE
    reply = streamed(chunk({"content": "a"}), ending)
    assert reply.usage is not None
    assert (reply.usage.input, reply.usage.output) == (3, 4)
    assert not reply.extra


def test_usage_details_are_read_in_both_eras_spellings_and_nulls_are_nothing() -> None:
    """Today's top-level counters and the details say the same."""
    old = plain(
        {"content": "x"},
        usage={
            **USAGE,
            "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": None},
            "completion_tokens_details": {"reasoning_tokens": 1},
        },
    )
    new = plain(
        {"content": "x"},
        usage={
            **USAGE,
            "cache_read_input_tokens": 2,
            "reasoning_tokens": 1,
            "cache_creation_input_tokens": 5,
        },
    )
    assert old.usage is not None
    assert new.usage is not None
    assert (
        old.usage.cached,
        old.usage.reasoning,
        old.usage.audio_input,
        old.usage.cache_write,
    ) == (2, 1, None, None)
    assert (new.usage.cached, new.usage.reasoning, new.usage.cache_write) == (2, 1, 5)


def test_created_in_milliseconds_becomes_seconds() -> None:
    """One path of the older gateway sends milliseconds."""
    assert plain({"content": "x"}, created=1_700_000_000_123).created == 1_700_000_000


def test_citations_on_every_chunk_are_set_not_appended() -> None:
    """Perplexity repeats the list."""
    reply = streamed(
        *(chunk({"content": text}, citations=["https://a.example"]) for text in "ab"),
        chunk({}, "stop"),
    )
    assert (reply.text, reply.citations) == ("ab", ["https://a.example"])


def test_later_empty_or_repeated_facts_do_not_undo_or_double_earlier_ones() -> None:
    """Providers repeat annotations, and send empty lists and filter results with their
    last chunks.
    """
    note = {"type": "url_citation", "url_citation": {"url": "https://a.example"}}
    full = {"hate": {"filtered": False, "severity": "safe"}}
    first = chunk(
        {"content": "a", "annotations": [note]},
        citations=["https://a.example"],
        search_results=[{"id": 1}],
    )
    first["choices"][0]["content_filter_results"] = full
    last = chunk({"annotations": [note]}, "stop", citations=[], search_results=[])
    last["choices"][0]["content_filter_results"] = {}
    reply = streamed(first, last)
    assert (reply.annotations, reply.citations, reply.search_results) == (
        [note],
        ["https://a.example"],
        [{"id": 1}],
    )
    assert reply.content_filter_results == full


def test_fields_nobody_knows_are_kept() -> None:
    """Nothing of an answer is dropped, wherever it stands."""
    reply = plain(
        {"content": "x", "odd": 1}, provider="p", user_tier="seed", prompt_filter_results=[{"f": 1}]
    )
    assert reply.extra == {"message.odd": 1, "provider": "p", "user_tier": "seed"}
    assert reply.prompt_filter_results == [{"f": 1}]


def test_logprobs_of_a_stream_are_joined() -> None:
    """One list a chunk, one list in the reply."""
    chunks = [chunk({"content": text}) for text in "ab"]
    for one, text in zip(chunks, "ab", strict=True):
        one["choices"][0]["logprobs"] = {"content": [{"token": text}], "refusal": None}
    assert streamed(*chunks, chunk({}, "stop")).logprobs == {
        "content": [{"token": "a"}, {"token": "b"}],
        "refusal": None,
    }


def test_chunks_without_choices_and_azures_first_one_are_harmless() -> None:
    """Portkey's hook frames have no choices; Azure's first has an empty list and an empty model."""
    reply = streamed(
        {"choices": [], "prompt_filter_results": [1], "model": ""},
        {"hook_results": {}},
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "x"}),
        chunk({}, "stop"),
    )
    assert (reply.text, reply.model, reply.prompt_filter_results) == ("x", "m", [1])


# -- the other form than the one asked for, and the ends of streams


def test_a_stream_answered_with_json_gives_the_same_events_at_once() -> None:
    """Seed era, issue 9144, and every notice."""
    body = json.dumps(
        {
            "choices": [
                {"message": {"content": "hi", "reasoning_content": "hm"}, "finish_reason": "stop"}
            ],
            "usage": USAGE,
        }
    ).encode()
    reason, text, finished = events_of(body, JSON)
    assert isinstance(reason, ReasoningDelta)
    assert isinstance(text, TextDelta)
    assert isinstance(finished, Finished)
    assert finished.reply.text == "hi"


def test_json_answered_with_a_stream_is_read_whatever_type_it_declares() -> None:
    """The bytes decide, not the header."""
    body = sse(chunk({"content": "hi"}), chunk({}, "stop"))
    for declared in ("text/event-stream", "application/json", "text/plain", ""):
        assert reply_from(body, ResponseInfo(headers={"content-type": declared})).text == "hi"


@pytest.mark.parametrize("done", [True, False])
def test_a_finish_reason_or_done_ends_a_stream_well(done: bool) -> None:
    """Either is enough: the older gateway does not promise ``[DONE]``."""
    assert (
        streamed(chunk({"content": "x"}), chunk({}, None if done else "stop"), done=done).text
        == "x"
    )


def test_a_stream_without_either_is_an_error_that_carries_what_came() -> None:
    """A cut stream is never a success."""
    with pytest.raises(StreamInterrupted) as caught:
        streamed(
            chunk({"reasoning_content": "r"}),
            chunk({"content": "par"}),
            chunk({"content": "tial"}),
            done=False,
        )
    assert caught.value.partial is not None
    assert (caught.value.partial.text, caught.value.partial.reasoning) == ("partial", "r")


def test_data_after_done_is_ignored() -> None:
    """The answer is over."""
    body = sse(chunk({"content": "x"}), chunk({}, "stop")) + sse(chunk({"content": "y"}))
    assert reply_from(body, SSE).text == "x"


def test_keep_alive_words_pass_before_the_answer_and_are_an_error_within_it() -> None:
    """Providers keep connections alive with words only before output."""
    assert (
        streamed(b"OPENROUTER PROCESSING", chunk({"content": "x"}), chunk({}, "stop")).text == "x"
    )
    with pytest.raises(MalformedReply) as caught:
        streamed(chunk({"content": "x"}), b"rubbish", chunk({}, "stop"))
    assert caught.value.partial is not None
    assert caught.value.partial.text == "x"


def test_events_set_apart_by_one_line_break_are_read() -> None:
    """Two ``data:`` lines without a blank line between, each a whole object."""
    body = b"".join(
        b"data: " + json.dumps(one).encode() + b"\n"
        for one in (chunk({"content": "a"}), chunk({"content": "b"}), chunk({}, "stop"))
    )
    assert reply_from(body + b"data: [DONE]\n", SSE).text == "ab"


def test_half_a_character_in_json_is_mended() -> None:
    """A lone surrogate would break whoever prints the text."""
    body = sse(
        json.dumps(chunk({"content": "x"})).replace('"x"', '"\\ud83d!"').encode(), chunk({}, "stop")
    )
    assert reply_from(body, SSE).text == "\ufffd!"


# -- errors inside 200


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "boom", "type": "upstream_error", "code": "upstream_error"}, UpstreamError),
        ({"message": "slow down", "code": 429}, RateLimitError),
        ({"message": "too long", "code": "context_length_exceeded"}, ContextOverflowError),
        ("just words", UpstreamError),
    ],
)
def test_an_error_in_the_stream_is_raised_with_what_came(
    error: Any, kind: type[PollinationsError]
) -> None:
    """Mid-stream errors keep status 200."""
    with pytest.raises(kind) as caught:
        streamed(chunk({"content": "par"}), chunk({"content": "t"}), {"error": error})
    assert caught.value.partial is not None
    assert caught.value.partial.text == "part"


def test_the_events_before_an_error_in_the_same_bytes_are_given_out() -> None:
    """What was good is not lost with what follows."""
    reader = ResponseReader(SSE)
    events = reader.feed(sse(chunk({"content": "x"}), {"error": {"message": "boom"}}))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["x"]
    assert isinstance(reader.failure, UpstreamError)


def test_an_error_event_without_the_error_field_is_an_error() -> None:
    """``event: error`` with a bare message."""
    with pytest.raises(UpstreamError, match="boom"):
        reply_from(
            sse(chunk({"content": "x"})).replace(
                b"data: [DONE]", b'event: error\ndata: {"message": "boom"}'
            ),
            SSE,
        )


@pytest.mark.parametrize("reason", ["error", "ERROR"])
def test_finish_reason_error_is_an_error(reason: str) -> None:
    """A broken-off answer is not an answer."""
    with pytest.raises(UpstreamError):
        streamed(chunk({"content": "x"}), chunk({}, reason))


def test_the_older_gateways_apology_is_an_error() -> None:
    """Its text for a failed transform arrives with finish reason stop."""
    with pytest.raises(UpstreamError):
        streamed(
            chunk({"content": "Streaming response could not be processed."}), chunk({}, "stop")
        )


def test_a_content_filter_without_a_word_is_raised_not_returned_as_nothing() -> None:
    """An empty answer would look like success."""
    with pytest.raises(ContentPolicyError):
        plain({"content": ""}, "content_filter")
    assert plain({"content": "half"}, "content_filter").finish_reason == "content_filter"


def test_nothing_generated_and_nothing_counted_is_an_error_but_a_silent_answer_is_not() -> None:
    """Issue 6270; a model that spends tokens on saying nothing is left alone."""
    zero = {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}
    with pytest.raises(EmptyReply):
        plain({"content": ""}, usage=zero)
    assert plain({"content": None}).text == ""
    assert plain({"content": ""}, "length", usage=zero).finish_reason == "length"


def test_nothing_at_all_is_an_error() -> None:
    """A stream of nothing but its end mark, a choice that is null: no answer, and no word that it
    is over.
    """
    with pytest.raises(EmptyReply):
        streamed()
    with pytest.raises(EmptyReply):
        plain({"content": ""}, None, choices=[None], usage=None)
    assert plain({"content": None}, usage=None).text == ""  # said to be over, and nobody counted


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"<html><title>oops</title>",
        b"{}",
        b'{"choices": []}',
        b"[]",
        b'"x"',
        b'{"choices": null}',
        b"{",
    ],
)
def test_a_body_that_is_no_answer_says_what_came(body: bytes) -> None:
    """HTML, nothing, JSON of another shape."""
    with pytest.raises(PollinationsError):
        reply_from(body, JSON)


@pytest.mark.parametrize(
    "odd",
    [
        b'"created":NaN',
        b'"created":1e999',
        b'"created":-1',
        b'"usage":{"prompt_tokens":"' + b"9" * 5000 + b'"}',
        '"usage":{"prompt_tokens":"²"}'.encode(),
    ],
)
def test_numbers_that_are_none_cost_no_answer(odd: bytes) -> None:
    """JSON as some providers write it knows infinity, and a count may be a text."""
    body = b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],' + odd + b"}"
    reply = reply_from(body, JSON)
    assert (reply.text, reply.created) == ("hi", None)


def test_sound_that_is_no_text_is_none() -> None:
    """Base64 is what can be played."""
    body = {
        "choices": [
            {
                "message": {"content": "hi", "audio": {"data": 5, "transcript": []}},
                "finish_reason": "stop",
            }
        ]
    }
    reply = reply_from(json.dumps(body).encode(), JSON)
    assert (reply.text, reply.audio) == ("hi", None)


# -- notices

NOTICE = (
    "The account behind this API key doesn\u2019t have enough credits. [Top"
    " up](https://enter.pollinations.ai/pollen?ref=x).\n\nIf this isn\u2019t your Pollinations"
    " account, contact whoever runs the app."
)
ZERO = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
NO_STORE = {"cache-control": "private, no-store"}


@pytest.mark.parametrize("step", [1, 9, 10_000])
def test_a_notice_in_a_stream_is_the_payment_error_it_means(step: int) -> None:
    """HTTP 200 with a request to top up, pull request 14700."""
    body = sse(
        *(chunk({"content": NOTICE[n : n + step]}) for n in range(0, len(NOTICE), step)),
        chunk({}, "stop", usage=ZERO),
    )
    info = ResponseInfo(headers={"content-type": "text/event-stream", **NO_STORE})
    with pytest.raises(PollinationsError) as caught:
        reply_from(body, info)
    assert (caught.value.status_code, caught.value.code) == (402, "INSUFFICIENT_BALANCE")
    assert caught.value.fix_url == "https://enter.pollinations.ai/pollen?ref=x"


@pytest.mark.parametrize(
    "change",
    [
        {"usage": USAGE},
        {"text": NOTICE.replace("](https://enter", "](https://other")},
        {"text": "You asked about this sentence: " + NOTICE},
        {"headers": {"cache-control": "public, max-age=31536000, immutable"}},
    ],
)
def test_an_answer_that_merely_talks_about_balances_is_an_answer(change: dict[str, Any]) -> None:
    """All signs must agree before an answer is called a notice."""
    text = change.get("text", NOTICE)
    info = ResponseInfo(
        headers={"content-type": "text/event-stream", **change.get("headers", NO_STORE)}
    )
    body = sse(
        *(chunk({"content": one}) for one in text),
        chunk({}, "stop", usage=change.get("usage", ZERO)),
    )
    assert reply_from(body, info).text == text


def test_an_ordinary_stream_waits_for_nothing() -> None:
    """The first letters of an answer come out with the bytes that bring them."""
    reader = ResponseReader(ResponseInfo(headers={"content-type": "text/event-stream", **NO_STORE}))
    first = reader.feed(b"data: " + json.dumps(chunk({"content": "Hi"})).encode() + b"\n\n")
    assert [event.text for event in first if isinstance(event, TextDelta)] == ["Hi"]


def test_a_stream_that_is_not_marked_waits_not_even_for_the_words_a_notice_begins_with() -> None:
    """Many answers begin with "The"; should it be a notice after all, that is told at the end, with
    what came.
    """
    reader = ResponseReader(ResponseInfo(headers={"content-type": "text/event-stream"}))
    body = [sse(chunk({"content": one}), done=False) for one in (NOTICE[:3], NOTICE[3:])]
    assert [event.text for event in reader.feed(body[0]) if isinstance(event, TextDelta)] == ["The"]
    reader.feed(body[1] + sse(chunk({}, "stop", usage=ZERO)))
    assert isinstance(reader.failure, InsufficientBalanceError)
    assert reader.failure.partial is not None
    assert reader.failure.partial.text == NOTICE


# -- properties

DELTAS = st.one_of(
    st.builds(lambda text: {"content": text}, st.text(max_size=5)),
    st.builds(lambda text: {"reasoning_content": text}, st.text(max_size=5)),
    st.builds(
        lambda n, text: {"tool_calls": [call(n, arguments=text)]},
        st.integers(0, 2),
        st.text(max_size=3),
    ),
    st.builds(lambda n: {"tool_calls": [call(n, f"id{n}", f"f{n}", "")]}, st.integers(0, 2)),
    st.just({"role": "assistant", "content": None}),
)


@settings(max_examples=150)
@given(st.lists(DELTAS, max_size=12), st.lists(st.integers(0), max_size=4))
def test_any_cut_of_any_stream_folds_alike(deltas: list[dict[str, Any]], cuts: list[int]) -> None:
    """The reply depends on what was said, not on how it was packed; deltas add up to the reply."""
    body = sse(*map(chunk, deltas), chunk({}, "stop", usage=USAGE))
    reader = ResponseReader(SSE)
    events: list[Any] = []
    places = [0, *sorted({cut % (len(body) + 1) for cut in cuts}), len(body)]
    for start, end in itertools.pairwise(places):
        events += reader.feed(body[start:end])
    events += reader.end()
    reply = events[-1].reply
    ids = [one.id for one in reply.tool_calls]
    again = reply_from(body, SSE)
    for one, other in zip(again.tool_calls, ids, strict=True):
        one.id = other if other.startswith("call_") else one.id
    assert again == reply
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == reply.text
    assert (
        "".join(event.text for event in events if isinstance(event, ReasoningDelta))
        == reply.reasoning
    )
    for one in reply.tool_calls:
        assert (
            "".join(
                event.arguments
                for event in events
                if isinstance(event, ToolCallDelta) and event.index == one.index
            )
            == one.arguments
        )


def test_a_cut_at_every_byte_is_never_a_silent_success() -> None:
    """Every prefix of a stream is either an error of ours or the whole answer."""
    body = sse(
        chunk({"content": "<think>x</think>Hello"}),
        chunk({"tool_calls": [call(0, "a", "f", '{"x": "ü"}')]}),
        chunk({}, "tool_calls"),
        chunk(None, usage=USAGE),
    )
    whole = reply_from(body, SSE)
    for place in range(len(body)):
        try:
            reply = reply_from(body[:place], SSE)
        except PollinationsError:
            continue
        assert (reply.parts, reply.tool_calls) == (whole.parts, whole.tool_calls)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "a", "{}", "text", "thinking"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from("id type index function text delta url data transcript".split()),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
MESSAGES = st.dictionaries(
    st.sampled_from(
        "content reasoning reasoning_details content_blocks tool_calls function_call audio refusal"
        " images".split()
    ),
    JUNK
    | st.lists(
        st.dictionaries(st.sampled_from(["index", "id", "function"]), JUNK, max_size=2), max_size=2
    ),
    max_size=3,
)


@settings(max_examples=150)
@given(
    MESSAGES,
    st.dictionaries(
        st.sampled_from("created model usage citations error".split()), JUNK, max_size=2
    ),
)
def test_fields_of_any_type_give_an_answer_or_one_of_our_errors(
    message: dict[str, Any], top: dict[str, Any]
) -> None:
    """What a provider spoils never comes out as a TypeError from within."""
    for name in ("delta", "message"):
        body = sse({"choices": [{"index": 0, name: message, "finish_reason": "stop"}], **top})
        try:
            reply = reply_from(body, SSE)
        except PollinationsError:
            continue
        assert isinstance(reply.text + reply.reasoning, str)
        assert all(one.args is not None or one.problem for one in reply.tool_calls)
