"""``POST /v1/chat/completions``: the body of a chat request, by the gateway's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import PydanticSerializationError, from_json

from ..catalog.catalog import AskedModel, Catalog, snapshot
from ..catalog.estimates import CallSize
from ..errors import InvalidRequestError
from .calls import CALL_KINDS, Call
from .chat_options import ChatOptions, drawn_seed
from .json_body import JSON_ERRORS, encode_json, json_bytes
from .messages import DEFAULT_MODEL, TEXT_ONLY_ROLES, messages_for
from .tool_names import ToolNames, tool_names_of
from .tools import functions_for, response_format_for, tool_choice_for, tools_for
from .validation import drop_none, refuse_stream_option

__all__ = ["chat", "chat_body", "relaxed"]

CHAT_PATH = "/v1/chat/completions"
CHAT_LABEL = f"POST {CHAT_PATH}"
TOOL_FIELDS = frozenset(
    {
        *("tools", "default_tools", "tool_choice", "parallel_tool_calls"),
        *("functions", "function_call"),
    }
)


def chat(
    messages: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
    *,
    stream: bool = False,
    catalog: Catalog | None = None,
) -> Call:
    """``POST /v1/chat/completions``. ``options`` are fields of :class:`ChatOptions`.

    ``catalog`` is what is known of the models; the shipped list by default.

    Raises :class:`InvalidRequestError` for what cannot be sent.
    """
    body, tool_names = chat_body(messages, options, stream=stream, catalog=catalog)
    max_tokens = body.get("max_completion_tokens") or body.get("max_tokens")
    return Call(
        *("POST", CHAT_PATH, CALL_KINDS["chat_stream" if stream else "chat"], CHAT_LABEL),
        _encoded(body),
        tool_names=tool_names.decoding,
        model=_model_of(options, catalog),
        size=CallSize("text", body.get("model"), max_tokens),
    )


def chat_body(
    messages: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
    *,
    stream: bool,
    catalog: Catalog | None = None,
) -> tuple[dict[str, Any], ToolNames]:
    """The JSON body of a chat request and the names of its tools.

    ``None`` is left out; messages, tools and choice are written by the gateway's rules.
    """
    refuse_stream_option(options)
    fields = ChatOptions.checked(options).set_fields()
    extra = fields.pop("extra_body", {})
    model = _model_of(fields, catalog)
    names = ToolNames()
    if "tools" in fields or "functions" in fields:
        names = tool_names_of(fields.get("tools", ()), fields.get("functions", ()))
    # The model and the messages come first.
    body: dict[str, Any] = {}
    if "model" in fields:
        body["model"] = fields["model"]
    body["messages"] = messages_for(messages, model, names)
    tool_fields = _tool_fields(fields, model, names)
    for name, value in fields.items():
        # The gateway answers 400 to a null in response_format, tools, user and others.
        body[name] = value
        if isinstance(value, dict):
            body[name] = drop_none(value)
    if "response_format" in body:
        body["response_format"] = response_format_for(body["response_format"], model)
    if "seed" in body:
        body["seed"] = drawn_seed(body["seed"])
    stream_options = body.pop("stream_options", {})
    if stream:
        body["stream"] = True
        # Both eras of the gateway count in every stream; other servers want to be asked.
        body["stream_options"] = {"include_usage": True, **stream_options}
    return {**body, **tool_fields, **extra}, names


def _model_of(options: Mapping[str, Any], catalog: Catalog | None) -> AskedModel:
    if catalog is None:
        catalog = snapshot()
    return AskedModel(options.get("model") or DEFAULT_MODEL, catalog)


def _tool_fields(fields: dict[str, Any], model: AskedModel, names: ToolNames) -> dict[str, Any]:
    """The fields of a body that are about tools; they are taken out of ``fields``."""
    if TOOL_FIELDS.isdisjoint(fields):
        return {}
    body: dict[str, Any] = {}
    tools = tools_for(fields.pop("tools", ()), model, names)
    if tools or not fields.pop("default_tools", True):
        # An empty list is how today's gateway is told to add no tools of its own.
        body["tools"] = tools
    fields.pop("default_tools", None)
    choice = fields.pop("tool_choice", None)
    if choice is not None:
        choice = tool_choice_for(choice, tools, model, names)
    if choice is not None:
        body["tool_choice"] = choice
    if not tools:
        # A field about tools without tools is a 400 at OpenAI.
        fields.pop("parallel_tool_calls", None)
    if "functions" in fields:
        body["functions"] = functions_for(fields.pop("functions"), names)
    function_call = fields.get("function_call")
    if isinstance(function_call, dict) and isinstance(function_call.get("name"), str):
        body["function_call"] = {
            **drop_none(function_call),
            "name": names.encode(function_call["name"]),
        }
    return body


def relaxed(call: Call, refusal: str) -> Call | None:
    """The chat without its forced ``tool_choice``, if that is what a 400 refuses; else ``None``."""
    # Claude Fable 5.1, Opus 5.5 and Sonnet 5.5 refuse it, and models to come may: the shipped
    # list knows those three, and of others the refusal tells.
    if call.body is None or "tool_choice" not in refusal:
        return None
    body = from_json(call.body)
    if body.get("tool_choice") in (None, "auto", "none"):
        return None
    return replace(call, body=_encoded({**body, "tool_choice": "auto"}))


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return json_bytes(body)
    except JSON_ERRORS as error:
        has_half = isinstance(body.get("messages"), list) and "surrogates" in str(error)[:200]
    if has_half:
        return _encoded_without_halves(body)
    return encode_json(body)  # raises, and says why


def _encoded_without_halves(body: Mapping[str, Any]) -> bytes:
    """A chat body with U+FFFD for each half of a character in results of tools.

    A tool may have read such a text from a file, and it would be refused on every later turn. In
    other messages it is an error that names the message.
    """
    messages = []
    for index, message in enumerate(body["messages"]):
        if message.get("role") in TEXT_ONLY_ROLES and isinstance(message.get("content"), str):
            message = {**message, "content": _without_halves(message["content"])}
        try:
            json_bytes(message)
        except (PydanticSerializationError, ValueError):
            raise InvalidRequestError(
                f"messages[{index}]: the {message.get('role')} message holds half a character (a"
                " lone surrogate); take it out.",
                param="messages",
            ) from None
        messages.append(message)
    try:
        return json_bytes({**body, "messages": messages})
    except (PydanticSerializationError, ValueError):
        raise InvalidRequestError(
            "An option of the request holds half a character (a lone surrogate); take it out."
        ) from None


def _without_halves(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
