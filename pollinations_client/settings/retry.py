"""Decide whether to try a call again, and how long to wait before. No clock and no network."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..errors import APIConnectionError, APIStatusError, InvalidRequestError, PollinationsError
from ..request.calls import Call

# Safe: nothing can have been generated (a refused connection is, too). Up to max_retries further
# attempts, of streams as well. 529 is Anthropic's "overloaded", which API 0.3.0 passes on.
SAFE_STATUSES = frozenset({429, 503, 529})
# Nothing is billed either, but the same failure mostly comes again: server_error_retries further
# attempts, which is one until somebody names a number of retries.
UNBILLED_STATUSES = frozenset({500, 502})
# The request was sent and no answer came (timeouts and resets, too). One further attempt where the
# gateway documents an identical repeat as joined and billed once (docs/idempotency.md); none for
# streams unless the caller accepts to pay twice. Everything else was refused on purpose.
AMBIGUOUS_STATUSES = frozenset({408, 504, 520, 521, 522, 523, 524, 530})


def is_safe(failure: PollinationsError) -> bool:
    """Whether nothing can have been generated, so that any further attempt is free of risk."""
    match failure:
        case APIConnectionError():
            return failure.is_retryable and not failure.ambiguous
        case APIStatusError():
            return failure.is_retryable and failure.status_code in SAFE_STATUSES
    return False


def is_unbilled(failure: PollinationsError) -> bool:
    """Whether an attempt that failed so has certainly cost nothing: it was refused or not sent."""
    if failure.status_code is not None:
        succeeded = 200 <= failure.status_code < 300
        return not succeeded and failure.status_code not in AMBIGUOUS_STATUSES
    match failure:
        case APIConnectionError():
            return not failure.ambiguous
        case InvalidRequestError():
            return True
    return False


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Every number is an option of the clients. Times are in seconds."""

    max_retries: int = 2
    server_error_retries: int = 1
    retry_streams: bool = False
    backoff_base_s: float = 0.5
    backoff_limit_s: float = 8.0
    retry_after_limit_s: float = 60.0

    def attempts_for(self, failure: PollinationsError, call: Call) -> int:
        """How many attempts in all this failure allows."""
        allowed = 1 + max(self.max_retries, 0)
        if is_safe(failure):
            return allowed
        repeats = call.repeat_is_billed_once or call.kind.is_free or self.retry_streams
        match failure:
            case APIStatusError() if (
                failure.is_retryable and failure.status_code in UNBILLED_STATUSES
            ):
                return min(1 + max(self.server_error_retries, 0), allowed)
            case APIStatusError() if failure.status_code not in AMBIGUOUS_STATUSES:
                return 1
            case APIStatusError() | APIConnectionError() if repeats and failure.is_retryable:
                return min(2, allowed)
        return 1

    def pause_s(
        self,
        failure: PollinationsError,
        call: Call,
        attempt: int,
        time_left_s: float,
        *,
        safe_before: int = 0,
    ) -> float | None:
        """Seconds to wait before the next attempt after ``attempt`` (counted from 1), or ``None``
        to give up.

        ``safe_before`` of the attempts before failed safely; they do not use up what is allowed
        after other failures. A server's own ``Retry-After`` holds up to ``retry_after_limit_s`` and
        the time left; a longer one means giving up at once, with the wish kept on the error.
        Without it: exponential, with jitter downwards by half.
        """
        if attempt > self.max_retries or attempt - safe_before >= self.attempts_for(failure, call):
            return None
        if failure.retry_after:
            pause = failure.retry_after
            if pause > self.retry_after_limit_s:
                return None
        else:
            full = min(self.backoff_limit_s, self.backoff_base_s * 2 ** (attempt - 1))
            # By half: the calls of a batch, refused in one moment, do not come back in one.
            pause = full * random.uniform(0.5, 1.0)  # noqa: S311
        if pause >= time_left_s:
            return None
        return pause


DEFAULT_RETRY = RetryPolicy()  # shared by all settings, for nothing in it changes


def retry_policy_from(max_retries: int | None, retry_streams: bool) -> RetryPolicy:
    """The default policy; a number of retries that somebody names holds for server errors too."""
    if max_retries is None:
        return RetryPolicy(retry_streams=True) if retry_streams else DEFAULT_RETRY
    return RetryPolicy(
        max_retries=max_retries, server_error_retries=max_retries, retry_streams=retry_streams
    )
