"""What both clients share: settings, catalogue, and the reading of answers. No I/O."""

from __future__ import annotations

import copy
import datetime as dt
from array import array
from collections.abc import Mapping, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any, Never, Self

from .catalog.catalog import Catalog, Cost, ModelCard, cost, snapshot
from .errors import (
    BadRequestError,
    InvalidRequestError,
    MalformedReply,
    NotFoundError,
    PollinationsError,
    UnknownModelError,
    excerpt_of,
)
from .reply import Reply, ResponseInfo
from .request import endpoints
from .request.embedding_options import EmbeddingBatch, EmbeddingOptions, embedding_batches
from .request.messages import warn
from .request.validation import unknown_option
from .response.embeddings import as_float32_matrix, joined_vectors, vectors_from
from .response.error_decoder import error_from_body
from .response.picture import Picture, picture_from
from .response.reader import content_type_of, json_from, reply_from, text_from
from .response.usage_pages import MAX_USAGE_RECORDS, UsagePages
from .retry import RetryPolicy
from .settings import (
    CALL_SETTINGS,
    ApiKey,
    CallSettings,
    Limits,
    Settings,
    Timeouts,
    as_secret,
    settings_from,
)
from .transport.concurrency import DEFAULT_MAX_CONCURRENCY, ConcurrencyLimit
from .usage import Usage

if TYPE_CHECKING:
    import httpx

    from .transport.base import Answer

Messages = str | Sequence[Mapping[str, Any]]


class BaseClient:
    """A client without its driver; see :class:`~pollinations_client.PollinationsClient`."""

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        base_url: str | None = None,
        account_base_url: str | None = None,
        timeout: float | httpx.Timeout | None = None,
        stream_idle_timeout: float | None = None,
        total_timeout: float | None = None,
        timeouts: Timeouts | None = None,
        max_retries: int | None = None,
        retry_streams: bool = False,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        default_headers: Mapping[str, str] | None = None,
        http_client: Any = None,
        max_concurrency: int = DEFAULT_MAX_CONCURRENCY,
        product: str | None = None,
        **unknown: Never,
    ) -> None:
        """Take settings; open nothing.

        Args:
            api_key: ``sk_...`` or ``pk_...``; else ``POLLINATIONS_API_KEY``. Sent in the header
                only. Or a function, sync or async, that is asked for it before each request.
            base_url: Another gateway's address, with or without ``/v1``; else
                ``POLLINATIONS_BASE_URL``; else the public gateway.
            account_base_url: Where ``/account`` is, if not there.
            timeout: Seconds an answer, a stream's first byte or its next byte may take, or an
                ``httpx.Timeout``.
            stream_idle_timeout: Seconds between two bytes of a stream; 120 by default.
            total_timeout: Seconds for a call with all its retries; 600 by default.
            timeouts: All limits at once, in place of the three above.
            max_retries: Further attempts where a repeat cannot be billed twice; 2 by default, 0 for
                none.
            retry_streams: Also repeat a stream that broke before its first byte, which may be
                billed twice.
            retry: The whole policy at once, in place of the two above.
            limits: Sizes in bytes and connections.
            default_headers: Sent with every request.
            http_client: An ``httpx`` client of your own, used as it is and never closed here.
            max_concurrency: Requests that ``embed`` keeps under way at a time; 8 by default.
            product: Added to the User-Agent.

        Raises:
            ConfigurationError: For settings that cannot work, named.
            InvalidRequestError: For a setting there is not, with the nearest name.
        """
        api_key = as_secret(api_key)
        for name in unknown:
            raise unknown_option(
                name, signature(BaseClient).parameters.keys() - {"unknown"}, door=None
            )
        self.settings: Settings = settings_from(
            api_key=api_key,
            base_url=base_url,
            account_base_url=account_base_url,
            timeout=timeout,
            stream_idle_timeout=stream_idle_timeout,
            total_timeout=total_timeout,
            timeouts=timeouts,
            max_retries=max_retries,
            retry_streams=retry_streams,
            retry=retry,
            limits=limits,
            default_headers=default_headers,
            product=product,
        )
        self._concurrency = ConcurrencyLimit(max_concurrency)
        self._http_client = http_client
        self._catalog: Catalog | None = None
        self._transport: Any = None

    def __repr__(self) -> str:
        settings: Settings | None = self.__dict__.get(
            "settings"
        )  # none yet in a failed constructor
        return f"{type(self).__name__}(base_url={settings and settings.base_url!r})"

    def __getstate__(self) -> dict[str, Any]:
        return {
            "settings": self.settings,
            "_http_client": None,
            "_catalog": self._catalog,
            "_transport": None,
            "_max_concurrency": self._concurrency.limit,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._concurrency = ConcurrencyLimit(state.pop("_max_concurrency"))
        self.__dict__.update(state)

    def __deepcopy__(self, memo: object) -> Self:
        twin = copy.copy(self)
        twin._http_client = self._http_client
        return twin

    @property
    def catalog(self) -> Catalog:
        """What is known of models: the list shipped with the package, with what ``refresh()``
        brought laid over it.
        """
        return self._catalog if self._catalog is not None else snapshot()

    @catalog.setter
    def catalog(self, known: Catalog) -> None:
        """Use another one, such as what a client of the same gateway has refreshed."""
        self._catalog = known

    def cost(
        self, usage: Reply | Usage | Mapping[str, Any] | ResponseInfo | None, model: str
    ) -> Cost:
        """What ``usage`` costs on ``model``, in pollen: as the gateway says, else by the
        catalogue's prices.

        ``total`` is ``None`` where a price or the usage itself is unknown, and ``unknown`` says
        which.
        """
        return cost(usage, self.catalog.get(model))

    def _call_settings(self, options: dict[str, Any]) -> CallSettings | None:
        """Take out of ``options`` what is for the call and not for the gateway."""
        if "n" in options and (options["n"] is None or options["n"] == 1):
            del options["n"]  # what the gateway does, said as OpenAI's clients say it
        if CALL_SETTINGS.isdisjoint(options):
            return None
        return self.settings.for_call(
            {name: options.pop(name) for name in CALL_SETTINGS & options.keys()}
        )

    def _image_call(
        self, prompt: str, options: Mapping[str, Any], *, is_video: bool = False
    ) -> endpoints.Call:
        card = self.catalog.get(options.get("model"))
        return endpoints.image(
            prompt, options, is_video=is_video or (card is not None and card.is_video)
        )

    def _picture(self, answer: Answer, call: endpoints.Call, prompt: str) -> Picture:
        url = self.settings.base_url + call.target
        return picture_from(answer.body, answer.info, prompt, url, self.settings.api_key)

    def _text(self, answer: Answer, call: endpoints.Call) -> str:
        return text_from(answer.body, answer.info, label=call.label, secret=self.settings.api_key)

    def _reply_in(self, answer: Answer, call: endpoints.Call) -> Reply:
        return reply_from(
            answer.body,
            answer.info,
            label=call.label,
            secret=self.settings.api_key,
            tool_names=call.tool_names,
        )

    def _json(self, answer: Answer) -> Any:
        parsed = json_from(answer.body, answer.info, self.settings.api_key)
        if isinstance(parsed, dict) and parsed.get("error"):
            raise error_from_body(parsed, secret=self.settings.api_key)
        return parsed

    def _csv(self, answer: Answer) -> str:
        """CSV as text. Raises where JSON or a page came in its place."""
        kind = content_type_of(answer.info)
        if kind == "application/json":
            self._json(answer)
        if kind in {"application/json", "text/html"}:
            raise MalformedReply(
                f"CSV was asked for and {kind} came.",
                excerpt=excerpt_of(answer.body, self.settings.api_key),
                request_id=answer.info.request_id,
            )
        return answer.body.decode("utf-8", "replace")

    def _relaxed(
        self, call: endpoints.Call, refusal: BadRequestError, model: str | None
    ) -> endpoints.Call:
        """What to send after a 400: the same without a forced tool choice, where that was the
        fault; else raises.
        """
        again = endpoints.relaxed(call, refusal.message)
        if again is None:
            raise self._explained(refusal, model)
        warn(
            f"{model or 'The model'} refused the forced tool choice; it was asked again with"
            " 'auto'."
        )
        return again

    def _explained(self, error: PollinationsError, model: str | None) -> PollinationsError:
        """An unknown model's error with the nearest names there are."""
        if isinstance(error, UnknownModelError) and model:
            near = [name for name in self.catalog.suggest(model, 4) if name != model][:3]
            if near:
                error.args = (f"{error.message} Nearest known names: {', '.join(near)}.",)
        return error

    def _embedding_request(
        self, texts: str | Sequence[str], options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[EmbeddingBatch]]:
        """The fields of every request, and the texts of each. Raises for what cannot be sent."""
        fields = EmbeddingOptions.checked(options, door=None).fields_for(self.catalog)
        return fields, embedding_batches(
            [texts] if isinstance(texts, str) else texts, fields["model"], self.catalog
        )

    def _vectors(
        self, answer: Answer, batch: EmbeddingBatch, fields: Mapping[str, Any]
    ) -> list[array[float]]:
        return vectors_from(
            answer.body,
            answer.info,
            len(batch.texts),
            fields.get("dimensions"),
            self.settings.api_key,
        )

    def _merge_cards(self, cards: Sequence[ModelCard], complete: set[str]) -> Catalog:
        """Lay a live list over the shipped one; ``complete`` are the categories it has whole."""
        self._catalog = snapshot().merged(
            cards,
            complete=complete,
            date=dt.datetime.now(dt.UTC).date().isoformat(),
            source=self.settings.base_url,
        )
        return self._catalog


def bounded(name: str, value: int | None, high: int, unit: str) -> int | None:
    """``value`` if it is 1 to ``high``; raises :class:`InvalidRequestError` with the bounds and the
    unit otherwise.
    """
    if value is not None and not (type(value) is int and 1 <= value <= high):
        raise InvalidRequestError(
            f"{name}: The gateway takes 1 to {high} {unit}. Given: {value!r}.", param=name
        )
    return value


def days_query(days: int | None) -> dict[str, str | int | None]:
    """The query of ``/account/usage/daily``."""
    return {"days": bounded("days", days, 90, "days")}


def usage_query(*, limit: int, before: str | None, days: int | None) -> dict[str, str | int | None]:
    """The query of ``/account/usage``."""
    return {
        "limit": bounded("limit", limit, MAX_USAGE_RECORDS, "records"),
        "before": before,
        **days_query(days),
    }


def usage_pages(page_size: int, before: str | None) -> UsagePages:
    """The pages of an iteration over ``/account/usage``."""
    bounded("page_size", page_size, MAX_USAGE_RECORDS, "records")
    return UsagePages(page_size, before)


def messages_from(given: Messages) -> Sequence[Mapping[str, Any]]:
    """Messages; a bare prompt is one of the user."""
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


def joined_embeddings(
    batches: Sequence[EmbeddingBatch],
    outcomes: Sequence[list[array[float]] | PollinationsError | None],
    as_numpy: bool,
) -> Any:
    """All vectors as lists of floats, or as one float32 array; raises where some are missing."""
    vectors = joined_vectors([(batch.start, len(batch.texts)) for batch in batches], outcomes)
    if as_numpy:
        return as_float32_matrix(vectors)
    return [vector.tolist() for vector in vectors]


def newer_gateway_needed(error: NotFoundError, feature: str) -> NotFoundError:
    """``error`` with the likely reason: API 0.3.0 does not have the route."""
    error.args = (f"{error.message} {feature} needs a gateway newer than API 0.3.0.",)
    return error
