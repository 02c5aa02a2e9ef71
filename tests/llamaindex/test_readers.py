"""``PollinationsOCRReader``, alone and under ``SimpleDirectoryReader``."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from llama_index.core import SimpleDirectoryReader

from llamaindex_pollinations import PollinationsOCRReader
from pollinations_client import InvalidRequestError, PollinationsError
from pollinations_client.emulator import Emulator
from support.pdf import pdf

PAGES = ["Bees dance.", "Owls fly without a sound."]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PDF of two pages."""
    path = tmp_path / "bees.pdf"
    path.write_bytes(pdf(*PAGES))
    return path


@pytest.fixture
def reader(gateway: Emulator) -> PollinationsOCRReader:
    """A reader of today's gateway."""
    return PollinationsOCRReader(api_base=gateway.url, api_key="sk_demo_0123456789abcdef")


async def test_a_reader_returns_a_document_for_each_page(
    reader: PollinationsOCRReader, gateway: Emulator, path: Path
) -> None:
    """In every way of loading, with one request each."""
    documents = reader.load_data(path)
    assert [document.text for document in documents] == PAGES
    assert [document.metadata for document in documents] == [
        {"source": str(path), "page": page, "file_name": "bees.pdf"} for page in (1, 2)
    ]
    for again in (await reader.aload_data(path), list(reader.lazy_load_data(str(path)))):
        assert [document.text for document in again] == PAGES
    assert len(gateway.requests) == 3


async def test_a_reader_reads_some_pages_alone(gateway: Emulator, path: Path) -> None:
    """By their numbers, as in the metadata."""
    reader = PollinationsOCRReader(api_base=gateway.url, pages=[2])
    for (document,) in (reader.load_data(path), await reader.aload_data(path)):
        assert (document.text, document.metadata["page"]) == (PAGES[1], 2)
    assert [request.json["pages"] for request in gateway.requests] == [[1], [1]]


async def test_a_folder_is_read_with_it(reader: PollinationsOCRReader, path: Path) -> None:
    """LlamaIndex adds what it knows of the file."""
    (path.parent / "owls.txt").write_text("Owls hoot.")
    folder = SimpleDirectoryReader(path.parent, file_extractor={".pdf": reader})
    for documents in (folder.load_data(), await folder.aload_data()):
        assert [document.text for document in documents] == [*PAGES, "Owls hoot."]
        assert documents[1].metadata["page"] == 2
        assert documents[1].metadata["file_path"] == str(path)


def test_a_documents_address_goes_to_the_gateway(
    reader: PollinationsOCRReader, gateway: Emulator
) -> None:
    """It is loaded there, not here."""
    (document,) = reader.load_data("https://a.example/bees.pdf")
    assert document.metadata == {"source": "https://a.example/bees.pdf", "page": 1}


def test_errors_of_a_reader_name_the_file(reader: PollinationsOCRReader, tmp_path: Path) -> None:
    """Before sending, and for options."""
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        reader.load_data(tmp_path / "missing.pdf")
    with pytest.raises(PollinationsError, match="Did you mean 'timeout'"):
        PollinationsOCRReader(time_out=3)


def test_no_key_is_in_a_readers_text_or_dump(reader: PollinationsOCRReader) -> None:
    """And a dump makes the same reader again."""
    assert "sk_demo" not in repr(reader) + str(reader.to_dict()) + reader.to_json()
    assert PollinationsOCRReader.from_dict(reader.to_dict()).model == "mistral-ocr"


async def test_a_file_of_another_file_system_is_read(
    reader: PollinationsOCRReader, path: Path
) -> None:
    """SimpleDirectoryReader hands its file system on."""
    memory = MemoryFileSystem()
    memory.pipe("/scans/bees.pdf", path.read_bytes())
    folder = SimpleDirectoryReader("/scans", fs=memory, file_extractor={".pdf": reader})
    for documents in (folder.load_data(), await folder.aload_data()):
        assert [document.text for document in documents] == PAGES
        assert documents[1].metadata["source"] == "/scans/bees.pdf"


async def test_a_data_url_is_no_part_of_the_metadata(
    reader: PollinationsOCRReader, path: Path
) -> None:
    """A store would keep the whole document beside every page."""
    encoded = base64.b64encode(path.read_bytes()).decode()
    url = f"data:application/pdf;base64,{encoded}"
    expected = {"source": "data:application/pdf", "page": 1}
    assert reader.load_data(url)[0].metadata == expected
    assert next(iter(await reader.alazy_load_data(url))).metadata == expected
