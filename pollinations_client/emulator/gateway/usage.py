"""Counting: tokens of a prompt and of an answer, their details, and the headers that
repeat them.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from .chat_request import ChatRequest, Json

if TYPE_CHECKING:
    from ..scripts import Answer
    from ..state import State

IMAGE_TOKENS = 255
BYTES_PER_AUDIO_TOKEN = 3200
CACHED_FROM = 1024


def count(text: str) -> int:
    """About how many tokens a text has: one per four bytes."""
    return (len(text.encode()) + 3) // 4


def _audio_tokens(base64_text: str) -> int:
    return max(1, len(base64_text) * 3 // 4 // BYTES_PER_AUDIO_TOKEN)


def _cached(state: State, request: ChatRequest) -> tuple[int, int]:
    """Tokens read from and written to the prompt cache: a marked or long opening that was seen
    before, or is new.
    """
    said = [json.dumps(m, ensure_ascii=False, sort_keys=True) for m in request.messages]
    marked = [at for at, text in enumerate(said) if '"cache_control"' in text]
    opening = "".join(said[: marked[-1] + 1]) if marked else "".join(said[:1])
    size = count(opening)
    if not marked and size < CACHED_FROM:
        return 0, 0
    digest = hashlib.sha256((request.model.name + opening).encode()).hexdigest()
    if digest in state.prompt_prefixes:
        return size, 0
    state.prompt_prefixes.add(digest)
    return 0, size if marked else 0


def usage_of(state: State, request: ChatRequest, answer: Answer) -> Json:
    """The usage of one answer."""
    audio_in = sum(
        _audio_tokens(part["input_audio"]["data"]) for part in request.parts("input_audio")
    )
    image_in = IMAGE_TOKENS * len(request.parts("image_url"))
    read, written = _cached(state, request)
    prompt = (
        count(request.prompt_text)
        + 4 * len(request.messages)
        + audio_in
        + image_in
        + 64 * len(request.parts("file"))
    )
    reasoning = count(answer.reasoning) or sum(
        count(b.get("thinking", "")) for b in answer.content_blocks or []
    )
    audio_out = _audio_tokens(answer.audio["data"]) if answer.audio else 0
    called = sum(count(str(call)) for call in answer.tool_calls)
    completion = max(1, count(answer.text or "") + called + reasoning + audio_out)
    read, written = min(read, prompt), min(written, prompt)
    prompt_details = {"cached_tokens": read, "audio_tokens": audio_in, "image_tokens": image_in}
    usage: Json = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": (
            prompt_details | ({"cache_write_tokens": written} if written else {})
        ),
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": audio_out,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    if request.era == "today" and written:
        usage["cache_creation_input_tokens"] = written
    return usage


def usage_headers(usage: Json) -> dict[str, str]:
    """The ``x-usage-*`` headers of a plain reply; zeros are left out."""
    prompt, completion = (
        usage.get("prompt_tokens_details") or {},
        usage.get("completion_tokens_details") or {},
    )
    special_in = ("cached_tokens", "audio_tokens", "image_tokens")
    counted = {
        "prompt-text": (
            usage.get("prompt_tokens", 0) - sum(prompt.get(name) or 0 for name in special_in)
        ),
        "prompt-cached": prompt.get("cached_tokens"),
        "prompt-cache-write": prompt.get("cache_write_tokens"),
        "prompt-audio": prompt.get("audio_tokens"),
        "prompt-image": prompt.get("image_tokens"),
        "completion-text": (
            usage.get("completion_tokens", 0)
            - (completion.get("reasoning_tokens") or 0)
            - (completion.get("audio_tokens") or 0)
        ),
        "completion-reasoning": completion.get("reasoning_tokens"),
        "completion-audio": completion.get("audio_tokens"),
    }
    return {
        f"x-usage-{name}-tokens": str(tokens)
        for name, tokens in counted.items()
        if tokens and tokens > 0
    }
