"""The query of ``/account/usage``, and which page of a long list comes next. No I/O.

The gateway pages by time, and its times are whole seconds: records of one second may lie on both
sides of a page's border, where a cursor at that second would skip the rest of them. So the next
page begins a second earlier in the list, and what was given out already is left out by count, for
two records may be equal.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import TYPE_CHECKING

from ..errors import InvalidRequestError

if TYPE_CHECKING:
    from ..response.account import UsageRecord

log = logging.getLogger("pollinations_client")

DEFAULT_PAGE_SIZE = 1_000
MAX_USAGE_RECORDS = 50_000  # that the gateway gives out at once


def bounded(name: str, value: int | None, high: int, unit: str) -> int | None:
    """``value`` if it is 1 to ``high``; raises :class:`InvalidRequestError` with the bounds and the
    unit otherwise.
    """
    if value is not None and not (type(value) is int and 1 <= value <= high):
        raise InvalidRequestError(
            f"{name}: The gateway takes 1 to {high} {unit}. Given: {value!r}.", param=name
        )
    return value


# How a period of usage is written, by the gateway's word for its length.
PERIODS = {"day": r"\d{4}-\d\d-\d\d", "week": r"\d{4}-W\d\d", "month": r"\d{4}-\d\d"}


def days_query(days: int | None, period: str | None = None) -> dict[str, str | int | None]:
    """The last ``days`` days, or the day, week or month that ``period`` names, as query."""
    query: dict[str, str | int | None] = {"days": bounded("days", days, 90, "days")}
    if period is None:
        return query
    for granularity, pattern in PERIODS.items():
        if isinstance(period, str) and re.fullmatch(pattern, period, re.ASCII):
            return {**query, "granularity": granularity, "period": period}
    raise InvalidRequestError(
        "period: a month as '2026-11', a week as '2026-W48' or a day as '2026-11-26' is needed."
        f" Given: {period!r}.",
        param="period",
    )


def usage_query(
    *, limit: int, before: str | None, days: int | None, period: str | None = None
) -> dict[str, str | int | None]:
    """The query of ``/account/usage``."""
    return {
        "limit": bounded("limit", limit, MAX_USAGE_RECORDS, "records"),
        "before": before,
        **days_query(days, period),
    }


def usage_pages(page_size: int | None, before: str | None) -> UsagePages:
    """The pages of an iteration over ``/account/usage``."""
    limit = bounded("page_size", page_size, MAX_USAGE_RECORDS, "records")
    return UsagePages(limit or DEFAULT_PAGE_SIZE, before)


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
        self._repeatable: Counter[str] = Counter()
        self._times: set[str | None] = set()

    def fresh(self, page: list[UsageRecord]) -> list[UsageRecord]:
        """The records of ``page`` that were not given out yet. Moves on to the next page."""
        repeats = Counter(self._repeatable)
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
            self._remember(page, besides=self._repeatable)
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
        self._repeatable = written | (besides or Counter())
