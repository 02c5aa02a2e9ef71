"""Put tool results where every provider wants them: right behind the turn that made the calls.

A run that was cancelled, or that hit its limit of iterations, leaves calls without results in its
history. Providers refuse such a history with 400 for ever ("must be followed by tool messages"), so
a call without a result is answered here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from .call_ids import CallIdRules, keeps_rules, with_valid_ids

__all__ = ["NO_RESULT", "ids_in", "is_in_order", "with_every_call_answered"]

log = logging.getLogger("pollinations_client")

NO_RESULT = "[no result: interrupted]"

Message = Mapping[str, Any]


def with_every_call_answered(messages: Sequence[Message], rules: CallIdRules) -> list[Message]:
    """``messages`` with one result for each call, directly behind its turn, and ids by the rules.

    A result belongs to the nearest turn before it that made a call of its id: ids such as
    ``call_0`` come back in later turns. A result that answers no call stays where it is.
    """
    messages = with_valid_ids(messages, rules)
    results, displaced = _results_by_turn(messages)
    ordered: list[Message] = []
    for index, message in enumerate(messages):
        if index in displaced:
            continue
        ordered.append(message)
        if index in results:
            ordered += _complete(message["tool_calls"], results[index])
    return ordered


def ids_in(message: Message) -> Any:
    """The ids of a turn's calls, as a list, or the id that a result answers; else None."""
    if message["role"] == "tool":
        return message["tool_call_id"]
    if message["role"] == "assistant" and "tool_calls" in message:
        return [call["id"] for call in message["tool_calls"]]
    return None


def is_in_order(tool_turns: Mapping[int, Any], rules: CallIdRules) -> bool:
    """Whether every call has one result behind its turn, and a valid id: what agents write.

    ``tool_turns`` has what ``ids_in`` finds, by the index in the history.
    """
    call_ids: list[Any] = []
    waiting: set[Any] = set()
    last_index = -1
    for index, ids in tool_turns.items():
        if type(ids) is list:
            if waiting:
                return False
            waiting.update(ids)
            if len(waiting) < len(ids):
                return False
            call_ids += ids
        elif index != last_index + 1 or ids not in waiting:
            return False
        else:
            waiting.remove(ids)
        last_index = index
    return not waiting and keeps_rules(call_ids, rules)


def _results_by_turn(messages: Sequence[Message]) -> tuple[dict[int, list[Message]], set[int]]:
    """The results of every turn with calls, by the turn's index, and the indices of the results."""
    results: dict[int, list[Message]] = {}
    turn_of_call: dict[str, int] = {}
    displaced: set[int] = set()
    for index, message in enumerate(messages):
        if message["role"] == "assistant" and "tool_calls" in message:
            results[index] = []
            turn_of_call.update((call["id"], index) for call in message["tool_calls"])
        elif message["role"] == "tool" and message["tool_call_id"] in turn_of_call:
            results[turn_of_call[message["tool_call_id"]]].append(message)
            displaced.add(index)
    return results, displaced


def _complete(calls: Sequence[Mapping[str, Any]], results: list[Message]) -> list[Message]:
    answered_ids = {result["tool_call_id"] for result in results}
    missing = [call["id"] for call in calls if call["id"] not in answered_ids]
    if missing:
        log.info("%s tool calls of the history have no result; they are sent as such", len(missing))
    placeholders = [
        {"role": "tool", "tool_call_id": call_id, "content": NO_RESULT} for call_id in missing
    ]
    return [*results, *placeholders]
