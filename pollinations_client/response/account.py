"""Read the answers of the account endpoints into typed records: profile, balance, usage, key.

Sources: API 0.3.0 (``/account/*``, also under ``enter.pollinations.ai/api``) and the account
documentation of autumn 2026. The two eras agree on few fields, so every field may be missing;
fields this form does not know are kept and readable as attributes and in ``model_extra``. The
gateway's camelCase is read, and given back as snake_case.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from ..errors import MalformedReply, excerpt_of

__all__ = [
    "AccountBalance",
    "Balance",
    "DailyUsage",
    "KeyInfo",
    "KeyPermissions",
    "Profile",
    "UsageRecord",
    "balance_from",
    "daily_usage_from",
    "daily_usage_from_csv",
    "key_info_from",
    "profile_from",
    "usage_from",
    "usage_from_csv",
]


# A null in CSV: nothing, or what the database behind the usage log writes for it.
NULL_CELLS = {"": None, "\\N": None}


def _read_amount(value: Any) -> Any:
    """A number in the form that pydantic reads exactly; None for an empty cell."""
    # JSON numbers arrive as floats: by way of their text 0.1 stays 0.1. An empty CSV cell is
    # nothing.
    if isinstance(value, float):
        return str(value)
    if isinstance(value, str) and not value.strip():
        return None
    return value


def _read_count(value: Any) -> int | Decimal | None:
    """A count, mostly an int. The specification says "number", so a fraction is accepted."""
    count = _read_amount(value)
    if count is None or type(count) is int:
        return count
    # True and lists are no numbers either.
    if not isinstance(count, str | Decimal):
        raise ValueError("It is no number")  # noqa: TRY004 - pydantic reads no TypeError
    try:
        number = Decimal(str(count).strip())
    except InvalidOperation:
        raise ValueError("It is no number") from None
    if not number.is_finite():
        raise ValueError("It is no finite number")
    # 1E+999999 is a whole number too, and int() of it would fill the memory.
    if abs(number) < 10**18 and number == number.to_integral_value():
        return int(number)
    return number


Amount = Decimal | None
Count = int | Decimal | None
COUNTS = (
    "input_text_tokens",
    "input_cached_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "output_text_tokens",
    "output_reasoning_tokens",
    "output_audio_tokens",
    "output_image_tokens",
)
AMOUNTS = (
    *("input_audio_seconds", "output_audio_seconds", "output_video_seconds"),
    *("cost_usd", "response_time_ms"),
)


class _Answer(BaseModel):
    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        coerce_numbers_to_str=True,
        protected_namespaces=(),
    )


Answer = TypeVar("Answer", bound=_Answer)


class Profile(_Answer):
    """``GET /account/profile``. ``tier`` and ``created_at`` exist in the older gateway only."""

    name: str | None = None
    email: str | None = None
    github_username: str | None = None
    image: str | None = None
    tier: str | None = None
    created_at: str | None = None
    next_reset_at: str | None = None
    community_endpoints_allowed: bool | None = None

    @property
    def created_time(self) -> dt.datetime | None:
        """``created_at`` as a time in UTC, where it can be read."""
        return _time(self.created_at)

    @property
    def next_reset_time(self) -> dt.datetime | None:
        """When the daily pollen is granted next, in UTC, where it can be read."""
        return _time(self.next_reset_at)


class AccountBalance(_Answer):
    """The account behind the key, in pollen: ``tier`` is granted, ``paid`` is bought."""

    total: Amount = None
    tier: Amount = None
    paid: Amount = None

    _amounts = field_validator("total", "tier", "paid", mode="before")(_read_amount)


# Negative balances: a call is billed when it is done, and several may be under way
# (pollinations/pollinations issues 10752, 10790).
class Balance(_Answer):
    """``GET /account/balance`` in pollen; may be negative.

    ``balance`` is what the key may still spend: its remaining budget where it has one, else the
    account's balance.
    """

    balance: Decimal
    account_balance: AccountBalance | None = None

    _amounts = field_validator("balance", mode="before")(_read_amount)


class UsageRecord(_Answer):
    """One request in ``GET /account/usage``.

    Names are the gateway's; ``cost_usd`` is also its cost in pollen. Seconds, ``api_key_id`` and
    ``cursor_event_id``, which no two records share, are today's.
    """

    # The gateway spells these records in snake_case, unlike its other account answers.
    model_config = ConfigDict(alias_generator=None)

    timestamp: str | None = None
    cursor_event_id: str | None = None
    type: str | None = None
    model: str | None = None
    api_key_id: str | None = None
    api_key: str | None = None
    api_key_type: str | None = None
    meter_source: str | None = None
    input_text_tokens: Count = None
    input_cached_tokens: Count = None
    input_audio_tokens: Count = None
    input_audio_seconds: Amount = None
    input_image_tokens: Count = None
    output_text_tokens: Count = None
    output_reasoning_tokens: Count = None
    output_audio_tokens: Count = None
    output_audio_seconds: Amount = None
    output_image_tokens: Count = None
    output_video_seconds: Amount = None
    cost_usd: Amount = None
    response_time_ms: Amount = None

    _amounts = field_validator(*AMOUNTS, mode="before")(_read_amount)
    _counts = field_validator(*COUNTS, mode="before")(_read_count)

    @property
    def time(self) -> dt.datetime | None:
        """``timestamp`` as a time in UTC, where it can be read."""
        return _time(self.timestamp)


class DailyUsage(_Answer):
    """One day, model and source of pollen in ``GET /account/usage/daily``; today one key, too."""

    model_config = ConfigDict(alias_generator=None)

    date: str | None = None
    api_key_id: str | None = None
    api_key: str | None = None
    model: str | None = None
    meter_source: str | None = None
    requests: Count = None
    cost_usd: Amount = None

    _amounts = field_validator("cost_usd", mode="before")(_read_amount)
    _counts = field_validator("requests", mode="before")(_read_count)


class KeyPermissions(_Answer):
    """What a key may do. ``models`` is ``None`` where every model is allowed."""

    models: tuple[str, ...] | None = None
    account: tuple[str, ...] | None = None


class KeyInfo(_Answer):
    """``GET /account/key``.

    ``pollen_budget`` is what is left of the key's budget, ``None`` without one.
    """

    valid: bool | None = None
    type: str | None = None
    name: str | None = None
    expires_at: str | None = None
    expires_in: Amount = None
    permissions: KeyPermissions | None = None
    pollen_budget: Amount = None
    rate_limit_enabled: bool | None = None

    _amounts = field_validator("expires_in", "pollen_budget", mode="before")(_read_amount)

    @property
    def expires_time(self) -> dt.datetime | None:
        """``expires_at`` as a time in UTC; ``None`` for a key that does not expire."""
        return _time(self.expires_at)


def profile_from(reply: Any) -> Profile:
    """The profile; ``MalformedReply`` for what is none."""
    return _read(Profile, reply, "the profile")


def balance_from(reply: Any) -> Balance:
    """The balance; ``MalformedReply`` without a number in ``balance``."""
    return _read(Balance, reply, "the account's balance")


def key_info_from(reply: Any) -> KeyInfo:
    """The key's own description; ``MalformedReply`` for what is none."""
    return _read(KeyInfo, reply, "the key's description")


def usage_from(reply: Any) -> list[UsageRecord]:
    """The records of one page of usage, in the order sent; ``MalformedReply`` names the record at
    fault.
    """
    return [_read(UsageRecord, row, record) for row, record in _rows(reply, "usage record")]


def daily_usage_from(reply: Any) -> list[DailyUsage]:
    """The days of ``/account/usage/daily``, in the order sent."""
    return [_read(DailyUsage, row, record) for row, record in _rows(reply, "daily usage record")]


def usage_from_csv(lines: Iterable[str]) -> Iterator[UsageRecord]:
    """Usage records from the lines of a CSV answer, one at a time: nothing but the current line is
    held.

    The header decides which column is which; unknown columns are kept; an empty cell is ``None``.
    Raises ``MalformedReply`` for a page that is no such CSV, and for a row of another length than
    the header.
    """
    return (
        _read(UsageRecord, row, record)
        for row, record in _csv_rows(lines, "usage record", "timestamp")
    )


def daily_usage_from_csv(lines: Iterable[str]) -> Iterator[DailyUsage]:
    """Daily usage from the lines of a CSV answer, as :func:`usage_from_csv` reads them."""
    return (
        _read(DailyUsage, row, record)
        for row, record in _csv_rows(lines, "daily usage record", "date")
    )


def _read(kind: type[Answer], value: Any, record: str) -> Answer:
    if not isinstance(value, Mapping):
        raise MalformedReply(
            f"Expected {record} as an object, got {type(value).__name__}.", excerpt=_excerpt(value)
        )
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        issue = error.errors(include_url=False, include_input=False)[0]
        field_path = ".".join(str(part) for part in issue["loc"])
        raise MalformedReply(
            f"Cannot read {field_path} of {record}: {issue['msg']}.", excerpt=_excerpt(value)
        ) from error


def _rows(reply: Any, record_name: str) -> Iterator[tuple[Any, str]]:
    rows = reply
    if isinstance(reply, Mapping):
        rows = reply.get("usage")
    if not isinstance(rows, list):
        raise MalformedReply(
            f"Expected {record_name}s as a list under 'usage'.", excerpt=_excerpt(reply)
        )
    return ((row, f"{record_name} {index}") for index, row in enumerate(rows))


def _csv_rows(
    lines: Iterable[str], record_name: str, required_column: str
) -> Iterator[tuple[dict[str, str | None], str]]:
    reader = csv.reader(_without_bom(lines), strict=True)
    header: list[str] | None = None
    index = 0
    try:
        for cells in reader:
            if not cells:
                continue
            if header is None:
                header = _header(cells, record_name, required_column)
            elif len(cells) != len(header):
                raise MalformedReply(
                    f"{record_name.capitalize()} {index} has {len(cells)} cells under {len(header)}"
                    " columns: the answer was cut or is no CSV.",
                    excerpt=_excerpt(",".join(cells)),
                )
            else:
                values = [NULL_CELLS.get(cell, cell) for cell in cells]
                yield dict(zip(header, values, strict=True)), f"{record_name} {index}"
                index += 1
    except csv.Error as error:
        raise MalformedReply(
            f"Line {reader.line_num} of the usage CSV cannot be read: {error}."
        ) from error


def _header(cells: list[str], record_name: str, required_column: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    if required_column not in names or len(set(names)) != len(names):
        raise MalformedReply(
            f"The {record_name}s do not begin with a CSV header.", excerpt=_excerpt(",".join(cells))
        )
    return names


def _without_bom(lines: Iterable[str]) -> Iterator[str]:
    """The lines with their ends, which ``str.splitlines`` and line readers over HTTP take off, and
    without a BOM.
    """
    bom = "\ufeff"
    for line in lines:
        yield line.removeprefix(bom).removesuffix("\n") + "\n"
        bom = ""  # only the first line can have one


def _excerpt(value: Any) -> str:
    # An account answer holds personal data: the excerpt says what came, shortly.
    return excerpt_of(repr(value)[:2_000], limit=120)


def _time(text: str | None) -> dt.datetime | None:
    """A time in UTC from ISO 8601 or ``YYYY-MM-DD HH:MM:SS``, which the gateway means as UTC."""
    if not text:
        return None
    try:
        time = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    # Python takes a time without a zone for one of this computer's zone.
    if time.tzinfo is None:
        return time.replace(tzinfo=dt.UTC)
    return time.astimezone(dt.UTC)
