"""Decide what an API key may do: permissions, balance, rate limits.

Any key is accepted as a rich one with every permission, except these, which misbehave on purpose:

- ``sk_invalid``: 401 everywhere
- ``sk_broke``: no balance; ``sk_budget``: the key's own budget is spent
- ``sk_quest``: only spends quest pollen, so paid models fail
- ``sk_forbidden_model``: may call no model but ``openai`` and ``flux``
- ``sk_no_account``: may generate, but not read the account
- ``pk_limited``: 429 with ``retryAfterSeconds``

``Emulator(keys={"sk_mine": KeyRules(...)})`` adds more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..scripts import KeyRules, Received
from .errors import GatewayError

if TYPE_CHECKING:
    from ..exchange import Exchange
    from .models import Model

RICH = KeyRules()
SPECIAL = {
    "sk_invalid": KeyRules(valid=False),
    "sk_broke": KeyRules(balance=0.0),
    "sk_budget": KeyRules(budget=0.0),
    "sk_quest": KeyRules(quest_only=True),
    "sk_forbidden_model": KeyRules(models=("openai", "flux")),
    "sk_no_account": KeyRules(account=None),
    "pk_limited": KeyRules(rate=0),
}


def key_of(received: Received) -> str:
    """The key of a request, from the Authorization header or the ``key`` parameter; empty when
    there is none.
    """
    scheme, _, token = received.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return received.query.get("key", "")


def _rules_of(exchange: Exchange, key: str) -> KeyRules:
    return exchange.state.keys.get(key) or SPECIAL.get(key, RICH)


def authenticate(exchange: Exchange) -> KeyRules:
    """The rules of the caller's key. Raises ``GatewayError`` 401 or 429."""
    state, key = exchange.state, key_of(exchange.received)
    if not key:
        if state.require_key:
            raise GatewayError(401)
        return RICH
    # With a list of keys and ``require_key`` a key that is on no list is a wrong one.
    is_unknown = key not in state.keys and key not in SPECIAL
    rules = _rules_of(exchange, key)
    if not rules.valid or (is_unknown and state.require_key and state.keys):
        raise GatewayError(401)
    # Only pk_ keys have a rate in truth; the shape and the header are those of their 429.
    calls = state.calls_by_key[key] = state.calls_by_key.get(key, 0) + 1
    if rules.rate is not None and calls > rules.rate:
        message = f"Too many requests for this key. Retry after {rules.retry_after_s}s."
        bare = {
            "error": "Rate limit exceeded",
            "message": message,
            "retryAfterSeconds": rules.retry_after_s,
        }
        raise GatewayError(429, bare=bare, headers={"retry-after": str(rules.retry_after_s)})
    return rules


def may_see(exchange: Exchange, model: Model) -> bool:
    """Whether a model is in the caller's lists: what the key may call, and today nothing that it
    could not pay.
    """
    rules = _rules_of(exchange, key_of(exchange.received))
    if rules.models is not None and {model.name, *model.aliases}.isdisjoint(rules.models):
        return False
    return not (
        exchange.state.today and model.has("paid_only") and (rules.quest_only or rules.balance <= 0)
    )


TOP_UP = "https://enter.pollinations.ai/pollen"
KEYS = "https://enter.pollinations.ai/keys"


def check_may_use(rules: KeyRules, model: Model, model_name: str, era: str) -> None:
    """Let the key use the model. Raises ``GatewayError`` 403 or 402."""
    names = {model.name, model_name, *model.aliases}
    if rules.models is not None and names.isdisjoint(rules.models):
        raise GatewayError(
            403,
            f"Model '{model_name}' is not allowed for this API key",
            code="FORBIDDEN",
            fix_url=KEYS,
        )
    if rules.budget is not None and rules.budget <= 0:
        message = (
            "API key budget too low. This model costs ~0.0136 pollen per request, but this key has"
            f" {rules.budget:.4f}."
        )
        raise GatewayError(402, message, code="KEY_BUDGET_EXHAUSTED", fix_url=KEYS)
    if rules.balance <= 0 and era == "seed":
        # 402 came in spring 2026; until then a missing balance was a missing permission (#4939).
        raise GatewayError(403, "Insufficient pollen balance to use this model")
    if rules.balance <= 0:
        message = (
            "Insufficient balance. This model costs ~0.0136 pollen per request, but your available"
            f" balance is {rules.balance:.4f}. Top up at {TOP_UP}."
        )
        raise GatewayError(402, message, code="INSUFFICIENT_BALANCE", fix_url=TOP_UP)
    if rules.quest_only and model.has("paid_only"):
        message = "This model needs paid Pollen, but this API key only spends Quest Pollen."
        raise GatewayError(402, message, code="QUEST_POLLEN_ONLY", fix_url=KEYS)


# The beginnings of the gateway's notices, as they are since September 2026; the remedies are ours.
NOTICES = {
    "INSUFFICIENT_BALANCE": (
        "The account behind this API key doesn't have enough credits. "
        "[Top up the wallet{link} to continue."
    ),
    "KEY_BUDGET_EXHAUSTED": (
        "The API key used for this request has reached its budget. "
        "[Raise the budget{link} to continue."
    ),
    "QUEST_POLLEN_ONLY": (
        "The API key used for this request only spends Quest Pollen. "
        "[Allow paid Pollen{link} to go on."
    ),
    "FORBIDDEN": (
        "The API key used for this request isn't allowed to use {model}. [Edit the key{link} to"
        " allow it."
    ),
}
OUTSIDER = (
    "If this isn\u2019t your Pollinations account, contact whoever runs the app or service"
    " you\u2019re using."
)


def notice_for(refusal: GatewayError, model_name: str) -> str | None:
    """The answer that today's text routes give, with status 200, in place of a 402 or of a 403
    about the model.
    """
    words = NOTICES.get(refusal.code or "")
    if words is None:
        return None
    text = words.format(link=f"]({refusal.fix_url}?ref=agent_notice)", model=model_name)
    outsider = OUTSIDER
    if refusal.code == "KEY_BUDGET_EXHAUSTED":
        outsider = f"Topping up the wallet does not raise this limit. {OUTSIDER}"
    return f"{text}\n\n{outsider}"
