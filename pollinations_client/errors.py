"""All errors, in one tree. ``response/error_decoder.py`` makes them of the gateway's answers.

::

    PollinationsError
    ├── InvalidRequestError (ValueError)    refused here, before anything was sent; names the field
    │   └── ConfigurationError              a key, a URL or another setting that cannot work
    ├── APIConnectionError                  no answer came: refused, reset, cut, DNS, TLS
    │   └── APITimeoutError (TimeoutError)  ... within the time allowed
    ├── APIStatusError                      the gateway answered with a refusal
    │   ├── BadRequestError                 400 and other 4xx
    │   │   ├── UnknownModelError           a model name the gateway does not know
    │   │   ├── ContextOverflowError        the prompt does not fit the model's window
    │   │   ├── ContentPolicyError          moderation, content filter, safety
    │   │   ├── PayloadTooLargeError        413
    │   │   └── UnprocessableEntityError    422
    │   ├── AuthenticationError             401
    │   ├── PaymentRequiredError            402; not worth a retry
    │   │   ├── InsufficientBalanceError    the account has no pollen left
    │   │   ├── KeyBudgetExhaustedError     this key's budget is spent
    │   │   ├── PaidModelError              the model takes paid pollen only
    │   │   └── BudgetSpentError            a PollenBudget does not cover the call; unsent
    │   │       └── UnpricedModelError      ... as its price is unknown; a ConfigurationError too
    │   ├── PermissionDeniedError           403
    │   │   └── ModelNotAllowedError        this key may not call that model
    │   ├── NotFoundError                   404, 410
    │   ├── RateLimitError                  429
    │   ├── RedirectError                   3xx; redirects are never followed
    │   └── ServerError                     5xx, and 408
    ├── SaveError (OSError)                 a picture could not be written to disk
    └── ReplyError                          a 200 that cannot be used; ``partial`` has what came
        ├── MalformedReply                  HTML, broken JSON, a picture that is none
        ├── EmptyReply                      nothing was generated and nothing was billed
        ├── UpstreamError                   a provider's error inside an answer, or passed on
        └── StreamInterrupted               a stream that ended without finish reason or ``[DONE]``

Sources: the gateway's error schema of both eras (API 0.3.0 and autumn 2026).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from pydantic import SecretStr

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "BudgetSpentError",
    "ConfigurationError",
    "ContentPolicyError",
    "ContextOverflowError",
    "EmptyReply",
    "InsufficientBalanceError",
    "InvalidRequestError",
    "KeyBudgetExhaustedError",
    "MalformedReply",
    "ModelNotAllowedError",
    "NotFoundError",
    "PaidModelError",
    "PayloadTooLargeError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "PollinationsError",
    "RateLimitError",
    "RedirectError",
    "ReplyError",
    "SaveError",
    "ServerError",
    "StreamInterrupted",
    "UnknownModelError",
    "UnpricedModelError",
    "UnprocessableEntityError",
    "UpstreamError",
]

EXCERPT_LIMIT = 300
BLANK = b"[redacted]"
# A shorter key, such as a program's test has, may stand in an answer as a word.
MIN_SURE_KEY_LENGTH = 16
Keys: TypeAlias = "SecretStr | tuple[SecretStr, ...] | None"
"""What is blanked out of errors: a key, or all that a key function has given."""
# Keys by their form: those of the gateway, those of its providers, and what follows "Bearer" or
# "key=" in a header or a URL. The gateway's own "(Bearer token)" is no key: a word has no digit.
SECRETS = re.compile(
    r"(?i)\b(?:sk|pk|ag)_[A-Za-z0-9_\-]{6,}|\bsk-[A-Za-z0-9_\-]{16,}"
    r"|(?<=bearer )(?=[^\s\"',;]*\d|[^\s\"',;]{20})[^\s\"',;]{6,}"
    r"|(?<=[?&]key=)[^&\s\"']+"
)


class PollinationsError(Exception):
    """Base of everything this project raises.

    Attributes are present on every error, ``None`` or empty where they do not apply:
    ``status_code`` (HTTP), ``code`` (the gateway's or provider's own), ``request_id``,
    ``retry_after`` (seconds), ``fix_url``, ``field_errors`` (field name to sentences), ``body``
    (the parsed error body, keys blanked out), ``partial`` (the
    :class:`~pollinations_client.reply.Reply` received so far), ``retries_taken``.
    """

    is_retryable = False
    status_code: int | None = None
    code: str | None = None
    request_id: str | None = None
    retry_after: float | None = None
    fix_url: str | None = None
    field_errors: Mapping[str, list[str]] = {}
    body: Any = None
    partial: Any = None  # a Reply; its module imports this one
    retries_taken: int = 0

    def __init__(self, message: str = "", **details: Any) -> None:
        super().__init__(message)
        # What is None stays out, so that the class's own value holds (``is_retryable``, say).
        self.__dict__.update({name: value for name, value in details.items() if value is not None})

    def __dir__(self) -> list[str]:
        """Only names that can be read: an OSError lists ``characters_written``, which raises."""
        return [name for name in super().__dir__() if hasattr(self, name)]

    @property
    def message(self) -> str:
        """The sentence itself, as ``str(error)`` gives it."""
        return str(self.args[0]) if self.args else ""


class InvalidRequestError(PollinationsError, ValueError):
    """Refused here, before anything was sent. ``param`` names the field at fault."""

    param: str | None = None


class ConfigurationError(InvalidRequestError):
    """A setting that cannot work: no key, a key with a line break, a base URL with a password in
    it.
    """


class APIConnectionError(PollinationsError):
    """No complete answer came over the network.

    ``ambiguous`` says that the request may have been carried out.
    """

    is_retryable = True
    ambiguous = True


class APITimeoutError(APIConnectionError, TimeoutError):
    """The time allowed ran out; the message names which limit it was and the option that
    sets it.
    """


class APIStatusError(PollinationsError):
    """The gateway answered with a status that is a refusal."""


class BadRequestError(APIStatusError):
    """400: the gateway or the provider does not accept the request as it is."""


class UnknownModelError(BadRequestError):
    """The gateway does not know the model's name (any more)."""


class ContextOverflowError(BadRequestError):
    """The prompt is longer than the model's context window."""


class ContentPolicyError(BadRequestError):
    """Moderation, a content filter or a safety setting stopped the request or its answer."""


class PayloadTooLargeError(BadRequestError):
    """413: the request body is over the gateway's limit (20 MB for chat)."""


class UnprocessableEntityError(BadRequestError):
    """422: understood, but not possible."""


class AuthenticationError(APIStatusError):
    """401: no key, or a key the gateway does not know."""


class PaymentRequiredError(APIStatusError):
    """402: pollen, the gateway's credit, does not cover the call. A retry cannot help."""


class InsufficientBalanceError(PaymentRequiredError):
    """The account behind the key has too little pollen."""


class KeyBudgetExhaustedError(PaymentRequiredError):
    """The budget set on this key is used up; the account may still have pollen."""


class PaidModelError(PaymentRequiredError):
    """The model takes paid pollen only, and this key spends granted (quest) pollen."""


class BudgetSpentError(PaymentRequiredError):
    """A :class:`~pollinations_client.PollenBudget` does not cover the call; nothing was sent.

    ``needed`` is what the call may cost, ``left`` what the budget has left, both in pollen;
    ``limit`` and ``model`` say which budget and which model.
    """

    limit: float | None = None
    left: float | None = None
    needed: float | None = None
    model: str | None = None


class UnpricedModelError(BudgetSpentError, ConfigurationError):
    """A budget cannot tell what the call costs, since the model's price is not known."""


class PermissionDeniedError(APIStatusError):
    """403: the key lacks a permission."""


class ModelNotAllowedError(PermissionDeniedError):
    """The key is restricted to other models."""


class NotFoundError(APIStatusError):
    """404 or 410: no such thing at this address."""


class RateLimitError(APIStatusError):
    """429: too many requests; ``retry_after`` gives seconds where the gateway says so."""

    is_retryable = True


class RedirectError(APIStatusError):
    """3xx: the gateway has no redirects, and following one would hand prompt and key to another
    place.
    """


class ServerError(APIStatusError):
    """5xx, and 408: the gateway, or a provider behind it, failed or took too long."""

    is_retryable = True


class ReplyError(PollinationsError):
    """Answered with 200, yet not usable. ``partial`` has what was received so far."""


class MalformedReply(ReplyError):
    """A reply that cannot be read. ``excerpt`` has its beginning, bounded, keys blanked out."""

    excerpt: str | None = None


class EmptyReply(ReplyError):
    """A reply in which nothing was generated."""

    is_retryable = True


class UpstreamError(ReplyError):
    """A provider's error: inside a 200 answer, in the middle of a stream, or a 401, 402, 403 or
    404 that the provider gave the gateway (``status_code`` has it) and not the gateway the caller.
    """

    is_retryable = True


class StreamInterrupted(ReplyError):
    """A stream that stopped without a finish reason and without ``[DONE]``."""

    is_retryable = True


class SaveError(PollinationsError, OSError):
    """The bytes arrived and could not be written; the cause tells what the operating
    system said.
    """


def redact(text: str, secret: Keys = None) -> str:
    """``text`` with everything that looks like a key, and ``secret`` itself, blanked out."""
    for key in keys_in(secret):
        text = text.replace(key, "[redacted]")
    return SECRETS.sub("[redacted]", text)


def keys_in(secret: Keys) -> list[str]:
    """The values of one key or several."""
    if secret is None:
        return []
    if not isinstance(secret, tuple):
        return [secret.get_secret_value()]
    return [key.get_secret_value() for key in secret]


def sure_keys_in(secret: Keys) -> tuple[bytes, ...]:
    """The keys as a server may echo them, without those so short that an answer may hold them as
    words.
    """
    return tuple(key.encode() for key in keys_in(secret) if len(key) >= MIN_SURE_KEY_LENGTH)


def blank_keys(body: bytes, keys: tuple[bytes, ...]) -> bytes:
    """``body`` without ``keys``. Here, so that no frame that may raise has one in its locals."""
    for key in keys:
        if key in body:  # nearly never: asking costs a third of what replacing does
            body = body.replace(key, BLANK)
    return body


def excerpt_of(body: bytes | str, secret: Keys = None, limit: int = EXCERPT_LIMIT) -> str:
    """The beginning of an unreadable body for a message: one line, bounded, keys blanked out."""
    # Eight times the limit: white space and keys that fall away leave enough for a full excerpt.
    text = body[: limit * 8]
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    # A control character would move the cursor of a terminal that prints the error.
    line = " ".join(
        "".join(mark if mark.isprintable() else " " for mark in redact(text, secret)).split()
    )
    if len(line) <= limit:
        return line
    return line[:limit] + "…"


def to_endpoint(label: str) -> str:
    """ " to POST /v1/..." for a sentence; nothing where the endpoint is not known."""
    if not label:
        return ""
    return f" to {label}"


def number_in(text: str) -> int | None:
    """The number that a text is, if it is one of the usual length in the usual digits."""
    digits = text.strip()
    # int() takes "1_000", digits of other scripts, and a million of them in quadratic time.
    if digits.isascii() and digits.isdigit() and len(digits) < 19:
        return int(digits)
    return None
