"""Refuse what a model cannot take although the schema of the gateway allows it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .chat_request import parts_of
from .checks import unknown_safety_token
from .errors import GatewayError, upstream_error
from .model_tables import REFUSE_BLANK_TURNS, REFUSES_FORCED_TOOLS
from .usage import count_tokens

if TYPE_CHECKING:
    from .chat_request import ChatRequest

# Keywords that Gemini's schema has no field for. Today's gateway keeps an allow-list of the others;
# what it lets through is refused with the sentence below.
VERTEX_REFUSES = (
    "oneOf allOf const exclusiveMinimum exclusiveMaximum not if patternProperties".split()
)
# What Claude Haiku may think for each effort; the budget must be smaller than max_tokens.
HAIKU_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192}


def check_model(request: ChatRequest) -> None:
    """Raise ``GatewayError`` 400 when the model cannot take the request."""
    _check_tools(request)
    _check_media(request)
    _check_blank_turns(request)
    _check_call_ids(request)
    model, body = request.model, request.body
    if model.has("speech"):
        has_audio = request.parts("input_audio") or "audio" in (body.get("modalities") or ())
        # Azure's words; only GET /text fills the modalities in (#1713).
        if not has_audio:
            raise upstream_error(
                "This model requires that either input content or output modality contain audio."
            )
    if "audio" in (body.get("modalities") or ()):
        if not model.has("speech"):
            raise upstream_error(f"Model '{model.name}' does not support audio output.")
        if "audio" not in body:
            raise upstream_error("Missing required parameter: 'audio'.")
        if request.stream and body["audio"]["format"] != "pcm16":
            raise upstream_error(
                "Unsupported value: 'audio.format' must be 'pcm16' when stream is true."
            )
    budget = HAIKU_BUDGETS.get(body.get("reasoning_effort", ""), 0)
    if "haiku" in model.name and budget and budget >= (body.get("max_tokens") or budget + 1):
        raise upstream_error("`max_tokens` must be greater than `thinking.budget_tokens`.")
    # A provider's refusal: in January 2026 it came nested in the message, with the whole request.
    window = model.context
    if count_tokens(request.prompt_text) > window:
        raise upstream_error(
            f"This model's maximum context length is {window} tokens. Please reduce the"
            " length of the messages.",
            code="context_length_exceeded",
        )


def check_safety_header(headers: Mapping[str, str]) -> None:
    """Raise ``GatewayError`` 400 for an unknown token, in its own shape outside of the envelope."""
    if token := unknown_safety_token(headers.get("pollinations-safe", "")):
        message = f"Unknown safety token: {token:.40}"
        error: dict[str, Any] = {"type": "safety_error", "code": "invalid_safe", "message": message}
        raise GatewayError(400, message, bare={"error": error})


def _check_tools(request: ChatRequest) -> None:
    model, today = request.model, request.era == "today"
    # Tool messages of an earlier turn are refused too, so a swap of models can break a history.
    if today and not model.has("tools") and (request.body.get("tools") or _has_calls(request)):
        raise GatewayError(400, "This model does not support tool calling or tool history")
    if request.must_call:
        _check_forced_tool(request)
    if model.family == "anthropic":
        _check_roots(request)
    if model.family == "google":
        _check_vertex_tools(request)
        # Its own search tool stays beside JSON, which Vertex refuses; code execution makes way.
        has_own_search = "tools" not in request.body and "search" in model.name
        if not today and request.json_format and has_own_search:
            raise upstream_error(
                "Tool use with a response mime type: 'application/json' is unsupported"
            )


def _has_calls(request: ChatRequest) -> bool:
    return any(
        message["role"] == "tool" or (message["role"] == "assistant" and message.get("tool_calls"))
        for message in request.messages
    )


def _check_forced_tool(request: ChatRequest) -> None:
    # Claude Fable 5.1, Opus 5.5 and Sonnet 5.5 take no forced choice (autumn 2026).
    if request.model.name in REFUSES_FORCED_TOOLS:
        raise upstream_error(
            "tool_choice: forcing a tool is not supported by this model; use 'auto'."
        )
    is_thinking = request.body.get("reasoning_effort") not in (None, "none")
    if request.model.family == "anthropic" and is_thinking:
        raise upstream_error("Thinking may not be enabled when tool_choice forces tool use.")


def _check_roots(request: ChatRequest) -> None:
    """Claude's tools take an object, and no choice between several."""
    for at, tool in enumerate(request.body.get("tools") or []):
        parameters = tool.get("function", {}).get("parameters") or {}
        if not parameters.keys().isdisjoint(("anyOf", "oneOf", "allOf")):
            raise upstream_error(
                f"tools.{at}.custom.input_schema: input_schema does not support oneOf, allOf, or"
                " anyOf at the top level"
            )


def _check_vertex_tools(request: ChatRequest) -> None:
    where = "tools[0].function_declarations[0].parameters"
    for tool in request.body.get("tools") or []:
        parameters = tool.get("function", {}).get("parameters")
        if word := forbidden_keyword(parameters):
            raise upstream_error(
                f"Invalid JSON payload received. Unknown name \"{word}\" at '{where}'"
            )
        if (value := _enum_value_not_text(parameters)) is not None:
            raise upstream_error(f"Invalid value at '{where}...enum[0]' (TYPE_STRING), {value}")


def _enum_value_not_text(schema: Any) -> Any:
    """The first value of an enumeration that is no text; Vertex's are of texts alone."""
    if isinstance(schema, list):
        return next(
            (odd for part in schema if (odd := _enum_value_not_text(part)) is not None), None
        )
    if not isinstance(schema, dict):
        return None
    values = schema.get("enum")
    if isinstance(values, list):
        return next((json.dumps(value) for value in values if not isinstance(value, str)), None)
    return _enum_value_not_text(list(schema.values()))


def forbidden_keyword(schema: Any, *, inside_names: bool = False) -> str | None:
    """The first keyword that Vertex does not know, anywhere in a tool's schema."""
    if isinstance(schema, list):
        return next((word for part in schema if (word := forbidden_keyword(part))), None)
    if not isinstance(schema, dict):
        return None
    for name, inner in schema.items():
        if not inside_names and name in VERTEX_REFUSES:
            return str(name)
        if name in ("enum", "default", "example", "required") and not inside_names:
            continue
        if word := forbidden_keyword(
            inner, inside_names=name in ("properties", "$defs") and not inside_names
        ):
            return word
    return None


def _check_blank_turns(request: ChatRequest) -> None:
    """An answer of the history says or calls something, and no text beside other parts is blank."""
    if request.model.family not in REFUSE_BLANK_TURNS:
        return
    for index, message in enumerate(request.messages):
        content = message.get("content")
        texts = [part["text"] for part in parts_of(content, "text")]
        if message["role"] == "assistant" and isinstance(content, str):
            texts = [content] if content else []
            if not content and not message.get("tool_calls"):
                raise upstream_error(f"messages.{index}: all messages must have non-empty content")
        if not all(map(str.strip, texts)):
            raise upstream_error("messages: text content blocks must contain non-whitespace text")


def _check_call_ids(request: ChatRequest) -> None:
    """Mistral's words for its ids of calls, which no other provider's are."""
    if request.model.family != "mistral":
        return
    for message in request.messages:
        for call in message.get("tool_calls") or ():
            if not re.fullmatch("[a-zA-Z0-9]{9}", call["id"]):
                raise upstream_error(
                    f"Tool call id was {call['id']} but must be a-z, A-Z, 0-9, with a length of 9."
                )


def _check_document(request: ChatRequest) -> None:
    """OCR reads exactly one document or picture, and not as a stream."""
    documents = [*request.parts("file"), *request.parts("image_url")]
    if len(documents) != 1:
        raise GatewayError(400, f"'{request.model.name}' reads exactly one file or image_url.")
    if request.stream:
        raise GatewayError(400, f"'{request.model.name}' does not support streaming.")


def _check_media(request: ChatRequest) -> None:
    model = request.model
    if model.has("ocr"):
        _check_document(request)
    pictures = [part for m in request.messages for part in parts_of(m.get("content"), "image_url")]
    # A provider refuses it, so the words differ from those of the gateway's own check (#2588).
    if pictures and model.has("speech"):
        raise upstream_error(f"Model '{model.name}' does not support image input.")
    if pictures and request.era == "today" and not model.has("vision"):
        raise GatewayError(
            400,
            f"Model '{model.name}' does not support image input. Choose a model with image among"
            " its input_modalities.",
        )
    for part in pictures:
        url = part["image_url"]["url"]
        if not url.startswith(("https://", "http://", "data:image/")):
            raise GatewayError(400, f"Invalid image URL: {url[:60]!r}", code="invalid_image_url")
