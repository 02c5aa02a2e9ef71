"""Refusals that the gateway sends seldom, each with its class and code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pollinations_client import (
    APIStatusError,
    BadRequestError,
    ContentPolicyError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UpstreamError,
)
from pollinations_client.response.error_decoder import error_from_body, error_from_response


def envelope(status: int, code: str, message: str) -> bytes:
    """A refusal as the gateway wraps it."""
    return json.dumps(
        {"status": status, "success": False, "error": {"code": code, "message": message}}
    ).encode()


AZURE = {"error": {"message": "filtered", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}


def innermost_message(body: dict[str, Any]) -> str:
    """The sentence inside an error body of any shape."""
    inner = body["error"]
    return str(inner["message"] if isinstance(inner, dict) else body.get("message", inner))


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (
            429,
            b'{"error":"concurrency_limit_exceeded","message":"One at a time."}',
            RateLimitError,
            "concurrency_limit_exceeded",
        ),
        (
            429,
            envelope(429, "community_model_rate_limit", "Its owner limits it."),
            RateLimitError,
            "community_model_rate_limit",
        ),
        (
            429,
            envelope(429, "RATE_LIMITED", "Too many requests from this IP"),
            RateLimitError,
            "RATE_LIMITED",
        ),
        (503, b"Generation cache is temporarily unavailable", ServerError, None),
        (403, b"Your request was blocked.", PermissionDeniedError, None),
        (
            400,
            envelope(400, "failed_to_download_image", "It cannot be had."),
            BadRequestError,
            "failed_to_download_image",
        ),
        (
            400,
            envelope(400, "image_too_large", "It is too large."),
            BadRequestError,
            "image_too_large",
        ),
        (
            400,
            envelope(400, "unsupported_image_media_type", "No such type."),
            BadRequestError,
            "unsupported_image_media_type",
        ),
        (
            400,
            envelope(400, "BAD_REQUEST", "Invalid image URL. Put image= param last"),
            BadRequestError,
            "BAD_REQUEST",
        ),
        (400, b'{"error":"authorization_pending"}', BadRequestError, "authorization_pending"),
        (400, json.dumps(AZURE).encode(), ContentPolicyError, "ResponsibleAIPolicyViolation"),
    ],
)
def test_a_seldom_refusal_has_its_class_its_code_and_its_words(
    status: int, body: bytes, kind: type[APIStatusError], code: str | None
) -> None:
    """Limiters, the edge, the cache, the download of pictures, a login, a provider's filter."""
    error = error_from_response(status, body)
    assert (type(error), error.code, error.retry_after) == (kind, code, None)
    said = body.decode() if body[:1] != b"{" else str(innermost_message(json.loads(body)))
    assert said.rstrip(".") in error.message


def test_a_stream_without_its_count_is_the_providers_failure() -> None:
    """``usage_missing`` comes as an event of a stream that began well."""
    body = {
        "error": {"message": "No usage came.", "type": "upstream_error", "code": "usage_missing"}
    }
    error = error_from_body(body)
    assert isinstance(error, UpstreamError)
    assert error.code == "usage_missing"
