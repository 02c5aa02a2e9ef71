"""A request that is ready to be sent (``Call``), and the limits and headers of its kind.

A new endpoint is a row of ``CALL_KINDS``. Which repeats are joined and billed once is from the
gateway's page on idempotency; what it does not name counts as billed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..catalog.catalog import AskedModel
from ..catalog.estimates import CallSize

if TYPE_CHECKING:
    from ..media.sounds import SoundSource

__all__ = ["CALL_KINDS", "Call", "CallKind", "Upload"]

FirstByteLimit = Literal["answer_s", "picture_s", "video_s", "first_byte_s"]
SizeLimit = Literal["json_bytes", "stream_bytes", "image_bytes", "video_bytes"]


@dataclass(frozen=True, slots=True, eq=False)
class CallKind:
    """How a call is timed, limited and repeated."""

    first_byte_limit: FirstByteLimit
    """The field of ``Timeouts`` that bounds the wait for the answer's first byte."""
    size_limit: SizeLimit
    """The field of ``Limits`` that bounds the answer."""
    accept: str
    is_stream: bool = False
    is_compressed: bool = True
    """Whether the answer may be compressed: media gain nothing by it, and streams would wait."""
    repeat_is_billed_once: bool = True
    is_free: bool = False
    """Nothing is generated, so a repeat costs nothing either."""
    host: Literal["gateway", "account", "media"] = "gateway"


JSON = "application/json"
TEXT = "text/plain, text/event-stream, */*"
MEDIA = f"image/*, video/*, {JSON}"

CALL_KINDS = {
    "chat": CallKind("answer_s", "json_bytes", JSON),
    # Of identical requests the gateway joins the plain ones (gen.pollinations.ai/docs/errors.md,
    # idempotency.md); a stream that is asked for again may be generated again.
    "chat_stream": CallKind(
        *("first_byte_s", "stream_bytes", "text/event-stream"),
        is_stream=True,
        is_compressed=False,
        repeat_is_billed_once=False,
    ),
    "text": CallKind("answer_s", "json_bytes", TEXT),
    "text_stream": CallKind(
        *("first_byte_s", "stream_bytes", TEXT),
        is_stream=True,
        is_compressed=False,
        repeat_is_billed_once=False,
    ),
    "picture": CallKind("picture_s", "image_bytes", MEDIA, is_compressed=False),
    # Half a minute to three minutes of waiting for the first byte.
    "video": CallKind("video_s", "video_bytes", MEDIA, is_compressed=False),
    # That page names neither the audio routes nor embeddings.
    "speech": CallKind(
        *("answer_s", "video_bytes", f"audio/*, {JSON}"),
        is_compressed=False,
        repeat_is_billed_once=False,
    ),
    "transcription": CallKind(
        "answer_s", "json_bytes", f"{JSON}, text/plain", repeat_is_billed_once=False
    ),
    # The picture is inside the JSON, in base64.
    "picture_json": CallKind("picture_s", "image_bytes", JSON, is_compressed=False),
    "upload": CallKind("answer_s", "json_bytes", JSON, is_free=True, host="media"),
    "embeddings": CallKind("answer_s", "json_bytes", JSON, repeat_is_billed_once=False),
    "models": CallKind("answer_s", "json_bytes", JSON, is_free=True),
    "account": CallKind(
        "answer_s", "json_bytes", f"{JSON}, text/csv", is_free=True, host="account"
    ),
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart form, and the form's other fields."""

    source: SoundSource
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """One request, sent as it is on every attempt.

    Byte for byte: the gateway bills an identical repeat of a plain request once, and only that.
    """

    method: Literal["GET", "POST"]
    target: str
    """Path and query as sent."""
    kind: CallKind
    label: str
    """Method and endpoint for messages and logs: neither the prompt nor the query is in it."""
    body: bytes | None = None
    upload: Upload | None = field(default=None, hash=False)
    """Sent as multipart in place of ``body``, read from disk while it is sent."""
    form_type: str = ""
    """The content type of a form, which holds its boundary; empty where ``body`` is JSON."""
    tool_names: Mapping[str, str] = field(default_factory=dict, hash=False)
    """From a tool's name on the wire to its own, where the two differ."""
    request_fields: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """A picture's own, for its answer may not repeat the model and the seed."""
    model: AskedModel | None = None
    """The chat model that is asked."""
    size: CallSize | None = None
    """What the price depends on. A call without it, unless it is free, has no known price."""

    @property
    def repeat_is_billed_once(self) -> bool:
        """Whether the gateway bills an identical repeat once; not where the model is uncached."""
        is_uncached = self.model is not None and self.model.has_trait("repeat_is_billed")
        return self.kind.repeat_is_billed_once and not is_uncached
