"""Tidiness: files and functions of one sitting, names that say something; each rule shown to catch its breach."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.style import tidy

ROOT = Path(__file__).resolve().parents[2]
DOCSTRING = '"""Owns one thing, and says which."""\n'
RULES = [
    tidy.length_problems,
    tidy.statement_problems,
    tidy.name_problems,
    tidy.docstring_problems,
    tidy.annotation_problems,
    tidy.package_file_problems,
    tidy.text_problems,
    tidy.code_comment_problems,
]


def body(count: int) -> str:
    """A function of so many statements, its docstring beside them."""
    return 'def f() -> None:\n    """Says what it does."""\n' + "    x = 1  # a comment\n" * count


SABOTAGE = [
    (tidy.length_problems, "shm/ring.py", DOCSTRING + "x = 1\n" * 300),
    (tidy.statement_problems, "trader/book.py", body(51)),
    (tidy.statement_problems, "tests/test_x.py", "def f():\n    if x:\n" + "        y = 1\n" * 50),
    (tidy.name_problems, "procs/util.py", ""),
    (tidy.name_problems, "procs/book_helpers.py", ""),
    (tidy.name_problems, "trader/common/book.py", ""),
    (tidy.name_problems, "procs/order_manager.py", ""),
    (tidy.docstring_problems, "shm/ring.py", "x = 1\n"),
    (tidy.docstring_problems, "shm/ring.py", '"""Ring."""\n'),
    (tidy.docstring_problems, "shm/ring.py", "# A comment is no docstring, though it is long.\nx = 1\n"),
    (tidy.annotation_problems, "shm/ring.py", "def f(x): ...\n"),
    (tidy.annotation_problems, "procs/launch.py", "class A:\n    def f(self, x: int): ...\n"),
    (tidy.package_file_problems, "tests/trader/__init__.py", ""),
    (tidy.text_problems, "trader/book.py", "# TO" + "DO: later\n"),
    (tidy.text_problems, "scripts/x.py", "P = '/ho" + "me/someone/data'\n"),
    (tidy.code_comment_problems, "trader/book.py", "# return price(1)\n"),
    (tidy.code_comment_problems, "trader/book.py", "#def price(x):\n"),
]

HARMLESS = [
    (tidy.length_problems, "shm/ring.py", DOCSTRING + "x = 1\n" * 299),
    (tidy.statement_problems, "trader/book.py", body(50)),
    (tidy.name_problems, "procs/utilization.py", ""),
    (tidy.annotation_problems, "trader/book.py", "@kernel\ndef f(book, side): ...\n"),
    (tidy.annotation_problems, "tests/test_x.py", "def f(x): ...\n"),
    (tidy.code_comment_problems, "trader/book.py", "# return to the caller when the book is empty\n"),
]


@pytest.mark.parametrize("rule", RULES)
def test_the_house_is_tidy(rule: Callable[[Path], list[str]]) -> None:
    found = rule(ROOT)

    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(("rule", "file", "source"), SABOTAGE)
def test_a_breach_is_caught(tmp_path: Path, rule: Callable[[Path], list[str]], file: str, source: str) -> None:
    write(tmp_path / file, source)

    found = rule(tmp_path)

    assert len(found) == 1
    assert found[0].startswith(file)


@pytest.mark.parametrize(("rule", "file", "source"), HARMLESS)
def test_the_limit_itself_is_allowed(tmp_path: Path, rule: Callable[[Path], list[str]], file: str, source: str) -> None:
    write(tmp_path / file, source)

    assert rule(tmp_path) == []


def test_the_root_holds_the_rooms_of_the_house_only() -> None:
    listed = subprocess.run(["git", "ls-tree", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout: nothing says what is committed")

    assert tidy.top_level_problems(listed.stdout.split("\n")[:-1]) == []


def test_a_new_room_in_the_root_is_caught() -> None:
    assert tidy.top_level_problems(["docs", "trader", ".ci"]) == ["docs: not a room of the house"]


def write(path: Path, source: str) -> None:
    """One file of a made-up tree."""
    path.parent.mkdir(parents=True)
    path.write_text(source)
