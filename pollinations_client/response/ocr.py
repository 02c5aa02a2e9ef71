"""Read the pages of a document out of the answer of an OCR model. No I/O.

The gateway answers with ``ocr.pages[].markdown``, and with the same pages as blocks of the message,
beside the Markdown of all pages in the content (pollinations/pollinations pull 12776). Where only
the content comes, blank lines part the pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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


def pages_from(
    reply: Reply, page_count: int | None = None, numbers: Sequence[int] = ()
) -> list[OcrPage]:
    """The pages that were read.

    ``page_count`` is how many the document has, where that is known; ``numbers`` are the pages that
    were asked for, where not all were. A content that does not tell so many pages apart is one
    page, so that no text has the wrong number. Raises :class:`MalformedReply` for an answer without
    text.
    """
    if numbers:
        page_count = len(numbers)
    pages = list(_structured_pages(reply.raw, numbers))
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
            return [
                OcrPage(_number_at(position, numbers), piece.strip())
                for position, piece in enumerate(pieces)
            ]
    return [OcrPage(_number_at(0, numbers), text)]


def _number_at(position: int, numbers: Sequence[int]) -> int:
    if position < len(numbers):
        return numbers[position]
    return position + 1


def _structured_pages(raw: dict[str, Any], numbers: Sequence[int]) -> Iterator[OcrPage]:
    message = ((raw.get("choices") or [{}])[0] or {}).get("message") or {}
    pages = member(raw.get("ocr") or message.get("ocr"), "pages")
    if not isinstance(pages, list):
        blocks = message.get("content_blocks") or []
        pages = [block for block in blocks if member(block, "type") == "ocr_page"]
    for position, page in enumerate(pages):
        if isinstance(markdown := member(page, "markdown"), str):
            # From 0; where only some pages were read, it is not the position.
            index = page.get("index")
            number = _number_at(position, numbers)
            if type(index) is int and index >= 0:
                number = index + 1
            yield OcrPage(number, markdown)
