"""Strings of a form: what a schema's format or pattern takes, from the text where it has some, else
made up.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from ipaddress import ip_address
from typing import Any

from .patterns import text_for
from .strings import quoted
from .words import tokens

Json = dict[str, Any]
FORMATS: dict[str, tuple[str, str]] = {
    "date": (r"\b\d{4}-\d{2}-\d{2}\b", "2026-01-01"),
    "date-time": (
        r"\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?",
        "2026-01-01T12:00:00Z",
    ),
    "time": (r"\b\d{1,2}:\d{2}(?::\d{2})?\b(?: ?[ap]m\b)?", "12:00:00"),
    "duration": (r"\bP(?=\d|T\d)(?:\d+[YMWD])*(?:T(?:\d+[HMS])+)?\b", "PT1H"),
    "email": (r"[\w.+-]+@[\w-]+\.[\w.]*\w", "someone@example.com"),
    "uri": (r"https?://[^\s\"'<>)\]]+", "https://example.com/"),
    "uuid": (
        r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
        "00000000-0000-4000-8000-000000000000",
    ),
    "ipv4": (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", "127.0.0.1"),
    "ipv6": (r"\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){7}\b", "::1"),
    "hostname": (r"\b(?:[a-z0-9-]+\.)+[a-z]{2,}\b", "example.com"),
    "json-pointer": (r"(?<!\S)(?:/[\w.-]+)+", "/emulated"),
    "regex": (r"(?<!\S)\^\S+", ".*"),
    "base64": (
        r"(?<!\S)(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)(?!\S)",
        "ZW11bGF0ZWQ=",
    ),
    "ipv4network": (r"\b\d{1,3}(?:\.\d{1,3}){3}/\d{1,2}\b", "127.0.0.0/8"),
    "ipv6network": (r"\b[0-9a-f:]+::/\d{1,3}\b", "::/64"),
}
SAME_FORMATS = {
    **dict.fromkeys(("uuid1", "uuid3", "uuid4", "uuid5"), "uuid"),
    **dict.fromkeys(
        ("uri-reference", "iri", "iri-reference", "url", "http-url", "multi-host-uri"), "uri"
    ),
    **dict.fromkeys(("ipvanyaddress", "ipvanyinterface", "ipv4interface"), "ipv4"),
    "base64url": "base64",
    "ipvanynetwork": "ipv4network",
    "ipv6interface": "ipv6",
    "idn-email": "email",
    "idn-hostname": "hostname",
    "relative-json-pointer": "json-pointer",
}
NAMED_FORMATS = {
    "date": "date",
    "datetime": "date-time",
    "time": "time",
    "to": "email",
    "recipient": "email",
    "cc": "email",
    "email": "email",
    "url": "uri",
    "uri": "uri",
    "link": "uri",
    "uuid": "uuid",
}
PATTERN_TRIES = (
    "a A abc ABC A1 a1 1 123 1234 12345 AB12 ABC123 ABC-123 2026-01-01 12:00 +15550100 #aabbcc"
    " 1.0.0 en en-US a@b.co"
).split()


def format_of(schema: Json, name: str) -> str | None:
    """The format that a schema asks for, or that the last word of the name tells."""
    told = next((NAMED_FORMATS[w] for w in tokens(name)[-1:] if w in NAMED_FORMATS), "")
    form = str(schema.get("format") or schema.get("contentEncoding") or told)
    form = SAME_FORMATS.get(form, form)
    return form if form in FORMATS else None


def in_format(schema: Json, name: str, text: str) -> str | None:
    """The piece of the text that has the property's format, spelt as the format wants it where the
    schema names it.
    """
    form = format_of(schema, name)
    if form is None:
        return None
    found = re.findall(FORMATS[form][0], text)
    if "format" in schema:
        found = [spelt for one in found if (spelt := exact(form, one)) is not None]
    return found[0] if found else None


def exact(form: str, text: str) -> str | None:
    """A date, a time or an address in the only spelling its format knows; None when it is none
    after all.
    """
    try:
        match form:
            case "date":
                return date.fromisoformat(text).isoformat()
            case "date-time":
                moment = datetime.fromisoformat(text)
                return (
                    (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
                    .isoformat()
                    .replace("+00:00", "Z")
                )
            case "time":
                return _clock(text).isoformat()
            case "ipv4" | "ipv6":
                return str(ip_address(text))
            case _:
                return text
    except ValueError:
        return None


def _clock(text: str) -> time:
    """``3:30 pm`` as half past fifteen."""
    hour, minute, second = [int(one) for one in [*re.findall(r"\d+", text), "0"][:3]]
    if text.endswith("m"):
        hour = hour % 12 + 12 * ("p" in text)
    return time(hour, minute, second)


def wellformed(schema: Json, name: str, text: str) -> str | None:
    """A value of the schema's format, or of the format that the name tells, or of its pattern."""
    if "pattern" in schema:
        return matching(
            str(schema["pattern"]), text, schema.get("minLength", 0), schema.get("maxLength")
        )
    if (found := in_format(schema, name, text)) is not None:
        return found
    form = format_of(schema, name)
    asked_for = (
        schema.get("format")
        or schema.get("contentEncoding")
        or tokens(name)[-1:] in (["email"], ["url"], ["uri"], ["link"], ["uuid"])
    )
    return FORMATS[form][1] if form and asked_for else None


def all_formed(schema: Json, text: str) -> list[str]:
    """Every piece of the text that has the schema's format or pattern."""
    if "pattern" in schema:
        return [one for one in re.findall(r"\S+", text) if re.search(str(schema["pattern"]), one)]
    form = format_of(schema, "")
    found = re.findall(FORMATS[form][0], text) if form else []
    return [spelt for one in found if (spelt := exact(str(form), one)) is not None]


def matching(pattern: str, text: str, low: int = 0, high: int | None = None) -> str | None:
    """A word of the text, a stock word or a made-up one that a pattern takes, ``low`` to ``high``
    characters long.
    """
    try:
        regex = re.compile(pattern)
    except re.error:
        return None
    plain = re.findall(r"\S+", text)
    candidates = [*quoted(text), *plain, *(word.strip(".,;:!?") for word in plain), *PATTERN_TRIES]
    long_enough = (
        one for one in candidates if low <= len(one) <= (len(one) if high is None else high)
    )
    return next((one for one in long_enough if regex.search(one)), None) or text_for(
        pattern, low, high
    )


def sized(text: str, schema: Json) -> str:
    """The text within the schema's bounds on length; one that has a form to keep is left
    as it is.
    """
    if "pattern" in schema or format_of(schema, ""):
        return text
    low, high = schema.get("minLength", 0), schema.get("maxLength")
    if len(text) < low:
        text = (text + " " + "emulated " * (low // 9 + 1))[: max(low, len(text))]
    return text if high is None else text[:high]
