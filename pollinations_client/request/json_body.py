"""Write the body of a request as JSON; large texts, such as pictures, piece by piece. Pure.

``to_json`` writes into memory of its own and copies that into bytes. With what the caller holds, a
picture would be there three times; written in pieces, it is there twice.
"""

from __future__ import annotations

import io
import secrets
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from ..errors import InvalidRequestError

__all__ = [
    "JSON_ERRORS",
    "LargeText",
    "encode_json",
    "json_bytes",
    "large_text_or_value",
    "set_large_texts_apart",
]

JSON_ERRORS = (PydanticSerializationError, ValueError, RecursionError)  # of json_bytes

MIN_LARGE_CHARACTERS = 1 << 20
PIECE_CHARACTERS = 1 << 18
MARK = secrets.token_hex(16)  # stands where a large text goes; no other text has it


class LargeText:
    """A text that ``json_bytes`` writes in pieces, and ``to_json`` refuses."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def set_large_texts_apart(part: dict[str, Any]) -> None:
    """Make the large texts one level down in a content part, its data and addresses,
    :class:`LargeText`, in place.
    """
    for name, fields in part.items():
        if type(fields) is dict:
            part[name] = {key: large_text_or_value(value) for key, value in fields.items()}


def large_text_or_value(value: Any) -> Any:
    """A large text as :class:`LargeText`, and anything else as it is."""
    if type(value) is str and len(value) >= MIN_LARGE_CHARACTERS:
        return LargeText(value)
    return value


def encode_json(body: Any) -> bytes:
    """``body`` as JSON. Raises :class:`InvalidRequestError` for what JSON cannot hold."""
    try:
        return json_bytes(body)
    except JSON_ERRORS as error:
        reason = str(error)[:200]
    raise InvalidRequestError(f"The request cannot be written as JSON: {reason}.")


def json_bytes(value: Any) -> bytes:
    """``value`` as JSON. Raises what ``to_json`` raises."""
    try:
        return to_json(value, inf_nan_mode="constants")
    except PydanticSerializationError as error:
        if LargeText.__name__ not in str(error):  # the type it cannot write
            raise
    return _written_in_pieces(value)


def _written_in_pieces(value: Any) -> bytes:
    texts: list[str] = []

    def mark_for(unknown: Any) -> str:
        if not isinstance(unknown, LargeText):
            raise TypeError(f"Unable to serialize unknown type: {type(unknown)}")
        texts.append(unknown.text)
        return MARK

    frame = to_json(value, inf_nan_mode="constants", fallback=mark_for)
    head, *rests = frame.split(MARK.encode())
    buffer = io.BytesIO()
    # All the room at once: memory that grows may have to move, and is there twice meanwhile.
    buffer.seek(len(frame) + sum(map(len, texts)))
    buffer.write(b"\0")
    buffer.seek(0)
    buffer.write(head)
    for text, rest in zip(texts, rests, strict=True):
        for start in range(0, len(text), PIECE_CHARACTERS):
            buffer.write(to_json(text[start : start + PIECE_CHARACTERS])[1:-1])
        buffer.write(rest)
    buffer.truncate()
    return buffer.getvalue()
