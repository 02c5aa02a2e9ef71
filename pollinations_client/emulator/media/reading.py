"""Describe what came with a prompt: the size of a picture, pages of a PDF, words of our sounds.

Nothing is understood, and what lies at an address is not fetched.
"""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image, UnidentifiedImageError

from .wav import pcm_in, text_in

MAX_QUOTED_CHARACTERS = 60


def picture_in_words(url: str) -> str:
    """A sentence that says where a picture lies, or how large it is."""
    if not url.startswith("data:"):
        return f"The picture is at {url}."
    try:
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as picture:
            return f"The picture is {picture.width} by {picture.height} pixels."
    except (UnidentifiedImageError, ValueError, OSError):
        return "The picture could not be read."


def document_in_words(file: dict[str, Any]) -> str:
    """A sentence that says where a document lies, or how long it is and how it begins."""
    try:
        pages = pages_of(file)
    except ValueError:
        return "The document could not be read."
    if file.get("file_data") is None:
        return pages[0]
    length = f"{len(pages)} page{'s' * (len(pages) != 1)}"
    beginning = " ".join(" ".join(pages).split())[:MAX_QUOTED_CHARACTERS]
    return f"The document has {length}: {beginning}" if beginning else f"The document has {length}."


def sound_in_words(data: str) -> str:
    """A sentence with the words of a sound that the emulator spoke; others are not understood."""
    pcm = pcm_in(base64.b64decode(data))
    words = text_in(pcm) if pcm else None
    return f"The sound says: {words}" if words else "The sound is no speech of this emulator."


def pages_of(file: dict[str, Any]) -> list[str]:
    """The text of each page of a chat message's ``file``. Raises ValueError for what is no PDF."""
    if file.get("file_data") is None:
        return [f"The document is at {file.get('file_url') or file.get('file_id')}."]
    # Loading pypdf takes 0.3 s, as long as all of the emulator, and few programs send a document.
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(io.BytesIO(base64.b64decode(file["file_data"].rpartition(",")[2])))
        return [page.extract_text().strip() for page in reader.pages]
    except (PyPdfError, OSError) as error:
        raise ValueError("no PDF") from error
