"""Tool names on the wire: 1 to 64 of ``a-z A-Z 0-9 _ -``, no two alike.

Providers behind the gateway refuse any other name. Frameworks allow more, so one request carries
one mapping: it encodes the names of tools, of ``tool_choice`` and of calls in the history, and the
answer's calls are decoded with it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["MAX_NAME_LENGTH", "ToolNames", "tool_names_of", "valid_name"]

MAX_NAME_LENGTH = 64
# OpenAI's rule, which the gateway checks too (genericOpenAIClient.ts@05598c8).
VALID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
INVALID_CHARACTER = re.compile(r"[^a-zA-Z0-9_-]")
DIGEST_LENGTH = 8


def valid_name(name: str) -> str:
    """``name`` with every character that is not allowed as ``_``, cut to 64.

    >>> valid_name("get.data"), valid_name("")
    ('get_data', '_')
    """
    if VALID.fullmatch(name):
        return name
    return INVALID_CHARACTER.sub("_", name)[:MAX_NAME_LENGTH] or "_"


@dataclass(slots=True)
class ToolNames:
    """The names of one request's tools, and what each is called on the wire.

    A valid name stays as it is. Another one has its bad characters replaced by ``_``; where that
    is too long or would equal a second tool's name, a digest of the name is added. The wire name
    depends on the request's tools alone, not on their order, so that a conversation reads the same
    on every turn.

    >>> names = ToolNames.of(["get.data", "list files"])
    >>> names.encode("get.data"), names.decode("list_files")
    ('get_data', 'list files')
    >>> sorted(ToolNames.of(["get.data", "get data"]).decoding)
    ['get_data_3e42bbdf', 'get_data_bfb5d1a8']
    """

    decoding: dict[str, str] = field(default_factory=dict)
    """From a name on the wire to the tool's own, where the two differ."""
    _wire_names: dict[str, str] = field(default_factory=dict)
    _used_names: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, names: Iterable[str]) -> ToolNames:
        """The mapping for the tools of these names."""
        distinct = dict.fromkeys(names)
        invalid = [name for name in distinct if not VALID.fullmatch(name)]
        mapping = cls(_used_names=set(distinct.keys() - set(invalid)))
        counts = Counter(valid_name(name) for name in invalid)
        for name in invalid:
            mapping._add(name, is_shared=counts[valid_name(name)] > 1)
        return mapping

    def encode(self, name: str) -> str:
        """The name on the wire, also of a tool in the history that is not offered any more."""
        wire_name = self._wire_names.get(name)
        if wire_name is None and VALID.fullmatch(name):
            self._wire_names[name] = wire_name = name  # a history calls the same few many times
        return wire_name or self._add(name)

    def wire_name_of(self, name: Any) -> Any:
        """The wire name of an offered tool; any other value is returned as it is."""
        if isinstance(name, str):
            return self._wire_names.get(name, name)
        return name

    def decode(self, wire_name: str) -> str:
        """The tool's own name for the one that a model called."""
        return self.decoding.get(wire_name, wire_name)

    def _add(self, name: str, *, is_shared: bool = False) -> str:
        wire_name = valid_name(name)
        if is_shared or len(name) > MAX_NAME_LENGTH or wire_name in self._used_names:
            wire_name = _with_digest(name)
        self._used_names.add(wire_name)
        self._wire_names[name] = wire_name
        self.decoding[wire_name] = name
        return wire_name


def _with_digest(name: str) -> str:
    # surrogatepass: a name of half a character is odd, yet no reason to fail here.
    content = name.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH]
    return f"{valid_name(name)[: MAX_NAME_LENGTH - DIGEST_LENGTH - 1]}_{digest}"


def tool_names_of(tools: Sequence[Any], functions: Sequence[Any] = ()) -> ToolNames:
    """The names of a request's tools, of those that have one."""
    functions = [*(_function_of(tool) for tool in tools), *functions]
    return ToolNames.of(
        name
        for function in functions
        if isinstance(function, Mapping) and isinstance(name := function.get("name"), str)
    )


def _function_of(tool: Any) -> Any:
    # Built-in tools may have a name beside their type, which is none of ours to encode.
    if isinstance(tool, Mapping) and tool.get("type") == "function":
        return tool.get("function")
    return None
