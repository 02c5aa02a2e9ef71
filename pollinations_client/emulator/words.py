"""Reduce text to its content words, without endings and with synonyms as one word.

Tool choice, the passages that fit, embeddings and the colours of pictures all compare by these.
"""

from __future__ import annotations

import re

STOPWORDS = frozenset(
    """
    a about after again all also am an and any are as ask asked at be because been before but by can
    could did do does each few for from further get give given go had has have he her him his how i
    if in into is it its just know let like list look make may me might more most much must my need
    no not now of off on once one only or other our out over please question answer return said say
    see shall she should show so some something such take tell than thanks that the their them then
    there these they thing this those through to too tool tools under until up us use used user
    using value very want was we were what when where which while who whom whose why will with would
    you your call function hello hi
    """.split()
)
# Words that mean the same to a tool chooser; the first of a line stands for all of it.
SYNONYMS = (
    "weather forecast temperature rain sunny climate warm cold hot snow",
    "picture image photo draw drawing paint painting illustrate illustration sketch render",
    "video clip film animate animation movie",
    "add sum plus addition total",
    "multiply times product multiplication multiplied",
    "subtract minus difference subtraction",
    "divide divided division quotient",
    "search find lookup google retrieve retrieval retriever query research",
    "email mail",
    "calculate compute calculator calculation math evaluate arithmetic",
)
_SYNONYM_OF = {word: line.split()[0] for line in SYNONYMS for word in line.split()}
ENDINGS = (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("e", ""))
SIGNS = {"+": "plus", "-": "minus", "*": "times", "\u00d7": "times", "/": "divided"}


def stem(word: str) -> str:
    """A word without its commonest ending."""
    for ending, replacement in ENDINGS:
        is_ending = word.endswith(ending) and not word.endswith("ss")
        if is_ending and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + replacement
    return word


def tokens(text: str) -> list[str]:
    """Lowercase words; camelCase and snake_case come apart, signs between numbers become words."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    text = re.sub(
        r"(?<=\d)\s*([+*\u00d7]|\s[-/]\s)\s*(?=\d)",
        lambda match: f" {SIGNS[match.group(1).strip()]} ",
        text,
    )
    return re.findall(r"[^\W_]+", text.lower())


def subjects(text: str) -> list[str]:
    """The content words of a text, stemmed; synonyms become one word."""
    roots = [(word, stem(word)) for word in tokens(text) if word not in STOPWORDS]
    return [_SYNONYM_OF.get(word) or _SYNONYM_OF.get(root) or root for word, root in roots]


def shared_subjects(left: str, right: str) -> int:
    """How many distinct content words two texts share."""
    return len(set(subjects(left)) & set(subjects(right)))
