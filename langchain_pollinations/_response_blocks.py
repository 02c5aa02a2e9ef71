"""Decode the parts of a reply that are no plain text as LangChain's content blocks. Pure."""

from __future__ import annotations

import base64
from typing import Any

from pollinations_client import AudioPart, ImagePart, OtherPart, TextPart

__all__ = ["block_from", "server_tool_block"]

AUDIO_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/opus",
    "pcm16": "audio/pcm",
}
# Built-in tools' traces: Claude's names, and Gemini's, which name a block by its only key.
SERVER_CALLS = frozenset({"server_tool_use", "executable_code"})
SERVER_RESULTS = frozenset(
    {"code_execution_result", "web_search_tool_result", "code_execution_tool_result"}
)


def block_from(part: Any, audio_format: str | None = None) -> dict[str, Any]:
    """A standard content block for a part that is no reasoning."""
    match part:
        case TextPart(text):
            return {"type": "text", "text": text}
        case ImagePart():
            return _image_block(part)
        case AudioPart():
            return _audio_block(part, audio_format or "wav")
        case OtherPart():
            # The index is its place in a stream, and none of the block's own fields.
            raw = {name: value for name, value in part.raw.items() if name != "index"}
            return server_tool_block(raw) or {"type": "non_standard", "value": raw}
    raise TypeError(type(part).__name__)


def _audio_block(part: AudioPart, audio_format: str) -> dict[str, Any]:
    block: dict[str, Any] = {
        "type": "audio",
        "base64": part.data,
        "mime_type": AUDIO_TYPES.get(audio_format, f"audio/{audio_format}"),
    }
    facts = {"transcript": part.transcript, "id": part.id, "expires_at": part.expires_at}
    if extras := {name: value for name, value in facts.items() if value}:
        block["extras"] = extras
    return block


def _image_block(part: ImagePart) -> dict[str, Any]:
    """A picture as a standard block, its bytes inline where the reply carries them."""
    head, comma, data = part.url.partition(";base64,")
    if not (comma and head.startswith("data:")):
        raw = part.data
        if raw is None:
            block = {"type": "image", "url": part.url}
            return {**block, "mime_type": part.mime_type} if part.mime_type else block
        data = base64.b64encode(raw).decode()
    return {"type": "image", "base64": data, "mime_type": part.mime_type or "image/png"}


def server_tool_block(raw: dict[str, Any]) -> dict[str, Any] | None:
    """What a tool of the provider's own did, as a standard block; ``None`` for a block of another
    kind.

    The block as it came is kept in ``extras``, for the way back.
    """
    kind = str(raw.get("type"))
    inner = raw.get(kind)
    if not isinstance(inner, dict):
        inner = {}
    if kind in SERVER_CALLS:
        return {
            "type": "server_tool_call",
            "id": raw.get("id") or "code_0",
            "name": raw.get("name") or "code_execution",
            "args": raw.get("input") or inner or {"code": raw.get("code")},
            "extras": {"raw": raw},
        }
    if kind not in SERVER_RESULTS:
        return None
    output = raw.get("content") or inner or raw.get("output")
    status = "success"
    if isinstance(output, dict):
        # Claude says so in the type of the content, Gemini in an outcome.
        outcome = str(output.get("outcome", "OUTCOME_OK"))
        if "error" in str(output.get("type")) or outcome != "OUTCOME_OK":
            status = "error"
    return {
        "type": "server_tool_result",
        "tool_call_id": raw.get("tool_use_id") or "code_0",
        "status": status,
        "output": output,
        "extras": {"raw": raw},
    }
