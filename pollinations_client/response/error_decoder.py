"""Decode a refusal of any shape into one typed error with a plain sentence.

Status decides before code, because the gateway of winter 2025-26 calls many failures
``UNKNOWN_ERROR``; code and words only narrow the class that the status has chosen. What a body says
is read in ``error_body.py``; the classes are in ``error_tables.py``.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import time
from collections.abc import Mapping
from typing import Any

from ..errors import (
    BadRequestError,
    ContentPolicyError,
    ContextOverflowError,
    Keys,
    PollinationsError,
    UnknownModelError,
    UpstreamError,
    redact,
    to_endpoint,
)
from .error_body import (
    Layer,
    codes_in,
    ended,
    field_errors_in,
    first_text,
    is_from_provider,
    layers_of,
    parse_error_body,
    reasons_in,
    scrubbed,
    sentence_from_page,
    sentence_in,
    statuses_in,
    words_in,
)
from .error_tables import (
    ABOUT_THE_CALLER,
    CODE_BY_STATUS,
    NOT_CURED_BY_RETRY,
    PAY_BY_KEY,
    PAYMENT_OFFER,
    REMEDIES,
    STATUS_BY_CODE,
    error_class_for_status,
    narrow_class,
)

MAX_MESSAGE = 2_000


def error_from_response(
    status: int,
    body: bytes | Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    *,
    label: str = "",
    secret: Keys = None,
) -> PollinationsError:
    """The typed error for a refusal: status first, then code, then the innermost sentence.

    ``label`` says what was asked for ("POST /v1/chat/completions"); ``secret`` is blanked out
    wherever the server echoes it, and a request that it echoes is left out. A body of any shape is
    accepted.
    """
    headers = headers or {}
    parsed = parse_error_body(body, secret)
    layers = list(layers_of(parsed))
    sentence = sentence_in(layers) or sentence_from_page(body, secret)
    codes = [code for layer in layers for code in codes_in(layer)]
    fields = field_errors_in(layers)
    error = _error_class(status, layers, codes, sentence or "", fields)(
        "",
        status_code=status,
        code=_code(status, codes),
        request_id=redact(headers.get("x-request-id", ""), secret)
        or first_text(layers, "requestId", "request_id"),
        retry_after=retry_after_from(headers, parsed),
        fix_url=first_text(layers, "fixUrl", "fix_url"),
        field_errors=fields or None,
        body=parsed,
    )
    sentence = sentence or f"HTTP {status} without an explanation"
    remedy = PAY_BY_KEY if PAYMENT_OFFER in headers else _remedy_for(error)
    error.args = (_message(error, sentence, label, remedy),)
    return error


def _remedy_for(error: PollinationsError) -> str:
    return next((REMEDIES[kind] for kind in type(error).__mro__ if kind in REMEDIES), "")


def _error_class(
    status: int,
    layers: list[Layer],
    codes: list[str],
    sentence: str,
    fields: Mapping[str, list[str]],
) -> type[PollinationsError]:
    kind = error_class_for_status(status)
    if status >= 500 and any(nested in NOT_CURED_BY_RETRY for nested in statuses_in(layers)):
        # A provider's 400, dressed as the gateway's 500 (pollinations/pollinations issue 7372).
        kind = BadRequestError
    kind = narrow_class(kind, codes, words_in(layers) or sentence, reasons_in(layers))
    if kind is BadRequestError and "model" in fields:
        return UnknownModelError  # the older gateway knows a closed list of names
    is_about_the_prompt = issubclass(kind, (ContentPolicyError, ContextOverflowError))
    if status in ABOUT_THE_CALLER and not is_about_the_prompt and is_from_provider(layers):
        return UpstreamError
    return kind


def _code(status: int, codes: list[str]) -> str | None:
    """The first code that says something, else what stands for the status, else what was sent."""
    specific_codes = [code for code in codes if code != "UNKNOWN_ERROR"]
    if specific_codes:
        return specific_codes[0]
    return CODE_BY_STATUS.get(status) or next(iter(codes), None)


def error_from_body(
    body: Mapping[str, Any], *, label: str = "", secret: Keys = None
) -> PollinationsError:
    """The typed error for an ``error`` object inside a 200 answer or a stream.

    Its class follows the status or code that the body names; without either it is an
    :class:`UpstreamError`.
    """
    body = scrubbed(body, secret)
    layers = list(layers_of(body))
    codes = [code for layer in layers for code in codes_in(layer)]
    status = _status_inside(layers, codes)
    if status is not None and status < 500:
        return error_from_response(status, body, label=label, secret=secret)
    if narrow_class(BadRequestError, codes, words_in(layers)) is not BadRequestError:
        return error_from_response(400, body, label=label, secret=secret)
    sentence = sentence_in(layers) or "the provider reported an error without a sentence"
    return UpstreamError(
        _bounded(f"The provider failed inside a 200 answer{to_endpoint(label)}: {sentence}"),
        # The innermost code is the provider's own; the layers outside repeat it in their words.
        code=next((code for layer in reversed(layers) for code in codes_in(layer)), None),
        status_code=status,
        request_id=first_text(layers, "requestId", "request_id"),
        body=body,
    )


def _status_inside(layers: list[Layer], codes: list[str]) -> int | None:
    for status in statuses_in(layers):
        if 400 <= status < 600:
            return status
    known_codes = (code.lower() for code in codes if code.lower() in STATUS_BY_CODE)
    return next((STATUS_BY_CODE[code] for code in known_codes), None)


def retry_after_from(
    headers: Mapping[str, str], body: Any = None, now: float | None = None
) -> float | None:
    """Seconds to wait as the server asks: ``Retry-After`` (seconds, fraction or date), its ``-ms``
    form, or the body.

    Negative, unreadable or not finite values give ``None``. Source: RFC 9110 section 10.2.3; the
    gateway's limiter for publishable keys sends ``retryAfterSeconds`` in the body.
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _seconds(headers.get(name), now)
        if seconds is not None:
            return seconds * scale
    for layer in layers_of(body):
        value = layer.get("retryAfterSeconds", layer.get("retry_after"))
        if value is not None:
            return _seconds(str(value), now)
    return None


def _seconds(text: str | None, now: float | None) -> float | None:
    if text is None:
        return None
    try:
        # Of a header that came twice the longest wait holds.
        seconds = max(map(float, text.split(",")))
    except ValueError:
        try:
            date = email.utils.parsedate_to_datetime(text)
            if date.tzinfo is None:  # the oldest form of a date names no zone: it is UTC
                date = date.replace(tzinfo=dt.UTC)
            if now is None:
                now = time.time()
            seconds = max(date.timestamp() - now, 0.0)
        except (ValueError, TypeError, OverflowError):
            return None
    if 0 <= seconds < float("inf"):
        return seconds
    return None


def _message(error: PollinationsError, sentence: str, label: str, remedy: str) -> str:
    status = f"HTTP {error.status_code}"
    if error.code and error.code != "UNKNOWN_ERROR":
        status = f"{status} {error.code}"
    parts = [f"{status}{to_endpoint(label)}: {ended(sentence)}"]
    for name, sentences in error.field_errors.items():
        parts.append(f"[{name}: {'; '.join(sentences)}]")
    if error.retry_after:
        parts.append(f"Try again in {error.retry_after:g} s.")
    if remedy:
        parts.append(remedy)
    if error.fix_url and error.fix_url not in sentence:
        parts.append(f"See {error.fix_url}.")
    if error.request_id:
        parts.append(f"(request id {error.request_id})")
    return _bounded(" ".join(parts))


def _bounded(text: str) -> str:
    if len(text) <= MAX_MESSAGE:
        return text
    return text[: MAX_MESSAGE - 1] + "…"
