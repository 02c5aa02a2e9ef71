"""Read the pictures out of a request that has some edited."""

from __future__ import annotations

from pollinations_client.emulator import Received
from pollinations_client.media.data_url import parse_data_url


def pictures_in(request: Received) -> list[bytes]:
    """The bytes of the pictures, in their order."""
    return [parse_data_url(source["image_url"])[1] for source in request.json["image"]]
