"""The options of a connection, each once: where the gateway is, limits, retries, headers.

The clients take them, and the models, tools and embeddings of both adapters inherit them as fields.
``settings/`` checks their values. Adding one means: a field here, its type for editors beside it,
and the code that acts on it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from pydantic import BaseModel, Field, SecretStr, field_serializer

if TYPE_CHECKING:
    import httpx

    Timeout = float | httpx.Timeout | None
    SyncHttpClient = httpx.Client | None
    AsyncHttpClient = httpx.AsyncClient | None
else:  # httpx is loaded with the first call; what is none of its classes is refused then
    Timeout = SyncHttpClient = AsyncHttpClient = Any

ApiKey = str | SecretStr | Callable[[], str | SecretStr | Awaitable[str | SecretStr]]
"""A key, or a function that is asked for it before each request."""

# Gateways of companies take their own credentials, such as x-portkey-api-key or cf-access-token.
SECRET_HEADERS = re.compile(r"auth|cookie|key|token|secret|password", re.IGNORECASE)


class CallSettingsDict(TypedDict, total=False):
    """What a call may set for itself, in place of the client's; in no body."""

    timeout: Timeout
    stream_idle_timeout: float | None
    total_timeout: float | None
    max_retries: int | None
    retry_streams: bool | None
    extra_headers: Mapping[str, str] | None


CALL_SETTINGS = CallSettingsDict.__optional_keys__


class ConnectionOptionsDict(TypedDict, total=False):
    """Types of :class:`ConnectionOptions` for editors, all but the key's."""

    timeout: Timeout
    stream_idle_timeout: float | None
    total_timeout: float | None
    max_retries: int | None
    retry_streams: bool
    refusal_memory_s: float | None
    budget: Any
    default_headers: Mapping[str, str] | None


class ConnectionOptions(BaseModel, defer_build=True):
    """Fields of everything that talks to the gateway. ``None`` means the default.

    Nobody makes one of these, nor of the mixins on top, so pydantic need not build them: 15 ms of
    an import. A class that programs use says ``defer_build=False``, for threads may make its first
    objects together, and pydantic takes a half-built class's validator away from the others.
    """

    api_key: SecretStr | Callable[[], Any] | None = Field(default=None, repr=False)
    """``sk_...`` or ``pk_...``; else ``POLLINATIONS_API_KEY``. Sent in the header only.

    Or a function, sync or async, that is asked for it before each request.
    """
    timeout: Timeout = None
    """Seconds an answer, a stream's first or its next byte may take, or an ``httpx.Timeout``."""
    stream_idle_timeout: float | None = None
    """Seconds between two bytes of a stream; 120 by default."""
    total_timeout: float | None = None
    """Seconds for one call with all its retries; 600 by default."""
    max_retries: int | None = None
    """Further attempts where a repeat cannot be billed twice: 2 by default, 0 for none.

    LangChain's ``with_retry`` multiplies.
    """
    retry_streams: bool = False
    """Also repeat a stream that broke before its first byte, which may be billed twice."""
    refusal_memory_s: float | None = None
    """Seconds for which a 401 or 402 lets paid calls with the same key fail unsent, with the same
    error. Off by default; a batch of many rows then ends after the first hopeless one.
    """
    budget: Any = Field(default=None, repr=False, exclude=True)
    """A :class:`~pollinations_client.PollenBudget` that counts every paid call."""
    default_headers: Mapping[str, str] | None = Field(default=None, repr=False, exclude=True)
    """Sent with every request."""

    @field_serializer("api_key", check_fields=False)
    def _hide_key_function(self, key: Any) -> SecretStr | None:
        """A function is no JSON, and its name may tell where keys are kept."""
        return key if isinstance(key, SecretStr) else None

    @field_serializer("default_headers", check_fields=False)
    def _show_harmless_headers(self, headers: Any) -> dict[str, str] | None:
        return headers and without_secret_headers(headers)

    @field_serializer("timeout", check_fields=False)
    def _timeout_in_seconds(self, timeout: Any) -> float | None:
        """An ``httpx.Timeout`` is no JSON: its longest wait stands for it."""
        if timeout is None or isinstance(timeout, (int, float)):
            return timeout
        return max((wait for wait in timeout.as_dict().values() if wait is not None), default=None)


def as_secret(key: Any) -> Any:
    """``key``, wrapped if it is a string."""
    # At the door, so that no frame of ours shows it in a traceback with locals.
    if isinstance(key, str):
        return SecretStr(key)
    return key


def with_secret_key(options: Mapping[str, Any]) -> dict[str, Any]:
    """``options`` with the key in them wrapped, under any of its names."""
    wrapped = dict(options)
    for name, value in options.items():
        if name.endswith("api_key"):
            wrapped[name] = as_secret(value)
    return wrapped


def without_secret_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be shown and stored: none that could carry a key."""
    return {name: value for name, value in headers.items() if not SECRET_HEADERS.search(name)}
