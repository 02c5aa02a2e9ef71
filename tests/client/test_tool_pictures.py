"""Which pictures of tools a prompt still holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollinations_client.request.tool_pictures import kept_tool_media, older_pictures

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
FILE = {"type": "file", "file": {"file_id": "f"}}


@pytest.mark.parametrize(
    ("counts", "keep", "seen", "left_out"),
    [
        ([1, 1, 1], 1, 3, [1, 1, 0]),
        ([1, 1, 1], 2, 3, [1, 0, 0]),
        ([1, 1, 1], 0, 3, [1, 1, 1]),
        ([1, 1, 1], 9, 3, [0, 0, 0]),
        ([3], 1, 1, [2]),
        ([1, 0, 2, 0], 1, 4, [1, 0, 1, 0]),
        ([1, 1, 1], 1, 1, [1, 0, 0]),  # two are new: the model has not seen them
        ([1, 1], 2, 1, [0, 0]),
        ([1, 1], 0, 1, [1, 1]),
        ([], 1, 0, []),
    ],
)
def test_the_latest_pictures_stay(
    counts: list[int], keep: int, seen: int, left_out: list[int]
) -> None:
    """Counted from the end; what is new stays whole."""
    assert older_pictures(counts, keep, seen) == left_out


@given(st.lists(st.integers(0, 4), max_size=8), st.integers(0, 6))
def test_of_pictures_that_were_seen_as_many_stay_as_are_kept(counts: list[int], keep: int) -> None:
    """Or all there are."""
    left_out = older_pictures(counts, keep, len(counts))
    assert sum(counts) - sum(left_out) == min(keep, sum(counts))
    assert all(0 <= left <= count for left, count in zip(left_out, counts, strict=True))


def test_pictures_are_left_out_with_a_word() -> None:
    """The first of a result; files stay."""
    second = {"type": "image_url", "image_url": {"url": "https://a.example/2.png"}}
    kept = kept_tool_media([PICTURE, FILE, second], 1)
    assert kept == ([FILE, second], "[1 older picture left out]")
    assert kept_tool_media([PICTURE, second], 2) == ([], "[2 older pictures left out]")
    assert kept_tool_media([PICTURE], 0) == ([PICTURE], "")


def test_bytes_of_a_tools_video_never_enter_a_prompt() -> None:
    """An address does."""
    video = {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AA=="}}
    link = {"type": "video_url", "video_url": {"url": "https://a.example/v.mp4"}}
    kept = kept_tool_media([video, link, PICTURE])
    assert kept == ([link, PICTURE], "[1 video in bytes left out]")
