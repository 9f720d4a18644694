"""Every check of risk taken out: its test notices. All in one process, interpreted, so a bug costs milliseconds."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.trader.interpreted import Interpreted
from tests.trader.risk_sabotage import BUGS

NOTICED = (AssertionError, IndexError)
"""What reaches past a table's end would have read anything, compiled."""

NUMBERED = 22
"""Checks, as the list of `trader.risk.checks` numbers them."""


def calls(test: Any) -> Iterator[dict[str, Any]]:
    """The arguments of each case of a test, as its parametrisation says."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    tables = []
    for mark in marks:
        names, rows = mark.args[:2]
        names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
        tables.append([dict(zip(names, row if len(names) > 1 else (row,), strict=True)) for row in rows])
    for chosen in itertools.product(*tables):
        yield {name: value for one in chosen for name, value in one.items()}


def run(world: Interpreted, named: str) -> None:
    """Run a test, every case of it. Raises AssertionError where it fails."""
    module, _, name = named.partition("::")
    test = getattr(world.module(module), name)
    for arguments in calls(test):
        test(**arguments)


def test_the_tests_pass_interpreted() -> None:
    world = Interpreted()
    for named in sorted({named for *_, named in BUGS.values()}):
        run(world, named)


@pytest.mark.parametrize("name", BUGS)
def test_a_check_taken_out_is_noticed(name: str) -> None:
    *bug, named = BUGS[name]
    world = Interpreted(*bug)
    with pytest.raises(NOTICED):
        run(world, named)


def test_each_numbered_check_has_its_bug() -> None:
    found = {int(name.split()[0]) for name in BUGS if name[0].isdigit()}

    assert found == set(range(1, NUMBERED + 1))
