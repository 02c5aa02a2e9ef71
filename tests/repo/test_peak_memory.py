"""How many times a picture, in base64, is in memory at the peak of a call."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from pollinations_client.emulator import Body, Chunks, Emulator
from support import peak_memory
from support.peak_memory import ENVIRONMENT, PAYLOAD_BYTES, PICTURE_URL, ROWS

PROGRAM = Path(peak_memory.__file__)
# At the peak of a call, half a payload above what is measured:
MAX_PAYLOADS = {
    ("langchain", "call", "picture"): 1.5,  # the body that is sent
    ("langchain", "call", "small"): 2.5,  # body and text; then text and ChatGeneration's own copy
    ("langchain", "stream", "small"): 2.5,  # event and address; then address and block
    ("llamaindex", "call", "picture"): 2.5,  # pydantic gives out an address by a copy
    ("llamaindex", "call", "small"): 2.5,
    ("llamaindex", "stream", "small"): 2.5,  # address and block
    ("client", "call", "small"): 1.5,  # a picture's bytes
    ("client", "stream", "small"): 0.5,  # sound goes into a file as it comes
}


def png(size: int) -> bytes:
    """A picture of about ``size`` bytes, most of them in a comment."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\0"))
    comment = chunk(b"tEXt", b"Comment\0" + b"A" * size)
    return b"\x89PNG\r\n\x1a\n" + head + comment + pixels + chunk(b"IEND", b"")


PICTURE_BLOCK = {"type": "image_url", "image_url": {"url": PICTURE_URL}}


def whole(text: str) -> Body:
    """A whole answer; white space before a text must not make a copy of it."""
    message = {"role": "assistant", "content": f" {text}"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    return Body({"id": "1", "model": "openai", "choices": [choice], "usage": usage})


def streamed(delta: dict[str, Any]) -> Chunks:
    """A stream whose content comes in one event."""
    choices = [{"index": 0, "delta": delta}, {"index": 0, "delta": {}, "finish_reason": "stop"}]
    return Chunks([{"id": "1", "model": "openai", "choices": [choice]} for choice in choices])


def answers(kind: str, method: str, prompt: str) -> list[Any]:
    """A small answer, and the one that is measured."""
    if kind == "client":
        sizes = (200, PAYLOAD_BYTES)
        if method == "call":
            return [Body(png(size), content_type="image/png") for size in sizes]
        return [Body(b"ID3\x04" + bytes(size), content_type="audio/mpeg") for size in sizes]
    if prompt == "picture":
        return [whole("hello"), whole("hello")]
    if method == "call":
        return [whole("hello"), whole(PICTURE_URL)]
    return [streamed({"content": "hello"}), streamed({"content_blocks": [PICTURE_BLOCK]})]


@pytest.fixture(scope="module")
def peaks() -> dict[str, float]:
    """Payloads by row, measured by a program of its own."""
    with Emulator() as gateway:
        for row in ROWS:
            gateway.script(*answers(*row[:3]))
        done = subprocess.run(
            [sys.executable, PROGRAM, gateway.url],
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_a_picture_is_not_copied_more_often_than_it_must_be(
    row: tuple[str, ...], peaks: dict[str, float]
) -> None:
    """One copy more is one payload more; noise is a twentieth of one."""
    assert peaks[" ".join(row)] < MAX_PAYLOADS[row[:3]]
