"""The gateway's rules for messages and tools, each once.

Pure; what the caller gave is never changed.

Sources: the message schemas of API 0.3.0 and of autumn 2026, the gateway's sanitiser, and the
issues named beside a rule (pollinations/pollinations).
"""

from __future__ import annotations

import functools
import json
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json, to_json

from ..catalog.catalog import has_trait, snapshot
from ..errors import InvalidRequestError
from ..schemas.openai_strict import free_form_paths, strict_schema
from ..schemas.vertex import vertex_schema
from .chat_options import BUILT_IN_TOOLS
from .validation import drop_none

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
GOOD_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
DEFAULT_MODEL = "openai"  # what the gateway takes when a request names none
TEXT_ONLY_ROLES = frozenset({"tool", "function"})
CHOICES = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


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
    messages: Sequence[Mapping[str, Any]], model: str | None
) -> list[Mapping[str, Any]]:
    """The messages as the gateway wants them.

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
    ready = [_message_for(message, place, model) for place, message in enumerate(messages)]
    if any("cache_control" in message for message in ready):
        ready = _with_marked_parts(ready)
    if all(map(_is_blank, ready)):
        raise InvalidRequestError(
            "messages: all of them are empty; say something.", param="messages"
        )
    return ready


def _message_for(message: Mapping[str, Any], place: int, model: str | None) -> Mapping[str, Any]:
    try:
        role, content = message["role"], message.get("content")
    except (KeyError, TypeError, AttributeError):
        raise InvalidRequestError(
            f"messages[{place}]: a dict with a role is needed.", param="messages"
        ) from None
    if len(message) == 2 and type(content) is str and role in {"user", "system", "assistant"}:
        return message
    if role not in ROLES:
        raise InvalidRequestError(
            f"messages[{place}]: role {role!r} is unknown; one of {', '.join(sorted(ROLES))} is"
            " needed.",
            param="messages",
        )
    ready = drop_none(message, levels=1)
    if role == "developer" and not has_trait(model or DEFAULT_MODEL, "developer_role"):
        ready["role"] = "system"
    ready["content"] = _content_for(content, place, role)
    if role == "tool" and not has_trait(model or DEFAULT_MODEL, "tool_result_names"):
        ready.pop("name", None)
    if "name" in ready:
        ready["name"] = _good_name(str(ready["name"]))
    if role == "tool" and not ready.get("tool_call_id"):
        raise InvalidRequestError(
            f"messages[{place}]: a tool message needs the tool_call_id it answers.",
            param="messages",
        )
    if role == "function" and "name" not in ready:
        raise InvalidRequestError(
            f"messages[{place}]: a function message needs the function's name.", param="messages"
        )
    if isinstance(ready.get("function_call"), Mapping):
        ready["function_call"] = _function_for(ready["function_call"])
    if calls := ready.get("tool_calls"):
        ready["tool_calls"] = [_call_for(call, place) for call in calls]
    elif "tool_calls" in ready:
        del ready["tool_calls"]
    return ready


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


def _good_name(name: str) -> str:
    """A name with other characters is dropped by the gateway, or refused on a tool message."""
    return name if GOOD_NAME.fullmatch(name) else re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64] or "_"


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
    model: str | None, parts: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], str]:
    """What tools and earlier answers attached, less pictures and videos that ``model`` is known not
    to see; and a word.

    The gateway refuses a whole request over one picture for a model that reads text only, and an
    agent's tool should not end its run so. What the user attached is not for this: there the
    refusal is the answer.
    """
    card = snapshot().get(model) if parts else None
    seen = {"image_url": card is None or card.vision, "video_url": card is None or card.video_input}
    shown = [part for part in parts if seen.get(part["type"]) is not False]
    hidden = [part["type"] for part in parts if seen.get(part["type"]) is False]
    if not hidden:
        return shown, ""
    kinds = " or ".join(sorted({kind.removesuffix("_url") for kind in hidden}))
    what = "1 attachment" if len(hidden) == 1 else f"{len(hidden)} attachments"
    warn(f"{model} takes no {kinds} input: {what} of tools or earlier answers left out.")
    return shown, f"[{what} left out: this model takes no {kinds} input]"


def _call_for(call: Any, place: int) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not function.get("name"):
        raise InvalidRequestError(
            f"messages[{place}].tool_calls: a call needs function.name.", param="messages"
        )
    if not call.get("id"):
        raise InvalidRequestError(
            f"messages[{place}].tool_calls: a call needs the id its result refers to.",
            param="messages",
        )
    return {"type": "function", **drop_none(call), "function": _function_for(function)}


def _function_for(function: Mapping[str, Any]) -> dict[str, Any]:
    """The function a message calls, its arguments as JSON text whatever they were."""
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False) if arguments else "{}"
    return {**drop_none(function), "arguments": arguments or "{}"}


def tools_for(tools: Sequence[Any], model: str | None) -> list[Any]:
    """Tools as the gateway wants them: built-in names as objects, schemas reduced to what Vertex
    takes for Gemini.
    """
    reduces = has_trait(model or DEFAULT_MODEL, "vertex_tool_schema")
    ready: list[Any] = []
    for place, tool in enumerate(tools):
        if isinstance(tool, str):
            if tool not in BUILT_IN_TOOLS:
                raise InvalidRequestError(
                    f"tools[{place}]: {tool!r} is no built-in tool; known ones:"
                    f" {', '.join(sorted(BUILT_IN_TOOLS))}.",
                    param="tools",
                )
            ready.append({"type": tool})
        elif not isinstance(tool, Mapping) or not isinstance(tool.get("type"), str):
            raise InvalidRequestError(
                f"tools[{place}]: a dict with a type, or a built-in tool's name, is needed.",
                param="tools",
            )
        elif tool["type"] == "function":
            ready.append(_reduced(_function_tool(tool, place), reduces=reduces))
        else:
            ready.append(drop_none(tool))
    return ready


def _function_tool(tool: Mapping[str, Any], place: int) -> dict[str, Any]:
    function = tool.get("function")
    if not isinstance(function, Mapping) or not function.get("name"):
        raise InvalidRequestError(
            f"tools[{place}]: a function tool needs function.name.", param="tools"
        )
    return drop_none(tool)


def _reduced(tool: dict[str, Any], *, reduces: bool) -> dict[str, Any]:
    function = tool["function"]
    if not reduces or not isinstance(parameters := function.get("parameters"), Mapping):
        return tool
    return {
        **tool,
        "function": {**function, "parameters": from_json(_reduced_schema(to_json(parameters)))},
    }


def response_format_for(wanted: Mapping[str, Any], model: str | None) -> dict[str, Any]:
    """``response_format`` with its schema reduced to what Vertex takes, for Gemini.

    The gateway reduces schemas of tools only, in both eras; Vertex refuses ``exclusiveMinimum``.
    """
    ready = drop_none(wanted)
    inner = ready.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(schema, Mapping):
        return ready
    if not has_trait(model or DEFAULT_MODEL, "vertex_tool_schema"):
        return ready
    reduced = from_json(_reduced_schema(to_json(schema)))
    return {**ready, "json_schema": {**inner, "schema": reduced}}


@functools.lru_cache(maxsize=512)
def _reduced_schema(schema: bytes) -> bytes:
    return to_json(vertex_schema(from_json(schema)))


def tool_choice_for(choice: Any, tools: Sequence[Any], model: str | None) -> Any:
    """``tool_choice`` in the gateway's own forms; ``None`` where it says nothing without tools.

    ``any`` and ``True`` mean ``required``; a name and Anthropic's objects become OpenAI's object.
    Where the model is known to refuse a forced choice it becomes ``auto``, with a warning.
    """
    if isinstance(choice, Mapping):
        if choice.get("type") in BUILT_IN_TOOLS:
            return dict(choice)
        choice = _chosen(choice)
    if isinstance(choice, bool):
        choice = "required" if choice else "none"
    if not tools:
        if choice in {"auto", "none"}:
            return None
        raise InvalidRequestError(
            f"tool_choice: {choice!r} needs tools, and none are given.", param="tool_choice"
        )
    names = [
        tool["function"].get("name") for tool in tools if isinstance(tool.get("function"), Mapping)
    ]
    if choice in names:
        ready: Any = {"type": "function", "function": {"name": choice}}
    elif choice in CHOICES:
        ready = CHOICES[choice]
    elif choice in BUILT_IN_TOOLS:
        ready = {"type": choice}
    else:
        raise InvalidRequestError(
            f"tool_choice: {choice!r} is none of the tools:"
            f" {', '.join(map(str, names)) or 'only built-in ones'}.",
            param="tool_choice",
        )
    if ready not in ("auto", "none") and has_trait(
        model or DEFAULT_MODEL, "refuses_forced_tool_choice"
    ):
        warn(f"{model} refuses a forced tool choice; 'auto' is sent in place of {choice!r}.")
        return "auto"
    return ready


def _chosen(choice: Mapping[str, Any]) -> str:
    """The word or the name in an object form of ``tool_choice``: OpenAI's, Anthropic's, or OpenAI's
    flat ones.
    """
    kind, inner = choice.get("type"), choice.get("function")
    if kind in CHOICES:
        return str(kind)
    name = inner.get("name") if isinstance(inner, Mapping) else choice.get("name")
    if kind in {"tool", "function", None} and isinstance(name, str):
        return name
    raise InvalidRequestError(
        f"tool_choice: {dict(choice)!r} is in no known form.", param="tool_choice"
    )


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
