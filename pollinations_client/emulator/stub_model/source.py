"""A text to take values from: its numbers, its quoted pieces and its numbered choices, each taken
once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isfinite

from . import strings
from .words import shortened, tokens

LONGEST = 6000
NUMBER = re.compile(r"(?<![\w.])[-\u2212]?\d+(?:[,_]\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?")
UNITS = {
    "duration": "s|secs?|seconds?",
    "seconds": "s|secs?|seconds?",
    "minutes": "min|mins|minutes?",
    "hours": "h|hours?",
}
NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}


@dataclass
class Source:
    """A text to take values from; what was taken is not taken again."""

    text: str
    keep_defaults: bool = True
    numbers: list[float] = field(default_factory=list)
    quoted: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, *, keep_defaults: bool = True) -> Source:
        """Read the numbers, the quoted texts and the numbered choices of a text."""
        text = shortened(text, LONGEST)
        quoted = strings.quoted(text)
        bare = text
        for one in quoted:
            bare = bare.replace(one, " " * len(one))
        numbers = [value for found in NUMBER.findall(bare) if isfinite(value := as_number(found))]
        if not numbers:
            numbers = [
                float(NUMBER_WORDS[word])
                for word in tokens(bare)
                if word in NUMBER_WORDS and word != "one"
            ]
        return cls(text, keep_defaults, numbers, quoted, strings.numbered(text))

    def near(self, name: str) -> float | None:
        """The number that stands next to a name: ``seed 42``, ``width=768``, ``512 px high``."""
        spelt = r"[\s_-]*".join(map(re.escape, tokens(name)))
        match = re.search(
            rf"\b{spelt}\b\s*(?:is|of|to|=|:|at)?\s*({NUMBER.pattern})", self.text, re.IGNORECASE
        )
        match = (
            match
            or self._unit(name)
            or re.search(
                rf"({NUMBER.pattern})\s*(?:px|pixels?|-)?\s*\b{spelt}\b", self.text, re.IGNORECASE
            )
        )
        if match is None or not isfinite(value := as_number(match.group(1))):
            return self._size(name)
        if value in self.numbers:
            self.numbers.remove(value)
        return value

    def _size(self, name: str) -> float | None:
        size = re.search(r"\b(\d{2,4})\s*[x\u00d7]\s*(\d{2,4})\b", self.text)
        if size is None or name not in ("width", "height"):
            return None
        return float(size.group(1 if name == "width" else 2))

    def _unit(self, name: str) -> re.Match[str] | None:
        """The number before the unit that a name tells: seconds for a duration, minutes for
        minutes.
        """
        unit = next((UNITS[word] for word in tokens(name) if word in UNITS), None)
        return (
            re.search(rf"({NUMBER.pattern})[\s-]*(?:{unit})\b", self.text, re.IGNORECASE)
            if unit
            else None
        )

    def mentions(self, name: str) -> bool:
        """Whether the text speaks of a property."""
        spoken = set(tokens(name)) <= set(tokens(self.text))
        return spoken or self._size(name) is not None or self._unit(name) is not None


def as_number(text: str) -> float:
    """A number as written, with or without thousands separators."""
    return float(text.replace("\u2212", "-").replace(",", "").replace("_", ""))
