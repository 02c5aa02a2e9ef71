"""Check the value of each option: a bad one is a ``ConfigurationError`` that says what to give."""

from __future__ import annotations

import functools
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from ..budget.budget import PollenBudget
from ..errors import ConfigurationError, redact

GATEWAY = "https://gen.pollinations.ai"
KEY_PAGE = "https://enter.pollinations.ai/keys"
NOT_IN_KEYS = frozenset(" \"'")


def checked_secret(raw_key: SecretStr | None, where: str) -> SecretStr | None:
    """The key without blanks at its ends; ``None`` for an empty one. Errors call it ``where``."""
    if raw_key is not None and not isinstance(raw_key, SecretStr):
        kind = type(raw_key).__name__
        raise ConfigurationError(
            f"{where}: a string or a SecretStr is needed, not {kind}.", param="api_key"
        )
    if raw_key is None:
        return None
    key = _stripped(raw_key)
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


def checked_retries(retries: Any) -> int:
    """A number of further attempts: 0 or more."""
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
        raise ConfigurationError(
            f"max_retries: 0 or more is needed, {retries!r} was given.", param="max_retries"
        )
    return retries


def checked_concurrency(limit: int) -> int:
    """A number of requests at a time: 1 or more."""
    if type(limit) is not int or limit < 1:
        raise ConfigurationError(
            f"max_concurrency: a whole number of 1 or more is needed. Given: {limit!r}.",
            param="max_concurrency",
        )
    return limit


def checked_seconds(seconds: Any, param: str) -> float:
    """A finite number of seconds above 0."""
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, (int, float))
        or not 0 < seconds < float("inf")
    ):
        raise ConfigurationError(
            f"{param}: a number of seconds above 0 is needed, {seconds!r} was given.", param=param
        )
    return float(seconds)


def checked_budget(budget: Any) -> PollenBudget:
    """A :class:`PollenBudget`."""
    if isinstance(budget, PollenBudget):
        return budget
    kind = type(budget).__name__
    raise ConfigurationError(
        f"budget: a PollenBudget is needed, such as PollenBudget(0.5). Given: {kind}.",
        param="budget",
    )


@functools.lru_cache(maxsize=64)  # models are made by the thousand, for a few addresses
def checked_url(address: str, param: str, where: str | None = None) -> str:
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
            f" {GATEWAY}.{_suggested_url(address)}",
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


def _suggested_url(address: str) -> str:
    """A question that names the likely URL, if the address is a host without a scheme."""
    # Nothing that looks otherwise is repeated: it might be a key.
    if not re.fullmatch(r"(localhost|[\w-]+(\.[\w-]+)+)(:\d+)?(/[\w./-]*)?", address):
        return ""
    scheme = "http" if address.startswith(("localhost", "127.")) else "https"
    return f" Did you mean '{scheme}://{address}'?"


def checked_account_url(address: str) -> str | None:
    """The account host's address without ``/account``; ``None`` for an empty one."""
    # The documentation of API 0.3.0 writes it with /account, which every account call adds itself.
    if not address:
        return None
    return checked_url(address, "account_base_url").removesuffix("/account")


def checked_media_url(address: str) -> str | None:
    """The media store's address; ``None`` for an empty one."""
    return checked_url(address, "media_base_url") if address else None


def checked_headers(headers: Mapping[str, str], param: str) -> dict[str, str]:
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
