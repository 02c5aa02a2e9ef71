"""``pollinations chat``: one question, its answer as it comes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from ..client import PollinationsClient
from ..reply import Finished, ReasoningDelta, Reply, TextDelta
from .arguments import (
    add_budget_argument,
    add_gateway_arguments,
    add_option_arguments,
    add_prompt_argument,
    connect,
    note,
    print_json,
    prompt_from,
    request_options,
)

SUMMARIES = {"chat": "Ask a model, and print its answer as it comes."}


def add_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """The prompt, the model, and what the gateway takes."""
    add_prompt_argument(parser)
    parser.add_argument(
        "-m", "--model", metavar="NAME", help="any model's name; pollinations models lists them"
    )
    parser.add_argument(
        "-s", "--system", metavar="TEXT", help="what the model is told before the prompt"
    )
    parser.add_argument("--temperature", type=float, metavar="NUMBER", help="0 to 2")
    parser.add_argument(
        "--max-tokens", type=int, metavar="NUMBER", help="most tokens of the answer"
    )
    parser.add_argument(
        "--reasoning-effort", metavar="LEVEL", help="none, low, medium, high and others"
    )
    parser.add_argument(
        "--show-reasoning", action="store_true", help="print the reasoning, on standard error"
    )
    add_option_arguments(parser)
    add_budget_argument(parser)
    add_gateway_arguments(parser)


NAMES = ("model", "seed", "temperature", "max_tokens", "reasoning_effort")


def run(options: argparse.Namespace) -> int:
    """Print the answer: piece by piece, or whole with ``--json``."""
    messages = [{"role": "user", "content": prompt_from(options)}]
    if options.system:
        messages.insert(0, {"role": "system", "content": options.system})
    fields = request_options(options, NAMES)
    with connect(options) as client:
        if options.json:
            print_json(_answer_json(client.chat(messages, **fields), client, fields.get("model")))
        else:
            _stream(client, messages, fields, show_reasoning=options.show_reasoning)
    return 0


def _stream(
    client: PollinationsClient,
    messages: list[dict[str, str]],
    fields: dict[str, Any],
    *,
    show_reasoning: bool,
) -> None:
    text = reasoning = ""
    reply = Reply()
    try:
        for event in client.stream_chat(messages, **fields):
            match event:
                case TextDelta():
                    if reasoning:
                        note("")  # ends the reasoning's line
                        reasoning = ""
                    text += event.text
                    # Through a pipe Python would keep 8 KB back.
                    print(event.text, end="", flush=True)
                case ReasoningDelta() if show_reasoning:
                    reasoning += event.text
                    print(event.text, end="", flush=True, file=sys.stderr)
                case Finished():
                    reply = event.reply
    finally:
        # Of a stream that breaks the text stays, and the error stands on a line of its own.
        if text and not text.endswith("\n"):
            print(flush=True)
    for sentence in _unprinted(reply):
        note(sentence)


def _unprinted(reply: Reply) -> Iterator[str]:
    """What an answer holds besides the text that was printed."""
    # Some providers give none.
    if reply.finish_reason not in {"stop", None}:
        yield f"The answer ended by {reply.finish_reason!r}, not by itself."
    parts = {
        "pictures": len(reply.images),
        "speech": int(reply.audio is not None),
        "tool calls": len(reply.tool_calls),
    }
    hidden = [name for name, count in parts.items() if count]
    if hidden:
        yield f"The answer also holds {' and '.join(hidden)}; --json prints all of it."
    for number, link in enumerate(reply.citations, 1):
        yield f"[{number}] {link}"


def _answer_json(reply: Reply, client: PollinationsClient, model: str | None) -> dict[str, Any]:
    """The answer with what is usually wanted first, and the gateway's own form as ``raw``."""
    return {
        "text": reply.text,
        "reasoning": reply.reasoning,
        "model": reply.served_model,
        "finish_reason": reply.finish_reason,
        "usage": reply.usage,
        "cost": client.cost(reply, model or reply.served_model or "").total,
        "citations": reply.citations,
        "request_id": reply.info.request_id,
        "raw": reply.raw,
    }
