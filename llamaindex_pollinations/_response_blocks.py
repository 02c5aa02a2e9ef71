"""Decode the parts of a reply that are no plain text as LlamaIndex's content blocks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CitationBlock,
    ImageBlock,
    TextBlock,
)

from pollinations_client import AudioPart, ImagePart, MalformedReply, Reply

from . import _fast_construct
from ._content import mime_type_of

__all__ = ["citation_blocks", "image_block", "sound_blocks"]


def image_block(part: ImagePart) -> ImageBlock:
    """A picture in an answer: its bytes if they came along, else its address."""
    if (encoded := part.data_base64) is not None:
        if mime_type := part.mime_type or mime_type_of(encoded):
            return _fast_construct.image_block(encoded, mime_type)
        return ImageBlock(image=part.data)
    try:
        return ImageBlock(url=part.url, image_mimetype=part.mime_type)
    except ValueError as error:
        cause = error
    raise MalformedReply("A picture in the answer has an address that is no URL.") from cause


def sound_blocks(part: AudioPart, audio_format: str | None) -> list[Any]:
    """The words of a sound, and the sound."""
    blocks: list[Any] = []
    if part.transcript:
        blocks.append(TextBlock(text=part.transcript))
    if part.data:
        # The answer does not name the format of its sound: it is the one that was asked for.
        data = part.data.encode("ascii")
        blocks.append(AudioBlock(audio=data, format=audio_format))
    return blocks


def citation_blocks(reply: Reply) -> list[CitationBlock]:
    """A block for each cited page, with title and excerpt out of the search results."""
    results = {
        str(result.get("url")): result
        for result in reply.search_results
        if isinstance(result, Mapping)
    }
    return [
        CitationBlock(
            cited_content=TextBlock(text=str(result.get("snippet") or "")),
            source=url,
            title=str(result.get("title") or url),
            additional_location_info={},
        )
        for url in reply.citations
        for result in [results.get(url, {})]
    ]
