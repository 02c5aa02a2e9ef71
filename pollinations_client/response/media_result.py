"""Describe a picture, video or sound that a tool made, for programs that use the tool.

LangChain hands it on as the artifact of a tool message, LlamaIndex as ``raw_output``.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

__all__ = ["MediaResult"]

# What a notebook shows by its own MIME type; the rest needs a tag.
SHOWN_BY_TYPE = frozenset({"image/png", "image/jpeg", "image/gif"})
TAGS = {
    "image": '<img src="{url}">',
    "video": '<video controls src="{url}"></video>',
    "audio": '<audio controls src="{url}"></audio>',
}


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


class MediaResult(BaseModel):
    """A picture, a video or a sound that a tool made.

    ``result["path"]`` reads as ``result.path`` does, since some checkpoints give a dict back.

    Examples:
        >>> MediaResult(mime_type="image/png", prompt="a bee", path="bee.png")["path"]
        'bee.png'
    """

    model_config = ConfigDict(extra="forbid")

    data: bytes | None = Field(default=None, repr=False)
    """The bytes; ``None`` where they were saved. Base64 in JSON."""
    mime_type: str
    """What the bytes are by their own signature."""
    path: str | None = None
    """The file, where it was saved."""
    url: str | None = None
    """A public address that needs no key, where the gateway gave one."""
    prompt: str
    model: str | None = None
    """The model that made it, by the gateway's word."""
    seed: int | None = None
    width: int | None = None
    """Pixels, as the bytes say."""
    height: int | None = None
    duration_s: float | None = None
    """Seconds of a video or a sound."""
    cost: float | None = None
    """Pollen; ``None`` where the price is not known."""
    cost_is_upper_bound: bool = False
    """The answer came from the gateway's cache, which bills nothing."""

    # Pydantic's own base64 is of the alphabet for URLs, which browsers and other languages refuse.
    @field_validator("data", mode="before")
    @classmethod
    def _decode(cls, data: Any) -> Any:
        """Bytes from the base64 that JSON holds; anything else as it is."""
        if not isinstance(data, str):
            return data
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise ValueError("data: base64 of the standard alphabet is needed") from error

    @field_serializer("data", when_used="json-unless-none")
    def _encode(self, data: bytes) -> str:
        return _encoded(data)

    def __getitem__(self, name: str) -> Any:
        if name not in type(self).model_fields:
            raise KeyError(name)
        return getattr(self, name)

    def __contains__(self, name: object) -> bool:
        return name in type(self).model_fields

    def get(self, name: str, default: Any = None) -> Any:
        """The field of that name, as of a dict."""
        if name in self:
            return getattr(self, name)
        return default

    @property
    def size_text(self) -> str | None:
        """``1024x768 px``, where the size is known."""
        if self.width is None:
            return None
        return f"{self.width}x{self.height} px"

    def __repr__(self) -> str:
        details = [self.mime_type, self.size_text, self.path, self.model]
        if self.data is not None:
            details.insert(2, f"{len(self.data)} bytes")
        return f"MediaResult({', '.join(detail for detail in details if detail)})"

    __str__ = __repr__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the picture, a player, or the line alone without bytes."""
        bundle = {"text/plain": repr(self)}
        data = self.data
        if data is None and self.path is not None:
            with contextlib.suppress(OSError):  # moved or deleted since
                data = Path(self.path).read_bytes()
        if data is None:
            return bundle
        encoded = _encoded(data)
        if self.mime_type in SHOWN_BY_TYPE:
            return {**bundle, self.mime_type: encoded}
        tag = TAGS.get(self.mime_type.partition("/")[0])
        if tag is not None:
            bundle["text/html"] = tag.format(url=f"data:{self.mime_type};base64,{encoded}")
        return bundle
