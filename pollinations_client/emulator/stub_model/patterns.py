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
        regex, parsed = re.compile(pattern), _parser.parse(pattern)
        for extra in range(MAX_EXTRA_REPEATS):
            text = "".join(_pieces(parsed, extra))
            if min_chars <= len(text) <= (max_chars or MAX_CHARS) and regex.search(text):
                return text
    except (re.error, ValueError, RecursionError, OverflowError):
        return None
    return None


def _pieces(parsed: Any, extra: int) -> Iterator[str]:
    """The text of each parsed node. Raises ValueError for what has none or is too long."""
    for kind, value in parsed:
        match kind:
            case op.LITERAL:
                yield chr(value)
            case op.NOT_LITERAL:
                yield _character([(op.NEGATE, None), (op.LITERAL, value)])
            case op.ANY:
                yield PLAIN[0]
            case op.IN:
                yield _character(value)
            case op.BRANCH:
                yield from _pieces(value[1][0], extra)
            case op.SUBPATTERN:
                yield from _pieces(value[3], extra)
            case op.MAX_REPEAT | op.MIN_REPEAT | op.POSSESSIVE_REPEAT:
                low, high, inner = value
                text, times = "".join(_pieces(inner, extra)), min(int(low) + extra, int(high))
                if len(text) * times > MAX_CHARS:
                    raise ValueError(f"more than {MAX_CHARS} characters")
                yield text * times
            case op.AT | op.ASSERT | op.ASSERT_NOT:
                continue  # takes no text; the finished text is checked against the whole pattern
            case _:
                raise ValueError(f"{kind} has no simple text")


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
