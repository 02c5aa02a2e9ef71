"""Read the pages of a document out of the answer of an OCR model. No I/O.

The gateway answers with ``ocr.pages[].markdown`` beside the Markdown of all pages in the content
(pollinations/pollinations pull 12776). Where only the content comes, blank lines part the pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import MalformedReply
from ..lenient_json import member
from ..reply import Reply

__all__ = ["OcrPage", "pages_from"]

# A form feed, two blank lines, one: the strongest that tells pages apart.
PAGE_BREAKS = tuple(map(re.compile, (r"\f", r"\n(?:[ \t]*\n){2,}", r"\n(?:[ \t]*\n)+")))


@dataclass(frozen=True, slots=True)
class OcrPage:
    """A page of a document: its number from 1, and its text as Markdown."""

    number: int
    markdown: str


def pages_from(reply: Reply, page_count: int | None = None) -> list[OcrPage]:
    """The pages that were read.

    ``page_count`` is how many the document has, where that is known. A content that does not tell
    so many pages apart is one page, so that no text has the wrong number. Raises
    :class:`MalformedReply` for an answer without text.
    """
    pages = list(_structured_pages(reply.raw))
    if pages:
        return pages
    text = reply.text.strip()
    if not text:
        raise MalformedReply(
            "The OCR model answered without a page and without text.",
            request_id=reply.info.request_id,
            partial=reply,
        )
    for page_break in PAGE_BREAKS:
        pieces = page_break.split(text)
        if len(pieces) == page_count or (page_count is None and len(pieces) > 1):
            return [OcrPage(number, piece.strip()) for number, piece in enumerate(pieces, 1)]
    return [OcrPage(1, text)]


def _structured_pages(raw: dict[str, Any]) -> Iterator[OcrPage]:
    message = ((raw.get("choices") or [{}])[0] or {}).get("message") or {}
    pages = member(raw.get("ocr") or message.get("ocr"), "pages")
    if not isinstance(pages, list):
        return
    for position, page in enumerate(pages):
        if isinstance(markdown := member(page, "markdown"), str):
            # From 0; where only some pages were read, it is not the position.
            index = page.get("index")
            if type(index) is not int or index < 0:
                index = position
            yield OcrPage(index + 1, markdown)
