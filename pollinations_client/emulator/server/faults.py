"""Scripted replies and faults on their way out."""

from __future__ import annotations

from typing import Any

from ..gateway.errors import GatewayError
from ..scripts import Body, Fault, Frames, Mark
from .response import JSON, SSE, TEXT, Reply, json_bytes

MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"RIFF", "audio/wav"))


def literal(item: Body | Frames | Fault, *, today: bool, request_id: str) -> Reply:
    """The reply that was scripted to the letter."""
    match item:
        case Frames():
            return Reply(
                item.pieces,
                status=item.status,
                content_type=SSE,
                headers=item.headers,
                raw=item.raw,
            )
        case Body():
            data, kind = _encoded(item.content)
            return Reply(
                data,
                status=item.status,
                content_type=item.content_type or kind,
                headers=item.headers,
            )
        case Fault(kind="reset"):
            return Reply([Mark.RESET])
        case _:
            return _refused(item.options, today=today, request_id=request_id)


def _refused(options: dict[str, Any], *, today: bool, request_id: str) -> Reply:
    headers = dict(options.get("headers") or {})
    for option, name in (("retry_after", "retry-after"), ("retry_after_ms", "retry-after-ms")):
        if option in options:
            headers[name] = str(options[option])
    status = int(options.get("status", 503))
    if "body" in options:
        data, kind = _encoded(options["body"])
        return Reply(data, status=status, content_type=kind, headers=headers)
    refusal = GatewayError(
        status, options.get("message"), code=options.get("code"), headers=headers
    )
    return refusal.reply(today=today, request_id=request_id)


def _encoded(content: Any) -> tuple[bytes, str]:
    """A body and its likely content type."""
    match content:
        case bytes():
            if content[4:8] == b"ftyp":
                return content, "video/mp4"
            return content, next(
                (kind for magic, kind in MAGIC if content.startswith(magic)),
                "application/octet-stream",
            )
        case str():
            return content.encode(), "text/html; charset=utf-8" if content.lstrip().startswith(
                "<"
            ) else TEXT
        case _:
            return json_bytes(content), JSON


def with_fault(reply: Reply, fault: Fault) -> Reply:
    """The reply with the fault in it; its headers still promise the whole body."""
    # A status or a reset has no answer that could be cut, stalled or slowed.
    if fault.kind in ("cut", "stall", "slow"):
        reply.opening, reply.pieces = fault.opening, fault.applied_to(reply.pieces)
    return reply
