"""``BudgetMiddleware``: end an agent that has spent its budget with a message, not an error."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from pollinations_client import BudgetSpentError, ConfigurationError, PollenBudget
from pollinations_client._adapter_support import last_words, message_for_model

try:
    from langchain.agents.middleware import AgentMiddleware
except ImportError as missing:
    raise ImportError(
        "BudgetMiddleware is for agents of create_agent, which are in the package langchain: pip"
        ' install "langchain>=1"'
    ) from missing

from langchain.agents.middleware.types import ModelCallResult, ModelRequest, ToolCallRequest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import ToolException

__all__ = ["BudgetMiddleware"]


class BudgetMiddleware(AgentMiddleware[Any, Any]):
    """Ends an agent's run with a last AI message where its budget is spent.

    Without it ``BudgetSpentError`` leaves ``invoke``. A model without a known price still raises
    ``UnpricedModelError``, for that is the operator's to mend. Where another middleware asks a
    model by itself, for a summary say, the error leaves ``invoke`` as well.

    Args:
        budget: Counts the calls of the agent's model and tools. Left out, the budget is one that
            the agent is called in (``with budget:``), or that its model and tools were given.

    Examples:
        >>> from langchain.agents import create_agent
        >>> from langchain_pollinations import BudgetMiddleware, ChatPollinations
        >>> from pollinations_client import PollenBudget
        >>> from pollinations_client.emulator import Emulator
        >>> with Emulator() as gateway:
        ...     llm = ChatPollinations("openai", base_url=gateway.url)
        ...     agent = create_agent(llm, middleware=[BudgetMiddleware(PollenBudget(0))])
        ...     agent.invoke({"messages": "hi"})["messages"][-1].text[:31]
        'The budget of 0 pollen is spent'
    """

    def __init__(self, budget: PollenBudget | None = None) -> None:
        super().__init__()
        if budget is not None and not isinstance(budget, PollenBudget):
            kind = type(budget).__name__
            raise ConfigurationError(
                f"budget: a PollenBudget is needed. Given: {kind}.", param="budget"
            )
        self.budget = budget

    @property
    def _counting(self) -> contextlib.AbstractContextManager[Any]:
        return self.budget or contextlib.nullcontext()

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Any]
    ) -> ModelCallResult[Any]:
        """Call the model, or say that the budget is spent."""
        try:
            with self._counting:
                answer: ModelCallResult[Any] = handler(request)
                return answer
        except BudgetSpentError as error:
            return _last_message(error)

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[Any]]
    ) -> ModelCallResult[Any]:
        """The same, awaited."""
        try:
            with self._counting:
                answer: ModelCallResult[Any] = await handler(request)
                return answer
        except BudgetSpentError as error:
            return _last_message(error)

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Any]
    ) -> Any:
        """Call the tool, or answer for it that the budget is spent."""
        try:
            with self._counting:
                return handler(request)
        except BudgetSpentError as error:
            return _tool_message(error, request)

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Any]]
    ) -> Any:
        """The same, awaited."""
        try:
            with self._counting:
                return await handler(request)
        except BudgetSpentError as error:
            return _tool_message(error, request)


def _last_message(error: BudgetSpentError) -> AIMessage:
    """A message without tool calls, which ends the run."""
    return AIMessage(last_words(error), response_metadata={"finish_reason": "budget_spent"})


def _tool_message(error: BudgetSpentError, request: ToolCallRequest) -> ToolMessage:
    call = request.tool_call
    text = error.message
    if not isinstance(error, ToolException):  # one of our tools has put it into words already
        text = message_for_model(error)
    return ToolMessage(text, tool_call_id=call["id"], name=call["name"], status="error")
