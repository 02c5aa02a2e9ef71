"""Print the figures by which this repository judges its own shape: ``make measure``.

Each line is a figure, what it should reach, and the function below that counts it. Tests are left
out unless a line says otherwise.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from radon.complexity import cc_visit

from files_entered import langchain_call, llamaindex_call

ROOT = Path(__file__).parents[1]
PACKAGES = ("pollinations_client", "langchain_pollinations", "llamaindex_pollinations")
CLIENT = ROOT / PACKAGES[0]
SOURCES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TREES = {file: ast.parse(file.read_text()) for file in SOURCES}

# Participles and pronouns that say nothing of what a variable holds.
VAGUE = set(
    "told said one given found place kept held asked known made left whole seen shown meant wanted "
    "laid spoken taken got gone came went thing things stuff them".split()
)
# Words by which tests used to be numbered after private lists.
LIST_WORDS = "rows?|complaints?|pitfalls?|defects?|corners?|rarer|stranger|faults_\\d"


def lines_of(files: list[Path]) -> Iterator[str]:
    """Every line of the files."""
    for file in files:
        yield from file.read_text().splitlines()


def per_thousand(count: int) -> str:
    """A count per 1,000 source lines."""
    return f"{1000 * count / source_lines():.1f}"


def source_lines() -> int:
    """Lines of the three packages."""
    return sum(1 for _ in lines_of(SOURCES))


def client_door() -> str:
    """Files at the top of the client, and its folders."""
    folders = sorted(path.parent.name for path in CLIENT.glob("*/__init__.py"))
    return f"{len(list(CLIENT.glob('*.py')))} files, folders: {' '.join(folders)}"


def imported_modules(file: Path) -> set[str]:
    """Modules of ours that a file imports, those for type checking included."""
    package = list(file.relative_to(ROOT).parts[:-1])
    modules: set[str] = set()
    for node in ast.walk(TREES[file]):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{stem}.{alias.name}"
                modules.add(inner if inner in MODULES else stem)
    return modules & set(MODULES)


def module_name(file: Path) -> str:
    """``pollinations_client/reply.py`` as ``pollinations_client.reply``."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in SOURCES}


def import_circles() -> str:
    """Groups of modules that import each other."""
    graph = {name: imported_modules(file) - {name} for name, file in MODULES.items()}
    reach = {name: reachable(name, graph) for name in graph}
    circles = {
        tuple(sorted(other for other in reach[name] if name in reach[other]))
        for name in graph
        if name in reach[name]
    }
    names = [" <-> ".join(name.split(".", 1)[-1] for name in circle) for circle in circles]
    return f"{len(circles)}  {'; '.join(sorted(names))}"[:160]


def reachable(start: str, graph: dict[str, set[str]]) -> set[str]:
    """Every module that ``start`` imports, directly or through others."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - seen
        seen |= new
        waiting.extend(new)
    return seen


def vague_names() -> str:
    """Bound names (variables, parameters, functions, classes) that are among ``VAGUE``."""
    names = [name for tree in TREES.values() for node in ast.walk(tree) for name in bound(node)]
    vague = [name for name in names if name in VAGUE]
    worst = sorted(set(vague), key=vague.count, reverse=True)[:8]
    counts = " ".join(f"{name}:{vague.count(name)}" for name in worst)
    return f"{100 * len(vague) / len(names):.1f} % of {len(names)}  {counts}"


def bound(node: ast.AST) -> list[str]:
    """The name that a node binds, if it binds one."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case _:
            return []


def long_lines() -> int:
    """Lines over 100 characters, tests included."""
    return sum(len(line) > 100 for line in lines_of([*SOURCES, *TESTS]))


def comments() -> str:
    """Comments on lines of their own."""
    count = 0
    for file in SOURCES:
        with file.open("rb") as source:
            for token in tokenize.tokenize(source.readline):
                count += token.type == tokenize.COMMENT and token.line.lstrip().startswith("#")
    return per_thousand(count)


def conditional_expressions() -> str:
    """``a if b else c``."""
    nodes = (node for tree in TREES.values() for node in ast.walk(tree))
    return per_thousand(sum(isinstance(node, ast.IfExp) for node in nodes))


def complex_blocks() -> str:
    """Functions and classes of radon's rank D (complexity 21) or worse."""
    blocks = [
        f"{file.stem}.{block.name}:{block.complexity}"
        for file in SOURCES
        for block in cc_visit(file.read_text())
        if block.complexity > 20
    ]
    return f"{len(blocks)}  {' '.join(blocks)}"


def stub_model() -> str:
    """The emulator's stand-in for a model."""
    files = list((CLIENT / "emulator" / "stub_model").glob("*.py"))
    return f"{len(files)} files, {sum(1 for _ in lines_of(files))} lines"


def list_named_tests() -> str:
    """Test functions and test files named after lists."""
    functions = re.compile(rf"def test_(?:{LIST_WORDS})_[d\d]")
    count = sum(len(functions.findall(file.read_text())) for file in TESTS)
    files = [file.name for file in TESTS if re.match(rf"test_(?:{LIST_WORDS})", file.name)]
    return f"{count} functions, {len(files)} files"


def deep_imports() -> int:
    """Imports of the adapters from inside the client, other than ``_adapter_support``."""
    doors = {"pollinations_client", "pollinations_client._adapter_support"}
    count = 0
    for file in SOURCES:
        if file.is_relative_to(CLIENT):
            continue
        client_modules = {name for name in imported_modules(file) if name.startswith(PACKAGES[0])}
        count += len(client_modules - doors)
    return count


def files_naming_a_setting() -> str:
    """Files that name a client setting, which is what adding one more would touch."""
    files = [file.stem for file in SOURCES if re.search(r"\btotal_timeout\b", file.read_text())]
    return f"{len(files)}  {' '.join(files)}"


FIGURES: list[tuple[str, str, Callable[[], Any]]] = [
    ("files at the client's door", "<= 10, one subject each", client_door),
    ("import circles, type hints included", "0", import_circles),
    ("files of a LangChain chat call", "<= 28; 0", langchain_call),
    ("files of a LlamaIndex chat call", "<= 30; 0", llamaindex_call),
    ("vague names", "< 2 %", vague_names),
    ("lines over 100, tests included", "0", long_lines),
    ("comment lines per 1,000", ">= 20", comments),
    ("conditional expressions per 1,000", "<= 15", conditional_expressions),
    ("blocks of complexity D or worse", "0", complex_blocks),
    ("emulator/stub_model", "<= 1,000 lines", stub_model),
    ("tests named after lists", "0", list_named_tests),
    ("deep imports of the adapters", "0", deep_imports),
    ("files that name one client setting", "<= 3", files_naming_a_setting),
    ("source lines", "<= 17,500", source_lines),
]


def main() -> None:
    """Print every figure with what it should reach, the function that counts it, and its value."""
    print(f"{'figure':36} {'reach':21} {'counted by':23} today")
    for title, reach, count in FIGURES:
        print(f"{title:36} {reach:21} {count.__name__:23} {count()}")


if __name__ == "__main__":
    main()
