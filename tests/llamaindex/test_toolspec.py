"""The tools that draw: what a model sees of them, what the operator settles, what comes back."""

from __future__ import annotations

import asyncio
import base64
import inspect
import pickle
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.tools.calling import call_tool

from langchain_pollinations import PollinationsToolkit
from llamaindex_pollinations import PollinationsToolSpec
from pollinations_client import (
    ConfigurationError,
    InvalidRequestError,
    MalformedReply,
    MediaResult,
    ServerError,
)
from pollinations_client.emulator import Answer, Body, Emulator, Fault
from pollinations_client.media.measure import size_px
from support.edits import pictures_in

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


def test_the_model_reads_one_line_and_the_program_gets_the_bytes(make_spec: Any, form: str) -> None:
    """The tool is one with both forms."""
    output = called(
        tool_of(make_spec(), "generate_image"),
        form,
        prompt="a red fox in snow",
        width=96,
        height=64,
    )
    (text_block,) = output.blocks
    assert isinstance(text_block, TextBlock)
    assert "a red fox in snow" in text_block.text
    assert "96x64" in text_block.text
    assert "It is called picture-1." in text_block.text
    assert not output.is_error
    result = output.raw_output
    assert isinstance(result, MediaResult)
    assert size_px(result.data) == (96, 64)
    assert result.cost == pytest.approx(0.002)


@pytest.mark.parametrize("switch", [True, "auto"])
def test_return_image_shows_the_picture_to_the_model(
    make_spec: Any, form: str, switch: Any
) -> None:
    """As an image block after the text; it costs tokens in every later turn."""
    tool = tool_of(make_spec(return_image=switch, width=96, height=64), "generate_image")
    text_block, picture = called(tool, form, prompt="a fox").blocks
    assert isinstance(text_block, TextBlock)
    assert isinstance(picture, ImageBlock)
    assert size_px(picture.resolve_image().read()) == (96, 64)
    assert picture.image_mimetype == "image/jpeg"


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
    assert set(parameters["properties"]) == {"prompt", "aspect_ratio", "width", "height", "seed"}
    assert parameters["required"] == ["prompt"]
    assert all(entry.get("description") for entry in parameters["properties"].values())
    assert len(about.description) < 1024


def test_options_of_the_spec_hold_for_every_picture(
    make_spec: Any, form: str, gateway: Emulator
) -> None:
    """Defaults for every picture; the model's arguments go before them."""
    spec = make_spec(model="zimage", width=64, height=64, safe=True, nologo=True, seed=5)
    tool = tool_of(spec, "generate_image")
    called(tool, form, prompt="a fox")
    called(tool, form, prompt="a fox", width=96, seed=6)
    first, second = (request.query for request in gateway.requests)
    assert (first["model"], first["width"], first["height"], first["seed"]) == (
        "zimage",
        "64",
        "64",
        "5",
    )
    assert (first["safe"], first["nologo"]) == ("true", "true")
    assert (second["model"], second["width"], second["height"], second["seed"]) == (
        "zimage",
        "96",
        "64",
        "6",
    )


def test_a_seed_gives_the_same_picture_and_none_another(make_spec: Any, form: str) -> None:
    """The text names the seed, so that the picture can be made again."""
    tool = tool_of(make_spec(width=64, height=64), "generate_image")
    same = [called(tool, form, prompt="a fox", seed=7).raw_output.data for _ in range(2)]
    other = [called(tool, form, prompt="a fox") for _ in range(2)]
    assert same[0] == same[1]
    assert other[0].raw_output.data != other[1].raw_output.data
    assert f"seed {other[0].raw_output.seed}" in other[0].content


def test_save_dir_saves_and_tells_the_path(make_spec: Any, form: str, tmp_path: Path) -> None:
    """The file is there when the model hears of it; a folder is a folder, whatever its name."""
    tool = tool_of(make_spec(save_dir=tmp_path / "out.v2", width=64, height=64), "generate_image")
    output = called(tool, form, prompt="a fox")
    (saved,) = (tmp_path / "out.v2").iterdir()
    assert str(saved) in output.content
    assert (output.raw_output.path, output.raw_output.data) == (str(saved), None)


def test_a_picture_that_cannot_be_saved_is_not_lost(
    make_spec: Any, form: str, tmp_path: Path
) -> None:
    """It is paid for: the result has it still, and the text says why there is no file."""
    (tmp_path / "taken").write_text("a file")
    tool = tool_of(
        make_spec(save_dir=tmp_path / "taken" / "folder", width=64, height=64), "generate_image"
    )
    result = called(tool, form, prompt="a fox")
    assert "not saved" in result.blocks[0].text
    assert result.raw_output.data
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


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
    output = called(tool, form, prompt="a fox runs", duration=4, aspect_ratio="16:9")
    (text_block,) = output.blocks  # a video in a prompt ends the run with a 413
    assert "video" in text_block.text
    assert (output.raw_output.mime_type, output.raw_output.duration_s) == ("video/mp4", 4)
    assert gateway.requests[0].query.items() >= {"model": "veo", "aspectRatio": "16:9"}.items()


def test_the_model_cannot_choose_a_model_that_was_not_offered(
    make_spec: Any, form: str, gateway: Emulator
) -> None:
    """It could once: a video for 0.32 pollen, by its name alone."""
    tool = tool_of(make_spec(), "generate_image")
    with pytest.raises(InvalidRequestError, match=r"Unknown argument 'model'. The arguments are"):
        called(tool, form, prompt="waves", model="veo")
    with pytest.raises(InvalidRequestError, match="video_model"):
        make_spec().generate_video("waves")
    chosen = tool_of(make_spec(models=["flux", "zimage"]), "generate_image")
    with pytest.raises(InvalidRequestError, match="'flux' or 'zimage'"):
        called(chosen, form, prompt="waves", model="veo")
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"size": "512x512"}, "The arguments are: prompt, aspect_ratio, width, height, seed"),
        ({"image": "https://a.example/b.png"}, "Unknown argument 'image'"),
        ({"width": 5000}, "2048"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_arguments_are_refused_before_sending(
    make_spec: Any, form: str, arguments: Any, sentence: str, gateway: Emulator
) -> None:
    """With names or bounds, and what to do."""
    with pytest.raises(InvalidRequestError, match=f"{sentence}.*Correct the arguments"):
        called(tool_of(make_spec(), "generate_image"), form, prompt="a fox", **arguments)
    assert gateway.requests == []


def test_both_frameworks_offer_the_same_tools(make_spec: Any, gateway: Emulator) -> None:
    """Names, texts, arguments."""
    models = {"models": ["flux", "kontext"], "video_model": "veo"}
    options: dict[str, Any] = {**models, "voice": True}
    kit = PollinationsToolkit(base_url=gateway.url, api_key=KEY, **options)
    theirs = [
        (tool.name, tool.description, tool.get_input_schema().model_json_schema())
        for tool in kit.get_tools()
    ]
    ours = [
        (about.name, about.description, about.fn_schema.model_json_schema())
        for about in (tool.metadata for tool in make_spec(**options).to_tool_list())
    ]
    assert ours == theirs
    assert [name for name, *_ in ours] == [
        "generate_image",
        "generate_video",
        "web_search",
        "list_models",
        "speak",
        "transcribe",
        "check_balance",
    ]


def test_a_model_of_the_wrong_kind_is_refused(make_spec: Any, form: str, gateway: Emulator) -> None:
    """At construction where it is known, else by its answer."""
    for options in ({"model": "veo"}, {"video_model": "flux"}, {"models": ["flux", "claude"]}):
        with pytest.raises(InvalidRequestError, match="makes"):
            make_spec(**options)
    for option in ("video_model", "search_model", "speech_model", "transcription_model"):
        with pytest.raises(InvalidRequestError, match=f"^{option}: 'flux' makes pictures"):
            make_spec(**{option: "flux"})
    film = make_spec(video_model="veo").generate_video("waves", duration=4)
    assert "video" in film[0].text
    gateway.script(Body(b"\xff\xd8\xff\xd9", content_type="image/jpeg"))
    with pytest.raises(MalformedReply, match="makes pictures and no videos"):
        called(tool_of(make_spec(video_model="of-tomorrow"), "generate_video"), form, prompt="x")


def test_a_picture_is_changed_by_its_name(
    make_spec: Any, form: str, gateway: Emulator, tmp_path: Path
) -> None:
    """Names belong to the spec; paths are never read."""
    spec = make_spec(model="kontext", width=96, height=64, save_dir=tmp_path)
    tool = tool_of(spec, "generate_image")
    first = called(tool, form, prompt="a fox").raw_output
    second = called(tool, form, prompt="in snow", image="picture-1")
    assert Path(first.path).read_bytes() in pictures_in(gateway.requests[1])
    assert gateway.requests[1].path == "/v1/images/edits"
    assert "picture-2" in second.content
    count = len(gateway.requests)
    for bad in ("/etc/passwd", "file:///etc/passwd", "http://127.1/", "picture-9", first.path):
        with pytest.raises(InvalidRequestError, match="image: "):
            called(tool, form, prompt="in snow", image=bad)
    with pytest.raises(InvalidRequestError, match="None was"):
        called(
            tool_of(make_spec(model="kontext"), "generate_image"),
            form,
            prompt="x",
            image="picture-1",
        )
    assert len(gateway.requests) == count


def test_the_web_is_searched_with_sources(make_spec: Any, form: str, gateway: Emulator) -> None:
    """Numbered in the text, and with titles for the program."""
    gateway.script(Answer(text="Bees dance.", citations=["https://a.example/bees"]))
    output = called(tool_of(make_spec(), "web_search"), form, query="why?")
    assert output.content == "Bees dance.\n\nSources:\n[1] Source 1: https://a.example/bees"
    assert output.raw_output == [{"title": "Source 1", "url": "https://a.example/bees"}]
    assert gateway.requests[0].json["model"] == "sonar"
    names = [tool.metadata.name for tool in make_spec(search_model=None).to_tool_list()]
    assert names == ["generate_image", "check_balance"]


def test_models_and_balance_can_be_asked_for(make_spec: Any, form: str) -> None:
    """In words for the model; a list of models only where there is a choice."""
    spec = make_spec(models=["flux", "kontext"])
    flux, kontext = called(tool_of(spec, "list_models"), form).content.splitlines()
    assert flux.startswith("flux (0.002 pollen")
    assert kontext.startswith("kontext (changes pictures")
    assert "pollen are left" in called(tool_of(spec, "check_balance"), form).content
    assert "flux" in make_spec().list_models()
    with pytest.raises(InvalidRequestError, match="kind"):
        make_spec().list_models("smell")


def test_failures_can_be_outputs(make_spec: Any, form: str, gateway: Emulator) -> None:
    """For programs that call tools without an agent."""
    gateway.script(Fault("status", status=402))
    tool = tool_of(make_spec(handle_tool_error=True), "generate_image")
    output = called(tool, form, prompt="a fox")
    assert output.is_error
    assert "the balance is spent" in output.content
    assert output.exception.status_code == 402


def test_failures_are_raised(make_spec: Any, form: str, gateway: Emulator) -> None:
    """Agents make an error output of them; nothing is dressed up as a picture."""
    tool = tool_of(make_spec(), "generate_image")
    gateway.script(
        Fault("status", status=500), Body("<html>no picture</html>", content_type="image/jpeg")
    )
    with pytest.raises(ServerError, match="It may pass: call again once"):
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


@pytest.mark.parametrize("wrong", [{"widht": 3}, {"width": -1}, {"quality": "best"}, {"timeot": 2}])
def test_settings_are_checked_at_construction(wrong: dict[str, Any], make_spec: Any) -> None:
    """By name and by value."""
    with pytest.raises(InvalidRequestError, match=next(iter(wrong))):
        make_spec(**wrong)


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
        again.generate_image("a fox", seed=1)[0].text.replace("picture-1", "picture-2")
        == spec.generate_image("a fox", seed=1)[0].text
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
    for name in ("generate_image", "generate_video", "web_search", "list_models", "check_balance"):
        twins = (getattr(PollinationsToolSpec, name), getattr(PollinationsToolSpec, f"a{name}"))
        first, second = (inspect.signature(twin) for twin in twins)
        assert first == second


def test_pictures_are_real(make_spec: Any) -> None:
    """The block's base64 is a JPEG."""
    picture = make_spec(width=64, height=64, return_image=True).generate_image("a fox")[1]
    assert base64.b64decode(picture.image)[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize("schema", [{}, {"fn_schema": None}])
def test_own_names_and_descriptions_keep_the_arguments(
    make_spec: Any, schema: dict[str, Any]
) -> None:
    """Metadata without a schema say nothing of the arguments."""
    own = {"generate_image": ToolMetadata("Draws.", "draw", return_direct=True, **schema)}
    tool, *_ = make_spec(width=64, height=64).to_tool_list(func_to_metadata_mapping=own)
    assert (tool.metadata.name, tool.metadata.description) == ("draw", "Draws.")
    assert tool.metadata.return_direct
    assert "prompt" in tool.metadata.get_parameters_dict()["properties"]
    assert tool(prompt="a bee").content.startswith("Made a picture")


def test_a_subclass_lists_its_functions_in_the_class(gateway: Emulator) -> None:
    """As LlamaIndex's own specs do."""

    class Spec(PollinationsToolSpec):
        spec_functions = ["double", "generate_image"]  # noqa: RUF012 - LlamaIndex's own form

        def double(self, number: int) -> int:
            """Twice a number."""
            return 2 * number

    tools = Spec(api_key=KEY, api_base=gateway.url).to_tool_list()
    assert [tool.metadata.name for tool in tools] == ["double", "generate_image"]
    assert tools[0](number=4).raw_output == 8


def test_arguments_in_order_are_taken_and_repeated_ones_refused(make_spec: Any) -> None:
    """What was given stands in the output; nothing is dropped."""
    tool = tool_of(make_spec(width=64, height=64), "generate_image")
    assert tool("a bee").raw_input == {"args": ("a bee",), "kwargs": {}}
    with pytest.raises(InvalidRequestError, match="order is: prompt, aspect_ratio"):
        tool("a bee", prompt="an ant")
    with pytest.raises(InvalidRequestError, match="too many"):
        tool(*["a bee"] * 9)


def test_a_wrong_name_of_the_only_argument_is_forgiven(make_spec: Any) -> None:
    """LlamaIndex calls a function by position where its signature has no such name."""
    output = call_tool(tool_of(make_spec(), "web_search"), {"question": "bees"})
    assert not output.is_error
    assert "bees" in output.content
