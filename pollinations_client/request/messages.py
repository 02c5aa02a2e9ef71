"""The gateway's rules for messages, each once.

Pure; what the caller gave is never changed.

Sources: the message schemas of API 0.3.0 and of autumn 2026, the gateway's sanitiser, and the
issues named beside a rule (pollinations/pollinations).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from ..catalog.catalog import AskedModel
from ..errors import InvalidRequestError
from ..schemas.openai_strict import free_form_paths, strict_schema
from .tool_names import ToolNames, valid_name
from .tool_results import with_every_call_answered
from .validation import drop_none

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
PLAIN_ROLES = frozenset({"user", "system", "assistant"})  # take text and need nothing beside it
DEFAULT_MODEL = "openai"  # what the gateway takes when a request names none
TEXT_ONLY_ROLES = frozenset({"tool", "function"})


class PollinationsWarning(UserWarning):
    """Something was sent differently from how it was asked for, because the model takes it no other
    way.
    """


def _is_blank(message: Mapping[str, Any]) -> bool:
    """Whether a message says nothing: no call, no text but white space, no other part."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(
            part.get("text") or "" if part.get("type") == "text" else "+" for part in content
        )
    return not message.get("tool_calls") and not (
        content.strip() if isinstance(content, str) else content
    )


def messages_for(
    messages: Sequence[Mapping[str, Any]], model: AskedModel, tool_names: ToolNames | None = None
) -> list[Mapping[str, Any]]:
    """The messages as the gateway wants them, with tools called by the names they have on the wire.

    Raises :class:`InvalidRequestError` naming the position at fault.
    """
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        raise InvalidRequestError(
            "messages: a list of messages is needed, each a dict with role and content.",
            param="messages",
        )
    if not messages:
        raise InvalidRequestError(
            "messages: the list is empty; the gateway needs at least one message.", param="messages"
        )
    names = tool_names or ToolNames()
    ready: list[Mapping[str, Any]] = []
    has_calls = has_marks = False
    for index, message in enumerate(messages):
        if (
            type(message) is dict
            and len(message) == 2
            and message.get("role") in PLAIN_ROLES
            and type(message.get("content")) is str
        ):
            ready.append(message)  # nearly every message: nothing of it has to be written anew
            continue
        wire = _message_for(message, index, model, names)
        has_calls = has_calls or "tool_calls" in wire
        has_marks = has_marks or "cache_control" in wire
        ready.append(wire)
    if has_marks:
        ready = _with_marked_parts(ready)
    if all(map(_is_blank, ready)):
        raise InvalidRequestError(
            "messages: all of them are empty; say something.", param="messages"
        )
    return with_every_call_answered(ready) if has_calls else ready


def _message_for(
    message: Mapping[str, Any], index: int, model: AskedModel, names: ToolNames
) -> Mapping[str, Any]:
    try:
        role, content = message["role"], message.get("content")
    except (KeyError, TypeError, AttributeError):
        raise InvalidRequestError(
            f"messages[{index}]: a dict with a role is needed.", param="messages"
        ) from None
    if type(content) is str and len(message) == 3 and _is_ready(message, role, names):
        return message
    if role not in ROLES:
        raise InvalidRequestError(
            f"messages[{index}]: role {role!r} is unknown; one of {', '.join(sorted(ROLES))} is"
            " needed.",
            param="messages",
        )
    ready = drop_none(message, levels=1)
    ready["content"] = _content_for(content, index, role)
    if role == "developer" and not model.has_trait("developer_role"):
        ready["role"] = "system"
    if role == "tool":
        _check_tool_message(ready, index)
        if not model.has_trait("tool_result_names"):
            ready.pop("name", None)
    if "name" in ready:
        # The gateway drops a name with other characters, and refuses it on a tool's message.
        is_tool_name = role in {"tool", "function"}
        name = str(ready["name"])
        ready["name"] = names.encode(name) if is_tool_name else valid_name(name)
    elif role == "function":
        raise InvalidRequestError(
            f"messages[{index}]: a function message needs the function's name.", param="messages"
        )
    _encode_calls(ready, index, names)
    return ready


def _is_ready(message: Mapping[str, Any], role: str, names: ToolNames) -> bool:
    """Whether a message of text and one more field is in the gateway's form already: what both
    adapters write, and so is passed on as it is.
    """
    if role == "tool":
        call_id = message.get("tool_call_id")
        return type(call_id) is str and call_id != ""
    calls = message.get("tool_calls")
    if role != "assistant" or type(calls) is not list or not calls:
        return False
    return all(_is_ready_call(call, names) for call in calls)


def _is_ready_call(call: Any, names: ToolNames) -> bool:
    function = call.get("function") if type(call) is dict and len(call) == 3 else None
    if type(function) is not dict or len(function) != 2 or call.get("type") != "function":
        return False
    call_id, name, arguments = call.get("id"), function.get("name"), function.get("arguments")
    if type(call_id) is not str or type(name) is not str or type(arguments) is not str:
        return False
    return bool(call_id and name and arguments) and names.encode(name) == name


def _with_marked_parts(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Put each message's mark for the prompt cache on its last content part.

    The gateway drops a mark at the level of the message in both eras, and the whole prompt is paid
    again. The text of tool and function results cannot carry one.
    """
    marked: list[Mapping[str, Any]] = []
    lost: set[str] = set()
    for message in messages:
        wire = {name: value for name, value in message.items() if name != "cache_control"}
        mark, content = message.get("cache_control"), wire["content"]
        if mark and content and wire["role"] not in TEXT_ONLY_ROLES:
            *before, last = [{"type": "text", "text": content}] if type(content) is str else content
            wire["content"] = [*before, {"cache_control": mark, **last}]
        elif mark:
            lost.add(wire["role"])
        marked.append(wire)
    if lost:
        warn(
            f"cache_control on a message without content parts ({', '.join(sorted(lost))}) is not"
            " sent: the gateway takes it on a content part only."
        )
    return marked


def _check_tool_message(message: Mapping[str, Any], index: int) -> None:
    if not message.get("tool_call_id"):
        raise InvalidRequestError(
            f"messages[{index}]: a tool message needs the tool_call_id it answers.",
            param="messages",
        )


def _encode_calls(message: dict[str, Any], index: int, names: ToolNames) -> None:
    """Write the calls of a message in the gateway's form, in place; an empty list is left out."""
    if isinstance(message.get("function_call"), Mapping):
        message["function_call"] = _function_for(message["function_call"], names)
    calls = message.pop("tool_calls", None)
    if calls:
        message["tool_calls"] = [_call_for(call, index, names) for call in calls]


def _content_for(content: Any, place: int, role: str) -> Any:
    if content is None:
        # Null is refused by some providers on a tool-call turn, and a missing field by others.
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        raise InvalidRequestError(
            f"messages[{place}].content: text or a list of parts is needed, not"
            f" {type(content).__name__}.",
            param="messages",
        )
    parts = [_part_for(part, f"messages[{place}].content[{n}]") for n, part in enumerate(content)]
    if all(part.keys() == {"type", "text"} and part["type"] == "text" for part in parts):
        return "\n".join(
            part["text"] for part in parts
        )  # the oldest gateway took text only outside user messages
    return parts


def _part_for(part: Any, where: str) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
        raise InvalidRequestError(
            f"{where}: a part is text or a dict with a type.", param="messages"
        )
    ready = drop_none(part)
    kind = ready["type"]
    if kind in {"image_url", "video_url"} and isinstance(ready.get(kind), str):
        ready[kind] = {"url": ready[kind]}
    if (
        ready["type"] == "file"
        and isinstance(file := ready.get("file"), Mapping)
        and "filename" in file
    ):
        named = {name: value for name, value in file.items() if name != "filename"}
        ready["file"] = {
            "file_name": file["filename"],
            **named,
        }  # OpenAI's spelling is stripped by the gateway
    return ready


def drop_unsupported_media(
    model: AskedModel, parts: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], str]:
    """What tools and earlier answers attached, less pictures and videos that ``model`` is known not
    to see; and a word.

    The gateway refuses a whole request over one picture for a model that reads text only, and an
    agent's tool should not end its run so. What the user attached is not for this: there the
    refusal is the answer.
    """
    card = model.card if parts else None
    seen = {"image_url": card is None or card.vision, "video_url": card is None or card.video_input}
    shown = [part for part in parts if seen.get(part["type"]) is not False]
    hidden = [part["type"] for part in parts if seen.get(part["type"]) is False]
    if not hidden:
        return shown, ""
    kinds = " or ".join(sorted({kind.removesuffix("_url") for kind in hidden}))
    what = "1 attachment" if len(hidden) == 1 else f"{len(hidden)} attachments"
    warn(f"{model.name} takes no {kinds} input: {what} of tools or earlier answers left out.")
    return shown, f"[{what} left out: this model takes no {kinds} input]"


def _call_for(call: Any, index: int, names: ToolNames) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not function.get("name"):
        raise InvalidRequestError(
            f"messages[{index}].tool_calls: a call needs function.name.", param="messages"
        )
    if not call.get("id"):
        raise InvalidRequestError(
            f"messages[{index}].tool_calls: a call needs the id its result refers to.",
            param="messages",
        )
    return {"type": "function", **drop_none(call), "function": _function_for(function, names)}


def _function_for(function: Mapping[str, Any], names: ToolNames) -> dict[str, Any]:
    """The function a message calls, its arguments as JSON text whatever they were."""
    arguments = function.get("arguments") or "{}"
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    ready = {**drop_none(function), "arguments": arguments}
    if isinstance(name := ready.get("name"), str):
        ready["name"] = names.encode(name)
    return ready


def strict_form(
    schema: Mapping[str, Any], owner: str, *, optional_as_null: bool = True
) -> dict[str, Any] | None:
    """``schema`` in strict form; None, with a warning, where it has free-form objects.

    Strict mode would leave such an object empty, so what was asked for would be lost. ``owner``
    says whose schema it is.
    """
    if not (paths := free_form_paths(schema)):
        return strict_schema(schema, optional_as_null=optional_as_null)
    named = ", ".join(path or "the whole" for path in paths)
    warn(
        f"{owner} is sent without strict, which has no form for free-form objects ({named}); name"
        " their members."
    )
    return None


def warn(sentence: str) -> None:
    """Say that something was sent differently from how it was asked for."""
    warnings.warn(sentence, PollinationsWarning, stacklevel=2)
