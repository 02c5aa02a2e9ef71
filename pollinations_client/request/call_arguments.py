"""Write the arguments of a tool call as the JSON text that a message holds. Pure."""

from __future__ import annotations

import json
import json.encoder
from typing import Any

from pydantic_core import to_jsonable_python

from ..errors import InvalidRequestError

__all__ = ["arguments_text"]


def _as_json_type(value: Any) -> Any:
    """What JSON has for a value that it does not know: a program may have put dates or models among
    the arguments.
    """
    return to_jsonable_python(value, fallback=str)


_encoder = json.JSONEncoder(ensure_ascii=False, default=_as_json_type)
_pieces: Any = _encoder.iterencode
# ``encode`` makes the encoder in C anew for each text: 1.1 us of 1.7. PyPy has none.
if make_encoder := getattr(json.encoder, "c_make_encoder", None):
    _pieces = make_encoder(
        *(None, _encoder.default, json.encoder.encode_basestring, None),
        *(_encoder.key_separator, _encoder.item_separator, False, False, True),
    )


def arguments_text(arguments: Any) -> str:
    """``arguments`` as ``json.dumps`` writes them, characters unescaped; dates, models and others
    as pydantic writes them.

    Raises :class:`InvalidRequestError` for keys that are no text and for values that hold
    themselves.
    """
    try:
        return "".join(_pieces(arguments, 0))
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
    raise InvalidRequestError(
        f"messages: the arguments of a tool call cannot be written as JSON: {reason}.",
        param="messages",
    )
