"""Filling a JSON schema from a text: numbers in order, quoted words, names, and the subject for the
rest.
"""

from __future__ import annotations

import json
import re
from typing import Any

from . import forms, strings
from .amounts import bounded, is_number, narrower
from .source import Source
from .words import overlap, subjects, tokens

Json = dict[str, Any]
MAX_DEPTH = 7
MOST_TRIES = 1000
ADDRESSES = re.compile(r"\b(?:URLs?|links?|(?:web )?addresses)\b", re.IGNORECASE)


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
        if depth > 2 * MAX_DEPTH:
            return None
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.option(schema, name)
        if self.source.keep_defaults and "default" in schema and not self.source.mentions(name):
            return schema["default"]
        if self.source.keep_defaults and _may_be_null(schema) and not self.source.mentions(name):
            return None  # strict tools have no defaults: leaving out is said by null
        if schema.get("anyOf") or schema.get("oneOf"):
            return self.variant(schema, name, depth)
        return self.typed(schema, name, depth)

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
                return (
                    self.nested(schema, depth)
                    if "contentSchema" in schema
                    else self.string(schema, name)
                )
            case _ if kind == "object" or "properties" in schema or (not name and depth == 0):
                return self.object(schema, name, depth)
            case _:
                return self.string(schema, name)

    def nested(self, schema: Json, depth: int) -> str:
        """JSON inside a string."""
        return json.dumps(
            self.value(schema["contentSchema"], "content", depth + 1), ensure_ascii=False
        )

    def plain(self, schema: Any) -> Json:
        """The schema with its reference followed and ``allOf`` merged."""
        if not isinstance(schema, dict):
            return {}
        for _ in range(MAX_DEPTH):
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
                    merged[name] = narrower(name, merged.get(name, value), value)
        return merged

    def variant(self, schema: Json, name: str, depth: int) -> Any:
        """The variant that fits the text best, else the first that is not null; what stands beside
        them holds too.
        """
        variants = schema.get("anyOf") or schema["oneOf"]
        beside = {
            key: value for key, value in schema.items() if key not in ("anyOf", "oneOf", "default")
        }
        plain = [self.plain({"allOf": [one, beside]}) for one in variants]
        real = [one for one in plain if one.get("type") != "null"]
        if not real:
            return None
        if depth >= MAX_DEPTH and len(real) < len(plain):
            return None
        scored = [overlap(_told_of(one), self.source.text) for one in real]
        return self.value(real[scored.index(max(scored))], name, depth)

    def option(self, schema: Json, name: str) -> Any:
        """The option that the text names, else the default, else the one nearest in words, else the
        first.
        """
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
        numbers = [
            one
            for one in options
            if isinstance(one, int | float) and float(one) in self.source.numbers
        ]
        if numbers:
            return numbers[0]
        scored = [overlap(str(one), self.source.text) for one in options]
        return options[scored.index(max(scored))] if options else None

    def number(self, schema: Json, name: str, *, whole: bool) -> float | int:
        """The number next to the name, else the next one in the text, else a sensible one within
        the bounds.
        """
        value = self.source.near(name) if name else None
        if (
            value is None
            and self.source.choices
            and set(tokens(name)) & {"index", "choice", "number", "selection"}
        ):
            value = float(strings.best_choice(self.source.text, self.source.choices))
        if value is None and self.source.numbers:
            value = self.source.numbers.pop(0)
        if value is None:
            value = self.likely(schema, name)
        return bounded(value, schema, whole=whole)

    def likely(self, schema: Json, name: str) -> float:
        """A number for a name when the text has none left."""
        if is_number(schema.get("default")):
            return float(schema["default"])
        if "year" in tokens(name):
            return 2026.0
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        if is_number(high) and set(tokens(name)) & {
            "score",
            "rating",
            "confidence",
            "relevance",
            "probability",
        }:
            return 0.8 * float(high)
        return 1.0

    def boolean(self, schema: Json, name: str) -> bool:
        """True when the text speaks of the property, unless it denies it."""
        words = tokens(name)
        text = " ".join(tokens(self.source.text))
        spelt = " ".join(
            word
            for word in words
            if word not in ("is", "has", "should", "use", "enable", "include")
        )
        if spelt and re.search(
            rf"\b(?:no|not|without|don t|never|false|disable)\b (?:\w+ )?{re.escape(spelt)}", text
        ):
            return False
        if spelt and re.search(rf"\b{re.escape(spelt)} (?:is )?(?:false|off|no)\b", text):
            return False
        if spelt and spelt in text:
            return True
        if isinstance(schema.get("default"), bool):
            return bool(schema["default"])
        return bool(
            set(words) & {"passing", "valid", "correct", "success", "relevant", "ok", "supported"}
        )

    def array(self, schema: Json, name: str, depth: int) -> list[Any]:
        """Items from the lists in the text; one for objects; none past the depth limit."""
        low, high = schema.get("minItems", 0), schema.get("maxItems")
        items = [self.value(one, name, depth + 1) for one in schema.get("prefixItems", ())]
        if "contains" in schema:
            items.append(self.value(schema["contains"], name, depth + 1))
            low = max(low, len(items))
        item = self.plain(schema.get("items", {"type": "string"}))
        if not items:
            items = [] if depth >= MAX_DEPTH and low == 0 else self.items(item, name, depth)
        if schema.get("uniqueItems"):
            items = self.distinct(items, item, low)
        elif len(items) < low:
            items += [self.value(item, name, depth + 1)] * (low - len(items))
        return items if high is None else items[:high]

    def items(self, item: Json, name: str, depth: int) -> list[Any]:
        """As many items as the text has."""
        kind = item.get("type")
        if "enum" in item:
            named = [one for one in item["enum"] if str(one).lower() in self.source.text.lower()]
            return named or item["enum"][:1]
        if kind in ("integer", "number") and self.source.numbers:
            numbers = [
                bounded(value, item, whole=kind == "integer") for value in self.source.numbers
            ]
            self.source.numbers.clear()
            return numbers
        return self.strings(item, name) if kind == "string" else self.objects(item, name, depth)

    def distinct(self, items: list[Any], item: Json, low: int) -> list[Any]:
        """The items without repeats, and others of their kind until there are enough."""
        items = [one for at, one in enumerate(items) if one not in items[:at]]
        for at in range(1, MOST_TRIES):
            if len(items) >= low:
                break
            other = self.other(item, items[0] if items else None, at)
            items += [] if other in items else [other]
        return items

    def other(self, item: Json, first: Any, at: int) -> Any:
        """The ``at``-th value beside a first one."""
        match item:
            case {"enum": [*options]}:
                return options[at % len(options)]
            case {"type": "integer" | "number" as kind}:
                away = (at + 1) // 2 * (1 if at % 2 else -1) * (item.get("multipleOf") or 1)
                return bounded((first or 0) + away, item, whole=kind == "integer")
            case {"type": "boolean"}:
                return at % 2 == 0
            case {"type": "string"}:
                return forms.sized(f"{at} {first or 'item'}", item)
            case _:
                return self.value(item, "", 1)

    def strings(self, item: Json, name: str) -> list[str]:
        """The list under the name, quoted texts, any list, or the subjects; where a form is wanted,
        what has it.
        """
        if "format" in item or "pattern" in item:
            return forms.all_formed(item, self.source.text)
        found = strings.labelled_list(name, self.source.text)
        if not found and self.source.quoted:
            found, self.source.quoted = self.source.quoted, []
        return [forms.sized(one, item) for one in found or strings.listed(self.source.text)]

    def objects(self, item: Json, name: str, depth: int) -> list[Any]:
        """One object per entity of a list in the text, else one."""
        entities = (
            strings.entities(self.source.text)
            if item.get("properties") and not self.source.quoted
            else []
        )
        if len(entities) < 2 or len(entities) > 8:
            return [self.value(item, name, depth + 1)]
        made = []
        for entity, clause in entities:
            inner = Filler(
                Source.of(clause or entity, keep_defaults=self.source.keep_defaults), self.root
            )
            made.append(inner.value(item, name, depth + 1))
        return made

    def object(self, schema: Json, name: str, depth: int) -> Json:
        """Every required property, and the optional ones that the text speaks of."""
        properties = schema.get("properties") or {}
        required = dict.fromkeys(schema.get("required", ()))
        if not properties and not required:
            return self.mapping(schema)
        claimed = {strings.labelled(inner, self.source.text) for inner in properties}
        self.source.quoted = [one for one in self.source.quoted if one not in claimed]
        left = schema.get("maxProperties", len(properties)) - len(required)
        made: Json = {}
        for inner, part in properties.items():
            plain = self.plain(part)
            is_due = inner in required
            if is_due or (left > 0 and depth < MAX_DEPTH and self.wanted(inner, plain)):
                made[inner] = self.value(plain, inner, depth + 1)
                left -= not is_due
        missing = [one for one in required if one not in made]
        spare = [one for one in properties if one not in made and one not in required]
        more = max(0, schema.get("minProperties", 0) - len(made) - len(missing))
        for inner in [*missing, *spare[:more]]:
            made[inner] = self.value(properties.get(inner, self.rest(schema)), inner, depth + 1)
        return made

    @staticmethod
    def rest(schema: Json) -> Any:
        """The schema of properties that are not declared."""
        patterns = [*schema.get("patternProperties", {}).values()]
        given = schema.get("additionalProperties")
        return given if isinstance(given, dict) else patterns[0] if patterns else {"type": "string"}

    def wanted(self, name: str, schema: Json) -> bool:
        """Whether an optional property is filled in; one that takes addresses only when the text
        has some.
        """
        if ADDRESSES.search(str(schema.get("description", ""))) and "://" not in self.source.text:
            return False
        if self.source.mentions(name) or forms.in_format(schema, name, self.source.text):
            return True
        return any(str(one).lower() in tokens(self.source.text) for one in schema.get("enum") or ())

    def mapping(self, schema: Json) -> Json:
        """A free object: the ``key: value`` pairs of the text, and made-up ones where some are
        needed.
        """
        patterns, least = schema.get("patternProperties", {}), schema.get("minProperties", 0)
        if schema.get("additionalProperties") is False and not patterns:
            return {}
        inner = (
            self.rest(schema)
            if isinstance(schema.get("additionalProperties"), dict) or patterns
            else None
        )
        pattern = next(iter(patterns), str(schema.get("propertyNames", {}).get("pattern", "")))
        pairs = {
            key: value
            for key, value in strings.pairs(self.source.text).items()
            if re.search(pattern, key)
        }
        for at in range(least - len(pairs)):
            pairs[forms.matching(pattern, "", low=at + 1) or f"key{at + 1}"] = self.source.text
        pairs = dict([*pairs.items()][: schema.get("maxProperties")])
        if inner is None:
            return dict(pairs)
        return {key: fill(inner, Source.of(value), self.root) for key, value in pairs.items()}

    def string(self, schema: Json, name: str) -> str:
        """The text that fits the property's name, format and description."""
        found = strings.mentioned(name, self.source.options, self.source.text)
        if found is None:
            found = forms.wellformed(schema, name, self.source.text)
        if found is None:
            found = strings.labelled(name, self.source.text)
        if found is None and self.source.quoted:
            found = self.source.quoted.pop(0)
        if found is None:
            found = strings.fitting(
                name, str(schema.get("description", "")), self.source.text, self.source.used
            )
        self.source.used.add(found)
        return forms.sized(found, schema)


def words_of(schema: Json) -> list[str]:
    """What a schema is about: the words of its properties and options."""
    found: list[str] = []
    for name, part in (schema.get("properties") or {}).items():
        found += subjects(name)
        if isinstance(part, dict):
            found += [word for one in part.get("enum") or () for word in subjects(str(one))]
    return found


def _may_be_null(schema: Json) -> bool:
    kinds = [
        schema.get("type"),
        *(one.get("type") for one in schema.get("anyOf", ()) if isinstance(one, dict)),
    ]
    return any(kind == "null" or (isinstance(kind, list) and "null" in kind) for kind in kinds)


def _told_of(variant: Json) -> str:
    """The words that tell one variant from another: its title, its properties and their fixed
    values.
    """
    properties: Json = variant.get("properties") or {}
    fixed = [
        part.get("const", part.get("enum"))
        for part in properties.values()
        if isinstance(part, dict)
    ]
    return " ".join(
        [
            str(variant.get("title", "")),
            *properties,
            *(str(one) for one in fixed if one is not None),
        ]
    )
