"""The models of each era: what they are called, what they can do, what they cost."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .model_tables import (
    EMBEDDINGS,
    PROVIDER_IDS,
    PUBLISHERS,
    SEED_PICTURES,
    SEED_TEXT,
    SPEECH,
    TODAY_PICTURES,
    TODAY_TEXT,
)


@dataclass(frozen=True)
class Model:
    """One model: ``kind`` is text, image, video, embedding or audio; ``traits`` are the letters of
    the tables above.
    """

    name: str
    aliases: tuple[str, ...]
    kind: str
    traits: str = ""
    context: int = 0
    references: int = 0
    durations: tuple[int, ...] = ()
    dimensions: tuple[int, ...] = ()
    voices: tuple[str, ...] = ()
    makes: str = "audio"

    def has(self, trait: str) -> bool:
        """Whether a letter is among the traits."""
        return trait in self.traits

    @property
    def family(self) -> str:
        """Whose dialect it speaks."""
        for family, prefixes in PUBLISHERS:
            if self.name.startswith(prefixes):
                return family
        return "other"

    def window(self, *, today: bool) -> int:
        """How many tokens it reads: the shipped list's number where that has one."""
        return (_shipped().get(self.name, {}).get("context_length") if today else 0) or self.context

    @property
    def provider_id(self) -> str:
        """What the provider of the seed era called it."""
        return PROVIDER_IDS.get(self.name, self.name)

    @property
    def input_modalities(self) -> list[str]:
        """What it reads."""
        extra = {"V": ["image"], "A": ["audio"], "G": ["audio", "video"]}
        if self.kind == "audio" and self.makes == "text":
            return ["audio"]
        found = ["text"] + [kind for letter in "VAG" if self.has(letter) for kind in extra[letter]]
        return [*found, "image"] if self.references else found

    @property
    def output_modalities(self) -> list[str]:
        """What it makes."""
        made = {
            "text": "text",
            "image": "image",
            "video": "video",
            "embedding": "embedding",
            "audio": self.makes,
        }[self.kind]
        return ["text", "audio"] if self.has("A") else [made]


def _rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


def _text(table: str) -> list[Model]:
    return [
        Model(name, tuple(aliases.split()), "text", traits, int(context))
        for name, aliases, traits, context in _rows(table)
    ]


def _pictures(table: str) -> list[Model]:
    return [
        Model(
            name,
            tuple(aliases.split()),
            "video" if "F" in traits else "image",
            traits,
            references=int(references),
            durations=tuple(int(part) for part in durations.split()),
        )
        for name, aliases, traits, references, durations in _rows(table)
    ]


def _sizes(text: str) -> tuple[int, ...]:
    if "," in text:
        return tuple(int(part) for part in text.split(","))
    low, high = text.split("-")
    return tuple(range(int(low), int(high) + 1))


@cache
def models(era: str, kind: str) -> tuple[Model, ...]:
    """The models of one kind; ``picture`` stands for image and video."""
    today = era == "today"
    if kind == "text":
        return tuple(_text(TODAY_TEXT if today else SEED_TEXT))
    if kind == "embedding":
        rows = _rows(EMBEDDINGS) if today else []
        return tuple(
            Model(row[0], tuple(row[1].split()), kind, dimensions=(int(row[2]), *_sizes(row[3])))
            for row in rows
        )
    if kind == "audio":
        rows = _rows(SPEECH)
        names = [
            (row[0], row[1].split()) if today else (row[1].split()[0], row[1].split()[1:])
            for row in rows
        ]
        return tuple(
            Model(name, tuple(aliases), kind, makes=row[2], voices=tuple(row[3].split()))
            for (name, aliases), row in zip(names, rows, strict=True)
        )
    pictures = _pictures(TODAY_PICTURES if today else SEED_PICTURES)
    return tuple(model for model in pictures if kind in ("picture", model.kind))


def find(era: str, kind: str, name: str) -> Model | None:
    """The model of that name or alias."""
    return _index(era, kind).get(name)


@cache
def _index(era: str, kind: str) -> dict[str, Model]:
    found: dict[str, Model] = {}
    for model in models(era, kind):
        for alias in model.aliases:
            found.setdefault(alias, model)
    return found | {model.name: model for model in models(era, kind)}


SHIPPED = Path(__file__).parents[2] / "catalog" / "models.json"
# For models whose price the shipped list does not know.
DEFAULT_PRICES = {
    "text": {
        "promptTextTokens": "0.00000015",
        "promptCachedTokens": "0.000000015",
        "completionTextTokens": "0.0000006",
    },
    "image": {"completionImageTokens": "0.002"},
    "video": {"completionVideoSeconds": "0.08"},
    "embedding": {"promptTextTokens": "0.000000015"},
    "audio": {"completionAudioTokens": "0.00003"},
}


LISTENING_PRICES = {"promptAudioSeconds": "0.0001"}


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    """The client's shipped list by name and alias: a data file, not the code under test."""
    cards = json.loads(SHIPPED.read_text(encoding="utf-8"))["models"]
    by_alias = {alias: card for card in cards for alias in card.get("aliases", ())}
    return by_alias | {card["name"]: card for card in cards}


def _prices(model: Model, *, today: bool) -> dict[str, Any]:
    prices = LISTENING_PRICES if model.makes == "text" else DEFAULT_PRICES[model.kind]
    # The seed era's "openai" was another model at another price than today's.
    if today or model.family != "openai":
        prices = _shipped().get(model.name, {}).get("pricing") or prices
    if model.has("U"):
        prices = {"completionAudioSeconds": "0.02"} | prices
    numbers = {name: price for name, price in prices.items() if name != "currency"}
    return {"currency": "pollen"} | {
        name: price if today else float(price) for name, price in numbers.items()
    }


def list_item(model: Model, *, today: bool) -> dict[str, Any]:
    """One entry of ``/text/models`` and its sisters."""
    item: dict[str, Any] = {
        "name": model.name,
        "aliases": list(model.aliases),
        "pricing": _prices(model, today=today),
        "description": f"{model.name} (emulated)",
        "input_modalities": model.input_modalities,
        "output_modalities": model.output_modalities,
    }
    if model.kind == "text":
        item |= {"tools": model.has("T"), "reasoning": model.has("R")}
        item["context_length" if today else "context_window"] = model.window(today=today)
    if model.voices or model.has("A"):
        item["voices"] = list(model.voices or ("alloy", "echo", "nova", "shimmer"))
    return item | _today_item(model) if today else item


def _today_item(model: Model) -> dict[str, Any]:
    more: dict[str, Any] = {
        "category": model.kind,
        "publisher": model.name.partition("/")[0],
        "community": False,
        "title": model.name.rpartition("/")[2],
        "supported_endpoints": ENDPOINTS[model.kind],
        "paid_only": model.has("P"),
    }
    if model.kind == "text":
        capabilities = {"T": "tool_calling", "R": "reasoning", "S": "web_search"}
        more["capabilities"] = [word for letter, word in capabilities.items() if model.has(letter)]
        more["supports_structured_output"] = not model.has("J")
        tools = ["tools", "tool_choice", "parallel_tool_calls"] if model.has("T") else []
        effort = ["reasoning_effort"] if model.has("R") else []
        more["supported_parameters"] = [
            "max_tokens",
            "response_format",
            "seed",
            "stop",
            *tools,
            *effort,
        ]
    if model.kind in ("image", "video"):
        more["max_reference_images"] = model.references
    if model.durations:
        more |= {"allowed_durations": list(model.durations), "default_duration": model.durations[0]}
    if model.kind == "embedding":
        more["context_length"] = 8192
    return more


CREATED_MS = 1734567890123
ENDPOINTS = {
    "text": ["/v1/chat/completions", "/text/{prompt}"],
    "image": ["/image/{prompt}", "/v1/images/generations"],
    "video": ["/video/{prompt}", "/image/{prompt}"],
    "embedding": ["/v1/embeddings"],
    "audio": ["/audio/{text}", "/v1/audio/speech", "/v1/audio/transcriptions"],
}


def openai_list(era: str, listed: Iterable[Model]) -> dict[str, Any]:
    """``/v1/models``: names, today with their facts.

    ``created`` is in milliseconds in both eras (gen/routes/proxy.ts@008ae28).
    """
    data = []
    for model in listed:
        item = {"id": model.name, "object": "model", "created": CREATED_MS}
        data.append(item | (_openai_extra(model) if era == "today" else {}))
    return {"object": "list", "data": data}


def _openai_extra(model: Model) -> dict[str, Any]:
    item = list_item(model, today=True)
    wanted = (
        "input_modalities",
        "output_modalities",
        "supported_endpoints",
        "pricing",
        "capabilities",
        "tools",
        "reasoning",
    )
    return {name: item[name] for name in (*wanted, "context_length") if name in item}
