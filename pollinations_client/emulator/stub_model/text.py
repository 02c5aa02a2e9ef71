"""Split, compare and quote text: enough to see what a text is about, and no more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import log

from ..words import subjects

QUOTED = re.compile(
    r"\u201c([^\u201d]+)\u201d|\u300c([^\u300d]+)\u300d|\"([^\"\n]+)\"|`([^`\n]+)`"
    r"|(?<!\w)['\u2018]([^'\u2019\n]+)['\u2019](?!\w)"
)
# A line goes on below when the next one starts in small letters, or when it is as long as wrapped.
WRAPPED = re.compile(r"(?<=[^\s.!?:;])\n(?=[a-z(])|(?<=[^\n]{60}[^\s.!?:;])\n(?=[A-Za-z(])")
POLITE_OPENING = re.compile(
    r"^\s*(?:please |can you |could you |would you |now |then |i want you to )*"
    r"(?:(?:what|who)(?:'s| is| are| was| were) |tell me (?:about )?|give me |write (?:me )?"
    r"|explain |describe |show me |list |(?:how|why) (?:do|does|did|can|to|is|are) )?"
    r"(?:the |a |an )?",
    re.IGNORECASE,
)
MAX_MATTER_CHARS = 120


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text; lines that were wrapped are joined first."""
    lines = re.split(r"(?<=[.!?\u3002\uff01\uff1f])\s+(?=\S)|\n+", WRAPPED.sub(" ", text))
    return [line.strip(" \t-*#>") for line in lines if re.search(r"\w", line)]


def best_matches(query: str, candidates: Sequence[str], count: int) -> list[str]:
    """The candidates that share words with a query, in their own order; rare words weigh more."""
    bags = [set(subjects(candidate)) for candidate in candidates]
    frequency = Counter(word for bag in bags for word in bag)
    weights = {
        word: log(1 + len(candidates) / frequency[word])
        for word in set(subjects(query))
        if word in frequency
    }
    # Longer candidates share more words by chance, so length costs a little.
    scores = [sum(weights.get(word, 0) for word in bag) / (1 + 0.01 * len(bag)) for bag in bags]
    top = max(scores, default=0.0)
    if top <= 0:
        return []
    ranked = sorted(range(len(candidates)), key=lambda index: (-scores[index], index))[:count]
    return [candidates[index] for index in sorted(ranked) if scores[index] >= 0.5 * top]


def quoted_pieces(text: str) -> list[str]:
    """The quoted pieces of a text, in order."""
    return [next(filter(None, groups)).strip() for groups in QUOTED.findall(text)]


def shortened(text: str, max_chars: int) -> str:
    """The beginning and end of a long text, where requests stand; long runs of one sign are cut."""
    text = re.sub(r"(\s|\W)\1{60,}", lambda match: match.group(1) * 60, text)
    if len(text) <= max_chars:
        return text
    return f"{text[: max_chars // 2]}\n{text[-max_chars // 2 :]}"


def topic_of(text: str) -> str:
    """What a prompt is about: its first sentence without a polite or commanding opening."""
    first = next(iter(sentences(text)), text.strip())
    bare = POLITE_OPENING.sub("", first, count=1).strip(" .?!:;\"'")
    return (bare or first.strip())[:MAX_MATTER_CHARS].strip()


def request_in_words(text: str) -> str:
    """Say what a prompt asks: a short question word for word, anything else by its matter."""
    first = next(iter(sentences(text)), "")
    if first.endswith("?") and len(first) <= MAX_MATTER_CHARS:
        return f"asked: {first}"
    return f"asked about {topic_of(text) or 'the messages so far'}."
