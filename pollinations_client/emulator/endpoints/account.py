"""GET /account/*: a made-up account whose ledger is the same every time."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..gateway.errors import GatewayError, invalid
from ..gateway.keys import authenticate, key_of
from ..gateway.query import integer, option
from ..scripts import KeyRules
from ..server.response import Reply, json_reply

if TYPE_CHECKING:
    from ..exchange import Exchange

Json = dict[str, Any]
ROWS = 1200
NEWEST = datetime(2026, 1, 31, 18, 0, tzinfo=UTC)
MODELS = ("openai", "claude", "gemini", "deepseek", "flux", "veo", "openai-audio")
COLUMNS = (
    "timestamp type model api_key api_key_type meter_source input_text_tokens input_cached_tokens"
    " input_audio_tokens input_image_tokens output_text_tokens output_reasoning_tokens"
    " output_audio_tokens output_image_tokens cost_usd response_time_ms"
).split()
DAILY_COLUMNS = ["date", "model", "meter_source", "requests", "cost_usd"]
MOST_ROWS = 50000


def _need(exchange: Exchange, scope: str) -> KeyRules:
    """The rules of a key that has an account permission. Raises ``GatewayError`` 401 or 403."""
    if not key_of(exchange.received) and exchange.state.require_key:
        raise GatewayError(401)
    rules = authenticate(exchange.state, exchange.received)
    if rules.account is None or scope not in {
        one.removeprefix("account:") for one in rules.account
    }:
        raise GatewayError(403, f"API key does not have 'account:{scope}' permission")
    return rules


def profile(exchange: Exchange) -> Reply:
    """Who the key belongs to."""
    _need(exchange, "profile")
    if exchange.state.today:
        return json_reply(
            {
                "githubUsername": "emulated-bee",
                "image": None,
                "communityEndpointsAllowed": False,
                "name": "Emulated Bee",
                "email": "bee@example.com",
            }
        )
    return json_reply(
        {
            "name": "Emulated Bee",
            "email": "bee@example.com",
            "githubUsername": "emulated-bee",
            "image": None,
            "tier": "seed",
            "createdAt": "2025-06-01T08:00:00.000Z",
            "nextResetAt": None,
        }
    )


def balance(exchange: Exchange) -> Reply:
    """How much pollen is left; of a key with a budget, its budget, without any permission."""
    rules = authenticate(exchange.state, exchange.received)
    if rules.budget is not None:
        return json_reply({"balance": rules.budget})
    _need_again(rules, "usage" if exchange.state.today else "balance")
    if not exchange.state.today:
        return json_reply({"balance": rules.balance})
    return json_reply(
        {
            "balance": rules.balance,
            "accountBalance": {"total": rules.balance, "tier": 0.0, "paid": rules.balance},
        }
    )


def _need_again(rules: KeyRules, scope: str) -> None:
    if rules.account is None or scope not in {
        one.removeprefix("account:") for one in rules.account
    }:
        raise GatewayError(403, f"API key does not have 'account:{scope}' permission")


def _draw(row: int, salt: str, most: int) -> int:
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
    model = MODELS[_draw(row, "model", len(MODELS))]
    picture, sound = model in ("flux", "veo"), model == "openai-audio"
    prompt, said = _draw(row, "in", 900) + 12, _draw(row, "out", 700) + 5
    return {
        "timestamp": moment.strftime("%Y-%m-%d %H:%M:%S"),
        "type": "generate.image" if picture else "generate.text",
        "model": model if row % 97 else None,
        "api_key": f"key-{_draw(row, 'key', 3)}" if row % 53 else None,
        "api_key_type": "secret" if row % 53 else None,
        "meter_source": ("tier", "pack", "crypto")[_draw(row, "source", 3)],
        "input_text_tokens": 0 if picture else prompt,
        "input_cached_tokens": 0 if picture else prompt // 4 * (row % 3 == 0),
        "input_audio_tokens": 40 if sound else 0,
        "input_image_tokens": 255 if row % 11 == 0 and not picture else 0,
        "output_text_tokens": 0 if picture else said,
        "output_reasoning_tokens": said // 2 if model == "deepseek" else 0,
        "output_audio_tokens": 60 if sound else 0,
        "output_image_tokens": 1 if picture else 0,
        "cost_usd": round((0.002 if picture else (prompt + 4 * said) * 1.5e-7), 8),
        "response_time_ms": _draw(row, "ms", 9000) + 150 if row % 31 else None,
    }


def usage(exchange: Exchange) -> Reply:
    """Records, newest first; the next page is asked for with ``before`` = the last timestamp."""
    _need(exchange, "usage")
    query = exchange.received.query
    form = option(query, "format", ("json", "csv"), "json")
    limit = integer(query, "limit", 1, MOST_ROWS, 100) or 100
    rows: Iterator[Json] = iter(ledger())
    if before := query.get("before"):
        try:
            datetime.fromisoformat(before)
        except ValueError:
            raise invalid({"before": ["Invalid datetime"]}) from None
        mark = before.replace("T", " ").removesuffix("Z")[:19]
        rows = (row for row in rows if row["timestamp"] < mark)
    if exchange.state.today:
        days = integer(query, "days", 1, 90, 30) or 30
        option(query, "granularity", ("day", "week", "month"), "day")
        oldest = (NEWEST - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")
        rows = (row for row in rows if row["timestamp"] >= oldest)
    return _table([row for _, row in zip(range(limit), rows, strict=False)], COLUMNS, form)


def daily(exchange: Exchange) -> Reply:
    """Requests and cost by day, model and source."""
    _need(exchange, "usage")
    query = exchange.received.query
    form = option(query, "format", ("json", "csv"), "json")
    days = integer(query, "days", 1, 90, 30) or 30
    oldest = (NEWEST - timedelta(days=days)).strftime("%Y-%m-%d")
    sums: dict[tuple[str, str | None, str], list[float]] = {}
    for row in ledger():
        if (date := row["timestamp"][:10]) >= oldest:
            total = sums.setdefault((date, row["model"], row["meter_source"]), [0, 0.0])
            total[0] += 1
            total[1] += row["cost_usd"]
    rows = [
        dict(zip(DAILY_COLUMNS, (*group, int(number), round(cost, 8)), strict=True))
        for group, (number, cost) in sums.items()
    ]
    return _table(rows, DAILY_COLUMNS, form)


def _table(rows: list[Json], columns: Sequence[str], form: str) -> Reply:
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
    rules = authenticate(exchange.state, exchange.received)
    token = key_of(exchange.received)
    allowed = None if rules.account is None else list(rules.account)
    return json_reply(
        {
            "valid": True,
            "type": "publishable" if token.startswith("pk_") else "secret",
            "name": rules.name,
            "expiresAt": None,
            "expiresIn": None,
            "permissions": {
                "models": None if rules.models is None else list(rules.models),
                "account": allowed,
            },
            "pollenBudget": rules.budget,
            "rateLimitEnabled": token.startswith("pk_"),
        }
    )


ENDPOINTS: dict[str, Callable[[Exchange], Reply]] = {
    "profile": profile,
    "balance": balance,
    "usage/daily": daily,
    "usage": usage,
    "key": key,
}
