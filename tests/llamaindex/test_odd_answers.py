"""Answers whose fields have any JSON type: a response or one of our errors, never a foreign one."""

from __future__ import annotations

import socket

from hypothesis import HealthCheck, given, settings
from llama_index.core.llms import ChatMessage

from llamaindex_pollinations import Pollinations
from pollinations_client import PollinationsError
from support.any_json import ANSWERS
from support.rawserver import raw_server, response

ROUNDS = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def test_every_field_may_have_any_json_type_in_llamaindex() -> None:
    """Plain and streamed; the message can be stored and sent on."""
    answers: list[tuple[bytes, str]] = []
    question = ChatMessage(role="user", content="hi")

    def play(peer: socket.socket, request: bytes) -> None:
        body, kind = answers[-1]
        peer.sendall(response(body, kind=kind))

    with raw_server(play) as server:
        llm = Pollinations(api_key="sk_test_0123456789", base_url=server.url, max_retries=0)

        @ROUNDS
        @given(ANSWERS)
        def check(answer: tuple[bytes, str]) -> None:
            answers.append(answer)
            for way in (llm.chat, lambda messages: list(llm.stream_chat(messages))[-1]):
                try:
                    answered = way([question])
                    assert isinstance(answered.message.content, (str, type(None)))
                    answered.message.model_dump_json()
                    llm.get_tool_calls_from_response(answered, error_on_no_tool_call=False)
                    llm.chat([question, answered.message])
                except PollinationsError as error:
                    str(error)
                except IndexError:
                    assert way is not llm.chat  # a stream of no responses

        check()
