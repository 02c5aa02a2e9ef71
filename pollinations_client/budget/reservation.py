"""What one call reserves in its budgets before it is sent, and how it is settled afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from pydantic_core import from_json

from ..catalog.estimates import Estimate, max_prompt_tokens
from ..catalog.price_units import price_unit
from ..catalog.pricing import stated_cost
from ..catalog.usual_costs import total_pollen
from ..errors import BudgetSpentError, PaymentRequiredError, PermissionDeniedError
from ..reply_metadata import ResponseInfo, Usage, usage_from
from ..request.calls import Call
from ..response import payment_notices
from ..response.picture import with_usage
from ..response.reader import ResponseReader, content_type_of
from .budget import ACTIVE_BUDGETS, PollenBudget

MAX_NOTICE_BYTES = 8_192

__all__ = ["Reservation", "budgets_for", "has_pollen"]


def budgets_for(call: Call, client_budget: PollenBudget | None) -> Sequence[PollenBudget]:
    """The budgets that count ``call``: those it is made under, and its client's."""
    active = ACTIVE_BUDGETS.get()
    if not (active or client_budget) or call.kind.is_free:
        return ()
    if client_budget is None and len(active) == 1:
        return active
    return tuple(dict.fromkeys(active if client_budget is None else (*active, client_budget)))


def has_pollen(budgets: Sequence[PollenBudget]) -> bool:
    """Whether none of the budgets is spent, so that prices matter."""
    return all(budget.left > 0 for budget in budgets)


class _Share(NamedTuple):
    """What one budget has reserved for a call."""

    budget: PollenBudget
    estimate: Estimate
    reserved: Decimal

    def settle(self, cost: Decimal | None, *, is_certain: bool) -> None:
        """Count ``cost``; if it is not known, what was reserved, or else an unknown cost."""
        if cost is None:
            is_certain = False
            if self.estimate.amount is not None or self.reserved:
                cost = self.reserved
        self.budget.settle(self.estimate, self.reserved, cost, is_certain=is_certain)


class Reservation:
    """What is reserved for one call, until it is settled, released, or counted as spent."""

    __slots__ = ("_address", "_budgets", "_call", "_may_be_billed", "_shares", "is_sent", "reader")

    def __init__(self, budgets: Sequence[PollenBudget], call: Call, address: str) -> None:
        """Reserve in every budget, or in none: raises :class:`BudgetSpentError` of the first that
        does not cover the call.
        """
        self._budgets, self._call, self._address = budgets, call, address
        self._may_be_billed = False
        self.is_sent = False
        """Whether the attempt that is under way has left: before, a cancelled call cost nothing."""
        self._shares: list[_Share] = []
        self.reader: ResponseReader | None = None
        """Of a stream, from when it is opened."""
        self._reserve()

    def _reserve(self) -> None:
        call, tokens = self._call, 0
        if call.size is None or call.size.prompt_bytes is None:
            tokens = max_prompt_tokens(call.body or call.target.encode())
        shares: list[_Share] = []
        try:
            for budget in self._budgets:
                shares.append(_Share(budget, *budget.reserve(call.size, tokens, self._address)))
        except BudgetSpentError:
            for share in shares:
                share.budget.release(share.reserved)
            raise
        self._shares = shares

    def on_retry(self, *, is_unbilled: bool) -> None:
        """An attempt failed and another one follows.

        It is paid once. Only a repeat that the gateway may bill again is reserved for again.
        """
        self.is_sent = False
        if is_unbilled:
            return
        if self._call.repeat_is_billed_once:
            self._may_be_billed = True
        else:
            self.keep()
            self._reserve()

    def on_failure(self, *, is_unbilled: bool) -> None:
        """The last attempt failed: give everything back, if no attempt can have cost anything."""
        # Else it stays until close(), and counts as spent.
        if is_unbilled and not self._may_be_billed:
            self.release()

    def release(self) -> None:
        """Give everything back: the call cost nothing."""
        for share in self._take_shares():
            share.budget.release(share.reserved)

    def keep(self) -> None:
        """Count what was reserved as spent: the cost of the call is not known."""
        self._count([(share, None) for share in self._take_shares()], is_certain=False)

    def settle(self, info: ResponseInfo, usage: Usage | ResponseInfo | None) -> None:
        """Count what the answer cost, by its usage and the prices of each budget."""
        # A hit bills nothing ("retries and cache hits are not", says the gateway's page on
        # idempotency), or is what a call before it was billed for.
        is_hit = (info.cache or "").upper() == "HIT"
        shares = self._take_shares()
        costs = [(share, self._cost(share, info, usage)) for share in shares]
        self._count(costs, is_certain=not is_hit)

    def _count(self, costs: list[tuple[_Share, Decimal | None]], *, is_certain: bool) -> None:
        """Count the cost in every budget, and only then warn: ``on_warn`` may raise."""
        for share, amount in costs:
            share.settle(amount, is_certain=is_certain)
        for share, _ in costs:
            share.budget.warn_if_due()

    def settle_answer(self, info: ResponseInfo, body: bytes) -> None:
        """Settle by a whole answer, whose usage is in its headers or in its body."""
        if info.forbids_storing and _is_notice(info, body):
            self.release()
        else:
            self.settle(info, self._usage_in(info, body))

    def _usage_in(self, info: ResponseInfo, body: bytes) -> Usage | ResponseInfo | None:
        """The usage in the headers, or else in a JSON answer."""
        if any(map(price_unit, info.usage)):
            return info
        if content_type_of(info) != "application/json":
            return None
        try:
            parsed = from_json(body)
        except ValueError:
            return None
        usage = parsed.get("usage") if isinstance(parsed, dict) else None
        if self._call.size is not None and self._call.size.category == "image":
            counted = with_usage(info, usage)
            return counted if counted.usage else None
        return usage_from(usage)

    def close(self) -> None:
        """End the call: settle by the usage of a stream, else count what is reserved as spent."""
        reader = self.reader
        if not self._shares:
            return
        if reader is None:
            if self.is_sent or self._may_be_billed:
                self.keep()
            else:
                self.release()
        elif isinstance(reader.failure, (PaymentRequiredError, PermissionDeniedError)):
            self.release()  # a notice in place of an answer
        elif reader.is_complete and reader.usage is not None:
            self.settle(reader.info, reader.usage)
        else:
            self.keep()

    def _take_shares(self) -> list[_Share]:
        shares, self._shares = self._shares, []
        return shares

    def _cost(
        self, share: _Share, info: ResponseInfo, usage: Usage | ResponseInfo | None
    ) -> Decimal | None:
        card, size = share.estimate.card, self._call.size
        if size is not None and size.model is None and info.model_used:
            card = share.budget.prices_at(self._address).catalog.get(info.model_used) or card
        stated = stated_cost(info)
        if stated is not None or usage is None:
            return stated
        return total_pollen(usage, card)


def _is_notice(info: ResponseInfo, body: bytes) -> bool:
    """Whether the text of an answer says that nothing was generated for want of pollen."""
    text = body[:MAX_NOTICE_BYTES].decode("utf-8", "replace")
    return payment_notices.error_in(text, info.headers) is not None
