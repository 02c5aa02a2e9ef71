"""Errors of the gateway, each met over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pollinations_client import (
    ContentPolicyError,
    EmptyReply,
    MalformedReply,
    ModelNotAllowedError,
    NotFoundError,
    PollinationsClient,
    PollinationsError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    UnknownModelError,
)
from pollinations_client.emulator import Body, Emulator, Fault

KEY = "sk_demo_0123456789abcdef"


QUICK = RetryPolicy(backoff_base_s=0.01)


@pytest.fixture
def client(gateway: Emulator) -> Any:
    """A client of today's gateway."""
    with PollinationsClient(KEY, base_url=gateway.url, retry=QUICK) as made:
        yield made


def completion(message: dict[str, Any], **top: Any) -> dict[str, Any]:
    """A plain answer."""
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
        ],
        **top,
    }


def test_an_empty_200_is_an_error(gateway: Emulator, client: PollinationsClient) -> None:
    """Issue 6270."""
    gateway.script(
        Body(
            completion(
                {"content": ""},
                usage={"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3},
            )
        )
    )
    with pytest.raises(EmptyReply, match="seed"):
        client.chat("hi")


def error(status: int, code: str, message: Any) -> Body:
    """A refusal in the gateway's envelope."""
    return Body(
        {"status": status, "success": False, "error": {"code": code, "message": message}},
        status=status,
    )


@pytest.mark.parametrize("status", [504, 520, 522, 524])
def test_an_edge_timeout_is_asked_again_and_joins(
    gateway: Emulator, client: PollinationsClient, status: int
) -> None:
    """Issues 5763, 7211, 15396: the identical repeat gets the answer."""
    gateway.script(Body(f"error code: {status}", status=status, content_type="text/plain"))
    assert client.chat("hi").info.retries_taken == 1
    assert gateway.requests[0].body == gateway.requests[1].body


@pytest.mark.parametrize(
    "body",
    ["<html><head><title>502 Bad Gateway</title></head></html>", "error code: 1033", "", "null"],
)
@pytest.mark.parametrize("status", [200, 502])
def test_an_html_page_or_plain_text_is_no_chat_answer(
    gateway: Emulator, client: PollinationsClient, body: str, status: int
) -> None:
    """Issues 12254, 7898, 8806."""
    gateway.script(*[Body(body, status=status, content_type="text/html")] * 3)
    with pytest.raises((MalformedReply, ServerError, EmptyReply)):
        client.chat("hi")


def test_picture_500s_are_asked_again(gateway: Emulator, client: PollinationsClient) -> None:
    """Issue 7348."""
    gateway.script(error(500, "INTERNAL_ERROR", "x"))
    assert client.image("bee", model="flux", width=64, height=64).info.retries_taken == 1
    assert gateway.requests[0].raw_path == gateway.requests[1].raw_path


def test_nested_errors_are_opened_and_a_providers_400_is_final(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issues 7783, 9707, 7372."""
    nested = json.dumps(
        {
            "error": "Bad Request",
            "details": {"error": {"message": "inner words", "code": "content_filter"}},
            "message": "400 Bad Request",
        }
    )
    gateway.script(error(500, "INTERNAL_ERROR", nested))
    with pytest.raises(PollinationsError, match="inner words"):
        client.chat("hi")
    assert len(gateway.requests) == 1


def test_moderation_is_its_own_error(gateway: Emulator, client: PollinationsClient) -> None:
    """Issues 12067, 6614."""
    gateway.script(error(422, "content_policy_violation", "no"))
    with pytest.raises(ContentPolicyError):
        client.chat("hi")


@pytest.mark.parametrize(
    "body", [b"", b'{"error":"Rate limit"}', b"<html>", b"GIF", b"\xff\xd8\xff\xe0 cut jpeg"]
)
def test_what_is_no_picture_is_not_handed_on(
    gateway: Emulator, client: PollinationsClient, body: bytes
) -> None:
    """Issue 7207: a 200 may be anything."""
    gateway.script(*[Body(body, content_type="image/jpeg")] * 2)
    with pytest.raises(PollinationsError):
        client.image("bee", model="flux")


def test_a_limited_key_waits_as_told(gateway: Emulator, client: PollinationsClient) -> None:
    """Issues 7283, 5298: the wish stands in the body."""
    limited = Body(
        {"error": "Rate limit exceeded", "message": "Retry after 1s", "retryAfterSeconds": 0.01},
        status=429,
    )
    gateway.script(limited)
    assert client.chat("hi").info.retries_taken == 1
    gateway.script(
        *[Body({"error": "Rate limit exceeded", "retryAfterSeconds": 3600}, status=429)] * 3
    )
    with pytest.raises(RateLimitError) as caught:
        client.chat("hello")
    assert caught.value.retry_after == 3600


def test_a_model_that_is_gone_names_the_near_ones(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """Issues 7575, 4602."""
    with pytest.raises(UnknownModelError, match="Nearest known names"):
        client.chat("hi", model="opena")


def test_a_cause_and_a_request_id_are_shown(gateway: Emulator, client: PollinationsClient) -> None:
    """Issue 6568: INTERNAL_ERROR with nothing else, or beside a stock sentence that explains
    nothing.
    """
    for message in (
        {},
        {"message": "Oh snap, something went wrong on our end. We're on it!"},
        {"message": "Failed"},
    ):
        said = {"code": "INTERNAL_ERROR", "cause": "socket hang up", "requestId": "r9", **message}
        gateway.script(*[Body({"error": said}, status=500)] * 2)
        with pytest.raises(ServerError, match=r"socket hang up\. \(request id ") as caught:
            client.chat("hi")
        assert caught.value.request_id
        assert message.get("message", "") in str(caught.value)


def test_a_model_this_key_may_not_call(gateway: Emulator, client: PollinationsClient) -> None:
    """403, plain and as a notice, is one class."""
    gateway.script(error(403, "FORBIDDEN", "Model 'x' is not allowed for this API key"))
    with pytest.raises(ModelNotAllowedError):
        client.image("bee", model="flux")
    notice = (
        "The API key used for this request isn\u2019t allowed to use x. "
        "[Change](https://enter.pollinations.ai/keys).\n\nIf this isn\u2019t yours, ask."
    )
    body = completion(
        {"content": notice}, usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    )
    gateway.script(Body(body, headers={"cache-control": "private, no-store"}))
    with pytest.raises(ModelNotAllowedError):
        client.chat("hi")


def test_an_unknown_endpoint_of_an_older_gateway(
    gateway: Emulator, client: PollinationsClient
) -> None:
    """404 names what was asked for."""
    gateway.script(error(404, "NOT_FOUND", "Oh no, there's nothing here."))
    with pytest.raises(NotFoundError, match="/account/key"):
        client.key_info()


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_faults_of_the_emulator_reach_the_client(
    gateway: Emulator, client: PollinationsClient, kind: str
) -> None:
    """The double breaks connections for real."""
    gateway.script(Fault(kind, times=2))
    with pytest.raises(PollinationsError):
        client.chat("hi")
    assert len(gateway.requests) == 2
