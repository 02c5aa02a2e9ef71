"""Pollinations for LangChain: chat models, embeddings, and tools for agents."""

from pathlib import Path
from typing import TYPE_CHECKING

from pollinations_client import PollinationsError, __version__
from pollinations_client._adapter_support import install_command, lazy_names, mixed_install

try:
    import langchain_core
except ImportError as missing:
    raise ImportError(f"LangChain is not installed: {install_command('langchain')}") from missing

if problem := mixed_install(Path(__file__).parent):
    raise ImportError(problem)

# From here, not from inside ``chat_models``: Python 3.11 keeps frames in pieces of 16 KiB, and maps
# and unmaps one at each call that crosses a bound. Two levels deeper, the making of LangChain's
# classes crossed one 10,000 times more: 60 to 110 ms of 970.
import langchain_core.language_models.chat_models

from .chat_models import ChatPollinations

if TYPE_CHECKING:
    from .document_loaders import PollinationsOCRLoader
    from .embeddings import PollinationsEmbeddings
    from .middleware import BudgetMiddleware as BudgetMiddleware  # needs the package langchain
    from .tools import (
        PollinationsBalanceTool,
        PollinationsImageTool,
        PollinationsModelsTool,
        PollinationsSearchTool,
        PollinationsSpeechTool,
        PollinationsToolkit,
        PollinationsTranscriptionTool,
        PollinationsVideoTool,
    )
else:
    __getattr__ = lazy_names(
        __name__,
        {
            ".document_loaders": "PollinationsOCRLoader",
            ".embeddings": "PollinationsEmbeddings",
            ".middleware": "BudgetMiddleware",
            ".tools": (
                "PollinationsBalanceTool PollinationsImageTool PollinationsModelsTool"
                " PollinationsSearchTool PollinationsSpeechTool PollinationsToolkit"
                " PollinationsTranscriptionTool PollinationsVideoTool"
            ),
        },
    )

__all__ = [
    "ChatPollinations",
    "PollinationsBalanceTool",
    "PollinationsEmbeddings",
    "PollinationsError",
    "PollinationsImageTool",
    "PollinationsModelsTool",
    "PollinationsOCRLoader",
    "PollinationsSearchTool",
    "PollinationsSpeechTool",
    "PollinationsToolkit",
    "PollinationsTranscriptionTool",
    "PollinationsVideoTool",
    "__version__",
]

del Path, install_command, langchain_core, lazy_names, mixed_install, problem
