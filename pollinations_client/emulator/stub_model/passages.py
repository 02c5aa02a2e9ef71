"""Find the passages that a prompt quotes, the question it asks, and the sentences that answer."""

from __future__ import annotations

import re

from .text import best, overlap, sentences

RULED = re.compile(r"^-{5,}\s*$", re.MULTILINE)
LABELS = r"(?:Context|Context information|Contexts|Documents?|Passages?|Sources?|Text|Content)"
LABELLED = re.compile(
    rf"\b{LABELS}\b[^\n:]{{0,40}}:\s*(.+?)"
    r"(?=\n\s*(?:Question|Query|User|Human|Answer|Given|Helpful)\b|\Z)",
    re.DOTALL | re.IGNORECASE,
)
QUESTION_LABEL = re.compile(
    r"^\s*<?(?:Query|Question|User Question|User Query|Human|User)>?\s*:\s*(\S.*)$",
    re.MULTILINE | re.IGNORECASE,
)
METADATA_LINE = re.compile(r"^(?:file_path|page_label|file_name|source|id|score)\s*:.*$")
RANKED_EXAMPLE = re.compile(r"Doc(?:ument)?: ?\d+, Relevance: ?\d+")
RANKED_DOCUMENT = re.compile(
    r"^Document\s+(\d+):\s*(.*?)(?=^Document\s+\d+:|^Question:|\Z)", re.MULTILINE | re.DOTALL
)


def passages(text: str) -> str:
    """The material of a prompt: between ruled lines, in tags, in fences or after a label.

    Empty when the prompt has none.
    """
    ruled = RULED.split(text)
    if len(ruled) >= 3:
        return "\n".join(part.strip() for part in ruled[1::2]).strip()
    tagged = re.findall(rf"<({LABELS}\w*)>(.*?)</\1>", text, re.DOTALL | re.IGNORECASE)
    if tagged:
        return "\n".join(body.strip() for _, body in tagged)
    fenced = re.findall(r'"""(.*?)"""', text, re.DOTALL)
    if fenced:
        return "\n".join(body.strip() for body in fenced)
    labelled = LABELLED.search(text)
    return labelled.group(1).strip() if labelled else ""


def question(text: str) -> str:
    """The question of a prompt: after its label, else the last line that asks, else the last."""
    labelled = QUESTION_LABEL.findall(text)
    if labelled:
        return str(labelled[-1]).strip()
    lines = sentences(RULED.split(text)[-1])
    asking = [line for line in lines if line.endswith("?")]
    return (asking or lines or [text])[-1]


def from_passages(material: str, query: str) -> str | None:
    """The one or two sentences that fit a question best; None when none does."""
    lines = [METADATA_LINE.sub("", line).strip() for line in sentences(material)]
    found = best(query, [line for line in lines if line and line != query], 2)
    if not found:
        return None
    found = [line for line in found if not _is_heading(line)] or found
    return " ".join(line if line.endswith((".", "!", "?", ":")) else f"{line}." for line in found)


def _is_heading(line: str) -> bool:
    """A heading says what a text is about, and answers nothing."""
    is_short = line[-1] not in ".!?:" and len(line.split()) <= 6
    return is_short and not re.search(r"[\d:=|,]", line)


def answer_first(text: str) -> str:
    """A prompt with passages and a labelled question: what answers it, then the passages.

    Any other prompt is returned as it is.
    """
    material = passages(text) if QUESTION_LABEL.search(text) else ""
    found = from_passages(material, question(text)) if material else None
    return f"{found}\n\n{material}" if found else text


def ranking(prompt: str) -> str | None:
    """``Doc: 2, Relevance: 9`` lines, best first, for a prompt that shows this form.

    The demo and the notebook retrieve with the model itself, which asks in these words.
    """
    example = RANKED_EXAMPLE.search(prompt)
    if example is None:
        return None
    text = prompt[example.end() :]
    query = (re.findall(r"Question:\s*(.+)", text) or [prompt])[-1]
    rated = sorted(
        ((overlap(query, body), -int(number)) for number, body in RANKED_DOCUMENT.findall(text)),
        reverse=True,
    )
    top = rated[0][0] if rated else 0
    if not top:
        return "\n".join(f"Doc: {-number}, Relevance: 1" for _, number in rated[:1])
    return "\n".join(
        f"Doc: {-number}, Relevance: {max(1, round(10 * points / top))}"
        for points, number in rated
        if points
    )
