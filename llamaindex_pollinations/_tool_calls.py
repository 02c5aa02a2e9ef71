"""Tool calls in LlamaIndex's two forms, blocks and plain dicts, kept in step; and calls read back
out of either.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool, ToolOutput
from pydantic_core import from_json

from pollinations_client import ReplyError, ToolCall
from pollinations_client._adapter_support import drop_strict_nulls

__all__ = [
    "INVALID",
    "NoToolCallError",
    "agent_response",
    "calls_in",
    "drop_nulls",
    "json_text",
    "offered",
    "refusal_of",
    "refusals_in",
    "selections_in",
    "wire_call",
    "wire_calls_in",
]

log = logging.getLogger("llamaindex_pollinations")
# Made once: ``json.dumps`` with options makes an encoder for each call.
json_text = json.JSONEncoder(ensure_ascii=False).encode
SHOWN = 200
INVALID = "invalid_tool_calls"
# The words of other classes' calls. OpenAI's Responses have an id of the item beside the call_id.
ID_FIELDS = ("call_id", "id", "toolUseId", "tool_call_id")
ARGUMENT_FIELDS = ("arguments", "input", "args", "parameters")
WRAPPERS = ("toolUse", "functionCall", "function_call")
ECHOED_FIELDS = ("extra_content", "thought_signature")  # what Gemini wants to see again
NOT_RUN = "{name} (not run: its arguments are no whole JSON)"
REFUSAL = "{name} was not run. {problem} Call it again with whole arguments, as a JSON object."
# What LlamaIndex's agents say of a name that is none of their tools.
NOT_FOUND = "Tool {name} not found."


class NoToolCallError(ReplyError, ValueError):
    """A tool call was needed and the model answered without one, or called a tool that was not
    offered.
    """


def wire_call(call: ToolCall) -> dict[str, Any]:
    """A call as a plain dict in the gateway's form, with the unknown fields that must be echoed."""
    if not call.extra:
        function = {"name": call.name, "arguments": call.arguments}
        return {"id": call.id, "type": "function", "function": function}
    extra = dict(call.extra)
    inner = extra.pop("function", None)
    function = {
        **(inner if isinstance(inner, dict) else {}),
        "name": call.name,
        "arguments": call.arguments,
    }
    return {"id": call.id, "type": "function", "function": function, **extra}


def calls_in(
    calls: Sequence[ToolCall], schemas: Mapping[str, Mapping[str, Any]]
) -> tuple[list[ToolCallBlock], dict[str, Any]]:
    """A finished answer's calls as blocks, and as what goes into the message's
    ``additional_kwargs``.

    A block has the arguments as an object, or as the text received where they are none.
    ``schemas`` gives a tool's own schema where the strict form of it was sent. Calls whose
    arguments are no JSON object are listed again under ``invalid_tool_calls`` with the reason, and
    logged.
    """
    if not calls:
        return [], {}
    blocks = []
    for call in calls:
        name, arguments = call.name, call.args
        if arguments is not None and name in schemas:
            arguments = drop_strict_nulls(schemas[name], arguments)
        told = call.arguments if arguments is None else arguments
        blocks.append(ToolCallBlock(tool_call_id=call.id, tool_name=name, tool_kwargs=told))
    kept: dict[str, Any] = {"tool_calls": [wire_call(call) for call in calls]}
    if broken := [(call, problem) for call in calls if (problem := call.problem)]:
        kept[INVALID] = [
            {
                "id": call.id,
                "name": call.name,
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

    In a finished response a call whose arguments cannot be read names no tool, so that nothing can
    run on a part of them or on defaults; LlamaIndex's agents answer the model that there is no such
    tool, which :func:`refusal_of` puts right on the wire.

    Raises :class:`NoToolCallError` where ``required`` and there are none.
    """
    message = response.message
    refusals = refusals_in(message)
    selections = [
        _selection(call_id, index, name, arguments, is_refused=call_id in refusals)
        for index, (call_id, name, arguments) in enumerate(_triples(message))
        if name
    ]
    if required and not selections:
        text = (message.content or "").strip()[:SHOWN]
        raise NoToolCallError(
            f"Expected at least one tool call, but got 0 tool calls. The model answered: {text!r}. "
            "Another model, or tool_required=True where it was not given, may help."
        )
    return selections


def _selection(
    call_id: str | None, index: int, name: str, arguments: Any, *, is_refused: bool
) -> ToolSelection:
    return ToolSelection(
        tool_id=str(call_id or f"call_{index}"),
        tool_name=NOT_RUN.format(name=name) if is_refused else name,
        tool_kwargs={} if is_refused else _object_in(arguments),
    )


def refusals_in(message: ChatMessage) -> dict[str | None, ToolOutput]:
    """The outcome of each call of a finished message that must not run, by the call's id.

    Whole JSON that is no object is how some models write a call without arguments: that runs.
    """
    return {
        call.get("id"): _refusal(call)
        for call in message.additional_kwargs.get(INVALID) or ()
        if isinstance(call, Mapping) and not _is_whole_json(call.get("arguments"))
    }


def _refusal(call: Mapping[str, Any]) -> ToolOutput:
    name, arguments = str(call.get("name") or "The tool"), call.get("arguments")
    content = REFUSAL.format(name=name, problem=call.get("error") or "Its arguments were cut.")
    return ToolOutput(
        content=content,
        tool_name=name,
        raw_input={"arguments": arguments},
        raw_output=content,
        is_error=True,
    )


def refusal_of(text: str, refusal: ToolOutput) -> str:
    """A refused call's result as the model is to read it: what LlamaIndex says of an unknown name
    is replaced, any other result kept.
    """
    unknown = NOT_FOUND.format(name=NOT_RUN.format(name=refusal.tool_name))
    return refusal.content if text.startswith(unknown) else text


def offered(selection: ToolSelection, tools: Iterable[BaseTool]) -> ToolSelection:
    """The selection itself. Raises :class:`NoToolCallError` if its tool is none of ``tools``."""
    names = [str(tool.metadata.name) for tool in tools]
    if selection.tool_name in names:
        return selection
    raise NoToolCallError(
        f"The model called the tool {selection.tool_name!r}, which was not offered:"
        f" {', '.join(names)}."
    )


def agent_response(
    response: ChatResponse, outputs: Sequence[ToolOutput], *, error_on_tool_error: bool
) -> AgentChatResponse:
    """The outcome of ``predict_and_call``: the tools' results, else what the model answered.

    Raises ``ValueError``, as LlamaIndex does, for a failed tool where ``error_on_tool_error``.
    """
    text = "\n\n".join(output.content for output in outputs)
    if error_on_tool_error and any(output.is_error for output in outputs):
        raise ValueError(text)
    if not outputs:
        text = response.message.content or ""
    return AgentChatResponse(response=text, sources=list(outputs))


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


def _is_whole_json(arguments: Any) -> bool:
    if not isinstance(arguments, str):
        return True
    try:
        from_json(arguments)
    except ValueError:
        return False
    return True


def _as_dict(call: Any) -> dict[str, Any]:
    """A call in OpenAI's form, whichever library wrote it into the history.

    Anthropic's, Bedrock's, Gemini's, Cohere's and OpenAI's Responses classes keep theirs flat, each
    with its own words for the id and the arguments.
    """
    if hasattr(call, "model_dump"):
        call = call.model_dump(exclude_none=True)
    if not isinstance(call, Mapping):
        words = ("name", *ID_FIELDS, *ARGUMENT_FIELDS)
        call = {word: getattr(call, word) for word in words if hasattr(call, word)}
    if isinstance(call.get("function"), Mapping):
        return dict(call)
    flat = next((call[name] for name in WRAPPERS if isinstance(call.get(name), Mapping)), call)
    function = {"name": flat.get("name"), "arguments": _first_of(flat, ARGUMENT_FIELDS)}
    echoed = {name: call[name] for name in ECHOED_FIELDS if name in call}
    return {"id": _first_of(flat, ID_FIELDS), "type": "function", "function": function, **echoed}


def _first_of(source: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((source[name] for name in names if source.get(name) is not None), None)


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
        arguments = json_text(given or {})
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
