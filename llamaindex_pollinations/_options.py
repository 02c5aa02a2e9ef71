"""From constructor options and call options to what the client is given. Pure.

The nearer one holds: what a call says, then ``additional_kwargs``, then the constructor's field.
``None`` in a call takes a constructor's option back. Names are checked by the client, once for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pollinations_client import ChatOptions, InvalidRequestError
from pollinations_client._adapter_support import CALL_SETTINGS

from ._tool_definitions import wire_tools
from ._traced_headers import revealed_headers

__all__ = ["ALIASES", "alias_of", "call_options", "with_own_names"]

ALIASES = {  # other names of the same option
    "base_url": "api_base",
    "audio_config": "audio",
    "model_name": "model",
    "http_async_client": "async_http_client",
}
SAME_LIMIT = ("max_tokens", "max_completion_tokens")
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
        options["extra_headers"] = revealed_headers(options["extra_headers"])
    options.pop("extra_body", None)
    if extra:
        options["extra_body"] = extra
    if tools := options.get("tools"):
        options["tools"] = wire_tools(tools, strict=strict)
    return options
