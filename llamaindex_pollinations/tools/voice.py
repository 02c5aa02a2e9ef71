"""The voice tools: a text spoken into a file, and a sound file transcribed."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel

from pollinations_client._adapter_support import (
    SPEAK,
    TRANSCRIBE,
    SoundFolder,
    TranscribeArguments,
    speak_arguments,
    spoken_answer,
    transcript_answer,
)

from .base import Arguments, SpecOptions, ToolGroup

__all__ = ["VoiceTools"]


class VoiceTools(ToolGroup):
    """``speak`` and ``transcribe``, with one folder of sounds."""

    names: ClassVar[tuple[str, ...]] = ("speak", "transcribe")

    def __init__(self, options: SpecOptions) -> None:
        super().__init__(options)
        self._sounds = SoundFolder()

    def schema(self, name: str) -> tuple[str, type[BaseModel]]:
        """The description and arguments, with the voices that the model's card lists."""
        if name == "transcribe":
            return TRANSCRIBE, TranscribeArguments
        return SPEAK, speak_arguments(self._options.catalog, self._options.speech_model)

    def answer(self, name: str, arguments: Arguments) -> Any:
        """Speak or transcribe."""
        client = self._options._client
        if name == "transcribe":
            return transcript_answer(client.transcribe(**self._transcription(arguments)))
        path = client.speech(**self._speech(arguments))
        return spoken_answer(path, arguments, self._options.speech_model)

    async def aanswer(self, name: str, arguments: Arguments) -> Any:
        """:meth:`answer`, awaited."""
        client = self._options._async_client
        if name == "transcribe":
            return transcript_answer(await client.transcribe(**self._transcription(arguments)))
        path = await client.speech(**self._speech(arguments))
        return spoken_answer(path, arguments, self._options.speech_model)

    def _speech(self, arguments: Arguments) -> dict[str, Any]:
        options = self._options
        target = self._sounds.target(options.save_dir)
        return {**arguments, "model": options.speech_model, "path": target}

    def _transcription(self, arguments: Arguments) -> dict[str, Any]:
        options = self._options
        return {
            # Only a file inside the folder: a path of the model's choosing would be a way to carry
            # any file out.
            "path_or_bytes": self._sounds.file(options.save_dir, arguments["path"]),
            "language": arguments.get("language"),
            "model": options.transcription_model,
        }
