"""Make the smallest value that a JSON schema takes, with the prompt's words and numbers first."""

from __future__ import annotations

import re
from typing import Any

from .bounds import bounded, is_number, stricter
from .patterns import text_for
from .text import overlap, subjects, tokens
from .text_values import TextValues, format_of, formatted, value_in_format

Json = dict[str, Any]
MAX_DEPTH = 7
MAX_TRIES = 1000
ADDRESSES = re.compile(r"\b(?:URLs?|links?|(?:web )?addresses)\b", re.IGNORECASE)
DENIED = r"\b(?:no|not|without|don t|never|false|disable)\b (?:\w+ )?"


def value_for(schema: Json, source: TextValues, root: Json | None = None) -> Any:
    """A value that the schema takes, from the source. ``root`` holds the ``$defs``."""
    return _Filler(source, schema if root is None else root).value(schema, "", 0)


class _Filler:
    """One walk over one schema."""

    def __init__(self, source: TextValues, root: Json) -> None:
        self.source = source
        self.root = root

    def value(self, schema: Any, name: str, depth: int) -> Any:
        schema = self.resolved(schema)
        if depth > 2 * MAX_DEPTH:
            return None
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.option(schema)
        is_left_out = self.source.keep_defaults and not self.source.mentions(name)
        if is_left_out and "default" in schema:
            return schema["default"]
        if is_left_out and _may_be_null(schema):
            return None  # strict tools have no optional properties: null says "left out"
        if schema.get("anyOf") or schema.get("oneOf"):
            return self.variant(schema, name, depth)
        return self.typed(schema, name, depth)

    def typed(self, schema: Json, name: str, depth: int) -> Any:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((option for option in kind if option != "null"), "null")
        if kind is None and ("properties" in schema or (not name and depth == 0)):
            kind = "object"
        match kind:
            case "integer" | "number":
                return self.number(schema, name, is_integer=kind == "integer")
            case "boolean":
                return self.boolean(schema, name)
            case "null":
                return None
            case "array":
                return self.array(schema, name, depth)
            case "object":
                return self.object(schema, name, depth)
            case _:
                return self.string(schema, name)

    def resolved(self, schema: Any) -> Json:
        """The schema with its reference followed and ``allOf`` merged."""
        if not isinstance(schema, dict):
            return {}
        for _ in range(MAX_DEPTH):
            if "$ref" not in schema:
                break
            target: Any = self.root
            for step in str(schema["$ref"]).lstrip("#/").split("/"):
                target = target.get(step, {}) if isinstance(target, dict) else {}
            schema = {key: value for key, value in schema.items() if key != "$ref"} | target
        merged: Json = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema.get("allOf", ()):
            for key, value in self.resolved(part).items():
                if key == "properties":
                    merged[key] = merged.get(key, {}) | value
                elif key == "required":
                    merged[key] = [*merged.get(key, []), *value]
                else:
                    merged[key] = stricter(key, merged.get(key, value), value)
        return merged

    def variant(self, schema: Json, name: str, depth: int) -> Any:
        """A value of the variant that fits the text best, with what stands beside the variants."""
        no_variants = ("anyOf", "oneOf", "default")
        beside = {key: value for key, value in schema.items() if key not in no_variants}
        variants = schema.get("anyOf") or schema["oneOf"]
        merged = [self.resolved({"allOf": [branch, beside]}) for branch in variants]
        real = [branch for branch in merged if branch.get("type") != "null"]
        if not real or (depth >= MAX_DEPTH and len(real) < len(merged)):
            return None
        scores = [overlap(_variant_words(branch), self.source.text) for branch in real]
        return self.value(real[scores.index(max(scores))], name, depth)

    def option(self, schema: Json) -> Any:
        """The option that the text names, else the default, else the first."""
        options, text = schema["enum"], self.source.text.lower()
        words = (option for option in options if isinstance(option, str))
        named = [
            word for word in words if re.search(rf"(?<!\w){re.escape(word.lower())}(?!\w)", text)
        ]
        if named:
            return max(named, key=len)
        if "default" in schema:
            return schema["default"]
        numbers = self.source.numbers
        numeric = (option for option in options if is_number(option) and option in numbers)
        return next(numeric, options[0] if options else None)

    def number(self, schema: Json, name: str, *, is_integer: bool) -> float | int:
        """The number beside the name, else the next one in the text, else the smallest valid."""
        value = self.source.number_at(name)
        if value is None and self.source.numbers:
            value = self.source.numbers.pop(0)
        if value is None:
            value = schema["default"] if is_number(schema.get("default")) else 1.0
        return bounded(value, schema, is_integer=is_integer)

    def boolean(self, schema: Json, name: str) -> bool:
        """True when the text speaks of the property and does not deny it."""
        words = [word for word in tokens(name) if word not in ("is", "has", "should", "use")]
        spelt, text = re.escape(" ".join(words)), " ".join(tokens(self.source.text))
        if spelt and re.search(rf"{DENIED}{spelt}|\b{spelt} (?:is )?(?:false|off|no)\b", text):
            return False
        return (bool(spelt) and bool(re.search(spelt, text))) or schema.get("default") is True

    def array(self, schema: Json, name: str, depth: int) -> list[Any]:
        """As many items as the text has, within the schema's bounds."""
        low, high = schema.get("minItems", 0), schema.get("maxItems")
        items = [self.value(prefix, name, depth + 1) for prefix in schema.get("prefixItems", ())]
        item = self.resolved(schema.get("items", {"type": "string"}))
        if not items and (depth < MAX_DEPTH or low):
            items = self.items(item, name, depth)
        if schema.get("uniqueItems"):
            items = self.distinct(items, item, low)
        elif len(items) < low:
            items += [self.value(item, name, depth + 1)] * (low - len(items))
        return items if high is None else items[:high]

    def items(self, item: Json, name: str, depth: int) -> list[Any]:
        kind, text = item.get("type"), self.source.text
        if "enum" in item:
            return [word for word in item["enum"] if str(word).lower() in text.lower()] or [
                item["enum"][0]
            ]
        if kind in ("integer", "number") and self.source.numbers:
            numbers, self.source.numbers = self.source.numbers, []
            return [bounded(value, item, is_integer=kind == "integer") for value in numbers]
        if kind == "string" and "pattern" in item:
            return [word for word in text.split() if re.search(str(item["pattern"]), word)]
        if kind == "string" and "format" in item:
            return list(formatted(item, "", text))
        if kind == "string":
            return [_sized(word, item) for word in self.source.words_for_list()]
        return [self.value(item, name, depth + 1)]

    def distinct(self, items: list[Any], schema: Json, low: int) -> list[Any]:
        """The items without repeats, and others of their kind until there are enough."""
        items = [item for at, item in enumerate(items) if item not in items[:at]]
        first = items[0] if items else None
        for index in range(1, MAX_TRIES):
            if len(items) >= low:
                break
            other = self.other(schema, first, index)
            if other not in items:
                items.append(other)
        return items

    def other(self, item: Json, first: Any, index: int) -> Any:
        """The ``index``-th value beside a first one."""
        match item:
            case {"enum": [*options]}:
                return options[index % len(options)]
            case {"type": "integer" | "number" as kind}:
                sign = 1 if index % 2 else -1
                distance = (index + 1) // 2 * sign * (item.get("multipleOf") or 1)
                return bounded((first or 0) + distance, item, is_integer=kind == "integer")
            case {"type": "boolean"}:
                return index % 2 == 0
            case {"type": "string"}:
                return _sized(f"{index} {first or 'item'}", item)
            case _:
                return self.value(item, "", 1)

    def object(self, schema: Json, name: str, depth: int) -> Json:
        """Every required property, and the optional ones that the text speaks of."""
        properties = schema.get("properties") or {}
        required = dict.fromkeys(schema.get("required", ()))
        if not properties and not required:
            return self.mapping(schema)
        labelled = {self.source.labelled(inner) for inner in properties}
        self.source.quoted = [label for label in self.source.quoted if label not in labelled]
        room = schema.get("maxProperties", len(properties)) - len(required)
        built: Json = {}
        for inner, part in properties.items():
            may_add = room > 0 and depth < MAX_DEPTH
            if inner in required or (may_add and self.is_stated(inner, self.resolved(part))):
                built[inner] = self.value(part, inner, depth + 1)
                room -= inner not in required
        missing = [label for label in required if label not in built]
        spare = [label for label in properties if label not in built and label not in required]
        more = max(0, schema.get("minProperties", 0) - len(built) - len(missing))
        for inner in [*missing, *spare[:more]]:
            built[inner] = self.value(properties.get(inner, _rest(schema)), inner, depth + 1)
        return built

    def is_stated(self, name: str, schema: Json) -> bool:
        """Whether an optional property is stated; one for addresses only if there are any."""
        text = self.source.text
        if ADDRESSES.search(str(schema.get("description", ""))) and "://" not in text:
            return False
        if self.source.mentions(name) or any(formatted(schema, name, text)):
            return True
        return any(str(option).lower() in tokens(text) for option in schema.get("enum") or ())

    def mapping(self, schema: Json) -> Json:
        """A free object: the ``key: value`` pairs of the text, and made-up ones where needed."""
        patterns, least = schema.get("patternProperties", {}), schema.get("minProperties", 0)
        if schema.get("additionalProperties") is False and not patterns:
            return {}
        pattern = next(iter(patterns), str(schema.get("propertyNames", {}).get("pattern", "")))
        labelled = self.source.pairs().items()
        pairs = {key: value for key, value in labelled if re.search(pattern, key)}
        for index in range(least - len(pairs)):
            pairs[text_for(pattern, index + 1) or f"key{index + 1}"] = self.source.text
        pairs = dict([*pairs.items()][: schema.get("maxProperties")])
        if not patterns and not isinstance(schema.get("additionalProperties"), dict):
            return dict(pairs)
        inner = _rest(schema)
        return {
            key: value_for(inner, TextValues.of(text), self.root) for key, text in pairs.items()
        }

    def string(self, schema: Json, name: str) -> str:
        """What has the format, what is labelled, what is quoted, else what the name suggests."""
        value = value_in_format(schema, name, self.source.text) or self.source.labelled(name)
        if not value and self.source.quoted:
            value = self.source.quoted.pop(0)
        if not value:
            value = self.source.text_for(name)
        self.source.used.add(value)
        return _sized(value, schema)


def _sized(text: str, schema: Json) -> str:
    """The text within the schema's bounds on length; one with a format to keep is left alone."""
    if "pattern" in schema or format_of(schema, ""):
        return text
    low, high = schema.get("minLength", 0), schema.get("maxLength")
    if len(text) < low:
        text = f"{text} {'emulated ' * (low // 9 + 1)}"[:low]
    return text if high is None else text[:high]


def _rest(schema: Json) -> Any:
    """The schema of properties that are not declared."""
    if isinstance(schema.get("additionalProperties"), dict):
        return schema["additionalProperties"]
    return next(iter(schema.get("patternProperties", {}).values()), {"type": "string"})


def schema_words(schema: Json) -> list[str]:
    """What a schema is about: the words of its properties and options."""
    words: list[str] = []
    for name, part in (schema.get("properties") or {}).items():
        words += subjects(name)
        if isinstance(part, dict):
            words += subjects(" ".join(str(option) for option in part.get("enum") or ()))
    return words


def _may_be_null(schema: Json) -> bool:
    variants = (variant for variant in schema.get("anyOf", ()) if isinstance(variant, dict))
    kinds = [schema.get("type"), *(variant.get("type") for variant in variants)]
    return any(kind == "null" or (isinstance(kind, list) and "null" in kind) for kind in kinds)


def _variant_words(variant: Json) -> str:
    """What tells one variant from another: its title, its properties and their fixed values."""
    properties: Json = variant.get("properties") or {}
    parts = [part for part in properties.values() if isinstance(part, dict)]
    fixed = [part.get("const", part.get("enum", "")) for part in parts]
    return " ".join([str(variant.get("title", "")), *properties, *map(str, fixed)])
