"""The distribution: its version, how to install its extras, and a package that breaks it."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path

__version__ = "0.1.0"

REINSTALL = (
    "Remove both and install this one again: pip uninstall langchain-pollinations"
    " pollinations-adapters, then in a clone of this repository"
    ' pip install ".[all]" (from an index: pip install "pollinations-adapters[all]").'
)


def install_command(extra: str) -> str:
    """The command that installs an extra, from an index and from a clone."""
    return (
        f'in a clone of the repository pip install ".[{extra}]",'
        f' else pip install "pollinations-adapters[{extra}]"'
    )


def mixed_install(folder: Path) -> str | None:
    """What is wrong with a ``langchain_pollinations`` folder that two packages share, if so."""
    # The package index has langchain-pollinations by another author, which installs a folder of the
    # same name. pip lets each overwrite the other without a word.
    # A file of theirs that has no counterpart here (seen in 0.3.0b3).
    if (folder / "_openai_compat.py").exists():
        problem = (
            f"{folder} holds files of langchain-pollinations, a package of another author that"
            " uses the same import name; one environment can hold only one of the two."
        )
        return f"{problem} {REINSTALL}"
    if (folder / "chat_models.py").exists() and not (folder / "__init__.py").exists():
        problem = (
            f"{folder} has lost its __init__.py, which happens when langchain-pollinations, a"
            " package of another author that uses the same import name, is uninstalled."
        )
        return f"{problem} {REINSTALL}"
    return None


def installed_mixture() -> str | None:
    """What is wrong with the ``langchain_pollinations`` that would be imported, if anything."""
    spec = find_spec("langchain_pollinations")
    folders = spec.submodule_search_locations if spec is not None else None
    problems = map(mixed_install, map(Path, folders or []))
    return next(filter(None, problems), None)


def warn_of_mixed_install() -> None:
    """Warn if ``langchain_pollinations`` would be imported from a mixed or broken folder."""
    # If the other package was installed last, our own __init__.py does not run there; so the other
    # packages of this distribution look.
    problem = installed_mixture()
    if problem:
        warnings.warn(problem, stacklevel=3)
