"""Tools that make pictures and videos.

What a model may decide is in the schemas, all else in fields.

The model reads one line; the bytes are in the artifact, for a picture in a conversation is paid for
on every turn.
"""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun
from langchain_core.tools import ArgsSchema, BaseTool
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pollinations_client import ImageOptions, Picture, PollinationsError, SaveError
from pollinations_client._adapter_support import MAX_SEED, invalid_request_from

from ._client import ClientMixin
from .errors import as_tool_error

Content = str | list[str | dict[str, Any]]
Pixels = Annotated[int, Field(ge=64, le=2048)]
# Models give one address where a list is asked for.
Addresses = Annotated[
    list[str], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
]
SENT = tuple(ImageOptions.model_fields)


class ImageRequest(BaseModel):
    """What a model decides about a picture."""

    prompt: str = Field(
        description=(
            "What the picture shows: subject, surroundings, style, light. English works best."
        )
    )
    width: Pixels | None = Field(
        default=None, description="Width in pixels; leave out for the usual size."
    )
    height: Pixels | None = Field(
        default=None, description="Height in pixels; leave out for the usual size."
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=MAX_SEED,
        description="Give the same number to get the same picture again.",
    )
    image: Addresses | None = Field(
        default=None,
        description=(
            "Web addresses (https) of pictures to change or to start from; few models take them."
        ),
    )


class VideoRequest(BaseModel):
    """What a model decides about a video."""

    prompt: str = Field(
        description="What happens in the video: subject, movement, surroundings, camera."
    )
    duration: int | None = Field(
        default=None, ge=1, le=120, description="Length in seconds, usually 4 to 8."
    )
    aspect_ratio: Literal["16:9", "9:16"] | None = Field(
        default=None, description="16:9 is wide, 9:16 is upright."
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=MAX_SEED,
        description="Give the same number to get the same video again.",
    )
    image: Addresses | None = Field(
        default=None,
        description="Web addresses (https) of the first picture and, if wanted, the last one.",
    )


def explained(error: Any) -> str:
    """A call with bad arguments, for the model: which ones, why, and what they may be."""
    if isinstance(error, ValidationError):
        return f"{invalid_request_from(error, ()).message} Correct the arguments and call again."
    return f"{error} Correct the arguments and call again."


class GatewayTool(ClientMixin, BaseTool):
    """What the tools share: a connection, and failures that an agent can read and act on."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", populate_by_name=True)

    handle_tool_error: Any = True
    """Failures become the tool's answer, so that the agent goes on.

    With ``False`` they are raised, as errors that are both ``ToolException`` and LangChain's
    ``ModelError``, for middleware that retries.
    """
    handle_validation_error: Any = explained
    """Bad arguments become the tool's answer too."""


class MakingTool(GatewayTool, ImageOptions):
    """What the picture and the video tool share.

    Its fields are the operator's; a call's arguments prevail.
    """

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    save_dir: str | Path | None = None
    """Folder to save into; the tool tells the path.

    ``None`` keeps the bytes in the artifact only.
    """
    return_image: bool = False
    """Also show the picture to the model, as an image block; it costs tokens in every later turn.
    """
    artifact_data: Literal["bytes", "base64", "none"] = "bytes"
    """The artifact's ``data``: ``base64`` for savers that store JSON, ``none`` where ``save_dir``
    is enough.
    """

    makes: ClassVar[str] = "picture"
    door: ClassVar[str | None] = "extra_query"

    def _made(self, prompt: str, **chosen: Any) -> tuple[Content, dict[str, Any]]:
        make = self._client.video if self.makes == "video" else self._client.image
        try:
            return self._answer(make(prompt, **self._request(**chosen)))
        except PollinationsError as error:
            failure = as_tool_error(error)
        raise failure

    async def _amade(self, prompt: str, **chosen: Any) -> tuple[Content, dict[str, Any]]:
        make = self._async_client.video if self.makes == "video" else self._async_client.image
        try:
            return await asyncio.to_thread(
                self._answer, await make(prompt, **self._request(**chosen))
            )
        except PollinationsError as error:
            failure = as_tool_error(error)
        raise failure

    def _request(self, **chosen: Any) -> dict[str, Any]:
        fields = {name: self.__dict__[name] for name in SENT}
        fields.update({name: value for name, value in chosen.items() if value is not None})
        return {name: value for name, value in fields.items() if value is not None}

    def _answer(self, picture: Picture) -> tuple[Content, dict[str, Any]]:
        """One line for the model, and everything for the program."""
        path, where = self._saved(picture)
        size = picture.size_px
        facts = [f"model {picture.model}", f"seed {picture.seed}", picture.mime_type]
        if size is not None:
            facts.append(f"{size[0]}x{size[1]} px")
        text = f"Made a {self.makes} of {picture.prompt!r} ({', '.join(facts)}), {where}."
        cost = self._client.cost(picture.info, picture.model or "").total
        artifact = {
            "data": self._data(picture),
            "mime_type": picture.mime_type,
            "path": path,
            "url": picture.url,
            "prompt": picture.prompt,
            "model": picture.model,
            "seed": picture.seed,
            "width": size[0] if size else None,
            "height": size[1] if size else None,
            "cost": None if cost is None else float(cost),
        }
        if not self.return_image or picture.is_video:
            return text, artifact
        shown = {
            "type": "image",
            "base64": base64.b64encode(picture.data).decode(),
            "mime_type": picture.mime_type,
        }
        return [{"type": "text", "text": text}, shown], artifact

    def _saved(self, picture: Picture) -> tuple[str | None, str]:
        """Where the file is, and what to say of it.

        What was paid for is not lost because a folder is read-only.
        """
        if self.save_dir is None:
            return None, "kept with this result, where the user can see it"
        try:
            path = str(picture.save_in(self.save_dir))
        except SaveError as error:
            return None, f"not saved ({error}), but kept with this result"
        return path, f"saved as {path}"

    def _data(self, picture: Picture) -> bytes | str | None:
        match self.artifact_data:
            case "bytes":
                return picture.data
            case "base64":
                return base64.b64encode(picture.data).decode()
        return None


class PollinationsImageTool(MakingTool):
    """Draws a picture from a description, for agents and for people.

    The artifact has ``data``, ``mime_type``, ``path``, ``url`` (without a key), ``prompt``,
    ``model``, ``seed``, ``width``, ``height`` and ``cost``.

    Example:
        >>> from pollinations_client.emulator import Emulator
        >>> with Emulator() as gateway:
        ...     tool = PollinationsImageTool(width=64, height=64, base_url=gateway.url)
        ...     tool.invoke({"prompt": "a red fox in snow", "seed": 1})[:45]
        "Made a picture of 'a red fox in snow' (model "
    """

    name: str = "generate_image"
    description: str = (
        "Draw a picture from a description. Use it whenever the user asks to draw, paint, generate"
        " or create an image, picture, photo, logo or illustration. Describe everything the picture"
        " should show in the prompt."
    )
    args_schema: ArgsSchema | None = ImageRequest
    model: str | None = "flux"
    """The image model; see ``PollinationsClient().image_models()``."""

    def _run(
        self,
        prompt: str,
        width: int | None = None,
        height: int | None = None,
        seed: int | None = None,
        image: list[str] | None = None,
        run_manager: CallbackManagerForToolRun | None = None,
    ) -> tuple[Content, dict[str, Any]]:
        return self._made(prompt, width=width, height=height, seed=seed, image=image)

    async def _arun(
        self,
        prompt: str,
        width: int | None = None,
        height: int | None = None,
        seed: int | None = None,
        image: list[str] | None = None,
        run_manager: AsyncCallbackManagerForToolRun | None = None,
    ) -> tuple[Content, dict[str, Any]]:
        return await self._amade(prompt, width=width, height=height, seed=seed, image=image)


class PollinationsVideoTool(MakingTool):
    """Makes a short video from a description: seconds to minutes of waiting, an mp4 in the artifact
    in the end.
    """

    makes: ClassVar[str] = "video"

    name: str = "generate_video"
    description: str = (
        "Make a short video from a description. It takes a minute or more and costs much more than"
        " a picture: use it only when the user asks for a video, a clip or an animation."
    )
    args_schema: ArgsSchema | None = VideoRequest
    model: str | None = "veo"
    """The video model; see ``PollinationsClient().image_models()``."""

    def _run(
        self,
        prompt: str,
        duration: int | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
        image: list[str] | None = None,
        run_manager: CallbackManagerForToolRun | None = None,
    ) -> tuple[Content, dict[str, Any]]:
        return self._made(
            prompt, duration=duration, aspect_ratio=aspect_ratio, seed=seed, image=image
        )

    async def _arun(
        self,
        prompt: str,
        duration: int | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
        image: list[str] | None = None,
        run_manager: AsyncCallbackManagerForToolRun | None = None,
    ) -> tuple[Content, dict[str, Any]]:
        return await self._amade(
            prompt, duration=duration, aspect_ratio=aspect_ratio, seed=seed, image=image
        )
