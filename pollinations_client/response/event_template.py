"""Read the one string in which an event of a stream differs from the event before it. Pure.

Why: most events of an answer repeat 200 bytes and bring a few letters. To parse those letters alone
saves a chunk of text 1.2 us of 10, and a fragment of tool arguments 3.2 of 14 (CPython 3.11).

It is right because a JSON string may stand for another: a body that parses with one string at some
place parses with any other there, to the same object with that other string in it. ``learn`` proves
the place once for each form, by parsing the event with a probe there.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

# A field of a delta with one string in it, and the name that stands before the string.
STRING_NAMES = {
    "content": b'"content":',
    "reasoning_content": b'"reasoning_content":',
    "tool_calls": b'"arguments":',
}
JSON_STRING = re.compile(rb'\s*"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
PROBE, PROBE_JSON = "\x01", b'"\\u0001"'  # a text that no model writes
MIN_USES = 16  # events that a form must have read to have been worth its proof
# Forms that were not: each event has something else that changes, padding or a time, and looking
# for forms is given up.
MAX_FAILURES = 4


class EventTemplate:
    """The form of a stream's last common event: all its bytes but one string.

    ``field`` is the delta's only field, None while no form is known; ``call_index`` is the wire's
    index of the call that a fragment of arguments belongs to.
    """

    __slots__ = (
        *("_end", "_end_length", "_failures", "_start", "_start_length", "_uses"),
        *("call_index", "field"),
    )

    def __init__(self) -> None:
        self.field: str | None = None
        self.call_index = 0
        self._start = self._end = b""
        self._start_length = self._end_length = 0
        self._failures = 0
        self._uses = MIN_USES

    def string_in(self, payload: bytes) -> str | None:
        """The string that an event of this form brings; None for an event of another form."""
        if not (payload.startswith(self._start) and payload.endswith(self._end)):
            return None
        try:
            text = from_json(payload[self._start_length : -self._end_length])
        except ValueError:
            return None
        self._uses += 1
        if type(text) is str:
            return text
        return None

    def learn(self, payload: bytes, chunk: dict[str, Any], field: str) -> None:
        """Take the form of ``payload``, which parses to ``chunk``, with ``field`` alone in its
        delta.

        ``chunk`` is spent: a probe takes the place of its string.
        """
        if self._uses < MIN_USES:
            self._failures += 1
        self._uses, self.field = 0, None
        if self._failures < MAX_FAILURES and self._is_proved(payload, chunk, field):
            self.field = field

    def _is_proved(self, payload: bytes, chunk: dict[str, Any], field: str) -> bool:
        name = STRING_NAMES[field]
        name_start = payload.rfind(name)
        string = JSON_STRING.match(payload, name_start + len(name))
        if name_start < 0 or string is None:
            return False
        self._start, self._end = payload[: string.start()], payload[string.end() :]
        self._start_length, self._end_length = len(self._start), len(self._end)
        delta = chunk["choices"][0]["delta"]
        if field == "tool_calls":
            self.call_index = delta[field][0]["index"]
            delta[field][0]["function"]["arguments"] = PROBE
        else:
            delta[field] = PROBE
        try:
            return bool(from_json(self._start + PROBE_JSON + self._end) == chunk)
        except ValueError:
            return False
