"""Encode LangChain messages as the gateway's. Pure: the caller's messages are not changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from pollinations_client import InvalidRequestError
from pollinations_client._adapter_support import (
    AskedModel,
    drop_unsupported_media,
    kept_tool_media,
    older_pictures,
    with_line,
)

from ._assistant_messages import (
    CALL_FIELDS,
    assistant_turn,
    call_for,
    replay_reasoning_in,
    with_marks,
)
from ._content import Part, Wire, kind_of, part_from

PICTURES = frozenset({"image", "image_url", "input_image"})
NO_CALLS: frozenset[str] = frozenset()


def wire_messages(
    messages: Sequence[BaseMessage],
    model: Callable[[], AskedModel],
    *,
    replay_reasoning: bool = True,
    keep_images: int | None = None,
) -> list[Wire]:
    """Encode a conversation.

    Pictures and files inside tool results follow in one user message after the whole run of
    results, since a tool message takes text only; those inside an answer likewise.

    Args:
        messages: The conversation.
        model: Gives the model that it is for. Asked for media and reasoning alone: pictures of
            tools and answers go only to a model that takes pictures, and Claude wants signed
            thinking among the parts of its content.
        replay_reasoning: Send reasoning back where providers demand it: with every answer since
            the last user message, and of earlier exchanges where a tool was called; signed
            thinking wherever it stands.
        keep_images: Pictures of tools that are sent, the latest; of older ones the text alone.
    """
    turns = [_text_turn(message) for message in messages]
    if all(turns):
        return turns  # type: ignore[return-value]
    conversation = _Conversation(messages, model, replay_reasoning, keep_images)
    for index, turn in enumerate(turns):
        if turn is None or conversation.attachments:
            conversation.add(messages[index], index)
        else:
            conversation.wire.append(turn)
    conversation.send_attachments()
    return conversation.wire


class _Conversation:
    """One walk over the messages; what one message must know of the others is looked up once."""

    def __init__(
        self,
        messages: Sequence[BaseMessage],
        model: Callable[[], AskedModel],
        replay_reasoning: bool,
        keep_images: int | None,
    ) -> None:
        self.wire: list[Wire] = []
        self.attachments: list[Part] = []  # media of the run of tool results, or of an answer
        self._messages = messages
        self._model = model
        self._replays_reasoning = replay_reasoning
        self.keep_images = keep_images

    def add(self, message: BaseMessage, index: int) -> None:
        """Encode a message of any kind."""
        for part in _split_tool_results(message, index):
            self._add(part, index)

    def _add(self, message: BaseMessage, index: int) -> None:
        media: list[Part] = []
        if not isinstance(message, ToolMessage):
            self.send_attachments()
        match message:
            case AIMessage():
                turn, media = _assistant_turn(message, index, self)
                if self._replays_reasoning:
                    _replay_reasoning(turn, message, index, self)
            case ToolMessage():
                turn, media = _tool_turn(message, index, self)
            case SystemMessage() if _is_blank(message.content):
                return  # says nothing, and providers refuse it
            case _:
                turn = _plain_turn(message, index)
        self.wire.append(turn)
        self.attachments += media

    def send_attachments(self) -> None:
        """Send the media of tool results, now that their run has ended."""
        if self.attachments:
            self.wire.append({"role": "user", "content": self.attachments})
            self.attachments = []

    @cached_property
    def model(self) -> AskedModel:
        return self._model()

    @cached_property
    def has_thinking_in_content(self) -> bool:
        return self.model.has_trait("thinking_in_content")

    @cached_property
    def answered_calls(self) -> frozenset[str]:
        """Ids of the calls that have results."""
        return frozenset(
            message.tool_call_id for message in self._messages if isinstance(message, ToolMessage)
        )

    @cached_property
    def turns_with_reasoning(self) -> frozenset[int]:
        """The indices of the answers whose reasoning goes back: those since the last user message,
        and those of every exchange in which a tool was called.
        """
        # DeepSeek wants it with the answer that ends such an exchange too, in all requests that
        # follow, and answers 400 else (api-docs.deepseek.com/guides/thinking_mode, langchain's
        # issue 34166).
        with_reasoning: set[int] = set()
        answers: set[int] = set()
        goes_back = True
        for index in range(len(self._messages) - 1, -1, -1):
            match self._messages[index]:
                case HumanMessage():
                    if goes_back:
                        with_reasoning |= answers
                    answers, goes_back = set(), False
                case AIMessage():
                    answers.add(index)
                case ToolMessage() | FunctionMessage():
                    goes_back = True
        return frozenset(with_reasoning | answers if goes_back else with_reasoning)

    @cached_property
    def older_pictures(self) -> Iterator[int]:
        """How many pictures are left out of each tool result that has blocks, in their order."""
        counts: list[int] = []
        answered = 0
        split_messages = (
            part for message in self._messages for part in _split_tool_results(message, 0)
        )
        for message in split_messages:
            if isinstance(message, AIMessage):
                answered = len(counts)
            elif isinstance(message, ToolMessage) and isinstance(message.content, list):
                blocks = [block for block in message.content if isinstance(block, dict)]
                counts.append(sum(kind_of(block) in PICTURES for block in blocks))
        return iter(older_pictures(counts, self.keep_images or 0, answered))


def _text_turn(message: BaseMessage) -> Wire | None:
    """The turn for a message that is text, with calls or without; None for any other message."""
    # Nearly all messages are. By the exact class it takes 0.8 us: each ``isinstance`` of a pydantic
    # class is one step through ``ABCMeta``, 0.25 us, and the way below asks several.
    content = message.content
    if type(content) is not str or message.name or message.additional_kwargs:
        return None
    kind = type(message)
    if kind is HumanMessage:
        return {"role": "user", "content": content}
    if kind is ToolMessage:
        call_id = message.tool_call_id  # type: ignore[attr-defined]
        return {"role": "tool", "tool_call_id": call_id, "content": content}
    if kind is SystemMessage and not _is_blank(content):
        return {"role": "system", "content": content}
    if kind is not AIMessage and kind is not AIMessageChunk:
        return None
    if message.invalid_tool_calls:  # type: ignore[attr-defined]
        return None
    turn: Wire = {"role": "assistant", "content": content}
    if calls := message.tool_calls:  # type: ignore[attr-defined]
        turn["tool_calls"] = wire_calls = []
        for call in calls:  # quicker than a comprehension for one call, which most turns have
            wire_calls.append(call_for(call))
    return turn


def _is_blank(content: str | list[Any]) -> bool:
    """Whether content is empty, or nothing but white space."""
    return not content or (isinstance(content, str) and content.isspace())


# -- users, systems, and roles of a program's own


def _split_tool_results(message: BaseMessage, index: int) -> Iterator[BaseMessage]:
    """Split Anthropic's ``tool_result`` blocks off a user message, as tool messages; give any other
    message as it is.
    """
    content = message.content
    results: list[Any] = []
    if isinstance(content, list) and isinstance(message, HumanMessage):
        results = [block for block in content if _is_tool_result(block)]
    if not results:
        yield message
        return
    for block in results:
        yield _tool_message_from(block, index)
    if others := [block for block in content if not _is_tool_result(block)]:
        yield message.model_copy(update={"content": others})


def _is_tool_result(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "tool_result"


def _tool_message_from(block: Any, index: int) -> ToolMessage:
    if not isinstance(call_id := block.get("tool_use_id"), str):
        raise InvalidRequestError(
            f"messages[{index}]: a tool_result block needs the id of its call, a text, in"
            " 'tool_use_id'.",
            param="messages",
        )
    message = ToolMessage(content=block.get("content") or "", tool_call_id=call_id)
    if block.get("is_error"):
        message.status = "error"
    return message


def _plain_turn(message: BaseMessage, index: int) -> Wire:
    """The turn for a message that is neither an answer nor a tool's result."""
    match message:
        case HumanMessage():
            role = "user"
        case SystemMessage():
            # Core keeps OpenAI's "developer" here (``convert_to_messages``).
            role = message.additional_kwargs.get("__openai_role__", "system")
        case FunctionMessage():
            role = "function"
        case ChatMessage():
            role = message.role
        case _:
            raise InvalidRequestError(
                f"messages[{index}]: a {type(message).__name__} cannot be sent to a chat model.",
                param="messages",
            )
    content: Any = message.content
    if isinstance(content, list):
        content = [
            part_from(block, f"messages[{index}].content[{number}]")
            for number, block in enumerate(content)
        ]
    return with_marks({"role": role, "content": content}, message)


# -- answers and tools' results


def _assistant_turn(
    message: AIMessage, index: int, conversation: _Conversation
) -> tuple[Wire, list[Part]]:
    """The turn for an answer, and its pictures, which only a user message can carry."""
    answered_calls = NO_CALLS
    if message.invalid_tool_calls or "function_call" in message.additional_kwargs:
        answered_calls = conversation.answered_calls
    turn, media = assistant_turn(message, index, answered_calls)
    if not media:
        return turn, media
    media, notice = drop_unsupported_media(conversation.model, media)
    if notice:
        turn["content"] = with_line(turn["content"], notice)
    return turn, _captioned("Attached to the assistant's answer:", media)


def _replay_reasoning(
    turn: Wire, message: AIMessage, index: int, conversation: _Conversation
) -> None:
    if not message.additional_kwargs and isinstance(message.content, str):
        return  # nowhere that reasoning could be
    is_demanded = index in conversation.turns_with_reasoning or not CALL_FIELDS.isdisjoint(turn)
    replay_reasoning_in(
        turn, message, is_demanded=is_demanded, in_content=conversation.has_thinking_in_content
    )


def _tool_turn(
    message: ToolMessage, index: int, conversation: _Conversation
) -> tuple[Wire, list[Part]]:
    """The turn for a tool's result, which takes text alone, and its media."""
    turn: Wire = {"role": "tool", "tool_call_id": message.tool_call_id}
    if isinstance(message.content, str):
        return with_marks({**turn, "content": message.content}, message), []
    texts: list[str] = []
    media: list[Part] = []
    for number, block in enumerate(message.content):
        part = part_from(block, f"messages[{index}].content[{number}]", in_tool=True)
        if part["type"] != "text":
            media.append(part)
            continue
        texts.append(part["text"])
        if mark := part.get("cache_control"):
            turn["cache_control"] = mark
    older = 0
    if conversation.keep_images is not None:
        older = next(conversation.older_pictures)
    media, notice = drop_unsupported_media(conversation.model, media)
    media, left_out = kept_tool_media(media, older)
    if media:
        follow = "1 attachment follows"
        if len(media) > 1:
            follow = f"{len(media)} attachments follow"
        texts.append(f"[{follow} in the next user message]")
    texts += filter(None, (left_out, notice))
    turn = with_marks({**turn, "content": "\n".join(texts)}, message)
    return turn, _captioned(f"Attached to the result of tool call {message.tool_call_id}:", media)


def _captioned(caption: str, media: list[Part]) -> list[Part]:
    return media and [{"type": "text", "text": caption}, *media]
