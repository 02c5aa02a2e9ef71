"""Tool calls in LlamaIndex's two forms, blocks and plain dicts, kept in step; and calls read back
out of either.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from pydantic_core import from_json

from pollinations_client import ReplyError, ToolCall
from pollinations_client._adapter_support import drop_strict_nulls

__all__ = [
    "INVALID",
    "NoToolCallError",
    "calls_in",
    "drop_nulls",
    "not_offered",
    "selections_in",
    "wire_call",
    "wire_calls_in",
]

log = logging.getLogger("llamaindex_pollinations")
SHOWN = 200
INVALID = "invalid_tool_calls"


class NoToolCallError(ReplyError, ValueError):
    """A tool call was needed and the model answered without one, or called a tool that was not
    offered.
    """


def wire_call(call: ToolCall, name: str | None = None) -> dict[str, Any]:
    """A call as a plain dict in the gateway's form, with the unknown fields that must be echoed."""
    extra = dict(call.extra)
    inner = extra.pop("function", None)
    function = {
        **(inner if isinstance(inner, dict) else {}),
        "name": name or call.name,
        "arguments": call.arguments,
    }
    return {"id": call.id, "type": "function", "function": function, **extra}


def calls_in(
    calls: Sequence[ToolCall], names: Mapping[str, str], schemas: Mapping[str, Mapping[str, Any]]
) -> tuple[list[ToolCallBlock], dict[str, Any]]:
    """A finished answer's calls as blocks, and as what goes into the message's
    ``additional_kwargs``.

    A block has the arguments as an object, or as the text received where they are none. ``names``
    gives the tool's own name for the one it had on the wire, ``schemas`` its own schema where the
    strict form of it was sent. Calls whose arguments are no JSON object are listed again under
    ``invalid_tool_calls`` with the reason, and logged.
    """
    if not calls:
        return [], {}
    blocks = []
    for call in calls:
        name, arguments = names.get(call.name, call.name), call.args
        if arguments is not None and name in schemas:
            arguments = drop_strict_nulls(schemas[name], arguments)
        told = call.arguments if arguments is None else arguments
        blocks.append(ToolCallBlock(tool_call_id=call.id, tool_name=name, tool_kwargs=told))
    kept: dict[str, Any] = {"tool_calls": [wire_call(call, names.get(call.name)) for call in calls]}
    if broken := [(call, problem) for call in calls if (problem := call.problem)]:
        kept[INVALID] = [
            {
                "id": call.id,
                "name": names.get(call.name, call.name),
                "arguments": call.arguments,
                "error": problem,
            }
            for call, problem in broken
        ]
        for call, problem in broken:
            log.warning("Tool call %s (%s): %s", call.id, call.name or "unnamed", problem)
    return blocks, kept


def wire_calls_in(message: ChatMessage) -> list[dict[str, Any]]:
    """The calls a message carries, in the gateway's form: blocks hold, dicts of the same id add
    unknown fields.
    """
    given = message.additional_kwargs.get("tool_calls") or ()
    listed = [_as_dict(call) for call in given] if isinstance(given, (list, tuple)) else []
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if not blocks:
        return [_with_good_arguments(call) for call in listed]
    by_id = {call.get("id"): call for call in listed}
    return [_from_block(block, by_id.get(block.tool_call_id, {})) for block in blocks]


def selections_in(response: ChatResponse, *, required: bool) -> list[ToolSelection]:
    """The tools a response selects. Unfinished arguments of a stream give what is there of them.

    Raises :class:`NoToolCallError` where ``required`` and there are none.
    """
    message = response.message
    broken = {
        call.get("id")
        for call in message.additional_kwargs.get(INVALID) or ()
        if isinstance(call, Mapping)
    }
    selections = [
        ToolSelection(
            tool_id=str(given_id or f"call_{place}"),
            tool_name=name,
            tool_kwargs={} if given_id in broken else _object_in(arguments),
        )
        for place, (given_id, name, arguments) in enumerate(_triples(message))
        if name
    ]
    if required and not selections:
        said = (message.content or "").strip()[:SHOWN]
        raise NoToolCallError(
            f"Expected at least one tool call, but got 0 tool calls. The model answered: {said!r}. "
            "Another model, or tool_required=True where it was not given, may help."
        )
    return selections


def not_offered(error: KeyError, tools: Iterable[Any]) -> Exception:
    """LlamaIndex looks a called tool up by its name: what to raise where it is not there.

    Others stay as they are.
    """
    names = [str(tool.metadata.name) for tool in tools]
    if not isinstance(error.args[0], str) or error.args[0] in names:
        return error
    offered = ", ".join(names)
    return NoToolCallError(
        f"The model called the tool {error.args[0]!r}, which was not offered: {offered}."
    )


def _triples(message: ChatMessage) -> Iterable[tuple[str | None, str, Any]]:
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        return [(block.tool_call_id, block.tool_name, block.tool_kwargs) for block in blocks]
    given = message.additional_kwargs.get("tool_calls")
    calls = [_as_dict(call) for call in given] if isinstance(given, (list, tuple)) else []
    triples = []
    for call in calls:
        function = call.get("function")
        function = function if isinstance(function, Mapping) else {}
        triples.append((call.get("id"), str(function.get("name") or ""), function.get("arguments")))
    return triples


def _object_in(arguments: Any) -> dict[str, Any]:
    if isinstance(arguments, str) and arguments.strip():
        try:
            arguments = from_json(arguments, allow_partial="trailing-strings")
        except ValueError:
            return {}
    return dict(arguments) if isinstance(arguments, Mapping) else {}


def _as_dict(call: Any) -> dict[str, Any]:
    """A call as a dict, whichever library's class it was made of."""
    if hasattr(call, "model_dump"):
        call = call.model_dump(exclude_none=True)
    return dict(call) if isinstance(call, Mapping) else {}


def _from_block(block: ToolCallBlock, listed: Mapping[str, Any]) -> dict[str, Any]:
    """The call of a block; its arguments in the very words of the dict beside it where they say the
    same.
    """
    inner = listed.get("function")
    known = (
        {name: value for name, value in inner.items() if value is not None}
        if isinstance(inner, Mapping)
        else {}
    )
    said = known.get("arguments")
    same = isinstance(said, str) and drop_nulls(_parsed(said)) == drop_nulls(block.tool_kwargs)
    function = {**known, "name": block.tool_name, "arguments": said if same else block.tool_kwargs}
    return _with_good_arguments(
        {**listed, "id": block.tool_call_id, "type": "function", "function": function}
    )


def _with_good_arguments(call: dict[str, Any]) -> dict[str, Any]:
    """Providers refuse a history whose arguments are no JSON object: what could not be read was
    called with none.
    """
    function = call.get("function")
    if not isinstance(function, Mapping):
        return call
    given = function.get("arguments")
    if isinstance(given, str):
        arguments = given if isinstance(_parsed(given), dict) else "{}"
    else:
        arguments = json.dumps(given or {}, ensure_ascii=False)
    return {**call, "function": {**function, "arguments": arguments}}


def _parsed(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return None


def drop_nulls(data: Any) -> Any:
    """Copy without members that are null: strict schemas make every optional field nullable."""
    if isinstance(data, dict):
        return {name: drop_nulls(value) for name, value in data.items() if value is not None}
    return [drop_nulls(value) for value in data] if isinstance(data, list) else data
