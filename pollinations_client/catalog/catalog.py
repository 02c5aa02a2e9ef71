"""The catalogue: which models there are, what each can do, and what is peculiar about it.

No I/O but one data file.

``snapshot()`` is the list shipped with the package, read on first use. A client's live list is laid
over it with ``merged``. It is never a closed list: a name that is not here gives ``None``, and
callers go on without knowing.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib.resources
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic_core import from_json

from .model_card import Durations, ModelCard, card_from, cards_from
from .pricing import Cost, CostPart, cost

__all__ = [
    "Catalog",
    "Cost",
    "CostPart",
    "Durations",
    "ModelCard",
    "Trait",
    "card_from",
    "cards_from",
    "cost",
    "snapshot",
]

Trait = Literal[
    "default_tools",
    "json_drops_tools",
    "developer_role",
    "mp3_only",
    "refuses_blank_turns",
    "refuses_forced_tool_choice",
    "repeat_is_billed",
    "short_call_ids",
    "strict_call_ids",
    "thinking_in_content",
    "tool_result_names",
    "vertex_tool_schema",
]

MAX_KNOWN_TRAITS = 1_024  # of one catalogue; a name may be any
# What a live card leaves open is filled from the older card of the same model. Prices never are: an
# old price is a wrong price.
FILLED = (
    *("title", "description", "publisher", "input_modalities", "output_modalities", "tools"),
    *("reasoning", "structured_output", "context_window", "max_output_tokens", "voices"),
    *("supported_parameters", "capabilities", "video_capabilities", "specialized", "paid_only"),
    *("durations", "max_reference_images", "max_reference_videos"),
)


class Catalog:
    """Model cards, found by any of their names.

    Immutable: ``merged`` and ``replaced`` give a new one.

    A name is matched without regard to case, with or without its publisher: ``gpt-5.4``,
    ``openai/gpt-5.4`` and ``OpenAI/GPT-5.4`` are one. Where two models share a name, the one listed
    first has it, unless ``category`` chooses.

    Examples:
        >>> snapshot().get("claude").context_window
        200000
        >>> snapshot().get("claud") is None, snapshot().suggest("claud", 1)
        (True, ['claude'])
    """

    __slots__ = ("_by_key", "_cards", "_known_traits", "_spellings", "date", "source")

    def __init__(
        self, cards: Iterable[ModelCard] = (), *, date: str | None = None, source: str | None = None
    ) -> None:
        self._cards = tuple(cards)
        self.date = date
        self.source = source
        self._by_key: dict[str, tuple[ModelCard, ...]] = {}
        self._spellings: dict[str, str] = {}
        self._known_traits: dict[tuple[str, Trait], bool] = {}
        ways: tuple[Callable[[ModelCard], Iterable[str]], ...] = (_own_name, _aliases, _bare_names)
        for names_of in ways:
            for card in self._cards:
                for name in names_of(card):
                    self._add(name, card)

    def _add(self, name: str, card: ModelCard) -> None:
        key = _key(name)
        cards = self._by_key.get(key, ())
        if not any(other is card for other in cards):
            self._by_key[key] = (*cards, card)
            self._spellings.setdefault(key, name)

    def get(self, name: str | None, category: str | None = None) -> ModelCard | None:
        """The card of ``name``, or ``None`` for an unknown one; of ``category`` if that is set."""
        if not name or not isinstance(name, str):
            return None  # the check of a request's options refuses it by name
        cards = self._by_key.get(_key(name)) or self._without_publisher(name)
        if category is None:
            return cards[0] if cards else None
        return next((card for card in cards if card.category == category), None)

    def _without_publisher(self, name: str) -> tuple[ModelCard, ...]:
        """Cards that are listed without a publisher, for a name that has one.

        Another publisher's model of the same name is not among them.
        """
        publisher, slash, bare = _key(name).partition("/")
        family = _knowledge().publishers.get(publisher)
        if not slash or family is None:
            return ()
        return tuple(
            card for card in self._by_key.get(bare, ()) if self.family(card.name) == family
        )

    def find(
        self,
        *,
        category: str | None = None,
        takes: str | None = None,
        makes: str | None = None,
        tools: bool | None = None,
        reasoning: bool | None = None,
        structured_output: bool | None = None,
        paid_only: bool | None = None,
    ) -> list[ModelCard]:
        """Every card that fits.

        ``takes`` and ``makes`` are input and output modalities (``image``, ``audio``, ...).

        A flag asked for as ``True`` fits only models known to have it; ``False`` fits the ones not
        known to have it.
        """
        wanted_flags = {
            "tools": tools,
            "reasoning": reasoning,
            "structured_output": structured_output,
            "paid_only": paid_only,
        }
        flags = {name: value for name, value in wanted_flags.items() if value is not None}
        return [
            card
            for card in self._cards
            if (category is None or card.category == category)
            and (takes is None or takes in card.input_modalities)
            and (makes is None or makes in card.output_modalities)
            and all(bool(getattr(card, name)) is value for name, value in flags.items())
        ]

    def names(self, category: str | None = None) -> list[str]:
        """The name of every card, of ``category`` where that is given, in the order listed."""
        return [card.name for card in self._cards if category is None or card.category == category]

    def suggest(self, name: str, n: int = 3) -> list[str]:
        """Up to ``n`` known names that look like ``name``, nearest first, one per model."""
        near = difflib.get_close_matches(_key(name), self._spellings, n=max(n, 1) * 4)
        by_model = {id(self._by_key[key][0]): key for key in reversed(near)}
        return [self._spellings[key] for key in near if by_model[id(self._by_key[key][0])] == key][
            :n
        ]

    def merged(
        self,
        cards: Iterable[ModelCard],
        *,
        complete: Iterable[str] = (),
        date: str | None = None,
        source: str | None = None,
    ) -> Catalog:
        """A new catalogue in which ``cards`` prevail, name by name and alias by alias, over what is
        here.

        A card that leaves something open, a context window say, takes it from the older card of the
        same model, prices excepted. Models that ``cards`` do not mention stay, unless their
        category is one of ``complete``: of these ``cards`` holds all there are.
        """
        replaced = frozenset(complete)
        newer = [self._filled(card) for card in cards]
        claimed = {
            (card.category, _key(name))
            for card in newer
            for name in (*card.names, *_bare_names(card))
        }
        remaining = [
            _unclaimed(card, claimed)
            for card in self._cards
            if card.category not in replaced and not _identities(card) & claimed
        ]
        return Catalog([*newer, *remaining], date=date or self.date, source=source or self.source)

    def replaced(
        self, cards: Iterable[ModelCard], *, date: str | None = None, source: str | None = None
    ) -> Catalog:
        """A new catalogue of ``cards`` alone; what they leave open is filled as by ``merged``."""
        return Catalog([self._filled(card) for card in cards], date=date, source=source)

    def _filled(self, card: ModelCard) -> ModelCard:
        candidates = (self._older(name, card) for name in card.names)
        older = next(filter(None, candidates), None)
        if older is None:
            return card
        missing = {
            name: getattr(older, name) for name in FILLED if getattr(card, name) in (None, ())
        }
        if _is_bare(card):
            missing["category"] = older.category
        return dataclasses.replace(card, **missing)

    def _older(self, name: str, card: ModelCard) -> ModelCard | None:
        """The card known here as the same model as ``card``.

        A card that says nothing but its name, as ``/v1/models`` of API 0.3.0 does, takes what is
        known under it.
        """
        if _is_bare(card):
            return self.get(name)
        known = self.get(name, card.category)
        if known is None or (known.category, _key(name)) not in _identities(known):
            return None
        return known

    def family(self, name: str) -> str | None:
        """Whose model ``name`` is (``openai``, ``anthropic``, ``google``, ...), also of models not
        listed here.

        From the publisher, or else from how the name begins. ``None`` for a community model and for
        what says nothing.
        """
        knowledge = _knowledge()
        if "/" in name:
            return knowledge.publishers.get(_key(name).partition("/")[0])
        if card := self.get(name):
            if "/" in card.name:
                return knowledge.publishers.get(_key(card.name).partition("/")[0])
            if card.publisher and (publisher := knowledge.publishers.get(_key(card.publisher))):
                return publisher
        return knowledge.by_prefix(name)

    def has_trait(self, name: str, trait: Trait) -> bool:
        """Whether the model ``name`` has the peculiarity ``trait``; ``False`` where nothing is
        known.

        What each means is written beside it in ``models.json``.
        """
        known = self._known_traits.get((name, trait))
        if known is None:
            if len(self._known_traits) >= MAX_KNOWN_TRAITS:
                self._known_traits.clear()
            known = self._known_traits[name, trait] = self._find_trait(name, trait)
        return known

    def _find_trait(self, name: str, trait: Trait) -> bool:
        rule = _knowledge().traits[trait]
        card = self.get(name)
        if trait == "refuses_forced_tool_choice" and card and card.supported_parameters:
            # Today's model list says it of each model; the shipped table knows a few names.
            return "tool_choice" not in card.supported_parameters
        names = {_key(spelling) for spelling in (name, *(card.names if card else ()))}
        names |= {spelling.partition("/")[2] for spelling in names if spelling.count("/") == 1}
        if names & rule.models or self.family(name) in rule.families:
            return True
        return any(_begins(spelling, prefix) for spelling in names for prefix in rule.prefixes)

    def __iter__(self) -> Iterator[ModelCard]:
        return iter(self._cards)

    def __len__(self) -> int:
        return len(self._cards)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __repr__(self) -> str:
        return f"<Catalog of {len(self._cards)} models, {self.date or 'undated'}>"


@functools.cache
def snapshot() -> Catalog:
    """The catalogue shipped with the package.

    Its ``date`` and ``source`` say what it was assembled from.
    """
    facts = _data()
    date = facts["date"]
    # Prices change; one that was shipped is named with its date, which may be older than the list.
    items = [
        {"pricing_date": date, **item} if "pricing" in item else item for item in facts["models"]
    ]
    return Catalog(cards_from(items), date=date, source=facts["source"])


@dataclasses.dataclass(frozen=True, slots=True)
class AskedModel:
    """The model that a request asks, by any name, and the catalogue of the client that asks it."""

    name: str
    catalog: Catalog

    @property
    def card(self) -> ModelCard | None:
        """What is known of the model; ``None`` for an unknown one."""
        return self.catalog.get(self.name)

    def has_trait(self, trait: Trait) -> bool:
        """See :meth:`Catalog.has_trait`."""
        return self.catalog.has_trait(self.name, trait)

    def may_read_thinking_of(self, name: str) -> bool:
        """Whether it may be sent what the model ``name`` has signed: they are of one family."""
        return not self.name or self.catalog.family(name) == self.catalog.family(self.name)


@dataclasses.dataclass(frozen=True, slots=True)
class _Rule:
    """Which models a trait is true of."""

    families: frozenset[str]
    prefixes: tuple[str, ...]
    models: frozenset[str]


@dataclasses.dataclass(frozen=True, slots=True)
class _Knowledge:
    """The parts of the data file that are not model cards."""

    publishers: Mapping[str, str]
    prefixes: Mapping[str, str]
    traits: Mapping[str, _Rule]

    def by_prefix(self, name: str) -> str | None:
        # Bedrock ids name the vendor between dots: us.anthropic.claude-haiku-4-5-20251001-v1:0
        key = _key(name)
        family_found = next(
            (family for prefix, family in self.prefixes.items() if _begins(key, prefix)), None
        )
        return family_found or next(
            (self.publishers[part] for part in key.split(".") if part in self.publishers), None
        )


@functools.cache
def _data() -> dict[str, Any]:
    path = importlib.resources.files(__package__ or "") / "models.json"
    facts: dict[str, Any] = from_json(path.read_bytes())
    return facts


@functools.cache
def _knowledge() -> _Knowledge:
    families: dict[str, dict[str, Sequence[str]]] = _data()["families"]
    return _Knowledge(
        publishers={
            slug: family for family, words in families.items() for slug in words["publishers"]
        },
        prefixes={
            prefix: family for family, words in families.items() for prefix in words["prefixes"]
        },
        traits={
            trait: _Rule(
                families=frozenset(rule.get("families", ())),
                prefixes=tuple(rule.get("prefixes", ())),
                models=frozenset(map(_key, rule.get("models", ()))),
            )
            for trait, rule in _data()["traits"].items()
        },
    )


def _key(name: str) -> str:
    return name.strip().casefold()


def _begins(key: str, prefix: str) -> bool:
    """Whether ``key`` starts with the word ``prefix``: wan-2.6 and claude3 do, wanda does not."""
    return key.startswith(prefix) and not key[len(prefix) : len(prefix) + 1].isalpha()


def _own_name(card: ModelCard) -> Iterable[str]:
    return (card.name,)


def _aliases(card: ModelCard) -> Iterable[str]:
    return card.aliases


def _bare_names(card: ModelCard) -> Iterable[str]:
    """``publisher/model`` as plain ``model``; a community's ``community/owner/model`` keeps its
    full name.
    """
    return [name.partition("/")[2] for name in card.names if name.count("/") == 1]


def _identities(card: ModelCard) -> set[tuple[str, str]]:
    """The names that mean this very model: its own, with and without publisher.

    Aliases move from model to model.
    """
    key = _key(card.name)
    identities = {(card.category, key)}
    if key.count("/") == 1:
        identities.add((card.category, key.partition("/")[2]))
    return identities


def _unclaimed(card: ModelCard, claimed: set[tuple[str, str]]) -> ModelCard:
    free = tuple(alias for alias in card.aliases if (card.category, _key(alias)) not in claimed)
    return card if free == card.aliases else dataclasses.replace(card, aliases=free)


def _is_bare(card: ModelCard) -> bool:
    """A card that says nothing about its model but the name."""
    return not (
        card.input_modalities or card.output_modalities or card.prices or card.supported_endpoints
    ) and (card.tools is None and card.context_window is None and card.description is None)
