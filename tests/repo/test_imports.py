"""What importing a package loads, and what it leaves until it is asked for."""

from __future__ import annotations

import concurrent.futures
import importlib
import subprocess
import sys

import pytest
from pydantic import BaseModel

LEFT_FOR_LATER = {
    "pollinations_client": ["pollinations_client.response.account"],
    "langchain_pollinations": [
        "langchain_core.tools.base",
        "langchain_pollinations._response_blocks",
        "langchain_pollinations._structured_output",
        "langchain_pollinations._token_counts",
        "langchain_pollinations._tool_definitions",
        "langchain_pollinations.document_loaders",
        "langchain_pollinations.embeddings",
        "langchain_pollinations.tools",
        "pollinations_client.agent_tools.options",
        "pollinations_client.response.account",
        "pollinations_client.response.json_text",
    ],
    "llamaindex_pollinations": [
        "llamaindex_pollinations._structured_output",
        "llamaindex_pollinations._tool_runs",
        "llamaindex_pollinations.embeddings",
        "llamaindex_pollinations.readers",
        "llamaindex_pollinations.tools",
        "pollinations_client.agent_tools.options",
        "pollinations_client.response.account",
        "pollinations_client.response.json_text",
    ],
}


def _run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("package", LEFT_FOR_LATER)
def test_what_only_some_programs_use_is_loaded_when_asked_for(package: str) -> None:
    """And every public name is there, by ``from package import *`` too."""
    _run(
        f"import sys, {package}\n"
        f"early = [name for name in {LEFT_FOR_LATER[package]} if name in sys.modules]\n"
        "assert not early, early\n"
        f"from {package} import *\n"
        f"missing = [name for name in {package}.__all__ if name not in globals()]\n"
        "assert not missing, missing\n"
    )


def _page_faults(depth: int) -> int:
    """How many an import takes that so many frames stand before."""
    return int(
        _run(
            "import resource\n"
            "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
            "def deeper(frames):\n"
            "    if frames: return deeper(frames - 1)\n"
            "    before = faults()\n"
            "    import langchain_pollinations\n"
            "    return faults() - before\n"
            f"print(deeper({depth}))\n"
        )
    )


def test_an_import_costs_the_same_at_any_depth_of_a_program() -> None:
    """Without a piece of memory for its frames it takes 16,000 to 37,000 faults, by the depth."""
    faults = [_page_faults(depth) for depth in (0, 6, 9)]
    assert max(faults) < 1.1 * min(faults), faults


@pytest.mark.parametrize("package", LEFT_FOR_LATER)
def test_an_unknown_name_of_a_package_is_an_attribute_error(package: str) -> None:
    """As of any module, in Python's own words."""
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'ChatBees'"):
        getattr(importlib.import_module(package), "ChatBees")  # noqa: B009 - no type knows it


def test_options_are_built_once_when_many_threads_ask_first() -> None:
    """Their pydantic models are built on first use, which may be the first of 64 calls at once."""
    program = (
        "import concurrent.futures, sys\n"
        "sys.setswitchinterval(1e-6)\n"
        "from pollinations_client import ChatOptions\n"
        "assert not ChatOptions.__pydantic_complete__\n"
        "with concurrent.futures.ThreadPoolExecutor(64) as pool:\n"
        "    made = list(pool.map(lambda n: ChatOptions.checked({'seed': n}).seed, range(64)))\n"
        "assert made == list(range(64))\n"
    )
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(_run, [program] * 4))


@pytest.mark.parametrize("package", ["langchain_pollinations", "llamaindex_pollinations"])
def test_public_models_are_built_when_they_are_imported(package: str) -> None:
    """Threads may make a class's first objects together, and pydantic takes a half-built class's
    validator away from the others; the bases, which nobody makes, are left unbuilt.
    """
    module = importlib.import_module(package)
    public = [getattr(module, name) for name in module.__all__]
    models = [kind for kind in public if isinstance(kind, type) and issubclass(kind, BaseModel)]
    assert len(models) >= 3
    assert all(kind.__pydantic_complete__ for kind in models)
    assert not any(kind.model_config.get("defer_build") for kind in models)
