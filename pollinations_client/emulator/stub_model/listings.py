"""Answering in the forms of lists and lines: triplets, queries, SQL, keywords, titles, questions,
summaries.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from . import strings
from .passages import first_sentences, from_context, passages, question
from .source import NUMBER_WORDS
from .words import best, keywords, overlap, sentences, subject


def triplets(whole: str, goal: str) -> str | None:
    """``(subject, predicate, object)`` lines from the sentences of the text."""
    if not re.search(
        r"\(\s*\w[\w ]*,\s*(?:predicate|relation\w*|relationship)\s*,\s*\w[\w ]*\)|triplets",
        whole,
        re.IGNORECASE,
    ):
        return None
    text = re.split(r"\b(?:Text|Context):", whole)[-1]
    found = re.findall(
        rf"({strings.PROPER})\s+((?:is|was|are|were|has|have|wrote|made|\w+ed|\w+s)(?:\s+(?:in|at|by|of|for|to|on|with|from))?)"
        r"\s+(?:the |an? )?([^.,;\n()]+)",
        text,
    )
    return (
        "\n".join(f"({one}, {verb}, {other.strip()})" for one, verb, other in found[:10])
        or f"({subject(text, 30)}, is, text)"
    )


def queries(whole: str, goal: str) -> str | None:
    """Search queries, one on each line."""
    asked = re.search(
        r"\bgenerates?\s+(\d+|multiple|several)\s+(?:search |different )?(?:quer|versions|rephras)",
        whole,
        re.IGNORECASE,
    )
    if asked is None:
        return None
    numbers = re.findall(r"\bgenerate\s+(\d+)", whole, re.IGNORECASE)
    count = int(numbers[-1]) if numbers else 3
    lines = re.findall(r"(?:Query|Question|Original question)s?:\s*(\S.*)", whole)
    matter = lines[-1].strip() if lines else subject(goal)
    forms = (
        "{0}",
        "What is known about {0}",
        "{0} explained",
        "Details on {0}",
        "{0} facts",
        "{0} overview",
    )
    bare = subject(matter)
    return "\n".join([forms[at % len(forms)].format(bare) for at in range(count)])


def keyword_list(whole: str, goal: str) -> str | None:
    """Keywords, comma separated, after the label that was asked for."""
    if not re.search(r"\bkeywords?\b", whole, re.IGNORECASE) or not re.search(
        r"\b(?:comma|extract|give|provide)\b", whole, re.IGNORECASE
    ):
        return None
    count = int(next(iter(re.findall(r"(\d+)\s+(?:unique )?keywords", whole)), "5"))
    text = _extracted(whole)
    label = "KEYWORDS: " if "KEYWORDS:" in whole else ""
    return label + ", ".join(one.lower() for one in keywords(text, count))


def comma_list(whole: str, goal: str) -> str | None:
    """A list of comma separated values."""
    if not re.search(r"comma[- ]separated", whole, re.IGNORECASE):
        return None
    bare = re.sub(r"[^.\n]*comma[- ]separated[^\n]*", "", goal, flags=re.IGNORECASE)
    return ", ".join(counted(bare) or keywords(bare, 5))


def plain_list(whole: str, goal: str) -> str | None:
    """As many lines as were asked for."""
    found = counted(goal) if len(goal) < 300 else []
    return "\n".join(f"{at}. {one}" for at, one in enumerate(found, 1)) or None


def counted(text: str) -> list[str]:
    """``five ice cream flavours`` as five of them."""
    numbers = "|".join([r"\d{1,2}", *list(NUMBER_WORDS)[2:]])
    match = re.search(
        rf"\b(?:list|name|give|suggest|write|tell)\s+(?:me\s+)?(?:the\s+)?({numbers})\s+([^.,?!:\n]+)",
        text,
        re.IGNORECASE,
    )
    if match is None:
        return []
    number = match.group(1).lower()
    thing = re.sub(r"s$", "", match.group(2).strip())
    return [f"{thing} {at}" for at in range(1, int(NUMBER_WORDS.get(number, number)) + 1)]


def title(whole: str, goal: str) -> str | None:
    """A title for a text."""
    if not re.search(
        r"\b(?:give|write|create|generate|suggest|comprehensive)\b[^.\n]{0,30}\btitle\b",
        goal,
        re.IGNORECASE,
    ):
        return None
    return (
        " ".join(word.capitalize() for word in keywords(_extracted(whole), 5))
        or subject(goal).title()
    )


def asked_questions(whole: str, goal: str) -> str | None:
    """Questions that a text answers, one on each line."""
    asked = re.search(
        r"\bgenerate\s+(?:exactly\s+)?(\d+)\s+questions?\b|\b(\d+)\s+questions? (?:that"
        r" )?(?:this|the) context",
        goal,
        re.IGNORECASE,
    )
    if asked is None:
        return None
    count = int(next(filter(None, asked.groups())))
    about = first_sentences(_extracted(whole), count) or [subject(goal)]
    lines = [
        f"{at + 1}. What does the text say about {' '.join(keywords(about[at % len(about)], 3))}?"
        for at in range(count)
    ]
    return "\n".join(lines)


def rewritten(whole: str, goal: str) -> str | None:
    """A question made to stand alone: the last one that the prompt labels."""
    if not re.search(
        r"standalone question|rephrase the follow|rewrite the (?:message|question|query)",
        whole,
        re.IGNORECASE,
    ):
        return None
    labels = (
        r"(?<!tandalone )\b(?:Follow[ -]?Up (?:Message|Input|Question)|Question|Query)\b>?["
        r" \t]*:?\s*(\S.*)"
    )
    found = [one for one in re.findall(labels, whole, re.IGNORECASE) if re.match(r"\w", one)]
    return str(found[-1]).strip() if found else goal.strip()


def refined(whole: str, goal: str) -> str | None:
    """An existing answer, or what the new context says when it says more."""
    existing = re.search(r"(?:existing answer|original answer)\W*:\s*(.+)", goal, re.IGNORECASE)
    if existing is None:
        return None
    asked = re.search(r"(?:query is as follows|query|question)\W*:\s*(.+)", goal, re.IGNORECASE)
    told = passages(goal)
    return (from_context(told, asked.group(1)) if asked and told else None) or existing.group(
        1
    ).strip()


def sql(whole: str, goal: str) -> str | None:
    """A SELECT over the table that fits the question best; once there is a result, that result in
    words.
    """
    result = re.search(r"SQL (?:Response|Result)\s*:\s*(.+)", goal)
    if result:
        return f"The query gave {result.group(1).strip()}."
    tables = re.findall(
        r"(?:Table '(\w+)' has columns:|CREATE TABLE \"?(\w+)\"?\s*\()([^\n;]*(?:\n\s+[^\n;]*)*)",
        whole,
    )
    if not tables or "SQL" not in whole:
        return None
    asked = question(goal.replace("SQLQuery:", ""))
    _, name, columns = max(
        (overlap(f"{one}{two} {cells}", asked), one or two, cells) for one, two, cells in tables
    )
    known = re.findall(
        r"\b([a-z]\w*)\s+\(?(?:VARCHAR|TEXT|INT\w*|REAL|FLOAT|NUMERIC|CHAR)", columns
    )
    wanted = [one for one in known if overlap(one, asked)]
    most = re.search(
        r"\b(highest|most|largest|biggest|top|maximum)\b|\b(lowest|least|smallest|minimum)\b",
        asked,
        re.IGNORECASE,
    )
    ordered = (
        f" ORDER BY {wanted[-1]} {'DESC' if most.group(1) else 'ASC'} LIMIT 1"
        if most and wanted
        else " LIMIT 10"
    )
    return f"SELECT {', '.join(wanted) or '*'} FROM {name}{ordered}"  # noqa: S608 - text, never executed here


def summary(whole: str, goal: str) -> str | None:
    """The sentences of a text that share most with the rest of it."""
    wanted = (
        r"\b(?:write|give|provide|create|generate)\b[^.\n]{0,40}\bsummary\b|\bsummari[sz]e\b(?!"
        r" all)|\bsummary:\W*$"
    )
    if not re.search(wanted, goal, re.IGNORECASE) or len(whole) < 120:
        return None
    text = _extracted(whole)
    return " ".join(best(" ".join(keywords(text, 8)), sentences(text), 3)) or None


ORDERS = re.compile(
    r"^\W*(?:try|write|summari[sz]e|given|here|use|do"
    r" not|don't|include|please|your|give|generate|provide|format|"
    r"extract|answer|"
    r"keywords?|title|summary|questions?|the following|some text)\b",
    re.IGNORECASE,
)


def _extracted(whole: str) -> str:
    """The text that an instruction speaks about: the marked passages, without the orders among
    them.
    """
    lines = sentences(passages(whole) or whole)
    kept = [
        re.sub(r"^(?:Context|Text|Content|Document)s?\s*:\s*", "", one)
        for one in lines
        if not ORDERS.match(one)
    ]
    return "\n".join(one for one in kept if one) or whole


Reader = Callable[[str, str], str | None]
LISTINGS: tuple[Reader, ...] = (
    refined,
    queries,
    sql,
    triplets,
    rewritten,
    asked_questions,
    keyword_list,
    comma_list,
    title,
    summary,
    plain_list,
)
