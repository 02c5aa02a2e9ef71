"""Pollinations for LangChain: chat models, embeddings, and tools for agents."""

from pathlib import Path
from typing import TYPE_CHECKING

from pollinations_client import PollinationsError, __version__
from pollinations_client._adapter_support import (
    import_with_room,
    install_command,
    lazy_names,
    mixed_install,
)

try:
    import_with_room("langchain_core.language_models.chat_models")
except ImportError as missing:
    raise ImportError(f"LangChain is not installed: {install_command('langchain')}") from missing

if problem := mixed_install(Path(__file__).parent):
    raise ImportError(problem)

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

del Path, import_with_room, install_command, lazy_names, mixed_install, problem
