"""Decorate methods with LlamaIndex's callbacks, and keep their signatures for type checkers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

Method = TypeVar("Method", bound=Callable[..., Any])

# LlamaIndex types what its decorators return as Any, so that mypy would take every answer of
# ``llm.chat(...)`` for Any, too.


def chat_callback(method: Method) -> Method:
    """Report each chat to LlamaIndex's event handlers and callback manager."""
    return cast(Method, llm_chat_callback()(method))


def completion_callback(method: Method) -> Method:
    """Report each completion to LlamaIndex's event handlers and callback manager."""
    return cast(Method, llm_completion_callback()(method))
