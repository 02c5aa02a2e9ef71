"""``PollinationsOCRLoader``: PDFs and pictures as LangChain documents, read by an OCR model."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, ClassVar

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from pydantic import ConfigDict

from pollinations_client import OcrPage
from pollinations_client._adapter_support import DEFAULT_OCR_MODEL, document_origin

from ._client import ClientMixin
from .errors import model_errors

__all__ = ["PollinationsOCRLoader"]


class PollinationsOCRLoader(ClientMixin, BaseLoader):
    """Read the pages of a PDF or a picture as Markdown, a document for each page.

    ``metadata`` has ``source``, the path or address, and ``page``, counted from 1. A file is sent
    whole and billed by the page; a document at an http(s) address is read by the gateway.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from pollinations_client.emulator import Emulator
        >>> from PIL import Image
        >>> with Emulator() as gateway, TemporaryDirectory() as folder:
        ...     path = Path(folder) / "page.png"
        ...     Image.new("RGB", (40, 30)).save(path)
        ...     PollinationsOCRLoader(path, base_url=gateway.url).load()[0].page_content
        'The picture is 40 by 30 pixels.'

    Raises:
        ConfigurationError: At construction, for settings that cannot work, such as no key.
        InvalidRequestError: For an unknown option; at loading, before sending, for a file that is
            neither a PDF nor a picture.
        PollinationsError: At loading, for every other failure, by kind.
    """

    model_config = ConfigDict(
        extra="forbid", arbitrary_types_allowed=True, protected_namespaces=(), defer_build=False
    )
    aliases: ClassVar[Mapping[str, str]] = {**ClientMixin.aliases, "file_path": "path_or_url"}
    door: ClassVar[str | None] = None

    path_or_url: str | os.PathLike[str]
    """A file, or an http(s) address."""
    model: str = DEFAULT_OCR_MODEL
    """A model that reads documents."""
    pages: list[int] | None = None
    """The numbers of the pages to read, from 1, each of which is billed; all by default."""

    def __init__(
        self, path_or_url: str | os.PathLike[str] | None = None, /, **options: Any
    ) -> None:
        """Take settings; open nothing. The path or address may come first, without its name."""
        if path_or_url is not None:
            options["path_or_url"] = path_or_url
        super().__init__(**options)

    def lazy_load(self) -> Iterator[Document]:
        """Give the pages, all read by one request when the first is asked for."""
        with model_errors():
            pages = self._client.ocr(self.path_or_url, model=self.model, pages=self.pages)
        yield from map(self._document, pages)

    async def alazy_load(self) -> AsyncIterator[Document]:
        """The same as ``lazy_load``, awaited."""
        with model_errors():
            pages = await self._async_client.ocr(
                self.path_or_url, model=self.model, pages=self.pages
            )
        for page in pages:
            yield self._document(page)

    def _document(self, page: OcrPage) -> Document:
        metadata = {"source": document_origin(self.path_or_url), "page": page.number}
        return Document(page.markdown, metadata=metadata)
