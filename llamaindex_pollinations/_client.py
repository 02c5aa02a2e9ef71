"""Give every LlamaIndex component of this package the options of a connection as fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from llama_index.core.schema import BaseComponent
from pydantic import Field, SecretStr, ValidationError

from pollinations_client._adapter_support import (
    AsyncHttpClient,
    ConnectedModel,
    alias_of,
    invalid_request_from,
    with_own_names,
    with_secret_key,
)

from ._options import ALIASES

__all__ = ["ClientMixin"]

PRODUCT = "llama-index"


class ClientMixin(ConnectedModel, BaseComponent):
    """A component that calls the gateway. It opens nothing before its first call."""

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
        """Read the options; None means the default. Raises for an unknown or impossible one."""
        options = with_own_names(with_secret_key(options), ALIASES)
        options.pop("class_name", None)  # LlamaIndex's to_dict() adds it
        fields = type(self).model_fields
        values: dict[str, Any] = {
            name: value
            for name, value in options.items()
            if value is not None or name not in fields
        }
        refusal: Exception | None = None
        try:
            super().__init__(**values)
        except ValidationError as error:
            refusal = invalid_request_from(error, fields)
        # Raised out here, the refusal has no ValidationError as its context: that one prints its
        # inputs, headers among them.
        if refusal is not None:
            raise refusal
        self._connect_first()

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """The model first, then the options that were set, but for keys and headers."""
        fields = type(self).model_fields
        # Traceback printers call repr() on an object whose constructor failed before pydantic
        # could note which fields were set.
        names = {"model", *getattr(self, "__pydantic_fields_set__", ())}
        names = {name for name in names if name in fields and not fields[name].exclude}
        arguments = [
            (name, value)
            for name, value in super().__repr_args__()
            # A function, completion_to_prompt say, prints as an address in memory.
            if name in names and value is not None and not callable(value)
        ]
        return sorted(arguments, key=lambda argument: argument[0] != "model")
