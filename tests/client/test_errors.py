"""Refusals as the gateway and its providers really word them, over HTTP and through the reader."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from pollinations_client import PollinationsClient
from pollinations_client import errors as tree
from pollinations_client.response.error_decoder import error_from_body, error_from_response
from pollinations_client.response.error_tables import PAYMENT_WORDINGS
from pollinations_client.settings.retry import is_safe
from support.rawserver import RawServer

PROMPT = "my private diary of the ninth of May"
PICTURE = "data:image/png;base64," + "QUJD" * 100_000


def envelope(status: int, message: Any, code: str = "UNKNOWN_ERROR", **more: Any) -> dict[str, Any]:
    """The gateway's own error body."""
    return {"status": status, "success": False, "error": {"code": code, "message": message, **more}}


def provider_refusal(details: Any, *, content: Any = PROMPT, **more: Any) -> str:
    """What the text service of winter 2025-26 puts into the envelope's ``message``."""
    return json.dumps(
        {
            "error": "Bad Request",
            "message": "400 Bad Request",
            "requestId": "r-1",
            "requestParameters": {"messages": [{"role": "user", "content": content}], "seed": 1},
            "details": details,
            **more,
        }
    )


OVERFLOW = {
    "error": {"message": "This model's maximum context length is 8192 tokens", "code": "x"},
    "provider": "azure-openai",
}


@pytest.fixture
def refusing() -> Iterator[Any]:
    """A server that answers every call with the refusal it was made for, and a client of it."""
    servers: list[RawServer] = []

    def start(status: int, body: bytes, **options: Any) -> PollinationsClient:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
        answer = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

        def play(peer: socket.socket, request: bytes) -> None:
            peer.sendall(answer)

        servers.append(RawServer(play))
        options = {"api_key": "sk_test_0123456789abcdef", "max_retries": 0, **options}
        return PollinationsClient(base_url=servers[-1].url, **options)

    yield start
    for server in servers:
        server.stop()


def everything_in(error: BaseException) -> str:
    """All that a log, a trace or a pickle could show of an error."""
    return repr((str(error), error, vars(error), error.__cause__, error.__context__))


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("status", "details", "kind"),
    [
        (400, OVERFLOW, tree.ContextOverflowError),
        (500, OVERFLOW, tree.ContextOverflowError),
        (
            400,
            {"error": {"message": "filtered", "code": "content_filter"}, "provider": "azure"},
            tree.ContentPolicyError,
        ),
    ],
)
def test_a_refusal_that_echoes_a_large_request_is_read_to_its_end(
    refusing: Any,
    caplog: pytest.LogCaptureFixture,
    streams: bool,
    status: int,
    details: Any,
    kind: type,
) -> None:
    """What is wrong stands behind the echo; the prompt is in no error, body or log."""
    caplog.set_level(logging.DEBUG)
    parts = [
        {"type": "text", "text": PROMPT},
        {"type": "image_url", "image_url": {"url": PICTURE}},
    ]
    body = json.dumps(envelope(status, provider_refusal(details, content=parts))).encode()
    client = refusing(status, body)
    messages = [{"role": "user", "content": PROMPT}]
    with pytest.raises(tree.BadRequestError) as caught:
        if streams:
            list(client.stream_chat(messages))
        else:
            client.chat(messages)
    assert type(caught.value) is kind
    text = everything_in(caught.value) + caplog.text
    assert PROMPT not in text
    assert "QUJDQUJD" not in text
    assert len(text) < 10_000


@pytest.mark.parametrize(
    "body",
    [
        envelope(400, provider_refusal(OVERFLOW)),
        envelope(400, f"400 Bad Request: {provider_refusal(OVERFLOW)} while asking azure"),
        envelope(400, "x" * 200 + provider_refusal(OVERFLOW)),
        envelope(400, provider_refusal(OVERFLOW)[:-40]),
        envelope(400, json.dumps({"message": provider_refusal(OVERFLOW)})),
        json.loads(provider_refusal(OVERFLOW)),
        {"error": {"message": "no", "requestBody": {"messages": [{"content": PROMPT}]}}},
        {"error": "no", "messages": [{"role": "user", "content": PROMPT}]},
        {"detail": [{"loc": ["body", "x"], "msg": "Required", "input": PROMPT}]},
    ],
)
def test_no_form_of_an_echo_shows_the_prompt(body: dict[str, Any]) -> None:
    """As an object, as JSON in a string, behind prose, cut short, under other names."""
    raw = json.dumps(body).encode()
    cut = raw.index(PROMPT.encode()) + len(PROMPT)
    for received in (raw, raw[:cut], b"Bad Request: " + raw, b"Bad Request: " + raw[:cut]):
        assert PROMPT not in everything_in(error_from_response(400, received))
    assert PROMPT not in everything_in(error_from_body(body))


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (403, "Insufficient pollen balance to use this model", tree.InsufficientBalanceError),
        (402, "Insufficient pollen balance to use this model", tree.InsufficientBalanceError),
        (
            402,
            "Insufficient pollen balance or API key budget exhausted.",
            tree.InsufficientBalanceError,
        ),
        (402, "Your pollen balance is too low.", tree.InsufficientBalanceError),
        (
            402,
            "Insufficient balance. This model costs ~0.01 pollen per request, but your available"
            " paid balance is 0.0000.",
            tree.InsufficientBalanceError,
        ),
        (
            402,
            "🪙 This model requires a paid balance. Tier balance cannot be used.",
            tree.PaidModelError,
        ),
        (
            402,
            "This model requires 💳 Top-up Pollen. 🌱 Tier Pollen cannot be used.",
            tree.PaidModelError,
        ),
        (
            402,
            "This API key is restricted to free pollen and cannot use paid-only models.",
            tree.PaidModelError,
        ),
        (
            402,
            "This API key is restricted to free pollen. Wait for your next refill at noon.",
            tree.InsufficientBalanceError,
        ),
        (
            402,
            "This API key is restricted to paid balance. Add pack or crypto pollen to continue.",
            tree.InsufficientBalanceError,
        ),
        (
            402,
            "API key budget too low. 0.1 pollen, but this key has 0.",
            tree.KeyBudgetExhaustedError,
        ),
        (403, "Model 'x' is not allowed for this API key", tree.ModelNotAllowedError),
        (403, "Access denied!", tree.PermissionDeniedError),
    ],
)
def test_every_wording_of_no_balance_is_a_payment_error_with_its_remedy(
    status: int, message: str, kind: type
) -> None:
    """Winter 2025-26 says 403, spring 2026 says 402 in several ways; a retry never helps."""
    error = error_from_response(status, envelope(status, message, "FORBIDDEN"))
    assert type(error) is kind
    assert (error.status_code, error.is_retryable) == (status, False)
    if issubclass(kind, tree.PaymentRequiredError):
        assert any(word in str(error) for word in ("Top up", "budget or use", "paid pollen"))


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("account_balance", tree.InsufficientBalanceError),
        ("key_budget", tree.KeyBudgetExhaustedError),
        ("something_new", tree.PaymentRequiredError),
        (["key_budget"], tree.PaymentRequiredError),
    ],
)
def test_the_reason_in_the_details_of_a_402_decides(reason: Any, kind: type) -> None:
    """Whatever the sentence beside it is."""
    body = envelope(402, "Payment required", "PAYMENT_REQUIRED", details={"reason": reason})
    error = error_from_response(402, body)
    assert (type(error), error.code) == (kind, "PAYMENT_REQUIRED")


def test_notices_and_refusals_share_one_table_of_wordings() -> None:
    """The words of a notice are recognised in a refusal too, as the same error."""
    for wording in PAYMENT_WORDINGS:
        for opening in wording.openings:
            error = error_from_response(wording.status, envelope(wording.status, opening))
            assert type(error) is wording.kind, opening


@pytest.mark.parametrize("status", [401, 402, 403, 404])
@pytest.mark.parametrize(
    "body",
    [
        lambda status: envelope(status, provider_refusal({"error": {"message": "Invalid key"}})),
        lambda status: envelope(
            status, "no", details={"provider": "azure", "error": {"message": "Invalid key"}}
        ),
    ],
)
def test_a_providers_own_401_402_404_is_an_upstream_error(status: int, body: Any) -> None:
    """It is about the gateway's account at the provider, not about the user's key or balance."""
    error = error_from_response(status, body(status))
    assert type(error) is tree.UpstreamError
    assert error.status_code == status
    assert "Invalid key" in str(error)
    assert "not about your key" in str(error)
    assert "POLLINATIONS_API_KEY" not in str(error)


def test_a_providers_content_filter_stays_what_it_is() -> None:
    """The prompt is the user's, whoever refuses it."""
    details = {"error": {"message": "no", "code": "content_filter"}, "provider": "azure"}
    error = error_from_response(404, envelope(404, provider_refusal(details)))
    assert type(error) is tree.ContentPolicyError


def test_the_standard_401_sentence_stays_readable() -> None:
    """ "Bearer token" is no key; keys of every form are blanked out."""
    sentence = (
        "Authentication required. Please provide an API key via Authorization header"
        " (Bearer token) or ?key= query parameter."
    )
    assert sentence in str(error_from_response(401, envelope(401, sentence)))
    for text in (
        "ag_0123456789ab",
        "sk_abcdef",
        "pk_abcdef",
        "sk-proj-0123456789abcdef",
        "Bearer abc123",
        "Bearer abcdefghijklmnopqrstuvwxyz",
        "?key=secret",
    ):
        secret = text.removeprefix("Bearer ").removeprefix("?key=")
        assert secret not in str(error_from_response(401, envelope(401, f"bad key {text}, sorry")))


def test_an_overloaded_provider_is_tried_again_under_its_code() -> None:
    """529 passes through in the seed era; nothing was generated."""
    for body in (b"", envelope(529, "Overloaded"), {"error": {"type": "overloaded_error"}}):
        error = error_from_response(529, body)
        assert (type(error), error.status_code) == (tree.ServerError, 529)
        assert error.code == "overloaded_error"
        assert error.is_retryable
        assert is_safe(error)
        assert "529 overloaded_error" in str(error)


def test_a_schema_error_keeps_the_paths_of_its_issues() -> None:
    """A provider's answer that fails the gateway's schema is a 500 whose message is a list."""
    issues = [
        {"code": "invalid_type", "path": ["choices", 0, "message", "role"], "message": "Required"},
        {"code": "custom", "path": ["usage"], "message": "Not a number"},
    ]
    details = {"name": "ZodError", "stack": "at x"}
    body = envelope(500, json.dumps(issues), "INTERNAL_ERROR", details=details)
    error = error_from_response(500, body)
    assert "choices.0.message.role: Required; usage: Not a number" in str(error)
    assert error.code == "INTERNAL_ERROR"


@pytest.mark.parametrize(
    ("body", "sentences"),
    [
        (
            {"error": "Rate limit exceeded", "message": "Retry after 7s"},
            ["Rate limit exceeded. Retry after 7s"],
        ),
        (
            {"error": "Bad Request", "message": "400 Bad Request", "details": "picture too large"},
            ["400 Bad Request. picture too large"],
        ),
        ({"error": {"message": "Broken", "details": "disk full"}}, ["Broken. disk full"]),
        ({"error": "Broken", "detail": "It broke."}, ["It broke."]),
    ],
)
def test_every_sentence_of_a_flat_body_is_told_once(
    body: dict[str, Any], sentences: list[str]
) -> None:
    """``error`` and ``message`` may both be for people, and ``details`` may be plain text."""
    message = str(error_from_response(429, body))
    for sentence in sentences:
        assert message.count(sentence) == 1, message
    assert ".." not in message


@pytest.mark.parametrize("name", [name for name in tree.__all__ if name[0].isupper()])
def test_every_name_that_an_error_lists_can_be_read(name: str) -> None:
    """Tools that print errors with all they know walk over ``dir(error)``."""
    error = getattr(tree, name)("x")
    for attribute in dir(error):
        getattr(error, attribute)
    assert {"message", "status_code", "is_retryable", "args"} <= set(dir(error))


def test_a_key_deep_inside_an_error_body_is_blanked() -> None:
    """However deep a body is nested."""
    key = "sk_test_0123456789abcdef"
    body: Any = {"x": key}
    for _ in range(60):
        body = {"x": body}
    error = error_from_response(400, {"error": body}, secret=SecretStr(key))
    assert key not in everything_in(error)
