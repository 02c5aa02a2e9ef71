"""Merge a call's options with the constructor's, and keep a call's headers out of traces.

A call's option goes before ``additional_kwargs``, and that before the constructor's field. ``None``
in a call takes a constructor's option back. The client checks the names. Pure.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from llama_index_instrumentation.dispatcher import DISPATCHER_SPAN_DECORATED_ATTR
from pydantic import BaseModel, SecretStr

from pollinations_client import ChatOptions, InvalidRequestError
from pollinations_client._adapter_support import CALL_SETTINGS

from ._tool_definitions import wire_tools

__all__ = ["ALIASES", "HiddenHeadersMixin", "alias_of", "call_options", "with_own_names"]

ALIASES = {  # other names of the same option
    "base_url": "api_base",
    "audio_config": "audio",
    "model_name": "model",
    "http_async_client": "async_http_client",
}
SAME_LIMIT = ("max_tokens", "max_completion_tokens")
HEADERS = "extra_headers"
NESTED = "llm_kwargs"  # structured_predict takes the options of its calls under this name
HIDES = "__hides_headers__"
NO_SECOND_ANSWER = (
    "n: {n!r} was given, and a LlamaIndex response is one answer; leave it out, and call again with"
    " another seed for another."
)


def alias_of(name: str) -> property:
    """A property that reads and writes the field ``name``, for a field's other name."""

    def read(component: Any) -> Any:
        return getattr(component, name)

    def write(component: Any, value: Any) -> None:
        setattr(component, name, value)

    return property(read, write, doc=f"Another name of ``{name}``.")


def with_own_names(given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` with other spellings of an option put right. Raises where two of them disagree."""
    named = dict(given)
    for alias, name in ALIASES.items():
        if alias in named:
            value = named.pop(alias)
            if named.get(name) is not None and value is not None and named[name] != value:
                raise InvalidRequestError(
                    f"{alias} and {name} are one option, and two values were given.", param=name
                )
            named[name] = named.get(name) if value is None else value
    return named


def call_options(
    base: Mapping[str, Any], door: Mapping[str, Any], call: Mapping[str, Any], *, strict: bool
) -> dict[str, Any]:
    """The options of one call.

    Args:
        base: The constructor's, ``None`` left out.
        door: ``additional_kwargs``: known options as such, other names go into the request as they
            are.
        call: The call's own.
        strict: Whether tools are sent in strict form.
    """
    known = ChatOptions.model_fields.keys() | CALL_SETTINGS
    call, door = with_own_names(call), with_own_names(door)
    strict = bool(call.pop("strict", strict))
    # ragas and others pass OpenAI's default along.
    if (n := call.pop("n", None)) not in (None, 1):
        raise InvalidRequestError(NO_SECOND_ANSWER.format(n=n), param="n")
    extra = {**base.get("extra_body", {}), **(door.get("extra_body") or {})}
    extra |= {name: value for name, value in door.items() if name not in known}
    options = {**base, **{name: value for name, value in door.items() if name in known}}
    if any(name in call for name in SAME_LIMIT):
        options = {name: value for name, value in options.items() if name not in SAME_LIMIT}
    extra = {name: value for name, value in extra.items() if name not in call} | (
        call.get("extra_body") or {}
    )
    options = {name: value for name, value in {**options, **call}.items() if value is not None}
    if "extra_headers" in options:
        options["extra_headers"] = _revealed(options["extra_headers"])
    options.pop("extra_body", None)
    if extra:
        options["extra_body"] = extra
    if tools := options.get("tools"):
        options["tools"] = wire_tools(tools, strict=strict)
    return options


class HiddenHeadersMixin(BaseModel):
    """Hides the values of ``extra_headers`` from tracers, in every traced method of a subclass."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        # LlamaIndex's dispatcher hands the arguments of a call to spans and events as they come,
        # and a header may hold a secret. Its decorator is the outermost one and cannot be given a
        # filter: so each method that bears its mark is wrapped once more.
        super().__pydantic_init_subclass__(**kwargs)
        for name in dir(cls):
            method = inspect.getattr_static(cls, name)
            is_traced = getattr(method, DISPATCHER_SPAN_DECORATED_ATTR, False)
            if is_traced and not getattr(method, HIDES, False):
                setattr(cls, name, _hiding_headers(method))


def _hiding_headers(method: Callable[..., Any]) -> Callable[..., Any]:
    hiding: Callable[..., Any]
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def hiding(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            return await method.__get__(self)(*args, **_with_hidden_headers(kwargs))
    else:

        @functools.wraps(method)
        def hiding(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            return method.__get__(self)(*args, **_with_hidden_headers(kwargs))

    setattr(hiding, HIDES, True)
    return hiding


def _with_hidden_headers(options: dict[str, Any]) -> dict[str, Any]:
    nested, headers = options.get(NESTED), options.get(HEADERS)
    if isinstance(nested, dict) and HEADERS in nested:
        options = {**options, NESTED: _with_hidden_headers(nested)}
    if isinstance(headers, Mapping):
        options = {**options, HEADERS: {name: _hidden(value) for name, value in headers.items()}}
    return options


def _hidden(value: Any) -> Any:
    return SecretStr(value) if isinstance(value, str) else value


def _revealed(headers: Any) -> Any:
    """The headers as they are sent; what is no mapping is left to the client to refuse."""
    if not isinstance(headers, Mapping):
        return headers
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in headers.items()
    }
