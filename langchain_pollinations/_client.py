"""Options of a connection as fields, under LangChain's names, for models, tools, embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, ValidationError

from pollinations_client import Catalog, PollinationsError
from pollinations_client._adapter_support import (
    AsyncHttpClient,
    ConnectedModel,
    alias_of,
    invalid_request_from,
    with_model,
    with_own_names,
    with_secret_key,
)

from .errors import as_model_error, model_errors


class ClientMixin(ConnectedModel):
    """The options of a connection as fields. A mixin: it comes before LangChain's class."""

    # Other packages' names are properties, not pydantic's aliases, so that they can be read and
    # assigned too.

    product: ClassVar[str] = "langchain"
    services: ClassVar[frozenset[str]] = frozenset({"callbacks", "cache", "rate_limiter"})
    aliases: ClassVar[Mapping[str, str]] = {
        "pollinations_api_key": "api_key",
        "request_timeout": "timeout",
        "async_http_client": "http_async_client",
    }
    """Names that LangChain's users know from other packages."""
    door: ClassVar[str | None] = "extra_body"
    """The option that takes what is not listed."""

    base_url: str | None = None
    """The gateway's address, with or without ``/v1``; else ``POLLINATIONS_BASE_URL``; else the
    public gateway.
    """
    http_async_client: AsyncHttpClient = Field(default=None, repr=False, exclude=True)
    """An ``httpx.AsyncClient`` of your own, for async calls."""

    pollinations_api_key = alias_of("api_key")
    request_timeout = alias_of("timeout")
    async_http_client = alias_of("http_async_client")

    def __init__(self, model: str | None = None, /, **options: Any) -> None:
        """Take options; open nothing. ``model`` may come first, without its name."""
        # First of all, so that no frame of a traceback has the key as text.
        options = with_secret_key(options)
        try:
            options = with_model(model, options)
            options = with_own_names(options, self.aliases)
            super().__init__(**options)
            self._connect_first()
        except ValidationError as error:
            names = [*type(self).model_fields, *self.aliases]
            refusal: PollinationsError = invalid_request_from(error, names, door=self.door)
        except PollinationsError as error:
            refusal = error
        else:
            return
        # Outside of the handler: pydantic's error in ``__context__`` would show the options.
        raise as_model_error(refusal)

    def refresh_catalog(self) -> Catalog:
        """Ask the gateway for its models; they and their prices are known from then on."""
        with model_errors():
            return super().refresh_catalog()

    async def arefresh_catalog(self) -> Catalog:
        """The same, awaited."""
        with model_errors():
            return await super().arefresh_catalog()
