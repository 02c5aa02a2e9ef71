"""Tools for agents: pictures, videos, web search, voice, models, balance, and their toolkit.

What a model may decide is in the arguments, all else in fields. What is decided for both frameworks
is in ``pollinations_client/agent_tools``.
"""

from .base import GatewayTool
from .lookups import PollinationsBalanceTool, PollinationsModelsTool, PollinationsSearchTool
from .media import MakingTool, PollinationsImageTool, PollinationsVideoTool
from .toolkit import PollinationsToolkit
from .voice import PollinationsSpeechTool, PollinationsTranscriptionTool, VoiceTool

__all__ = [
    "GatewayTool",
    "MakingTool",
    "PollinationsBalanceTool",
    "PollinationsImageTool",
    "PollinationsModelsTool",
    "PollinationsSearchTool",
    "PollinationsSpeechTool",
    "PollinationsToolkit",
    "PollinationsTranscriptionTool",
    "PollinationsVideoTool",
    "VoiceTool",
]
