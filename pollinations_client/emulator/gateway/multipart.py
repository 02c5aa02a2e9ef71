"""Read a multipart form (RFC 7578)."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_string
from email.message import Message

from ..scripts import Received
from .errors import GatewayError


@dataclass(frozen=True)
class Part:
    """One part of a form; ``file_name`` is None for a plain field."""

    data: bytes
    file_name: str | None = None
    content_type: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        """The part as text."""
        return self.data.decode("utf-8", "replace")


def parts_by_name(received: Received) -> dict[str, Part]:
    """The parts by name, of a repeated name the last.

    Raises ``GatewayError`` 400 for a body that is no form.
    """
    return {part.name: part for part in parts_of(received)}


def parts_of(received: Received) -> list[Part]:
    """The parts in their order. Raises ``GatewayError`` 400 for a body that is no form."""
    header = Message()
    header["content-type"] = received.headers.get("content-type", "")
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise GatewayError(400, "Expected multipart/form-data with a file")
    # Starlette reads forms through python-multipart, one dependency more for one loop.
    pieces = (b"\r\n" + received.body).split(b"\r\n--" + boundary.encode())
    if pieces[-1].strip() != b"--":
        raise GatewayError(400, "Malformed multipart body")
    parts: list[Part] = []
    for piece in pieces[1:-1]:
        head, _, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        fields = message_from_string(head.decode("utf-8", "replace"))
        name = fields.get_param("name", header="content-disposition")
        file_name = fields.get_param("filename", header="content-disposition")
        if isinstance(name, str):
            part_file_name = file_name if isinstance(file_name, str) else None
            parts.append(Part(data, part_file_name, fields.get_content_type(), name))
    return parts
