"""Errors in words for a model: what happened and what it can do, without advice on Python."""

from __future__ import annotations

import re

from .. import errors
from ..errors import BudgetSpentError, PollinationsError, UnpricedModelError
from ..response.error_tables import REMEDIES

__all__ = ["advice_for", "last_words", "message_for_model"]

SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z\[(])")
# Options, calls and settings of a program, request ids, and pages where a person may pay.
FOR_PROGRAMS = re.compile(
    r"\w\(|\w=|`|\b(?:base_url|api_key|max_retries|max_tokens|unpriced|http_client|\w+_timeout)\b"
    r"|\.partial|POLLINATIONS_|request id|enter\.pollinations|\bSee https?:"
    r"|gateway's cache|python -m|Is anything served"
)
ASIDES = re.compile(r"\s*\((?:(?:\w+_)?timeout|Limits[^)]*)\)")

# The nearest ancestor of an error decides.
ADVICE: dict[type[PollinationsError], str] = {
    errors.UnpricedModelError: "Do not call this tool again: tell the user.",
    errors.BudgetSpentError: "The budget is spent: do not call again, finish with what there is.",
    errors.PaymentRequiredError: (
        "Do not call this tool again: tell the user that the balance is spent."
    ),
    errors.AuthenticationError: "Do not call this tool again: tell the user about the API key.",
    errors.PermissionDeniedError: "Do not make the same call again.",
    errors.ConfigurationError: "Do not call this tool again: tell the user.",
    errors.InvalidRequestError: "Correct the arguments and call again.",
    errors.UnknownModelError: "Do not call this tool again: tell the user.",
    errors.BadRequestError: "Change the request before calling again.",
    errors.RateLimitError: "Wait before calling again.",
}
# Once: a model that is told to try again may do so until its run is ended.
MAY_PASS, FINAL = "It may pass: call again once.", "Do not make the same call again."


def advice_for(error: PollinationsError) -> str:
    """What a model can do about an error."""
    for kind in type(error).__mro__:
        if kind in ADVICE:
            return ADVICE[kind]
    if error.is_retryable:
        return MAY_PASS
    return FINAL


def message_for_model(error: PollinationsError) -> str:
    """The error as the answer of a tool: the sentences that a model can use, and advice."""
    # Remedies are for whoever wrote the program; a model has advice of its own.
    message = error.message
    for remedy in REMEDIES.values():
        message = message.replace(remedy, "")
    sentences = SENTENCES.split(ASIDES.sub("", message).strip())
    readable = [sentence for sentence in sentences if not FOR_PROGRAMS.search(sentence)]
    text = " ".join(readable) or "The call failed."
    if not text.endswith((".", "!", "?", "]", ")")):
        text += "."
    return f"{text} {advice_for(error)}"


def last_words(error: BudgetSpentError) -> str:
    """The final message of an agent whose budget is spent: its run ends with what is done so far.

    Raises the error again if a model has no known price, which the operator has to mend.
    """
    if isinstance(error, UnpricedModelError):
        raise error
    problem = error.message.replace(REMEDIES[BudgetSpentError], "").strip()
    return f"{problem} The run ends here, with what was done so far."
