"""``speak`` and ``transcribe`` of the tool spec: the same tools as LangChain's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.tools import FunctionTool, ToolOutput

from llamaindex_pollinations import Pollinations, PollinationsToolSpec
from pollinations_client import InvalidRequestError, PollinationsError
from pollinations_client.emulator import Answer, Emulator, Fault
from pollinations_client.emulator.media.wav import samples, wav

WORDS = "Bees dance, 庭 and 🌼."
NO_SUCH_SOUND = "no sound of that name is in the sounds folder"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The operator's folder."""
    return tmp_path / "sounds"


@pytest.fixture
def spec(gateway: Emulator, folder: Path) -> PollinationsToolSpec:
    """A spec with voice."""
    return PollinationsToolSpec(voice=True, save_dir=folder, api_base=gateway.url, max_retries=0)


def tool_of(spec: PollinationsToolSpec, name: str) -> FunctionTool:
    """The tool of that name."""
    return next(tool for tool in spec.to_tool_list() if tool.metadata.name == name)


async def called(tool: FunctionTool, sync: bool, **arguments: Any) -> ToolOutput:
    """Its output, either way."""
    return tool.call(**arguments) if sync else await tool.acall(**arguments)


def test_voice_is_off_by_default(gateway: Emulator) -> None:
    """A spec offers it where the operator asks for it, also to a program."""
    spec = PollinationsToolSpec(api_base=gateway.url)
    names = {tool.metadata.name for tool in spec.to_tool_list()}
    assert not {"speak", "transcribe"} & names
    with pytest.raises(InvalidRequestError, match="voice=True offers it"):
        spec.speak("hello")


@pytest.mark.parametrize("sync", [True, False])
async def test_text_becomes_sound_and_text_again(spec: PollinationsToolSpec, sync: bool) -> None:
    """The model reads a path and no bytes."""
    output = await called(tool_of(spec, "speak"), sync, text=WORDS, voice="rachel", speed=2)
    result = output.raw_output
    assert (result.mime_type, result.data, result.prompt) == ("audio/wav", None, WORDS)
    assert result.path in output.content
    assert [block.block_type for block in output.blocks] == ["text"]
    for name in (result.path, Path(result.path).name):
        heard = await called(tool_of(spec, "transcribe"), sync, path=name)
        assert heard.content == WORDS


async def test_a_program_calls_the_spec_itself(spec: PollinationsToolSpec, folder: Path) -> None:
    """Blocking and awaited."""
    assert str(folder / "hello.wav") in spec.speak("hello")
    assert spec.transcribe("hello.wav", "en") == "hello"
    assert await spec.aspeak("hello", "rachel")
    assert await spec.atranscribe("hello-2.wav") == "hello"


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("name", ["../secret.wav", "link.wav", "{outside}", "missing.wav", "."])
async def test_a_model_names_sounds_inside_the_folder_only(
    spec: PollinationsToolSpec, gateway: Emulator, folder: Path, name: str, sync: bool
) -> None:
    """No path, no dots and no link leads out."""
    folder.mkdir()
    outside = folder.parent / "secret.wav"
    outside.write_bytes(wav(samples("secret")))
    (folder / "link.wav").symlink_to(outside)
    with pytest.raises(PollinationsError, match=NO_SUCH_SOUND):
        await called(tool_of(spec, "transcribe"), sync, path=name.format(outside=outside))
    assert gateway.requests == []


def test_a_file_that_is_no_sound_does_not_leave(
    spec: PollinationsToolSpec, gateway: Emulator, folder: Path
) -> None:
    """Whatever its name."""
    folder.mkdir()
    (folder / "keys.wav").write_text("sk_not_a_sound")
    with pytest.raises(InvalidRequestError, match="is no sound by its content"):
        spec.transcribe("keys.wav")
    assert gateway.requests == []


def test_a_failure_leaves_no_file(
    spec: PollinationsToolSpec, gateway: Emulator, folder: Path
) -> None:
    """And says what the model can do."""
    gateway.script(Fault("status", status=402))
    with pytest.raises(PollinationsError, match="Do not call this tool again"):
        tool_of(spec, "speak").call(text="hello")
    assert list(folder.iterdir()) == []


def test_models_that_make_no_sound_are_refused_at_construction(gateway: Emulator) -> None:
    """By the option's name."""
    with pytest.raises(InvalidRequestError, match="speech_model: 'veo' makes videos"):
        PollinationsToolSpec(voice=True, speech_model="veo", api_base=gateway.url)


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
async def test_an_agent_speaks_and_listens(spec: PollinationsToolSpec, gateway: Emulator) -> None:
    """The words come back through the sound."""
    llm = Pollinations("openai", api_base=gateway.url)
    tools: Any = [tool_of(spec, name) for name in ("speak", "transcribe")]
    spec.speak(WORDS)
    (file,) = spec.save_dir.iterdir()
    gateway.script(Answer(tool_calls=[("transcribe", {"path": file.name})]))
    handler = FunctionAgent(llm=llm, tools=tools).run("What is said there?")
    outputs = [
        event.tool_output.content
        async for event in handler.stream_events()
        if isinstance(event, ToolCallResult)
    ]
    await handler
    assert outputs == [WORDS]
