"""Count the tokens of a prompt and of an answer, and write the headers that repeat them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from .chat_request import ChatRequest, Json

if TYPE_CHECKING:
    from ..scripts import Answer
    from ..state import State

# No reply says what it cost, in no field and no header (#11349): a client multiplies these counts
# with the price list.
IMAGE_TOKENS = 255
BYTES_PER_AUDIO_TOKEN = 3200
CACHED_FROM = 1024


def count_tokens(text: str) -> int:
    """About how many tokens a text has: one per four bytes."""
    return (len(text.encode()) + 3) // 4


def _audio_tokens(base64_text: str) -> int:
    return max(1, len(base64_text) * 3 // 4 // BYTES_PER_AUDIO_TOKEN)


def _cached(state: State, request: ChatRequest) -> tuple[int, int]:
    """Tokens read from and written to the prompt cache: a marked or long opening that was seen
    before, or is new.
    """
    texts = [json.dumps(m, ensure_ascii=False, sort_keys=True) for m in request.messages]
    marked = [at for at, text in enumerate(texts) if '"cache_control"' in text]
    opening = "".join(texts[: max(marked, default=0) + 1])
    size = count_tokens(opening)
    if not marked and size < CACHED_FROM:
        return 0, 0
    digest = hashlib.sha256((request.model.name + opening).encode()).hexdigest()
    if digest in state.prompt_prefixes:
        return size, 0
    state.prompt_prefixes.add(digest)
    return 0, size * bool(marked)  # only what was marked is billed as written


def usage_of(state: State, request: ChatRequest, answer: Answer) -> Json:
    """The usage of one answer."""
    sounds = request.parts("input_audio")
    audio_in = sum(_audio_tokens(part["input_audio"]["data"]) for part in sounds)
    image_in = IMAGE_TOKENS * len(request.parts("image_url"))
    prompt = count_tokens(request.prompt_text) + 4 * len(request.messages) + audio_in + image_in
    prompt += 64 * len(request.parts("file"))
    thoughts = [block.get("thinking", "") for block in answer.content_blocks or ()]
    reasoning = count_tokens(answer.reasoning) or sum(map(count_tokens, thoughts))
    audio_out = 0
    if answer.audio:
        audio_out = _audio_tokens(answer.audio["data"])
    calls = sum(count_tokens(str(call)) for call in answer.tool_calls)
    completion = max(1, count_tokens(answer.text or "") + calls + reasoning + audio_out)
    read, written = (min(tokens, prompt) for tokens in _cached(state, request))
    usage: Json = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {
            "cached_tokens": read,
            "audio_tokens": audio_in,
            "image_tokens": image_in,
        },
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": audio_out,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    if written:
        usage["prompt_tokens_details"]["cache_write_tokens"] = written
    if request.era == "today" and written:
        usage["cache_creation_input_tokens"] = written
    return usage


# The header of each count, and where the usage has it: the side, then the name there.
HEADERS = {
    "prompt-cached": ("prompt_tokens_details", "cached_tokens"),
    "prompt-cache-write": ("prompt_tokens_details", "cache_write_tokens"),
    "prompt-audio": ("prompt_tokens_details", "audio_tokens"),
    "prompt-image": ("prompt_tokens_details", "image_tokens"),
    "completion-reasoning": ("completion_tokens_details", "reasoning_tokens"),
    "completion-audio": ("completion_tokens_details", "audio_tokens"),
}


def usage_headers(usage: Json) -> dict[str, str]:
    """The ``x-usage-*`` headers of a plain reply; zeros are left out."""
    counted = {
        header: (usage.get(side) or {}).get(name) or 0 for header, (side, name) in HEADERS.items()
    }
    # The text is what none of the other counts holds; what was written to the cache is text too.
    texts = {"prompt": usage.get("prompt_tokens", 0) + counted["prompt-cache-write"]}
    texts["completion"] = usage.get("completion_tokens", 0)
    for side, total in texts.items():
        counted[f"{side}-text"] = total - sum(
            tokens for header, tokens in counted.items() if header.startswith(side)
        )
    # A zero has no header, and a stream has none at all: its headers leave before it is counted.
    return {f"x-usage-{name}-tokens": str(count) for name, count in counted.items() if count > 0}
