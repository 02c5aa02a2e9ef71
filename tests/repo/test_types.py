"""What type checkers say of our code, and of a program that uses it."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

from langchain_pollinations import (
    ChatPollinations,
    PollinationsBalanceTool,
    PollinationsEmbeddings,
    PollinationsImageTool,
    PollinationsModelsTool,
    PollinationsSearchTool,
    PollinationsSpeechTool,
    PollinationsToolkit,
    PollinationsTranscriptionTool,
    PollinationsVideoTool,
)
from langchain_pollinations._option_types import (
    EmbeddingsOptions,
    MakingToolOptions,
    ModelsToolOptions,
    SearchToolOptions,
    ToolkitOptions,
    ToolOptions,
    VoiceToolOptions,
)
from llamaindex_pollinations import (
    Pollinations,
    PollinationsEmbedding,
    PollinationsOCRReader,
    PollinationsToolSpec,
)
from llamaindex_pollinations._option_types import (
    EmbeddingModelOptions,
    LLMOptions,
    OCRReaderOptions,
    ToolSpecOptions,
)
from llamaindex_pollinations._options import ALIASES
from llamaindex_pollinations.tools.base import SpecOptions
from pollinations_client import ChatOptions, ImageOptions, ModelOptions, TextOptions
from pollinations_client.connection_options import CALL_SETTINGS
from pollinations_client.request.audio_options import SpeechOptions, TranscriptionOptions
from pollinations_client.request.option_types import (
    ChatCallDict,
    ImageCallDict,
    ModelOptionsDict,
    SpeechCallDict,
    TextCallDict,
    TranscriptionCallDict,
    VideoCallDict,
)

ROOT = Path(__file__).parents[2]


def options_of(kind: Any) -> set[str]:
    """What a LangChain class takes by name; ``model`` may come first and stands in no type."""
    return {*kind.model_fields, *kind.aliases} - {"model"}


SPEC_ARGUMENTS = inspect.signature(PollinationsToolSpec).parameters.keys()
SPEC_OPTIONS = {*SpecOptions.model_fields, "base_url", "http_async_client"}
SPEC_OPTIONS -= {*SPEC_ARGUMENTS, "callback_manager"}

# A program with `assert_type` on what editors show, and with mistakes that must be found.
PROGRAM = "tests/repo/typed_usage.py"


def run(*command: str) -> None:
    """Run a checker of this environment; its findings are the failure's message."""
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout


def test_mypy_strict_agrees_with_a_users_program() -> None:
    """It finds the mistakes in it, and no others."""
    run("mypy", "--strict", PROGRAM)


@pytest.mark.parametrize(
    ("described", "options"),
    [
        (ChatCallDict, {*ChatOptions.model_fields, *CALL_SETTINGS, "n"}),
        (TextCallDict, {*TextOptions.model_fields, *CALL_SETTINGS, "json"} - {"json_"}),
        (ImageCallDict, {*ImageOptions.model_fields, *CALL_SETTINGS}),
        (VideoCallDict, {*ImageOptions.model_fields, *CALL_SETTINGS} - {"model"}),
        (
            SpeechCallDict,
            {*SpeechOptions.model_fields, *CALL_SETTINGS} - {"model", "voice", "format", "speed"},
        ),
        (
            TranscriptionCallDict,
            {*TranscriptionOptions.model_fields, *CALL_SETTINGS} - {"model", "language"},
        ),
        (EmbeddingsOptions, options_of(PollinationsEmbeddings)),
        (MakingToolOptions, options_of(PollinationsImageTool)),
        (MakingToolOptions, options_of(PollinationsVideoTool)),
        (ToolOptions, options_of(PollinationsBalanceTool)),
        (ModelsToolOptions, options_of(PollinationsModelsTool)),
        (SearchToolOptions, options_of(PollinationsSearchTool)),
        (ToolSpecOptions, SPEC_OPTIONS),
        (VoiceToolOptions, options_of(PollinationsSpeechTool)),
        (VoiceToolOptions, options_of(PollinationsTranscriptionTool)),
        (ToolkitOptions, options_of(PollinationsToolkit)),
        (LLMOptions, {*Pollinations.model_fields, *ALIASES}),
        (
            OCRReaderOptions,
            {*PollinationsOCRReader.model_fields, "base_url", "http_async_client"},
        ),
        (
            EmbeddingModelOptions,
            {*PollinationsEmbedding.model_fields, "base_url", "http_async_client"},
        ),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_editors_complete_is_what_there_is(described: Any, options: set[str]) -> None:
    """A new option stands in both, or this says which is missing."""
    assert described.__optional_keys__ == options


@pytest.mark.parametrize(
    ("described", "model"),
    [
        (ModelOptionsDict, ModelOptions),
        (ChatCallDict, ChatOptions),
        (TextCallDict, TextOptions),
        (ImageCallDict, ImageOptions),
        (SpeechCallDict, SpeechOptions),
        (TranscriptionCallDict, TranscriptionOptions),
    ],
)
def test_what_editors_accept_is_accepted(described: Any, model: type[BaseModel]) -> None:
    """The type of each option, without its bounds, is the one that is checked."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for name, hint in get_type_hints(described).items():
        if name in fields:
            assert plain(hint) == plain(fields[name].annotation), name


def plain(hint: Any) -> set[str]:
    """The members of a type, without bounds, and a Mapping as the dictionary it is taken for."""
    if get_origin(hint) is Annotated:
        return plain(get_args(hint)[0])
    if get_origin(hint) in {Union, UnionType}:
        return set().union(*(plain(member) for member in get_args(hint)))
    return {str(hint).replace("collections.abc.Mapping", "dict")}


def test_help_shows_no_addresses_of_functions() -> None:
    """Bounds are told as bounds."""
    for thing in (ChatPollinations, Pollinations, ChatOptions, ImageOptions):
        assert " at 0x" not in pydoc.render_doc(thing)
