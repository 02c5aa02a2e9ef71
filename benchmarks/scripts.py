"""What the benchmark's gateway answers: bodies made of a script's name, and what must come back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

NAME = re.compile(r"(text|reasoning|arguments)-(\d+)(?:-x(\d+))?(?:-(\d+)ms)?")
WHOLE_ANSWER = "It is a benchmark."


@dataclass(frozen=True)
class Script:
    """A streamed answer: ``text-2000`` is 2,000 pieces of text, ``-x16`` puts 16 of them into one
    HTTP chunk, ``-10ms`` waits so long before each.
    """

    kind: str
    pieces: int
    per_chunk: int = 1
    pause_s: float = 0.0

    @classmethod
    def named(cls, name: str) -> Script:
        """The script of a name. Raises ValueError for any other."""
        match = NAME.fullmatch(name)
        if match is None:
            raise ValueError(f"no script is called {name!r}")
        kind, pieces, per_chunk, pause_ms = match.groups()
        return cls(kind, int(pieces), int(per_chunk or 1), int(pause_ms or 0) / 1000)

    @property
    def words(self) -> list[str]:
        """The pieces, which differ, so that no reader can know them beforehand."""
        if self.kind != "arguments":
            return [f" w{number:04d}" for number in range(self.pieces)]
        return ['{"text": "', *["word"] * (self.pieces - 2), '"}']

    @property
    def events(self) -> list[bytes]:
        """The stream's events, with their blank lines."""
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        if self.kind == "arguments":
            start = {"index": 0, "id": "call_1", "type": "function"}
            deltas.append({"tool_calls": [{**start, "function": {"name": "f", "arguments": ""}}]})
        deltas += map(self._delta, self.words)
        ends = [_chunk({}, "tool_calls" if self.kind == "arguments" else "stop"), _usage()]
        chunks = [_chunk(delta) for delta in deltas] + ends
        return [b"data: " + _json(chunk) + b"\n\n" for chunk in chunks] + [b"data: [DONE]\n\n"]

    def _delta(self, word: str) -> dict[str, Any]:
        if self.kind == "text":
            return {"content": word}
        if self.kind == "reasoning":
            return {"reasoning_content": word}
        return {"tool_calls": [{"index": 0, "function": {"arguments": word}}]}

    @property
    def http_chunks(self) -> list[bytes]:
        """The body in HTTP's chunked framing, a chunk an item, the last one included."""
        events = self.events
        groups = [
            b"".join(events[start : start + self.per_chunk])
            for start in range(0, len(events), self.per_chunk)
        ]
        return [b"%x\r\n%b\r\n" % (len(group), group) for group in groups] + [b"0\r\n\r\n"]


def whole_body() -> bytes:
    """An answer that is not streamed."""
    message = {"role": "assistant", "content": WHOLE_ANSWER}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return _json({**_top("chat.completion"), "choices": [choice], **_usage_field()})


def _top(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_767_225_600, "model": "openai"}


def _chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**_top("chat.completion.chunk"), "system_fingerprint": "fp_1", "choices": [choice]}


def _usage() -> dict[str, Any]:
    return {**_top("chat.completion.chunk"), "choices": [], **_usage_field()}


def _usage_field() -> dict[str, Any]:
    return {"usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
