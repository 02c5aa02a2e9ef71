"""Texts of the tools that look something up: a web search, the list of models, the balance."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..catalog.catalog import Catalog
from ..catalog.model_card import ModelCard
from ..reply import Reply
from ..response.account import Balance

if TYPE_CHECKING:
    from ..client import AsyncPollinationsClient, PollinationsClient

__all__ = [
    "SearchAnswer",
    "balance_text",
    "model_lister",
    "models_text",
    "offered_models_text",
    "search_answer",
]

MAX_LISTED_MODELS = 40
MAX_SOURCES = 20
SEARCH = (
    "Search the web for current facts. Use it for news, prices, dates, people, and whatever may"
    " have changed. It answers in text with the addresses of its sources."
)
BALANCE = "Tell how much pollen (the credit that pictures, videos and answers cost) is left."
MODELS = "List the AI models that may be used here, with what each can do and costs."
# Prices that a model can compare, by the gateway's own keys.
PRICES = {
    "completionImageTokens": "{} pollen a picture or image token",
    "completionVideoSeconds": "{} pollen a second",
    "completionTextTokens": "{} pollen a token",
}


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """The answer of a web search."""

    text: str
    """For the model: the answer, and the sources by number."""
    answer: str
    sources: list[dict[str, str]]
    """``title`` and ``url`` of each source."""

    @property
    def search_results(self) -> list[dict[str, Any]]:
        """The sources as blocks that Claude's own API knows; the answer stands in the first."""
        # The answer is one text for all sources, so it goes with the first.
        texts = [self.answer, *(source["title"] for source in self.sources[1:])]
        return [
            {
                "type": "search_result",
                "source": source["url"],
                "title": source["title"],
                "content": [{"type": "text", "text": text}],
                "citations": {"enabled": True},
            }
            for source, text in zip(self.sources, texts, strict=False)
        ]


def search_answer(reply: Reply) -> SearchAnswer:
    """The answer of a searching model with its sources."""
    titles: dict[str, str] = {}
    for hit in [*reply.search_results, *map(_citation, reply.annotations)]:
        if isinstance(hit, dict) and isinstance(url := hit.get("url"), str):
            titles.setdefault(url, str(hit.get("title") or ""))
    urls = dict.fromkeys(filter(_is_address, [*reply.citations, *titles]))
    sources = [
        {"title": titles.get(url) or urllib.parse.urlsplit(url).hostname or url, "url": url}
        for url in list(urls)[:MAX_SOURCES]
    ]
    answer = reply.text.strip() or "The search gave no answer in words."
    if not sources:
        return SearchAnswer(answer, answer, sources)
    lines = [
        f"[{number}] {source['title']}: {source['url']}" for number, source in enumerate(sources, 1)
    ]
    return SearchAnswer("\n".join([answer, "", "Sources:", *lines]), answer, sources)


def _is_address(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _citation(annotation: Any) -> Any:
    # OpenAI writes {"type": "url_citation", "url_citation": {...}}, others the inner object alone.
    if not isinstance(annotation, dict):
        return None
    return annotation.get("url_citation", annotation)


def model_lister(
    client: PollinationsClient | AsyncPollinationsClient, kind: str
) -> Callable[[], Any]:
    """The method of a client that asks the gateway for its models of a kind."""
    if kind == "text":
        return client.text_models
    if kind == "audio":
        return client.audio_models
    return client.image_models  # pictures and videos are in one list


def models_text(cards: Sequence[ModelCard], kind: str) -> str:
    """A line for each model of a kind, as a model reads it."""
    # Not every model there is: the gateway lists over 100 text models, and each line is paid for
    # again on every turn.
    fitting = [card for card in cards if card.category == kind]
    if not fitting:
        return f"The gateway lists no {kind} models."
    lines = [_line(_shortest_name(card), card) for card in fitting[:MAX_LISTED_MODELS]]
    if len(fitting) > MAX_LISTED_MODELS:
        lines.append(f"and {len(fitting) - MAX_LISTED_MODELS} more")
    return "\n".join(lines)


def offered_models_text(catalog: Catalog, names: Sequence[str], kind: str) -> str:
    """A line for each model that the operator offers."""
    lines = []
    for name in names:
        card = catalog.get(name, kind)
        lines.append(name if card is None else _line(name, card))
    return "\n".join(lines)


def _shortest_name(card: ModelCard) -> str:
    """The shortest name that a request may use for a model."""
    return min(card.names, key=len)


def _line(name: str, card: ModelCard) -> str:
    abilities = {
        "tools": card.tools,
        "reasoning": card.reasoning,
        "reads pictures": card.vision and card.is_text,
        "changes pictures": card.vision and card.is_image,
    }
    facts = [ability for ability, is_able in abilities.items() if is_able]
    if card.context_window:
        facts.append(f"{card.context_window} tokens of context")
    if card.durations is not None:
        facts.append(str(card.durations))
    facts += [text.format(card.prices[key]) for key, text in PRICES.items() if key in card.prices]
    if card.paid_only:
        facts.append("paid pollen only")
    line = name
    if description := card.description or card.title:
        line += f": {description}"
    if facts:
        line += f" ({', '.join(facts)})"
    return line


def balance_text(balance: Balance) -> str:
    """The balance in a sentence for the model."""
    return f"{balance.balance} pollen are left; one pollen is one US dollar."
