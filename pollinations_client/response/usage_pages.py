"""The pages of ``/account/usage``: which one comes next, and which of its records are new.

Pure; no I/O.

The gateway pages by time, and its times are whole seconds: records of one second may lie on both
sides of a page's border, where a cursor at that second would skip the rest of them. So the next
page begins a second earlier in the list, and what was given out already is left out by count, for
two records may be equal.
"""

from __future__ import annotations

import logging
from collections import Counter

from .account import UsageRecord

log = logging.getLogger("pollinations_client")

MAX_USAGE_RECORDS = 50_000  # that the gateway gives out at once


class UsagePages:
    """Ask for ``limit`` records older than ``before``, and hand the page to ``fresh``; until
    ``is_over``.
    """

    def __init__(self, page_size: int, before: str | None = None) -> None:
        self.limit = page_size
        self.before = before
        self.is_over = False
        self._page_size = page_size
        self._given: Counter[str] = (
            Counter()
        )  # records given out already that the next page may hold again
        self._times: set[str | None] = set()  # theirs

    def fresh(self, page: list[UsageRecord]) -> list[UsageRecord]:
        """The records of ``page`` that were not given out yet. Moves on to the next page."""
        held = Counter(self._given)
        new = []
        for record in page:
            key = record.model_dump_json() if record.timestamp in self._times else None
            if key is not None and held[key]:
                held[key] -= 1
            else:
                new.append(record)
        self._turn(page)
        return new

    def _turn(self, page: list[UsageRecord]) -> None:
        last = page[-1].timestamp if page else None
        if len(page) < self.limit or last is None:
            self.is_over = True
            return
        earlier = next(
            (one.timestamp for one in reversed(page) if one.timestamp not in {last, None}), None
        )
        if earlier is not None and earlier != self.before:
            self._remember([one for one in page if one.timestamp in {last, earlier}])
            self.before, self.limit = earlier, self._page_size
        elif self.limit < MAX_USAGE_RECORDS:
            self._remember(
                page, besides=self._given
            )  # full of one second: the same page once more, with more of it
            self.limit = min(self.limit * 2, MAX_USAGE_RECORDS)
        else:
            log.warning(
                "More than %d usage records at %s: the gateway cannot list the rest.",
                MAX_USAGE_RECORDS,
                last,
            )
            self._remember([one for one in page if one.timestamp == last])
            self.is_over = last == self.before
            self.before, self.limit = last, self._page_size

    def _remember(self, given: list[UsageRecord], besides: Counter[str] | None = None) -> None:
        self._times = {one.timestamp for one in given} | (self._times if besides else set())
        self._given = Counter(one.model_dump_json() for one in given) | (besides or Counter())
