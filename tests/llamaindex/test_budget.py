"""A budget over LlamaIndex: LLMs, query engines, tools, embeddings and agents, counted at the
gateway.
"""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
from typing import Any

import pytest
from llama_index.core import SummaryIndex, VectorStoreIndex
from llama_index.core.agent.workflow import (
    AgentStream,
    AgentWorkflow,
    FunctionAgent,
    ReActAgent,
    ToolCallResult,
)
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.schema import Document, TextNode
from workflows.errors import WorkflowRuntimeError

from llamaindex_pollinations import (
    BudgetAgentMixin,
    BudgetFunctionAgent,
    Pollinations,
    PollinationsEmbedding,
    PollinationsToolSpec,
)
from pollinations_client import (
    BudgetSpentError,
    ConfigurationError,
    PollenBudget,
    PollinationsWarning,
    UnpricedModelError,
)
from pollinations_client.emulator import Answer, Emulator
from tests.support.llamaindex import CHAT_WAYS, COMPLETION_WAYS, responses_of

# LlamaIndex's own: deprecated attributes, and memory stores that it leaves open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

KEY = "sk_demo_0123456789abcdef"
FLUX = 0.002


@pytest.fixture(autouse=True, scope="module")
def _nothing_left_for_other_tests() -> Any:
    """What LlamaIndex leaves open is collected here, where its warnings are expected."""
    yield
    gc.collect()


def make(gateway: Emulator, model: str = "openai", **options: Any) -> Pollinations:
    """An LLM of this gateway."""
    return Pollinations(model, api_key=KEY, api_base=gateway.url, **options)


def paid_requests(gateway: Emulator) -> list[str]:
    """Paths of the requests that were sent, but for the free ones."""
    return [request.path for request in gateway.requests if not request.path.endswith("/models")]


@pytest.mark.parametrize("way", [*CHAT_WAYS, *COMPLETION_WAYS])
async def test_an_llm_with_a_spent_budget_sends_nothing(gateway: Emulator, way: str) -> None:
    """By any of the eight public calls; and what is covered is counted."""
    llm = make(gateway, budget=PollenBudget(0))
    with pytest.raises(BudgetSpentError):
        await responses_of(llm, way, "hi")
    assert paid_requests(gateway) == []
    with PollenBudget(1) as budget:
        await responses_of(make(gateway), way, "hi")
    assert len(paid_requests(gateway)) == 1
    assert budget.spent == budget.by_model["openai"] > 0


def test_a_query_engine_on_nested_loops_is_covered(gateway: Emulator) -> None:
    """``use_async`` runs a loop of its own."""
    index = SummaryIndex.from_documents([Document(text=f"Bee {n}") for n in range(4)])
    engine = index.as_query_engine(
        llm=make(gateway), response_mode="tree_summarize", use_async=True
    )
    with PollenBudget(1) as budget:
        engine.query("Which bees?")
    assert budget.spent > 0
    sent = len(paid_requests(gateway))
    with PollenBudget(0), pytest.raises(BudgetSpentError):
        engine.query("Which wasps?")
    assert len(paid_requests(gateway)) == sent


def test_embeddings_and_tools_take_a_budget(gateway: Emulator) -> None:
    """The spec passes it on to all of its tools; copies keep it."""
    budget = PollenBudget(1)
    options: Any = {"api_key": KEY, "api_base": gateway.url, "budget": budget}
    embedding = copy.deepcopy(PollinationsEmbedding(**options))
    VectorStoreIndex([TextNode(text="a bee")], embed_model=embedding)
    draw, *_ = PollinationsToolSpec(width=64, height=64, **options).to_tool_list()
    draw(prompt="a bee")
    assert set(budget.by_model) == {"openai/text-embedding-3-small", "flux"}
    assert budget.by_model["flux"] == FLUX


def test_no_dump_shows_a_budget_and_a_pickle_has_a_fresh_one(gateway: Emulator) -> None:
    """Saved settings stay as they were."""
    budget = PollenBudget(0.5)
    llm = make(gateway, budget=budget)
    assert "PollenBudget" not in llm.to_json() + repr(llm)
    assert "budget" not in llm.to_dict()
    with pytest.warns(PollinationsWarning, match="limit again"):
        opened = pickle.loads(pickle.dumps(llm))
    assert opened.budget.limit == 0.5
    assert opened.budget is not budget


@pytest.mark.parametrize("budget", [0.5, "0.5"])
def test_a_budget_of_another_class_is_refused(gateway: Emulator, budget: Any) -> None:
    """At construction, with what is needed."""
    with pytest.raises(ConfigurationError, match=r"^budget: a PollenBudget is needed"):
        make(gateway, budget=budget)


class BudgetReActAgent(BudgetAgentMixin, ReActAgent):
    """An agent of another kind."""


async def run(agent: Any, message: str) -> tuple[Any, list[Any]]:
    """What an agent answers, and every event on the way."""
    handler = agent.run(message)
    events = [event async for event in handler.stream_events()]
    return await handler, events


DRAWS = Answer(tool_calls=[("generate_image", {"prompt": prompt}) for prompt in "abcdefg"])


@pytest.mark.parametrize("is_workflow", [True, False])
@pytest.mark.parametrize("streaming", [True, False])
async def test_an_agent_ends_with_a_message_when_its_budget_is_spent(
    gateway: Emulator, is_workflow: bool, streaming: bool
) -> None:
    """Seven pictures are asked for and six can be paid: the seventh is answered for, and the next
    step of the model is its last words.
    """
    budget = PollenBudget(0.0155, chat_reserve=0.01)
    options: Any = {"api_key": KEY, "api_base": gateway.url, "budget": budget}
    tools: Any = PollinationsToolSpec(width=64, height=64, **options).to_tool_list()
    await asyncio.to_thread(tools[0], prompt="a test")
    gateway.script(DRAWS)
    agent: Any = BudgetFunctionAgent(
        name="drawer", llm=Pollinations("openai", **options), tools=tools, streaming=streaming
    )
    runner = AgentWorkflow(agents=[agent]) if is_workflow else agent
    answer, events = await run(runner, "Draw seven bees")
    assert "The run ends here" in str(answer)
    results = [event.tool_output for event in events if isinstance(event, ToolCallResult)]
    assert [result.is_error for result in results].count(True) == 1
    refused = next(result for result in results if result.is_error)
    assert refused.content.endswith("do not call again, finish with what there is.")
    assert [event.response for event in events if isinstance(event, AgentStream)][-1] == str(answer)
    assert len(paid_requests(gateway)) == 1 + 1 + 6
    assert budget.spent <= budget.limit


async def test_the_mixin_ends_an_agent_of_another_kind(gateway: Emulator) -> None:
    """Under the budget around it."""
    with PollenBudget(0):
        answer, _ = await run(BudgetReActAgent(llm=make(gateway), tools=[]), "hi")
    assert "is spent" in str(answer)
    assert paid_requests(gateway) == []


@pytest.mark.parametrize("kind", [BudgetFunctionAgent, BudgetReActAgent])
async def test_last_words_are_remembered_and_marked(gateway: Emulator, kind: Any) -> None:
    """A later run knows how this one ended, and a program can tell it from an answer."""
    memory = ChatMemoryBuffer.from_defaults(token_limit=3000)
    with PollenBudget(0):
        output = await kind(llm=make(gateway), tools=[]).run("hi", memory=memory)
    assert output.raw == {"finish_reason": "budget_spent"}
    assert [message.role.value for message in memory.get_all()] == ["user", "assistant"]
    assert memory.get_all()[-1].content == str(output)


async def test_llamaindexs_own_agent_raises(gateway: Emulator) -> None:
    """It has no place at which a run could be ended otherwise."""
    with PollenBudget(0), pytest.raises((BudgetSpentError, WorkflowRuntimeError)) as caught:
        await run(FunctionAgent(llm=make(gateway), tools=[]), "hi")
    assert "The budget of 0 pollen is spent" in str(caught.value)


async def test_a_model_without_a_price_still_raises_in_an_agent(gateway: Emulator) -> None:
    """No money is spent: the operator has to decide."""
    agent = BudgetFunctionAgent(llm=make(gateway, "someone/secret"), tools=[])
    with PollenBudget(1), pytest.raises((UnpricedModelError, WorkflowRuntimeError)) as caught:
        await run(agent, "hi")
    assert "No price of someone/secret is known" in str(caught.value)
