"""Pollinations for LlamaIndex: LLMs, embeddings, and tools for agents."""

from pollinations_client import PollinationsError, __version__
from pollinations_client._adapter_support import install_command, warn_of_mixed_install

try:
    import llama_index.core
except ImportError as missing:
    raise ImportError(f"LlamaIndex is not installed: {install_command('llamaindex')}") from missing

from ._structured_output import StructuredOutputError
from ._tool_calls import NoToolCallError
from .embeddings import PollinationsEmbedding
from .llm import Pollinations
from .readers import PollinationsOCRReader
from .tools import PollinationsToolSpec

warn_of_mixed_install()

__all__ = [
    "NoToolCallError",
    "Pollinations",
    "PollinationsEmbedding",
    "PollinationsError",
    "PollinationsOCRReader",
    "PollinationsToolSpec",
    "StructuredOutputError",
    "__version__",
]

del install_command, llama_index, warn_of_mixed_install
