"""The clients of a model, a tool or an embedding: made on first use, shared by its copies.

They are made anew when an option has changed, and no pickle carries them.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, SecretStr

from ..catalog.catalog import Catalog
from ..connection_options import ConnectionOptions, SyncHttpClient, without_secret_headers
from ..errors import ConfigurationError
from ..settings.settings import (
    NO_KEY,
    KeyFunction,
    Settings,
    checked_key,
    secret_key_from,
    settings_without_key,
)
from .async_client import AsyncPollinationsClient
from .sync_client import PollinationsClient

__all__ = ["CloseableMixin", "ConnectedModel", "LazyClients"]

NOT_NONE = ("api_key", "retry_streams")  # options that a model always has
OPTIONS = tuple(name for name in ConnectionOptions.model_fields if name not in NOT_NONE)
MAKE_LOCK = threading.Lock()
NEVER_PICKLED = ("api_key", "http_client", "http_async_client", "async_http_client")


class CloseableMixin:
    """``with`` and ``async with`` for what has connections of both kinds."""

    def close(self) -> None:
        """Give the connections of blocking calls back; a later call opens new ones."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Give all connections back."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class LazyClients:
    """A sync client, and an async one with the same settings and catalogue, made on first use.

    It holds no socket itself: all clients of a process share their connections, one pool per event
    loop.
    """

    __slots__ = (
        "_asynchronous",
        "_http_async_client",
        "_http_client",
        "_sync",
        "_without_key",
        "key",
        "made_for",
    )

    def __init__(
        self,
        without_key: Settings,
        key: SecretStr | KeyFunction | None,
        *,
        made_for: object,
        http_client: Any = None,
        http_async_client: Any = None,
    ) -> None:
        """Take settings; make no client.

        ``made_for`` is what tells these clients from others. Raises :class:`ConfigurationError` for
        a missing key.
        """
        if key is None and without_key.needs_key:
            raise ConfigurationError(NO_KEY, param="api_key")
        self.key = key
        self._without_key = without_key
        self.made_for = made_for
        self._http_client = http_client
        self._http_async_client = http_async_client
        self._sync: PollinationsClient | None = None
        self._asynchronous: AsyncPollinationsClient | None = None

    def __eq__(self, other: object) -> bool:
        """Pydantic compares them where it compares models."""
        return isinstance(other, LazyClients) and self.made_for == other.made_for

    __hash__ = None  # type: ignore[assignment]

    @property
    def sync(self) -> PollinationsClient:
        """The client for blocking calls."""
        if self._sync is None:
            with MAKE_LOCK:  # threads that make their first call together share one client
                if self._sync is None:
                    self._sync = PollinationsClient.from_settings(
                        self._without_key.with_key(self.key), self._http_client
                    )
        return self._sync

    @property
    def asynchronous(self) -> AsyncPollinationsClient:
        """The client for event loops."""
        if self._asynchronous is None:
            self._asynchronous = AsyncPollinationsClient.from_settings(
                self.sync.settings, self._http_async_client
            )
            self._asynchronous.catalog = self.sync.catalog
        return self._asynchronous

    def use_catalog(self, catalog: Catalog) -> Catalog:
        """Give both clients the catalogue that one of them has refreshed."""
        self.sync.catalog = catalog
        if self._asynchronous is not None:
            self._asynchronous.catalog = catalog
        return catalog

    def close(self) -> None:
        """Give the connections of blocking calls back."""
        if self._sync is not None:
            self._sync.close()

    async def aclose(self) -> None:
        """Give the connections of both clients back."""
        self.close()
        if self._asynchronous is not None:
            await self._asynchronous.aclose()


class ConnectedModel(CloseableMixin, ConnectionOptions):
    """The options of a connection as fields, and the clients behind them.

    The adapters' classes inherit it before the framework's own, and add the fields that each
    framework spells in its own way: the address and the injected async client.
    """

    product: ClassVar[str]
    """Added to the User-Agent."""
    address_field: ClassVar[str] = "base_url"
    async_client_field: ClassVar[str] = "http_async_client"
    further_settings: ClassVar[tuple[str, ...]] = ()
    """Fields of a subclass that are options of the client, too."""
    services: ClassVar[frozenset[str]] = frozenset()
    """Fields that copies share: what is injected is a service, not a value."""

    http_client: SyncHttpClient = Field(default=None, repr=False, exclude=True)
    """An ``httpx.Client`` of your own, for sync calls; used as it is and never closed here."""

    if TYPE_CHECKING:
        # In the object's ``__dict__``, as a cached property is: pydantic sets up private attributes
        # once for each class of the line, 8 of the 87 us that a model cost.
        _clients: LazyClients

    option_names: ClassVar[tuple[str, ...]]
    """Options of the client that are ``None`` by default."""
    client_fields: ClassVar[Callable[[Mapping[str, Any]], tuple[Any, ...]]]
    """Get from an object's fields all that its clients depend on."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.option_names = (*OPTIONS, *cls.further_settings)
        own_fields = ("http_client", cls.async_client_field, cls.address_field)
        cls.client_fields = itemgetter(*own_fields, *NOT_NONE, *cls.option_names)

    def _state(self) -> tuple[Any, ...]:
        headers = self.__dict__["default_headers"]
        # Headers are copied, for they may be edited in place.
        return type(self).client_fields(self.__dict__), headers and dict(headers)

    def _connect(self) -> LazyClients:
        """The clients for the options as they are now: a copy may have been given others."""
        fields = vars(self)
        state = self._state()
        clients: LazyClients | None = fields.get("_clients")
        if clients is None or clients.made_for != state:
            options = {name: fields[name] for name in self.option_names if fields[name] is not None}
            if fields["retry_streams"]:
                options["retry_streams"] = True
            clients = fields["_clients"] = LazyClients(
                settings_without_key(
                    base_url=fields[self.address_field], product=self.product, **options
                ),
                checked_key(fields["api_key"]),
                made_for=state,
                http_client=fields["http_client"],
                http_async_client=fields[self.async_client_field],
            )
        return clients

    def _connect_first(self) -> None:
        """Check the options and keep the key that holds, read from the environment or not."""
        # So that a missing key is said where the model is made, as ChatOpenAI does.
        clients = self._connect()
        if clients.key is not self.__dict__["api_key"]:
            self.api_key = clients.key
            clients.made_for = self._state()

    @property
    def _client(self) -> PollinationsClient:
        return self._connect().sync

    @property
    def _async_client(self) -> AsyncPollinationsClient:
        return self._connect().asynchronous

    @property
    def catalog(self) -> Catalog:
        """The models and their prices: as shipped with the package, or as last refreshed."""
        return self._client.catalog

    def refresh_catalog(self) -> Catalog:
        """Read the gateway's models and their prices, and use them from then on."""
        return self._connect().use_catalog(self._client.refresh())

    async def arefresh_catalog(self) -> Catalog:
        """Like :meth:`refresh_catalog`, awaited."""
        return self._connect().use_catalog(await self._async_client.refresh())

    def close(self) -> None:
        """Give the connections of blocking calls back; a later call opens new ones.

        Your own clients stay open.
        """
        self._connect().close()

    async def aclose(self) -> None:
        """Give all connections back."""
        await self._connect().aclose()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy with options of its own and the same clients and services."""
        # Chains are copied for every request of a server; connections of its own for each would be
        # closed by nobody.
        twin = copy.copy(self)
        for name, value in self.__dict__.items():
            if isinstance(value, (dict, list)) and name not in self.services:
                vars(twin)[name] = copy.deepcopy(value, memo)
        return twin

    def __getstate__(self) -> dict[Any, Any]:
        """What a pickle carries: no connection and no key, which is read from the environment
        again.
        """
        twin = copy.copy(self)
        fields = vars(twin)
        fields.update(dict.fromkeys(fields.keys() & set(NEVER_PICKLED)))
        fields["default_headers"] = self.default_headers and without_secret_headers(
            self.default_headers
        )
        fields.pop("_clients", None)
        state: dict[Any, Any] = super(ConnectedModel, twin).__getstate__()
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        vars(self)["api_key"] = secret_key_from(None)
