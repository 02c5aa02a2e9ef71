"""Give the tool calls of a history ids that the provider of the model takes.

A history goes to other models than the one that wrote it. Kimi's ids are ``functions.draw:0``,
some models count anew in each turn, and LlamaIndex's Gemini class uses the tool's name. Anthropic
answers 400 to an id that comes twice ("tool_use ids must be unique") or holds another character
(BerriAI/litellm issue 23510, maximhq/bifrost issue 5097), OpenAI to one that is longer, and Mistral
to all but nine letters and digits (langchain's pull 24668, openclaw/openclaw issue 52548). Where no
rule is known, ids stay as they are.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..catalog.catalog import AskedModel

__all__ = ["CallIdRules", "keeps_rules", "rules_of", "with_valid_ids"]

MAX_OPENAI_LENGTH = 40
MISTRAL_LENGTH = 9
INVALID_CHARACTER = re.compile(r"[^a-zA-Z0-9_-]")

Message = Mapping[str, Any]


class CallIdRules(NamedTuple):
    """What a provider demands besides distinct ids within a turn."""

    is_strict: bool = False
    """No id comes twice in a history, and all are of letters, digits, ``_`` and ``-``."""
    max_length: int = sys.maxsize
    is_mistrals: bool = False
    """All are nine letters and digits."""


def rules_of(model: AskedModel) -> CallIdRules:
    """The rules of the model's provider."""
    if model.has_trait("short_call_ids"):
        return CallIdRules(max_length=MAX_OPENAI_LENGTH)
    if model.has_trait("mistral_call_ids"):
        return CallIdRules(is_mistrals=True)
    return CallIdRules(is_strict=model.has_trait("strict_call_ids"))


def keeps_rules(call_ids: Sequence[Any], rules: CallIdRules) -> bool:
    """Whether the ids of all calls of a history can stay."""
    # With C's loops, not ours: this runs over all of a history with every step of an agent.
    if not set(map(type, call_ids)) <= {str}:
        return False
    if max(map(len, call_ids), default=0) > rules.max_length:
        return False
    if rules.is_mistrals:
        joined = "".join(call_ids)
        has_length = set(map(len, call_ids)) <= {MISTRAL_LENGTH}
        return has_length and (not joined or (joined.isalnum() and joined.isascii()))
    if not rules.is_strict:
        return True
    is_distinct = len(set(call_ids)) == len(call_ids)
    return is_distinct and INVALID_CHARACTER.search("".join(call_ids)) is None


def with_valid_ids(messages: Sequence[Message], rules: CallIdRules) -> list[Message]:
    """``messages`` with calls whose ids keep the rules, and results that name them.

    Results of one id answer the calls of the nearest turn with that id, in order. New ids depend on
    earlier messages alone, so that a conversation reads the same on every turn and stays in the
    providers' caches.
    """
    used_ids: set[str] = set()
    waiting: dict[Any, list[str]] = {}  # by a call's own id
    renamed: list[Message] = []
    for message in messages:
        if message["role"] == "assistant" and "tool_calls" in message:
            if not rules.is_strict:
                used_ids = set()
            turn: dict[Any, list[str]] = {}
            calls = []
            for call in message["tool_calls"]:
                wire_id = _unused_id(call["id"], used_ids, rules)
                used_ids.add(wire_id)
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


def _unused_id(call_id: Any, used_ids: set[str], rules: CallIdRules) -> str:
    """The id as it is, or the nearest one that keeps the rules and is not used yet."""
    base = str(call_id)
    if rules.is_mistrals and not keeps_rules([call_id], rules):
        base = _mistral_id(base)
    if rules.is_strict:
        base = INVALID_CHARACTER.sub("_", base)
    candidate = base = base[: rules.max_length]
    number = 1
    while candidate in used_ids:
        number += 1
        ending = f"_{number}"
        candidate = base[: rules.max_length - len(ending)] + ending
        if rules.is_mistrals:
            candidate = _mistral_id(candidate)
    return candidate


def _mistral_id(text: str) -> str:
    """Nine letters and digits that stand for any text."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:MISTRAL_LENGTH]
