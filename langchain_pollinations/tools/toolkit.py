"""``PollinationsToolkit``: the gateway's tools with one connection and one set of options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from langchain_core.tools import BaseTool, BaseToolkit
from pydantic import ConfigDict, PrivateAttr

from pollinations_client._adapter_support import (
    AgentToolOptions,
    ArgumentAdvice,
    ConversationPictures,
    MediaToolOptions,
    SoundFolder,
    alias_of,
    with_secret_key,
)

from .._client import ClientMixin
from ..errors import model_errors
from .base import FailureHandler, GatewayTool, SharedByToolkit, ValidationHandler
from .lookups import PollinationsBalanceTool, PollinationsModelsTool, PollinationsSearchTool
from .media import PollinationsImageTool, PollinationsVideoTool
from .voice import PollinationsSpeechTool, PollinationsTranscriptionTool

if TYPE_CHECKING:
    from .._option_types import ToolkitOptions

__all__ = ["PollinationsToolkit"]

TOOLS: dict[str, type[GatewayTool]] = {
    "generate_image": PollinationsImageTool,
    "generate_video": PollinationsVideoTool,
    "web_search": PollinationsSearchTool,
    "list_models": PollinationsModelsTool,
    "speak": PollinationsSpeechTool,
    "transcribe": PollinationsTranscriptionTool,
    "check_balance": PollinationsBalanceTool,
}


class PollinationsToolkit(ClientMixin, AgentToolOptions, BaseToolkit):
    """The gateway's tools with one connection, one folder, and names for the pictures made.

    ``create_agent(llm, tools=PollinationsToolkit(save_dir="pictures").get_tools())``
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", populate_by_name=True, defer_build=False
    )

    door: ClassVar[str | None] = None
    aliases: ClassVar[Mapping[str, str]] = {**ClientMixin.aliases, "image_model": "model"}
    further_settings: ClassVar[tuple[str, ...]] = ("media_base_url",)

    model: str | None = "flux"
    """The model that draws, also ``image_model``; see ``PollinationsClient().image_models()``."""
    handle_tool_error: FailureHandler = True
    """See the same field of the tools."""
    handle_validation_error: ValidationHandler = ArgumentAdvice()
    """See the same field of the tools."""

    image_model = alias_of("model")

    _pictures: ConversationPictures = PrivateAttr(default_factory=ConversationPictures)
    _sounds: SoundFolder = PrivateAttr(default_factory=SoundFolder)

    def __init__(self, model: str | None = None, **options: Unpack[ToolkitOptions]) -> None:
        """Take options; open nothing. Refuses models that are known to make something else."""
        safe_options = with_secret_key(options)
        del options  # so that no frame of a traceback has the key as text
        super().__init__(model, **safe_options)
        with model_errors():
            self.check_other_models(self.catalog)
        self.get_tools()

    def get_tools(self) -> list[BaseTool]:
        """Make the tools: pictures; video, if a model for it is named; web search; the models, if
        there is a choice; voice, if asked for; the balance.
        """
        common = self._fields(*ClientMixin.model_fields, "handle_tool_error")
        common["handle_validation_error"] = self.handle_validation_error
        common["media_base_url"] = self.media_base_url
        media = self._fields(*MediaToolOptions.model_fields)
        options: dict[str, dict[str, Any]] = {
            "generate_image": media,
            "generate_video": {**media, "model": self.video_model, "models": None},
            "web_search": {"model": self.search_model},
            "list_models": {"models": self.models},
            "speak": {"model": self.speech_model, "save_dir": self.save_dir},
            "transcribe": {"model": self.transcription_model, "save_dir": self.save_dir},
            "check_balance": {},
        }
        shared = SharedByToolkit(self._connect(), self._pictures, self._sounds)
        return [
            TOOLS[name](**{**common, **options[name]})._join(shared)
            for name in self.offered_tools()
        ]

    def _fields(self, *names: str) -> dict[str, Any]:
        """Values of fields, but for a model that nobody chose: a tool has a default of its own."""
        defaults = {"model"} - self.model_fields_set
        return {name: self.__dict__[name] for name in names if name not in defaults}
