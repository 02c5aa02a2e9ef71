"""Read a checked chat request: its model, its tools, the last question and what came after it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .model_tables import IGNORES_FORCED_TOOLS

if TYPE_CHECKING:
    from .models import Model

Json = dict[str, Any]
DEFAULT_MODEL = {"today": "openai/gpt-5.4-nano", "seed": "openai"}


def text_of(content: Any) -> str:
    """The text of a message's content; parts are joined with blank lines."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n\n".join(part["text"] for part in content if part.get("type") == "text")
    return ""


def parts_of(content: Any, kind: str) -> list[Json]:
    """The parts of one type."""
    if not isinstance(content, list):
        return []
    return [part for part in content if part.get("type") == kind]


@dataclass(frozen=True)
class Tool:
    """One function that was offered."""

    name: str
    description: str = ""
    parameters: Json = field(default_factory=dict)


@dataclass
class ChatRequest:
    """A chat body with its model."""

    body: Json
    model: Model
    era: str

    @property
    def model_name(self) -> str:
        """The name by which the model was asked for."""
        return self.body.get("model") or DEFAULT_MODEL[self.era]

    @property
    def messages(self) -> list[Json]:
        """The messages as sent."""
        messages: list[Json] = self.body["messages"]
        return messages

    @property
    def stream(self) -> bool:
        """Whether a stream was asked for."""
        return bool(self.body.get("stream"))

    @cached_property
    def tools(self) -> list[Tool]:
        """The functions offered; none when the choice is ``none``.

        The older ``functions`` reach the provider today; the seed era drops them.
        """
        if "none" in (self.body.get("tool_choice"), self.body.get("function_call")):
            return []
        tools = self.body.get("tools") or []
        functions = [tool["function"] for tool in tools if tool["type"] == "function"]
        if self.uses_functions:
            functions = self.body["functions"]
        return [
            Tool(
                function["name"],
                function.get("description") or "",
                function.get("parameters") or {},
            )
            for function in functions
        ]

    @property
    def uses_functions(self) -> bool:
        """Whether functions were offered in the older form, which is answered in the older form."""
        is_older = bool(self.body.get("functions")) and not self.body.get("tools")
        return is_older and self.era == "today"

    @property
    def runs_code(self) -> bool:
        """Whether Gemini's code execution is on: named, or injected where no tools were sent."""
        # The gateway adds the tool to a request without tools; ``tools: []`` keeps it out, and a
        # JSON format too (until January 2026 the two together were a 400, #6876).
        if self.model.family != "google" or self.json_format:
            return False
        if "tools" not in self.body:
            return not self.model.name.endswith("search")
        return any(tool["type"] == "code_execution" for tool in self.body["tools"])

    @property
    def json_format(self) -> Json | None:
        """The response format when it asks for JSON."""
        # json and jsonMode are the gateway's own short forms; it strips them before the provider.
        response_format: Json = self.body.get("response_format") or {}
        if response_format.get("type") in ("json_object", "json_schema"):
            return response_format
        if self.body.get("json") or self.body.get("jsonMode"):
            return {"type": "json_object"}
        return None

    @property
    def forced_tool(self) -> str | None:
        """The function that must be called by name."""
        match self.body:
            case {"function_call": {"name": str(name)}} if self.uses_functions:
                return name
            case {"tool_choice": {"function": {"name": str(name)}}}:
                return name
        return None

    @property
    def must_call(self) -> bool:
        """Whether some function must be called."""
        # Some models take a forced choice and do not follow it (autumn 2026).
        obeys_choice = self.model.name not in IGNORES_FORCED_TOOLS
        return obeys_choice and (
            self.body.get("tool_choice") == "required" or self.forced_tool is not None
        )

    @property
    def parallel(self) -> bool:
        """Whether several calls at once are welcome."""
        return self.body.get("parallel_tool_calls") is not False

    @cached_property
    def system(self) -> str:
        """All instructions: system and developer messages, and the ``system`` field."""
        roles = ("system", "developer")
        texts = [text_of(m["content"]) for m in self.messages if m["role"] in roles]
        return "\n\n".join(filter(None, [self.body.get("system", ""), *texts]))

    @cached_property
    def goal_at(self) -> int:
        """Where the user's last request stands; what only carries a tool's result is none."""
        users = [at for at, m in enumerate(self.messages) if m["role"] == "user"]
        requests = [at for at in users if not self._carries_tool_result(at)]
        return (requests or users or [-1])[-1]

    def _carries_tool_result(self, at: int) -> bool:
        """Whether a user message only carries attachments of the tool result before it."""
        content = self.messages[at]["content"]
        has_attachment = isinstance(content, list) and any(
            part["type"] != "text" for part in content
        )
        while has_attachment and at > 0:
            at -= 1
            if self.messages[at]["role"] in ("tool", "function"):
                return True
            if self.messages[at]["role"] != "user":
                return False
        return False

    @cached_property
    def goal(self) -> str:
        """The user's last request; without any user message the last message's text."""
        # Without any user message goal_at is -1, the last message.
        return text_of(self.messages[self.goal_at].get("content")) if self.messages else ""

    @property
    def turn(self) -> list[Json]:
        """What happened since."""
        return self.messages[self.goal_at + 1 :]

    @cached_property
    def calls_made(self) -> list[Json]:
        """The functions called in this turn, as ``{"name", "arguments"}``."""
        assistant = [message for message in self.turn if message["role"] == "assistant"]
        calls = [call["function"] for m in assistant for call in m.get("tool_calls") or []]
        return calls + [m["function_call"] for m in assistant if m.get("function_call")]

    @cached_property
    def results(self) -> list[str]:
        """What the tools said in this turn."""
        return [
            text_of(message.get("content"))
            for message in self.turn
            if message["role"] in ("tool", "function")
        ]

    @cached_property
    def earlier(self) -> list[tuple[str, str]]:
        """Role and text of the conversation before the request."""
        return [
            (message["role"], text_of(message.get("content")))
            for message in self.messages[: max(self.goal_at, 0)]
            if message["role"] in ("user", "assistant")
        ]

    def parts(self, kind: str) -> list[Json]:
        """The parts of one type in all user messages."""
        return [
            part
            for m in self.messages
            if m["role"] == "user"
            for part in parts_of(m["content"], kind)
        ]

    @cached_property
    def prompt_text(self) -> str:
        """Everything that counts as prompt, for counting."""
        texts = "\n".join(text_of(m.get("content")) for m in self.messages)
        calls = [m["tool_calls"] for m in self.messages if m.get("tool_calls")]
        tools = self.body.get("tools") or []
        return texts + "".join(json.dumps(part, ensure_ascii=False) for part in (calls, tools))
