"""End an agent's run with a message, not an error, when its budget is spent.

LlamaIndex's agents turn what a tool raises into its output, and raise what their LLM raises. A step
is the only place where a run can still be ended well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.agent.workflow import AgentOutput, AgentStream, FunctionAgent
from llama_index.core.llms import ChatMessage

from pollinations_client import BudgetSpentError
from pollinations_client._adapter_support import last_words

__all__ = ["BudgetAgentMixin", "BudgetFunctionAgent"]

LAST_WORDS = {"finish_reason": "budget_spent"}


class BudgetAgentMixin:
    """Ends an agent's run with a last message when its budget is spent.

    A mixin for any agent of LlamaIndex's workflows: ``class MyAgent(BudgetAgentMixin,
    ReActAgent)``. The budget is the one that the run is started in (``with budget:``), or that the
    LLM and the tools were given. The output's ``raw["finish_reason"]`` is ``budget_spent`` then. A
    model without a known price raises ``UnpricedModelError``.
    """

    async def take_step(
        self, ctx: Any, llm_input: list[ChatMessage], tools: Sequence[Any], memory: Any
    ) -> AgentOutput:
        """Take a step of the agent, or say its last words."""
        step: Any = super()
        try:
            output: AgentOutput = await step.take_step(ctx, llm_input, tools, memory)
        except BudgetSpentError as error:
            text = last_words(error)
        else:
            return output
        name = getattr(self, "name", "")
        # Who reads the run as a stream sees the last words too.
        ctx.write_event_to_stream(
            AgentStream(delta=text, response=text, current_agent_name=name, tool_calls=[], raw=None)
        )
        message = ChatMessage(text, role="assistant")
        return AgentOutput(response=message, tool_calls=[], current_agent_name=name, raw=LAST_WORDS)

    async def finalize(self, ctx: Any, output: AgentOutput, memory: Any) -> AgentOutput:
        """End the run. Last words are remembered as an answer is."""
        step: Any = super()
        output = await step.finalize(ctx, output, memory)
        if output.raw == LAST_WORDS:
            await memory.aput(output.response)
        return output


class BudgetFunctionAgent(BudgetAgentMixin, FunctionAgent):
    """LlamaIndex's ``FunctionAgent``, ended with a message when its budget is spent.

    Examples:
        ```python
        import asyncio

        from llamaindex_pollinations import BudgetFunctionAgent, Pollinations, PollinationsToolSpec
        from pollinations_client import PollenBudget

        llm = Pollinations("claude")
        agent = BudgetFunctionAgent(llm=llm, tools=PollinationsToolSpec().to_tool_list())


        async def main() -> None:
            with PollenBudget(0.5) as budget:
                print(await agent.run("Draw a bee."))
            print(budget.spent)  # in pollen


        asyncio.run(main())
        ```
    """
