"""The options of the picture and video tools, and the models that they may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..catalog.catalog import Catalog
from ..catalog.model_card import ModelCard
from ..errors import InvalidRequestError
from ..request.audio_options import DEFAULT_SPEECH_MODEL, DEFAULT_TRANSCRIPTION_MODEL
from ..request.image_options import ImageOptions

__all__ = [
    "AgentToolOptions",
    "MediaToolOptions",
    "ModelChoice",
    "check_kind",
    "model_choice",
    "request_fields",
]

MADE_BY = {"image": "pictures", "video": "videos", "audio": "sound", "text": "text"}
EXAMPLES = {"image": "flux", "video": "veo", "text": "sonar", "audio": "elevenlabs"}
# What the models of an agent's other tools make, by the options that name them.
OTHER_MODELS = {
    "video_model": "video",
    "search_model": "text",
    "speech_model": "audio",
    "transcription_model": "audio",
}
# Of a toolkit's options, those that mean something to its other tool alone.
FOREIGN_FIELDS = {
    "image": frozenset({"duration", "audio", "resolution"}),
    "video": frozenset({"width", "height", "quality", "transparent", "guidance_scale"}),
}


class MediaToolOptions(ImageOptions, defer_build=False):
    """Options of a tool for all its pictures and videos, which the program sets and no model.

    A call's arguments prevail over the fields of :class:`~pollinations_client.ImageOptions`.
    """

    models: list[str] | None = None
    """Models that the caller may choose from; without them it chooses none."""
    save_dir: str | Path | None = None
    """Folder to save into, whatever its name looks like. The model reads the paths of its files."""
    return_image: bool | Literal["auto"] = False
    """Also show the picture to the model that called, which costs tokens in later turns.

    Chat models of this project leave it out where the model reads no pictures.
    """
    artifact_data: Literal["auto", "bytes", "none"] = "auto"
    """Whether the result holds the bytes: by default where they are not saved."""
    media_base_url: str | None = None
    """Where pictures are uploaded, if not to the gateway's own store."""
    upload: bool = False
    """Let a picture that is to be changed become public for 30 days, where the gateway takes it no
    other way.
    """


class AgentToolOptions(MediaToolOptions, defer_build=False):
    """What the operator settles for all tools of an agent: which are offered, and their models."""

    video_model: str | None = None
    """The model of videos. ``None`` leaves the tool out: a video costs as much as 100 pictures."""
    search_model: str | None = "sonar"
    """The model that searches the web. ``None`` leaves the tool out."""
    voice: bool = False
    """Offer ``speak`` and ``transcribe`` too; their files are in ``save_dir``."""
    speech_model: str = DEFAULT_SPEECH_MODEL
    """The model that speaks."""
    transcription_model: str = DEFAULT_TRANSCRIPTION_MODEL
    """The model that listens."""

    def offered_tools(self) -> list[str]:
        """The names of the tools that an agent gets, in their order."""
        names = {
            "generate_image": True,
            "generate_video": self.video_model is not None,
            "web_search": self.search_model is not None,
            "list_models": len(self.models or ()) > 1,  # else there is no choice
            "speak": self.voice,
            "transcribe": self.voice,
            "check_balance": True,
        }
        return [name for name, is_offered in names.items() if is_offered]

    def check_other_models(self, catalog: Catalog) -> None:
        """Refuse models, other than the one that draws, that are known to make something else."""
        for option, kind in OTHER_MODELS.items():
            if (model := getattr(self, option)) is not None:  # None leaves a tool out
                check_kind(catalog, kind, model, param=option)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The models of one tool: the one that is used, and those that a caller may choose."""

    default: str | None
    offered: tuple[str, ...]
    cards: tuple[ModelCard | None, ...]

    def name_for(self, requested: str | None) -> str | None:
        """The model of a call: the one that it names, else the tool's own."""
        return requested or self.default


def model_choice(
    catalog: Catalog, kind: str, model: str | None, models: Sequence[str] | None
) -> ModelChoice:
    """The models of a tool of ``kind``.

    Raises :class:`InvalidRequestError` for a model that is known to make something else.
    """
    if models is not None and not models:
        raise InvalidRequestError("models: the list is empty; name one or leave it out.")
    offered = tuple(dict.fromkeys(models or ()))
    if model is not None:
        check_kind(catalog, kind, model, param="model")
    for name in offered:
        check_kind(catalog, kind, name, param="models")
    names = tuple(filter(None, dict.fromkeys([model, *offered])))
    cards = tuple(catalog.get(name, kind) for name in names)
    return ModelChoice(next(iter(names), None), offered, cards)


def check_kind(catalog: Catalog, kind: str, name: Any, *, param: str) -> None:
    """Refuse a model that is known to make something else than ``kind``."""
    if not isinstance(name, str) or not name.strip():
        raise InvalidRequestError(
            f"{param}: the name of a model is needed, not {name!r}.", param=param
        )
    card = catalog.get(name)
    if card is None or catalog.get(name, kind) is not None:
        return
    makes = MADE_BY.get(card.category, f"output of the kind {card.category}")
    raise InvalidRequestError(
        f"{param}: {name!r} makes {makes}. Name a model that makes {MADE_BY[kind]}, such as"
        f" {EXAMPLES[kind]!r}.",
        param=param,
    )


def request_fields(options: Any, kind: str, *, shared: bool = False) -> dict[str, Any]:
    """The operator's fields of a request; those of a toolkit are ``shared`` among its tools."""
    foreign: frozenset[str] = frozenset()
    if shared:
        foreign = FOREIGN_FIELDS[kind]
    fields = ((name, getattr(options, name)) for name in ImageOptions.model_fields)
    return {
        name: value
        for name, value in fields
        if value is not None and name != "model" and name not in foreign
    }
