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
UV = Path(sys.executable).with_name("uv")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# Extra, a program that it must be enough for, and what it must not bring.
EXTRAS = {
    "": (
        "from pollinations_client import PollinationsClient\n"
        "print(PollinationsClient().chat('hi', model='claude').text)",
        {"langchain_core", "llama_index", "starlette", "PIL", "numpy", "jsonschema"},
    ),
    "emulator": (
        "from pollinations_client import PollinationsClient\n"
        "from pollinations_client.emulator import Emulator\n"
        "with Emulator() as gateway:\n"
        "    print(PollinationsClient(base_url=gateway.url).chat('hi', model='claude').text)",
        {"langchain_core", "llama_index"},
    ),
    "llamaindex": (
        "from llamaindex_pollinations import Pollinations, PollinationsToolSpec\n"
        "PollinationsToolSpec().to_tool_list()\n"
        "print(Pollinations('claude').complete('hi').text)",
        {"langchain_core", "starlette"},
    ),
    "langchain": (
        "from langchain_pollinations import ChatPollinations, PollinationsToolkit\n"
        "PollinationsToolkit()\n"
        "print(ChatPollinations('claude').invoke('hi').content)",
        {"langchain", "llama_index", "starlette", "PIL", "numpy"},
    ),
    "agents": (
        "from langchain.agents import create_agent\n"
        "from langchain_pollinations import ChatPollinations, PollinationsToolkit\n"
        "agent = create_agent(ChatPollinations('claude'), PollinationsToolkit().get_tools())\n"
        "print(agent.invoke({'messages': 'hi'})['messages'][-1].content)",
        {"llama_index", "starlette", "PIL", "jsonschema"},
    ),
}

# uv copies where it cannot link.
LINKED = {"UV_LINK_MODE": "hardlink"}

# Of another author, under the import name of our LangChain adapter.
OTHER_PACKAGE = "langchain-pollinations==0.3.0b3"


# After a program, in the same process: which of these can be imported, and what the doctor says.
CHECK = """
from importlib.util import find_spec
from pollinations_client.command_line import main
print([name for name in {names} if find_spec(name)])
raise SystemExit(main(["doctor"]))
"""


def run(*command: str | Path, exit_code: int = 0, lines: str = "", **environment: str) -> str:
    """Run a command that reads those lines and ends with that exit code; what it prints."""
    done = subprocess.run(
        [str(part) for part in command],
        input=lines,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=400,
        env={**inherited(), **environment},
    )
    assert done.returncode == exit_code, done.stderr[-3000:]
    return done.stdout


def inherited() -> dict[str, str]:
    """The environment, in which pip finds its configuration, without this one's packages."""
    import os

    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def install(python: Path, *requirements: str) -> None:
    """Install into that Python's environment."""
    run(UV, "pip", "install", "--quiet", "--python", python, *requirements, **LINKED)


def install_alone(python: Path, requirement: str) -> None:
    """Make an environment hold what this needs and nothing else, whatever it held before."""
    resolve = ("pip", "compile", "--quiet", "--no-annotate", "--python", python, "-")
    needed = run(UV, *resolve, lines=requirement)
    run(UV, "pip", "sync", "--quiet", "--python", python, "-", lines=needed, **LINKED)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built here."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment. One for all extras: what they share is compiled once."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    run(UV, "venv", "--quiet", "--python", sys.executable, folder)
    return folder / "bin" / "python"


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
    extra: str, wheel: Path, python: Path, gateway: Emulator
) -> None:
    """In an environment that holds nothing else; the doctor agrees."""
    program, foreign = EXTRAS[extra]
    install_alone(python, f"pollinations-adapters[{extra}] @ {wheel.as_uri()}")
    program = f"{program}\n{CHECK.format(names=foreign)}"
    printed = run(python, "-I", "-c", program, POLLINATIONS_BASE_URL=gateway.url)
    answer, found, *_ = printed.splitlines()
    assert answer
    assert found == "[]"
    assert "fault" not in printed


def test_the_other_package_of_the_same_import_name_is_reported(
    wheel: Path, python: Path, gateway: Emulator
) -> None:
    """Both really installed, in either order: the last overwrites the first without a word."""
    at_emulator = {"POLLINATIONS_BASE_URL": gateway.url}
    ours = f"pollinations-adapters[langchain] @ {wheel.as_uri()}"

    def doctor(exit_code: int) -> str:
        return run(python.with_name("pollinations"), "doctor", exit_code=exit_code, **at_emulator)

    install_alone(python, ours)
    install(python, "--no-deps", OTHER_PACKAGE)
    assert "langchain-pollinations, a package of another author" in doctor(exit_code=1)

    install(python, "--reinstall-package", "pollinations-adapters", ours)
    assert "langchain-pollinations, a package of another author" in doctor(exit_code=1)
    run(python, "-I", "-c", "import langchain_pollinations", exit_code=1)

    # What the sentence says to do: remove both, and install ours.
    names = ("langchain-pollinations", "pollinations-adapters")
    run(UV, "pip", "uninstall", "--quiet", "--python", python, *names)
    install(python, ours)
    assert "fault" not in doctor(exit_code=0)
    run(python, "-I", "-c", "import langchain_pollinations")


def test_all_brings_every_extra_but_the_other_transport() -> None:
    """``aiohttp`` replaces a part; the others add one."""
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    names = everything.partition("[")[2].rstrip("]").split(",")
    assert set(names) == extras.keys() - {"all", "aiohttp"}


def test_the_floors_can_be_installed_together() -> None:
    """Resolved from pyproject.toml: from a wheel, uv takes the newest for what an extra brings."""
    arguments = ["--extra", "all", "--resolution", "lowest-direct", "--no-annotate", "--quiet"]
    pinned = run(UV, "pip", "compile", "pyproject.toml", *arguments).splitlines()
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
