"""What the repository promises about itself: import directions, twins, public names, no work at
import.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "pollinations_client"
PACKAGES = ["pollinations_client", "langchain_pollinations", "llamaindex_pollinations"]
EVERY_FILE = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))

# Folders and single files of the client, lowest first: each imports from its own line and from
# those before it.
LAYERS = [
    {"_distribution", "_lazy_imports", "connection_options", "errors"},
    {"lenient_json", "schemas", "media", "reply_metadata"},
    {"reply"},
    {"catalog"},
    {"request", "response"},
    {"budget"},
    {"settings"},
    {"transport"},
    {"client"},
    {"agent_tools"},
    {"__init__", "_adapter_support"},
    {"emulator"},
    {"command_line"},
    {"__main__"},
]
RANK = {name: number for number, layer in enumerate(LAYERS) for name in layer}


def imports_of(file: Path, *, with_type_hints: bool = False) -> set[str]:
    """The modules a file imports, absolute; those for type checking only where they are wanted."""
    tree = ast.parse(file.read_text())
    hidden = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If)
        and "TYPE_CHECKING" in ast.dump(block.test)
        and not with_type_hints
        for node in ast.walk(block)
    }
    package = ".".join(file.relative_to(ROOT).with_suffix("").parts[:-1])
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = (
                package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            )
            stem = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            found |= {
                (
                    f"{stem}.{alias.name}"
                    if (ROOT / stem.replace(".", "/") / f"{alias.name}.py").exists()
                    else stem
                )
                for alias in node.names
            }
    return found


def test_imports_of_the_client_go_one_way_between_folders() -> None:
    """No folder imports from one above it, and none of one layer from each other."""
    for file in CLIENT.rglob("*.py"):
        own = file.relative_to(CLIENT).with_suffix("").parts[0]
        imported = [
            module.split(".")[1:]
            for module in imports_of(file, with_type_hints=True)
            if module.startswith("pollinations_client.")
        ]
        for folder in {parts[0] for parts in imported} - {own}:
            assert RANK[folder] < RANK[own], f"{file.name} ({own}) imports from {folder}"


def test_no_modules_import_each_other() -> None:
    """In no package, directly or in a circle, and not for type hints either."""
    graph = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): {
            module
            for module in imports_of(file, with_type_hints=True)
            if module.partition(".")[0] in PACKAGES
        }
        for file in EVERY_FILE
    }
    sorter = TopologicalSorter({name: graph[name] - {name} for name in graph})
    sorter.prepare()  # raises CycleError, which names the circle


def test_adapters_import_public_names_and_adapter_support_only() -> None:
    """The client may move its modules without touching the adapters."""
    doors = {"pollinations_client", "pollinations_client._adapter_support"}
    for package in ("langchain_pollinations", "llamaindex_pollinations"):
        for file in (ROOT / package).rglob("*.py"):
            inner = {name for name in imports_of(file) if name.startswith("pollinations_client")}
            assert inner <= doors, file


@pytest.mark.parametrize("file", EVERY_FILE, ids=lambda file: str(file.relative_to(ROOT)))
def test_only_the_network_rooms_know_httpx_and_only_settings_the_environment(file: Path) -> None:
    """And nobody knows another vendor's SDK."""
    roots = {module.partition(".")[0] for module in imports_of(file)}
    where = str(file.relative_to(ROOT))
    if "pollinations_client/transport/" not in where and "emulator" not in where:
        assert not roots & {"httpx", "httpcore"}
    assert not roots & {"openai", "tiktoken", "requests", "aiohttp"}
    if where != "pollinations_client/settings/settings.py":
        assert not re.search(r"os\.environ|getenv", file.read_text())


@pytest.mark.parametrize("package", PACKAGES)
def test_frameworks_stay_on_their_own_side(package: str) -> None:
    """A LlamaIndex user never loads LangChain, and the client loads neither."""
    foreign = {
        "pollinations_client": {"langchain_core", "langchain", "llama_index"},
        "langchain_pollinations": {"llama_index", "llamaindex_pollinations"},
        "llamaindex_pollinations": {"langchain_core", "langchain_pollinations"},
    }
    for file in (ROOT / package).rglob("*.py"):
        assert not {module.partition(".")[0] for module in imports_of(file)} & foreign[package], (
            file
        )


@pytest.mark.parametrize("package", [*PACKAGES, "pollinations_client.emulator"])
def test_public_names_are_what_all_says(package: str) -> None:
    """Listed once, importable, documented."""
    module = importlib.import_module(package)
    assert len(module.__all__) == len(set(module.__all__))
    for name in module.__all__:
        thing = getattr(module, name)
        if isinstance(thing, type):
            assert thing.__doc__, name


SYNC_WORDS = {
    "arun": "run",
    "aclose": "close",
    "aclosing": "closing",
    "aiter_bytes": "iter_bytes",
    "aiter_raw": "iter_raw",
    "AsyncOpenResponse": "OpenResponse",
    "AsyncPooledResponse": "PooledResponse",
    "AsyncPooledTransport": "PooledTransport",
    "AsyncPlaces": "Places",
    "LoopStream": "SocketStream",
    "StopAsyncIteration": "StopIteration",
    "handle_async_request": "handle_request",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aread": "read",
    "borrow_async": "borrow_sync",
    "give_back_async": "give_back_sync",
    "leave_async": "leave_sync",
    "asyncio": "time",
    "wait_async": "wait",
    "awaited": "",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "AsyncTransport": "SyncTransport",
    "AsyncClient": "Client",
    "AsyncGenerator": "Generator",
    "AsyncIterator": "Iterator",
}


def _class_body(file: Path, name: str) -> str:
    """A class without its docstrings, ``async`` and ``await`` taken out and names put into their
    sync form.
    """
    tree = ast.parse(file.read_text())
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    for node in ast.walk(found):
        if (
            isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    text = "\n".join(ast.unparse(node) for node in found.body)
    text = re.sub(r"\b(async|await) ", "", text)
    text = re.sub(r"\w+", lambda word: SYNC_WORDS.get(word[0], word[0]), text)
    text = re.sub(r"(Generator\[\w+, None), None\]", r"\1]", text)
    return ast.unparse(ast.parse(text))


@pytest.mark.parametrize(
    ("files", "sync", "twin"),
    [
        (["transport/transport.py"], "SyncTransport", "AsyncTransport"),
        (["transport/http_transport.py"], "PooledTransport", "AsyncPooledTransport"),
        (["transport/http_transport.py"], "PooledResponse", "AsyncPooledResponse"),
        (
            ["client/sync_client.py", "client/async_client.py"],
            "PollinationsClient",
            "AsyncPollinationsClient",
        ),
    ],
)
def test_sync_and_async_twins_are_the_same_line_by_line(
    files: list[str], sync: str, twin: str
) -> None:
    """They differ in ``async`` and ``await``, and in nothing else."""
    sync_body = _class_body(CLIENT / files[0], sync).splitlines()
    assert _class_body(CLIENT / files[-1], twin).splitlines() == sync_body
    assert len(sync_body) > 20


TOOL_WORDS = {
    "_async_client": "_client",
    "AsyncPollinationsClient": "PollinationsClient",
    "AsyncCallbackManagerForToolRun": "CallbackManagerForToolRun",
    "make_media_async": "make_media",
    "_arun": "_run",
    "aanswer": "answer",
    "_aanswer": "_answer",
    "_checked_aanswer": "_checked_answer",
    "acall": "call",
    "async_fn": "fn",
}


def _functions(file: Path) -> dict[str, list[str]]:
    """The functions of a file by their names, in their order; several classes may share a name."""
    functions: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            text = "\n".join(map(ast.unparse, body))
            text = re.sub(r"\b(async|await) ", "", text)
            text = re.sub(r"asyncio\.to_thread\(([\w.]+), ", r"\1(", text)
            text = re.sub(r"\w+", lambda word: TOOL_WORDS.get(word[0], word[0]), text)
            functions.setdefault(node.name, []).append(ast.unparse(ast.parse(text)))
    return functions


@pytest.mark.parametrize(
    ("file", "sync", "twin", "count"),
    [
        ("pollinations_client/agent_tools/media_tool.py", "make_media", "make_media_async", 1),
        ("langchain_pollinations/tools/lookups.py", "_run", "_arun", 3),
        ("langchain_pollinations/tools/media.py", "_run", "_arun", 1),
        ("langchain_pollinations/tools/voice.py", "_run", "_arun", 2),
        ("llamaindex_pollinations/tools/base.py", "call", "acall", 1),
        ("llamaindex_pollinations/tools/tool_spec.py", "_checked_answer", "_checked_aanswer", 1),
        ("llamaindex_pollinations/tools/tool_spec.py", "_answer", "_aanswer", 1),
        ("llamaindex_pollinations/tools/lookups.py", "answer", "aanswer", 1),
        ("llamaindex_pollinations/tools/media.py", "answer", "aanswer", 1),
        ("llamaindex_pollinations/tools/voice.py", "answer", "aanswer", 1),
    ],
)
def test_the_tools_twins_are_the_same(file: str, sync: str, twin: str, count: int) -> None:
    """They differ in ``async`` and ``await``, and in the thread that saves."""
    functions = _functions(ROOT / file)
    assert functions[twin] == functions[sync]
    assert len(functions[sync]) >= count


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_and_constructing_touch_no_network_and_load_no_http(package: str) -> None:
    """No socket, no TLS context, no httpx before the first call."""
    make = {
        "pollinations_client": "pollinations_client.PollinationsClient('sk_test')",
        "langchain_pollinations": (
            "langchain_pollinations.ChatPollinations(model='openai', api_key='sk_test')"
        ),
        "llamaindex_pollinations": (
            "llamaindex_pollinations.Pollinations(model='openai', api_key='sk_test')"
        ),
    }[package]
    probe = (
        "import socket, ssl, sys\ndef stop(*a, **k): raise AssertionError('network')\nimport"
        f" {package}\nloaded = 'pollinations_client.transport.client_pool' in"
        " sys.modules\nsocket.socket.connect = stop; ssl.create_default_context = stop;"
        f" socket.getaddrinfo = stop\n{make}\nassert not loaded and"
        " 'pollinations_client.transport.client_pool' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("package", "missing", "extra"),
    [
        ("langchain_pollinations", "langchain_core", "langchain"),
        ("llamaindex_pollinations", "llama_index", "llamaindex"),
        *(
            ("pollinations_client.emulator", library, "emulator")
            for library in ("jsonschema", "PIL", "uvicorn")
        ),
    ],
)
def test_without_its_extra_a_package_says_what_to_install(
    package: str, missing: str, extra: str
) -> None:
    """One sentence, not a traceback into somebody's internals."""
    probe = f"import sys; sys.modules['{missing}'] = None\nfrom {package} import *"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 1
    sentence = done.stderr.strip().splitlines()[-1]
    assert f'pip install "pollinations-adapters[{extra}]"' in sentence
    assert f'pip install ".[{extra}]"' in sentence


def test_the_base_install_needs_httpx_and_pydantic_only() -> None:
    """The client imports in an interpreter that has no framework."""
    probe = (
        "import sys\nfor name in ('langchain_core', 'llama_index', 'starlette', 'uvicorn', 'PIL'):"
        " sys.modules[name] = None"
        "\nimport pollinations_client"
    )
    assert subprocess.run([sys.executable, "-c", probe], cwd=ROOT, check=False).returncode == 0


def test_every_package_says_that_it_is_typed() -> None:
    """``py.typed`` is in each."""
    assert all((ROOT / package / "py.typed").exists() for package in PACKAGES)


def test_nothing_is_kept_that_names_a_registry_or_a_machine() -> None:
    """No lock file, no address of a package registry, no key."""
    kept = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout.split()
    assert not [
        name
        for name in kept
        if name.endswith(".lock") or Path(name).name in {"package-lock.json", "Pipfile.lock"}
    ]
    hosts = ["pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org"]
    for name in kept:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".ipynb", ".json", ""} and path.is_file():
            text = path.read_text(errors="ignore")
            assert not [host for host in hosts if host in text], name


def test_nothing_stray_lies_at_the_top() -> None:
    """What a newcomer sees first is what belongs there: packages, pages, settings."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    top = {name.split("/")[0] for name in tracked.splitlines()}
    folders = {*PACKAGES, "tests", "notebooks", "docs", "examples", "benchmarks", "tools"}
    pages = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"}
    settings = {"pyproject.toml", "Makefile", "mkdocs.yml", "CITATION.cff"}
    assert {name for name in top if not name.startswith(".")} == (
        folders | pages | settings | {"demo.py"}
    )


def test_installed_versions_lie_between_the_declared_floors_and_ceilings() -> None:
    """Every dependency has both, and the tests run on what the ranges admit."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = [
        *project["dependencies"],
        *(
            one
            for name in ("langchain", "llamaindex", "emulator", "aiohttp")
            for one in extras[name]
        ),
    ]
    for text in declared:
        requirement = Requirement(text)
        assert {">=", "<"} <= {clause.operator for clause in requirement.specifier}, text
        assert requirement.specifier.contains(
            metadata.version(requirement.name), prereleases=True
        ), text
