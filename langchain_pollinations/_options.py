"""Merge a model's fields and a call's options into requests, and replies into a result. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult

from pollinations_client import Catalog, Cost, InvalidRequestError, ModelOptions, Reply
from pollinations_client._adapter_support import MAX_SEED, AskedModel, drawn_seed

from ._content import Wire
from ._messages import wire_messages
from ._responses import generation_from, summed_counts, token_usage_from

if TYPE_CHECKING:
    from ._json_mode import JsonFormat

# Names that LangChain's users know from other models, at construction and in a call.
ALIASES = {"model_name": "model", "stop_sequences": "stop", "model_kwargs": "extra_body"}
CALL_ALIASES = {**ALIASES, "request_timeout": "timeout"}
# Core takes the first two out of a call's options in ``invoke`` and ``stream``, and leaves them
# where a program calls ``_generate`` itself. The others are settings of this adapter.
NOT_SENT = frozenset(
    {"ls_structured_output_format", "structured_output_format", "stream_usage", "stream", "n"}
)
MAX_N = 16
SENT = tuple(ModelOptions.model_fields)
JSON_FORMATS = frozenset({"json_object", "json_schema"})

Options = dict[str, Any]


class ModelFields(Protocol):
    """The fields of ``ChatPollinations`` that a request is made from."""

    model: str
    n: int
    stream_usage: bool
    replay_reasoning: bool
    keep_images: int
    extra_body: dict[str, Any] | None

    @property
    def catalog(self) -> Catalog:
        """What is known of models."""
        ...


def sent_options(llm: ModelFields) -> Options:
    """Return the options among a model's own fields that have a value."""
    fields = llm.__dict__
    return {name: fields[name] for name in SENT if fields[name] is not None}


def call_options(llm: ModelFields, stop: list[str] | None, overrides: Mapping[str, Any]) -> Options:
    """Merge a model's options with those of a call, which override them."""
    options = {**sent_options(llm), **overrides}
    for name in NOT_SENT & options.keys():
        del options[name]
    for alias in CALL_ALIASES.keys() & options.keys():
        options[CALL_ALIASES[alias]] = options.pop(alias)
    options["model"] = options.get("model") or llm.model
    if stop is not None:
        options["stop"] = stop
    if tools := options.get("tools"):
        from ._tool_definitions import wire_tools  # 6 ms with LangChain's tools, at its first use

        options["tools"] = wire_tools(tools, strict=None)
    if functions := options.get("functions"):
        from ._tool_definitions import older_function_from

        options["functions"] = [
            older_function_from(function, index) for index, function in enumerate(functions)
        ]
    if (response_format := options.get("response_format")) is not None:
        from ._structured_output import response_format_for  # 10 ms, at its first use

        options["response_format"] = response_format_for(response_format)
    if llm.extra_body and options.get("extra_body") is not llm.extra_body:
        options["extra_body"] = {**llm.extra_body, **(options.get("extra_body") or {})}
    return options


def wire_for(llm: ModelFields, messages: Sequence[BaseMessage], options: Options) -> list[Wire]:
    """Encode the messages of a call."""
    return wire_messages(
        messages,
        lambda: AskedModel(options["model"], llm.catalog),
        replay_reasoning=llm.replay_reasoning,
        keep_images=llm.keep_images,
    )


def requests_for(
    llm: ModelFields, stop: list[str] | None, overrides: Mapping[str, Any]
) -> list[Options]:
    """Return the options of each request of a call.

    The gateway gives one answer to a request, so ``n`` requests differ in their seeds: with equal
    seeds its cache would give all of them the same answer.
    """
    options, n = call_options(llm, stop, overrides), number_of_answers(llm, overrides)
    if n == 1:
        return [options]
    seed = options.get("seed")
    if seed is None:
        seed = -1  # a drawn one: omitted seeds are equal seeds to the cache
    first = drawn_seed(seed) or 0
    return [{**options, "seed": (first + number) % (MAX_SEED + 1)} for number in range(n)]


def stream_request(
    llm: ModelFields, stop: list[str] | None, overrides: Mapping[str, Any]
) -> Options:
    """Return the options of a stream's request."""
    options = call_options(llm, stop, overrides)
    if number_of_answers(llm, overrides) > 1:
        raise InvalidRequestError(
            "n: a stream brings one answer; ask for several with generate() or n=1.", param="n"
        )
    if not overrides.get("stream_usage", llm.stream_usage):
        options.setdefault("stream_options", {"include_usage": False})
    return options


def number_of_answers(llm: ModelFields, overrides: Mapping[str, Any]) -> int:
    """Return how many answers a call asks for.

    Raises :class:`InvalidRequestError` out of bounds.
    """
    n = overrides.get("n")
    if n is None:
        n = llm.n
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= MAX_N:
        raise InvalidRequestError(
            f"n: 1 to {MAX_N} answers per prompt; {n!r} was given.", param="n"
        )
    return n


def offers_functions(options: Mapping[str, Any]) -> bool:
    """Whether a request offers functions in the older form, and no tools."""
    return bool(options.get("functions")) and not options.get("tools")


def audio_format_of(options: Mapping[str, Any]) -> str | None:
    """The format of speech that a request asks for."""
    return (options.get("audio") or {}).get("format")


def json_format_of(options: Mapping[str, Any]) -> JsonFormat | None:
    """The JSON that a request asks for; None where it asks for none."""
    extra_body = options.get("extra_body") or {}
    response_format = options.get("response_format") or extra_body.get("response_format")
    if not isinstance(response_format, dict) or response_format.get("type") not in JSON_FORMATS:
        return None
    from ._json_mode import JsonFormat  # at its first use

    return JsonFormat.from_response_format(response_format)


def result_from(
    replies: Sequence[Reply], options: Options, cost_of: Callable[[Reply, str], Cost]
) -> ChatResult:
    """Decode the replies of a call: a generation for each, and the tokens of all.

    ``cost_of`` is asked with the model of the request: the gateway bills the model that was asked
    for, also where another one answered in its place.
    """
    audio_format, json_format = audio_format_of(options), json_format_of(options)
    generations = [
        generation_from(
            reply,
            model=options["model"],
            cost=cost_of(reply, options["model"]),
            audio_format=audio_format,
            json_format=json_format,
            offers_functions=offers_functions(options),
        )
        for reply in replies
    ]
    output: dict[str, Any] = {"model_name": replies[0].served_model or options["model"]}
    if usages := [reply.usage for reply in replies if reply.usage is not None]:
        output["token_usage"] = summed_counts([token_usage_from(usage) for usage in usages])
    # Not validated again, for each validation copies the text, which may be a picture.
    return ChatResult.model_construct(generations=generations, llm_output=output)


def summed_output(outputs: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """Merge the ``llm_output`` of several calls: the last model's name, and the counts of all."""
    # A prompt that a cache answered has no output, or an empty one.
    outputs = [output for output in outputs if output]
    merged: dict[str, Any] = {}
    for output in outputs:
        merged.update(output or {})
    counts = [output["token_usage"] for output in outputs if output and "token_usage" in output]
    if counts:
        merged["token_usage"] = summed_counts(counts)
    return merged
