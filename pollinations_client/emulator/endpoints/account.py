"""Answer GET /account/*: a made-up account whose records are the same every time."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..gateway.errors import GatewayError, validation_error
from ..gateway.keys import authenticate, key_of
from ..gateway.query import Query, integer, option
from ..scripts import KeyRules
from ..server.response import Reply, json_reply

if TYPE_CHECKING:
    from ..exchange import Exchange

Json = dict[str, Any]
ROWS = 1200
NEWEST = datetime(2026, 1, 31, 18, 0, tzinfo=UTC)
MODELS = ("openai", "claude", "gemini", "deepseek", "flux", "veo", "openai-audio")
COLUMNS = tuple(
    "timestamp type model api_key api_key_type meter_source input_text_tokens input_cached_tokens"
    " input_audio_tokens input_image_tokens output_text_tokens output_reasoning_tokens"
    " output_audio_tokens output_image_tokens cost_usd response_time_ms".split()
)
DAILY_COLUMNS = ("date", "model", "meter_source", "requests", "cost_usd")
# What came since: a number that no two records share, the key by its id, and lengths in seconds.
COLUMNS_BY_ERA: dict[str, tuple[str, ...]] = {
    "seed": COLUMNS,
    "today": (
        *COLUMNS,
        *("cursor_event_id", "api_key_id"),
        *("input_audio_seconds", "output_audio_seconds", "output_video_seconds"),
    ),
}
DAILY_COLUMNS_BY_ERA: dict[str, tuple[str, ...]] = {
    "seed": DAILY_COLUMNS,
    "today": (*DAILY_COLUMNS, "api_key_id", "api_key"),
}
# The page size has this bound in the document of API 0.3.0 and today; 10,000 in January 2026.
MAX_ROWS = 50000
NULLS = {97: ["model"], 53: ["api_key", "api_key_type"], 31: ["response_time_ms"]}
PERSON: Json = {
    "name": "Emulated Bee",
    "email": "bee@example.com",
    "githubUsername": "emulated-bee",
    "image": None,
}
# Tiers are gone from the profile of autumn 2026.
PERSON_BY_ERA: dict[str, Json] = {
    "seed": {"tier": "seed", "createdAt": "2025-06-01T08:00:00.000Z", "nextResetAt": None},
    "today": {"communityEndpointsAllowed": False},
}


def _rules_with_scope(exchange: Exchange, scope: str) -> KeyRules:
    """The rules of a key that has an account permission. Raises ``GatewayError`` 401 or 403."""
    return _check_scope(authenticate(exchange), scope)


def _check_scope(rules: KeyRules, scope: str) -> KeyRules:
    if scope not in {name.removeprefix("account:") for name in rules.account or ()}:
        raise GatewayError(403, f"API key does not have 'account:{scope}' permission")
    return rules


def profile(exchange: Exchange) -> Reply:
    """Who the key belongs to."""
    _rules_with_scope(exchange, "profile")
    return json_reply(PERSON | PERSON_BY_ERA[exchange.era])


def balance(exchange: Exchange) -> Reply:
    """How much pollen is left; of a key with a budget, its budget, without any permission."""
    rules = authenticate(exchange)
    # A key with a budget sees what is left of it, and needs no permission for that.
    if rules.budget is not None:
        return json_reply({"balance": rules.budget})
    if not exchange.state.today:
        return json_reply({"balance": _check_scope(rules, "balance").balance})
    # Today the balance is part of what account:usage opens (October 2026).
    paid = _check_scope(rules, "usage").balance
    parts = {"total": paid, "tier": 0.0, "paid": paid}
    return json_reply({"balance": paid, "accountBalance": parts})


def _number_for(row: int, salt: str, most: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{row}{salt}".encode()).digest()[:4]) % most


@lru_cache(maxsize=1)
def ledger() -> tuple[Json, ...]:
    """Twelve hundred records, newest first, about one every 50 minutes; a few share a second, some
    fields are null.
    """
    return tuple(_record(row) for row in range(ROWS))


def _record(row: int) -> Json:
    moment = NEWEST - timedelta(
        minutes=50 * (row - row % 7 // 6), seconds=(row - row % 7 // 6) % 60
    )
    model = MODELS[_number_for(row, "model", len(MODELS))]
    tokens_in, tokens_out = _number_for(row, "in", 900) + 12, _number_for(row, "out", 700) + 5
    record: Json = dict.fromkeys(COLUMNS_BY_ERA["today"], 0) | {
        "cursor_event_id": f"event-{ROWS - row:04}",
        "timestamp": moment.strftime("%Y-%m-%d %H:%M:%S"),
        "type": "generate.text",
        "model": model,
        "api_key": f"key-{_number_for(row, 'key', 3)}",
        "api_key_id": f"id-{_number_for(row, 'key', 3)}",
        "api_key_type": "secret",
        "meter_source": ("tier", "pack", "crypto")[_number_for(row, "source", 3)],
        "response_time_ms": _number_for(row, "ms", 9000) + 150,
    }
    if model in ("flux", "veo"):
        record |= {"type": "generate.image", "output_image_tokens": 1, "cost_usd": 0.002}
        if model == "veo":
            record["output_video_seconds"] = 4.5
    else:
        record["input_text_tokens"], record["output_text_tokens"] = tokens_in, tokens_out
        record["input_cached_tokens"] = tokens_in // 4 * (row % 3 == 0)
        record["input_image_tokens"] = 255 * (row % 11 == 0)
        record["cost_usd"] = round((tokens_in + 4 * tokens_out) * 1.5e-7, 8)
    if model == "openai-audio":
        record |= {"input_audio_tokens": 40, "output_audio_tokens": 60}
    if model == "deepseek":
        record["output_reasoning_tokens"] = tokens_out // 2
    # Every one of these columns is null in some rows of the real table.
    for every, columns in NULLS.items():
        if row % every == 0:
            record |= dict.fromkeys(columns)
    return record


# What a period is called, as ``strftime`` writes it.
PERIODS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}


def usage(exchange: Exchange) -> Reply:
    """Records, newest first; the next page is asked for with ``before`` = the last timestamp."""
    _rules_with_scope(exchange, "usage")
    query = exchange.received.query
    form = option(query, "format", ("json", "csv"), "json")
    limit = integer(query, "limit", 1, MAX_ROWS, 100) or 100
    rows: Iterator[Json] = iter(ledger())
    if before := query.get("before"):
        try:
            datetime.fromisoformat(before)
        except ValueError:
            raise validation_error({"before": ["Invalid datetime"]}) from None
        mark = before.replace("T", " ").removesuffix("Z")[:19]
        rows = (row for row in rows if row["timestamp"] < mark)
    if exchange.state.today:
        is_wanted = _period_filter(query)
        rows = (row for row in rows if is_wanted(row["timestamp"]))
    listed = [row for _, row in zip(range(limit), rows, strict=False)]
    return _usage_reply(listed, COLUMNS_BY_ERA[exchange.state.era], form)


def _period_filter(query: Query) -> Callable[[str], bool]:
    """Whether a record's time is asked for: in the last ``days``, or in a period. Raises
    ``GatewayError`` 400.
    """
    days = integer(query, "days", 1, 90, 30) or 30
    form = PERIODS[option(query, "granularity", tuple(PERIODS), "day")]
    period = query.get("period", "")
    if not period and "granularity" not in query:
        oldest = (NEWEST - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")
        return lambda time: time >= oldest
    if "granularity" not in query or not re.fullmatch(r"\d{4}-W?\d\d(-\d\d)?", period):
        raise GatewayError(400, "Invalid usage period. Use granularity=day&period=YYYY-MM-DD.")
    return lambda time: datetime.fromisoformat(time).strftime(form) == period


def daily(exchange: Exchange) -> Reply:
    """Requests and cost by day, model and source, and today by key."""
    _rules_with_scope(exchange, "usage")
    query = exchange.received.query
    form = option(query, "format", ("json", "csv"), "json")
    days = integer(query, "days", 1, 90, 30) or 30
    oldest = (NEWEST - timedelta(days=days)).strftime("%Y-%m-%d")
    columns = DAILY_COLUMNS_BY_ERA[exchange.state.era]
    groups = [name for name in columns if name not in ("date", "requests", "cost_usd")]
    sums: dict[tuple[str | None, ...], list[float]] = {}
    is_wanted: Callable[[str], bool] = oldest.__le__
    if exchange.state.today and {"period", "granularity"} & query.keys():
        is_wanted = _period_filter(query)
    for row in ledger():
        if is_wanted(date := row["timestamp"][:10]):
            total = sums.setdefault((date, *(row[name] for name in groups)), [0, 0.0])
            total[0] += 1
            total[1] += row["cost_usd"]
    rows = [
        dict(zip(("date", *groups), group, strict=True))
        | {"requests": int(number), "cost_usd": round(cost, 8)}
        for group, (number, cost) in sums.items()
    ]
    return _usage_reply(rows, columns, form)


def _usage_reply(rows: list[Json], columns: Sequence[str], form: str) -> Reply:
    rows = [{name: row[name] for name in columns} for row in rows]
    if form == "json":
        return json_reply({"usage": rows, "count": len(rows)})
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    headers = {"content-disposition": 'attachment; filename="usage.csv"'}
    return Reply(out.getvalue().encode(), content_type="text/csv; charset=utf-8", headers=headers)


def key(exchange: Exchange) -> Reply:
    """What the key itself may do."""
    rules = authenticate(exchange)
    kind = {"pk": "publishable"}.get(key_of(exchange.received)[:2], "secret")
    return json_reply(
        {
            "valid": True,
            "type": kind,
            "name": rules.name,
            "expiresAt": None,
            "expiresIn": None,
            "permissions": {"models": rules.models, "account": rules.account},
            "pollenBudget": rules.budget,
            "rateLimitEnabled": kind == "publishable",
        }
    )


ENDPOINTS: dict[str, Callable[[Exchange], Reply]] = {
    "profile": profile,
    "balance": balance,
    "usage/daily": daily,
    "usage": usage,
    "key": key,
}
