"""What an endpoint gets to answer a request: the request, and the emulator's state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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

    @property
    def era(self) -> str:
        """Which gateway answers: ``today`` or ``seed``."""
        return self.state.era


Endpoint = Callable[[Exchange], Reply]
