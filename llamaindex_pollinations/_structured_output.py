"""Ask for objects of a class by JSON schema, forced function or words, and read the answers. Pure.

``attempts`` says which ways are tried for a model and in which order; ``_structured_calls`` sends
them. Reading accepts fences, prose, thoughts and wrappers round the object, and nothing half.
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
# The program decides about tools: what callers pass along to every program does not apply.
DECIDED_HERE = frozenset(
    {
        "tools",
        "tool_choice",
        "tool_required",
        "allow_parallel_tool_calls",
        "parallel_tool_calls",
        "response_format",
    }
)
BAD_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
CUT_BY = frozenset({"length", "content_filter"})  # finish reasons that hold in any way of asking
SHOWN = 300
# Members that models put the object into when they answer as if they were calling a tool.
WRAPPERS = ("arguments", "parameters", "args", "input", "properties", "tool_input")


class NothingFound(ValueError):
    """There is no whole JSON in a text."""


class StructuredOutputError(ReplyError, ValueError):
    """No answer held an object of the class that was asked for; the message shows the last one's
    beginning.

    ``is_final`` says that asking in another way would not help: the model refused, a filter or
    ``max_tokens`` cut it.
    """

    is_final = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to ask for an object of ``output_cls``."""

    way: Way
    output_cls: type[BaseModel]
    strict: bool = False
    has_default_tools: bool = (
        False  # the gateway adds tools of its own, which JSON formats do not go with
    )

    def options(self) -> dict[str, Any]:
        """What the call says beside its messages."""
        match self.way:
            case "json_schema":
                no_tools = {"default_tools": False} if self.has_default_tools else {}
                return {"response_format": self._response_format(), **no_tools}
            case "function":
                tool = get_function_tool(self._object_cls())
                return {
                    "tools": [tool],
                    "tool_choice": tool.metadata.get_name(),
                    "parallel_tool_calls": False,
                    "strict": self.strict,
                }
            case "text":
                return {}

    def merged_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The caller's options with this way's over them."""
        return {**options, **self.options()}

    def messages(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        """The messages of the call; asking by words adds the schema to the last of the user."""
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
        """The object in a whole response: a tool call's arguments, or JSON in the text, whichever
        is there.

        Raises :class:`StructuredOutputError`.
        """
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
                failure = NothingFound(call["error"]) if call else error
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
        """What an unfinished response holds of the object, or None; ``finder`` read its text."""
        selections = selections_in(response, required=False)
        if selections:
            return selections[0].tool_kwargs or None
        return partial_data(finder)

    def _object_cls(self) -> type[BaseModel]:
        """The class to ask for: arguments and strict schemas are objects, so a list or a choice is
        a member of one.
        """
        if not issubclass(self.output_cls, RootModel):
            return self.output_cls
        return create_model(
            self.output_cls.__name__, __doc__=self.output_cls.__doc__, root=(self.output_cls, ...)
        )

    def _response_format(self) -> dict[str, Any]:
        schema = resolve_root(self._object_cls().model_json_schema())
        json_schema: dict[str, Any] = {"name": BAD_IN_NAMES.sub("_", self.output_cls.__name__)[:64]}
        if isinstance(schema.get("description"), str):
            json_schema["description"] = schema["description"]
        strict_schema = (
            strict_form(schema, f"The schema of {self.output_cls.__name__}")
            if self.strict
            else None
        )
        json_schema |= (
            {"schema": schema}
            if strict_schema is None
            else {"schema": strict_schema, "strict": True}
        )
        return {"type": "json_schema", "json_schema": json_schema}

    def _failed(
        self, response: ChatResponse, text: str, failure: ValueError
    ) -> StructuredOutputError:
        about = response.additional_kwargs
        refusal = f" The model refused: {about['refusal']}" if about.get("refusal") else ""
        cut = (
            " The answer hit max_tokens before it was complete; raise it."
            if about.get("finish_reason") == "length"
            else ""
        )
        error = StructuredOutputError(
            f"No {self.output_cls.__name__} in the answer (asked by {self.way}):"
            f" {_reason(failure)}{cut}{refusal} It began: {text[:SHOWN]!r}.",
            request_id=about.get("request_id"),
        )
        error.is_final = bool(refusal) or about.get("finish_reason") in CUT_BY
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
    """The ways to try, in order. A program mode or a mode that names a way is the only one.

    LlamaIndex's OPENAI mode is function calling by a package that takes OpenAI's own class alone.
    Raises :class:`InvalidRequestError` for what is no class to ask for.
    """
    check_output_cls(output_cls)
    ways: Sequence[Way]
    if program_mode in {PydanticProgramMode.FUNCTION, PydanticProgramMode.OPENAI}:
        ways = ("function",)
    elif program_mode == PydanticProgramMode.LLM:
        ways = ("text",)
    elif mode != "auto":
        ways = (mode,)
    else:
        listed: list[Way] = ["json_schema", "function", "text"]
        if card is not None and card.takes_json_schema is False:
            listed.remove("json_schema")
        if not calls_functions:
            listed.remove("function")
        ways = listed
    return [Attempt(way, output_cls, strict, has_default_tools) for way in ways]


def check_output_cls(output_cls: Any) -> None:
    """Raise :class:`InvalidRequestError`, with the remedy, for what is no Pydantic class."""
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
    """What to raise when every way failed: what the last answer lacked, rather than a refusal to
    answer.
    """
    return next(
        (one for one in reversed(failures) if isinstance(one, StructuredOutputError)), failures[-1]
    )


def object_from_text(text: str, output_cls: type[BaseModel], *, is_cut: bool = False) -> BaseModel:
    """The first JSON value in ``text`` that fits ``output_cls``; ``is_cut`` if it hit its limit.

    Raises :class:`NothingFound` without any whole JSON, and the ``ValidationError`` of the first
    value where none fits.
    """
    values = find_json(text).answers(is_cut=is_cut)
    if not values:
        raise NothingFound("The answer holds no whole JSON.")
    if len(values) > 1:
        values = likeliest_first(values, output_cls.model_json_schema())
    return first_fitting(values, lambda data: object_from_data(data, output_cls), ValidationError)


def partial_data(finder: JsonFinder) -> dict[str, Any] | None:
    """What an unfinished text holds of its JSON object so far, or None."""
    if finder.values:
        data = finder.values[0].data
    else:
        data = None if finder.unfinished is None else parse_partial_json(finder.unfinished)
    return data if isinstance(data, dict) else None


def object_from_data(data: Any, output_cls: type[BaseModel]) -> BaseModel:
    """Parsed JSON as an object: as it is, else unwrapped, else without the nulls of strict mode.

    Raises the ``ValidationError`` of ``data`` as it is where nothing fits.
    """
    variants = list(_variants(data, output_cls))
    if (inner := unwrapped(data, output_cls)) is not data:
        variants.insert(0, inner)
    # A class whose fields all have defaults fits any object, wrappers included.
    first = _is_foreign(data, output_cls) and variants
    for candidate in [*variants, data] if first else [data, *variants]:
        try:
            return output_cls.model_validate(candidate)
        except ValidationError:
            continue
    return output_cls.model_validate(data)


def unwrapped(data: Any, output_cls: type[BaseModel]) -> Any:
    """What a ``RootModel`` holds, out of the object of one member as which it is asked for."""
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
    """Other readings of the data: in a list, in a wrapper, with nulls for what was left out."""
    if isinstance(data, list):
        yield from _variants_of_list(data, output_cls)
    if not isinstance(data, dict):
        return
    # A member that is a field of the class is a part of the object, not a wrapper round it.
    for name in (output_cls.__name__, *WRAPPERS):
        inner = None if name in _field_names(output_cls) else _as_object(data.get(name))
        if inner is not None:
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


def _as_object(value: Any) -> dict[str, Any] | None:
    """A wrapped object, which some models write as JSON text; None for other values."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = parse_json(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _reason(failure: ValueError) -> str:
    if not isinstance(failure, ValidationError):
        return str(failure)
    faults = failure.errors(include_url=False, include_context=False, include_input=False)
    sentences = [
        f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}" for fault in faults[:3]
    ]
    return "; ".join(sentences) + ("." if len(faults) <= 3 else f"; and {len(faults) - 3} more.")
