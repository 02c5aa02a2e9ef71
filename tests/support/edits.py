"""Read the pictures out of a request that has some edited."""

from __future__ import annotations

from pollinations_client.emulator import Received
from pollinations_client.media.data_url import parse_data_url


def pictures_in(request: Received) -> list[bytes]:
    """The bytes of the pictures, in their order; one alone is a string, as in OpenAI's schema."""
    image = request.json["image"]
    addresses = [image]
    if isinstance(image, list):
        assert len(image) > 1
        addresses = [source["image_url"] for source in image]
    return [parse_data_url(address)[1] for address in addresses]
