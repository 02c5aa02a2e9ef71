"""Define what an endpoint is given: one request, and the state of the emulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .gateway.errors import GatewayError
from .gateway.models import Model
from .scripts import Answer, Chunks, Received
from .server.response import Reply
from .state import State

Headers = dict[str, str]


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

    @property
    def prompt(self) -> str:
        """The prompt in the path. Raises ``GatewayError`` 404 where there is none."""
        prompt: str = self.params["prompt"]
        # The route of January 2026 took one path segment: a slash in the prompt had to be %2F.
        slashes = self.received.raw_path.partition("?")[0].count("/")
        if not prompt or (self.era == "seed" and slashes > 2):
            raise GatewayError(404)
        return prompt

    def model_headers(self, model: Model, model_name: str, used: str | None = None) -> Headers:
        """Which model answered and, today, by which name it was asked for."""
        headers = {"x-model-used": used or model.provider_id or model.name}
        if self.state.today:
            headers["x-model-requested"] = model_name
        return headers


Endpoint = Callable[[Exchange], Reply]
