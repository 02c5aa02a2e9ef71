"""Words: splitting, stemming, overlap. Enough to see what a text is about, and no more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import log

STOPWORDS = frozenset(
    """
    a about above after again all also am an and any are as ask asked asks at be because been before
    being below between both but by can could did do does doing down during each few for from
    further get give
    given go had has have having he her here hers him his how i if in into is it its itself just
    know let like
    list look make may me might more most must my name need no nor not now of off on once one only
    or other our out
    over own please provide question questions answer answers return returns said same say see shall
    she
    should show so some something such take tell than thank thanks that the their them then there
    these they thing
    things this those through to too tool tools under until up us use used useful user uses using
    value very
    want was we were what when where which while who whom whose why will with would you your
    yourself call calls
    function hello hi
    """.split()
)
# Words that mean the same to a tool chooser.
KIN = [
    "weather forecast temperature temperatures rain raining sunny climate warm cold hot snowing",
    (
        "picture image photo draw paint illustrate illustration drawing painting photograph"
        " picturing sketch pic render"
    ),
    "video clip film animate animation movie",
    "add sum plus addition total adds adding added",
    "multiply times product multiplication multiplied multiplies multiplying",
    "subtract minus difference subtraction subtracted",
    "divide divided division quotient",
    "search find lookup google retrieve retrieval retriever query research",
    "time clock hour",
    "date day today calendar",
    "price cost costs prices",
    "email mail e-mail",
    "translate translation",
    "calculate compute calculator calculation math evaluate arithmetic",
    "stock share ticker",
    "file files document",
    "joke funny",
]
SIGNS = {"+": " plus ", "*": " times ", "\u00d7": " times ", "\u00f7": " divided "}


def stem(word: str) -> str:
    """A word without its commonest endings."""
    for ending, instead in (
        ("ies", "y"),
        ("sses", "ss"),
        ("ing", ""),
        ("ed", ""),
        ("es", ""),
        ("s", ""),
        ("e", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)] + instead
    return word


_KIN_OF = {word: group.split()[0] for group in KIN for word in group.split()}


def tokens(text: str) -> list[str]:
    """Lowercase words; camelCase and snake_case come apart, signs between numbers become words."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    for sign, word in SIGNS.items():
        text = re.sub(rf"(?<=\d)\s*{re.escape(sign)}\s*(?=\d)", word, text)
    text = re.sub(r"(?<=\d)\s+-\s+(?=\d)", " minus ", text)
    return re.findall(r"[^\W_]+", text.lower())


def subjects(text: str) -> list[str]:
    """What a text is about: its content words, stemmed, kin made one."""
    return [
        _KIN_OF.get(word) or _KIN_OF.get(stem(word)) or stem(word)
        for word in tokens(text)
        if word not in STOPWORDS
    ]


def overlap(left: str, right: str) -> int:
    """How many distinct subjects two texts share."""
    return len(set(subjects(left)) & set(subjects(right)))


# A line break inside a sentence: the next line goes on in small letters, or the line is as long as
# wrapped text is.
WRAPPED = re.compile(r"(?<=[^\s.!?:;])\n(?=[a-z(])|(?<=[^\n]{60}[^\s.!?:;])\n(?=[A-Za-z(])")


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text; lines that were wrapped are joined first."""
    found = re.split(r"(?<=[.!?\u3002\uff01\uff1f])\s+(?=\S)|\n+", WRAPPED.sub(" ", text))
    return [one.strip(" \t-*#>") for one in found if re.search(r"\w", one)]


def best(question: str, candidates: Sequence[str], count: int = 2) -> list[str]:
    """The candidates that fit the question best, in their own order; rare words weigh more.

    Empty when none fits.
    """
    bags = [set(subjects(one)) for one in candidates]
    seen = Counter(word for bag in bags for word in bag)
    asked = set(subjects(question))
    weights = {word: log(1 + len(candidates) / seen[word]) for word in asked if word in seen}
    scores = [sum(weights[word] for word in bag & asked) / (1 + 0.01 * len(bag)) for bag in bags]
    top = max(scores, default=0.0)
    if top <= 0:
        return []
    ranked = sorted(range(len(candidates)), key=lambda at: (-scores[at], at))[:count]
    return [candidates[at] for at in sorted(ranked) if scores[at] >= 0.5 * top]


def keywords(text: str, count: int) -> list[str]:
    """The most frequent content words, longest first among equals, as they stand in the text."""
    words = [
        word
        for word in re.findall(r"[^\W\d_][\w'-]+", text)
        if word.lower() not in STOPWORDS and len(word) > 2
    ]
    counted = Counter(stem(word.lower()) for word in words)
    first: dict[str, str] = {}
    for word in words:
        first.setdefault(stem(word.lower()), word)
    ranked = sorted(first, key=lambda one: (-counted[one], -len(one)))
    return [first[one] for one in ranked[:count]]


def shortened(text: str, most: int) -> str:
    """A long text's beginning and end, where wishes stand; long runs of one character are cut."""
    text = re.sub(r"(\s|\W)\1{60,}", lambda match: match.group(1) * 60, text)
    return text if len(text) <= most else f"{text[: most // 2]}\n{text[-most // 2 :]}"


def unique(items: Iterable[str]) -> list[str]:
    """Without repeats, in order."""
    return list(dict.fromkeys(items))


COMMAND = re.compile(
    r"^\s*(?:please\s+|can you\s+|could you\s+|would you\s+|now\s+|then\s+|i want you to\s+|i'd"
    r" like you to\s+)*"
    r"(?:(?:what|who)(?:'s| is| are| was| were)\s+|tell me (?:about )?|give me\s+|write (?:me )?|"
    r"explain\s+|describe\s+|how (?:do|does|did|can|to|is|are)\s+|why (?:do|does|did|is|are)\s+|"
    r"show me\s+|list\s+)?(?:the |a |an )?",
    re.IGNORECASE,
)


def subject(text: str, limit: int = 120) -> str:
    """The matter of a prompt: its first sentence without the polite and commanding opening."""
    first = next(iter(sentences(text)), text.strip())
    bare = COMMAND.sub("", first, count=1).strip(" .?!:;\"'")
    return (bare or first.strip())[:limit].strip()


def retold(text: str) -> str:
    """How to tell what a prompt asks: a question word for word, anything else by its matter."""
    matter, first = subject(text), next(iter(sentences(text)), "")
    whole = first.endswith("?") or (first.endswith((".", "!")) and first.rstrip(" .!") == matter)
    return (
        f"asked: {first}"
        if whole and len(first) <= 120
        else f"asked about {matter or 'the messages so far'}."
    )
