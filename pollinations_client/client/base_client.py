"""What both clients share: settings, catalogue, and how an answer is read. No I/O."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import functools
import os
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from .._lazy_imports import LazyModule
from ..budget.budget import ACTIVE_BUDGETS, priced_card
from ..catalog.catalog import Catalog, Cost, ModelCard, cost, snapshot
from ..connection_options import CALL_SETTINGS, ApiKey, as_secret
from ..errors import (
    BadRequestError,
    InvalidRequestError,
    Keys,
    MalformedReply,
    NotFoundError,
    PollinationsError,
    UnknownModelError,
    excerpt_of,
)
from ..media.documents import DocumentSource
from ..media.files import NewFile, safe_file_stem
from ..media.sniff import extension_for
from ..reply import Reply
from ..reply_metadata import ResponseInfo, Usage
from ..request import endpoints
from ..request.audio_options import SpeechOptions, TranscriptionOptions
from ..request.calls import Call
from ..request.embedding_options import EmbeddingBatch, EmbeddingOptions, embedding_batches
from ..request.messages import warn
from ..request.validation import unknown_option
from ..response.picture import Picture, picture_from, picture_from_json
from ..response.reader import content_type_of, json_answer_from, reply_from
from ..settings.settings import CallSettings, ClientOptions, Settings, settings_from
from ..transport.concurrency import ConcurrencyLimit

if TYPE_CHECKING:
    from ..media import sounds
    from ..response import audio, embeddings, ocr, plain_text, upload
    from ..transport.base import Answer
else:  # loaded by the first call that needs them; most programs only chat
    sounds = LazyModule("pollinations_client.media.sounds")
    audio = LazyModule("pollinations_client.response.audio")
    embeddings = LazyModule("pollinations_client.response.embeddings")
    ocr = LazyModule("pollinations_client.response.ocr")
    plain_text = LazyModule("pollinations_client.response.plain_text")
    upload = LazyModule("pollinations_client.response.upload")

Messages = str | Sequence[Mapping[str, Any]]


class BaseClient:
    """A client without its driver; see :class:`~pollinations_client.PollinationsClient`."""

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        http_client: Any = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        """Take options; open nothing.

        Args:
            api_key: ``sk_...`` or ``pk_...``; else ``POLLINATIONS_API_KEY``. Sent in the header
                only. Or a function, sync or async, that is asked for it before each request.
            http_client: An ``httpx`` client of your own, used as it is and never closed here.
            **options: Fields of :class:`ClientOptions`: addresses, time limits, retries, sizes,
                headers.

        Raises:
            ConfigurationError: For settings that cannot work, named.
            InvalidRequestError: For an option there is not, with the nearest name.
        """
        api_key = as_secret(api_key)
        names = ClientOptions.__optional_keys__
        for unknown in options.keys() - names:
            raise unknown_option(unknown, {*names, "api_key", "http_client"}, door=None)
        self._set_up(settings_from(api_key, **options), http_client)

    @classmethod
    def from_settings(cls, settings: Settings, http_client: Any = None) -> Self:
        """A client for settings that are read already, so that two clients share them."""
        client = cls.__new__(cls)
        client._set_up(settings, http_client)
        return client

    def _set_up(self, settings: Settings, http_client: Any) -> None:
        self.settings = settings
        self._concurrency = ConcurrencyLimit(settings.max_concurrency)
        self._http_client = http_client
        self._transport: Any = None

    def __repr__(self) -> str:
        settings: Settings | None = self.__dict__.get(
            "settings"
        )  # none yet in a failed constructor
        return f"{type(self).__name__}(base_url={settings and settings.base_url!r})"

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = {"settings": self.settings}
        state.update(_http_client=None, _transport=None)
        if self.catalog is not snapshot():  # the shipped one is on the other side already
            state["catalog"] = self.catalog
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # A semaphore cannot be pickled, and another process has a limit of its own.
        self._concurrency = ConcurrencyLimit(self.settings.max_concurrency)

    def __deepcopy__(self, memo: object) -> Self:
        # A user's http_client has locks and sockets, which cannot be copied.
        twin = copy.copy(self)
        twin._http_client = self._http_client
        return twin

    @property
    def _secret(self) -> Keys:
        """The keys to blank out of errors; a key function may have given several."""
        if self._transport is None:
            return self.settings.api_key
        secrets: Keys = self._transport.secrets
        return secrets

    @functools.cached_property
    def catalog(self) -> Catalog:
        """The models: the list shipped with the package, updated by ``refresh()``.

        Set it to use another one, such as what a client of the same gateway has refreshed.
        """
        return snapshot()

    def cost(
        self, usage: Reply | Usage | Mapping[str, Any] | ResponseInfo | None, model: str
    ) -> Cost:
        """What ``usage`` costs on ``model``, in pollen: as the gateway says, else by the
        catalogue's prices, or today's where a budget that is active has read them.

        ``total`` is ``None`` where a price or the usage itself is unknown, and ``unknown`` says
        which.
        """
        card = self.catalog.get(model)
        # An answer is to cost what the budget around it counts.
        if (active := ACTIVE_BUDGETS.get()) or self.settings.budget is not None:
            card = priced_card(model, card, (*active, self.settings.budget), self.settings.base_url)
        return cost(usage, card)

    def _call_settings(self, options: Any) -> CallSettings | None:
        """Take the settings of this call out of ``options``; the rest is for the gateway."""
        # What the gateway does anyway, said as OpenAI's clients say it: it is no typing error.
        if "n" in options and (options["n"] is None or options["n"] == 1):
            del options["n"]
        if CALL_SETTINGS.isdisjoint(options):
            return None
        return self.settings.for_call(
            {name: options.pop(name) for name in CALL_SETTINGS & options.keys()}
        )

    def _image_call(
        self, prompt: str, options: Mapping[str, Any], *, is_video: bool = False
    ) -> Call:
        card = self.catalog.get(options.get("model"))
        return endpoints.picture(
            prompt, options, is_video=is_video or (card is not None and card.is_video)
        )

    def _picture(self, answer: Answer, call: Call, prompt: str) -> Picture:
        settings = self.settings
        body, info, secret, media_host = answer.body, answer.info, self._secret, settings.media_host
        if call.method == "POST":
            return picture_from_json(
                body,
                info,
                prompt,
                secret,
                media_host,
                label=call.label,
                request_fields=call.request_fields,
            )
        return picture_from(body, info, prompt, settings.base_url + call.target, secret, media_host)

    def _uploaded(self, answer: Answer) -> upload.UploadedMedia:
        return upload.upload_from(self._json(answer), answer.info)

    def _text(self, answer: Answer, call: Call) -> str:
        try:
            return plain_text.text_from(
                answer.body, answer.info, label=call.label, secret=self._secret
            )
        except PollinationsError as error:
            # Since September 2026 "payment required" comes as a 200 with a notice in it, so here
            # is the first place that knows of it.
            self._transport.remember_refusal(error)
            raise

    def _reply_in(self, answer: Answer, call: Call) -> Reply:
        try:
            return reply_from(
                answer.take_body(),
                answer.info,
                label=call.label,
                secret=self._secret,
                tool_names=call.tool_names,
            )
        except PollinationsError as error:
            self._transport.remember_refusal(error)  # as in _text
            raise

    def _json(self, answer: Answer) -> Any:
        return json_answer_from(answer.body, answer.info, self._secret)

    def _csv(self, answer: Answer) -> str:
        """CSV as text. Raises where JSON or a page came in its place."""
        content_type = content_type_of(answer.info)
        if content_type == "application/json":
            self._json(answer)  # raises what the JSON says, if it says an error
        if content_type in {"application/json", "text/html"}:
            raise MalformedReply(
                f"CSV was asked for and {content_type} came.",
                excerpt=excerpt_of(answer.body, self._secret),
                request_id=answer.info.request_id,
            )
        return answer.body.decode("utf-8", "replace")

    def _relaxed(self, call: Call, refusal: BadRequestError, model: str | None) -> Call:
        """The call without its forced tool choice, if that is why it was refused; else raises."""
        relaxed_call = endpoints.relaxed(call, refusal.message)
        if relaxed_call is None:
            raise self._with_suggestions(refusal, model)
        warn(
            f"{model or 'The model'} refused the forced tool choice; it was asked again with"
            " 'auto'."
        )
        return relaxed_call

    def _with_suggestions(self, error: PollinationsError, model: str | None) -> PollinationsError:
        """``error`` with the nearest names, if it is about an unknown model."""
        if isinstance(error, UnknownModelError) and model:
            names = [name for name in self.catalog.suggest(model, 4) if name != model][:3]
            if names:
                error.args = (f"{error.message} Nearest known names: {', '.join(names)}.",)
        return error

    def _embedding_request(
        self, texts: str | Sequence[str], options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[EmbeddingBatch]]:
        """The fields of every request, and the texts of each. Raises for what cannot be sent."""
        fields = EmbeddingOptions.checked(options, door=None).fields_for(self.catalog)
        if isinstance(texts, str):
            texts = [texts]
        return fields, embedding_batches(texts, fields["model"], self.catalog)

    def _vectors(
        self, answer: Answer, batch: EmbeddingBatch, fields: Mapping[str, Any]
    ) -> list[array[float]]:
        return embeddings.vectors_from(
            answer.body,
            answer.info,
            len(batch.texts),
            fields.get("dimensions"),
            self._secret,
        )

    def _joined_vectors(
        self,
        batches: Sequence[EmbeddingBatch],
        outcomes: Sequence[list[array[float]] | PollinationsError | None],
        as_numpy: bool,
    ) -> Any:
        """All vectors, as lists or one float32 array. Raises where some are missing."""
        starts = [(batch.start, len(batch.texts)) for batch in batches]
        vectors = embeddings.joined_vectors(starts, outcomes)
        if as_numpy:
            return embeddings.as_float32_matrix(vectors)
        return [vector.tolist() for vector in vectors]

    def _speech_call(
        self, text: str, options: Mapping[str, Any], path: str | os.PathLike[str] | None
    ) -> Call:
        if not isinstance(path, (str, os.PathLike, type(None))):
            raise InvalidRequestError(f"path: A file or a folder. Given: {path!r}.", param="path")
        checked = SpeechOptions.checked(options)
        return endpoints.speech(checked.body_for(text, self.catalog, path))

    def _sound(self, answer: Answer, target: NewFile | None, text: str) -> bytes | Path:
        """The sound that came, or the path of its file."""
        secret = self._secret
        if target is None:
            audio.sound_type(answer.body, len(answer.body), answer.info, secret)
            return answer.body
        mime_type = audio.sound_type(target.head, target.size, answer.info, secret)
        return target.keep(safe_file_stem(text), extension_for(mime_type))

    def _transcription_call(
        self, path_or_bytes: str | os.PathLike[str] | bytes, options: Mapping[str, Any]
    ) -> Call:
        fields = TranscriptionOptions.checked(options, door=None).fields_for(self.catalog)
        return endpoints.transcription(sounds.sound_source(path_or_bytes), fields)

    def _transcript(self, answer: Answer, call: Call) -> str:
        fields = call.upload.fields if call.upload else {}
        as_json = fields.get("response_format", "").endswith("_json")
        return audio.transcript_from(answer.body, answer.info, self._secret, as_json=as_json)

    def _ocr_call(self, source: DocumentSource, options: Mapping[str, Any]) -> Call:
        message = {"role": "user", "content": [source.part]}
        if source.pages:
            # The gateway counts them from 0 (gen.pollinations.ai/src/text/mistralOcr.ts).
            pages = [number - 1 for number in source.pages]
            options = {**options, "extra_body": {"pages": pages, **options.get("extra_body", {})}}
        return endpoints.chat([message], options, catalog=self.catalog)

    def _pages(self, answer: Answer, call: Call, source: DocumentSource) -> list[ocr.OcrPage]:
        return ocr.pages_from(self._reply_in(answer, call), source.page_count, source.pages)

    def _merge_cards(self, cards: Sequence[ModelCard], complete: set[str]) -> Catalog:
        """Update the shipped catalogue; ``complete`` are the categories that ``cards`` cover."""
        self.catalog = snapshot().merged(
            cards,
            complete=complete,
            date=dt.datetime.now(dt.UTC).date().isoformat(),
            source=self.settings.base_url,
        )
        return self.catalog


def new_file(
    path: str | os.PathLike[str] | None,
) -> contextlib.AbstractContextManager[NewFile | None]:
    """The file that an answer is written to, or nothing."""
    if path is None:
        return contextlib.nullcontext()
    return NewFile(path)


def messages_from(messages: Messages) -> Sequence[Mapping[str, Any]]:
    """Messages; a bare prompt is one of the user."""
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    return messages


ROUTE_MISSING = {  # in API 0.3.0
    "/v1/images/generations": (
        "A prompt of this length needs a gateway newer than API 0.3.0; shorten it."
    ),
    "/v1/images/edits": (
        "Changing the bytes of a picture needs a gateway newer than API 0.3.0; give an https"
        " address, or upload=True, which makes the picture public for 30 days."
    ),
    "/upload": "This gateway has no media store; name one with media_base_url.",
}


def route_missing(error: NotFoundError, call: Call) -> NotFoundError:
    """``error`` with what to do where the gateway does not have the route."""
    if remedy := ROUTE_MISSING.get(call.target):
        error.args = (f"{error.message} {remedy}",)
    return error


def newer_gateway_needed(error: PollinationsError, feature: str) -> PollinationsError:
    """``error`` with the likely reason: API 0.3.0 does not have the route or the model."""
    error.args = (f"{error.message} {feature} needs a gateway newer than API 0.3.0.",)
    return error
