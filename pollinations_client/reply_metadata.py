"""What an answer says besides its content: its headers (``ResponseInfo``) and its ``Usage``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import number_in

__all__ = ["USAGE_PATHS", "ResponseInfo", "Usage", "usage_from", "usage_in_headers"]

MAX_COUNT = 2**63  # larger ones are no counts of tokens


@dataclass(slots=True, frozen=True)
class ResponseInfo:
    """What the answer's headers say.

    ``model_used`` is the gateway's id of the model that served; ``cache`` is ``HIT`` or ``MISS``;
    ``usage`` holds the ``x-usage-*`` counts by their names without the prefix; ``headers`` all of
    them, lower case, cookies left out.
    """

    status: int = 200
    request_id: str | None = None
    model_used: str | None = None
    model_requested: str | None = None
    fallback_target: str | None = None
    cache: str | None = None
    usage: Mapping[str, float] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    retries_taken: int = 0

    @classmethod
    def from_headers(
        cls, status: int, headers: Mapping[str, str], retries_taken: int = 0
    ) -> ResponseInfo:
        """Read from response headers with lower-case names."""
        return cls(
            status=status,
            request_id=headers.get("x-request-id"),
            model_used=headers.get("x-model-used"),
            model_requested=headers.get("x-model-requested"),
            fallback_target=headers.get("x-fallback-target"),
            cache=headers.get("x-cache"),
            usage=_usage_counts(headers),
            headers={name: value for name, value in headers.items() if name != "set-cookie"},
            retries_taken=retries_taken,
        )

    @property
    def forbids_storing(self) -> bool:
        """Whether no cache may keep the answer.

        Every payment notice seen so far was marked so. The first words of a stream are held back
        only where they may be one, and a notice without the mark is found at its end.
        """
        return "no-store" in self.headers.get("cache-control", "")


def _usage_counts(headers: Mapping[str, str]) -> dict[str, float]:
    counts: dict[str, float] = {}
    for name, value in headers.items():
        if name.startswith("x-usage-"):
            try:
                counts[name.removeprefix("x-usage-")] = float(value)
            except ValueError:
                continue
    return counts


@dataclass(slots=True, frozen=True)
class Usage:
    """Tokens of one answer, as billed. ``raw`` is the gateway's own object.

    ``cached``, ``cache_write``, ``audio_input``, ``image_input``, ``video_input`` are parts of
    ``input``; ``reasoning`` and ``audio_output`` parts of ``output`` (xAI adds reasoning on top;
    ``total`` is taken as source).
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
    video_input: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def counts_anything(self) -> bool:
        """Whether any token was counted: a payment notice and a provisional count have none."""
        return bool(self.total or self.input or self.output)


# Where a provider's usage object may hold each count: the object in it ("" is the usage itself) and
# the name. The first that is not zero counts: today's gateway repeats Anthropic's and its own words
# beside OpenAI's, and a 0 in one does not say that the others are 0 too.
OF_PROMPT, OF_INPUT = "prompt_tokens_details", "input_tokens_details"
OF_COMPLETION, OF_OUTPUT = "completion_tokens_details", "output_tokens_details"
USAGE_PATHS: dict[str, tuple[tuple[str, str], ...]] = {
    "input": (("", "prompt_tokens"), ("", "input_tokens")),
    "output": (("", "completion_tokens"), ("", "output_tokens")),
    "total": (("", "total_tokens"),),
    "cached": (
        *((OF_PROMPT, "cached_tokens"), (OF_INPUT, "cached_tokens"), ("", "cached_input_tokens")),
        *(("", "cache_read_input_tokens"), ("", "prompt_cache_hit_tokens")),  # DeepSeek's hits
    ),
    "cache_write": (
        *((OF_PROMPT, "cache_write_tokens"), (OF_PROMPT, "cache_creation_tokens")),
        ("", "cache_creation_input_tokens"),
    ),
    "audio_input": ((OF_PROMPT, "audio_tokens"), (OF_INPUT, "audio_tokens")),
    "image_input": ((OF_PROMPT, "image_tokens"), (OF_INPUT, "image_tokens")),
    "video_input": ((OF_PROMPT, "video_tokens"), (OF_INPUT, "video_tokens")),
    "audio_output": ((OF_COMPLETION, "audio_tokens"), (OF_OUTPUT, "audio_tokens")),
    "image_output": ((OF_COMPLETION, "image_tokens"), (OF_OUTPUT, "image_tokens")),
    "reasoning": (
        *((OF_COMPLETION, "reasoning_tokens"), (OF_OUTPUT, "reasoning_tokens")),
        ("", "reasoning_tokens"),
    ),
}
# The same by object and name: the kind of count, and how late this path comes among its paths.
KIND_AND_RANK: dict[str, dict[str, tuple[str, int]]] = {"": {}}
for _kind, _paths in USAGE_PATHS.items():
    for _rank, (_owner, _name) in enumerate(_paths):
        KIND_AND_RANK.setdefault(_owner, {})[_name] = _kind, _rank


def usage_from(source: Any) -> Usage | None:
    """Read a ``usage`` object of either era; ``None`` if there is none.

    A value that is no count is ignored. Of total, input and output, one that is missing is what the
    others leave.
    """
    if not isinstance(source, Mapping):
        return None
    counts: dict[str, int] = {}
    ranks: dict[str, int] = {}
    for object_name, ranked_names in KIND_AND_RANK.items():
        values = source.get(object_name) if object_name else source
        if not isinstance(values, Mapping):
            continue
        for name, value in values.items():
            if name not in ranked_names or value is None:
                continue
            count = value if type(value) is int and 0 <= value < MAX_COUNT else _count_from(value)
            kind, rank = ranked_names[name]
            if count and rank < ranks.get(kind, len(USAGE_PATHS)):
                counts[kind], ranks[kind] = count, rank
            elif count == 0 and kind not in counts:
                counts[kind] = 0
    if "total" not in counts:
        # xAI counts reasoning on top of the completion: the sum is only for answers without one.
        counts["total"] = counts.get("input", 0) + counts.get("output", 0)
    elif "output" not in counts and "input" in counts:
        counts["output"] = max(counts["total"] - counts["input"], 0)
    elif "input" not in counts and "output" in counts:
        counts["input"] = max(counts["total"] - counts["output"], 0)
    return Usage(**counts, raw=source)


def usage_in_headers(info: ResponseInfo) -> Usage | None:
    """The tokens that an answer's headers count; ``None`` where they count none."""
    sides: dict[str, dict[str, int]] = {"prompt": {}, "completion": {}}
    for name, count in info.usage.items():
        side, _, kind = name.removesuffix("-tokens").partition("-")
        if name.endswith("-tokens") and side in sides:
            sides[side][f"{kind.replace('-', '_')}_tokens"] = _count_from(count) or 0
    # In headers all kinds stand side by side; in a body the totals include them.
    usage: dict[str, Any] = {f"{side}_tokens": sum(kinds.values()) for side, kinds in sides.items()}
    usage["total_tokens"] = sum(usage.values())
    if not usage["total_tokens"]:
        return None
    for side, kinds in sides.items():
        kinds.pop("text_tokens", None)
        if kinds:
            usage[f"{side}_tokens_details"] = kinds
    return usage_from(usage)


def _count_from(value: Any) -> int | None:
    """``value`` as a count of tokens; ``None`` if it is no count."""
    if type(value) is int:
        return value if 0 <= value < MAX_COUNT else None
    if isinstance(value, str):
        value = number_in(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < MAX_COUNT else None
