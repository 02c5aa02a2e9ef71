"""The arguments of each tool as a pydantic class, made from the cards of the tool's models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)

from ..catalog.model_card import Durations, ModelCard
from ..errors import InvalidRequestError
from ..request.chat_options import MAX_SEED
from ..request.validation import invalid_request_from
from .messages import message_for_model
from .options import ModelChoice

__all__ = [
    "ArgumentAdvice",
    "ListArguments",
    "NoArguments",
    "SearchArguments",
    "argument_error",
    "checked_arguments",
    "image_arguments",
    "video_arguments",
]

MIN_PX, MAX_PX, DEFAULT_LONG_SIDE_PX = 64, 2048, 1024
PX_STEP = 8  # picture models work in blocks of eight pixels
MAX_PROMPT_CHARS = 32_000  # of POST /v1/images/generations
MAX_DURATION_S = 120
MAX_LISTED_DURATIONS = 30
MAX_CACHED_CLASSES = 64  # a class takes a millisecond to make, and is the same for the same models
PICTURE_RATIOS = ("1:1", "4:3", "3:4", "16:9", "9:16", "21:9", "9:21")
VIDEO_RATIOS = ("16:9", "9:16")  # what both eras of the gateway know
# Sides are rounded to blocks, which of a small picture is a few per cent.
MAX_RATIO_DIFFERENCE = 0.05


class Arguments(BaseModel):
    """Arguments of a tool. Others than the fields are refused."""

    # One class serves both frameworks: its JSON schema is what the model reads, its validation what
    # stands before a request.

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class NoArguments(Arguments):
    """Nothing to decide."""


class SearchArguments(Arguments):
    """What to look up."""

    query: str = Field(
        min_length=1,
        max_length=MAX_PROMPT_CHARS,
        description="What to find out, as a full question or as search words.",
    )


class ListArguments(Arguments):
    """Which models to list."""

    kind: Literal["text", "image", "video", "audio"] = Field(
        default="text", description="text for chat, image, video or audio."
    )


class _PictureArguments(Arguments):
    """The size of a picture: by its shape, or in pixels."""

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        shape: str | None = getattr(self, "aspect_ratio", None)
        width, height = getattr(self, "width", None), getattr(self, "height", None)
        if shape is None or width is None or height is None:
            return self
        across, down = ratio_of(shape)
        if abs(width * down / (height * across) - 1) > MAX_RATIO_DIFFERENCE:
            raise ValueError(
                f"{width}x{height} pixels are not {shape}; give aspect_ratio, or width and height"
            )
        return self


def _as_list(value: Any) -> Any:
    """A single address as a list of one, for models give it so."""
    if isinstance(value, str):
        return [value]
    return value


def _whole_number(value: Any) -> Any:
    """The number that a text such as "4" or "4.0" is; any other value as it is."""
    text = str(value).removesuffix(".0")
    # No length in seconds has five digits; what has goes on to the check, which names the bounds.
    if text.isascii() and text.isdigit() and len(text) < 5:
        return int(text)
    return value


def ratio_of(shape: str) -> tuple[int, int]:
    """``16:9`` as two numbers."""
    across, _, down = shape.partition(":")
    return int(across), int(down)


@lru_cache(maxsize=MAX_CACHED_CLASSES)
def image_arguments(choice: ModelChoice) -> type[BaseModel]:
    """The arguments of ``generate_image`` for the models of a tool."""
    px = Annotated[int, Field(ge=MIN_PX, le=MAX_PX)]
    fields: dict[str, Any] = {
        "prompt": _prompt(
            "What the picture shows: subject, surroundings, style, light. English works best."
        ),
        "aspect_ratio": _optional(
            Literal[PICTURE_RATIOS], "Shape of the picture, wide by high; or give width and height."
        ),
        "width": _optional(px, "Width in pixels, 64 to 2048; leave it out for the usual size."),
        "height": _optional(px, "Height in pixels, 64 to 2048; leave it out for the usual size."),
        "seed": _seed("picture"),
        **_references(
            choice.cards,
            "Pictures to change or to start from: https addresses, or names of pictures made"
            " before, such as picture-1.",
        ),
        **_model(choice),
    }
    return create_model("GenerateImage", __base__=_PictureArguments, **fields)


@lru_cache(maxsize=MAX_CACHED_CLASSES)
def video_arguments(choice: ModelChoice) -> type[BaseModel]:
    """The arguments of ``generate_video`` for the models of a tool."""
    fields: dict[str, Any] = {
        "prompt": _prompt("What happens in the video: subject, movement, surroundings, camera."),
        "duration": _optional(_duration(choice.cards), "Length in seconds."),
        "aspect_ratio": _optional(Literal[VIDEO_RATIOS], "16:9 is wide, 9:16 is upright."),
        "seed": _seed("video"),
        **_references(
            choice.cards,
            "The first picture of the video and, if wanted, the last one: https addresses, or"
            " names of pictures made before, such as picture-1.",
        ),
        **_model(choice),
    }
    return create_model("GenerateVideo", __base__=Arguments, **fields)


def _optional(kind: Any, description: str) -> tuple[Any, Any]:
    return (kind | None, Field(default=None, description=description))


def _prompt(description: str) -> tuple[Any, Any]:
    return (str, Field(min_length=1, max_length=MAX_PROMPT_CHARS, description=description))


def _seed(noun: str) -> tuple[Any, Any]:
    number = Annotated[int, Field(ge=0, le=MAX_SEED)]
    return _optional(
        number, f"A number from 0 to {MAX_SEED}; the same one makes the same {noun} again."
    )


def _references(cards: Sequence[ModelCard | None], description: str) -> dict[str, Any]:
    """The argument ``image``, if a model of the tool is known to take pictures."""
    taking = [card for card in cards if card is not None and references_of(card) != 0]
    if not taking:
        return {}
    # The model that takes most decides; the tool checks the number again for the one it asks.
    limits = [references_of(card) for card in taking]
    max_length = max((limit for limit in limits if limit is not None), default=None)
    if None in limits:
        max_length = None
    addresses = Annotated[
        list[str], Field(min_length=1, max_length=max_length), BeforeValidator(_as_list)
    ]
    return {"image": _optional(addresses, description)}


def references_of(card: ModelCard) -> int | None:
    """How many reference pictures a model takes; ``None`` for some, of unknown number."""
    if card.max_reference_images is None and not card.vision:
        return 0
    return card.max_reference_images


def _model(choice: ModelChoice) -> dict[str, Any]:
    """The argument ``model``, if there is a choice."""
    if len(choice.offered) < 2:
        return {}
    # Two literals of the same names in another order are equal, and typing hands out the older.
    names: Any = Annotated[Literal[choice.offered], choice.offered]
    return {"model": _optional(names, "The model to use; leave it out for the usual one.")}


def _duration(cards: Sequence[ModelCard | None]) -> Any:
    """The type of ``duration``: one of the lengths on the cards, or any if a card lists none."""
    lengths: set[int] = set()
    for card in cards:
        card_lengths: list[int] = []
        if card is not None and card.durations:
            card_lengths = _seconds(card.durations)
        if not card_lengths:
            lengths.clear()
            break
        lengths.update(card_lengths)
    if 0 < len(lengths) <= MAX_LISTED_DURATIONS:
        return Annotated[Literal[tuple(sorted(lengths))], BeforeValidator(_whole_number)]
    return Annotated[int, Field(ge=1, le=MAX_DURATION_S)]


def _seconds(durations: Durations) -> list[int]:
    """Every whole length that a card allows."""
    if durations.allowed:
        return [int(length) for length in durations.allowed if length == int(length)]
    if durations.maximum is None:
        return []
    top, step = int(durations.maximum), durations.step or Decimal(1)
    if step < 1:
        return []
    return list(range(int(durations.minimum or step), top + 1, int(step)))


def checked_arguments(kind: type[BaseModel], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Validate the arguments of a call, and leave out those that are null.

    Raises :class:`InvalidRequestError`, which names the arguments that exist, or the bounds.
    """
    try:
        checked = kind.model_validate(dict(arguments))
    except ValidationError as error:
        refusal = argument_error(error, tuple(kind.model_fields))
    else:
        return checked.model_dump(exclude_none=True)
    raise refusal


def argument_error(error: ValidationError, names: Sequence[str]) -> InvalidRequestError:
    """An error that says what is wrong with the arguments of a call; ``names`` are those it has."""
    unknown = [fault["loc"][0] for fault in error.errors() if fault["type"] == "extra_forbidden"]
    if not unknown:
        return invalid_request_from(error, names, door=None)
    noun = "argument"
    if len(unknown) > 1:
        noun = "arguments"
    sentence = "There are no arguments."
    if names:
        sentence = f"The arguments are: {', '.join(names)}."
    unknown_names = ", ".join(repr(str(name)) for name in unknown)
    return InvalidRequestError(f"Unknown {noun} {unknown_names}. {sentence}", param=str(unknown[0]))


@dataclass(frozen=True)
class ArgumentAdvice:
    """Turns a validation error into the answer of a tool."""

    names: tuple[str, ...] = ()

    def __call__(self, error: Any) -> str:
        """The sentence for a model."""
        return message_for_model(argument_error(error, self.names))


def size_px(
    shape: str, width: int | None, height: int | None, long_side_px: int
) -> tuple[int, int]:
    """Width and height in pixels of a picture of ``shape``; a side that is given stays."""
    across, down = ratio_of(shape)
    if width is not None and height is not None:
        return width, height
    if width is not None:
        return width, _stepped(width * down / across)
    if height is not None:
        return _stepped(height * across / down), height
    if across >= down:
        return long_side_px, _stepped(long_side_px * down / across)
    return _stepped(long_side_px * across / down), long_side_px


def _stepped(pixels: float) -> int:
    return min(max(round(pixels / PX_STEP) * PX_STEP, MIN_PX), MAX_PX)
