"""``ocr()``: documents read into pages, in every shape in which the answer may come."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pollinations_client import (
    APIConnectionError,
    AsyncPollinationsClient,
    InvalidRequestError,
    MalformedReply,
    OcrPage,
    PollinationsClient,
    UnknownModelError,
)
from pollinations_client.emulator import Answer, Emulator, Fault
from support.pdf import pdf

KEY = "sk_demo_0123456789abcdef"
PAGES = ["Bees dance.", "Owls fly without a sound."]
Ocr = Callable[..., list[OcrPage]]


@pytest.fixture(params=["sync", "async"])
def ocr(request: pytest.FixtureRequest, gateway: Emulator) -> Ocr:
    """``ocr(path_or_url)`` of both clients."""

    def blocking(path: Any, url: str = gateway.url, **options: Any) -> list[OcrPage]:
        with PollinationsClient(KEY, base_url=url) as client:
            return client.ocr(path, **options)

    def awaited(path: Any, url: str = gateway.url, **options: Any) -> list[OcrPage]:
        async def run() -> list[OcrPage]:
            async with AsyncPollinationsClient(KEY, base_url=url) as client:
                return await client.ocr(path, **options)

        return asyncio.run(run())

    return blocking if request.param == "sync" else awaited


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A PDF of two pages."""
    path = tmp_path / "bees and owls.pdf"
    path.write_bytes(pdf(*PAGES))
    return path


def test_a_pdf_is_read_page_by_page(ocr: Ocr, gateway: Emulator, document: Path) -> None:
    """It goes out whole, under its name."""
    assert ocr(document) == [OcrPage(1, PAGES[0]), OcrPage(2, PAGES[1])]
    assert ocr(str(document)) == ocr(document)
    body = gateway.requests[0].json
    assert body["model"] == "mistral-ocr"
    ((part,),) = [message["content"] for message in body["messages"]]
    file = part["file"]
    assert (file["file_name"], file["mime_type"]) == ("bees and owls.pdf", "application/pdf")
    assert base64.b64decode(file["file_data"].partition(",")[2]) == document.read_bytes()


def test_a_picture_is_one_page(ocr: Ocr, gateway: Emulator, tmp_path: Path) -> None:
    """By its content, whatever it is called."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "PNG")
    path = tmp_path / "scan.pdf"
    path.write_bytes(out.getvalue())
    assert ocr(path) == [OcrPage(1, "The picture is 40 by 30 pixels.")]
    assert gateway.requests[0].json["messages"][0]["content"][0]["type"] == "image_url"


def test_an_address_is_left_to_the_gateway(ocr: Ocr, gateway: Emulator) -> None:
    """As a file, or as a picture where its ending says so."""
    assert ocr("https://a.example/b/bees.pdf?v=1")[0].markdown.startswith("The document is at")
    ocr("https://a.example/scan.png")
    parts = [request.json["messages"][0]["content"][0] for request in gateway.requests]
    assert parts == [
        {
            "type": "file",
            "file": {
                "file_name": "bees.pdf",
                "mime_type": "application/pdf",
                "file_url": "https://a.example/b/bees.pdf?v=1",
            },
        },
        {"type": "image_url", "image_url": {"url": "https://a.example/scan.png"}},
    ]


@pytest.mark.parametrize(
    ("answer", "pages"),
    [
        (
            Answer(text="x", extra_top={"ocr": {"pages": [{"index": 0, "markdown": "# A"}]}}),
            [OcrPage(1, "# A")],
        ),
        (
            Answer(text="x", extra_message={"ocr": {"pages": [{"index": 4, "markdown": "E"}]}}),
            [OcrPage(5, "E")],
        ),
        (
            Answer(text="x", extra_top={"ocr": {"pages": [{"markdown": ""}, {"markdown": "B"}]}}),
            [OcrPage(1, ""), OcrPage(2, "B")],
        ),
        (
            Answer(text="x", content_blocks=[{"type": "ocr_page", "index": 1, "markdown": "B"}]),
            [OcrPage(2, "B")],
        ),
        (Answer(text="# A\n\n# B"), [OcrPage(1, "# A"), OcrPage(2, "# B")]),
        (Answer(text="A\n \n\nB\n"), [OcrPage(1, "A"), OcrPage(2, "B")]),
        (Answer(text="A\n\nstill A\fB"), [OcrPage(1, "A\n\nstill A"), OcrPage(2, "B")]),
        (Answer(text="A\n\nstill A\n\n\nB"), [OcrPage(1, "A\n\nstill A"), OcrPage(2, "B")]),
        (Answer(text="A\n\nB\n\nC"), [OcrPage(1, "A\n\nB\n\nC")]),
        (Answer(text="all of it"), [OcrPage(1, "all of it")]),
    ],
)
def test_pages_are_read_from_every_shape_of_the_answer(
    ocr: Ocr, gateway: Emulator, document: Path, answer: Answer, pages: list[OcrPage]
) -> None:
    """And text that cannot be told apart into the two pages there are gets no wrong number."""
    gateway.script(answer)
    assert ocr(document) == pages


def test_some_pages_alone_are_read(ocr: Ocr, gateway: Emulator, document: Path) -> None:
    """Under their numbers in the document, whatever the shape of the answer; each is billed."""
    assert ocr(document, pages=[2]) == [OcrPage(2, PAGES[1])]
    assert gateway.requests[0].json["pages"] == [1]
    gateway.script(Answer(text="B\n\nD"), Answer(text="B and D"))
    address = "https://a.example/b.pdf"
    assert ocr(address, pages=(2, 4)) == [OcrPage(2, "B"), OcrPage(4, "D")]
    assert ocr(address, pages=range(2, 5)) == [OcrPage(2, "B and D")]
    assert gateway.requests[-1].json["pages"] == [1, 2, 3]


@pytest.mark.parametrize("pages", [[], [0], [3], ["1"], [True], "1", 1, [1.0]])
def test_pages_that_there_are_not_do_not_leave(
    ocr: Ocr, gateway: Emulator, document: Path, pages: Any
) -> None:
    """The refusal says which there are."""
    with pytest.raises(InvalidRequestError, match=r"^pages: .*(1 to 2|such as)") as caught:
        ocr(document, pages=pages)
    assert caught.value.param == "pages"
    assert gateway.requests == []


def test_pages_that_cannot_be_counted_are_parted_by_blank_lines(
    ocr: Ocr, gateway: Emulator
) -> None:
    """As of a document at an address."""
    gateway.script(Answer(text="A\n\nB\n\nC"))
    assert [page.number for page in ocr("https://a.example/b.pdf")] == [1, 2, 3]


def test_an_answer_without_text_is_an_error(ocr: Ocr, gateway: Emulator, document: Path) -> None:
    """Not a document without pages."""
    gateway.script(Answer(text=" "))
    with pytest.raises(MalformedReply, match="without a page"):
        ocr(document)


def test_ocr_is_not_repeated_where_it_may_have_been_carried_out(
    ocr: Ocr, gateway: Emulator, document: Path
) -> None:
    """Its answers are not cached, so a repeat is paid again; other chats are repeated once."""
    gateway.script(Fault("reset"))
    with pytest.raises(APIConnectionError):
        ocr(document)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"words", "neither a PDF nor a picture by its content"),
        (b"ID3" + bytes(40), "but audio/mpeg"),
    ],
)
def test_what_is_no_document_does_not_leave(
    ocr: Ocr, gateway: Emulator, tmp_path: Path, content: bytes, sentence: str
) -> None:
    """By its content, not by its name."""
    path = tmp_path / "secret.pdf"
    path.write_bytes(content)
    with pytest.raises(InvalidRequestError, match=sentence):
        ocr(path)
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("missing.pdf", "No such file"), ("/", "is no file"), ("", "needed"), (None, "needed")],
)
def test_a_document_that_cannot_be_read_is_named(ocr: Ocr, path: Any, sentence: str) -> None:
    """With what the system says."""
    with pytest.raises(InvalidRequestError, match=sentence):
        ocr(path)


def test_an_older_gateway_is_named(ocr: Ocr, seed_gateway: Emulator, document: Path) -> None:
    """API 0.3.0 does not have the model."""
    with pytest.raises(UnknownModelError, match=r"needs a gateway newer than API 0\.3\.0"):
        ocr(document, seed_gateway.url)
