"""``POST /v1/chat/completions``: the fields of a request and their bounds.

Source: the request schema of API 0.3.0 and the one of autumn 2026. A bound that is the same in both
is checked here; where they differ the wider one holds and the gateway decides, but for ``seed``,
whose narrower bound is the only one that works today.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from .validation import Check, Options, drop_none, within

DEFAULT_OCR_MODEL = "mistral-ocr"
# API 0.3.0 took seeds up to 2**53 - 1. Today's gateway answers 400 to more than 32 bits.
MAX_SEED = 2**31 - 1
# The words of autumn 2026. Providers add some now and then, so others pass to the gateway.
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | str
Modality = Literal["text", "audio"]
BUILT_IN_TOOLS = frozenset(
    {"code_execution", "google_search", "google_maps", "url_context", "computer_use", "file_search"}
)
# Of speech in an answer. The route for speech alone has other words: see audio_options.py.
AUDIO_FORMATS = ("wav", "mp3", "flac", "opus", "pcm16")


def _int32_seed(seed: int) -> int:
    if not -1 <= seed <= MAX_SEED:
        raise ValueError(
            f"A seed is -1 to {MAX_SEED}: today's gateway refuses wider ones, API 0.3.0 took them"
        )
    return seed


def _joined_tokens(tokens: Any) -> Any:
    # The gateway's schema has a flag or one text with commas; a list is a 400
    # (shared/schemas/safety.ts). Without a token nothing is switched on.
    if isinstance(tokens, list):
        return ",".join(map(str, tokens)) or None
    return tokens


SafetyTokens = Annotated[bool | str | list[str], Check(_joined_tokens, "joined by commas")]
Unit = Annotated[float, within(0, 1)]
Penalty = Annotated[float, within(-2, 2)]
Temperature = Annotated[float, within(0, 2)]
Tokens = Annotated[int, within(0, unit="tokens")]
Seed = Annotated[int, Check(_int32_seed, f"-1 to {MAX_SEED}")]


class ModelOptions(Options):
    """Options that belong to a model as well as to one call.

    ``None`` means: not sent, the gateway's default holds.
    """

    temperature: Temperature | None = None
    """Randomness, 0 to 2. A hint: several models ignore it."""
    top_p: Unit | None = None
    """Nucleus sampling, 0 to 1."""
    max_tokens: Tokens | None = None
    """Most tokens of the answer, reasoning included: too few leave a reasoning model without an
    answer.
    """
    max_completion_tokens: Tokens | None = None
    """OpenAI's newer name for ``max_tokens``; sent as written."""
    stop: str | list[str] | None = None
    """One to four strings that end the answer."""
    seed: Seed | None = None
    """-1 to 2147483647. The gateway answers the same request with the same seed from a cache;
    -1 draws a new seed per call.
    """
    frequency_penalty: Penalty | None = None
    """-2 to 2."""
    presence_penalty: Penalty | None = None
    """-2 to 2."""
    repetition_penalty: Annotated[float, within(0, 2)] | None = None
    """0 to 2; a field of this gateway."""
    logit_bias: dict[str, int] | None = None
    """Token id to bias."""
    logprobs: bool | None = None
    """Whether to return the log probabilities of the answer's tokens."""
    top_logprobs: Annotated[int, within(0, 20, "alternatives")] | None = None
    """How many alternatives a token, 0 to 20."""
    reasoning_effort: ReasoningEffort | None = None
    """How much a reasoning model thinks.

    The only reasoning option that today's gateway passes on.
    """
    thinking: dict[str, Any] | None = None
    """``{"type": "enabled", "budget_tokens": n}``: API 0.3.0; today's gateway drops it."""
    thinking_budget: Tokens | None = None
    """Tokens for thinking: API 0.3.0; today's gateway drops it."""
    parallel_tool_calls: bool | None = None
    """Whether one answer may hold several tool calls."""
    modalities: Annotated[list[Modality], Field(min_length=1)] | None = None
    """``["text", "audio"]`` for speech; audio models need ``audio`` beside it."""
    audio: dict[str, Any] | None = None
    """``{"voice": ..., "format": "wav" | "mp3" | "flac" | "opus" | "pcm16"}``; streams take pcm16
    only.
    """
    user: str | None = None
    """A name for the end user; part of the cache key."""
    safe: SafetyTokens | None = None
    """Safety filters, today's gateway: ``True`` or tokens such as ``privacy``, ``secrets``,
    ``nsfw``, as a list or with commas between them.
    """
    web_search_options: dict[str, Any] | None = None
    """``{"search_context_size": "low" | "medium" | "high"}`` for Perplexity."""
    default_tools: bool | None = None
    """``False`` switches off the tools that the gateway adds for Gemini when a request has none.

    Not itself sent.
    """
    extra_body: dict[str, Any] | None = None
    """Fields that are not listed here (``top_k``, ``verbosity``...), merged into the request as
    they are.
    """

    @field_validator("stop")
    @classmethod
    def _four_stops_at_most(cls, stop: str | list[str] | None) -> str | list[str] | None:
        # An empty list is a 400 in both eras, so it is not sent.
        if isinstance(stop, list) and len(stop) > 4:
            raise ValueError(f"The gateway takes 1 to 4 stop strings, {len(stop)} were given")
        return stop or None

    @field_validator("logit_bias", mode="before")
    @classmethod
    def _keys_are_strings(cls, bias: Any) -> Any:
        # A tokenizer gives ids as numbers, and JSON has no numbers for names.
        if isinstance(bias, dict):
            return {str(token): value for token, value in bias.items()}
        return bias

    @field_validator("audio")
    @classmethod
    def _voice_and_format(cls, audio: dict[str, Any] | None) -> dict[str, Any] | None:
        if audio is None:
            return None
        if missing := {"voice", "format"} - drop_none(audio).keys():
            raise ValueError(
                f"The gateway needs both voice and format; missing: {', '.join(sorted(missing))}"
            )
        if audio["format"] not in AUDIO_FORMATS:
            raise ValueError(f"The format is one of {', '.join(AUDIO_FORMATS)}")
        return audio


class ChatOptions(ModelOptions):
    """Every field of a chat request but its messages."""

    model: str | None = None
    """Any name or alias the gateway knows; left out, the gateway's default (``openai``) answers."""
    tools: list[Any] | None = None
    """Function tools, or built-in ones by name or as ``{"type": name}``."""
    tool_choice: str | bool | dict[str, Any] | None = None
    """``auto``, ``none``, ``required`` (or ``any``), a tool's name, or the OpenAI or Anthropic
    object form.
    """
    response_format: dict[str, Any] | None = None
    """``{"type": "text" | "json_object" | "json_schema", ...}``."""
    functions: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=128)] | None = None
    """Deprecated by OpenAI in favour of ``tools``."""
    function_call: str | dict[str, Any] | None = None
    """Deprecated by OpenAI in favour of ``tool_choice``."""
    stream_options: dict[str, Any] | None = None
    """Streams only; ``{"include_usage": True}`` is sent by default."""

    @field_validator("response_format")
    @classmethod
    def _known_format(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        match value:
            case None | {"type": "text" | "json_object"}:
                return value
            case {"type": "json_schema", "json_schema": {"schema": dict()}}:
                return value
            case {"type": "json_schema"}:
                raise ValueError(
                    "A json_schema format needs json_schema={'name': ..., 'schema': {...}}"
                )
        raise ValueError("The type is one of 'text', 'json_object', 'json_schema'")


def drawn_seed(seed: int | None) -> int | None:
    """``seed`` for the wire: -1 becomes a fresh number once per call, for today's gateway takes -1
    as a fixed seed.
    """
    if seed == -1:
        return secrets.randbelow(MAX_SEED + 1)
    return seed
