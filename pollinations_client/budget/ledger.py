"""The sums of a budget: spent and reserved, in all and by model. Exact, under one lock."""

from __future__ import annotations

import html
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

__all__ = ["LOCK", "Ledger", "pollen_text"]

# A stream that nobody reads is settled by a finalizer, which the garbage collector may run inside
# any method of a ledger: the lock lets its thread in again, and each sum is one statement.
LOCK = threading.RLock()
if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows cannot fork
    # A lock that another thread held in that moment would stay locked in the child for ever.
    os.register_at_fork(
        before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release
    )

ZERO = Decimal(0)
COLUMNS = ("model", "calls", "pollen", "uncertain")


def pollen_text(amount: Decimal) -> str:
    """An amount with as many digits as it has, and at most ten after the point."""
    return format(round(amount, 10).normalize() + ZERO, "f")


@dataclass(slots=True)
class ModelSpending:
    """What the calls of one model cost, in pollen.

    ``uncertain`` is the part of ``spent`` that may turn out less: reservations of calls whose
    outcome is not known, and answers from the gateway's cache, which it bills once at most.
    """

    name: str
    calls: int = 0
    spent: Decimal = ZERO
    uncertain: Decimal = ZERO
    unknown_calls: int = 0
    certain_calls: int = 0
    certain: Decimal = ZERO
    uncertain_at_first: Decimal = ZERO
    """``uncertain`` as it was before the account's records were read."""

    def add(self, cost: Decimal | None, *, is_certain: bool) -> None:
        """Count a call; ``None`` is an unknown cost."""
        self.calls += 1
        if cost is None:
            self.unknown_calls += 1
            return
        self.spent += cost
        if is_certain:
            self.certain_calls += 1
            self.certain += cost
        else:
            self.uncertain += cost
            self.uncertain_at_first += cost

    def reconcile(self, records: int, billed: Decimal) -> Decimal:
        """Count what the account's records of this model say; return the change of ``spent``.

        ``records`` is their number, ``billed`` what they cost together.
        """
        before = self.spent
        if records < self.certain_calls:
            return ZERO  # the account's log is behind
        if records <= self.calls:
            self.spent, self.uncertain, self.unknown_calls = billed, ZERO, 0
        else:
            # Others use the model with this account, too. Of what may be theirs, no more is taken
            # than was reserved.
            self.uncertain = min(self.uncertain_at_first, max(billed - self.certain, ZERO))
            self.spent = self.certain + self.uncertain
        return self.spent - before


class Ledger:
    """Sums of one budget."""

    __slots__ = ("_is_warned", "_models", "limit", "reserved", "spent")

    def __init__(self, limit: Decimal) -> None:
        self.limit = limit
        self.spent = ZERO
        self.reserved = ZERO
        self._is_warned = False
        self._models: dict[str, ModelSpending] = {}

    @property
    def left(self) -> Decimal:
        """What the next call may cost."""
        with LOCK:
            return self.limit - self.spent - self.reserved

    def reserve(self, amount: Decimal) -> Decimal | None:
        """Reserve ``amount``; return ``None``, or what is left if that does not cover it.

        Once everything is spent, a call that costs nothing is not covered either.
        """
        with LOCK:
            # What is reserved counts as spent for every other call, or parallel calls would pass
            # the limit together.
            remaining = self.limit - self.spent - self.reserved
            if remaining <= 0 or amount > remaining:
                return remaining
            self.reserved += amount
            return None

    def release(self, reserved: Decimal) -> None:
        """Give back what was reserved for a call that cost nothing."""
        with LOCK:
            self.reserved -= reserved

    def settle(
        self, model: str, key: str, reserved: Decimal, cost: Decimal | None, *, is_certain: bool
    ) -> None:
        """Count ``cost`` in place of what was reserved; ``None`` is an unknown cost."""
        with LOCK:
            self.reserved -= reserved
            spending = self._models.get(key)
            if spending is None:
                spending = self._models.setdefault(key, ModelSpending(model))
            spending.add(cost, is_certain=is_certain)
            self.spent += cost or ZERO

    def reconcile(self, totals: Mapping[str, tuple[int, Decimal]]) -> None:
        """Use the account's records, counted and summed by model."""
        with LOCK:
            for key, spending in self._models.items():
                self.spent += spending.reconcile(*totals.get(key, (0, ZERO)))

    def claim_warning(self) -> bool:
        """Whether this is the first warning; every later call returns False."""
        with LOCK:
            is_first, self._is_warned = not self._is_warned, True
        return is_first

    @property
    def unknown(self) -> int:
        """Calls whose cost is not known."""
        with LOCK:
            return sum(model.unknown_calls for model in self._models.values())

    @property
    def by_model(self) -> dict[str, Decimal]:
        """Pollen spent on each model."""
        with LOCK:
            return {model.name: model.spent for model in self._models.values()}

    def text(self) -> str:
        """A table by model, the dearest first, and a line of sums."""
        rows = [COLUMNS, *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
        lines = []
        for name, *numbers in rows:
            cells = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
            lines.append("  ".join([name.ljust(widths[0]), *cells]))
        return "\n".join([*lines, self.summary()])

    def html(self) -> str:
        """The same for a notebook."""
        head = "".join(f"<th>{column}</th>" for column in COLUMNS)
        lines = []
        for row in self._rows():
            cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
            lines.append(f"<tr>{cells}</tr>")
        return f"<table><tr>{head}</tr>{''.join(lines)}</table><p>{self.summary()}</p>"

    def summary(self) -> str:
        """The sums in one line."""
        spent, remaining = pollen_text(self.spent), pollen_text(self.left)
        text = f"{spent} of {pollen_text(self.limit)} pollen spent, {remaining} left"
        if self.unknown:
            text += f", {self.unknown} calls of unknown cost"
        return text

    def _rows(self) -> list[tuple[str, ...]]:
        with LOCK:
            models = sorted(self._models.values(), key=lambda model: -model.spent)
            return [
                (model.name, str(model.calls), *map(pollen_text, (model.spent, model.uncertain)))
                for model in models
            ]
