"""Build the reply that a script spells out: a body, frames, or a refusal."""

from __future__ import annotations

from typing import Any

from ...media.sniff import sniff
from ..gateway.errors import GatewayError
from ..scripts import Body, Fault, Frames, Mark
from .response import JSON, SSE, TEXT, Reply, json_bytes


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
            return content, sniff(content) or "application/octet-stream"
        case str() if content.lstrip().startswith("<"):
            return content.encode(), "text/html; charset=utf-8"
        case str():
            return content.encode(), TEXT
        case _:
            return json_bytes(content), JSON
