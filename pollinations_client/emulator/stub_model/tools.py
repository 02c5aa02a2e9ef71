"""Choose the tools that a prompt names and fill their arguments from its words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..gateway.chat_request import ChatRequest, Tool
from .passages import from_passages
from .schema_values import schema_words, value_for
from .text import QUOTED, shortened, subjects, tokens
from .text_values import NAME, NUMBER, TextValues

Json = dict[str, Any]
MAX_QUOTED_RESULT_CHARS = 400
MAX_REQUEST_CHARS = 3000
THEN = re.compile(
    r"[\s,;.]*\b(?:and then|then|after that|afterwards|finally|next)\b[\s,]*", re.IGNORECASE
)
AND = re.compile(r"(?:,\s*(?:and\s+|also\s+)?|\s+and\s+(?:also\s+)?|;\s*|(?<=[.!?])\s+)")
REFERS_BACK = re.compile(r"\b(?:it|its|that|this|them|the (?:result|answer|output|sum))\b")
ORDERS_TOOL = re.compile(r"\b(?:use|using|call|invoke|with)\b[^.?!]*\b(?:tools?|functions?)\b")
FORBIDS_TOOLS = re.compile(r"\b(?:don't|do not|without|never)\b[^.?!]*\b(?:tools?|functions?)\b")
QUESTION = re.compile(
    r"\W*(?:what|who|when|where|which|why|how|does|do|is|are|did)\b", re.IGNORECASE
)
MEDIA = frozenset({"picture", "video"})


@dataclass(frozen=True)
class Step:
    """One call that the prompt asks for; ``waits`` when it needs the result of an earlier one."""

    tool: Tool
    text: str
    waits: bool = False


def fit(tool: Tool, text: str) -> float:
    """How well a tool fits a text: its name counts most, then its description and parameters."""
    if re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", text):
        return 100.0
    words, name = set(subjects(text)), set(subjects(tool.name))
    about = set(subjects(tool.description))
    if re.search(r"\d\s*[-+*/\u00d7^]\s*\d", text):
        words.add("calculate")
    parameters = set(schema_words(tool.parameters))
    score = 3.0 * len(words & name) + len(words & about) + 0.5 * len(words & parameters)
    # A tool that draws is for drawing, whatever else the prompt speaks of.
    if MEDIA & (name | about):
        return score + 3 if MEDIA & words else 0.0
    return score


def best_tool(tools: list[Tool], text: str) -> Tool | None:
    """The tool that fits best; None when none fits at all."""
    scores = [fit(tool, text) for tool in tools]
    top = max(scores, default=0.0)
    return tools[scores.index(top)] if top >= 1 else None


def plan(tools: list[Tool], prompt: str) -> list[Step]:
    """The calls that a prompt asks for, in order."""
    prompt = shortened(prompt, MAX_REQUEST_CHARS)
    if FORBIDS_TOOLS.search(prompt):
        return []
    # Quoted pieces are set aside, so that no clause ends inside one.
    pieces = [match.group() for match in QUOTED.finditer(prompt)]
    masked = prompt
    for index, piece in enumerate(pieces):
        masked = masked.replace(piece, f"\x00{index}\x00", 1)
    steps: list[Step] = []
    for number, stage in enumerate(THEN.split(masked)):
        clauses = [_unmask(clause, pieces) for clause in AND.split(stage) if clause.strip()]
        steps += _stage(tools, clauses, steps, waits=number > 0)
    if steps:
        is_alone = len(steps) == 1 and not MEDIA & set(subjects(steps[0].tool.name))
        return [Step(steps[0].tool, prompt)] if is_alone else steps
    if ORDERS_TOOL.search(prompt):
        return [Step(tools[0], prompt)]
    is_personal = re.search(r"\b(?:you|your|my|me)\b", prompt, re.IGNORECASE)
    if QUESTION.match(prompt) and "?" in prompt and not is_personal:
        # A question that no tool fits by its words goes to whatever looks things up.
        search = (one for one in tools if "search" in subjects(f"{one.name} {one.description}"))
        return [Step(tool, prompt) for tool in search][:1]
    return []


def _unmask(text: str, pieces: list[str]) -> str:
    return re.sub(r"\x00(\d+)\x00", lambda match: pieces[int(match.group(1))], text)


def _stage(tools: list[Tool], clauses: list[str], before: list[Step], *, waits: bool) -> list[Step]:
    """The calls of one stage, which may go out together; clauses without a tool join one."""
    steps: list[Step] = []
    pending = ""
    for clause in clauses:
        tool = best_tool(tools, clause)
        last = steps[-1] if steps else None
        if tool is None or (last and tool is last.tool and not _is_complete(tool, clause)):
            if again := _same_call_for(last, clause):
                steps.append(again)
            elif last:
                steps[-1] = Step(last.tool, f"{last.text} and {clause}", last.waits)
            else:
                pending += f"{clause}. "
            continue
        builds_on = bool(steps or before) and REFERS_BACK.search(clause) is not None
        steps.append(Step(tool, pending + clause, waits or builds_on))
        pending = ""
    return steps


def _is_complete(tool: Tool, clause: str) -> bool:
    """Whether a clause has as many numbers as a tool requires, and some words."""
    properties = tool.parameters.get("properties") or {}
    required = [properties.get(name) or {} for name in tool.parameters.get("required") or ()]
    numeric = [part for part in required if part.get("type") in ("integer", "number")]
    return len(NUMBER.findall(clause)) >= len(numeric) and len(tokens(clause)) > 2


def _same_call_for(last: Step | None, clause: str) -> Step | None:
    """The last call for another name: the second of "the weather in Paris and London"."""
    name = re.sub(r"^(?:in|at|for|to|of)\s+|,?\s*please$", "", clause.strip(" ?.!,"))
    required = last.tool.parameters.get("required") or [] if last else []
    if last is None or len(required) != 1 or not re.fullmatch(NAME, name):
        return None
    earlier = re.findall(rf"(?<=\s){NAME}", last.text)
    # "San Francisco, CA" is one place: two capitals after a comma are a state.
    if not earlier or re.fullmatch("[A-Z]{2}", name):
        return None
    return Step(last.tool, last.text.replace(earlier[-1], name), last.waits)


def calls_for(request: ChatRequest) -> list[tuple[str, Json]]:
    """The calls to make now: the forced one, or the next of the plan; empty to answer in words."""
    tools = request.tools
    if not tools:
        return []
    called = [call["name"] for call in request.calls_made]
    if request.must_call and request.forced_tool:
        tool = next(one for one in tools if one.name == request.forced_tool)
        return [_call(Step(tool, request.goal), request)]
    steps, done = [], list(called)
    for step in plan(tools, request.goal):
        if step.tool.name in done:
            done.remove(step.tool.name)
        else:
            steps.append(step)
    if steps:
        together = steps[:1]
        for step in steps[1:]:
            if step.waits or not request.parallel:
                break
            together.append(step)
        return [_call(step, request) for step in together]
    if not request.must_call:
        return []
    text = " ".join([request.goal, *request.results])
    fresh = [tool for tool in tools if tool.name not in called] or tools
    return [_call(Step(max(fresh, key=lambda one: fit(one, text)), text), request)]


def _call(step: Step, request: ChatRequest) -> tuple[str, Json]:
    """A call with arguments from the step's words and, where it builds on results, from those."""
    text = step.text
    if step.waits and request.results:
        result = " ".join(request.results[-1].split())[:200].strip(" .")
        is_media = MEDIA & set(subjects(f"{step.tool.name} {step.tool.description}"))
        if REFERS_BACK.search(text):
            text = REFERS_BACK.sub(lambda _: result, text, count=1)
        elif not is_media:
            text = f"{result}. {text}"
    arguments = value_for(step.tool.parameters, TextValues.of(text), step.tool.parameters)
    return step.tool.name, arguments if isinstance(arguments, dict) else {}


def results_in_words(request: ChatRequest) -> str:
    """An answer that quotes what the tools said; of long results the sentences that fit."""
    results = dict.fromkeys(" ".join(result.split()) for result in request.results)
    lines = [line if line.endswith((".", "!", "?")) else f"{line}." for line in results if line]
    text = " ".join(lines)
    if len(text) > MAX_QUOTED_RESULT_CHARS:
        text = from_passages("\n".join(request.results), request.goal) or text
        text = text[: 2 * MAX_QUOTED_RESULT_CHARS]
    return text or "The tools ran and returned nothing."
