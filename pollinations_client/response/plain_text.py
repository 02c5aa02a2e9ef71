"""Read the answer of ``GET /text/{prompt}``: bare text, or a chat answer in its place. No I/O."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..errors import EmptyReply, Keys, MalformedReply, PollinationsError, excerpt_of
from ..lenient_json import parse_json
from ..reply import Reply
from ..reply_metadata import ResponseInfo
from . import payment_notices
from .reader import content_type_of, json_from, mark_cached, reply_from

__all__ = ["chat_answer_from", "checked_text", "text_from"]

SOUND = "use chat() with modalities=['text', 'audio'] and audio={...}"


def text_from(body: bytes, info: ResponseInfo, *, label: str = "", secret: Keys = None) -> str:
    """The text that a plain text call was answered with; raises for a notice, a page, sound and
    nothing.
    """
    try:
        return _plain_text(body, info, label, secret)
    except PollinationsError as error:
        mark_cached(error, info)
        raise


def _plain_text(body: bytes, info: ResponseInfo, label: str, secret: Keys) -> str:
    content_type = content_type_of(info)
    if content_type.startswith("audio/"):
        raise MalformedReply(f"This model answers with sound; {SOUND}.", request_id=info.request_id)
    if content_type == "text/event-stream":
        return checked_text(_reply_from(body, info, label, secret))
    if content_type == "application/json" and (answer := _answer_in(body)) is not None:
        return checked_text(_reply_from(answer, info, label, secret))
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedReply(
            f"{label}: the answer is not text ({content_type}).", request_id=info.request_id
        ) from None
    if content_type == "text/html":
        raise MalformedReply(
            f"{label}: a page came in place of an answer.",
            excerpt=excerpt_of(body, secret),
            request_id=info.request_id,
        )
    if not text.strip():
        raise EmptyReply(
            f"The gateway answered {info.status} without a word.", request_id=info.request_id
        )
    if info.forbids_storing:
        notice = payment_notices.error_in(text, info.headers, label=label)
        if notice is not None:
            raise notice
    return text


def _reply_from(body: bytes, info: ResponseInfo, label: str, secret: Keys) -> Reply:
    parse = partial(chat_answer_from, label=label)
    return reply_from(body, info, label=label, secret=secret, parse=parse)


def checked_text(reply: Reply) -> str:
    """The text of a reply to a call for text. Raises :class:`EmptyReply` if it has none, with what
    came in its place.
    """
    if reply.text.strip():
        return reply.text
    request_id, sentence = reply.info.request_id, "The model answered without a word of text"
    if reply.finish_reason == "length":
        sentence += ", up to its limit of tokens; raise max_tokens"
    for part, name, remedy in (
        (reply.tool_calls, "tool calls", "use chat(), whose reply has them"),
        (reply.audio, "sound", SOUND),
        (reply.images, "pictures", "use chat(), whose reply has them"),
        (reply.refusal, f"a refusal ({reply.refusal})", "reword the request"),
    ):
        if part:
            sentence = f"The model answered with {name} and without text; {remedy}"
            raise EmptyReply(
                f"{sentence}.", partial=reply, request_id=request_id, is_retryable=False
            )
    raise EmptyReply(f"{sentence}.", partial=reply, request_id=request_id)


def chat_answer_from(body: bytes, info: ResponseInfo, secret: Keys, *, label: str) -> Any:
    """The chat answer that a text call got where a stream was asked for and none came."""
    answer = _answer_in(body)
    if answer is None and content_type_of(info) == "text/plain":
        return {"choices": [{"message": {"content": _plain_text(body, info, label, secret)}}]}
    return json_from(answer or body, info, secret)


def _answer_in(body: bytes) -> bytes | None:
    """The chat answer, or the error, that ``body`` is in JSON; None for JSON that was asked for.

    For an answer without content the gateway sends the message alone.
    """
    try:
        parsed = parse_json(body)
    except ValueError:
        return None
    if not isinstance(parsed, dict):
        return None
    if parsed.get("choices") or parsed.get("error"):
        return body
    if parsed.get("role") == "assistant" and "content" in parsed and not parsed["content"]:
        return b'{"choices":[{"message":' + body + b"}]}"
    return None
