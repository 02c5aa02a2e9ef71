"""Look models up: which there are, what each can do, and what is peculiar about it.

``snapshot()`` is the list shipped with the package, read on first use. ``merged`` puts a client's
live list over it. The list is never closed: a name that is not in it gives ``None``, and callers
go on without a card.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from .model_card import Durations, ModelCard
from .model_families import shipped_data, shipped_families
from .pricing import Cost, CostPart, cost

__all__ = [
    "Catalog",
    "Cost",
    "CostPart",
    "Durations",
    "ModelCard",
    "Trait",
    "cost",
    "snapshot",
]

Trait = Literal[
    "default_tools",
    "json_drops_tools",
    "developer_role",
    "mistral_call_ids",
    "mp3_only",
    "refuses_blank_turns",
    "refuses_forced_tool_choice",
    "refuses_root_choice",
    "repeat_is_billed",
    "short_call_ids",
    "strict_call_ids",
    "thinking_in_content",
    "tool_result_names",
    "vertex_tool_schema",
]

MAX_CACHED_TRAITS = 1_024  # of one catalogue: callers may ask for any name
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

    __slots__ = ("_by_key", "_cards", "_spellings", "_traits", "date", "source")

    def __init__(
        self, cards: Iterable[ModelCard] = (), *, date: str | None = None, source: str | None = None
    ) -> None:
        self._cards = tuple(cards)
        self.date = date
        self.source = source
        self._by_key: dict[str, tuple[ModelCard, ...]] = {}
        self._spellings: dict[str, str] = {}
        self._traits: dict[tuple[str, Trait], bool] = {}
        # Of models that share a name, the one whose own it is comes first.
        kinds: tuple[Callable[[ModelCard], Iterable[str]], ...] = (_own_name, _aliases, _bare_names)
        for names_of in kinds:
            for card in self._cards:
                for name in names_of(card):
                    self._add(name, card)

    def _add(self, name: str, card: ModelCard) -> None:
        key = _key(name)
        cards = self._by_key.get(key, ())
        if not any(listed is card for listed in cards):
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
        family = shipped_families().publishers.get(publisher)
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
        older = self.get(name, card.category)
        if older is None or (older.category, _key(name)) not in _identities(older):
            return None
        return older

    def family(self, name: str) -> str | None:
        """Whose model ``name`` is (``openai``, ``anthropic``, ``google``, ...), also of models not
        listed here.

        From the publisher, or else from how the name begins. ``None`` for a community model and for
        what says nothing.
        """
        families = shipped_families()
        if "/" in name:
            return families.publishers.get(_key(name).partition("/")[0])
        if card := self.get(name):
            if "/" in card.name:
                return families.publishers.get(_key(card.name).partition("/")[0])
            if card.publisher and (family := families.publishers.get(_key(card.publisher))):
                return family
        return families.by_prefix(_key(name))

    def has_trait(self, name: str, trait: Trait) -> bool:
        """Whether the model ``name`` has the peculiarity ``trait``; ``False`` where nothing is
        known.

        What each means is written beside it in ``models.json``.
        """
        is_true = self._traits.get((name, trait))
        if is_true is None:
            if len(self._traits) >= MAX_CACHED_TRAITS:
                self._traits.clear()
            is_true = self._traits[name, trait] = self._find_trait(name, trait)
        return is_true

    def _find_trait(self, name: str, trait: Trait) -> bool:
        rule = shipped_families().traits[trait]
        card = self.get(name)
        if trait == "refuses_forced_tool_choice" and card and card.supported_parameters:
            # Today's model list says it of each model; the shipped table knows a few names.
            return "tool_choice" not in card.supported_parameters
        names = {_key(spelling) for spelling in (name, *(card.names if card else ()))}
        names |= {spelling.partition("/")[2] for spelling in names if spelling.count("/") == 1}
        return rule.holds_for(names, self.family(name))

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
    from .model_list import cards_from

    data = shipped_data()
    date = data["date"]
    # Prices change; one that was shipped is named with its date, which may be older than the list.
    items = [
        {"pricing_date": date, **item} if "pricing" in item else item for item in data["models"]
    ]
    return Catalog(cards_from(items), date=date, source=data["source"])


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


def _key(name: str) -> str:
    return name.strip().casefold()


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
