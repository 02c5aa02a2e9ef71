"""Recognise payment notices: a 402 or 403 that the gateway sends as an answer with status 200.

Since September 2026 (pollinations/pollinations pull request 14700) text routes rewrite "payment
required" and "model not allowed" into a friendly message of the assistant, which asks for a top-up
and has no usage. Nobody should mistake it for an answer, so it is turned back into the error. To
keep real answers safe all signs must agree: the text opens with one of the known sentences, links
to the account site, nothing was counted, and no header says that the body may be cached.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import APIStatusError, redact, to_endpoint
from .error_tables import PAYMENT_WORDINGS, PaymentWording

# The account site, or that of the staging gateway (shared/public-urls.ts).
LINK = re.compile(r"\]\((https://(?:staging\.)?enter\.[^)\s]+)\)")
MAX_NOTICE_CHARS = 1_500
OPENINGS: tuple[tuple[str, PaymentWording], ...] = tuple(
    (opening, wording) for wording in PAYMENT_WORDINGS for opening in wording.openings
)


def may_carry(headers: Mapping[str, str]) -> bool:
    """Whether an answer with these headers can be a notice: one that may be cached publicly never
    is.
    """
    caching = headers.get("cache-control", "")
    return "no-store" in caching or not ("public" in caching or "immutable" in caching)


def may_become(text: str) -> bool:
    """Whether a text that opens so can still turn out to be a notice, so that a stream must wait
    with it.
    """
    opening = _plain(text)
    if len(opening) > MAX_NOTICE_CHARS:
        return False
    return any(opening.startswith(prefix) or prefix.startswith(opening) for prefix, _ in OPENINGS)


def error_in(text: str, headers: Mapping[str, str], *, label: str = "") -> APIStatusError | None:
    """The error a notice stands for, or ``None`` for a real answer.

    The caller has seen that no tokens were counted.
    """
    opening = _plain(text)
    if len(opening) > MAX_NOTICE_CHARS or not may_carry(headers):
        return None
    link = LINK.search(opening)
    if link is None:
        return None
    for prefix, wording in OPENINGS:
        if opening.startswith(prefix):
            # The notice without its Markdown link and its closing paragraph.
            plain = LINK.sub(r" (\1)", opening.replace("[", "", 1)).split("\n\n")[0].strip()
            return wording.kind(
                f"The gateway answered 200 with a notice in place of an answer{to_endpoint(label)};"
                f" it means {wording.status} {wording.code}: {redact(plain)}",
                status_code=wording.status,
                code=wording.code,
                fix_url=redact(link[1]),
                request_id=headers.get("x-request-id"),
            )
    return None


def _plain(text: str) -> str:
    # Apostrophes have come straight and curly.
    return text.lstrip().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
