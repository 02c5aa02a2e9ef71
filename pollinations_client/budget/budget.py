"""``PollenBudget``: a limit in pollen, checked before each paid call is sent. No I/O."""

from __future__ import annotations

import datetime as dt
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, Literal, NoReturn, Protocol, Self

from ..catalog.catalog import snapshot
from ..catalog.estimates import CallSize, Estimate, Estimator
from ..catalog.model_card import ModelCard
from ..errors import BudgetSpentError, ConfigurationError, UnpricedModelError
from ..request.messages import warn
from ..response.error_tables import REMEDIES
from .ledger import Ledger, pollen_text
from .price_list import PriceList

__all__ = ["ACTIVE_BUDGETS", "PollenBudget", "priced_card"]

log = logging.getLogger("pollinations_client")

ZERO = Decimal(0)
# What unpriced="reserve" takes for a chat where chat_reserve names nothing.
DEFAULT_CHAT_RESERVE = Decimal("0.01")
UNPRICED = ("refuse", "reserve", "allow")
# Records have whole seconds.
RECORD_PRECISION = dt.timedelta(seconds=1)

# A context variable reaches the threads and tasks that the frameworks start, for they copy the
# context; a global would count the calls of a server's other requests, too.
ACTIVE_BUDGETS: ContextVar[tuple[PollenBudget, ...]] = ContextVar("pollen_budgets", default=())


class UsageSource(Protocol):
    """What :meth:`PollenBudget.reconcile` needs of a client."""

    def iter_usage(self) -> Any:
        """The account's records, newest first."""


class PollenBudget:
    """At most ``limit`` pollen for everything that is called with it.

    Use it as a context (``with budget:``, ``async with budget:``), which holds for every client,
    model, tool and embedding called inside, in their threads and tasks too; or give it as
    ``budget=`` to any of them. Before a call is sent, what it may cost is reserved; afterwards what
    it did cost counts. Copies are the same budget. It counts in this process: a pickle carries the
    limit alone.

    Examples:
        >>> from pollinations_client import BudgetSpentError, PollinationsClient
        >>> from pollinations_client.emulator import Emulator
        >>> with Emulator() as gateway, PollenBudget(0.003) as budget:
        ...     client = PollinationsClient(base_url=gateway.url)
        ...     picture = client.image("a bee", model="flux", width=64, height=64)
        ...     try:
        ...         client.image("a wasp", model="flux", width=64, height=64)
        ...     except BudgetSpentError as error:
        ...         error.needed, error.left
        (0.002, 0.001)
    """

    __slots__ = (
        *("_chat_reserve", "_is_warned", "_ledger", "_on_warn", "_pickle_warned", "_price_lists"),
        *("_started", "_unpriced", "_warn_at", "_warn_pollen", "__weakref__"),
    )

    def __init__(
        self,
        limit: float | Decimal,
        *,
        warn_at: float = 0.8,
        chat_reserve: float | Decimal | None = None,
        unpriced: Literal["refuse", "reserve", "allow"] = "refuse",
        on_warn: Callable[[PollenBudget], object] | None = None,
    ) -> None:
        """Start with nothing spent; no request is made.

        Args:
            limit: Pollen; one is one US dollar. 0 refuses every paid call.
            warn_at: The part of the limit at which ``on_warn`` is called, above 0 and up to 1.
            chat_reserve: Pollen to reserve for a chat or text call without ``max_tokens``; by
                default its prompt and 1,000 tokens of answer at the model's prices.
            unpriced: What to do about a model without a known price: ``"refuse"`` raises
                :class:`UnpricedModelError`; ``"reserve"`` takes ``chat_reserve`` for a chat (0.01
                by default) and the dearest known price of its kind for anything else; ``"allow"``
                sends it and counts it in ``unknown``.
            on_warn: A plain function, called once with the budget. What it raises reaches the
                caller. By default a line is logged.

        Raises:
            ConfigurationError: For what is no amount of pollen, and other values that cannot work.
        """
        # Decimal, for three times 0.1 must be no more than 0.3.
        self._ledger = Ledger(_pollen("limit", limit))
        self._warn_at = _checked_fraction(warn_at)
        self._warn_pollen = self._ledger.limit * Decimal(str(self._warn_at))
        self._chat_reserve = None if chat_reserve is None else _pollen("chat_reserve", chat_reserve)
        if unpriced not in UNPRICED:
            raise _refusal("unpriced", f"one of {', '.join(UNPRICED)} is needed", unpriced)
        if on_warn is not None and (not callable(on_warn) or inspect.iscoroutinefunction(on_warn)):
            raise _refusal("on_warn", "a plain function is needed", type(on_warn).__name__)
        self._unpriced = unpriced
        self._on_warn = on_warn
        self._is_warned = False
        self._pickle_warned = False
        self._started: dt.datetime | None = None
        self._price_lists: dict[str, PriceList] = {}

    @property
    def limit(self) -> float:
        """Pollen that may be spent in all."""
        return float(self._ledger.limit)

    @property
    def spent(self) -> float:
        """Pollen that was spent, or may have been: a call whose outcome is not known counts with
        what was reserved for it.
        """
        return float(self._ledger.spent)

    @property
    def reserved(self) -> float:
        """Pollen held back for calls that are under way."""
        return float(self._ledger.reserved)

    @property
    def left(self) -> float:
        """Pollen that the next call may cost; below 0 where an answer cost more than reserved."""
        return float(self._ledger.left)

    @property
    def unknown(self) -> int:
        """Calls that went out without a known price, and whose answer told no cost either."""
        return self._ledger.unknown

    @property
    def by_model(self) -> dict[str, float]:
        """Pollen by the model that was asked for."""
        return {name: float(spent) for name, spent in self._ledger.by_model.items()}

    def table(self) -> str:
        """A table of what was spent, by model; ``uncertain`` is the part that may turn out less."""
        return self._ledger.text()

    def _repr_html_(self) -> str:
        """The table in a notebook."""
        return self._ledger.html()

    def __repr__(self) -> str:
        ledger = self._ledger
        return f"PollenBudget({pollen_text(ledger.limit)}, spent={pollen_text(ledger.spent)})"

    def reconcile(self, client: UsageSource) -> None:
        """Replace what is uncertain by the account's records since the first call.

        The record of a call comes seconds after it: ask when the work is done. Where others use a
        model with the same account meanwhile, what is uncertain stays at what was reserved at most.

        Args:
            client: A :class:`~pollinations_client.PollinationsClient` whose key may read usage.

        Raises:
            PollinationsError: As ``client.iter_usage()`` does.
        """
        records = client.iter_usage()
        if not isinstance(records, Iterator):
            raise _refusal("client", "an async client goes to areconcile()", type(client).__name__)
        newer = []
        for record in records:
            # Newest first: whatever follows is older still.
            if not self._is_ours(record):
                break
            newer.append(record)
        self._use_records(newer)

    async def areconcile(self, client: UsageSource) -> None:
        """The same with an :class:`~pollinations_client.AsyncPollinationsClient`."""
        records = client.iter_usage()
        if not isinstance(records, AsyncIterator):
            raise _refusal("client", "a sync client goes to reconcile()", type(client).__name__)
        newer = []
        async for record in records:
            if not self._is_ours(record):
                break
            newer.append(record)
        self._use_records(newer)

    def _is_ours(self, record: Any) -> bool:
        """Whether a record is of a time in which this budget was used."""
        if self._started is None:
            return False
        return record.time is None or record.time >= self._started - RECORD_PRECISION

    def _use_records(self, records: Iterable[Any]) -> None:
        totals: dict[str, tuple[int, Decimal]] = {}
        for record in records:
            if record.model is not None and record.cost_usd is not None:
                key = self._key(record.model)
                count, billed = totals.get(key, (0, ZERO))
                totals[key] = (count + 1, billed + record.cost_usd)
        self._ledger.reconcile(totals)

    def _key(self, model: str) -> str:
        """The name of a model for any of its aliases; records may have either."""
        catalogs = [prices.catalog for prices in self._price_lists.values()]
        for catalog in (*catalogs, snapshot()):
            if (card := catalog.get(model)) is not None:
                return card.name
        return model

    def __enter__(self) -> Self:
        ACTIVE_BUDGETS.set((*ACTIVE_BUDGETS.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        """Take the innermost mention of this budget out."""
        # No token is kept: an async generator or a fixture may end in another context than it began
        # in, where resetting a token is a ValueError.
        active = list(ACTIVE_BUDGETS.get())
        for index in reversed(range(len(active))):
            if active[index] is self:
                del active[index]
                break
        ACTIVE_BUDGETS.set(tuple(active))

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if not self._pickle_warned:
            self._pickle_warned = True
            warn(
                f"A pickled PollenBudget carries its limit, {pollen_text(self._ledger.limit)}"
                " pollen, and neither what was spent nor on_warn: each process that opens it may"
                " spend the limit again. For one limit of several processes set a budget on the"
                " key."
            )
        options = {
            "warn_at": self._warn_at,
            "chat_reserve": self._chat_reserve,
            "unpriced": self._unpriced,
        }
        return _from_pickle, (self._ledger.limit, options)

    def prices_at(self, address: str) -> PriceList:
        """The prices of the gateway at ``address``, as this budget knows them."""
        prices = self._price_lists.get(address)
        if prices is None:
            prices = self._price_lists.setdefault(address, PriceList())
        return prices

    def reserve(
        self, size: CallSize | None, prompt_tokens: int, address: str
    ) -> tuple[Estimate, Decimal]:
        """Reserve what a call may cost; return the estimate and the amount.

        Raises :class:`BudgetSpentError` if the budget does not cover it.
        """
        estimator = self.prices_at(address).estimator
        estimate = estimator.estimate(size, prompt_tokens)
        if estimate.amount is None:
            amount = self._unpriced_amount(size, prompt_tokens, estimate.model, estimator)
        elif self._chat_reserve is not None and size is not None and _is_unbounded_chat(size):
            amount = self._chat_reserve
        else:
            amount = estimate.amount
        if self._started is None:
            self._started = dt.datetime.now(dt.UTC)
        remaining = self._ledger.reserve(amount)
        if remaining is not None:
            self._refuse(estimate.model, amount, remaining)
        return estimate, amount

    def _unpriced_amount(
        self, size: CallSize | None, prompt_tokens: int, model: str, estimator: Estimator
    ) -> Decimal:
        """The amount to reserve for a model without a known price, by the option ``unpriced``."""
        remaining = self._ledger.left
        if remaining <= 0:
            self._refuse(model, None, remaining)
        if self._unpriced == "allow":
            return ZERO
        if self._unpriced == "reserve" and size is not None:
            if size.category == "text":
                return self._chat_reserve or DEFAULT_CHAT_RESERVE
            dearest = estimator.dearest(size, prompt_tokens)
            if dearest is not None:
                return dearest
        raise UnpricedModelError(
            f"No price of {model} is known, so a budget cannot tell what this call may"
            " cost; nothing was sent. Use a model that the gateway lists with a price, or make the"
            " budget with unpriced='reserve', or 'allow' to count such calls only.",
            limit=self.limit,
            left=float(remaining),
            model=model,
            param="model",
        )

    def _refuse(self, model: str, needed: Decimal | None, remaining: Decimal) -> NoReturn:
        if needed is None:
            reason = f"the price of {model} is not known"
        else:
            reason = f"this call to {model} may cost {pollen_text(needed)}"
        if remaining > 0:
            problem = f"has {pollen_text(remaining)} left, and {reason}"
        else:
            problem = f"is spent, and {reason}"
        raise BudgetSpentError(
            f"The budget of {pollen_text(self._ledger.limit)} pollen {problem}; nothing was sent."
            f" {REMEDIES[BudgetSpentError]}",
            limit=self.limit,
            left=float(remaining),
            needed=None if needed is None else float(needed),
            model=model,
        )

    def release(self, reserved: Decimal) -> None:
        """Give back what was reserved for a call that cost nothing."""
        self._ledger.release(reserved)

    def settle(
        self, estimate: Estimate, reserved: Decimal, cost: Decimal | None, *, is_certain: bool
    ) -> None:
        """Count a call's cost in place of what was reserved; ``None`` if it is not known."""
        key = estimate.model if estimate.card is None else estimate.card.name
        self._ledger.settle(estimate.model, key, reserved, cost, is_certain=is_certain)

    def warn_if_due(self) -> None:
        """Warn once, when ``warn_at`` of the limit is spent. What ``on_warn`` raises is raised."""
        if not self._is_warned and self._ledger.spent >= self._warn_pollen:
            self._warn_once()

    def _warn_once(self) -> None:
        if not self._ledger.claim_warning():
            return
        self._is_warned = True
        if self._on_warn is not None:
            self._on_warn(self)
        else:
            log.warning("Of a budget, %s", self._ledger.summary())


def priced_card(
    model: str, card: ModelCard | None, budgets: Iterable[PollenBudget | None], address: str
) -> ModelCard | None:
    """The card with today's prices if a budget has read them, else ``card``."""
    if card is not None and card.prices and card.prices_as_of is None:
        return card
    for budget in budgets:
        if budget is None or not (prices := budget.prices_at(address)).is_fresh:
            continue
        fresh_card = prices.catalog.get(model)
        if fresh_card is not None and fresh_card.prices:
            return fresh_card
    return card


def _is_unbounded_chat(size: CallSize) -> bool:
    """Whether nothing bounds the answer."""
    return size.category == "text" and not size.max_tokens


def _from_pickle(limit: Decimal, options: dict[str, Any]) -> PollenBudget:
    return PollenBudget(limit, **options)


def _pollen(name: str, amount: Any) -> Decimal:
    is_number = isinstance(amount, (int, float, Decimal)) and not isinstance(amount, bool)
    if is_number and (pollen := Decimal(str(amount))).is_finite() and pollen >= 0:
        return pollen
    raise _refusal(name, "a number of pollen, 0 or more, is needed", amount)


def _checked_fraction(part: Any) -> float:
    is_number = isinstance(part, (int, float, Decimal)) and not isinstance(part, bool)
    if is_number and 0 < part <= 1:
        return float(part)
    raise _refusal("warn_at", "a part of the limit is needed, above 0 and up to 1", part)


def _refusal(name: str, needed: str, value: Any) -> ConfigurationError:
    return ConfigurationError(f"{name}: {needed}. Given: {value!r}.", param=name)
