"""The tools that look things up: web search, the models there are, the balance."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel

from pollinations_client._adapter_support import (
    BALANCE,
    MODELS,
    SEARCH,
    NoArguments,
    SearchArguments,
    balance_text,
    model_lister,
    models_text,
    offered_models_text,
    search_answer,
)

from .base import Arguments, ToolGroup

__all__ = ["LookupTools"]

SCHEMAS: dict[str, tuple[str, type[BaseModel]]] = {
    "web_search": (SEARCH, SearchArguments),
    "list_models": (MODELS, NoArguments),
    "check_balance": (BALANCE, NoArguments),
}


class LookupTools(ToolGroup):
    """``web_search``, ``list_models`` and ``check_balance``."""

    names: ClassVar[tuple[str, ...]] = tuple(SCHEMAS)

    def schema(self, name: str) -> tuple[str, type[BaseModel]]:
        """The description and arguments; a model chooses among offered models only."""
        return SCHEMAS[name]

    def answer(self, name: str, arguments: Arguments) -> Any:
        """Search, list or read."""
        options = self._options
        client = options._client
        if name == "web_search":
            return search_answer(client.chat(arguments["query"], model=options.search_model))
        if name == "check_balance":
            return balance_text(client.balance())
        if options.models:
            return offered_models_text(options.catalog, options.models, "image")
        kind = arguments["kind"]
        return models_text(model_lister(client, kind)(), kind)

    async def aanswer(self, name: str, arguments: Arguments) -> Any:
        """:meth:`answer`, awaited."""
        options = self._options
        client = options._async_client
        if name == "web_search":
            return search_answer(await client.chat(arguments["query"], model=options.search_model))
        if name == "check_balance":
            return balance_text(await client.balance())
        if options.models:
            return offered_models_text(options.catalog, options.models, "image")
        kind = arguments["kind"]
        return models_text(await model_lister(client, kind)(), kind)
