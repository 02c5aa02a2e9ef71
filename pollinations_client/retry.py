"""When to try again, and how long to wait before: pure policy, no clock and no network.

Three classes of failure. *Safe*: nothing can have been generated (connection refused, 429, 503), so up to
``max_retries`` further attempts, streams too; 500 and 502 once, since the gateway bills success only. *Ambiguous*: the
request was sent and no answer came (timeouts, resets, 504, 520 to 524); one further attempt where the gateway
documents an identical repeat as joined and billed once, none for streams unless the caller accepts to pay twice.
*Never*: everything the gateway refused on purpose, and anything after the first byte of a stream.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from .calls import Call
from .errors import APIConnectionError, APIStatusError, PollinationsError

SAFE_STATUSES = frozenset({429, 503})
ONCE_STATUSES = frozenset({500, 502})
AMBIGUOUS_STATUSES = frozenset({408, 504, 520, 521, 522, 523, 524, 530})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Every number is an option of the clients. Times are in seconds."""

    max_retries: int = 2
    retry_streams: bool = False
    backoff_base_s: float = 0.5
    backoff_limit_s: float = 8.0
    retry_after_limit_s: float = 60.0

    def attempts_for(self, failure: PollinationsError, call: Call) -> int:
        """How many attempts in all this failure allows."""
        most = 1 + max(self.max_retries, 0)
        again = min(2, most)
        repeats = call.joins or call.is_free or self.retry_streams
        match failure:
            case APIConnectionError():
                if not failure.is_retryable:
                    return 1
                return most if not failure.ambiguous else again if repeats else 1
            case APIStatusError():
                if not failure.is_retryable and failure.status_code not in AMBIGUOUS_STATUSES:
                    return 1
                if failure.status_code in SAFE_STATUSES:
                    return most
                if failure.status_code in ONCE_STATUSES:
                    return again
                return again if failure.status_code in AMBIGUOUS_STATUSES and repeats else 1
        return 1

    def pause_s(self, failure: PollinationsError, call: Call, attempt: int, time_left_s: float) -> float | None:
        """Seconds to wait before the next attempt after ``attempt`` (counted from 1), or ``None`` to give up.

        A server's own ``Retry-After`` holds up to ``retry_after_limit_s`` and the time left; a longer one means giving
        up at once, with the wish kept on the error. Without it: exponential, with jitter downwards by half.
        """
        if attempt >= self.attempts_for(failure, call):
            return None
        wished = failure.retry_after
        if wished is not None:
            pause = wished
            if wished > self.retry_after_limit_s:
                return None
        else:
            full = min(self.backoff_limit_s, self.backoff_base_s * 2 ** (attempt - 1))
            pause = full * random.uniform(0.5, 1.0)  # noqa: S311
        return pause if pause < time_left_s else None
