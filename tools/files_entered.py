"""Which files of ours a chat call enters, seen by the interpreter's profiler over the emulator."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGES = ("pollinations_client", "langchain_pollinations", "llamaindex_pollinations")


def chat_call(framework: str) -> str:
    """Files that a whole chat call enters, and those entered from two others until it is sent."""
    from pollinations_client.emulator import Emulator

    with Emulator() as gateway:
        model, messages = make_model(framework, gateway.url)
        entered: set[str] = set()
        callers: dict[str, set[str]] = {}
        is_sent = False
        model(messages)  # The first call imports httpx and makes the client.

        def watch(frame: FrameType, event: str, _: Any) -> None:
            nonlocal is_sent
            name = ours(frame)
            if event != "call":
                return
            is_sent = is_sent or frame.f_code.co_qualname == "PooledTransport.send"
            caller = frame.f_back and ours(frame.f_back)
            if name:
                entered.add(name)
            if name and caller and caller != name and not is_sent:
                callers.setdefault(name, set()).add(caller)

        sys.setprofile(watch)
        try:
            model(messages)
        finally:
            sys.setprofile(None)
    shared = sorted(name for name, files in callers.items() if len(files) > 1)
    return f"{len(entered)} files; {len(shared)} entered from two others: {' '.join(shared)}"


def langchain_call() -> str:
    """``ChatPollinations(...).invoke("hi")``."""
    return chat_call("langchain")


def llamaindex_call() -> str:
    """``Pollinations(...).chat([ChatMessage("hi")])``."""
    return chat_call("llamaindex")


def make_model(framework: str, url: str) -> tuple[Callable[[Any], Any], Any]:
    """A model's chat call and what to call it with."""
    settings: dict[str, Any] = {"model": "openai", "api_key": "sk_measure"}
    if framework == "langchain":
        from langchain_pollinations import ChatPollinations

        return ChatPollinations(base_url=url, **settings).invoke, "hi"
    from llama_index.core.llms import ChatMessage

    from llamaindex_pollinations import Pollinations

    return Pollinations(api_base=url, **settings).chat, [ChatMessage("hi")]


def ours(frame: FrameType) -> str:
    """A frame's file if it is one of ours, the emulator's left out."""
    path = Path(frame.f_code.co_filename)
    is_ours = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PACKAGES
    if not is_ours or "emulator" in path.parts:
        return ""
    return str(path.relative_to(ROOT))
