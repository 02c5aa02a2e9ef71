"""Make the smallest value that a JSON schema takes, with the prompt's words and numbers first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import chain
from math import inf, isfinite
from operator import add, or_
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from ..words import shared_subjects, tokens
from .text_values import TextValues, example_in_format, format_of, is_usable, pieces_in_format

Json = dict[str, Any]
MAX_DEPTH = 7
MAX_TRIES = 200
MAX_STEPS = 20
SMALLEST_GAP = 1e-6
MAX_LIMIT = 1e300  # JSON has longer integers, which no float holds
ADDRESSES = re.compile(r"\b(?:URLs?|links?|(?:web )?addresses)\b", re.IGNORECASE)
PAIR = re.compile(r"\b([A-Za-z_]\w*)\s*[:=]\s*(\"[^\"]*\"|'[^']*'|[^\s,;]+)")
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
BOUNDS = (*LOWER[:2], *UPPER[:2])
# How two parts of an ``allOf`` become one; of any other keyword the first part's value stays.
MERGED: dict[str, Callable[[Any, Any], Any]] = {
    "properties": or_,
    "required": add,
    **dict.fromkeys(LOWER, max),
    **dict.fromkeys(UPPER, min),
}


def value_for(schema: Json, source: TextValues, root: Json | None = None) -> Any:
    """A value that the schema takes, from the source. ``root`` holds the ``$defs``."""
    return _Filler(source, root or schema).value(schema, "", 0)


def nearest_valid_number(value: float, schema: Json, kind: str) -> float | int:
    """The number nearest to ``value``, or to a bound, that the schema takes.

    A validator decides, because it counts in floating point: 3 * 0.1 is no multiple of 0.1 to it.
    """
    names = (*BOUNDS, "multipleOf")
    rules = {name: schema[name] for name in names if abs(schema.get(name, inf)) < MAX_LIMIT}
    bounds = [rules[name] for name in BOUNDS if name in rules]
    takes = Draft202012Validator(rules | {"type": kind}).is_valid
    anchors = sorted([value, *bounds], key=lambda number: abs(number - value))
    steps = chain.from_iterable(_steps_near(anchor, rules, kind) for anchor in anchors)
    # Between two open bounds that lie closer together than the gap only their middle is left.
    valid = next(filter(takes, chain(anchors, steps, [sum(bounds) / 2])), value)
    return int(valid) if valid == int(valid) else valid


def _steps_near(anchor: float, rules: Json, kind: str) -> Iterator[float]:
    """The numbers of the schema's steps, or of small ones, around an anchor."""
    # A gap that a large number does not swallow: 1e300 + 1e-6 is 1e300.
    gap = 1 if kind == "integer" else max(SMALLEST_GAP, abs(anchor) * 1e-9)
    step = rules.get("multipleOf", gap)
    if isfinite(anchor / step):
        nearest = round(anchor / step)
        for distance in range(MAX_STEPS):
            yield (nearest - distance) * step
            yield (nearest + distance) * step


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
            return self.enum_value(schema)
        is_left_out = self.source.keep_defaults and not self.source.mentions(name)
        if is_left_out and "default" in schema:
            return schema["default"]
        if is_left_out and _may_be_null(schema):
            return None  # strict tools have no optional properties: null says "left out"
        if schema.get("anyOf") or schema.get("oneOf"):
            return self.value_of_variant(schema, name, depth)
        return self.value_of_type(schema, name, depth)

    def value_of_type(self, schema: Json, name: str, depth: int) -> Any:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((option for option in kind if option != "null"), "null")
        if kind is None and ("properties" in schema or (not name and depth == 0)):
            kind = "object"
        match kind:
            case "integer" | "number":
                return self.number(schema, name, kind)
            case "boolean":
                return self.boolean(schema, name)
            case "null":
                return None
            case "array":
                return self.array(schema, name, depth)
            case "object":
                return self.object(schema, depth)
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
                merge = MERGED.get(key, lambda first, _: first)
                merged[key] = merge(merged[key], value) if key in merged else value
        return merged

    def value_of_variant(self, schema: Json, name: str, depth: int) -> Any:
        """A value of the variant that fits the text best, with what stands beside the variants."""
        beside = {key: part for key, part in schema.items() if key not in ("anyOf", "oneOf")}
        beside.pop("default", None)
        variants = schema.get("anyOf") or schema["oneOf"]
        merged = [self.resolved({"allOf": [branch, beside]}) for branch in variants]
        not_null = [branch for branch in merged if branch.get("type") != "null"]
        if not not_null or (depth >= MAX_DEPTH and len(not_null) < len(merged)):
            return None
        scores = [shared_subjects(json.dumps(branch), self.source.text) for branch in not_null]
        return self.value(not_null[scores.index(max(scores))], name, depth)

    def enum_value(self, schema: Json) -> Any:
        options: list[Any] = schema["enum"]
        words = sorted((option for option in options if isinstance(option, str)), key=len)
        for word in reversed(words):
            if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", self.source.text, re.IGNORECASE):
                return word
        numbers = [value for value in filter(is_usable, options) if value in self.source.numbers]
        if "default" in schema:
            return schema["default"]
        return next(iter([*numbers, *options]), None)

    def number(self, schema: Json, name: str, kind: str) -> float | int:
        """The number beside the name, else the next one in the text, else the smallest valid."""
        value = self.source.number_at(name)
        if value is None and self.source.numbers:
            value = self.source.numbers.pop(0)
        choices: tuple[Any, ...] = (value, schema.get("default"), 1.0)
        return nearest_valid_number(next(filter(is_usable, choices)), schema, kind)

    def boolean(self, schema: Json, name: str) -> bool:
        text = " ".join(tokens(self.source.text))
        label = " ".join(word for word in tokens(name) if word not in ("is", "has"))
        if not label or label not in text:
            return schema.get("default") is True
        return not re.search(rf"\b(?:no|not|without) {label}|{label} (?:is )?(?:false|off)\b", text)

    def array(self, schema: Json, name: str, depth: int) -> list[Any]:
        low, high = schema.get("minItems", 0), schema.get("maxItems")
        items = [self.value(prefix, name, depth + 1) for prefix in schema.get("prefixItems", ())]
        item = self.resolved(schema.get("items", {"type": "string"}))
        if not items and (depth < MAX_DEPTH or low):
            items = self.items(item, name, depth)
        if schema.get("uniqueItems"):
            items = [value for at, value in enumerate(items) if value not in items[:at]]
        for index in range(MAX_TRIES):
            if len(items) >= low:
                break
            made_up = TextValues(f"item {index}", numbers=[float(index)])
            value = value_for(item, made_up, self.root)
            if not (schema.get("uniqueItems") and value in items):
                items.append(value)
        return items[:high]

    def items(self, item: Json, name: str, depth: int) -> list[Any]:
        kind, text = item.get("type"), self.source.text
        if "enum" in item:
            named = [word for word in item["enum"] if str(word).lower() in text.lower()]
            return named or item["enum"][:1]
        if kind in ("integer", "number") and self.source.numbers:
            numbers, self.source.numbers = self.source.numbers, []
            return [nearest_valid_number(value, item, kind) for value in numbers]
        if kind != "string":
            return [self.value(item, name, depth + 1)]
        if {"pattern", "format"} & set(item):
            return [*dict.fromkeys(pieces_in_format(item, "", text))]
        return [_fitted_to_length(word, item) for word in self.source.words_for_list()]

    def object(self, schema: Json, depth: int) -> Json:
        properties = schema.get("properties") or {}
        required = dict.fromkeys(schema.get("required", ()))
        if not properties and not required:
            return self.mapping(schema)
        labelled = {self.source.labelled(inner) for inner in properties}
        self.source.quoted = [label for label in self.source.quoted if label not in labelled]
        instance: Json = {}
        for inner, part in properties.items():
            is_wanted = depth < MAX_DEPTH and self.is_stated(inner, self.resolved(part))
            if inner in required or is_wanted:
                instance[inner] = self.value(part, inner, depth + 1)
        for inner in required:
            if inner not in instance:
                instance[inner] = self.value(_undeclared(schema), inner, depth + 1)
        return instance

    def is_stated(self, name: str, schema: Json) -> bool:
        """Whether an optional property is stated; one for addresses only if there are any."""
        text = self.source.text
        if ADDRESSES.search(str(schema.get("description", ""))) and "://" not in text:
            return False
        if self.source.mentions(name) or any(pieces_in_format(schema, name, text)):
            return True
        return any(str(option).lower() in tokens(text) for option in schema.get("enum") or ())

    def mapping(self, schema: Json) -> Json:
        if schema.get("additionalProperties") is False:
            return {}
        pairs, inner = dict(PAIR.findall(self.source.text)), _undeclared(schema)
        for index in range(1, schema.get("minProperties", 0) - len(pairs) + 1):
            pairs[f"key{index}"] = self.source.text
        fitting = [*pairs.items()][: schema.get("maxProperties")]
        sources = {key: TextValues.of(text.strip("\"'")) for key, text in fitting}
        return {key: value_for(inner, source, self.root) for key, source in sources.items()}

    def string(self, schema: Json, name: str) -> str:
        pieces = pieces_in_format(schema, name, self.source.text)
        value = next(pieces, example_in_format(schema, name)) or self.source.labelled(name)
        if not value and self.source.quoted:
            value = self.source.quoted.pop(0)
        value = value or self.source.text_for(name)
        self.source.used.add(value)
        return _fitted_to_length(value, schema)


def _fitted_to_length(text: str, schema: Json) -> str:
    """The text within the schema's bounds on length; one with a format to keep is left alone."""
    if "pattern" in schema or format_of(schema, ""):
        return text
    low = schema.get("minLength", 0)
    if len(text) < low:
        text = f"{text} {'emulated ' * (low // 9 + 1)}"[:low]
    return text[: schema.get("maxLength")]


def _undeclared(schema: Json) -> Any:
    """The schema of properties that are not declared."""
    more = schema.get("additionalProperties")
    return more if isinstance(more, dict) else {"type": "string"}


def _may_be_null(schema: Json) -> bool:
    variants = filter(lambda variant: isinstance(variant, dict), schema.get("anyOf", ()))
    return any("null" in (part.get("type") or ()) for part in [schema, *variants])
