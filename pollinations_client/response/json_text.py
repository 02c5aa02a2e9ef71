"""Find the JSON in a model's text: in fences, in prose, after thoughts. One rule for both adapters.

Models fence JSON, say a word before or after it, think aloud in tags first. All of that is skipped.
The value found is the outermost one, whole. A part of a cut or misspelt value is never the answer:
a class that contains itself, or whose fields are all optional, would accept it silently.

Reading takes time linear in the text, and values nested deeper than ``MAX_DEPTH`` are no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic_core import from_json

from ..lenient_json import BracketCounter, parse_with_halves
from ..schemas.resolve import merged
from .think_tags import THOUGHT_TAGS

__all__ = [
    "MAX_DEPTH",
    "JsonFinder",
    "JsonValue",
    "ParsePace",
    "find_json",
    "first_fitting",
    "likeliest_first",
    "parse_json",
    "parse_partial_json",
]

T = TypeVar("T")

# The limit of pydantic_core's parser. Python's own raises RecursionError at about 900.
MAX_DEPTH = 200
FREQUENT_CHARS = 2_000

# How JSON begins, or what is meant as JSON. Prose has brackets too: "the set {1, 2}", "[Note: x]",
# "[0, 1)". What single quotes or unquoted names open is an object that the model got wrong, and
# the whole objects inside it are parts of it.
OBJECT_START = r"""\{\s{0,200}(?:["'}\u201c\u2018,\[]|//|/\*|[\w$.-]{1,64}\s{0,200}:)"""
ARRAY_START = (
    r"""\[\s{0,200}(?:[\[{"'\]]|(?![\d.,\s-]{1,64}\))-?\d|(?:true|false|null|None|True|False)\b)"""
)
JSON_START = re.compile(f"{OBJECT_START}|{ARRAY_START}")
# The beginning of such an opening, at the end of a text that may go on.
UNDECIDED_START = re.compile(
    r"\[[\d.,\s-]{0,64}\Z|\[\s{0,200}[a-zA-Z]{0,5}\Z"
    r"|\{\s{0,200}(?:/|[\w$.-]{1,64}\s{0,200})?\Z"
)
BRACKET_OR_TAG = re.compile(rf"[\[{{]|<(?:{THOUGHT_TAGS})>", re.IGNORECASE)
END_OF_THOUGHT = re.compile(rf"</(?:{THOUGHT_TAGS})>", re.IGNORECASE)
MAX_TAG_LENGTH = 16

AFTER_FENCE = re.compile(r"(?:\A|```[\w-]{0,20})\s*\Z")
FENCE_LOOK_BACK = 40
MEMBER = r'"(?:[^"\\]|\\.){0,200}"\s{0,200}:'
STARTS_INSIDE = re.compile(rf"\s*(?:,\s*)?{MEMBER}", re.DOTALL)
# A value followed by a member was closed by a bracket too early; it is half of what was meant.
IS_HALF = re.compile(rf"\s{{0,200}},\s{{0,200}}{MEMBER}", re.DOTALL)
# After broken JSON any punctuation of JSON means that its brackets were miscounted.
IS_STILL_BROKEN = re.compile(r'\s{0,200}(?:[":\]}]|,\s{0,200}["\[{\]}])')

STRINGS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)', re.DOTALL)
CONTROL = re.compile(r"[\x00-\x1f]")


class JsonValue(NamedTuple):
    """A whole JSON object or array: where it begins, its text, and the data in it."""

    start: int
    text: str
    data: Any


class ParsePace:
    """When a growing answer is parsed again.

    That costs as much as the whole answer so far, so it is due at every piece while the answer is
    short, then whenever it has grown by an eighth: the work is bounded by the answer's length.
    """

    __slots__ = ("_due_chars",)

    def __init__(self) -> None:
        self._due_chars = 0

    def is_due(self, chars: int) -> bool:
        """Whether an answer of ``chars`` characters is to be parsed."""
        if chars < self._due_chars:
            return False
        if chars > FREQUENT_CHARS:
            self._due_chars = chars + chars // 8
        return True


class JsonFinder:
    """Find the JSON values of a text that comes in pieces.

    ``text`` is all of it so far, ``start`` the index where the value began that is still open, or
    None.
    """

    __slots__ = (
        *("_answers", "_brackets", "_in_thought", "_is_broken", "_last", "_notes", "_position"),
        *("_text_start", "start", "text"),
    )

    def __init__(self) -> None:
        self.text = ""
        self.start: int | None = None
        self._answers: list[JsonValue] = []
        self._notes: list[JsonValue] = []  # arrays in a sentence, such as the citation [1]
        self._last: _Closed | None = None
        self._brackets = BracketCounter()
        self._position = 0
        self._text_start = 0  # the index after the last thought
        self._in_thought = self._is_broken = False

    @property
    def values(self) -> list[JsonValue]:
        """The whole values, likeliest first: those that may be an answer before notes like [1]."""
        while self.start is None and self._reopens():
            self.feed("")
        return [*self._answers, *self._notes]

    @property
    def unfinished(self) -> str | None:
        """The text of the value that is still open and may become whole."""
        if self.start is None or self._is_broken:
            return None
        return self.text[self.start :]

    def answers(self, *, is_cut: bool) -> list[JsonValue]:
        """The values of the finished text; none where it was cut inside one.

        ``is_cut`` says that the model stopped at its limit: what it was writing was the answer,
        and not what stands whole before that.
        """
        values = self.values  # looking at them may reopen the last one
        if is_cut and self.start is not None:
            return []
        return values

    @property
    def first_start(self) -> int | None:
        """The index where the first value begins that may be an answer, open ones included."""
        if self._answers:
            return self._answers[0].start
        if self.start is not None and self._is_note(self.start):
            return None
        return self.start

    def feed(self, piece: str) -> None:
        """Read the next piece of the text."""
        # Adding to a string that only a local variable refers to copies nothing in CPython.
        text, self.text = self.text, ""
        text += piece
        self.text = text
        while self._open() and self._close():
            pass

    def _is_note(self, start: int) -> bool:
        """Whether what opens at ``start`` is an array in a sentence, after words."""
        before = self.text[max(self._text_start, start - FENCE_LOOK_BACK) : start]
        return self.text[start] == "[" and AFTER_FENCE.search(before) is None

    def _open(self) -> bool:
        """Whether a value is open; the next one is looked for if none is."""
        while self.start is None and (mark := self._next_mark()) is not None:
            index = mark.start()
            if mark[0][0] == "<":
                self._in_thought, self._position = True, mark.end()
            elif UNDECIDED_START.match(self.text, index):
                self._position = index
                return False
            elif JSON_START.match(self.text, index):
                self._begin(index)
            else:
                self._position = index + 1
        return self.start is not None

    def _next_mark(self) -> re.Match[str] | None:
        """The next bracket or opening tag outside thoughts."""
        if self._in_thought:
            end = END_OF_THOUGHT.search(self.text, self._position)
            if end is None:
                self._wait()
                return None
            self._in_thought, self._position = False, end.end()
            self._text_start = end.end()
        mark = BRACKET_OR_TAG.search(self.text, self._position)
        if mark is None:
            self._wait()
        return mark

    def _wait(self) -> None:
        """Go on where a tag may have begun at the end of the text."""
        self._position = max(self._position, len(self.text) - MAX_TAG_LENGTH)

    def _begin(self, index: int) -> None:
        """Begin a value at ``index``, unless it lies inside one that is broken."""
        if self._reopens():
            return
        self._is_broken = False
        self.start = self._position = index
        if self._last is None and STARTS_INSIDE.match(self.text, self._text_start):
            self._is_broken = True  # the text begins with a member: its opening bracket is missing
            self.start = self._position = self._text_start
            self._brackets.depth = 1

    def _reopens(self) -> bool:
        """Whether the last value goes on after all, for a bracket closed it too early."""
        if self._last is None:
            return False
        start, end, values = self._last
        if values is None:
            if not IS_STILL_BROKEN.match(self.text, end):
                return False
        elif IS_HALF.match(self.text, end):
            values.pop()
        else:
            return False
        self._last, self._is_broken = None, True
        self.start, self._position = start, end
        self._brackets.depth = 1
        return True

    def _close(self) -> bool:
        """Whether the open value ends in the text so far."""
        assert self.start is not None
        end = self._brackets.end_in(self.text, self._position)
        if end is None:
            self._position = len(self.text)
            return False
        values = None
        if not self._is_broken:
            values = self._keep(self.text[self.start : end])
        self._last = _Closed(self.start, end, values)
        self.start, self._position = None, end
        self._brackets = BracketCounter()
        return True

    def _keep(self, text: str) -> list[JsonValue] | None:
        """Add a value that is valid JSON to the list it belongs to; None for what is not valid."""
        if self._brackets.max_depth > MAX_DEPTH:
            return None
        try:
            value = JsonValue(self.start or 0, text, parse_json(text))
        except ValueError:
            return None
        values = self._answers
        if self._is_note(value.start):
            values = self._notes
        values.append(value)
        return values


class _Closed(NamedTuple):
    """Where the last value stood, and the list it was added to; None where it was broken."""

    start: int
    end: int
    values: list[JsonValue] | None


def find_json(text: str) -> JsonFinder:
    """Find the JSON values of a whole text.

    >>> [value.data for value in find_json('Sure: {"n": 1} and {"n": 2').values]
    [{'n': 1}]
    """
    finder = JsonFinder()
    finder.feed(_unquoted(text))
    return finder


def first_fitting(
    values: Sequence[JsonValue], read: Callable[[Any], T], misfit: type[Exception]
) -> T:
    """What ``read`` makes of the first value that it accepts; the first ``misfit`` if of none.

    ``values`` may not be empty.
    """
    first_error: Exception | None = None
    for value in values:
        try:
            return read(value.data)
        except misfit as error:
            first_error = first_error or error
    assert first_error is not None
    raise first_error


def likeliest_first(values: Sequence[JsonValue], schema: Mapping[str, Any]) -> list[JsonValue]:
    """``values`` with those before that have the members that ``schema`` requires, or knows."""
    source = merged(schema, schema)[0] or {}
    required, properties = source.get("required"), source.get("properties")
    required_names: set[str] = set()
    property_names: set[str] = set()
    if isinstance(required, list):
        required_names.update(required)
    if isinstance(properties, Mapping):
        property_names.update(properties)
    if not property_names and not required_names:
        return list(values)

    def mismatch(value: JsonValue) -> int:
        names = set(value.data) if isinstance(value.data, dict) else set()
        if required_names <= names and (property_names & names or not property_names):
            return 0
        if property_names & names:
            return 1
        return 2

    return sorted(values, key=mismatch)


def parse_json(text: str) -> Any:
    """The data of a JSON text, raw line breaks in strings accepted. Raises ValueError."""
    return parse_with_halves(text, strict=False)


def parse_partial_json(text: str) -> Any:
    """What an unfinished JSON text holds so far; None where it is no JSON.

    >>> parse_partial_json('{"name": "Ad')
    {'name': 'Ad'}
    """
    try:
        return from_json(text, allow_partial="trailing-strings")
    except ValueError:
        text = STRINGS.sub(_with_escaped_controls, text)
    try:
        return from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return None


def _with_escaped_controls(string: re.Match[str]) -> str:
    return CONTROL.sub(lambda sign: f"\\u{ord(sign[0]):04x}", string[0])


def _unquoted(text: str) -> str:
    """The text in an answer that is nothing but one JSON string."""
    stripped = text.strip()
    if not (stripped.startswith('"') and stripped.endswith('"')):
        return text
    try:
        quoted_text = parse_json(stripped)
    except ValueError:
        return text
    if isinstance(quoted_text, str):
        return quoted_text
    return text
