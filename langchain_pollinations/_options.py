"""From a model's fields and a call's options to what is sent, and from the replies to LangChain's
result. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult

from pollinations_client import Catalog, Cost, InvalidRequestError, ModelOptions, Reply
from pollinations_client._adapter_support import MAX_SEED, AskedModel, drawn_seed

from ._json_mode import json_format
from ._messages import Wire, wire_messages
from ._responses import generation_from, summed_counts, token_usage_from
from ._structured_output import response_format_for
from ._tool_definitions import older_function_from, tool_from

# Names that LangChain's users know from other models, at construction and in a call.
ALIASES = {"model_name": "model", "stop_sequences": "stop", "model_kwargs": "extra_body"}
CALL_ALIASES = {**ALIASES, "request_timeout": "timeout"}
NOT_SENT = frozenset(
    {"ls_structured_output_format", "structured_output_format", "stream_usage", "stream", "n"}
)
MAX_N = 16
SENT = tuple(ModelOptions.model_fields)

Options = dict[str, Any]


class ModelFields(Protocol):
    """The fields of ``ChatPollinations`` that a request is made from."""

    model: str
    n: int
    stream_usage: bool
    replay_reasoning: bool
    keep_images: int
    extra_body: dict[str, Any] | None


def sent_options(llm: ModelFields) -> Options:
    """The options in the model's own fields that are given."""
    fields = llm.__dict__
    return {name: fields[name] for name in SENT if fields[name] is not None}


def call_options(llm: ModelFields, stop: list[str] | None, given: Mapping[str, Any]) -> Options:
    """What is sent: the call's options before the model's."""
    options = {**sent_options(llm), **given}
    for name in NOT_SENT & options.keys():
        del options[name]
    for alias in CALL_ALIASES.keys() & options.keys():
        options[CALL_ALIASES[alias]] = options.pop(alias)
    options["model"] = options.get("model") or llm.model
    if stop is not None:
        options["stop"] = stop
    if tools := options.get("tools"):
        options["tools"] = [tool_from(tool, None, place) for place, tool in enumerate(tools)]
    if functions := options.get("functions"):
        options["functions"] = [
            older_function_from(one, index) for index, one in enumerate(functions)
        ]
    if (wanted := options.get("response_format")) is not None:
        options["response_format"] = response_format_for(wanted)
    if llm.extra_body and options.get("extra_body") is not llm.extra_body:
        options["extra_body"] = {**llm.extra_body, **(options.get("extra_body") or {})}
    return options


def wire_for(
    llm: ModelFields, messages: Sequence[BaseMessage], options: Options, catalog: Catalog
) -> list[Wire]:
    """The messages as they are sent."""
    return wire_messages(
        messages,
        AskedModel(options["model"], catalog),
        replay_reasoning=llm.replay_reasoning,
        keep_images=llm.keep_images,
    )


def answers_of(llm: ModelFields, given: Mapping[str, Any]) -> int:
    """How many answers a call asks for."""
    n = llm.n if given.get("n") is None else given["n"]
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= MAX_N:
        raise InvalidRequestError(
            f"n: 1 to {MAX_N} answers per prompt; {n!r} was given.", param="n"
        )
    return n


def requests_for(
    llm: ModelFields, stop: list[str] | None, given: Mapping[str, Any]
) -> list[Options]:
    """The options of each request: the gateway gives one answer to each, so ``n`` of them differ in
    their seeds.
    """
    options, n = call_options(llm, stop, given), answers_of(llm, given)
    if n == 1:
        return [options]
    seed = options.get("seed")
    first = drawn_seed(-1 if seed is None else seed) or 0
    return [{**options, "seed": (first + number) % (MAX_SEED + 1)} for number in range(n)]


def stream_request(llm: ModelFields, stop: list[str] | None, given: Mapping[str, Any]) -> Options:
    """The options of a stream."""
    options = call_options(llm, stop, given)
    if answers_of(llm, given) > 1:
        raise InvalidRequestError(
            "n: a stream brings one answer; ask for several with generate() or n=1.", param="n"
        )
    if not given.get("stream_usage", llm.stream_usage):
        options.setdefault("stream_options", {"include_usage": False})
    return options


def offers_functions(options: Mapping[str, Any]) -> bool:
    """Whether a request offers functions in the older form, and no tools."""
    return bool(options.get("functions")) and not options.get("tools")


def audio_format_of(options: Mapping[str, Any]) -> str | None:
    """The format of speech that a request asks for."""
    return (options.get("audio") or {}).get("format")


def result_from(
    replies: Sequence[Reply], options: Options, cost_of: Callable[[Reply], Cost]
) -> ChatResult:
    """One generation a reply, and what all of them used."""
    sound, wanted = audio_format_of(options), json_format(options)
    generations = [
        generation_from(
            reply,
            model=options["model"],
            cost=cost_of(reply),
            audio_format=sound,
            json_format=wanted,
            offers_functions=offers_functions(options),
        )
        for reply in replies
    ]
    output: dict[str, Any] = {"model_name": replies[0].served_model or options["model"]}
    if usages := [reply.usage for reply in replies if reply.usage is not None]:
        output["token_usage"] = summed_counts([token_usage_from(usage) for usage in usages])
    return ChatResult(generations=list(generations), llm_output=output)


def summed_output(outputs: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """``llm_output`` of several calls as one: the last model's name, and the counts of all."""
    known = [output for output in outputs if output]
    merged: dict[str, Any] = {}
    for output in known:
        merged.update(output)
    counts = [output["token_usage"] for output in known if "token_usage" in output]
    if counts:
        merged["token_usage"] = summed_counts(counts)
    return merged
