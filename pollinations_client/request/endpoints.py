"""One pure function per endpoint: from arguments to a :class:`Call`, everything the network part
needs to know.

A call is made once and sent as it is on every attempt, byte for byte: the gateway bills an
identical repeat of a plain request once, and only an identical one.
"""

from __future__ import annotations

import math
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from pydantic_core import PydanticSerializationError, from_json

from ..catalog.catalog import AskedModel, Catalog, snapshot
from ..catalog.estimates import CallSize
from ..errors import InvalidRequestError, number_in
from ..media.sniff import extension_for, sniff
from ..media.sounds import SoundSource
from .call_kinds import CALL_KINDS, CallKind
from .chat_options import ChatOptions, drawn_seed
from .image_options import (
    ImageOptions,
    check_url_length,
    checked_prompt,
    generation_fields,
    image_query,
    is_too_long,
    prompt_path,
)
from .large_texts import json_bytes
from .messages import DEFAULT_MODEL, TEXT_ONLY_ROLES, messages_for
from .multipart import FormFile, encode_form
from .text_options import TextOptions, text_query
from .tool_names import ToolNames, tool_names_of
from .tools import (
    functions_for,
    response_format_for,
    tool_choice_for,
    tools_for,
)
from .validation import Options, drop_none

__all__ = [
    "Call",
    "Upload",
    "account",
    "chat",
    "edit",
    "embeddings",
    "image",
    "models",
    "picture",
    "relaxed",
    "speech",
    "text",
    "transcription",
    "upload",
]

T = TypeVar("T", bound=Options)
# The categories of the models that each list holds; the first is meant where an item names none.
MODEL_LISTS: dict[str, tuple[str, ...]] = {
    "/text/models": ("text",),
    "/image/models": ("image", "video"),
    "/audio/models": ("audio",),
    "/embeddings/models": ("embedding",),
}
TOOL_FIELDS = frozenset(
    {
        *("tools", "default_tools", "tool_choice", "parallel_tool_calls"),
        *("functions", "function_call"),
    }
)
VIDEO_HINTS = ("duration", "aspect_ratio", "audio")
MAX_UPLOAD_BYTES = 100 * 1024 * 1024  # of the media store (media.pollinations.ai/README.md)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart form, and the form's other fields."""

    source: SoundSource
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: Literal["GET", "POST"]
    target: str
    """Path and query as sent."""
    kind: CallKind
    label: str
    """Method and endpoint for messages and logs: neither the prompt nor the query is in it."""
    body: bytes | None = None
    upload: Upload | None = field(default=None, hash=False)
    """Sent as multipart in place of ``body``, read from disk while it is sent."""
    form_type: str = ""
    """The content type of a form, which holds its boundary; empty where ``body`` is JSON."""
    tool_names: Mapping[str, str] = field(default_factory=dict, hash=False)
    """From a tool's name on the wire to its own, where the two differ."""
    asked: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Model and seed of a picture, which its answer may not repeat."""
    model: AskedModel | None = None
    """The chat model that is asked."""
    size: CallSize | None = None
    """What the price depends on. A call without it, unless it is free, has no known price."""

    @property
    def repeat_is_billed_once(self) -> bool:
        """Whether the gateway bills an identical repeat once; not where the model is uncached."""
        is_uncached = self.model is not None and self.model.has_trait("repeat_is_billed")
        return self.kind.repeat_is_billed_once and not is_uncached


def _post(path: str, kind: str, body: bytes | None = None, **details: Any) -> Call:
    return Call("POST", path, CALL_KINDS[kind], f"POST {path}", body, **details)


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
    return _post(
        "/v1/chat/completions",
        "chat_stream" if stream else "chat",
        _encoded(body),
        tool_names=tool_names.decoding,
        model=_asked_model(options, catalog),
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
    fields = _checked(ChatOptions, options).set_fields()
    extra = fields.pop("extra_body", {})
    model = _asked_model(fields, catalog)
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


def _asked_model(options: Mapping[str, Any], catalog: Catalog | None) -> AskedModel:
    if catalog is None:
        catalog = snapshot()
    return AskedModel(options.get("model") or DEFAULT_MODEL, catalog)


def _tool_fields(fields: dict[str, Any], model: AskedModel, names: ToolNames) -> dict[str, Any]:
    """What a body says of tools; taken out of ``fields``."""
    if TOOL_FIELDS.isdisjoint(fields):
        return {}
    ready: dict[str, Any] = {}
    tools = tools_for(fields.pop("tools", ()), model, names)
    if tools or not fields.pop("default_tools", True):
        # An empty list is how today's gateway is told to add no tools of its own.
        ready["tools"] = tools
    fields.pop("default_tools", None)
    choice = fields.pop("tool_choice", None)
    if choice is not None:
        choice = tool_choice_for(choice, tools, model, names)
    if choice is not None:
        ready["tool_choice"] = choice
    if not tools:
        # A field about tools without tools is a 400 at OpenAI.
        fields.pop("parallel_tool_calls", None)
    if "functions" in fields:
        ready["functions"] = functions_for(fields.pop("functions"), names)
    called = fields.get("function_call")
    if isinstance(called, dict) and isinstance(called.get("name"), str):
        ready["function_call"] = {**drop_none(called), "name": names.encode(called["name"])}
    return ready


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
    # Claude Fable 5.1, Opus 5.5 and Sonnet 5.5 refuse it, and models to come may: the shipped
    # list knows those three, and of others the refusal tells.
    if call.body is None or "tool_choice" not in refusal:
        return None
    body = from_json(call.body)
    if body.get("tool_choice") in (None, "auto", "none"):
        return None
    return replace(call, body=_encoded({**body, "tool_choice": "auto"}))


def picture(prompt: str, options: Mapping[str, Any], *, is_video: bool = False) -> Call:
    """A picture or a video, asked for by ``GET``, or by ``POST`` where only a body can hold the
    prompt.
    """
    checked = ImageOptions.checked(options, door="extra_query")
    # The POST route makes pictures only.
    only_get = is_video or checked.duration is not None or checked.audio is not None
    if only_get or not is_too_long(_image_target(prompt, image_query(checked))):
        return image(prompt, options, is_video=is_video)
    body = {"prompt": checked_prompt(prompt), **generation_fields(checked)}
    return _post(
        "/v1/images/generations",
        "picture_json",
        _encoded(body),
        asked=body,
        size=_media_size(prompt, body),
    )


def image(prompt: str, options: Mapping[str, Any], *, is_video: bool = False) -> Call:
    """``GET /image/{prompt}``: a picture or a video.

    ``options`` are fields of :class:`ImageOptions`.
    """
    checked = ImageOptions.checked(options, door="extra_query")
    pairs = image_query(checked)
    target = check_url_length(_image_target(prompt, pairs))
    # A model that the catalogue does not know may be one for videos: the options tell.
    kind = "picture"
    if is_video or any(getattr(checked, name) is not None for name in VIDEO_HINTS):
        kind = "video"
    size = _media_size(prompt, dict(pairs))
    return Call("GET", target, CALL_KINDS[kind], "GET /image/{prompt}", size=size)


def _media_size(prompt: str, sent: Mapping[str, Any], pictures: int = 0) -> CallSize:
    """What a picture or a video depends on; ``pictures`` are sent with it, not as links."""
    links = sent.get("image") or sent.get("reference_images") or []
    if isinstance(links, str):
        links = links.split("|")
    return CallSize(
        "image",
        sent.get("model"),
        duration_s=number_in(str(sent.get("duration", ""))),
        has_sound=sent.get("audio") in ("true", True),
        references=pictures + len(links),
        prompt_bytes=len(prompt.encode()),
    )


def _image_target(prompt: str, query: list[tuple[str, str]]) -> str:
    return f"{prompt_path('/image', prompt)}{_queried(query)}"


def edit(prompt: str, pictures: Sequence[bytes], options: Mapping[str, Any]) -> Call:
    """``POST /v1/images/edits``: pictures, changed as the prompt says."""
    checked = ImageOptions.checked(options, door="extra_query")
    fields = {"prompt": checked_prompt(prompt), **generation_fields(checked)}
    texts = [(name, _form_text(value)) for name, value in fields.items()]
    # The gateway's form has one picture as image, and several as image[].
    name = "image"
    if len(pictures) > 1:
        name = "image[]"
    files = [_picture_file(name, number, data) for number, data in enumerate(pictures, 1)]
    body, form_type = encode_form(texts, files)
    return _post(
        "/v1/images/edits",
        "picture_json",
        body,
        form_type=form_type,
        asked=fields,
        size=_media_size(prompt, fields, len(pictures)),
    )


def _form_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(value)
    return str(value)


def _picture_file(name: str, number: int, data: bytes) -> FormFile:
    mime_type = sniff(data) or ""
    if not mime_type.startswith("image/"):
        raise InvalidRequestError(
            f"image: the bytes of picture {number} are no picture of a known type.", param="image"
        )
    return FormFile(name, f"picture-{number}.{extension_for(mime_type)}", mime_type, data)


def upload(data: bytes) -> Call:
    """``POST /upload`` of the media store."""
    mime_type = sniff(data) if isinstance(data, bytes) else None
    if mime_type is None or len(data) > MAX_UPLOAD_BYTES:
        raise InvalidRequestError(
            "data: the bytes of a picture, a video or a sound are needed, at most"
            f" {MAX_UPLOAD_BYTES}. Given: {type(data).__name__}.",
            param="data",
        )
    # No other field: ``tags`` would publish the file (media.pollinations.ai/README.md).
    file = FormFile("file", f"upload.{extension_for(mime_type)}", mime_type, data)
    body, form_type = encode_form([], [file])
    return _post("/upload", "upload", body, form_type=form_type)


def text(prompt: str, options: Mapping[str, Any], *, stream: bool = False) -> Call:
    """``GET /text/{prompt}``. ``options`` are fields of :class:`TextOptions`."""
    checked = _checked(TextOptions, options, door="extra_query")
    pairs = text_query(checked, stream=stream)
    target = check_url_length(f"{prompt_path('/text', prompt)}{_queried(pairs)}")
    sent = dict(pairs)
    max_tokens = number_in(sent.get("max_completion_tokens") or sent.get("max_tokens", ""))
    size = CallSize("text", sent.get("model"), max_tokens)
    kind = "text"
    if stream:
        kind = "text_stream"
    return Call("GET", target, CALL_KINDS[kind], "GET /text/{prompt}", size=size)


def embeddings(fields: Mapping[str, Any], texts: Sequence[str]) -> Call:
    """``POST /v1/embeddings`` for at most 32 texts."""
    size = CallSize("embedding", fields.get("model"))
    return _post("/v1/embeddings", "embeddings", _encoded({**fields, "input": texts}), size=size)


def speech(body: Mapping[str, Any]) -> Call:
    """``POST /v1/audio/speech``."""
    size = CallSize(
        *("audio", body.get("model")),
        duration_s=math.ceil(body.get("duration", 0)) or None,
        prompt_bytes=len(body["input"].encode()),
    )
    return _post("/v1/audio/speech", "speech", _encoded(body), size=size)


def transcription(source: SoundSource, fields: Mapping[str, str]) -> Call:
    """``POST /v1/audio/transcriptions``: the sound in a form."""
    size = CallSize("transcription", fields.get("model"), prompt_bytes=source.size_bytes)
    upload = Upload(source, fields)
    return _post("/v1/audio/transcriptions", "transcription", upload=upload, size=size)


def models(path: str) -> Call:
    """A model list: ``/v1/models``, ``/text/models``, ``/image/models``, ``/audio/models`` or one
    of today's others.
    """
    return Call("GET", path, CALL_KINDS["models"], f"GET {path}")


def account(path: str, query: Mapping[str, str | int | None] | None = None) -> Call:
    """``GET /account/...``. ``None`` in the query means: not sent."""
    pairs = [(name, str(value)) for name, value in (query or {}).items() if value is not None]
    target = f"/account/{path}{_queried(pairs)}"
    return Call("GET", target, CALL_KINDS["account"], f"GET /account/{path}")


def _queried(pairs: list[tuple[str, str]]) -> str:
    if not pairs:
        return ""
    # %20 and not a plus for a space: a picture's prompt and its query are then read alike.
    return f"?{urllib.parse.urlencode(pairs, quote_via=urllib.parse.quote, safe='')}"


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return json_bytes(body)
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        reason = str(error)[:200]
    if isinstance(body.get("messages"), list) and "surrogates" in reason:
        return _encoded_without_halves(body)
    raise InvalidRequestError(f"The request cannot be written as JSON: {reason}.")


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
