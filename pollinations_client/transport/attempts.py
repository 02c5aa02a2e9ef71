"""One call's attempts: counted, timed, logged; what follows a failure is the policy's to say."""

from __future__ import annotations

import logging

from ..errors import PollinationsError
from ..request.endpoints import Call
from ..retry import is_safe
from ..settings import CallSettings
from .deadline import Deadline

log = logging.getLogger("pollinations_client")


class Attempts:
    """One call's attempts: its clock, how many there were, and what follows a failure."""

    __slots__ = ("_call", "_safe", "clock", "number", "settings", "waited_until")

    def __init__(self, call: Call, settings: CallSettings) -> None:
        self._call = call
        self.settings = settings
        self.clock = Deadline(call, settings.timeouts)
        self.number = 0
        self.waited_until = 0.0  # the end of the last shared 429 that it waited for
        self._safe = 0

    def begin(self) -> None:
        """Count an attempt and restart its limits."""
        self.number += 1
        self.clock.start_attempt()

    def pause_after(self, failure: PollinationsError) -> float:
        """Seconds to wait before the next attempt. Raises ``failure`` where there is none."""
        policy, left_s = self.settings.retry, self.clock.left_s()
        pause = policy.pause_s(failure, self._call, self.number, left_s, safe_before=self._safe)
        if pause is None:
            failure.retries_taken = self.number - 1
            raise failure
        self._safe += is_safe(failure)
        log.warning(
            "%s failed (%s); attempt %d follows in %.2f s",
            self._call.label,
            f"HTTP {failure.status_code}" if failure.status_code else type(failure).__name__,
            self.number + 1,
            pause,
        )
        return pause
