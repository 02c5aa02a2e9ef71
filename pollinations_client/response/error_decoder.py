"""The one reader of error bodies: whatever a refusal looks like, out comes one typed error with a
plain sentence.

Status decides before code, because the gateway of winter 2025-26 calls many failures
``UNKNOWN_ERROR``; code and words only narrow the class the status has chosen. Bodies seen: the
gateway's envelope of both eras, a provider's error nested in it as a JSON string, a limiter's flat
object, a bare sentence from the edge, an HTML page, nothing at all.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr
from pydantic_core import from_json

from ..errors import (
    EXCERPT_LIMIT,
    APIStatusError,
    BadRequestError,
    PollinationsError,
    UnknownModelError,
    UpstreamError,
    excerpt_of,
    number_in,
    redact,
)
from .error_tables import NOT_CURED_BY_RETRY, REMEDIES, STATUS_BY_CODE, kind_of, narrowed

MESSAGE_LIMIT = 2_000

ENDS = (".", "!", "?", "…")  # of a sentence


def error_from_response(
    status: int,
    body: bytes | Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    *,
    label: str = "",
    secret: SecretStr | None = None,
) -> APIStatusError:
    """The typed error for a refusal: ``status`` first, then code, then the innermost sentence of
    the body.

    ``doing`` says what was asked for ("POST /v1/chat/completions"); ``secret`` is blanked out
    wherever the server echoes it. A body of any shape is accepted: the gateway's envelope in both
    eras, a provider's error nested in it as a JSON string, a bare sentence, an HTML page, nothing.
    """
    headers = headers or {}
    parsed = _parsed(body, secret)
    layers = list(_layers(parsed))
    sentence = (
        _sentence(layers) or _from_text(body, secret) or f"HTTP {status} without an explanation"
    )
    words = " ".join(_all_words(layers)) or sentence
    codes = [code for layer in layers for code in _codes(layer)]
    disguised = status >= 500 and any(nested in NOT_CURED_BY_RETRY for nested in _statuses(layers))
    kind = narrowed(BadRequestError if disguised else kind_of(status), codes, words)
    fields = _field_errors(layers)
    if kind is BadRequestError and "model" in fields:
        kind = UnknownModelError  # the older gateway knows a closed list of names
    error = kind(
        "",
        status_code=status,
        code=next((code for code in codes if code != "UNKNOWN_ERROR"), None)
        or next(iter(codes), None),
        request_id=redact(headers.get("x-request-id", ""), secret)
        or _first(layers, "requestId", "request_id"),
        retry_after=retry_after_from(headers, parsed),
        fix_url=_first(layers, "fixUrl", "fix_url"),
        field_errors=fields or None,
        body=parsed,
    )
    error.args = (_message(error, sentence, label),)
    return error


def error_from_body(
    body: Mapping[str, Any], *, label: str = "", secret: SecretStr | None = None
) -> PollinationsError:
    """The typed error for an ``error`` object inside a 200 answer or a stream.

    Its class follows the status or code that the body names; without either it is an
    :class:`UpstreamError`.
    """
    body = _blanked(body, secret)
    layers = list(_layers(body))
    named = next((status for status in _statuses(layers) if 400 <= status < 600), None)
    codes = [code.lower() for layer in layers for code in _codes(layer)]
    status = named or next((STATUS_BY_CODE[code] for code in codes if code in STATUS_BY_CODE), None)
    if status is not None and status < 500:
        return error_from_response(status, body, label=label, secret=secret)
    if narrowed(BadRequestError, codes, " ".join(_all_words(layers))) is not BadRequestError:
        return error_from_response(400, body, label=label, secret=secret)
    sentence = _sentence(layers) or "the provider reported an error without a sentence"
    return UpstreamError(
        _bounded(f"The provider failed inside a 200 answer{_to(label)}: {sentence}"),
        code=next((told[0] for layer in reversed(layers) if (told := list(_codes(layer)))), None),
        status_code=status,
        request_id=_first(layers, "requestId", "request_id"),
        body=body,
    )


def retry_after_from(
    headers: Mapping[str, str], body: Any = None, now: float | None = None
) -> float | None:
    """Seconds to wait as the server asks: ``Retry-After`` (seconds, fraction or date), its ``-ms``
    form, or the body.

    Negative, unreadable or not finite values give ``None``. Source: RFC 9110 section 10.2.3; the
    gateway's limiter for publishable keys sends ``retryAfterSeconds`` in the body.
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if (given := headers.get(name)) is not None and (
            seconds := _seconds(given, now)
        ) is not None:
            return seconds * scale
    for layer in _layers(body):
        if (given := layer.get("retryAfterSeconds", layer.get("retry_after"))) is not None:
            return _seconds(str(given), now)
    return None


def _seconds(given: str, now: float | None) -> float | None:
    try:
        seconds = float(given)
    except ValueError:
        try:
            date = email.utils.parsedate_to_datetime(given)
            date = (
                date if date.tzinfo else date.replace(tzinfo=dt.UTC)
            )  # the oldest form names no zone: it is UTC
            seconds = max(date.timestamp() - (time.time() if now is None else now), 0.0)
        except (ValueError, TypeError, OverflowError):
            return None
    return seconds if 0 <= seconds < float("inf") else None


def _message(error: APIStatusError, sentence: str, label: str) -> str:
    code = f" {error.code}" if error.code and error.code != "UNKNOWN_ERROR" else ""
    fields = "".join(f" [{name}: {'; '.join(said)}]" for name, said in error.field_errors.items())
    remedy = next((f" {REMEDIES[kind]}" for kind in type(error).__mro__ if kind in REMEDIES), "")
    wait = f" Try again in {error.retry_after:g} s." if error.retry_after else ""
    link = f" See {error.fix_url}." if error.fix_url and error.fix_url not in sentence else ""
    seen = f" (request id {error.request_id})" if error.request_id else ""
    end = "" if sentence.endswith(ENDS) else "."
    return _bounded(
        f"HTTP {error.status_code}{code}{_to(label)}:"
        f" {sentence}{end}{fields}{wait}{remedy}{link}{seen}"
    )


def _to(label: str) -> str:
    return f" to {label}" if label else ""


def _bounded(text: str) -> str:
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"


def _parsed(body: bytes | Mapping[str, Any], secret: SecretStr | None) -> Any:
    if isinstance(body, Mapping):
        return _blanked(body, secret)
    try:
        return _blanked(from_json(body), secret)
    except ValueError:
        return None


def _blanked(value: Any, secret: SecretStr | None, depth: int = 0) -> Any:
    match value:
        case str():
            return redact(value, secret)
        case dict() if depth < 32:
            return {
                redact(str(key), secret): _blanked(item, secret, depth + 1)
                for key, item in value.items()
            }
        case list() if depth < 32:
            return [_blanked(item, secret, depth + 1) for item in value]
    return value


def _layers(body: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Every object of an error body that speaks about the error, outermost first, JSON inside
    strings opened.
    """
    body = _opened(body)
    if isinstance(body, list) and body:
        body = _opened(body[0])  # Gemini wraps its error in a list
    if not isinstance(body, dict) or depth > 8:
        return
    yield body
    for name in (
        "error",
        "message",
        "details",
        "upstreamBody",
        "innererror",
        "metadata",
        "raw",
        "cause",
    ):
        yield from _layers(body.get(name), depth + 1)


def _opened(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    start = next((place for place, mark in enumerate(value[:64]) if mark in "{["), None)
    if start is None:
        return value
    try:
        return from_json(value[start:])
    except ValueError:
        return value


def _sentence(layers: list[dict[str, Any]]) -> str | None:
    """The innermost sentence for a person, and the cause; a stock sentence says less than what it
    wraps.
    """
    found = cause = ""
    for layer in layers:
        found = next(
            filter(
                None, (_words(layer.get(name)) for name in ("message", "error", "detail", "msg"))
            ),
            found,
        )
        cause = _words(layer.get("cause")) or cause
    if found and cause not in found:
        return f"{found}{'' if found.endswith(ENDS) else '.'} Cause: {cause}"[:MESSAGE_LIMIT]
    return (found or cause)[:MESSAGE_LIMIT] or None


def _words(said: Any) -> str:
    """``said`` on one line where it is for people; nothing where it is JSON, or no text at all."""
    return " ".join(said.split()) if isinstance(said, str) and _opened(said) is said else ""


def _all_words(layers: list[dict[str, Any]]) -> Iterator[str]:
    for layer in layers:
        for name in ("message", "error", "type", "code", "status"):
            if isinstance(said := layer.get(name), str):
                yield said


def _codes(layer: dict[str, Any]) -> Iterator[str]:
    for name in ("code", "type", "error"):
        if isinstance(said := layer.get(name), str) and re.fullmatch(r"[A-Za-z][\w.-]{2,}", said):
            yield said


def _statuses(layers: list[dict[str, Any]]) -> Iterator[int]:
    for layer in layers:
        for name in ("upstreamStatus", "status", "statusCode", "code"):
            said = layer.get(name)
            if isinstance(said, str):
                said = number_in(said)
            if isinstance(said, int) and not isinstance(said, bool):
                yield said
        if isinstance(said := layer.get("message"), str) and (
            leading := re.match(r"([45]\d\d)\b", said)
        ):
            yield int(leading[1])
        if layer.get("type") == "invalid_request_error":
            yield 400


def _first(layers: list[dict[str, Any]], *names: str) -> str | None:
    return next(
        (
            said
            for layer in layers
            for name in names
            if isinstance(said := layer.get(name), str) and said
        ),
        None,
    )


def _field_errors(layers: list[dict[str, Any]]) -> dict[str, list[str]]:
    for layer in layers:
        if isinstance(fields := layer.get("fieldErrors"), dict):
            listed = {
                str(name): [
                    str(one)[:EXCERPT_LIMIT] for one in (said if isinstance(said, list) else [said])
                ]
                for name, said in fields.items()
            }
            form = layer.get("formErrors")
            if isinstance(form, list) and form:
                listed["request"] = [str(one)[:EXCERPT_LIMIT] for one in form]
            return listed
    return {}


def _from_text(body: bytes | Mapping[str, Any], secret: SecretStr | None) -> str | None:
    """A sentence out of a page: an HTML title, or the text's beginning."""
    if not isinstance(body, bytes) or not body.strip():
        return None
    if title := re.search(rb"<title[^>]*>(.*?)</title>", body[:16_384], re.IGNORECASE | re.DOTALL):
        return f"an HTML page titled “{excerpt_of(title[1], secret)}”"
    return excerpt_of(body, secret)
