"""``PollinationsOCRLoader``, as LangChain's users call a loader."""

from __future__ import annotations

import base64
import pickle
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.exceptions import ModelError

from langchain_pollinations import PollinationsOCRLoader
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


async def test_a_loader_gives_one_document_a_page(gateway: Emulator, path: Path) -> None:
    """In every way of loading, with one request each."""
    loader = PollinationsOCRLoader(path, base_url=gateway.url)
    documents = [
        Document(page, metadata={"source": str(path), "page": number})
        for number, page in enumerate(PAGES, 1)
    ]
    assert loader.load() == documents
    assert list(loader.lazy_load()) == documents
    assert await loader.aload() == documents
    assert [document async for document in loader.alazy_load()] == documents
    assert len(gateway.requests) == 4


async def test_a_loader_reads_some_pages_alone(gateway: Emulator, path: Path) -> None:
    """By their numbers, as in the metadata."""
    loader = PollinationsOCRLoader(path, pages=[2], base_url=gateway.url)
    expected = [Document(PAGES[1], metadata={"source": str(path), "page": 2})]
    assert loader.load() == expected
    assert [document async for document in loader.alazy_load()] == expected
    assert [request.json["pages"] for request in gateway.requests] == [[1], [1]]


def test_nothing_is_sent_before_the_first_page_is_asked_for(gateway: Emulator, path: Path) -> None:
    """``lazy_load`` alone reads nothing."""
    pages = PollinationsOCRLoader(path_or_url=str(path), base_url=gateway.url).lazy_load()
    assert gateway.requests == []
    assert next(pages).page_content == PAGES[0]


def test_a_loaders_errors_are_those_of_a_model(gateway: Emulator, tmp_path: Path) -> None:
    """Refused before sending, or by the gateway."""
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        PollinationsOCRLoader(tmp_path / "missing.pdf", base_url=gateway.url).load()
    with pytest.raises(PollinationsError, match="Did you mean 'timeout'"):
        PollinationsOCRLoader("a.pdf", time_out=3)
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.4 broken")
    with pytest.raises(ModelError, match="could not be read"):
        PollinationsOCRLoader(path, base_url=gateway.url).load()


def test_no_key_is_in_a_loaders_text_or_pickle(gateway: Emulator, path: Path) -> None:
    """It can be sent to another process."""
    loader = PollinationsOCRLoader(path, base_url=gateway.url, api_key="sk_demo_0123456789abcdef")
    assert b"sk_demo" not in pickle.dumps(loader) + repr(loader).encode()
    assert pickle.loads(pickle.dumps(loader)).load() == loader.load()


def test_a_data_url_is_no_part_of_the_metadata(gateway: Emulator, path: Path) -> None:
    """A store would keep the whole document beside every page."""
    encoded = base64.b64encode(path.read_bytes()).decode()
    loader = PollinationsOCRLoader(f"data:application/pdf;base64,{encoded}", base_url=gateway.url)
    assert loader.load()[0].metadata == {"source": "data:application/pdf", "page": 1}


def test_a_wrong_kind_of_path_is_told_without_words_of_pydantic(gateway: Emulator) -> None:
    """The field, and what was given."""
    with pytest.raises(InvalidRequestError) as caught:
        PollinationsOCRLoader(path_or_url=3, base_url=gateway.url)
    assert str(caught.value).startswith("path_or_url: Input should be a valid string. Given: 3.")
    assert "lax" not in str(caught.value)
