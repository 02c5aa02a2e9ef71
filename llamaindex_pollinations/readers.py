"""``PollinationsOCRReader``: PDFs and pictures as LlamaIndex documents, read by an OCR model."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import Document
from pydantic import ConfigDict, Field

from pollinations_client import OcrPage
from pollinations_client._adapter_support import (
    DEFAULT_OCR_MODEL,
    document_origin,
    with_model,
    with_secret_key,
)

from ._client import ClientMixin

if TYPE_CHECKING:
    from ._option_types import OCRReaderOptions

__all__ = ["PollinationsOCRReader"]

PathOrUrl = str | os.PathLike[str]


class PollinationsOCRReader(ClientMixin, BasePydanticReader):
    """Read the pages of a PDF or a picture as Markdown, a document for each page.

    ``metadata`` has ``source``, the path or address, and ``page``, counted from 1. A file is sent
    in one request and billed by the page. A document at an http(s) address is read by the gateway.

    Args:
        model: A model that reads documents; ``"mistral-ocr"`` by default.
        pages: The numbers of the pages to read, from 1, each of which is billed; all by default.
        api_key: ``sk_...`` or ``pk_...``; by default ``POLLINATIONS_API_KEY``.
        api_base: Address of the gateway; by default ``POLLINATIONS_BASE_URL``, else the public one.
        timeout: Seconds to wait for the pages; 180 by default.
        max_retries: Repeats of a request that cannot be billed twice; 2 by default.

    Raises:
        ConfigurationError: At construction, for options that cannot work, such as no key.
        InvalidRequestError: For an unknown option; at loading, before sending, for a file that is
            neither a PDF nor a picture.
        PollinationsError: At loading, for a call that failed; its subclasses say why.

    Examples:
        ```python
        from PIL import Image

        from llamaindex_pollinations import PollinationsOCRReader

        Image.new("RGB", (40, 30)).save("page.png")
        reader = PollinationsOCRReader()
        for page in reader.load_data("page.png"):
            print(page.metadata["page"], page.text)
        ```

        All PDFs and pictures of a folder:

        ```python
        from llama_index.core import SimpleDirectoryReader

        extractors = {".pdf": reader, ".png": reader}
        documents = SimpleDirectoryReader(".", file_extractor=extractors).load_data()
        ```
    """

    model_config = ConfigDict(extra="forbid", defer_build=False)

    is_remote: bool = True
    model: str = Field(default=DEFAULT_OCR_MODEL, description="A model that reads documents.")
    pages: list[int] | None = Field(
        default=None, description="Numbers of the pages to read, from 1; all by default."
    )

    def __init__(self, model_id: str | None = None, /, **options: Unpack[OCRReaderOptions]) -> None:
        """Read the options; open nothing. The model may come first, without its name."""
        wrapped = with_secret_key(options)
        del options  # so that no frame of a traceback has the key as text
        super().__init__(**with_model(model_id, wrapped))

    @classmethod
    def class_name(cls) -> str:
        """The name that dumps carry."""
        return "PollinationsOCRReader"

    def load_data(
        self, path_or_url: PathOrUrl, extra_info: Mapping[str, Any] | None = None, fs: Any = None
    ) -> list[Document]:
        """Read a document's pages; ``extra_info`` is added to the metadata of each.

        ``fs`` is the fsspec file system that the path is of, as ``SimpleDirectoryReader`` gives it.
        """
        pages = self._client.ocr(_content(path_or_url, fs), model=self.model, pages=self.pages)
        return [_document(page, path_or_url, extra_info) for page in pages]

    async def aload_data(
        self, path_or_url: PathOrUrl, extra_info: Mapping[str, Any] | None = None, fs: Any = None
    ) -> list[Document]:
        """:meth:`load_data`, awaited."""
        content = await asyncio.to_thread(_content, path_or_url, fs)
        pages = await self._async_client.ocr(content, model=self.model, pages=self.pages)
        return [_document(page, path_or_url, extra_info) for page in pages]

    def lazy_load_data(
        self, path_or_url: PathOrUrl, extra_info: Mapping[str, Any] | None = None, fs: Any = None
    ) -> Iterable[Document]:
        """:meth:`load_data`, sent when the first page is asked for."""
        yield from self.load_data(path_or_url, extra_info, fs)

    async def alazy_load_data(
        self, path_or_url: PathOrUrl, extra_info: Mapping[str, Any] | None = None, fs: Any = None
    ) -> Iterable[Document]:
        """:meth:`load_data`, awaited: LlamaIndex's own would wait in the event loop."""
        return await self.aload_data(path_or_url, extra_info, fs)


def _content(path_or_url: PathOrUrl, fs: Any) -> PathOrUrl:
    """What the client reads: a file of another file system as a data URL."""
    if fs is None:
        return path_or_url
    with fs.open(str(path_or_url), "rb") as file:
        # The client looks at the bytes, whatever type is declared.
        encoded = base64.b64encode(file.read()).decode("ascii")
    return f"data:application/octet-stream;base64,{encoded}"


def _document(
    page: OcrPage, path_or_url: PathOrUrl, extra_info: Mapping[str, Any] | None
) -> Document:
    source = document_origin(path_or_url)
    metadata: dict[str, Any] = {"source": source, "page": page.number}
    if not source.startswith(("http://", "https://", "data:")):
        metadata["file_name"] = Path(source).name
    return Document(text=page.markdown, metadata={**metadata, **(extra_info or {})})
