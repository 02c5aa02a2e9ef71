"""Read the answers of the audio routes: sound, and the text of a transcription. No I/O."""

from __future__ import annotations

from ..errors import Keys, MalformedReply, excerpt_of
from ..lenient_json import member
from ..media.measure import riff_size
from ..media.sniff import sniff
from ..media.sounds import is_sound
from ..reply_metadata import ResponseInfo
from .error_decoder import error_from_body
from .reader import content_type_of, json_answer_from, json_from

__all__ = ["sound_type", "transcript_from"]

SPEECH = "POST /v1/audio/speech"
TRANSCRIPTION = "POST /v1/audio/transcriptions"
PCM = "audio/pcm"
TEXT_BYTES = 64


def sound_type(head: bytes, size: int, info: ResponseInfo, secret: Keys = None) -> str:
    """The MIME type of a sound that came.

    Args:
        head: Its first bytes, or all of them.
        size: How many bytes came.
        info: The headers.
        secret: The key, blanked out of errors.

    Raises:
        MalformedReply: Where 200 came with something else: nothing, JSON, a page, half a file.
    """
    declared = content_type_of(info)
    mime_type = sniff(head)
    if mime_type is None and declared.startswith("audio/") and not _is_text(head):
        # Raw samples have no signature, so what is not text is taken for them.
        return PCM
    if mime_type is None or not is_sound(mime_type):
        if head.lstrip()[:1] == b"{":
            raise error_from_body(json_from(head, info, secret), label=SPEECH, secret=secret)
        received = "nothing"
        if size:
            received = f"{size} bytes declared as {declared or 'nothing'}"
        excerpt = excerpt_of(head, secret)
        raise MalformedReply(
            f"{SPEECH}: sound was asked for and {received} came: {excerpt!r}.",
            excerpt=excerpt,
            request_id=info.request_id,
        )
    declared_size = riff_size(head) if mime_type == "audio/wav" else None
    if declared_size is not None and size < declared_size:
        raise MalformedReply(
            f"{SPEECH}: the sound is cut off after {size} of {declared_size} bytes.",
            request_id=info.request_id,
        )
    return mime_type


def transcript_from(
    body: bytes, info: ResponseInfo, secret: Keys = None, *, as_json: bool = False
) -> str:
    """The text of a transcription, empty where nothing is said in the sound; ``as_json``: the JSON
    that it stands in, with times or speakers.

    Raises :class:`MalformedReply` for an answer without one.
    """
    # Subtitles are bare text, and other gateways of OpenAI's form give all texts so.
    if content_type_of(info) == "text/plain":
        return body.decode("utf-8", "replace").strip()
    parsed = json_answer_from(body, info, secret, label=TRANSCRIPTION)
    if isinstance(text := member(parsed, "text"), str):
        if as_json:
            return body.decode("utf-8", "replace")
        return text.strip()
    raise MalformedReply(
        f"{TRANSCRIPTION}: the answer has no text.",
        excerpt=excerpt_of(body, secret),
        request_id=info.request_id,
    )


def _is_text(head: bytes) -> bool:
    """Whether bytes are words: samples of sound have zeros and bytes that are no UTF-8."""
    start = head[:TEXT_BYTES]
    return not start or (b"\0" not in start and start.isascii())
