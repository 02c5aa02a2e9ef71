"""Read values out of a prompt: its numbers, quoted words, names, formats, and what is labelled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from .patterns import text_for
from .text import matter, quoted, sentences, shortened, tokens

Json = dict[str, Any]
MAX_CHARS = 6000
NUMBER = re.compile(r"(?<![\w.])[-\u2212]?\d+(?:[,_]\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?")
CHECKER = Draft202012Validator.FORMAT_CHECKER
NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
NAME = r"[A-Z][\w'\u2019-]*(?:(?:\s+|,\s)(?:(?:de|of|la|van|von)\s+)*[A-Z][\w'\u2019-]*)*"
NO_NAMES = frozenset(
    "What Who How Is The A An I Please Create Get Find Use Tell Extract Add Draw Write My It Hi"
    " Hello This Describe Give Show Make Return Summarize Explain List Generate Send Call Answer"
    " Where When Why Book Buy Look Say Do".split()
)
# What a format looks like in a text (None: not looked for), and a value for want of one.
FORMATS: dict[str, tuple[str | None, str]] = {
    "date": (r"\b\d{4}-\d{2}-\d{2}\b", "2026-01-01"),
    "date-time": (r"\b\d{4}-\d{2}-\d{2}T[\d:]{8}(?:Z|[+-]\d{2}:\d{2})", "2026-01-01T12:00:00Z"),
    "time": (r"\b\d{1,2}:\d{2}(?::\d{2})?\b", "12:00:00"),
    "email": (r"[\w.+-]+@[\w-]+\.[\w.]*\w", "someone@example.com"),
    "uri": (r"https?://[^\s\"'<>)\]]+", "https://example.com/"),
    "uuid": (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", f"{0:08}-0000-4000-8000-{0:012}"),
    "ipv4": (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", "127.0.0.1"),
    "ipv6": (None, "::1"),
    "duration": (None, "PT1H"),
    "hostname": (None, "example.com"),
    "json-pointer": (None, "/emulated"),
    "regex": (None, ".*"),
    "base64": (None, "ZW11bGF0ZWQ="),
    "ipv4network": (None, "127.0.0.0/8"),
    "ipv6network": (None, "::/64"),
}
SAME_FORMATS = {
    **dict.fromkeys(("uuid1", "uuid3", "uuid4", "uuid5"), "uuid"),
    **dict.fromkeys(("uri-reference", "iri", "iri-reference", "url", "http-url"), "uri"),
    **dict.fromkeys(("multi-host-uri", "link"), "uri"),
    **dict.fromkeys(("ipvanyaddress", "ipvanyinterface", "ipv4interface"), "ipv4"),
    **dict.fromkeys(("idn-email", "to", "recipient", "cc"), "email"),
    "base64url": "base64",
    "datetime": "date-time",
    "idn-hostname": "hostname",
    "ipvanynetwork": "ipv4network",
    "ipv6interface": "ipv6",
    "relative-json-pointer": "json-pointer",
}
FORMATS_BY_NAME = ("date", "datetime", "time", "to", "recipient", "cc", "email", "url", "uri")
ALWAYS_FORMATTED = ("email", "url", "uri")
WHOLE_TEXT = frozenset("query question input request text topic message instruction task".split())
SENTENCE = frozenset("answer body content description reason summary".split())
PICTURED = frozenset("prompt image picture caption scene".split())
DRAWN = r"(?:image|picture|photo|painting|drawing|illustration|sketch|video|clip|film|animation)s?"
MAKE = r"(?:generate|create|make|show|produce|give|design|draw|paint|render|sketch|animate)"
POLITE = r"^\s*(?:please |can you |could you |now |then |and |also |i want you to )*"
PICTURE_OPENING = re.compile(
    rf"{POLITE}(?:{MAKE}\s+(?:me\s+|us\s+)?)?(?:an?|the|another)\s+(?:\w+\s+)?{DRAWN}\s+"
    rf"(?:of|showing|with|about|that shows)\s+|{POLITE}(?:draw|paint|sketch|illustrate|animate)"
    r"\s+(?:me\s+)?",
    re.IGNORECASE,
)
PICTURE_SETTINGS = re.compile(
    r"[\s,;(]*(?:\b(?:at|in|of|with|using|and)\s+)*(?:\b(?:a|the)\s+)?"
    r"(?:\d+[\s-]*(?:s|secs?|seconds?)\b|\d{2,4}\s*[x\u00d7]\s*\d{2,4}(?:\s*(?:px|pixels))?"
    r"|\bseed\s*(?:of|=|:)?\s*\d+|\b(?:width|height)\s*(?:of|=|:)?\s*\d+)\)?",
    re.IGNORECASE,
)
TOOL_ORDER = re.compile(r"^\s*use (?:the |a |your )?\S+(?: tools?)?[.!]?$", re.IGNORECASE)


@dataclass
class TextValues:
    """A prompt to take values from; a number or a quoted piece is taken once.

    With ``keep_defaults`` a property that the prompt does not mention keeps its default, as a
    model's tool call does; an answer to a JSON schema states everything.
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
        pieces = quoted(text)
        bare = text
        for piece in pieces:
            bare = bare.replace(piece, " " * len(piece))
        numbers = [value for digits in NUMBER.findall(bare) if isfinite(value := _float(digits))]
        if not numbers:
            words = [word for word in tokens(bare) if word != "one"]
            numbers = [float(NUMBER_WORDS.index(word)) for word in words if word in NUMBER_WORDS]
        return cls(text, keep_defaults, numbers, pieces)

    def mentions(self, name: str) -> bool:
        """Whether the text speaks of a property."""
        return set(tokens(name)) <= set(tokens(self.text)) or self._by_unit(name) is not None

    def number_at(self, name: str) -> float | None:
        """The number beside a name: ``seed 42``, ``width=768``, ``6 seconds``, ``768x512``."""
        spelt = r"[\s_-]*".join(map(re.escape, tokens(name)))
        if not spelt:
            return None
        beside = rf"\b{spelt}\b\s*(?:is|of|to|=|:|at)?\s*({NUMBER.pattern})"
        value = self._first_number(beside)
        if value is None:
            value = self._by_unit(name)
        if value is None:
            value = self._first_number(rf"({NUMBER.pattern})\s*(?:px|pixels?|-)?\s*\b{spelt}\b")
        if value in self.numbers:
            self.numbers.remove(value)
        return value

    def _first_number(self, pattern: str) -> float | None:
        match = re.search(pattern, self.text, re.IGNORECASE)
        value = _float(match.group(1)) if match else None
        return value if value is None or isfinite(value) else None

    def _by_unit(self, name: str) -> float | None:
        """Seconds for a duration; the first or second half of ``768x512`` for width and height."""
        if {"duration", "seconds"} & set(tokens(name)):
            return self._first_number(rf"({NUMBER.pattern})[\s-]*(?:s|secs?|seconds?)\b")
        if name == "width":
            return self._first_number(r"\b(\d{2,4})\s*[x\u00d7]\s*\d{2,4}\b")
        if name == "height":
            return self._first_number(r"\b\d{2,4}\s*[x\u00d7]\s*(\d{2,4})\b")
        return None

    def labelled(self, name: str) -> str | None:
        """What the text gives under a property's name: ``title: X``, ``title 'X'``."""
        spelt = r"[\s_-]*".join(map(re.escape, tokens(name)))
        if not spelt:
            return None
        in_quotes = r"(?:\"([^\"\n]+)\"|'([^'\n]+)')"
        labelled = (
            rf"\b{spelt}\b[\"'`*]*\s*(?:[:=]\s*{in_quotes}|[:=]\s*([^\n,;{{}}\[\]]+)|{in_quotes})"
        )
        match = re.search(labelled, self.text, re.IGNORECASE)
        return next(group for group in match.groups() if group).strip(" .") if match else None

    def text_for(self, name: str) -> str:
        """The text for a property: by its name a picture's wish, the whole prompt or a name."""
        words = set(tokens(name))
        if words & PICTURED:
            return picture_prompt(self.text)
        if words & WHOLE_TEXT:
            return _without_orders(self.text)
        if words & {"id", "number", "code"}:
            match = re.search(r"(?<![\w.])([A-Za-z]*-?\d[\w-]*)", self.text)
            if match:
                return match.group(1)
        unused = [one for one in names(self.text) if one not in self.used]
        found = unused[0] if unused and not words & SENTENCE else matter(self.text)
        return f"The {' '.join(tokens(name))} of {found}" if found in self.used else found

    def words_for_list(self) -> list[str]:
        """The words for a list: quoted ones, ``a, b and c``, names, else the matter alone."""
        if self.quoted:
            pieces, self.quoted = self.quoted, []
            return pieces
        listed = re.search(r"(?:\w+, )+\w+,? and \w+", self.text)
        if listed:
            return re.split(r",? and |, ", listed.group())
        return names(self.text)[:5] or [matter(self.text)]

    def pairs(self) -> dict[str, str]:
        """The ``key: value`` and ``key=value`` pairs of the text."""
        found = re.findall(r"\b([A-Za-z_]\w*)\s*[:=]\s*(\"[^\"]*\"|'[^']*'|[^\s,;]+)", self.text)
        return {key: value.strip("\"'") for key, value in found}


def _float(digits: str) -> float:
    """A number as written, with or without thousands separators."""
    return float(digits.replace("\u2212", "-").replace(",", "").replace("_", ""))


def names(text: str) -> list[str]:
    """Capitalised names, without the verb that opens a sentence."""
    found = []
    for name in re.findall(NAME, text):
        first, _, rest = name.partition(" ")
        name = rest if re.split(r"['\u2019]", first)[0] in NO_NAMES else name
        if name:
            found.append(name)
    return found


def picture_prompt(text: str) -> str:
    """What a picture shall show: the wish without "draw a picture of" and without its settings."""
    lines = sentences(text) or [text]
    wish = next((line for line in lines if PICTURE_OPENING.match(line)), text)
    bare = PICTURE_SETTINGS.sub("", PICTURE_OPENING.sub("", wish, count=1))
    pieces = quoted(bare)
    if pieces and len(pieces[0]) * 2 > len(bare):
        return pieces[0]
    return bare.strip(" .!?,;\n") or matter(text)


def _without_orders(text: str) -> str:
    """The prompt without a sentence that only says which tool to use."""
    lines = re.split(r"(?<=[.!?])\s+", text)
    return " ".join(line for line in lines if not TOOL_ORDER.match(line)).strip() or text.strip()


def format_of(schema: Json, name: str) -> str | None:
    """The format that a schema asks for, or that the last word of the property's name tells."""
    last = tokens(name)[-1:]
    by_name = last[0] if last and last[0] in FORMATS_BY_NAME else ""
    form = str(schema.get("format") or schema.get("contentEncoding") or by_name)
    form = SAME_FORMATS.get(form, form)
    return form if form in FORMATS else None


def formatted(schema: Json, name: str, text: str) -> Iterator[str]:
    """The pieces of a text in a property's format, as the format is defined."""
    form = format_of(schema, name)
    pattern = FORMATS[form][0] if form else None
    for piece in re.findall(pattern, text) if pattern else ():
        if "format" not in schema or CHECKER.conforms(piece, form):
            yield piece


def value_in_format(schema: Json, name: str, text: str) -> str | None:
    """A value for a schema's format or pattern: from the text, else an example."""
    if "pattern" in schema:
        return matching(schema, text)
    if found := next(formatted(schema, name, text), None):
        return found
    is_due = schema.get("format") or schema.get("contentEncoding")
    form = format_of(schema, name)
    if form and (is_due or tokens(name)[-1:] in [[word] for word in ALWAYS_FORMATTED]):
        return FORMATS[form][1]
    return None


def matching(schema: Json, text: str) -> str | None:
    """A word of the text that a schema's pattern takes, else a made-up one."""
    pattern = str(schema["pattern"])
    low, high = schema.get("minLength", 0), schema.get("maxLength")
    try:
        regex = re.compile(pattern)
    except re.error:
        return None
    words: list[str] = [*quoted(text), *re.findall(r"\S+", text)]
    for word in [*words, *(word.strip(".,;:!?") for word in words)]:
        if low <= len(word) <= (high or len(word)) and regex.search(word):
            return word
    return text_for(pattern, low, high)
