"""Which call a fragment belongs to: tool-call deltas from any provider, folded into whole calls.

Seen behind this gateway and gateways like it: fragments with index and id on the first only; id and
name on every fragment; whole calls at once, all of index 0; no index; no id; one id for several
calls; an index as a string; calls interleaved; arguments as an object or ``null``. An id that is
not empty decides, unless the entry cannot belong to that call; then the index; then whether the
call so far is complete.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from pydantic_core import from_json

from ..errors import number_in
from ..reply import ToolCall, ToolCallDelta

KNOWN = frozenset({"id", "type", "index", "function"})
KNOWN_FUNCTION = frozenset({"name", "arguments"})


class _Slot:
    __slots__ = ("call", "given_id", "given_index", "pieces")

    def __init__(self, place: int, given_index: Any = None) -> None:
        self.call = ToolCall(id="", name="", index=place)
        self.given_id = ""
        self.given_index = given_index
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


class ToolCallDecoder:
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

    def feed(self, entries: list[Any], *, each_is_whole: bool = False) -> list[ToolCallDelta]:
        """Take in a ``tool_calls`` list; an entry that only repeats what is known gives no event.

        ``each_is_whole``: the list is of a whole message, so that every entry is a call of its own.
        """
        events: list[ToolCallDelta] = []
        taken: list[_Slot] = []
        for entry in entries:
            if (
                type(entry) is dict
                and (event := self._entry(entry, taken if each_is_whole else None)) is not None
            ):
                events.append(event)
        return events

    def _entry(self, entry: dict[str, Any], taken: list[_Slot] | None) -> ToolCallDelta | None:
        function = entry.get("function")
        if type(function) is not dict:
            function = {}
        arguments = _text_of(function.get("arguments"))
        name, given_id = function.get("name") or "", entry.get("id") or ""
        known = self._by_index.get(index) if type(index := entry.get("index")) is int else None
        if known is not None and not name and not given_id and len(entry) == 2:
            known.pieces.append(arguments)  # the common fragment
            return ToolCallDelta(known.call.index, arguments)
        name, given_id = str(name), str(given_id)
        slot, is_new = self._slot_for(
            _index_of(entry.get("index")), given_id, name, arguments, taken or []
        )
        if taken is not None:
            taken.append(slot)
        if (
            not is_new
            and given_id
            and arguments
            and arguments == slot.arguments()
            and slot.is_whole()
        ):
            arguments = ""  # the whole call again, in the closing chunk
        self._identify(slot, given_id)
        new_name = name if name and not slot.call.name else None
        slot.call.name = slot.call.name or name
        if arguments:
            slot.pieces.append(arguments)
        extra = _unknown(entry, function)
        slot.call.extra.update(extra)
        if not (is_new or new_name or arguments or extra):
            return None
        return ToolCallDelta(
            slot.call.index, arguments, slot.call.id if is_new else None, new_name, extra or None
        )

    def _identify(self, slot: _Slot, given_id: str) -> None:
        """The id of the call; made up where the provider gives none, or one that another call has
        already.
        """
        is_free = given_id not in self._by_id
        if given_id and not slot.given_id:
            slot.given_id = given_id
            self._by_id[given_id] = slot
        slot.call.id = (
            slot.call.id or (given_id if is_free else "") or f"call_{uuid.uuid4().hex[:24]}"
        )

    def _slot_for(
        self, index: Any, given_id: str, name: str, arguments: str, taken: list[_Slot]
    ) -> tuple[_Slot, bool]:
        at_index = self._by_index.get(index) if index is not None else None
        if given_id and at_index is not None and at_index.given_id == given_id:
            slot: _Slot | None = at_index
        else:
            slot = self._by_id.get(given_id)
        if slot is not None:
            continues = not _repeats_id(slot, index, name, arguments)
        else:
            slot = at_index if index is not None else (self._slots[-1] if self._slots else None)
            continues = slot is not None and not _begins_another(
                slot, given_id, name, arguments, indexed=index is not None
            )
        if slot is not None and continues and not any(slot is one for one in taken):
            return slot, False
        slot = _Slot(len(self._slots), index)
        self._slots.append(slot)
        if index is not None:
            self._by_index[index] = slot
        return slot, True


def _repeats_id(slot: _Slot, index: Any, name: str, arguments: str) -> bool:
    """Whether an entry with the id of ``slot`` is another call nevertheless: some providers give
    one id to several.
    """
    if not name or not slot.call.name:
        return False
    if name != slot.call.name:
        return True
    if index is not None and slot.given_index is not None and index != slot.given_index:
        return not slot.arguments() or slot.is_whole()
    return arguments.lstrip()[:1] == "{" and slot.is_whole() and arguments != slot.arguments()


def _begins_another(
    slot: _Slot, given_id: str, name: str, arguments: str, *, indexed: bool
) -> bool:
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
    if isinstance(given, str) and (number := number_in(given)) is not None:
        return number
    return given if isinstance(given, (int, str)) and given != "" else None


def _text_of(arguments: Any) -> str:
    if arguments is None:
        return ""
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False)


def _unknown(entry: dict[str, Any], function: dict[str, Any]) -> dict[str, Any]:
    """Fields to echo with the next turn, such as Gemini's thought signature; those of ``function``
    under that name.
    """
    extra = {
        name: value for name, value in entry.items() if name not in KNOWN and value is not None
    }
    inner = {
        name: value
        for name, value in function.items()
        if name not in KNOWN_FUNCTION and value is not None
    }
    return {**extra, "function": inner} if inner else extra
