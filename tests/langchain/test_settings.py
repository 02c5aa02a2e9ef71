"""Settings of the constructor and options of one call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.exceptions import (
    ModelInvalidRequestError,
)
from langchain_core.messages import (
    HumanMessage,
)
from langchain_core.runnables import ConfigurableField

from langchain_pollinations import ChatPollinations
from pollinations_client import (
    PollinationsError,
)
from pollinations_client.emulator import Emulator
from support.langchain import summed


def test_several_answers_are_several_requests(gateway: Emulator, make: Any) -> None:
    """Each with a seed of its own, for the same body is answered from the cache; a stream has one
    answer.
    """
    result = make(n=3, seed=7).generate([[HumanMessage("x")]])
    assert len(result.generations[0]) == 3
    assert sorted(request.json["seed"] for request in gateway.requests) == [7, 8, 9]
    result = asyncio.run(make().agenerate([[HumanMessage("x")]], n=2))
    assert len(result.generations[0]) == 2
    with pytest.raises(PollinationsError, match="n=1"):
        list(make(n=2).stream("x"))


def test_extra_fields_have_one_door(gateway: Emulator, make: Any) -> None:
    """The model's and the call's are merged; a typo is refused with the nearest name."""
    make(extra_body={"top_k": 3, "min_p": 0.1}).invoke("x", extra_body={"top_k": 5})
    assert {name: gateway.requests[-1].json[name] for name in ("top_k", "min_p")} == {
        "top_k": 5,
        "min_p": 0.1,
    }
    with pytest.raises(ValueError, match="'temperature'"):
        make(temprature=0.1)
    with pytest.raises(PollinationsError, match="'temperature'"):
        make().invoke("x", temprature=0.1)
    with pytest.raises(ValueError, match="temperature"):
        make(temperature=3)


def test_a_model_for_one_call_is_named_everywhere(gateway: Emulator, llm: ChatPollinations) -> None:
    """Bound, given, configured."""
    swapped = llm.configurable_fields(model=ConfigurableField(id="model"))
    for message in (
        llm.bind(model="claude").invoke("x"),
        llm.invoke("y", model="claude"),
        swapped.invoke("z", {"configurable": {"model": "claude"}}),
        summed(llm.stream("w", model="claude")),
    ):
        assert "claude" in message.response_metadata["model_name"]
        assert gateway.requests[-1].json["model"] == "claude"
    assert llm._get_ls_params(model="claude")["ls_model_name"] == "claude"
    assert llm._get_ls_params(model_name="claude")["ls_model_name"] == "claude"
    assert llm._get_ls_params()["ls_provider"] == "pollinations"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_limit_is_sent_under_the_name_it_was_given(
    gateway: Emulator, make: Any, name: str
) -> None:
    """Not renamed."""
    make(**{name: 50}).invoke("x")
    assert gateway.requests[-1].json[name] == 50
    assert len({"max_tokens", "max_completion_tokens"} & gateway.requests[-1].json.keys()) == 1


def test_unknown_options_of_a_call_are_refused_with_the_nearest_name(
    gateway: Emulator, llm: ChatPollinations
) -> None:
    """And nothing is sent."""
    for ask in (
        lambda: llm.invoke("x", temprature=1),
        lambda: list(llm.stream("x", temprature=1)),
        lambda: llm.bind(temprature=1).invoke("x"),
    ):
        with pytest.raises(ModelInvalidRequestError, match="temperature"):
            ask()
    assert gateway.requests == []


def test_the_models_name_is_in_the_trace_parameters(make: Any) -> None:
    """As given, and as bound."""
    assert make("claude")._get_ls_params()["ls_model_name"] == "claude"


@pytest.mark.parametrize("n", [0, 17, True, "2"])
def test_how_many_answers_is_checked_in_a_call_too(gateway: Emulator, make: Any, n: Any) -> None:
    """Zero is no way to leave it out."""
    with pytest.raises(ValueError, match="n: 1 to 16"):
        make().invoke("x", n=n)
    assert gateway.requests == []


def test_an_option_under_two_names_is_refused(make: Any) -> None:
    """Neither wins in silence."""
    with pytest.raises(ValueError, match="model_name and model are one option"):
        make("openai", model_name="claude")
