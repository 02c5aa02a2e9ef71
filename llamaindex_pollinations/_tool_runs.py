"""Run the tools that a model has called, for ``predict_and_call``. Sync and async twins."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatResponse
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool, ToolOutput
from llama_index.core.tools.calling import acall_tool_with_selection, call_tool_with_selection

from ._tool_calls import refusals_in, selections_in
from .errors import NoToolCallError

__all__ = ["arun_tools", "run_tools", "with_react_parts"]


def run_tools(
    response: ChatResponse,
    tools: Sequence[BaseTool],
    *,
    verbose: bool,
    error_on_no_tool_call: bool,
    error_on_tool_error: bool,
) -> AgentChatResponse:
    """Run the tools that a response selects, one after the other.

    A call whose arguments were cut is not run: its output is an error.

    Raises :class:`NoToolCallError` for no call, if ``error_on_no_tool_call``, and for a tool that
    is none of ``tools``; ``ValueError`` for a failed tool if ``error_on_tool_error``.
    """
    refusals = refusals_in(response.message)

    def output_of(selection: ToolSelection) -> ToolOutput:
        if refusal := refusals.get(selection.tool_id):
            return refusal
        _check_offered(selection, tools)
        return call_tool_with_selection(selection, tools, verbose)

    selections = selections_in(response, required=error_on_no_tool_call)
    outputs = list(map(output_of, selections))
    return _agent_response(response, outputs, error_on_tool_error=error_on_tool_error)


async def arun_tools(
    response: ChatResponse,
    tools: Sequence[BaseTool],
    *,
    verbose: bool,
    error_on_no_tool_call: bool,
    error_on_tool_error: bool,
) -> AgentChatResponse:
    """:func:`run_tools`, awaited; several tools run side by side."""
    refusals = refusals_in(response.message)

    async def output_of(selection: ToolSelection) -> ToolOutput:
        if refusal := refusals.get(selection.tool_id):
            return refusal
        _check_offered(selection, tools)
        return await acall_tool_with_selection(selection, tools, verbose)

    selections = selections_in(response, required=error_on_no_tool_call)
    outputs = await asyncio.gather(*map(output_of, selections))
    return _agent_response(response, outputs, error_on_tool_error=error_on_tool_error)


def with_react_parts(options: dict[str, Any]) -> dict[str, Any]:
    """Add the formatter that LlamaIndex's ReAct agent insists on and its LLM class leaves out."""
    from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser

    return {
        "react_chat_formatter": ReActChatFormatter(),
        "output_parser": ReActOutputParser(),
        **options,
    }


def _check_offered(selection: ToolSelection, tools: Iterable[BaseTool]) -> None:
    """Raise :class:`NoToolCallError` if the tool of a selection is none of ``tools``."""
    # LlamaIndex looks the name up in a dict, and a name that a model invents is a bare KeyError.
    names = [str(tool.metadata.name) for tool in tools]
    if selection.tool_name not in names:
        raise NoToolCallError(
            f"The model called the tool {selection.tool_name!r}, which was not offered:"
            f" {', '.join(names)}."
        )


def _agent_response(
    response: ChatResponse, outputs: Sequence[ToolOutput], *, error_on_tool_error: bool
) -> AgentChatResponse:
    """The outcome of ``predict_and_call``: the tools' results, else the model's answer.

    Raises ``ValueError``, as LlamaIndex does, for a failed tool if ``error_on_tool_error``.
    """
    text = "\n\n".join(output.content for output in outputs)
    if error_on_tool_error and any(output.is_error for output in outputs):
        raise ValueError(text)
    if not outputs:
        text = response.message.content or ""
    return AgentChatResponse(response=text, sources=list(outputs))
