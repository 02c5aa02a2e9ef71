"""Pictures changed, long prompts, and the media store: what goes by which route."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from client import loopback

from pollinations_client import (
    AsyncPollinationsClient,
    InvalidRequestError,
    MalformedReply,
    MediaResult,
    NotFoundError,
    Picture,
    PollinationsClient,
    SaveError,
    UnknownModelError,
)
from pollinations_client.emulator import Body, Emulator
from pollinations_client.emulator.media.pictures import PictureSpec
from pollinations_client.emulator.media.pictures import picture as draw
from pollinations_client.media.measure import size_px
from pollinations_client.request.multipart import FormFile, encode_form
from support.edits import pictures_in

KEY = "sk_demo_0123456789abcdef"
JPEG = draw(PictureSpec("a bee", "flux", 1, 64, 48))
OTHER = draw(PictureSpec("a fox", "flux", 1, 64, 48))
LONG = "a bee over lavender " * 500

each_mode = pytest.mark.parametrize("mode", ["sync", "async"])


def run(mode: str, gateway: Emulator, operation: str, *args: Any, **options: Any) -> Any:
    """One operation of a client, blocking or on a loop."""
    settings = {"base_url": gateway.url, "max_retries": 0}
    if mode == "sync":
        with PollinationsClient(KEY, **settings) as client:
            return getattr(client, operation)(*args, **options)

    async def go() -> Any:
        async with AsyncPollinationsClient(KEY, **settings) as client:
            return await getattr(client, operation)(*args, **options)

    return asyncio.run(go())


@each_mode
def test_edit_image_sends_the_bytes_with_every_option(mode: str, gateway: Emulator) -> None:
    """With model, seed and size; the picture that comes has a public address.

    As JSON: of a form the gateway reads neither the seed nor a transparent background.
    """
    picture = run(
        mode,
        gateway,
        "edit_image",
        "make it blue",
        JPEG,
        model="kontext",
        width=96,
        height=64,
        seed=5,
        transparent=False,
    )
    (request,) = gateway.requests
    assert (request.method, request.path) == ("POST", "/v1/images/edits")
    assert request.headers["content-type"] == "application/json"
    assert pictures_in(request) == [JPEG]
    assert {name: value for name, value in request.json.items() if name != "image"} == {
        "prompt": "make it blue",
        "model": "kontext",
        "seed": 5,
        "size": "96x64",
        "response_format": "b64_json",
    }
    assert (picture.size_px, picture.seed, picture.model) == ((96, 64), 5, "kontext")
    assert picture.media_url.startswith(f"{gateway.url}/media/")
    assert KEY not in repr(picture)


SOURCES: dict[str, Any] = {
    "bytes": JPEG,
    "bytearray": bytearray(JPEG),
    "picture": Picture(data=JPEG, mime_type="image/jpeg", prompt="x", url=""),
    "result": MediaResult(data=JPEG, mime_type="image/jpeg", prompt="x"),
    "list": [JPEG],
    "memoryview": memoryview(JPEG),
    "data url": f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}",
}


@each_mode
@pytest.mark.parametrize("kind", SOURCES)
def test_edit_image_takes_what_was_made_before(mode: str, kind: str, gateway: Emulator) -> None:
    """In any form."""
    run(mode, gateway, "edit_image", "blue", SOURCES[kind], model="nanobanana")
    assert pictures_in(gateway.requests[0]) == [JPEG]


@each_mode
def test_edit_image_reads_what_was_saved(mode: str, gateway: Emulator, tmp_path: Path) -> None:
    """A result without bytes names its file."""
    (tmp_path / "bee.jpg").write_bytes(JPEG)
    saved = MediaResult(mime_type="image/jpeg", prompt="x", path=str(tmp_path / "bee.jpg"))
    for source in (saved, tmp_path / "bee.jpg"):
        run(mode, gateway, "edit_image", "blue", source, model="nanobanana")
        assert pictures_in(gateway.requests[-1]) == [JPEG]
    gone = saved.model_copy(update={"path": str(tmp_path / "gone.jpg")})
    with pytest.raises(SaveError, match="gone"):
        run(mode, gateway, "edit_image", "blue", gone)


@each_mode
def test_several_pictures_make_one(mode: str, gateway: Emulator) -> None:
    """And the same pictures in the same order are the same request, byte for byte."""
    first, again = (
        run(mode, gateway, "edit_image", "both", [JPEG, OTHER], model="nanobanana", seed=1)
        for _ in range(2)
    )
    assert gateway.requests[0].body == gateway.requests[1].body
    assert pictures_in(gateway.requests[0]) == [JPEG, OTHER]
    assert first.data == again.data
    other = run(mode, gateway, "edit_image", "both", [OTHER, JPEG], model="nanobanana", seed=1)
    assert other.data != first.data


@each_mode
def test_addresses_go_by_get_in_both_eras(mode: str, either_gateway: Emulator) -> None:
    """The gateway reads them itself."""
    address = "https://a.example/bee.png"
    run(mode, either_gateway, "edit_image", "blue", address, model="kontext", width=64, height=64)
    (request,) = either_gateway.requests
    assert (request.method, request.query["image"]) == ("GET", address)


@each_mode
@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ("/etc/passwd", "http or https"),
        ("file:///etc/passwd", "http or https"),
        (b"no picture", "no picture of a known type"),
        (b"", "no picture of a known type"),
        (Path(__file__), "no picture of a known type"),
        ("data:image/png;base64,!!", "content of the data URL cannot be read"),
        ([], "give a picture"),
        ([JPEG, "https://a.example/b.png"], "not both"),
        (5, "not int"),
        (None, "not NoneType"),
    ],
)
def test_what_is_no_picture_is_refused_before_sending(
    mode: str, image: Any, sentence: str, gateway: Emulator
) -> None:
    """A text is never a path."""
    with pytest.raises(InvalidRequestError, match=sentence):
        run(mode, gateway, "edit_image", "blue", image, model="kontext")
    assert gateway.requests == []


@each_mode
def test_an_older_gateway_takes_bytes_by_upload_only(mode: str, seed_gateway: Emulator) -> None:
    """Which makes the picture public, so only where it is asked for."""
    with pytest.raises(NotFoundError, match=r"upload=True.*public for 30 days"):
        run(mode, seed_gateway, "edit_image", "blue", JPEG, model="kontext")
    with pytest.raises(NotFoundError, match="media_base_url"):
        run(mode, seed_gateway, "edit_image", "blue", JPEG, model="kontext", upload=True)
    assert [request.path for request in seed_gateway.requests] == [
        "/v1/images/edits",
        "/v1/images/edits",
        "/upload",
    ]


@each_mode
def test_an_upload_goes_to_the_media_store_that_is_named(
    mode: str, gateway: Emulator, seed_gateway: Emulator
) -> None:
    """And the edit then names the public address."""
    settings = {"base_url": seed_gateway.url, "media_base_url": gateway.url}

    async def awaited() -> Picture:
        async with AsyncPollinationsClient(KEY, **settings) as client:
            return await client.edit_image("blue", JPEG, model="kontext", upload=True)

    if mode == "sync":
        with PollinationsClient(KEY, **settings) as client:
            client.edit_image("blue", JPEG, model="kontext", upload=True)
    else:
        asyncio.run(awaited())
    assert [request.path for request in gateway.requests] == ["/upload"]
    address = seed_gateway.requests[-1].query["image"]
    assert address.startswith(f"{gateway.url}/media/")


@each_mode
def test_what_is_uploaded_is_public(mode: str, gateway: Emulator) -> None:
    """Address, type and size; served without a key."""
    stored = run(mode, gateway, "upload", JPEG)
    assert (stored.mime_type, stored.size_bytes) == ("image/jpeg", len(JPEG))
    assert stored.url.endswith(stored.id)
    assert gateway.requests[0].headers["authorization"] == f"Bearer {KEY}"
    with pytest.raises(InvalidRequestError, match="data: the bytes of a picture"):
        run(mode, gateway, "upload", b"text")
    gateway.script(Body({"id": "x"}))
    with pytest.raises(MalformedReply, match="without an address"):
        run(mode, gateway, "upload", JPEG)


def test_the_public_gateways_media_store_is_another_host() -> None:
    """Any other gateway has its own under its own address."""
    assert PollinationsClient(KEY).settings.media_host == "https://media.pollinations.ai"
    other = PollinationsClient(KEY, base_url="http://127.0.0.1:9")
    assert other.settings.media_host == "http://127.0.0.1:9"


@each_mode
def test_a_prompt_too_long_for_an_address_goes_in_a_body(mode: str, gateway: Emulator) -> None:
    """The same picture by the other route: size, seed, model, cost."""
    picture = run(mode, gateway, "image", LONG, model="flux", width=96, height=64, seed=5)
    (request,) = gateway.requests
    assert (request.method, request.path) == ("POST", "/v1/images/generations")
    assert request.json == {
        "prompt": LONG,
        "model": "flux",
        "seed": 5,
        "size": "96x64",
        "response_format": "b64_json",
    }
    assert (picture.size_px, picture.seed, picture.model) == ((96, 64), 5, "flux")
    assert picture.info.usage == {"completion-image-tokens": 1}
    run(mode, gateway, "image", "a bee", model="flux")
    assert gateway.requests[-1].method == "GET"


@each_mode
def test_an_older_gateway_says_that_the_prompt_is_too_long(
    mode: str, seed_gateway: Emulator
) -> None:
    """It has no such route."""
    with pytest.raises(NotFoundError, match="shorten it"):
        run(mode, seed_gateway, "image", LONG, model="flux")


@each_mode
def test_prompts_longer_than_any_route_takes_are_refused(mode: str, gateway: Emulator) -> None:
    """And those of videos, which have no body."""
    with pytest.raises(InvalidRequestError, match="32000"):
        run(mode, gateway, "image", "x" * 32_001, model="flux")
    with pytest.raises(InvalidRequestError, match="Shorten"):
        run(mode, gateway, "video", LONG)
    assert gateway.requests == []


@each_mode
@pytest.mark.parametrize(
    "body",
    [
        {"created": 1, "data": []},
        {"created": 1, "data": [{"url": "https://a.example/b.png"}]},
        {"created": 1, "data": [{"b64_json": "AA="}]},
        {"created": 1, "data": [{"b64_json": "é"}]},
        {"created": 1, "data": [{"b64_json": base64.b64encode(b"<html>").decode()}]},
        {"created": 1, "data": [{"b64_json": base64.b64encode(JPEG[:500]).decode()}]},
        {"created": 1},
        [],
    ],
)
def test_an_answer_without_a_picture_is_an_error(mode: str, body: Any, gateway: Emulator) -> None:
    """Never half of one."""
    gateway.script(Body(body))
    with pytest.raises(MalformedReply):
        run(mode, gateway, "edit_image", "blue", JPEG, model="kontext")


@each_mode
def test_a_foreign_address_of_an_answer_is_not_handed_on(mode: str, gateway: Emulator) -> None:
    """Only the media store's is public for certain."""
    encoded = base64.b64encode(JPEG).decode()
    gateway.script(
        Body(
            {"data": [{"b64_json": encoded}]},
            headers={"content-location": "https://evil.example/a?key=sk_x"},
        )
    )
    assert run(mode, gateway, "edit_image", "blue", JPEG, model="kontext").media_url is None


@each_mode
def test_an_unknown_model_is_named_by_every_route(mode: str, gateway: Emulator) -> None:
    """With the nearest names."""
    for operation, arguments in (("edit_image", ("blue", JPEG)), ("image", (LONG,))):
        with pytest.raises(UnknownModelError, match="kontext"):
            run(mode, gateway, operation, *arguments, model="kontex")


@each_mode
def test_an_edit_is_the_same_with_the_same_seed(mode: str, gateway: Emulator) -> None:
    """And has the options that only the JSON of the route carries."""
    options = {"model": "kontext", "seed": 7, "guidance_scale": 3.5, "transparent": True}
    first, again = (run(mode, gateway, "edit_image", "blue", JPEG, **options) for _ in range(2))
    other = run(mode, gateway, "edit_image", "blue", JPEG, **{**options, "seed": 8})
    assert first.data == again.data != other.data
    assert options.items() <= gateway.requests[0].json.items()


def test_of_a_form_the_gateway_reads_few_fields(gateway: Emulator) -> None:
    """A seed is none of them: two forms that differ in nothing else are the same picture."""
    url = f"{gateway.url}/v1/images/edits"
    files = {"image": ("a.jpg", JPEG, "image/jpeg")}
    fields = {"prompt": "blue", "model": "kontext", "seed": "no number", "transparent": "maybe"}
    assert loopback.post(url, data=fields, files=files).status_code == 200
    assert loopback.post(url, data={**fields, "size": "wide"}, files=files).status_code == 400
    for data in ("no picture", "!!"):
        source = {"image_url": f"data:image/png;base64,{data}"}
        body = {"prompt": "blue", "model": "kontext", "image": [source]}
        assert loopback.post(url, json=body).status_code == 400


def test_a_form_holds_any_bytes_and_names() -> None:
    """Its boundary comes from its content."""
    files = [FormFile("a", 'x"\r\ny.png', "image/png", bytes(range(256)) * 20)]
    body, content_type = encode_form([("prompt", "A\r\n--form\r\nß")], files)
    assert (body, content_type) == encode_form([("prompt", "A\r\n--form\r\nß")], files)
    boundary = content_type.partition("boundary=")[2].encode()
    assert body.count(boundary) == 3
    assert body.endswith(b"--" + boundary + b"--\r\n")
    assert b'filename="x%22%0D%0Ay.png"' in body
    assert files[0].data in body
    assert encode_form([("prompt", "B")], files)[1] != content_type


def test_pictures_of_the_emulators_edits_are_pictures(gateway: Emulator) -> None:
    """Drawn anew, of the size asked for."""
    with PollinationsClient(KEY, base_url=gateway.url) as client:
        picture = client.edit_image("a night sky", JPEG, model="kontext", width=128, height=128)
    assert size_px(picture.data) == (128, 128)
    assert picture.data != JPEG


@each_mode
@pytest.mark.parametrize("operation", ["edit_image", "image"])
def test_bytes_in_place_of_json_are_the_picture(
    mode: str, operation: str, gateway: Emulator
) -> None:
    """Some servers answer a POST as they answer a GET."""
    gateway.script(Body(JPEG))
    arguments: tuple[Any, ...] = (LONG,)
    if operation == "edit_image":
        arguments = ("make it blue", JPEG)
    picture = run(mode, gateway, operation, *arguments, seed=7)
    assert (picture.data, picture.mime_type, picture.seed) == (JPEG, "image/jpeg", 7)
