"""Import what few programs need on first use, and not with the package."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["LazyModule", "import_with_room", "lazy_names"]


# Tools, account records and the like cost a third of the import of an adapter; a chain that only
# chats needs none of them.


def lazy_names(module: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of ``module`` (PEP 562) for names that it takes from elsewhere.

    ``homes`` has the names, separated by blanks, by the module that each is imported from, relative
    to the package of ``module``.
    """
    package = sys.modules[module].__package__
    home_of = {name: home for home, names in homes.items() for name in names.split()}

    def find(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home_of[name], package), name)
        setattr(sys.modules[module], name, value)  # found without this function from now on
        return value

    return find


class LazyModule:
    """A module that is imported when something in it is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)


def import_with_room(module: str) -> None:
    """Import ``module`` with room for the frames of all that it imports."""
    importlib.import_module(module)


# CPython keeps frames in pieces of 16 KiB, and maps and unmaps one at each call that crosses its
# bound. Frameworks make thousands of classes when they are imported; where the loops that do so
# happen to stand at a bound, that costs 100 ms of 900, and up to 300 in a deeper program. A frame
# that asks for more than 256 KiB gets a piece of 512, whose other half all frames inside it share.
import_with_room.__code__ = import_with_room.__code__.replace(co_stacksize=2**15)
