"""Pollinations for LlamaIndex: LLMs, embeddings, and tools for agents."""

from typing import TYPE_CHECKING

from pollinations_client import PollinationsError, __version__
from pollinations_client._adapter_support import (
    import_with_room,
    install_command,
    lazy_names,
    warn_of_mixed_install,
)

try:
    import_with_room("llama_index.core")
except ImportError as missing:
    raise ImportError(f"LlamaIndex is not installed: {install_command('llamaindex')}") from missing

from .errors import NoToolCallError, StructuredOutputError
from .llm import Pollinations

if TYPE_CHECKING:
    from .agents import BudgetAgentMixin, BudgetFunctionAgent
    from .embeddings import PollinationsEmbedding
    from .readers import PollinationsOCRReader
    from .tools import PollinationsToolSpec
else:
    __getattr__ = lazy_names(
        __name__,
        {
            ".agents": "BudgetAgentMixin BudgetFunctionAgent",
            ".embeddings": "PollinationsEmbedding",
            ".readers": "PollinationsOCRReader",
            ".tools": "PollinationsToolSpec",
        },
    )

warn_of_mixed_install()

__all__ = [
    "BudgetAgentMixin",
    "BudgetFunctionAgent",
    "NoToolCallError",
    "Pollinations",
    "PollinationsEmbedding",
    "PollinationsError",
    "PollinationsOCRReader",
    "PollinationsToolSpec",
    "StructuredOutputError",
    "__version__",
]

del import_with_room, install_command, lazy_names, warn_of_mixed_install
