"""Translate httpx's exceptions to the errors of this package, with what to look at next."""

from __future__ import annotations

import ssl
import urllib.parse

import httpx

from ..errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    Keys,
    PollinationsError,
    redact,
)
from ..request.calls import Call
from .time_limits import Deadline

# A UnicodeError is a host name that has no form in DNS.
NETWORK_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError)
# What a server that has not read the whole request cannot have carried out.
UNSENT = (
    *(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout),
    *(httpx.WriteTimeout, httpx.WriteError, httpx.ProxyError),
)


def failure_from(
    error: Exception, call: Call, clock: Deadline, host: str, secret: Keys
) -> PollinationsError:
    """The typed error for what the network library raised."""
    reason = redact(str(error), secret) or type(error).__name__
    # Not the original as the cause: it refers to the request with its headers, and its frames to
    # the key.
    cause = RuntimeError(f"{type(error).__module__}.{type(error).__name__}: {reason}")
    failure: PollinationsError
    if isinstance(error, httpx.ReadTimeout):
        failure = clock.timed_out()
    elif isinstance(error, httpx.TimeoutException):
        failure = clock.timed_out() if clock.is_over else _no_connection(error, call, host)
        # The request was not sent as a whole, so nothing can have been generated.
        failure.ambiguous = False  # type: ignore[attr-defined]
    elif isinstance(
        error, (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError)
    ):
        failure = ConfigurationError(f"{call.label} cannot be sent: {reason}.")
    else:
        # httpx's own pool reports it as a ConnectError, with OpenSSL's words in the text alone.
        untrusted = "CERTIFICATE_VERIFY_FAILED" in reason or isinstance(
            error, ssl.SSLCertVerificationError
        )
        failure = APIConnectionError(
            f"{call.label}: the connection to {host} failed:"
            f" {reason}.{_advice(error, host, untrusted)}",
            ambiguous=not isinstance(error, UNSENT),
        )
        if untrusted:
            failure.is_retryable = False
    failure.__cause__ = cause
    return failure


def _advice(error: Exception, host: str, untrusted: bool) -> str:
    """What to look at when no connection came about."""
    if untrusted:
        return " The server's certificate is not trusted; check base_url and the proxy."
    if not isinstance(error, httpx.ConnectError):
        return ""
    if urllib.parse.urlsplit(host).hostname in {"localhost", "127.0.0.1", "::1"}:
        return (
            " Is anything served there? The emulator is started with: python -m"
            " pollinations_client.emulator"
        )
    return " Check base_url, the network and the proxy."


def _no_connection(error: httpx.TimeoutException, call: Call, host: str) -> PollinationsError:
    reason = {
        "ConnectTimeout": f"no connection to {host} was made in time (timeout)",
        "PoolTimeout": "all connections were busy (Limits.max_connections)",
        "WriteTimeout": "the server took the request too slowly (timeout)",
    }.get(type(error).__name__, "it timed out")
    return APITimeoutError(f"{call.label}: {reason}.")
