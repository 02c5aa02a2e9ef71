"""The tools that look things up: web search, the models there are, the balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack

from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun

from pollinations_client import Reply
from pollinations_client._adapter_support import (
    BALANCE,
    MODELS,
    SEARCH,
    ListArguments,
    NoArguments,
    SearchArguments,
    balance_text,
    check_kind,
    model_lister,
    models_text,
    offered_models_text,
    search_answer,
)

from .base import GatewayTool, tool_errors

if TYPE_CHECKING:
    from .._option_types import ModelsToolOptions, SearchToolOptions, ToolOptions

__all__ = ["PollinationsBalanceTool", "PollinationsModelsTool", "PollinationsSearchTool"]


class PollinationsSearchTool(GatewayTool):
    """Asks a model that searches the web, for agents whose own model cannot.

    The artifact is a list of the sources, each with ``title`` and ``url``.

    Examples:
        >>> from pollinations_client.emulator import Emulator
        >>> with Emulator() as gateway:
        ...     tool = PollinationsSearchTool(base_url=gateway.url)
        ...     "Sources:" in tool.invoke({"query": "Who won?"})
        True
    """

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    name: str = "web_search"
    description: str = SEARCH
    args_schema: Any = SearchArguments
    model: str = "sonar"
    """A searching model: ``sonar``, ``gemini-search``."""
    return_search_results: bool = False
    """Give the sources as ``search_result`` blocks too, which Claude's own API cites from."""

    def _describe(self) -> None:
        check_kind(self.catalog, "text", self.model, param="model")
        super()._describe()

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, model: str | None = None, **options: Unpack[SearchToolOptions]) -> None:
            """Take options; open nothing."""

    def _run(self, query: str, run_manager: CallbackManagerForToolRun | None = None) -> Any:
        with tool_errors():
            return self._answer(self._client.chat(query, model=self.model))

    async def _arun(
        self, query: str, run_manager: AsyncCallbackManagerForToolRun | None = None
    ) -> Any:
        with tool_errors():
            return self._answer(await self._async_client.chat(query, model=self.model))

    def _answer(self, reply: Reply) -> Any:
        answer = search_answer(reply)
        if self.return_search_results and answer.sources:
            return self._output([*answer.search_results], answer.sources)
        return self._output(answer.text, answer.sources)


class PollinationsModelsTool(GatewayTool):
    """Lists the gateway's models with what each can do, or only those that an operator offers."""

    name: str = "list_models"
    description: str = MODELS
    args_schema: Any = ListArguments
    models: list[str] | None = None
    """Names to list; without them all of a kind, asked from the gateway."""
    models_kind: Literal["text", "image", "video", "audio"] = "image"
    """What ``models`` make."""

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, **options: Unpack[ModelsToolOptions]) -> None:
            """Take options; open nothing."""

    def _describe(self) -> None:
        if not self._has_own_schema:
            self.args_schema = NoArguments if self.models else ListArguments
        super()._describe()

    def _run(self, kind: str = "text", run_manager: CallbackManagerForToolRun | None = None) -> str:
        if self.models:
            return offered_models_text(self.catalog, self.models, self.models_kind)
        with tool_errors():
            return models_text(model_lister(self._client, kind)(), kind)

    async def _arun(
        self, kind: str = "text", run_manager: AsyncCallbackManagerForToolRun | None = None
    ) -> str:
        if self.models:
            return offered_models_text(self.catalog, self.models, self.models_kind)
        with tool_errors():
            return models_text(await model_lister(self._async_client, kind)(), kind)


class PollinationsBalanceTool(GatewayTool):
    """Tells how much pollen, the gateway's credit, is left."""

    name: str = "check_balance"
    description: str = BALANCE
    args_schema: Any = NoArguments

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, **options: Unpack[ToolOptions]) -> None:
            """Take options; open nothing."""

    def _run(self, run_manager: CallbackManagerForToolRun | None = None) -> str:
        with tool_errors():
            return balance_text(self._client.balance())

    async def _arun(self, run_manager: AsyncCallbackManagerForToolRun | None = None) -> str:
        with tool_errors():
            return balance_text(await self._async_client.balance())
