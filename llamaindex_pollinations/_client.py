"""What every LlamaIndex component of this package has in common: the options of a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from llama_index.core.schema import BaseComponent
from pydantic import Field, SecretStr, ValidationError

from pollinations_client._adapter_support import (
    AsyncHttpClient,
    ConnectedModel,
    invalid_request_from,
    with_secret_key,
)

from ._options import alias_of, with_own_names

__all__ = ["ClientMixin"]

PRODUCT = "llama-index"


class ClientMixin(ConnectedModel, BaseComponent):
    """A component with the gateway behind it. Nothing is opened before the first call."""

    product: ClassVar[str] = PRODUCT
    address_field: ClassVar[str] = "api_base"
    async_client_field: ClassVar[str] = "async_http_client"

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
    default_headers: Mapping[str, str] | None = Field(
        default=None, repr=False, description="Sent with every request."
    )
    async_http_client: AsyncHttpClient = Field(
        default=None, exclude=True, repr=False, description="An httpx.AsyncClient of your own."
    )

    base_url = alias_of("api_base")
    http_async_client = alias_of("async_http_client")

    def __init__(self, **options: Any) -> None:
        """Take settings; open nothing.

        ``None`` means the default. Refuses what is unknown or cannot work.
        """
        options = with_secret_key(options)
        options.pop("class_name", None)
        fields = type(self).model_fields
        given = with_own_names(options)
        values: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None or name not in fields
        }
        refusal: Exception | None = None
        try:
            super().__init__(**values)
        except ValidationError as error:
            refusal = invalid_request_from(error, fields)
        if refusal is not None:
            raise refusal
        self._connect_first()

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
