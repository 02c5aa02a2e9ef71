"""Read an error body: its objects layer by layer, without the request that it echoes.

Pure; no I/O. Bodies seen: the gateway's envelope of both eras, a provider's error nested in it as
a JSON string, a limiter's flat object, a list of schema issues, a bare sentence from the edge, an
HTML page, nothing at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from ..errors import EXCERPT_LIMIT, Keys, excerpt_of, number_in, redact
from .error_tables import REASONS

Layer = dict[str, Any]

# The gateway of winter 2025-26 puts the whole request, prompt and pictures included, into every
# refusal of a provider, before the details that say what is wrong.
LEFT_OUT = "[the request, left out]"
ECHO_NAME = re.compile(r"(?i)request_?(?:parameters|params|body|data|payload)")
ECHO_IN_TEXT = re.compile(
    ECHO_NAME.pattern + r"[\\\"']*\s*[:=]|[\"']messages[\\\"']+\s*:\s*\[|[\"']input[\\\"']+\s*:"
)

# A body may be as large as the request, and nested as deep as somebody likes.
MAX_DEPTH = 32
MAX_LAYERS = 8  # of JSON within JSON strings within JSON
MAX_TEXT = 64 * 1024
MAX_OPENING = 64  # characters of prose before the JSON in a string
MAX_PAGE_BYTES = 16_384
MAX_ISSUES = 5

NESTED = (
    "error",
    "errors",
    "message",
    "detail",
    "details",
    "upstreamBody",
    "innererror",
    "metadata",
    "raw",
    "cause",
)
SENTENCES = ("message", "detail", "msg", "error", "details")
CODE = re.compile(r"[A-Za-z][\w.-]{2,}")
SENTENCE_ENDS = (".", "!", "?", "…")


def parse_error_body(body: bytes | Mapping[str, Any], secret: Keys) -> Any:
    """The body as JSON without echoed request and keys; None if it is no JSON."""
    if isinstance(body, Mapping):
        return scrubbed(body, secret)
    try:
        return scrubbed(from_json(body), secret)
    except ValueError:
        pass
    text = body.decode("utf-8", "replace")
    start = _json_start(text, MAX_OPENING)
    if start is None:
        return None
    try:  # behind a word of prose, or cut at the limit: what came of it says more than an excerpt
        return scrubbed(from_json(text[start:], allow_partial="trailing-strings"), secret)
    except ValueError:
        return None


def scrubbed(value: Any, secret: Keys, depth: int = 0) -> Any:
    """``value`` without the request that it echoes, and with keys blanked out, at any depth."""
    match value:
        case str():
            return redact(_without_echo_in_text(value, depth), secret)[:MAX_TEXT]
        case dict() | list() if depth >= MAX_DEPTH:
            return "…"
        case dict():
            cleared = {**value, **dict.fromkeys(_echoes_in(value), LEFT_OUT)}
            return {
                redact(str(name), secret): scrubbed(item, secret, depth + 1)
                for name, item in cleared.items()
            }
        case list():
            return [scrubbed(item, secret, depth + 1) for item in value]
    return value


def _echoes_in(value: Layer) -> set[str]:
    """The names of the fields that repeat the request, or a part of it."""
    echoes = {name for name in value if ECHO_NAME.fullmatch(str(name))}
    if _is_conversation(value.get("messages")):
        echoes.add("messages")
    if "loc" in value and "msg" in value:  # an issue as pydantic writes it
        echoes |= {"input", "ctx"} & value.keys()
    return echoes


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, dict) and "role" in item for item in value
    )


def _without_echo_in_text(text: str, depth: int) -> str:
    """``text`` with the JSON in it scrubbed; cut before the echo where that JSON is broken."""
    echo = ECHO_IN_TEXT.search(text)
    if echo is None:
        return text
    start = _json_start(text, echo.start())
    if start is not None and depth < MAX_DEPTH:
        try:
            parsed, end = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError):
            pass
        else:
            scrubbed_json = json.dumps(scrubbed(parsed, None, depth + MAX_DEPTH // MAX_LAYERS))
            return text[:start] + scrubbed_json + _without_echo_in_text(text[end:], depth + 1)
    return text[: echo.start()].rstrip('\\"{,[ ') + "…"


def _json_start(text: str, end: int) -> int | None:
    """Where the first JSON object or list of ``text`` begins, before ``end``."""
    starts = [start for mark in "{[" if (start := text.find(mark, 0, end)) >= 0]
    return min(starts, default=None)


def layers_of(body: Any, depth: int = 0) -> Iterator[Layer]:
    """Every object of an error body that is about the error, outermost first; JSON in strings is
    opened.
    """
    body = _opened(body)
    if isinstance(body, list) and body:
        if issues := _issues_in(body):
            yield {"message": "; ".join(issues)}
            return
        body = _opened(body[0])  # Gemini wraps its error in a list
    if not isinstance(body, dict) or depth > MAX_LAYERS:
        return
    yield body
    for name in NESTED:
        yield from layers_of(body.get(name), depth + 1)


def _opened(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    start = _json_start(value, MAX_OPENING)
    if start is None:
        return value
    was_cut = len(value) == MAX_TEXT
    try:
        return from_json(value[start:], allow_partial=was_cut)
    except ValueError:
        return value


def _issues_in(body: list[Any]) -> list[str]:
    """The issues of a schema check, each with the path of its field: zod's and pydantic's form."""
    issues = []
    for issue in body[:MAX_ISSUES]:
        if not isinstance(issue, dict):
            continue
        path = issue.get("path", issue.get("loc"))
        text = issue.get("message", issue.get("msg"))
        if isinstance(path, list) and isinstance(text, str):
            field_path = ".".join(str(step) for step in path)
            issues.append(f"{field_path}: {text}"[:EXCERPT_LIMIT])
    return issues


def sentence_in(layers: Iterable[Layer]) -> str | None:
    """What the innermost layer that says anything says to a person, and the cause.

    A stock sentence outside says less than what it wraps.
    """
    sentence = cause = ""
    for layer in layers:
        sentence = _sentence_of(layer) or sentence
        cause = _prose(layer.get("cause")) or cause
    if sentence and cause not in sentence:
        # An INTERNAL_ERROR may say what happened in its cause alone (issue 6568).
        return f"{ended(sentence)} Cause: {cause}"
    return sentence or cause or None


def _sentence_of(layer: Layer) -> str:
    """The sentences of one layer, none of them twice: ``error`` may be one beside ``message``."""
    sentence = ""
    for name in SENTENCES:
        text = _prose(layer.get(name))
        if not text or text.lower() in sentence.lower():
            continue
        if not sentence:
            sentence = text
        elif name == "error" and not CODE.fullmatch(text):
            sentence = f"{ended(text)} {sentence}"
        elif name == "details":
            sentence = f"{ended(sentence)} {text}"
    return sentence


def ended(sentence: str) -> str:
    """``sentence`` with a full stop, if it has no end of its own."""
    if sentence.endswith(SENTENCE_ENDS):
        return sentence
    return sentence + "."


def _prose(value: Any) -> str:
    """``value`` on one line if it is text for people; nothing if it is JSON, or no text at all."""
    if not isinstance(value, str) or _opened(value) is not value:
        return ""
    return " ".join(value.split())


def words_in(layers: Iterable[Layer]) -> str:
    """All words by which a class of error may be recognised, in bounds."""
    names = ("message", "error", "type", "code", "status", "detail", "details")
    texts = (layer.get(name) for layer in layers for name in names)
    return " ".join(text for text in texts if isinstance(text, str))[:MAX_TEXT]


def codes_in(layer: Layer) -> Iterator[str]:
    """The words of a layer that are codes rather than sentences."""
    for name in ("code", "type", "error"):
        value = layer.get(name)
        # Anthropic's envelope has the type "error", and the telling one within.
        if isinstance(value, str) and value != "error" and CODE.fullmatch(value):
            yield value


def reasons_in(layers: Iterable[Layer]) -> list[str]:
    """``details.reason`` of a 402, where it is one of those that the gateway uses."""
    reasons = (layer.get("reason") for layer in layers)
    return [reason for reason in reasons if isinstance(reason, str) and reason in REASONS]


def statuses_in(layers: Iterable[Layer]) -> Iterator[int]:
    """Every HTTP status that the layers name, outermost first, and last the one that a type alone
    stands for.
    """
    names_refusal = is_about_request = False
    for layer in layers:
        for status in _statuses_of(layer):
            names_refusal = names_refusal or 400 <= status < 500
            yield status
        is_about_request = is_about_request or layer.get("type") == "invalid_request_error"
    # OpenAI's and Anthropic's word for a 400, which the gateway may pass on as a 500. OpenAI has it
    # beside a wrong key and a spent quota too, and there the status says so.
    if is_about_request and not names_refusal:
        yield 400


def _statuses_of(layer: Layer) -> Iterator[int]:
    for name in ("upstreamStatus", "status", "statusCode", "code"):
        value = layer.get(name)
        if isinstance(value, str):
            value = number_in(value)
        if isinstance(value, int) and not isinstance(value, bool):
            yield value
    text = layer.get("message")
    if isinstance(text, str) and (leading := re.match(r"([45]\d\d)\b", text)):
        yield int(leading[1])


def first_text(layers: Iterable[Layer], *names: str) -> str | None:
    """The first text that is not empty, of any layer, under any of these names."""
    texts = (layer.get(name) for layer in layers for name in names)
    return next((text for text in texts if isinstance(text, str) and text), None)


def is_from_provider(layers: Iterable[Layer]) -> bool:
    """Whether the refusal is a provider's own, passed on: it echoes the request or names the
    provider.
    """
    for layer in layers:
        details = layer.get("details")
        if LEFT_OUT in layer.values():
            return True
        if isinstance(details, dict) and isinstance(details.get("provider"), str):
            return True
    return False


def field_errors_in(layers: Iterable[Layer]) -> dict[str, list[str]]:
    """Sentences by the field that they are about; those about the whole under ``request``."""
    for layer in layers:
        fields = layer.get("fieldErrors")
        if not isinstance(fields, dict):
            continue
        sentences = {str(name): _sentences(value) for name, value in fields.items()}
        form = layer.get("formErrors")
        if isinstance(form, list) and form:
            sentences["request"] = _sentences(form)
        return sentences
    return {}


def _sentences(value: Any) -> list[str]:
    if not isinstance(value, list):
        value = [value]
    return [str(sentence)[:EXCERPT_LIMIT] for sentence in value]


def sentence_from_page(body: bytes | Mapping[str, Any], secret: Keys) -> str | None:
    """A sentence out of a body that is no JSON: an HTML title, or the text's beginning."""
    if not isinstance(body, bytes) or not body.strip():
        return None
    page = body[:MAX_PAGE_BYTES]
    if title := _html_title(page):
        return f"an HTML page titled “{excerpt_of(title, secret)}”"
    text = page.decode("utf-8", "replace")
    if echo := ECHO_IN_TEXT.search(text):
        text = text[: echo.start()]
    return excerpt_of(text, secret) or None


def _html_title(page: bytes) -> bytes | None:
    opening = page.lower().find(b"<title")
    start = page.find(b">", opening) + 1
    end = page.lower().find(b"</title", start)
    # A title cut off at MAX_PAGE_BYTES has no end, and is none.
    if not 0 <= opening < start <= end:
        return None
    return page[start:end].strip()
