"""Read values out of a prompt: its numbers, quoted words, names, formats, and what is labelled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from ..words import STOPWORDS, tokens
from .patterns import text_for
from .text import quoted_pieces, sentences, shortened, topic_of

Json = dict[str, Any]
MAX_CHARS = 6000
MAX_NUMBER = 1e15  # past it a float no longer tells neighbouring integers apart
NUMBER = re.compile(r"(?<![\w.])[-\u2212]?\d+(?:[,_]\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?")
CHECKER = Draft202012Validator.FORMAT_CHECKER
STRING_RULES = ("pattern", "format", "minLength", "maxLength")
NAME = r"[A-Z][\w'\u2019-]*(?:(?:\s+|,\s)(?:(?:de|of|la|van|von)\s+)*[A-Z][\w'\u2019-]*)*"
VERBS = frozenset(
    "create find extract add draw write describe summarize generate send book".split()
)
# What a format looks like in a text (None: not looked for), and a value for want of one. Beside
# the names of JSON Schema stand those that pydantic writes for its network and UUID types.
FORMATS: dict[str, tuple[str | None, str]] = {
    "date": (r"\b\d{4}-\d{2}-\d{2}\b", "2026-01-01"),
    "date-time": (r"\b\d{4}-\d{2}-\d{2}T[\d:]{8}(?:Z|[+-]\d{2}:\d{2})", "2026-01-01T12:00:00Z"),
    "time": (r"\b\d{1,2}:\d{2}(?::\d{2})?\b", "12:00:00"),
    "email": (r"[\w.+-]+@[\w-]+\.[\w.]*\w", "someone@example.com"),
    "uri url multi-host-uri": (r"https?://[^\s\"'<>)\]]+", "https://example.com/"),
    "uuid uuid1 uuid3 uuid4 uuid5": (
        r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
        f"{0:08}-0000-4000-8000-{0:012}",
    ),
    "ipv4 ipv4interface ipvanyaddress": (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", "127.0.0.1"),
    "ipv6": (None, "::1"),
    "duration": (None, "PT1H"),
    "hostname": (None, "example.com"),
    "base64 base64url": (None, "ZW11bGF0ZWQ="),
}
FORMAT_OF = {name: entry for names, entry in FORMATS.items() for name in names.split()}
FORMAT_BY_NAME = {
    **{name: name for name in ("date", "time", "email", "url", "uri")},
    **dict.fromkeys(("to", "recipient", "cc"), "email"),
}
WHOLE_TEXT = frozenset("query question input request text topic message instruction task".split())
SENTENCE = frozenset("answer body content description reason summary".split())
PICTURED = frozenset("prompt image picture caption scene".split())
# "Please draw", "generate an image of": what stands before the wish. The notebooks show the wish.
PICTURE_OPENING = re.compile(
    r"^\s*(?:\w+ ){0,4}?(?:(?:\w+ ){0,2}?(?:an?|the|another)\s+(?:image|picture|photo|painting"
    r"|drawing|illustration|video|clip|animation)\s+of|draw|paint|sketch|animate)\s+(?:me\s+)?",
    re.IGNORECASE,
)


@dataclass
class TextValues:
    """A prompt to take values from; a number or a quoted piece is taken once.

    With ``keep_defaults`` (tool calls) a property that the prompt does not mention keeps its own.
    """

    text: str
    keep_defaults: bool = True
    numbers: list[float] = field(default_factory=list)
    quoted: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, text: str, *, keep_defaults: bool = True) -> TextValues:
        """Read the numbers and the quoted pieces of a text."""
        text = shortened(text, MAX_CHARS)
        pieces = quoted_pieces(text)
        bare = text
        for piece in pieces:
            bare = bare.replace(piece, " " * len(piece))
        numbers = [value for digits in NUMBER.findall(bare) if is_usable(value := _float(digits))]
        return cls(text, keep_defaults, numbers, pieces)

    def mentions(self, name: str) -> bool:
        """Whether the text speaks of a property."""
        return set(tokens(name)) <= set(tokens(self.text))

    def number_at(self, name: str) -> float | None:
        """The number beside a name: ``seed 42``, ``width=768``, ``30 minutes``."""
        spelt = _spelt(name)
        for pattern in (
            rf"\b{spelt}\b\s*(?:is|of|to|=|:|at)?\s*({NUMBER.pattern})",
            rf"({NUMBER.pattern})\s*(?:px|pixels?|-)?\s*\b{spelt}\b",
        ):
            match = re.search(pattern, self.text, re.IGNORECASE)
            if spelt and match and is_usable(value := _float(match.group(1))):
                if value in self.numbers:
                    self.numbers.remove(value)
                return value
        return None

    def labelled(self, name: str) -> str | None:
        """What the text gives under a property's name: ``title: X``, ``title 'X'``."""
        spelt = _spelt(name)
        in_quotes = r"(?:\"([^\"\n]+)\"|'([^'\n]+)')"
        labelled = (
            rf"\b{spelt}\b[\"'`*]*\s*(?:[:=]\s*{in_quotes}|[:=]\s*([^\n,;{{}}\[\]]+)|{in_quotes})"
        )
        match = re.search(labelled, self.text, re.IGNORECASE)
        if not (spelt and match):
            return None
        label: str = next(filter(None, match.groups()))
        return label.strip(" .")

    def text_for(self, name: str) -> str:
        """The text for a property: by its name a picture's wish, the whole prompt or a name."""
        words = set(tokens(name))
        if words & PICTURED:
            return picture_prompt(self.text)
        if words & WHOLE_TEXT:
            return self.text.strip()
        if words & {"id", "number", "code"}:
            match = re.search(r"(?<![\w.])([A-Za-z]*-?\d[\w-]*)", self.text)
            if match:
                return match.group(1)
        unused = [name for name in names_in(self.text) if name not in self.used]
        text = topic_of(self.text)
        if unused and not words & SENTENCE:
            return unused[0]
        return f"The {' '.join(tokens(name))} of {text}" if text in self.used else text

    def words_for_list(self) -> list[str]:
        """The words for a list: quoted ones, ``a, b and c``, names, else the matter alone."""
        if self.quoted:
            pieces, self.quoted = self.quoted, []
            return pieces
        listed = re.search(r"(?:\w+, )+\w+,? and \w+", self.text)
        if listed:
            return re.split(r",? and |, ", listed.group())
        return names_in(self.text)[:5] or [topic_of(self.text)]


def _spelt(name: str) -> str:
    """A pattern for a property's name as people write it; empty when it has no words."""
    return r"[\s_-]*".join(map(re.escape, tokens(name)))


def _float(digits: str) -> float:
    """A number as written, with or without thousands separators."""
    return float(digits.replace("\u2212", "-").replace(",", "").replace("_", ""))


def is_usable(value: Any) -> bool:
    """Whether a value is a number of a size to calculate with."""
    return type(value) in (int, float) and abs(value) < MAX_NUMBER


def names_in(text: str) -> list[str]:
    """Capitalised names, without the verb that opens a sentence."""
    names = []
    for name in re.findall(NAME, text):
        first, _, others = name.partition(" ")
        is_verb = re.split(r"['\u2019]", first.lower())[0] in STOPWORDS | VERBS
        names.append(others if is_verb else name)
    return list(filter(None, names))


def picture_prompt(text: str) -> str:
    """What a picture shall show: the quoted words, or the wish without "draw a picture of"."""
    wish = next(filter(PICTURE_OPENING.match, sentences(text)), text)
    bare = PICTURE_OPENING.sub("", wish, count=1).strip(" .!?,;\n")
    pieces = quoted_pieces(bare)
    if pieces and len(pieces[0]) * 2 > len(bare):
        return pieces[0]
    return bare or topic_of(text)


def format_of(schema: Json, name: str) -> str:
    """The format that a schema asks for, or that the last word of the property's name tells."""
    by_name = FORMAT_BY_NAME.get("".join(tokens(name)[-1:]), "")
    form = str(schema.get("format") or schema.get("contentEncoding") or by_name)
    return form if form in FORMAT_OF else ""


def pieces_in_format(schema: Json, name: str, text: str) -> Iterator[str]:
    """The pieces of a text that have a schema's pattern, or its or its name's format."""
    regex, _ = FORMAT_OF.get(format_of(schema, name), (None, ""))
    pieces = re.findall(regex, text) if regex else []
    if "pattern" in schema:
        words = re.findall(r"\S+", text)
        pieces = [*quoted_pieces(text), *words, *(word.strip(".,;:!?") for word in words)]
    rules = {key: schema[key] for key in STRING_RULES if key in schema}
    return filter(Draft202012Validator(rules, format_checker=CHECKER).is_valid, pieces)


def example_in_format(schema: Json, name: str) -> str | None:
    """A made-up text for a schema's pattern or format; None where it asks for neither."""
    if "pattern" in schema:
        return text_for(schema["pattern"], schema.get("minLength", 0), schema.get("maxLength"))
    form = format_of(schema, name)
    is_due = form in ("email", "url") or {"format", "contentEncoding"} & set(schema)
    return FORMAT_OF[form][1] if form and is_due else None
