"""Token counts and costs on messages, and the sums that LangChain makes of them."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.load import dumps, loads
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.messages.ai import add_usage
from langchain_core.messages.utils import merge_message_runs
from langchain_core.outputs import LLMResult
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.langchain import LangChainTracer
from langchain_core.tracers.schemas import Run

from langchain_pollinations import ChatPollinations
from pollinations_client.emulator import Answer, Body, Chunks, Emulator
from support.langchain import chunk, completion, four_ways, summed

USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 2},
}


COSTLY = Answer(text="Hi", usage={**USAGE, "pollen_cost": 0.00015})


def messages_of(llm: ChatPollinations, way: str) -> AIMessage:
    """One answer, invoked or streamed, blocking or awaited."""

    async def astreamed() -> Any:
        return summed([chunk async for chunk in llm.astream("x")])

    match way:
        case "invoke":
            return llm.invoke("x")
        case "ainvoke":
            return asyncio.run(llm.ainvoke("x"))
        case "stream":
            return summed(llm.stream("x"))
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
    both = summed(llm.stream("x")) + summed(llm.stream("y"))
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
    both = summed(llm.stream("x")) + summed(llm.stream("y"))
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


DETAILED_USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 20,
    "total_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 2, "cache_write_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 6},
}


def test_usage_has_cached_and_reasoning_tokens(gateway: Emulator, make: Any) -> None:
    """Cache, reasoning and sound, both ways, four ways."""
    for turn in four_ways(gateway, make(), Answer(text="x", usage=DETAILED_USAGE)):
        usage = turn.usage_metadata
        assert usage is not None
        assert usage["input_token_details"] == {"audio": 2, "cache_read": 4, "cache_creation": 3}
        assert usage["output_token_details"] == {"audio": 6, "reasoning": 5}


def test_total_tokens_is_the_sum_of_input_and_output(gateway: Emulator, make: Any) -> None:
    """xAI counts its reasoning in the total alone; here it is part of the output, as with all
    others.
    """
    used = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 20}
    details = {"completion_tokens_details": {"reasoning_tokens": 12}}
    gateway.script(Answer(text="x", usage={**used, **details}))
    usage = make("grok").invoke("x").usage_metadata
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (5, 15, 20)
    assert usage["output_token_details"] == {"reasoning": 12}


def blocks_of(message: AIMessage) -> list[Any]:
    """Kinds and contents of a message's blocks."""
    blocks: list[Any] = list(message.content_blocks)
    return [
        (block["type"], block.get("reasoning") or block.get("text") or block.get("args"))
        for block in blocks
    ]


def test_streams_tell_their_usage_unless_told_not_to(gateway: Emulator, make: Any) -> None:
    """By default, on any base URL, in one chunk only."""
    blocks_of = [chunk.usage_metadata for chunk in make().stream("x") if chunk.usage_metadata]
    assert len(blocks_of) == 1
    assert gateway.requests[-1].json["stream_options"] == {"include_usage": True}
    assert not any(chunk.usage_metadata for chunk in make(stream_usage=False).stream("x"))
    assert not any(chunk.usage_metadata for chunk in make().stream("x", stream_usage=False))


def test_cost_is_told_where_prices_are_known(gateway: Emulator, make: Any) -> None:
    """In pollen, by the catalogue; nothing is said where a price is missing."""
    used = {"prompt_tokens": 1000, "completion_tokens": 0, "total_tokens": 1000}
    for stream in (False, True):
        gateway.script(Answer(text="x", usage=used))
        answer = summed(make().stream("x")) if stream else make().invoke("x")
        assert answer.response_metadata["cost"] == [pytest.approx(0.00015)]
        assert "total_cost" not in answer.usage_metadata
        gateway.script(Answer(text="x", usage=used))
        llm = make("mercury-2")
        unknown = summed(llm.stream("x")) if stream else llm.invoke("x")
        assert "total_cost" not in unknown.usage_metadata
        assert "cost" not in unknown.response_metadata


@pytest.mark.parametrize("sync", [True, False])
def test_a_refreshed_catalogue_prices_the_models_it_lists(gateway: Emulator, sync: bool) -> None:
    """Shipped prices are few; the gateway's own come when they are asked for, and hold for bound
    copies too.
    """
    llm = ChatPollinations(model="claude", base_url=gateway.url)
    assert "total_cost" not in (llm.invoke("hi").usage_metadata or {})
    catalog = llm.refresh_catalog() if sync else asyncio.run(llm.arefresh_catalog())
    assert catalog is llm.catalog
    assert catalog.get("claude").prices  # type: ignore[union-attr]
    assert sum(llm.bind(model="gemini").invoke("hi").response_metadata["cost"]) > 0
    assert sum(asyncio.run(llm.ainvoke("hi")).response_metadata["cost"]) > 0


def test_usage_counts_once_and_by_default(gateway: Emulator, make: Any) -> None:
    """Cumulative counts on every chunk are not added up."""
    gateway.script(
        Chunks(
            [
                chunk(
                    {"content": text},
                    usage={"prompt_tokens": 5, "completion_tokens": n, "total_tokens": 5 + n},
                )
                for n, text in enumerate("abc", 1)
            ]
            + [chunk({}, "stop")]
        )
    )
    chunks = list(make().stream("x"))
    assert summed(chunks).usage_metadata["total_tokens"] == 8
    assert len([chunk for chunk in chunks if chunk.usage_metadata]) == 1
    assert gateway.requests[-1].json["stream_options"] == {"include_usage": True}
    assert summed(make(stream_usage=False).stream("y")).usage_metadata is None


def test_usage_callbacks_add_up_over_calls(llm: ChatPollinations) -> None:
    """The cost beside the counts must not break the sum."""
    with get_usage_metadata_callback() as callback:
        first, second = llm.invoke("one"), llm.invoke("two")
    assert sum(first.response_metadata["cost"]) > 0
    total = next(iter(callback.usage_metadata.values()))
    assert (
        total["total_tokens"]
        == first.usage_metadata["total_tokens"] + second.usage_metadata["total_tokens"]
    )


def test_a_stream_counts_tokens_where_invoke_does(gateway: Emulator, make: Any) -> None:
    """``response_metadata`` of a summed stream is that of the whole answer."""
    plain, streamed = make().invoke("hi"), summed(make().stream("hi"))
    assert streamed.response_metadata["token_usage"] == plain.response_metadata["token_usage"]
    assert streamed.response_metadata.keys() == plain.response_metadata.keys()


def test_generate_tells_what_all_its_prompts_used(gateway: Emulator, make: Any) -> None:
    """As ``llm_output``, where LangChain's own gives nothing."""
    gateway.script(Body(completion("a")), Body(completion("b")))
    output = make().generate([[HumanMessage("a")], [HumanMessage("b")]]).llm_output
    assert output == {
        "model_name": "served",
        "token_usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6},
    }
    assert make()._combine_llm_outputs([None]) == {}


def test_counts_of_streamed_calls_add_up(gateway: Emulator, make: Any) -> None:
    """LangChain's counter fails on a cost, which is no whole number: the message that it is given
    has none.
    """
    used = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
    llm, streaming = make(), make(streaming=True)
    agent = create_agent(llm)

    async def streamed() -> list[Any]:
        return [chunk async for chunk in llm.astream("x")]

    ways = (
        lambda: list(llm.stream("x")),
        lambda: asyncio.run(streamed()),
        lambda: streaming.invoke("x"),
        lambda: list(agent.stream({"messages": [("user", "x")]}, stream_mode="messages")),
    )
    with get_usage_metadata_callback() as counter:
        for way in ways:
            gateway.script(Answer(text="ok", usage=used, model="served"))
            way()
    assert counter.usage_metadata["served"] == {
        "input_tokens": 80,
        "output_tokens": 40,
        "total_tokens": 120,
    }
    gateway.script(Answer(text="ok", usage=used))
    assert sum(streaming.invoke("x").response_metadata["cost"]) > 0
    gateway.script(Answer(text="ok", usage=used))
    assert sum(summed(llm.stream("x")).response_metadata["cost"]) > 0


def test_unknown_fields_do_not_stop_a_sum(llm: ChatPollinations, gateway: Emulator) -> None:
    """Floats and booleans of a provider's own, plain or inside of a dictionary."""

    def timed(seconds: float, *, is_warm: bool) -> Answer:
        unknown = {"took": {"queue": {"s": seconds}}, "is_warm": is_warm}
        return Answer(text="Hi", extra_top=unknown, extra_message={"score": seconds})

    gateway.script(timed(0.5, is_warm=True), timed(0.25, is_warm=False))
    both = summed(llm.stream("x")) + summed(llm.stream("y"))
    assert both.response_metadata["took"] == [{"queue": {"s": 0.5}}, {"queue": {"s": 0.25}}]
    assert both.response_metadata["is_warm"] == [True, False]
    assert both.additional_kwargs["score"] == [0.5, 0.25]


class RunStore:
    """Stands in for LangSmith's client: keeps the runs that would be sent."""

    def __init__(self) -> None:
        self.runs: list[Run] = []


class UnsentRuns(LangChainTracer):
    """LangSmith's tracer, without its network."""

    def _persist_run_single(self, run: Run) -> None:
        pass

    def _update_run_single(self, run: Run) -> None:
        self.client.runs.append(run)


def test_langsmiths_tracer_closes_a_run_of_several_answers(make: Any, gateway: Emulator) -> None:
    """It adds the counts of both answers up before it sends the run."""
    gateway.script(COSTLY, COSTLY)
    store = RunStore()
    make(n=2).invoke("x", {"callbacks": [UnsentRuns(client=store)]})
    (run,) = store.runs
    assert run.end_time is not None
    assert run.error is None
    assert run.extra["metadata"]["usage_metadata"]["total_tokens"] == 34
