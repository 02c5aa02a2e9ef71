"""Validate the body of a chat request with the rules of each era.

Seed: createChatCompletionRequest of API 0.3.0. Today: the same with other bounds.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .checks import (
    Check,
    anything,
    array,
    boolean,
    checked_body,
    either,
    map_of,
    mapping,
    nullable,
    number,
    one_of,
    record,
    safety,
    string,
    tagged_by_type,
)
from .errors import GatewayError, upstream_error
from .json_schema_check import fault_in_parameters, fault_in_schema

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
# ``nova`` is not in the published list of API 0.3.0; today's gateway takes it (October 2026).
VOICES = "alloy echo fable onyx nova shimmer coral verse ballad ash sage amuch dan".split()
AUDIO = ("wav", "mp3", "flac", "opus", "pcm16")
BUILT_IN_TOOLS = (
    "code_execution google_search google_maps url_context computer_use file_search".split()
)
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
SEED_MAX = 2**53 - 1
# Today's bound is that of an int32 (October 2026); the era of API 0.3.0 took any safe integer.
SEED_MAX_TODAY = 2**31 - 1

CACHE_CONTROL: dict[str, Check] = {"cache_control": record({"type": one_of("ephemeral")})}
TEXT_PART = record({"text": string}, CACHE_CONTROL)
# The schema lists auto, low and high, and lets other words pass as a part that it does not know.
IMAGE = record({"url": string}, {"detail": string, "mime_type": string})
# The gateway's word is file_name; OpenAI's filename passes the schema and is dropped.
FILE: dict[str, Check] = dict.fromkeys(
    ("file_data", "file_id", "file_name", "file_url", "mime_type"), string
)
SOUND = record({"data": string, "format": one_of(*AUDIO)})
PARTS: dict[str, Check] = {
    "text": TEXT_PART,
    "image_url": record({"image_url": IMAGE}, CACHE_CONTROL),
    "video_url": record(
        {"video_url": record({"url": string}, {"mime_type": string})}, CACHE_CONTROL
    ),
    "input_audio": record({"input_audio": SOUND}, CACHE_CONTROL),
    "file": record({"file": record({}, FILE)}, CACHE_CONTROL),
    "thinking": record({"thinking": string}),
    "redacted_thinking": record({"data": string}),
}
# Until late 2025 system, developer and tool messages took a string only.
PARTS_OF_ROLE: dict[str, tuple[str, ...]] = {
    "system": ("text",),
    "developer": ("text",),
    "user": ("text", "image_url", "video_url", "input_audio", "file"),
    "assistant": ("text", "thinking", "redacted_thinking", "image_url"),
    "tool": ("text",),
    "function": ("text",),
}
# Arguments are a string of JSON: null is refused, a call without arguments carries "{}".
FUNCTION_CALL = record({"name": string, "arguments": string})
TOOL_CALL = record({"id": string, "type": one_of("function"), "function": FUNCTION_CALL})
FUNCTION = record(
    {"name": string}, {"description": string, "parameters": mapping, "strict": nullable(boolean)}
)
OLDER_FUNCTION = {"description": string, "parameters": mapping}
TOOL = tagged_by_type(
    {"function": record({"function": FUNCTION})} | dict.fromkeys(BUILT_IN_TOOLS, anything)
)
JSON_SCHEMA = record(
    {"schema": mapping}, {"name": string, "description": string, "strict": nullable(boolean)}
)
RESPONSE_FORMAT = tagged_by_type(
    {
        "text": anything,
        "json_object": anything,
        "json_schema": record({"json_schema": JSON_SCHEMA}),
    }
)
# Not Anthropic's {"type": "any"} nor LangChain's "any", which clients have to translate.
TOOL_CHOICE = either(
    one_of("none", "auto", "required"),
    record({"type": one_of("function"), "function": record({"name": string})}),
)


def _message_of(role: str) -> Check:
    """The check of one role's messages."""
    parts = tagged_by_type({name: PARTS[name] for name in PARTS_OF_ROLE[role]})
    content = either(string, array(parts, low=1))
    calls = {"tool_calls": array(TOOL_CALL), "function_call": nullable(FUNCTION_CALL)}
    match role:
        case "assistant":
            more = {"content": nullable(content), "name": string, **calls, **CACHE_CONTROL}
            return record({}, more)
        case "tool":
            required = {"content": nullable(content), "tool_call_id": string}
            return record(required, {"name": string, **CACHE_CONTROL})
        case "function":
            return record({"content": nullable(string), "name": string})
        case "user":
            return record({"content": content}, {"name": string})
        case _:
            return record({"content": content}, {"name": string, **CACHE_CONTROL})


MESSAGES = {role: _message_of(role) for role in ROLES}
MESSAGE_ROLE = record({"role": one_of(*ROLES)})


def check_message(value: Any) -> str | None:
    """One message of any role."""
    return MESSAGE_ROLE(value) or MESSAGES[value["role"]](value)


PENALTY = nullable(number(-2, 2))
COUNT = number(0, SEED_MAX, is_integer=True)
# A null is let pass where the check says nullable, and 400 anywhere else (seen in January 2026).
FIELDS_OF_BOTH: dict[str, Check] = {
    "model": string,
    "modalities": array(one_of("text", "audio")),
    "audio": record({"voice": one_of(*VOICES), "format": one_of(*AUDIO)}),
    "frequency_penalty": PENALTY,
    "presence_penalty": PENALTY,
    "repetition_penalty": nullable(number(0, 2)),
    "logit_bias": nullable(map_of(number(-SEED_MAX, SEED_MAX, is_integer=True))),
    "logprobs": nullable(boolean),
    "top_logprobs": nullable(number(0, 20, is_integer=True)),
    "max_tokens": nullable(COUNT),
    "response_format": RESPONSE_FORMAT,
    "stop": either(nullable(string), array(string, 1, 4)),
    "stream": nullable(boolean),
    "stream_options": nullable(record({}, {"include_usage": boolean})),
    "temperature": nullable(number(0, 2)),
    "top_p": nullable(number(0, 1)),
    "tools": array(TOOL),
    "tool_choice": TOOL_CHOICE,
    "parallel_tool_calls": boolean,
    "user": string,
    "function_call": either(one_of("none", "auto"), record({"name": string})),
    "functions": array(record({"name": string}, OLDER_FUNCTION, is_closed=True), 1, 128),
}
THINKING = {
    "type": one_of("enabled", "disabled"),
    "budget_tokens": number(1, SEED_MAX, is_integer=True),
}
FIELDS: dict[str, dict[str, Check]] = {
    "today": {
        **FIELDS_OF_BOTH,
        "seed": nullable(number(-1, SEED_MAX_TODAY, is_integer=True)),
        "reasoning_effort": one_of(*EFFORTS, "max"),
        "safe": safety,
        "web_search_options": record({}, {"search_context_size": one_of("low", "medium", "high")}),
        "system": string,
        "json": boolean,
        "jsonMode": boolean,
    },
    "seed": {
        **FIELDS_OF_BOTH,
        "seed": nullable(number(-1, SEED_MAX, is_integer=True)),
        "reasoning_effort": one_of(*EFFORTS),
        # Today's schema knows neither: they are stripped, and reasoning_effort decides alone.
        "thinking": nullable(record({}, THINKING)),
        "thinking_budget": COUNT,
    },
}


def check_chat(body: Any, era: str) -> dict[str, Any]:
    """The body, if the gateway would take it. Raises ``GatewayError`` 400 with the field errors."""
    if body is None:
        raise GatewayError(400, "Malformed JSON in request body")
    valid = checked_body(body, {"messages": array(check_message)}, FIELDS[era])
    if not valid["messages"] and era == "today":
        # The era of API 0.3.0 took an empty list: most models had a system prompt of their own.
        raise GatewayError(400, "Messages must be a non-empty array")
    check_history(valid["messages"])
    check_tools(valid)
    return valid


def check_history(messages: list[dict[str, Any]]) -> None:
    """Every tool call is answered, every tool message answers one, and arguments are JSON.

    Raises as providers do.
    """
    waiting: dict[str, None] = {}
    for at, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                raise upstream_error(
                    "Invalid parameter: messages with role 'tool' must be a response to a"
                    f" preceding message with 'tool_calls'. (messages.[{at}].role)"
                )
            del waiting[message["tool_call_id"]]
            continue
        _check_all_answered(waiting)
        if message["role"] != "assistant":
            continue  # tool calls of other roles are dropped by both eras before the provider
        for call in message.get("tool_calls") or []:
            _check_arguments(call, at)
            waiting[call["id"]] = None
    _check_all_answered(waiting)


def _check_all_answered(waiting: dict[str, None]) -> None:
    if waiting:
        raise upstream_error(
            "An assistant message with 'tool_calls' must be followed by tool messages responding"
            " to each 'tool_call_id'. The following tool_call_ids did not have response messages:"
            f" {', '.join(waiting)}"
        )


def _check_arguments(call: dict[str, Any], at: int) -> None:
    try:
        arguments = json.loads(call["function"]["arguments"] or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise upstream_error(
            f"messages.{at}.tool_calls: function arguments must be a JSON object in a string."
        )


TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check_tools(body: dict[str, Any]) -> None:
    """Tool names are unique and well formed, schemas are schemas, and a forced tool exists."""
    functions = [tool["function"] for tool in body.get("tools", []) if tool["type"] == "function"]
    names = [function["name"] for function in functions]
    for function in functions:
        _check_function(function)
    response_format = body.get("response_format") or {}
    if response_format.get("type") == "json_schema" and (
        fault := fault_in_schema(response_format["json_schema"]["schema"])
    ):
        raise upstream_error(f"Invalid schema for response_format: {fault}.")
    if len(set(names)) < len(names):
        raise upstream_error("Tool names must be unique.")
    _check_tool_choice(body, names)


def _check_function(function: dict[str, Any]) -> None:
    name = function["name"]
    if not TOOL_NAME.fullmatch(name):
        raise upstream_error(
            f"Invalid 'tools[].function.name': {name!r} does not match '^[a-zA-Z0-9_-]{{1,64}}$'."
        )
    if fault := fault_in_parameters(function.get("parameters") or {}):
        raise upstream_error(f"Invalid schema for function '{name}': {fault}.")


def _check_tool_choice(body: dict[str, Any], names: list[str]) -> None:
    choice = body.get("tool_choice")
    if choice not in (None, "none") and not body.get("tools"):
        raise upstream_error(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are"
            " specified."
        )
    if isinstance(choice, dict) and choice["function"]["name"] not in names:
        raise upstream_error(
            f"Invalid value for 'tool_choice': no function '{choice['function']['name']}' is"
            " specified in 'tools'."
        )
