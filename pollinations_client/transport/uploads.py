"""Open what a call uploads, for the time in which it is sent. It is read piece by piece."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx

from ..errors import InvalidRequestError
from ..request.endpoints import Call
from .http11 import Body, RawRequest, SizedPieces

NO_FILE: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()


def opened_upload(call: Call) -> contextlib.AbstractContextManager[Any]:
    """The upload's bytes or open file, closed after the block; None for a call without one."""
    if call.upload is None:
        return NO_FILE
    source = call.upload.source
    if isinstance(source.data, bytes):
        return contextlib.nullcontext(source.data)
    try:
        return source.data.open("rb")
    except OSError as error:
        raise InvalidRequestError(
            f"{call.label}: {source.name!r} cannot be read: {error.strerror or error}."
        ) from error


def multipart_body(call: Call, upload: Any) -> dict[str, Any]:
    """The arguments of httpx for the body: ``upload`` as a form, else the call's own bytes."""
    if call.upload is None:
        return {"content": call.body}
    source = call.upload.source
    return {
        "files": {"file": (source.name, upload, source.mime_type)},
        "data": dict(call.upload.fields),
    }


def sized_upload(
    call: Call, url: httpx.URL, headers: httpx.Headers, upload: Any
) -> tuple[RawRequest, Body]:
    """The form of an upload for a pool of our own; httpx makes it."""
    form = httpx.Request(call.method, url, headers=headers, **multipart_body(call, upload))
    pieces: Any = form.stream  # both kinds of calls iterate over it: files are read blocking
    body = SizedPieces(int(form.headers["content-length"]), pieces)
    return RawRequest(call.method, url, form.headers.raw), body
