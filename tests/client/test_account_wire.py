"""The account's answers in both eras, and usage as a stream of CSV lines."""

from __future__ import annotations

import contextlib
import datetime as dt
import pickle
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollinations_client.catalog.pricing import units_from
from pollinations_client.errors import MalformedReply
from pollinations_client.response.account import (
    Balance,
    KeyInfo,
    Profile,
    UsageRecord,
    balance_from,
    daily_usage_from,
    daily_usage_from_csv,
    key_info_from,
    profile_from,
    usage_from,
    usage_from_csv,
)

ROW = {
    "timestamp": "2026-01-02 03:04:05",
    "type": "generate.text",
    "model": "openai",
    "api_key": "sk_...abcd",
    "api_key_type": "secret",
    "meter_source": "tier",
    "input_text_tokens": 12,
    "input_cached_tokens": 3,
    "input_audio_tokens": 0,
    "input_image_tokens": 0,
    "output_text_tokens": 7,
    "output_reasoning_tokens": 0,
    "output_audio_tokens": 0,
    "output_image_tokens": 0,
    "cost_usd": 1.5e-7,
    "response_time_ms": 812.5,
}
HEADER = ",".join(ROW)
LINE = ",".join(str(cell) for cell in ROW.values())


def test_profile_of_api_030() -> None:
    """The older profile has tier and dates, camelCase on the wire and snake_case in Python."""
    profile = profile_from(
        {
            "name": "Ann",
            "email": None,
            "githubUsername": "ann",
            "tier": "seed",
            "createdAt": "2025-12-01T10:00:00Z",
        }
    )
    assert (profile.github_username, profile.tier, profile.email) == ("ann", "seed", None)
    assert profile.created_time == dt.datetime(2025, 12, 1, 10, tzinfo=dt.UTC)
    assert profile.next_reset_time is None


def test_profile_of_today() -> None:
    """Today's profile has no tier; a field this client has never heard of is kept."""
    profile = profile_from(
        {"githubUsername": "ann", "communityEndpointsAllowed": True, "newThing": {"a": 1}}
    )
    assert (profile.tier, profile.community_endpoints_allowed) == (None, True)
    assert profile.model_extra == {"newThing": {"a": 1}}
    assert profile_from({}) == Profile()


@pytest.mark.parametrize(
    ("sent", "meant"), [(1, "1"), (0.1, "0.1"), (-0.25, "-0.25"), ("3e-7", "3E-7"), (0, "0")]
)
def test_balance_is_exact_and_may_be_negative(sent: Any, meant: str) -> None:
    """A balance keeps the digits that were sent, below zero too."""
    assert balance_from({"balance": sent}).balance == Decimal(meant)


def test_balance_of_today_tells_granted_from_bought() -> None:
    """The newer ``accountBalance`` is read beside the key's own balance."""
    balance = balance_from({"balance": 2, "accountBalance": {"total": 5.5, "tier": 5, "paid": 0.5}})
    assert balance.account_balance is not None
    assert (balance.account_balance.total, balance.account_balance.paid) == (
        Decimal("5.5"),
        Decimal("0.5"),
    )


def test_key_info_reads_permissions_budget_and_expiry() -> None:
    """A restricted key tells its models, what is left of its budget, and when it ends."""
    key = key_info_from(
        {
            "valid": True,
            "type": "secret",
            "name": "ci",
            "expiresAt": "2026-12-01T00:00:00+01:00",
            "expiresIn": 3600,
            "permissions": {"models": ["flux"], "account": None},
            "pollenBudget": 0.3,
            "rateLimitEnabled": False,
        }
    )
    assert key.permissions is not None
    assert (key.permissions.models, key.permissions.account) == (("flux",), None)
    assert (key.pollen_budget, key.rate_limit_enabled) == (Decimal("0.3"), False)
    assert key.expires_time == dt.datetime(2026, 11, 30, 23, tzinfo=dt.UTC)
    assert (
        key_info_from({"valid": True, "pollenBudget": None, "expiresAt": None}).expires_time is None
    )
    assert key_info_from({}) == KeyInfo()


def test_usage_records_are_typed() -> None:
    """Tokens are integers, cost is exact, the time is UTC, and new columns are kept."""
    (record,) = usage_from({"usage": [{**ROW, "region": "eu"}], "count": 1})
    assert (record.input_text_tokens, record.cost_usd) == (12, Decimal("1.5E-7"))
    assert record.time == dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    assert record.response_time_ms == Decimal("812.5")
    assert record.model_extra == {"region": "eu"}


def test_seconds_and_ids_of_todays_records_are_typed_in_both_formats() -> None:
    """A CSV cell is no text where it counts something."""
    more = {"cursor_event_id": "e1", "api_key_id": "k1", "output_video_seconds": 4.5}
    row = {**ROW, **more, "input_audio_seconds": 0, "output_audio_seconds": 1.25}
    (from_json,) = usage_from([row])
    lines = [",".join(row), ",".join(map(str, row.values()))]
    assert list(usage_from_csv(lines)) == [from_json]
    assert from_json.output_video_seconds == Decimal("4.5")
    assert (from_json.cursor_event_id, from_json.api_key_id) == ("e1", "k1")
    assert not from_json.model_extra


def test_usage_record_counts_units_of_cost() -> None:
    """A usage record can be priced: its columns are units that prices know."""
    units, _ = units_from(usage_from([ROW])[0].model_dump())
    assert {unit: int(count) for unit, count in units.items() if count} == {
        "promptTextTokens": 12,
        "promptCachedTokens": 3,
        "completionTextTokens": 7,
    }


def test_everything_in_a_record_may_be_null_or_missing() -> None:
    """No column is taken for granted."""
    assert usage_from({"usage": [dict.fromkeys(ROW), {}]}) == [UsageRecord(), UsageRecord()]
    assert UsageRecord().time is None
    assert usage_from({"usage": [{"timestamp": "yesterday"}]})[0].time is None


def test_daily_usage() -> None:
    """Days come from JSON and CSV alike."""
    row = {
        "date": "2026-01-02",
        "model": None,
        "meter_source": "tier",
        "requests": 3,
        "cost_usd": 0.1,
    }
    (from_json,) = daily_usage_from({"usage": [row], "count": 1})
    (from_csv,) = daily_usage_from_csv(
        ["date,model,meter_source,requests,cost_usd", "2026-01-02,,tier,3,0.1"]
    )
    assert from_json == from_csv
    assert (from_json.requests, from_json.cost_usd, from_json.model) == (3, Decimal("0.1"), None)


def test_answers_pickle_and_do_not_change() -> None:
    """Answers are values: frozen, comparable, and fit for a process pool."""
    balance = balance_from({"balance": 1})
    assert pickle.loads(pickle.dumps(balance)) == balance
    with pytest.raises(ValueError, match="frozen"):
        balance.balance = Decimal(5)


# --- CSV


def test_csv_and_json_read_alike() -> None:
    """The two formats of the usage log give equal records."""
    assert list(usage_from_csv([HEADER, LINE])) == usage_from([ROW])


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_csv_lines_with_and_without_their_ends(end: str) -> None:
    """Lines may keep their ends or have lost them; a BOM and empty lines do no harm."""
    lines = ["\ufeff" + HEADER + end, LINE + end, "" + end, LINE + end]
    assert list(usage_from_csv(lines)) == usage_from([ROW, ROW])


def test_csv_column_order_is_the_headers() -> None:
    """Columns are found by name; unknown ones are kept; an empty cell or a database null is
    ``None``.
    """
    (record,) = usage_from_csv(
        ["cost_usd,region, model ,timestamp,api_key", "0.5,eu,,2026-01-02 03:04:05,\\N"]
    )
    assert (record.cost_usd, record.model, record.api_key) == (Decimal("0.5"), None, None)
    assert record.model_extra == {"region": "eu"}


def test_csv_cells_may_hold_commas_quotes_and_line_breaks() -> None:
    """Quoted cells are read as CSV defines, across lines too."""
    (record,) = usage_from_csv(["timestamp,model", '2026,"a ""b"", c', 'd"'])
    assert record.model == 'a "b", c\nd'


def test_csv_of_nothing_has_no_records() -> None:
    """An empty answer and a lone header are usage of nothing."""
    assert list(usage_from_csv([])) == list(usage_from_csv([HEADER])) == []


def test_csv_streams() -> None:
    """A record is given before the next line is asked for, and 5,000 of them do not pile up."""
    asked = 0

    def lines() -> Iterator[str]:
        nonlocal asked
        yield HEADER
        for _ in range(5_000):
            asked += 1
            yield LINE

    records = usage_from_csv(lines())
    next(records)
    assert asked == 1
    tracemalloc.start()
    try:
        assert sum(1 for _ in records) == 4_999
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["<html>", "<body>"], "do not begin with a CSV header"),
        (['{"usage": []}'], "do not begin with a CSV header"),
        (["timestamp,timestamp"], "do not begin with a CSV header"),
        (["timestamp,model", "2026"], "record 0 has 1 cells under 2 columns"),
        (["timestamp,model", "2026,a", "2026,a,b"], "record 1 has 3 cells under 2 columns"),
        (["timestamp,model", '2026,"cut'], "Line 2 of the usage CSV cannot be read"),
        (["timestamp,cost_usd", "2026,much"], "Cannot read cost_usd of usage record 0"),
    ],
)
def test_malformed_csv_says_where(lines: list[str], said: str) -> None:
    """A page that is no CSV, a cut row and an unreadable cell are refused with their place."""
    with pytest.raises(MalformedReply, match=said):
        list(usage_from_csv(lines))


@pytest.mark.parametrize(
    ("read", "reply", "said"),
    [
        (profile_from, None, "the profile as an object"),
        (
            profile_from,
            {"communityEndpointsAllowed": "perhaps"},
            "communityEndpointsAllowed of the profile",
        ),
        (balance_from, {}, "Cannot read balance of the account's balance"),
        (balance_from, {"balance": None}, "Cannot read balance"),
        (balance_from, {"balance": "NaN"}, "Cannot read balance"),
        (balance_from, [1], "as an object, got list"),
        (key_info_from, "valid", "as an object, got str"),
        (key_info_from, {"permissions": {"models": "flux"}}, "permissions.models"),
        (usage_from, {"usage": None}, "as a list under 'usage'"),
        (usage_from, {"usage": [ROW, "row"]}, "usage record 1 as an object"),
        (
            usage_from,
            {"usage": [{"output_text_tokens": "x"}]},
            "output_text_tokens of usage record 0",
        ),
        (daily_usage_from, {}, "daily usage records as a list"),
    ],
)
def test_malformed_answers_name_the_field(read: Any, reply: Any, said: str) -> None:
    """What cannot be read is refused with the field's name and a bounded excerpt."""
    with pytest.raises(MalformedReply, match=said) as caught:
        read(reply)
    assert 0 < len(caught.value.excerpt or "") < 200


def test_malformed_excerpt_holds_no_key() -> None:
    """A key inside an unreadable answer is blanked out."""
    with pytest.raises(MalformedReply) as caught:
        balance_from({"key": "sk_demo_verysecretkey123", "balance": "?"})
    assert "verysecret" not in f"{caught.value} {caught.value.excerpt}"


@given(st.lists(st.text(max_size=40), max_size=6))
def test_any_lines_are_records_or_a_malformed_reply(lines: list[str]) -> None:
    """No text makes the CSV reader fail in another way."""
    with contextlib.suppress(MalformedReply):
        assert all(
            isinstance(record, UsageRecord)
            for record in usage_from_csv(["timestamp,model", *lines])
        )


def test_balance_needs_no_account_part() -> None:
    """API 0.3.0 sends the bare balance."""
    assert balance_from({"balance": 1}) == Balance(balance=Decimal(1))


@pytest.mark.parametrize(
    ("given", "read"), [(12, 12), (12.0, 12), ("12", 12), (1.5, Decimal("1.5")), (None, None)]
)
def test_a_count_is_any_number(given: Any, read: Any) -> None:
    """The specification says "number"; whole ones are integers."""
    count = usage_from({"usage": [{"input_text_tokens": given}]})[0].input_text_tokens
    assert (count, type(count)) == (read, type(read))
    assert (
        UsageRecord.model_validate_json(
            UsageRecord(input_text_tokens=count).model_dump_json()
        ).input_text_tokens
        == read
    )
    for odd in ("many", "NaN", [1], True):
        with pytest.raises(MalformedReply, match="input_text_tokens"):
            usage_from([{"input_text_tokens": odd}])
