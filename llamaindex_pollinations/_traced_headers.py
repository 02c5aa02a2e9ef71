"""Keep a call's headers out of LlamaIndex's spans and events, which go to tracers.

LlamaIndex hands the arguments of a call to them as they come. Values of ``extra_headers`` may be
secrets: they are wrapped before that, and unwrapped where the request is made.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from llama_index_instrumentation.dispatcher import DISPATCHER_SPAN_DECORATED_ATTR
from pydantic import BaseModel, SecretStr

__all__ = ["HiddenHeadersMixin", "revealed_headers"]

HIDES = "__hides_headers__"
HEADERS = "extra_headers"
NESTED = "llm_kwargs"  # how structured_predict takes the options of its calls


class HiddenHeadersMixin(BaseModel):
    """Hides the headers from every method of a subclass that LlamaIndex makes a span of."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name in dir(cls):
            method = inspect.getattr_static(cls, name)
            is_traced = getattr(method, DISPATCHER_SPAN_DECORATED_ATTR, False)
            if is_traced and not getattr(method, HIDES, False):
                setattr(cls, name, _hiding(method))


def _hiding(method: Callable[..., Any]) -> Callable[..., Any]:
    # Bound first: LlamaIndex then hands the LLM to its span handlers, which read the model's name.
    @functools.wraps(method)
    async def hide_and_await(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await method.__get__(self)(*args, **_hidden(kwargs))

    @functools.wraps(method)
    def hide_and_call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return method.__get__(self)(*args, **_hidden(kwargs))

    is_async = inspect.iscoroutinefunction(method)
    hiding: Callable[..., Any] = hide_and_await if is_async else hide_and_call
    setattr(hiding, HIDES, True)
    return hiding


def _hidden(options: dict[str, Any]) -> dict[str, Any]:
    if isinstance(nested := options.get(NESTED), dict) and HEADERS in nested:
        options = {**options, NESTED: _hidden(nested)}
    if not isinstance(headers := options.get(HEADERS), Mapping):
        return options
    wrapped = {name: _as_secret(value) for name, value in headers.items()}
    return {**options, HEADERS: wrapped}


def _as_secret(value: Any) -> Any:
    return SecretStr(value) if isinstance(value, str) else value


def revealed_headers(headers: Any) -> Any:
    """The headers with their values, for the request."""
    if not isinstance(headers, Mapping):
        return headers
    return {name: _revealed(value) for name, value in headers.items()}


def _revealed(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
