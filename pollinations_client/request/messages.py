"""Write messages by the gateway's rules; each rule stands here once.

Pure: the caller's messages are never changed.

Sources: the message schemas of API 0.3.0 and of autumn 2026, the gateway's sanitiser, and the
issues named beside a rule (pollinations/pollinations).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from ..catalog.catalog import AskedModel
from ..errors import InvalidRequestError
from ..lenient_json import member
from ..schemas.openai_strict import free_form_paths, strict_schema
from .blank_turns import without_blank_turns
from .call_arguments import arguments_text
from .call_ids import rules_of
from .json_body import set_large_texts_apart
from .tool_names import ToolNames, valid_name
from .tool_results import ids_in, is_in_order, with_every_call_answered
from .validation import drop_none

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
PLAIN_ROLES = frozenset({"user", "system", "assistant"})  # take text and need nothing beside it
DEFAULT_MODEL = "openai"  # what the gateway takes when a request names none
TEXT_ONLY_ROLES = frozenset({"tool", "function"})
# Their schema of autumn 2026 has no cache_control, and the gateway cuts off what it does not know.
UNMARKED_PARTS = frozenset({"image_url", "video_url"})
ADDRESS_FIELDS = {"image_url": "url", "video_url": "url", "file": "file_url"}
# One letter and a colon are a drive of Windows, not a scheme.
REMOTE_ADDRESS = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+:", re.IGNORECASE)


class PollinationsWarning(UserWarning):
    """A request was sent differently from how it was given, for the model takes it no other way."""


def _is_blank(message: Mapping[str, Any]) -> bool:
    """Whether a message is empty: no call, no text but white space, no other part."""
    content = message.get("content")
    if type(content) is str and content.strip():  # nearly all
        return False
    if message.get("tool_calls"):
        return False
    if isinstance(content, list):
        if any(part.get("type") != "text" for part in content):
            return False
        content = "".join(part.get("text") or "" for part in content)
    return not content or (isinstance(content, str) and not content.strip())


def messages_for(
    messages: Sequence[Mapping[str, Any]], model: AskedModel, tool_names: ToolNames | None = None
) -> list[Mapping[str, Any]]:
    """The messages in the gateway's form, with the names that tools have on the wire.

    Raises :class:`InvalidRequestError` naming the position at fault.
    """
    _check_list(messages)
    names = tool_names or ToolNames()
    wire_messages = list(messages)
    tool_turns: dict[int, Any] = {}  # ids of calls and results, by index
    has_marks = False
    for index, message in enumerate(messages):
        # Nearly every message is of one of two kinds that need not be written anew. The tests are
        # here and not in a function, which would cost as much as they do.
        if type(message) is dict and type(message.get("content")) is str:
            if len(message) == 2 and message.get("role") in PLAIN_ROLES:
                continue
            if len(message) == 3 and (ids := _ids_if_ready(message, names)):
                tool_turns[index] = ids
                continue
        wire_messages[index] = wire = _message_for(message, index, model, names)
        has_marks = has_marks or "cache_control" in wire
        if ids := ids_in(wire):
            tool_turns[index] = ids
    if has_marks:
        wire_messages = _with_marked_parts(wire_messages)
    if all(map(_is_blank, wire_messages)):
        raise InvalidRequestError(
            "messages: all of them are empty; say something.", param="messages"
        )
    if tool_turns and any(type(ids) is list for ids in tool_turns.values()):
        rules = rules_of(model)
        if not is_in_order(tool_turns, rules):
            wire_messages = with_every_call_answered(wire_messages, rules)
    # A lone message is not empty, as was seen above; the catalogue need not be asked for it.
    if len(wire_messages) > 1 and model.has_trait("refuses_blank_turns"):
        return without_blank_turns(wire_messages)
    return wire_messages


def _check_list(messages: Any) -> None:
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        raise InvalidRequestError(
            "messages: a list of messages is needed, each a dict with role and content.",
            param="messages",
        )
    if not messages:
        raise InvalidRequestError(
            "messages: the list is empty; the gateway needs at least one message.", param="messages"
        )


def _message_for(
    message: Mapping[str, Any], index: int, model: AskedModel, names: ToolNames
) -> Mapping[str, Any]:
    try:
        role, content = message["role"], message.get("content")
    except (KeyError, TypeError, AttributeError):
        raise InvalidRequestError(
            f"messages[{index}]: a dict with a role is needed.", param="messages"
        ) from None
    if role not in ROLES:
        raise InvalidRequestError(
            f"messages[{index}]: role {role!r} is unknown; one of {', '.join(sorted(ROLES))} is"
            " needed.",
            param="messages",
        )
    wire = drop_none(message, levels=1)
    wire["content"] = _content_for(content, index)
    # The gateway takes the developer role in both eras, and few providers behind it know it.
    if role == "developer" and not model.has_trait("developer_role"):
        wire["role"] = "system"
    if role == "tool":
        _check_tool_message(wire, index)
        # Vertex AI reads it; in everybody else's schema a tool message has no name.
        if not model.has_trait("tool_result_names"):
            wire.pop("name", None)
    if "name" in wire:
        # The gateway drops a name with other characters, and refuses it on a tool's message.
        encode = valid_name
        if role in TEXT_ONLY_ROLES:
            encode = names.encode
        wire["name"] = encode(str(wire["name"]))
    elif role == "function":
        raise InvalidRequestError(
            f"messages[{index}]: a function message needs the function's name.", param="messages"
        )
    _encode_calls(wire, index, names)
    return wire


def _ids_if_ready(message: Mapping[str, Any], names: ToolNames) -> list[str] | str | None:
    """The ids in a message of role, text and one more field, if it is a result or a turn with calls
    in the gateway's form already: what both adapters write, and so is passed on as it is.
    """
    role = message.get("role")
    if role == "tool":
        call_id_of_result = message.get("tool_call_id")
        return call_id_of_result if type(call_id_of_result) is str else None
    calls = message.get("tool_calls")
    if role != "assistant" or type(calls) is not list:
        return None
    ids: list[str] = []
    for call in calls:
        try:
            call_id, kind, function = call["id"], call["type"], call["function"]
            name, arguments = function["name"], function["arguments"]
        except (KeyError, TypeError):
            return None
        if type(call) is not dict or len(call) != 3 or kind != "function":
            return None
        if type(function) is not dict or len(function) != 2:
            return None
        if type(call_id) is not str or type(name) is not str or type(arguments) is not str:
            return None
        if not (call_id and name and arguments) or names.encode(name) != name:
            return None
        ids.append(call_id)
    return ids


def _with_marked_parts(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Put each message's mark for the prompt cache on its last content part that may have one.

    The gateway drops a mark at the level of the message in both eras, and the whole prompt is paid
    again. The text of tool and function results cannot carry one.
    """
    marked: list[Mapping[str, Any]] = []
    lost: set[str] = set()
    for message in messages:
        wire = {name: value for name, value in message.items() if name != "cache_control"}
        mark, content = message.get("cache_control"), wire["content"]
        if mark and content and wire["role"] not in TEXT_ONLY_ROLES:
            if type(content) is str:
                content = [{"type": "text", "text": content}]
            wire["content"] = _marked(content, mark)
        elif mark:
            lost.add(wire["role"])
        marked.append(wire)
    if lost:
        warn(
            f"cache_control on a message without content parts ({', '.join(sorted(lost))}) is not"
            " sent: the gateway takes it on a content part only."
        )
    return marked


def _marked(parts: Sequence[Mapping[str, Any]], mark: Any) -> list[Mapping[str, Any]]:
    """``parts`` with the mark on the last of them that may have one."""
    bearers = [index for index, part in enumerate(parts) if part["type"] not in UNMARKED_PARTS]
    bearer = bearers[-1] if bearers else len(parts) - 1
    marked = list(parts)
    marked[bearer] = {"cache_control": mark, **parts[bearer]}
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


def _content_for(content: Any, index: int) -> Any:
    if content is None:
        # Null is refused by some providers on a tool-call turn, and a missing field by others.
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        raise InvalidRequestError(
            f"messages[{index}].content: text or a list of parts is needed, not"
            f" {type(content).__name__}.",
            param="messages",
        )
    parts = [_part_for(part, f"messages[{index}].content[{n}]") for n, part in enumerate(content)]
    # The oldest gateway (November 2025) took nothing but text outside user messages, and no
    # gateway takes an empty list.
    if all(part.keys() == {"type", "text"} and part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    # Clients of chats attach a picture to an empty text, which Anthropic and Vertex AI refuse.
    return [part for part in parts if not _is_blank_text(part)]


def _is_blank_text(part: Mapping[str, Any]) -> bool:
    return part.keys() == {"type", "text"} and not str(part["text"]).strip()


def _part_for(part: Any, where: str) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
        raise InvalidRequestError(
            f"{where}: a part is text or a dict with a type.", param="messages"
        )
    wire = drop_none(part)
    match wire:
        case {"type": "image_url" | "video_url" as kind} if isinstance(wire.get(kind), str):
            # Older programs write the bare address; the gateway's schema has an object there.
            wire[kind] = {"url": wire[kind]}
        case {"type": "file", "file": {"filename": name, **others}}:
            # OpenAI spells it filename, which the gateway cuts off.
            wire["file"] = {"file_name": name, **others}
    _check_address(wire, where)
    set_large_texts_apart(wire)
    return wire


def _check_address(part: Mapping[str, Any], where: str) -> None:
    kind = part["type"]
    field = ADDRESS_FIELDS.get(kind, "")
    address = member(part.get(kind), field)
    if isinstance(address, str) and not REMOTE_ADDRESS.match(address):
        # Providers answer with a 400 that does not name the part, or read nothing.
        raise InvalidRequestError(
            f"{where}.{kind}.{field}: no address that the gateway can reach; a file of this"
            " computer goes by its bytes, as a data URL or from its path.",
            param="messages",
        )


def drop_unsupported_media(
    model: AskedModel, parts: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], str]:
    """Drop pictures and videos that ``model`` is known not to see, and say so in a line.

    For attachments of tools and earlier answers. The gateway refuses a whole request over one
    picture for a model that reads text only, and an agent's tool should not end its run so. What
    the user attached is sent: there the refusal is the answer.
    """
    if not parts or (card := model.card) is None:
        return list(parts), ""
    # None where the catalogue does not say: then the gateway decides.
    takes = {"image_url": card.vision, "video_url": card.video_input}
    readable = [part for part in parts if takes.get(part["type"]) is not False]
    dropped = [part["type"] for part in parts if takes.get(part["type"]) is False]
    if not dropped:
        return readable, ""
    kinds = " or ".join(sorted({kind.removesuffix("_url") for kind in dropped}))
    attachments = f"{len(dropped)} attachments"
    if len(dropped) == 1:
        attachments = "1 attachment"
    warn(
        f"{model.name} takes no {kinds} input: {attachments} of tools or earlier answers left out."
    )
    return readable, f"[{attachments} left out: this model takes no {kinds} input]"


def with_line(content: str | list[dict[str, Any]], line: str) -> str | list[dict[str, Any]]:
    """A message's content with one more line of text."""
    if isinstance(content, list):
        return [*content, {"type": "text", "text": line}]
    return f"{content}\n{line}".strip()


def _call_for(call: Any, index: int, names: ToolNames) -> dict[str, Any]:
    function = member(call, "function")
    if not member(function, "name"):
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
    # The gateway's schema wants a text; null, nothing and an object are a 400.
    arguments = function.get("arguments") or "{}"
    if not isinstance(arguments, str):
        arguments = arguments_text(arguments)
    wire = {**drop_none(function), "arguments": arguments}
    if isinstance(name := wire.get("name"), str):
        wire["name"] = names.encode(name)
    return wire


def strict_form(
    schema: Mapping[str, Any], owner: str, *, optional_as_null: bool = True
) -> dict[str, Any] | None:
    """``schema`` in strict form; None, with a warning, where it has free-form objects or values of
    any type.

    Strict mode would leave such an object empty, so what was asked for would be lost, and OpenAI
    refuses a value without a type. ``owner`` says whose schema it is.
    """
    if not (paths := free_form_paths(schema)):
        return strict_schema(schema, optional_as_null=optional_as_null)
    path_list = ", ".join(path or "the whole" for path in paths)
    warn(
        f"{owner} is sent without strict, which has no form for free-form objects and values of any"
        f" type ({path_list}); name their members or types."
    )
    return None


def warn(sentence: str) -> None:
    """Warn that something was sent differently from how it was given."""
    warnings.warn(sentence, PollinationsWarning, stacklevel=2)
