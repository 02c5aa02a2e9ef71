"""The retry policy: pure decisions, by class of failure."""

from __future__ import annotations

import pytest

from pollinations_client import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    RetryPolicy,
    StreamInterrupted,
)
from pollinations_client.request import endpoints
from pollinations_client.response.error_decoder import error_from_response

PLAIN = endpoints.chat([{"role": "user", "content": "x"}], {})
STREAM = endpoints.chat([{"role": "user", "content": "x"}], {}, stream=True)
LIST = endpoints.models("/v1/models")
POLICY = RetryPolicy(max_retries=3)


@pytest.mark.parametrize(
    ("status", "plain", "stream"),
    [
        (400, 1, 1),
        (401, 1, 1),
        (402, 1, 1),
        (403, 1, 1),
        (404, 1, 1),
        (405, 1, 1),
        (413, 1, 1),
        (415, 1, 1),
        (422, 1, 1),
        (451, 1, 1),
        (301, 1, 1),
        (429, 4, 4),
        (503, 4, 4),
        (500, 2, 2),
        (502, 2, 2),
        (408, 2, 1),
        (504, 2, 1),
        (520, 2, 1),
        (524, 2, 1),
        (501, 1, 1),
    ],
)
def test_attempts_by_status(status: int, plain: int, stream: int) -> None:
    """Safe, once, ambiguous, never."""
    failure = error_from_response(status, b"")
    assert (POLICY.attempts_for(failure, PLAIN), POLICY.attempts_for(failure, STREAM)) == (
        plain,
        stream,
    )


def test_what_was_not_sent_is_safe_and_what_was_sent_is_ambiguous() -> None:
    """An ambiguous stream is repeated only by one who accepts to pay twice."""
    unsent, lost = APIConnectionError("x", ambiguous=False), APITimeoutError("x")
    assert (
        POLICY.attempts_for(unsent, STREAM),
        POLICY.attempts_for(lost, PLAIN),
        POLICY.attempts_for(lost, STREAM),
    ) == (4, 2, 1)
    assert RetryPolicy(retry_streams=True).attempts_for(lost, STREAM) == 2
    assert POLICY.attempts_for(lost, LIST) == 2


def test_untrusted_certificates_bad_settings_and_begun_streams_are_never_repeated() -> None:
    """Nothing changes by trying."""
    untrusted = APIConnectionError("x")
    untrusted.is_retryable = False
    for failure in (untrusted, ConfigurationError("x"), StreamInterrupted("x")):
        assert POLICY.attempts_for(failure, PLAIN) == 1


def test_no_retries_means_none() -> None:
    """``max_retries=0`` is one request, whatever happens."""
    none = RetryPolicy(max_retries=0)
    for failure in (
        error_from_response(429, b""),
        error_from_response(500, b""),
        APITimeoutError("x"),
        APIConnectionError("x", ambiguous=False),
    ):
        assert none.pause_s(failure, PLAIN, 1, 600) is None


def test_backoff_grows_to_its_limit_with_jitter_downwards() -> None:
    """Half to whole of 0.5, 1, 2, 4, 8, 8 seconds."""
    patient = RetryPolicy(max_retries=9)
    for attempt, full in enumerate([0.5, 1, 2, 4, 8, 8], start=1):
        pauses = [
            patient.pause_s(error_from_response(503, b""), PLAIN, attempt, 600) or 0
            for _ in range(50)
        ]
        assert full / 2 <= min(pauses) < max(pauses) <= full


@pytest.mark.parametrize(
    ("wish", "left", "pause"),
    [("2", 600, 2.0), ("60", 600, 60.0), ("61", 600, None), ("5", 4, None)],
)
def test_a_servers_wish_is_honoured_within_reason(
    wish: str, left: float, pause: float | None
) -> None:
    """Longer than a minute, or than the time left: give up at once, the wish on the error."""
    failure = error_from_response(429, b"", {"retry-after": wish})
    assert POLICY.pause_s(failure, PLAIN, 1, left) == pause
    assert failure.retry_after == float(wish)


def test_a_wish_for_no_time_at_all_is_no_wish() -> None:
    """The usual pause holds, so that nobody is asked three times in a millisecond."""
    for said in ("0", "Thu, 01 Jan 1970 00:00:00 GMT"):
        failure = error_from_response(429, b"", {"retry-after": said})
        assert failure.retry_after == 0
        assert (POLICY.pause_s(failure, PLAIN, 1, 600) or 0) >= 0.25


def test_safe_failures_do_not_use_up_the_one_repeat_after_others() -> None:
    """A limiter that said no before a 500 has cost nothing; the most attempts hold all the same."""
    failed, patient = error_from_response(500, b""), RetryPolicy(max_retries=5)
    assert patient.pause_s(failed, PLAIN, 2, 600) is None
    assert patient.pause_s(failed, PLAIN, 2, 600, safe_before=1) is not None
    assert patient.pause_s(failed, PLAIN, 3, 600, safe_before=1) is None
    assert RetryPolicy(max_retries=1).pause_s(failed, PLAIN, 2, 600, safe_before=1) is None


def test_a_bad_request_dressed_as_a_timeout_is_not_repeated() -> None:
    """What a provider refuses with 400 is refused again, whatever status the gateway gives it."""
    body = b'{"error":{"message":"{\\"error\\":{\\"message\\":\\"bad\\",\\"code\\":400}}"}}'
    for status in (500, 502, 504, 524):
        assert POLICY.attempts_for(error_from_response(status, body), PLAIN) == 1


def test_a_repeat_is_the_same_bytes() -> None:
    """Only an identical request is joined to the first and billed once."""
    call = endpoints.chat([{"role": "user", "content": "x"}], {"seed": -1})
    assert call.body is call.body
    assert b'"seed":' in (call.body or b"")
