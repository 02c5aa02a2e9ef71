"""What a response says of an answer besides its text: counts, cost, citations, logprobs."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    CitationBlock,
    ThinkingBlock,
)
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler

from pollinations_client.emulator import Answer, Body, Chunks, Emulator
from support.llamaindex import TAIL, USAGE, blocks_of, delta, text_of
from support.llamaindex_streams import SCRIPTS


def test_reasoning_tokens_are_counted_on_the_thinking(
    make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """``num_tokens`` is what was billed for thinking."""
    gateway.script(Chunks(SCRIPTS["reasoning"]))
    (thought,) = blocks_of(say(make(), chat_way)[-1], ThinkingBlock)
    assert thought.num_tokens == 2


FACTS_OF_A_SEARCH = {
    "citations": ["https://bees.example/1"],
    "search_results": [{"url": "https://bees.example/1", "title": "Bees", "date": "2026-01-02"}],
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
    "system_fingerprint": "fp_1",
    "service_tier": "default",
    "x_of_tomorrow": {"a": [1]},
}
FACTS_OF_A_CHOICE = {
    "logprobs": {"content": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}]},
    "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}},
    "x_of_a_choice": 1,
}
ANNOTATION = {"type": "url_citation", "url_citation": {"url": "https://bees.example/1"}}


def test_raw_is_the_gateways_answer(make: Any, say: Any, chat_way: str, gateway: Emulator) -> None:
    """Every field of a body, unknown ones included; of a stream merged, with ``usage`` added."""
    message = {"content": "Hi", "annotations": [ANNOTATION], "x_of_a_message": "y"}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", **message},
                "finish_reason": "stop",
                **FACTS_OF_A_CHOICE,
            }
        ],
        "usage": USAGE,
        **FACTS_OF_A_SEARCH,
    }
    chunk = delta("stop", None, FACTS_OF_A_SEARCH, role="assistant", **message)
    chunk["choices"][0] |= FACTS_OF_A_CHOICE
    gateway.script(Chunks([chunk, TAIL]) if "stream" in chat_way else Body(body))
    raw = say(make(), chat_way)[-1].raw
    assert {name: raw[name] for name in FACTS_OF_A_SEARCH} == FACTS_OF_A_SEARCH
    choice = raw["choices"][0]
    assert {name: choice[name] for name in FACTS_OF_A_CHOICE} == FACTS_OF_A_CHOICE
    assert {name: choice["message"][name] for name in message} == message
    assert (choice["finish_reason"], raw["usage"]) == ("stop", USAGE)
    if "stream" not in chat_way:
        assert raw == body


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, [1], ["x"], [None], [{}], {"a": [{}]}])
@pytest.mark.parametrize("field", ["token", "logprob", "bytes", "top_logprobs", "content"])
def test_log_probabilities_of_any_type_do_not_fail_an_answer(
    field: str, value: Any, make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """What can be read of them is; the answer is whole."""
    token = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], field: value}
    logprobs = {"content": value if field == "content" else [token]}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": logprobs}
    message = {"role": "assistant", "content": "Hi"}
    if "stream" in chat_way:
        gateway.script(Chunks([{"choices": [{**choice, "delta": message}]}, TAIL]))
    else:
        gateway.script(Body({"choices": [{**choice, "message": message}], "usage": USAGE}))
    response = say(make(), chat_way)[-1]
    assert response.message.content == "Hi"
    if field != "content":
        assert len(response.logprobs) == 1


def test_usage_is_in_raw_and_beside_it(make: Any, say: Any, way: str, gateway: Emulator) -> None:
    """Counters look into ``raw['usage']``, observers into ``additional_kwargs``; streams have both
    by default.
    """
    gateway.script(Chunks(SCRIPTS["text"]))
    response = say(make(), way)[-1]
    assert {name: response.raw["usage"][name] for name in USAGE} == USAGE
    calls_so_far = {
        name: response.additional_kwargs[name]
        for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    }
    assert calls_so_far == {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def test_cached_and_reasoning_tokens_are_in_additional_kwargs(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """Details of usage have names of their own."""
    gateway.script(Chunks(SCRIPTS["text"]))
    about = say(make(), way)[-1].additional_kwargs
    assert (about["cached_tokens"], about["reasoning_tokens"]) == (3, 2)


def test_the_token_counter_is_exact(make: Any, say: Any, way: str, gateway: Emulator) -> None:
    """The counter reads what was billed and never guesses with a tokenizer."""

    def no_guessing(text: str) -> list[int]:
        raise AssertionError(f"The tokenizer was asked about {text!r}.")

    counter = TokenCountingHandler(tokenizer=no_guessing)
    gateway.script(Chunks(SCRIPTS["text"]))
    say(make(callback_manager=CallbackManager([counter])), way)
    assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (11, 7)
    assert len(counter.llm_token_counts) == 1


def test_the_cost_is_in_additional_kwargs(make: Any, say: Any, way: str, gateway: Emulator) -> None:
    """Usage times the catalogue's price, in pollen, where both are known."""
    gateway.script(Answer(text="Hi.", usage=USAGE, model="openai/gpt-5.4-nano"))
    llm = make("openai/gpt-5.4-nano")
    about = say(llm, way)[-1].additional_kwargs
    price = llm._client.cost(USAGE, "openai/gpt-5.4-nano").total
    assert about.get("cost") == (None if price is None else float(price))
    assert price is not None
    assert price > 0


def test_no_finish_reason_is_an_error(make: Any, say: Any, way: str, gateway: Emulator) -> None:
    """A cut answer is an answer."""
    gateway.script(Answer(text="The first", finish_reason="length"))
    response = say(make(), way)[-1]
    assert response.additional_kwargs["finish_reason"] == "length"
    assert text_of(response) == "The first"


def test_filter_results_are_in_additional_kwargs(
    make: Any, say: Any, way: str, gateway: Emulator
) -> None:
    """Safety verdicts of prompt and answer are in ``additional_kwargs``."""
    gateway.script(
        Chunks(
            [
                delta(content="Hi.", top={"prompt_filter_results": [{"prompt_index": 0}]}),
                delta("stop"),
                TAIL,
            ]
        )
    )
    assert say(make(), way)[-1].additional_kwargs["prompt_filter_results"] == [{"prompt_index": 0}]


def test_logprobs_come_with_streams_too(make: Any, say: Any, way: str, gateway: Emulator) -> None:
    """One list a token, its alternatives where they were asked for."""
    responses = say(make(), way, "Say hello", logprobs=True, top_logprobs=2)
    assert gateway.requests[-1].json["logprobs"] is True
    first = responses[-1].logprobs[0]
    assert first[0].token
    assert first[0].logprob <= 0


def test_citations_survive_to_the_last_chunk(
    make: Any, say: Any, chat_way: str, gateway: Emulator
) -> None:
    """Sources are told beside the answer and as blocks, with the titles that search
    results give.
    """
    results = [{"url": "https://a.example/1", "title": "One", "snippet": "First."}]
    top = {"citations": ["https://a.example/1"], "search_results": results}
    gateway.script(
        Chunks([delta(content="So [1].", top=top), delta(content=" Yes."), delta("stop"), TAIL])
    )
    response = say(make("perplexity"), chat_way)[-1]
    assert response.additional_kwargs["citations"] == ["https://a.example/1"]
    (cited,) = blocks_of(response, CitationBlock)
    assert (cited.source, cited.title, cited.cited_content.text) == (
        "https://a.example/1",
        "One",
        "First.",
    )
    assert response.message.content == "So [1]. Yes."
