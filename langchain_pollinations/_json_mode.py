"""Answers that were asked for as JSON: their text is the JSON alone, whatever a model puts round
it. Pure.

Claude and Gemini fence it behind this gateway, others say a word first, and LangChain's agents read
the text of such an answer as it stands. The text as it came is kept in ``response_metadata``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from ._parsers import json_text, whole_json

ORIGINAL = "original_text"  # of response_metadata, where the text that came was another

OPENING = re.compile(
    r'<(think|thinking|thought|reasoning)>|(?:\A\s*|```(?:json|JSON)?\s*)[{\[]|\{\s*"'
)
LOOK_BACK = 64  # characters of an opening that a piece may end in
MARKS = re.compile(r'["{}\[\]]|\\.|\\\Z', re.DOTALL)


def wants_json(options: Mapping[str, Any]) -> bool:
    """Whether a request asks for an answer in JSON."""
    wanted = options.get("response_format") or (options.get("extra_body") or {}).get(
        "response_format"
    )
    return isinstance(wanted, dict) and wanted.get("type") in {"json_object", "json_schema"}


def json_alone(text: str) -> str:
    """The whole JSON object in ``text``; ``text`` itself where there is none, and where it is an
    array.
    """
    found = json_text(text)
    return found if found.startswith("{") and whole_json(found, 0) == found else text


class JsonStream:
    """Pieces of text in, those of the first whole JSON object out, as they come.

    What stands before the object is held until it opens, for only then is it known to be in the
    way; what comes after it is left out. Where no object opens, ``end`` gives what was held; where
    one turns out to be none, all goes on.
    """

    __slots__ = (
        "_depth",
        "_given",
        "_held",
        "_is_cut_escape",
        "_is_string",
        "_looked",
        "_place",
        "_skipped",
    )

    def __init__(self) -> None:
        self._place: Literal["before", "inside", "after", "through"] = "before"
        self._skipped = ""  # thoughts
        self._held = ""
        self._looked = 0
        self._given: list[str] = []
        self._depth = 0
        self._is_string = self._is_cut_escape = False

    def piece(self, text: str) -> str:
        """What can be given out now that ``text`` has come."""
        if self._place == "before":
            text = self._opened(text)
        if self._place == "inside":
            text = self._closed(text)
        elif self._place == "after":
            self._held += text
            return ""
        self._given.append(text)
        return text

    def rest(self) -> str:
        """What is held, before and after an object. All text goes through from here on."""
        held, self._skipped, self._held = self._skipped + self._held, "", ""
        self._place = "through"
        self._given.append(held)
        return held

    def end(self) -> str:
        """What is held where no object came."""
        return "" if self._place == "after" else self.rest()

    def has_left_out(self, text: str) -> bool:
        """Whether ``text``, all that came, says more than what was given out."""
        return text.strip() != "".join(self._given).strip()

    def _opened(self, text: str) -> str:
        self._held += text
        while (opening := OPENING.search(self._held, self._looked)) and (thought := opening[1]):
            thought_end = self._held.find(f"</{thought}>", opening.end())
            if thought_end < 0:
                self._looked = opening.start()
                return ""
            thought_end += len(thought) + 3
            self._skipped += self._held[:thought_end]
            self._held, self._looked = self._held[thought_end:], 0
        if opening is None:
            self._looked = max(0, len(self._held) - LOOK_BACK)
            return ""
        if opening[0].endswith("["):
            text, self._place = self._skipped + self._held, "through"
        else:
            text, self._place = self._held[self._held.index("{", opening.start()) :], "inside"
        self._skipped = self._held = ""
        return text

    def _closed(self, text: str) -> str:
        """``text`` up to the end of the object, if that is in it."""
        start, self._is_cut_escape = int(self._is_cut_escape), False
        for mark in MARKS.finditer(text, start):
            sign = mark[0]
            if sign == '"':
                self._is_string = not self._is_string
            elif sign == "\\":
                self._is_cut_escape = True
            elif not self._is_string and len(sign) == 1:
                self._depth += 1 if sign in "{[" else -1
                if self._depth == 0:
                    value = "".join(self._given) + text[: mark.end()]
                    if whole_json(value, 0) != value:
                        break
                    self._place, self._held = "after", text[mark.end() :]
                    return text[: mark.end()]
        else:
            return text
        self._place = "through"
        return text
