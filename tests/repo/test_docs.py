"""What the documents claim: parameters are all there, tests named exist, the README's first block
runs.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

import badges
import generate_docs
from pollinations_client import (
    AsyncPollinationsClient,
    ChatOptions,
    ImageOptions,
    PollinationsClient,
    TextOptions,
)
from pollinations_client.command_line import main
from pollinations_client.emulator import Emulator
from support.hosted_mcp import hosted_mcp_server
from support.pages import assert_blocks_print_what_is_shown, without_chance
from support.tracing import trace_collector
from support.warm_python import WarmPython

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
README = (ROOT / "README.md").read_text()
NO_OPERATION = {"close", "catalog", "cost", "refresh"}


def section(title: str) -> str:
    """The part of the operations page under a heading."""
    return OPERATIONS.split(f"## {title}")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("title", "options"),
    [
        ("Chat: `ChatOptions`", ChatOptions),
        ("Pictures and video: `ImageOptions`", ImageOptions),
        ("Text: `TextOptions`", TextOptions),
    ],
)
def test_every_parameter_is_documented_and_nothing_else(
    title: str, options: type[ChatOptions | ImageOptions | TextOptions]
) -> None:
    """Both ways: what the code takes stands in the table, what stands there the code takes."""
    listed = {
        name
        for row in section(title).splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert listed == {field.alias or name for name, field in options.model_fields.items()}


def test_every_account_parameter_is_documented_with_its_operations() -> None:
    """The signatures say which operation takes what."""
    listed = {
        (re.findall(r"`(\w+)`", row.split("|")[1])[0], operation)
        for row in section("Account").splitlines()
        if row.startswith("| `")
        for operation in re.findall(r"`(\w+)`", row.split("|")[2])
    }
    taken = {
        (name, operation)
        for operation in (
            "profile",
            "balance",
            "key_info",
            *(one for one in dir(PollinationsClient) if "usage" in one),
        )
        for name in list(inspect.signature(getattr(PollinationsClient, operation)).parameters)[1:]
    }
    assert listed == taken


def test_every_operation_is_documented() -> None:
    """Each public method of the client, and its twin."""
    public = {name for name in vars(PollinationsClient) if not name.startswith("_")}
    named = set(re.findall(r"`(\w+)`", OPERATIONS.split("## Chat")[0]))
    assert public - NO_OPERATION <= named
    assert public - {"close"} == {
        name for name in vars(AsyncPollinationsClient) if not name.startswith("_")
    } - {"aclose"}


def test_every_test_that_is_named_exists() -> None:
    """A table of tests that are not there would be a lie."""
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", OPERATIONS)
    assert len(named) > 30
    existing = set()
    for file in {file for file, _ in named}:
        tree = ast.parse((ROOT / "tests" / "client" / file).read_text())
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        existing |= {(file, function.name) for function in functions}
    assert set(named) <= existing


def test_the_readmes_python_blocks_print_what_it_shows(
    warm_python: WarmPython, gateway: Emulator, tmp_path: Path
) -> None:
    """One after the other; every block is followed by what it prints."""
    for block, following in re.findall(r"```python\n(.*?)```\n\n(\S+)", README, re.DOTALL):
        assert following == "```output", block
    assert_blocks_print_what_is_shown(
        warm_python, README, tmp_path, POLLINATIONS_BASE_URL=gateway.url
    )
    assert (tmp_path / "pictures" / "bees-over-lavender-7.jpg").exists()


PAGES = sorted((ROOT / "docs").rglob("*.md"))
# Their blocks talk to other servers too; each has a test of its own below.
MCP_PAGE, TRACING_PAGE = (ROOT / "docs" / "guides" / name for name in ("mcp.md", "tracing.md"))


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page not in (MCP_PAGE, TRACING_PAGE)],
    ids=lambda page: str(page.relative_to(ROOT / "docs")),
)
def test_the_python_blocks_of_a_page_run_and_print_what_it_shows(
    page: Path, warm_python: WarmPython, gateway: Emulator, tmp_path: Path
) -> None:
    """On the emulator."""
    assert_blocks_print_what_is_shown(
        warm_python, page.read_text(), tmp_path, POLLINATIONS_BASE_URL=gateway.url
    )


def test_the_testing_pages_file_passes_under_pytest(tmp_path: Path) -> None:
    """As a reader would save and run it."""
    page = (ROOT / "docs" / "guides" / "testing.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (block,) = (block for block in blocks if "def test_" in block)
    (tmp_path / "test_app.py").write_text(block)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=300,
    )
    assert "1 passed" in done.stdout, done.stdout[-2000:]


def test_the_mcp_pages_agents_use_a_server_like_the_gateways(
    warm_python: WarmPython, gateway: Emulator, tmp_path: Path
) -> None:
    """As the page has it, but for the address; the server gets the key with every call."""
    with hosted_mcp_server() as (url, keys):
        text = MCP_PAGE.read_text().replace("https://gen.pollinations.ai/mcp/pollinations", url)
        assert_blocks_print_what_is_shown(
            warm_python,
            text,
            tmp_path,
            POLLINATIONS_BASE_URL=gateway.url,
            POLLINATIONS_API_KEY="sk_mcp",
        )
    assert keys == ["Bearer sk_mcp"] * 2
    program = (ROOT / "examples" / "mcp_server.py").read_text().split('"""\n\n')[1]
    assert program in MCP_PAGE.read_text()


def test_the_tracing_pages_blocks_send_traces_without_the_key(
    warm_python: WarmPython, gateway: Emulator, tmp_path: Path
) -> None:
    """LangSmith and Langfuse, switched on by their variables alone, send to a collector here."""
    with trace_collector() as (url, bodies):
        assert_blocks_print_what_is_shown(
            warm_python,
            TRACING_PAGE.read_text(),
            tmp_path,
            POLLINATIONS_BASE_URL=gateway.url,
            POLLINATIONS_API_KEY="sk_in_no_trace",
            LANGSMITH_TRACING="true",
            LANGSMITH_ENDPOINT=url,
            LANGSMITH_API_KEY="x",
            LANGFUSE_BASE_URL=url,
            LANGFUSE_PUBLIC_KEY="x",
            LANGFUSE_SECRET_KEY="x",
        )
    langsmith = b"".join(body for path, body in bodies if path.startswith("/runs"))
    langfuse = b"".join(body for path, body in bodies if "otel" in path)
    for sent in (langsmith, langfuse):
        assert b"Say hello." in sent
        assert b"claude-sonnet-4.6" in sent
        assert b"sk_in_no_trace" not in sent
    assert b'"cost":[0.000519]' in langsmith


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Links and anchors lead somewhere, and every page of the navigation is there."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "guides/agents" in (tmp_path / "llms.txt").read_text()
    reference = (tmp_path / "reference" / "langchain.html").read_text()
    assert "Randomness, 0 to 2" in reference
    assert "openai/gpt-5.4-nano" in (tmp_path / "models.html").read_text()
    assert "Top up the account" in (tmp_path / "troubleshooting.html").read_text()
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        page = tmp_path / "notebooks" / f"{notebook.stem}.html"
        assert "data:image/" in page.read_text(), "the picture that the notebook keeps"
    assert dead_links(tmp_path) == []


def dead_links(site: Path) -> list[str]:
    """Links and pictures of a built site that lead to no file or no anchor of it."""
    pages = {page: page.read_text() for page in site.rglob("*.html") if page.name != "404.html"}
    dead = []
    for page, html in pages.items():
        for target in set(re.findall(r'(?:href|src)="(?!https?:|data:|mailto:)([^"]*)"', html)):
            path, _, anchor = unquote(target).partition("#")
            file = (page.parent / path).resolve() if path else page
            if file.is_dir():
                file /= "index.html"
            is_anchor_missing = anchor and file in pages and f'id="{anchor}"' not in pages[file]
            if not file.exists() or is_anchor_missing:
                dead.append(f"{page.relative_to(site)}: {target}")
    return dead


def test_the_demonstration_prints_what_the_readme_shows(
    warm_python: WarmPython, tmp_path: Path
) -> None:
    """Line by line, and the picture it tells of is there; the line before it is the Makefile's."""
    done = warm_python.run(ROOT / "demo.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    loading, _, shown = re.findall(r"```text\n(.*?)```", README, re.DOTALL)[0].partition("\n")
    assert f'echo "{loading}"' in (ROOT / "Makefile").read_text()
    assert without_chance(done.stdout).splitlines() == without_chance(shown).splitlines()
    for name in ("bees-over-lavender-7.jpg", "the-same-hills-in-the-evening-8.jpg"):
        with Image.open(tmp_path / "pictures" / name) as picture:
            assert (picture.format, picture.size) == ("JPEG", (768, 512))
    with Image.open(tmp_path / "pictures" / "_contact-sheet.png") as sheet:
        assert sheet.size == (800, 267)


def test_a_second_demonstration_embeds_no_document_again(
    warm_python: WarmPython, gateway: Emulator, tmp_path: Path
) -> None:
    """The index is in a folder; only the question is embedded."""
    for texts_sent in (5, 1):
        gateway.clear()
        done = warm_python.run(ROOT / "demo.py", folder=tmp_path, POLLINATIONS_BASE_URL=gateway.url)
        assert done.returncode == 0, done.stderr[-3000:]
        sent = [one for one in gateway.requests if one.path == "/v1/embeddings"]
        assert sum(len(one.json["input"]) for one in sent) == texts_sent


def test_links_in_the_documents_lead_somewhere() -> None:
    """Relative links name files of the repository, or pages that are made from code."""
    generated = {ROOT / "docs" / name for name in generate_docs.PAGES}
    for page in [*ROOT.glob("*.md"), *PAGES]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text()):
            path = (page.parent / target).resolve()
            assert path.exists() or path in generated, f"{page.name}: {target}"


DOCUMENTS = [ROOT / "README.md", *PAGES]
CONSOLE = re.compile(r"```console\n(.*?)```(?:\n\n```output\n(.*?)```)?", re.DOTALL)


def console_lines(page: Path) -> list[str]:
    """The commands in the console blocks of a page."""
    blocks = [block for block, _ in CONSOLE.findall(page.read_text())]
    return re.findall(r"^ *\$ (.*)$", "".join(blocks), re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/guides/command-line.md"])
def test_the_commands_of_a_page_run_and_print_what_it_shows(
    page: str, gateway: Emulator, tmp_path: Path
) -> None:
    """In a shell, on the emulator; those that install or serve are not run here."""
    (tmp_path / "notes.txt").write_text("Bees dance.")
    with PollinationsClient(base_url=gateway.url) as client:
        client.speech("Good morning", path=tmp_path / "talk.wav")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "POLLINATIONS_BASE_URL": gateway.url,
        "HOME": str(tmp_path),
    }
    commands = 0
    for block, shown in CONSOLE.findall((ROOT / page).read_text()):
        lines = [line for line in re.findall(r"^\$ (.*)$", block, re.MULTILINE) if is_run(line)]
        commands += len(lines)
        # `( exit $code )` hands a line's exit code to the next, which may ask for it.
        checked = "\n".join(f"{line}\ncode=$?; echo $code >&9; ( exit $code )" for line in lines)
        with (tmp_path / "codes").open("w+") as codes:
            done = subprocess.run(
                ["sh", "-c", f"exec 9>codes\n{checked}"],
                capture_output=True,
                text=True,
                cwd=tmp_path,
                env=environment,
                check=False,
                timeout=300,
            )
            over_budget = ["3" if "--budget 0.05" in line else "0" for line in lines]
            assert codes.read().split() == over_budget, done.stderr
        assert not shown or done.stdout == shown
    assert commands >= 5
    assert (tmp_path / "pictures").is_dir()


def is_run(line: str) -> bool:
    """Whether a line asks the emulator and comes back."""
    return "pollinations " in line and "pip " not in line and "emulator" not in line


def test_install_lines_name_extras_and_targets_that_exist() -> None:
    """In every page: `pip install ".[extra]"` and `make target`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    extras = []
    for page in [*DOCUMENTS, ROOT / "CONTRIBUTING.md"]:
        extras += re.findall(r'pip install "\.\[([\w,]+)\]"', page.read_text())
        used = re.findall(r"make ([a-z]+)(?=[ `\n])", "\n".join(console_lines(page)))
        assert set(used) <= set(targets), page.name
    assert (
        {"all", "langchain", "llamaindex"} <= set(extras) <= set(project["optional-dependencies"])
    )


def test_every_command_has_help_and_its_options_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """What the pages name with two dashes, the command knows."""
    for page in ("README.md", "docs/guides/command-line.md"):
        for line in console_lines(ROOT / page):
            if match := re.search(r"pollinations ([a-z]+) (.*)", line.partition("    #")[0]):
                with pytest.raises(SystemExit):
                    main([match[1], "--help"])
                text = capsys.readouterr().out
                for option in re.findall(r"--[a-z-]+", match[2]):
                    assert option in text, line


def test_the_badges_say_what_the_project_says() -> None:
    """And both first pages show them; files of our own, so that nothing is fetched."""
    for name, value in badges.values().items():
        file = badges.FOLDER / f"badge-{name}.svg"
        assert file.read_text() == badges.badge(name, value), "run python tools/badges.py"
        for page, folder in (("README.md", "docs/images"), ("docs/index.md", "images")):
            assert f"![{name}: {value}]({folder}/{file.name})" in (ROOT / page).read_text()
