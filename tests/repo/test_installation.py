"""What a user reads whose environment also holds, or held, another package of the same name."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def copy_of_packages(folder: Path) -> None:
    """Our packages, as they lie in an environment's site-packages."""
    for package in ("pollinations_client", "langchain_pollinations", "llamaindex_pollinations"):
        shutil.copytree(ROOT / package, folder / package)


def run_with(folder: Path, statement: str) -> subprocess.CompletedProcess[str]:
    """Run a statement with that folder first, and without the editable install of this one."""
    paths = [str(folder), sysconfig.get_path("purelib")]
    return subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {paths!r}\n{statement}"],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )


def test_importing_over_the_other_package_says_which_one_and_what_to_do(tmp_path: Path) -> None:
    """Ours was installed last: our __init__ runs beside their files."""
    copy_of_packages(tmp_path)
    (tmp_path / "langchain_pollinations" / "_openai_compat.py").touch()
    sentence = run_with(tmp_path, "import langchain_pollinations").stderr.strip().splitlines()[-1]
    assert sentence.startswith("ImportError: ")
    assert "langchain-pollinations, a package of another author" in sentence
    assert "pip uninstall langchain-pollinations pollinations-adapters" in sentence
    assert 'pip install ".[all]"' in sentence


@pytest.mark.parametrize("package", ["llamaindex_pollinations", "pollinations_client.emulator"])
def test_the_other_packages_warn_when_theirs_was_installed_last(
    package: str, tmp_path: Path
) -> None:
    """Their __init__ stands in place of ours, so ours cannot say it."""
    copy_of_packages(tmp_path)
    (tmp_path / "langchain_pollinations" / "__init__.py").write_text("")
    (tmp_path / "langchain_pollinations" / "_openai_compat.py").touch()
    done = run_with(tmp_path, f"import {package}")
    assert done.returncode == 0
    assert "a package of another author that uses the same import name" in done.stderr


def test_a_folder_that_lost_its_init_is_explained(tmp_path: Path) -> None:
    """Uninstalling theirs takes the file that both had."""
    copy_of_packages(tmp_path)
    (tmp_path / "langchain_pollinations" / "__init__.py").unlink()
    assert "has lost its __init__.py" in run_with(tmp_path, "import llamaindex_pollinations").stderr


def test_an_unmixed_install_says_nothing(tmp_path: Path) -> None:
    """Neither on standard error nor by failing."""
    copy_of_packages(tmp_path)
    statement = "import langchain_pollinations, llamaindex_pollinations"
    done = run_with(tmp_path, f"{statement}, pollinations_client.emulator")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("is_mixed", [False, True])
def test_make_check_says_that_the_other_package_is_installed_over_ours(
    is_mixed: bool, tmp_path: Path
) -> None:
    """Tests alone would not: they import from the checkout, and a user's program does not."""
    copy_of_packages(tmp_path)
    if is_mixed:
        (tmp_path / "langchain_pollinations" / "_openai_compat.py").touch()
    lines = (ROOT / "Makefile").read_text().splitlines()
    program = next(line.split("'")[1] for line in lines if "installed_mixture" in line)
    done = run_with(tmp_path, program)
    assert done.returncode == int(is_mixed)
    assert ("a package of another author" in done.stderr) is is_mixed
