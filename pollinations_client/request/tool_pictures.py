"""Choose which pictures of tools a prompt still holds.

A picture in a conversation is paid for on every later turn, and bodies grow by it. So of the
pictures that tools gave, the latest are sent as such, and of older ones their tool's text alone.
Pictures that a user attached always stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["DEFAULT_KEEP_IMAGES", "kept_tool_media", "older_pictures"]

DEFAULT_KEEP_IMAGES = 1


def older_pictures(counts: Sequence[int], keep: int, answered_results: int) -> list[int]:
    """How many pictures of each tool result are left out, the first of it before the others.

    Args:
        counts: Pictures of each result, in the order of the conversation.
        keep: Pictures that are sent; 0 for none.
        answered_results: How many results the model has answered already. The pictures of those
            after them are new, and are sent however many they are, unless ``keep`` is 0.
    """
    left_out = list(counts)
    free = keep
    for index in range(len(counts) - 1, -1, -1):
        if keep and index >= answered_results:
            left_out[index] = 0
            free -= counts[index]
        elif free > 0:
            left_out[index] = max(0, counts[index] - free)
            free -= counts[index]
    return left_out


def kept_tool_media(
    parts: list[dict[str, Any]], older: int = 0
) -> tuple[list[dict[str, Any]], str]:
    """The parts of a tool's media that are sent, and a line that tells what is left out.

    The first ``older`` pictures are left out, and videos that are there as bytes: 16 MB of video
    make a body above the 20 MB that the gateway takes, and every later turn would fail with 413.
    An address is light, and stays.
    """
    sent = []
    pictures = videos = 0
    for part in parts:
        if part["type"] == "image_url" and pictures < older:
            pictures += 1
        elif _holds_video(part):
            videos += 1
        else:
            sent.append(part)
    lines = [
        f"[{_counted(count, noun)}{ending} left out]"
        for count, noun, ending in ((pictures, "older picture", ""), (videos, "video", " in bytes"))
        if count
    ]
    return sent, " ".join(lines)


def _counted(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun}s"


def _holds_video(part: Mapping[str, Any]) -> bool:
    if part["type"] != "video_url":
        return False
    url = part["video_url"]
    if isinstance(url, Mapping):
        url = url.get("url")
    return isinstance(url, str) and url.startswith("data:")
