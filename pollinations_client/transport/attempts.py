"""Count, time and log the attempts of one call. The retry policy says what follows a failure."""

from __future__ import annotations

import logging
from typing import Self

from ..budget.reservation import Reservation
from ..errors import BudgetSpentError, PollinationsError
from ..request.calls import Call
from ..settings.retry import is_safe, is_unbilled
from ..settings.settings import CallSettings
from .time_limits import Deadline, TimeLimits

log = logging.getLogger("pollinations_client")


class Attempts:
    """One call's attempts: its clock, how many there were, and what follows a failure."""

    __slots__ = ("_call", "_safe", "clock", "number", "reservation", "settings", "waited_until")

    def __init__(
        self, call: Call, settings: CallSettings, reservation: Reservation | None = None
    ) -> None:
        self._call = call
        self.reservation = reservation
        self.settings = settings
        self.clock = Deadline(call, settings.timeouts)
        self.number = 0
        self.waited_until = 0.0  # the end of the last shared 429 that it waited for
        self._safe = 0  # failures that do not use up what is allowed after others

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Count what the call may have cost, however it ended."""
        if self.reservation is not None:
            self.reservation.close()

    def begin(self) -> None:
        """Count an attempt and restart its limits."""
        self.number += 1
        self.clock.start_attempt()

    def time_limits(self) -> TimeLimits:
        """The limits of an attempt on a connection of our own."""
        timeouts = self.settings.timeouts
        # No limit for reads: the deadline decides about each of them.
        return TimeLimits(
            timeouts.connect_s, timeouts.write_s, timeouts.pool_s, read_s=None, deadline=self.clock
        )

    def pause_after(self, failure: PollinationsError) -> float:
        """Seconds to wait before the next attempt. Raises ``failure`` where there is none."""
        policy, remaining_s = self.settings.retry, self.clock.remaining_s()
        pause = policy.pause_s(
            failure, self._call, self.number, remaining_s, safe_before=self._safe
        )
        if pause is None:
            failure.retries_taken = self.number - 1
            # After an answer that may have been made, only the account's log knows what it cost.
            if self.reservation is not None:
                self.reservation.on_failure(is_unbilled=is_unbilled(failure))
            raise failure
        if self.reservation is not None:
            self._reserve_again(self.reservation, failure)
        self._safe += is_safe(failure)
        # Never the message: a refusal may repeat the prompt.
        reason = type(failure).__name__
        if failure.status_code:
            reason = f"HTTP {failure.status_code}"
        text = "%s failed (%s); attempt %d follows in %.2f s"
        log.warning(text, self._call.label, reason, self.number + 1, pause)
        return pause

    def _reserve_again(self, reservation: Reservation, failure: PollinationsError) -> None:
        """Raises ``failure`` where a repeat could be billed once more than a budget covers."""
        try:
            reservation.on_retry(is_unbilled=is_unbilled(failure))
        except BudgetSpentError as refusal:
            raise failure from refusal
