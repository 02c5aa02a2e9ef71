"""Tools that look things up, and all tools with one key and one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun
from langchain_core.tools import ArgsSchema, BaseTool, BaseToolkit
from pydantic import BaseModel, ConfigDict, Field

from pollinations_client import Balance, ModelCard, PollinationsError

from ._client import ClientMixin
from .errors import as_tool_error
from .tools import GatewayTool, PollinationsImageTool, PollinationsVideoTool

Kind = Literal["text", "image", "video", "audio"]


class ModelsRequest(BaseModel):
    """Which models to list."""

    kind: Kind = Field(default="text", description="text for chat, image, video or audio.")


class NoRequest(BaseModel):
    """Nothing to decide."""


class PollinationsModelsTool(GatewayTool):
    """Lists the gateway's models with what each can do."""

    name: str = "list_models"
    description: str = "List the AI models there are, by kind: for chat, pictures, video or speech."
    args_schema: ArgsSchema | None = ModelsRequest

    def _run(
        self, kind: Kind = "text", run_manager: CallbackManagerForToolRun | None = None
    ) -> str:
        client = self._client
        lists = {"text": client.text_models, "audio": client.audio_models}
        try:
            return _listed(lists.get(kind, client.image_models)(), kind)
        except PollinationsError as error:
            failure = as_tool_error(error)
        raise failure

    async def _arun(
        self, kind: Kind = "text", run_manager: AsyncCallbackManagerForToolRun | None = None
    ) -> str:
        client = self._async_client
        lists = {"text": client.text_models, "audio": client.audio_models}
        try:
            return _listed(await lists.get(kind, client.image_models)(), kind)
        except PollinationsError as error:
            failure = as_tool_error(error)
        raise failure


def _listed(cards: list[ModelCard], kind: Kind) -> str:
    lines = [_line(card) for card in cards if card.category == kind]
    return "\n".join(lines) or f"The gateway lists no {kind} models."


def _line(card: ModelCard) -> str:
    abilities = {
        "tools": card.tools,
        "reasoning": card.reasoning,
        "reads pictures": card.vision and card.is_text,
    }
    facts = [name for name, has in abilities.items() if has]
    if card.context_window:
        facts.append(f"{card.context_window} tokens of context")
    if card.paid_only:
        facts.append("paid pollen only")
    about = card.description or card.title
    told = f"{card.name}: {about}" if about else card.name
    return f"{told} ({', '.join(facts)})" if facts else told


class PollinationsBalanceTool(GatewayTool):
    """Tells how much pollen, the gateway's credit, is left."""

    name: str = "pollen_balance"
    description: str = (
        "Tell how much pollen (the credit that pictures, videos and answers cost) is left."
    )
    args_schema: ArgsSchema | None = NoRequest

    def _run(self, run_manager: CallbackManagerForToolRun | None = None) -> str:
        try:
            return _left(self._client.balance())
        except PollinationsError as error:
            failure = as_tool_error(error)
        raise failure

    async def _arun(self, run_manager: AsyncCallbackManagerForToolRun | None = None) -> str:
        try:
            return _left(await self._async_client.balance())
        except PollinationsError as error:
            failure = as_tool_error(error)
        raise failure


def _left(balance: Balance) -> str:
    return f"{balance.balance} pollen are left."


class PollinationsToolkit(ClientMixin, BaseToolkit):
    """The gateway's tools with one key, one connection and one folder.

    ``create_agent(llm, tools=PollinationsToolkit(save_dir="pictures").get_tools())``
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", populate_by_name=True)

    door: ClassVar[str | None] = None

    save_dir: str | Path | None = None
    """Folder for pictures and videos."""
    image_model: str = "flux"
    """The model that draws; see ``PollinationsClient().image_models()``."""
    video_model: str | None = None
    """``None`` leaves the video tool out: a video costs a hundred times as much as a picture."""

    def get_tools(self) -> list[BaseTool]:
        """The tools: pictures, video where a model for it is named, the list of models, the
        balance.
        """
        common: dict[str, Any] = {name: self.__dict__[name] for name in ClientMixin.model_fields}
        tools: list[BaseTool] = [
            PollinationsImageTool(model=self.image_model, save_dir=self.save_dir, **common)
        ]
        if self.video_model is not None:
            tools.append(
                PollinationsVideoTool(model=self.video_model, save_dir=self.save_dir, **common)
            )
        return [*tools, PollinationsModelsTool(**common), PollinationsBalanceTool(**common)]
