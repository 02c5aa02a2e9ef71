"""Join the fragments of ``reasoning_details``, which OpenRouter streams and wants back. Pure."""

from __future__ import annotations

from typing import Any

JOINED_FIELDS = ("text", "summary", "data")  # every other field is whole in each fragment
READABLE_FIELDS = ("text", "summary")


class ReasoningDetails:
    """Fragments in; ``entries`` has them joined by index and type once ``join`` was called."""

    __slots__ = ("_by_key", "_entries", "_pieces")

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self._entries = entries
        self._by_key: dict[tuple[Any, Any], int] = {}
        self._pieces: list[dict[str, list[str]]] = []  # of the joined fields, entry by entry

    def add(self, fragments: list[Any]) -> str | None:
        """Take in a delta's list; returns the reasoning in it that a person can read."""
        texts: list[str] = []
        for fragment in fragments:
            if isinstance(fragment, dict):
                texts += [
                    fragment[name]
                    for name in READABLE_FIELDS
                    if isinstance(fragment.get(name), str)
                ]
                self._add_fragment(fragment)
        return "".join(texts) or None

    def _add_fragment(self, fragment: dict[str, Any]) -> None:
        number = self._number_of(fragment)
        entry, pieces = self._entries[number], self._pieces[number]
        for name, value in fragment.items():
            if name in JOINED_FIELDS and isinstance(value, str):
                pieces.setdefault(name, []).append(value)
                entry.setdefault(name, "")
            elif value is not None or name not in entry:
                entry[name] = value

    def _number_of(self, fragment: dict[str, Any]) -> int:
        """The entry that a fragment belongs to; one without an index is an entry of its own."""
        index, kind = fragment.get("index"), fragment.get("type")
        number = len(self._entries)
        if isinstance(index, (int, str)) and _is_name(kind):
            number = self._by_key.setdefault((index, kind), number)
        if number == len(self._entries):
            self._entries.append({})
            self._pieces.append({})
        return number

    def join(self) -> None:
        """Join the pieces that came since the last time."""
        for entry, pieces in zip(self._entries, self._pieces, strict=True):
            for name, texts in pieces.items():
                texts[:] = ["".join(texts)]
                entry[name] = texts[0]


def _is_name(kind: Any) -> bool:
    return kind is None or isinstance(kind, str)
