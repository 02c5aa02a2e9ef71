"""The models of each era: what they are called, what they can do, what they cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
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

Json = dict[str, Any]
READS = {"V": ["image"], "A": ["audio"], "G": ["audio", "video"]}


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
    makes: str = ""

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
        shipped = _shipped().get(self.name, {}) if today else {}
        return shipped.get("context_length") or self.context

    @property
    def provider_id(self) -> str:
        """What the provider of the seed era called it."""
        return PROVIDER_IDS.get(self.name, self.name)

    @property
    def input_modalities(self) -> list[str]:
        """What it reads."""
        if self.kind == "audio" and self.makes == "text":
            return ["audio"]
        kinds = ["text"]
        for letter, more in READS.items():
            if self.has(letter):
                kinds += more
        if self.references:
            kinds.append("image")
        return kinds

    @property
    def output_modalities(self) -> list[str]:
        """What it makes."""
        if self.has("A"):
            return ["text", "audio"]
        return [self.makes or self.kind]


def _text(name: str, aliases: str, traits: str, context: str) -> Model:
    return Model(name, tuple(aliases.split()), "text", traits, int(context))


def _picture(name: str, aliases: str, traits: str, references: str, durations: str) -> Model:
    model = Model(name, tuple(aliases.split()), "image", traits, references=int(references))
    if "F" not in traits:
        return model
    return replace(model, kind="video", durations=tuple(map(int, durations.split())))


def _embedding(name: str, aliases: str, default: str, sizes: str) -> Model:
    listed = [int(size) for size in sizes.replace("-", ",").split(",")]
    if "-" in sizes:
        listed = [*range(listed[0], listed[1] + 1)]
    return Model(name, tuple(aliases.split()), "embedding", dimensions=(int(default), *listed))


def _audio(name: str, aliases: str, makes: str, voices: str) -> Model:
    return Model(name, tuple(aliases.split()), "audio", makes=makes, voices=tuple(voices.split()))


TABLES: dict[str, tuple[Callable[..., Model], dict[str, str]]] = {
    "text": (_text, {"today": TODAY_TEXT, "seed": SEED_TEXT}),
    "picture": (_picture, {"today": TODAY_PICTURES, "seed": SEED_PICTURES}),
    # Neither the gateway of January 2026 nor API 0.3.0 had embeddings.
    "embedding": (_embedding, {"today": EMBEDDINGS, "seed": ""}),
    "audio": (_audio, {"today": SPEECH, "seed": SPEECH}),
}


@cache
def models(era: str, kind: str) -> tuple[Model, ...]:
    """The models of one kind; ``picture`` stands for image and video."""
    if kind in ("image", "video"):
        return tuple(model for model in models(era, "picture") if model.kind == kind)
    read, tables = TABLES[kind]
    lines = tables[era].strip().splitlines()
    listed = [read(*(cell.strip() for cell in line.split("|"))) for line in lines]
    if kind == "audio" and era == "seed":  # before names were publisher/model (7 September 2026)
        listed = [replace(one, name=one.aliases[0], aliases=one.aliases[1:]) for one in listed]
    return tuple(listed)


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
def _shipped() -> dict[str, Json]:
    """The client's shipped list by name and alias: a data file, not the code under test."""
    cards = json.loads(SHIPPED.read_text(encoding="utf-8"))["models"]
    by_alias = {alias: card for card in cards for alias in card.get("aliases", ())}
    return by_alias | {card["name"]: card for card in cards}


def _prices(model: Model, *, today: bool) -> Json:
    prices: Json = DEFAULT_PRICES[model.kind]
    if model.makes == "text":
        prices = LISTENING_PRICES
    # The seed era's "openai" was another model at another price than today's.
    if today or model.family != "openai":
        prices = _shipped().get(model.name, {}).get("pricing") or prices
    if model.has("U"):
        prices = {"completionAudioSeconds": "0.02"} | prices
    prices = {name: price for name, price in prices.items() if name != "currency"}
    if not today:  # prices became strings in 2026: as numbers some were in e-notation (#9000)
        prices = {name: float(price) for name, price in prices.items()}
    return {"currency": "pollen", **prices}


def list_item(model: Model, *, today: bool) -> Json:
    """One entry of ``/text/models`` and its sisters."""
    item: Json = {
        "name": model.name,
        "aliases": list(model.aliases),
        "pricing": _prices(model, today=today),
        "description": f"{model.name} (emulated)",
        "input_modalities": model.input_modalities,
        "output_modalities": model.output_modalities,
    }
    if model.voices or model.has("A"):
        item["voices"] = list(model.voices or ("alloy", "echo", "nova", "shimmer"))
    if model.kind == "text":
        item |= {"tools": model.has("T"), "reasoning": model.has("R")}
        item["context_window"] = model.window(today=today)
    if today:
        item.pop("context_window", None)
        item |= _today_item(model)
    return item


def _today_item(model: Model) -> Json:
    more: Json = {
        "category": model.kind,
        "publisher": model.name.partition("/")[0],
        "community": False,
        "title": model.name.rpartition("/")[2],
        "supported_endpoints": ENDPOINTS[model.kind],
        "paid_only": model.has("P"),
    }
    if model.kind == "text":
        # context_window until 2026; January had it on glm and minimax alone.
        more["context_length"] = model.window(today=True)
        capabilities = {"T": "tool_calling", "R": "reasoning", "S": "web_search"}
        more["capabilities"] = [word for letter, word in capabilities.items() if model.has(letter)]
        more["supports_structured_output"] = not model.has("J")
        more["supported_parameters"] = "max_tokens response_format seed stop".split()
        if model.has("T"):
            more["supported_parameters"] += ["tools", "tool_choice", "parallel_tool_calls"]
        if model.has("R"):
            more["supported_parameters"].append("reasoning_effort")
    if model.kind in ("image", "video"):
        more["max_reference_images"] = model.references
    if model.durations:
        more |= {"allowed_durations": list(model.durations), "default_duration": model.durations[0]}
    if model.kind == "embedding":
        more["context_length"] = 8192
    return more


OPENAI_FACTS = (
    "input_modalities output_modalities supported_endpoints pricing capabilities tools reasoning"
    " context_length"
).split()
# In milliseconds, unlike in OpenAI's list, and in both eras (gen/routes/proxy.ts@008ae28).
CREATED_MS = 1734567890123
ENDPOINTS = {
    "text": ["/v1/chat/completions", "/text/{prompt}"],
    "image": ["/image/{prompt}", "/v1/images/generations"],
    "video": ["/video/{prompt}", "/image/{prompt}"],
    "embedding": ["/v1/embeddings"],
    "audio": ["/audio/{text}", "/v1/audio/speech", "/v1/audio/transcriptions"],
}


def openai_list(era: str, listed: Iterable[Model]) -> Json:
    """``/v1/models``: names, today with their facts.

    ``created`` is in milliseconds in both eras (gen/routes/proxy.ts@008ae28).
    """
    entries = []
    for model in listed:
        entry: Json = {"id": model.name, "object": "model", "created": CREATED_MS}
        if era == "today":
            item = list_item(model, today=True)
            entry |= {name: item[name] for name in OPENAI_FACTS if name in item}
        entries.append(entry)
    return {"object": "list", "data": entries}
