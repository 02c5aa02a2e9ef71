"""Finding the piece of a text that a property asks for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .words import KIN, best, keywords, sentences, subject, tokens

Json = dict[str, Any]
QUOTE_PAIRS = (
    r"\u201c([^\u201d]+)\u201d",
    r"\u300c([^\u300d]+)\u300d",
    r"\u300a([^\u300b]+)\u300b",
    r"\"([^\"\n]+)\"",
)
QUOTED = re.compile(
    "|".join([*QUOTE_PAIRS, r"`([^`\n]+)`", r"(?<!\w)['\u2018]([^'\u2019\n]+)['\u2019](?!\w)"])
)
WORD = r"[\w'\u2019-]"
PROPER = rf"[A-Z]{WORD}*(?:(?:\s+|,\s)(?:(?:de|of|la|van|von)\s+)*[A-Z]{WORD}*)*"
PLAIN_NAME = rf"[A-Z]{WORD}*(?:\s+[A-Z]{WORD}*)*"
PLACE = frozenset(
    "city location place country town destination origin address region where restaurant hotel"
    " venue airport".split()
)
NUMBERED = frozenset("id number no code sku reference".split())
CALLED = frozenset("name label title".split())
PERSON = frozenset(
    "name person author user customer recipient who artist employee username company team".split()
)
TITLED = frozenset("title movie book film song album".split())
WHOLE = frozenset("query question input request text topic message instruction task search".split())
SAID = frozenset("body content message text".split())
SAYING = (
    r"\b(?:saying|that says?|which says?|to (?:say|tell) (?:him |her |them )?(?:that"
    r" )?)\s*(?:that\s+)?:?\s*(\S.*)"
)
PICTURED = frozenset("prompt image picture caption scene".split())
LANGUAGES = (
    "English French German Spanish Italian Portuguese Dutch Polish Russian Chinese Japanese Korean"
    " Arabic Hindi Turkish"
).split()
POLITE = r"^\s*(?:please |can you |could you |now |then |and |also |finally |i want you to )*"
DRAWN = (
    r"(?:image|picture|photo|painting|drawing|illustration|sketch|video|clip|film|animation|pic"
    r"|portrait)s?"
)
MAKE = (
    r"(?:generate|create|make|show|produce|give|design|draw|paint|render|sketch|illustrate"
    r"|animate|film)"
)
OPENING = re.compile(
    rf"{POLITE}{MAKE}\s+(?:me\s+|us\s+)?(?:(?:an?|the|another|one)\s+)?(?:\w+\s+)?{DRAWN}\b\s*"
    r"(?:of|showing|with|about|that shows)?\s*",
    re.IGNORECASE,
)
DRAW = re.compile(
    rf"{POLITE}(?:draw|paint|sketch|illustrate|animate|render)\s+(?:me\s+)?", re.IGNORECASE
)
BEFORE_OPENING = re.compile(
    rf"^.*?\b(?={MAKE}\s+(?:me\s+)?(?:an?|the)\s+\w*\s*{DRAWN}\b)", re.IGNORECASE | re.DOTALL
)
A_PICTURE_OF = re.compile(
    rf"^\s*(?:an?|the|another)\s+(?:\w+\s+)?{DRAWN}\s+(?:of|showing|with)\s+", re.IGNORECASE
)
SETTINGS = re.compile(
    r"[\s,;(]*(?:\b(?:at|in|of|with|using|and)\s+)*(?:\b(?:a|the)\s+)?(?:\bsize\s+(?:of\s+)?)?"
    r"(?:\d+[\s-]*(?:s|sec|secs|seconds?)\b(?:\s+long)?|\d{2,4}\s*[x\u00d7]\s*\d{2,4}(?:\s*(?:px|pixels))?|\bseed\s*(?:of|=|:)?\s*\d+|"
    r"\b(?:width|height)\s*(?:of|=|:)?\s*\d+(?:\s*(?:px|pixels))?|\bmodel\s+[\w./-]+|[\w./-]+\s+model\b)\)?",
    re.IGNORECASE,
)


def quoted(text: str) -> list[str]:
    """The quoted pieces of a text, in order."""
    return [next(filter(None, groups)).strip() for groups in QUOTED.findall(text)]


def numbered(text: str) -> list[str]:
    """The items of a numbered list: ``(1) ...``, ``1. ...``, ``[1] ...``, each with what follows
    until the next.
    """
    marks = list(re.finditer(r"^[ \t]*[(\[]?(\d{1,2})[)\].:][ \t]+(?=\S)", text, re.MULTILINE))
    if len(marks) < 2 or int(marks[0].group(1)) > 1:
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    items = [text[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]
    items[-1] = re.split(r"\n\s*(?:\n|-{4,})", items[-1])[0]
    return [item.strip(" \n-") for item in items]


def best_choice(text: str, choices: list[str]) -> int:
    """The number (from 1) of the choice that fits the question asked about them best."""
    rest = text
    for choice in choices:
        rest = rest.replace(choice, " ")
    asked_for = (quoted(rest) or [line for line in sentences(rest) if "?" in line] or [rest])[-1]
    found = best(asked_for, choices, 1) or best(rest, choices, 1)
    return choices.index(found[0]) + 1 if found else 1


def pairs(text: str) -> dict[str, str]:
    """The ``key: value`` and ``key=value`` pairs of a text."""
    found = re.findall(r"\b([A-Za-z_]\w*)\s*[:=]\s*(\"[^\"]*\"|'[^']*'|[^\s,;]+)", text)
    return {key: value.strip("\"'") for key, value in found}


def labelled(name: str, text: str) -> str | None:
    """What the text gives under the property's own name: ``title: X``, ``title is X``, ``title
    'X'``.
    """
    spelt = r"[\s_-]*".join(map(re.escape, tokens(name)))
    if not spelt:
        return None
    in_quotes = r"(?:\"([^\"\n]+)\"|'([^'\n]+)')"
    patterns = (
        rf"\b{spelt}\b[\"'`*]*\s*[:=]\s*(?:{in_quotes}|([^\n,;{{}}\[\]]+))",
        rf"\b{spelt}\s+(?:is|as|of|to|named|called)?\s*{in_quotes}",
        rf"\b{spelt}\s+(?:is|named|called)\s+(?:an? |the )?([^\n.,;]+?)(?=\s+and\b|[\n.,;]|$)",
    )
    for pattern in patterns:
        if match := re.search(pattern, text, re.IGNORECASE):
            return next(group for group in match.groups() if group).strip(" .")
    return None


def labelled_list(name: str, text: str) -> list[str]:
    """The list that the text gives under the property's own name: ``tags: bees, honey and wax``."""
    spelt = r"[\s_-]*".join(map(re.escape, tokens(name)))
    match = (
        re.search(rf"\b{spelt}\b[\"'`*]*\s*(?::|=|\bare\b)\s*([^\n.;]+)", text, re.IGNORECASE)
        if spelt
        else None
    )
    if match is None:
        return []
    told = match.group(1)
    return quoted(told) or [
        one.strip(" []") for one in re.split(r",\s*(?:and\s+)?|\s+and\s+", told) if one.strip(" []")
    ]


def fitting(name: str, description: str, text: str, used: set[str]) -> str:
    """The part of the text that fits a property's name; in the end the text's subject."""
    last = set(tokens(name))
    for words, find in FINDERS:
        if last & words and (found := find(text)):
            return found
    if last & {"currency", "symbol", "ticker", "code"} and (
        codes := re.findall(r"\b[A-Z]{2,5}\b", text)
    ):
        return _first_new(codes, used)
    if set(tokens(name)[-1:]) & NUMBERED and (found := _numbered_thing(name, text)):
        return found
    if last & CALLED and (
        match := re.search(r"\b(?:called|named|labelled|titled)\s+([^\s.,;:!?]+)", text)
    ):
        return match.group(1)
    if last & PICTURED or (last & {"description"} and "pictur" in description.lower()):
        return described(text)
    if last & PLACE and (found := _place(text, used)):
        return found
    if found := _by_root(name, text):
        return found
    if last & PERSON and (found := _person(text, used)):
        return found
    if last & TITLED and (found := _first_new(names(text), used)):
        return found
    if last & WHOLE:
        return asked(text)
    lines = sentences(text)
    about = best(f"{name} {description}", [one for one in lines if one not in used], 1)
    found = about[0] if about and len(lines) > 1 else subject(text)
    return f"The {' '.join(tokens(name))} of {found}" if found in used else found


def mentioned(name: str, options: dict[str, str], text: str) -> str | None:
    """Of the agents that a tool's description lists, the one that the text names or fits best."""
    if not options or "agent" not in tokens(name):
        return None
    named = next((one for one in options if one.lower() in text.lower()), None)
    fitting_best = best(text, [f"{one}: {told}" for one, told in options.items()], 1)
    return named or (fitting_best[0].partition(":")[0] if fitting_best else next(iter(options)))


def described(text: str) -> str:
    """What a picture shall show: the wish without ``draw me a picture of`` and without size, seed
    and model.
    """
    lines = re.split(r"(?<=[.!?])\s+|\n", text)
    found = next((one for one in lines if OPENING.match(one) or DRAW.match(one)), text)
    found = BEFORE_OPENING.sub("", found)
    bare = SETTINGS.sub(
        "", A_PICTURE_OF.sub("", DRAW.sub("", OPENING.sub("", found, count=1), count=1))
    )
    inside = quoted(bare)
    if inside and len(inside[0]) * 2 > len(bare):
        return inside[0]
    return bare.strip(" .!?,;\n") or subject(text)


def asked(text: str) -> str:
    """The wish itself, without a polite or searching opening and without the order to use
    a tool.
    """
    orders = re.compile(r"\buse (?:the|a|your) \w*\s?tools?\b", re.IGNORECASE)
    named = re.compile(r"^\s*use (?:the )?\S+(?: \S+)?[.!]?$", re.IGNORECASE)
    lines = re.split(r"(?<=[.!?])\s+|\n", text)
    kept = " ".join(one for one in lines if not orders.search(one) and not named.match(one))
    opening = (
        r"^\s*(?:please |can you |could you )*(?:search|look|google|find)(?: the web| online)?(?:"
        r" for| up)?\s+"
    )
    return re.sub(opening, "", kept, flags=re.IGNORECASE).strip() or text.strip()


def _numbered_thing(name: str, text: str) -> str:
    """What identifies the thing: ``order 1234`` for ``order_id``, else the first word with a digit
    in it.
    """
    thing = " ".join(tokens(name)[:-1])
    marked = r"[A-Za-z]*-?\d[\w-]*"
    match = thing and re.search(
        rf"\b{re.escape(thing)}\s*(?:id|number|no\.?)?\s*(?:is\s+)?[#:]?\s*({marked})",
        text,
        re.IGNORECASE,
    )
    match = match or re.search(rf"(?<![\w.])({marked})", text)
    return match.group(1) if match else ""


def _language(text: str) -> str:
    return next((one for one in LANGUAGES if re.search(rf"\b{one}\b", text, re.IGNORECASE)), "")


def _arithmetic(text: str) -> str:
    found = [one.strip() for one in re.findall(r"[-+(]*\d[\d\s.+*/^()\u00d7\u00f7%-]*\d\)*", text)]
    return max(found, key=len, default="").replace("\u00d7", "*").replace("\u00f7", "/")


def _said(text: str) -> str:
    match = re.search(SAYING, text, re.IGNORECASE | re.DOTALL)
    return match.group(1).strip(" .") if match else ""


FINDERS: tuple[tuple[frozenset[str], Callable[[str], str]], ...] = (
    (frozenset({"expression", "equation", "formula", "calculation"}), _arithmetic),
    (frozenset({"language", "lang"}), _language),
    (SAID, _said),
)


def _first_new(found: list[str], used: set[str]) -> str:
    return next((one for one in found if one not in used), found[0] if found else "")


def _place(text: str, used: set[str]) -> str:
    found = re.findall(rf"\b(?:in|at|for|from|to|near|of)\s+({PROPER})", text)
    return _first_new(found or names(text), used)


def _by_root(name: str, text: str) -> str:
    """A name after a word of the property's root: ``directed by Nolan`` for ``director``."""
    word = (tokens(name) or [""])[-1]
    if len(word) < 5:
        return ""
    root = re.escape(word[: max(4, len(word) - 3)])
    match = re.search(rf"\b(?i:{root})\w*\s+(?:by|is|was|of|in|at|to|for)?\s*({PROPER})", text)
    return match.group(1) if match else ""


def _person(text: str, used: set[str]) -> str:
    found = re.findall(rf"\b(?:named|called|name is|am|for|by|to|record for:?)\s+({PROPER})", text)
    after_colon = re.findall(r":\s*([^\s.,;:!?][^.,;:!?\n]*)[.!?]?\s*$", text)
    return _first_new(found or after_colon or names(text), used)


WEAK_NAMES = frozenset(
    "What Who How Is The A An I Please Create Get Find Use Tell Extract Add Draw Write My It Hi"
    " Hello This Describe Give Show Make Return Summarize Explain List Generate Send Call Answer"
    " Where When Why".split()
)


def names(text: str) -> list[str]:
    """Capitalised names without the verb that opens a sentence; a lone first word counts only for
    want of others.
    """
    first = [_without_verb(one) for one in re.findall(rf"(?:^|[.!?:]\s+)({PROPER})", text)]
    inner = re.findall(rf"(?<=[a-z,;)\d] )({PROPER})", text)
    strong = [one for one in first if one and (" " in one or not inner)]
    return [*strong, *(one for one in inner if one not in WEAK_NAMES)]


def _without_verb(name: str) -> str:
    verb, _, rest = name.partition(" ")
    return rest if verb in WEAK_NAMES else name


def listed(text: str) -> list[str]:
    """A list in the text (``a, b and c``), else bullet lines, the names in it, its keywords."""
    item = r"[^,.;:!?\n]+"
    match = re.search(rf"{item}(?:,\s*{item})+,?\s+(?:and|or)\s+{item}|{item}\s+and\s+{item}", text)
    if match:
        items = [
            one.strip()
            for one in re.split(r",\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+", match.group())
            if one.strip()
        ]
        if len(items) > 1:
            size = max((len(one.split()) for one in items[1:-1]), default=1)
            head, tail = items[0].split()[-size:], items[-1].split()[: max(size, 1)]
            return [" ".join(head), *items[1:-1], " ".join(tail)]
    lines = [
        line.strip(" -*\u2022\t")
        for line in text.splitlines()
        if re.match(r"\s*[-*\u2022]\s", line)
    ]
    return lines or names(text)[:5] or keywords(text, 3) or [subject(text)]


def entities(text: str) -> list[tuple[str, str]]:
    """The separate things a text tells of: its bullet lines, or the names it lists, each with its
    clause.
    """
    lines = [
        line.strip(" -*\u2022\t")
        for line in text.splitlines()
        if re.match(r"\s*[-*\u2022]\s", line)
    ]
    if len(lines) > 1:
        return [(line, line) for line in lines]
    clauses = re.split(r"(?<=[.!?;:])\s+|\s+and\s+(?=[A-Z])|,\s+(?=[A-Z]\w+ (?:is|\())", text)
    named = [
        (match.group(), clause)
        for clause in clauses
        if (match := re.match(PROPER, clause.strip())) and re.search(r"\d", clause)
    ]
    return named if len(named) > 1 else []


def split_names(text: str) -> str:
    """``Paris, London and Tokyo`` as ``Paris and London and Tokyo``; a place's state stays
    with it.
    """
    listing = rf"{PLAIN_NAME}(?:,\s+(?![A-Z]{{2}}\b){PLAIN_NAME})+,?\s+and\s+{PLAIN_NAME}"
    return re.sub(listing, lambda match: re.sub(r",\s+(?:and\s+)?", " and ", match.group()), text)


def is_drawing(name: str, description: str) -> bool:
    """Whether a tool makes pictures or films, by its name, or by its description when the name does
    not tell.
    """
    kin = set(" ".join(KIN[1:3]).split())
    pattern = (
        r"\b(?:generates?|creates?|draws?|makes?|paints?)\b[^.]{0,30}"
        r"\b(?:images?|pictures?|videos?)\b"
    )
    return bool(set(tokens(name)) & kin or re.search(pattern, description, re.IGNORECASE))
