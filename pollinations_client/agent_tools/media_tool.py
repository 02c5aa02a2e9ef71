"""The picture and the video tool: what they send for a model's arguments, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from ..catalog.catalog import Catalog
from ..catalog.pricing import Cost
from ..errors import InvalidRequestError, MalformedReply, NotFoundError, SaveError
from ..response.media_result import MediaResult
from ..response.picture import Picture
from .arguments import (
    DEFAULT_LONG_SIDE_PX,
    image_arguments,
    references_of,
    size_px,
    video_arguments,
)
from .options import MediaToolOptions, ModelChoice, model_choice, request_fields
from .references import ConversationPictures, bytes_of, check_address

if TYPE_CHECKING:
    from ..client import AsyncPollinationsClient, PollinationsClient

__all__ = ["MediaAnswer", "MediaRequest", "MediaTool", "make_media", "make_media_async"]

Kind = Literal["image", "video"]
ARGUMENTS: dict[Kind, Callable[[ModelChoice], type[BaseModel]]] = {
    "image": image_arguments,
    "video": video_arguments,
}
NAMES: dict[Kind, str] = {"image": "generate_image", "video": "generate_video"}
NOUNS: dict[Kind, str] = {"image": "picture", "video": "video"}
OTHER_NOUNS: dict[Kind, str] = {"image": "video", "video": "picture"}
DESCRIPTIONS: dict[Kind, str] = {
    "image": (
        "Draw a picture from a description. Use it whenever the user asks to draw, paint, generate"
        " or create an image, picture, photo, logo or illustration. Describe everything the picture"
        " should show in the prompt."
    ),
    "video": (
        "Make a short video from a description. It takes a minute or more and costs much more than"
        " a picture: use it only when the user asks for a video, a clip or an animation."
    ),
}
MAX_SUBJECT_CHARS = 300  # the model wrote it, and pays for it again on every turn
EDITS = (
    " To change a picture that was made before, name it in image and say in the prompt what to"
    " change."
)
NO_EDITS = (
    "image: only pictures at an https address can be used here. Give one, or leave image out and"
    " describe everything in the prompt."
)


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """The call of the client that a tool makes."""

    kind: Kind
    prompt: str
    options: dict[str, Any]
    pictures: tuple[bytes, ...] = field(default=(), repr=False)
    """Pictures to change that are at no address."""
    upload: bool = False


@dataclass(frozen=True, slots=True)
class MediaAnswer:
    """The answer of a tool: a text for the model, and the result for the program."""

    text: str
    result: MediaResult
    picture_for_model: Picture | None = None
    """The picture, if the model is to see it."""


class MediaTool:
    """Decides for one tool and its options what is sent and what is answered."""

    def __init__(
        self,
        kind: Kind,
        catalog: Catalog,
        options: MediaToolOptions,
        *,
        model: str | None,
        models: list[str] | None,
        pictures: ConversationPictures,
        shared: bool = False,
    ) -> None:
        """Raises :class:`InvalidRequestError` for a model that is known to make something else.

        ``shared`` says that ``options`` are those of a toolkit.
        """
        self.kind: Kind = kind
        self.options, self.shared = options, shared
        self._pictures = pictures
        self._catalog = catalog
        self.choice = model_choice(catalog, kind, model, models)

    def arguments(self) -> type[BaseModel]:
        """The class of the arguments."""
        return ARGUMENTS[self.kind](self.choice)

    def description(self, arguments: type[BaseModel]) -> str:
        """What the tool does, for the model."""
        if self.kind == "image" and "image" in arguments.model_fields:
            return DESCRIPTIONS[self.kind] + EDITS
        return DESCRIPTIONS[self.kind]

    def request(self, arguments: Mapping[str, Any], thread: str | None = None) -> MediaRequest:
        """The request for checked arguments. Raises :class:`InvalidRequestError`."""
        fields = {name: value for name, value in arguments.items() if value is not None}
        prompt = fields.pop("prompt")
        if not prompt.strip():
            raise InvalidRequestError("prompt: it is empty; say what to make.", param="prompt")
        references = fields.pop("image", [])
        model = self.choice.name_for(fields.pop("model", None))
        options = request_fields(self.options, self.kind, shared=self.shared)
        if self.kind == "image":
            fields = _in_pixels(fields, options)
        options |= fields
        if model is not None:
            options["model"] = model
        if not references:
            return MediaRequest(self.kind, prompt, options)
        self._check_reference_count(model, len(references))
        earlier = [self._pictures.find(reference, thread) for reference in references]
        addresses, pictures = _resolved(references, earlier)
        if self.kind == "image" and earlier[0] is not None:
            _keep_size(options, earlier[0])
        if addresses and not pictures:
            options["image"] = addresses
        elif addresses:
            raise InvalidRequestError(
                "image: give addresses, or names of pictures, not both at once.", param="image"
            )
        if pictures and self.kind == "video" and not self.options.upload:
            raise InvalidRequestError(NO_EDITS, param="image")
        return MediaRequest(self.kind, prompt, options, tuple(pictures), self.options.upload)

    def _check_reference_count(self, model: str | None, count: int) -> None:
        card = self._catalog.get(model, self.kind)
        if card is None or (limit := references_of(card)) is None or count <= limit:
            return
        if limit > 0:
            raise InvalidRequestError(
                f"image: {model} takes at most {limit} pictures.", param="image"
            )
        capable = [
            name
            for name in self.choice.offered
            if (card_of_other := self._catalog.get(name, self.kind))
            and references_of(card_of_other) != 0
        ]
        problem = f"image: {model} takes no pictures to start from."
        if capable:
            problem += f" These do: {', '.join(capable)}."
        raise InvalidRequestError(problem, param="image")

    def answer(self, picture: Picture, cost: Cost, thread: str | None = None) -> MediaAnswer:
        """Make the answer for a picture that came, and save it if the options say so.

        Raises :class:`MalformedReply` if the model made the other kind.
        """
        if picture.is_video != (self.kind == "video"):
            raise MalformedReply(
                f"The model {picture.model} makes {OTHER_NOUNS[self.kind]}s and no"
                f" {NOUNS[self.kind]}s: a {picture.mime_type} came. Another model is needed; tell"
                " the user.",
                partial=picture,
            )
        path, saved_note = self._save(picture)
        size = picture.size_px or (None, None)
        # A long-running agent makes many pictures: what is in a file is not in memory as well.
        data = picture.data if path is None else None
        result = MediaResult(
            data=data,
            mime_type=picture.mime_type,
            path=path,
            url=picture.media_url,
            prompt=picture.prompt,
            model=picture.model,
            seed=picture.seed,
            width=size[0],
            height=size[1],
            duration_s=picture.duration_s,
            cost=None if cost.total is None else float(cost.total),
            cost_is_upper_bound=cost.is_upper_bound,
        )
        text = _summary(NOUNS[self.kind], result, saved_note)
        artifact_data = {"auto": data, "bytes": picture.data, "none": None}
        artifact = result.model_copy(update={"data": artifact_data[self.options.artifact_data]})
        if picture.is_video:  # no model here takes a video to start from, so it needs no name
            return MediaAnswer(text, artifact)
        text += f" It is called {self._pictures.add(result, thread)}."
        if not self.options.return_image:
            return MediaAnswer(text, artifact)
        return MediaAnswer(text, artifact, picture_for_model=picture)

    def _save(self, picture: Picture) -> tuple[str | None, str]:
        """Save the picture, if it is to be saved; return the path and a note for the answer."""
        # What was paid for is not lost because a folder cannot be written.
        if self.options.save_dir is None:
            return None, ""
        try:
            path = str(picture.save_in(self.options.save_dir))
        except SaveError as error:
            return None, f", not saved ({error.message.rstrip('.')})"
        return path, f", saved as {path}"


def _resolved(
    references: list[str], earlier: list[MediaResult | None]
) -> tuple[list[str], list[bytes]]:
    """Addresses, and the bytes of pictures that were made before and have none."""
    addresses, pictures = [], []
    for reference, picture in zip(references, earlier, strict=True):
        if picture is None:
            addresses.append(check_address(reference))
        elif picture.url is not None:
            addresses.append(picture.url)
        else:
            pictures.append(bytes_of(picture, reference))
    return addresses, pictures


def _keep_size(options: dict[str, Any], picture: MediaResult) -> None:
    """Ask for the size of the picture that is changed, unless the options name one."""
    has_size = options.get("width") or options.get("height") or options.get("aspect_ratio")
    if picture.width and picture.height and not has_size:
        options |= {"width": picture.width, "height": picture.height}


def _in_pixels(fields: dict[str, Any], tool_options: Mapping[str, Any]) -> dict[str, Any]:
    """A shape as width and height, which every picture model of both eras takes."""
    if (shape := fields.pop("aspect_ratio", None)) is None:
        return fields
    long_side_px = (
        max(tool_options.get("width") or 0, tool_options.get("height") or 0) or DEFAULT_LONG_SIDE_PX
    )
    width, height = size_px(shape, fields.get("width"), fields.get("height"), long_side_px)
    return {**fields, "width": width, "height": height}


def _summary(noun: str, result: MediaResult, saved_note: str) -> str:
    facts = [f"model {result.model or 'of the gateway'}", f"seed {result.seed}", result.mime_type]
    if result.size_text:
        facts.append(result.size_text)
    if result.duration_s is not None:
        facts.append(f"{result.duration_s:g} s")
    if result.url is not None:
        saved_note += f", at {result.url}"
    subject = _shortened(" ".join(result.prompt.split()))
    return f"Made a {noun} of {subject!r} ({', '.join(facts)}){saved_note}."


def _shortened(text: str) -> str:
    """The beginning of a long text, cut between words where there is a space to cut at."""
    # Chinese and Japanese are written without spaces, so that one word may be all there is.
    if len(text) <= MAX_SUBJECT_CHARS:
        return text
    beginning, space, _ = text[:MAX_SUBJECT_CHARS].rpartition(" ")
    if not space:
        beginning = text[:MAX_SUBJECT_CHARS]
    return f"{beginning} ..."


def make_media(client: PollinationsClient, request: MediaRequest) -> tuple[Picture, Cost]:
    """Send a request; return the picture or video that came, and its cost."""
    prompt, options = request.prompt, request.options
    if request.kind == "video":
        links = [(client.upload(picture)).url for picture in request.pictures]
        fields: dict[str, Any] = {**options, "image": links or options.get("image")}
        picture = client.video(prompt, **fields)
    elif request.pictures:
        pictures = list(request.pictures)
        try:
            picture = client.edit_image(prompt, pictures, upload=request.upload, **options)
        except NotFoundError as error:
            raise InvalidRequestError(NO_EDITS, param="image") from error
    else:
        picture = client.image(prompt, **options)
    return picture, client.cost(picture.info, options.get("model") or picture.model or "")


async def make_media_async(
    client: AsyncPollinationsClient, request: MediaRequest
) -> tuple[Picture, Cost]:
    """:func:`make_media`, awaited."""
    prompt, options = request.prompt, request.options
    if request.kind == "video":
        links = [(await client.upload(picture)).url for picture in request.pictures]
        fields: dict[str, Any] = {**options, "image": links or options.get("image")}
        picture = await client.video(prompt, **fields)
    elif request.pictures:
        pictures = list(request.pictures)
        try:
            picture = await client.edit_image(prompt, pictures, upload=request.upload, **options)
        except NotFoundError as error:
            raise InvalidRequestError(NO_EDITS, param="image") from error
    else:
        picture = await client.image(prompt, **options)
    return picture, client.cost(picture.info, options.get("model") or picture.model or "")
