"""Find the passages that a prompt quotes, the question it asks, and the sentences that answer."""

from __future__ import annotations

import re

from ..words import shared_subjects
from .text import best_matches, sentences

RULED = re.compile(r"^-{5,}\s*$", re.MULTILINE)
LABELS = r"(?:Context|Context information|Contexts|Documents?|Passages?|Sources?|Text|Content)"
# Where prompts of the frameworks put their material, the first that matches counts: LlamaIndex
# rules it off, LangChain's hub tags it or puts it after a label, some fence it in quotes.
MATERIAL = (
    re.compile(rf"<({LABELS}\w*)>(?P<text>.*?)</\1>", re.DOTALL | re.IGNORECASE),
    re.compile(r'"""(?P<text>.*?)"""', re.DOTALL),
    re.compile(
        rf"\b{LABELS}\b[^\n:]{{0,40}}:\s*(?P<text>.+?)"
        r"(?=\n\s*(?:Question|Query|User|Human|Answer|Given|Helpful)\b|\Z)",
        re.DOTALL | re.IGNORECASE,
    ),
)
QUESTION_LABEL = re.compile(
    r"(?im)^\s*<?(?:Query|Question|User Question|User Query|Human|User)>?\s*:\s*(\S.*)$"
)
METADATA_LINE = re.compile(r"^(?:file_path|page_label|file_name|source|id|score)\s*:.*$")
RANKED_EXAMPLE = re.compile(r"Doc(?:ument)?: ?\d+, Relevance: ?\d+")
RANKED_DOCUMENT = re.compile(r"(?ms)^Document\s+(\d+):\s*(.*?)(?=^Document\s+\d+:|^Question:|\Z)")


def passages_in(text: str) -> str:
    """The material of a prompt, between ruled lines or as in MATERIAL; empty when it has none."""
    ruled = RULED.split(text)
    if len(ruled) >= 3:
        return "\n".join(part.strip() for part in ruled[1::2]).strip()
    for pattern in MATERIAL:
        if bodies := [match["text"].strip() for match in pattern.finditer(text)]:
            return "\n".join(bodies)
    return ""


def question_in(text: str) -> str:
    """The question of a prompt: after its label, else the last line that asks, else the last."""
    labelled: list[str] = QUESTION_LABEL.findall(text)
    lines = sentences(RULED.split(text)[-1])
    question_lines = [line for line in lines if line.endswith("?")]
    return (labelled or question_lines or lines or [text])[-1].strip()


def answer_from_passages(material: str, query: str) -> str | None:
    """The one or two sentences that fit a question best; None when none does."""
    lines = [METADATA_LINE.sub("", line).strip() for line in sentences(material)]
    fitting = best_matches(query, [line for line in lines if line and line != query], 2)
    if not fitting:
        return None
    fitting = [line for line in fitting if not _is_heading(line)] or fitting
    return " ".join(line if line[-1] in ".!?:" else f"{line}." for line in fitting)


def _is_heading(line: str) -> bool:
    """A heading says what a text is about, and answers nothing."""
    is_short = line[-1] not in ".!?:" and len(line.split()) <= 6
    return is_short and not re.search(r"[\d:=|,]", line)


def with_answer_first(text: str) -> str:
    """What answers a prompt's labelled question, then its passages; else the prompt as it is."""
    material = passages_in(text) if QUESTION_LABEL.search(text) else ""
    answer = answer_from_passages(material, question_in(text))
    return f"{answer}\n\n{material}" if answer else text


def ranking_for(prompt: str) -> str | None:
    """``Doc: 2, Relevance: 9`` lines, best first, for a prompt that shows this form.

    The notebook and docs/rag.md rank with LlamaIndex's LLMRerank, which asks in these words.
    """
    example = RANKED_EXAMPLE.search(prompt)
    if example is None:
        return None
    text = prompt[example.end() :]
    query = (re.findall(r"Question:\s*(.+)", text) or [prompt])[-1]
    documents = RANKED_DOCUMENT.findall(text)
    points = {number: shared_subjects(query, body) for number, body in documents}
    top = max(points.values(), default=0) or 1
    ranked = sorted(points, key=lambda number: -points[number])
    rated = {number: max(1, round(10 * points[number] / top)) for number in ranked}
    fitting = [number for number in ranked if points[number]] or ranked[:1]
    return "\n".join(f"Doc: {number}, Relevance: {rated[number]}" for number in fitting)
