"""Set-up: every supported Python has a complete lock with hashes, and every target of the Makefile is explained."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12", "3.13")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINE = re.compile(r"([a-z0-9-]+)==([0-9][0-9a-z.]*)((?: --hash=sha256:[0-9a-f]{64})+)")


def locked(python: str) -> dict[str, str]:
    """Package to version, of one lock file; every line has its form."""
    lines = (ROOT / "scripts" / "lock" / f"py{python}.txt").read_text().splitlines()[1:]
    matches = [LINE.fullmatch(line) for line in lines]
    assert all(matches), [line[:60] for line, match in zip(lines, matches, strict=True) if not match]
    return {match[1]: match[2] for match in matches if match}


@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_is_locked_with_hashes(python: str) -> None:
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]

    names = {re.split(r"[<>=]", dependency)[0] for dependency in wanted}

    assert names <= set(locked(python))


@pytest.mark.parametrize("python", PYTHONS)
def test_a_lock_names_no_place_to_download_from(python: str) -> None:
    text = (ROOT / "scripts" / "lock" / f"py{python}.txt").read_text()

    assert "://" not in text
    assert "--index" not in text


def test_the_locks_cover_what_the_project_says_it_supports() -> None:
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    assert {path.name for path in (ROOT / "scripts" / "lock").iterdir()} == {f"py{python}.txt" for python in PYTHONS}


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as a person would, even if these tests were started by make."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, env=environment)


def test_a_bare_make_explains_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert phony is not None

    told = make(ROOT).stdout

    listed = {line.split()[1]: line.split(maxsplit=2)[2] for line in told.splitlines()}
    assert set(listed) == set(phony[1].split())
    assert all(len(comment) > 10 for comment in listed.values())


def test_make_says_what_is_needed_when_no_python_fits(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    for name in ("Makefile", "pyproject.toml", "scripts/install.py"):
        (tmp_path / name).write_text((ROOT / name).read_text())

    told = make(tmp_path, "install", "PYTHON=false")

    assert told.returncode == 2
    assert "Python 3.11, 3.12 or 3.13 is needed" in told.stderr
    assert "make install PYTHON=/path/to/python" in told.stderr
    assert not (tmp_path / ".venv").exists()
