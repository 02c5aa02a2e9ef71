"""What is measured: our adapters, the floors, and other packages where they are installed."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KEY, MODEL = "sk_bench", "openai"
# A folder with the PyPI package langchain-pollinations, whose import name is ours:
# pip install --target FOLDER --no-deps langchain-pollinations
OTHER_POLLINATIONS = os.environ.get("BENCH_LANGCHAIN_POLLINATIONS", "")


@dataclass(frozen=True)
class Target:
    """A model class: ``make`` gives one for a gateway's address, ``module`` is what it needs."""

    framework: str
    label: str
    module: str
    make: Callable[[str], Any]
    path: str = ""

    @property
    def is_installed(self) -> bool:
        """Whether it can be measured here."""
        if self.label == "langchain-pollinations":
            return bool(self.path)
        return importlib.util.find_spec(self.module) is not None


def _langchain(url: str) -> Any:
    from langchain_pollinations import ChatPollinations

    return ChatPollinations(MODEL, base_url=url, api_key=KEY)


def _langchain_floor(url: str) -> Any:
    from floor_langchain import FloorChatModel

    return FloorChatModel(base_url=url)


def _chat_openai(url: str) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(base_url=f"{url}/v1", api_key=KEY, model=MODEL, stream_usage=True)


def _other_pollinations(url: str) -> Any:
    from langchain_pollinations import ChatPollinations, chat

    chat._text_model_ids_loaded = True  # its constructor would ask the public gateway
    return ChatPollinations(base_url=url, api_key=KEY, model=MODEL)


def _llamaindex(url: str) -> Any:
    from llamaindex_pollinations import Pollinations

    return Pollinations(MODEL, api_base=url, api_key=KEY)


def _llamaindex_floor(url: str) -> Any:
    from floor_llamaindex import FloorLLM

    return FloorLLM(base_url=url)


def _openai_like(url: str) -> Any:
    from llama_index.llms.openai_like import OpenAILike

    return OpenAILike(
        api_base=f"{url}/v1",
        api_key=KEY,
        model=MODEL,
        is_chat_model=True,
        is_function_calling_model=True,
    )


TARGETS = {
    "lc_floor": Target("langchain", "floor", "langchain_core", _langchain_floor),
    "lc_ours": Target("langchain", "ChatPollinations", "langchain_pollinations", _langchain),
    "lc_openai": Target("langchain", "ChatOpenAI", "langchain_openai", _chat_openai),
    "lc_pollinations": Target(
        "langchain",
        "langchain-pollinations",
        "langchain_pollinations",
        _other_pollinations,
        OTHER_POLLINATIONS,
    ),
    "li_floor": Target("llamaindex", "floor", "llama_index.core", _llamaindex_floor),
    "li_ours": Target("llamaindex", "Pollinations", "llamaindex_pollinations", _llamaindex),
    "li_like": Target("llamaindex", "OpenAILike", "llama_index.llms", _openai_like),
}
