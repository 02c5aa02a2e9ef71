"""Bodies of ``multipart/form-data`` (RFC 7578), made once: a repeat is the same byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ["FormFile", "encode_form"]


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form, under the name of its field."""

    field_name: str
    file_name: str
    mime_type: str
    data: bytes = field(repr=False)


def encode_form(fields: Iterable[tuple[str, str]], files: Sequence[FormFile]) -> tuple[bytes, str]:
    """The body of a form and its content type.

    The boundary comes from the content, so that the same form is the same body and no file can
    hold it by design.
    """
    # httpx draws a boundary for each request: a repeat would be another body, and billed again.
    fields = list(fields)
    digest = hashlib.sha256(repr(fields).encode("utf-8", "replace"))
    for file in files:
        digest.update(file.data)
    boundary = f"form-{digest.hexdigest()[:40]}"
    pieces: list[bytes] = []
    for name, value in fields:
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="{_quoted(name)}"\r\n\r\n'
        pieces += [head.encode(), value.encode(), b"\r\n"]
    for file in files:
        head = (
            f'--{boundary}\r\ncontent-disposition: form-data; name="{_quoted(file.field_name)}";'
            f' filename="{_quoted(file.file_name)}"\r\ncontent-type: {file.mime_type}\r\n\r\n'
        )
        pieces += [head.encode(), file.data, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces), f"multipart/form-data; boundary={boundary}"


def _quoted(text: str) -> str:
    """Text inside quotation marks, as browsers write it (HTML, multipart form data)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
