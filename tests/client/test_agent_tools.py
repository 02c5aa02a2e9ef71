"""What tools of both frameworks share: arguments from cards, addresses, names, results, errors."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollinations_client import (
    AuthenticationError,
    BadRequestError,
    InvalidRequestError,
    MediaResult,
    ModelCard,
    PaymentRequiredError,
    PollinationsClient,
    PollinationsError,
    ServerError,
    snapshot,
)
from pollinations_client.agent_tools import references
from pollinations_client.agent_tools.arguments import (
    checked_arguments,
    image_arguments,
    size_px,
    video_arguments,
)
from pollinations_client.agent_tools.messages import message_for_model
from pollinations_client.agent_tools.options import model_choice
from pollinations_client.agent_tools.references import (
    ConversationPictures,
    check_address,
    earlier_pictures,
)
from pollinations_client.emulator import Emulator
from pollinations_client.emulator.media.pictures import PictureSpec
from pollinations_client.emulator.media.pictures import picture as draw

JPEG = draw(PictureSpec("a bee", "flux", 1, 64, 64))


def image_schema(model: str | None = None, models: list[str] | None = None) -> dict[str, Any]:
    """The JSON schema of ``generate_image``."""
    return image_arguments(model_choice(snapshot(), "image", model, models)).model_json_schema()


def video_schema(model: str) -> dict[str, Any]:
    """The properties of ``generate_video``."""
    schema = video_arguments(model_choice(snapshot(), "video", model, None)).model_json_schema()
    properties: dict[str, Any] = schema["properties"]
    return properties


# -- results


def result(**fields: Any) -> MediaResult:
    """A result of a small picture."""
    return MediaResult(**{"mime_type": "image/jpeg", "prompt": "a bee", "data": JPEG, **fields})


def test_a_result_is_json_of_the_standard_alphabet_and_back() -> None:
    """Browsers refuse the alphabet for URLs."""
    made = result(data=b"\xff\xd8\xff\xfb\xef\xbe", cost=0.002)
    told = json.loads(made.model_dump_json())
    assert base64.b64decode(told["data"], validate=True) == made.data
    assert "+" in told["data"] or "/" in told["data"]
    assert MediaResult.model_validate_json(made.model_dump_json()) == made
    assert made.model_dump()["data"] == made.data


def test_a_result_prints_in_one_short_line_without_bytes_or_prompt() -> None:
    """It stands in logs and traces."""
    made = result(prompt="my secret plan", width=64, height=64, model="flux")
    assert repr(made) == f"MediaResult(image/jpeg, 64x64 px, {len(JPEG)} bytes, flux)"
    assert str(made) == repr(made)


def test_a_result_reads_as_the_dict_that_a_checkpoint_gives_back() -> None:
    """By name, and by nothing else."""
    made = result(path="bee.jpg")
    assert (made["path"], made.get("seed"), made.get("nothing", 5)) == ("bee.jpg", None, 5)
    assert "path" in made
    with pytest.raises(KeyError):
        made["model_dump"]


@pytest.mark.parametrize(
    ("mime_type", "shown_as"),
    [
        ("image/jpeg", "image/jpeg"),
        ("image/png", "image/png"),
        ("image/webp", "text/html"),
        ("video/mp4", "text/html"),
        ("audio/mpeg", "text/html"),
    ],
)
def test_a_result_shows_itself_in_a_notebook(mime_type: str, shown_as: str, tmp_path: Path) -> None:
    """From memory or from its file; the line alone where the file is gone."""
    encoded = base64.b64encode(JPEG).decode()
    (tmp_path / "x").write_bytes(JPEG)
    for made in (
        result(mime_type=mime_type),
        result(mime_type=mime_type, data=None, path=str(tmp_path / "x")),
    ):
        bundle = made._repr_mimebundle_()
        assert encoded in bundle[shown_as]
        assert bundle["text/plain"] == repr(made)
    gone = result(data=None, path=str(tmp_path / "gone"))
    assert gone._repr_mimebundle_() == {"text/plain": repr(gone)}


# -- arguments


@pytest.mark.parametrize(
    ("model", "most"), [("flux", None), ("zimage", None), ("kontext", 1), ("nanobanana", 3)]
)
def test_references_are_offered_where_the_card_takes_them(model: str, most: int | None) -> None:
    """With their number."""
    properties = image_schema(model)["properties"]
    assert ("image" in properties) == (most is not None)
    if most is not None:
        assert properties["image"]["anyOf"][0]["maxItems"] == most


def test_a_model_that_nothing_is_known_of_is_offered_no_references() -> None:
    """A list that is asked for may tell more."""
    assert "image" not in image_schema("painter-of-tomorrow")["properties"]
    card = ModelCard(name="painter-of-tomorrow", category="image", max_reference_images=2)
    choice = model_choice(snapshot().merged([card]), "image", "painter-of-tomorrow", None)
    assert "image" in image_arguments(choice).model_fields


def test_the_model_is_a_choice_of_the_operators_names_only() -> None:
    """One name is no choice."""
    assert "model" not in image_schema("flux")["properties"]
    assert "model" not in image_schema(models=["flux"])["properties"]
    choice = image_schema(models=["flux", "kontext"])["properties"]
    assert choice["model"]["anyOf"][0]["enum"] == ["flux", "kontext"]
    assert "image" in choice


@pytest.mark.parametrize(
    ("model", "allowed"),
    [("veo", [4, 6, 8]), ("seedance", list(range(2, 11))), ("nova-reel", list(range(6, 121, 6)))],
)
def test_durations_are_those_of_the_card(model: str, allowed: list[int]) -> None:
    """As a list; a model without one has bounds."""
    assert video_schema(model)["duration"]["anyOf"][0]["enum"] == allowed
    assert video_schema("ltx-2")["duration"]["anyOf"][0]["maximum"] == 120


@pytest.mark.parametrize("said", ["4", "4.0", 4, 4.0])
def test_a_duration_may_be_written_as_models_write_it(said: Any) -> None:
    """As text, or with a point."""
    kind = video_arguments(model_choice(snapshot(), "video", "veo", None))
    assert checked_arguments(kind, {"prompt": "x", "duration": said})["duration"] == 4


FLUX = image_arguments(model_choice(snapshot(), "image", "flux", None))
BAD_ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"size": "512x512"}, "Unknown argument 'size'. The arguments are: prompt, aspect_ratio"),
    ({"model": "veo"}, "Unknown argument 'model'"),
    ({"image": ["https://a.example/b.png"]}, "Unknown argument 'image'"),
    ({"width": 5000}, "width: .*2048"),
    ({"height": 10}, "height: .*64"),
    ({"seed": -1}, "seed: .*0"),
    ({"aspect_ratio": "2:1"}, "aspect_ratio: .*'16:9'"),
    ({"aspect_ratio": "16:9", "width": 512, "height": 512}, "512x512 pixels are not 16:9"),
    ({"prompt": ""}, "prompt: .*1 char"),
    ({"prompt": "x" * 33_000}, "prompt: .*32000"),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD_ARGUMENTS)
def test_bad_arguments_are_refused_with_names_or_bounds(
    arguments: dict[str, Any], sentence: str
) -> None:
    """For the model, which can call again."""
    with pytest.raises(InvalidRequestError, match=sentence):
        checked_arguments(FLUX, {"prompt": "a bee", **arguments})


@pytest.mark.parametrize(
    ("shape", "width", "height", "size"),
    [
        ("1:1", None, None, (1024, 1024)),
        ("16:9", None, None, (1024, 576)),
        ("9:16", None, None, (576, 1024)),
        ("4:3", 512, None, (512, 384)),
        ("3:4", None, 512, (384, 512)),
        ("16:9", 1280, 720, (1280, 720)),
        ("21:9", 64, None, (64, 64)),
    ],
)
def test_a_shape_becomes_pixels(
    shape: str, width: int | None, height: int | None, size: tuple[int, int]
) -> None:
    """A side that is given stays; no side leaves the bounds."""
    assert size_px(shape, width, height, 1024) == size


@pytest.mark.parametrize(
    ("kind", "model", "makes"),
    [
        ("image", "veo", "makes videos"),
        ("image", "claude", "makes text"),
        ("video", "flux", "makes pictures"),
        ("image", "", "name of a model"),
    ],
)
def test_a_model_of_the_wrong_kind_is_refused(kind: str, model: str, makes: str) -> None:
    """Where it is known, before anything is paid for; also among those offered."""
    if model:
        with pytest.raises(InvalidRequestError, match=f"model: {model!r} {makes}"):
            model_choice(snapshot(), kind, model, None)
    with pytest.raises(InvalidRequestError, match=f"models: .*{makes}"):
        model_choice(snapshot(), kind, None, [model])


# -- pictures that a model names


GOOD_ADDRESSES = [
    "https://example.com/a.png",
    "https://media.pollinations.ai/1234",
    "https://user-content.example.co.uk:8443/a/b.jpg?x=1#y",
    "https://xn--bcher-kva.example/a.png",
    "https://bücher.example/a.png",
    "https://8.8.8.8/a.png",
    "https://[2606:4700::1111]/a.png",
]
BAD_ADDRESSES = [
    "http://example.com/a.png",
    "file:///etc/passwd",
    "/etc/passwd",
    "etc/passwd",
    "C:\\pictures\\a.png",
    "data:image/png;base64,AAAA",
    "ftp://example.com/a.png",
    "https://localhost/a.png",
    "https://LOCALHOST./a.png",
    "https://foo.localhost/",
    "https://printer.local/",
    "https://intranet/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://0/",
    "https://0.0.0.0/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://1\uff127.0.0.1/",
    "https://127。0。0。1/",
    "https://10.0.0.5/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd00::1]/",
    "https://user:pw@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com\\@127.0.0.1/",
    "https://127.0.0.1.nip.io/",
    "https://localtest.me/",
    "https://%31%32%37.0.0.1/",
    "https:///a.png",
    "https://",
    "https://exa mple.com/",
    "https://example.com:99999/",
    "https://[::1",
    "",
    "https://" + "a" * 3_000 + ".com/",
]


@pytest.mark.parametrize("address", GOOD_ADDRESSES)
def test_public_addresses_are_taken(address: str) -> None:
    """As they are."""
    assert check_address(address) == address


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_files_and_private_addresses_are_refused_however_they_are_written(address: str) -> None:
    """In one sentence that says what is taken."""
    with pytest.raises(InvalidRequestError, match="Only https addresses of the public web"):
        check_address(address)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "0x{:x}", "0{:o}"]))
def test_a_number_is_no_public_host(number: int, form: str) -> None:
    """Resolvers read it as an address."""
    with pytest.raises(InvalidRequestError):
        check_address(f"https://{form.format(number)}/a.png")


@given(st.text(string.printable, max_size=40))
def test_no_text_but_an_https_address_passes(text: str) -> None:
    """Whatever a model writes, it is one of the two."""
    try:
        assert check_address(text).startswith("https://")
    except InvalidRequestError:
        pass


def test_names_count_up_and_belong_to_their_conversation() -> None:
    """Another conversation cannot reach a picture."""
    pictures = ConversationPictures()
    assert [pictures.add(result(seed=n), "a") for n in (1, 2)] == ["picture-1", "picture-2"]
    assert pictures.add(result(seed=3), "b") == "picture-1"
    assert pictures.find("Picture 2", "a")["seed"] == 2  # type: ignore[index]
    assert pictures.find("picture-1", "b")["seed"] == 3  # type: ignore[index]
    assert pictures.find("https://example.com/picture-1", "a") is None
    with pytest.raises(InvalidRequestError, match=r"'picture-2' was not made.*picture-1"):
        pictures.find("picture-2", "b")
    with pytest.raises(InvalidRequestError, match="None was"):
        pictures.find("picture-1", "c")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest bytes and the oldest conversations are let go."""
    monkeypatch.setattr(references, "MAX_HELD_BYTES", 3 * len(JPEG))
    monkeypatch.setattr(references, "MAX_CONVERSATIONS", 2)
    pictures = ConversationPictures()
    for number in range(5):
        pictures.add(result(seed=number))
    assert pictures.find("picture-5") is not None
    with pytest.raises(InvalidRequestError, match="not made"):
        pictures.find("picture-1")
    for thread in "abc":
        pictures.add(result(), thread)
    with pytest.raises(InvalidRequestError, match="None was"):
        pictures.find("picture-1", "a")


def test_earlier_pictures_are_read_from_answers(tmp_path: Path) -> None:
    """By the last sentence; a path counts inside the folder only, an address if it is public."""
    inside, outside = str(tmp_path / "a.jpg"), str(tmp_path.parent / "b.jpg")
    base = {"mime_type": "image/jpeg", "prompt": "a bee"}
    answers: list[tuple[str, Any]] = [
        ("Made 'It is called picture-9.' It is called picture-1.", {**base, "path": inside}),
        ("It is called picture-2.", {**base, "path": outside}),
        ("It is called picture-3.", {**base, "path": outside, "url": "https://a.example/b.jpg"}),
        ("It is called picture-4.", {**base, "url": "http://127.0.0.1/b.jpg", "data": b"x"}),
        ("It is called picture-5.", None),
        ("It is called picture-6. And more.", {**base, "path": inside}),
    ]
    earlier = earlier_pictures(answers, tmp_path)
    places = {at: one and (one.path, one.url, one.data) for at, one in earlier.items()}
    assert places == {
        1: (inside, None, None),
        2: None,
        3: (None, "https://a.example/b.jpg", None),
        4: (None, None, b"x"),
        5: None,
    }
    pictures = ConversationPictures()
    pictures.resume("a", earlier)
    pictures.resume("a", {8: None})  # another call was first
    assert pictures.knows("a")
    assert pictures.add(result(), "a") == "picture-6"
    with pytest.raises(InvalidRequestError, match="not made"):
        pictures.find("picture-2", "a")


def test_copies_share_the_pictures_and_a_pickle_has_none() -> None:
    """They may be large, and their files are elsewhere."""
    pictures = ConversationPictures()
    pictures.add(result())
    assert copy.deepcopy(pictures).find("picture-1") is not None
    assert len(pickle.dumps(pictures)) < 200


# -- errors


ERRORS: list[tuple[PollinationsError, str]] = [
    (PaymentRequiredError("HTTP 402: No balance."), "tell the user that the balance is spent"),
    (AuthenticationError("HTTP 401: no key"), "HTTP 401: no key. Do not call this tool again"),
    (ServerError("oops"), "oops. It may pass: call again once."),
    (BadRequestError("HTTP 400: no."), "Change the request before calling again."),
    (InvalidRequestError("image: gone."), "image: gone. Correct the arguments and call again."),
    (BadRequestError("Call PollinationsClient().models() first."), "The call failed. Change"),
]


@pytest.mark.parametrize(("error", "sentence"), ERRORS)
def test_errors_say_what_a_model_can_do(error: PollinationsError, sentence: str) -> None:
    """And name no call of Python."""
    assert sentence in message_for_model(error)


@pytest.mark.parametrize("key", ["sk_invalid", "sk_broke", "sk_budget", "pk_limited"])
@pytest.mark.parametrize("model", ["flux", "no-such-model"])
def test_refusals_of_the_gateway_are_readable_by_a_model(
    gateway: Emulator, key: str, model: str
) -> None:
    """Nothing of options, request ids or pages where a person pays."""
    with (
        PollinationsClient(key, base_url=gateway.url, max_retries=0) as client,
        pytest.raises(PollinationsError) as caught,
    ):
        client.image("a bee", model=model)
    message = message_for_model(caught.value)
    for word in ("(", "request id", "api_key", "https://", "POLLINATIONS", "  "):
        assert word not in message.replace("(Bearer token)", ""), message
    assert message.count(". ") >= 1
