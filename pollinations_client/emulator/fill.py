"""Filling a JSON schema from a text: numbers in order, quoted words, names, and the subject for the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from . import strings
from .words import overlap, shortened, subjects, tokens

Json = dict[str, Any]
DEEPEST = 7
LONGEST = 6000
NUMBER = re.compile(r"(?<![\w.])[-\u2212]?\d+(?:[,_]\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?")
ADDRESSES = re.compile(r"\b(?:URLs?|links?|(?:web )?addresses)\b", re.IGNORECASE)
UNITS = {
    "duration": "s|secs?|seconds?",
    "seconds": "s|secs?|seconds?",
    "minutes": "min|mins|minutes?",
    "hours": "h|hours?",
}
NUMBER_WORDS = {
    word: number
    for number, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}


@dataclass
class Source:
    """A text to take values from; what was taken is not taken again."""

    text: str
    keep_defaults: bool = True
    numbers: list[float] = field(default_factory=list)
    quoted: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, *, keep_defaults: bool = True) -> Source:
        """Read the numbers, the quoted texts and the numbered choices of a text."""
        text = shortened(text, LONGEST)
        quoted = strings.quoted(text)
        bare = text
        for one in quoted:
            bare = bare.replace(one, " " * len(one))
        numbers = [value for found in NUMBER.findall(bare) if isfinite(value := as_number(found))]
        if not numbers:
            numbers = [float(NUMBER_WORDS[word]) for word in tokens(bare) if word in NUMBER_WORDS and word != "one"]
        return cls(text, keep_defaults, numbers, quoted, strings.numbered(text))

    def near(self, name: str) -> float | None:
        """The number that stands next to a name: ``seed 42``, ``width=768``, ``512 px high``."""
        spelt = r"[\s_-]*".join(map(re.escape, tokens(name)))
        match = re.search(rf"\b{spelt}\b\s*(?:is|of|to|=|:|at)?\s*({NUMBER.pattern})", self.text, re.IGNORECASE)
        match = (
            match
            or self._unit(name)
            or re.search(rf"({NUMBER.pattern})\s*(?:px|pixels?|-)?\s*\b{spelt}\b", self.text, re.IGNORECASE)
        )
        if match is None or not isfinite(value := as_number(match.group(1))):
            return self._size(name)
        if value in self.numbers:
            self.numbers.remove(value)
        return value

    def _size(self, name: str) -> float | None:
        size = re.search(r"\b(\d{2,4})\s*[x\u00d7]\s*(\d{2,4})\b", self.text)
        if size is None or name not in ("width", "height"):
            return None
        return float(size.group(1 if name == "width" else 2))

    def _unit(self, name: str) -> re.Match[str] | None:
        """The number before the unit that a name tells: seconds for a duration, minutes for minutes."""
        unit = next((UNITS[word] for word in tokens(name) if word in UNITS), None)
        return re.search(rf"({NUMBER.pattern})[\s-]*(?:{unit})\b", self.text, re.IGNORECASE) if unit else None

    def mentions(self, name: str) -> bool:
        """Whether the text speaks of a property."""
        spoken = set(tokens(name)) <= set(tokens(self.text))
        return spoken or self._size(name) is not None or self._unit(name) is not None


def as_number(text: str) -> float:
    """A number as written, with or without thousands separators."""
    return float(text.replace("\u2212", "-").replace(",", "").replace("_", ""))


def fill(schema: Json, source: Source, root: Json | None = None) -> Any:
    """A value that the schema takes, from the source. ``root`` holds the ``$defs``."""
    return Filler(source, schema if root is None else root).value(schema, "", 0)


class Filler:
    """One walk over one schema."""

    def __init__(self, source: Source, root: Json) -> None:
        self.source = source
        self.root = root

    def value(self, schema: Any, name: str, depth: int) -> Any:
        """A value for one schema."""
        schema = self.plain(schema)
        if depth > 2 * DEEPEST:
            return None
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.option(schema, name)
        if self.source.keep_defaults and "default" in schema and not self.source.mentions(name):
            return schema["default"]
        variants = schema.get("anyOf") or schema.get("oneOf")
        return self.variant(variants, name, depth) if variants else self.typed(schema, name, depth)

    def typed(self, schema: Json, name: str, depth: int) -> Any:
        """A value for a schema by its type."""
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        match kind:
            case "integer" | "number":
                return self.number(schema, name, whole=kind == "integer")
            case "boolean":
                return self.boolean(schema, name)
            case "null":
                return None
            case "array":
                return self.array(schema, name, depth)
            case "string":
                return self.string(schema, name)
            case _ if kind == "object" or "properties" in schema or (not name and depth == 0):
                return self.object(schema, name, depth)
            case _:
                return self.string(schema, name)

    def plain(self, schema: Any) -> Json:
        """The schema with its reference followed and ``allOf`` merged."""
        if not isinstance(schema, dict):
            return {}
        for _ in range(DEEPEST):
            if "$ref" not in schema:
                break
            found: Any = self.root
            for step in str(schema["$ref"]).lstrip("#/").split("/"):
                found = found.get(step, {}) if isinstance(found, dict) else {}
            schema = {name: value for name, value in schema.items() if name != "$ref"} | found
        merged: Json = {name: value for name, value in schema.items() if name != "allOf"}
        for part in schema.get("allOf", ()):
            for name, value in self.plain(part).items():
                if name == "properties":
                    merged[name] = merged.get(name, {}) | value
                elif name == "required":
                    merged[name] = [*merged.get(name, []), *value]
                else:
                    merged.setdefault(name, value)
        return merged

    def variant(self, variants: Sequence[Any], name: str, depth: int) -> Any:
        """The variant whose properties fit the text best, else the first that is not null."""
        plain = [self.plain(one) for one in variants]
        real = [one for one in plain if one.get("type") != "null"]
        if not real:
            return None
        if depth >= DEEPEST and len(real) < len(plain):
            return None
        scored = [
            overlap(" ".join([*one.get("properties", {}), str(one.get("title", ""))]), self.source.text) for one in real
        ]
        return self.value(real[scored.index(max(scored))], name, depth)

    def option(self, schema: Json, name: str) -> Any:
        """The option that the text names, else the default, else the one nearest in words, else the first."""
        options = schema["enum"]
        text = self.source.text.lower()
        named = [
            one
            for one in options
            if isinstance(one, str) and re.search(rf"(?<!\w){re.escape(one.lower())}(?!\w)", text)
        ]
        if named:
            return max(named, key=len)
        if "default" in schema:
            return schema["default"]
        numbers = [one for one in options if isinstance(one, int | float) and float(one) in self.source.numbers]
        if numbers:
            return numbers[0]
        scored = [overlap(str(one), self.source.text) for one in options]
        return options[scored.index(max(scored))] if options else None

    def number(self, schema: Json, name: str, *, whole: bool) -> float | int:
        """The number next to the name, else the next one in the text, else a sensible one within the bounds."""
        value = self.source.near(name) if name else None
        if value is None and self.source.choices and set(tokens(name)) & {"index", "choice", "number", "selection"}:
            value = float(strings.best_choice(self.source.text, self.source.choices))
        if value is None and self.source.numbers:
            value = self.source.numbers.pop(0)
        if value is None:
            value = self.likely(schema, name)
        return bounded(value, schema, whole=whole)

    def likely(self, schema: Json, name: str) -> float:
        """A number for a name when the text has none left."""
        if "default" in schema and schema["default"] is not None:
            return float(schema["default"])
        if "year" in tokens(name):
            return 2026.0
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        if high is not None and set(tokens(name)) & {"score", "rating", "confidence", "relevance", "probability"}:
            return 0.8 * float(high)
        return 1.0

    def boolean(self, schema: Json, name: str) -> bool:
        """True when the text speaks of the property, unless it denies it."""
        words = tokens(name)
        text = " ".join(tokens(self.source.text))
        spelt = " ".join(word for word in words if word not in ("is", "has", "should", "use", "enable", "include"))
        if spelt and re.search(rf"\b(?:no|not|without|don t|never|false|disable)\b (?:\w+ )?{re.escape(spelt)}", text):
            return False
        if spelt and re.search(rf"\b{re.escape(spelt)} (?:is )?(?:false|off|no)\b", text):
            return False
        if spelt and spelt in text:
            return True
        if isinstance(schema.get("default"), bool):
            return bool(schema["default"])
        return bool(set(words) & {"passing", "valid", "correct", "success", "relevant", "ok", "supported"})

    def array(self, schema: Json, name: str, depth: int) -> list[Any]:
        """Items from the lists in the text; one for objects; none past the depth limit."""
        low, high = schema.get("minItems", 0), schema.get("maxItems")
        if "prefixItems" in schema:
            return [self.value(one, name, depth + 1) for one in schema["prefixItems"]]
        item = self.plain(schema.get("items", {"type": "string"}))
        if depth >= DEEPEST and low == 0:
            return []
        kind = item.get("type")
        items: list[Any]
        if "enum" in item:
            named = [one for one in item["enum"] if str(one).lower() in self.source.text.lower()]
            items = named or item["enum"][:1]
        elif kind in ("integer", "number") and self.source.numbers:
            items = [bounded(value, item, whole=kind == "integer") for value in self.source.numbers]
            self.source.numbers.clear()
        elif kind == "string":
            items = self.strings(item)
        else:
            items = self.objects(item, name, depth)
        items += [self.value(item, name, depth + 1)] * (low - len(items)) if len(items) < low else []
        if schema.get("uniqueItems"):
            items = [one for at, one in enumerate(items) if one not in items[:at]]
        return items if high is None else items[:high]

    def strings(self, item: Json) -> list[str]:
        """Quoted texts, a list in the text, or the text's subjects; where a form is asked for, what has that form."""
        if "format" in item or "pattern" in item:
            return strings.all_formed(item, self.source.text)
        if self.source.quoted:
            found, self.source.quoted = self.source.quoted, []
        else:
            found = strings.listed(self.source.text)
        return [strings.sized(one, item) for one in found]

    def objects(self, item: Json, name: str, depth: int) -> list[Any]:
        """One object per entity of a list in the text, else one."""
        entities = strings.entities(self.source.text) if item.get("properties") and not self.source.quoted else []
        if len(entities) < 2 or len(entities) > 8:
            return [self.value(item, name, depth + 1)]
        made = []
        for entity, clause in entities:
            inner = Filler(Source.of(clause or entity, keep_defaults=self.source.keep_defaults), self.root)
            made.append(inner.value(item, name, depth + 1))
        return made

    def object(self, schema: Json, name: str, depth: int) -> Json:
        """Every required property, and the optional ones that the text speaks of."""
        properties = schema.get("properties") or {}
        if not properties:
            return self.mapping(schema)
        required = set(schema.get("required", ()))
        claimed = {strings.labelled(inner, self.source.text) for inner in properties}
        self.source.quoted = [one for one in self.source.quoted if one not in claimed]
        made: Json = {}
        for inner, part in properties.items():
            plain = self.plain(part)
            if inner in required or (depth < DEEPEST and self.wanted(inner, plain)):
                made[inner] = self.value(plain, inner, depth + 1)
        return made

    def wanted(self, name: str, schema: Json) -> bool:
        """Whether an optional property is filled in; one that takes addresses only when the text has some."""
        if ADDRESSES.search(str(schema.get("description", ""))) and "://" not in self.source.text:
            return False
        if self.source.mentions(name) or strings.in_format(schema, name, self.source.text):
            return True
        return any(str(one).lower() in tokens(self.source.text) for one in schema.get("enum") or ())

    def mapping(self, schema: Json) -> Json:
        """A free object: the ``key: value`` pairs of the text."""
        if schema.get("additionalProperties") is False:
            return {}
        inner = schema.get("additionalProperties")
        pairs = strings.pairs(self.source.text)
        if not isinstance(inner, dict):
            return dict(pairs)
        return {key: fill(inner, Source.of(value), self.root) for key, value in pairs.items()}

    def string(self, schema: Json, name: str) -> str:
        """The text that fits the property's name, format and description."""
        found = strings.mentioned(name, self.source.options, self.source.text)
        if found is None:
            found = strings.wellformed(schema, name, self.source.text)
        if found is None:
            found = strings.labelled(name, self.source.text)
        if found is None and self.source.quoted:
            found = self.source.quoted.pop(0)
        if found is None:
            found = strings.fitting(name, str(schema.get("description", "")), self.source.text, self.source.used)
        self.source.used.add(found)
        return strings.sized(found, schema)


def bounded(value: float, schema: Json, *, whole: bool) -> float | int:
    """The value within the schema's bounds, as an integer where one is wanted."""
    step = 1 if whole else 1e-6
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(schema.get("exclusiveMinimum"), int | float) and value <= schema["exclusiveMinimum"]:
        low = schema["exclusiveMinimum"] + step
    if isinstance(schema.get("exclusiveMaximum"), int | float) and value >= schema["exclusiveMaximum"]:
        high = schema["exclusiveMaximum"] - step
    if low is not None and value < low:
        value = low
    if high is not None and value > high:
        value = high
    multiple = schema.get("multipleOf")
    if multiple and value % multiple:
        value = max(multiple, value - value % multiple)
    if whole:
        return int(value)
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def words_of(schema: Json) -> list[str]:
    """What a schema is about: the words of its properties and options."""
    found: list[str] = []
    for name, part in (schema.get("properties") or {}).items():
        found += subjects(name)
        if isinstance(part, dict):
            found += [word for one in part.get("enum") or () for word in subjects(str(one))]
    return found
