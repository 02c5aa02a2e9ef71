"""Error bodies of every shape, read into one typed error with a sentence for a person."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from pollinations_client import errors as tree
from pollinations_client.response.error_decoder import (
    MAX_MESSAGE,
    error_from_body,
    error_from_response,
    retry_after_from,
)


def envelope(status: int, code: str, message: Any, **more: Any) -> bytes:
    """The gateway's own error body."""
    error = {"code": code, "message": message, "timestamp": "2026-01-01T00:00:00Z", **more}
    return json.dumps({"status": status, "success": False, "error": error}).encode()


NESTED = json.dumps(
    {
        "error": "Bad Request",
        "message": "400 Bad Request",
        "requestParameters": {"messages": [{"role": "user", "content": "my secret prompt"}]},
        "details": {
            "error": {"message": "The response was filtered", "code": "content_filter"},
            "provider": "azure-openai",
        },
    }
)


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (302, tree.RedirectError, False),
        (400, tree.BadRequestError, False),
        (401, tree.AuthenticationError, False),
        (402, tree.PaymentRequiredError, False),
        (403, tree.PermissionDeniedError, False),
        (404, tree.NotFoundError, False),
        (405, tree.BadRequestError, False),
        (413, tree.PayloadTooLargeError, False),
        (422, tree.UnprocessableEntityError, False),
        (429, tree.RateLimitError, True),
        (451, tree.BadRequestError, False),
        (500, tree.ServerError, True),
        (502, tree.ServerError, True),
        (503, tree.ServerError, True),
        (524, tree.ServerError, True),
        (530, tree.ServerError, True),
    ],
)
@pytest.mark.parametrize(
    "body", [b"", b"error code: 1033", b'{"error":"x"}', b"[]", b"null", b"\xff\xfe", b"<html>"]
)
def test_status_decides_whatever_the_body_is(
    status: int, kind: type, retryable: bool, body: bytes
) -> None:
    """Status first: the older gateway calls many failures UNKNOWN_ERROR."""
    error = error_from_response(status, body)
    assert type(error) is kind
    assert (error.status_code, error.is_retryable) == (status, retryable)
    assert str(status) in str(error)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (402, "INSUFFICIENT_BALANCE", "no", tree.InsufficientBalanceError),
        (402, "KEY_BUDGET_EXHAUSTED", "no", tree.KeyBudgetExhaustedError),
        (402, "QUEST_POLLEN_ONLY", "no", tree.PaidModelError),
        (402, "PAYMENT_REQUIRED", "API key budget exhausted.", tree.KeyBudgetExhaustedError),
        (
            402,
            "PAYMENT_REQUIRED",
            "Insufficient balance. This model costs ~0.01 pollen",
            tree.InsufficientBalanceError,
        ),
        (403, "FORBIDDEN", "Model 'x' is not allowed for this API key", tree.ModelNotAllowedError),
        (400, "content_blocked", "no", tree.ContentPolicyError),
        (422, "content_policy_violation", "no", tree.ContentPolicyError),
        (
            400,
            "BAD_REQUEST",
            "This model's maximum context length is 8192 tokens",
            tree.ContextOverflowError,
        ),
        (
            400,
            "BAD_REQUEST",
            "prompt is too long: 300000 tokens > 200000 maximum",
            tree.ContextOverflowError,
        ),
        (400, "BAD_REQUEST", "Unknown model: gpt-9", tree.UnknownModelError),
        (404, "model_not_found", "no", tree.UnknownModelError),
        (400, "BAD_REQUEST", "Model 'x' does not support image input", tree.BadRequestError),
        (400, "BAD_REQUEST", "temperature is too high", tree.BadRequestError),
        (500, "UNKNOWN_ERROR", "Insufficient balance", tree.ServerError),
    ],
)
def test_code_and_words_narrow_the_class(status: int, code: str, message: str, kind: type) -> None:
    """A code picks a subclass of what the status chose, never another branch of the tree."""
    error = error_from_response(status, envelope(status, code, message))
    assert type(error) is kind
    assert error.status_code == status


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "content_blocked", tree.ContentPolicyError),
        (400, "invalid_safe", tree.BadRequestError),
        (503, "service_unavailable", tree.ServerError),
    ],
)
def test_a_safety_error_is_what_its_code_says(status: int, code: str, kind: type) -> None:
    """One shape for a blocked prompt, a misspelt ``safe`` and a filter that is down."""
    body = {
        "error": {
            "type": "safety_error",
            "code": code,
            "message": "no",
            "safety": {"applied": ["privacy"]},
        }
    }
    error = error_from_response(status, body)
    assert (type(error), error.code, error.is_retryable) == (kind, code, status == 503)
    if status == 400:
        assert type(error_from_body(body)) is kind


def test_nested_json_is_opened_to_the_innermost_sentence_and_the_prompt_stays_out() -> None:
    """Issues 7783, 9707: the message is a JSON string that echoes the whole request."""
    error = error_from_response(400, envelope(400, "BAD_REQUEST", NESTED))
    assert type(error) is tree.ContentPolicyError
    assert "The response was filtered" in str(error)
    assert "secret prompt" not in str(error)


def test_a_providers_400_dressed_as_500_is_not_retried() -> None:
    """Issue 7372: the same request fails again."""
    error = error_from_response(500, envelope(500, "INTERNAL_ERROR", NESTED))
    assert not error.is_retryable
    assert error.status_code == 500


def test_a_providers_429_or_401_behind_a_502_may_be_retried() -> None:
    """Today's gateway hides its own provider trouble so."""
    details = {
        "name": "UpstreamError",
        "upstreamStatus": 429,
        "upstreamBody": '{"error":{"message":"slow down"}}',
    }
    error = error_from_response(502, envelope(502, "BAD_GATEWAY", "x", details=details))
    assert type(error) is tree.ServerError
    assert error.is_retryable
    assert "slow down" in str(error)


@pytest.mark.parametrize("status", [401, 402, 403, 409, 429])
def test_the_type_of_a_providers_error_does_not_make_a_400_of_its_status(status: int) -> None:
    """OpenAI calls a wrong key and a spent quota an invalid_request_error too."""
    said = {"message": "Incorrect key", "type": "invalid_request_error", "code": "invalid_api_key"}
    details = {"upstreamStatus": status, "upstreamBody": json.dumps({"error": said})}
    error = error_from_response(502, envelope(502, "BAD_GATEWAY", "x", details=details))
    assert type(error) is tree.ServerError
    assert error.is_retryable
    without_status = error_from_response(500, envelope(500, "INTERNAL_ERROR", {"error": said}))
    assert type(without_status) is tree.BadRequestError


def test_field_errors_are_listed() -> None:
    """The default sentence says nothing; the fields do."""
    details = {
        "name": "ValidationError",
        "formErrors": ["whole"],
        "fieldErrors": {"temperature": ["Too big"]},
    }
    error = error_from_response(
        400,
        envelope(400, "BAD_REQUEST", "Something was wrong with the input data.", details=details),
    )
    assert error.field_errors == {"temperature": ["Too big"], "request": ["whole"]}
    assert "temperature: Too big" in str(error)


def test_an_unknown_model_of_the_older_gateway_is_told_by_its_field() -> None:
    """There the model is a closed list, and a wrong one a validation error."""
    details = {
        "name": "ValidationError",
        "formErrors": [],
        "fieldErrors": {"model": ["Invalid option"]},
    }
    assert (
        type(error_from_response(400, envelope(400, "BAD_REQUEST", "x", details=details)))
        is tree.UnknownModelError
    )


def test_the_older_gateways_word_for_a_model_it_does_not_know() -> None:
    """On every route but chat, whose schema has the closed list."""
    message = 'Invalid service or alias: "nope". Must be a valid service name or alias.'
    error = error_from_response(400, envelope(400, "BAD_REQUEST", message))
    assert type(error) is tree.UnknownModelError


def test_request_id_link_and_cause_are_kept() -> None:
    """What support asks for first."""
    error = error_from_response(
        402,
        envelope(
            402, "INSUFFICIENT_BALANCE", "No pollen", fixUrl="https://enter.pollinations.ai/x"
        ),
        {"x-request-id": "r1"},
    )
    assert (error.request_id, error.fix_url, error.code) == (
        "r1",
        "https://enter.pollinations.ai/x",
        "INSUFFICIENT_BALANCE",
    )
    assert "r1" in str(error)
    assert (
        error_from_response(
            500, b'{"error":{"code":"INTERNAL_ERROR","requestId":"r2","cause":"socket hang up"}}'
        ).request_id
        == "r2"
    )
    assert "socket hang up" in str(
        error_from_response(500, b'{"error":{"code":"INTERNAL_ERROR","cause":"socket hang up"}}')
    )


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "3"}, None, 3.0),
        ({"retry-after": "0.5"}, None, 0.5),
        ({"retry-after": "2, 5"}, None, 5.0),
        ({"retry-after-ms": "250"}, None, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, None, 10.0),
        ({"retry-after": "Thu Jan  1 00:00:10 1970"}, None, 10.0),
        ({"retry-after": "Thu, 01 Jan 1960 00:00:10 GMT"}, None, 0.0),
        ({"retry-after": "-3"}, None, None),
        ({"retry-after": "soon"}, None, None),
        ({"retry-after": "inf"}, None, None),
        ({"retry-after": "nan"}, None, None),
        ({}, {"error": "Rate limit exceeded", "retryAfterSeconds": 7}, 7.0),
        ({}, {}, None),
    ],
)
def test_every_form_of_retry_after(
    headers: dict[str, str], body: Any, seconds: float | None
) -> None:
    """Seconds, fractions, milliseconds, dates, the body's own field; nonsense counts as nothing."""
    assert retry_after_from(headers, body, now=0.0) == seconds


def test_keys_that_a_server_echoes_are_blanked_everywhere() -> None:
    """In the sentence, in the body that is kept, in an HTML page."""
    key = "sk_demo_abcdef123456"
    for body in (
        envelope(401, "UNAUTHORIZED", f"bad key {key}, Bearer {key}, ?key={key}"),
        f"<title>{key}</title>".encode(),
        key.encode(),
    ):
        error = error_from_response(401, body, secret=SecretStr(key))
        assert key not in str(error)
        assert key not in repr(error)
        assert key not in repr(error.body)


@pytest.mark.parametrize(
    "name", ["status", "code", "upstreamStatus", "retryAfterSeconds", "message", "requestId"]
)
@pytest.mark.parametrize("value", ["9" * 5000, "²", 1e999, float("nan"), -1, True, None, [], {}])
def test_numbers_that_are_none_do_not_hide_the_refusal(name: str, value: Any) -> None:
    """Python reads no number of 5,000 digits, nor a superscript; the status speaks all the same."""
    body = json.dumps({"error": {name: value}}).encode()
    assert error_from_response(500, body).status_code == 500
    assert isinstance(error_from_body({"error": {name: value}}), tree.PollinationsError)


def test_an_unusual_key_is_blanked_too() -> None:
    """The key itself is known, whatever it looks like."""
    assert "hunter2hunter2" not in str(
        error_from_response(401, b"nope: hunter2hunter2", secret=SecretStr("hunter2hunter2"))
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["error", "message", "details", "code", "status", "cause", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_body_breaks_the_reader(body: Any) -> None:
    """Any JSON at all gives an error of the status's class with a bounded sentence."""
    error = error_from_response(400, json.dumps(body).encode())
    assert isinstance(error, tree.BadRequestError)
    assert len(str(error)) <= MAX_MESSAGE


def test_a_huge_sentence_is_bounded() -> None:
    """An upstream body may be megabytes."""
    assert (
        len(str(error_from_response(500, envelope(500, "INTERNAL_ERROR", "x" * 1_000_000))))
        <= MAX_MESSAGE
    )


def test_errors_copy_and_pickle_with_what_they_know() -> None:
    """They cross process pools and checkpoints."""
    error = error_from_response(
        402, envelope(402, "INSUFFICIENT_BALANCE", "No"), {"x-request-id": "r1"}
    )
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is type(error)
        assert (str(twin), twin.request_id, twin.status_code) == (str(error), "r1", 402)


def test_in_band_errors_follow_the_status_or_code_they_name() -> None:
    """A 200 that says 429 inside is a 429."""
    assert (
        type(error_from_body({"error": {"message": "x", "code": "INSUFFICIENT_BALANCE"}}))
        is tree.InsufficientBalanceError
    )
    assert (
        type(
            error_from_body(
                {"status": 403, "success": False, "error": {"code": "FORBIDDEN", "message": "x"}}
            )
        )
        is tree.PermissionDeniedError
    )
    assert type(error_from_body({"error": {"message": "x", "code": 503}})) is tree.UpstreamError
    assert type(error_from_body({"error": {}})) is tree.UpstreamError


def test_the_tree_is_what_its_docstring_draws() -> None:
    """Names and parents in the drawing are the real ones."""
    lines = [line for line in (tree.__doc__ or "").splitlines() if "── " in line]
    assert lines
    parents: dict[int, type] = {0: tree.PollinationsError}
    for line in lines:
        depth = (len(line) - len(line.lstrip(" │├└─"))) // 4 - 1
        kind = getattr(tree, line.split("── ")[1].split()[0])
        assert kind.__bases__[0] is parents[depth - 1], line
        parents[depth] = kind
    assert len(lines) + 1 == len([name for name in tree.__all__ if name[0].isupper()])


def test_the_code_of_an_error_in_an_envelope_is_the_telling_one() -> None:
    """Anthropic's envelope has the type ``error`` itself."""
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    assert error_from_response(529, body).code == "overloaded_error"
