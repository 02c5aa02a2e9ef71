"""Text from a model to an object of the class that was asked for, and no stricter than need be.

Pure.

Models wrap JSON in fences, think aloud first, add a sentence, or answer as if they were calling a
tool. All of that is read; what is not there is never made up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import from_json

__all__ = [
    "NothingFound",
    "object_from_data",
    "object_from_text",
    "partial_data",
    "unwrapped",
    "without_nulls",
]

THINKING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
FENCED = re.compile(r"```[\w-]*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
OPENING = re.compile(r"[{\[]")
JSON_LIKE = re.compile(
    r"""\{\s*["}]|\[\s*[{\["\d-]"""
)  # an opening that begins JSON, not a set or a note in brackets
MARKS = re.compile(
    r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL
)  # brackets, and strings, whose brackets do not count
WRAPPERS = ("arguments", "parameters", "args", "input", "properties", "tool_input")
MAX_START_ATTEMPTS = 50
DECODER = json.JSONDecoder(strict=False)


class NothingFound(ValueError):
    """There is no JSON in a text."""


def object_from_text(text: str, output_cls: type[BaseModel]) -> BaseModel:
    """The first JSON in ``text`` that fits ``output_cls``.

    Raises :class:`NothingFound` without any JSON, and the ``ValidationError`` of the first one
    where none fits.
    """
    misfit: ValidationError | None = None
    for data in _found_in(THINKING.sub("", text)):
        try:
            return object_from_data(data, output_cls)
        except ValidationError as error:
            misfit = misfit or error
    if misfit is not None:
        raise misfit
    raise NothingFound("The answer holds no JSON.")


def object_from_data(data: Any, output_cls: type[BaseModel]) -> BaseModel:
    """Parsed JSON as an object: as it is, else unwrapped, else without the nulls that strict
    schemas ask for.

    Raises the ``ValidationError`` of ``data`` as it is where nothing fits.
    """
    variants = list(_variants(data, output_cls))
    if (inner := unwrapped(data, output_cls)) is not data:
        variants.insert(0, inner)
    first = (
        _is_foreign(data, output_cls) and variants
    )  # all of a class's fields may have defaults: anything fits then
    for candidate in [*variants, data] if first else [data, *variants]:
        try:
            return output_cls.model_validate(candidate)
        except ValidationError:
            continue
    return output_cls.model_validate(data)


def unwrapped(data: Any, output_cls: type[BaseModel]) -> Any:
    """What a ``RootModel`` holds, out of the object of one member as which it is asked for; other
    data as it is.
    """
    if issubclass(output_cls, RootModel) and isinstance(data, dict) and len(data) == 1:
        return next(iter(data.values()))
    return data


def _is_foreign(data: Any, output_cls: type[BaseModel]) -> bool:
    """Whether an object has none of the class's fields, or wraps them all in one."""
    if issubclass(output_cls, RootModel):
        return isinstance(data, dict) and data.keys() == output_cls.model_fields.keys()
    known = {
        name
        for field, info in output_cls.model_fields.items()
        for name in (field, info.alias)
        if name
    }
    return isinstance(data, dict) and bool(data) and not known & data.keys()


def partial_data(text: str) -> dict[str, Any] | None:
    """What an unfinished text holds of its JSON object so far, or ``None``."""
    text = THINKING.sub("", text)
    start = text.find("{")
    if start < 0:
        return None
    try:
        data = from_json(
            text[start:].partition("```")[0].rstrip(), allow_partial="trailing-strings"
        )
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _found_in(text: str) -> Iterator[Any]:
    """Every JSON object or list in a text, the likeliest first; none out of the middle of a broken
    one.
    """
    for candidate in (text.strip(), *(fenced.strip() for fenced in FENCED.findall(text))):
        if candidate[:1] in {"{", "[", '"'}:
            try:
                data = json.loads(candidate, strict=False)
            except (ValueError, RecursionError):
                continue
            if isinstance(data, str):  # the whole answer as a JSON string
                yield from _found_in(data)
            else:
                yield data
    end = 0
    for tried, opening in enumerate(OPENING.finditer(text)):
        if tried >= MAX_START_ATTEMPTS:
            return
        if opening.start() < end:
            continue
        try:
            data, end = DECODER.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            if JSON_LIKE.match(text, opening.start()):
                end = _end_of(text, opening.start())
            continue
        yield data


def _end_of(text: str, start: int) -> int:
    """Where the brackets opened at ``start`` are closed again; the end of the text where they are
    not.
    """
    depth = 0
    for mark in MARKS.finditer(text, start):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    return len(text)


def _variants(data: Any, output_cls: type[BaseModel]) -> Iterator[Any]:
    if isinstance(data, list):
        lists = [
            name
            for name, field in output_cls.model_fields.items()
            if "list" in str(field.annotation).lower()
        ]
        if len(output_cls.model_fields) == len(lists) == 1:
            yield {lists[0]: data}
        if len(data) == 1:
            yield data[0]
        return
    if not isinstance(data, dict):
        return
    for name in (output_cls.__name__, *WRAPPERS):
        inner = data.get(name)
        if isinstance(inner, str) and inner.lstrip()[:1] == "{":
            try:
                inner = json.loads(inner, strict=False)
            except ValueError:
                continue
        if isinstance(inner, dict):
            yield inner
            yield without_nulls(inner)
    if isinstance(function := data.get("function"), dict):
        yield from _variants(function, output_cls)
    yield without_nulls(data)


def without_nulls(data: Any) -> Any:
    """``data`` without members that are null: strict schemas make every optional field a nullable
    one.
    """
    if isinstance(data, dict):
        return {name: without_nulls(value) for name, value in data.items() if value is not None}
    return [without_nulls(value) for value in data] if isinstance(data, list) else data
