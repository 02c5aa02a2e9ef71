"""Tell a model's family and its peculiarities by its name, from the data shipped with the package.

No I/O but the one data file, ``models.json``, which is read on first use. Names come in here
without blanks round them and in lower case, as ``Catalog`` looks them up.
"""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

__all__ = ["ModelFamilies", "TraitRule", "shipped_data", "shipped_families"]


@dataclass(frozen=True, slots=True)
class TraitRule:
    """Which models have a trait."""

    families: frozenset[str]
    prefixes: tuple[str, ...]
    models: frozenset[str]

    def holds_for(self, names: set[str], family: str | None) -> bool:
        """Whether a model with these names, of this family, has the trait."""
        if names & self.models or family in self.families:
            return True
        return any(_begins(name, prefix) for name in names for prefix in self.prefixes)


@dataclass(frozen=True, slots=True)
class ModelFamilies:
    """Families by publisher and by how a name begins, and the rule of each trait."""

    publishers: Mapping[str, str]
    prefixes: Mapping[str, str]
    traits: Mapping[str, TraitRule]

    def by_prefix(self, name: str) -> str | None:
        """The family of a name without a publisher, by how it begins."""
        for prefix, family in self.prefixes.items():
            if _begins(name, prefix):
                return family
        # Bedrock ids name the vendor between dots: us.anthropic.claude-haiku-4-5-20251001-v1:0
        vendors = (part for part in name.split(".") if part in self.publishers)
        vendor = next(vendors, None)
        return None if vendor is None else self.publishers[vendor]


@functools.cache
def shipped_data() -> dict[str, Any]:
    """All of ``models.json``."""
    path = importlib.resources.files(__package__ or "") / "models.json"
    data: dict[str, Any] = from_json(path.read_bytes())
    return data


@functools.cache
def shipped_families() -> ModelFamilies:
    """The parts of ``models.json`` that are not model cards."""
    families: dict[str, dict[str, Sequence[str]]] = shipped_data()["families"]
    return ModelFamilies(
        publishers=_family_by_word(families, "publishers"),
        prefixes=_family_by_word(families, "prefixes"),
        traits={trait: _rule_from(rule) for trait, rule in shipped_data()["traits"].items()},
    )


def _family_by_word(
    families: Mapping[str, Mapping[str, Iterable[str]]], kind: str
) -> dict[str, str]:
    return {word: family for family, words in families.items() for word in words[kind]}


def _rule_from(rule: Mapping[str, Sequence[str]]) -> TraitRule:
    return TraitRule(
        families=frozenset(rule.get("families", ())),
        prefixes=tuple(rule.get("prefixes", ())),
        models=frozenset(rule.get("models", ())),
    )


def _begins(name: str, prefix: str) -> bool:
    """Whether ``name`` starts with the word ``prefix``: wan-2.6 and claude3 do, wanda does not."""
    return name.startswith(prefix) and not name[len(prefix) : len(prefix) + 1].isalpha()
