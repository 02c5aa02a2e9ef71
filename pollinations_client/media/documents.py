"""Name documents for models, tell their types, and read those that are sent to OCR."""

from __future__ import annotations

import base64
import mimetypes
import os
import re
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from ..errors import InvalidRequestError
from .data_url import parse_data_url
from .files import read_regular_file
from .sniff import extension_for, sniff

__all__ = ["DocumentSource", "document_name", "document_origin", "document_source", "document_type"]

PDF = "application/pdf"
# One page each; an object stream may hide pages, then there is none to count.
PDF_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")


def document_name(name: str | None, *, url: str | None = None, mime_type: str | None = None) -> str:
    """What a document is called: its own name, else the end of its address, else by its type.

    >>> document_name(None, url="https://example.org/papers/bees.pdf?page=2")
    'bees.pdf'
    """
    if name:
        return name
    last_part = PurePath(urllib.parse.unquote(urllib.parse.urlsplit(url or "").path)).name
    if "." in last_part:
        return last_part
    extension = mimetypes.guess_extension(mime_type or "") or f".{extension_for(mime_type or '')}"
    return "document" if extension == ".bin" else f"document{extension}"


def document_type(name: str | None, url: str | None = None) -> str | None:
    """The MIME type by the ending of a name or an address, or ``None``."""
    for path in (name, urllib.parse.urlsplit(url or "").path):
        if path and (mime_type := mimetypes.guess_type(path)[0]):
            return mime_type
    return None


@dataclass(frozen=True, slots=True)
class DocumentSource:
    """A PDF or a picture to be read: ``url`` is its address, or a data URL with all of it."""

    url: str = field(repr=False)
    origin: str
    """The path or address it came from."""
    name: str
    mime_type: str
    page_count: int | None = None
    pages: tuple[int, ...] = ()
    """The numbers of the pages to read, from 1; all where there is none."""

    @property
    def part(self) -> dict[str, object]:
        """The content part of a chat message."""
        if self.mime_type.startswith("image/"):
            return {"type": "image_url", "image_url": {"url": self.url}}
        field_name = "file_data" if self.url.startswith("data:") else "file_url"
        file = {"file_name": self.name, "mime_type": self.mime_type, field_name: self.url}
        return {"type": "file", "file": file}


def document_source(
    path_or_url: str | os.PathLike[str], pages: Sequence[int] | None = None
) -> DocumentSource:
    """Read a document of which a model is to read ``pages``, or all; one at an address is left to
    the gateway.

    Raises :class:`InvalidRequestError` for a file that cannot be read, for what is neither a PDF
    nor a picture by its content, and for pages that it does not have.
    """
    source = _whole_source(path_or_url)
    if pages is None:
        return source
    return replace(source, pages=_checked_pages(pages, source))


def _checked_pages(pages: Sequence[int], source: DocumentSource) -> tuple[int, ...]:
    last = source.page_count
    if isinstance(pages, (str, bytes)) or not isinstance(pages, Sequence) or not pages:
        raise _page_refusal(f"Numbers of pages from 1 are needed, such as [1, 3]. Given: {pages!r}")
    for page in pages:
        if type(page) is not int or page < 1 or (last is not None and page > last):
            span = "1 and up" if last is None else f"1 to {last}"
            raise _page_refusal(f"The document {source.name!r} has pages {span}. Given: {page!r}")
    return tuple(pages)


def _page_refusal(sentence: str) -> InvalidRequestError:
    return InvalidRequestError(f"pages: {sentence}.", param="pages")


def _whole_source(path_or_url: str | os.PathLike[str]) -> DocumentSource:
    if not isinstance(path_or_url, (str, os.PathLike)) or not os.fspath(path_or_url):
        raise _refusal(f"A path or an address is needed. Given: {path_or_url!r}")
    text = str(path_or_url)
    if text.startswith(("http://", "https://")):
        mime_type = document_type(None, text)
        # Addresses of papers often have no ending: what is no picture by its name counts as a PDF.
        if mime_type is None or not mime_type.startswith("image/"):
            mime_type = PDF
        return DocumentSource(text, text, document_name(None, url=text), mime_type)
    if text.startswith("data:"):
        _, data = parse_data_url(text)
        return _from_bytes(data, "data URL", None)
    path, data, _ = read_regular_file(path_or_url, "The document", _refusal)
    return _from_bytes(data, str(path), path.name)


def document_origin(path_or_url: str | os.PathLike[str]) -> str:
    """Where pages come from, for their metadata: the path, the address, or a data URL's beginning.

    A store keeps the metadata beside every page, and the document itself has no place there.

    >>> document_origin("data:application/pdf;base64,JVBERi0xLjcK")
    'data:application/pdf'
    """
    text = str(path_or_url)
    if text.startswith("data:"):
        return text.partition(",")[0].partition(";")[0]
    return text


def _from_bytes(data: bytes, origin: str, name: str | None) -> DocumentSource:
    mime_type = sniff(data)
    subject = f"The document {name or origin!r}"
    if not data:
        raise _refusal(f"{subject} is empty")
    if mime_type is None or (mime_type != PDF and not mime_type.startswith("image/")):
        content = mime_type or "of an unknown kind"
        raise _refusal(f"{subject} is neither a PDF nor a picture by its content, but {content}")
    pages: int | None = 1
    if mime_type == PDF:
        pages = len(PDF_PAGE.findall(data)) or None
    url = f"data:{mime_type};base64,{base64.b64encode(data).decode()}"
    return DocumentSource(url, origin, document_name(name, mime_type=mime_type), mime_type, pages)


def _refusal(sentence: str) -> InvalidRequestError:
    # The sentence names no parameter: the frameworks' loaders and readers have other names.
    return InvalidRequestError(f"{sentence}.", param="path_or_url")
