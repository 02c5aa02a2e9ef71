"""``GET /image/{prompt}``: pictures and video. Fields, bounds, and how they are spelt in the query.

Source: the OpenAPI file of API 0.3.0 and the parameter schema of autumn 2026. Booleans are sent as
``true`` or not at all, for the gateway reads any text, ``false`` too, as true.
"""

from __future__ import annotations

import re
import secrets
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, ConfigDict, Field, field_validator

from ..errors import InvalidRequestError
from .chat_options import MAX_SEED, SafetyTokens, Seed
from .validation import Check, Options, within

# The edge refuses longer ones with 400 or 414 (pollinations/pollinations issue 7786).
URL_LIMIT_BYTES = 8_000
MAX_PROMPT_CHARS = 32_000  # of POST /v1/images/generations and /edits
DEFAULT_SIDE_PX = 1024

LINKS = ("reference_images", "reference_videos", "reference_audios", "image")


def _no_key(extra: dict[str, str | int | float | bool]) -> dict[str, str | int | float | bool]:
    if "key" in extra:
        raise ValueError(
            "A key in a URL ends up in logs and caches; pass it as api_key to the client"
        )
    return extra


ExtraQuery = Annotated[dict[str, str | int | float | bool], Check(_no_key, "without a key")]


class ImageOptions(Options):
    """Every parameter of ``GET /image/{prompt}``.

    ``None`` means: not sent, the gateway's default holds.
    """

    model_config = ConfigDict(populate_by_name=True)

    model: str | None = None
    """Any image or video model of the gateway; its default differs between the eras, so name one.
    """
    width: Annotated[int, within(0, unit="pixels")] | None = None
    """Pixels; some models return the nearest size they know.

    Video: the nearest of 480p, 720p, 1080p.
    """
    height: Annotated[int, within(0, unit="pixels")] | None = None
    """Pixels."""
    seed: Seed | None = None
    """0 to 2147483647.

    The same request is answered with the same picture for ever, so without a seed, or with -1, a
    random one is drawn per call.
    """
    enhance: bool | None = None
    """Let the gateway rewrite the prompt (API 0.3.0)."""
    negative_prompt: str | None = None
    """What to avoid (API 0.3.0)."""
    safe: SafetyTokens | None = None
    """Safety filters; today's gateway takes tokens as well."""
    quality: Literal["low", "medium", "high", "hd"] | None = None
    """GPT image models and Grok only."""
    image: str | list[str] | None = None
    """URLs of reference pictures, http or https, as a list or joined by bars; for video the first
    is the start frame, the second the end frame.
    """
    transparent: bool | None = None
    """Transparent background; GPT image models only."""
    guidance_scale: Annotated[float, within(1, 20)] | None = None
    """1 to 20."""
    duration: Annotated[int, within(1, 120, "seconds")] | None = None
    """Video: seconds. veo 4, 6 or 8; seedance 2 to 10; wan 2 to 15."""
    aspect_ratio: str | None = Field(
        default=None, validation_alias=AliasChoices("aspect_ratio", "aspectRatio")
    )
    """``16:9``, ``9:16`` and, with today's gateway, ``4:3``, ``1:1``, ``3:4``, ``21:9``, ``9:21``,
    ``adaptive``.
    """
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
    extra_query: ExtraQuery | None = None
    """Parameters that are not listed here, sent as they are."""

    @field_validator("image", "reference_images", "reference_videos", "reference_audios")
    @classmethod
    def _links_only(cls, references: str | list[str] | None) -> str | list[str] | None:
        links = references or []
        if isinstance(links, str):
            links = [links]
        for link in (part for joined in links for part in re.split(r"[|,](?=\w+:)", joined)):
            if urllib.parse.urlsplit(link).scheme not in {"http", "https"}:
                raise ValueError(
                    "A reference is an http or https URL; data URLs and local files are not taken"
                    " here"
                )
        return references or None


def image_query(options: ImageOptions) -> list[tuple[str, str]]:
    """The query, with the random seed drawn.

    Links come last, as the gateway's own error message asks.
    """
    fields, extra = _drawn_fields(options)
    ordered = [(name, fields[name]) for name in fields if name not in LINKS]
    links = [(name, _linked(fields[name])) for name in LINKS if name in fields]
    return query_pairs([*ordered, *extra.items(), *links])


def _drawn_fields(options: ImageOptions) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The fields that were set, with the random seed drawn, and those that are not listed here."""
    fields = options.set_fields()
    extra: Mapping[str, Any] = fields.pop("extra_query", {})
    # Without a seed one address names one picture for ever, for everybody: the cache is shared.
    # -1 is a fixed seed today, and was kept out of the cache in 2026 for some models only
    # (pollinations/pollinations issues 6746 and 6893).
    if fields.get("seed", -1) == -1:
        fields["seed"] = secrets.randbelow(MAX_SEED + 1)
    if "aspect_ratio" in fields:
        fields["aspectRatio"] = fields.pop("aspect_ratio")
    return fields, extra


def _linked(links: str | list[str]) -> str:
    """Links joined by bars.

    The gateway splits at bars, or else at commas: one that is part of a link is encoded.
    """
    if isinstance(links, list):
        links = "|".join(links)
    joined = re.sub(r"\|(?!https?:)", "%7C", links)
    if "|" in joined:
        return joined
    return re.sub(r",(?!https?:)", "%2C", joined)


def query_pairs(fields: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Names and values as text: a boolean is ``true`` or absent."""
    # "false" would be read as true: the schema of 2026 takes any text that is not empty for it.
    return [(name, _in_query(value)) for name, value in fields if value is not False]


def _in_query(value: Any) -> str:
    if value is True:
        return "true"
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return str(value)


def prompt_path(endpoint: str, prompt: str) -> str:
    """``endpoint`` with ``prompt`` as one percent-encoded segment. An empty prompt is refused.

    Line breaks become spaces: the gateway of API 0.3.0 takes them out and joins the words beside
    them, and answers 404 for some.
    """
    _check_says_something(prompt)
    try:
        segment = urllib.parse.quote(" ".join(prompt.splitlines()), safe="")
    except UnicodeEncodeError as error:
        raise InvalidRequestError(
            "prompt: it holds half a character (a lone surrogate).", param="prompt"
        ) from error
    if not segment.strip("."):
        segment = segment.replace(".", "%2E")  # a bare dot segment would be resolved away
    if segment == "models":
        segment += "%20"  # the bare word is the address of the list of models
    return f"{endpoint}/{segment}"


def _check_says_something(prompt: Any) -> None:
    if not isinstance(prompt, str):
        raise InvalidRequestError(
            f"prompt: a text is needed, {type(prompt).__name__} was given.", param="prompt"
        )
    if not prompt.strip():
        raise InvalidRequestError("prompt: it is empty; say what to make.", param="prompt")


def checked_prompt(prompt: str) -> str:
    """A prompt for a body; an empty one is refused, and one that is too long."""
    _check_says_something(prompt)
    if len(prompt) > MAX_PROMPT_CHARS:
        raise InvalidRequestError(
            f"prompt: it has {len(prompt)} characters, and the gateway takes {MAX_PROMPT_CHARS}."
            " Shorten the prompt.",
            param="prompt",
        )
    return prompt


def generation_fields(options: ImageOptions) -> dict[str, Any]:
    """The fields of ``POST /v1/images/generations`` and ``/edits``, with the random seed drawn.

    ``width`` and ``height`` are one field there, and the picture comes inside the JSON.
    """
    fields, extra = _drawn_fields(options)
    width, height = fields.pop("width", None), fields.pop("height", None)
    if width or height:
        fields["size"] = f"{width or DEFAULT_SIDE_PX}x{height or DEFAULT_SIDE_PX}"
    for name in LINKS:
        if isinstance(links := fields.get(name), str):
            fields[name] = re.split(r"\|(?=https?:)", links)
    sent = {name: value for name, value in fields.items() if value not in (False, [])}
    return {**sent, **extra, "response_format": "b64_json"}


def is_too_long(target: str) -> bool:
    """Whether the edge in front of the gateway refuses an address of this length."""
    return len(target) > URL_LIMIT_BYTES


def check_url_length(target: str) -> str:
    """``target``, path and query as sent; refused when the edge in front of the gateway would
    refuse it.
    """
    if is_too_long(target):
        raise InvalidRequestError(
            f"prompt: with its parameters it makes a URL of {len(target)} bytes, and the gateway's"
            f" edge takes {URL_LIMIT_BYTES}. Shorten the prompt.",
            param="prompt",
        )
    return target
