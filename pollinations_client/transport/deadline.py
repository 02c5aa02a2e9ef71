"""The time limits of one call, all its attempts and pauses included, on a monotonic clock.

Pure but for the clock.

The network part asks ``read_limit_s`` before every single read, so that the total holds even
against a server that sends a byte now and then, or informational responses without end.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from ..errors import APITimeoutError

if TYPE_CHECKING:
    from ..request.endpoints import Call
    from ..settings import Timeouts


DRAIN_S = 0.2


class Deadline:
    """Started with a call; ``restart`` begins a further attempt of it."""

    __slots__ = (
        *(
            "_body_began",
            "_call",
            "_deadline",
            "_is_told",
            "_lingers_until",
            "_progress",
            "_progress_at",
        ),
        "_timeouts",
    )

    def __init__(self, call: Call, timeouts: Timeouts) -> None:
        self._call = call
        self._timeouts = timeouts
        self._deadline = (
            math.inf if timeouts.total_s is None else time.monotonic() + timeouts.total_s
        )
        self.start_attempt()

    def start_attempt(self) -> None:
        """A new attempt: the first byte is waited for again; the total goes on."""
        self._body_began = False
        self._is_told = False
        self._lingers_until: float | None = None
        self._progress = 0
        self._progress_at = time.monotonic()

    def left_s(self) -> float:
        """Seconds until the total is used up; below 0 once it is."""
        return self._deadline - time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the total is used up, but for what a timer may be early."""
        return self.left_s() <= 0.001

    def within_total(self, limit_s: float | None) -> float | None:
        """``limit_s``, or what is left of the total where that is less; never below a
        millisecond.
        """
        left = self.left_s()
        if math.isinf(left):
            return limit_s
        return max(left if limit_s is None else min(limit_s, left), 0.001)

    def read_limit_s(self) -> float | None:
        """How long the next read may take; 0 or less when it may not begin any more."""
        if self._lingers_until is not None:
            return self._lingers_until - time.monotonic()
        left = self.left_s()
        return left if left <= 0 else self.within_total(self._wait_s())

    def on_bytes(self, progress: int = 0, *, answer_complete: bool = False) -> None:
        """A piece of the body came. Raises when a limit is over.

        ``progress`` counts the events parsed so far; ``answer_complete`` says that all of the
        answer was among them.
        """
        self._body_began = True
        self._is_told = answer_complete
        now = time.monotonic()
        if now > self._deadline:
            raise self.timed_out()
        if progress != self._progress:
            self._progress, self._progress_at = progress, now
            return
        limit = self._timeouts.progress_s if self._call.kind.is_stream else None
        if limit is not None and now - self._progress_at > limit:
            raise APITimeoutError(
                f"{self._call.label}: the stream stays open but brought nothing for {limit:g} s"
                " (Timeouts.progress_s)."
            )

    def start_drain(self) -> None:
        """The answer is complete: a moment in all for the end of the body, to keep the
        connection.
        """
        self._lingers_until = min(time.monotonic() + DRAIN_S, self._deadline)

    def timed_out(self) -> APITimeoutError:
        """The error for a wait that has just run out, naming the limit and the option that
        sets it.
        """
        if self.is_over:
            total = self._timeouts.total_s
            return APITimeoutError(
                f"{self._call.label} was not done within {total:g} s in all (total_timeout)."
            )
        waited = self._wait_s() or 0.0
        if self._call.kind.is_stream and self._body_began:
            return APITimeoutError(
                f"{self._call.label}: the stream brought no byte for {waited:g} s"
                " (stream_idle_timeout)."
            )
        return APITimeoutError(f"{self._call.label}: no answer within {waited:g} s (timeout).")

    def _wait_s(self) -> float | None:
        if self._call.kind.is_stream and self._body_began:
            idle, rest = self._timeouts.stream_idle_s, self._timeouts.after_finish_s
            return (
                idle
                if rest is None or not self._is_told
                else rest
                if idle is None
                else min(idle, rest)
            )
        limit: float | None = getattr(self._timeouts, self._call.kind.first_byte_limit)
        return limit
