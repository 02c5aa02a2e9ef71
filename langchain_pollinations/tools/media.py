"""The tools that make pictures and videos."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Unpack

from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from pydantic import PrivateAttr

from pollinations_client import MediaResult
from pollinations_client._adapter_support import (
    DESCRIPTIONS,
    ConversationPictures,
    MediaAnswer,
    MediaTool,
    MediaToolOptions,
    NoArguments,
    earlier_pictures,
    make_media,
    make_media_async,
)

from .base import Content, GatewayTool, SharedByToolkit, tool_errors

if TYPE_CHECKING:
    from .._option_types import MakingToolOptions

__all__ = ["MakingTool", "PollinationsImageTool", "PollinationsVideoTool"]


class MakingTool(GatewayTool, MediaToolOptions):
    """What the picture and the video tool share.

    Its fields are the operator's; a call's arguments prevail.
    """

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"

    kind: ClassVar[Literal["image", "video"]] = "image"
    door: ClassVar[str | None] = "extra_query"

    _pictures: ConversationPictures = PrivateAttr(default_factory=ConversationPictures)
    _is_of_toolkit: bool = PrivateAttr(default=False)

    @property
    def _media_tool(self) -> MediaTool:
        model = self.model
        if self.models and "model" not in self.model_fields_set:
            model = None  # then the first of the operator's, not the class's own default
        return MediaTool(
            self.kind,
            self.catalog,
            self,
            model=model,
            models=self.models,
            pictures=self._pictures,
            shared=self._is_of_toolkit,
        )

    def _describe(self) -> None:
        tool = self._media_tool
        if not self._has_own_schema:
            self.args_schema = tool.arguments()
            if "description" not in self.model_fields_set or self._has_usual_description:
                self.description = tool.description(self.args_schema)
        super()._describe()

    @property
    def _has_usual_description(self) -> bool:
        usual: str = type(self).model_fields["description"].default
        return self.description.startswith(usual)

    def _join(self, shared: SharedByToolkit) -> GatewayTool:
        self._pictures, self._is_of_toolkit = shared.pictures, True
        return super()._join(shared)

    def _run(
        self,
        prompt: str,
        config: RunnableConfig,
        run_manager: CallbackManagerForToolRun | None = None,
        **arguments: Any,
    ) -> Any:
        with tool_errors():
            tool, thread = self._media_tool, self._conversation(config)
            request = tool.request({"prompt": prompt, **arguments}, thread)
            picture, cost = make_media(self._client, request)
            answer = tool.answer(picture, cost, thread)
            return self._output(*_content_and_artifact(answer))

    async def _arun(
        self,
        prompt: str,
        config: RunnableConfig,
        run_manager: AsyncCallbackManagerForToolRun | None = None,
        **arguments: Any,
    ) -> Any:
        with tool_errors():
            tool, thread = self._media_tool, self._conversation(config)
            request = tool.request({"prompt": prompt, **arguments}, thread)
            picture, cost = await make_media_async(self._async_client, request)
            answer = await asyncio.to_thread(tool.answer, picture, cost, thread)
            return self._output(*_content_and_artifact(answer))

    def _conversation(self, config: RunnableConfig) -> str | None:
        """The conversation that a call belongs to; earlier pictures of it are recalled."""
        thread = thread_of(config)
        if thread is not None and not self._pictures.knows(thread):
            answers = [
                (message.text, message.artifact)
                for message in messages_of(config)
                if isinstance(message, ToolMessage)
            ]
            self._pictures.resume(thread, earlier_pictures(answers, self.save_dir))
        return thread


class PollinationsImageTool(MakingTool):
    """Draws a picture from a description, or changes one, for agents and for people.

    The artifact is a :class:`~pollinations_client.MediaResult`.

    Examples:
        >>> from pollinations_client.emulator import Emulator
        >>> with Emulator() as gateway:
        ...     tool = PollinationsImageTool(width=64, height=64, base_url=gateway.url)
        ...     tool.invoke({"prompt": "a red fox in snow", "seed": 1})[:45]
        "Made a picture of 'a red fox in snow' (model "
    """

    name: str = "generate_image"
    description: str = DESCRIPTIONS["image"]
    args_schema: Any = NoArguments
    model: str | None = "flux"
    """The image model; see ``PollinationsClient().image_models()``."""

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, model: str | None = None, **options: Unpack[MakingToolOptions]) -> None:
            """Take options; open nothing."""


class PollinationsVideoTool(MakingTool):
    """Makes a short video from a description, within seconds or minutes; an mp4 in the artifact."""

    kind: ClassVar[Literal["image", "video"]] = "video"

    name: str = "generate_video"
    description: str = DESCRIPTIONS["video"]
    args_schema: Any = NoArguments
    model: str | None = "veo"
    """The video model; see ``PollinationsClient().image_models()``."""

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, model: str | None = None, **options: Unpack[MakingToolOptions]) -> None:
            """Take options; open nothing."""


def thread_of(config: RunnableConfig | None) -> str | None:
    """The conversation that a call belongs to."""
    # LangGraph's checkpoints are filed under this key, so an agent with memory has it.
    thread = ((config or {}).get("configurable") or {}).get("thread_id")
    return None if thread is None else str(thread)


def messages_of(config: RunnableConfig) -> list[Any]:
    """The messages of the graph that a tool runs in; none outside of one."""
    # LangGraph's ToolNode reads the state by this key (langgraph/prebuilt/tool_node.py). An
    # injected argument would be the other way, and keeps a tool from being served by MCP.
    read = (config.get("configurable") or {}).get("__pregel_read")
    if read is None:
        return []
    try:
        return list(read("messages") or ())
    except KeyError:  # a graph of another state
        return []


def _content_and_artifact(answer: MediaAnswer) -> tuple[Content, MediaResult]:
    """What the model reads, and the artifact."""
    # The picture itself only where the operator asked for it: it is paid for on every later turn.
    if answer.picture_for_model is None:
        return answer.text, answer.result
    block = {
        "type": "image",
        "base64": base64.b64encode(answer.picture_for_model.data).decode("ascii"),
        "mime_type": answer.picture_for_model.mime_type,
    }
    return [{"type": "text", "text": answer.text}, block], answer.result
