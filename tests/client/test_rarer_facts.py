"""What the gateway is known to send but seldom sends: each body, header and field once, by its own
name.
"""

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
    ResponseInfo,
    ServerError,
    UpstreamError,
)
from pollinations_client.request.endpoints import chat
from pollinations_client.response.account import profile_from
from pollinations_client.response.error_decoder import error_from_body, error_from_response
from pollinations_client.usage import usage_from


def envelope(status: int, code: str, message: str) -> bytes:
    """A refusal as the gateway wraps it."""
    return json.dumps(
        {"status": status, "success": False, "error": {"code": code, "message": message}}
    ).encode()


AZURE = {"error": {"message": "filtered", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}


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
    said = body.decode() if body[:1] != b"{" else str(_innermost(json.loads(body)))
    assert said.rstrip(".") in error.message


def _innermost(body: dict[str, Any]) -> str:
    inner = body["error"]
    return str(inner["message"] if isinstance(inner, dict) else body.get("message", inner))


def test_a_stream_without_its_count_is_the_providers_failure() -> None:
    """``usage_missing`` comes as an event of a stream that began well."""
    body = {
        "error": {"message": "No usage came.", "type": "upstream_error", "code": "usage_missing"}
    }
    error = error_from_body(body)
    assert isinstance(error, UpstreamError)
    assert error.code == "usage_missing"


def test_headers_about_the_model_its_stand_in_and_the_filters_are_told() -> None:
    """Those with a field of their own, and the rest by name."""
    sent = {
        "x-model-requested": "claude",
        "x-fallback-target": "openai",
        "x-moderation-prompt-hate-severity": "safe",
        "x-safety-applied": "privacy",
    }
    info = ResponseInfo.from_headers(200, sent)
    assert (info.model_requested, info.fallback_target) == ("claude", "openai")
    assert info.headers["x-moderation-prompt-hate-severity"] == "safe"
    assert info.headers["x-safety-applied"] == "privacy"


def test_counts_of_a_providers_own_searches_are_kept() -> None:
    """They have no place in the normal form."""
    searches = {"web_search_requests": 2}
    usage = usage_from(
        {"prompt_tokens": 1, "completion_tokens": 1, "server_tool_use_details": searches}
    )
    assert usage is not None
    assert usage.raw["server_tool_use_details"] == searches


def test_a_profile_of_any_month_is_read() -> None:
    """Tiers came and went, and the time of the next grant with them."""
    profile = profile_from({"tier": "microbe", "nextResetAt": "2026-03-01T00:00:00Z"})
    assert profile.tier == "microbe"
    assert "2026-03-01" in repr(profile)


def test_a_film_on_youtube_is_sent_as_a_link() -> None:
    """Gemini watches it there; nothing is fetched here."""
    film = {"type": "video_url", "video_url": {"url": "https://www.youtube.com/watch?v=bees"}}
    body = chat([{"role": "user", "content": [film]}], {"model": "gemini"}).body
    assert json.loads(body or b"")["messages"][0]["content"] == [film]


def test_the_gateways_other_words_for_json_pass_through_the_door() -> None:
    """``jsonMode`` is a convenience of today's gateway; ``response_format`` says the same in both
    eras.
    """
    body = chat([{"role": "user", "content": "hi"}], {"extra_body": {"jsonMode": True}}).body
    assert json.loads(body or b"")["jsonMode"] is True
