"""``GET /text/{prompt}``: whatever a 200 holds, text comes out of it or an error that says what
came.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pollinations_client import (
    AsyncPollinationsClient,
    EmptyReply,
    InsufficientBalanceError,
    MalformedReply,
    PollinationsClient,
    PollinationsError,
    ResponseInfo,
    UpstreamError,
)
from pollinations_client.emulator import Body, Emulator
from pollinations_client.response.plain_text import text_from
from support.rawserver import raw_server, response

ANSWER = {
    "id": "c",
    "choices": [{"index": 0, "message": {"content": "bees"}, "finish_reason": "stop"}],
}


CHUNK = {"choices": [{"index": 0, "delta": {"content": "bees"}, "finish_reason": "stop"}]}


STREAM = b"data: " + json.dumps(CHUNK).encode() + b"\n\ndata: [DONE]\n\n"


NOTICE = (
    "The account behind this API key doesn't have enough credits. [Top"
    " up](https://enter.pollinations.ai/pollen)\n\nIf this isn\u2019t your Pollinations account,"
    " contact whoever runs the app or service you\u2019re using."
)


NO_STORE = "Cache-Control: private, no-store\r\n"


def told(answer: bytes) -> list[Any]:
    """What both clients make of ``answer``, plain and streamed; errors by their type."""

    async def twins(url: str) -> list[Any]:
        async with AsyncPollinationsClient(base_url=url, max_retries=0) as client:
            return [
                await caught(client.text("p")),
                await caught(joined(client.stream_text("p"))),
            ]

    async def joined(pieces: Any) -> str:
        return "".join([piece async for piece in pieces])

    async def caught(asked: Any) -> Any:
        try:
            return await asked
        except PollinationsError as error:
            return type(error)

    with raw_server(lambda peer, _: peer.sendall(answer)) as server:
        found = []
        with PollinationsClient(base_url=server.url, max_retries=0) as client:
            for ask in (client.text, lambda prompt: "".join(client.stream_text(prompt))):
                try:
                    found.append(ask("p"))
                except PollinationsError as error:
                    found.append(type(error))
        return [*found, *asyncio.run(twins(server.url))]


@pytest.mark.parametrize(
    "answer",
    [
        response(b"bees", kind="text/plain; charset=utf-8"),
        response(STREAM, kind="text/event-stream"),
        response(json.dumps(ANSWER).encode()),
    ],
)
def test_text_comes_out_of_every_form_of_answer(answer: bytes) -> None:
    """Plain text, a stream and a JSON answer, asked for as a stream or not."""
    assert told(answer) == ["bees"] * 4


def test_json_that_was_asked_for_is_text_though_it_is_no_answer() -> None:
    """``json=True`` is declared as plain text."""
    assert told(response(b'{"bees": 3}', kind="text/plain")) == ['{"bees": 3}'] * 4


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (response(b"", kind="text/plain"), EmptyReply),
        (response(b" \n", kind="text/plain"), EmptyReply),
        (response(b"<!doctype html><title>oops</title>", kind="text/html"), MalformedReply),
        (response(b"\xff\xfe", kind="text/plain"), MalformedReply),
        (response(b'{"error": {"message": "boom"}}'), UpstreamError),
        (
            response(NOTICE.encode(), kind="text/plain; charset=utf-8", extra=NO_STORE),
            InsufficientBalanceError,
        ),
    ],
)
def test_what_is_no_text_is_an_error(answer: bytes, kind: type[PollinationsError]) -> None:
    """Never an empty string, a page or a begging letter in place of an answer."""
    assert told(answer) == [kind] * 4


def message(**fields: Any) -> bytes:
    """What the gateway answers where the content is empty: the message alone, as JSON."""
    return json.dumps({"role": "assistant", "content": "", **fields}).encode()


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    "body",
    [
        message(),
        message(content=None),
        message(tool_calls=[CALL]),
        message(audio={"id": "a", "data": "AAAA", "transcript": "hi"}),
        message(reasoning_content="hm"),
        message(refusal="no"),
        json.dumps({"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}).encode(),
        json.dumps({"choices": [{"message": json.loads(message(tool_calls=[CALL]))}]}).encode(),
    ],
)
def test_an_answer_without_text_is_an_error_not_its_json(body: bytes) -> None:
    """An empty message, tool calls, sound: no text, and said so."""
    assert told(response(body)) == [EmptyReply] * 4


def test_what_came_in_place_of_text_is_named_and_not_asked_for_again() -> None:
    """The reply is in ``partial``; a retry gets no text either."""
    info = ResponseInfo(headers={"content-type": "application/json"})
    with pytest.raises(EmptyReply, match=r"tool calls .* use chat\(\)") as caught:
        text_from(message(tool_calls=[CALL]), info)
    assert caught.value.partial.tool_calls[0].name == "f"
    assert not caught.value.is_retryable
    with pytest.raises(EmptyReply, match=r"sound .* modalities"):
        text_from(message(audio={"data": "AAAA"}), info)
    with pytest.raises(EmptyReply) as caught:
        text_from(message(), info)
    assert caught.value.is_retryable


def test_json_with_a_role_and_a_content_that_was_asked_for_stays_text() -> None:
    """Only an empty message is the gateway's own."""
    body = message(content="hi")
    assert text_from(body, ResponseInfo(headers={"content-type": "application/json"})) == (
        body.decode()
    )


def test_sound_is_an_error_that_says_where_it_is_to_be_had() -> None:
    """Audio models answer this endpoint with mp3 bytes."""
    with raw_server(lambda peer, _: peer.sendall(response(b"ID3..", kind="audio/mpeg"))) as server:
        with (
            PollinationsClient(base_url=server.url) as client,
            pytest.raises(MalformedReply, match="modalities"),
        ):
            client.text("p", model="openai-audio")


def test_text_that_is_sound_or_no_text(gateway: Emulator) -> None:
    """Said, with the way to sound."""
    with PollinationsClient(base_url=gateway.url) as client:
        gateway.script(
            Body(b"\xff\xfb\x90\x00", content_type="audio/mpeg"),
            Body(b"\xff\xfe\xfd", content_type="text/plain"),
        )
        with pytest.raises(MalformedReply, match="modalities"):
            client.text("x")
        with pytest.raises(MalformedReply, match="not text"):
            client.text("y")
