"""The clients behind one model object: made when first needed, made anew when a setting has
changed, never pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pollinations_client import (
    AsyncPollinationsClient,
    Catalog,
    ConfigurationError,
    PollinationsClient,
    snapshot,
)
from pollinations_client._adapter_support import NO_KEY

__all__ = ["CLIENT_FIELDS", "LazyClients"]

PRODUCT = "llama-index"
CLIENT_FIELDS = (
    "api_key",
    "api_base",
    "timeout",
    "stream_idle_timeout",
    "total_timeout",
    "max_retries",
    "retry_streams",
    "default_headers",
    "http_client",
    "async_http_client",
)


class LazyClients:
    """A sync and an async client for the same settings.

    Copies of a model share the clients, not this.
    """

    __slots__ = ("_async", "_made_for", "_sync")

    def __init__(self) -> None:
        self._made_for: tuple[Any, ...] | None = None
        self._sync: PollinationsClient | None = None
        self._async: AsyncPollinationsClient | None = None

    def copy(self) -> LazyClients:
        """Another one with the same clients."""
        twin = LazyClients()
        twin._made_for, twin._sync, twin._async = self._made_for, self._sync, self._async
        return twin

    def sync_client(self, fields: Mapping[str, Any]) -> PollinationsClient:
        """The blocking client for a model's fields.

        Raises :class:`ConfigurationError` for what cannot work.
        """
        self._forget_if_changed(fields)
        client = self._sync
        if client is None:
            client = PollinationsClient(
                **_arguments(fields), http_client=fields["http_client"], product=PRODUCT
            )
            if client.settings.needs_key:
                raise ConfigurationError(NO_KEY, param="api_key")
            self._sync = client
        return client

    def async_client(self, fields: Mapping[str, Any]) -> AsyncPollinationsClient:
        """The client for event loops."""
        self._forget_if_changed(fields)
        client = self._async
        if client is None:
            self.sync_client(fields)  # says what is missing
            client = AsyncPollinationsClient(
                **_arguments(fields), http_client=fields["async_http_client"], product=PRODUCT
            )
            self._async = client
        return client

    @property
    def catalog(self) -> Catalog:
        """What is known of models: what a client has refreshed, else the list shipped with the
        package.
        """
        catalogs = [client.catalog for client in (self._sync, self._async) if client is not None]
        return next((catalog for catalog in catalogs if catalog is not snapshot()), snapshot())

    def close(self) -> None:
        """Give the blocking client's connections back."""
        if self._sync is not None:
            self._sync.close()

    async def aclose(self) -> None:
        """Give back the connections of both clients."""
        self.close()
        if self._async is not None:
            await self._async.aclose()

    def _forget_if_changed(self, fields: Mapping[str, Any]) -> None:
        given = (fields[name] for name in CLIENT_FIELDS)
        wanted = tuple(
            dict(value) if isinstance(value, dict) else value for value in given
        )  # a copy: it may be edited
        if wanted != self._made_for:
            self._made_for, self._sync, self._async = wanted, None, None


def _arguments(fields: Mapping[str, Any]) -> dict[str, Any]:
    skipped = {"api_base", "http_client", "async_http_client"}
    return {name: fields[name] for name in CLIENT_FIELDS if name not in skipped} | {
        "base_url": fields["api_base"]
    }
