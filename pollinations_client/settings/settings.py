"""A client's settings: from its options, then the environment, which is read here only.

``POLLINATIONS_API_KEY`` and ``POLLINATIONS_BASE_URL`` (or ``POLLINATIONS_API_BASE``) are read when
a client is made.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Unpack

from pydantic import SecretStr

from .._distribution import __version__, install_command
from ..budget.budget import PollenBudget
from ..connection_options import (
    SECRET_HEADERS,
    ApiKey,
    ConnectionOptionsDict,
    as_secret,
    without_secret_headers,
)
from ..errors import MIN_SURE_KEY_LENGTH, ConfigurationError
from .checks import (
    GATEWAY,
    KEY_PAGE,
    checked_account_url,
    checked_budget,
    checked_concurrency,
    checked_headers,
    checked_media_url,
    checked_retries,
    checked_seconds,
    checked_secret,
    checked_url,
)
from .limits import DEFAULT_LIMITS, DEFAULT_TIMEOUTS, Limits, Timeouts, timeouts_from
from .retry import DEFAULT_RETRY, RetryPolicy, retry_policy_from

MEDIA_STORE = "https://media.pollinations.ai"
OLDER_ACCOUNT_HOST = "https://enter.pollinations.ai/api"
DEFAULT_MAX_CONCURRENCY = 8
KeyFunction = Callable[[], Any]

# The client's own, and those by which HTTP tells where a request ends.
RESERVED_HEADERS = frozenset(
    {"authorization", "host", "content-length", "transfer-encoding", "connection"}
)

USER_AGENT = (
    f"pollinations-adapters/{__version__} python/{sys.version_info.major}.{sys.version_info.minor}"
)

PLAIN_OPTIONS = frozenset({"base_url", "product"})

NO_KEY = (
    f"No API key: make one at {KEY_PAGE} and set POLLINATIONS_API_KEY or pass api_key=. "
    f"Without a key, use the local emulator: {install_command('emulator')}; then run "
    "python -m pollinations_client.emulator and pass the address that it prints as base_url=."
)


@dataclass(frozen=True, slots=True)
class NetworkEnvironment:
    """What the environment says about the way to the network: proxies, trusted certificates."""

    proxies: tuple[tuple[str, str], ...] = field(repr=False)
    certificates: tuple[str, ...]


def network_environment() -> NetworkEnvironment:
    """The environment as it is now; httpx reads the same variables where a client is made."""
    from urllib.request import getproxies  # imports http.client: 10 ms, at the first call

    certificates = tuple(os.environ.get(name, "") for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    return NetworkEnvironment(tuple(sorted(getproxies().items())), certificates)


class ClientOptions(ConnectionOptionsDict, total=False):
    """Options of the clients, all of them."""

    base_url: str | None
    """Another gateway's address, with or without ``/v1``; else ``POLLINATIONS_BASE_URL``; else the
    public gateway.
    """
    account_base_url: str | None
    """Where ``/account`` is, if not there."""
    media_base_url: str | None
    """Where ``/upload`` is: the gateway's media store, or ``base_url`` where that is another's."""
    timeouts: Timeouts | None
    """All limits at once, in place of the single ones."""
    retry: RetryPolicy | None
    """The whole policy at once, in place of ``max_retries`` and ``retry_streams``."""
    limits: Limits | None
    """Sizes in bytes and connections."""
    max_concurrency: int | None
    """Requests that ``embed`` keeps under way at a time; 8 by default."""
    product: str | None
    """Added to the User-Agent."""


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Limits, retries and headers of one call."""

    timeouts: Timeouts
    retry: RetryPolicy
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a client needs to know before its first call.

    Copies, pickles and prints without the key.
    """

    api_key: SecretStr | None = None
    base_url: str = GATEWAY
    account_base_url: str | None = None
    media_base_url: str | None = None
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    retry: RetryPolicy = DEFAULT_RETRY
    limits: Limits = DEFAULT_LIMITS
    default_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    user_agent: str = USER_AGENT
    max_concurrency: int = DEFAULT_MAX_CONCURRENCY
    key_function: KeyFunction | None = field(default=None, repr=False)
    refusal_memory_s: float | None = None
    budget: PollenBudget | None = None

    def for_call(self, options: Mapping[str, Any]) -> CallSettings:
        """The settings of a call: ``options`` are those of :data:`CALL_SETTINGS`, ``None`` for the
        client's.

        Raises :class:`ConfigurationError` for what cannot work.
        """
        retry = self.retry
        retries, streams = options.get("max_retries"), options.get("retry_streams")
        if retries is not None:
            checked = checked_retries(retries)
            retry = replace(retry, max_retries=checked, server_error_retries=checked)
        if streams is not None:
            retry = replace(retry, retry_streams=bool(streams))
        headers = checked_headers(options.get("extra_headers") or {}, "extra_headers")
        if reserved := RESERVED_HEADERS & headers.keys():
            raise ConfigurationError(
                f"extra_headers: {min(reserved)!r} cannot be set for a call; a key belongs into"
                " api_key.",
                param="extra_headers",
            )
        return CallSettings(timeouts_from(options, self.timeouts), retry, headers)

    @property
    def secret(self) -> str | None:
        """The key's value, for the header."""
        if self.api_key is None:
            return None
        return self.api_key.get_secret_value()

    @property
    def needs_key(self) -> bool:
        """Whether a key is missing: the public gateway is addressed without one."""
        return (
            self.api_key is None
            and self.key_function is None
            and self.base_url == GATEWAY
            and "authorization" not in self.default_headers
        )

    @property
    def media_host(self) -> str:
        """Where files are uploaded: the media store, or another gateway's own address."""
        if self.media_base_url is not None:
            return self.media_base_url
        # Pictures for an emulator or somebody's own gateway are not for the public store.
        if self.base_url != GATEWAY:
            return self.base_url
        return MEDIA_STORE

    @property
    def account_hosts(self) -> tuple[str, ...]:
        """Where account calls go: each host is asked only if the one before answers 404."""
        if self.account_base_url is not None:
            return (self.account_base_url,)
        # The gateway of January 2026 had no /account. The key is sent to no third host.
        if self.base_url == GATEWAY:
            return self.base_url, OLDER_ACCOUNT_HOST
        return (self.base_url,)

    def with_key(self, key: SecretStr | KeyFunction | None) -> Settings:
        """The same settings with a key, or with a function that gives one."""
        if callable(key):
            return replace(self, key_function=key)
        return replace(self, api_key=key)

    def __deepcopy__(self, memo: object) -> Settings:
        return self  # nothing in it changes

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle carries everything but the key."""
        # Where it is opened, the key is read from the environment again.
        names = [
            name for name in self.__dataclass_fields__ if name not in ("api_key", "key_function")
        ]
        fields = {name: getattr(self, name) for name in names}
        return _without_key, (
            {**fields, "default_headers": without_secret_headers(self.default_headers)},
        )

    def headers(self) -> dict[str, str]:
        """The headers of every request, the key's among them, names in lower case."""
        headers = {"user-agent": self.user_agent, **self.default_headers}
        if self.secret is not None:
            headers["authorization"] = f"Bearer {self.secret}"
        return headers


def _without_key(fields: dict[str, Any]) -> Settings:
    return Settings(api_key=secret_key_from(None), **fields)


def secrets_in(headers: Mapping[str, str]) -> list[SecretStr]:
    """The values of headers that could carry a key, the scheme of an authorization left out, and
    without those so short that they could be words.
    """
    values = [value for name, value in headers.items() if SECRET_HEADERS.search(name)]
    keys = [value.rpartition(" ")[2] for value in values]
    return [SecretStr(key) for key in keys if len(key) >= MIN_SURE_KEY_LENGTH]


def secret_key_from(key: str | SecretStr | None) -> SecretStr | None:
    """The key to use: ``key``, else the environment's.

    Raises :class:`ConfigurationError` for a malformed one.
    """
    if key is not None:
        return checked_secret(as_secret(key), "api_key")
    return checked_secret(
        as_secret(os.environ.get("POLLINATIONS_API_KEY")), "api_key (POLLINATIONS_API_KEY)"
    )


def checked_key(api_key: ApiKey | None) -> SecretStr | KeyFunction | None:
    """The key or the function that gives it; else the environment's key, if there is one.

    Raises :class:`ConfigurationError` for a malformed one.
    """
    return api_key if callable(api_key) else secret_key_from(api_key)


def key_from_function(key: Any) -> SecretStr:
    """The result of a key function. Raises :class:`ConfigurationError` if it is no key."""
    checked = checked_secret(as_secret(key), "api_key (the function's result)")
    if checked is None:
        raise ConfigurationError("api_key: the function gave no key.", param="api_key")
    return checked


def settings_from(api_key: ApiKey | None = None, **options: Unpack[ClientOptions]) -> Settings:
    """Settings from options, then the environment, then defaults.

    Raises :class:`ConfigurationError` for what cannot work.
    """
    key = checked_key(api_key)
    return settings_without_key(**options).with_key(key)


def settings_without_key(**options: Unpack[ClientOptions]) -> Settings:
    """Settings without a key: all models that name only an address share one object.

    Raises :class:`ConfigurationError` for what cannot work.
    """
    address, product = _gateway_address(options.get("base_url")), options.get("product")
    if options.keys() <= PLAIN_OPTIONS:
        return _plain_settings(address, product)
    retry = options.get("retry") or retry_policy_from(
        options.get("max_retries"), options.get("retry_streams") or False
    )
    checked_retries(retry.max_retries)
    by_name: Mapping[str, Any] = options
    checked = {
        name: check(by_name[name])
        for name, check in SETTING_CHECKS.items()
        if by_name.get(name) is not None
    }
    timeouts = timeouts_from(by_name, options.get("timeouts") or DEFAULT_TIMEOUTS)
    plain = _plain_settings(address, product)
    return replace(plain, timeouts=timeouts, retry=retry, **checked)


@functools.lru_cache(maxsize=64)  # each anew costs 10 us of every model made
def _plain_settings(address: str, product: str | None) -> Settings:
    user_agent = f"{USER_AGENT} {product}" if product else USER_AGENT
    headers: Mapping[str, str] = MappingProxyType({})  # shared, so nobody may add to it
    return Settings(base_url=address, user_agent=user_agent, default_headers=headers)


def _gateway_address(address: str | None) -> str:
    if address:
        return checked_url(address, "base_url")
    for name in ("POLLINATIONS_BASE_URL", "POLLINATIONS_API_BASE"):
        if address_there := os.environ.get(name, "").strip():
            return checked_url(address_there, "base_url", f"base_url ({name})")
    return GATEWAY


SETTING_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "account_base_url": checked_account_url,
    "media_base_url": checked_media_url,
    "limits": lambda limits: limits or DEFAULT_LIMITS,
    "default_headers": lambda headers: checked_headers(headers or {}, "default_headers"),
    "refusal_memory_s": lambda seconds: checked_seconds(seconds, "refusal_memory_s"),
    "budget": checked_budget,
    "max_concurrency": checked_concurrency,
}
