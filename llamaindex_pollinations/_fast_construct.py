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
)
from pydantic import BaseModel

__all__ = ["chat_response", "image_block", "text_block", "thinking_block"]

_put = object.__setattr__
_TEXT = TextBlock(text="x")
_THINKING = ThinkingBlock(content="x")
_IMAGE = ImageBlock(image=b"x", image_mimetype="image/png")
_MESSAGE = ChatMessage(role=MessageRole.ASSISTANT, blocks=[_TEXT], additional_kwargs={})
_RESPONSE = ChatResponse(message=_MESSAGE, delta="x", raw={}, additional_kwargs={})
_KNOWN: tuple[tuple[BaseModel, set[str]], ...] = (
    (_TEXT, {"block_type", "text"}),
    (_THINKING, {"block_type", "content", "num_tokens", "additional_information"}),
    (_IMAGE, {"block_type", "image", "path", "url", "image_mimetype", "detail"}),
    (_MESSAGE, {"role", "additional_kwargs", "blocks"}),
    (_RESPONSE, {"message", "raw", "delta", "logprobs", "additional_kwargs"}),
)
IS_KNOWN = all(
    template.__dict__.keys() == names
    and template.__pydantic_private__ is None
    and template.__pydantic_extra__ is None
    for template, names in _KNOWN
)
_TEXT_SET, _THINKING_SET = _TEXT.__pydantic_fields_set__, _THINKING.__pydantic_fields_set__
_IMAGE_SET = _IMAGE.__pydantic_fields_set__
_MESSAGE_SET, _RESPONSE_SET = _MESSAGE.__pydantic_fields_set__, _RESPONSE.__pydantic_fields_set__


def _built(kind: Any, state: dict[str, Any], fields_set: set[str]) -> Any:
    instance = kind.__new__(kind)
    _put(instance, "__dict__", state)
    _put(instance, "__pydantic_fields_set__", fields_set.copy())
    _put(instance, "__pydantic_extra__", None)
    _put(instance, "__pydantic_private__", None)
    return instance


def text_block(text: str) -> TextBlock:
    """``TextBlock(text=text)``."""
    if not IS_KNOWN:
        return TextBlock(text=text)
    block: TextBlock = _built(TextBlock, {"block_type": "text", "text": text}, _TEXT_SET)
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
    block: ThinkingBlock = _built(ThinkingBlock, state, _THINKING_SET)
    return block


def image_block(data: bytes, mime_type: str) -> ImageBlock:
    """``ImageBlock(image=data, image_mimetype=mime_type)``, which holds its bytes in base64."""
    if not IS_KNOWN:
        return ImageBlock(image=data, image_mimetype=mime_type)
    encoded = base64.b64encode(data)
    state: dict[str, Any] = {"block_type": "image", "image": encoded, "path": None, "url": None}
    state |= {"image_mimetype": mime_type, "detail": None}
    block: ImageBlock = _built(ImageBlock, state, _IMAGE_SET)
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
        message = ChatMessage(
            role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=message_kwargs
        )
        return ChatResponse(
            message=message, delta=delta, raw=raw, additional_kwargs=response_kwargs
        )
    message = _built(
        ChatMessage,
        {"role": MessageRole.ASSISTANT, "additional_kwargs": message_kwargs, "blocks": blocks},
        _MESSAGE_SET,
    )
    state = {
        "message": message,
        "raw": raw,
        "delta": delta,
        "logprobs": None,
        "additional_kwargs": response_kwargs,
    }
    response: ChatResponse = _built(ChatResponse, state, _RESPONSE_SET)
    return response
