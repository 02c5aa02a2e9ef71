"""Which tools a wish needs, in which order, and with what words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..gateway.chat_request import ChatRequest, Tool
from . import strings
from .passages import from_context
from .schema_values import fill, words_of
from .shapes import documents
from .source import NUMBER, Source
from .words import shortened, subjects, tokens, unique

Json = dict[str, Any]
LONG_RESULT = 400
LONG_WISH = 3000
ORDERED = re.compile(
    r"[\s,;.]*\b(?:and then|then|after that|afterwards|finally|next|followed by)\b[\s,]*",
    re.IGNORECASE,
)
PARALLEL = re.compile(
    r"(?:,\s*(?:and\s+|also\s+)|\s+and\s+(?:also\s+)?|;\s*|(?<=[.!?])\s+)", re.IGNORECASE
)
LEANS = re.compile(
    r"\b(?:it|its|that|this|them|the result|the answer|the output|the sum|the product)\b",
    re.IGNORECASE,
)
ORDERS_TOOL = re.compile(
    r"\b(?:use|using|call|calling|invoke|with)\b[^.?!]*\b(?:tools?|functions?)\b", re.IGNORECASE
)
DENIES_TOOL = re.compile(
    r"\b(?:don't|do not|without|never)\b[^.?!]*\b(?:tools?|functions?)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Step:
    """One call that the wish needs; ``waits`` when it needs what came before."""

    tool: Tool
    text: str
    waits: bool = False


def fit(tool: Tool, text: str) -> float:
    """How well a tool fits a text: its name counts most, then its description, then its
    parameters.
    """
    said = set(subjects(text))
    if re.search(r"\d\s*[-+*/\u00d7\u00f7^]\s*\d", text):
        said.add("calculate")
    if re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", text):
        return 100.0
    if strings.is_drawing(tool.name, tool.description) and not strings.is_drawing(text, ""):
        return 0.0
    named = sum(1 / 3 if word == "search" else 1 for word in said & set(subjects(tool.name)))
    told = len(said & set(subjects(tool.description)))
    asked = len(said & set(words_of(tool.parameters)))
    return 3.0 * named + told + 0.5 * asked


def choose(tools: list[Tool], text: str) -> Tool | None:
    """The tool that fits best; None when none fits at all."""
    scores = [fit(tool, text) for tool in tools]
    top = max(scores, default=0.0)
    return tools[scores.index(top)] if top >= 1 else None


def plan(tools: list[Tool], wish: str, *, parallel: bool = True) -> list[Step]:
    """The calls a wish asks for, in order."""
    wish = shortened(wish, LONG_WISH)
    if not tools or DENIES_TOOL.search(wish):
        return []
    steps: list[Step] = []
    for at, stage in enumerate(re.split(ORDERED, _without_quotes(wish)[0])):
        steps += _stage(tools, _with_quotes(stage, wish), steps, waits=at > 0)
    if not steps and ORDERS_TOOL.search(wish):
        return [Step(tools[0], wish)]
    if not steps and (source := _source_of_answers(tools, wish)):
        return [Step(source, wish)]
    if (
        len(steps) == 1
        and len(wish) <= 400
        and not strings.is_drawing(steps[0].tool.name, steps[0].tool.description)
    ):
        return [Step(steps[0].tool, wish)]
    return steps


def _source_of_answers(tools: list[Tool], wish: str) -> Tool | None:
    """The tool that looks things up, for a question that no tool fits by its words and that nobody
    can answer alone.
    """
    asks = re.match(
        r"\W*(?:what|who|when|where|which|why|how|does|do|is|are|did)\b", wish, re.IGNORECASE
    )
    personal = re.search(r"\b(?:you|your|my|me)\b|\d\s*[-+*/]\s*\d", wish, re.IGNORECASE)
    if not asks or personal or "?" not in wish:
        return None
    return next(
        (tool for tool in tools if "search" in subjects(f"{tool.name} {tool.description}")), None
    )


def _without_quotes(text: str) -> tuple[str, list[str]]:
    """The text with each quoted piece replaced by a mark, so that clauses are not split inside
    quotes.
    """
    pieces = [match.group() for match in strings.QUOTED.finditer(text)]
    for at, piece in enumerate(pieces):
        text = text.replace(piece, f"\x00{at}\x00", 1)
    return text, pieces


def _with_quotes(text: str, wish: str) -> str:
    pieces = _without_quotes(wish)[1]
    return re.sub(r"\x00(\d+)\x00", lambda match: pieces[int(match.group(1))], text)


def _stage(tools: list[Tool], text: str, before: list[Step], *, waits: bool) -> list[Step]:
    """The calls of one stage, which may go out together."""
    masked = strings.split_names(_without_quotes(text)[0])
    clauses = [_with_quotes(one, text) for one in re.split(PARALLEL, masked) if one.strip()]
    steps: list[Step] = []
    pending = ""
    for clause in clauses:
        tool = choose(tools, clause)
        same = steps and steps[-1].tool is tool
        if same and fit(steps[-1].tool, steps[-1].text) < 3:
            steps[-1] = Step(steps[-1].tool, f"{steps[-1].text} and {clause}", steps[-1].waits)
            continue
        if tool is None or (same and not _complete(tool, clause)):
            again = _another(steps, clause)
            if again:
                steps.append(again)
            elif steps:
                steps[-1] = Step(steps[-1].tool, f"{steps[-1].text} and {clause}", steps[-1].waits)
            else:
                pending += f"{clause}. "
            continue
        leans = bool(steps or before) and LEANS.search(clause) is not None
        drawing = strings.is_drawing(tool.name, tool.description)
        steps.append(Step(tool, clause if drawing else pending + clause, waits or leans))
        pending = ""
    if not steps and (tool := choose(tools, text)):
        return [Step(tool, text, waits)]
    return steps


def _complete(tool: Tool, clause: str) -> bool:
    """Whether a clause says all that a tool needs: as many numbers as it requires, and
    some words.
    """
    properties = tool.parameters.get("properties") or {}
    needed = [properties.get(name, {}) for name in tool.parameters.get("required") or ()]
    numeric = sum(
        isinstance(one, dict) and one.get("type") in ("integer", "number") for one in needed
    )
    return len(NUMBER.findall(clause)) >= numeric and len(tokens(clause)) > 2


def _another(steps: list[Step], clause: str) -> Step | None:
    """The last call again for another name: ``the weather in Paris and (in) London``."""
    name = re.sub(r"^(?:in|at|for|to|from|of|also)\s+|,?\s*please$", "", clause.strip(" ?.!,"))
    if not steps or not re.fullmatch(strings.PROPER, name):
        return None
    last = steps[-1]
    required = last.tool.parameters.get("required") or []
    kinds = [
        (last.tool.parameters.get("properties") or {}).get(one, {}).get("type") for one in required
    ]
    if kinds.count("string") != 1 or len(kinds) > 1:
        return None
    earlier = strings.fitting(required[0], "", last.text, set())
    return (
        Step(last.tool, last.text.replace(earlier, name), last.waits)
        if earlier in last.text
        else None
    )


def calls_for(request: ChatRequest) -> list[tuple[str, Json]]:
    """The calls to make now: forced ones, or the next of the plan; empty when it is time to answer
    in words.
    """
    tools = request.tools
    if not tools:
        return []
    made = [call["name"] for call in request.calls_made]
    if request.must_call and request.forced_tool:
        tool = next(one for one in tools if one.name == request.forced_tool)
        return [_call(tool, request, Step(tool, request.goal))]
    steps = plan(tools, request.goal)
    left = _left(steps, made)
    if left:
        ready = [left[0]]
        for step in left[1:]:
            if step.waits or not request.parallel:
                break
            ready.append(step)
        return [_call(step.tool, request, step) for step in ready]
    if not request.must_call:
        return []
    fresh = [tool for tool in tools if tool.name not in made] or tools
    text = " ".join([request.goal, *request.results])
    tool = max(fresh, key=lambda one: fit(one, text))
    return [_call(tool, request, Step(tool, text, waits=bool(made)))]


def _left(steps: list[Step], made: list[str]) -> list[Step]:
    """The steps that no call made so far stands for."""
    done = list(made)
    left: list[Step] = []
    for step in steps:
        if step.tool.name in done:
            done.remove(step.tool.name)
        else:
            left.append(step)
    return left


def _call(tool: Tool, request: ChatRequest, step: Step) -> tuple[str, Json]:
    """A call with arguments from the step's words and, when it builds on results, from those."""
    text = step.text
    if step.waits and request.results:
        text = resolved(step, request.results[-1])
        text += _left_numbers(request, text, tool)
    source = Source.of(text)
    source.options = _listed_in(tool.description)
    arguments = fill(tool.parameters, source, tool.parameters)
    return tool.name, arguments if isinstance(arguments, dict) else {}


def _listed_in(description: str) -> dict[str, str]:
    """The named things that a tool's description lists, as lines or as a dictionary."""
    lines = dict(re.findall(r"^(\w+): (.+)$", description, re.MULTILINE))
    shown = [value for _, _, value in documents(description) if isinstance(value, dict)]
    return lines | {str(name): str(told) for value in shown for name, told in value.items()}


def resolved(step: Step, result: str) -> str:
    """The step's words with ``it`` or ``the result`` replaced by what the last tool said, or with
    that added.
    """
    told = " ".join(result.split())[:200].strip(" .")
    if LEANS.search(step.text) and (
        len(told) < 60 or strings.is_drawing(step.tool.name, step.tool.description)
    ):
        return LEANS.sub(lambda _: told, step.text, count=1)
    if strings.is_drawing(step.tool.name, step.tool.description):
        return step.text
    return f"{told}. {step.text}" if len(told) < 60 else f"{step.text}\n{told}"


def _left_numbers(request: ChatRequest, text: str, tool: Tool) -> str:
    """The numbers of the wish that no call has used yet, for a step that has too few of its own."""
    if _complete(tool, text):
        return ""
    spent = NUMBER.findall(" ".join(str(call["arguments"]) for call in request.calls_made) + text)
    return "".join(f" {one}" for one in NUMBER.findall(request.goal) if one not in spent)


def tool_summary(request: ChatRequest) -> str:
    """An answer in words that uses what the tools said; of long results the sentences that fit the
    wish.
    """
    told = unique(" ".join(one.split()).strip() for one in request.results)
    said = " ".join(one if one.endswith((".", "!", "?")) else f"{one}." for one in told if one)
    if len(said) > LONG_RESULT:
        said = from_context("\n".join(request.results), request.goal) or said[:LONG_RESULT]
    return said or "The tools ran and returned nothing."
