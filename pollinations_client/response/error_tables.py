"""Which error a refusal is, and what to do about it: tables by status, by code and by words.

Pure.
"""

from __future__ import annotations

import re

from ..errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
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

# Codes narrow the class that the status has chosen; they never widen it (see narrowed).
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
    "concurrency_limit_exceeded": 429,
}

# Providers say the same thing in many words; each pattern was seen nested in a gateway error body.
BY_WORDS: tuple[tuple[re.Pattern[str], type[APIStatusError]], ...] = (
    (
        re.compile(
            r"context[_ ]length[_ ]exceeded|maximum context length|context window|prompt is too"
            r" long"
            r"|too many (input )?tokens|input (token count|is too long)"
            r"|exceeds the (maximum|model's) (number of )?tokens",
            re.IGNORECASE,
        ),
        ContextOverflowError,
    ),
    (
        re.compile(
            r"content[_ ](filter|policy|management policy|moderation)|responsible ?ai"
            r" ?policy|flagged (as|by|for)"
            r"|moderation[_ ](blocked|system)|safety (system|filter)|content_blocked",
            re.IGNORECASE,
        ),
        ContentPolicyError,
    ),
    (
        re.compile(
            r"(unknown|invalid|unsupported|unrecogni[sz]ed) model\b|model ['\"`]?[\w./:-]+['\"`]?"
            r" (was )?(is )?"
            r"(not found|not available|unknown|does not exist|is not supported\b(?! for))|no such"
            r" model",
            re.IGNORECASE,
        ),
        UnknownModelError,
    ),
    (
        re.compile(r"key budget|budget (exhausted|too low)|reached its budget", re.IGNORECASE),
        KeyBudgetExhaustedError,
    ),
    (re.compile(r"paid pollen|only spends quest", re.IGNORECASE), PaidModelError),
    (
        re.compile(r"insufficient (pollen )?balance|doesn.t have enough credits", re.IGNORECASE),
        InsufficientBalanceError,
    ),
    (
        re.compile(r"not allowed (for this api key|to use)|isn.t allowed to use", re.IGNORECASE),
        ModelNotAllowedError,
    ),
)

REMEDIES: dict[type[PollinationsError], str] = {
    AuthenticationError: (
        "Check POLLINATIONS_API_KEY or api_key; keys are made at"
        " https://enter.pollinations.ai/keys."
    ),
    InsufficientBalanceError: "Top up the account; a retry cannot help.",
    KeyBudgetExhaustedError: "Raise this key's budget or use another key; a retry cannot help.",
    PaidModelError: "Use a model without paid_only, or a key that may spend paid pollen.",
    PaymentRequiredError: "Top up the account or raise the key's budget; a retry cannot help.",
    ModelNotAllowedError: "Use a model this key may call, or widen the key's permissions.",
    UnknownModelError: (
        "The models in service are listed by PollinationsClient().text_models() and image_models()."
    ),
    ContextOverflowError: "Shorten the messages or choose a model with a larger context window.",
    NotFoundError: "Check base_url, which ends before /v1, and the model's name.",
    RedirectError: "Check base_url: the gateway itself never redirects.",
}


def kind_of(status: int) -> type[APIStatusError]:
    """The class of a status."""
    if status in BY_STATUS:
        return BY_STATUS[status]
    if 300 <= status < 400:
        return RedirectError
    return ServerError if status >= 500 else BadRequestError


def narrowed(kind: type[APIStatusError], codes: list[str], words: str) -> type[APIStatusError]:
    """A subclass of ``kind`` that code or words point to, where one fits; else ``kind``.

    A 422 or 404 may be a content policy or an unknown model, which are bad requests too.
    """
    family = BadRequestError if kind in {UnprocessableEntityError, NotFoundError} else kind
    for code in codes:
        if (found := BY_CODE.get(code.lower())) and issubclass(found, family):
            return found
    for pattern, found in BY_WORDS:
        if issubclass(found, family) and pattern.search(words):
            return found
    return kind
