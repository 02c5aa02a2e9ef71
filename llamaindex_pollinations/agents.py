"""Agents that end with a message, not an error, where their budget is spent.

LlamaIndex's agents make an output of whatever a tool raises, and raise what their LLM does. A step
is the one place of theirs where a run can still be ended well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.agent.workflow import AgentOutput, AgentStream, FunctionAgent
from llama_index.core.llms import ChatMessage

from pollinations_client import BudgetSpentError
from pollinations_client._adapter_support import last_words

__all__ = ["BudgetAgentMixin", "BudgetFunctionAgent"]


class BudgetAgentMixin:
    """Ends a run with a last message where the budget of its LLM is spent.

    A mixin for any agent of LlamaIndex's workflows: ``class MyAgent(BudgetAgentMixin,
    ReActAgent)``. The budget is the one that the run is started in (``with budget:``), or that the
    LLM and the tools were given. A model without a known price still raises ``UnpricedModelError``.
    """

    async def take_step(
        self, ctx: Any, llm_input: list[ChatMessage], tools: Sequence[Any], memory: Any
    ) -> AgentOutput:
        """One step of the agent, or its last words."""
        step: Any = super()
        try:
            output: AgentOutput = await step.take_step(ctx, llm_input, tools, memory)
        except BudgetSpentError as error:
            text = last_words(error)
        else:
            return output
        name = getattr(self, "name", "")
        ctx.write_event_to_stream(
            AgentStream(delta=text, response=text, current_agent_name=name, tool_calls=[], raw=None)
        )
        message = ChatMessage(text, role="assistant")
        return AgentOutput(response=message, tool_calls=[], current_agent_name=name)


class BudgetFunctionAgent(BudgetAgentMixin, FunctionAgent):
    """LlamaIndex's ``FunctionAgent`` that ends with a message where its budget is spent.

    Examples:
        agent = BudgetFunctionAgent(llm=llm, tools=PollinationsToolSpec().to_tool_list())
        with PollenBudget(0.5):
            print(await agent.run("Draw five bees"))
    """
