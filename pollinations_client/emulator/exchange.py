"""One request with what is needed to answer it; endpoints take it and return a reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .scripts import Answer, Chunks, Received
from .server.response import Reply
from .state import State


@dataclass(frozen=True)
class Exchange:
    """One request and the emulator's state; ``scripted`` is an answer that a test put in."""

    state: State
    received: Received
    params: dict[str, Any]
    scripted: Answer | Chunks | None = None

    @staticmethod
    def quoted(text: str) -> str:
        """Text as one path segment."""
        return quote(text, safe="")


Endpoint = Callable[[Exchange], Reply]
