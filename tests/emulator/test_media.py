"""Pictures, films, sounds, vectors, the catalogue, the account and the cache of the emulator."""

from __future__ import annotations

import base64
import csv
import io
import math
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from client import loopback
from PIL import Image

from pollinations_client.emulator import Answer, Emulator
from pollinations_client.emulator.media.captions import legible


def get(gateway: Emulator, path: str, **options: Any) -> httpx.Response:
    """One GET that must succeed."""
    response = loopback.get(gateway.url + path, timeout=30, **options)
    assert response.status_code == 200, response.text
    return response


def picture(response: httpx.Response) -> Image.Image:
    """The picture, decoded to the last pixel."""
    found = Image.open(io.BytesIO(response.content))
    found.load()
    return found


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ((768, 512), (768, 512)),
        ((1, 1), (1, 1)),
        ((0, 0), (1024, 1024)),
        ((4096, 1024), (2048, 512)),
    ],
)
def test_a_picture_has_the_size_that_was_asked_for(
    either_gateway: Emulator, asked: tuple[int, int], drawn: tuple[int, int]
) -> None:
    """Exactly, up to 2048 pixels; beyond that in its shape; zero means the default."""
    response = get(either_gateway, f"/image/bees?model=flux&width={asked[0]}&height={asked[1]}")
    found = picture(response)
    assert (found.size, found.format) == (drawn, "JPEG")
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["x-usage-completion-image-tokens"] == "1"


def test_a_picture_says_in_itself_that_it_is_emulated(gateway: Emulator) -> None:
    """In the EXIF description of a JPEG and in the comment of a PNG."""
    jpeg = picture(get(gateway, "/image/bees?model=flux&seed=5&width=64&height=64"))
    assert "Emulated" in jpeg.getexif()[0x010E]
    assert "seed=5" in jpeg.getexif()[0x010E]
    png = picture(get(gateway, "/image/bees?model=gptimage&transparent=true&width=64&height=64"))
    assert (png.format, png.mode) == ("PNG", "RGBA")
    assert "Emulated" in png.info["Comment"]


def test_prompt_seed_and_model_make_the_picture(gateway: Emulator) -> None:
    """The same three give the same bytes, another of each gives others."""
    base = "/image/bees?width=96&height=96&model=flux&seed=1"
    first = get(gateway, base).content
    gateway.clear()
    assert get(gateway, base).content == first
    others = [
        base.replace("bees", "cows"),
        base.replace("seed=1", "seed=2"),
        base.replace("flux", "zimage"),
    ]
    assert len({first, *(get(gateway, other).content for other in others)}) == 4


def test_colours_of_the_prompt_are_in_the_picture(gateway: Emulator) -> None:
    """A red wish is redder than a blue one."""
    red, blue = (
        picture(get(gateway, f"/image/{word}?model=flux&width=64&height=64"))
        for word in ("red", "blue")
    )
    mean = [one.resize((1, 1)).getpixel((0, 0)) for one in (red, blue)]
    assert mean[0][0] > mean[1][0]  # type: ignore[index]
    assert mean[0][2] < mean[1][2]  # type: ignore[index]


@pytest.mark.parametrize(
    ("prompt", "caption"),
    [
        ("bees \u2014 over\nlavender", "bees \u2014 over lavender"),
        ("\U0001f41d bees", "bees"),
        ("\u685c\u306e\u4e0b", "(letters that this font lacks)"),
    ],
)
def test_a_caption_holds_letters_that_its_font_can_draw(prompt: str, caption: str) -> None:
    """Pillow's own font draws a box for every other."""
    assert legible(prompt) == caption


@pytest.mark.parametrize(("flag", "form"), [("false", "JPEG"), ("0", "JPEG"), ("true", "PNG")])
def test_a_flag_is_read_by_its_word(either_gateway: Emulator, flag: str, form: str) -> None:
    """transparent=false gives no transparent picture in either era."""
    path = f"/image/x?model=flux&width=16&height=16&transparent={flag}"
    assert picture(get(either_gateway, path)).format == form


def boxes(data: bytes) -> dict[str, bytes]:
    """The boxes of an MP4 level by name."""
    found, at = {}, 0
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        found[data[at + 4 : at + 8].decode("latin-1")] = data[at + 8 : at + size]
        at += size
    return found


@pytest.mark.parametrize(
    ("query", "seconds", "tracks"),
    [("model=veo&duration=6&audio=true", 6, 2), ("model=seedance&duration=2", 2, 1)],
)
def test_a_film_is_an_mp4_of_the_asked_length(
    either_gateway: Emulator, query: str, seconds: int, tracks: int
) -> None:
    """ftyp, mdat and moov; the length in the movie header; a sound track when sound is
    asked for.
    """
    response = get(either_gateway, f"/image/waves?{query}")
    assert response.headers["content-type"] == "video/mp4"
    assert response.headers["x-usage-completion-video-seconds"] == str(seconds)
    film = boxes(response.content)
    movie = film["moov"]
    timescale, length = struct.unpack(">II", boxes(movie)["mvhd"][12:20])
    assert length / timescale == seconds
    assert movie.count(b"trak") == tracks
    frame = film["mdat"][: film["mdat"].index(b"\xff\xd9") + 2]
    with Image.open(io.BytesIO(frame)) as first:
        first.load()


def test_images_generations_gives_base64_or_a_url(gateway: Emulator) -> None:
    """The picture in JSON, and a URL that serves the same picture."""
    body = {"prompt": "bees", "size": "64x48", "model": "flux", "seed": 3}
    coded = loopback.post(gateway.url + "/v1/images/generations", json=body).json()["data"][0]
    linked = loopback.post(
        gateway.url + "/v1/images/generations", json=body | {"response_format": "url"}
    ).json()["data"][0]
    assert base64.b64decode(coded["b64_json"]) == loopback.get(linked["url"]).content
    for wrong in ({"n": 2}, {"size": "big"}, {"prompt": ""}, {"response_format": "png"}):
        assert (
            loopback.post(gateway.url + "/v1/images/generations", json=body | wrong).status_code
            == 400
        )


def test_an_edit_in_json_takes_an_address_or_openais_list(gateway: Emulator) -> None:
    """A list of bare addresses is a 400 there, and is what the other route takes."""
    address = "https://a.example/x.png"
    body = {"prompt": "bees", "model": "kontext"}

    def status(path: str, image: Any) -> int:
        made = loopback.post(f"{gateway.url}/v1/images/{path}", json=body | {"image": image})
        return made.status_code

    assert status("edits", address) == status("edits", [{"image_url": address}]) == 200
    assert status("edits", [address]) == status("edits", []) == status("edits", None) == 400
    assert status("generations", address) == status("generations", [address]) == 200
    assert status("generations", [{"image_url": address}]) == 400


def test_a_scripted_picture_is_served(gateway: Emulator) -> None:
    """The bytes of an Answer's image."""
    gateway.script(Answer(images=[b"\x89PNG-not-really"]))
    response = get(gateway, "/image/x?model=flux")
    assert (response.content, response.headers["content-type"]) == (
        b"\x89PNG-not-really",
        "image/png",
    )


def test_the_same_request_gets_the_same_bytes(either_gateway: Emulator) -> None:
    """MISS, then HIT with the same bytes and immutable; the key plays no part; another
    seed does.
    """
    chat = {"model": "openai", "messages": [{"role": "user", "content": "Tell me about bees"}]}

    def post(key: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return loopback.post(
            either_gateway.url + "/v1/chat/completions", json=chat | more, headers=headers
        )

    first, second, third = post("sk_a"), post("sk_b"), post("sk_a", seed=2)
    assert [one.headers["x-cache"] for one in (first, second, third)] == ["MISS", "HIT", "MISS"]
    assert first.content == second.content
    assert second.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert first.headers["x-cache-key"] == second.headers["x-cache-key"]
    streamed = [post("sk_a", stream=True) for _ in range(2)]
    assert [one.headers["x-cache"] for one in streamed] == ["MISS", "HIT"]
    assert streamed[0].content == streamed[1].content


def test_concurrent_identical_requests_are_one_generation(gateway: Emulator) -> None:
    """Eight at once cost one."""
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(
                lambda _: get(gateway, "/image/bees?model=flux&width=64&height=64").content,
                range(8),
            )
        )
    assert len(set(found)) == 1
    assert gateway.generations == 1


def test_a_random_seed_bypasses_the_cache_in_the_seed_era(seed_gateway: Emulator) -> None:
    """seed=-1 is new each time."""
    path = "/image/bees?model=flux&width=64&height=64&seed=-1"
    assert get(seed_gateway, path).content != get(seed_gateway, path).content


def embed(gateway: Emulator, body: dict[str, Any]) -> httpx.Response:
    """One embeddings request."""
    return loopback.post(gateway.url + "/v1/embeddings", json=body)


def test_similar_texts_have_near_vectors(gateway: Emulator) -> None:
    """Unit vectors; shared words bring texts together."""
    texts = ["Bees make honey in the hive", "What do bees make?", "The stock market fell"]
    data = embed(gateway, {"input": texts}).json()["data"]
    vectors = [one["embedding"] for one in data]
    assert [one["index"] for one in data] == [0, 1, 2]
    assert all(
        len(one) == 1536 and math.isclose(math.hypot(*one), 1, abs_tol=1e-4) for one in vectors
    )
    near, far = (
        sum(a * b for a, b in zip(vectors[0], other, strict=True)) for other in vectors[1:]
    )
    assert near > far + 0.2


def test_embeddings_have_the_limits_of_their_models(gateway: Emulator) -> None:
    """At most 32 texts; sizes, tasks and input types by model; no token ids; base64 is
    little-endian float32.
    """
    coded = embed(gateway, {"input": "bees", "encoding_format": "base64", "dimensions": 8}).json()[
        "data"
    ][0]["embedding"]
    plain = embed(gateway, {"input": "bees", "dimensions": 8}).json()["data"][0]["embedding"]
    assert struct.unpack("<8f", base64.b64decode(coded)) == pytest.approx(plain)
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert len(embed(gateway, {"input": parts}).json()["data"]) == 1
    refused: list[dict[str, Any]] = [
        {"input": ["x"] * 33},
        {"input": [[1, 2]]},
        {"input": ""},
        {"input": []},
        {"input": "x", "model": "no-such"},
        {"input": "x", "dimensions": 0},
        {"input": "x", "dimensions": 9999},
        {"input": "x", "model": "cohere/embed-v4.0", "dimensions": 300},
        {"input": "x", "task_type": "CLUSTERING"},
        {"input": "x", "input_type": "query"},
        {"input": "x", "model": "gemini-embedding-2", "task_type": "GUESSING"},
    ]
    for body in refused:
        assert embed(gateway, body).status_code == 400, body
    assert (
        embed(
            gateway, {"input": "x", "model": "gemini-embedding-2", "task_type": "CLUSTERING"}
        ).status_code
        == 200
    )


def test_usage_pages_through_one_ledger_without_gap_or_repeat(seed_gateway: Emulator) -> None:
    """before = the last timestamp gives the next page; all pages together are the ledger."""
    everything = get(seed_gateway, "/account/usage?limit=50000").json()
    seen: list[Any] = []
    before = ""
    while True:
        page = get(seed_gateway, f"/account/usage?limit=250{before}").json()["usage"]
        if not page:
            break
        assert len(page) <= 250
        seen += page
        before = f"&before={page[-1]['timestamp'].replace(' ', '%20')}"
    stamps = {row["timestamp"] for row in everything["usage"]}
    assert everything["count"] == len(everything["usage"]) > 1000
    assert {row["timestamp"] for row in seen} == stamps
    assert [row["timestamp"] for row in seen] == sorted(
        (row["timestamp"] for row in seen), reverse=True
    )


def test_usage_as_csv_holds_the_same_records(either_gateway: Emulator) -> None:
    """text/csv with the documented header; nulls are empty."""
    response = get(either_gateway, "/account/usage?limit=20&format=csv")
    assert response.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    records = get(either_gateway, "/account/usage?limit=20").json()["usage"]
    assert [row["timestamp"] for row in rows] == [record["timestamp"] for record in records]
    assert list(rows[0]) == list(records[0])
    daily = list(
        csv.DictReader(io.StringIO(get(either_gateway, "/account/usage/daily?format=csv").text))
    )
    columns = {"date", "model", "meter_source", "requests", "cost_usd"}
    if either_gateway.era == "today":  # the key came since
        columns |= {"api_key_id", "api_key"}
    assert set(daily[0]) == columns


def test_usage_parameters_have_bounds(either_gateway: Emulator) -> None:
    """Limit, format and before are checked."""
    for query in ("limit=0", "limit=50001", "format=xml", "before=yesterday"):
        assert loopback.get(f"{either_gateway.url}/account/usage?{query}").status_code == 400


def test_daily_usage_adds_up_to_the_ledger(gateway: Emulator) -> None:
    """Requests and cost by day are those of the records."""
    days = get(gateway, "/account/usage/daily?days=90").json()["usage"]
    records = get(gateway, "/account/usage?limit=50000&days=90").json()["usage"]
    date = records[100]["timestamp"][:10]
    of_date = [record for record in records if record["timestamp"].startswith(date)]
    summed = [day for day in days if day["date"] == date]
    assert sum(day["requests"] for day in summed) == len(of_date)
    assert sum(day["cost_usd"] for day in summed) == pytest.approx(
        sum(one["cost_usd"] for one in of_date)
    )


def test_every_listed_model_answers(either_gateway: Emulator) -> None:
    """Whatever a list names, by name or alias, can be called."""
    for item in get(either_gateway, "/text/models").json():
        for name in [item["name"], *item["aliases"]]:
            body: dict[str, Any] = {
                "model": name,
                "messages": [{"role": "user", "content": "Hello"}],
            }
            if "audio" in item["output_modalities"]:
                body |= {
                    "modalities": ["text", "audio"],
                    "audio": {"voice": "alloy", "format": "wav"},
                }
            response = loopback.post(either_gateway.url + "/v1/chat/completions", json=body)
            # An OCR model reads documents only.
            assert response.status_code == (400 if "ocr" in name else 200), name
    for item in get(either_gateway, "/image/models").json():
        response = get(either_gateway, f"/image/x?width=16&height=16&model={item['name']}")
        made = item["output_modalities"][0]
        assert response.headers["content-type"].startswith(made)
