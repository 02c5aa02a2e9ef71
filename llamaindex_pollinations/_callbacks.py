"""LlamaIndex's callback decorators with the types that they leave out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

Method = TypeVar("Method", bound=Callable[..., Any])


def chat_callback(method: Method) -> Method:
    """Report the chat to LlamaIndex's observers. The method keeps its signature."""
    return cast(Method, llm_chat_callback()(method))


def completion_callback(method: Method) -> Method:
    """Report the completion to LlamaIndex's observers. The method keeps its signature."""
    return cast(Method, llm_completion_callback()(method))
