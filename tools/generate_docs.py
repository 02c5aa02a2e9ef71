"""Pages of the documentation that are made from code: models, errors, the adapters' reference; and
the notebooks, which lie beside the pages' folder.

mkdocs calls ``on_files`` when it builds the site, so they are never older than the code.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pydantic import BaseModel

import langchain_pollinations
import llamaindex_pollinations
from pollinations_client import Catalog, ModelCard, errors, snapshot
from pollinations_client.command_line.models import INPUT_UNITS, OUTPUT_UNITS, price_text
from pollinations_client.response.error_tables import BY_STATUS, REMEDIES

NO_BREAK_HYPHEN = "\N{NON-BREAKING HYPHEN}"
ROOT = Path(__file__).parents[1]
OURS = ("pollinations_client", "langchain_pollinations", "llamaindex_pollinations")
FIRST = ("ChatPollinations", "Pollinations")  # on their pages; the rest as in ``__all__``
KINDS = {
    "text": "Chat",
    "image": "Pictures",
    "video": "Video",
    "audio": "Sound",
    "embedding": "Embeddings",
}


def models_page(catalog: Catalog) -> str:
    """Every model of the shipped catalogue, by kind."""
    lines = [
        "# Models and prices",
        "",
        f"The list shipped with this version, of {catalog.date}. Ask the gateway for today's:"
        " `pollinations models`,",
        "or `llm.refresh_catalog()`. Prices are pollen (1 pollen = 1 US dollar), `/M` a million"
        " tokens; a price has",
        "the month in which it was read. A dash: not known. Any other name is sent as it is.",
    ]
    for kind, title in KINDS.items():
        cards = catalog.find(category=kind)
        lines += ["", f"## {title}", "", "| name | also | context | tools | in | out | as of |"]
        lines += ["|---|---|---|---|---|---|---|", *map(_row, cards)]
    return "\n".join(lines) + "\n"


def _row(card: ModelCard) -> str:
    cells: list[Any] = [
        f"`{card.name}`",
        ", ".join(f"`{alias}`" for alias in card.aliases),
        f"{card.context_window:,}" if card.context_window else None,
        {True: "yes", False: "no", None: None}[card.tools],
        price_text(card, INPUT_UNITS),
        price_text(card, OUTPUT_UNITS),
        (card.prices_as_of or "").replace("-", NO_BREAK_HYPHEN),
    ]
    return f"| {' | '.join(str(cell) if cell else '-' for cell in cells)} |"


def troubleshooting_page() -> str:
    """Every error class, with its status, meaning and remedy."""
    tree = inspect.getdoc(errors) or ""
    drawing = tree.split("::\n\n")[1].split("\n\n")[0]
    symptoms = (ROOT / "README.md").read_text().split("| the message begins |")[1].split("\n\n")[0]
    lines = [
        "# Troubleshooting",
        "",
        "Every error is a `PollinationsError`. Its message says what happened, to what, and what to"
        " do next.",
        "`pollinations doctor` looks for the usual causes.",
        "",
        f"| the message begins |{symptoms}".replace("(#install)", "(start.md)"),
        "",
        "## All errors",
        "",
        "```text",
        inspect.cleandoc(drawing).replace("``", ""),
        "```",
    ]
    for name in sorted(errors.__all__):
        lines += _entry(getattr(errors, name))
    return "\n".join(lines) + "\n"


def _entry(kind: type[errors.PollinationsError]) -> list[str]:
    meaning = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    meaning = meaning.replace(":class:`~pollinations_client.", "`").replace("``", "`")
    statuses = [str(status) for status, mapped in BY_STATUS.items() if mapped is kind]
    facts = [f"A kind of `{kind.__mro__[1].__name__}`."]
    if statuses:
        facts.append(f"HTTP {', '.join(statuses)}.")
    facts.append("May pass with a retry." if kind.is_retryable else "A retry does not help.")
    entry = ["", f"### {kind.__name__}", "", meaning, "", " ".join(facts)]
    return [*entry, "", f"**What to do:** {REMEDIES[kind]}"] if kind in REMEDIES else entry


def reference_page(package: ModuleType, title: str) -> str:
    """Every public class of an adapter, with the options that it inherits from our own classes."""
    lines = [f"# {title}"]
    for name in sorted(package.__all__, key=lambda name: name not in FIRST):
        thing = getattr(package, name)
        if not isinstance(thing, type) or thing is errors.PollinationsError:
            continue
        lines += ["", f"::: {package.__name__}.{name}"]
        if inherited := _inherited_options(thing):
            lines += ["    options:", "      inherited_members:"]
            lines += [f"        - {option}" for option in inherited]
    return "\n".join(lines) + "\n"


def _inherited_options(kind: type) -> list[str]:
    """Names of the fields that stand in our own base classes."""
    ours = [
        base
        for base in kind.__mro__[1:]
        if base.__module__.startswith(OURS) and issubclass(base, BaseModel)
    ]
    fields = {name for base in ours for name in base.__annotations__}
    return sorted(fields & getattr(kind, "model_fields", {}).keys())


PAGES: dict[str, Callable[[], str]] = {
    "models.md": lambda: models_page(snapshot()),
    "troubleshooting.md": troubleshooting_page,
    "reference/langchain.md": lambda: reference_page(langchain_pollinations, "LangChain"),
    "reference/llamaindex.md": lambda: reference_page(llamaindex_pollinations, "LlamaIndex"),
}


@event_priority(100)  # before mkdocs-jupyter looks for notebooks
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and the notebooks to a site that mkdocs builds."""
    for name, page in PAGES.items():
        files.append(File.generated(config, name, content=page()))
    for notebook in ROOT.glob("notebooks/*.ipynb"):
        name = notebook.relative_to(ROOT).as_posix()
        files.append(File(name, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Set names as names: a docstring's ``:class:`~a.B``` as ``B``, and tests so that they wrap."""
    html = re.sub(r":(?:class|func|meth):<code>~?(?:\w+\.)*(\w+)</code>", r"<code>\1</code>", html)
    return re.sub(r"(?<=<code>)test_\w+\.py::test_\w+", _breakable, html)


def _breakable(name: re.Match[str]) -> str:
    return re.sub("(::|_)", r"\1<wbr>", name[0])
