"""Pollinations for LlamaIndex: LLMs, embeddings, and tools for agents."""

try:
    import llama_index.core
except ImportError as missing:
    raise ImportError(
        'LlamaIndex is not installed: pip install "pollinations-adapters[llamaindex]"'
    ) from missing

from pollinations_client import PollinationsError, __version__

from ._structured_output import StructuredOutputError
from ._tool_calls import NoToolCallError
from .embeddings import PollinationsEmbedding
from .llm import Pollinations
from .tools import PollinationsToolSpec

__all__ = [
    "NoToolCallError",
    "Pollinations",
    "PollinationsEmbedding",
    "PollinationsError",
    "PollinationsToolSpec",
    "StructuredOutputError",
    "__version__",
]

del llama_index
