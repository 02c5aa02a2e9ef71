"""What every LlamaIndex component of this package has in common: settings, clients, copies, dumps
without secrets.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, Self

from llama_index.core.schema import BaseComponent
from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_serializer

from pollinations_client import AsyncPollinationsClient, Catalog, PollinationsClient
from pollinations_client._adapter_support import (
    CloseableMixin,
    invalid_request_from,
    with_secret_key,
    without_secret_headers,
)

from ._connection import LazyClients
from ._options import alias_of, with_own_names

__all__ = ["ClientMixin"]


class ClientMixin(CloseableMixin, BaseComponent):
    """A component with the gateway behind it. Nothing is opened before the first call."""

    api_key: SecretStr | Callable[[], Any] | None = Field(
        default=None,
        exclude=True,
        repr=False,
        description="Key of the gateway, or a function that gives it; else POLLINATIONS_API_KEY.",
    )
    api_base: str | None = Field(
        default=None,
        description="The gateway's address, with or without /v1, else POLLINATIONS_BASE_URL.",
    )
    timeout: Any = Field(default=None, description="Seconds for each wait, or an httpx.Timeout.")
    stream_idle_timeout: float | None = Field(
        default=None, description="Seconds between two bytes of a stream."
    )
    total_timeout: float | None = Field(
        default=None, description="Seconds for a call with all its retries."
    )
    max_retries: int | None = Field(
        default=None,
        description="Further attempts, where a repeat cannot be billed twice; 2 by default.",
    )
    retry_streams: bool = Field(
        default=False, description="Also repeat a stream that broke before its first byte."
    )
    default_headers: dict[str, str] | None = Field(
        default=None, repr=False, description="Sent with every request."
    )
    http_client: Any = Field(
        default=None, exclude=True, repr=False, description="An httpx.Client of your own."
    )
    async_http_client: Any = Field(
        default=None, exclude=True, repr=False, description="An httpx.AsyncClient."
    )

    base_url = alias_of("api_base")
    http_async_client = alias_of("async_http_client")

    _connection: LazyClients = PrivateAttr(default_factory=LazyClients)

    def __init__(self, **options: Any) -> None:
        """Take settings; open nothing.

        ``None`` means the default. Refuses what is unknown or cannot work.
        """
        options = with_secret_key(options)
        options.pop("class_name", None)
        fields = type(self).model_fields
        given = with_own_names(options)
        refusal: Exception | None = None
        try:
            super().__init__(
                **{
                    name: value
                    for name, value in given.items()
                    if value is not None or name not in fields
                }
            )
        except ValidationError as error:
            refusal = invalid_request_from(error, fields)
        if refusal is not None:
            raise refusal
        self._connection.sync_client(self.__dict__)

    @property
    def catalog(self) -> Catalog:
        """What is known of models: the list shipped with the package, or what ``refresh_catalog``
        brought.
        """
        return self._connection.catalog

    def refresh_catalog(self) -> Catalog:
        """Ask the gateway for its models; they are known from then on."""
        return self._client.refresh()

    async def arefresh_catalog(self) -> Catalog:
        """The same, awaited."""
        return await self._aclient.refresh()

    @property
    def _client(self) -> PollinationsClient:
        return self._connection.sync_client(self.__dict__)

    @property
    def _aclient(self) -> AsyncPollinationsClient:
        return self._connection.async_client(self.__dict__)

    def close(self) -> None:
        """Give the connections of blocking calls back; a later call opens new ones.

        Your own clients stay open.
        """
        self._connection.close()

    async def aclose(self) -> None:
        """Give all connections back."""
        await self._connection.aclose()

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """The model and what was set; keys and headers never, nor what no dump holds or LlamaIndex
        fills in.
        """
        fields = type(self).model_fields
        was_set: set[str] = getattr(
            self, "__pydantic_fields_set__", set()
        )  # none yet in a failed constructor
        shown = {
            name for name in {*was_set, "model"} if name in fields and not fields[name].exclude
        }
        told = [
            (name, value)
            for name, value in super().__repr_args__()
            if name in shown and value is not None
        ]
        return sorted(
            ((name, value) for name, value in told if not callable(value)),
            key=lambda one: one[0] != "model",
        )

    def __copy__(self) -> Self:
        twin = super().__copy__()
        twin._connection = self._connection.copy()
        return twin

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A component of its own with the same clients and callbacks: these are services, not
        values.
        """
        twin = self.__copy__()
        for name, value in self.__dict__.items():
            if isinstance(value, (dict, list)):
                twin.__dict__[name] = copy.deepcopy(value, memo)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle holds: no key, no client.

        The key is read from the environment where it is opened.
        """
        twin = self.__copy__()
        twin.__dict__.update(dict.fromkeys(("api_key", "http_client", "async_http_client")))
        twin.__dict__["default_headers"] = self.default_headers and without_secret_headers(
            self.default_headers
        )
        twin._connection = LazyClients()
        return super(ClientMixin, twin).__getstate__()

    @field_serializer("default_headers")
    def _show_harmless_headers(self, headers: dict[str, str] | None) -> dict[str, str] | None:
        return headers and without_secret_headers(headers)

    @field_serializer("timeout")
    def _timeout_in_seconds(self, timeout: Any) -> float | None:
        """An ``httpx.Timeout`` is no JSON: its longest wait stands for it."""
        if timeout is None or isinstance(timeout, (int, float)):
            return timeout
        return max((wait for wait in timeout.as_dict().values() if wait is not None), default=None)
