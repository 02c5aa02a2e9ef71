"""The voice tools: a text spoken into a file, and a sound file transcribed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun
from pydantic import PrivateAttr

from pollinations_client._adapter_support import (
    DEFAULT_SPEECH_MODEL,
    DEFAULT_TRANSCRIPTION_MODEL,
    SPEAK,
    TRANSCRIBE,
    NoArguments,
    SoundFolder,
    TranscribeArguments,
    check_kind,
    speak_arguments,
    spoken_answer,
    transcript_answer,
)

from .base import GatewayTool, SharedByToolkit, tool_errors

if TYPE_CHECKING:
    from .._option_types import VoiceToolOptions

__all__ = ["PollinationsSpeechTool", "PollinationsTranscriptionTool", "VoiceTool"]


class VoiceTool(GatewayTool):
    """What the voice tools share: the folder of sounds."""

    save_dir: str | Path | None = None
    """The folder of sounds; without one a temporary one is made."""

    _sounds: SoundFolder = PrivateAttr(default_factory=SoundFolder)

    def _describe(self) -> None:
        check_kind(self.catalog, "audio", getattr(self, "model", None), param="model")
        super()._describe()

    def _join(self, shared: SharedByToolkit) -> GatewayTool:
        self._sounds = shared.sounds
        return super()._join(shared)


class PollinationsSpeechTool(VoiceTool):
    """Speaks a text into a file of the operator's folder.

    The model reads the file's path; the artifact is a :class:`~pollinations_client.MediaResult`.

    Examples:
        >>> from pollinations_client.emulator import Emulator
        >>> with Emulator() as gateway:
        ...     tool = PollinationsSpeechTool(base_url=gateway.url)
        ...     tool.invoke({"text": "Bees dance."})[:19]
        'Spoke 11 characters'
    """

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    name: str = "speak"
    description: str = SPEAK
    args_schema: Any = NoArguments
    model: str = DEFAULT_SPEECH_MODEL
    """The model that speaks; see ``PollinationsClient().audio_models()``."""

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, model: str | None = None, **options: Unpack[VoiceToolOptions]) -> None:
            """Take options; open nothing."""

    def _describe(self) -> None:
        if not self._has_own_schema:
            self.args_schema = speak_arguments(self.catalog, self.model)
        super()._describe()

    def _run(
        self, text: str, run_manager: CallbackManagerForToolRun | None = None, **arguments: Any
    ) -> Any:
        with tool_errors():
            target = self._sounds.target(self.save_dir)
            path = self._client.speech(text, **arguments, model=self.model, path=target)
            answer = spoken_answer(path, {"text": text, **arguments}, self.model)
        return self._output(answer.text, answer.result)

    async def _arun(
        self, text: str, run_manager: AsyncCallbackManagerForToolRun | None = None, **arguments: Any
    ) -> Any:
        with tool_errors():
            target = self._sounds.target(self.save_dir)
            path = await self._async_client.speech(text, **arguments, model=self.model, path=target)
            answer = spoken_answer(path, {"text": text, **arguments}, self.model)
        return self._output(answer.text, answer.result)


class PollinationsTranscriptionTool(VoiceTool):
    """Writes down what is said in a sound file of the operator's folder, and of no other."""

    name: str = "transcribe"
    description: str = TRANSCRIBE
    args_schema: Any = TranscribeArguments
    model: str = DEFAULT_TRANSCRIPTION_MODEL
    """The model that listens."""

    if TYPE_CHECKING:  # what editors complete; GatewayTool takes it

        def __init__(self, model: str | None = None, **options: Unpack[VoiceToolOptions]) -> None:
            """Take options; open nothing."""

    def _run(
        self,
        path: str,
        language: str | None = None,
        run_manager: CallbackManagerForToolRun | None = None,
    ) -> str:
        with tool_errors():
            file = self._sounds.file(self.save_dir, path)
            text = self._client.transcribe(file, language, model=self.model)
            return transcript_answer(text)

    async def _arun(
        self,
        path: str,
        language: str | None = None,
        run_manager: AsyncCallbackManagerForToolRun | None = None,
    ) -> str:
        with tool_errors():
            file = self._sounds.file(self.save_dir, path)
            text = await self._async_client.transcribe(file, language, model=self.model)
            return transcript_answer(text)
