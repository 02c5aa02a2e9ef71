"""Answering in the format that a prompt describes in words: JSON, ReAct, verdicts, scores,
rankings, lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from . import shapes, strings
from .listings import LISTINGS
from .passages import claims
from .schema_values import fill
from .source import Source
from .tools import Step, plan, resolved
from .words import overlap, sentences, shortened, subject, subjects

Json = dict[str, Any]


LONGEST = 60_000
LONG_FORM = 20_000


def answer(whole: str, goal: str, *, json_wanted: bool) -> str | None:
    """The answer in the described format; None when there is none.

    ``whole`` is the prompt, ``goal`` the wish.
    """
    whole, goal = shortened(whole, LONGEST), shortened(goal, LONGEST)
    for reader in BEFORE_JSON:
        if (found := reader(whole, goal)) is not None:
            return found
    if json_wanted or wants_json(whole):
        return as_json(shortened(whole, LONG_FORM), shortened(goal, LONG_FORM))
    return next((found for reader in LISTINGS if (found := reader(whole, goal)) is not None), None)


def wants_json(whole: str) -> bool:
    """Whether the prompt asks for JSON in words: the word and a schema, an example or a list of
    keys beside it.
    """
    if not re.search(r"\bJSON\b", whole, re.IGNORECASE):
        return shapes.example_in(whole, shapes.FORMS) is not None
    shown = shapes.schema_in(whole) or shapes.example_in(whole)
    return shown is not None or bool(
        re.search(
            r"\b(?:return|respond|reply|answer|output|produce|format|give|as|in)\b[^.]{0,80}\bJSON\b",
            whole,
            re.IGNORECASE,
        )
    )


def as_json(whole: str, goal: str) -> str:
    """JSON after the schema, the example or the keys in the prompt."""
    found = shapes.schema_in(whole)
    if found is not None:
        schema, rest = found
        return _dump(fill(schema, Source.of(_material(rest), keep_defaults=False), schema))
    shown = shapes.example_in(whole)
    if shown is not None:
        example, rest = shown
        if (
            isinstance(example, list)
            and example
            and isinstance(example[0], dict)
            and {"choice", "index"} & set(example[0])
        ):
            return _dump([_choice(example[0], rest)])
        if (split := shapes.by_tools(whole, example)) is not None:
            return _fenced(split, whole)
        schema = shapes.schema_like(example)
        return _fenced(fill(schema, Source.of(_material(rest), keep_defaults=False), schema), whole)
    keys = shapes.keys_in(whole)
    schema = {
        "type": "object",
        "properties": {key: {"type": "string"} for key in keys},
        "required": keys,
    }
    bare = " ".join(line for line in sentences(goal) if not re.search(r"\bJSON\b", line)) or goal
    return _dump(
        fill(schema, Source.of(bare, keep_defaults=False), schema)
        if keys
        else {"answer": subject(bare)}
    )


def _material(rest: str) -> str:
    """The prompt without the lines that speak of format."""
    about_form = re.compile(
        r"\b(?:JSON|schema|well-formatted|answer the user)\b|```", re.IGNORECASE
    )
    kept = [line for line in rest.splitlines() if not about_form.search(line)]
    return "\n".join(kept).strip() or rest


def _choice(example: Json, rest: str) -> Json:
    choices = strings.numbered(rest)
    at = strings.best_choice(rest, choices) if choices else 1
    reason = (
        f"Choice {at} fits the question: {subject(choices[at - 1])}"
        if choices
        else "It is the only choice."
    )
    return {key: at if key in ("choice", "index") else reason for key in example}


def _fenced(value: Any, whole: str) -> str:
    return (
        f"```json\n{_dump(value)}\n```"
        if "```json" in whole or "json markdown" in whole.lower()
        else _dump(value)
    )


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def react(whole: str, goal: str) -> str | None:
    """Thought, Action and Action Input; or Thought and the final answer once there is an
    observation.
    """
    if not all(word in whole for word in ("Thought:", "Action:", "Action Input:")):
        return None
    tools = shapes.react_tools(whole)
    final = "Final Answer:" if "Final Answer:" in whole else "Answer:"
    question, seen = shapes.react_state(whole, goal)
    steps = plan(tools, question) or (
        [Step(tools[0], question)] if tools and "must" in whole and not seen else []
    )
    if len(seen) < len(steps):
        step = steps[len(seen)]
        text = resolved(step, seen[-1]) if step.waits and seen else step.text
        arguments = fill(step.tool.parameters, Source.of(text), step.tool.parameters)
        bare = step.tool.parameters.get("bare", not step.tool.parameters)
        given = (
            next(iter(arguments.values()), strings.asked(step.text)) if bare else _dump(arguments)
        )
        thought = "I need to use a tool to help me answer the question."
        return f"Thought: {thought}\nAction: {step.tool.name}\nAction Input: {given}"
    told = " ".join(seen) if seen else f"This is an emulated answer about {subject(question)}."
    return f"Thought: I can answer without using any more tools.\n{final} {told.strip()}"


def verdict(whole: str, goal: str) -> str | None:
    """YES or NO: whether the context bears out the claim."""
    if not re.search(r"\bYES\b\W+(?:or|and|/)?\W*\bNO\b|\bYES\b[^\n]{0,120}\bNO\b", whole):
        return None
    claim, context = claims(whole)
    words = set(subjects(claim))
    if not words or not context:
        return "NO"
    shared = len(words & set(subjects(context)))
    return "YES" if shared >= max(1, len(words) / 3) else "NO"


def score(whole: str, goal: str) -> str | None:
    """A score on a line of its own and the reason on the next."""
    asked = re.search(
        r"\bscore\b[^.]{0,80}?\b(?:between|from)\s+(\d+)\s+(?:and|to)\s+(\d+)", whole, re.IGNORECASE
    )
    if asked is None or "Relevance:" in whole:
        return None
    low, high = int(asked.group(1)), int(asked.group(2))
    sections = shapes.sections(goal)
    answers = [
        text
        for title, text in sections.items()
        if "answer" in title.lower() or "response" in title.lower()
    ]
    told, reference = (answers[-1], answers[0]) if len(answers) > 1 else (goal, whole)
    words = set(subjects(reference))
    share = len(words & set(subjects(told))) / len(words) if words else 1.0
    return (
        f"{low + round((high - low) * min(1.0, share)):.1f}\nThe answer shares {share:.0%} of the"
        " reference's subjects."
    )


def marked_score(whole: str, goal: str) -> str | None:
    """Feedback and ``[RESULT] 2``: so many points per numbered question, by how much of the query
    is answered.
    """
    worth = re.search(r"\bworth\s+(\d+)\s+points?\b", whole)
    asked = re.search(
        r"^Query:\s*(.+?)^(?:Response|Context):\s*(.+?)^Feedback:", whole, re.MULTILINE | re.DOTALL
    )
    if "[RESULT]" not in whole or worth is None or asked is None:
        return None
    most = int(worth.group(1)) * max(
        1, len(re.findall(r"^\d\.", whole[: asked.start()], re.MULTILINE))
    )
    words = set(subjects(asked.group(1)))
    share = len(words & set(subjects(asked.group(2)))) / len(words) if words else 1.0
    points = round(most * share) if "integer" in whole else round(most * share, 1)
    return f"It speaks of {share:.0%} of the subjects of the query.\n[RESULT] {points}"


def pairwise(whole: str, goal: str) -> str | None:
    """Which of two answers fits the question better: ``[[A]]``, ``[[B]]`` or ``[[C]]`` for
    a tie.
    """
    if "[[A]]" not in whole or "[[B]]" not in whole:
        return None
    starts = list(
        re.finditer(
            r"\[?The Start of (?:Assistant|Answer) ([AB])(?:'s Answer)?\]?", goal, re.IGNORECASE
        )
    )
    texts = [goal[match.end() :].split("The End")[0] for match in starts]
    left, right = (overlap(one, goal.split("The Start")[0]) for one in [*texts, "", ""][:2])
    winner = "C" if left == right else "A" if left > right else "B"
    return f"The answers were compared by what they share with the question. [[{winner}]]"


def ranking(whole: str, goal: str) -> str | None:
    """``Doc: 2, Relevance: 9`` lines, or ``[2] > [1]``, best first."""
    scored = re.search(r"Doc(?:ument)?: ?\d+, Relevance: ?\d+", whole)
    ordered = re.search(r"\[\d*\] > \[\d*\]", whole)
    if not scored and not ordered:
        return None
    text = whole[scored.end() :] if scored else whole
    documents = re.findall(
        r"^(?:Document\s+(\d+):|\[(\d+)\])\s*(.*?)(?=^(?:Document\s+\d+:|\[\d+\])|^Question:|^Search"
        r" Query:|\Z)",
        text,
        re.MULTILINE | re.DOTALL,
    )
    asked = re.findall(r"(?:Question|Query):\s*(.+)", text)
    question = asked[-1] if asked else goal
    rated = sorted(
        ((overlap(question, body), -int(one or two)) for one, two, body in documents), reverse=True
    )
    if scored:
        top = rated[0][0] if rated else 0
        lines = (
            [
                f"Doc: {-number}, Relevance: {max(1, round(10 * points / top))}"
                for points, number in rated
                if points
            ]
            if top
            else []
        )
        return "\n".join(lines or [f"Doc: {-number}, Relevance: 1" for _, number in rated[:1]])
    return " > ".join(f"[{-number}]" for _, number in rated)


Reader = Callable[[str, str], str | None]
BEFORE_JSON: tuple[Reader, ...] = (react, ranking, pairwise, marked_score, score, verdict)
