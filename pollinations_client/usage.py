"""Token counts of an answer: the ``usage`` object of either era, in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import number_in

__all__ = ["Usage", "usage_from"]


MAX_COUNT = 2**63  # larger ones are no counts of tokens


@dataclass(slots=True, frozen=True)
class Usage:
    """Tokens of one answer, as billed. ``raw`` is the gateway's own object.

    ``cached``, ``cache_write``, ``audio_input``, ``image_input`` are parts of ``input``;
    ``reasoning`` and ``audio_output`` parts of ``output`` (xAI adds reasoning on top; ``total`` is
    taken as source).
    """

    input: int = 0
    output: int = 0
    total: int = 0
    cached: int | None = None
    cache_write: int | None = None
    audio_input: int | None = None
    image_input: int | None = None
    reasoning: int | None = None
    audio_output: int | None = None
    image_output: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def counts_anything(self) -> bool:
        """Whether any token was counted: a payment notice and a provisional count have none."""
        return bool(self.total or self.input or self.output)


def usage_from(source: Any) -> Usage | None:
    """Read a ``usage`` object of either era; ``None`` if there is none.

    A value that is no count is ignored.
    """
    if not isinstance(source, Mapping):
        return None
    prompt = _object(source, "prompt_tokens_details")
    completion = _object(source, "completion_tokens_details")
    input_tokens = _count(source, "prompt_tokens", "input_tokens") or 0
    output_tokens = _count(source, "completion_tokens", "output_tokens") or 0
    cached = _count(prompt, "cached_tokens")
    if not cached:
        # Today's gateway repeats Anthropic's and its own words beside OpenAI's, and a 0 in the
        # details does not say that the others are 0 too. DeepSeek calls them cache hits.
        elsewhere = _count(
            source, "cached_input_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens"
        )
        if elsewhere is not None:
            cached = elsewhere
    written = _count(prompt, "cache_write_tokens", "cache_creation_tokens")
    reasoning = _count(completion, "reasoning_tokens")
    if written is None:
        written = _count(source, "cache_creation_input_tokens")
    if reasoning is None:
        reasoning = _count(source, "reasoning_tokens")
    total = _count(source, "total_tokens")
    # xAI counts reasoning on top of the completion: the sum is only for answers without a total.
    if total is None:
        total = input_tokens + output_tokens
    return Usage(
        input=input_tokens,
        output=output_tokens,
        total=total,
        cached=cached,
        cache_write=written,
        audio_input=_count(prompt, "audio_tokens"),
        image_input=_count(prompt, "image_tokens"),
        reasoning=reasoning,
        audio_output=_count(completion, "audio_tokens"),
        image_output=_count(completion, "image_tokens"),
        raw=source,
    )


def _object(source: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = source.get(name)
    return value if isinstance(value, Mapping) else {}


def _count(source: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = source.get(name)
        if value is None:
            continue
        if type(value) is int and 0 <= value < MAX_COUNT:
            return value
        if isinstance(value, str):
            value = number_in(value)
        if (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and 0 <= value < MAX_COUNT
        ):
            return int(value)
    return None
