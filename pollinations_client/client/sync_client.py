"""The blocking client: one method per operation of the gateway.

``async_client.py`` has the same line by line, with ``async`` and ``await``.
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from .._lazy_imports import LazyModule
from ..catalog.catalog import Catalog, ModelCard
from ..errors import BadRequestError, NotFoundError, UnknownModelError
from ..media.documents import document_source
from ..media.files import NewFile
from ..reply import Batch, Event, Finished, Reply, TextDelta
from ..request import endpoints
from ..request.calls import Call
from ..request.chat_options import DEFAULT_OCR_MODEL
from ..request.embedding_options import EmbeddingBatch, with_batch_position
from ..response.picture import Picture
from ..settings.settings import CallSettings
from .base_client import (
    BaseClient,
    Messages,
    messages_from,
    new_file,
    newer_gateway_needed,
    route_missing,
)

if TYPE_CHECKING:
    import httpx
    import numpy as np

    from ..catalog import model_list
    from ..connection_options import ApiKey, CallSettingsDict
    from ..request.option_types import (
        ChatCallDict,
        ImageCallDict,
        SpeechCallDict,
        TextCallDict,
        TranscriptionCallDict,
        VideoCallDict,
    )
    from ..response import account, plain_text
    from ..response.ocr import OcrPage
    from ..response.upload import UploadedMedia
    from ..settings.settings import ClientOptions
    from ..transport.base import Answer
    from ..transport.transport import SyncTransport
    from . import picture_sources, usage_query
    from .picture_sources import PictureSources
else:  # loaded by the first call that needs them
    account = LazyModule("pollinations_client.response.account")
    model_list = LazyModule("pollinations_client.catalog.model_list")
    picture_sources = LazyModule("pollinations_client.client.picture_sources")
    plain_text = LazyModule("pollinations_client.response.plain_text")
    usage_query = LazyModule("pollinations_client.client.usage_query")

__all__ = ["PollinationsClient"]


class PollinationsClient(BaseClient):
    """The gateway, blocking.

    Examples:
        >>> from pollinations_client.emulator import Emulator
        >>> with Emulator() as gateway, PollinationsClient(base_url=gateway.url) as client:
        ...     client.chat("Say hello", model="openai").finish_reason
        'stop'
    """

    if TYPE_CHECKING:  # the type of http_client, for editors; BaseClient takes it

        def __init__(
            self,
            api_key: ApiKey | None = None,
            *,
            http_client: httpx.Client | None = None,
            **options: Unpack[ClientOptions],
        ) -> None: ...

    @property
    def _wire(self) -> SyncTransport:
        if self._transport is None:
            from ..transport.transport import SyncTransport

            self._transport = SyncTransport(self.settings, self._http_client)
        transport: SyncTransport = self._transport
        return transport

    def chat(self, messages: Messages, **options: Unpack[ChatCallDict]) -> Reply:
        """``POST /v1/chat/completions``, the whole answer at once.

        Args:
            messages: A prompt, or messages in OpenAI's form.
            **options: Fields of :class:`~pollinations_client.ChatOptions`, and the settings of this
                call alone: ``timeout``, ``max_retries``, ``extra_headers`` and the others of
                ``CallSettingsDict``. Any other name is refused.

        Raises:
            InvalidRequestError: Before sending, for what the gateway cannot take.
            PollinationsError: For every other failure, by kind; see ``errors``.
        """
        call_settings = self._call_settings(options)
        call = endpoints.chat(messages_from(messages), options, catalog=self.catalog)
        try:
            return self._reply_in(self._wire.fetch(call, settings=call_settings), call)
        except BadRequestError as error:
            refusal = error
        call = self._relaxed(call, refusal, options.get("model"))
        return self._reply_in(self._wire.fetch(call, settings=call_settings), call)

    def stream_chat(
        self, messages: Messages, **options: Unpack[ChatCallDict]
    ) -> Generator[Event, None, None]:
        """Stream a chat as events; the last one, :class:`Finished`, has the whole reply.

        The request is sent with the first ``next``; closing the generator closes the connection.
        """
        with contextlib.closing(self.stream_chat_batches(messages, **options)) as batches:
            for batch in batches:
                for event in batch:
                    yield event

    def stream_chat_batches(
        self, messages: Messages, **options: Unpack[ChatCallDict]
    ) -> Generator[Batch, None, None]:
        """Like :meth:`stream_chat`, but events that arrive together come in one list: less work."""
        call_settings = self._call_settings(options)
        call = endpoints.chat(messages_from(messages), options, stream=True, catalog=self.catalog)
        try:
            for batch in self._wire.batches(call, call_settings):
                yield batch
            return
        except BadRequestError as error:
            refusal = error
        call = self._relaxed(call, refusal, options.get("model"))
        for batch in self._wire.batches(call, call_settings):
            yield batch

    def text(self, prompt: str, **options: Unpack[TextCallDict]) -> str:
        """``GET /text/{prompt}``: an answer's text. Options are fields of :class:`TextOptions`."""
        call_settings = self._call_settings(options)
        call = endpoints.text(prompt, options)
        return self._text(self._fetch(call, options.get("model"), call_settings), call)

    def stream_text(
        self, prompt: str, **options: Unpack[TextCallDict]
    ) -> Generator[str, None, None]:
        """Stream the text of :meth:`text`, piece by piece."""
        call_settings = self._call_settings(options)
        call = endpoints.text(prompt, options, stream=True)
        try:
            for batch in self._wire.batches(call, call_settings):
                for event in batch:
                    if isinstance(event, TextDelta):
                        yield event.text
                    elif isinstance(event, Finished):
                        plain_text.checked_text(event.reply)
            return
        except UnknownModelError as error:
            refusal = error
        raise self._with_suggestions(refusal, options.get("model"))

    def image(self, prompt: str, **options: Unpack[ImageCallDict]) -> Picture:
        """``GET /image/{prompt}``: a picture, or a video from a video model.

        A prompt too long for an address goes to ``POST /v1/images/generations``. Options are fields
        of :class:`ImageOptions`; without ``seed`` a random one is drawn. Raises ``MalformedReply``
        for an incomplete picture, or none.
        """
        call_settings = self._call_settings(options)
        call = self._image_call(prompt, options)
        return self._make(call, prompt, options.get("model"), call_settings)

    def video(
        self, prompt: str, *, model: str = "veo", **options: Unpack[VideoCallDict]
    ) -> Picture:
        """``GET /image/{prompt}`` with a video model: an mp4, after seconds to minutes."""
        call_settings = self._call_settings(options)
        call = self._image_call(prompt, {"model": model, **options}, is_video=True)
        return self._make(call, prompt, model, call_settings)

    def edit_image(
        self,
        prompt: str,
        image: PictureSources,
        *,
        model: str | None = None,
        upload: bool = False,
        **options: Any,
    ) -> Picture:
        """Change a picture as ``prompt`` says, or make one of several.

        Addresses go to ``GET /image/{prompt}``, bytes to ``POST /v1/images/edits``.

        Args:
            prompt: What to change.
            image: Bytes, a ``Path``, a :class:`Picture`, a :class:`MediaResult`, a data URL or an
                https address, or a list of these.
            model: A model that takes pictures, such as ``kontext`` or ``nanobanana``.
            upload: For gateways of API 0.3.0, which take no bytes: upload the picture, which makes
                it public for 30 days.
            **options: Fields of :class:`ImageOptions`.

        Raises:
            InvalidRequestError: Before sending, if ``image`` is no picture.
            NotFoundError: If the gateway takes addresses only and ``upload`` is off.
        """
        addresses, pictures = picture_sources.split_sources(image)
        call_settings = self._call_settings(options)
        fields = {"model": model, **options}
        if not addresses:
            call = endpoints.edit(prompt, pictures, fields)
            try:
                return self._make(call, prompt, model, call_settings)
            except NotFoundError as error:
                refusal = error
            if not upload:
                raise refusal
            for picture in pictures:
                addresses.append((self.upload(picture)).url)
        call = self._image_call(prompt, {**fields, "image": addresses})
        return self._make(call, prompt, model, call_settings)

    def upload(self, data: bytes) -> UploadedMedia:
        """``POST /upload`` of the media store: public for 30 days to whoever has the address."""
        call = endpoints.upload(data)
        try:
            return self._uploaded(self._wire.fetch(call, self.settings.media_host))
        except NotFoundError as error:
            refusal = error
        raise route_missing(refusal, call)

    def _make(
        self,
        call: Call,
        prompt: str,
        model: str | None,
        call_settings: CallSettings | None,
    ) -> Picture:
        try:
            return self._picture(self._fetch(call, model, call_settings), call, prompt)
        except NotFoundError as error:
            refusal = error
        raise route_missing(refusal, call)

    @overload
    def embed(
        self,
        texts: str | Sequence[str],
        *,
        model: str | None = None,
        dimensions: int | None = None,
        task: str | None = None,
        as_numpy: Literal[False] = False,
        **options: Unpack[CallSettingsDict],
    ) -> list[list[float]]: ...
    @overload
    def embed(
        self,
        texts: str | Sequence[str],
        *,
        model: str | None = None,
        dimensions: int | None = None,
        task: str | None = None,
        as_numpy: Literal[True],
        **options: Unpack[CallSettingsDict],
    ) -> np.ndarray: ...
    def embed(
        self,
        texts: str | Sequence[str],
        *,
        model: str | None = None,
        dimensions: int | None = None,
        task: str | None = None,
        as_numpy: bool = False,
        **options: Unpack[CallSettingsDict],
    ) -> Any:
        """``POST /v1/embeddings``: one vector per text, in the order of the texts.

        Texts go out in requests of at most 32, up to ``max_concurrency`` of them at a time.

        Args:
            texts: Strings that are not blank. An empty list gives an empty list without a request.
            model: An embedding model; ``openai/text-embedding-3-small`` by default.
            dimensions: Numbers in each vector; the model's own size by default.
            task: ``document`` for texts that are searched, ``query`` for what is searched for, or
                a word of the model's family such as ``CLUSTERING``. For models without tasks the
                first two are left out, and others refused.
            as_numpy: Return a float32 array of shape (texts, dimensions) in place of lists.
            **options: Settings of this call, as in :meth:`chat`.

        Returns:
            ``list[list[float]]``, or a numpy array.

        Raises:
            InvalidRequestError: Before sending, with the index of a text that cannot be embedded.
            PollinationsError: The first failure, by kind. ``missing`` has the indices of texts
                without a vector, ``partial`` the vectors that came, by index.
        """
        embed_options = {"model": model, "dimensions": dimensions, "task": task, **options}
        call_settings = self._call_settings(embed_options)
        fields, batches = self._embedding_request(texts, embed_options)
        outcomes = self._concurrency.run(partial(self._embed_batch, fields, call_settings), batches)
        return self._joined_vectors(batches, outcomes, as_numpy)

    def _embed_batch(
        self, fields: Mapping[str, Any], call_settings: CallSettings | None, batch: EmbeddingBatch
    ) -> list[array[float]]:
        call = endpoints.embeddings(fields, batch.texts)
        try:
            answer = self._fetch_newer(call, fields["model"], "embed()", call_settings)
            return self._vectors(answer, batch, fields)
        except BadRequestError as error:
            refusal = error
        raise with_batch_position(refusal, batch)

    @overload
    def speech(
        self,
        text: str,
        voice: str | None = None,
        format: str | None = None,
        speed: float | None = None,
        *,
        model: str | None = None,
        path: None = None,
        **options: Unpack[SpeechCallDict],
    ) -> bytes: ...
    @overload
    def speech(
        self,
        text: str,
        voice: str | None = None,
        format: str | None = None,
        speed: float | None = None,
        *,
        model: str | None = None,
        path: str | PathLike[str],
        **options: Unpack[SpeechCallDict],
    ) -> Path: ...
    def speech(
        self,
        text: str,
        voice: str | None = None,
        format: str | None = None,  # noqa: A002 - the option's name in the API
        speed: float | None = None,
        *,
        model: str | None = None,
        path: str | PathLike[str] | None = None,
        **options: Unpack[SpeechCallDict],
    ) -> bytes | Path:
        """``POST /v1/audio/speech``: speak a text, or make music with a music model.

        Args:
            text: At most 10,000 characters; of older gateways 4,096.
            voice: One of the model's voices, such as ``rachel``, or the id of a voice of your own;
                ``alloy`` by default.
            format: ``mp3``, ``opus``, ``aac``, ``flac``, ``wav`` or ``pcm``; by the ending of
                ``path``, else ``mp3``.
            speed: 0.25 to 4; 1 by default.
            model: A model that makes sound; ``elevenlabs`` by default.
            path: Write the sound there while it comes, and return the path. A path without an
                ending is a folder. An existing file is kept and a number added; after a failure
                there is no file.
            **options: ``instructions`` for the speaker; ``duration`` in seconds and
                ``instrumental`` for music; ``seed``; ``extra_body`` for other fields; and the
                settings of this call, as in :meth:`chat`.

        Returns:
            The bytes, or the path of the file.

        Raises:
            InvalidRequestError: Before sending, for a bad text, voice, format or speed.
            SaveError: If ``path`` cannot be written.
            PollinationsError: For every other failure, by kind. A request that may have been
                carried out is not repeated, since it would be billed again.
        """
        fields = {"model": model, "voice": voice, "format": format, "speed": speed, **options}
        call_settings = self._call_settings(fields)
        call = self._speech_call(text, fields, path)
        with new_file(path) as target:
            answer = self._fetch_newer(call, model, "speech()", call_settings, target)
            return self._sound(answer, target, text)

    def transcribe(
        self,
        path_or_bytes: str | PathLike[str] | bytes,
        language: str | None = None,
        *,
        model: str | None = None,
        **options: Unpack[TranscriptionCallDict],
    ) -> str:
        """``POST /v1/audio/transcriptions``: the words that are spoken in a sound.

        Args:
            path_or_bytes: A sound file, sent from disk piece by piece, or its bytes: mp3, wav,
                flac, ogg, m4a, mp4 or webm by their content, at most 25 MiB.
            language: An ISO-639-1 code such as ``en``; detected by default.
            model: A model that reads sound; ``whisper-large-v3`` by default.
            **options: ``prompt``, words that may be said; ``temperature``, 0 to 1; ``format`` and
                ``speakers``, see ``TranscriptionOptions``; and the settings of this call, as
                in :meth:`chat`.

        Returns:
            The text, empty if nothing is said; or the subtitles or the JSON that ``format`` names,
            as text.

        Raises:
            InvalidRequestError: Before sending, if it is no sound, empty or too large.
            PollinationsError: For every other failure, by kind. A request that may have been
                carried out is not repeated, since it would be billed again.
        """
        fields = {"model": model, "language": language, **options}
        call_settings = self._call_settings(fields)
        call = self._transcription_call(path_or_bytes, fields)
        return self._transcript(self._fetch_newer(call, model, "transcribe()", call_settings), call)

    def ocr(
        self,
        path_or_url: str | PathLike[str],
        *,
        model: str = DEFAULT_OCR_MODEL,
        pages: Sequence[int] | None = None,
        **options: Unpack[CallSettingsDict],
    ) -> list[OcrPage]:
        """``POST /v1/chat/completions`` with an OCR model: a PDF or a picture as Markdown pages.

        Args:
            path_or_url: A file, sent whole, or an http(s) address, which the gateway reads.
            model: A model that reads documents.
            pages: The numbers of the pages to read, from 1, each of which is billed; by default
                all.
            **options: Settings of this call, as in :meth:`chat`.

        Returns:
            An :class:`OcrPage` for each page, numbered from 1. If the gateway does not tell pages
            apart, all text is page 1.

        Raises:
            InvalidRequestError: Before sending, if it is neither a PDF nor a picture, or has no
                such pages.
            PollinationsError: For every other failure, by kind. A request that may have been
                carried out is not repeated, since every page would be billed again.
        """
        fields = {"model": model, **options}
        call_settings = self._call_settings(fields)
        source = document_source(path_or_url, pages)
        call = self._ocr_call(source, fields)
        try:
            return self._pages(self._fetch(call, model, call_settings), call, source)
        except UnknownModelError as error:
            refusal = error
        raise newer_gateway_needed(refusal, "ocr()")

    def _fetch_newer(
        self,
        call: Call,
        model: str | None,
        method: str,
        call_settings: CallSettings | None,
        target: NewFile | None = None,
    ) -> Answer:
        """The answer of an endpoint that a gateway of API 0.3.0 does not have."""
        try:
            return self._fetch(call, model, call_settings, target)
        except NotFoundError as error:
            refusal = error
        raise newer_gateway_needed(refusal, method)

    def _fetch(
        self,
        call: Call,
        model: str | None,
        call_settings: CallSettings | None = None,
        target: NewFile | None = None,
    ) -> Answer:
        try:
            return self._wire.fetch(call, settings=call_settings, target=target)
        except UnknownModelError as error:
            refusal = error
        raise self._with_suggestions(refusal, model)

    def models(self) -> list[ModelCard]:
        """``GET /v1/models``: every model's card; in API 0.3.0 the names of text models only."""
        return model_list.cards_from(self._json(self._wire.fetch(endpoints.models("/v1/models"))))

    def text_models(self) -> list[ModelCard]:
        """``GET /text/models``; with a key only those that it may call."""
        return model_list.cards_from(
            self._json(self._wire.fetch(endpoints.models("/text/models"))), category="text"
        )

    def image_models(self) -> list[ModelCard]:
        """``GET /image/models``: models for pictures and for video."""
        return model_list.cards_from(
            self._json(self._wire.fetch(endpoints.models("/image/models"))), category="image"
        )

    def audio_models(self) -> list[ModelCard]:
        """``GET /audio/models``."""
        return model_list.cards_from(
            self._json(self._wire.fetch(endpoints.models("/audio/models"))), category="audio"
        )

    def refresh(self) -> Catalog:
        """Update the catalogue that the package ships with the gateway's own model lists."""
        cards: list[ModelCard] = []
        complete: set[str] = set()
        for path, categories in endpoints.MODEL_LISTS.items():
            try:
                items = self._json(self._wire.fetch(endpoints.models(path)))
            except NotFoundError:
                continue  # API 0.3.0 has no list for sound and embeddings
            listed_cards = model_list.cards_from(items, category=categories[0])
            cards += listed_cards
            if listed_cards:
                complete.update(categories)
        return self._merge_cards(cards, complete)

    def _account(self, path: str, query: Mapping[str, str | int | None] | None = None) -> Answer:
        """Ask the account hosts in turn: the older one only if the newer does not know the path."""
        call = endpoints.account(path, query)
        *newer_hosts, oldest_host = self.settings.account_hosts
        for host in newer_hosts:
            try:
                return self._wire.fetch(call, host)
            except NotFoundError:
                continue
        return self._wire.fetch(call, oldest_host)

    def profile(self) -> account.Profile:
        """``GET /account/profile``; the key needs the permission ``account:profile``."""
        return account.profile_from(self._json(self._account("profile")))

    def balance(self) -> account.Balance:
        """``GET /account/balance``: pollen left, of the key if it has a budget; may be negative."""
        return account.balance_from(self._json(self._account("balance")))

    def key_info(self) -> account.KeyInfo:
        """``GET /account/key``: what this key may do."""
        return account.key_info_from(self._json(self._account("key")))

    def usage(
        self,
        *,
        limit: int = 100,
        before: str | None = None,
        days: int | None = None,
        period: str | None = None,
    ) -> list[account.UsageRecord]:
        """``GET /account/usage``: 1 to 50,000 records (``limit``), one a request, newest first.

        ``before``, the ``timestamp`` of a record, leaves older ones only. ``days``, 1 to 90, and
        ``period``, such as ``2026-11``, ``2026-W48`` or ``2026-11-26``, are unknown to API 0.3.0.
        """
        query = usage_query.usage_query(limit=limit, before=before, days=days, period=period)
        return account.usage_from(self._json(self._account("usage", query)))

    def usage_csv(
        self,
        *,
        limit: int = 100,
        before: str | None = None,
        days: int | None = None,
        period: str | None = None,
    ) -> str:
        """:meth:`usage` as CSV with a header line, for ``usage_from_csv(text.splitlines())``."""
        query = usage_query.usage_query(limit=limit, before=before, days=days, period=period)
        query["format"] = "csv"
        return self._csv(self._account("usage", query))

    def iter_usage(
        self, *, before: str | None = None, page_size: int | None = 1_000, days: int | None = 90
    ) -> Iterator[account.UsageRecord]:
        """Every record once, newest first, as far back as ``days``; one page in memory."""
        pages = usage_query.usage_pages(page_size, before)
        while not pages.is_over:
            page = self.usage(limit=pages.limit, before=pages.before, days=days)
            for record in pages.fresh(page):
                yield record

    def usage_daily(
        self, *, days: int | None = None, period: str | None = None
    ) -> list[account.DailyUsage]:
        """``GET /account/usage/daily``: requests and cost by day and model."""
        query = usage_query.days_query(days, period)
        return account.daily_usage_from(self._json(self._account("usage/daily", query)))

    def usage_daily_csv(self, *, days: int | None = None, period: str | None = None) -> str:
        """:meth:`usage_daily` as CSV, for ``daily_usage_from_csv(text.splitlines())``."""
        query = {**usage_query.days_query(days, period), "format": "csv"}
        return self._csv(self._account("usage/daily", query))

    def close(self) -> None:
        """Close the connections. A later call opens new ones."""
        if self._transport is not None:
            self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
