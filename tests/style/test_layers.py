"""Import directions: held by the house, and each rule shown to catch what it forbids."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.style import layers

ROOT = Path(__file__).resolve().parents[2]
RULES = [
    layers.direction_problems,
    layers.purity_problems,
    layers.stage_problems,
    layers.exchange_problems,
    layers.missing_problems,
]

SABOTAGE = [
    (layers.direction_problems, "shm/ring.py", "from trader.messages import BookTop"),
    (layers.direction_problems, "shm/ring.py", "import procs"),
    (layers.direction_problems, "trader/book.py", "def late():\n    from procs import launch"),
    (layers.direction_problems, "procs/launch.py", "import bench.harness"),
    (layers.direction_problems, "procs/launch.py", "from tests import fakes"),
    (layers.direction_problems, "procs/stages/book.py", "from scripts.lock import lock"),
    (layers.direction_problems, "shm/deep/ring.py", "from ...trader import book"),
    (layers.purity_problems, "trader/book.py", "import time"),
    (layers.purity_problems, "trader/risk/checks.py", "from os.path import join"),
    (layers.purity_problems, "trader/book.py", "import shm.ring"),
    (layers.purity_problems, "trader/book.py", "from shm import atomics"),
    (layers.purity_problems, "trader/book.py", "from shm.kernel_extras import x"),
    (layers.stage_problems, "procs/stages/book.py", "from procs.stages.feed import STATE"),
    (layers.stage_problems, "procs/stages/book.py", "from procs.stages import feed"),
    (layers.stage_problems, "procs/stages/book.py", "from . import feed"),
    (layers.exchange_problems, "trader/exchange/matching.py", "from trader.units import ticks"),
    (layers.exchange_problems, "trader/exchange/matching.py", "from trader import orders"),
    (layers.exchange_problems, "trader/exchange/matching.py", "from shm.codec import encode"),
    (layers.missing_problems, "bench/suite.py", "from bench.gone import new_clock"),
    (layers.missing_problems, "bench/suite.py", "def late():\n    import bench.gone"),
    (layers.missing_problems, "bench/suite.py", "from bench import gone"),
]

HARMLESS = [
    (layers.direction_problems, "procs/launch.py", "from trader.book import BOOK\nfrom shm import ring"),
    (layers.direction_problems, "tests/trader/test_book.py", "import bench.harness, trader, procs"),
    (
        layers.purity_problems,
        "trader/book.py",
        "import math\nfrom shm.kernel import kernel\nfrom shm import kernel as k",
    ),
    (
        layers.stage_problems,
        "procs/stages/book.py",
        "from procs.ports import send\nfrom procs.stages.book.state import S",
    ),
    (
        layers.exchange_problems,
        "trader/exchange/a.py",
        "import numpy\nfrom trader.exchange.b import c\nfrom . import d",
    ),
    (layers.exchange_problems, "trader/exchange/a.py", "from trader.enums import Side\nfrom shm.kernel import kernel"),
    (layers.missing_problems, "bench/suite.py", "SIZE = 1\nfrom bench.suite import SIZE, late\ndef late(): pass"),
    (layers.missing_problems, "bench/suite.py", "import numpy\nfrom bench import suite"),
]


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_its_import_directions(rule: Callable[[Path], list[str]]) -> None:
    found = rule(ROOT)

    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(("rule", "file", "source"), SABOTAGE)
def test_a_forbidden_import_is_caught(
    tmp_path: Path, rule: Callable[[Path], list[str]], file: str, source: str
) -> None:
    write(tmp_path / file, source)

    found = rule(tmp_path)

    assert len(found) >= 1
    assert all(line.startswith(file) for line in found)


@pytest.mark.parametrize(("rule", "file", "source"), HARMLESS)
def test_an_allowed_import_is_not_caught(
    tmp_path: Path, rule: Callable[[Path], list[str]], file: str, source: str
) -> None:
    write(tmp_path / file, source)

    assert rule(tmp_path) == []


def write(path: Path, source: str) -> None:
    """One file of a made-up tree."""
    path.parent.mkdir(parents=True)
    path.write_text(source + "\n")
