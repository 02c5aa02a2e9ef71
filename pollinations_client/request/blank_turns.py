"""Leave out of a history the answers that say nothing, for providers that refuse them.

Claude ends a run of tools with an empty answer at times, and Gemini answers with nothing. Sent
back, such a turn is refused with 400 on every later request: by Anthropic ("all messages must have
non-empty content", langchain's pull 33390), Vertex AI (langchainjs's issue 9922), Bedrock ("the
text field is blank"), DeepSeek and Mistral ("must have either content or tool_calls").
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["without_blank_turns"]

log = logging.getLogger("pollinations_client")

Message = Mapping[str, Any]

# A turn with other fields than these says something in them.
FIELDS_THAT_SAY_NOTHING = frozenset({"role", "content", "name", "reasoning_content"})


def without_blank_turns(messages: Sequence[Message]) -> list[Message]:
    """``messages`` without answers of no text, and with calls whose text is not white space."""
    remaining: list[Message] = []
    for message in messages:
        content = message["content"]
        if message["role"] != "assistant" or type(content) is not str or content.strip():
            remaining.append(message)
        elif not message.keys() <= FIELDS_THAT_SAY_NOTHING:
            remaining.append({**message, "content": ""})
    if missing := len(messages) - len(remaining):
        log.info(
            "%s empty answers of the history are left out; this provider refuses them", missing
        )
    return remaining
