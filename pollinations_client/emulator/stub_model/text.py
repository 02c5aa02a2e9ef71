"""Plain talk: a greeting, a sum, something to repeat, what was given or said before, else an honest
echo.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import strings
from .passages import from_context, passages, question
from .words import retold, sentences, subject, tokens

if TYPE_CHECKING:
    from ..gateway.chat_request import ChatRequest

GREETING = re.compile(
    r"^\W*(?:hello|hi|hey|good (?:morning|evening|day)|greetings|hallo|bonjour)\b"
    r"(?:[^?]{0,25}|.{0,20}how are you.{0,12})$",
    re.IGNORECASE,
)
FILLER = frozenset(
    "what is was my i me do did you we the a an of to in it are am tell said say".split()
)
REPEAT = re.compile(
    r"\b(?:say|repeat|reply with|respond with|answer with|return|output|write)\b"
    r"(?: (?:exactly|only|just|the words?|this))*\s*:?\s*(?P<what>.+)",
    re.IGNORECASE | re.DOTALL,
)
ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
SWAPS = {"my": "your", "i": "you", "am": "are", "mine": "yours", "me": "you", "i'm": "you are"}


def reply_to(request: ChatRequest) -> str:
    """An answer to the person's wish."""
    goal = request.goal.strip()
    given = (
        passages(goal)
        or passages(request.system)
        or (request.system if len(request.system) > 300 else "")
    )
    asked = question(goal)
    if given:
        found = from_context(given, asked)
        return found or f"The context does not say anything about {subject(asked)}."
    if GREETING.match(goal):
        return "Hello! How can I help you today?"
    if re.match(r"^\W*(?:thanks|thank you)\b[^?]{0,40}$", goal, re.IGNORECASE):
        return "You are welcome."
    for talk in (repeated, summed):
        if (said := talk(goal)) is not None:
            return said
    if (told := remembered(request, asked)) is not None:
        return told
    if len(goal) > 300 and (found := from_context(goal, asked)):
        return found
    return echo(asked if "\n" in goal else goal, request.model.name)


def echo(goal: str, model: str) -> str:
    """Honest sentences that name the matter, and the model in whose place they are said."""
    return (
        f"You {retold(goal)} The local emulator answers in place of {model}; it only repeats what"
        " it was asked."
    )


def repeated(goal: str) -> str | None:
    """What the person wants said word for word."""
    match = REPEAT.search(goal)
    if match is None or len(goal) > 400:
        return None
    what = match.group("what")
    told = strings.quoted(what)
    if told and match.start() < 60:
        return told[0]
    exact = re.search(
        r"\b(?:reply|respond|answer) with (?:exactly|only|just)|\b(?:say|repeat)\b",
        match.group()[:40],
        re.IGNORECASE,
    )
    if exact is None or not re.match(
        r"\W*(?:please\s+)?(?:just |only )?(?:say|repeat|reply|respond|answer)\b",
        goal,
        re.IGNORECASE,
    ):
        return None
    return (
        re.sub(
            r"^(?:exactly|only|just|the words?|after me|this|with)\b[:\s]*",
            "",
            what,
            flags=re.IGNORECASE,
        )
        .strip()
        .strip(".!")
        or None
    )


def summed(goal: str) -> str | None:
    """The value of the arithmetic in a short prompt."""
    if len(goal) > 200:
        return None
    spelt = re.sub(r"\btimes\b|\u00d7|\bmultiplied by\b", "*", goal, flags=re.IGNORECASE)
    spelt = re.sub(
        r"\bplus\b", "+", re.sub(r"\bminus\b", "-", re.sub(r"\u00f7|\bdivided by\b", "/", spelt))
    )
    found = re.findall(r"\(*\s*-?\d[\d\s.()]*(?:[-+*/%][\s(]*-?\d[\d\s.()]*)+", spelt)
    if not found:
        return None
    expression = max(found, key=len).strip()
    value = _evaluated(expression)
    if value is None:
        return None
    return f"{expression} = {int(value) if value == int(value) else round(value, 6)}"


def _evaluated(expression: str) -> float | None:
    try:
        return _value(ast.parse(expression, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError):
        return None


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in ARITHMETIC:
            return float(ARITHMETIC[type(sign)](_value(left), _value(right)))
        case _:
            raise ValueError(ast.dump(node))


def remembered(request: ChatRequest, asked: str) -> str | None:
    """What was said earlier in the conversation that fits the question, turned round to
    the person.
    """
    told = [
        line
        for role, text in request.earlier
        if role == "user"
        for line in sentences(text)
        if not line.endswith("?")
    ]
    if not told or not re.search(
        r"\b(?:my|i|we|me|did|earlier|before|said|told)\b", asked, re.IGNORECASE
    ):
        return None
    wanted = set(tokens(asked)) - FILLER
    shared = [len(wanted & set(tokens(line))) for line in told]
    if not max(shared):
        return None
    found = told[len(told) - 1 - shared[::-1].index(max(shared))]
    words = [SWAPS.get(word.lower(), word) for word in found.split()]
    return " ".join([words[0].capitalize(), *words[1:]])
