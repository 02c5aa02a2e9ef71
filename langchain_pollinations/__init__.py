"""Pollinations for LangChain: chat models, embeddings, and tools for agents."""

try:
    import langchain_core
except ImportError as missing:
    raise ImportError(
        'LangChain is not installed: pip install "pollinations-adapters[langchain]"'
    ) from missing

from pollinations_client import PollinationsError, __version__

from .chat_models import ChatPollinations
from .embeddings import PollinationsEmbeddings
from .toolkit import PollinationsBalanceTool, PollinationsModelsTool, PollinationsToolkit
from .tools import PollinationsImageTool, PollinationsVideoTool

__all__ = [
    "ChatPollinations",
    "PollinationsBalanceTool",
    "PollinationsEmbeddings",
    "PollinationsError",
    "PollinationsImageTool",
    "PollinationsModelsTool",
    "PollinationsToolkit",
    "PollinationsVideoTool",
    "__version__",
]

del langchain_core
