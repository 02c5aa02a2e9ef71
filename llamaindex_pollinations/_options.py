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
from pollinations_client._adapter_support import CALL_SETTINGS, with_own_names

from ._tool_definitions import wire_tools

__all__ = ["ALIASES", "HiddenHeadersMixin", "call_options"]

# Names by which users of OpenAI's classes, or of our LangChain package, know the same option.
ALIASES = {
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


def call_options(
    fields: Mapping[str, Any],
    additional_kwargs: Mapping[str, Any],
    call: Mapping[str, Any],
    *,
    strict: bool,
) -> dict[str, Any]:
    """The options of one call, as the client takes them.

    Args:
        fields: The constructor's fields, without those that are None.
        additional_kwargs: Further options; unknown names go into the request as they are.
        call: The call's own options.
        strict: Whether tools are sent in strict form.
    """
    own_names = ChatOptions.model_fields.keys() | CALL_SETTINGS
    call, additional_kwargs = _own_names(call), _own_names(additional_kwargs)
    strict = bool(call.pop("strict", strict))
    for options in (call, additional_kwargs):
        # ragas and others pass OpenAI's default along.
        if (n := options.pop("n", None)) not in (None, 1):
            raise InvalidRequestError(NO_SECOND_ANSWER.format(n=n), param="n")
    extra = {**fields.get("extra_body", {}), **(additional_kwargs.get("extra_body") or {})}
    extra |= {name: value for name, value in additional_kwargs.items() if name not in own_names}
    own_options = {name: value for name, value in additional_kwargs.items() if name in own_names}
    options = {**fields, **own_options}
    # A call's max_tokens must also take back the constructor's max_completion_tokens: OpenAI's
    # models answer 400 to a request with both.
    if any(name in call for name in SAME_LIMIT):
        options = {name: value for name, value in options.items() if name not in SAME_LIMIT}
    extra = {name: value for name, value in extra.items() if name not in call} | (
        call.get("extra_body") or {}
    )
    # The gateway refuses null for tools, tool_choice, user and others, so None is never sent.
    options = {name: value for name, value in {**options, **call}.items() if value is not None}
    if "extra_headers" in options:
        options["extra_headers"] = _revealed_headers(options["extra_headers"])
    options.pop("extra_body", None)
    if extra:
        options["extra_body"] = extra
    if tools := options.get("tools"):
        options["tools"] = wire_tools(tools, strict=strict)
    return options


def _own_names(options: Mapping[str, Any]) -> dict[str, Any]:
    if ALIASES.keys().isdisjoint(options):  # as in nearly all calls
        return dict(options)
    return with_own_names(options, ALIASES)


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
    # Bound first: LlamaIndex then hands the LLM to its span handlers, which read the model's name.
    @functools.wraps(method)
    def hide_and_call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return method.__get__(self)(*args, **_with_hidden_headers(kwargs))

    @functools.wraps(method)
    async def hide_and_await(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await method.__get__(self)(*args, **_with_hidden_headers(kwargs))

    hiding: Callable[..., Any] = hide_and_call
    if inspect.iscoroutinefunction(method):
        hiding = hide_and_await
    setattr(hiding, HIDES, True)
    return hiding


def _with_hidden_headers(options: dict[str, Any]) -> dict[str, Any]:
    nested, headers = options.get(NESTED), options.get(HEADERS)
    if isinstance(nested, dict) and HEADERS in nested:
        options = {**options, NESTED: _with_hidden_headers(nested)}
    if isinstance(headers, Mapping):
        secrets = {
            name: SecretStr(value) for name, value in headers.items() if isinstance(value, str)
        }
        options = {**options, HEADERS: {**headers, **secrets}}
    return options


def _revealed_headers(headers: Any) -> Any:
    """The headers with their values. The client refuses what is no mapping."""
    if not isinstance(headers, Mapping):
        return headers
    values = {
        name: secret.get_secret_value()
        for name, secret in headers.items()
        if isinstance(secret, SecretStr)
    }
    return {**headers, **values}
