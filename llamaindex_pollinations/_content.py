"""Encode the content of LlamaIndex messages, block by block, as the gateway's parts.

Pure, but for files that a block names by path. Blocks are not changed, and URLs are sent as URLs.
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
    CachePoint,
    ChatMessage,
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
    input_audio_format,
    parse_data_url,
    sniff,
)

__all__ = [
    "Part",
    "Wire",
    "as_parts",
    "mime_type_of",
    "simplest_content",
    "turn_with_parts",
    "with_name",
]

Part = dict[str, Any]
Wire = dict[str, Any]
Source = bytes | IOBase | None

DEFAULT_TTL = "5m"
UNTITLED = "input_document"  # DocumentBlock's own title for a document without one
PEEKED_BYTES = 64
# Signatures stand in the first 64 bytes, but for SVG's, which a comment may precede.
PEEKED_CHARACTERS = 4096
NOT_OF_THE_CALLER = frozenset({"assistant", "tool"})
TEXT_ROLES = frozenset({"system", "developer", "function"})
# Their content is one string on the wire, which cannot bear a cache mark; their message can.
TEXT_ONLY_RESULTS = frozenset({"tool", "function"})


def turn_with_parts(
    message: ChatMessage, index: int, role: str, skip: tuple[type, ...] = ()
) -> Wire:
    """Encode role and content, without blocks of the types ``skip``.

    A cache point marks the part before it, or the message where there is none.
    """
    parts: list[Part] = []
    wire: Wire = {"role": role}
    for number, block in enumerate(message.blocks):
        if isinstance(block, skip):
            continue
        where = f"messages[{index}] ({role}), block {number} ({type(block).__name__})"
        if role in NOT_OF_THE_CALLER and (words := link_as_text(block)) is not None:
            parts.append(words)
        elif not isinstance(block, CachePoint):
            parts += _checked_parts(parts_from(block, where), role, where)
        elif parts and role not in TEXT_ONLY_RESULTS:
            parts[-1] = {**parts[-1], "cache_control": cache_control(block.cache_control, where)}
        elif role == "user":
            # The gateway takes a mark on a message of any role but the user's and a function's.
            raise InvalidRequestError(
                f"{where}: a cache point needs something before it.", param="messages"
            )
        else:
            wire["cache_control"] = cache_control(block.cache_control, where)
    if mark := message.additional_kwargs.get("cache_control"):
        wire["cache_control"] = cache_control(mark, f"messages[{index}] ({role})")
    wire["content"] = simplest_content(parts)
    return wire


def _checked_parts(parts: list[Part], role: str, where: str) -> list[Part]:
    if role in TEXT_ROLES and any(part["type"] != "text" for part in parts):
        raise InvalidRequestError(
            f"{where}: this role takes text only; put it into a user message.", param="messages"
        )
    return parts


def simplest_content(parts: list[Part]) -> str | list[Part]:
    """Text alone as one string, everything else as parts."""
    # Outside user messages the gateway of November 2025 took strings only. A part with more than
    # type and text bears a cache mark, which a string would lose.
    if all(part["type"] == "text" and len(part) == 2 for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def as_parts(content: str | list[Part]) -> list[Part]:
    """Content as parts; no text is no part."""
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []


def with_name(wire: Wire, message: ChatMessage) -> Wire:
    """The turn with the name that its message has."""
    if message.additional_kwargs and (name := message.additional_kwargs.get("name")):
        wire["name"] = name
    return wire


def parts_from(block: Any, where: str) -> list[Part]:
    """Encode a text, media or citation block.

    Raises :class:`InvalidRequestError`, in whose message ``where`` names the block.
    """
    match block:
        case TextBlock(text=""):
            return []  # Anthropic refuses a request with an empty text part
        case TextBlock():
            return [{"type": "text", "text": block.text}]
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
        f"{where}: a block of this kind cannot be sent in this message; thinking and tool calls"
        " belong in an assistant message, and anything else can be a TextBlock.",
        param="messages",
    )


def cache_control(mark: CacheControl | Mapping[str, Any], where: str) -> Part:
    """Encode a cache mark, without its time to live where that is the gateway's default."""
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


def link_as_text(block: Any) -> Part | None:
    """Name a sound that is only a link in words; None for any other block.

    For messages of tools and models: the user's own link is refused with the remedy.
    """
    if isinstance(block, AudioBlock) and block.url and not str(block.url).startswith("data:"):
        return {"type": "text", "text": f"[audio: {block.url}]"}
    return None


def _citation(block: CitationBlock, where: str) -> list[Part]:
    source = block.title or ""
    if block.source:
        source = f"{source} ({block.source})".lstrip()
    if not isinstance(block.cited_content, TextBlock):
        return [{"type": "text", "text": f"[{source}]"}, *parts_from(block.cited_content, where)]
    text = f"[{source}] {block.cited_content.text}".rstrip()
    return [{"type": "text", "text": text}]


def _image(block: ImageBlock, where: str) -> Part:
    # Not by its truth, which pydantic tells by a copy of the whole address.
    if block.url is not None:
        image = {"url": str(block.url)}
    else:
        data = _base64(block.image, block.path, block, where)
        mime_type = block.image_mimetype or mime_type_of(data) or "image/jpeg"
        image = {"url": f"data:{mime_type};base64,{data}"}
    if block.detail:
        image["detail"] = block.detail
    return {"type": "image_url", "image_url": image}


def _video(block: VideoBlock, where: str) -> Part:
    if block.url is not None:
        video = {"url": str(block.url)}
    else:
        data = _base64(block.video, block.path, block, where)
        mime_type = block.video_mimetype or mime_type_of(data) or "video/mp4"
        video = {"url": f"data:{mime_type};base64,{data}"}
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
    kind = kind or (mime_type_of(data) or "").rpartition("/")[2]
    if not kind:
        raise InvalidRequestError(
            f"{where}: the sound's format cannot be told from its bytes; pass"
            " AudioBlock(format='wav').",
            param="messages",
        )
    return {
        "type": "input_audio",
        "input_audio": {"data": data, "format": input_audio_format(kind)},
    }


def _document(block: DocumentBlock, where: str) -> Part:
    url, encoded = _address_or_data(block)
    name = block.title
    if name in (None, "", UNTITLED):
        name = Path(block.path or "").name or None
    file: Part = {}
    mime_type = block.document_mimetype or document_type(name, url)
    if url and url.startswith("data:"):
        file["file_data"] = url
        mime_type = mime_type or url[5:].partition(";")[0] or None
    elif url:
        file["file_url"] = url
    else:
        data = encoded or _base64(block.data, block.path, block, where)
        mime_type = block.document_mimetype or mime_type_of(data) or mime_type
        mime_type = mime_type or "application/octet-stream"
        file["file_data"] = f"data:{mime_type};base64,{data}"
    if mime_type:
        file["mime_type"] = mime_type
    # The gateway's field is file_name; it drops OpenAI's own "filename" unread.
    file["file_name"] = document_name(name, url=url, mime_type=mime_type)
    return {"type": "file", "file": file}


def _address_or_data(block: DocumentBlock) -> tuple[str | None, str | None]:
    """The document's address, or the base64 that stands in its place."""
    url = str(block.url or "")
    # LlamaIndex's RichPromptTemplate puts the bytes of a local file there, without "data:". No
    # address is base64, which has neither colons nor dots.
    if url and len(url) % 4 == 0 and _is_base64(url.encode()):
        return None, url
    return url or None, None


def _base64(source: Source, path: str | Path | None, block: Any, where: str) -> str:
    """The bytes of a block in base64, from memory, an open file or a path."""
    kind = type(block).__name__
    if source is None and path is None:
        raise InvalidRequestError(
            f"{where}: the {kind} holds neither data, nor a path, nor a URL.", param="messages"
        )
    try:
        data = _bytes_in(source, path)
    except (OSError, ValueError) as error:  # ValueError: the file is closed
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequestError(
            f"{where}: the {kind} cannot be read: {reason}.", param="messages"
        ) from error
    if not data:
        raise InvalidRequestError(f"{where}: the {kind} is empty.", param="messages")
    # A block's constructor turns bytes into base64; bytes assigned later are still raw.
    if isinstance(source, bytes) and _is_base64(data):
        return data.decode("ascii")
    return base64.b64encode(data).decode("ascii")


def _bytes_in(source: Source, path: str | Path | None) -> bytes:
    if isinstance(source, IOBase):
        position = source.tell()
        source.seek(0)
        data = bytes(source.read())
        # The next turn sends the same block again, and so reads the same file.
        source.seek(position)
        return data
    if source is not None:
        return source
    return Path(path or "").expanduser().read_bytes()


def _is_base64(data: bytes) -> bool:
    """Whether the first bytes, and so all, are base64."""
    # Decoding all of it only to look would copy a picture on every turn. No format of pictures,
    # sounds or documents begins with 64 letters of base64.
    head = data[:PEEKED_BYTES]
    try:
        base64.b64decode(head, validate=True)
    except binascii.Error:
        return False
    return True


def mime_type_of(data: str | bytes) -> str | None:
    """The MIME type that the first bytes of base64 text tell."""
    length = min(len(data), PEEKED_CHARACTERS) // 4 * 4
    return sniff(base64.b64decode(data[:length]))
