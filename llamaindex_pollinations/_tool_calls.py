"""Convert tool calls between the gateway's form and LlamaIndex's two: blocks and plain dicts.

LlamaIndex needs both: agents read blocks, its ``process_streaming_objects`` and observers read
``additional_kwargs["tool_calls"]``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import ToolOutput
from pydantic_core import from_json

from pollinations_client import ToolCall
from pollinations_client._adapter_support import arguments_text, drop_strict_nulls

from .errors import NoToolCallError

__all__ = [
    "INVALID",
    "calls_in",
    "drop_nulls",
    "is_call_of_block",
    "refusal_of",
    "refusals_in",
    "selections_in",
    "wire_call",
    "wire_calls_in",
]

log = logging.getLogger("llamaindex_pollinations")
MAX_QUOTED = 200
# What could not be read is listed under the name that LangChain's messages have for it.
INVALID = "invalid_tool_calls"
# The words of other classes' calls. OpenAI's Responses have an id of the item beside the call_id.
NAME_FIELDS = ("name", "tool_name")
ID_FIELDS = ("call_id", "id", "toolUseId", "tool_call_id", "tool_id")
ARGUMENT_FIELDS = ("arguments", "input", "args", "parameters", "tool_kwargs")
WRAPPERS = ("toolUse", "functionCall", "function_call")
# Gemini 3 answers 400 to a history whose calls come back without their thought signature.
ECHOED_FIELDS = ("extra_content", "thought_signature")
# LlamaIndex runs whatever tool a selection names, with the arguments that it holds. A name that no
# tool has is the only way to stop one call of several.
NOT_RUN = "{name} (not run: its arguments are no whole JSON)"
REFUSAL = "{name} was not run. {problem} Call it again with whole arguments, as a JSON object."
# The answer of LlamaIndex's agents to such a name (agent/workflow/base_agent.py).
NOT_FOUND = "Tool {name} not found."


def wire_call(call: ToolCall) -> dict[str, Any]:
    """A call as a plain dict in the gateway's form, with its unknown fields."""
    function = {"name": call.name, "arguments": call.arguments}
    if not call.extra:
        return {"id": call.id, "type": "function", "function": function}
    extra = dict(call.extra)
    inner = extra.pop("function", None)
    if isinstance(inner, dict):
        function = {**inner, **function}
    return {"id": call.id, "type": "function", "function": function, **extra}


def calls_in(
    calls: Sequence[ToolCall], schemas: Mapping[str, Mapping[str, Any]]
) -> tuple[list[ToolCallBlock], dict[str, Any]]:
    """Decode a finished answer's calls: blocks, and members of ``additional_kwargs``.

    A block has the arguments as an object, or the text received if that is no JSON object. Such
    calls are logged, and listed again under ``invalid_tool_calls`` with the reason. ``schemas`` has
    the tools' own schemas, of tools that were sent in strict form.
    """
    blocks, broken = [], []
    for call in calls:
        arguments: Any = call.args
        if arguments is None:
            arguments = call.arguments
        elif call.name in schemas:
            # Strict schemas make every optional argument nullable; a tool's default is not null.
            arguments = drop_strict_nulls(schemas[call.name], arguments)
        blocks.append(
            ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=arguments)
        )
        if problem := call.problem:
            log.warning("Tool call %s (%s): %s", call.id, call.name or "unnamed", problem)
            facts = {"id": call.id, "name": call.name, "arguments": call.arguments}
            broken.append({**facts, "error": problem})
    message_kwargs: dict[str, Any] = {"tool_calls": [wire_call(call) for call in calls]}
    if broken:
        message_kwargs[INVALID] = broken
    return blocks, message_kwargs


def wire_calls_in(message: ChatMessage) -> list[dict[str, Any]]:
    """The calls of a message in the gateway's form.

    Blocks go before dicts; a dict of the same id adds its unknown fields.
    """
    listed = _listed_calls(message)
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if not blocks:
        return [_with_valid_arguments(call) for call in listed]
    by_id = {call.get("id"): call for call in listed}
    return [_call_from_block(block, by_id.get(block.tool_call_id, {})) for block in blocks]


def is_call_of_block(call: Any, block: Any) -> bool:
    """Whether a call in the gateway's form says what a block says, and nothing else."""
    if type(block) is not ToolCallBlock or type(block.tool_kwargs) is not dict:
        return False
    try:
        arguments = call["function"]["arguments"]
    except (KeyError, TypeError):
        return False
    function = {"name": block.tool_name, "arguments": arguments}
    if call != {"id": block.tool_call_id, "type": "function", "function": function}:
        return False
    if not (block.tool_call_id and block.tool_name and type(arguments) is str):
        return False
    return bool(_parse_or_none(arguments) == block.tool_kwargs)


def selections_in(response: ChatResponse, *, required: bool) -> list[ToolSelection]:
    """The tools that a response selects, with what has arrived of a stream's arguments.

    In a finished response a call whose arguments cannot be read names no tool, so that no tool runs
    on a part of them or on defaults. LlamaIndex's agents answer the model that there is no such
    tool; :func:`refusal_of` replaces that on the wire.

    Raises :class:`NoToolCallError` if ``required`` and there are none.
    """
    message = response.message
    refusals = refusals_in(message)
    selections = [
        _selection(call_id or f"call_{index}", name, arguments, is_refused=call_id in refusals)
        for index, (call_id, name, arguments) in enumerate(_call_triples(message))
        if name
    ]
    if required and not selections:
        text = (message.content or "").strip()[:MAX_QUOTED]
        raise NoToolCallError(
            f"Expected at least one tool call, but got 0 tool calls. The model answered: {text!r}. "
            "Another model, or tool_required=True where it was not given, may help."
        )
    return selections


def _selection(call_id: Any, name: str, arguments: Any, *, is_refused: bool) -> ToolSelection:
    if is_refused:
        name, arguments = NOT_RUN.format(name=name), {}
    return ToolSelection(
        tool_id=str(call_id), tool_name=name, tool_kwargs=_arguments_object(arguments)
    )


def refusals_in(message: ChatMessage) -> dict[str | None, ToolOutput]:
    """The error outputs of calls that must not run, by the call's id."""
    # Whole JSON that is no object, "[]" or "null", is how some models write a call without
    # arguments: that runs.
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
    """Replace LlamaIndex's answer to an unknown tool by the refusal; keep any other result."""
    unknown = NOT_FOUND.format(name=NOT_RUN.format(name=refusal.tool_name))
    if text.startswith(unknown):
        return refusal.content
    return text


def _call_triples(message: ChatMessage) -> Iterable[tuple[str | None, str, Any]]:
    """Id, name and arguments of each call."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        return [(block.tool_call_id, block.tool_name, block.tool_kwargs) for block in blocks]
    return [
        (call.get("id"), str(function.get("name") or ""), function.get("arguments"))
        for call in _listed_calls(message)
        for function in [call["function"]]
    ]


def _listed_calls(message: ChatMessage) -> list[dict[str, Any]]:
    """The calls in ``additional_kwargs``, each in OpenAI's form."""
    calls = message.additional_kwargs.get("tool_calls")
    if not isinstance(calls, (list, tuple)):
        return []
    return [_call_in_openai_form(call) for call in calls]


def _arguments_object(arguments: Any) -> dict[str, Any]:
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


def _call_in_openai_form(call: Any) -> dict[str, Any]:
    """A call in OpenAI's form, whichever library wrote it into the history."""
    # Anthropic's, Bedrock's, Gemini's, Cohere's and OpenAI's Responses classes keep theirs flat,
    # each with its own words for the id and the arguments, as objects of a class or as dicts.
    # LlamaIndex's mock of a function calling model keeps its own ToolSelection there.
    if hasattr(call, "model_dump"):
        call = call.model_dump(exclude_none=True)
    if not isinstance(call, Mapping):
        words = (*NAME_FIELDS, *ID_FIELDS, *ARGUMENT_FIELDS)
        call = {word: getattr(call, word) for word in words if hasattr(call, word)}
    if isinstance(call.get("function"), Mapping):
        return dict(call)
    flat = next((call[name] for name in WRAPPERS if isinstance(call.get(name), Mapping)), call)
    name, arguments = _first_of(flat, NAME_FIELDS), _first_of(flat, ARGUMENT_FIELDS)
    function = {"name": name, "arguments": arguments}
    echoed = {name: call[name] for name in ECHOED_FIELDS if name in call}
    return {"id": _first_of(flat, ID_FIELDS), "type": "function", "function": function, **echoed}


def _first_of(source: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((source[name] for name in names if source.get(name) is not None), None)


def _call_from_block(block: ToolCallBlock, listed: Mapping[str, Any]) -> dict[str, Any]:
    """The call of a block, with the unknown fields of the dict beside it."""
    inner = listed.get("function") or {}
    function = {name: value for name, value in inner.items() if value is not None}
    text = function.get("arguments")
    # The model's own text is kept while it says the same: providers cache prompts by their bytes.
    if not isinstance(text, str) or drop_nulls(_parse_or_none(text)) != drop_nulls(
        block.tool_kwargs
    ):
        function["arguments"] = block.tool_kwargs
    function["name"] = block.tool_name
    return _with_valid_arguments(
        {**listed, "id": block.tool_call_id, "type": "function", "function": function}
    )


def _with_valid_arguments(call: dict[str, Any]) -> dict[str, Any]:
    """The call with arguments that are text and a JSON object."""
    function = call["function"]
    arguments = function.get("arguments") or {}
    if not isinstance(arguments, str):
        arguments = arguments_text(arguments)
    elif not isinstance(_parse_or_none(arguments), dict):
        # Providers refuse a history with such arguments; the tool's result says what went wrong.
        arguments = "{}"
    return {**call, "function": {**function, "arguments": arguments}}


def _parse_or_none(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return None


def drop_nulls(data: Any) -> Any:
    """Copy without members that are null: strict schemas make every optional field nullable."""
    if isinstance(data, dict):
        return {name: drop_nulls(value) for name, value in data.items() if value is not None}
    if isinstance(data, list):
        return [drop_nulls(value) for value in data]
    return data
