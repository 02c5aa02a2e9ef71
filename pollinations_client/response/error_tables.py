"""Map HTTP status, error code and wording to an exception class, and the class to a remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    BudgetSpentError,
    ContentPolicyError,
    ContextOverflowError,
    InsufficientBalanceError,
    KeyBudgetExhaustedError,
    ModelNotAllowedError,
    NotFoundError,
    PaidModelError,
    PayloadTooLargeError,
    PaymentRequiredError,
    PermissionDeniedError,
    PollinationsError,
    RateLimitError,
    RedirectError,
    ServerError,
    UnknownModelError,
    UnprocessableEntityError,
    UpstreamError,
)

BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ServerError,  # winter 2025-26: a provider's own time limit, passed on as it was
    410: NotFoundError,
    413: PayloadTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}

# Codes narrow the class that the status has chosen; they never widen it (see narrow_class).
BY_CODE: dict[str, type[APIStatusError]] = {
    "insufficient_balance": InsufficientBalanceError,
    "key_budget_exhausted": KeyBudgetExhaustedError,
    "quest_pollen_only": PaidModelError,
    "model_not_found": UnknownModelError,
    "context_length_exceeded": ContextOverflowError,
    "string_above_max_length": ContextOverflowError,
    "content_filter": ContentPolicyError,
    "content_blocked": ContentPolicyError,
    "content_policy_violation": ContentPolicyError,
    "moderation_blocked": ContentPolicyError,
    "responsibleaipolicyviolation": ContentPolicyError,
    # Of the type safety_error too, but it is the option that is wrong.
    "invalid_safe": BadRequestError,
    "safety_error": ContentPolicyError,
}

# ``details.reason`` of a 402 (packages/sdk/src/payment-required.ts@a682045 of the gateway).
REASONS: dict[str, type[APIStatusError]] = {
    "account_balance": InsufficientBalanceError,
    "key_budget": KeyBudgetExhaustedError,
}

# Statuses that are about the key, the balance or the address only if the gateway itself says so;
# from a provider they are about the gateway's own account there.
ABOUT_THE_CALLER = frozenset({401, 402, 403, 404})

# The gateway has no code for a provider that is overloaded; Anthropic's own is the best known.
CODE_BY_STATUS: dict[int, str] = {529: "overloaded_error"}

# A provider's status inside a 5xx of the gateway that says: the same request fails again.
NOT_CURED_BY_RETRY = frozenset({400, 404, 405, 413, 415, 422})

# For an error inside a 200, where no status speaks.
STATUS_BY_CODE: dict[str, int] = {
    "bad_request": 400,
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "invalid_safe": 400,
    "unauthorized": 401,
    "payment_required": 402,
    "insufficient_balance": 402,
    "key_budget_exhausted": 402,
    "quest_pollen_only": 402,
    "forbidden": 403,
    "not_found": 404,
    "model_not_found": 404,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "content_blocked": 400,
    "content_policy_violation": 422,
    "rate_limited": 429,
    "rate_limit_exceeded": 429,
    "community_model_rate_limit": 429,
    "overloaded_error": 529,
    "concurrency_limit_exceeded": 429,
}


@dataclass(frozen=True, slots=True)
class PaymentWording:
    """One reason for which the gateway wants pollen or permission, and the words it has used.

    ``openings`` begin the notices that stand in place of an answer; ``pattern`` finds the reason in
    any refusal.
    """

    kind: type[APIStatusError]
    status: int
    code: str
    pattern: str
    openings: tuple[str, ...]


# The order decides: "paid balance" stands in two of them, and the stock sentence of 402 names the
# balance before the budget. Winter 2025-26 says the first of the balance's words with 403.
PAYMENT_WORDINGS: tuple[PaymentWording, ...] = (
    PaymentWording(
        PaidModelError,
        402,
        "QUEST_POLLEN_ONLY",
        r"needs paid pollen|only spends quest|requires a paid balance|paid-only models"
        r"|tier (balance|pollen) cannot be used",
        ("The API key used for this request only spends Quest Pollen",),
    ),
    PaymentWording(
        InsufficientBalanceError,
        402,
        "INSUFFICIENT_BALANCE",
        r"insufficient (paid |pollen )*balance|doesn.t have enough credits"
        r"|balance is too low|restricted to (free pollen|paid balance)",
        (
            "The account behind this API key doesn't have enough credits. ",
            "Your Pollen balance is too low for this request. ",
        ),
    ),
    PaymentWording(
        KeyBudgetExhaustedError,
        402,
        "KEY_BUDGET_EXHAUSTED",
        r"key budget|budget (exhausted|too low)|reached its budget",
        ("The API key used for this request has reached its budget. ",),
    ),
    PaymentWording(
        ModelNotAllowedError,
        403,
        "FORBIDDEN",
        r"not allowed (for this api key|to use)|isn.t allowed to use",
        ("The API key used for this request isn't allowed to use ",),
    ),
)

# Providers say the same thing in many words; each pattern was seen nested in a gateway error body.
BY_WORDS: tuple[tuple[str, type[APIStatusError]], ...] = (
    (
        r"context[_ ]length[_ ]exceeded|maximum context length|context window|prompt is too"
        r" long"
        r"|too many (input )?tokens|input (token count|is too long)"
        r"|exceeds the (maximum|model's) (number of )?tokens",
        ContextOverflowError,
    ),
    (
        r"content[_ ](filter|policy|management policy|moderation)|responsible ?ai"
        r" ?policy|flagged (as|by|for)"
        r"|moderation[_ ](blocked|system)|safety (system|filter)|content_blocked",
        ContentPolicyError,
    ),
    (
        r"(unknown|invalid|unsupported|unrecogni[sz]ed) model\b|model ['\"`]?[\w./:-]+['\"`]?"
        r" (was )?(is )?"
        r"(not found|not available|unknown|does not exist|is not supported\b(?! for))|no such"
        r" model|invalid service or alias",
        UnknownModelError,
    ),
)

# Where a class that is no subclass may be meant: a content policy refused with 422, an unknown
# model with 404, an empty balance with 403 (the gateway of winter 2025-26).
FAMILIES: dict[type[APIStatusError], tuple[type[APIStatusError], ...]] = {
    UnprocessableEntityError: (BadRequestError,),
    NotFoundError: (BadRequestError,),
    PermissionDeniedError: (PermissionDeniedError, PaymentRequiredError),
}

REMEDIES: dict[type[PollinationsError], str] = {
    AuthenticationError: (
        "Check POLLINATIONS_API_KEY or api_key; keys are made at"
        " https://enter.pollinations.ai/keys."
    ),
    InsufficientBalanceError: "Top up the account; a retry cannot help.",
    KeyBudgetExhaustedError: "Raise this key's budget or use another key; a retry cannot help.",
    PaidModelError: "Use a model without paid_only, or a key that may spend paid pollen.",
    BudgetSpentError: (
        "Raise the limit, or ask for less: a smaller max_tokens, a cheaper model, fewer calls."
    ),
    PaymentRequiredError: "Top up the account or raise the key's budget; a retry cannot help.",
    ModelNotAllowedError: "Use a model this key may call, or widen the key's permissions.",
    UnknownModelError: "The gateway lists its models at /v1/models.",
    ContextOverflowError: "Shorten the messages or choose a model with a larger context window.",
    NotFoundError: "Check base_url, which ends before /v1, and the model's name.",
    UpstreamError: (
        "It is the provider's own refusal, not about your key or balance; choose another model or"
        " try again later."
    ),
    RedirectError: "Check base_url: the gateway itself never redirects.",
}
# A call without a key is offered a payment of its own (x402), in this header of the refusal.
PAYMENT_OFFER = "payment-required"
PAY_BY_KEY = (
    "Without a key the gateway wants a payment for each request. Set POLLINATIONS_API_KEY or"
    " api_key; keys are made at https://enter.pollinations.ai/keys."
)


def error_class_for_status(status: int) -> type[APIStatusError]:
    """The class that a status alone stands for."""
    if status in BY_STATUS:
        return BY_STATUS[status]
    if 300 <= status < 400:
        return RedirectError
    if status >= 500:
        return ServerError
    return BadRequestError


def _says(pattern: str, words: str) -> bool:
    """Compiled on first use, and kept by ``re``: seven patterns are 5 ms of an import."""
    return re.search(pattern, words, re.IGNORECASE) is not None


def narrow_class(
    kind: type[APIStatusError], codes: list[str], words: str, reasons: list[str] | None = None
) -> type[APIStatusError]:
    """A subclass of ``kind`` that reason, code or words point to, if one fits; else ``kind``."""
    family = FAMILIES.get(kind, (kind,))
    candidates = [
        *(REASONS[reason] for reason in reasons or ()),
        *(BY_CODE[code.lower()] for code in codes if code.lower() in BY_CODE),
    ]
    for candidate in candidates:
        if issubclass(candidate, family):
            return candidate
    for pattern, candidate in BY_WORDS:
        if issubclass(candidate, family) and _says(pattern, words):
            return candidate
    for wording in PAYMENT_WORDINGS:
        if issubclass(wording.kind, family) and _says(wording.pattern, words):
            return wording.kind
    return kind
