"""A text that a regular expression takes: the first way through it, with as few repeats as it
allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MADE_BY_ESCAPE = {
    "d": "1",
    "w": "a",
    "s": " ",
    "D": "a",
    "W": "-",
    "S": "a",
    "n": "\n",
    "t": "\t",
    "r": "\r",
}
TAKES_NO_TEXT = frozenset("bBAZ")
LOOKS = ("?=", "?!", "?<=", "?<!")
REPEATS = re.compile(r"(?:([*+?])|\{(\d*)(,?)(\d*)\})[?+]?")
PLAIN = "aA1-_ .!0b/~\u00e9"
MORE = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89)
LONGEST = 10_000
ANYTHING = "aA1!"  # what a dot stands for, one after the other where it is repeated


def text_for(pattern: str, low: int = 0, high: int | None = None) -> str | None:
    """A text of ``low`` to ``high`` characters with a match in it; None when no simple one is
    found.
    """
    try:
        regex = re.compile(pattern)
    except re.error:
        return None
    for more in MORE:
        try:
            made = _Walk(pattern, more).alternatives()
        except (IndexError, ValueError, RecursionError):
            return None
        if len(made) >= low and (high is None or len(made) <= high) and regex.search(made):
            return made
    return None


class _Walk:
    """One walk through a pattern; what may be repeated without end is repeated ``more`` times above
    its minimum.
    """

    def __init__(self, pattern: str, more: int) -> None:
        self.pattern = pattern
        self.more = more
        self.at = 0
        self.groups: list[str] = [""]

    def alternatives(self) -> str:
        """The first alternative, up to a closing bracket or the end."""
        made = [self.sequence()]
        while self.pattern[self.at : self.at + 1] == "|":
            self.at += 1
            made.append(self.sequence())
        return made[0]

    def sequence(self) -> str:
        """One alternative."""
        made: list[str] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            piece = self.piece()
            match = REPEATS.match(self.pattern, self.at)
            if match and (match.group(1) or match.group(2) or match.group(4)):
                self.at = match.end()
                times = self.times(match)
                if len(piece) * times > LONGEST:
                    raise ValueError(f"more than {LONGEST} characters")
                piece = (ANYTHING * times)[:times] if piece == ANYTHING else piece * times
            made.append(piece[:1] if piece == ANYTHING else piece)
        return "".join(made)

    def times(self, match: re.Match[str]) -> int:
        """How often a piece comes."""
        sign, least, comma, most = match.groups()
        if sign == "?":
            return min(self.more, 1)
        if sign:
            return self.more + (sign == "+")
        low = int(least or 0)
        if not comma:
            return low
        return min(low + self.more, int(most)) if most else low + self.more

    def piece(self) -> str:
        """What one group, class, escape or character makes."""
        sign = self.pattern[self.at]
        self.at += 1
        match sign:
            case "(":
                return self.group()
            case "[":
                return self.one_of_class()
            case "\\":
                return self.escaped()
            case "^" | "$":
                return ""
            case ".":
                return ANYTHING
            case _:
                return sign

    def group(self) -> str:
        """A group; what only looks ahead or behind makes no text."""
        rest = self.pattern[self.at :]
        opening = re.match(r"\?(?:P<\w+>|<?[=!]|[a-zA-Z-]*:|[a-zA-Z]+(?=\)))|", rest)
        opened = opening.group() if opening else ""
        self.at += len(opened)
        number = len(self.groups)
        if not opened or opened.startswith("?P<"):
            self.groups.append("")
        made = self.alternatives()
        self.at += 1
        if number < len(self.groups):
            self.groups[number] = made
        return "" if opened in LOOKS else made

    def escaped(self) -> str:
        """What an escape stands for."""
        sign = self.pattern[self.at]
        self.at += 1
        if sign in TAKES_NO_TEXT:
            return ""
        if sign.isdigit():
            return self.groups[int(sign)]
        if sign in "xu":
            size = 2 if sign == "x" else 4
            self.at += size
            return chr(int(self.pattern[self.at - size : self.at], 16))
        return MADE_BY_ESCAPE.get(sign, sign)

    def one_of_class(self) -> str:
        """The first plain character that a class takes, or the first it names."""
        start = self.at - 1
        self.at += self.pattern[self.at] == "^"
        self.at += self.pattern[self.at] == "]"
        while self.pattern[self.at] != "]":
            self.at += 1 + (self.pattern[self.at] == "\\")
        self.at += 1
        takes = re.compile(self.pattern[start : self.at])
        inside = self.pattern[start + 1 : self.at - 1]
        found = next((one for one in _tried(inside) if takes.fullmatch(one)), None)
        if found is None:
            raise ValueError(f"no character for [{inside}]")
        return found


def _tried(inside: str) -> Iterable[str]:
    """Characters to try in a class: those it names, in clear or by number, then plain ones, then
    all common ones.
    """
    yield from (one for one in inside if one.isalnum() and f"\\{one}" not in inside)
    yield from (chr(int(one, 16)) for one in re.findall(r"\\(?:x|u)([0-9a-fA-F]{2,4})", inside))
    yield from PLAIN
    yield from (chr(code) for code in range(32, 0x3000))
