"""LangChain messages to the gateway's: pure, and nothing is left out without a word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic_core import to_jsonable_python

from pollinations_client import InvalidRequestError
from pollinations_client._adapter_support import (
    AskedModel,
    drop_unsupported_media,
    kept_tool_media,
    older_pictures,
)

from ._block_translator import PROVIDER
from ._content import KNOWN_KINDS, Part, kind_of, part_from
from ._responses import server_tool_block

Wire = dict[str, Any]

# In an answer's content, but told in ``tool_calls`` on the wire.
CALLS = frozenset(
    {
        "tool_use",
        "tool_call",
        "tool_call_chunk",
        "invalid_tool_call",
        "input_json_delta",
        "function_call",
    }
)
THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking"})
# What tools of the provider's own did. It has no place in a message but the gateway's
# ``content_blocks``.
SERVER_TOOLS = frozenset(
    {
        *("server_tool_call", "server_tool_call_chunk", "server_tool_result", "server_tool_use"),
        *(
            "web_search_tool_result",
            "code_execution_tool_result",
            "executable_code",
            "code_execution_result",
        ),
    }
)
CALL_FIELDS = frozenset({"tool_calls", "function_call"})
NONE: frozenset[str] = frozenset()
SPEECH = frozenset({"audio", "output_audio"})
PICTURES = frozenset({"image", "image_url", "input_image"})
# Made once: ``json.dumps`` with options makes an encoder for each call.
ENCODER = json.JSONEncoder(
    ensure_ascii=False, default=lambda value: to_jsonable_python(value, fallback=str)
)


def wire_messages(
    messages: Sequence[BaseMessage],
    model: AskedModel,
    *,
    replay_reasoning: bool = True,
    keep_images: int | None = None,
) -> list[Wire]:
    """The conversation as the gateway takes it.

    Pictures and files inside tool results follow in one user message after the whole run of
    results, since a tool message takes text only; those inside an answer likewise.

    Args:
        messages: The conversation.
        model: Whom it is for: pictures of tools and answers go only to a model that takes pictures,
            and Claude wants signed thinking among the parts of its content.
        replay_reasoning: Send reasoning back: with every turn that calls tools and every turn since
            the last user message, where providers demand it; signed thinking wherever it stands.
        keep_images: Pictures of tools that are sent, the latest; of older ones the text alone.
    """
    wire: list[Wire] = []
    carried: list[Part] = []
    in_content = model.has_trait("thinking_in_content")
    loop_from: int | None = None
    answered: frozenset[str] | None = None
    left_out: Iterator[int] | None = None
    for place, message in _spread(messages):
        if not carried and (turn := _text_turn(message)) is not None:
            wire.append(turn)
            continue
        if carried and not isinstance(message, ToolMessage):
            wire.append({"role": "user", "content": carried})
            carried = []
        match message:
            case AIMessage():
                if message.invalid_tool_calls or "function_call" in message.additional_kwargs:
                    answered = _answered(messages) if answered is None else answered
                turn, media = _assistant(message, place, answered or NONE, model)
                if replay_reasoning:
                    loop_from = _last_user(messages) if loop_from is None else loop_from
                    everything = place > loop_from or not CALL_FIELDS.isdisjoint(turn)
                    _replay(turn, message, everything=everything, in_content=in_content)
                wire.append(turn)
                carried += media
            case ToolMessage():
                older = 0
                if keep_images is not None and isinstance(message.content, list):
                    if left_out is None:
                        left_out = _older_pictures(messages, keep_images)
                    older = next(left_out)
                result, media = _tool_result(message, place, model, older)
                wire.append(result)
                carried += media
            case SystemMessage() if _is_blank(message.content):
                pass  # says nothing, and providers refuse it
            case _:
                wire.append(_plain(message, place))
    if carried:
        wire.append({"role": "user", "content": carried})
    return wire


def _text_turn(message: BaseMessage) -> Wire | None:
    """The turn for a message that is text, with calls or without, and nothing else; None for any
    other message.

    Nearly all messages are. By the exact class it takes 0.8 us: each ``isinstance`` of a pydantic
    class is one step through ``ABCMeta``, 0.25 us, and the way below asks several.
    """
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
    if kind is not AIMessage or message.invalid_tool_calls:  # type: ignore[attr-defined]
        return None
    turn: Wire = {"role": "assistant", "content": content}
    if calls := message.tool_calls:  # type: ignore[attr-defined]
        turn["tool_calls"] = [
            _call(call["id"], call["name"], _json(call["args"])) for call in calls
        ]
    return turn


def _is_blank(content: str | list[Any]) -> bool:
    """Whether content is empty, or nothing but white space."""
    return not content or (isinstance(content, str) and content.isspace())


def _answered(messages: Sequence[BaseMessage]) -> frozenset[str]:
    """The calls that have results."""
    return frozenset(
        message.tool_call_id for message in messages if isinstance(message, ToolMessage)
    )


def _last_user(messages: Sequence[BaseMessage]) -> int:
    for place in range(len(messages) - 1, -1, -1):
        if isinstance(messages[place], HumanMessage):
            return place
    return -1


def _spread(messages: Sequence[BaseMessage]) -> Iterator[tuple[int, BaseMessage]]:
    """The messages with their places; Anthropic's ``tool_result`` blocks in a user message become
    tool messages.
    """
    for place, message in enumerate(messages):
        if not (isinstance(message.content, list) and isinstance(message, HumanMessage)):
            yield place, message
            continue
        results = [
            block
            for block in message.content
            if isinstance(block, dict) and block.get("type") == "tool_result"
        ]
        for block in results:
            if not isinstance(call_id := block.get("tool_use_id"), str):
                raise InvalidRequestError(
                    f"messages[{place}]: a tool_result block needs the id of its call, a text, in"
                    " 'tool_use_id'.",
                    param="messages",
                )
            status = "error" if block.get("is_error") else "success"
            yield (
                place,
                ToolMessage(
                    content=block.get("content") or "",
                    tool_call_id=call_id,
                    status=status,
                ),
            )
        rest = [block for block in message.content if not any(block is one for one in results)]
        if rest or not results:
            yield place, message.model_copy(update={"content": rest}) if results else message


def _plain(message: BaseMessage, place: int) -> Wire:
    """A message that is neither an answer nor a tool's result."""
    match message:
        case HumanMessage():
            role = "user"
        case SystemMessage():
            role = message.additional_kwargs.get("__openai_role__", "system")
        case FunctionMessage():
            role = "function"
        case ChatMessage():
            role = message.role
        case _:
            raise InvalidRequestError(
                f"messages[{place}]: a {type(message).__name__} cannot be sent to a chat model.",
                param="messages",
            )
    return _dressed({"role": role, "content": _content(message.content, place)}, message)


def _dressed(wire: Wire, message: BaseMessage) -> Wire:
    """With what the message says of itself: its name, its mark for the prompt cache."""
    if message.name:
        wire["name"] = message.name
    if extra := message.additional_kwargs:
        for field in ("name", "cache_control"):
            if field in extra and field not in wire:
                wire[field] = extra[field]
    return wire


def _content(content: Any, place: int) -> str | list[Part]:
    if isinstance(content, str):
        return content
    return [part_from(block, f"messages[{place}].content[{n}]") for n, block in enumerate(content)]


# -- answers


def _assistant(
    message: AIMessage, place: int, answered: frozenset[str], model: AskedModel
) -> tuple[Wire, list[Part]]:
    """An answer of the model, and its pictures, which only a user message can carry."""
    content: str | list[Part]
    media: list[Part] = []
    unknown: list[Any] = []
    if isinstance(message.content, str):
        content = message.content
    else:
        content, media, unknown = _sorted_blocks(message, place)
    wire = _dressed({"role": "assistant", "content": content}, message)
    if message.tool_calls or message.invalid_tool_calls or message.additional_kwargs:
        _add_calls(wire, message, answered)
    elif isinstance(message.content, list) and (calls := _calls(message, answered)):
        wire["tool_calls"] = calls
    if unknown:
        wire["content_blocks"] = unknown
    if not media:
        return wire, media
    shown, hidden = drop_unsupported_media(model, media)
    if hidden:
        wire["content"] = _with_line(wire["content"], hidden)
    return wire, _captioned("Attached to the assistant's answer:", shown)


def _with_line(content: str | list[Part], line: str) -> str | list[Part]:
    return (
        [*content, {"type": "text", "text": line}]
        if isinstance(content, list)
        else f"{content}\n{line}".strip()
    )


def _captioned(caption: str, media: list[Part]) -> list[Part]:
    return [{"type": "text", "text": caption}, *media] if media else []


class AnswerBlocks(NamedTuple):
    """The blocks of an answer by where they go."""

    texts: list[Part]
    media: list[Part]
    """What only a user message can carry."""
    gateway_blocks: list[Any]
    """What only the gateway's ``content_blocks`` can carry."""


def _sorted_blocks(message: AIMessage, index: int) -> AnswerBlocks:
    """The blocks of an answer, each where it goes.

    Set aside is what other messages of the wire carry, calls and thoughts, and what no message can:
    the traces that built-in tools of another vendor left, and kinds of blocks unknown here. A
    conversation that began on another vendor's model goes on with its words.
    """
    blocks = AnswerBlocks([], [], [])
    provider = message.response_metadata.get("model_provider")
    is_ours = provider in (None, PROVIDER)
    for number, block in enumerate(message.content):
        if (part := _answer_part(block, f"messages[{index}].content[{number}]")) is not None:
            (blocks.texts if part["type"] == "text" else blocks.media).append(part)
        elif is_ours and (raw := _gateway_block(block)) is not None:
            blocks.gateway_blocks.append(raw)
    if len(blocks.texts) > 1 and all(part.keys() == {"type", "text"} for part in blocks.texts):
        text = "".join(part["text"] for part in blocks.texts)  # runs of one answer
        blocks.texts[:] = [{"type": "text", "text": text}]
    return blocks


def _answer_part(block: Any, where: str) -> Part | None:
    """The part for a block of an answer, ``None`` for one that a message has no part for."""
    if not isinstance(block, dict):
        return part_from(block, where)
    kind = kind_of(block)
    if kind in SPEECH:
        words = (block.get("extras") or {}).get("transcript") or block.get("transcript")
        if words:  # the model's own
            return {"type": "text", "text": words}
    return part_from(block, where) if kind in KNOWN_KINDS else None


def _gateway_block(block: Any) -> Any:
    """A block as the gateway's ``content_blocks`` had it, ``None`` where it came from elsewhere.

    The original of a built-in tool's trace is kept beside its standard form; it goes back while the
    two say the same.
    """
    kind = kind_of(block)
    if kind == "non_standard" and isinstance(value := block.get("value"), dict):
        return None if kind_of(value) in CALLS | THOUGHTS else value
    if kind not in SERVER_TOOLS:
        return None
    raw = (block.get("extras") or {}).get("raw")
    if raw is None:
        is_standard = kind.startswith(("server_tool_call", "server_tool_result"))
        return None if is_standard else {k: v for k, v in block.items() if k != "index"}
    standard = server_tool_block(raw) or {}
    is_unchanged = all(standard.get(name) == block.get(name) for name in ("args", "output"))
    return raw if is_unchanged else None


def _add_calls(wire: Wire, message: AIMessage, answered: frozenset[str]) -> None:
    kept = message.additional_kwargs
    calls = _calls(message, answered) or [dict(call) for call in kept.get("tool_calls") or ()]
    function = kept.get("function_call")
    # An answer in the older form tells its call twice here. What has no result by a call's id was
    # answered by a function message, which stands behind the older form alone.
    if function and all(call["id"] not in answered for call in calls):
        wire["function_call"] = function
    elif calls:
        wire["tool_calls"] = calls
    # Other packages keep a refusal beside an empty content; ours is in the content, and a program
    # that took it out there wants it out.
    is_ours = message.response_metadata.get("model_provider") == PROVIDER
    if not wire["content"] and not is_ours and (refusal := kept.get("refusal")):
        wire["content"] = refusal
    for call in message.invalid_tool_calls:
        if call["id"] not in answered:  # a call without a result is refused by every provider
            said = (
                f"[called {call['name'] or 'a tool'} with arguments that are no JSON object:"
                f" {call['args'] or ''}]"
            )
            wire["content"] = _with_line(wire["content"], said)


def _calls(message: AIMessage, answered: frozenset[str]) -> list[Wire]:
    calls = [_call(call["id"], call["name"], _json(call["args"])) for call in message.tool_calls]
    in_content = _call_blocks(message)
    known = {call["id"] for call in message.tool_calls}
    calls += [_call_from(block) for block in in_content if block.get("id") not in known]
    calls += [
        _call(call["id"], call["name"] or "unknown", _as_object(call["args"]))
        for call in message.invalid_tool_calls
        if call["id"] in answered
    ]
    extras = {block.get("id"): _call_extras(block) for block in in_content}
    extras.update(message.additional_kwargs.get("tool_call_extras") or {})
    return [_with_extra(call, extras.get(call["id"]) or {}) for call in calls]


def _call_blocks(message: AIMessage) -> list[dict[str, Any]]:
    """The calls that stand in the content of an answer."""
    if isinstance(message.content, str):
        return []
    blocks = [block for block in message.content if isinstance(block, dict)]
    return [block for block in blocks if kind_of(block) in {"tool_call", "tool_use"}]


def _call_from(block: dict[str, Any]) -> Wire:
    arguments = block.get("args", block.get("input")) or {}
    arguments = arguments if isinstance(arguments, str) else _json(arguments)
    return _call(block.get("id"), str(block.get("name")), arguments)


def _call_extras(block: dict[str, Any]) -> dict[str, Any]:
    """What a call came with, a thought signature say; a cache mark is no part of a call."""
    extras = block.get("extras") or {}
    return {name: value for name, value in extras.items() if name != "cache_control"}


def _json(arguments: Any) -> str:
    """Arguments as text; a program may have put dates or models among them."""
    return ENCODER.encode(arguments)


def _call(call_id: str | None, name: str, arguments: str) -> Wire:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _with_extra(call: Wire, extra: Mapping[str, Any]) -> Wire:
    """A call with the fields it came with, a thought signature say, each in its place."""
    if not extra:
        return call
    outer = {name: value for name, value in extra.items() if name != "function"}
    return {**call, "function": {**call["function"], **extra.get("function", {})}, **outer}


def _as_object(arguments: str | None) -> str:
    """Arguments that the model got wrong, as a JSON object: providers refuse anything else in a
    history.
    """
    try:
        if isinstance(json.loads(arguments or ""), dict):
            return arguments or "{}"
    except ValueError:
        pass
    return json.dumps({"invalid_arguments": arguments or ""}, ensure_ascii=False)


# -- reasoning


def _replay(turn: Wire, message: AIMessage, *, everything: bool, in_content: bool) -> None:
    """Put the reasoning of an answer back into its turn."""
    if not message.additional_kwargs and isinstance(message.content, str):
        return
    is_ours = message.response_metadata.get("model_provider") == PROVIDER
    # Nobody else can read what others signed.
    thoughts = _signed_thoughts(message) if is_ours or in_content else []
    if thoughts:
        signed, rest = _with_words(thoughts, turn["content"])
        turn["content_blocks"] = [*signed, *turn.get("content_blocks", ())]
        if in_content:
            # A field that the message's schema does not know is cut off by today's gateway; parts
            # of any type stay.
            turn["content"] = [*signed, *rest]
    if everything or thoughts:
        if reasoning := _reasoning(message):
            turn["reasoning_content"] = reasoning
        if details := message.additional_kwargs.get("reasoning_details"):
            turn["reasoning_details"] = details


def _reasoning(message: AIMessage) -> str:
    kept = message.additional_kwargs.get("reasoning_content")
    if isinstance(kept, str) and kept:
        return kept
    return "".join(
        str(block.get("reasoning") or block.get("thinking") or "")
        for block in (message.content if isinstance(message.content, list) else ())
        if isinstance(block, dict) and kind_of(block) in THOUGHTS
    )


def _with_words(
    thoughts: Sequence[Part], content: str | list[Part]
) -> tuple[list[Part], list[Part]]:
    """The thoughts of an answer with the text between them, and the text after them.

    All words are those of ``content``: a program may have changed them since the model wrote them,
    to redact a name say. Text between two thoughts stands there only while it is unchanged.
    """
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    parts = [part for part in parts if part.get("text") or part["type"] != "text"]
    if any(part.keys() != {"type", "text"} for part in parts):  # a mark stays with its part
        return [block for block in thoughts if block["type"] != "text"], parts
    words = "".join(part["text"] for part in parts)
    blocks: list[Part] = []
    for block in thoughts:
        if block["type"] != "text":
            blocks.append(block)
        elif words.startswith(block["text"]):
            blocks.append(block)
            words = words.removeprefix(block["text"])
    return blocks, [{"type": "text", "text": words}] if words else []


def _signed_thoughts(message: AIMessage) -> list[Part]:
    """The thinking of an answer where a provider signed it, with the text that stood in between;
    else nothing.
    """
    if isinstance(message.content, list):
        blocks = [block for one in message.content if (block := _thought_or_text(one)) is not None]
        if any(block.get("signature") or block["type"] == "redacted_thinking" for block in blocks):
            while blocks[-1]["type"] == "text":
                blocks.pop()
            return blocks
    return [dict(block) for block in message.additional_kwargs.get("thinking_blocks") or ()]


def _thought_or_text(block: Any) -> Part | None:
    if isinstance(block, str):
        return {"type": "text", "text": block} if block else None
    kind, extras = kind_of(block), block.get("extras") or {}
    if kind == "redacted_thinking" or (kind == "reasoning" and "redacted" in extras):
        return {"type": "redacted_thinking", "data": block.get("data") or extras.get("redacted")}
    if kind in THOUGHTS:
        said = {
            "type": "thinking",
            "thinking": block.get("thinking") or block.get("reasoning") or "",
        }
        signature = block.get("signature") or extras.get("signature")
        return {**said, "signature": signature} if signature else said
    return {"type": "text", "text": block["text"]} if kind == "text" and block.get("text") else None


# -- tool results


def _older_pictures(messages: Sequence[BaseMessage], keep: int) -> Iterator[int]:
    """How many pictures are left out of each tool result that has blocks."""
    counts: list[int] = []
    seen = 0
    for _, message in _spread(messages):
        if isinstance(message, AIMessage):
            seen = len(counts)
        elif isinstance(message, ToolMessage) and isinstance(message.content, list):
            blocks = [block for block in message.content if isinstance(block, dict)]
            counts.append(sum(kind_of(block) in PICTURES for block in blocks))
    return iter(older_pictures(counts, keep, seen))


def _tool_result(
    message: ToolMessage, place: int, model: AskedModel, older: int = 0
) -> tuple[Wire, list[Part]]:
    if type(message.content) is str:
        return (
            _dressed(
                {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content},
                message,
            ),
            [],
        )
    texts: list[str] = []
    media: list[Part] = []
    wire: Wire = {"role": "tool", "tool_call_id": message.tool_call_id}
    for n, block in enumerate(message.content):
        part = part_from(block, f"messages[{place}].content[{n}]", in_tool=True)
        if part["type"] == "text":
            texts.append(part["text"])
            if mark := part.get("cache_control"):
                wire["cache_control"] = mark
        else:
            media.append(part)
    media, hidden = drop_unsupported_media(model, media)
    shown, left_out = kept_tool_media(media, older)
    if shown:
        what = "1 attachment follows" if len(shown) == 1 else f"{len(shown)} attachments follow"
        texts.append(f"[{what} in the next user message]")
    texts += filter(None, (left_out, hidden))
    wire = _dressed({**wire, "content": "\n".join(texts)}, message)
    return wire, _captioned(f"Attached to the result of tool call {message.tool_call_id}:", shown)
