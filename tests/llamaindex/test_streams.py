"""What a stream shows, chunk by chunk and at its end; sync, async and unstreamed answers to one
script are equal.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms import ChatMessage

from pollinations_client import (
    APIStatusError,
    MalformedReply,
    PollinationsError,
    StreamInterrupted,
    UpstreamError,
)
from pollinations_client.emulator import Answer, Body, Chunks, Emulator, Fault, Frames
from support.llamaindex import TAIL, blocks_of, delta, fragment, text_of
from support.llamaindex_streams import PLOT, PNG, SCRIPTS

WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00" + b"\x00" * 24


# A whole answer has one text and one reasoning field: where in the text a picture or a thought
# stood is not told.
PLACES_TOLD_BY_STREAMS_ONLY = {"reasoning between texts", "two texts round a picture"}


@pytest.mark.parametrize(
    "script", [name for name in SCRIPTS if name not in PLACES_TOLD_BY_STREAMS_ONLY]
)
def test_one_script_gives_equal_answers_in_all_four_forms(
    script: str, make: Any, say: Any, gateway: Emulator
) -> None:
    """A whole answer, the last chunk of a stream and their async twins are the same response."""
    answers = []
    for way in ("chat", "achat", "stream_chat", "astream_chat"):
        gateway.script(Chunks(SCRIPTS[script]))
        response = say(make(), way)[-1]
        about = {
            name: value
            for name, value in response.additional_kwargs.items()
            if name not in {"request_id", "id", "model", "cache"}
        }
        answers.append((response.message, about, response.raw["choices"], response.raw["usage"]))
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("script", SCRIPTS)
def test_both_streams_show_the_same_chunks(
    script: str, make: Any, say: Any, gateway: Emulator
) -> None:
    """One accumulator: sync and async cannot differ."""
    views = []
    for way in ("stream_chat", "astream_chat"):
        gateway.script(Chunks(SCRIPTS[script]))
        views.append(
            [
                (r.delta, r.message, r.additional_kwargs.get("thinking_delta"))
                for r in say(make(), way)
            ]
        )
    assert views[0] == views[1]


@pytest.mark.parametrize("script", SCRIPTS)
def test_joined_deltas_are_the_content(
    script: str, make: Any, say: Any, stream_way: str, gateway: Emulator
) -> None:
    """Nothing is shown twice and nothing is missing, whatever stands between the texts."""
    gateway.script(Chunks(SCRIPTS[script]))
    responses = say(make(), stream_way)
    assert "".join(response.delta for response in responses) == responses[-1].message.content


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_chunk_holds_the_message_so_far(
    script: str, make: Any, say: Any, stream_way: str, gateway: Emulator
) -> None:
    """Content only grows, is always text, and equals the deltas so far."""
    gateway.script(Chunks(SCRIPTS[script]))
    views = ""
    for response in say(make(), stream_way):
        views += response.delta
        assert response.message.content == views


def test_a_text_run_is_one_block(make: Any, say: Any, chat_way: str, gateway: Emulator) -> None:
    """LlamaIndex puts line breaks between text blocks, so a run of text is one, also round a
    thought.
    """
    gateway.script(Chunks(SCRIPTS["reasoning between texts"]))
    response = say(make(), chat_way)[-1]
    assert [block.text for block in blocks_of(response, TextBlock)] == ["Hello"]


def test_no_thought_is_lost_at_the_start(
    make: Any, say: Any, stream_way: str, gateway: Emulator
) -> None:
    """The first reasoning delta counts, also where it comes with ``content: null``."""
    gateway.script(Chunks(SCRIPTS["reasoning"]))
    responses = say(make(), stream_way)
    assert [
        r.additional_kwargs["thinking_delta"]
        for r in responses
        if "thinking_delta" in r.additional_kwargs
    ] == [
        "A",
        "B",
    ]
    assert [block.content for block in blocks_of(responses[-1], ThinkingBlock)] == ["AB"]


def test_thinking_delta_is_on_the_response_only(
    make: Any, say: Any, stream_way: str, gateway: Emulator
) -> None:
    """``thinking_delta`` is where agents look, and not in the message that goes into memory."""
    gateway.script(Chunks(SCRIPTS["reasoning"]))
    for response in say(make(), stream_way):
        assert "thinking_delta" not in response.message.additional_kwargs


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_either_name_of_reasoning_is_read(
    field: str, make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """Servers renamed the field; both names are heard, streamed and whole."""
    gateway.script(Answer(text="Yes.", reasoning="Because.", reasoning_field=field))
    response = say(make(), chat_way)[-1]
    assert [block.content for block in blocks_of(response, ThinkingBlock)] == ["Because."]
    assert response.message.content == "Yes."


def test_thinking_in_content_blocks_keeps_its_signature(
    make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """A signed thought must go back unchanged, so it stays a block of its own with its
    signature.
    """
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "sig=="},
        {"type": "text", "text": "Yes."},
    ]
    gateway.script(Answer(text="Yes.", content_blocks=blocks))
    response = say(make("claude"), chat_way)[-1]
    (thought,) = blocks_of(response, ThinkingBlock)
    assert (thought.content, thought.additional_information["signature"]) == ("Hm.", "sig==")
    assert response.message.content == "Yes."


def test_the_text_is_the_first_block_also_beside_thinking_and_calls(
    make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """Users and LlamaIndex read ``blocks[0].text``; to Claude signed thinking still goes first."""
    signed = {"type": "thinking", "thinking": "Hm.", "signature": "sig=="}
    content = [signed, {"type": "text", "text": "Yes."}]
    gateway.script(Answer(text="Yes.", content_blocks=content, tool_calls=[("add", {"a": 1})]))
    responses = say(make("claude"), chat_way)
    assert all(isinstance(response.message.blocks[0], TextBlock) for response in responses)
    message = responses[-1].message
    assert message.blocks[0].text == "Yes."
    result = ChatMessage(
        role="tool",
        content="1",
        additional_kwargs={"tool_call_id": message.blocks[-1].tool_call_id},
    )
    make("claude").chat([ChatMessage(role="user", content="hi"), message, result])
    assert gateway.requests[-1].json["messages"][1]["content"] == content


CALL_SHAPES: dict[str, list[Any]] = {
    "D02 two calls in one chunk": [
        [
            fragment(0, id="a", name="add", arguments='{"a":1}'),
            fragment(1, id="b", name="add", arguments='{"a":3}'),
        ]
    ],
    "D03 interleaved": [
        [fragment(0, id="a", name="add", arguments="")],
        [fragment(1, id="b", name="add", arguments="")],
        [fragment(0, arguments='{"a":')],
        [fragment(1, arguments='{"a":')],
        [fragment(0, arguments="1}")],
        [fragment(1, arguments="3}")],
    ],
    "D04 id and name repeated": [
        [fragment(0, id="a", name="add", arguments='{"a"')],
        [fragment(0, id="a", name="add", arguments=":1}")],
        [fragment(1, id="b", name="add", arguments='{"a"')],
        [fragment(1, id="b", name="add", arguments=":3}")],
    ],
    "D05 all of index 0": [
        [fragment(0, id="a", name="add", arguments='{"a":1}')],
        [fragment(0, id="b", name="add", arguments='{"a":3}')],
    ],
    "no index": [
        [fragment(None, id="a", name="add", arguments='{"a":1}')],
        [fragment(None, id="b", name="add", arguments='{"a":3}')],
    ],
    "complaint 08 nulls": [
        [fragment(0, id="a", name="add", arguments=None)],
        [fragment(0, id=None, name=None, arguments='{"a":1}')],
        [fragment(1, id="b", name="add", arguments='{"a":3}', type=None)],
    ],
}


@pytest.mark.parametrize("shape", CALL_SHAPES)
def test_every_shape_of_streamed_tool_calls_is_decoded(
    shape: str, make: Any, say: Any, stream_way: str, gateway: Emulator
) -> None:
    """Fragments in any order and numbering become the calls that were meant, in blocks and in plain
    dicts.
    """
    gateway.script(
        Chunks(
            [
                *(delta(tool_calls=entries) for entries in CALL_SHAPES[shape]),
                delta("tool_calls"),
                TAIL,
            ]
        )
    )
    llm = make()
    response = say(llm, stream_way)[-1]
    calls = [
        (block.tool_call_id, block.tool_name, block.tool_kwargs)
        for block in blocks_of(response, ToolCallBlock)
    ]
    assert calls == [("a", "add", {"a": 1}), ("b", "add", {"a": 3})]
    plain = response.message.additional_kwargs["tool_calls"]
    assert [
        (call["id"], call["function"]["name"], call["function"]["arguments"]) for call in plain
    ] == [
        ("a", "add", '{"a":1}'),
        ("b", "add", '{"a":3}'),
    ]
    assert [call.tool_kwargs for call in llm.get_tool_calls_from_response(response)] == [
        {"a": 1},
        {"a": 3},
    ]


def test_a_call_in_one_chunk_is_decoded(
    make: Any, say: Any, stream_way: str, gateway: Emulator
) -> None:
    """A whole call at once, as Gemini sends it, is a call."""
    gateway.script(
        Chunks(
            [
                delta(
                    "tool_calls", tool_calls=[fragment(0, id="a", name="add", arguments='{"a":1}')]
                ),
                TAIL,
            ]
        )
    )
    llm = make()
    assert llm.get_tool_calls_from_response(say(llm, stream_way)[-1])[0].tool_kwargs == {"a": 1}


def test_unfinished_arguments_are_read_on_the_way(
    make: Any, say: Any, stream_way: str, gateway: Emulator
) -> None:
    """Agents ask for the calls of every chunk: what is there of them is told, and never an
    exception.
    """
    gateway.script(Chunks(SCRIPTS["tool calls"]))
    llm = make()
    calls_so_far = [
        llm.get_tool_calls_from_response(r, error_on_no_tool_call=False)
        for r in say(llm, stream_way)
    ]
    assert {"a": 1} in [calls[0].tool_kwargs for calls in calls_so_far if calls]
    assert [call.tool_kwargs for call in calls_so_far[-1]] == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


def test_pictures_in_answers_are_blocks(
    make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """A plot that Gemini draws is an image block with its bytes."""
    content = [{"type": "text", "text": "Before"}, PLOT, {"type": "text", "text": "After"}]
    gateway.script(
        Body(
            {
                "choices": [
                    {
                        "message": {"content": "BeforeAfter", "content_blocks": content},
                        "finish_reason": "stop",
                    }
                ]
            }
        )
    )
    if "stream" in chat_way:
        gateway.clear()
        gateway.script(Chunks(SCRIPTS["two texts round a picture"]))
    response = say(make("gemini"), chat_way)[-1]
    (picture,) = blocks_of(response, ImageBlock)
    assert (picture.resolve_image().read(), picture.image_mimetype) == (PNG, "image/png")
    assert response.message.content == "Before\nAfter"


def test_speech_has_its_format_and_its_words(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """Sound is labelled as what was asked for, and its transcript is the text."""
    sound = {"id": "audio_1", "data": base64.b64encode(WAV).decode(), "transcript": "Hello there"}
    gateway.script(Answer(text=None, audio=sound))
    kind = "pcm16" if "stream" in way else "wav"
    llm = make(
        "openai-audio",
        modalities=["text", "audio"],
        audio_config={"voice": "alloy", "format": kind},
    )
    response = say(llm, way)[-1]
    assert text_of(response) == "Hello there"
    assert response.additional_kwargs["audio"]["id"] == "audio_1"
    if hasattr(response, "message"):
        (heard,) = blocks_of(response, AudioBlock)
        assert (heard.resolve_audio().read(), heard.format) == (WAV, kind)


def test_a_reasoning_only_answer_has_empty_text(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """``content`` is never ``None``: consumers join and strip it."""
    gateway.script(Chunks(SCRIPTS["only reasoning"]))
    assert [text_of(response) for response in say(make(), way)][-1] == ""


def test_a_page_for_an_answer_is_a_typed_error(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """HTML with status 200: the message says that it is a page."""
    gateway.script(Body("<html><body>Just a moment</body></html>", content_type="text/html"))
    with pytest.raises(MalformedReply, match="Just a moment"):
        say(make(), way)


def test_an_error_inside_a_stream_carries_the_partial_answer(
    make: Any, say: Any, stream_way: str, gateway: Emulator
) -> None:
    """The text so far is on the error."""
    gateway.script(
        Chunks(
            [
                delta(content="Half"),
                {"error": {"message": "upstream broke", "code": "upstream_error"}},
            ]
        )
    )
    with pytest.raises(UpstreamError, match="upstream broke") as caught:
        say(make(), stream_way)
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Half"


def test_a_cut_stream_is_an_error(make: Any, say: Any, stream_way: str, gateway: Emulator) -> None:
    """No half answer passes for a whole one."""
    gateway.script(Chunks([delta(content="Half")], done=False))
    with pytest.raises(StreamInterrupted):
        say(make(), stream_way)


def test_keep_alives_and_odd_line_ends_are_taken(
    make: Any, say: Any, stream_way: str, gateway: Emulator
) -> None:
    """Comments and CRLF are part of the format."""
    gateway.script(
        Frames(
            b": OPENROUTER PROCESSING\r\n\r\n",
            b'data: {"choices":[{"index":0,"delta":{"content":"Gr\xc3\xbc',
            b'\xc3\x9fe"},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\r\n\r\n',
        )
    )
    assert say(make(), stream_way)[-1].message.content == "Grüße"


async def _left(llm: Any, way: str) -> None:
    question = [ChatMessage(role="user", content="Tell me a story")]
    if way == "stream_chat":
        stream = llm.stream_chat(question)
        next(stream)
        stream.close()
    else:
        stream = await llm.astream_chat(question)
        await anext(stream)
        await stream.aclose()


def test_closing_a_stream_closes_the_connection(
    make: Any, stream_way: str, gateway: Emulator
) -> None:
    """The gateway sees the client leave."""

    async def left_and_noticed() -> bool:
        await _left(make(), stream_way)
        for _ in range(100):
            await asyncio.sleep(0.02)
            if gateway.disconnects:
                return True
        return False

    gateway.script(
        Frames(b'data: {"choices":[{"index":0,"delta":{"content":"Once"}}]}\n\n', Frames.HANG)
    )
    assert asyncio.run(left_and_noticed())


def test_nothing_is_sent_before_the_first_next(llm: Any, gateway: Emulator) -> None:
    """Making a stream is free."""
    stream = llm.stream_chat([ChatMessage(role="user", content="hi")])
    assert gateway.requests == []
    stream.close()


def test_errors_of_streams_have_their_status(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """Fallback logic reads ``status_code``."""
    gateway.script(Fault("status", status=503))
    with pytest.raises(APIStatusError) as caught:
        say(make(), way)
    assert caught.value.status_code == 503
    assert isinstance(caught.value, PollinationsError)
