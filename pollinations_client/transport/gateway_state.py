"""Remember a 429 or a refusal of one call for all calls of the process with the same key.

A 429 with ``Retry-After`` makes all of them wait. A 401 or 402 lets them fail without being sent,
for clients that set ``refusal_memory_s``. No I/O: the drivers in ``transport.py`` sleep.
"""

from __future__ import annotations

import copy
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from ..errors import (
    AuthenticationError,
    PaidModelError,
    PaymentRequiredError,
    PollinationsError,
    RateLimitError,
)
from ..request.calls import Call
from .attempts import Attempts
from .time_limits import CLOCK_TICK_S

__all__ = ["GATEWAY_STATE", "Account", "GatewayState", "account_for"]

log = logging.getLogger("pollinations_client")

Account = int
Kind = Literal["rate_limit", "refusal"]
# Calls that waited for the same 429 are spread over this part of its Retry-After, so that they do
# not all come back in one moment.
JITTER_PART = 0.25
MAX_JITTER_S = 5.0
# The code of a 429 that is about one model, and not about the key.
MODEL_LIMIT = "community_model_rate_limit"


def account_for(base_url: str, key: SecretStr | None) -> Account:
    """Identify a key at a gateway without storing it. The number differs in each process."""
    return hash((base_url, key and key.get_secret_value()))


@dataclass(frozen=True, slots=True)
class Remembered:
    """An error, until when it holds (monotonic clock), and over how long waiting calls spread."""

    error: PollinationsError
    until: float
    spread_s: float = 0.0


class GatewayState:
    """What holds now, by key and gateway.

    ``entries`` is empty unless something was refused lately; drivers look at nothing else then.
    Two threads may store at one moment; each entry is whole, so no lock is needed.
    """

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[tuple[Account, Kind], Remembered] = {}

    def remember(
        self,
        account: Account,
        failure: PollinationsError,
        attempts: Attempts,
        memory_s: float | None,
    ) -> None:
        """Store ``failure`` where other calls with this key would meet it too.

        All calls wait for a 429 if the call that got it would: not with ``max_retries=0``, not
        above ``retry_after_limit_s``, and not beyond its own total time.
        """
        # The limiter of pk_ keys says how long to wait; that of the edge, about 100 requests in
        # 10 s from one address, does not (seen in autumn 2026).
        policy, wait_s = attempts.settings.retry, failure.retry_after
        if failure.code == MODEL_LIMIT:
            return
        if isinstance(failure, RateLimitError) and wait_s:
            if wait_s > policy.retry_after_limit_s:
                self._refuse(account, failure, memory_s and min(memory_s, wait_s))
            elif policy.max_retries > 0 and wait_s < attempts.clock.remaining_s():
                # The call itself waits by its policy, and is not to wait a second time.
                attempts.waited_until = self._brake(account, failure, wait_s)
        else:
            self.remember_refusal(account, failure, memory_s)

    def remember_refusal(
        self, account: Account, failure: PollinationsError, memory_s: float | None
    ) -> None:
        """Store ``failure`` for ``memory_s`` seconds if it is about the key and not about the
        model.
        """
        is_payment = isinstance(failure, PaymentRequiredError)
        of_model = isinstance(failure, PaidModelError)
        if isinstance(failure, AuthenticationError) or (is_payment and not of_model):
            self._refuse(account, failure, memory_s)

    def _brake(self, account: Account, failure: PollinationsError, wait_s: float) -> float:
        """Let calls wait for ``wait_s`` seconds from now; returns until when they wait."""
        until = time.monotonic() + wait_s
        current = self._current(account, "rate_limit")
        if current is not None and current.until >= until:
            return current.until
        spread_s = min(JITTER_PART * wait_s, MAX_JITTER_S)
        self.entries[account, "rate_limit"] = Remembered(failure, until, spread_s)
        return until

    def lift_limit(self, account: Account, attempts: Attempts) -> None:
        """Forget the 429 once a call that waited for it was served, whatever the clock says."""
        limit = self.entries.get((account, "rate_limit"))
        if limit is not None and attempts.waited_until >= limit.until:
            self.entries.pop((account, "rate_limit"), None)

    def _refuse(self, account: Account, failure: PollinationsError, memory_s: float | None) -> None:
        if memory_s:
            entry = Remembered(copy.copy(failure), time.monotonic() + memory_s)
            self.entries[account, "refusal"] = entry

    def pauses(
        self, account: Account, call: Call, attempts: Attempts, memory_s: float | None
    ) -> Iterator[float]:
        """Seconds to sleep, one pause after another, before the call may be sent.

        Raises what is remembered: a refusal, where ``memory_s`` is set and the call is not free;
        the 429, where the call has less time left than the wait.
        """
        while True:
            refusal = self._current(account, "refusal")
            if refusal is not None and memory_s and not call.kind.is_free:
                raise _again(refusal.error)
            limit = self._current(account, "rate_limit")
            if limit is None or limit.until <= attempts.waited_until:
                return
            if attempts.settings.retry.max_retries == 0:
                return
            jitter_s = random.uniform(0, limit.spread_s)  # noqa: S311
            wait_s = limit.until - time.monotonic() + jitter_s
            if wait_s >= attempts.clock.remaining_s():
                raise _again(limit.error, retry_after=wait_s)
            attempts.waited_until = limit.until
            log.info("%s waits %.2f s: the gateway limits this key (429)", call.label, wait_s)
            yield wait_s

    def _current(self, account: Account, kind: Kind) -> Remembered | None:
        entry = self.entries.get((account, kind))
        if entry is not None and entry.until - time.monotonic() <= CLOCK_TICK_S:
            self.entries.pop((account, kind), None)
            return None
        return entry


def _again(error: PollinationsError, **details: float) -> PollinationsError:
    """The same error for another call."""
    # An exception that is raised twice collects the tracebacks of both.
    repeated = copy.copy(error)
    repeated.__dict__.update(details)
    return repeated


GATEWAY_STATE = GatewayState()
