"""``pollinations balance`` and ``pollinations usage``: what is left, and where it went."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ..client import PollinationsClient
from ..response.account import DailyUsage, UsageRecord
from .arguments import add_gateway_arguments, connect, note, print_json, print_table

SUMMARIES = {
    "balance": "Print the pollen that is left to the key.",
    "usage": "Print what was called and what it cost, newest first.",
}
HEADER = ("TIME (UTC)", "MODEL", "IN", "OUT", "POLLEN")
DAILY_HEADER = ("DAY", "MODEL", "REQUESTS", "POLLEN")


def add_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """The time span and the form, for ``usage``."""
    if command == "usage":
        parser.add_argument(
            "--limit", type=int, default=20, help="most records (default: 20; not with --daily)"
        )
        parser.add_argument("--days", type=int, help="how far back, 1 to 90")
        parser.add_argument("--daily", action="store_true", help="sums by day and model")
        parser.add_argument("--csv", action="store_true", help="the gateway's own CSV")
    add_gateway_arguments(parser)


def run_balance(options: argparse.Namespace) -> int:
    """Print the balance."""
    with connect(options) as client:
        balance = client.balance()
    if options.json:
        print_json(balance)
    else:
        print(f"{balance.balance} pollen")
    return 0


def run_usage(options: argparse.Namespace) -> int:
    """Print records of calls, or their sums by day and model."""
    with connect(options) as client:
        if options.csv:
            # As it came: print() would add an empty line, which is a record for some readers.
            sys.stdout.write(_csv(client, options))
        elif options.daily:
            days = client.usage_daily(days=options.days)
            _print(options, days, DAILY_HEADER, [_daily_row(day) for day in days])
        else:
            records = client.usage(limit=options.limit, days=options.days)
            _print(options, records, HEADER, [_row(record) for record in records])
    return 0


def _print(
    options: argparse.Namespace,
    records: Sequence[UsageRecord | DailyUsage],
    header: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> None:
    if options.json:
        print_json(records)
    elif rows:
        print_table(header, rows)
    else:
        note("Nothing was called in that time.")


def _csv(client: PollinationsClient, options: argparse.Namespace) -> str:
    if options.daily:
        return client.usage_daily_csv(days=options.days)
    return client.usage_csv(limit=options.limit, days=options.days)


def _row(record: UsageRecord) -> tuple[Any, ...]:
    incoming = (
        record.input_text_tokens,
        record.input_cached_tokens,
        record.input_audio_tokens,
        record.input_image_tokens,
    )
    outgoing = (
        record.output_text_tokens,
        record.output_reasoning_tokens,
        record.output_audio_tokens,
        record.output_image_tokens,
    )
    return (
        record.timestamp,
        record.model or record.type,
        sum(filter(None, incoming)),
        sum(filter(None, outgoing)),
        record.cost_usd,
    )


def _daily_row(record: DailyUsage) -> tuple[Any, ...]:
    return record.date, record.model, record.requests, record.cost_usd
