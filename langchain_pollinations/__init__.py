"""Pollinations for LangChain: a chat model for every model of the gateway, and tools that draw."""

try:
    import langchain_core
except ImportError as missing:
    raise ImportError(
        'LangChain is not installed: pip install "pollinations-adapters[langchain]"'
    ) from missing

from pollinations_client import PollinationsError, __version__

from .chat_models import ChatPollinations
from .toolkit import PollinationsBalanceTool, PollinationsModelsTool, PollinationsToolkit
from .tools import PollinationsImageTool, PollinationsVideoTool

__all__ = [
    "ChatPollinations",
    "PollinationsBalanceTool",
    "PollinationsError",
    "PollinationsImageTool",
    "PollinationsModelsTool",
    "PollinationsToolkit",
    "PollinationsVideoTool",
    "__version__",
]

del langchain_core
