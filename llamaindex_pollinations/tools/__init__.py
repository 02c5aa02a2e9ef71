"""Tools for agents: pictures, videos, web search, voice, models and balance, as a tool spec.

What is decided for both frameworks is in ``pollinations_client/agent_tools``.
"""

from .base import SpecTool
from .tool_spec import PollinationsToolSpec

__all__ = ["PollinationsToolSpec", "SpecTool"]
