"""Key, addresses, time limits, sizes and headers; the only reader of the environment.

``POLLINATIONS_API_KEY`` and ``POLLINATIONS_BASE_URL`` (or ``POLLINATIONS_API_BASE``) are read when
a client is made.
"""

from __future__ import annotations

import functools
import os
import re
import sys
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Unpack

from pydantic import SecretStr

from ._distribution import __version__, install_command
from .budget.budget import PollenBudget
from .connection_options import (
    SECRET_HEADERS,
    ApiKey,
    ConnectionOptionsDict,
    as_secret,
    without_secret_headers,
)
from .errors import MIN_SURE_KEY_LENGTH, ConfigurationError, redact
from .retry import RetryPolicy

GATEWAY = "https://gen.pollinations.ai"
MEDIA_STORE = "https://media.pollinations.ai"
OLDER_ACCOUNT_HOST = "https://enter.pollinations.ai/api"
KEY_PAGE = "https://enter.pollinations.ai/keys"
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
NOT_IN_KEYS = frozenset(" \"'")

NO_KEY = (
    f"No API key: make one at {KEY_PAGE} and set POLLINATIONS_API_KEY or pass api_key=. "
    f"Without a key, use the local emulator: {install_command('emulator')}; then run "
    "python -m pollinations_client.emulator and pass the address that it prints as base_url=."
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds; ``None`` switches one off.

    ``total_s`` covers one call with all its retries and pauses. ``after_finish_s`` is for what a
    stream sends after its finish reason: the token count, and its end.
    """

    connect_s: float | None = 5.0
    # Pictures go out in base64, up to 20 MB of them.
    write_s: float | None = 30.0
    pool_s: float | None = 10.0
    # The edge before the gateway gives up on a silent answer with a 524 after 100 to 130 s
    # (pollinations issues 4884 and 7280). It is to speak first: an identical repeat then joins what
    # still goes on, and is billed once.
    answer_s: float | None = 180.0
    picture_s: float | None = 300.0
    video_s: float | None = 600.0
    # Reasoning models are silent at first.
    first_byte_s: float | None = 180.0
    # Where a provider's connection breaks, the gateway leaves the stream open for ever and silent
    # (seen on its code of January 2026).
    stream_idle_s: float | None = 120.0
    after_finish_s: float | None = 10.0
    # Comments of a proxy keep the idle limit from running out.
    progress_s: float | None = 300.0
    total_s: float | None = 600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, after decompression; connections of the pool that a process shares."""

    json_bytes: int = 64 * 1024 * 1024
    # The framing included: some 300 bytes for each token.
    stream_bytes: int = 64 * 1024 * 1024
    # A refusal repeats the whole request before it says what is wrong (seen in January 2026), and
    # the gateway takes requests of up to 20 MB.
    error_bytes: int = 64 * 1024 * 1024
    image_bytes: int = 64 * 1024 * 1024
    video_bytes: int = 512 * 1024 * 1024
    max_connections: int = 1_000
    max_keepalive_connections: int = 100
    # Short: servers close idle connections, and a request may be on its way then.
    keepalive_expiry_s: float = 5.0


# Nothing in them changes, so all settings share them: each anew costs 1 us of every model made.
DEFAULT_TIMEOUTS, DEFAULT_LIMITS, DEFAULT_RETRY = Timeouts(), Limits(), RetryPolicy()


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
        named = [options.get(f"{name}timeout") for name in ("", "stream_idle_", "total_")]
        retry = self.retry
        retries, streams = options.get("max_retries"), options.get("retry_streams")
        if retries is not None:
            checked = _checked_retries(retries)
            retry = replace(retry, max_retries=checked, server_error_retries=checked)
        if streams is not None:
            retry = replace(retry, retry_streams=bool(streams))
        headers = _checked_headers(options.get("extra_headers") or {}, "extra_headers")
        if reserved := RESERVED_HEADERS & headers.keys():
            raise ConfigurationError(
                f"extra_headers: {min(reserved)!r} cannot be set for a call; a key belongs into"
                " api_key.",
                param="extra_headers",
            )
        return CallSettings(_timeouts(self.timeouts, *named), retry, headers)

    @property
    def secret(self) -> str | None:
        """The key's value, for the header."""
        if self.api_key is None:
            return None
        return self.api_key.get_secret_value()

    @property
    def needs_key(self) -> bool:
        """Whether nothing can work: the gateway itself is addressed, and there is no key."""
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
    """The key to use: the one given, else the environment's.

    Raises :class:`ConfigurationError` for a spoilt one.
    """
    if key is not None:
        return _checked_key(as_secret(key), "api_key")
    return _checked_key(
        as_secret(os.environ.get("POLLINATIONS_API_KEY")), "api_key (POLLINATIONS_API_KEY)"
    )


def checked_key(api_key: ApiKey | None) -> SecretStr | KeyFunction | None:
    """The key or the function that gives it; else the environment's key, if there is one.

    Raises :class:`ConfigurationError` for a spoilt one.
    """
    return api_key if callable(api_key) else secret_key_from(api_key)


def settings_from(api_key: ApiKey | None = None, **options: Unpack[ClientOptions]) -> Settings:
    """Settings from options, then the environment, then defaults.

    Raises :class:`ConfigurationError` for what cannot work.
    """
    key = checked_key(api_key)
    return settings_without_key(**options).with_key(key)


def settings_without_key(**options: Unpack[ClientOptions]) -> Settings:
    """The same, but for the key: all models that only name an address share one object.

    Raises :class:`ConfigurationError` for what cannot work.
    """
    address, product = _gateway_address(options.get("base_url")), options.get("product")
    if options.keys() <= PLAIN_OPTIONS:
        return _plain_settings(address, product)
    retry = options.get("retry") or _policy(
        options.get("max_retries"), options.get("retry_streams") or False
    )
    _checked_retries(retry.max_retries)
    named: Mapping[str, Any] = options
    checked = {
        name: check(named[name])
        for name, check in SETTING_CHECKS.items()
        if named.get(name) is not None
    }
    timeouts = _timeouts(
        options.get("timeouts") or DEFAULT_TIMEOUTS,
        options.get("timeout"),
        options.get("stream_idle_timeout"),
        options.get("total_timeout"),
    )
    plain = _plain_settings(address, product)
    return replace(plain, timeouts=timeouts, retry=retry, **checked)


@functools.lru_cache(maxsize=64)  # each anew costs 10 us of every model made
def _plain_settings(address: str, product: str | None) -> Settings:
    user_agent = f"{USER_AGENT} {product}" if product else USER_AGENT
    headers: Mapping[str, str] = MappingProxyType({})  # shared, so nobody may add to it
    return Settings(base_url=address, user_agent=user_agent, default_headers=headers)


def _checked_memory(seconds: Any) -> float:
    return _positive(seconds, "refusal_memory_s")


def _checked_budget(budget: Any) -> PollenBudget:
    if isinstance(budget, PollenBudget):
        return budget
    kind = type(budget).__name__
    raise ConfigurationError(
        f"budget: a PollenBudget is needed, such as PollenBudget(0.5). Given: {kind}.",
        param="budget",
    )


def _checked_concurrency(limit: int) -> int:
    if type(limit) is not int or limit < 1:
        raise ConfigurationError(
            f"max_concurrency: a whole number of 1 or more is needed. Given: {limit!r}.",
            param="max_concurrency",
        )
    return limit


def _checked_key(key_given: SecretStr | None, where: str) -> SecretStr | None:
    if key_given is not None and not isinstance(key_given, SecretStr):
        kind = type(key_given).__name__
        raise ConfigurationError(
            f"{where}: a string or a SecretStr is needed, not {kind}.", param="api_key"
        )
    if key_given is None:
        return None
    key = _stripped(key_given)
    if not key:
        return None
    if not _is_sendable(key.get_secret_value()):
        raise ConfigurationError(
            f"{where}: it holds a space, a quotation mark, a control or a non-ASCII character, as a"
            f" bad paste does; copy it again from {KEY_PAGE}.",
            param="api_key",
        )
    return key


def _stripped(key: SecretStr) -> SecretStr:
    """The key without blanks at its ends; the same object where there are none, so that whoever
    compares options sees no new key.
    """
    text = key.get_secret_value()
    bare = text.strip()
    return key if bare == text else SecretStr(bare)


def _is_sendable(key: str) -> bool:
    return key.isascii() and key.isprintable() and NOT_IN_KEYS.isdisjoint(key)


def key_from_function(key: Any) -> SecretStr:
    """What a key function gave, checked. Raises :class:`ConfigurationError` for no key."""
    checked = _checked_key(as_secret(key), "api_key (the function's result)")
    if checked is None:
        raise ConfigurationError("api_key: the function gave no key.", param="api_key")
    return checked


def _checked_retries(retries: Any) -> int:
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
        raise ConfigurationError(
            f"max_retries: 0 or more is needed, {retries!r} was given.", param="max_retries"
        )
    return retries


def _policy(max_retries: int | None, retry_streams: bool) -> RetryPolicy:
    """The default policy; a number of retries that somebody names holds for server errors too."""
    if max_retries is None:
        return RetryPolicy(retry_streams=True) if retry_streams else DEFAULT_RETRY
    return RetryPolicy(
        max_retries=max_retries, server_error_retries=max_retries, retry_streams=retry_streams
    )


def _gateway_address(address: str | None) -> str:
    if address:
        return _checked_url(address, "base_url")
    for name in ("POLLINATIONS_BASE_URL", "POLLINATIONS_API_BASE"):
        if set_there := os.environ.get(name, "").strip():
            return _checked_url(set_there, "base_url", f"base_url ({name})")
    return GATEWAY


@functools.lru_cache(maxsize=64)  # models are made by the thousand, for a few addresses
def _checked_url(address: str, param: str, where: str | None = None) -> str:
    """``address`` without ``/v1``, the chat endpoint and closing slashes.

    Raises :class:`ConfigurationError`, which calls it ``where``, for one that cannot be, or holds a
    secret or a query.
    """
    where = where or param
    address = address.strip()
    try:
        url = urllib.parse.urlsplit(address)
        port = url.port
    except ValueError as error:
        reason = redact(str(error))
        raise ConfigurationError(
            f"{where}: it is no URL ({reason}); write it as in {GATEWAY}.", param=param
        ) from None
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ConfigurationError(
            f"{where}: an address with http:// or https:// is needed, such as"
            f" {GATEWAY}.{_likely(address)}",
            param=param,
        )
    if url.username is not None or url.password is not None or url.query or url.fragment:
        raise ConfigurationError(
            f"{where}: no user, password, query or fragment may be in it; a key belongs into"
            " api_key.",
            param=param,
        )
    host = url.hostname
    if ":" in host:  # an IPv6 address
        host = f"[{host}]"
    if port:
        host = f"{host}:{port}"
    # Programs that were made for OpenAI's client have addresses with /v1, or the whole endpoint.
    path = re.sub(r"/*(/v1)?(/chat/completions)?/*$", "", url.path)
    return f"{url.scheme}://{host}{path}"


def _likely(address: str) -> str:
    """What was probably meant by a host without a scheme."""
    # Nothing that looks otherwise is repeated: it might be a key.
    if not re.fullmatch(r"(localhost|[\w-]+(\.[\w-]+)+)(:\d+)?(/[\w./-]*)?", address):
        return ""
    scheme = "http" if address.startswith(("localhost", "127.")) else "https"
    return f" Did you mean '{scheme}://{address}'?"


def _account_url(address: str) -> str | None:
    """The documentation of API 0.3.0 writes the address with ``/account``, which every account call
    adds itself.
    """
    if not address:
        return None
    return _checked_url(address, "account_base_url").removesuffix("/account")


def _media_url(address: str) -> str | None:
    return _checked_url(address, "media_base_url") if address else None


def _checked_headers(headers: Mapping[str, str], param: str) -> dict[str, str]:
    """Headers with names in lower case. Raises :class:`ConfigurationError` for what HTTP cannot
    carry (RFC 9110, section 5); a value is in no message, it may be a secret.
    """
    if not isinstance(headers, Mapping):
        kind = type(headers).__name__
        raise ConfigurationError(f"{param}: a dictionary is needed, not {kind}.", param=param)
    checked = {}
    for name, value in headers.items():
        if not isinstance(name, str) or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise ConfigurationError(
                f"{param}: {redact(str(name))!r} is no name of a header.", param=param
            )
        if not isinstance(value, str) or not re.fullmatch(r"[\t -~]*", value):
            raise ConfigurationError(
                f"{param}: the value of {name!r} is no string of printable ASCII characters;"
                " percent-encode others.",
                param=param,
            )
        checked[name.lower()] = value.strip()
    return checked


def _timeouts(
    base: Timeouts, timeout: Any, stream_idle: float | None, total: float | None
) -> Timeouts:
    """``timeout`` limits each wait: of a plain answer, for a stream's first byte, between bytes,
    for a connection.
    """
    # An httpx.Timeout, known by its method: httpx is loaded with the first call only.
    if timeout is not None and hasattr(timeout, "as_dict"):
        each = timeout.as_dict()
        base = _with_read(
            replace(base, connect_s=each["connect"], write_s=each["write"], pool_s=each["pool"]),
            each["read"],
        )
    elif timeout is not None:
        seconds = _positive(timeout, "timeout")
        base = _with_read(
            replace(
                base,
                connect_s=min(seconds, base.connect_s or seconds),
                write_s=min(seconds, base.write_s or seconds),
                pool_s=min(seconds, base.pool_s or seconds),
            ),
            seconds,
        )
    if stream_idle is not None:
        base = replace(base, stream_idle_s=_positive(stream_idle, "stream_idle_timeout"))
    if total is not None:
        base = replace(base, total_s=_positive(total, "total_timeout"))
    return base


def _with_read(base: Timeouts, read_s: float | None) -> Timeouts:
    idle, total = base.stream_idle_s, base.total_s
    if read_s is None:
        total = None
    else:
        idle = min(read_s, idle or read_s)
        # Whoever waits longer for one answer means the whole call, too.
        total = total and max(total, read_s)
    return replace(
        base,
        answer_s=read_s,
        picture_s=read_s,
        video_s=read_s,
        first_byte_s=read_s,
        stream_idle_s=idle,
        total_s=total,
    )


def _positive(seconds: Any, param: str) -> float:
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, (int, float))
        or not 0 < seconds < float("inf")
    ):
        raise ConfigurationError(
            f"{param}: a number of seconds above 0 is needed, {seconds!r} was given.", param=param
        )
    return float(seconds)


SETTING_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "account_base_url": _account_url,
    "media_base_url": _media_url,
    "limits": lambda limits: limits or DEFAULT_LIMITS,
    "default_headers": lambda headers: _checked_headers(headers or {}, "default_headers"),
    "refusal_memory_s": _checked_memory,
    "budget": _checked_budget,
    "max_concurrency": _checked_concurrency,
}
