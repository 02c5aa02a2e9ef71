"""Open what a call uploads, for the time in which it is sent. It is read piece by piece."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx

from ..errors import InvalidRequestError
from ..request.calls import Call, Upload
from .http11 import Body, RawRequest, SizedPieces

NO_UPLOAD: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()


def opened_upload(call: Call, upload: Upload) -> contextlib.AbstractContextManager[Any]:
    """The upload's bytes or open file, closed after the block."""
    source = upload.source
    if isinstance(source.data, bytes):
        return contextlib.nullcontext(source.data)
    try:
        return source.data.open("rb")
    except OSError as error:
        raise InvalidRequestError(
            f"{call.label}: {source.name!r} cannot be read: {error.strerror or error}."
        ) from error


def multipart_body(upload: Upload, file: Any) -> dict[str, Any]:
    """The arguments of httpx for a form with ``file``, the upload's bytes or open file."""
    source = upload.source
    return {
        "files": {"file": (source.name, file, source.mime_type)},
        "data": dict(upload.fields),
    }


def sized_form(
    method: str, url: httpx.URL, headers: httpx.Headers, form: dict[str, Any]
) -> tuple[RawRequest, Body]:
    """A form for a pool of our own; httpx makes it."""
    request = httpx.Request(method, url, headers=headers, **form)
    # Both kinds of calls iterate over it, for httpx reads the files of a form blocking in either.
    pieces: Any = request.stream
    body = SizedPieces(int(request.headers["content-length"]), pieces)
    return RawRequest(method, url, request.headers.raw), body
