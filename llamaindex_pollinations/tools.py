"""``PollinationsToolSpec``: pictures, videos, the model list and the balance as tools of
an agent.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import TextBlock, VideoBlock
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec
from pydantic import SecretStr

from pollinations_client import ImageOptions, InvalidRequestError, ModelCard, Picture, SaveError
from pollinations_client._adapter_support import (
    CloseableMixin,
    as_secret,
    unknown_option,
)

from ._client import ClientMixin
from ._fast_construct import image_block
from ._options import with_own_names

__all__ = ["PollinationsToolSpec"]

Blocks = list[
    Any
]  # of text, image and video blocks: LlamaIndex writes the annotation out for the model
LISTED_MODELS = 40


class PollinationsToolSpec(CloseableMixin, BaseToolSpec):
    """Tools over the gateway's pictures: ``FunctionAgent(llm=llm,
    tools=PollinationsToolSpec().to_tool_list())``.

    The model that uses them sees a few typed arguments; everything else is settled here.

    Args:
        model: The model that draws when the caller names none.
        video_model: Set it to offer ``generate_video`` too, which costs far more than a picture.
        save_dir: Where pictures are saved; their paths are then told. Left out, nothing is written.
        api_key: ``sk_...`` or ``pk_...``; else ``POLLINATIONS_API_KEY``.
        api_base: The gateway's address (also ``base_url``); else ``POLLINATIONS_BASE_URL``.
        **settings: ``timeout``, ``max_retries``, ``http_client`` and the like, as of
            :class:`Pollinations`, and fields of :class:`~pollinations_client.ImageOptions` that
            hold for every picture: ``safe``,
                ``width``, ``seed``...

    Raises:
        InvalidRequestError: For an unknown or impossible setting; ``ConfigurationError`` without a
            key.

    Example:
        >>> from pollinations_client.emulator import Emulator
        >>> gateway = Emulator().start()
        >>> draw, *_ = PollinationsToolSpec(model="flux", api_base=gateway.url).to_tool_list()
        >>> draw(prompt="a daisy", width=64, height=64).blocks[1].image_mimetype
        'image/jpeg'
        >>> gateway.stop()
    """

    def __init__(
        self,
        model: str | None = "flux",
        *,
        video_model: str | None = None,
        save_dir: str | os.PathLike[str] | None = None,
        api_key: str | SecretStr | None = None,
        api_base: str | None = None,
        **settings: Any,
    ) -> None:
        api_key = as_secret(api_key)
        self.model = model
        named = with_own_names({"api_base": api_base, **settings})
        known = {*ClientMixin.model_fields, *ImageOptions.model_fields, "video_model", "save_dir"}
        for name in named:
            if name not in known:
                raise unknown_option(name, known, door="extra_query")
        self.video_model = video_model
        if not isinstance(save_dir, (str, os.PathLike, type(None))):
            raise InvalidRequestError(
                f"save_dir: a path is needed, {save_dir!r} was given.", param="save_dir"
            )
        self.save_dir = None if save_dir is None else Path(save_dir)
        connection = {name: named.pop(name) for name in ClientMixin.model_fields & named.keys()}
        self._image_options = named
        ImageOptions.checked(self._image_options, door="extra_query")
        self._connection = ClientMixin(api_key=api_key, **connection)
        self.spec_functions: list[SPEC_FUNCTION_TYPE] = [
            ("generate_image", "agenerate_image"),
            ("list_models", "alist_models"),
            ("check_balance", "acheck_balance"),
        ]
        if video_model is not None:
            self.spec_functions.insert(1, ("generate_video", "agenerate_video"))

    def generate_image(
        self,
        prompt: str,
        model: str | None = None,
        width: int | None = None,
        height: int | None = None,
        seed: int | None = None,
    ) -> Blocks:
        """Draw a picture from a description.

        Use it when the user asks to draw, paint, generate or create an image.

        Args:
            prompt (str): What the picture shows, in English, with style and mood.
            model (str): Name of the image model; leave it out unless the user asks for one.
            width (int): Width in pixels.
            height (int): Height in pixels.
            seed (int): A number from 0 to 2147483647; the same one draws the same picture again.
        """
        options = self._options(model or self.model, width=width, height=height, seed=seed)
        return self._shown(self._connection._client.image(prompt, **options))

    async def agenerate_image(
        self,
        prompt: str,
        model: str | None = None,
        width: int | None = None,
        height: int | None = None,
        seed: int | None = None,
    ) -> Blocks:
        """:meth:`generate_image`, awaited."""
        options = self._options(model or self.model, width=width, height=height, seed=seed)
        return self._shown(await self._connection._async_client.image(prompt, **options))

    def generate_video(
        self,
        prompt: str,
        duration: int | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
    ) -> Blocks:
        """Make a short video from a description.

        Slow and costly: only when the user asks for a video or an animation.

        Args:
            prompt (str): What happens in the video, in English.
            duration (int): Length in seconds.
            aspect_ratio (str): Shape of the frame, 16:9 or 9:16.
            seed (int): A number from 0 to 2147483647; the same one makes the same video again.
        """
        options = self._options(
            self.video_model, duration=duration, aspect_ratio=aspect_ratio, seed=seed
        )
        return self._shown(self._connection._client.image(prompt, **options))

    async def agenerate_video(
        self,
        prompt: str,
        duration: int | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
    ) -> Blocks:
        """:meth:`generate_video`, awaited."""
        options = self._options(
            self.video_model, duration=duration, aspect_ratio=aspect_ratio, seed=seed
        )
        return self._shown(await self._connection._async_client.image(prompt, **options))

    def list_models(self, kind: str = "image") -> str:
        """List the names of the models there are.

        Args:
            kind (str): Kind of model, one of image, video, text.
        """
        client = self._connection._client
        cards = client.text_models() if kind == "text" else client.image_models()
        return _named(cards, kind)

    async def alist_models(self, kind: str = "image") -> str:
        """:meth:`list_models`, awaited."""
        client = self._connection._async_client
        cards = await client.text_models() if kind == "text" else await client.image_models()
        return _named(cards, kind)

    def check_balance(self) -> str:
        """Tell how much pollen, the credit that pays for answers and pictures, is left."""
        return _told(self._connection._client.balance().balance)

    async def acheck_balance(self) -> str:
        """:meth:`check_balance`, awaited."""
        return _told((await self._connection._async_client.balance()).balance)

    def close(self) -> None:
        """Give the connections of blocking calls back."""
        self._connection.close()

    async def aclose(self) -> None:
        """Give all connections back."""
        await self._connection.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self.model!r})"

    def _options(self, model: str | None, **chosen: Any) -> dict[str, Any]:
        given = {
            name: value for name, value in {"model": model, **chosen}.items() if value is not None
        }
        return {**self._image_options, **given}

    def _shown(self, picture: Picture) -> Blocks:
        size = f", {picture.size_px[0]}x{picture.size_px[1]} px" if picture.size_px else ""
        what = "video" if picture.is_video else "picture"
        told = TextBlock(
            text=(
                f"The {what} of {picture.prompt!r} is made ({picture.mime_type}{size}, model "
                f"{picture.model or 'of the gateway'}, seed {picture.seed}).{self._saved(picture)}"
            )
        )
        if picture.is_video:
            return [told, VideoBlock(video=picture.data, video_mimetype=picture.mime_type)]
        return [told, image_block(picture.data, picture.mime_type)]

    def _saved(self, picture: Picture) -> str:
        """Where the file is. What was paid for is not lost because a folder cannot be written."""
        if self.save_dir is None:
            return ""
        try:
            return f" Saved at {picture.save_in(self.save_dir)}."
        except SaveError as error:
            return f" Not saved ({error}), but kept with this result."


def _named(cards: list[ModelCard], kind: str) -> str:
    kinds: Mapping[str, Callable[[ModelCard], bool]] = {
        "image": lambda card: not card.is_video,
        "video": lambda card: card.is_video,
        "text": lambda card: True,
    }
    if kind not in kinds:
        raise InvalidRequestError(f"kind: one of {', '.join(kinds)}, not {kind!r}.", param="kind")
    names = [card.name for card in cards if kinds[kind](card)]
    return f"{len(names)} {kind} models: {', '.join(names[:LISTED_MODELS])}"


def _told(balance: Any) -> str:
    return f"{balance} pollen are left; one pollen is one US dollar."
