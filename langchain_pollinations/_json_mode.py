"""Reduce an answer that was asked for as JSON to the JSON alone."""

# Claude and Gemini fence it behind this gateway, others say a word first, and LangChain's agents
# read the text of such an answer as it is (``ProviderStrategyBinding.parse``). The text as it came
# is kept in ``response_metadata``.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """The JSON that a request asks for; ``schema`` is empty where it names none."""

    schema: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_response_format(cls, response_format: Mapping[str, Any]) -> JsonFormat:
        """The format for a ``response_format`` that asks for JSON."""
        inner = response_format.get("json_schema")
        schema = isinstance(inner, dict) and inner.get("schema")
        return cls(schema) if isinstance(schema, dict) else cls()

    def json_in(self, text: str, *, is_cut: bool = False) -> str:
        """The JSON object in ``text``; ``text`` as it is where none is whole, or a list is meant.

        ``is_cut`` says that the answer hit its token limit.
        """
        from pollinations_client._adapter_support import find_json, likeliest_first

        values = find_json(text).answers(is_cut=is_cut)
        if len(values) > 1:
            values = likeliest_first(values, self.schema)
        if values and isinstance(values[0].data, dict):
            return values[0].text
        return text


class JsonStream:
    """Reduce a stream of text to the first JSON object in it, piece by piece.

    What comes before the object is held back until the object opens; what comes after it is left
    out. Where something else begins, or the object turns out to be broken, all text passes.
    """

    # ``create_agent(response_format=ProviderStrategy(...))`` parses the sum of the chunks as JSON
    # when an agent is streamed, so the fences may not be in it.

    __slots__ = (
        "_emitted_to",
        "_finder",
        "_format",
        "_is_open",
        "_object_end",
        "_pieces",
        "_start",
    )

    def __init__(self, json_format: JsonFormat) -> None:
        self._format = json_format
        from pollinations_client._adapter_support import JsonFinder  # 5 ms, at its first use

        self._finder = JsonFinder()
        self._start: int | None = None  # the index where what is emitted begins
        self._is_open = True
        self._object_end: int | None = None
        self._emitted_to = 0
        self._pieces: list[str] = []

    def piece(self, text: str) -> str:
        """Take a piece of text; return what can be emitted now."""
        self._finder.feed(text)
        if self._start is None:
            self._begin()
        if self._start is None:
            return ""
        return self._emit(self._end())

    def rest(self) -> str:
        """Return all text that was not emitted."""
        self._start, self._is_open, self._object_end = self._start or 0, False, None
        return self._emit(len(self._finder.text))

    def end(self, *, is_cut: bool = False) -> str:
        """End the stream; return the rest of the JSON, or of the text where it is no such JSON."""
        json_text = self._format.json_in(self._finder.text, is_cut=is_cut)
        emitted = "".join(self._pieces)
        if not json_text.startswith(emitted):
            return self.rest()
        missing = json_text[len(emitted) :]
        self._pieces.append(missing)
        return missing

    def has_left_out(self, text: str) -> bool:
        """Whether ``text``, the whole answer, says more than what was emitted."""
        return text.strip() != "".join(self._pieces).strip()

    def _begin(self) -> None:
        """Begin with the first object, or at the start of the text where a list stands first."""
        start = self._finder.first_start
        if start is not None:
            if self._finder.text[start] != "{":
                start = 0
            self._start = self._emitted_to = start

    def _end(self) -> int:
        """The index up to which text may be emitted: the object's end once it is complete."""
        if self._is_open and self._finder.start != self._start:
            self._is_open = False
            ends = (
                value.start + len(value.text)
                for value in self._finder.values
                if value.start == self._start and isinstance(value.data, dict)
            )
            self._object_end = next(ends, None)
        if self._object_end is None:
            return len(self._finder.text)
        return self._object_end

    def _emit(self, end: int) -> str:
        text = self._finder.text[self._emitted_to : end]
        self._emitted_to = end
        self._pieces.append(text)
        return text
