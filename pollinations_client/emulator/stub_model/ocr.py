"""Read a document as an OCR model of the gateway does: the text that stands in a PDF, page by page.

A picture is measured only, and what lies at an address is not fetched.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from ..gateway.errors import upstream
from ..scripts import Answer
from .answer import picture_in_words

if TYPE_CHECKING:
    from ..gateway.chat_request import ChatRequest


def read_document(request: ChatRequest) -> Answer:
    """The Markdown of every page, in ``ocr`` apart and in the content between blank lines."""
    pages = _pages(request)
    listed = [{"index": index, "markdown": page} for index, page in enumerate(pages)]
    counted = {"pages_processed": len(pages)}
    return Answer(
        text="\n\n".join(pages),
        extra_top={"ocr": {"model": request.model.name, "pages": listed, "usage_info": counted}},
    )


def _pages(request: ChatRequest) -> list[str]:
    if pictures := request.parts("image_url"):
        return [picture_in_words(pictures[0]["image_url"]["url"])]
    (part,) = request.parts("file")
    file = part["file"]
    data = file.get("file_data")
    if data is None:
        return [f"The document is at {file.get('file_url') or file.get('file_id')}."]
    from pypdf import PdfReader  # not loaded before the first document
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(io.BytesIO(base64.b64decode(data.rpartition(",")[2])))
        return [page.extract_text().strip() for page in reader.pages]
    except (PyPdfError, ValueError, OSError) as error:
        raise upstream("The document could not be read as a PDF.") from error
