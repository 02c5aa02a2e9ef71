"""``PollinationsOCRReader``: PDFs and pictures as LlamaIndex documents, read by an OCR model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import Document
from pydantic import ConfigDict, Field

from pollinations_client import OcrPage
from pollinations_client._adapter_support import DEFAULT_OCR_MODEL, with_model

from ._client import ClientMixin

__all__ = ["PollinationsOCRReader"]

PathOrUrl = str | os.PathLike[str]


class PollinationsOCRReader(ClientMixin, BasePydanticReader):
    """The pages of a PDF or a picture as Markdown, one document a page.

    ``metadata`` has ``source``, the path or address, and ``page``, counted from 1. A file is sent
    whole and billed by the page; a document at an http(s) address is read by the gateway. For a
    folder: ``SimpleDirectoryReader(folder, file_extractor={".pdf": PollinationsOCRReader()})``.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from pollinations_client.emulator import Emulator
        >>> from PIL import Image
        >>> with Emulator() as gateway, TemporaryDirectory() as folder:
        ...     path = Path(folder) / "page.png"
        ...     Image.new("RGB", (40, 30)).save(path)
        ...     PollinationsOCRReader(api_base=gateway.url).load_data(path)[0].text
        'The picture is 40 by 30 pixels.'

    Raises:
        ConfigurationError: At construction, for settings that cannot work, such as no key.
        InvalidRequestError: For an unknown option; at loading, before sending, for a file that is
            neither a PDF nor a picture.
        PollinationsError: At loading, for every other failure, by kind.
    """

    model_config = ConfigDict(extra="forbid")

    is_remote: bool = True
    model: str = Field(default=DEFAULT_OCR_MODEL, description="A model that reads documents.")

    def __init__(self, model: str | None = None, /, **options: Any) -> None:
        """Take settings; open nothing. ``model`` may come first, without its name."""
        super().__init__(**with_model(model, options))

    @classmethod
    def class_name(cls) -> str:
        """The name that dumps carry."""
        return "PollinationsOCRReader"

    def load_data(
        self, path_or_url: PathOrUrl, extra_info: Mapping[str, Any] | None = None
    ) -> list[Document]:
        """The pages of a document; ``extra_info`` is added to the metadata of each."""
        pages = self._client.ocr(path_or_url, model=self.model)
        return [_document(page, path_or_url, extra_info) for page in pages]

    async def aload_data(
        self, path_or_url: PathOrUrl, extra_info: Mapping[str, Any] | None = None
    ) -> list[Document]:
        """The same as ``load_data``, awaited."""
        pages = await self._async_client.ocr(path_or_url, model=self.model)
        return [_document(page, path_or_url, extra_info) for page in pages]

    def lazy_load_data(
        self, path_or_url: PathOrUrl, extra_info: Mapping[str, Any] | None = None
    ) -> Iterable[Document]:
        """The same as ``load_data``, read when the first page is asked for."""
        yield from self.load_data(path_or_url, extra_info)


def _document(
    page: OcrPage, path_or_url: PathOrUrl, extra_info: Mapping[str, Any] | None
) -> Document:
    source = str(path_or_url)
    metadata: dict[str, Any] = {"source": source, "page": page.number}
    if not source.startswith(("http://", "https://")):
        metadata["file_name"] = Path(source).name
    return Document(text=page.markdown, metadata={**metadata, **(extra_info or {})})
