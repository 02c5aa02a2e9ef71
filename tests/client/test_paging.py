"""Paging by time never skips a record and never gives one twice, wherever a page ends."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollinations_client.client import usage_query
from pollinations_client.client.usage_query import UsagePages
from pollinations_client.response.account import UsageRecord

STEPS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=25)


def read(records: list[UsageRecord], page_size: int, *, inclusive: bool) -> list[UsageRecord]:
    """Every record that a gateway with ``records``, newest first, gives out page by page."""
    pages = UsagePages(page_size)
    given_out: list[UsageRecord] = []
    for _ in range(400):
        mark = pages.before
        older = [
            one
            for one in records
            if mark is None or str(one.timestamp) < mark or (inclusive and one.timestamp == mark)
        ]
        given_out += pages.fresh(older[: pages.limit])
        if pages.is_over:
            return given_out
    raise AssertionError("the pages never end")


@given(STEPS, st.integers(1, 6), st.booleans())
def test_records_of_one_second_across_a_border_are_all_read_once(
    steps: list[tuple[int, int]], page_size: int, inclusive: bool
) -> None:
    """Whether the cursor's own second belongs to the next page or not; equal records too."""
    moment, records = 5_000, []
    for back, tokens in steps:
        moment -= back
        records.append(UsageRecord(timestamp=str(moment), input_text_tokens=tokens))
    assert read(records, page_size, inclusive=inclusive) == records


def test_a_second_with_more_records_than_a_page_can_hold_is_passed_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The gateway has no way to ask for the rest; nothing is read twice, and the loop ends."""
    monkeypatch.setattr(usage_query, "MAX_USAGE_RECORDS", 4)
    records = [UsageRecord(timestamp="5000", input_text_tokens=n) for n in range(6)]
    records.append(UsageRecord(timestamp="4000"))
    with caplog.at_level(logging.WARNING):
        assert read(records, 2, inclusive=False) == [*records[:4], records[-1]]
    assert "More than 4 usage records at 5000" in caplog.text
    assert read(records[:6], 2, inclusive=True) == records[:4]


def test_a_record_without_a_time_ends_the_reading() -> None:
    """There is nothing to ask for the next page with."""
    assert len(read([UsageRecord(), UsageRecord()], 1, inclusive=False)) == 1
