"""Ask for objects of a class by JSON schema, forced function or words, and read the answers. Pure.

``attempts`` says which ways are tried for a model, and in which order; ``_structured_calls`` sends
them. Fences, prose, thoughts and wrappers round an object are skipped; half of one is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_origin

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock
from llama_index.core.output_parsers.pydantic import PydanticOutputParser
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, RootModel, ValidationError, create_model

from pollinations_client import InvalidRequestError, ModelCard, ReplyError
from pollinations_client._adapter_support import (
    JsonFinder,
    find_json,
    first_fitting,
    likeliest_first,
    parse_json,
    parse_partial_json,
    resolve_root,
    strict_form,
)

from ._tool_calls import INVALID, drop_nulls, selections_in

__all__ = [
    "Attempt",
    "Mode",
    "NothingFound",
    "StructuredOutputError",
    "attempts",
    "cleaned",
    "last_failure",
    "object_from_text",
    "unwrapped",
]

Mode = Literal["auto", "json_schema", "function", "text"]
Way = Literal["json_schema", "function", "text"]
# An attempt decides about these. Callers pass them along to every program: LlamaIndex's
# FunctionCallingProgram gives tool_choice=None and tool_required=True to each call.
DECIDED_HERE = {"tools", "tool_choice", "tool_required", "response_format"}
DECIDED_HERE |= {"allow_parallel_tool_calls", "parallel_tool_calls"}
# OpenAI refuses a schema whose name holds another character or more than 64.
BAD_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
MAX_NAME = 64
# Finish reasons that would be the same in any way of asking.
CUT_BY = frozenset({"length", "content_filter"})
MAX_QUOTED = 300
# Members into which models put the object when they answer as if they were calling a tool.
WRAPPERS = ("arguments", "parameters", "args", "input", "properties", "tool_input")


class NothingFound(ValueError):
    """A text holds no whole JSON."""


class StructuredOutputError(ReplyError, ValueError):
    """No answer held an object of the class; the message quotes the last answer's beginning.

    ``is_final`` says that asking in another way would not help: the model refused, or a filter or
    ``max_tokens`` cut the answer.
    """

    is_final = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to ask for an object of ``output_cls``."""

    way: Way
    output_cls: type[BaseModel]
    strict: bool = False
    has_default_tools: bool = False

    def options(self) -> dict[str, Any]:
        """The options of the call."""
        match self.way:
            case "json_schema":
                options: dict[str, Any] = {"response_format": self._response_format()}
                if self.has_default_tools:
                    # The gateway gives Gemini code_execution or google_search, and Google's API
                    # answered 400 to these with a JSON format (gateway issues 6834 and 6876).
                    options["default_tools"] = False
                return options
            case "function":
                tool = get_function_tool(self._object_cls())
                return {
                    "tools": [tool],
                    "tool_choice": tool.metadata.get_name(),
                    "parallel_tool_calls": False,
                    # Takes back one of additional_kwargs: several providers refuse both at once.
                    "response_format": None,
                    "strict": self.strict,
                }
            case "text":
                return {}

    def merged_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The caller's options, overruled by those of this attempt."""
        return {**options, **self.options()}

    def messages(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        """The messages of the call; asking by words adds the schema to the last user message."""
        if self.way != "text":
            return list(messages)
        instruction = TextBlock(
            text=PydanticOutputParser(self._object_cls()).get_format_string(escape_json=False)
        )
        if not messages or messages[-1].role != MessageRole.USER:
            return [*messages, ChatMessage(role=MessageRole.USER, blocks=[instruction])]
        last = messages[-1]
        return [*messages[:-1], last.model_copy(update={"blocks": [*last.blocks, instruction]})]

    def object_in(self, response: ChatResponse) -> BaseModel:
        """The object in a whole response. Raises :class:`StructuredOutputError` without one."""
        # In every way of asking both places are read, a call's arguments and the text: models that
        # are made to call a function answer in prose at times, and the other way round.
        text = response.message.content or ""
        is_cut = response.additional_kwargs.get("finish_reason") == "length"
        failure: ValueError = NothingFound("The answer holds no JSON.")
        broken = {call["id"]: call for call in response.message.additional_kwargs.get(INVALID, ())}
        for selection in selections_in(response, required=False):
            call = broken.get(selection.tool_id)
            try:
                if call is None:
                    return object_from_data(selection.tool_kwargs, self.output_cls)
                return object_from_text(call["arguments"], self.output_cls)
            except NothingFound as error:
                failure = error
                if call is not None:
                    failure = NothingFound(call["error"])
            except ValidationError as error:
                failure = error
        try:
            return object_from_text(text, self.output_cls, is_cut=is_cut)
        except NothingFound:
            pass
        except ValidationError as error:
            failure = error
        raise self._failed(response, text, failure)

    def partial_in(self, response: ChatResponse, finder: JsonFinder) -> dict[str, Any] | None:
        """The object as far as a stream has come, or None; ``finder`` has read its text."""
        selections = selections_in(response, required=False)
        if selections:
            return selections[0].tool_kwargs or None
        return partial_data(finder)

    def _object_cls(self) -> type[BaseModel]:
        """The class to ask for."""
        # A tool's arguments and a strict schema must be objects, so what a RootModel holds, a list
        # or a choice, is asked for as the one member of an object.
        if not issubclass(self.output_cls, RootModel):
            return self.output_cls
        return create_model(
            self.output_cls.__name__, __doc__=self.output_cls.__doc__, root=(self.output_cls, ...)
        )

    def _response_format(self) -> dict[str, Any]:
        schema = resolve_root(self._object_cls().model_json_schema())
        name = self.output_cls.__name__
        json_schema: dict[str, Any] = {"name": BAD_IN_NAMES.sub("_", name)[:MAX_NAME]}
        if isinstance(schema.get("description"), str):
            json_schema["description"] = schema["description"]
        json_schema["schema"] = schema
        if self.strict:
            strict_schema = strict_form(schema, f"The schema of {name}")
            if strict_schema is not None:
                json_schema |= {"schema": strict_schema, "strict": True}
        return {"type": "json_schema", "json_schema": json_schema}

    def _failed(
        self, response: ChatResponse, text: str, failure: ValueError
    ) -> StructuredOutputError:
        about = response.additional_kwargs
        refusal, finish_reason = about.get("refusal"), about.get("finish_reason")
        sentences = [_reason(failure)]
        if finish_reason == "length":
            sentences.append("The answer hit max_tokens before it was complete; raise it.")
        if refusal:
            sentences.append(f"The model refused: {refusal}")
        error = StructuredOutputError(
            f"No {self.output_cls.__name__} in the answer (asked by {self.way}):"
            f" {' '.join(sentences)} It began: {text[:MAX_QUOTED]!r}.",
            request_id=about.get("request_id"),
        )
        error.is_final = bool(refusal) or finish_reason in CUT_BY
        error.__cause__ = failure
        return error


def attempts(
    output_cls: type[BaseModel],
    *,
    program_mode: PydanticProgramMode,
    mode: Mode,
    card: ModelCard | None,
    calls_functions: bool,
    strict: bool,
    has_default_tools: bool = False,
) -> list[Attempt]:
    """The attempts for a model, in order; a mode that names one way is the only one.

    Raises :class:`InvalidRequestError` if ``output_cls`` is no Pydantic class.
    """
    check_output_cls(output_cls)
    ways: list[Way]
    # LlamaIndex's OPENAI mode is function calling by a package that takes OpenAI's own class alone.
    if program_mode in {PydanticProgramMode.FUNCTION, PydanticProgramMode.OPENAI}:
        ways = ["function"]
    elif program_mode == PydanticProgramMode.LLM:
        ways = ["text"]
    elif mode != "auto":
        ways = [mode]
    else:
        # A schema comes first: some models refuse a forced call, and others think less for it.
        ways = ["json_schema", "function", "text"]
        if card is not None and card.takes_json_schema is False:
            ways.remove("json_schema")
        if not calls_functions:
            ways.remove("function")
    return [Attempt(way, output_cls, strict, has_default_tools) for way in ways]


def check_output_cls(output_cls: Any) -> None:
    """Raise :class:`InvalidRequestError`, with the remedy, for what is no Pydantic class."""
    # list[Person] is an instance of type as well, and has an origin.
    if isinstance(output_cls, type) and get_origin(output_cls) is None:
        if issubclass(output_cls, BaseModel):
            return
        name = output_cls.__name__
    else:
        name = str(output_cls)
    raise InvalidRequestError(
        f"output_cls: a Pydantic class is needed, and {name} is none; for a list or a choice give"
        " a RootModel of it, such as RootModel[list[Person]].",
        param="output_cls",
    )


def cleaned(llm_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Call options without those that a structured call decides for itself."""
    return {name: value for name, value in (llm_kwargs or {}).items() if name not in DECIDED_HERE}


def last_failure(failures: Sequence[Exception]) -> Exception:
    """The error to raise when every attempt failed."""
    # What the last answer lacked says more than the 400 of a way that the model does not know.
    answers = [error for error in failures if isinstance(error, StructuredOutputError)]
    return [*failures, *answers][-1]


def object_from_text(text: str, output_cls: type[BaseModel], *, is_cut: bool = False) -> BaseModel:
    """The first JSON value in ``text`` that fits ``output_cls``; ``is_cut`` if it hit its limit.

    Raises :class:`NothingFound` without any whole JSON, and the ``ValidationError`` of the first
    value if none fits.
    """
    values = find_json(text).answers(is_cut=is_cut)
    if not values:
        raise NothingFound("The answer holds no whole JSON.")
    if len(values) > 1:
        values = likeliest_first(values, output_cls.model_json_schema())
    return first_fitting(values, lambda data: object_from_data(data, output_cls), ValidationError)


def partial_data(finder: JsonFinder) -> dict[str, Any] | None:
    """The JSON object in an unfinished text as far as it has come, or None."""
    data: Any = None
    if finder.values:
        data = finder.values[0].data
    elif finder.unfinished is not None:
        data = parse_partial_json(finder.unfinished)
    return _as_object(data)


def object_from_data(data: Any, output_cls: type[BaseModel]) -> BaseModel:
    """Parsed JSON as an object: as it is, else unwrapped, else without the nulls of strict mode.

    Raises the ``ValidationError`` of ``data`` as it is if nothing fits.
    """
    candidates = [data, *_variants(data, output_cls)]
    if (inner := unwrapped(data, output_cls)) is not data:
        candidates.insert(1, inner)
    # A class whose fields all have defaults fits any object, wrappers included: these come last.
    if _is_foreign(data, output_cls):
        candidates = [*candidates[1:], data]
    for candidate in candidates:
        try:
            return output_cls.model_validate(candidate)
        except ValidationError:
            continue
    return output_cls.model_validate(data)


def unwrapped(data: Any, output_cls: type[BaseModel]) -> Any:
    """The value for a ``RootModel`` out of the object of one member as which it is asked for."""
    if issubclass(output_cls, RootModel) and isinstance(data, dict) and len(data) == 1:
        return next(iter(data.values()))
    return data


def _is_foreign(data: Any, output_cls: type[BaseModel]) -> bool:
    """Whether an object has none of the class's fields, or wraps them all in one."""
    if issubclass(output_cls, RootModel):
        return isinstance(data, dict) and data.keys() == output_cls.model_fields.keys()
    return isinstance(data, dict) and bool(data) and not _field_names(output_cls) & data.keys()


def _field_names(output_cls: type[BaseModel]) -> set[str]:
    fields = output_cls.model_fields.items()
    return {name for field, info in fields for name in (field, info.alias) if name}


def _variants(data: Any, output_cls: type[BaseModel]) -> Iterator[Any]:
    """Other readings of the data: out of a list, out of a wrapper, without nulls."""
    if isinstance(data, list):
        yield from _variants_of_list(data, output_cls)
    if not isinstance(data, dict):
        return
    # A member that is a field of the class is a part of the object, not a wrapper round it.
    for name in (output_cls.__name__, *WRAPPERS):
        if name in _field_names(output_cls):
            continue
        if (inner := _object_from(data.get(name))) is not None:
            yield inner
            yield drop_nulls(inner)
    if isinstance(function := data.get("function"), dict):
        yield from _variants(function, output_cls)
    yield drop_nulls(data)


def _variants_of_list(data: list[Any], output_cls: type[BaseModel]) -> Iterator[Any]:
    fields = output_cls.model_fields
    lists = [name for name, field in fields.items() if "list" in str(field.annotation).lower()]
    if len(fields) == len(lists) == 1:
        yield {lists[0]: data}
    if len(data) == 1:
        yield data[0]


def _object_from(value: Any) -> dict[str, Any] | None:
    """A wrapped object, which some models write as JSON text; None for other values."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = parse_json(value)
        except ValueError:
            return None
    return _as_object(value)


def _as_object(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _reason(failure: ValueError) -> str:
    if not isinstance(failure, ValidationError):
        return str(failure)
    faults = failure.errors(include_url=False, include_context=False, include_input=False)
    clauses = [
        f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}" for fault in faults[:3]
    ]
    if len(faults) > 3:
        clauses.append(f"and {len(faults) - 3} more")
    return "; ".join(clauses) + "."
