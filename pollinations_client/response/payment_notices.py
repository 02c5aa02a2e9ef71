"""The gateway's 402 and 403 dressed as answers: HTTP 200 with an assistant message that asks for a
top-up.

Since September 2026 (pollinations/pollinations pull request 14700) text routes rewrite "payment
required" and "model not allowed" into a friendly message with no usage. Nobody should mistake it
for an answer, so it is turned back into the error it is. To keep real answers safe all signs must
agree: the text opens with one of the known sentences, links to the account site, nothing was
counted, and no header says that the body may be cached.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import (
    APIStatusError,
    InsufficientBalanceError,
    KeyBudgetExhaustedError,
    ModelNotAllowedError,
    PaidModelError,
    redact,
)

NOTICES: tuple[tuple[str, type[APIStatusError], int, str], ...] = (
    (
        "The account behind this API key doesn't have enough credits. ",
        InsufficientBalanceError,
        402,
        "INSUFFICIENT_BALANCE",
    ),
    (
        "The API key used for this request has reached its budget. ",
        KeyBudgetExhaustedError,
        402,
        "KEY_BUDGET_EXHAUSTED",
    ),
    (
        "The API key used for this request only spends Quest Pollen",
        PaidModelError,
        402,
        "QUEST_POLLEN_ONLY",
    ),
    (
        "The API key used for this request isn't allowed to use ",
        ModelNotAllowedError,
        403,
        "FORBIDDEN",
    ),
    (
        "Your Pollen balance is too low for this request. ",
        InsufficientBalanceError,
        402,
        "INSUFFICIENT_BALANCE",
    ),
)
LINK = re.compile(r"\]\((https://enter\.[^)\s]+)\)")
MAX_NOTICE_CHARS = 1_500


def may_carry(headers: Mapping[str, str]) -> bool:
    """Whether an answer with these headers can be a notice: one that may be cached publicly never
    is.
    """
    caching = headers.get("cache-control", "")
    return is_announced(headers) or not ("public" in caching or "immutable" in caching)


def is_announced(headers: Mapping[str, str]) -> bool:
    """Whether a stream with these headers is worth holding back: every notice seen so far was
    marked ``no-store``.

    Without the mark an ordinary stream would lose its first words to the wait; a notice is then
    found at its end.
    """
    return "no-store" in headers.get("cache-control", "")


def may_become(text: str) -> bool:
    """Whether a text that opens so can still turn out to be a notice, so that a stream must wait
    with it.
    """
    opening = _plain(text)
    if len(opening) > MAX_NOTICE_CHARS:
        return False
    return any(opening.startswith(prefix) or prefix.startswith(opening) for prefix, *_ in NOTICES)


def error_in(text: str, headers: Mapping[str, str], *, label: str = "") -> APIStatusError | None:
    """The error a notice stands for, or ``None`` for a real answer.

    The caller has seen that no tokens were counted.
    """
    opening = _plain(text)
    if len(opening) > MAX_NOTICE_CHARS or not may_carry(headers):
        return None
    link = LINK.search(opening)
    for prefix, kind, status, code in NOTICES:
        if link and opening.startswith(prefix):
            said = redact(LINK.sub(r" (\1)", opening.replace("[", "", 1)).split("\n\n")[0].strip())
            return kind(
                "The gateway answered 200 with a notice in place of an"
                f" answer{f' to {label}' if label else ''}; it means {status} {code}: {said}",
                status_code=status,
                code=code,
                fix_url=redact(link[1]),
                request_id=headers.get("x-request-id"),
            )
    return None


def _plain(text: str) -> str:
    return text.lstrip().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
