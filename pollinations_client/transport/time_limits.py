"""A call's deadline and timeouts, as limits on each step of sending and reading."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from ..request.endpoints import Call
from ..settings import Timeouts
from .deadline import Deadline


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
        return cls(
            **{f"{step}_s": timeout.get(step) for step in ("connect", "write", "pool", "read")}
        )

    def within_total(self, limit_s: float | None) -> float | None:
        """``limit_s``, or what is left of the call where that is less."""
        return limit_s if self.deadline is None else self.deadline.within_total(limit_s)

    def next_read_s(self) -> float | None:
        """The limit of a read that begins now. Raises ``httpx.ReadTimeout`` where none may begin.

        It is asked before every single read: a server that sends a byte now and then, or interim
        responses without end, comes to no more than the total.
        """
        if self.deadline is None:
            return self.read_s
        limit_s = self.deadline.read_limit_s()
        if limit_s is not None and limit_s <= 0:
            raise httpx.ReadTimeout("the call's time is used up")
        return limit_s


def limits_from(timeouts: Timeouts, deadline: Deadline) -> TimeLimits:
    """The limits of a request on a connection of our own."""
    return TimeLimits(
        timeouts.connect_s, timeouts.write_s, timeouts.pool_s, read_s=None, deadline=deadline
    )


def httpx_timeout_for(call: Call, timeouts: Timeouts, deadline: Deadline) -> httpx.Timeout:
    """The limits of a request through an httpx client: a user's own, or one that goes through the
    environment's proxies. None is longer than what is left of the total.

    httpx takes one limit for all reads of a request; between two of them the deadline is checked.
    """
    read_s: float | None = getattr(timeouts, call.kind.first_byte_limit)
    if call.kind.is_stream:
        read_s = (
            None
            if read_s is None or timeouts.stream_idle_s is None
            else max(read_s, timeouts.stream_idle_s)
        )
    limit = deadline.within_total
    return httpx.Timeout(
        connect=limit(timeouts.connect_s),
        write=limit(timeouts.write_s),
        pool=limit(timeouts.pool_s),
        read=limit(read_s),
    )
