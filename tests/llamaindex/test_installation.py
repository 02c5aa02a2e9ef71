"""What an installation of this package and LlamaIndex must have for chats to be saved."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.extractors.metadata_extractors import add_class_name
from llama_index.core.llms import ChatMessage
from llama_index.core.storage.chat_store import SimpleChatStore
from llama_index.core.storage.chat_store.simple_chat_store import chat_message_serialization

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
CEILING = "pydantic>=2.11.7,<2.14"


def test_a_chat_store_of_answers_is_saved_and_loaded(llm: Any) -> None:
    """With pydantic 2.14 LlamaIndex raises here, and drops the memory of a saved ``Context``."""
    answer = llm.chat([ChatMessage(role="user", content="Say hello")]).message
    store = SimpleChatStore(store={"session": [answer]})
    loaded = SimpleChatStore.from_json(store.to_json())
    assert loaded.get_messages("session")[0].content == answer.content


@pytest.mark.parametrize("serializer", [chat_message_serialization, add_class_name])
def test_the_pydantic_ceiling_stays_until_llamaindex_is_mended(serializer: Any) -> None:
    """Fails when LlamaIndex no longer calls ``handler(value, info)``: the ceiling may go then."""
    extra = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]["llamaindex"]

    def handler(_value: Any) -> dict[str, Any]:
        return {}

    assert CEILING in extra
    with pytest.raises(TypeError, match="positional argument"):
        serializer(ChatMessage(role="user", content="hi"), handler, None)
