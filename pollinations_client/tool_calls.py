"""Which call a fragment belongs to: tool-call deltas from any provider, folded into whole calls.

Seen behind this gateway and gateways like it: fragments with index and id on the first only; id and name on every
fragment; whole calls at once, all of index 0; no index; no id; an index as a string; calls interleaved; arguments as
an object or ``null``. An id that is not empty decides; then the index; then whether the call so far is complete.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from pydantic_core import from_json

from .reply import ToolCall, ToolCallDelta

KNOWN = frozenset({"id", "type", "index", "function"})
KNOWN_FUNCTION = frozenset({"name", "arguments"})


class _Slot:
    __slots__ = ("call", "given_id", "pieces")

    def __init__(self, index: int) -> None:
        self.call = ToolCall(id="", name="", index=index)
        self.given_id = ""
        self.pieces: list[str] = []

    def arguments(self) -> str:
        if len(self.pieces) > 1:
            self.pieces[:] = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""

    def is_whole(self) -> bool:
        try:
            return isinstance(from_json(self.arguments()), dict)
        except ValueError:
            return False


class ToolCallFold:
    """Fragments in, whole calls out. Every fragment is answered with what is new in it."""

    __slots__ = ("_by_id", "_by_index", "_slots")

    def __init__(self) -> None:
        self._slots: list[_Slot] = []
        self._by_index: dict[Any, _Slot] = {}
        self._by_id: dict[str, _Slot] = {}

    @property
    def began(self) -> bool:
        """Whether any call has begun."""
        return bool(self._slots)

    def calls(self) -> list[ToolCall]:
        """The calls so far, in the order they began."""
        for slot in self._slots:
            slot.call.arguments = slot.arguments()
        return [slot.call for slot in self._slots]

    def feed(self, entry: dict[str, Any]) -> ToolCallDelta | None:
        """Take in one entry of a ``tool_calls`` list; ``None`` where it only repeats what is known."""
        function = entry.get("function")
        if type(function) is not dict:
            function = {}
        arguments = _text_of(function.get("arguments"))
        name, given_id = function.get("name") or "", entry.get("id") or ""
        if not name and not given_id and len(entry) == 2 and (slot := self._by_index.get(entry.get("index"))):
            slot.pieces.append(arguments)  # the common fragment
            return ToolCallDelta(slot.call.index, arguments)
        name, given_id = str(name), str(given_id)
        slot, is_new = self._slot_for(_index_of(entry.get("index")), given_id, name, arguments)
        if not is_new and given_id and arguments and arguments == slot.arguments() and slot.is_whole():
            arguments = ""  # the whole call again, in the closing chunk
        if given_id and not slot.given_id:
            slot.given_id = given_id
            self._by_id[given_id] = slot
        new_name = name if name and not slot.call.name else None
        slot.call.name = slot.call.name or name
        slot.call.id = slot.call.id or given_id or f"call_{uuid.uuid4().hex[:24]}"
        if arguments:
            slot.pieces.append(arguments)
        extra = _unknown(entry, function)
        slot.call.extra.update(extra)
        if not (is_new or new_name or arguments or extra):
            return None
        return ToolCallDelta(slot.call.index, arguments, slot.call.id if is_new else None, new_name, extra or None)

    def _slot_for(self, index: Any, given_id: str, name: str, arguments: str) -> tuple[_Slot, bool]:
        if given_id and (slot := self._by_id.get(given_id)):
            return slot, False
        slot = self._by_index.get(index) if index is not None else (self._slots[-1] if self._slots else None)
        if slot is not None and not _begins_another(slot, given_id, name, arguments, indexed=index is not None):
            return slot, False
        slot = _Slot(len(self._slots))
        self._slots.append(slot)
        if index is not None:
            self._by_index[index] = slot
        return slot, True


def _begins_another(slot: _Slot, given_id: str, name: str, arguments: str, *, indexed: bool) -> bool:
    if given_id and slot.given_id:
        return True  # another id: the same one was looked up before
    if given_id and not indexed:
        return True
    if not name or not slot.call.name:
        return False
    if name != slot.call.name:
        return True
    return arguments.lstrip()[:1] == "{" and slot.is_whole()


def _index_of(given: Any) -> Any:
    if isinstance(given, str) and given.strip().isdigit():
        return int(given)
    return given if isinstance(given, (int, str)) and given != "" else None


def _text_of(arguments: Any) -> str:
    if arguments is None:
        return ""
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False)


def _unknown(entry: dict[str, Any], function: dict[str, Any]) -> dict[str, Any]:
    """Fields to echo with the next turn, such as Gemini's thought signature; those of ``function`` under that name."""
    extra = {name: value for name, value in entry.items() if name not in KNOWN and value is not None}
    inner = {name: value for name, value in function.items() if name not in KNOWN_FUNCTION and value is not None}
    return {**extra, "function": inner} if inner else extra
