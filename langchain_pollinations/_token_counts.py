"""Estimate tokens without a tokenizer: every model of the gateway has its own."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.tools import BaseTool

from ._tool_definitions import tool_from

TOKENS_PER_CHARACTER = 0.25  # LangChain's own figure, for English
# Tokens a character, measured on running text. LangChain counts these scripts like English, at half
# of their size, and a context would be full long before a summary of it is due.
DENSE_SCRIPTS = (
    (re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"), 0.58),  # Han
    (re.compile("[\u3000-\u30ff\u31f0-\u31ff\uff00-\uff9f]+"), 0.55),  # kana and full width
    (re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]+"), 0.47),  # Hangul
)


def estimated_tokens(text: str) -> int:
    """Estimate the tokens of ``text``."""
    return math.ceil(len(text) * TOKENS_PER_CHARACTER + _above_english(text))


def estimated_tokens_of_messages(messages: Sequence[BaseMessage], tools: Any = None) -> int:
    """Estimate the tokens of a conversation and of the tools offered with it."""
    # Rounded for each message: ``trim_messages`` adds up counts of single messages.
    count = count_tokens_approximately(messages, tools=[_countable(tool) for tool in tools or ()])
    return count + sum(math.ceil(_above_english(_text_of(message))) for message in messages)


def _countable(tool: Any) -> BaseTool | dict[str, Any]:
    """Whatever ``bind_tools`` takes, in one of the two forms that LangChain counts."""
    if isinstance(tool, BaseTool | dict):
        return tool
    converted = tool_from(tool, None)
    return {"type": converted} if isinstance(converted, str) else converted


def _above_english(text: str) -> float:
    """What a text in dense scripts has above an English one of its length."""
    if text.isascii():
        return 0.0
    return sum(
        len("".join(script.findall(text))) * (tokens - TOKENS_PER_CHARACTER)
        for script, tokens in DENSE_SCRIPTS
    )


def _text_of(message: BaseMessage) -> str:
    """All that is counted as text in a message."""
    if isinstance(message.content, str):
        texts = [message.content]
    else:
        texts = [_text_of_block(block) for block in message.content]
    if isinstance(message, AIMessage):
        texts += [repr(call["args"]) for call in message.tool_calls]
    return "".join(texts)


def _text_of_block(block: str | dict[str, Any]) -> str:
    if isinstance(block, str):
        return block
    return str(block.get("text") or "")
