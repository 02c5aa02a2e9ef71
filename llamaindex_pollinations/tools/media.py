"""The tools that make pictures and videos."""

from __future__ import annotations

import asyncio
from typing import ClassVar, Literal

from pydantic import BaseModel

from pollinations_client._adapter_support import (
    ConversationPictures,
    MediaAnswer,
    MediaTool,
    make_media,
    make_media_async,
)

from .base import Arguments, SpecOptions, ToolGroup

__all__ = ["MediaTools"]

KINDS: dict[str, Literal["image", "video"]] = {
    "generate_image": "image",
    "generate_video": "video",
}


class MediaTools(ToolGroup):
    """``generate_image`` and ``generate_video``, with names for the pictures made."""

    names: ClassVar[tuple[str, ...]] = ("generate_image", "generate_video")

    def __init__(self, options: SpecOptions) -> None:
        super().__init__(options)
        self._pictures = ConversationPictures()

    def schema(self, name: str) -> tuple[str, type[BaseModel]]:
        """The description and arguments, made from the cards of the models."""
        tool = self._media_tool(name)
        arguments = tool.arguments()
        return tool.description(arguments), arguments

    def answer(self, name: str, arguments: Arguments) -> MediaAnswer:
        """Make a picture or a video."""
        tool = self._media_tool(name)
        picture, cost = make_media(self._options._client, tool.request(arguments))
        return tool.answer(picture, cost)

    async def aanswer(self, name: str, arguments: Arguments) -> MediaAnswer:
        """:meth:`answer`, awaited."""
        tool = self._media_tool(name)
        picture, cost = await make_media_async(self._options._async_client, tool.request(arguments))
        # In a thread: a video of megabytes is written to disk here.
        return await asyncio.to_thread(tool.answer, picture, cost)

    def _media_tool(self, name: str) -> MediaTool:
        options = self._options
        model, models = options.model, options.models
        if name == "generate_video":
            model, models = options.video_model, None
        return MediaTool(
            KINDS[name],
            options.catalog,
            options,
            model=model,
            models=models,
            pictures=self._pictures,
            shared=True,  # the options are those of all tools
        )
