"""Errors of the gateway as LangChain errors."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)

from langchain_pollinations import ChatPollinations
from pollinations_client import (
    APIConnectionError,
    PaymentRequiredError,
    PollinationsError,
    StreamInterrupted,
    UpstreamError,
)
from pollinations_client.emulator import Body, Chunks, Emulator, Fault, Frames
from support.langchain import KEY, chunk, summed


def test_errors_tell_traces_what_came_back(gateway: Emulator, make: Any) -> None:
    """Status, body, headers and request id, as LangChain reads them; and never the key."""
    gateway.script(Fault("status", status=429, retry_after="30"))

    class Seen(BaseCallbackHandler):
        metadata: Any = None

        def on_llm_error(self, error: BaseException, *, response: Any = None, **_: Any) -> None:
            self.metadata = response.generations[-1][0].message.response_metadata

    handler = Seen()
    with pytest.raises(ModelError) as caught:
        make(max_retries=0).invoke("x", config={"callbacks": [handler]})
    error: Any = caught.value
    assert error.response.status_code == 429
    assert error.response.headers["retry-after"].startswith("30")
    assert error.response.json()["error"]
    assert error.request_id
    assert KEY not in repr(handler.metadata)


def test_a_prompt_that_is_too_long_has_its_class(gateway: Emulator, make: Any) -> None:
    """Which summarising middleware waits for."""
    gateway.script(Body({"error": {"message": "context_length_exceeded"}}, status=400))
    with pytest.raises(ContextOverflowError):
        make().invoke("x")


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize(
    ("frames", "kind"),
    [
        (
            [b'data: {"error": {"message": "Overloaded", "code": "upstream_error"}}\n\n'],
            UpstreamError,
        ),
        ([Frames.CUT], (StreamInterrupted, APIConnectionError)),
        ([], StreamInterrupted),
    ],
)
def test_a_broken_stream_raises_with_what_came(
    gateway: Emulator, make: Any, frames: Any, kind: Any, sync: bool
) -> None:
    """An error among the events, a connection that closes, an end without an end."""
    gateway.script(
        Frames(b"data: " + json.dumps(chunk({"content": "Half a"})).encode() + b"\n\n", *frames)
    )
    texts: list[str] = []

    async def read() -> None:
        async for part in make().astream("x"):
            texts.append(part.text)

    with pytest.raises(kind) as caught:
        if sync:
            texts.extend(part.text for part in make().stream("x"))
        else:
            asyncio.run(read())
    assert isinstance(caught.value, ModelError)
    assert caught.value.partial.text == "Half a"
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("body", [{"choices": None}, {"choices": []}, {"hello": 1}])
def test_an_answer_without_choices_names_what_came(
    gateway: Emulator, llm: ChatPollinations, body: dict[str, Any]
) -> None:
    """Not a TypeError."""
    gateway.script(Body(body))
    with pytest.raises(PollinationsError, match="choices"):
        llm.invoke("x")


def test_errors_and_cuts_in_streams_raise_with_what_came(gateway: Emulator, make: Any) -> None:
    """Neither is a silent success."""
    gateway.script(
        Chunks(
            [chunk({"content": "par"}), {"error": {"message": "boom", "code": "upstream_error"}}]
        )
    )
    with pytest.raises(ModelAPIError, match="boom") as caught:
        list(make().stream("x"))
    assert caught.value.partial.text == "par"
    gateway.script(Chunks([chunk({"content": "par"})], done=False))
    with pytest.raises(ModelAPIError) as cut:
        list(make().stream("x"))
    assert isinstance(cut.value, StreamInterrupted)
    gateway.script(Chunks([chunk({"content": "whole"})]))
    assert summed(make().stream("x")).content == "whole"


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, ModelInvalidRequestError, False),
        (401, ModelAuthenticationError, False),
        (402, ModelError, False),
        (403, ModelPermissionDeniedError, False),
        (404, ModelNotFoundError, False),
        (429, ModelRateLimitError, True),
        (500, ModelAPIError, True),
        (503, ModelAPIError, True),
        (524, ModelAPIError, True),
    ],
)
def test_every_status_is_langchains_error_and_ours(
    gateway: Emulator, make: Any, status: int, kind: type, retryable: bool
) -> None:
    """With response, request id and status for traces; pickled and unpickled too."""
    gateway.script(
        *[
            Body(
                {"error": {"message": "no", "code": "X_Y"}},
                status=status,
                headers={"x-request-id": "r1"},
            )
        ]
        * 3
    )
    with pytest.raises(kind) as caught:
        make(max_retries=0).invoke("x")
    error = caught.value
    assert isinstance(error, PollinationsError)
    assert isinstance(error, ModelError)
    assert (error.status_code, error.is_retryable, error.request_id) == (status, retryable, "r1")
    assert (error.response.status_code, error.response.json()["error"]["message"]) == (status, "no")
    assert type(pickle.loads(pickle.dumps(error))) is type(error)


def test_a_spent_balance_is_not_retried_by_agents(gateway: Emulator, make: Any) -> None:
    """402 as a status or as a notice."""
    from langchain.agents.middleware._retry import default_retry_on

    gateway.script(
        Body({"error": {"code": "INSUFFICIENT_BALANCE", "message": "no pollen"}}, status=402)
    )
    with pytest.raises(PaymentRequiredError) as caught:
        make().invoke("x")
    assert not default_retry_on(caught.value)


def test_connection_timeout_and_context_errors_have_their_class(
    gateway: Emulator, make: Any
) -> None:
    """The summarisation middleware acts on an overflow."""
    with pytest.raises(ModelConnectionError):
        ChatPollinations(base_url="http://127.0.0.1:9", max_retries=0).invoke("x")
    gateway.script(
        Body(
            {
                "error": {
                    "message": "This model's maximum context length is 10 tokens",
                    "code": "context_length_exceeded",
                }
            },
            status=400,
        )
    )
    with pytest.raises(ContextOverflowError):
        make().invoke("x")
    gateway.script(Frames(1.0, b"{}"))
    with pytest.raises(ModelTimeoutError):
        make(timeout=0.2, max_retries=0).invoke("x")
