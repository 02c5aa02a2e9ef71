"""LangChain's own integration suites over the emulator: every flag on, nothing skipped but what
needs a recording.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_tests.integration_tests import (
    ChatModelIntegrationTests,
    EmbeddingsIntegrationTests,
    ToolsIntegrationTests,
)

from langchain_pollinations import (
    ChatPollinations,
    PollinationsBalanceTool,
    PollinationsEmbeddings,
    PollinationsImageTool,
    PollinationsModelsTool,
    PollinationsSearchTool,
    PollinationsSpeechTool,
    PollinationsTranscriptionTool,
    PollinationsVideoTool,
)
from pollinations_client import PollinationsClient
from pollinations_client.emulator import Emulator
from support.langchain import summed

KEY = "sk_demo_0123456789abcdef"


def _png() -> bytes:
    def piece(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    rows = b"".join(b"\x00" + b"\x20\x80\x20" * 2 for _ in range(2))
    return (
        b"\x89PNG\r\n\x1a\n"
        + piece(b"IHDR", head)
        + piece(b"IDAT", zlib.compress(rows))
        + piece(b"IEND", b"")
    )


def _wav() -> bytes:
    samples = b"\x00\x00" * 80
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    data = (
        b"fmt "
        + struct.pack("<I", len(form))
        + form
        + b"data"
        + struct.pack("<I", len(samples))
        + samples
    )
    return b"RIFF" + struct.pack("<I", 4 + len(data)) + b"WAVE" + data


PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count"
    b" 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
DOWNLOADS = {".png": _png(), ".jpg": _png(), ".jpeg": _png(), ".pdf": PDF, ".wav": _wav()}


@pytest.fixture(autouse=True)
def _no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the suites download from the web is made here: a picture, a document, a sound."""

    def get(url: str, **_: Any) -> Any:
        data = next(
            (
                body
                for ending, body in DOWNLOADS.items()
                if url.lower().split("?")[0].endswith(ending)
            ),
            _png(),
        )
        return SimpleNamespace(content=data, raise_for_status=lambda: None)

    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "none: nothing is downloaded")
    monkeypatch.setattr("langchain_tests.integration_tests.chat_models.httpx.get", get)


class TestChatPollinationsIntegration(ChatModelIntegrationTests):
    """The contract on the wire."""

    @pytest.fixture(autouse=True)
    def _on_the_emulator(self, gateway: Emulator) -> Iterator[None]:
        self.url = gateway.url
        return

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        """The class under test."""
        return ChatPollinations

    @property
    def chat_model_params(self) -> dict[str, Any]:
        """How it is made: a model that takes everything in, and reasons."""
        return {"model": "gemini", "api_key": KEY, "base_url": self.url}

    has_tool_choice = True
    has_structured_output = True
    supports_json_mode = True
    supports_image_inputs = True
    supports_image_urls = True
    supports_pdf_inputs = True
    supports_audio_inputs = True
    supports_video_inputs = True
    returns_usage_metadata = True
    supports_anthropic_inputs = True
    supports_image_tool_message = True
    supports_pdf_tool_message = True
    supports_model_override = True
    model_override_value = "claude"
    supported_usage_metadata_details = {  # noqa: RUF012 - the suite's own form
        "invoke": [
            "audio_input",
            "audio_output",
            "reasoning_output",
            "cache_read_input",
            "cache_creation_input",
        ],
        "stream": [
            "audio_input",
            "audio_output",
            "reasoning_output",
            "cache_read_input",
            "cache_creation_input",
        ],
    }

    def _asked(self, messages: list[Any], stream: bool, **options: Any) -> AIMessage:
        model = ChatPollinations(**{"api_key": KEY, "base_url": self.url, **options})
        if not stream:
            return model.invoke(messages)
        return summed(model.stream(messages))

    def invoke_with_audio_input(self, *, stream: bool = False) -> AIMessage:
        """An answer to a sound."""
        import base64

        sound = {
            "type": "audio",
            "base64": base64.b64encode(_wav()).decode(),
            "mime_type": "audio/wav",
        }
        return self._asked(
            [HumanMessage([{"type": "text", "text": "What is this?"}, sound])],
            stream,
            model="gemini",
        )

    def invoke_with_audio_output(self, *, stream: bool = False) -> AIMessage:
        """A spoken answer."""
        audio = {"voice": "alloy", "format": "pcm16" if stream else "wav"}
        options = {"model": "openai-audio", "modalities": ["text", "audio"], "audio": audio}
        return self._asked([HumanMessage("Say hello.")], stream, **options)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        """A thought-out answer."""
        return self._asked(
            [HumanMessage("What is 3 times 7?")], stream, model="deepseek", reasoning_effort="high"
        )

    def _marked(self, subject: str) -> list[Any]:
        text = {
            "type": "text",
            "text": f"A long passage about {subject}. " * 200,
            "cache_control": {"type": "ephemeral"},
        }
        return [HumanMessage([text, {"type": "text", "text": "Sum it up."}])]

    def invoke_with_cache_creation_input(self, *, stream: bool = False) -> AIMessage:
        """A prompt that is written to the provider's cache."""
        subject = "wasps and streams" if stream else "wasps"
        return self._asked(self._marked(subject), stream, model="claude", seed=1)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        """The same prompt again, read from the provider's cache."""
        self._asked(self._marked("bees"), stream, model="claude", seed=2)
        return self._asked(self._marked("bees"), stream, model="claude", seed=3)


class TestImageToolIntegration(ToolsIntegrationTests):
    """The picture tool on the wire."""

    @pytest.fixture(autouse=True)
    def _on_the_emulator(self, gateway: Emulator) -> Iterator[None]:
        self.url = gateway.url
        return

    @property
    def tool_constructor(self) -> type[PollinationsImageTool]:
        """The class under test."""
        return PollinationsImageTool

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        """How it is made."""
        return {"api_key": KEY, "base_url": self.url}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        """A call."""
        return {"prompt": "a bee", "width": 64, "height": 64}


class TestVideoToolIntegration(ToolsIntegrationTests):
    """The video tool on the wire."""

    @pytest.fixture(autouse=True)
    def _on_the_emulator(self, gateway: Emulator) -> Iterator[None]:
        self.url = gateway.url
        return

    @property
    def tool_constructor(self) -> type[PollinationsVideoTool]:
        """The class under test."""
        return PollinationsVideoTool

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        """How it is made."""
        return {"api_key": KEY, "base_url": self.url}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        """A call."""
        return {"prompt": "bees dancing", "duration": 4}


class TestSearchToolIntegration(ToolsIntegrationTests):
    """``PollinationsSearchTool`` on the wire."""

    @pytest.fixture(autouse=True)
    def _on_the_emulator(self, gateway: Emulator) -> Iterator[None]:
        self.url = gateway.url
        return

    @property
    def tool_constructor(self) -> type[PollinationsSearchTool]:
        """The class under test."""
        return PollinationsSearchTool

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        """How it is made."""
        return {"api_key": KEY, "base_url": self.url}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        """A call."""
        return {"query": "Why do bees dance?"}


class TestModelsToolIntegration(ToolsIntegrationTests):
    """``PollinationsModelsTool`` on the wire."""

    @pytest.fixture(autouse=True)
    def _on_the_emulator(self, gateway: Emulator) -> Iterator[None]:
        self.url = gateway.url
        return

    @property
    def tool_constructor(self) -> type[PollinationsModelsTool]:
        """The class under test."""
        return PollinationsModelsTool

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        """How it is made."""
        return {"api_key": KEY, "base_url": self.url}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        """A call."""
        return {"kind": "image"}


class TestSpeechToolIntegration(ToolsIntegrationTests):
    """``PollinationsSpeechTool`` on the wire."""

    @pytest.fixture(autouse=True)
    def _on_the_emulator(self, gateway: Emulator, tmp_path: Path) -> Iterator[None]:
        self.url, self.folder = gateway.url, tmp_path
        return

    @property
    def tool_constructor(self) -> type[PollinationsSpeechTool]:
        """The class under test."""
        return PollinationsSpeechTool

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        """How it is made."""
        return {"api_key": KEY, "base_url": self.url, "save_dir": self.folder}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        """A call."""
        return {"text": "Bees dance."}


class TestTranscriptionToolIntegration(ToolsIntegrationTests):
    """``PollinationsTranscriptionTool`` on the wire."""

    @pytest.fixture(autouse=True)
    def _on_the_emulator(self, gateway: Emulator, tmp_path: Path) -> Iterator[None]:
        self.url, self.folder = gateway.url, tmp_path
        with PollinationsClient(KEY, base_url=gateway.url) as client:
            client.speech("Bees dance.", path=tmp_path / "bees.wav")
        return

    @property
    def tool_constructor(self) -> type[PollinationsTranscriptionTool]:
        """The class under test."""
        return PollinationsTranscriptionTool

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        """How it is made."""
        return {"api_key": KEY, "base_url": self.url, "save_dir": self.folder}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        """A call."""
        return {"path": "bees.wav"}


class TestBalanceToolIntegration(ToolsIntegrationTests):
    """``PollinationsBalanceTool`` on the wire."""

    @pytest.fixture(autouse=True)
    def _on_the_emulator(self, gateway: Emulator) -> Iterator[None]:
        self.url = gateway.url
        return

    @property
    def tool_constructor(self) -> type[PollinationsBalanceTool]:
        """The class under test."""
        return PollinationsBalanceTool

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        """How it is made."""
        return {"api_key": KEY, "base_url": self.url}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        """A call."""
        return {}


class TestPollinationsEmbeddingsIntegration(EmbeddingsIntegrationTests):
    """Embeddings over real HTTP."""

    @pytest.fixture(autouse=True)
    def _address(self, gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POLLINATIONS_BASE_URL", gateway.url)

    @property
    def embeddings_class(self) -> type[PollinationsEmbeddings]:
        """The class under test."""
        return PollinationsEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        """How it is made."""
        return {"model": "gemini-embedding-2", "dimensions": 256, "api_key": KEY}
