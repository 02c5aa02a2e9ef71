"""One pure function per endpoint: from arguments to a :class:`Call`, everything the network part
needs to know.

A call is made once and sent as it is on every attempt, byte for byte: the gateway bills an
identical repeat of a plain request once, and only an identical one.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic_core import PydanticSerializationError, from_json, to_json

from ..errors import InvalidRequestError
from .chat_options import ChatOptions, drawn_seed
from .image_options import ImageOptions, check_url_length, image_query, prompt_path
from .messages import messages_for, response_format_for, tool_choice_for, tools_for
from .text_options import TextOptions, text_query
from .validation import Options, drop_none

__all__ = ["Call", "account", "chat", "embeddings", "image", "models", "relaxed", "text"]

CallKind = Literal["quick", "answer", "stream", "picture", "video"]
T = TypeVar("T", bound=Options)
# The categories of the models that each list holds; the first is meant where an item names none.
MODEL_LISTS: dict[str, tuple[str, ...]] = {
    "/text/models": ("text",),
    "/image/models": ("image", "video"),
    "/audio/models": ("audio",),
    "/embeddings/models": ("embedding",),
}
VIDEO_HINTS = ("duration", "aspect_ratio", "audio")


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``target`` is path and query as sent; ``pace`` picks the time limits.

    ``joins`` says that the gateway documents an identical repeat as joined to the first and billed
    once; ``is_free`` that nothing is generated, so a repeat costs nothing either.
    """

    method: Literal["GET", "POST"]
    target: str
    kind: CallKind
    body: bytes | None = None
    repeat_is_billed_once: bool = True
    is_free: bool = False
    host: Literal["gateway", "account"] = "gateway"
    accept: str = "application/json"

    @property
    def label(self) -> str:
        """What is asked for, in an error message: method and endpoint, without the prompt or the
        query.
        """
        path = self.target.partition("?")[0]
        for endpoint in ("/image/", "/text/", "/video/"):
            if path.startswith(endpoint) and path != f"{endpoint}models":
                return f"{self.method} {endpoint}{{prompt}}"
        return f"{self.method} {path}"


def chat(
    messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any], *, stream: bool = False
) -> Call:
    """``POST /v1/chat/completions``. ``options`` are fields of :class:`ChatOptions`.

    Raises :class:`InvalidRequestError` for what cannot be sent.
    """
    body = chat_body(messages, options, stream=stream)
    return Call(
        "POST",
        "/v1/chat/completions",
        "stream" if stream else "answer",
        body=_encoded(body),
        repeat_is_billed_once=not stream,
        accept="text/event-stream" if stream else "application/json",
    )


def chat_body(
    messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any], *, stream: bool
) -> dict[str, Any]:
    """The JSON body of a chat request: ``None`` left out, messages, tools and choice by the
    gateway's rules.
    """
    given = _checked(ChatOptions, options).given()
    extra = given.pop("extra_body", {})
    default_tools = given.pop("default_tools", True)
    model = given.get("model")
    tools = tools_for(given.pop("tools", ()), model)
    body: dict[str, Any] = {"messages": messages_for(messages, model), **given}
    body.update(
        {name: drop_none(value) for name, value in given.items() if isinstance(value, dict)}
    )
    if "response_format" in given:
        body["response_format"] = response_format_for(given["response_format"], model)
    if "functions" in given:
        body["functions"] = [drop_none(function) for function in given["functions"]]
    if model is not None:
        body = {"model": model, **body}
    if "seed" in given:
        body["seed"] = drawn_seed(given["seed"])
    if tools or not default_tools:
        body["tools"] = tools  # an empty list is how today's gateway is told to add none of its own
    if "tool_choice" in given:
        choice = tool_choice_for(given["tool_choice"], tools, model)
        if choice is None:
            del body["tool_choice"]
        else:
            body["tool_choice"] = choice
    if not tools:
        body.pop("parallel_tool_calls", None)
    body.pop("stream_options", None)
    if stream:
        body["stream"] = True
        body["stream_options"] = {
            "include_usage": True,
            **drop_none(given.get("stream_options", {})),
        }
    body.update(extra)
    return body


def _checked(kind: type[T], options: Mapping[str, Any], *, door: str = "extra_body") -> T:
    if "stream" in options:
        raise InvalidRequestError(
            "stream: it is no option here; stream_chat() and stream_text() give the answer as a"
            " stream.",
            param="stream",
        )
    return kind.checked(options, door=door)


def relaxed(call: Call, refusal: str) -> Call | None:
    """The same chat with ``tool_choice`` left to the model, where a 400 says it cannot be forced;
    else ``None``.
    """
    if call.body is None or "tool_choice" not in refusal:
        return None
    body = from_json(call.body)
    if body.get("tool_choice") in (None, "auto", "none"):
        return None
    return Call(
        call.method,
        call.target,
        call.kind,
        _encoded({**body, "tool_choice": "auto"}),
        call.repeat_is_billed_once,
        accept=call.accept,
    )


def image(prompt: str, options: Mapping[str, Any], *, is_video: bool = False) -> Call:
    """``GET /image/{prompt}``: a picture or a video.

    ``options`` are fields of :class:`ImageOptions`.
    """
    checked = ImageOptions.checked(options, door="extra_query")
    target = check_url_length(f"{prompt_path('/image', prompt)}{_queried(image_query(checked))}")
    slow = is_video or any(getattr(checked, name) is not None for name in VIDEO_HINTS)
    return Call(
        "GET", target, "video" if slow else "picture", accept="image/*, video/*, application/json"
    )


def text(prompt: str, options: Mapping[str, Any], *, stream: bool = False) -> Call:
    """``GET /text/{prompt}``. ``options`` are fields of :class:`TextOptions`."""
    checked = _checked(TextOptions, options, door="extra_query")
    target = check_url_length(
        f"{prompt_path('/text', prompt)}{_queried(text_query(checked, stream=stream))}"
    )
    return Call(
        "GET",
        target,
        "stream" if stream else "answer",
        repeat_is_billed_once=not stream,
        accept="text/plain, text/event-stream, */*",
    )


def embeddings(fields: Mapping[str, Any], texts: Sequence[str]) -> Call:
    """``POST /v1/embeddings`` for at most 32 texts.

    The gateway's idempotency page does not name this route, so a repeat may be billed again.
    """
    body = _encoded({**fields, "input": texts})
    return Call("POST", "/v1/embeddings", "answer", body=body, repeat_is_billed_once=False)


def models(path: str) -> Call:
    """A model list: ``/v1/models``, ``/text/models``, ``/image/models``, ``/audio/models`` or one
    of today's others.
    """
    return Call("GET", path, "quick", is_free=True)


def account(path: str, query: Mapping[str, str | int | None] | None = None) -> Call:
    """``GET /account/...``. ``None`` in the query means: not sent."""
    pairs = [(name, str(value)) for name, value in (query or {}).items() if value is not None]
    target = f"/account/{path}" + (f"?{urllib.parse.urlencode(pairs)}" if pairs else "")
    return Call(
        "GET", target, "quick", is_free=True, host="account", accept="application/json, text/csv"
    )


def _queried(pairs: list[tuple[str, str]]) -> str:
    return (
        f"?{urllib.parse.urlencode(pairs, quote_via=urllib.parse.quote, safe='')}" if pairs else ""
    )


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return to_json(body, inf_nan_mode="constants")
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        reason = str(error)[:200]
    raise InvalidRequestError(f"The request cannot be written as JSON: {reason}.")
