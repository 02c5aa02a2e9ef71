"""Say what is wrong with an answer that has ended: it was cut or broken off, or is empty. Pure."""

from __future__ import annotations

from ..errors import (
    ContentPolicyError,
    EmptyReply,
    MalformedReply,
    PollinationsError,
    StreamInterrupted,
    UpstreamError,
)
from ..reply import Reply

# Without a call they say that one was lost: Gemini ends so where its host cannot read its own call.
CALL_REASONS = frozenset(
    "tool_calls function_call malformed_function_call malformed_tool_call"
    " unexpected_tool_call".split()
)


def cut_stream(reply: Reply) -> PollinationsError:
    """The error for a stream that ended before its answer did."""
    return _failed(
        reply,
        StreamInterrupted,
        "The stream stopped before the answer was complete: no finish reason and no [DONE] came."
        " What came is in .partial. Sent again, the request may be billed again, or get the same"
        " half from the gateway's cache: then another seed helps.",
    )


def broken_off(reply: Reply) -> PollinationsError:
    """The error for an answer that a provider has ended with an error."""
    sentence = "The provider broke the answer off with an error it does not explain."
    return _failed(reply, UpstreamError, sentence)


def check_empty(reply: Reply, *, has_message: bool) -> None:
    """Raise the error that an answer without any output is; a model may say nothing on purpose.

    ``has_message`` says that a message or a delta came, if only an empty one.
    """
    if reply.finish_reason == "content_filter":
        raise _failed(
            reply,
            ContentPolicyError,
            "A content filter stopped the answer before anything of it came. Reword the request.",
        )
    if "choice.unread" in reply.extra:
        kinds = sorted({type(value).__name__ for value in reply.extra["choice.unread"]})
        raise _failed(
            reply,
            MalformedReply,
            f"The answer has {' and '.join(kinds)} where a choice with a message was expected.",
        )
    if reply.finish_reason in CALL_REASONS:
        raise _failed(
            reply,
            EmptyReply,
            f"The answer ended for a tool call ({reply.finish_reason_raw}), and none came. Try"
            " again with another seed.",
        )
    nothing_counted = reply.usage is not None and not reply.usage.output
    if reply.finish_reason is None or (nothing_counted and reply.finish_reason == "stop"):
        raise _failed(
            reply,
            EmptyReply,
            "The model generated nothing: no text, no tool call, no tokens. Try again with another"
            " seed.",
        )
    if not has_message:
        sentence = "The answer has a choice, but no message and no delta in it."
        raise _failed(reply, MalformedReply, sentence)


def _failed(reply: Reply, kind: type[PollinationsError], sentence: str) -> PollinationsError:
    request_id = reply.info.request_id
    if request_id:
        sentence = f"{sentence} (request id {request_id})"
    return kind(sentence, partial=reply, request_id=request_id)
