"""Give every tool call of a history an id of its own, in letters that every provider takes.

A history goes to other models than the one that wrote it. Kimi's ids are ``functions.draw:0``,
some models count anew in each turn, and LlamaIndex's Gemini class uses the tool's name. Anthropic
answers 400 to an id that comes twice ("tool_use ids must be unique") or holds another character
(BerriAI/litellm issue 23510, maximhq/bifrost issue 5097), and OpenAI to one that is longer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["are_distinct", "with_distinct_ids"]

MAX_ID_LENGTH = 40
INVALID_CHARACTER = re.compile(r"[^a-zA-Z0-9_-]")

Message = Mapping[str, Any]


def are_distinct(call_ids: Sequence[Any], *, takes_any_form: bool) -> bool:
    """Whether ids can stay: none comes twice, and all are valid."""
    if len(set(call_ids)) != len(call_ids):
        return False
    if takes_any_form or not call_ids:
        return True
    if not set(map(type, call_ids)) <= {str} or max(map(len, call_ids)) > MAX_ID_LENGTH:
        return False
    # One search for all of a history's ids: this runs with every step of an agent.
    return INVALID_CHARACTER.search("".join(call_ids)) is None


def with_distinct_ids(messages: Sequence[Message], *, takes_any_form: bool) -> list[Message]:
    """``messages`` with distinct ids of calls, and results that name them.

    Results of one id answer the calls of the nearest turn with that id, in order. New ids depend on
    earlier messages alone, so that a conversation reads the same on every turn and stays in the
    providers' caches. With ``takes_any_form`` an id that comes once stays as it is.
    """
    taken: set[str] = set()
    waiting: dict[Any, list[str]] = {}  # by a call's own id
    renamed: list[Message] = []
    for message in messages:
        if message["role"] == "assistant" and "tool_calls" in message:
            turn: dict[Any, list[str]] = {}
            calls = []
            for call in message["tool_calls"]:
                wire_id = _free_id(call["id"], taken, takes_any_form)
                taken.add(wire_id)
                turn.setdefault(call["id"], []).append(wire_id)
                calls.append({**call, "id": wire_id})
            waiting |= turn
            message = {**message, "tool_calls": calls}
        elif message["role"] == "tool" and (wire_ids := waiting.get(message["tool_call_id"])):
            message = {**message, "tool_call_id": wire_ids[0]}
            if len(wire_ids) > 1:
                del wire_ids[0]
        renamed.append(message)
    return renamed


def _free_id(call_id: Any, taken: set[str], takes_any_form: bool) -> str:
    """The id as it is, or the nearest valid one that no earlier call has."""
    wish = str(call_id)
    if not takes_any_form:
        wish = INVALID_CHARACTER.sub("_", wish)[:MAX_ID_LENGTH]
    free, number = wish, 1
    while free in taken:
        number += 1
        ending = f"_{number}"
        free = wish[: MAX_ID_LENGTH - len(ending)] + ending
    return free
