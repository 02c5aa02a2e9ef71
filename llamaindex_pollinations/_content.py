"""Encode LlamaIndex content blocks as the gateway's content parts.

Pure, but for files that a block names by path.

A block is read, never changed, and a URL is sent as a URL: nothing is downloaded here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from io import IOBase
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    VideoBlock,
)

from pollinations_client import InvalidRequestError
from pollinations_client._adapter_support import (
    document_name,
    document_type,
    parse_data_url,
    sniff,
)

__all__ = ["Part", "cache_control", "linked_sound", "parts_from"]

Part = dict[str, Any]
Source = bytes | IOBase | None

AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "pcm": "pcm16", "mp4": "m4a"}
DEFAULT_TTL = "5m"
UNTITLED = "input_document"  # what LlamaIndex calls a document without a title
PEEKED_BYTES = 64
MAX_COPIED_CHARACTERS = 1 << 20


def parts_from(block: Any, where: str) -> list[Part]:
    """The parts of a text, media or citation block.

    Raises :class:`InvalidRequestError`; ``where`` names the place.
    """
    match block:
        case TextBlock():
            return [{"type": "text", "text": block.text}] if block.text else []
        case ImageBlock():
            return [_image(block, where)]
        case AudioBlock():
            return [_audio(block, where)]
        case VideoBlock():
            return [_video(block, where)]
        case DocumentBlock():
            return [_document(block, where)]
        case CitableBlock():
            inner = [part for nested in block.content for part in parts_from(nested, where)]
            return [{"type": "text", "text": f"[{block.title}] ({block.source})"}, *inner]
        case CitationBlock():
            return _citation(block, where)
    raise InvalidRequestError(
        f"{where}: a block of this kind cannot be sent in this message.", param="messages"
    )


def cache_control(mark: CacheControl | Mapping[str, Any], where: str) -> Part:
    """The wire form of a cache mark; the gateway's default time to live is not sent."""
    if not isinstance(mark, CacheControl | Mapping):
        raise InvalidRequestError(
            f"{where}: cache_control: an object such as {{'type': 'ephemeral'}} is needed, not"
            f" {mark!r}.",
            param="messages",
        )
    fields = mark.model_dump() if isinstance(mark, CacheControl) else dict(mark)
    if fields.get("ttl") in {None, DEFAULT_TTL}:
        fields.pop("ttl", None)
    return fields


def linked_sound(block: Any) -> Part | None:
    """The words for a sound that is only a link, for messages that the caller did not write: a
    tool's, a model's.
    """
    if isinstance(block, AudioBlock) and block.url and not str(block.url).startswith("data:"):
        return {"type": "text", "text": f"[audio: {block.url}]"}
    return None


def _citation(block: CitationBlock, where: str) -> list[Part]:
    where_from = f"({block.source})" if block.source else None
    source = " ".join(filter(None, (block.title, where_from)))
    if not isinstance(block.cited_content, TextBlock):
        return [{"type": "text", "text": f"[{source}]"}, *parts_from(block.cited_content, where)]
    text = f"[{source}] {block.cited_content.text}".rstrip()
    return [{"type": "text", "text": text}]


def _image(block: ImageBlock, where: str) -> Part:
    image: Part = {"url": _address(block.url)} if block.url else {}
    if not image:
        data = _base64(block.image, block.path, block, where)
        image["url"] = (
            f"data:{block.image_mimetype or _mime_type_of(data) or 'image/jpeg'};base64,{data}"
        )
    if block.detail:
        image["detail"] = block.detail
    return {"type": "image_url", "image_url": image}


def _address(url: Any) -> Any:
    """An address as it is sent: text, but where it holds a picture of megabytes.

    The JSON encoder writes pydantic's own object without the copy that its text would be: a
    picture sent as a data URL takes twice its size in memory, and not three times.
    """
    return url if len(url.path or "") > MAX_COPIED_CHARACTERS else str(url)


def _video(block: VideoBlock, where: str) -> Part:
    video: Part = {"url": _address(block.url)} if block.url else {}
    if not video:
        data = _base64(block.video, block.path, block, where)
        video["url"] = (
            f"data:{block.video_mimetype or _mime_type_of(data) or 'video/mp4'};base64,{data}"
        )
    if block.video_mimetype:
        video["mime_type"] = block.video_mimetype
    return {"type": "video_url", "video_url": video}


def _audio(block: AudioBlock, where: str) -> Part:
    if block.url and not str(block.url).startswith("data:"):
        raise InvalidRequestError(
            f"{where}: audio goes to the gateway as data, not as a link; load {block.url} and pass"
            " audio=bytes.",
            param="messages",
        )
    kind = block.format
    if block.url:
        mime_type, sound = parse_data_url(str(block.url))
        data = base64.b64encode(sound).decode()
        kind = kind or mime_type.rpartition("/")[2]
    else:
        data = _base64(block.audio, block.path, block, where)
    kind = (kind or (_mime_type_of(data) or "").rpartition("/")[2]).lower()
    if not kind:
        raise InvalidRequestError(
            f"{where}: the sound's format cannot be told from its bytes; pass"
            " AudioBlock(format='wav').",
            param="messages",
        )
    return {
        "type": "input_audio",
        "input_audio": {"data": data, "format": AUDIO_FORMATS.get(kind, kind)},
    }


def _document(block: DocumentBlock, where: str) -> Part:
    path, url = block.path, str(block.url) if block.url else None
    title = None if block.title == UNTITLED else block.title
    name = title or (Path(path).name if path else None)
    file: Part = {}
    kind = block.document_mimetype or document_type(name, url)
    if url:
        file["file_url"] = url
    else:
        data = _base64(block.data, block.path, block, where)
        kind = block.document_mimetype or _mime_type_of(data) or kind or "application/octet-stream"
        file["file_data"] = f"data:{kind};base64,{data}"
    if kind:
        file["mime_type"] = kind
    return {
        "type": "file",
        "file": {"file_name": document_name(name, url=url, mime_type=kind), **file},
    }


def _base64(source: Source, path: str | Path | None, block: Any, where: str) -> str:
    """The bytes of a block in base64: from memory, from an open file, which keeps its position, or
    from a path.
    """
    kind = type(block).__name__
    try:
        if isinstance(source, IOBase):
            position = source.tell()
            source.seek(0)
            data = bytes(source.read())
            source.seek(position)
        elif source is not None:
            data = source
        elif path is not None:
            data = Path(path).expanduser().read_bytes()
        else:
            raise InvalidRequestError(
                f"{where}: the {kind} holds neither data, nor a path, nor a URL.", param="messages"
            )
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidRequestError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequestError(
            f"{where}: the {kind} cannot be read: {reason}.", param="messages"
        ) from error
    if not data:
        raise InvalidRequestError(f"{where}: the {kind} is empty.", param="messages")
    if isinstance(source, bytes) and _is_base64(data):
        return data.decode("ascii")
    return base64.b64encode(data).decode("ascii")


def _is_base64(data: bytes) -> bool:
    """Blocks keep what they are given as base64; what was assigned later may be raw.

    The beginning tells.
    """
    head = data[:PEEKED_BYTES]
    try:
        base64.b64decode(
            head[: len(head) // 4 * 4] if len(data) > PEEKED_BYTES else head, validate=True
        )
    except binascii.Error:
        return False
    return True


def _mime_type_of(data: str) -> str | None:
    """The MIME type told by the first bytes behind base64 text."""
    head = data[:4096]
    return sniff(base64.b64decode(head[: len(head) // 4 * 4]))
