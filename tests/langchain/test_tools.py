"""The tools: what the model reads, what the program gets, and what an agent is told when something
fails.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from langchain_core.exceptions import (
    ModelError,
    ModelInvalidRequestError,
)
from langchain_core.messages import (
    ToolMessage,
)
from langchain_core.tools import ToolException

from langchain_pollinations import (
    PollinationsImageTool,
    PollinationsToolkit,
    PollinationsVideoTool,
)
from pollinations_client import (
    PaymentRequiredError,
    PollinationsError,
    ServerError,
)
from pollinations_client.emulator import Body, Emulator, Fault

KEY = "sk_demo_0123456789abcdef"


def call(**arguments: Any) -> dict[str, Any]:
    """A tool call as an agent makes it."""
    return {"type": "tool_call", "name": "generate_image", "id": "call_1", "args": arguments}


@pytest.fixture
def tool(gateway: Emulator) -> PollinationsImageTool:
    """A small picture tool."""
    return PollinationsImageTool(
        api_key=KEY, base_url=gateway.url, width=64, height=64, max_retries=0
    )


def answer_of(tool: Any, sync: bool, **arguments: Any) -> ToolMessage:
    """The tool's answer to a call, either way."""
    message = (
        tool.invoke(call(**arguments)) if sync else asyncio.run(tool.ainvoke(call(**arguments)))
    )
    assert isinstance(message, ToolMessage)
    return message


@pytest.mark.parametrize("sync", [True, False])
def test_the_model_reads_one_line_and_the_program_gets_the_bytes(
    tool: PollinationsImageTool, sync: bool
) -> None:
    """What, model, seed, size and place in the text; everything in the artifact."""
    message = answer_of(tool, sync, prompt="a red fox / 100%?", seed=7)
    text = message.content
    assert isinstance(text, str)
    assert "\n" not in text
    assert all(
        part in text
        for part in ("a red fox / 100%?", "seed 7", "64x64 px", "flux", "kept with this result")
    )
    artifact = message.artifact
    assert artifact["data"][:2] == b"\xff\xd8"
    assert (artifact["mime_type"], artifact["seed"], artifact["width"]) == ("image/jpeg", 7, 64)
    assert artifact["cost"] == pytest.approx(0.002)
    assert KEY not in repr(message)


def test_arguments_of_the_call_come_before_the_operators(gateway: Emulator) -> None:
    """Fields are defaults; what a model may not decide it cannot override."""
    tool = PollinationsImageTool(
        base_url=gateway.url,
        width=64,
        height=64,
        safe=True,
        negative_prompt="rain",
        extra_query={"private": True},
    )
    tool.invoke({"prompt": "a bee", "width": 96})
    query = gateway.requests[-1].query
    assert (query["width"], query["height"], query["safe"]) == ("96", "64", "true")
    assert (query["negative_prompt"], query["private"], query["model"]) == ("rain", "true", "flux")
    assert set(tool.args) == {"prompt", "width", "height", "seed", "image"}


def test_a_saved_picture_tells_its_path(gateway: Emulator, tmp_path: Path) -> None:
    """The path stands in the text, for the user, and in the artifact."""
    tool = PollinationsImageTool(
        base_url=gateway.url,
        width=64,
        height=64,
        save_dir=str(tmp_path / "pictures"),
        artifact_data="none",
    )
    message = answer_of(tool, True, prompt="a bee")
    path = Path(message.artifact["path"])
    assert path.is_file()
    assert str(path) in str(message.content)
    assert message.artifact["data"] is None


def test_a_picture_that_cannot_be_saved_is_not_lost(gateway: Emulator, tmp_path: Path) -> None:
    """It was paid for: the bytes are still in the artifact, and the text says what happened."""
    taken = tmp_path / "taken"
    taken.write_text("a file")
    tool = PollinationsImageTool(
        base_url=gateway.url, width=64, height=64, save_dir=str(taken / "folder")
    )
    message = answer_of(tool, True, prompt="a bee")
    assert "not saved" in str(message.content)
    assert message.artifact["data"]


def test_a_picture_can_be_shown_to_the_model(gateway: Emulator) -> None:
    """``return_image`` adds an image block; without it no base64 enters the conversation."""
    tool = PollinationsImageTool(base_url=gateway.url, width=64, height=64, return_image=True)
    text, picture = answer_of(tool, True, prompt="a bee").content
    assert text["type"] == "text"
    assert picture["type"] == "image"
    assert base64.b64decode(picture["base64"])[:2] == b"\xff\xd8"


def test_an_artifact_can_be_stored_as_json(gateway: Emulator) -> None:
    """Some checkpoint savers write JSON and nothing else."""
    tool = PollinationsImageTool(base_url=gateway.url, width=64, height=64, artifact_data="base64")
    artifact = answer_of(tool, True, prompt="a bee").artifact
    assert base64.b64decode(json.loads(json.dumps(artifact))["data"])[:2] == b"\xff\xd8"


REFUSALS = [
    (402, "INSUFFICIENT_BALANCE", "tell the user that the balance is spent", PaymentRequiredError),
    (400, "BAD_REQUEST", "Change the request", PollinationsError),
    (503, "SERVICE_UNAVAILABLE", "call again once", ServerError),
]


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize(("status", "code", "advice", "kind"), REFUSALS)
def test_failures_tell_the_agent_what_to_do(
    gateway: Emulator,
    tool: PollinationsImageTool,
    sync: bool,
    status: int,
    code: str,
    advice: str,
    kind: Any,
) -> None:
    """By default a failure is the tool's answer, and the agent goes on."""
    body = {"status": status, "success": False, "error": {"code": code, "message": "No."}}
    gateway.script(Body(body, status=status))
    message = answer_of(tool, sync, prompt="a bee")
    assert message.status == "error"
    assert advice in str(message.content)


@pytest.mark.parametrize(("status", "code", "advice", "kind"), REFUSALS)
def test_failures_can_be_raised_for_middleware(
    gateway: Emulator, tool: PollinationsImageTool, status: int, code: str, advice: str, kind: Any
) -> None:
    """They are a ToolException, LangChain's ModelError and the client's own error at once, and
    survive a pickle.
    """
    tool.handle_tool_error = False
    gateway.script(Body({"error": {"code": code, "message": "No."}}, status=status))
    with pytest.raises(ToolException) as caught:
        tool.invoke({"prompt": "a bee"})
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert isinstance(error, kind)
        assert isinstance(error, ModelError)
        assert error.is_retryable is (status == 503)
        assert error.status_code == status


def test_bad_arguments_name_themselves(gateway: Emulator, tool: PollinationsImageTool) -> None:
    """A model that asks for the impossible is told the bounds, and nothing is sent."""
    message = answer_of(tool, True, prompt="a bee", width=99999)
    assert message.status == "error"
    assert "width" in str(message.content)
    assert "2048" in str(message.content)
    assert gateway.requests == []


def test_an_empty_prompt_is_refused_before_sending(
    gateway: Emulator, tool: PollinationsImageTool
) -> None:
    """The client's own sentence reaches the agent."""
    message = answer_of(tool, True, prompt="  ")
    assert message.status == "error"
    assert "prompt" in str(message.content)
    assert gateway.requests == []


def test_unknown_fields_are_refused_with_the_nearest_name(gateway: Emulator) -> None:
    """A typo of the operator is an error at construction."""
    with pytest.raises(ModelInvalidRequestError, match="'save_dir'"):
        PollinationsImageTool(base_url=gateway.url, savedir="x")


def test_no_key_is_said_at_construction() -> None:
    """Not in the middle of an agent's run."""
    with pytest.raises(PollinationsError, match="POLLINATIONS_API_KEY"):
        PollinationsImageTool()


@pytest.mark.parametrize("sync", [True, False])
def test_a_video_is_a_file_and_never_a_block(gateway: Emulator, tmp_path: Path, sync: bool) -> None:
    """LangChain would write a video block into the prompt as text, base64 and all."""
    tool = PollinationsVideoTool(base_url=gateway.url, save_dir=str(tmp_path), return_image=True)
    message = answer_of(tool, sync, prompt="waves", duration=4, aspect_ratio="16:9")
    assert isinstance(message.content, str)
    assert message.artifact["mime_type"] == "video/mp4"
    assert Path(message.artifact["path"]).suffix == ".mp4"
    assert gateway.requests[-1].query["aspectRatio"] == "16:9"


def test_tools_copy_and_pickle_without_the_key(gateway: Emulator) -> None:
    """A copy works; a pickle reads the key from the environment again."""
    tool = PollinationsImageTool(api_key=KEY, base_url=gateway.url, width=64, height=64)
    tool.invoke({"prompt": "a bee"})
    assert copy.deepcopy(tool).invoke({"prompt": "a bee"})
    stored = pickle.dumps(tool)
    assert KEY.encode() not in stored
    assert pickle.loads(stored).invoke({"prompt": "a bee"})
    assert KEY not in repr(tool)


@pytest.mark.parametrize("sync", [True, False])
def test_the_toolkit_shares_key_and_folder(gateway: Emulator, tmp_path: Path, sync: bool) -> None:
    """Pictures, models and balance, and video where a model for it is named."""
    kit = PollinationsToolkit(
        api_key=KEY, base_url=gateway.url, save_dir=str(tmp_path), video_model="veo"
    )
    tools = {tool.name: tool for tool in kit.get_tools()}
    assert list(tools) == ["generate_image", "generate_video", "list_models", "pollen_balance"]
    assert KEY not in repr(kit)

    def told(name: str, **arguments: Any) -> str:
        tool = tools[name]
        return str(tool.invoke(arguments) if sync else asyncio.run(tool.ainvoke(arguments)))

    assert "flux" in told("list_models", kind="image").lower()
    assert "pollen are left" in told("pollen_balance")
    assert str(tmp_path) in told("generate_image", prompt="a bee", width=64, height=64)
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in gateway.requests)


def test_a_failing_lookup_is_an_answer_too(gateway: Emulator) -> None:
    """The balance needs a permission that many keys lack."""
    gateway.script(Fault("status", status=403))
    tool = PollinationsToolkit(base_url=gateway.url).get_tools()[-1]
    message = tool.invoke({"type": "tool_call", "name": tool.name, "id": "c", "args": {}})
    assert message.status == "error"
    assert "Do not make the same call again" in message.content


def test_a_folder_may_be_a_path(gateway: Emulator, tmp_path: Path) -> None:
    """As everywhere in Python."""
    tool = PollinationsImageTool(
        width=64, height=64, save_dir=tmp_path, api_key=KEY, base_url=gateway.url
    )
    assert str(tmp_path) in tool.invoke({"prompt": "a fox"})
    assert len(list(tmp_path.iterdir())) == 1


def test_one_picture_to_start_from_is_a_list_of_one(gateway: Emulator) -> None:
    """Models give the address alone."""
    tool = PollinationsImageTool(model="kontext", api_key=KEY, base_url=gateway.url)
    tool.invoke({"prompt": "a fox", "image": "https://x.example/a.png"})
    assert gateway.requests[-1].query["image"] == "https://x.example/a.png"


def test_the_toolkit_hands_its_connection_on(gateway: Emulator) -> None:
    """Every option of a connection; a typo is an error."""
    with PollinationsToolkit(
        api_key=KEY, base_url=gateway.url, timeout=7, max_retries=0
    ) as toolkit:
        tools = toolkit.get_tools()
    assert {(tool.timeout, tool.max_retries, tool.base_url) for tool in tools} == {
        (7, 0, gateway.url)
    }  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="image_model"):
        PollinationsToolkit(api_key=KEY, base_url=gateway.url, image_modle="flux")


def test_tools_are_shipped_as_a_toolkit(gateway: Emulator) -> None:
    """Pictures, models, balance; video only where it is asked for."""
    from langchain_pollinations import PollinationsToolkit

    names = {tool.name for tool in PollinationsToolkit(base_url=gateway.url).get_tools()}
    more = {
        tool.name
        for tool in PollinationsToolkit(base_url=gateway.url, video_model="veo").get_tools()
    }
    assert "generate_image" in names
    assert more - names == {"generate_video"}


def test_a_folder_that_looks_like_a_file_name_is_a_folder(
    gateway: Emulator, tmp_path: Path
) -> None:
    """Every picture goes into it."""
    folder = tmp_path / "runs.2026"
    tool = PollinationsImageTool(
        width=64, height=64, save_dir=str(folder), api_key=KEY, base_url=gateway.url
    )
    for _ in range(2):
        tool.invoke({"prompt": "bees"})
    assert len(list(folder.iterdir())) == 2
