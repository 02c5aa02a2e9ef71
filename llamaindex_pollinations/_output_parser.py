"""Read objects of a class out of answers. Pure.

Fences, prose, thoughts and wrappers round an object are skipped; half of one is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llama_index.core.base.llms.types import ChatResponse
from pydantic import BaseModel, RootModel, ValidationError

from pollinations_client._adapter_support import (
    JsonFinder,
    find_json,
    first_fitting,
    likeliest_first,
    parse_json,
    parse_partial_json,
)

from ._tool_calls import INVALID, drop_nulls, selections_in
from .errors import StructuredOutputError

__all__ = [
    "NothingFound",
    "object_from_text",
    "object_in_response",
    "partial_data",
    "partial_in_response",
    "unwrap_root",
]

# Finish reasons that would be the same in any way of asking.
CUT_BY = frozenset({"length", "content_filter"})
MAX_QUOTED = 300
# Members into which models put the object when they answer as if they were calling a tool.
WRAPPERS = ("arguments", "parameters", "args", "input", "properties", "tool_input")


class NothingFound(ValueError):
    """A text holds no whole JSON."""


def object_in_response(
    response: ChatResponse, output_cls: type[BaseModel], *, way: str
) -> BaseModel:
    """The object in a whole response that was asked for in the way ``way``.

    Raises :class:`StructuredOutputError` if there is none.
    """
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
                return object_from_data(selection.tool_kwargs, output_cls)
            return object_from_text(call["arguments"], output_cls)
        except NothingFound as error:
            failure = error
            if call is not None:
                failure = NothingFound(call["error"])
        except ValidationError as error:
            failure = error
    try:
        return object_from_text(text, output_cls, is_cut=is_cut)
    except NothingFound:
        pass
    except ValidationError as error:
        failure = error
    raise _no_object(response, output_cls, way, failure)


def partial_in_response(response: ChatResponse, finder: JsonFinder) -> dict[str, Any] | None:
    """The object as far as a stream has come, or None; ``finder`` has read its text."""
    selections = selections_in(response, required=False)
    if selections:
        return selections[0].tool_kwargs or None
    return partial_data(finder)


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
    return _dict_or_none(data)


def object_from_data(data: Any, output_cls: type[BaseModel]) -> BaseModel:
    """Parsed JSON as an object: as it is, else unwrapped, else without the nulls of strict mode.

    Raises the ``ValidationError`` of ``data`` as it is if nothing fits.
    """
    candidates = [data, *_variants(data, output_cls)]
    if (inner := unwrap_root(data, output_cls)) is not data:
        candidates.insert(1, inner)
    # A class whose fields all have defaults fits any object, wrappers included: these come last.
    if _looks_wrapped(data, output_cls):
        candidates = [*candidates[1:], data]
    for candidate in candidates:
        try:
            return output_cls.model_validate(candidate)
        except ValidationError:
            continue
    return output_cls.model_validate(data)


def unwrap_root(data: Any, output_cls: type[BaseModel]) -> Any:
    """Take the value for a ``RootModel`` out of the object of one member that was asked for."""
    if issubclass(output_cls, RootModel) and isinstance(data, dict) and len(data) == 1:
        return next(iter(data.values()))
    return data


def _looks_wrapped(data: Any, output_cls: type[BaseModel]) -> bool:
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
    return _dict_or_none(value)


def _dict_or_none(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _no_object(
    response: ChatResponse, output_cls: type[BaseModel], way: str, failure: ValueError
) -> StructuredOutputError:
    facts, text = response.additional_kwargs, response.message.content or ""
    refusal, finish_reason = facts.get("refusal"), facts.get("finish_reason")
    sentences = [_reason(failure)]
    if finish_reason == "length":
        sentences.append("The answer hit max_tokens before it was complete; raise it.")
    if refusal:
        sentences.append(f"The model refused: {refusal}")
    error = StructuredOutputError(
        f"No {output_cls.__name__} in the answer (asked by {way}):"
        f" {' '.join(sentences)} It began: {text[:MAX_QUOTED]!r}.",
        request_id=facts.get("request_id"),
    )
    error.is_final = bool(refusal) or finish_reason in CUT_BY
    error.__cause__ = failure
    return error


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
