"""Answers whose fields have any JSON type: a message or one of our errors, never a foreign one."""

from __future__ import annotations

import json
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_pollinations import ChatPollinations
from pollinations_client import PollinationsError
from support.any_json import ANSWERS
from support.rawserver import raw_server, response

ROUNDS = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def message_of(llm: ChatPollinations, way: str) -> AIMessage | None:
    """The message that a call ends with, or nothing of a stream."""
    if way == "invoke":
        return llm.invoke("hi")
    if way == "events":
        return list(llm.stream_events("hi", version="v3")) and None  # type: ignore[return-value]
    total: AIMessageChunk | None = None
    for chunk in llm.stream("hi"):
        assert isinstance(chunk, AIMessageChunk)
        total = chunk if total is None else total + chunk
    return total


def test_every_field_may_have_any_json_type_in_langchain() -> None:
    """Plain and streamed, and in LangChain's events; the message can be stored and sent on."""
    answers: list[tuple[bytes, str]] = []

    def play(peer: socket.socket, request: bytes) -> None:
        body, kind = answers[-1]
        peer.sendall(response(body, kind=kind))

    with raw_server(play) as server:
        llm = ChatPollinations(api_key="sk_test_0123456789", base_url=server.url, max_retries=0)

        @ROUNDS
        @given(ANSWERS)
        def check(answer: tuple[bytes, str]) -> None:
            answers.append(answer)
            for way in ("invoke", "stream", "events"):
                try:
                    message = message_of(llm, way)
                    if message is not None:
                        assert isinstance(message.content_blocks, list)
                        message.model_dump_json()
                        llm.invoke(["hi", message])
                except PollinationsError as error:
                    str(error)

        check()


def test_arguments_nested_too_deeply_are_one_of_our_errors_in_a_stream() -> None:
    """LangChain's parser, which sums the chunks, would fail on them with its own."""
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "[1," * 500_000}}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    body = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\ndata: [DONE]\n\n"

    def play(peer: socket.socket, request: bytes) -> None:
        peer.sendall(response(body, kind="text/event-stream"))

    with raw_server(play) as server:
        llm = ChatPollinations(api_key="sk_test_0123456789", base_url=server.url, max_retries=0)
        for way in ("stream", "events"):
            with pytest.raises(PollinationsError, match="nested too deeply"):
                message_of(llm, way)
