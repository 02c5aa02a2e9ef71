"""Give the tool calls of an answer their tools' own names back.

A name that is no valid one on the wire was sent under another: see ``request/tool_names.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["with_own_name"]


def with_own_name(entry: Any, own_names: Mapping[str, str]) -> Any:
    """One entry of ``tool_calls``, whole or a fragment, with the name looked up in ``own_names``.

    An entry without a name, or of another shape, is returned as it is.
    """
    match entry:
        case {"function": {"name": str(name), **function}} if name in own_names:
            return {**entry, "function": {**function, "name": own_names[name]}}
    return entry
