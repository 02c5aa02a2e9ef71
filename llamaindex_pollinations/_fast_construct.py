"""Build LlamaIndex objects without running validation (hot path).

In streams their constructors cost most of the time, and of a picture they make several copies. What
is built here is equal in value, dumps and copies to what the constructors make. A class whose
fields a later LlamaIndex or Pydantic has changed is built by its constructor.
"""

from __future__ import annotations

import base64
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic import BaseModel

__all__ = ["call_block", "chat_response", "image_block", "text_block", "thinking_block"]

_SLOTS = ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
_ASSISTANT = MessageRole.ASSISTANT
_TEXT = TextBlock(text="x")
_THINKING = ThinkingBlock(content="x")
_CALL = ToolCallBlock(tool_call_id="x", tool_name="x", tool_kwargs="x")
_IMAGE = ImageBlock(image=b"x", image_mimetype="image/png")
_MESSAGE = ChatMessage(role=_ASSISTANT, blocks=[_TEXT], additional_kwargs={})
_RESPONSE = ChatResponse(message=_MESSAGE, delta="x", raw={}, additional_kwargs={})
_KNOWN: tuple[tuple[BaseModel, set[str]], ...] = (
    (_TEXT, {"block_type", "text"}),
    (_THINKING, {"block_type", "content", "num_tokens", "additional_information"}),
    (_CALL, {"block_type", "tool_call_id", "tool_name", "tool_kwargs"}),
    (_IMAGE, {"block_type", "image", "path", "url", "image_mimetype", "detail"}),
    (_MESSAGE, {"role", "additional_kwargs", "blocks"}),
    (_RESPONSE, {"message", "raw", "delta", "logprobs", "additional_kwargs"}),
)
IS_KNOWN = all(name in BaseModel.__dict__ for name in _SLOTS) and all(
    template.__dict__.keys() == names
    and template.__pydantic_private__ is None
    and template.__pydantic_extra__ is None
    for template, names in _KNOWN
)
_TEXT_SET, _THINKING_SET = _TEXT.__pydantic_fields_set__, _THINKING.__pydantic_fields_set__
_CALL_SET, _IMAGE_SET = _CALL.__pydantic_fields_set__, _IMAGE.__pydantic_fields_set__
_MESSAGE_SET, _RESPONSE_SET = _MESSAGE.__pydantic_fields_set__, _RESPONSE.__pydantic_fields_set__
_new: Any = object.__new__
if IS_KNOWN:
    # The slots' own setters: no lookup by name, and none of pydantic's checks.
    _set_state, _set_fields, _set_extra, _set_private = (
        BaseModel.__dict__[name].__set__ for name in _SLOTS
    )


def _construct(kind: Any, state: dict[str, Any], fields_set: set[str]) -> Any:
    instance = _new(kind)
    _set_state(instance, state)
    _set_fields(instance, fields_set.copy())
    _set_extra(instance, None)
    _set_private(instance, None)
    return instance


def text_block(text: str) -> TextBlock:
    """``TextBlock(text=text)``."""
    if not IS_KNOWN:
        return TextBlock(text=text)
    block: TextBlock = _construct(TextBlock, {"block_type": "text", "text": text}, _TEXT_SET)
    return block


def call_block(call_id: str, name: str, arguments: str) -> ToolCallBlock:
    """``ToolCallBlock(tool_call_id=call_id, tool_name=name, tool_kwargs=arguments)``."""
    if not IS_KNOWN:
        return ToolCallBlock(tool_call_id=call_id, tool_name=name, tool_kwargs=arguments)
    state = {"block_type": "tool_call", "tool_call_id": call_id}
    state |= {"tool_name": name, "tool_kwargs": arguments}
    block: ToolCallBlock = _construct(ToolCallBlock, state, _CALL_SET)
    return block


def thinking_block(content: str) -> ThinkingBlock:
    """``ThinkingBlock(content=content)``."""
    if not IS_KNOWN:
        return ThinkingBlock(content=content)
    state: dict[str, Any] = {
        "block_type": "thinking",
        "content": content,
        "num_tokens": None,
        "additional_information": {},
    }
    block: ThinkingBlock = _construct(ThinkingBlock, state, _THINKING_SET)
    return block


def image_block(encoded: bytes, mime_type: str) -> ImageBlock:
    """``ImageBlock(image=..., image_mimetype=mime_type)`` of bytes in base64, as it holds them."""
    if not IS_KNOWN:
        return ImageBlock(image=base64.b64decode(encoded), image_mimetype=mime_type)
    state: dict[str, Any] = {"block_type": "image", "image": encoded, "path": None, "url": None}
    state |= {"image_mimetype": mime_type, "detail": None}
    block: ImageBlock = _construct(ImageBlock, state, _IMAGE_SET)
    return block


def chat_response(
    blocks: list[Any],
    message_kwargs: dict[str, Any],
    delta: str | None,
    raw: dict[str, Any],
    response_kwargs: dict[str, Any],
) -> ChatResponse:
    """A response of the assistant, with the ``additional_kwargs`` of its message and its own."""
    if not IS_KNOWN:
        message = ChatMessage(role=_ASSISTANT, blocks=blocks, additional_kwargs=message_kwargs)
        return ChatResponse(
            message=message, delta=delta, raw=raw, additional_kwargs=response_kwargs
        )
    message = _construct(
        ChatMessage,
        {"role": _ASSISTANT, "additional_kwargs": message_kwargs, "blocks": blocks},
        _MESSAGE_SET,
    )
    state = {
        "message": message,
        "raw": raw,
        "delta": delta,
        "logprobs": None,
        "additional_kwargs": response_kwargs,
    }
    response: ChatResponse = _construct(ChatResponse, state, _RESPONSE_SET)
    return response
