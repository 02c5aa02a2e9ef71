"""The wheel, as a user gets it: what is in it, and that each extra is enough for what it is for."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from pollinations_client import __version__
from pollinations_client.emulator import Emulator

ROOT = Path(__file__).parents[2]
PACKAGES = ["pollinations_client", "langchain_pollinations", "llamaindex_pollinations"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# Extra, a program that it must be enough for, and what it must not bring.
EXTRAS = {
    "": (
        "from pollinations_client import PollinationsClient\n"
        "print(PollinationsClient().chat('hi', model='claude').text)",
        {"langchain_core", "llama_index", "starlette", "PIL", "numpy", "jsonschema"},
    ),
    "langchain": (
        "from langchain_pollinations import ChatPollinations, PollinationsToolkit\n"
        "PollinationsToolkit()\n"
        "print(ChatPollinations('claude').invoke('hi').content)",
        {"langchain", "llama_index", "starlette", "PIL", "numpy"},
    ),
    "llamaindex": (
        "from llamaindex_pollinations import Pollinations, PollinationsToolSpec\n"
        "PollinationsToolSpec().to_tool_list()\n"
        "print(Pollinations('claude').complete('hi').text)",
        {"langchain_core", "starlette"},
    ),
    "emulator": (
        "from pollinations_client import PollinationsClient\n"
        "from pollinations_client.emulator import Emulator\n"
        "with Emulator() as gateway:\n"
        "    print(PollinationsClient(base_url=gateway.url).chat('hi', model='claude').text)",
        {"langchain_core", "llama_index"},
    ),
}


def run(*command: str | Path, **environment: str) -> str:
    """Run a command, and return what it prints."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=400,
        env={**inherited(), **environment},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def inherited() -> dict[str, str]:
    """The environment, in which pip finds its configuration, without this one's packages."""
    import os

    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built here."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_three_typed_packages_and_no_tests(wheel: Path) -> None:
    """And the catalogue, which is data."""
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.split("/")[0] for name in names}
    assert folders == {*PACKAGES, f"pollinations_adapters-{__version__}.dist-info"}
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    assert "pollinations_client/catalog/models.json" in names
    assert not [name for name in names if name.endswith((".pyc", ".ipynb"))]


def test_the_metadata_names_author_licence_command_and_extras(wheel: Path) -> None:
    """What an index shows."""
    archive = zipfile.ZipFile(wheel)
    folder = f"pollinations_adapters-{__version__}.dist-info"
    metadata = archive.read(f"{folder}/METADATA").decode()
    assert "\nAuthor: The pollinations-adapters authors\n" in metadata
    assert "\nLicense-Expression: MIT\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    for extra in PROJECT["optional-dependencies"]:
        assert f"\nProvides-Extra: {extra}\n" in metadata
    assert (
        "pollinations = pollinations_client.command_line:main"
        in archive.read(f"{folder}/entry_points.txt").decode()
    )


@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: extra or "base")
def test_an_extra_alone_is_enough_for_its_first_answer(
    extra: str, wheel: Path, tmp_path: Path, gateway: Emulator
) -> None:
    """In an environment that holds nothing else; the doctor agrees."""
    program, foreign = EXTRAS[extra]
    uv, python = Path(sys.executable).with_name("uv"), tmp_path / "venv" / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    wanted = f"pollinations-adapters[{extra}] @ {wheel.as_uri()}"
    run(uv, "pip", "install", "--quiet", "--python", python, wanted, UV_LINK_MODE="copy")
    at_emulator = {"POLLINATIONS_BASE_URL": gateway.url}
    assert run(python, "-I", "-c", program, **at_emulator).strip()
    find = f"from importlib.util import find_spec; print([n for n in {foreign} if find_spec(n)])"
    assert run(python, "-I", "-c", find) == "[]\n"
    assert "fault" not in run(python.with_name("pollinations"), "doctor", **at_emulator)


def test_the_floors_can_be_installed_together() -> None:
    """Resolved from pyproject.toml: from a wheel, uv takes the newest for what an extra brings."""
    uv = Path(sys.executable).with_name("uv")
    arguments = ["--extra", "all", "--resolution", "lowest-direct", "--no-annotate", "--quiet"]
    pinned = run(uv, "pip", "compile", "pyproject.toml", *arguments).splitlines()
    for requirement in ("httpx>=0.27.2", "pydantic>=2.11.7"):
        assert any(requirement in declared for declared in PROJECT["dependencies"])
        assert requirement.replace(">=", "==") in pinned


def test_the_citation_has_the_released_version() -> None:
    """So that two files cannot disagree."""
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_workflow_calls_the_makefile_and_may_read_only() -> None:
    """What the forge runs is what a person runs."""
    workflow = (ROOT / ".github" / "workflows" / "check.yml").read_text()
    targets = set(
        line.split(":")[0]
        for line in (ROOT / "Makefile").read_text().splitlines()
        if line[:1].isalpha() and "##" in line
    )
    commands = [line.split("run: ")[1] for line in workflow.splitlines() if "run: " in line]
    assert {command.split()[0] for command in commands} == {"make"}
    assert {command.split()[1] for command in commands} <= targets
    assert "permissions:\n  contents: read\n" in workflow
    assert "write" not in workflow
