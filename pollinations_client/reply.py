"""The normal form of an answer: what every model behind the gateway says, in one shape that both
adapters read.

A plain answer is folded as a stream of one chunk, so the two cannot differ. The folding itself,
with the gateway's many spellings, is in ``response/decoder.py``; here are only the shapes that come
out of it. All of them are plain data: comparable, copyable, picklable.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .errors import InvalidRequestError, MalformedReply, number_in
from .lenient_json import parse_json
from .media.data_url import base64_in, parse_data_url

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
    "usage_from",
]


MAX_COUNT = 2**63  # larger ones are no counts of tokens


@dataclass(slots=True)
class TextPart:
    """A run of answer text."""

    text: str
    kind: ClassVar[str] = "text"

    def wire_form(self) -> dict[str, Any]:
        """The part as the gateway writes it."""
        return {"type": "text", "text": self.text}


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

    def wire_form(self) -> dict[str, Any]:
        """The part as the gateway writes it."""
        if self.redacted is not None:
            return {"type": "redacted_thinking", "data": self.redacted}
        block = {"type": "thinking", "thinking": self.text}
        if self.signature is not None:
            block["signature"] = self.signature
        return block


@dataclass(slots=True)
class ImagePart:
    """A picture inside an answer (a Gemini plot, say): ``url`` is a data URL or a link; ``raw`` is
    the wire block.
    """

    url: str
    mime_type: str | None = None
    raw: dict[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "image"

    def wire_form(self) -> dict[str, Any]:
        """The part as the gateway writes it."""
        return self.raw or {"type": "image_url", "image_url": {"url": self.url}}

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

    @property
    def data_base64(self) -> bytes | None:
        """The same in base64, in less memory: a usual URL has it already."""
        encoded = base64_in(self.url)
        if encoded is None and (data := self.data) is not None:
            return base64.b64encode(data)
        return encoded


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

    def wire_form(self) -> dict[str, Any]:
        """The ``audio`` field of a message, as the gateway writes it."""
        fields = {
            "id": self.id,
            "data": self.data,
            "transcript": self.transcript,
            "expires_at": self.expires_at,
        }
        return {name: value for name, value in fields.items() if value}


@dataclass(slots=True)
class OtherPart:
    """A content block of a type this project does not know; ``raw`` is it, untouched."""

    raw: dict[str, Any]
    kind: ClassVar[str] = "other"

    def wire_form(self) -> dict[str, Any]:
        """The part as the gateway wrote it."""
        return self.raw


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

    def wire_form(self) -> dict[str, Any]:
        """The entry of ``tool_calls``, as the gateway writes it."""
        extra = dict(self.extra)
        inner = extra.pop("function", {})
        function = {"name": self.name, "arguments": self.arguments, **inner}
        return {"id": self.id, "type": "function", **extra, "function": function}

    @property
    def args(self) -> dict[str, Any] | None:
        """The arguments as an object; ``None`` where they are not one (see ``problem``).

        No arguments are ``{}``.
        """
        # Seen for a tool without parameters: nothing at all, white space, and null.
        if self.arguments.strip() in {"", "null"} and not self.cut:
            return {}
        try:
            parsed = parse_json(self.arguments)
        except ValueError:
            return None
        if isinstance(parsed, dict):
            return parsed
        return None

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
            parse_json(self.arguments)
        except ValueError as error:
            return f"The arguments are not valid JSON: {error}"
        return "The arguments are JSON, but not an object."


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


@dataclass(slots=True)
class Reply:
    """One whole answer.

    ``parts`` are text, reasoning, pictures, audio and unknown blocks in the order they came;
    ``text`` and ``reasoning`` join the runs of their kind. ``finish_reason`` is one of ``stop``,
    ``length``, ``tool_calls``, ``content_filter``, ``function_call``, ``error`` or the provider's
    own word in lower case; ``finish_reason_raw`` is what was sent. ``created`` is in seconds.
    ``extra`` keeps every unknown field of the answer, its choice (``choice.*``) and its message
    (``message.*``). ``raw`` is made of ``body``, a whole body as it came, or of ``envelope``, what
    the chunks of a stream said beside the message.
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
    envelope: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    body: dict[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def raw(self) -> dict[str, Any]:
        """The answer in the gateway's own form, with every field it came with.

        A whole body is given as it was parsed. The chunks of a stream are merged into the body
        that the gateway would have sent at once: of each field the last value that is not null,
        of text, reasoning, tool calls and ``logprobs`` everything, joined.
        """
        if self.body is not None:
            return self.body
        choice, *_ = self.envelope.get("choices") or [{}]
        choice = {"index": 0, **choice, "message": self._message()}
        if self.logprobs is not None:
            choice["logprobs"] = self.logprobs
        body = {**self.envelope, "object": "chat.completion", "choices": [choice]}
        if self.usage is not None:
            body["usage"] = dict(self.usage.raw)
        return body

    def _message(self) -> dict[str, Any]:
        named = {
            "reasoning_content": self.reasoning,
            "reasoning_details": self.reasoning_details,
            "content_blocks": self._content_blocks(),
            "tool_calls": [call.wire_form() for call in self.tool_calls],
            "audio": self.audio and self.audio.wire_form(),
            "refusal": self.refusal,
            "annotations": self.annotations,
        }
        unknown = {
            name.removeprefix("message."): value
            for name, value in self.extra.items()
            if name.startswith("message.")
        }
        present = {name: value for name, value in named.items() if value}
        return {"role": "assistant", "content": self.text or None, **unknown, **present}

    def _content_blocks(self) -> list[dict[str, Any]]:
        """The parts as blocks, if any of them is more than text, plain reasoning or sound."""
        blocks = [part.wire_form() for part in self.parts if not isinstance(part, AudioPart)]
        # Blocks of text and thinking alone say no more than the two plain fields do.
        plain = ({"type", "text"}, {"type", "thinking"})
        if all(block.keys() in plain for block in blocks):
            return []
        return blocks

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
        self,
        index: int,
        arguments: str,
        id: str | None = None,  # noqa: A002
        name: str | None = None,
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
Batch = list[Event]  # the events that one piece of a body completes


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
# The same by object and name: what a count is of, and how late among its places this one is.
PLACES: dict[str, dict[str, tuple[str, int]]] = {"": {}}
for _kind, _paths in USAGE_PATHS.items():
    for _rank, (_owner, _name) in enumerate(_paths):
        PLACES.setdefault(_owner, {})[_name] = _kind, _rank


def usage_from(source: Any) -> Usage | None:
    """Read a ``usage`` object of either era; ``None`` if there is none.

    A value that is no count is ignored. Of total, input and output, one that is missing is what the
    others leave.
    """
    if not isinstance(source, Mapping):
        return None
    counts: dict[str, int] = {}
    ranks: dict[str, int] = {}
    for owner, places in PLACES.items():
        values = source.get(owner) if owner else source
        if not isinstance(values, Mapping):
            continue
        for name, value in values.items():
            if name not in places or value is None:
                continue
            count = value if type(value) is int and 0 <= value < MAX_COUNT else _whole(value)
            kind, rank = places[name]
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
            sides[side][f"{kind.replace('-', '_')}_tokens"] = _whole(count) or 0
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


def _whole(value: Any) -> int | None:
    if type(value) is int:
        return value if 0 <= value < MAX_COUNT else None
    if isinstance(value, str):
        value = number_in(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < MAX_COUNT else None
