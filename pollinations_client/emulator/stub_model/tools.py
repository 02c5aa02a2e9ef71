"""Choose the tools that a prompt names and fill their arguments from its words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..gateway.chat_request import ChatRequest, Tool
from ..words import subjects
from .passages import answer_from_passages
from .schema_values import value_for
from .text import QUOTED, quoted_pieces, shortened
from .text_values import NUMBER, TextValues, names_in

Json = dict[str, Any]
MAX_QUOTED_RESULT_CHARS = 400
MAX_REQUEST_CHARS = 3000
THEN = re.compile(
    r"[\s,;.]*\b(?:and then|then|after that|afterwards|finally|next)\b[\s,]*", re.IGNORECASE
)
# "San Francisco, CA" is one place: two capitals after a comma are a state.
AND = re.compile(
    r",(?!\s*[A-Z]{2}\b)\s*(?:and\s+|also\s+)?|\s+and\s+(?:also\s+)?|;\s*|(?<=[.!?])\s+"
)
REFERS_BACK = re.compile(r"\b(?:it|its|that|this|them|the (?:result|answer|output|sum))\b")
ORDERS_TOOL = re.compile(r"\b(?:use|using|call|invoke|with)\b[^.?!]*\b(?:tools?|functions?)\b")
FORBIDS_TOOLS = re.compile(r"\b(?:don't|do not|without|never)\b[^.?!]*\b(?:tools?|functions?)\b")
MEDIA = frozenset({"picture", "video"})


@dataclass(frozen=True)
class Step:
    """One call that the prompt asks for; ``waits`` when it needs the result of an earlier one."""

    tool: Tool
    text: str
    waits: bool = False


def fit_score(tool: Tool, text: str) -> float:
    """How well a tool fits a text: its name counts most, then its description."""
    if re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", text):
        return 100.0
    words, name = set(subjects(text)), set(subjects(tool.name))
    about = set(subjects(tool.description))
    if re.search(r"\d\s*[-+*/\u00d7^]\s*\d", text):
        words.add("calculate")
    score = 3.0 * len(words & name) + len(words & about)
    # A tool that draws is for drawing, whatever else the prompt speaks of.
    if MEDIA & (name | about):
        return score + 3 if MEDIA & words else 0.0
    return score


def best_tool(tools: list[Tool], text: str) -> Tool | None:
    """The tool that fits best; None when none fits at all."""
    best = max(tools, key=lambda tool: fit_score(tool, text))
    return best if fit_score(best, text) >= 1 else None


def planned_calls(tools: list[Tool], prompt: str) -> list[Step]:
    """The calls that a prompt asks for, in order."""
    prompt = shortened(prompt, MAX_REQUEST_CHARS)
    if FORBIDS_TOOLS.search(prompt):
        return []
    steps = _steps(tools, prompt)
    if steps:
        is_alone = len(steps) == 1 and not MEDIA & set(subjects(steps[0].tool.name))
        return [Step(steps[0].tool, prompt)] if is_alone else steps
    return [Step(tools[0], prompt)] if ORDERS_TOOL.search(prompt) else []


def _steps(tools: list[Tool], prompt: str) -> list[Step]:
    """A call for each clause that a tool fits, or that has values for one more call of the last."""
    # Quoted pieces are set aside, so that no clause ends inside one.
    pieces = [match.group() for match in QUOTED.finditer(prompt)]
    for index, piece in enumerate(pieces):
        prompt = prompt.replace(piece, f"\x00{index}\x00", 1)
    steps: list[Step] = []
    pending = ""
    for number, stage in enumerate(THEN.split(prompt)):
        for masked in filter(str.strip, AND.split(stage)):
            clause = re.sub(r"\x00(\d+)\x00", lambda match: pieces[int(match.group(1))], masked)
            last = steps[-1] if steps else None
            tool = best_tool(tools, clause)
            if last and tool in (None, last.tool) and _has_values(last.tool, clause):
                steps.append(Step(last.tool, clause, last.waits))
            elif last and tool in (None, last.tool):
                steps[-1] = Step(last.tool, f"{last.text}, {clause}", last.waits)
            elif tool is None:
                pending += f"{clause}. "
            else:
                builds_on = bool(last) and REFERS_BACK.search(clause) is not None
                steps.append(Step(tool, pending + clause, number > 0 or builds_on))
                pending = ""
    return steps


def _has_values(tool: Tool, clause: str) -> bool:
    """Whether a clause has as many numbers, names and quoted words as a tool requires."""
    properties, required = (tool.parameters.get(key) or {} for key in ("properties", "required"))
    numeric = [name for name in required if re.search("integer|number", str(properties.get(name)))]
    numbers = NUMBER.findall(clause)[: len(numeric)]
    return len([*numbers, *names_in(clause), *quoted_pieces(clause)]) >= max(1, len(required))


def calls_for(request: ChatRequest) -> list[tuple[str, Json]]:
    """The calls to make now: the forced one, or the next of the plan; empty to answer in words."""
    tools = request.tools
    if not tools:
        return []
    if request.must_call and request.forced_tool:
        tool = next(tool for tool in tools if tool.name == request.forced_tool)
        return [_call(Step(tool, request.goal), request)]
    called_names = [call["name"] for call in request.calls_made]
    steps, done_names = [], list(called_names)
    for step in planned_calls(tools, request.goal):
        if step.tool.name in done_names:
            done_names.remove(step.tool.name)
        else:
            steps.append(step)
    if steps:
        waiting = (at for at, step in enumerate(steps) if at and step.waits)
        end = next(waiting, len(steps))
        return [_call(step, request) for step in steps[: end if request.parallel else 1]]
    if not request.must_call:
        return []
    text = " ".join([request.goal, *request.results])
    uncalled = [tool for tool in tools if tool.name not in called_names] or tools
    return [_call(Step(max(uncalled, key=lambda tool: fit_score(tool, text)), text), request)]


def _call(step: Step, request: ChatRequest) -> tuple[str, Json]:
    """A call with arguments from the step's words and, where it builds on results, from those."""
    text = step.text
    if step.waits and request.results:
        result = " ".join(request.results[-1].split())[:200].strip(" .")
        text = REFERS_BACK.sub(lambda _: result, text, count=1)
    arguments = value_for(step.tool.parameters, TextValues.of(text), step.tool.parameters)
    return step.tool.name, arguments if isinstance(arguments, dict) else {}


def results_in_words(request: ChatRequest) -> str:
    """An answer that quotes what the tools said; of long results the sentences that fit."""
    results = dict.fromkeys(" ".join(result.split()) for result in request.results)
    text = " ".join(line if line[-1] in ".!?" else f"{line}." for line in results if line)
    if len(text) > MAX_QUOTED_RESULT_CHARS:
        text = answer_from_passages("\n".join(request.results), request.goal) or text
    return text[: 2 * MAX_QUOTED_RESULT_CHARS] or "The tools ran and returned nothing."
