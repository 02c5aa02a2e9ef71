"""What a model and a tool share: where the gateway is, and the clients, made on first use."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, Field, PrivateAttr, SecretStr, ValidationError, field_serializer

from pollinations_client import (
    AsyncPollinationsClient,
    Catalog,
    ConfigurationError,
    InvalidRequestError,
    PollinationsClient,
    PollinationsError,
)
from pollinations_client._adapter_support import (
    NO_KEY,
    CloseableMixin,
    invalid_request_from,
    secret_key_from,
    with_secret_key,
    without_secret_headers,
)

from .errors import as_model_error, model_errors

OPTIONS = (
    *("api_key", "base_url", "timeout", "stream_idle_timeout", "total_timeout"),
    *("max_retries", "retry_streams", "default_headers"),
)
INJECTED = frozenset({"http_client", "http_async_client", "callbacks", "cache", "rate_limiter"})
NEVER_PICKLED = {"api_key": None, "http_client": None, "http_async_client": None}


class LazyClients:
    """A pair of clients, sync and async, for the options in an object's fields.

    It holds no socket itself: all clients of a process share their connections, one pool per event
    loop.
    """

    __slots__ = ("_asynchronous", "known", "sync")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        """Raises :class:`ConfigurationError` for options that cannot work, a missing key among
        them.
        """
        self.known = told(fields)
        self._asynchronous: AsyncPollinationsClient | None = None
        self.sync = PollinationsClient(http_client=fields["http_client"], **self._options())
        if self.sync.settings.needs_key:
            raise ConfigurationError(NO_KEY, param="api_key")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LazyClients) and self.known == other.known

    __hash__ = None  # type: ignore[assignment]

    @property
    def asynchronous(self) -> AsyncPollinationsClient:
        """The async client."""
        if self._asynchronous is None:
            self._asynchronous = AsyncPollinationsClient(
                http_client=self.known[1], **self._options()
            )
        return self._asynchronous

    def _options(self) -> dict[str, Any]:
        return {"product": "langchain", **dict(zip(OPTIONS, self.known[2:], strict=True))}


def told(fields: Mapping[str, Any]) -> tuple[Any, ...]:
    """Everything that a pair of clients depends on."""
    return tuple(map(fields.__getitem__, ("http_client", "http_async_client", *OPTIONS)))


def _under_their_names(options: dict[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    for alias in aliases.keys() & options.keys():
        if aliases[alias] in options:
            raise InvalidRequestError(
                f"{alias} and {aliases[alias]} are one option; give one of them.", param=alias
            )
    return {aliases.get(name, name): value for name, value in options.items()}


def other_name(field: str) -> Any:
    """A property that reads and writes ``field``, for a name that other packages use for it."""

    def read(self: Any) -> Any:
        return getattr(self, field)

    def write(self: Any, value: Any) -> None:
        setattr(self, field, value)

    return property(read, write, doc=f"Another name of ``{field}``.")


class ClientMixin(CloseableMixin, BaseModel):
    """The options of a connection as fields. A mixin: it comes before LangChain's class."""

    aliases: ClassVar[Mapping[str, str]] = {
        "pollinations_api_key": "api_key",
        "request_timeout": "timeout",
        "async_http_client": "http_async_client",
    }
    """Names that LangChain's users know from other packages."""
    door: ClassVar[str | None] = "extra_body"
    """The option that takes what is not listed."""

    api_key: SecretStr | Callable[[], Any] | None = Field(default=None, repr=False)
    """``sk_...`` or ``pk_...``; else ``POLLINATIONS_API_KEY``.

    Or a function, sync or async, that is asked for it before each request.

    Also accepted as ``pollinations_api_key``.
    """
    base_url: str | None = None
    """The gateway's address, with or without ``/v1``; else ``POLLINATIONS_BASE_URL``; else the
    public gateway.
    """
    timeout: Any = None
    """Seconds an answer, a stream's first or its next byte may take, or an ``httpx.Timeout``."""
    stream_idle_timeout: float | None = None
    """Seconds between two bytes of a stream; 120 by default."""
    total_timeout: float | None = None
    """Seconds for one call with all its retries; 600 by default."""
    max_retries: int | None = None
    """Further attempts where a repeat cannot be billed twice: 2 by default, 0 for none.

    ``with_retry`` multiplies.
    """
    retry_streams: bool = False
    """Also repeat a stream that broke before its first byte, which may be billed twice."""
    default_headers: Mapping[str, str] | None = Field(default=None, repr=False, exclude=True)
    """Sent with every request."""
    http_client: Any = Field(default=None, repr=False, exclude=True)
    """An ``httpx.Client`` of your own, for sync calls; used as it is and never closed here."""
    http_async_client: Any = Field(default=None, repr=False, exclude=True)
    """An ``httpx.AsyncClient`` of your own, for async calls."""

    request_timeout = other_name("timeout")

    _connection: LazyClients | None = PrivateAttr(default=None)

    def __init__(self, model: str | None = None, **options: Any) -> None:
        """Take options; open nothing. ``model`` may come first, without its name."""
        options = with_secret_key(options)
        # A model that was not named stays out of the fields that were set, and so out of dumps.
        if model is not None:
            options["model"] = model
        try:
            options = _under_their_names(options, self.aliases)
            super().__init__(**options)
            connection = LazyClients(self.__dict__)
        except ValidationError as error:
            known = [*type(self).model_fields, *self.aliases]
            refusal: PollinationsError = invalid_request_from(error, known, door=self.door)
        except PollinationsError as error:
            refusal = error
        else:
            settings = connection.sync.settings
            self.api_key = settings.key_function or settings.api_key
            connection.known = told(self.__dict__)
            self._connection = connection
            return
        raise as_model_error(refusal)

    def _connected(self) -> LazyClients:
        """The clients for the options as they are now: a copy may have been given others."""
        connection = self._connection
        if connection is None or connection.known != told(self.__dict__):
            connection = self._connection = LazyClients(self.__dict__)
        return connection

    @property
    def _client(self) -> PollinationsClient:
        return self._connected().sync

    @property
    def _async_client(self) -> AsyncPollinationsClient:
        return self._connected().asynchronous

    @property
    def catalog(self) -> Catalog:
        """What is known of models: the list shipped with the package, or what ``refresh_catalog``
        brought.
        """
        return self._client.catalog

    def refresh_catalog(self) -> Catalog:
        """Ask the gateway for its models; they and their prices are known from then on."""
        with model_errors():
            return self._client.refresh()

    async def arefresh_catalog(self) -> Catalog:
        """The same, awaited."""
        with model_errors():
            self._client.catalog = await self._async_client.refresh()
        return self.catalog

    @field_serializer("api_key")
    def _hide_key_function(self, key: Any) -> SecretStr | None:
        """A function is no JSON, and its name may tell where keys are kept."""
        return key if isinstance(key, SecretStr) else None

    def close(self) -> None:
        """Give sync connections back. A later call opens new ones."""
        self._client.close()

    async def aclose(self) -> None:
        """Give the running loop's connections back."""
        await self._async_client.aclose()

    def __getstate__(self) -> dict[Any, Any]:
        """A pickle carries neither the key, which is read from the environment again, nor
        connections.
        """
        state = super().__getstate__()
        private = {**(state.get("__pydantic_private__") or {}), "_connection": None}
        headers = self.default_headers and without_secret_headers(self.default_headers)
        fields = {**state["__dict__"], **NEVER_PICKLED, "default_headers": headers}
        return {**state, "__dict__": fields, "__pydantic_private__": private}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self.__dict__["api_key"] = secret_key_from(None)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy with options of its own; what is injected, clients, callbacks and caches, is
        shared.
        """
        copied = self.model_copy()
        own = {name: value for name, value in copied.__dict__.items() if name not in INJECTED}
        copied.__dict__.update(
            copy.deepcopy(
                {name: own[name] for name in own if type(own[name]) in (dict, list)}, memo
            )
        )
        return copied
