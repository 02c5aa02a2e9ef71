"""The answer of a model in one form for all providers: ``Reply``, its parts, and stream events.

``response/decoder.py`` makes them of the gateway's many spellings; a whole answer is decoded as a
stream of one chunk, so the two cannot differ. All are plain data: comparable, copyable, picklable.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .errors import InvalidRequestError, MalformedReply
from .lenient_json import parse_json
from .media.data_url import base64_in, parse_data_url
from .reply_metadata import ResponseInfo, Usage

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
    "TextDelta",
    "TextPart",
    "ToolCall",
    "ToolCallDelta",
]


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
        """The bytes in base64, in less memory: a usual URL has it already."""
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
