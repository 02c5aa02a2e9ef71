"""``pollinations models``: what there is, what it can do, what it costs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ..catalog.catalog import Catalog, ModelCard, snapshot
from ..errors import InvalidRequestError
from .arguments import add_gateway_arguments, connect, note, print_json, print_table

SUMMARIES = {"models": "List the gateway's models, with what each can do and costs."}
KINDS = ("text", "image", "video", "audio", "embedding")
UNKNOWN_PRICE = Decimal("Infinity")

# What a unit of the gateway's price list is called in a column, and how many make a price readable.
UNITS = {
    "promptTextTokens": ("/M", 1_000_000),
    "completionTextTokens": ("/M", 1_000_000),
    "completionAudioTokens": ("/M", 1_000_000),
    "completionImageTokens": ("/image token", 1),
    "completionVideoSeconds": ("/s", 1),
    "completionAudioSeconds": ("/s", 1),
}
INPUT_UNITS = ("promptTextTokens",)
OUTPUT_UNITS = (
    "completionTextTokens",
    "completionImageTokens",
    "completionVideoSeconds",
    "completionAudioTokens",
    "completionAudioSeconds",
)


def add_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """The filters, and the order."""
    parser.add_argument("name", nargs="?", help="only models with this in one of their names")
    parser.add_argument("--kind", metavar="KIND", help=f"only one kind: {', '.join(KINDS)}")
    parser.add_argument("--tools", action="store_true", help="only models that call tools")
    parser.add_argument("--reasoning", action="store_true", help="only models that reason")
    parser.add_argument("--takes", metavar="INPUT", help="only models that read it, such as image")
    parser.add_argument("--sort", choices=tuple(ORDERS), help="cheapest, or longest context, first")
    parser.add_argument(
        "--offline", action="store_true", help="the list shipped with the package; ask nobody"
    )
    add_gateway_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print the models that fit."""
    catalog = _catalog(options)
    # Of the list itself: the gateway adds kinds (3d, realtime) without telling anybody.
    kinds = sorted({card.category for card in catalog})
    if options.kind and options.kind not in kinds:
        raise InvalidRequestError(
            f"--kind: there is no {options.kind!r}; kinds are {', '.join(kinds)}.", param="kind"
        )
    cards = catalog.find(
        category=options.kind,
        takes=options.takes,
        tools=options.tools or None,
        reasoning=options.reasoning or None,
    )
    if options.name:
        part = options.name.casefold()
        cards = [card for card in cards if any(part in name.casefold() for name in card.names)]
    if options.sort:
        cards.sort(key=ORDERS[options.sort])
    if options.json:
        print_json(cards)
        return 0
    if not cards:
        note(f"None of {len(catalog)} models fits. Leave a filter out.")
        return 0
    print_table(HEADER, map(_row, cards))
    note("IN and OUT are pollen (1 pollen = 1 US$); /M: a million tokens. -: not said.")
    return 0


def _catalog(options: argparse.Namespace) -> Catalog:
    if options.offline:
        return snapshot()
    # The gateway gives its lists without a key.
    with connect(options, needs_key=False) as client:
        return client.refresh()


HEADER = ("MODEL", "KIND", "CONTEXT", "IN", "OUT", "TOOLS", "OTHER NAMES")


def _row(card: ModelCard) -> tuple[Any, ...]:
    tools = {True: "yes", False: "no", None: None}[card.tools]
    return (
        card.name,
        card.category,
        card.context_window,
        price_text(card, INPUT_UNITS),
        price_text(card, OUTPUT_UNITS),
        tools,
        ", ".join(card.aliases),
    )


def price_text(card: ModelCard, units: tuple[str, ...]) -> str | None:
    """The price of the first of ``units`` that has one, in a readable number of them."""
    for unit in units:
        if unit in card.prices:
            suffix, count = UNITS[unit]
            return f"{(card.prices[unit] * count).normalize():f}{suffix}"
    return None


def _price_order(card: ModelCard) -> tuple[Any, ...]:
    """Cheapest output first, kind by kind: a second of video and a token do not compare."""
    kind = KINDS.index(card.category) if card.category in KINDS else len(KINDS)
    priced = next((unit for unit in (*OUTPUT_UNITS, *INPUT_UNITS) if unit in card.prices), "")
    # Of two models with the same price of output, the cheaper one to ask.
    input_price = card.prices.get("promptTextTokens", UNKNOWN_PRICE)
    return kind, card.prices.get(priced, UNKNOWN_PRICE), input_price, card.name


def _context_order(card: ModelCard) -> tuple[int, str]:
    return -(card.context_window or 0), card.name


ORDERS: dict[str, Callable[[ModelCard], Any]] = {
    "price": _price_order,
    "context": _context_order,
    "name": lambda card: card.name,
}
