"""The tools: what the model reads, what the program gets, and what an agent is told when something
fails.
"""

from __future__ import annotations

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
from langchain_core.messages import messages_to_dict
from langchain_core.tools import ToolException

from langchain_pollinations import (
    PollinationsImageTool,
    PollinationsSearchTool,
    PollinationsSpeechTool,
    PollinationsToolkit,
    PollinationsVideoTool,
)
from pollinations_client import (
    InvalidRequestError,
    MediaResult,
    PaymentRequiredError,
    PollinationsClient,
    PollinationsError,
    ServerError,
)
from pollinations_client.emulator import Body, Emulator
from pollinations_client.emulator.media.pictures import PictureSpec, picture
from support.edits import pictures_in
from support.langchain import agent_call, answer_of

KEY = "sk_demo_0123456789abcdef"


@pytest.fixture
def tool(gateway: Emulator) -> PollinationsImageTool:
    """A small picture tool."""
    return PollinationsImageTool(
        api_key=KEY, base_url=gateway.url, width=64, height=64, max_retries=0
    )


REFUSALS = [
    (402, "INSUFFICIENT_BALANCE", "tell the user that the balance is spent", PaymentRequiredError),
    (400, "BAD_REQUEST", "Change the request", PollinationsError),
    (503, "SERVICE_UNAVAILABLE", "call again once", ServerError),
]


def jpeg() -> bytes:
    """A small picture."""
    return picture(PictureSpec("a bee", "flux", 1, 64, 64))


def loopback_video(gateway: Emulator) -> bytes:
    """A short video."""
    with PollinationsClient(KEY, base_url=gateway.url) as client:
        return client.video("waves", duration=4).data


EDITOR = {"model": "kontext", "width": 96, "height": 64}


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
        part in text for part in ("a red fox / 100%?", "seed 7", "64x64 px", "flux", "picture-1")
    )
    assert "user" not in text  # no chat shows an artifact by itself
    artifact = message.artifact
    assert artifact["data"][:2] == b"\xff\xd8"
    assert (artifact["mime_type"], artifact["seed"], artifact["width"]) == ("image/jpeg", 7, 64)
    assert artifact["cost"] == pytest.approx(0.002)
    assert KEY not in repr(message)


def test_what_came_from_the_cache_costs_that_at_most(gateway: Emulator) -> None:
    """It bills nothing; and no address is told that needs a key."""
    tool = PollinationsImageTool(base_url=gateway.url, width=64, height=64)
    first, again = (answer_of(tool, True, prompt="a bee", seed=7).artifact for _ in range(2))
    assert (first.cost, first.cost_is_upper_bound) == (0.002, False)
    assert (again.cost, again.cost_is_upper_bound) == (0.002, True)
    assert (first.url, again.url) == (None, None)


def test_a_long_prompt_is_not_told_back_whole(gateway: Emulator) -> None:
    """The model wrote it, and would pay for it again on every turn."""
    tool = PollinationsImageTool(base_url=gateway.url, width=64, height=64)
    message = answer_of(tool, True, prompt="bees over lavender " * 600)
    assert gateway.requests[0].path == "/v1/images/generations"
    assert len(str(message.content)) < 600
    assert message.artifact.prompt == "bees over lavender " * 600


def test_a_long_prompt_without_spaces_is_told_by_its_beginning(gateway: Emulator) -> None:
    """Chinese has no spaces to cut at."""
    tool = PollinationsImageTool(base_url=gateway.url, width=64, height=64)
    text = str(answer_of(tool, True, prompt="\u8702" * 700).content)
    assert f"'{chr(0x8702) * 300} ...'" in text


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
    assert set(tool.args) == {"prompt", "aspect_ratio", "width", "height", "seed"}


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
    file = tmp_path / "taken"
    file.write_text("a file")
    tool = PollinationsImageTool(
        base_url=gateway.url, width=64, height=64, save_dir=str(file / "folder")
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


def test_a_message_with_an_artifact_is_json(gateway: Emulator, tmp_path: Path) -> None:
    """Servers stream messages as JSON, and some savers write nothing else."""
    tool = PollinationsImageTool(base_url=gateway.url, width=64, height=64)
    message = answer_of(tool, True, prompt="a bee")
    artifact = json.loads(message.model_dump_json())["artifact"]
    assert base64.b64decode(artifact["data"], validate=True) == message.artifact.data
    assert len(repr(message)) < 600
    assert MediaResult.model_validate(artifact) == message.artifact
    tool.save_dir = tmp_path
    saved = json.dumps(messages_to_dict([answer_of(tool, True, prompt="a bee")]))
    assert len(saved) < 2_000


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


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"size": "512x512"}, "'size'. The arguments are: prompt, aspect_ratio"),
        ({"image": ["https://a.example/b.png"]}, "'image'"),
        ({"model": "veo"}, "'model'"),
        ({"aspect_ratio": "16:9", "width": 64, "height": 64}, "not 16:9"),
    ],
)
def test_arguments_that_do_not_exist_are_refused_before_paying(
    gateway: Emulator, tool: PollinationsImageTool, arguments: Any, sentence: str, sync: bool
) -> None:
    """They were dropped once, and the wrong picture was paid for."""
    message = answer_of(tool, sync, prompt="a bee", **arguments)
    assert message.status == "error"
    assert sentence in str(message.content)
    assert "Correct the arguments and call again." in str(message.content)
    assert gateway.requests == []


def test_a_shape_is_the_picture_that_comes(gateway: Emulator) -> None:
    """In pixels, which every model takes."""
    tool = PollinationsImageTool(base_url=gateway.url)
    artifact = answer_of(tool, True, prompt="a bee", aspect_ratio="16:9").artifact
    assert (artifact["width"], artifact["height"]) == (1024, 576)


@pytest.mark.parametrize("make", [PollinationsImageTool, PollinationsToolkit])
def test_a_model_of_the_wrong_kind_is_refused_at_construction(make: Any) -> None:
    """Where it is known."""
    with pytest.raises(InvalidRequestError, match="'veo' makes videos"):
        make(model="veo", api_key=KEY)
    with pytest.raises(ModelInvalidRequestError, match="'claude' makes text"):
        make(models=["flux", "claude"], api_key=KEY)
    with pytest.raises(InvalidRequestError, match="'flux' makes pictures"):
        PollinationsVideoTool(model="flux", api_key=KEY)
    for options in ({"video_model": "flux"}, {"search_model": "flux"}):
        with pytest.raises(InvalidRequestError, match="'flux' makes pictures"):
            PollinationsToolkit(api_key=KEY, **options)


@pytest.mark.parametrize("sync", [True, False])
def test_a_model_of_the_wrong_kind_is_noticed_in_its_answer(gateway: Emulator, sync: bool) -> None:
    """A name of tomorrow is in no catalogue."""
    paint = PollinationsImageTool(model="of-tomorrow", base_url=gateway.url, max_retries=0)
    film = PollinationsVideoTool(model="of-tomorrow", base_url=gateway.url, max_retries=0)
    video = loopback_video(gateway)
    gateway.script(Body(video, content_type="video/mp4"), Body(jpeg(), content_type="image/jpeg"))
    for tool, noun in ((paint, "makes videos and no pictures"), (film, "pictures and no videos")):
        message = answer_of(tool, sync, prompt="waves")
        assert message.status == "error"
        assert noun in str(message.content)


@pytest.mark.parametrize("sync", [True, False])
def test_the_caller_chooses_among_the_operators_models(gateway: Emulator, sync: bool) -> None:
    """The first is the usual one; a list of them is offered, and no other is taken."""
    kit = PollinationsToolkit(
        models=["zimage", "flux"], width=64, height=64, base_url=gateway.url, api_key=KEY
    )
    tools = {tool.name: tool for tool in kit.get_tools()}
    answer_of(tools["generate_image"], sync, prompt="a bee")
    answer_of(tools["generate_image"], sync, prompt="a bee", model="flux")
    assert [request.query["model"] for request in gateway.requests] == ["zimage", "flux"]
    listed = str(answer_of(tools["list_models"], sync).content)
    assert listed.splitlines()[1].startswith("flux (0.002 pollen")
    refused = answer_of(tools["generate_image"], sync, prompt="a bee", model="veo")
    assert refused.status == "error"
    assert len(gateway.requests) == 2


@pytest.mark.parametrize("saved", [True, False])
@pytest.mark.parametrize("sync", [True, False])
def test_a_picture_is_changed_by_its_name(
    gateway: Emulator, tmp_path: Path, sync: bool, saved: bool
) -> None:
    """From memory or from its file; the change keeps the size."""
    save_dir = tmp_path if saved else None
    tool = PollinationsImageTool(base_url=gateway.url, save_dir=save_dir, **EDITOR)
    first = answer_of(tool, sync, prompt="a bee")
    assert "It is called picture-1." in str(first.content)
    data = Path(first.artifact.path).read_bytes() if saved else first.artifact.data
    second = answer_of(tool, sync, prompt="make it blue", image="picture-1")
    assert gateway.requests[1].path == "/v1/images/edits"
    assert data in pictures_in(gateway.requests[1])
    assert "It is called picture-2." in str(second.content)
    assert (second.artifact.width, second.artifact.height) == (96, 64)
    third = answer_of(tool, sync, prompt="make it red", image=["picture-2"])
    assert gateway.requests[2].query["image"] == second.artifact.url
    assert third.status == "success"


@pytest.mark.parametrize(
    "image",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "pictures/a.jpg",
        "http://127.1/a.png",
        "https://127.1/a.png",
        "https://[::ffff:127.0.0.1]/a.png",
        "picture-7",
        "",
    ],
)
@pytest.mark.parametrize("sync", [True, False])
def test_a_picture_that_may_not_be_read_is_refused_before_sending(
    gateway: Emulator, image: str, sync: bool
) -> None:
    """A path of the model's choosing could carry any file into a public picture."""
    tool = PollinationsImageTool(base_url=gateway.url, **EDITOR)
    message = answer_of(tool, sync, prompt="make it blue", image=image)
    assert message.status == "error"
    assert "picture" in str(message.content)
    assert gateway.requests == []


def test_names_belong_to_the_thread(gateway: Emulator) -> None:
    """Of two users of one toolkit none reaches the other's pictures."""
    tool = PollinationsToolkit(base_url=gateway.url, **EDITOR).get_tools()[0]
    for thread in ("a", "b"):
        config = {"configurable": {"thread_id": thread}}
        message = tool.invoke(agent_call(prompt=f"bee {thread}"), config)
        assert "picture-1" in message.content
    tool.invoke(agent_call(prompt="blue", image="picture-1"), {"configurable": {"thread_id": "b"}})
    # The emulator notes the prompt in its pictures.
    assert b"bee b" in b"".join(pictures_in(gateway.requests[-1]))
    message = tool.invoke(agent_call(prompt="blue", image="picture-1"))
    assert message.status == "error"


@pytest.mark.parametrize("sync", [True, False])
def test_an_older_gateway_says_in_one_sentence_that_it_changes_no_bytes(
    seed_gateway: Emulator, sync: bool
) -> None:
    """Without names of Python; nothing is uploaded."""
    tool = PollinationsImageTool(base_url=seed_gateway.url, max_retries=0, **EDITOR)
    answer_of(tool, sync, prompt="a bee")
    message = answer_of(tool, sync, prompt="blue", image="picture-1")
    assert message.status == "error"
    assert "only pictures at an https address" in str(message.content)
    assert "upload" not in str(message.content)
    assert seed_gateway.requests[-1].path == "/v1/images/edits"


@pytest.mark.parametrize("sync", [True, False])
def test_a_video_starts_from_a_picture_where_uploads_are_allowed(
    gateway: Emulator, sync: bool
) -> None:
    """It becomes public; without the operator's word it does not."""
    for upload in (False, True):
        gateway.requests.clear()
        kit = PollinationsToolkit(
            base_url=gateway.url, video_model="veo", upload=upload, width=64, height=64
        )
        paint, film, *_ = kit.get_tools()
        answer_of(paint, sync, prompt="a bee")
        message = answer_of(film, sync, prompt="it flies", image="picture-1", duration=4)
        assert message.status == ("success" if upload else "error")
        paths = [request.path for request in gateway.requests]
        assert paths == (["/image/a bee", "/upload", "/image/it flies"] if upload else paths[:1])
        if upload:
            assert "/media/" in gateway.requests[-1].query["image"]


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize(
    ("kind", "arguments", "beginning"),
    [
        (PollinationsImageTool, {"prompt": "a bee", "width": 64, "height": 64}, "Made a picture"),
        (PollinationsSearchTool, {"query": "bees"}, "You asked"),
        (PollinationsSpeechTool, {"text": "Bees."}, "Spoke 5"),
    ],
)
def test_the_response_format_may_be_the_content_alone(
    gateway: Emulator, sync: bool, kind: Any, arguments: dict[str, Any], beginning: str
) -> None:
    """The model reads the sentence, not the text of a pair."""
    tool = kind(base_url=gateway.url, response_format="content")
    message = answer_of(tool, sync, **arguments)
    assert str(message.content).startswith(beginning)
    assert message.artifact is None


@pytest.mark.parametrize("field", ["handle_tool_error", "handle_validation_error"])
@pytest.mark.parametrize("kind", [PollinationsImageTool, PollinationsToolkit])
def test_handlers_of_errors_are_checked_at_construction(kind: Any, field: str) -> None:
    """LangChain would notice in the middle of a run only, when the first call fails."""
    with pytest.raises(InvalidRequestError, match=field):
        kind(api_key=KEY, **{field: 3})


@pytest.mark.parametrize("model", ["", " "])
def test_a_model_without_a_name_is_refused(model: str) -> None:
    """Left out silently, the gateway's own model would draw."""
    with pytest.raises(InvalidRequestError, match="name of a model"):
        PollinationsImageTool(model, api_key=KEY)


def test_half_a_picture_is_not_advised_to_be_fetched_from_a_cache(
    gateway: Emulator, tool: PollinationsImageTool
) -> None:
    """A tool's call has a new seed each time, so that no cache has it."""
    gateway.script(Body(jpeg()[:-200]))
    text = str(answer_of(tool, prompt="a bee").content)
    assert text.startswith("The image/jpeg is cut off after ")
    assert "cache" not in text


def test_a_sound_in_place_of_a_picture_is_told_without_its_bytes(
    gateway: Emulator, tool: PollinationsImageTool
) -> None:
    """They are nothing that a model could read."""
    gateway.script(Body(b"ID3" + bytes(range(256))))
    text = str(answer_of(tool, prompt="a bee").content)
    assert text.startswith("A picture was asked for and audio/mpeg came. ")
