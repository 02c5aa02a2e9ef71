"""Limit the time of one call: of all its attempts together, and of each step on the network."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import httpx

from ..errors import APITimeoutError
from ..request.calls import Call
from ..settings.limits import Timeouts

# For the end of a body whose answer is complete: the gateway sends it at once, and a server that
# does not is left with its connection.
DRAIN_S = 0.2
# asyncio's timers fire up to a clock tick early; what is left then is no time to work with.
CLOCK_TICK_S = 0.001


class Deadline:
    """When a call must be done, its attempts and pauses included, on a monotonic clock."""

    __slots__ = (
        *("_body_began", "_call", "_deadline", "_drain_until", "_is_answer_complete"),
        *("_progress", "_progress_at", "_timeouts"),
    )

    def __init__(self, call: Call, timeouts: Timeouts) -> None:
        self._call = call
        self._timeouts = timeouts
        self._deadline = math.inf
        if timeouts.total_s is not None:
            self._deadline = time.monotonic() + timeouts.total_s
        self.start_attempt()

    def start_attempt(self) -> None:
        """Wait for a first byte again, in what is left of the total."""
        self._body_began = False
        self._is_answer_complete = False
        self._drain_until: float | None = None
        self._progress = 0
        self._progress_at = time.monotonic()

    def remaining_s(self) -> float:
        """Seconds until the total is used up; below 0 once it is."""
        return self._deadline - time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the total is used up."""
        return self.remaining_s() <= CLOCK_TICK_S

    def within_total(self, limit_s: float | None) -> float | None:
        """``limit_s``, or what is left of the total if that is less; at least a millisecond."""
        remaining_s = self.remaining_s()
        if math.isinf(remaining_s):
            return limit_s
        # 0 would make a socket non-blocking, and a negative limit is a ValueError.
        return max(remaining_s if limit_s is None else min(limit_s, remaining_s), 0.001)

    def read_limit_s(self) -> float | None:
        """How long the next read may take; 0 or less if it may not begin."""
        if self._drain_until is not None:
            return self._drain_until - time.monotonic()
        remaining_s = self.remaining_s()
        return remaining_s if remaining_s <= 0 else self.within_total(self._wait_s())

    def on_bytes(self, progress: int = 0, *, answer_complete: bool = False) -> None:
        """Count a piece of the body. Raises :class:`APITimeoutError` if a limit is over.

        ``progress`` counts the events parsed so far; ``answer_complete`` says that all of the
        answer was among them.
        """
        self._body_began = True
        self._is_answer_complete = answer_complete
        now = time.monotonic()
        if now > self._deadline:
            raise self.timed_out()
        if progress != self._progress:
            self._progress, self._progress_at = progress, now
            return
        # Comments of a proxy keep a stream open for ever (": keep-alive"): bytes are no progress.
        limit = self._timeouts.progress_s if self._call.kind.is_stream else None
        if limit is not None and now - self._progress_at > limit:
            raise APITimeoutError(
                f"{self._call.label}: the stream stays open but brought nothing for {limit:g} s"
                " (Timeouts.progress_s)."
            )

    def start_drain(self) -> None:
        """Leave a moment for the end of the body, so that its connection can be used again."""
        self._drain_until = min(time.monotonic() + DRAIN_S, self._deadline)

    def timed_out(self) -> APITimeoutError:
        """The error for a wait that has run out; it names the limit and the option that sets it."""
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
        timeouts = self._timeouts
        if not (self._call.kind.is_stream and self._body_began):
            limit_s: float | None = getattr(timeouts, self._call.kind.first_byte_limit)
            return limit_s
        idle_s, after_finish_s = timeouts.stream_idle_s, timeouts.after_finish_s
        if after_finish_s is None or not self._is_answer_complete:
            return idle_s
        if idle_s is None:
            return after_finish_s
        return min(idle_s, after_finish_s)


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long each step of one request may take, in seconds; ``None`` is for ever.

    With a ``deadline`` no step takes longer than what is left of the call, and it decides about
    reads.
    """

    connect_s: float | None = None
    write_s: float | None = None
    pool_s: float | None = None
    read_s: float | None = None
    deadline: Deadline | None = None

    @classmethod
    def from_httpx(cls, request: httpx.Request) -> TimeLimits:
        """The timeouts that an httpx client put on its request."""
        timeout = request.extensions.get("timeout", {})
        return cls(*(timeout.get(step) for step in ("connect", "write", "pool", "read")))

    def within_total(self, limit_s: float | None) -> float | None:
        """``limit_s``, or what is left of the call if that is less."""
        return limit_s if self.deadline is None else self.deadline.within_total(limit_s)

    def next_read_s(self) -> float | None:
        """The limit of a read that begins now. Raises ``httpx.ReadTimeout`` if none may begin."""
        if self.deadline is None:
            return self.read_s
        # Asked before every single read: a server that sends a byte now and then, or interim
        # responses without end, comes to no more than the total.
        limit_s = self.deadline.read_limit_s()
        if limit_s is not None and limit_s <= 0:
            raise httpx.ReadTimeout("the call's time is used up")
        return limit_s


def httpx_timeout_for(call: Call, timeouts: Timeouts, deadline: Deadline) -> httpx.Timeout:
    """The limits of a request through an httpx client: a user's own, or one with proxies.

    None is longer than what is left of the total.
    """
    read_s: float | None = getattr(timeouts, call.kind.first_byte_limit)
    if call.kind.is_stream and read_s is not None:
        # httpx takes one limit for all reads of a request; between two the deadline is checked.
        idle_s = timeouts.stream_idle_s
        read_s = None if idle_s is None else max(read_s, idle_s)
    limit = deadline.within_total
    return httpx.Timeout(
        connect=limit(timeouts.connect_s),
        write=limit(timeouts.write_s),
        pool=limit(timeouts.pool_s),
        read=limit(read_s),
    )
