"""What bytes are, how large, whether whole; data URLs; file names and atomic writes."""

from __future__ import annotations

import base64
import io
import os
import struct
import subprocess
import sys
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pollinations_client import ImagePart
from pollinations_client.errors import InvalidRequestError, PollinationsError, SaveError
from pollinations_client.media.data_url import (
    PIECE_CHARACTERS,
    base64_in,
    data_url,
    parse_data_url,
)
from pollinations_client.media.files import safe_file_stem, save
from pollinations_client.media.measure import looks_cut, size_px
from pollinations_client.media.sniff import extension_for, sniff


def picture(kind: str, size: tuple[int, int] = (37, 23), **options: object) -> bytes:
    """A real picture, with enough in it to have a body."""
    image = Image.effect_noise(size, 60).convert("RGB")
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def box(kind: bytes, content: bytes = b"") -> bytes:
    """One box of an ISO media file."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def large_box(kind: bytes, content: bytes) -> bytes:
    """The same with a 64-bit length."""
    return struct.pack(">I", 1) + kind + struct.pack(">Q", 16 + len(content)) + content


def track(width: int, height: int) -> bytes:
    """A track whose header has a width and a height in pixels."""
    return box(
        b"trak",
        box(b"tkhd", bytes(76) + struct.pack(">II", width << 16, height << 16)) + box(b"mdia"),
    )


def video(brand: bytes = b"isom") -> bytes:
    """A skeleton of an mp4 with a sound and a picture track."""
    moov = box(b"moov", box(b"mvhd", bytes(100)) + track(0, 0) + track(1280, 720))
    return (
        box(b"ftyp", brand + bytes(4) + b"isommp41")
        + box(b"free")
        + large_box(b"mdat", bytes(50))
        + moov
    )


def names_in(folder: Path) -> list[str]:
    """The names in a folder, hidden ones too, sorted."""
    return sorted(entry.name for entry in folder.iterdir())


def sound() -> bytes:
    """A short wav."""
    out = io.BytesIO()
    with wave.open(out, "wb") as writer:
        writer.setparams((1, 2, 8_000, 0, "NONE", ""))
        writer.writeframes(bytes(200))
    return out.getvalue()


SVG = (
    b'<?xml version="1.0"?>\n<!-- a > b --><!DOCTYPE svg>\n'
    b'<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>\n'
)
PDF = b"%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n"
GLB = b"glTF" + struct.pack("<II", 2, 24) + bytes(12)

SAMPLES = {
    "image/jpeg": picture("JPEG"),
    "image/png": picture("PNG"),
    "image/gif": picture("GIF"),
    "image/webp": picture("WEBP"),
    "image/avif": box(b"ftyp", b"avif" + bytes(4))
    + box(b"meta", b"ispe" + bytes(4) + struct.pack(">II", 37, 23))
    + box(b"mdat"),
    "image/heic": box(b"ftyp", b"heic" + bytes(4)) + box(b"meta") + box(b"mdat"),
    "image/svg+xml": SVG,
    "video/mp4": video(),
    "video/quicktime": video(b"qt  "),
    "video/webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm",
    "video/x-matroska": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska",
    "audio/mp4": video(b"M4A "),
    "audio/wav": sound(),
    "audio/mpeg": b"ID3\x04\x00\x00\x00\x00\x00\x00",
    "audio/aac": b"\xff\xf1\x50\x80\x00",
    "audio/flac": b"fLaC\x00\x00\x00\x22",
    "audio/ogg": b"OggS\x00\x02" + bytes(22) + b"\x01vorbis",
    "audio/opus": b"OggS\x00\x02" + bytes(22) + b"OpusHead",
    "video/ogg": b"OggS\x00\x02" + bytes(22) + b"\x80theora",
    "application/pdf": PDF,
    "model/gltf-binary": GLB,
}
WITH_AN_END = [
    *(
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/heic",
        "image/svg+xml",
    ),
    *(
        "video/mp4",
        "video/quicktime",
        "audio/mp4",
        "audio/wav",
        "application/pdf",
        "model/gltf-binary",
    ),
]


@pytest.mark.parametrize("mime_type", SAMPLES)
def test_sniff_knows_formats_by_their_bytes(mime_type: str) -> None:
    """Each format is told by its signature, and a whole file does not look cut."""
    assert sniff(SAMPLES[mime_type]) == mime_type
    assert not looks_cut(SAMPLES[mime_type])
    assert not looks_cut(SAMPLES[mime_type], f"{mime_type.upper()}; charset=binary")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"error": {"message": "no"}}',
        b"<!DOCTYPE html><html><svg></svg></html>",
        b"<html>",
        b"error code: 524",
        b"\xff",
        b"\xff\xfeh\x00i\x00",
        "\ufeffhello".encode("utf-16"),
        b"RIFF\x00\x00\x00\x00AVI ",
        b"<!---->" * 500 + b"no",
    ],
)
def test_sniff_makes_no_media_of_text(data: bytes) -> None:
    """Pages, JSON, error lines and unknown containers are no media."""
    assert sniff(data) is None
    assert size_px(data) is None


def test_sniff_sees_mp3_frames_avif_brands_and_marked_svg() -> None:
    """MP3 without a tag, AVIF under a general brand, SVG behind a byte order mark."""
    assert sniff(b"\xff\xfb\x90\x00") == sniff(b"\xff\xf3\x40\xc0") == "audio/mpeg"
    assert sniff(box(b"ftyp", b"mif1" + bytes(4) + b"avifmiaf")) == "image/avif"
    assert sniff(b"\xef\xbb\xbf" + SVG) == "image/svg+xml"


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (picture("JPEG", (640, 13)), (640, 13)),
        (picture("JPEG", (640, 13), progressive=True, exif=b"Exif\0\0" + bytes(500)), (640, 13)),
        (picture("PNG", (3, 900)), (3, 900)),
        (picture("GIF", (300, 200)), (300, 200)),
        (picture("WEBP", (301, 203)), (301, 203)),
        (picture("WEBP", (301, 203), lossless=True), (301, 203)),
        (picture("WEBP", (1, 1), lossless=True), (1, 1)),
        (picture("WEBP", (301, 203), exif=b"Exif\0\0" + bytes(20)), (301, 203)),
        (SAMPLES["image/avif"], (37, 23)),
        (video(), (1280, 720)),
        (SVG, None),
        (sound(), None),
    ],
)
def test_size_is_what_the_bytes_say(data: bytes, size: tuple[int, int] | None) -> None:
    """Width and height come from the header of each format."""
    assert size_px(data) == size


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(30),
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + bytes(20),
        b"\xff\xd8\xff\xda\x00\x02" + bytes(30),
        b"\xff\xd8\xff\xe0\x00\x00",
        b"\xff\xd8\xff\xc0\x00\x03\x00",
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        b"RIFF\x00\x00\x00\x00WEBPVP9 " + bytes(40),
        b"GIF89a\x01",
        box(b"ftyp", b"isom") + box(b"mdat"),
        box(b"ftyp", b"isom") + box(b"moov", box(b"trak", box(b"tkhd"))),
        box(b"ftyp", b"avif"),
    ],
)
def test_size_of_a_broken_header_is_unknown(data: bytes) -> None:
    """Headers that are cut, empty or senseless give no size and no error."""
    assert size_px(data) is None


@pytest.mark.parametrize("mime_type", WITH_AN_END)
def test_every_cut_of_a_file_is_seen(mime_type: str) -> None:
    """Without its last byte, or with any shorter beginning, a file with an end marker looks cut."""
    data = SAMPLES[mime_type].rstrip()
    whole_from = len(data) if mime_type != "application/pdf" else data.rindex(b"%%EOF") + 5
    step = max(1, len(data) // 300)
    for length in (*range(0, whole_from - 1, step), whole_from - 1):
        assert looks_cut(data[:length], mime_type), length


def test_a_gif_with_extensions_is_walked_to_its_end() -> None:
    """Comments and frames of a GIF are passed over block by block, and a byte that is no block is
    no end.
    """
    data = picture("GIF", comment=b"a;b;c")
    assert data.startswith(b"GIF89a")
    assert not looks_cut(data)
    assert all(looks_cut(data[:length], "image/gif") for length in range(len(data) - 1))
    assert looks_cut(b"GIF89a" + bytes(7) + b"\x99;")


def test_a_jpegs_preview_does_not_hide_its_cut() -> None:
    """The end marker of a thumbnail in the metadata is not the end of the picture."""
    data = picture("JPEG", exif=b"Exif\0\0" + picture("JPEG", (8, 8)))
    assert not looks_cut(data)
    assert looks_cut(data[:-2])


@pytest.mark.parametrize(
    "mime_type", ["image/jpeg", "image/png", "video/mp4", "image/webp", "image/svg+xml"]
)
@pytest.mark.parametrize("more", [b"\n", bytes(16), b"\n\n\n\n\n\n\n\n\n\n"])
def test_what_follows_a_whole_file_is_not_its_concern(mime_type: str, more: bytes) -> None:
    """Padding after the end does not make a paid picture a cut one."""
    assert not looks_cut(SAMPLES[mime_type] + more)


def test_looks_cut_says_no_where_it_cannot_know() -> None:
    """Nothing is always cut; a format without an end is never; a streamed wav does not know its
    length.
    """
    assert looks_cut(b"", "audio/mpeg")
    assert not looks_cut(b"\xff\xfb\x90\x00", "audio/mpeg")
    assert not looks_cut(b"text")
    assert not looks_cut(b"RIFF\xff\xff\xff\xffWAVEfmt ")
    assert not looks_cut(b"<svg xmlns='x'/>", "image/svg+xml")


def test_broken_boxes_look_cut() -> None:
    """A box smaller than its header, and a video without its data or its description, are not
    whole.
    """
    start = box(b"ftyp", b"isom" + bytes(4))
    assert looks_cut(start + b"\x00\x00\x00\x03moov")
    assert looks_cut(start + box(b"moov"))
    assert looks_cut(start + box(b"mdat"))
    assert not looks_cut(start + box(b"moov") + b"\x00\x00\x00\x00mdat" + bytes(9))


@given(
    st.sampled_from(sorted(SAMPLES)),
    st.integers(0, 400),
    st.binary(max_size=30),
    st.integers(0, 400),
)
def test_no_bytes_break_the_readers(mime_type: str, at: int, put: bytes, length: int) -> None:
    """Damaged files of every kind are read without an error, and no size is zero or negative."""
    data = SAMPLES[mime_type]
    damaged = (data[:at] + put + data[at + len(put) :])[:length]
    assert looks_cut(damaged, mime_type) in (True, False)
    assert sniff(damaged) is None or extension_for(sniff(damaged) or "") != "bin"
    assert min(size_px(damaged) or (1, 1)) > 0


@pytest.mark.parametrize(
    ("mime_type", "extension"),
    [
        ("image/jpeg", "jpg"),
        ("IMAGE/PNG; q=1", "png"),
        ("video/mp4", "mp4"),
        ("image/svg+xml", "svg"),
        ("x/y", "bin"),
        ("", "bin"),
    ],
)
def test_extensions(mime_type: str, extension: str) -> None:
    """Types have their usual extension, whatever their case and parameters."""
    assert extension_for(mime_type) == extension


# --- data URLs


@given(st.binary(max_size=200))
def test_data_urls_go_there_and_back(data: bytes) -> None:
    """What was put into a data URL comes out of it."""
    assert parse_data_url(data_url(data, "image/png")) == ("image/png", data)
    assert base64_in(data_url(data, "image/png")) == base64.b64encode(data)


@pytest.mark.parametrize("length", range(-3, 4))
def test_base64_of_a_large_data_url_is_given_as_it_is(length: int) -> None:
    """It is checked in pieces: one more or one less than fits, and an end in the middle."""
    data = bytes(PIECE_CHARACTERS * 3 // 4 + length)
    url = data_url(data, "image/png")
    assert base64_in(url) == base64.b64encode(data)
    at = len("data:image/png;base64,") + PIECE_CHARACTERS - 8
    assert base64_in(f"{url[:at]}AAAAAA=={url[at + 8 :]}AAAA") is None
    assert base64_in(f"{url[:at]}A?AAAAAA{url[at + 8 :]}") is None


@pytest.mark.parametrize(
    ("url", "mime_type", "data"),
    [
        ("data:image/png;base64,aGk=", "image/png", b"hi"),
        ("DATA:image/png;charset=x;BASE64,aGk=", "image/png", b"hi"),
        (" data:;base64,aGk ", "text/plain", b"hi"),
        ("data:image/png;base64,aG\nk=\r\n", "image/png", b"hi"),
        ("data:image/png;base64,_-8=", "image/png", b"\xff\xef"),
        ("data:image/png;base64,aGk%3D", "image/png", b"hi"),
        ("data:text/plain,a%20b,c", "text/plain", b"a b,c"),
        ("data:,", "text/plain", b""),
    ],
)
def test_data_urls_in_every_spelling(url: str, mime_type: str, data: bytes) -> None:
    """Base64 with breaks, without padding or URL-safe, and percent-encoding, as RFC 2397 has it."""
    assert parse_data_url(url) == (mime_type, data)
    assert base64_in(url) in (None, base64.b64encode(data))
    assert ImagePart(url.strip()).data_base64 in (None, base64.b64encode(data))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "data:",
        "https://x/y.png",
        "data:image/png;base64",
        "data:;base64,a",
        "data:;base64,aé==",
        "data:,\ud800",
    ],
)
def test_bad_data_urls_are_refused(url: str) -> None:
    """What is no data URL, or not base64, is an invalid request that names the parameter."""
    with pytest.raises(InvalidRequestError) as caught:
        parse_data_url(url)
    assert caught.value.param == "url"


@pytest.mark.parametrize("mime_type", ["", "png", "image/png,x", "image/png\r\nX: y", "a/b;c"])
def test_bad_mime_types_are_refused(mime_type: str) -> None:
    """A MIME type cannot smuggle anything into a data URL."""
    with pytest.raises(InvalidRequestError):
        data_url(b"x", mime_type)
    assert data_url(b"x", "text/plain;charset=utf-8").startswith(
        "data:text/plain;charset=utf-8;base64,"
    )


# --- names


@pytest.mark.parametrize(
    ("prompt", "stem"),
    [
        ("A red fox in snow", "A-red-fox-in-snow"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\Windows\\system32", "C-Windows-system32"),
        ("日本の庭, été", "日本の庭-été"),
        ("हिन्दी", "हिन्दी"),
        ("snake_case  and -- dashes", "snake_case-and-dashes"),
        ("a\x00b\nc\u202ed\u200be", "a-b-c-d-e"),
        ("", "untitled"),
        ("???", "untitled"),
        ("\u0301", "untitled"),
        ("___", "untitled"),
        ("con", "file-con"),
        ("LPT1", "file-LPT1"),
        ("COM¹", "file-COM1"),
        ("console", "console"),
        ("key sk_demo_abcdefghijklmnop", "key-redacted"),
        ("\ud800x", "x"),
    ],
)
def test_stems_are_safe(prompt: str, stem: str) -> None:
    """Paths, control characters, device names and keys do not get into a file name; letters of any
    script do.
    """
    assert safe_file_stem(prompt) == stem


@given(st.text(max_size=200), st.integers(-1, 250))
def test_any_prompt_makes_a_usable_name(prompt: str, limit: int) -> None:
    """A stem is never empty, never too long in characters or bytes, printable and without
    separators.
    """
    stem = safe_file_stem(prompt, limit)
    assert 0 < len(stem) <= max(limit, 1)
    assert len(stem.encode()) <= 200
    assert stem.isprintable()
    assert not set(stem) & set('/\\:*?"<>|. ')


def test_long_prompts_are_cut_between_characters() -> None:
    """The limit counts characters; letters of several bytes are not torn, and no dash is left at
    the end.
    """
    assert safe_file_stem("word " * 30, 10) == "word-word"
    assert safe_file_stem("庭" * 300, 300) == "庭" * 66


# --- files


def test_save_makes_the_folder_and_keeps_what_is_there(tmp_path: Path) -> None:
    """A folder is made; a name that is taken gets the next number; nothing else is left behind."""
    folder = tmp_path / "a" / "b"
    paths = [save(data, folder, "fox", ".PNG") for data in (b"1", b"2", b"3")]
    assert [path.name for path in paths] == ["fox.png", "fox-2.png", "fox-3.png"]
    assert [path.read_bytes() for path in paths] == [b"1", b"2", b"3"]
    assert names_in(folder) == ["fox-2.png", "fox-3.png", "fox.png"]


def test_a_path_with_a_suffix_is_a_file_name(tmp_path: Path) -> None:
    """A suffix names the file, unless such a folder exists or the path ends in a separator."""
    (tmp_path / "v1.2").mkdir()
    assert save(b"x", tmp_path / "cover.final.jpeg", "fox", "png") == tmp_path / "cover.final.jpeg"
    assert save(b"x", tmp_path / "v1.2", "fox", "png") == tmp_path / "v1.2" / "fox.png"
    assert save(b"x", f"{tmp_path}/v1.3/", "fox", "png") == tmp_path / "v1.3" / "fox.png"


def test_home_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~`` is the home folder; somebody's who does not exist is an error that says so."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert save(b"x", "~/pictures", "fox", "png") == tmp_path / "pictures" / "fox.png"
    with pytest.raises(SaveError, match="home folder"):
        save(b"x", "~nobody-of-this-name/x", "fox", "png")


def test_overwrite_replaces(tmp_path: Path) -> None:
    """With ``overwrite`` the file has the new bytes and no numbered sibling."""
    save(b"old", tmp_path, "fox", "png")
    assert save(b"new", tmp_path, "fox", "png", overwrite=True).read_bytes() == b"new"
    assert names_in(tmp_path) == ["fox.png"]


def test_hostile_stems_and_extensions_stay_in_the_folder(tmp_path: Path) -> None:
    """Neither stem nor extension can lead out of the folder."""
    path = save(b"x", tmp_path / "in", "../../out", "/../p*ng")
    assert path == tmp_path / "in" / "out.png"
    assert save(b"x", tmp_path / "in", "", "").name == "untitled.bin"


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    """A link under the wanted name keeps its target untouched, also a dangling one, and with
    ``overwrite``.
    """
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "fox.png").symlink_to(victim)
    (tmp_path / "owl.png").symlink_to(tmp_path / "nowhere")
    assert save(b"x", tmp_path, "fox", "png").name == "fox-2.png"
    assert save(b"x", tmp_path, "owl", "png").name == "owl-2.png"
    with pytest.raises(SaveError, match="symbolic link"):
        save(b"x", tmp_path, "fox", "png", overwrite=True)
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "nowhere").exists()


def test_rights_follow_the_umask(tmp_path: Path) -> None:
    """A saved picture is readable as any new file is."""
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert save(b"x", tmp_path, "fox", "png").stat().st_mode == plain.stat().st_mode


def test_many_threads_save_under_one_name(tmp_path: Path) -> None:
    """Every writer gets a file of its own with its own bytes."""
    bodies = [f"{n}".encode() * 1_000 for n in range(24)]
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda body: save(body, tmp_path, "fox", "png"), bodies))
    assert [path.read_bytes() for path in paths] == bodies
    assert len(names_in(tmp_path)) == len(bodies)


def test_two_processes_save_under_one_name(tmp_path: Path) -> None:
    """Processes do not take each other's names."""
    program = (
        "import sys; from pollinations_client.media.files import save\n"
        "for _ in range(10): print(save(sys.argv[2].encode() * 9, sys.argv[1], 'fox', 'png'))\n"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), mark], stdout=subprocess.PIPE, text=True
        )
        for mark in "ab"
    ]
    told = [writer.communicate(timeout=60)[0].split() for writer in writers]
    assert all(writer.returncode == 0 for writer in writers)
    assert len({*told[0], *told[1]}) == 20
    assert {Path(path).read_bytes() for path in told[0]} == {b"a" * 9}


def test_file_systems_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where links are not possible a name is still taken by one writer only, and freed when the
    move fails.
    """

    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    assert [save(b"x", tmp_path, "fox", "png").name for _ in range(2)] == ["fox.png", "fox-2.png"]

    monkeypatch.setattr(os, "replace", no_links)
    with pytest.raises(SaveError, match="not permitted"):
        save(b"x", tmp_path, "owl", "png")
    assert names_in(tmp_path) == ["fox-2.png", "fox.png"]


@pytest.mark.parametrize("place", ["taken/below", "taken", "nul\0l"])
def test_what_cannot_be_written_says_why(tmp_path: Path, place: str) -> None:
    """A path through a file, or with a NUL, is one of this project's errors and an ``OSError``,
    with its cause.
    """
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(SaveError, match="Cannot save in") as caught:
        save(b"x", tmp_path / place, "fox", "png")
    assert isinstance(caught.value, PollinationsError)
    assert isinstance(caught.value, OSError)
    assert caught.value.__cause__ is not None


def test_a_folder_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    """A folder under the file's name stays."""
    (tmp_path / "fox.png").mkdir()
    with pytest.raises(SaveError):
        save(b"x", tmp_path, "fox", "png", overwrite=True)
    assert names_in(tmp_path) == ["fox.png"]


def test_names_run_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbering ends somewhere, with a sentence."""
    monkeypatch.setattr("pollinations_client.media.files.MAX_NAME_ATTEMPTS", 2)
    save(b"x", tmp_path, "fox", "png")
    save(b"x", tmp_path, "fox", "png")
    with pytest.raises(SaveError, match=r"2 files named fox\.png"):
        save(b"x", tmp_path, "fox", "png")


@pytest.mark.parametrize("size", [1_000, 10_000, 100_000])
def test_an_svg_is_looked_at_in_linear_time(size: int) -> None:
    """Hostile text that begins a drawing again and again has one end to look at."""
    hostile = b"<svg " * size
    assert looks_cut(hostile, "image/svg+xml")
    assert not looks_cut(b'<svg width="1"/>  ')
    assert looks_cut(b'<svg width="1"')
    assert not looks_cut(b"<svg><g/></svg >")
