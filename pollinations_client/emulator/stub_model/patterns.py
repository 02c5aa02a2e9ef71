"""Make a text that a regular expression takes, from the standard library's parsed pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _compiler, _parser  # type: ignore[attr-defined]
from re import _constants as op  # type: ignore[attr-defined]
from typing import Any

MAX_CHARS = 10_000
MAX_EXTRA_REPEATS = 64
PLAIN = "a1A -_.!0b"


def text_for(pattern: str, min_chars: int = 0, max_chars: int | None = None) -> str | None:
    """A text that ``re.search`` finds ``pattern`` in; None when no simple one is found.

    ``min_chars`` is reached by repeating what may repeat.
    """
    try:
        regex = re.compile(pattern)
        parsed = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError):
        return None
    for extra in range(MAX_EXTRA_REPEATS):
        for any_sign in ("a", "1", "aA1!"):
            try:
                text = "".join(_pieces(parsed, {}, extra, any_sign))
            except (ValueError, RecursionError):
                return None
            fits = min_chars <= len(text) and (max_chars is None or len(text) <= max_chars)
            if fits and regex.search(text):
                return text
    return None


def _pieces(parsed: Any, groups: dict[int, str], extra: int, any_sign: str) -> Iterator[str]:
    """The text of each parsed node. Raises ValueError for what only looks or is too long."""
    for kind, value in parsed:
        match kind:
            case op.LITERAL:
                yield chr(value)
            case op.NOT_LITERAL:
                yield _character([(op.NEGATE, None), (op.LITERAL, value)])
            case op.ANY:
                yield any_sign[:1]
            case op.IN:
                yield _character(value)
            case op.BRANCH:
                yield "".join(_pieces(value[1][0], groups, extra, any_sign))
            case op.SUBPATTERN:
                number, _, _, inner = value
                groups[number] = "".join(_pieces(inner, groups, extra, any_sign))
                yield groups[number]
            case op.ATOMIC_GROUP:
                yield "".join(_pieces(value, groups, extra, any_sign))
            case op.MAX_REPEAT | op.MIN_REPEAT | op.POSSESSIVE_REPEAT:
                yield _repeated(value, groups, extra, any_sign)
            case op.GROUPREF:
                yield groups.get(value, "")
            case op.AT | op.ASSERT | op.ASSERT_NOT:
                continue  # takes no text; the finished text is checked against the whole pattern
            case _:
                raise ValueError(f"{kind} has no text")


def _repeated(value: Any, groups: dict[int, str], extra: int, any_sign: str) -> str:
    low, high, inner = value
    times = min(int(low) + extra, int(high))
    text = "".join(_pieces(inner, groups, extra, any_sign))
    if len(text) * times > MAX_CHARS:
        raise ValueError(f"more than {MAX_CHARS} characters")
    if len(inner) == 1 and inner[0][0] is op.ANY:
        return (any_sign * times)[:times]  # lookaheads often ask for a digit, a capital and a sign
    return text * times


def _character(members: Any) -> str:
    """A character of a class: the first that it names, else a plain one that it takes."""
    takes: re.Pattern[str] = _compiler.compile(
        _parser.SubPattern(_parser.State(), [(op.IN, members)])
    )
    codes: list[int] = [value for kind, value in members if kind is op.LITERAL]
    codes += [code for kind, value in members if kind is op.RANGE for code in value]
    candidates: list[str] = [*map(chr, codes), *PLAIN]
    for sign in candidates:
        if takes.fullmatch(sign) and sign.isprintable():
            return sign
    raise ValueError("no plain character is left")
