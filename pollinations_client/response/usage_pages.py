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
        repeats = Counter(self._given)
        new = []
        for record in page:
            key = record.model_dump_json() if record.timestamp in self._times else None
            if key is not None and repeats[key]:
                repeats[key] -= 1
            else:
                new.append(record)
        self._turn(page)
        return new

    def _turn(self, page: list[UsageRecord]) -> None:
        last = page[-1].timestamp if page else None
        if len(page) < self.limit or last is None:
            self.is_over = True
            return
        times = (record.timestamp for record in reversed(page))
        earlier = next((time for time in times if time not in {last, None}), None)
        if earlier is not None and earlier != self.before:
            self._remember([record for record in page if record.timestamp in {last, earlier}])
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
            self._remember([record for record in page if record.timestamp == last])
            self.is_over = last == self.before
            self.before, self.limit = last, self._page_size

    def _remember(self, records: list[UsageRecord], besides: Counter[str] | None = None) -> None:
        self._times = {record.timestamp for record in records} | (self._times if besides else set())
        written = Counter(record.model_dump_json() for record in records)
        self._given = written | (besides or Counter())
