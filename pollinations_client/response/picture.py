"""A picture or a video as it came from ``GET /image/{prompt}``: bytes that were looked at before
they are handed on.
"""

from __future__ import annotations

import os
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import Keys, MalformedReply, excerpt_of
from ..media import files, sniff
from ..reply import ResponseInfo
from .error_decoder import error_from_body
from .reader import json_from

__all__ = ["Picture"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture or a video.

    ``data`` are its bytes, ``mime_type`` what they are by their own signature, ``seed`` the number
    it was made with (send it again to get the same one), ``url`` its address without any key.
    """

    data: bytes = field(repr=False)
    mime_type: str
    prompt: str
    url: str
    model: str | None = None
    seed: int | None = None
    info: ResponseInfo = field(default_factory=ResponseInfo, repr=False)

    @property
    def is_video(self) -> bool:
        """Whether it moves."""
        return self.mime_type.startswith("video/")

    @property
    def size_px(self) -> tuple[int, int] | None:
        """Width and height in pixels as the bytes say, which may differ from what was asked for."""
        return sniff.size_px(self.data)

    def save(self, path: str | os.PathLike[str] = ".", *, overwrite: bool = False) -> Path:
        """Write it to a file and return the file's path.

        ``path`` is a file name if it has a suffix, else a folder, made where missing, in which the
        name comes from prompt and seed. An existing file is kept and a number added, unless
        ``overwrite``; the write is atomic.
        """
        stem = files.safe_file_stem(self.prompt)
        if self.seed is not None:
            stem = f"{stem}-{self.seed}"
        return files.save(
            self.data, path, stem, sniff.extension_for(self.mime_type), overwrite=overwrite
        )

    def save_in(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write it into ``folder``, made where missing, and return the file's path.

        Unlike a path of ``save``, a folder may look like a file name: ``runs.2026`` is one.
        """
        return self.save(f"{os.fspath(folder)}{os.sep}", overwrite=overwrite)


def picture_from(
    body: bytes, info: ResponseInfo, prompt: str, url: str, secret: Keys = None
) -> Picture:
    """The picture in an answer.

    Raises where 200 came with something else: JSON, a page, nothing, half a file.
    """
    declared = info.headers.get("content-type", "").partition(";")[0].strip().lower()
    mime_type = sniff.sniff(body)
    if mime_type is None or not mime_type.startswith(("image/", "video/")):
        if body.lstrip()[:1] == b"{":
            parsed = json_from(body, info, secret)
            raise error_from_body(parsed, label="GET /image/{prompt}", secret=secret)
        what = f"{len(body)} bytes declared as {declared or 'nothing'}" if body else "nothing"
        raise MalformedReply(
            f"A picture was asked for and {what} came: {excerpt_of(body, secret)!r}.",
            excerpt=excerpt_of(body, secret),
            request_id=info.request_id,
        )
    if sniff.looks_cut(body, mime_type):
        raise MalformedReply(
            f"The {mime_type} is cut off after {len(body)} bytes. The same call gets it from the"
            " gateway's cache.",
            request_id=info.request_id,
        )
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    return Picture(
        data=body,
        mime_type=mime_type,
        prompt=prompt,
        url=url,
        model=info.model_used or query.get("model"),
        seed=int(query["seed"]) if query.get("seed", "").isdigit() else None,
        info=info,
    )
