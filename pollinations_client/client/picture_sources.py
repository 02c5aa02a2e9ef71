"""Split the pictures given to ``edit_image`` into addresses and bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from ..errors import InvalidRequestError
from ..media.data_url import parse_data_url
from ..media.files import read_saved

if TYPE_CHECKING:
    from ..response.media_result import MediaResult
    from ..response.picture import Picture

    PictureSource = str | bytes | PathLike[str] | Picture | MediaResult
    PictureSources = PictureSource | Sequence[PictureSource]

__all__ = ["split_sources"]


def split_sources(image: Any) -> tuple[list[str], list[bytes]]:
    """Split pictures into addresses and bytes; raises for a mixture, or for none."""
    addresses: list[str] = []
    pictures: list[bytes] = []
    if not isinstance(image, list | tuple):
        image = [image]
    for source in image:
        # A text is never a path: an address of somebody else's must not name a file here.
        if isinstance(source, str) and not source.startswith("data:"):
            addresses.append(source)
        else:
            pictures.append(_picture_bytes(source))
    if addresses and pictures:
        # Two routes: GET takes addresses alone, POST bytes alone.
        raise InvalidRequestError("image: give addresses or pictures, not both.", param="image")
    if not addresses and not pictures:
        raise InvalidRequestError("image: give a picture.", param="image")
    return addresses, pictures


def _picture_bytes(source: Any) -> bytes:
    """The bytes of a picture in any form but an address."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str):
        return parse_data_url(source)[1]
    if isinstance(source, os.PathLike):
        return read_saved(source)
    if data := getattr(source, "data", None):  # a Picture, a MediaResult
        return bytes(data)
    if path := getattr(source, "path", None):
        return read_saved(path)
    raise InvalidRequestError(
        "image: bytes, a Path, a Picture, a MediaResult, a data URL or an https address is needed,"
        f" or a list of them, not {type(source).__name__}.",
        param="image",
    )
