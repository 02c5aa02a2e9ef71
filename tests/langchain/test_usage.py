"""Token counts and costs on messages, and the sums that LangChain makes of them."""

from __future__ import annotations

import asyncio
import functools
import json
import operator
import uuid
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, HumanMessage, messages_from_dict, messages_to_dict
from langchain_core.messages.ai import add_usage
from langchain_core.messages.utils import merge_message_runs
from langchain_core.outputs import LLMResult
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run

from langchain_pollinations import ChatPollinations
from pollinations_client.emulator import Answer, Emulator

USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 2},
}
COSTLY = Answer(text="Hi", usage={**USAGE, "pollen_cost": 0.00015})


def whole(chunks: Any) -> Any:
    """A stream as one message."""
    return functools.reduce(operator.add, chunks)


def messages_of(llm: ChatPollinations, way: str) -> AIMessage:
    """One answer, invoked or streamed, blocking or awaited."""

    async def astreamed() -> Any:
        return whole([chunk async for chunk in llm.astream("x")])

    match way:
        case "invoke":
            return llm.invoke("x")
        case "ainvoke":
            return asyncio.run(llm.ainvoke("x"))
        case "stream":
            return whole(llm.stream("x"))
    return asyncio.run(astreamed())


ways = pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])


def whole_numbers_in(counts: Any) -> bool:
    """Whether all values, also of details, are whole numbers."""
    if isinstance(counts, dict):
        return all(whole_numbers_in(value) for value in counts.values())
    return type(counts) is int


@ways
def test_usage_metadata_holds_whole_numbers_only(
    llm: ChatPollinations, gateway: Emulator, way: str
) -> None:
    """A plain dictionary; the cost is in the metadata."""
    gateway.script(COSTLY)
    message = messages_of(llm, way)
    assert type(message.usage_metadata) is dict
    assert message.usage_metadata == {
        "input_tokens": 10,
        "output_tokens": 7,
        "total_tokens": 17,
        "input_token_details": {"audio": 1, "cache_read": 4},
        "output_token_details": {"audio": 2, "reasoning": 5},
    }
    assert whole_numbers_in(message.usage_metadata)
    assert message.response_metadata["cost"] == [pytest.approx(0.00015)]


@ways
def test_token_usage_carries_the_details_that_tracers_read(
    llm: ChatPollinations, gateway: Emulator, way: str
) -> None:
    """In OpenAI's names."""
    gateway.script(COSTLY)
    assert messages_of(llm, way).response_metadata["token_usage"] == USAGE


@ways
def test_messages_of_several_calls_are_merged(
    llm: ChatPollinations, gateway: Emulator, way: str
) -> None:
    """Counts are added up; of the metadata core keeps those of the first."""
    gateway.script(COSTLY, Answer(text="Ho", usage={**USAGE, "pollen_cost": 0.0002}))
    messages = [messages_of(llm, way), messages_of(llm, way)]
    (merged,) = merge_message_runs(messages)
    assert merged.content == "Hi\nHo"
    assert merged.usage_metadata["total_tokens"] == 34
    total = add_usage(messages[0].usage_metadata, messages[1].usage_metadata)
    assert total["total_tokens"] == 34
    assert total["output_token_details"] == {"audio": 4, "reasoning": 10}


def test_two_streams_are_added_up(llm: ChatPollinations, gateway: Emulator) -> None:
    """As chunks of ChatOpenAI are."""
    gateway.script(COSTLY, Answer(text="Ho", usage={**USAGE, "pollen_cost": 0.0002}))
    both = whole(llm.stream("x")) + whole(llm.stream("y"))
    assert both.usage_metadata["total_tokens"] == 34
    assert both.content == "HiHo"
    assert both.response_metadata["cost"] == [pytest.approx(0.00015), pytest.approx(0.0002)]


@pytest.mark.parametrize(
    "stored",
    [
        lambda message: loads(dumps(message), allowed_objects="all"),
        lambda message: AIMessage(**json.loads(json.dumps(message.model_dump()))),
        lambda message: messages_from_dict(json.loads(json.dumps(messages_to_dict([message]))))[0],
        lambda message: AIMessage.model_validate_json(message.model_dump_json()),
    ],
    ids=["dumps", "model_dump", "messages_to_dict", "json"],
)
@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
def test_counts_of_stored_messages_are_added_up(
    llm: ChatPollinations, gateway: Emulator, stored: Any
) -> None:
    """What a checkpoint or a file gives back."""
    gateway.script(COSTLY, COSTLY)
    first, second = stored(llm.invoke("x")), llm.invoke("y")
    assert add_usage(first.usage_metadata, second.usage_metadata)["total_tokens"] == 34
    assert merge_message_runs([first, second])[0].usage_metadata["total_tokens"] == 34


def test_a_usage_callback_counts_beside_a_cache(gateway: Emulator) -> None:
    """A hit counts nothing new and stops nothing."""
    llm = ChatPollinations(
        model="openai", api_key="sk_test", base_url=gateway.url, cache=InMemoryCache()
    )
    gateway.script(COSTLY, COSTLY)
    with get_usage_metadata_callback() as callback:
        llm.invoke("x")
        llm.invoke("x")
        llm.invoke("y")
    (counts,) = callback.usage_metadata.values()
    assert counts["total_tokens"] in (34, 51)  # core counts a hit, or does not
    assert len(gateway.requests) == 2


class Runs(BaseTracer):
    """Keeps what a tracer would send."""

    def __init__(self) -> None:
        super().__init__()
        self.finished: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.finished.append(run)


def test_a_tracer_closes_a_run_of_several_answers(make: Any, gateway: Emulator) -> None:
    """With the outputs of both."""
    gateway.script(COSTLY, COSTLY)
    tracer = Runs()
    make(n=2).invoke("x", {"callbacks": [tracer]})
    (run,) = tracer.finished
    assert run.end_time is not None
    assert run.error is None
    assert len(run.outputs["generations"][0]) == 2


class Results(BaseCallbackHandler):
    """Keeps the results of calls."""

    def __init__(self) -> None:
        self.results: list[LLMResult] = []

    def on_llm_end(self, response: LLMResult, *, run_id: uuid.UUID, **_: Any) -> None:
        """A call has ended."""
        self.results.append(response)


def test_llm_output_adds_up_the_details_of_all_answers(make: Any, gateway: Emulator) -> None:
    """Two answers to one prompt, and one answer to each of two prompts."""
    gateway.script(COSTLY, COSTLY, COSTLY, COSTLY)
    handler = Results()
    make(n=2).invoke("x", {"callbacks": [handler]})
    twice = {
        "prompt_tokens": 20,
        "completion_tokens": 14,
        "total_tokens": 34,
        "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 10, "audio_tokens": 4},
    }
    assert handler.results[0].llm_output["token_usage"] == twice
    result = make().generate([[HumanMessage("a")], [HumanMessage("b")]])
    assert result.llm_output["token_usage"] == twice


def test_v3_events_tell_whole_numbers(llm: ChatPollinations, gateway: Emulator) -> None:
    """The usage of the finished message, with its details."""
    gateway.script(COSTLY)
    message = llm.stream_events("x", version="v3").output
    assert whole_numbers_in(dict(message.usage_metadata))
    assert message.usage_metadata["output_token_details"]["reasoning"] == 5
    assert message.response_metadata["cost"] == [pytest.approx(0.00015)]


@pytest.mark.parametrize("value", [1.5, True, {"queue_s": 0.25}, {"a": {"b": False}}])
def test_unknown_fields_with_floats_do_not_stop_sums(
    llm: ChatPollinations, gateway: Emulator, value: Any
) -> None:
    """LangChain refuses to merge unequal floats and booleans; it joins lists."""
    gateway.script(
        Answer(text="Hi", extra_top={"timing": value}), Answer(text="Ho", extra_top={"timing": 2.5})
    )
    both = whole(llm.stream("x")) + whole(llm.stream("y"))
    assert both.response_metadata["timing"] == [value, 2.5]


def test_prompt_cache_reads_and_writes_are_counted(
    llm: ChatPollinations, gateway: Emulator
) -> None:
    """Anthropic's own counts beside OpenAI's."""
    gateway.script(
        Answer(
            text="Hi",
            usage={
                "prompt_tokens": 10,
                "completion_tokens": 7,
                "total_tokens": 17,
                "prompt_tokens_details": {"cached_tokens": 4},
                "cache_creation_input_tokens": 3,
            },
        )
    )
    details = llm.invoke("x").usage_metadata["input_token_details"]
    assert details == {"cache_read": 4, "cache_creation": 3}
