"""Finding the passages that a prompt gives and the question it asks about them."""

from __future__ import annotations

import re

from .words import best, sentences

RULED = re.compile(r"^-{5,}\s*$", re.MULTILINE)
LABELS = (
    r"(?:Context|Context"
    r" information|Contexts|Documents?|Passages?|Sources?|Text|Content|Article|Information)"
)
QUESTION_LABEL = re.compile(
    r"^\s*<?(?:Query|Question|User Question|User Query|Human|User|Follow Up"
    r" Message)>?\s*:\s*(\S.*)$",
    re.MULTILINE | re.IGNORECASE,
)


def passages(text: str) -> str:
    """The material of a prompt: between ruled lines, in tags, in fences or after a label.

    Empty when none.
    """
    ruled = RULED.split(text)
    if len(ruled) >= 3:
        return "\n".join(part.strip() for part in ruled[1::2]).strip()
    tagged = re.findall(rf"<({LABELS}\w*)>(.*?)</\1>", text, re.DOTALL | re.IGNORECASE)
    if tagged:
        return "\n".join(body.strip() for _, body in tagged)
    fenced = re.findall(r'"""(.*?)"""|```\w*\n(.*?)```', text, re.DOTALL)
    if fenced:
        return "\n".join((one or two).strip() for one, two in fenced)
    labelled = re.search(
        rf"\b{LABELS}\b[^\n:]{{0,40}}:\s*(.+?)(?=\n\s*(?:Question|Query|User|Human|Answer|Given|Helpful)\b|\Z)",
        text,
        re.DOTALL | re.IGNORECASE,
    )
    return labelled.group(1).strip() if labelled and re.search(r"\w{2}", labelled.group(1)) else ""


def question(text: str) -> str:
    """The question of a prompt: after its label, else the last line that asks, else the
    last line.
    """
    labelled = QUESTION_LABEL.findall(text)
    if labelled:
        return str(labelled[-1]).strip()
    lines = sentences(RULED.split(text)[-1])
    asking = [line for line in lines if line.endswith("?")]
    return (asking or lines or [text])[-1]


def from_context(material: str, asked: str) -> str | None:
    """The one or two sentences that fit the question best; None when none does."""
    lines = [
        re.sub(r"^(?:file_path|page_label|file_name|source|id|score)\s*:.*$", "", one).strip()
        for one in sentences(material)
    ]
    found = best(asked, [one for one in lines if one and one != asked], 2)
    if not found:
        return None
    found = [one for one in found if not _is_title(one)] or found
    return " ".join(one if one.endswith((".", "!", "?", ":")) else f"{one}." for one in found)


def _is_title(line: str) -> bool:
    """A heading says what a text is about, and answers nothing."""
    return line[-1] not in ".!?:" and len(line.split()) <= 6 and not re.search(r"[\d:=|,]", line)


def grounded(text: str) -> str:
    """A prompt with passages and a labelled question as what answers it, the passages after; any
    other as it is.
    """
    given = passages(text) if QUESTION_LABEL.search(text) else ""
    found = from_context(given, question(text)) if given else None
    return f"{found}\n\n{given}" if found else text


def first_sentences(text: str, count: int) -> list[str]:
    """The opening sentences of a text."""
    return sentences(text)[:count]


def claims(text: str) -> tuple[str, str]:
    """What is claimed and the context it shall be held against: the last labelled ones of
    a prompt.
    """
    claim = re.findall(
        r"^(?:Information|Query and Response|Query|Response|Claim|Statement|Answer|Question)[ \t]*:"
        r"\s*(.*?)(?=^(?:Context|Answer)\b|\Z)",
        text,
        re.MULTILINE | re.DOTALL,
    )
    context = re.findall(
        r"^(?:Context)[ \t]*:\s*(.*?)(?=^(?:Answer|Information|Query)\b|\Z)",
        text,
        re.MULTILINE | re.DOTALL,
    )
    said = [one.strip() for one in claim if one.strip()]
    given = [one.strip(" -\n") for one in context if one.strip()]
    return (said[-1] if said else ""), (given[-1] if given else passages(text))
