"""List the models of each era: what they are called, what they can do, what they cost.

Of the client this reads the shipped list, a data file, and none of the code that reads it there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .checks import one_of
from .errors import GatewayError, validation_error
from .model_tables import (
    BREAKS_JSON,
    EMBEDDINGS,
    PUBLISHERS,
    SEED_PICTURES,
    SEED_TEXT,
    TODAY_PICTURES,
)

Json = dict[str, Any]
SHIPPED = Path(__file__).parents[2] / "catalog" / "models.json"
# ``speech``: hears and speaks, ``av``: takes sounds and videos, ``loose_json``: its JSON is none.
LETTERS = {"T": "tools", "R": "reasoning", "V": "vision", "A": "speech", "G": "av"}
LETTERS |= {"S": "search", "J": "loose_json"}
READS = {"vision": ["image"], "speech": ["audio"], "av": ["audio", "video"]}
CONTEXT_TOKENS = 128_000  # of a model that the shipped list states none for


@dataclass(frozen=True)
class Model:
    """One model: ``kind`` is text, image, video, embedding or audio."""

    name: str
    aliases: tuple[str, ...]
    kind: str
    traits: frozenset[str] = frozenset()
    context: int = 0
    references: int = 0
    durations: tuple[int, ...] = ()
    dimensions: tuple[int, ...] = ()
    voices: tuple[str, ...] = ()
    makes: str = ""
    provider_id: str = ""

    def has(self, trait: str) -> bool:
        """Whether it has one of the traits in ``LETTERS``, or ``paid_only``, ``ocr``, ``sound``."""
        return trait in self.traits

    @property
    def family(self) -> str:
        """Whose dialect it speaks."""
        for family, prefixes in PUBLISHERS:
            if self.name.startswith(prefixes):
                return family
        return "other"

    @property
    def input_modalities(self) -> list[str]:
        """What it reads."""
        if self.makes == "text":
            return ["audio"]
        kinds = ["text"]
        for trait, more in READS.items():
            if self.has(trait):
                kinds += more
        if self.references:
            kinds.append("image")
        return kinds

    @property
    def output_modalities(self) -> list[str]:
        """What it makes."""
        if self.has("speech"):
            return ["text", "audio"]
        return [self.makes or self.kind]


@cache
def _shipped() -> dict[str, Json]:
    """The shipped list by name and alias."""
    cards = json.loads(SHIPPED.read_text(encoding="utf-8"))["models"]
    by_alias = {alias: card for card in cards for alias in card.get("aliases", ())}
    return by_alias | {card["name"]: card for card in cards}


def _shipped_of(category: str) -> list[Json]:
    """The cards of today's models of one category."""
    cards = {card["name"]: card for card in _shipped().values()}.values()
    return [card for card in cards if card["category"] == category and "era" not in card]


def _text_of_card(card: Json) -> Model:
    reads, name = card.get("input_modalities", ()), card["name"]
    is_true = {
        "tools": card.get("tools", True),
        "reasoning": card.get("reasoning"),
        "vision": "image" in reads,
        "speech": "audio" in card["output_modalities"],
        "av": "video" in reads,
        "search": "video" in reads or "web_search" in card.get("capabilities", ()),
        "paid_only": card.get("paid_only"),
        "ocr": "file" in reads,
        "loose_json": name in BREAKS_JSON or card.get("supports_structured_output") is False,
    }
    traits = frozenset(trait for trait, holds in is_true.items() if holds)
    context = card.get("context_length", CONTEXT_TOKENS)
    return Model(name, tuple(card.get("aliases", ())), "text", traits, context)


def _text_of_row(name: str, aliases: str, letters: str, context: str, provider_id: str) -> Model:
    traits = frozenset(LETTERS[letter] for letter in letters)
    size = int(context.replace("k", "000"))
    return Model(name, tuple(aliases.split()), "text", traits, size, provider_id=provider_id)


def _picture(name: str, aliases: str, traits: str, references: str, durations: str) -> Model:
    kind, *others = traits.split()
    seconds = tuple(map(int, durations.split()))
    return Model(
        name,
        tuple(aliases.split()),
        kind,
        frozenset(others),
        references=int(references),
        durations=seconds,
    )


def _embedding(name: str, aliases: str, default: str, sizes: str) -> Model:
    allowed = [int(size) for size in sizes.replace("-", ",").split(",")]
    if "-" in sizes:
        allowed = [*range(allowed[0], allowed[1] + 1)]
    return Model(name, tuple(aliases.split()), "embedding", dimensions=(int(default), *allowed))


def _audio(card: Json, era: str) -> Model:
    names = (card["name"], *card["aliases"])
    if era == "seed":  # before names were publisher/model (7 September 2026)
        names = names[1:]
    voices, makes = tuple(card.get("voices", ())), card["output_modalities"][0]
    return Model(names[0], names[1:], "audio", voices=voices, makes=makes)


def _rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


@cache
def models(era: str, kind: str) -> tuple[Model, ...]:
    """The models of one kind; ``picture`` stands for image and video."""
    match kind, era:
        case "text", "today":
            return tuple(map(_text_of_card, _shipped_of("text")))
        case "text", _:
            return tuple(_text_of_row(*row) for row in _rows(SEED_TEXT))
        case "picture", _:
            table = TODAY_PICTURES if era == "today" else SEED_PICTURES
            return tuple(_picture(*row) for row in _rows(table))
        case "embedding", "today":
            return tuple(_embedding(*row) for row in _rows(EMBEDDINGS))
        case "embedding", _:
            return ()  # neither the gateway of January 2026 nor API 0.3.0 had embeddings
        case "audio", _:
            return tuple(_audio(card, era) for card in _shipped_of("audio"))
        case _:
            return tuple(model for model in models(era, "picture") if model.kind == kind)


def find(era: str, kind: str, name: str) -> Model | None:
    """The model of that name or alias."""
    return _index(era, kind).get(name)


@cache
def _index(era: str, kind: str) -> dict[str, Model]:
    by_name: dict[str, Model] = {}
    for model in models(era, kind):
        for alias in model.aliases:
            by_name.setdefault(alias, model)
    return by_name | {model.name: model for model in models(era, kind)}


def model_called(era: str, kind: str, name: str, *, makes: str = "") -> Model:
    """The model of that name or alias. Raises ``GatewayError`` 400 in the era's words."""
    model = find(era, kind, name)
    if model is not None and (not makes or makes in model.output_modalities):
        return model
    if era == "seed" and kind == "text":
        names = [alias for model in models(era, kind) for alias in (model.name, *model.aliases)]
        raise validation_error({"model": [str(one_of(*names)(name))]})
    names = [model.name for model in models(era, kind) if makes in ("", *model.output_modalities)]
    if era == "seed":
        raise validation_error({"model": [str(one_of(*names)(name))]}, part="Query parameter")
    kinds = "image and video" if kind == "picture" else kind
    others = f"Available {kinds} models: {', '.join(names)}"
    if kind == "text":
        others = f"See /text/models; there are {', '.join(names[:5])} and more."
    raise GatewayError(400, f"Model '{name}' was not found. {others}")


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
    "transcription": {"promptAudioSeconds": "0.0001"},
}


def _prices(model: Model, era: str) -> Json:
    kind = "transcription" if model.makes == "text" else model.kind
    prices: Json = DEFAULT_PRICES[kind]
    # The seed era's "openai" was another model at another price than today's.
    if era == "today" or model.family != "openai":
        prices = _shipped().get(model.name, {}).get("pricing") or prices
    if model.has("sound"):
        prices = {"completionAudioSeconds": "0.02"} | prices
    prices = {name: price for name, price in prices.items() if name != "currency"}
    if era == "seed":  # prices became strings in 2026: as numbers some were in e-notation (#9000)
        prices = {name: float(price) for name, price in prices.items()}
    return {"currency": "pollen", **prices}


def list_item(model: Model, era: str) -> Json:
    """One entry of ``/text/models`` and its sisters."""
    item: Json = {
        "name": model.name,
        "aliases": list(model.aliases),
        "pricing": _prices(model, era),
        "description": f"{model.name} (emulated)",
        "input_modalities": model.input_modalities,
        "output_modalities": model.output_modalities,
    }
    if model.voices or model.has("speech"):
        item["voices"] = list(model.voices or ("alloy", "echo", "nova", "shimmer"))
    if model.kind == "text":
        item |= {"tools": model.has("tools"), "reasoning": model.has("reasoning")}
        # context_window until 2026; January had it on glm and minimax alone.
        item[{"today": "context_length", "seed": "context_window"}[era]] = model.context
    return item | _today_item(model) if era == "today" else item


def _today_item(model: Model) -> Json:
    facts: Json = {
        "category": model.kind,
        "publisher": model.name.partition("/")[0],
        "community": False,
        "title": model.name.rpartition("/")[2],
        "supported_endpoints": ENDPOINTS[model.kind],
        "paid_only": model.has("paid_only"),
    }
    if model.kind == "text":
        words = {"tools": "tool_calling", "reasoning": "reasoning", "search": "web_search"}
        facts["capabilities"] = [word for trait, word in words.items() if model.has(trait)]
        facts["supports_structured_output"] = not model.has("loose_json")
        facts["supported_parameters"] = "max_tokens response_format seed stop".split()
        if model.has("tools"):
            facts["supported_parameters"] += ["tools", "tool_choice", "parallel_tool_calls"]
        if model.has("reasoning"):
            facts["supported_parameters"].append("reasoning_effort")
    if model.kind in ("image", "video"):
        facts["max_reference_images"] = model.references
    if model.durations:
        facts |= {
            "allowed_durations": list(model.durations),
            "default_duration": model.durations[0],
        }
    if model.kind == "embedding":
        facts["context_length"] = 8192
    return facts


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
    """``/v1/models``: names, today with their facts."""
    entries = []
    for model in listed:
        entry: Json = {"id": model.name, "object": "model", "created": CREATED_MS}
        if era == "today":
            item = list_item(model, era)
            entry |= {name: item[name] for name in OPENAI_FACTS if name in item}
        entries.append(entry)
    return {"object": "list", "data": entries}
