"""What every LangChain runnable offers: caches, batches, fallbacks, rate limits."""

from __future__ import annotations

import inspect
import typing
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import (
    HumanMessage,
)
from langchain_core.rate_limiters import InMemoryRateLimiter

from langchain_pollinations import ChatPollinations
from pollinations_client.emulator import Body, Emulator


def test_caches_tell_models_apart_by_every_option(gateway: Emulator, make: Any) -> None:
    """Equal options hit, others miss."""
    cache = InMemoryCache()
    for options in (
        {},
        {},
        {"temperature": 0.1},
        {"seed": 1},
        {"extra_body": {"top_k": 1}},
        {"reasoning_effort": "low"},
    ):
        make(cache=cache, **options).invoke("x")
    assert len(gateway.requests) == 5


def test_rate_limiter_batch_fallbacks_and_retry_work(gateway: Emulator, make: Any) -> None:
    """LangChain's own machinery around the model."""
    limited = make(rate_limiter=InMemoryRateLimiter(requests_per_second=1000, max_bucket_size=10))
    assert limited.invoke("x").text
    assert len(make().batch(["a", "b", "c"])) == 3
    gateway.clear()
    gateway.script(Body({"error": {"message": "no"}}, status=400))
    assert make().with_fallbacks([make("claude")]).invoke("x").text
    result = make(n=3, seed=5).generate([[HumanMessage("x")]])
    assert len(result.generations[0]) == 3
    assert {request.json["seed"] for request in gateway.requests[-3:]} == {5, 6, 7}


def increment(x: int) -> int:
    """Adds one."""
    return x + 1


def test_the_model_object_is_what_agents_take(make: Any) -> None:
    """``init_chat_model`` knows a closed list of providers; ``create_agent`` takes the object."""
    from langchain.agents import create_agent
    from langchain.chat_models import init_chat_model

    with pytest.raises(ValueError, match="pollinations"):
        init_chat_model("openai", model_provider="pollinations")
    state = create_agent(make(), tools=[increment]).invoke({"messages": [("user", "increment 3")]})
    assert state["messages"][-1].text


@pytest.mark.parametrize("method", [None, "json_schema", "function_calling"])
async def test_fallbacks_give_structure_and_take_tools(
    gateway: Emulator, make: Any, method: Any
) -> None:
    """What is asked of the first model is asked of the others, in all ways of a call."""
    schema = {
        "title": "Answer",
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
    }
    both = make(max_retries=0).with_fallbacks([make("claude")])
    structured = both.with_structured_output(schema, method=method)
    calls = both.bind_tools([increment], tool_choice="any")
    refusal = Body({"error": {"message": "no"}}, status=400)
    gateway.script(refusal)
    assert structured.invoke("JSON with n 3")["n"] == 3
    gateway.script(refusal)
    assert list(structured.stream("JSON with n 3"))[-1]["n"] == 3
    gateway.script(refusal)
    assert (await structured.ainvoke("JSON with n 3"))["n"] == 3
    gateway.script(refusal)
    assert calls.invoke("increment 3").tool_calls[0]["name"] == "increment"
    assert [request.json["model"] for request in gateway.requests] == ["openai", "claude"] * 4


def test_the_type_hints_of_every_method_can_be_read() -> None:
    """``with_fallbacks`` and others read them, and names for type checkers alone are errors."""
    for name, method in inspect.getmembers(ChatPollinations, inspect.isfunction):
        if method.__module__.startswith("langchain_pollinations") and name != "__init__":
            assert typing.get_type_hints(method), name
