"""Encode content blocks as the gateway's parts. Pure: one encoder for each kind of block.

A block may come in LangChain's standard form (v1), its older data form (v0), OpenAI's, Anthropic's
or Google's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from pollinations_client import InvalidRequestError
from pollinations_client._adapter_support import (
    INPUT_AUDIO_FORMATS,
    document_name,
    document_type,
    input_audio_format,
)

Part = dict[str, Any]
Wire = dict[str, Any]

# The gateway's own part types go through as they are.
GATEWAY_PARTS = frozenset({"image_url", "video_url", "input_audio"})
NOT_SENT = frozenset({"index", "id"})  # a block's place in a stream, and its name there
PDF = "application/pdf"
PDF_IN_BASE64 = "JVBERi0"  # the first bytes, %PDF-
# Where a file's name stands. LangChain puts fields of OpenAI's form that it does not know into
# extras, with "file_" before them.
NAME_FIELDS = (
    *("filename", "file_name", "title", "name"),
    *("file_filename", "file_file_name", "file_title", "file_name"),
)


def kind_of(block: dict[str, Any]) -> str:
    """The type of a block; some vendors name it by the block's only key."""
    return str(block.get("type") or next(iter(block), None))


def part_from(block: Any, where: str, *, in_tool: bool = False) -> Part:
    """Encode one block.

    ``where`` names its place in an :class:`InvalidRequestError`.

    In a tool's result a block of unknown type is data, and goes as JSON text.
    """
    if isinstance(block, str):
        return {"type": "text", "text": block}
    if not isinstance(block, dict):
        raise InvalidRequestError(
            f"{where}: text or a content block is needed, not {type(block).__name__}.",
            param="messages",
        )
    kind = kind_of(block)
    # The most common block is already a part.
    if kind == "text" and block.keys() == {"type", "text"} and type(block["text"]) is str:
        return block
    if kind == "non_standard" and isinstance(block.get("value"), dict):
        return part_from(block["value"], where, in_tool=in_tool)
    if kind in GATEWAY_PARTS or (kind == "file" and isinstance(block.get("file"), dict)):
        return {
            "type": kind,
            **{name: value for name, value in block.items() if name not in NOT_SENT},
        }
    encode = ENCODERS.get(kind)
    if encode is None:
        if in_tool:
            return {"type": "text", "text": json.dumps(block, ensure_ascii=False, default=str)}
        raise InvalidRequestError(
            f"{where}: a block of type {kind!r} cannot be sent in this message. Known types: "
            f"{', '.join(sorted(KNOWN_KINDS))}.",
            param="messages",
        )
    part = encode(block, where)
    cache = block.get("cache_control") or _extras(block).get("cache_control")
    return {**part, "cache_control": cache} if cache else part


class Source(NamedTuple):
    """Where a block's content is: exactly one of the first three, in a good block."""

    url: str | None
    data: str | None
    file_id: str | None
    mime: str | None


def source_of(block: dict[str, Any]) -> Source:
    """URL, base64, file id and media type of a block, in whichever spelling they come."""
    file_id, data = block.get("file_id"), block.get("base64")
    url, mime = block.get("url"), block.get("mime_type")
    inner, form = block.get("source"), block.get("source_type")
    if isinstance(inner, dict):  # Anthropic's form
        url, data, file_id, mime = (
            inner.get(name) for name in ("url", "data", "file_id", "media_type")
        )
    elif form is not None:  # LangChain's v0 data blocks
        data = block.get("data") if form in {"base64", "text"} else None
        file_id = block.get("id") if form == "id" else None
    elif block.get("type") == "media":  # Google's
        url, data = block.get("file_uri") or url, block.get("data") or data
    if isinstance(data, (bytes, bytearray)):
        data = base64.b64encode(data).decode()
    if isinstance(url, str) and url.startswith("data:") and ";base64," in url:
        head, _, data = url.partition(";base64,")
        mime, url = mime or head.removeprefix("data:"), None
    return Source(url, data, file_id, mime)


def _extras(block: dict[str, Any]) -> dict[str, Any]:
    """Return what a block has beside its content: ``extras``, or the older ``metadata``."""
    extras = block.get("extras") or block.get("metadata")
    if not isinstance(extras, dict):
        return {}
    # LangChain moves a v0 block's metadata into the extras of the v1 block that it becomes.
    if isinstance(older := extras.get("metadata"), dict):
        return {**extras, **older}
    return extras


def _no_source_error(block: dict[str, Any], where: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{where}: the block of type {block.get('type')!r} has neither url, base64 nor file_id.",
        param="messages",
    )


def _text(block: dict[str, Any], where: str) -> Part:
    text = block.get("text")
    if not isinstance(text, str):
        raise InvalidRequestError(f"{where}: the text block has no text.", param="messages")
    return {"type": "text", "text": text}


def _refusal(block: dict[str, Any], where: str) -> Part:
    return {"type": "text", "text": str(block.get("refusal") or "")}


def _plain_text(block: dict[str, Any], where: str) -> Part:
    """A document that is text: its title and context are set above it."""
    source = source_of(block)
    text = block.get("text")
    if not text and _is_text_document(block):
        text = source.data
    if not isinstance(text, str):
        return _file({**block, "mime_type": source.mime or "text/plain"}, where)
    above = [str(block[name]) for name in ("title", "context") if block.get(name)]
    return {"type": "text", "text": "\n".join([*above, text])}


def _is_text_document(block: dict[str, Any]) -> bool:
    """Whether the source of a block is text, in LangChain's v0 form or in Anthropic's."""
    return block.get("source_type") == "text" or (block.get("source") or {}).get("type") == "text"


def _url_of(source: Source, mime: str) -> str | None:
    """The address of a picture or video, a ``data:`` URL for bytes; None where there is none."""
    if source.data:
        return f"data:{mime};base64,{source.data}"
    return source.url


def _image(block: dict[str, Any], where: str) -> Part:
    source = source_of(block)
    if source.file_id:
        return {"type": "file", "file": {"file_id": source.file_id}}
    url = _url_of(source, source.mime or "image/png")
    if not url:
        raise _no_source_error(block, where)
    image = {"url": url}
    if detail := block.get("detail") or _extras(block).get("detail"):
        image["detail"] = detail
    return {"type": "image_url", "image_url": image}


def _input_file(block: dict[str, Any], where: str) -> Part:
    url, data = block.get("file_url"), block.get("file_data")
    if isinstance(data, str) and data.startswith("data:"):
        url = data
    if url:
        data = None
    return _file({**block, "type": "file", "url": url, "base64": data}, where)


def _input_image(block: dict[str, Any], where: str) -> Part:
    return _image({**block, "type": "image", "url": block.get("image_url")}, where)


def _audio(block: dict[str, Any], where: str) -> Part:
    source = source_of(block)
    if source.file_id:
        return {"type": "file", "file": {"file_id": source.file_id}}
    if source.data:
        subtype = (source.mime or "audio/wav").partition("/")[2].partition(";")[0]
        audio_format = input_audio_format(subtype)
        if audio_format not in INPUT_AUDIO_FORMATS:
            raise InvalidRequestError(
                f"{where}: sound of type {source.mime!r} is not taken; wav, mp3, flac, opus and"
                " pcm16 are.",
                param="messages",
            )
        return {
            "type": "input_audio",
            "input_audio": {"data": source.data, "format": audio_format},
        }
    if not source.url:
        raise _no_source_error(block, where)
    return {
        "type": "file",
        "file": {"file_url": source.url, "mime_type": source.mime or "audio/wav"},
    }


def _video(block: dict[str, Any], where: str) -> Part:
    source = source_of(block)
    if source.file_id:
        return {"type": "file", "file": {"file_id": source.file_id}}
    mime = source.mime or "video/mp4"
    url = _url_of(source, mime)
    if not url:
        raise _no_source_error(block, where)
    return {"type": "video_url", "video_url": {"url": url, "mime_type": mime}}


def _file(block: dict[str, Any], where: str) -> Part:
    if _is_text_document(block):
        return _plain_text(block, where)
    blocks = (block.get("source") or {}).get("content")  # Anthropic's document of blocks
    if isinstance(blocks, str):
        blocks = [blocks]
    if isinstance(blocks, list):
        return _document_of_blocks(blocks, where)
    source, fields = source_of(block), {**_extras(block), **block}
    name = next((fields[field] for field in NAME_FIELDS if fields.get(field)), None)
    if source.file_id:
        named = {"file_name": name} if name else {}
        return {"type": "file", "file": {"file_id": source.file_id, **named}}
    mime = source.mime or fields.get("file_mime_type")
    if mime in {None, PDF} and not str(source.data).startswith(PDF_IN_BASE64):
        # LangChain calls every file of OpenAI's form a PDF; the name knows better.
        mime = document_type(name, source.url) or PDF
    file = {"file_name": document_name(name, url=source.url, mime_type=mime), "mime_type": mime}
    if source.data:
        return {"type": "file", "file": {**file, "file_data": f"data:{mime};base64,{source.data}"}}
    if not source.url:
        raise _no_source_error(block, where)
    return {"type": "file", "file": {**file, "file_url": source.url}}


def _document_of_blocks(blocks: list[Any], where: str) -> Part:
    parts = [part_from(block, where) for block in blocks]
    if all(part["type"] == "text" for part in parts):
        return {"type": "text", "text": "\n".join(part["text"] for part in parts)}
    raise InvalidRequestError(
        f"{where}: a document made of blocks is sent as text; give pictures beside it."
    )


def _media(block: dict[str, Any], where: str) -> Part:
    kind = str(source_of(block).mime or "").partition("/")[0]
    return {"image": _image, "audio": _audio, "video": _video}.get(kind, _file)(block, where)


ENCODERS: dict[str, Callable[[dict[str, Any], str], Part]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "refusal": _refusal,
    "text-plain": _plain_text,
    "image": _image,
    "input_image": _input_image,
    "input_file": _input_file,
    "audio": _audio,
    "video": _video,
    "file": _file,
    "document": _file,
    "media": _media,
}

KNOWN_KINDS = frozenset({*ENCODERS, *GATEWAY_PARTS})
