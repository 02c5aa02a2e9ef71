"""Put fragments of tool calls together to whole calls, whatever provider they come from.

Seen behind this gateway and gateways like it: fragments with index and id on the first only; id and
name on every fragment; whole calls at once, all of index 0; no index; no id; one id for several
calls; an index as a string; calls interleaved; arguments as an object or ``null``. An id that is
not empty decides, unless the entry cannot belong to that call; then the index; then whether the
call so far is complete.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import number_in
from ..lenient_json import BracketCounter, parse_json
from ..reply import ToolCall, ToolCallDelta

READ_FIELDS = frozenset({"id", "type", "index", "function"})
READ_FUNCTION_FIELDS = frozenset({"name", "arguments"})


class Arguments:
    """The arguments of one call in pieces, and whether they are a whole object yet.

    Each character is looked at once, however often somebody asks: with id and name on every
    fragment the question comes with each of them.
    """

    __slots__ = ("_brackets", "_is_closed", "_is_object", "_pieces", "_scanned", "length")

    def __init__(self) -> None:
        self.length = 0
        self._pieces: list[str] = []
        self._scanned = 0  # pieces that ``is_whole`` has looked at
        self._brackets = BracketCounter()
        self._is_closed = False
        self._is_object: bool | None = None  # of what closed; None while nobody asked

    def append(self, text: str) -> None:
        """Add a piece."""
        if text:
            self._pieces.append(text)
            self.length += len(text)

    def text(self) -> str:
        """All pieces, joined."""
        return "".join(self._pieces)

    def equals(self, text: str) -> bool:
        """Whether the arguments so far are ``text``."""
        return self.length == len(text) and self.text() == text

    def is_whole(self) -> bool:
        """Whether the arguments so far are one JSON object."""
        for piece in self._pieces[self._scanned :]:
            self._scan(piece)
        self._scanned = len(self._pieces)
        if self._is_closed and self._is_object is None:
            try:
                self._is_object = isinstance(parse_json(self.text()), dict)
            except ValueError:
                self._is_object = False
        return bool(self._is_object)

    def _scan(self, piece: str) -> None:
        end: int | None = 0
        if not self._is_closed:
            end = self._brackets.end_in(piece, 0)
            self._is_closed = end is not None
        # Behind the bracket that closes the outermost object only white space may follow.
        if self._is_closed and piece[end:].strip():
            self._is_object = False


@dataclass(slots=True)
class _Fragment:
    """One entry of a ``tool_calls`` list, read; what it does not say is empty."""

    index: int | str | None
    id: str
    name: str
    arguments: str
    extra: dict[str, Any]

    @property
    def opens_object(self) -> bool:
        """Whether the arguments begin an object."""
        return self.arguments.lstrip()[:1] == "{"


class _Slot:
    """A call that is being put together, and what identified it on the wire."""

    __slots__ = ("arguments", "call", "wire_id", "wire_index")

    def __init__(self, number: int, wire_index: int | str | None) -> None:
        self.call = ToolCall(id="", name="", index=number)
        self.arguments = Arguments()
        self.wire_id = ""
        self.wire_index = wire_index


class ToolCallDecoder:
    """Fragments in; ``calls`` gets each call when it begins, and its arguments by ``join``.

    Every fragment is answered with what is new in it. ``own_names`` gives a tool's own name for the
    one it had on the wire.
    """

    __slots__ = ("_by_id", "_by_index", "_calls", "_own_names", "_slots")

    def __init__(self, calls: list[ToolCall], own_names: Mapping[str, str] | None = None) -> None:
        self._calls = calls
        self._own_names = own_names
        self._slots: list[_Slot] = []
        self._by_index: dict[int | str, _Slot] = {}
        self._by_id: dict[str, _Slot] = {}

    def join(self) -> None:
        """Join the arguments that came so far."""
        for slot in self._slots:
            slot.call.arguments = slot.arguments.text()

    def feed(self, entries: list[Any], *, each_is_whole: bool = False) -> list[ToolCallDelta]:
        """Take in a ``tool_calls`` list; an entry that only repeats what is known gives no event.

        ``each_is_whole``: the list is of a whole message, so that every entry is a call of its own.
        """
        events: list[ToolCallDelta] = []
        if self._own_names:
            entries = [_with_own_name(entry, self._own_names) for entry in entries]
        # In a whole message an entry cannot go on with a call that another entry has begun.
        begun_calls: set[int] = set()
        for entry in entries:
            if self.is_common(entry):
                events.append(self.feed_arguments(entry["index"], entry["function"]["arguments"]))
            elif type(entry) is dict:
                if event := self._add(_read_entry(entry), begun_calls):
                    events.append(event)
                if not each_is_whole:
                    begun_calls.clear()
        return events

    def is_common(self, entry: Any) -> bool:
        """Whether an entry is arguments of a known index and nothing else: what nearly all are."""
        if type(entry) is not dict or len(entry) != 2:
            return False
        function = entry.get("function")
        if type(function) is not dict or len(function) != 1:
            return False
        index = entry.get("index")
        is_known = type(index) is int and index in self._by_index
        return is_known and type(function.get("arguments")) is str

    def feed_arguments(self, index: int, text: str) -> ToolCallDelta:
        """A common fragment, by its index on the wire."""
        slot = self._by_index[index]
        slot.arguments.append(text)
        return ToolCallDelta(slot.call.index, text)

    def _add(self, fragment: _Fragment, begun_calls: set[int]) -> ToolCallDelta | None:
        slot, is_new = self._slot_for(fragment, begun_calls)
        begun_calls.add(slot.call.index)
        call, arguments = slot.call, fragment.arguments
        if not is_new and fragment.id and arguments and _repeats_arguments(slot, arguments):
            arguments = ""  # the whole call again, in the closing chunk
        self._identify(slot, fragment.id)
        new_name = None
        if not call.name and fragment.name:
            call.name = new_name = fragment.name
        slot.arguments.append(arguments)
        call.extra.update(fragment.extra)
        if not (is_new or new_name or arguments or fragment.extra):
            return None
        new_id = None
        if is_new:
            new_id = call.id
        return ToolCallDelta(call.index, arguments, new_id, new_name, fragment.extra or None)

    def _identify(self, slot: _Slot, wire_id: str) -> None:
        """The id of the call; made up where the provider gives none, or one that another call has
        already.
        """
        is_free = wire_id not in self._by_id
        if wire_id and not slot.wire_id:
            slot.wire_id = wire_id
            self._by_id[wire_id] = slot
        if not slot.call.id and wire_id and is_free:
            slot.call.id = wire_id
        slot.call.id = slot.call.id or f"call_{uuid.uuid4().hex[:24]}"

    def _slot_for(self, fragment: _Fragment, begun_calls: set[int]) -> tuple[_Slot, bool]:
        slot = self._continued(fragment)
        if slot is not None and slot.call.index not in begun_calls:
            return slot, False
        slot = _Slot(len(self._slots), fragment.index)
        self._slots.append(slot)
        self._calls.append(slot.call)
        if fragment.index is not None:
            self._by_index[fragment.index] = slot
        return slot, True

    def _continued(self, fragment: _Fragment) -> _Slot | None:
        """The call that a fragment goes on with; None if it begins one."""
        index = fragment.index
        at_index: _Slot | None = None
        if index is not None:
            at_index = self._by_index.get(index)
        if at_index is not None and fragment.id and at_index.wire_id == fragment.id:
            same_id: _Slot | None = at_index
        else:
            same_id = self._by_id.get(fragment.id)
        if same_id is not None and _repeats_id(same_id, fragment):
            return None
        if same_id is not None:
            return same_id
        slot = at_index
        if index is None and self._slots:
            slot = self._slots[-1]
        if slot is None or _begins_another(slot, fragment):
            return None
        return slot


def _with_own_name(entry: Any, own_names: Mapping[str, str]) -> Any:
    """One entry of ``tool_calls``, whole or a fragment, with the name looked up in ``own_names``.

    A tool's name that the wire does not allow was sent under another: see
    ``request/tool_names.py``. An entry without a name, or of another shape, is returned as it is.
    """
    match entry:
        case {"function": {"name": str(name), **function}} if name in own_names:
            return {**entry, "function": {**function, "name": own_names[name]}}
    return entry


def _read_entry(entry: dict[str, Any]) -> _Fragment:
    function = entry.get("function")
    if type(function) is not dict:
        function = {}
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str):
        name = ""
    if arguments is None:
        arguments = ""
    elif not isinstance(arguments, str):
        # Ollama's form of a call, which gateways pass on: the arguments as an object.
        arguments = json.dumps(arguments, ensure_ascii=False)
    return _Fragment(
        index=_index_from(entry.get("index")),
        id=_id_from(entry.get("id")),
        name=name,
        arguments=arguments,
        extra=_extra_fields(entry, function),
    )


def _index_from(value: Any) -> int | str | None:
    if isinstance(value, str) and (number := number_in(value)) is not None:
        return number
    if isinstance(value, (int, str)) and value != "":
        return value
    return None


def _id_from(value: Any) -> str:
    if isinstance(value, int | str) and not isinstance(value, bool):
        return str(value)
    return ""


def _extra_fields(entry: dict[str, Any], function: dict[str, Any]) -> dict[str, Any]:
    """Fields to echo with the next turn, such as Gemini's thought signature; those of ``function``
    under that name.
    """
    extra = {
        name: value
        for name, value in entry.items()
        if name not in READ_FIELDS and value is not None
    }
    function_extra = {
        name: value
        for name, value in function.items()
        if name not in READ_FUNCTION_FIELDS and value is not None
    }
    if function_extra:
        extra["function"] = function_extra
    return extra


def _repeats_arguments(slot: _Slot, arguments: str) -> bool:
    return slot.arguments.equals(arguments) and slot.arguments.is_whole()


def _repeats_id(slot: _Slot, fragment: _Fragment) -> bool:
    """Whether an entry with the id of ``slot`` is another call nevertheless: some providers give
    one id to several.
    """
    if not fragment.name or not slot.call.name:
        return False
    if fragment.name != slot.call.name:
        return True
    if None not in (fragment.index, slot.wire_index) and fragment.index != slot.wire_index:
        return slot.arguments.length == 0 or slot.arguments.is_whole()
    return (
        fragment.opens_object
        and slot.arguments.is_whole()
        and not slot.arguments.equals(fragment.arguments)
    )


def _begins_another(slot: _Slot, fragment: _Fragment) -> bool:
    if fragment.id and (slot.wire_id or fragment.index is None):
        return True  # another id: the same one was looked up before
    if not fragment.name or not slot.call.name:
        return False
    if fragment.name != slot.call.name:
        return True
    return fragment.opens_object and slot.arguments.is_whole()
