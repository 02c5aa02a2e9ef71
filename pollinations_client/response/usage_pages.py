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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .account import UsageRecord

log = logging.getLogger("pollinations_client")

DEFAULT_PAGE_SIZE = 1_000
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
        # Records given out already that the next page may hold again, and their times.
        self._given: Counter[str] = Counter()
        self._times: set[str | None] = set()

    def fresh(self, page: list[UsageRecord]) -> list[UsageRecord]:
        """The records of ``page`` that were not given out yet. Moves on to the next page."""
        repeats = Counter(self._given)
        new = []
        for record in page:
            # Writing a record as JSON takes longer than reading it did, so only few are written.
            if record.timestamp in self._times and repeats[key := record.model_dump_json()]:
                repeats[key] -= 1
            else:
                new.append(record)
        self._turn(page)
        return new

    def _turn(self, page: list[UsageRecord]) -> None:
        if len(page) < self.limit or page[-1].timestamp is None:
            self.is_over = True
            return
        last = page[-1].timestamp
        times = (record.timestamp for record in reversed(page))
        earlier = next((time for time in times if time not in {last, None}), None)
        if earlier is not None and earlier != self.before:
            self._remember([record for record in page if record.timestamp in {last, earlier}])
            self.before, self.limit = earlier, self._page_size
        elif self.limit < MAX_USAGE_RECORDS:
            # Full of one second: the same page once more, with more of it.
            self._remember(page, besides=self._given)
            self.limit = min(self.limit * 2, MAX_USAGE_RECORDS)
        else:
            log.warning(
                "More than %d usage records at %s: the gateway cannot list the rest.",
                MAX_USAGE_RECORDS,
                last,
            )
            self._remember([record for record in page if record.timestamp == last])
            self.is_over = last == self.before
            self.before, self.limit = last, self._page_size

    def _remember(self, records: list[UsageRecord], besides: Counter[str] | None = None) -> None:
        times = {record.timestamp for record in records}
        if besides:
            times |= self._times
        self._times = times
        written = Counter(record.model_dump_json() for record in records)
        self._given = written | (besides or Counter())
