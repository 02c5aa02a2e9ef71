"""Finding the shape that a prompt shows: a JSON schema, an example, a list of keys, a list of
tools.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

from ..gateway.chat_request import Tool
from . import strings
from .words import overlap, sentences, subject

Json = dict[str, Any]
PYTHON_KINDS = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
}
MOST_MISSES = 50
OPENS = re.compile(r"[\[{]")
ANNOUNCES = re.compile(
    r"\b(?:output|answer|response|example|format|form|structure|return|respond|reply|schema|JSON)\b",
    re.IGNORECASE,
)
FORMS = re.compile(r"\b(?:formats?|form|structure|schema|example|like this)\W*$", re.IGNORECASE)
PARAMETER = re.compile(r"(\w+)\s*:\s*(str|int|float|bool|list|dict)\b(\s*=)?")


def documents(text: str) -> Iterator[tuple[int, int, Any]]:
    """Every JSON object or array in a text, outermost only, with where it starts and ends."""
    decoder = json.JSONDecoder()
    at, misses = 0, 0
    while (match := OPENS.search(text, at)) is not None:
        start = match.start()
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            misses += 1
            loose = _loose(text, start) if misses <= MOST_MISSES else None
            if loose is None:
                at = start + 1
                continue
            value, end = loose
        if value:
            yield start, end, value
        at = end


def _loose(text: str, start: int) -> tuple[Any, int] | None:
    """A JSON-like value with bare keys, doubled braces or trailing dots, as examples in prompts
    have.
    """
    depth = 0
    for end in range(start, min(len(text), start + 4000)):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(text[end], 0)
        if depth == 0:
            break
    else:
        return None
    piece = text[start : end + 1].replace("{{", "{").replace("}}", "}")
    piece = re.sub(r"([{,]\s*)([A-Za-z_]\w*)\s*:", r'\1"\2":', piece)
    piece = re.sub(r",?\s*\.\.\.\s*(?=[\]}])", "", piece)
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(piece)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        return (value, end + 1) if isinstance(value, dict | list) else None
    return None


def schema_in(text: str) -> tuple[Json, str] | None:
    """The last JSON schema in a text, and the text without it."""
    found = None
    for start, end, value in documents(text):
        if isinstance(value, dict) and (
            isinstance(value.get("properties"), dict) or "$defs" in value
        ):
            found = value, text[:start] + text[end:]
    return found


def example_in(text: str, announces: re.Pattern[str] | None = None) -> tuple[Any, str] | None:
    """The last JSON example in a text, one that is announced as output before any other, and the
    text without it.
    """
    announced: tuple[Any, str] | None = None
    plain: tuple[Any, str] | None = None
    for start, end, value in documents(text):
        first = value[0] if isinstance(value, list) else value
        if not isinstance(first, dict):
            continue
        plain = value, text[:start] + text[end:]
        leading = re.sub(r"(?:```\w*\s*)?$", "", text[:start].rstrip()).rstrip()
        if (announces or ANNOUNCES).search(leading[leading.rfind("\n") + 1 :]):
            announced = plain
    if (
        announced is None
        and announces is None
        and re.search(r"\b(?:like this|such as|following|structure)\b", text, re.IGNORECASE)
    ):
        return plain
    return announced


def schema_like(example: Any) -> Json:
    """A schema that the example fits."""
    match example:
        case dict():
            properties = {key: schema_like(value) for key, value in example.items()}
            return {"type": "object", "properties": properties, "required": list(example)}
        case list():
            return {
                "type": "array",
                "items": schema_like(example[0]) if example else {"type": "string"},
                "minItems": 1,
            }
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case None:
            return {"type": "null"}
        case str() if re.fullmatch(r"<?\W*(?:int|integer|number|float)\W*>?", example):
            return {"type": "number"}
        case str() if "|" in example:
            return {"enum": [one.strip() for one in example.split("|")]}
        case _:
            return {"type": "string"}


def keys_in(text: str) -> list[str]:
    """The keys that a prompt names, in quotes or after the word."""
    around = [
        one
        for one in sentences(text)
        if re.search(r"\b(?:keys?|fields?|propert(?:y|ies)|JSON)\b", one, re.IGNORECASE)
    ]
    named = [
        one
        for line in around
        for one in strings.quoted(line)
        if re.fullmatch(r"[A-Za-z_][\w -]*", one)
    ]
    if named:
        return list(dict.fromkeys(named))
    for line in around:
        match = re.search(
            r"\b(?:keys?|fields?|propert(?:y|ies))\b\s*:?\s*(?:are\s+)?([A-Za-z_]\w*(?:,\s*[A-Za-z_]\w*)*(?:,?\s+and\s+[A-Za-z_]\w*)?)",
            line,
        )
        if match:
            return [one for one in re.split(r",\s*(?:and\s+)?|\s+and\s+", match.group(1)) if one]
    return []


def by_tools(text: str, example: Any) -> Json | None:
    """Sub-questions, one per tool: a prompt that lists tools as JSON and shows items with a tool's
    name in them.
    """
    items = (
        next((value for value in example.values() if isinstance(value, list)), None)
        if isinstance(example, dict)
        else None
    )
    if not items or not isinstance(items[0], dict):
        return None
    key = next((one for one in items[0] if "tool" in one), None)
    tail = text[text.rfind("Tools") :]
    listed = next((value for _, _, value in documents(tail) if isinstance(value, dict)), None)
    if key is None or listed is None:
        return None
    question = next(iter(re.findall(r"User Question>?:?\s*\n?(.+)", tail)), subject(text))
    fitting = [
        name for name, told in listed.items() if overlap(f"{name} {told}", question)
    ] or list(listed)
    name_of = next(iter(example))
    return {
        name_of: [
            {
                one: name if one == key else _part(question, name, str(listed[name]))
                for one in items[0]
            }
            for name in fitting
        ]
    }


def _part(question: str, name: str, told: str) -> str:
    return f"{question.strip().rstrip('?')} (as to {told or name})?"


def sections(text: str) -> dict[str, str]:
    """``## Title`` or ``Title:`` sections of a prompt."""
    marks = list(re.finditer(r"^(?:#+\s*([^\n]+)|([A-Z][\w ]{2,30}):)[ \t]*", text, re.MULTILINE))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return {
        (mark.group(1) or mark.group(2)).strip(" :#"): text[mark.end() : end].strip()
        for mark, end in zip(marks, ends, strict=True)
    }


def react_tools(text: str) -> list[Tool]:
    """The tools that a ReAct prompt lists."""
    tools = []
    for name, told, args in re.findall(
        r"> ?Tool Name:\s*(.+)\n(?:> ?)?Tool Description:\s*([\s\S]*?)\n(?:> ?)?Tool"
        r" Args:\s*(\{.*\})",
        text,
    ):
        try:
            parameters = json.loads(args)
        except ValueError:
            parameters = {}
        tools.append(Tool(name.strip(), told.strip(), parameters))
    if tools:
        return tools
    names = re.search(r"one of \[([^\]]+)\]", text)
    wanted = [one.strip(" '\"") for one in names.group(1).split(",")] if names else []
    for name in wanted:
        line = re.search(
            rf"^{re.escape(name)}\s*(\([^)]*\))?\s*(?:->\s*\S+)?\s*[-:]\s*(.*)$", text, re.MULTILINE
        )
        tools.append(
            Tool(name, line.group(2) if line else "", _signature(line.group(1) if line else None))
        )
    return tools


def _signature(text: str | None) -> Json:
    """The parameters of a Python signature; a single one is given bare, without JSON round it."""
    found = PARAMETER.findall(text or "")
    properties = {name: {"type": PYTHON_KINDS[kind]} for name, kind, _ in found}
    required = [name for name, _, default in found if not default]
    return (
        {"type": "object", "properties": properties, "required": required, "bare": len(found) < 2}
        if found
        else {}
    )


def react_state(whole: str, goal: str) -> tuple[str, list[str]]:
    """The question and the observations since."""
    observed = re.findall(
        r"^Observation:\s*(.*?)(?=^\s*(?:Thought|Action|Observation):|\Z)",
        whole,
        re.MULTILINE | re.DOTALL,
    )
    asked = re.findall(r"^Question:\s*(.+)", whole, re.MULTILINE)
    begins = whole.rfind("Begin!")
    if begins >= 0:
        tail = whole[begins:]
        asked = re.findall(r"^Question:\s*(.+)", tail, re.MULTILINE)
        observed = re.findall(
            r"^Observation:\s*(.*?)(?=^\s*(?:Thought|Action|Observation):|\Z)",
            tail,
            re.MULTILINE | re.DOTALL,
        )
        return (asked[-1] if asked else goal), [one.strip() for one in observed if one.strip()]
    return goal, [one.strip() for one in observed if one.strip() and "tool response" not in one]
