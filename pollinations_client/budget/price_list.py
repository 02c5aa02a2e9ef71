"""The prices of one gateway: those shipped with the package, until they are refreshed once.

No I/O: the transport reads the gateway's lists. Whoever comes first does it; all others wait,
threads and tasks of any event loop alike.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Self

from ..catalog.catalog import Catalog, snapshot
from ..catalog.estimates import Estimator
from ..catalog.model_card import ModelCard
from .ledger import LOCK

__all__ = ["PriceList", "Refresh"]

# Lists that could not be read are asked for again with a later call, not with each.
RETRY_AFTER_S = 60.0
# Longer than any refresh takes. In a process forked off in the middle of one, nobody ends it.
MAX_WAIT_S = 60.0


class PriceList:
    """A catalogue with today's prices, or with shipped ones while there are no others."""

    __slots__ = ("_next_try", "_pending", "estimator", "is_fresh")

    def __init__(self) -> None:
        self.estimator = Estimator(snapshot())
        self.is_fresh = False
        """Whether these are today's prices."""
        self._next_try = 0.0
        self._pending: Refresh | None = None

    @property
    def catalog(self) -> Catalog:
        """The models with their prices."""
        return self.estimator.catalog

    @property
    def is_due(self) -> bool:
        """Whether today's prices are to be read with the next call."""
        return not self.is_fresh and time.monotonic() >= self._next_try

    def begin(self, *, blocks: bool) -> Refresh | None:
        """The refresh to carry out; ``None`` if another call does so, which is to be waited for."""
        with LOCK:
            if not self.is_due:
                return None  # another call has just ended it
            pending = self._pending
            if pending is None:
                self._pending = pending = Refresh(self)
                return pending
        # A call that blocks its thread cannot wait for a task of that thread.
        if blocks and pending.thread == threading.get_ident():
            return Refresh(self)
        return None

    def wait(self) -> None:
        """Wait for the refresh that is under way."""
        if (pending := self._pending) is not None:
            wait([pending.done], MAX_WAIT_S)
            self._forget(pending)

    async def wait_async(self) -> None:
        """Like :meth:`wait`, on an event loop."""
        if (pending := self._pending) is not None:
            await asyncio.wait([asyncio.wrap_future(pending.done)], timeout=MAX_WAIT_S)
            self._forget(pending)

    # A Future and not an Event: threads and tasks of any event loop can wait for it.
    def end(self, refresh: Refresh, *, is_cancelled: bool) -> None:
        """Use the prices that were read; shipped ones stand in for lists that were not."""
        if refresh.cards:
            today = dt.datetime.now(dt.UTC).date().isoformat()
            catalog = snapshot().merged(refresh.cards, complete=refresh.covered, date=today)
            self.estimator = Estimator(catalog)
        if refresh.is_complete and not is_cancelled:
            self.is_fresh = True
        elif not is_cancelled:
            self._next_try = time.monotonic() + RETRY_AFTER_S
        self._forget(refresh)
        refresh.done.set_result(None)

    def use(self, other: PriceList) -> None:
        """Take the prices that were refreshed for another budget of the same call."""
        if other.is_fresh and not self.is_fresh:
            self.estimator, self.is_fresh = other.estimator, True

    def _forget(self, refresh: Refresh) -> None:
        with LOCK:
            if self._pending is refresh:
                self._pending = None


@dataclass(slots=True, eq=False)
class Refresh:
    """One reading of the gateway's lists, in a ``with`` statement."""

    prices: PriceList
    cards: list[ModelCard] = field(default_factory=list)
    covered: set[str] = field(default_factory=set)
    """Categories whose models are all among ``cards``."""
    is_complete: bool = True
    """False once a list could not be read."""
    thread: int = field(default_factory=threading.get_ident)
    done: Future[None] = field(default_factory=Future)

    def add(self, cards: Iterable[ModelCard], categories: Iterable[str]) -> None:
        """Take the cards of one list, which has all models of ``categories``."""
        before = len(self.cards)
        self.cards.extend(cards)
        if len(self.cards) > before:
            self.covered.update(categories)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Let those who wait go on; after a cancellation one of them begins anew."""
        self.prices.end(self, is_cancelled=error is not None)
