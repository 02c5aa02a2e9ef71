"""The tools that draw: what a model sees of them, what the operator settles, what comes back."""

from __future__ import annotations

import asyncio
import base64
import inspect
import pickle
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import ImageBlock, TextBlock, VideoBlock
from llama_index.core.tools import FunctionTool

from llamaindex_pollinations import PollinationsToolSpec
from pollinations_client import ConfigurationError, InvalidRequestError, MalformedReply, ServerError
from pollinations_client.emulator import Body, Emulator, Fault
from pollinations_client.media.sniff import size_px

KEY = "sk_demo_0123456789abcdef"


@pytest.fixture
def make_spec(gateway: Emulator) -> Any:
    """A spec of today's gateway, asked once and no more."""
    return lambda **options: PollinationsToolSpec(
        **{"api_key": KEY, "api_base": gateway.url, "max_retries": 0, **options}
    )


def tool_of(spec: PollinationsToolSpec, name: str) -> FunctionTool:
    """The tool by its name."""
    return next(tool for tool in spec.to_tool_list() if tool.metadata.name == name)


def called(tool: FunctionTool, form: str, **arguments: Any) -> Any:
    """The output of a call, sync or async."""
    return tool(**arguments) if form == "sync" else asyncio.run(tool.acall(**arguments))


@pytest.fixture(params=["sync", "async"])
def form(request: pytest.FixtureRequest) -> str:
    """Both forms of a tool."""
    return str(request.param)


def test_the_picture_comes_back_as_a_block(make_spec: Any, form: str, gateway: Emulator) -> None:
    """Text for the model, the bytes for who can see them; the tool is one with both forms."""
    output = called(
        tool_of(make_spec(), "generate_image"),
        form,
        prompt="a red fox in snow",
        width=96,
        height=64,
    )
    told, picture = output.blocks
    assert isinstance(told, TextBlock)
    assert isinstance(picture, ImageBlock)
    assert size_px(picture.resolve_image().read()) == (96, 64)
    assert picture.image_mimetype == "image/jpeg"
    assert "a red fox in snow" in told.text
    assert "96x64" in told.text
    assert not output.is_error


def test_the_key_is_in_the_header_and_nowhere_else(
    make_spec: Any, form: str, gateway: Emulator
) -> None:
    """Not in the address, not in the output, not in the spec's own words."""
    spec = make_spec()
    output = called(tool_of(spec, "generate_image"), form, prompt="a fox", width=64, height=64)
    (request,) = gateway.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert [
        text
        for text in (request.raw_path, str(output.blocks), repr(spec), str(spec.__dict__))
        if KEY in text
    ] == []
    assert KEY not in pickle.dumps(spec).decode("latin-1")


def test_the_prompt_is_one_segment_of_the_path(
    make_spec: Any, form: str, gateway: Emulator
) -> None:
    """Slashes, question marks and letters of any script."""
    prompt = "A/B? 50% #1 … für 猫"
    called(tool_of(make_spec(), "generate_image"), form, prompt=prompt, width=64, height=64)
    assert gateway.requests[0].path == f"/image/{prompt}"


def test_the_model_sees_few_typed_arguments(make_spec: Any) -> None:
    """Each with a sentence; the description is short."""
    about = tool_of(make_spec(), "generate_image").metadata
    parameters = about.get_parameters_dict()
    assert set(parameters["properties"]) == {"prompt", "model", "width", "height", "seed"}
    assert parameters["required"] == ["prompt"]
    assert all(one.get("description") for one in parameters["properties"].values())
    assert len(about.description) < 1024


def test_the_operator_settles_the_rest(make_spec: Any, form: str, gateway: Emulator) -> None:
    """Defaults for every picture; what the model asks for holds over them."""
    spec = make_spec(model="zimage", width=64, height=64, safe=True, nologo=True, seed=5)
    tool = tool_of(spec, "generate_image")
    called(tool, form, prompt="a fox")
    called(tool, form, prompt="a fox", model="flux", width=32, seed=6)
    first, second = (request.query for request in gateway.requests)
    assert (first["model"], first["width"], first["height"], first["seed"]) == (
        "zimage",
        "64",
        "64",
        "5",
    )
    assert (first["safe"], first["nologo"]) == ("true", "true")
    assert (second["model"], second["width"], second["height"], second["seed"]) == (
        "flux",
        "32",
        "64",
        "6",
    )


def test_a_seed_gives_the_same_picture_and_none_another(make_spec: Any, form: str) -> None:
    """The seed is told, so that the picture can be asked for again."""
    tool = tool_of(make_spec(width=64, height=64), "generate_image")
    same = [called(tool, form, prompt="a fox", seed=7).blocks[1].image for _ in range(2)]
    other = [called(tool, form, prompt="a fox").blocks for _ in range(2)]
    assert same[0] == same[1]
    assert other[0][1].image != other[1][1].image
    assert "seed" in other[0][0].text


def test_save_dir_saves_and_tells_the_path(make_spec: Any, form: str, tmp_path: Path) -> None:
    """The file is there when the model hears of it; the block comes all the same."""
    tool = tool_of(make_spec(save_dir=tmp_path / "pictures", width=64, height=64), "generate_image")
    told, picture = called(tool, form, prompt="a fox").blocks
    (saved,) = (tmp_path / "pictures").iterdir()
    assert str(saved) in told.text
    assert saved.read_bytes() == picture.resolve_image().read()


def test_a_picture_that_cannot_be_saved_is_not_lost(
    make_spec: Any, form: str, tmp_path: Path
) -> None:
    """It is paid for: the result still holds it, and says why there is no file."""
    (tmp_path / "taken").write_text("a file")
    tool = tool_of(
        make_spec(save_dir=tmp_path / "taken" / "folder", width=64, height=64), "generate_image"
    )
    made = called(tool, form, prompt="a fox")
    assert "Not saved" in made.blocks[0].text
    assert made.blocks[1].image


def test_without_save_dir_nothing_is_written(
    make_spec: Any, form: str, tmp_path: Path, monkeypatch: Any
) -> None:
    """Tools that draw do not litter."""
    monkeypatch.chdir(tmp_path)
    called(tool_of(make_spec(width=64, height=64), "generate_image"), form, prompt="a fox")
    assert list(tmp_path.iterdir()) == []


def test_video_is_offered_only_on_request(make_spec: Any, form: str, gateway: Emulator) -> None:
    """A video costs a hundred pictures."""
    assert "generate_video" not in [tool.metadata.name for tool in make_spec().to_tool_list()]
    tool = tool_of(make_spec(video_model="veo"), "generate_video")
    told, video = called(tool, form, prompt="a fox runs", duration=4, aspect_ratio="16:9").blocks
    assert isinstance(video, VideoBlock)
    assert video.video_mimetype == "video/mp4"
    assert "video" in told.text
    assert gateway.requests[0].query["model"] == "veo"


def test_models_and_balance_can_be_asked_for(make_spec: Any, form: str) -> None:
    """In words for the model."""
    spec = make_spec()
    assert "flux" in called(tool_of(spec, "list_models"), form).content
    assert "pollen" in called(tool_of(spec, "check_balance"), form).content


def test_an_unknown_kind_of_model_is_refused(make_spec: Any, form: str) -> None:
    """With the kinds there are."""
    with pytest.raises(InvalidRequestError, match="image, video, text"):
        called(tool_of(make_spec(), "list_models"), form, kind="smell")


def test_failures_are_raised(make_spec: Any, form: str, gateway: Emulator) -> None:
    """Agents make an error output of them; nothing is dressed up as a picture."""
    tool = tool_of(make_spec(), "generate_image")
    gateway.script(
        Fault("status", status=500), Body("<html>no picture</html>", content_type="image/jpeg")
    )
    with pytest.raises(ServerError):
        called(tool, form, prompt="a fox")
    with pytest.raises(MalformedReply, match="no picture"):
        called(tool, form, prompt="a fox")
    with pytest.raises(InvalidRequestError, match="prompt"):
        called(tool, form, prompt=" ")


def test_retries_are_counted_for_pictures_too(make_spec: Any, form: str, gateway: Emulator) -> None:
    """Exactly ``max_retries``."""
    gateway.script(Fault("status", times=9, status=503, retry_after_ms=1))
    with pytest.raises(ServerError):
        called(tool_of(make_spec(max_retries=2), "generate_image"), form, prompt="a fox")
    assert len(gateway.requests) == 3


@pytest.mark.parametrize("given", [{"widht": 3}, {"width": -1}, {"quality": "best"}, {"timeot": 2}])
def test_settings_are_checked_at_construction(given: dict[str, Any], make_spec: Any) -> None:
    """By name and by value."""
    with pytest.raises(InvalidRequestError, match=next(iter(given))):
        make_spec(**given)


def test_a_spec_without_a_key_says_so() -> None:
    """The same sentence as the model's."""
    with pytest.raises(ConfigurationError, match="POLLINATIONS_API_KEY"):
        PollinationsToolSpec()


def test_specs_are_pickled_and_used_again(make_spec: Any) -> None:
    """Without key and clients."""
    spec = make_spec(width=64, height=64)
    spec.generate_image("a fox")
    again = pickle.loads(pickle.dumps(spec))
    assert (
        again.generate_image("a fox", seed=1)[1].image
        == spec.generate_image("a fox", seed=1)[1].image
    )
    output = tool_of(spec, "generate_image")(prompt="a fox")
    assert pickle.loads(pickle.dumps(output)).blocks == output.blocks


def test_specs_close(make_spec: Any) -> None:
    """As context managers; they may be used again."""
    with make_spec(width=64, height=64) as spec:
        spec.generate_image("a fox")
    spec.generate_image("a fox")
    spec.close()

    async def drawn() -> None:
        async with make_spec(width=64, height=64) as other:
            await other.agenerate_image("a fox")

    asyncio.run(drawn())


def test_sync_and_async_take_the_same_arguments() -> None:
    """The twins of one tool."""
    for name in ("generate_image", "generate_video", "list_models", "check_balance"):
        twins = (getattr(PollinationsToolSpec, name), getattr(PollinationsToolSpec, f"a{name}"))
        first, second = (inspect.signature(twin) for twin in twins)
        assert first == second


def test_pictures_are_real(make_spec: Any) -> None:
    """The block's base64 is a JPEG."""
    picture = make_spec(width=64, height=64).generate_image("a fox")[1]
    assert base64.b64decode(picture.image)[:3] == b"\xff\xd8\xff"
