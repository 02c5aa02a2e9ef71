"""Examples in docstrings: they run, and print what they show."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import inspect
import io
import pydoc
import re
from pathlib import Path
from typing import Any

import pytest

from pollinations_client.emulator import Emulator

ROOT = Path(__file__).parents[2]
PACKAGES = ("langchain_pollinations", "llamaindex_pollinations", "pollinations_client")
# Google's sections are indented, LangChain's are not.
FENCE = re.compile(r"^( *)```(python|output)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text()
)
PUBLIC_CLASSES = {
    f"{package}.{name}": value
    for package in PACKAGES
    for name in importlib.import_module(package).__all__
    if inspect.isclass(value := getattr(importlib.import_module(package), name))
}
CHAT_MODEL = "langchain_pollinations.ChatPollinations"
WITH_FENCES = [
    name for name, value in PUBLIC_CLASSES.items() if "```python" in str(vars(value)["__doc__"])
]


@pytest.fixture(autouse=True)
def _on_the_emulator(gateway: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POLLINATIONS_BASE_URL", gateway.url)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("module", MODULES)
def test_interactive_examples_give_what_they_show(module: str) -> None:
    """Each ``>>>`` of a module, in the order of its docstrings."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    report = io.StringIO()
    for example in finder.find(importlib.import_module(module), module):
        runner.run(example, out=report.write)
    assert runner.tries
    assert not runner.failures, report.getvalue()


# LlamaIndex's agents use what pydantic has deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", WITH_FENCES)
def test_code_blocks_of_a_docstring_print_what_it_shows(name: str) -> None:
    """One after the other; an ``output`` block is what the one before prints."""
    printed = ""
    names: dict[str, Any] = {}
    blocks = FENCE.findall(inspect.getdoc(PUBLIC_CLASSES[name]) or "")
    assert blocks
    for indent, kind, indented in blocks:
        text = re.sub(f"^{indent}", "", indented, flags=re.MULTILINE)
        if kind == "output":
            assert printed == text
            continue
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(compile(text, name, "exec"), names)
        printed = output.getvalue()


@pytest.mark.parametrize("name", PUBLIC_CLASSES)
def test_examples_are_in_the_section_that_is_set_as_code(name: str) -> None:
    """The site sets ``>>>`` as code in a section ``Examples`` only, elsewhere as a quotation."""
    section = ""
    for line in (inspect.getdoc(PUBLIC_CLASSES[name]) or "").splitlines():
        if re.match(r"\S", line):
            section = line
        assert section == "Examples:" or ">>> " not in line


def test_the_chat_model_is_documented_as_langchains_own_are() -> None:
    """With the sections that a reader of another integration looks for."""
    sections = re.findall(
        r"^(\w.*):$", inspect.getdoc(PUBLIC_CLASSES[CHAT_MODEL]) or "", re.MULTILINE
    )
    assert sections == [
        "Setup",
        "Key init args - completion params",
        "Key init args - client params",
        "Instantiate",
        "Invoke",
        "Stream",
        "Async",
        "Tool calling",
        "Structured output",
        "Image input",
        "Reasoning",
        "Token usage",
        "Response metadata",
        "Raises",
    ]


@pytest.mark.parametrize(
    ("package", "name"),
    [
        (package, name)
        for package in (*PACKAGES, "pollinations_client.emulator")
        for name in importlib.import_module(package).__all__
        if name != "__version__"
    ],
)
def test_help_shows_no_addresses_of_functions(package: str, name: str) -> None:
    """As pydantic's bounds and validators would show them in a signature."""
    thing = getattr(importlib.import_module(package), name)
    assert " at 0x" not in pydoc.render_doc(thing, renderer=pydoc.plaintext)
