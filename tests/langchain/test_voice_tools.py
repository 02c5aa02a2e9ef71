"""``speak`` and ``transcribe``: from text to sound to text, inside the operator's folder."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from langchain_pollinations import ChatPollinations, PollinationsSpeechTool, PollinationsToolkit
from pollinations_client import InvalidRequestError, MediaResult
from pollinations_client.emulator import Answer, Emulator, Fault
from pollinations_client.emulator.media.wav import samples, wav
from support.langchain import answer_of

WORDS = "Bees dance, 庭 and 🌼."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The operator's folder; its name looks like a file's."""
    return tmp_path / "sounds.v2"


@pytest.fixture
def tools(gateway: Emulator, folder: Path) -> dict[str, BaseTool]:
    """The toolkit's tools by name."""
    kit = PollinationsToolkit(base_url=gateway.url, voice=True, save_dir=folder, max_retries=0)
    return {tool.name: tool for tool in kit.get_tools()}


def test_a_model_is_told_of_sounds_that_it_may_name_only(
    tools: dict[str, BaseTool], folder: Path, tmp_path: Path
) -> None:
    """A link out of the folder is not among them, and a refusal names the tool's argument."""
    answer_of(tools["speak"], text=WORDS)
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    (folder / "text.wav").write_bytes(b"no sound")
    refused = answer_of(tools["transcribe"], path="link.wav").text
    assert "bees-dance" in refused.lower()
    assert "link.wav" not in refused
    assert answer_of(tools["transcribe"], path="text.wav").text.startswith("path: ")


def test_voice_is_off_by_default(gateway: Emulator) -> None:
    """A toolkit offers it where the operator asks for it."""
    names = [tool.name for tool in PollinationsToolkit(base_url=gateway.url).get_tools()]
    assert not {"speak", "transcribe"} & set(names)


@pytest.mark.parametrize("sync", [True, False])
def test_text_becomes_sound_and_text_again(
    tools: dict[str, BaseTool], folder: Path, sync: bool
) -> None:
    """The model reads a path and no bytes; the sound is a real one."""
    message = answer_of(tools["speak"], sync, text=WORDS, voice="rachel")
    result = message.artifact
    assert isinstance(result, MediaResult)
    assert (result.mime_type, result.data, result.prompt) == ("audio/wav", None, WORDS)
    assert str(result.path) in message.text
    assert len(message.text) < 300
    with wave.open(io.BytesIO(Path(str(result.path)).read_bytes())) as sound:
        assert 0.5 < sound.getnframes() / sound.getframerate() < 5
    for name in (str(result.path), Path(str(result.path)).name):
        assert answer_of(tools["transcribe"], sync, path=name).text == WORDS


def test_without_a_folder_sounds_are_in_a_temporary_one(gateway: Emulator) -> None:
    """Both tools share it, and nothing else is in it."""
    kit = PollinationsToolkit(base_url=gateway.url, voice=True)
    tools = {tool.name: tool for tool in kit.get_tools()}
    result = answer_of(tools["speak"], text="hello").artifact
    assert answer_of(tools["transcribe"], path=result.path).text == "hello"
    assert [file.name for file in Path(result.path).parent.iterdir()] == ["hello.wav"]


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        "../secret.wav",
        "sub/../../secret.wav",
        "{outside}",
        "link.wav",
        "linked/secret.wav",
        "circle.wav",
        ".",
        "missing.wav",
        "~/secret.wav",
        "file:///etc/passwd",
        "https://a.example/a.wav",
        "nul\0l",
        "a" * 5000,
    ],
)
def test_a_model_names_sounds_inside_the_folder_only(
    tools: dict[str, BaseTool], gateway: Emulator, folder: Path, name: str, sync: bool
) -> None:
    """No path, no dots and no link leads out; what lies outside is not told."""
    outside = folder.parent / "secret.wav"
    outside.write_bytes(wav(samples("secret")))
    (folder / "sub").mkdir(parents=True)
    (folder / "inside.wav").write_bytes(wav(samples("inside")))
    (folder / "link.wav").symlink_to(outside)
    (folder / "linked").symlink_to(folder.parent)
    (folder / "circle.wav").symlink_to(folder / "circle.wav")
    message = answer_of(tools["transcribe"], sync, path=name.format(outside=outside))
    assert message.status == "error"
    assert "no sound of that name is in the sounds folder" in message.text
    assert "inside.wav" in message.text
    assert gateway.requests == []


def test_a_file_that_is_no_sound_does_not_leave(
    tools: dict[str, BaseTool], gateway: Emulator, folder: Path
) -> None:
    """Whatever its name."""
    folder.mkdir()
    (folder / "keys.wav").write_text("sk_not_a_sound")
    message = answer_of(tools["transcribe"], path="keys.wav")
    assert message.status == "error"
    assert "is no sound by its content" in message.text
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"text": ""}, "text"),
        ({"text": "a" * 10_001}, "10000"),
        ({"text": "a", "voice": "nobody"}, "voice"),
        ({"text": "a", "speed": 9}, "speed"),
        ({"text": "a", "path": "/etc/x.wav"}, "The arguments are: text, voice, speed"),
    ],
)
def test_arguments_that_cannot_be_are_the_models_to_correct(
    tools: dict[str, BaseTool], gateway: Emulator, arguments: dict[str, Any], words: str
) -> None:
    """A path for what is spoken is not among them."""
    message = answer_of(tools["speak"], **arguments)
    assert message.status == "error"
    assert words in message.text
    assert gateway.requests == []


def test_a_failure_is_the_tools_answer_and_leaves_no_file(
    tools: dict[str, BaseTool], gateway: Emulator, folder: Path
) -> None:
    """The agent goes on."""
    gateway.script(Fault("status", status=402))
    message = answer_of(tools["speak"], text="hello")
    assert "Do not call this tool again" in message.text
    assert list(folder.iterdir()) == []


def test_models_that_make_no_sound_are_refused_at_construction(gateway: Emulator) -> None:
    """By the option's name."""
    with pytest.raises(InvalidRequestError, match="'flux' makes pictures"):
        PollinationsSpeechTool(model="flux", base_url=gateway.url)
    with pytest.raises(InvalidRequestError, match="'veo' makes videos"):
        PollinationsToolkit(voice=True, speech_model="veo", base_url=gateway.url)


def test_an_agent_speaks_and_listens(
    tools: dict[str, BaseTool], gateway: Emulator, folder: Path
) -> None:
    """The path goes through the conversation; the words come back."""
    agent = create_agent(
        ChatPollinations("openai", base_url=gateway.url),
        tools=[tools["speak"], tools["transcribe"]],
    )
    path = answer_of(tools["speak"], text=WORDS).artifact.path
    gateway.script(
        Answer(tool_calls=[("transcribe", {"path": Path(path).name})]),
    )
    messages = agent.invoke({"messages": [("user", "What is said there?")]})["messages"]
    assert [m.text for m in messages if isinstance(m, ToolMessage)] == [WORDS]
