"""A budget over LangChain: models, batches, tools, embeddings, agents; the gateway counts."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import subprocess
import sys
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware
from langchain.agents.structured_output import ToolStrategy
from langchain_core.exceptions import ModelError
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel

from langchain_pollinations import (
    BudgetMiddleware,
    ChatPollinations,
    PollinationsEmbeddings,
    PollinationsImageTool,
    PollinationsToolkit,
)
from pollinations_client import (
    BudgetSpentError,
    ConfigurationError,
    PollenBudget,
    PollinationsWarning,
    UnpricedModelError,
)
from pollinations_client.emulator import Answer, Emulator

KEY = "sk_demo_0123456789abcdef"
FLUX = 0.002


def chat(gateway: Emulator, **options: Any) -> ChatPollinations:
    """A chat model that reserves 0.0105 pollen and a little for its prompt."""
    options = {"max_tokens": 700, **options}
    return ChatPollinations("claude", api_key=KEY, base_url=gateway.url, **options)


def paid_requests(gateway: Emulator) -> list[str]:
    """Paths of the requests that were sent, but for the free ones."""
    return [request.path for request in gateway.requests if not request.path.endswith("/models")]


def draws(*prompts: str) -> Answer:
    """A model's answer that calls the picture tool."""
    return Answer(tool_calls=[("generate_image", {"prompt": prompt}) for prompt in prompts])


CALLS = {
    "invoke": lambda llm: llm.invoke("hi"),
    "several answers": lambda llm: llm.generate([[HumanMessage("hi")]], n=3),
    "several answers, async": lambda llm: asyncio.run(llm.agenerate([[HumanMessage("hi")]], n=3)),
    "stream": lambda llm: list(llm.stream("hi")),
    "ainvoke": lambda llm: asyncio.run(llm.ainvoke("hi")),
    "batch": lambda llm: llm.batch(["hi", "ho"]),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("is_option", [True, False])
def test_a_model_with_a_spent_budget_sends_nothing(
    gateway: Emulator, call: str, is_option: bool
) -> None:
    """As an option or around the call: one error, which is LangChain's too and not retried."""
    budget = PollenBudget(0.0001)
    llm = chat(gateway, budget=budget if is_option else None)
    with pytest.raises(BudgetSpentError) as caught:
        if is_option:
            CALLS[call](llm)
        else:
            with budget:
                CALLS[call](llm)
    assert isinstance(caught.value, ModelError)
    assert caught.value.needed > 0.0105
    assert paid_requests(gateway) == []


def test_a_budget_reaches_the_threads_of_a_batch(gateway: Emulator) -> None:
    """Four rows of 20 fit at once; what is counted is what they cost in the end."""
    llm = chat(gateway)
    budget = PollenBudget(0.05)
    with budget:
        llm.invoke("first")
        spent = budget.spent
        outcomes = llm.batch([f"row {number}" for number in range(20)], return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, BudgetSpentError)]
    assert len(paid_requests(gateway)) == 21 - len(refused)
    assert spent < budget.spent <= 0.05


def test_the_same_budget_as_option_and_around_counts_once(gateway: Emulator) -> None:
    """Two of them count twice."""
    other = PollenBudget(1)
    with PollenBudget(1) as budget:
        chat(gateway, budget=budget).invoke("hi")
        first = budget.spent
        chat(gateway, budget=other).invoke("hi again")
    assert other.spent == pytest.approx(budget.spent - first)
    assert first > 0


def test_models_tools_and_embeddings_share_a_budget(gateway: Emulator) -> None:
    """It is an option of each, and copies keep it."""
    budget = PollenBudget(1)
    options: Any = {"api_key": KEY, "base_url": gateway.url, "budget": budget}
    PollinationsEmbeddings(**options).embed_query("hi")
    PollinationsImageTool(width=64, height=64, **options).invoke({"prompt": "a bee"})
    tools = PollinationsToolkit(width=64, height=64, **options).get_tools()
    tools[0].invoke({"prompt": "a wasp"})
    llm = copy.deepcopy(ChatPollinations("openai", **options))
    llm.model_copy(deep=True).bind(temperature=0.1).invoke("hi")
    assert set(budget.by_model) == {"openai/text-embedding-3-small", "flux", "openai"}
    assert budget.by_model["flux"] == 2 * FLUX
    assert len(paid_requests(gateway)) == 4


def test_no_dump_shows_a_budget_and_a_pickle_has_a_fresh_one(gateway: Emulator) -> None:
    """Traces and saved chains stay as they were."""
    budget = PollenBudget(0.5)
    llm = chat(gateway, budget=budget)
    dumps_and_repr = dumps(llm) + json.dumps(llm.model_dump(mode="json"), default=str) + repr(llm)
    assert "PollenBudget" not in dumps_and_repr
    with pytest.warns(PollinationsWarning, match="limit again"):
        opened = pickle.loads(pickle.dumps(llm))
    assert opened.budget.limit == 0.5
    assert opened.budget is not budget


@pytest.mark.parametrize("budget", [0.5, "0.5", {"limit": 1}])
def test_what_is_no_budget_is_refused(gateway: Emulator, budget: Any) -> None:
    """At construction, with what is needed."""
    with pytest.raises(ConfigurationError, match=r"^budget: a PollenBudget is needed"):
        chat(gateway, budget=budget)
    with pytest.raises(ConfigurationError, match=r"^budget: a PollenBudget is needed"):
        BudgetMiddleware(budget)


def test_a_tool_tells_the_agent_to_finish(gateway: Emulator) -> None:
    """And nothing of Python or of options that a model cannot set."""
    tool = PollinationsImageTool(api_key=KEY, base_url=gateway.url, budget=PollenBudget(0))
    text = tool.invoke({"prompt": "a bee"})
    assert text.startswith("The budget of 0 pollen is spent")
    assert text.endswith("The budget is spent: do not call again, finish with what there is.")
    assert "Raise the limit" not in text


STEPS = (draws("a", "b", "c", "d", "e"), Answer(text="Two bees."))


async def run(agent: Any, way: str) -> list[Any]:
    """The messages of a run."""
    question = {"messages": "Draw five bees"}
    if way == "invoke":
        return list(agent.invoke(question)["messages"])
    if way == "ainvoke":
        return list((await agent.ainvoke(question))["messages"])
    if way == "stream":
        return list(agent.stream(question, stream_mode="values"))[-1]["messages"]
    return [state async for state in agent.astream(question, stream_mode="values")][-1]["messages"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_an_agent_ends_with_a_message_when_its_budget_is_spent(
    gateway: Emulator, way: str
) -> None:
    """Five pictures are asked for at once and two can be paid: two are made, three are answered
    for, and the next step of the model is its last words. Three paid requests in all.
    """
    budget = PollenBudget(0.0155, chat_reserve=0.01)
    llm = ChatPollinations("openai", api_key=KEY, base_url=gateway.url)
    tool = PollinationsImageTool(api_key=KEY, base_url=gateway.url, width=64, height=64)
    with budget:
        tool.invoke({"prompt": "a test"})
    gateway.script(draws("a", "b", "c", "d", "e", "f", "g"))
    agent = create_agent(llm, [tool], middleware=[BudgetMiddleware(budget)])
    messages = await run(agent, way)
    last = messages[-1]
    assert isinstance(last, AIMessage)
    assert not last.tool_calls
    assert last.response_metadata["finish_reason"] == "budget_spent"
    assert "The run ends here" in last.text
    results = [message for message in messages if isinstance(message, ToolMessage)]
    assert [message.status for message in results].count("error") == 1
    assert [path for path in paid_requests(gateway) if path.startswith("/v1")] == [
        "/v1/chat/completions"
    ]
    assert len(paid_requests(gateway)) == 1 + 1 + 6
    assert budget.spent <= budget.limit


def test_without_the_middleware_the_error_leaves_the_run_and_is_not_retried(
    gateway: Emulator,
) -> None:
    """``ModelRetryMiddleware`` sees that it is hopeless."""
    llm = chat(gateway, budget=PollenBudget(0))
    agent = create_agent(llm, middleware=[ModelRetryMiddleware(max_retries=3, initial_delay=0)])
    with pytest.raises(BudgetSpentError):
        agent.invoke({"messages": "hi"})
    assert paid_requests(gateway) == []


def test_a_tool_that_raises_is_answered_for_by_the_middleware(gateway: Emulator) -> None:
    """``handle_tool_error=False`` leaves it to middleware."""
    llm = ChatPollinations("openai", api_key=KEY, base_url=gateway.url)
    tool = PollinationsImageTool(
        api_key=KEY, base_url=gateway.url, handle_tool_error=False, budget=PollenBudget(0)
    )
    gateway.script(draws("a"), Answer(text="None."))
    agent = create_agent(llm, [tool], middleware=[BudgetMiddleware()])
    messages = agent.invoke({"messages": "Draw a bee"})["messages"]
    assert messages[-1].text == "None."
    assert messages[-2].status == "error"
    assert messages[-2].text.endswith("finish with what there is.")


def test_the_middleware_takes_the_budget_that_is_around(gateway: Emulator) -> None:
    """None of its own."""
    llm = ChatPollinations("openai", api_key=KEY, base_url=gateway.url)
    with PollenBudget(0):
        answer = create_agent(llm, middleware=[BudgetMiddleware()]).invoke({"messages": "hi"})
    assert "is spent" in answer["messages"][-1].text


def test_a_structured_agent_ends_without_its_structure(gateway: Emulator) -> None:
    """There is nothing to make one of."""

    class Bee(BaseModel):
        """A bee."""

        name: str

    llm = ChatPollinations("openai", api_key=KEY, base_url=gateway.url)
    agent = create_agent(
        llm, response_format=ToolStrategy(Bee), middleware=[BudgetMiddleware(PollenBudget(0))]
    )
    state = agent.invoke({"messages": "hi"})
    assert state.get("structured_response") is None
    assert "is spent" in state["messages"][-1].text


def test_a_model_without_a_price_still_raises_in_an_agent(gateway: Emulator) -> None:
    """No money is spent: the operator has to say what holds then."""
    llm = ChatPollinations("someone/secret", api_key=KEY, base_url=gateway.url)
    agent = create_agent(llm, middleware=[BudgetMiddleware(PollenBudget(1))])
    with pytest.raises(UnpricedModelError, match="someone/secret"):
        agent.invoke({"messages": "hi"})
    assert paid_requests(gateway) == []


def test_without_langchain_the_middleware_says_what_to_install() -> None:
    """The rest of the package works without."""
    probe = (
        "import sys; sys.modules['langchain'] = None; sys.modules['langchain.agents'] = None\n"
        "import langchain_pollinations as ours\nours.ChatPollinations\nours.BudgetMiddleware"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert 'pip install "langchain>=1"' in done.stderr.strip().splitlines()[-1]
