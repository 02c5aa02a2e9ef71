"""Parse JSON as providers write it: mend characters that are cut in half, bound its depth, and tell
where a value ends that comes in pieces.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

MAX_DEPTH = 256  # a little deeper than from_json reads, so that it is never the narrower one
# JSON writes a character outside the Basic Multilingual Plane as two escapes, a surrogate pair. A
# provider that cuts its text by UTF-16 units puts the two halves into two strings: of two chunks of
# a stream, or of two blocks of a message.
HIGH_HALVES = ("\ud800", "\udbff")
LOW_HALVES = ("\udc00", "\udfff")
BLOCK_TEXTS = ("text", "thinking")
# A quote, a bracket, and an escape, which may be cut at the end of a piece.
MARKS = re.compile(r'["{}\[\]]|\\.|\\\Z', re.DOTALL)

Path = tuple[Any, ...]


def parse_json(source: str | bytes) -> Any:
    """The value that ``source`` is, every text in it printable. Raises ValueError if it is none."""
    try:
        return from_json(source)
    except ValueError:
        return parse_mended_json(source)


def parse_mended_json(source: str | bytes) -> Any:
    """The value of ``source``, which the strict parser refused. Raises ValueError."""
    return SurrogateJoiner().joined(parse_with_halves(source))


def parse_with_halves(source: str | bytes, *, strict: bool = True) -> Any:
    """The value that ``source`` is, halves of characters left as they are. Raises ValueError.

    Without ``strict`` strings may hold raw line breaks, as models write them.
    """
    if isinstance(source, bytes):
        source = _decoded(source)
    try:
        return json.loads(source, strict=strict)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def member(value: Any, name: str) -> Any:
    """The member ``name`` of a JSON object; None for a value that is no object."""
    return value.get(name) if isinstance(value, Mapping) else None


def _decoded(source: bytes) -> str:
    """``source`` as text: CESU-8, halves of characters as bytes, is read too."""
    try:
        return source.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return source.decode("utf-8", "replace")


class SurrogateJoiner:
    """Joins halves of characters, within one value and from each chunk of a stream to the next.

    ``halves`` has the first halves that still wait for their second, by where they stand; while it
    is not empty, every chunk has to be joined.
    """

    __slots__ = ("halves",)

    def __init__(self) -> None:
        self.halves: dict[Path, str] = {}

    def joined(self, value: Any) -> Any:
        """A whole value: a half without its other half becomes U+FFFD.

        Raises ValueError where the value is nested too deeply.
        """
        return self._walk(value, None, 0)

    def joined_chunk(self, chunk: Any) -> Any:
        """A chunk of a stream; a first half at the end of a text is kept for the next chunk."""
        return self._walk(chunk, (), 0)

    def remaining_chunks(self) -> list[dict[str, Any]]:
        """Chunks with U+FFFD in place of each half that is still alone when the stream ends."""
        chunks = [_value_at(path, "\N{REPLACEMENT CHARACTER}") for path in self.halves]
        self.halves.clear()
        return chunks

    def _walk(self, value: Any, path: Path | None, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError("the JSON is nested too deeply")
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, dict):
            return {
                _mended(name): self._walk(item, _step(path, name), depth + 1)
                for name, item in value.items()
            }
        if isinstance(value, list):
            _join_neighbours(value)
            return [
                self._walk(item, _step(path, _position_of(item, number)), depth + 1)
                for number, item in enumerate(value)
            ]
        return value

    def _text(self, text: str, path: Path | None) -> str:
        # Only what stands in a choice goes on in the next chunk.
        if path is None or path[:1] != ("choices",) or not text:
            return _mended(text)
        text = self.halves.pop(path, "") + text
        if HIGH_HALVES[0] <= text[-1] <= HIGH_HALVES[1]:
            self.halves[path] = text[-1]
            text = text[:-1]
        return _mended(text)


def _mended(text: str) -> str:
    # UTF-16 joins two halves that stand side by side, and "replace" writes U+FFFD for a single one.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _step(path: Path | None, step: Any) -> Path | None:
    return None if path is None else (*path, step)


def _position_of(item: Any, number: int) -> Path:
    """Where an item of a list belongs from chunk to chunk: its own index, else its position."""
    index = member(item, "index")
    if isinstance(index, (int, str)):
        return ("index", index)
    return ("position", number)


def _value_at(path: Path, value: Any) -> Any:
    """The chunk that has ``value`` at ``path`` and nothing else."""
    for step in reversed(path):
        match step:
            case ("index", index):
                value = [{"index": index, **value}]
            case ("position", _):
                value = [value]
            case name:
                value = {name: value}
    return value


def _join_neighbours(blocks: list[Any]) -> None:
    """Move a second half from the start of one block's text to the end of the block before it."""
    for block, next_block in itertools.pairwise(blocks):
        for name in BLOCK_TEXTS:
            first, second = member(block, name), member(next_block, name)
            if not (isinstance(first, str) and isinstance(second, str) and first and second):
                continue
            if (
                HIGH_HALVES[0] <= first[-1] <= HIGH_HALVES[1]
                and LOW_HALVES[0] <= second[0] <= LOW_HALVES[1]
            ):
                block[name], next_block[name] = first + second[0], second[1:]


class BracketCounter:
    """Count open brackets in the text of one JSON value that may come in pieces."""

    __slots__ = ("_in_string", "_is_cut_escape", "depth", "max_depth")

    def __init__(self) -> None:
        self.depth = self.max_depth = 0
        self._in_string = self._is_cut_escape = False

    def end_in(self, text: str, position: int) -> int | None:
        """The index after the bracket that closes the value; None where it goes on."""
        position += self._is_cut_escape
        self._is_cut_escape = False
        for mark in MARKS.finditer(text, position):
            sign = mark[0]
            if sign == '"':
                self._in_string = not self._in_string
            elif sign == "\\":
                self._is_cut_escape = True
            elif self._in_string or len(sign) == 2:
                continue
            elif sign in "{[":
                self.depth += 1
                self.max_depth = max(self.max_depth, self.depth)
            else:
                self.depth -= 1
                if self.depth == 0:
                    return mark.end()
        return None
