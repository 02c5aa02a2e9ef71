"""``GET /image/{prompt}``: pictures and video. Fields, bounds, and how they are spelt in the query.

Source: the OpenAPI file of API 0.3.0 and the parameter schema of autumn 2026. Booleans are sent as ``true`` or not at
all, for the gateway reads any text, ``false`` too, as true.
"""

from __future__ import annotations

import secrets
import urllib.parse
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, ConfigDict, Field, field_validator

from ..errors import InvalidRequestError
from .chat import MAX_SEED
from .options import Options

URL_LIMIT_BYTES = 8_000  # the edge refuses longer ones with 400 or 414 (pollinations/pollinations issue 7786)


class ImageOptions(Options):
    """Every parameter of ``GET /image/{prompt}``. ``None`` means: not sent, the gateway's default holds."""

    model_config = ConfigDict(populate_by_name=True)

    model: str | None = None
    """Any image or video model of the gateway; its default differs between the eras, so name one."""
    width: Annotated[int, Field(ge=0)] | None = None
    """Pixels; some models return the nearest size they know. Video: the nearest of 480p, 720p, 1080p."""
    height: Annotated[int, Field(ge=0)] | None = None
    """Pixels."""
    seed: Annotated[int, Field(ge=-1, le=MAX_SEED)] | None = None
    """0 to 2147483647. The same request is answered with the same picture for ever, so without a seed, or with -1,
    a random one is drawn per call."""
    enhance: bool | None = None
    """Let the gateway rewrite the prompt (API 0.3.0)."""
    negative_prompt: str | None = None
    """What to avoid (API 0.3.0)."""
    safe: bool | str | list[str] | None = None
    """Safety filters; today's gateway takes tokens as well."""
    quality: Literal["low", "medium", "high", "hd"] | None = None
    """GPT image models and Grok only."""
    image: str | list[str] | None = None
    """URLs of reference pictures, http or https; for video the first is the start frame, the second the end frame."""
    transparent: bool | None = None
    """Transparent background; GPT image models only."""
    guidance_scale: Annotated[float, Field(ge=1, le=20)] | None = None
    """1 to 20."""
    duration: Annotated[int, Field(ge=1, le=120)] | None = None
    """Video: seconds. veo 4, 6 or 8; seedance 2 to 10; wan 2 to 15."""
    aspect_ratio: str | None = Field(default=None, validation_alias=AliasChoices("aspect_ratio", "aspectRatio"))
    """``16:9``, ``9:16`` and, with today's gateway, ``4:3``, ``1:1``, ``3:4``, ``21:9``, ``9:21``, ``adaptive``."""
    audio: bool | None = None
    """Video: with sound (veo; costs extra)."""
    resolution: str | None = None
    """``1k``, ``2k``, ``4k``, ``480p``, ``720p``, ``1080p``... (today's gateway)."""
    private: bool | None = None
    nologo: bool | None = None
    nofeed: bool | None = None
    reference_images: str | list[str] | None = None
    reference_videos: str | list[str] | None = None
    reference_audios: str | list[str] | None = None
    extra_query: dict[str, str | int | float | bool] | None = None
    """Parameters that are not listed here, sent as they are."""

    @field_validator("image", "reference_images", "reference_videos", "reference_audios")
    @classmethod
    def _links_only(cls, given: str | list[str] | None) -> str | list[str] | None:
        links = [given] if isinstance(given, str) else given or []
        for link in (one for several in links for one in several.split("|")):
            if urllib.parse.urlsplit(link).scheme not in {"http", "https"}:
                raise ValueError("A reference is an http or https URL; data URLs and local files are not taken here")
        return given or None


def image_query(options: ImageOptions) -> list[tuple[str, str]]:
    """The query, with the random seed drawn. Links come last, as the gateway's own error message asks."""
    given = options.given()
    extra: Mapping[str, Any] = given.pop("extra_query", {})
    if given.get("seed", -1) == -1:
        given["seed"] = secrets.randbelow(MAX_SEED + 1)
    if "aspect_ratio" in given:
        given["aspectRatio"] = given.pop("aspect_ratio")
    links = ("reference_images", "reference_videos", "reference_audios", "image")
    ordered = [(name, given[name]) for name in given if name not in links]
    ordered += [*extra.items(), *((name, given[name]) for name in links if name in given)]
    return [(name, _in_query(value, "|" if name in links else ",")) for name, value in ordered if value is not False]


def _in_query(value: Any, separator: str) -> str:
    if value is True:
        return "true"
    if isinstance(value, list):
        return separator.join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def prompt_path(endpoint: str, prompt: str) -> str:
    """``endpoint`` with ``prompt`` as one percent-encoded segment. An empty prompt is refused."""
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidRequestError("prompt: it is empty; say what to make.", param="prompt")
    try:
        segment = urllib.parse.quote(prompt, safe="")
    except UnicodeEncodeError as error:
        raise InvalidRequestError("prompt: it holds half a character (a lone surrogate).", param="prompt") from error
    if not segment.strip("."):
        segment = segment.replace(".", "%2E")  # a bare dot segment would be resolved away
    return f"{endpoint}/{segment}"


def check_url_length(target: str) -> str:
    """``target``, path and query as sent; refused when the edge in front of the gateway would refuse it."""
    if len(target) > URL_LIMIT_BYTES:
        raise InvalidRequestError(
            f"prompt: with its parameters it makes a URL of {len(target)} bytes, and the gateway's edge takes "
            f"{URL_LIMIT_BYTES}. Shorten the prompt.",
            param="prompt",
        )
    return target
