"""The normal form of an answer: what every model behind the gateway says, in one shape that both
adapters read.

A plain answer is folded as a stream of one chunk, so the two cannot differ. The folding itself,
with the gateway's many spellings, is in ``response/decoder.py``; here are only the shapes that come
out of it. All of them are plain data: comparable, copyable, picklable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic_core import from_json

from .data_url import parse_data_url
from .errors import InvalidRequestError, MalformedReply, number_in

__all__ = [
    "AudioDelta",
    "AudioPart",
    "Event",
    "Finished",
    "ImagePart",
    "OtherPart",
    "Part",
    "PartDelta",
    "ReasoningDelta",
    "ReasoningPart",
    "Reply",
    "ResponseInfo",
    "TextDelta",
    "TextPart",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
]


@dataclass(slots=True)
class TextPart:
    """A run of answer text."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(slots=True)
class ReasoningPart:
    """A run of the model's reasoning.

    ``signature`` must go back unchanged with the next turn where a provider signs its thinking;
    ``redacted`` holds thinking that the provider encrypted (``text`` is empty then).
    """

    text: str = ""
    signature: str | None = None
    redacted: str | None = None
    kind: ClassVar[str] = "reasoning"


@dataclass(slots=True)
class ImagePart:
    """A picture inside an answer (a Gemini plot, say): ``url`` is a data URL or a link; ``raw`` is
    the wire block.
    """

    url: str
    mime_type: str | None = None
    raw: dict[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "image"

    @property
    def data(self) -> bytes | None:
        """The bytes where the URL carries them, else ``None``.

        Raises :class:`MalformedReply` for broken ones.
        """
        if not self.url.startswith("data:"):
            return None
        try:
            return parse_data_url(self.url)[1]
        except InvalidRequestError as error:
            reason = error.message
        raise MalformedReply(f"A picture in the answer cannot be decoded: {reason}")


@dataclass(slots=True)
class AudioPart:
    """Speech inside an answer.

    ``data`` is base64 in the format that was asked for; ``transcript`` its words.
    """

    data: str = ""
    transcript: str = ""
    id: str | None = None
    expires_at: int | None = None
    kind: ClassVar[str] = "audio"


@dataclass(slots=True)
class OtherPart:
    """A content block of a type this project does not know; ``raw`` is it, untouched."""

    raw: dict[str, Any]
    kind: ClassVar[str] = "other"


Part = TextPart | ReasoningPart | ImagePart | AudioPart | OtherPart


@dataclass(slots=True)
class ToolCall:
    """One call of a tool that the model asks for.

    ``arguments`` is the JSON text as received. ``extra`` keeps unknown fields (``extra_content``,
    ``thought_signature``...) that must be echoed with the next turn; ``cut`` says that the token
    limit ended the answer, so that the last call's arguments may be incomplete even where they
    parse.
    """

    id: str
    name: str
    arguments: str = ""
    index: int = 0
    extra: dict[str, Any] = field(default_factory=dict)
    cut: bool = False

    @property
    def args(self) -> dict[str, Any] | None:
        """The arguments as an object; ``None`` where they are not one (see ``problem``).

        No arguments are ``{}``.
        """
        if not self.arguments.strip() or self.arguments.strip() == "null":
            return None if self.cut else {}
        try:
            parsed = from_json(self.arguments)
        except ValueError:
            return None
        return parsed if isinstance(parsed, dict) else None

    @property
    def problem(self) -> str | None:
        """Why ``args`` is ``None``, in a sentence; ``None`` for a good call."""
        if not self.name:
            return "The model called a tool without naming it."
        if self.args is not None:
            return None
        if self.cut:
            return (
                "The answer hit max_tokens before these arguments were complete; raise max_tokens."
            )
        try:
            from_json(self.arguments)
        except ValueError as error:
            return f"The arguments are not valid JSON: {error}"
        return "The arguments are JSON, but not an object."


@dataclass(slots=True, frozen=True)
class Usage:
    """Tokens of one answer, as billed. ``raw`` is the gateway's own object.

    ``cached``, ``cache_write``, ``audio_input``, ``image_input`` are parts of ``input``;
    ``reasoning`` and ``audio_output`` parts of ``output`` (xAI adds reasoning on top; ``total`` is
    taken as given).
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


def usage_from(given: Any) -> Usage | None:
    """Read a ``usage`` object of either era; ``None`` where there is none.

    Odd values count as not given.
    """
    if not isinstance(given, Mapping):
        return None
    prompt, completion = (
        _object(given, "prompt_tokens_details"),
        _object(given, "completion_tokens_details"),
    )
    spent = _count(given, "prompt_tokens", "input_tokens") or 0
    made = _count(given, "completion_tokens", "output_tokens") or 0
    cached = _count(prompt, "cached_tokens")
    if not cached:
        elsewhere = _count(
            given, "cached_input_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens"
        )
        cached = cached if elsewhere is None else elsewhere
    written = _count(prompt, "cache_write_tokens", "cache_creation_tokens")
    reasoning = _count(completion, "reasoning_tokens")
    total = _count(given, "total_tokens")
    return Usage(
        input=spent,
        output=made,
        total=spent + made if total is None else total,
        cached=cached,
        cache_write=_count(given, "cache_creation_input_tokens") if written is None else written,
        audio_input=_count(prompt, "audio_tokens"),
        image_input=_count(prompt, "image_tokens"),
        reasoning=_count(given, "reasoning_tokens") if reasoning is None else reasoning,
        audio_output=_count(completion, "audio_tokens"),
        image_output=_count(completion, "image_tokens"),
        raw=given,
    )


def _object(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = given.get(name)
    return value if isinstance(value, Mapping) else {}


def _count(given: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = given.get(name)
        if isinstance(value, str):
            value = number_in(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 2**63:
            return int(value)
    return None


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


def _usage_counts(headers: Mapping[str, str]) -> dict[str, float]:
    counts: dict[str, float] = {}
    for name, value in headers.items():
        if name.startswith("x-usage-"):
            try:
                counts[name.removeprefix("x-usage-")] = float(value)
            except ValueError:
                continue
    return counts


@dataclass(slots=True)
class Reply:
    """One whole answer.

    ``parts`` are text, reasoning, pictures, audio and unknown blocks in the order they came;
    ``text`` and ``reasoning`` join the runs of their kind. ``finish_reason`` is one of ``stop``,
    ``length``, ``tool_calls``, ``content_filter``, ``function_call``, ``error`` or the provider's
    own word in lower case; ``finish_reason_raw`` is what was sent. ``created`` is in seconds.
    ``extra`` keeps every unknown field of the answer, its choice (``choice.*``) and its message
    (``message.*``).
    """

    parts: list[Part] = field(default_factory=list)
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish_reason: str | None = None
    finish_reason_raw: str | None = None
    usage: Usage | None = None
    id: str | None = None
    model: str | None = None
    created: int | None = None
    system_fingerprint: str | None = None
    refusal: str | None = None
    citations: list[str] = field(default_factory=list)
    search_results: list[Any] = field(default_factory=list)
    annotations: list[Any] = field(default_factory=list)
    logprobs: dict[str, Any] | None = None
    reasoning_details: list[dict[str, Any]] = field(default_factory=list)
    prompt_filter_results: Any = None
    content_filter_results: Any = None
    extra: dict[str, Any] = field(default_factory=dict)
    info: ResponseInfo = field(default_factory=ResponseInfo)

    @property
    def text(self) -> str:
        """All answer text, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def reasoning(self) -> str:
        """All reasoning, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, ReasoningPart))

    @property
    def images(self) -> list[ImagePart]:
        """The pictures in the answer."""
        return [part for part in self.parts if isinstance(part, ImagePart)]

    @property
    def audio(self) -> AudioPart | None:
        """The speech in the answer, if any."""
        return next((part for part in self.parts if isinstance(part, AudioPart)), None)

    @property
    def served_model(self) -> str | None:
        """The model that answered: as the answer names it, else as the headers do."""
        return self.model or self.info.model_used


# What a stream yields. ``index`` is the position in Reply.parts (or in Reply.tool_calls for
# ToolCallDelta).


class TextDelta:
    """A piece of answer text."""

    __slots__ = ("index", "text")
    __match_args__ = ("text",)

    def __init__(self, text: str, index: int) -> None:
        self.text = text
        self.index = index

    def __repr__(self) -> str:
        return f"TextDelta({self.text!r}, {self.index})"


class ReasoningDelta:
    """A piece of reasoning. ``signature`` or ``redacted``, where given, are whole."""

    __slots__ = ("index", "redacted", "signature", "text")
    __match_args__ = ("text",)

    def __init__(
        self, text: str, index: int, signature: str | None = None, redacted: str | None = None
    ) -> None:
        self.text = text
        self.index = index
        self.signature = signature
        self.redacted = redacted

    def __repr__(self) -> str:
        return f"ReasoningDelta({self.text!r}, {self.index})"


class ToolCallDelta:
    """A piece of a tool call: ``id`` and ``name`` come with its first piece only, ``arguments`` in
    fragments.
    """

    __slots__ = ("arguments", "extra", "id", "index", "name")

    def __init__(
        self, index: int, arguments: str, id: str | None = None, name: str | None = None,  # noqa: A002
        extra: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.index = index
        self.arguments = arguments
        self.id = id
        self.name = name
        self.extra = extra

    def __repr__(self) -> str:
        return f"ToolCallDelta({self.index}, {self.arguments!r}, {self.id!r}, {self.name!r})"


@dataclass(slots=True)
class AudioDelta:
    """A piece of speech: base64 ``data`` that decodes on its own, and the words that go with it."""

    index: int
    data: str = ""
    transcript: str = ""
    id: str | None = None


@dataclass(slots=True)
class PartDelta:
    """A whole part that does not come in pieces: a picture, or a block of unknown type."""

    index: int
    part: ImagePart | OtherPart


@dataclass(slots=True)
class Finished:
    """The last event of every good stream, exactly once: the whole answer."""

    reply: Reply


Event = TextDelta | ReasoningDelta | ToolCallDelta | AudioDelta | PartDelta | Finished
