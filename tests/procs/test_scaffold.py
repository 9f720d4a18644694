"""`trader init`: what it writes works as it stands, is documented in full, and overwrites nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from procs.errors import OperatorError
from procs.rehearsal import rehearse
from procs.scaffold import FILES, template, write_project
from procs.strategy_file import BELIEF, BOOK, load_strategy
from trader.strategy import POSITION, QUOTES


def test_written_strategy_passes_its_own_test(tmp_path: Path) -> None:
    paths = write_project(tmp_path / "mine")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_strategy.py"]
    run = subprocess.run(command, cwd=tmp_path / "mine", capture_output=True, text=True, timeout=100, check=False)

    assert [path.name for path in paths] == list(FILES)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "4 passed" in run.stdout


def test_written_strategy_loads_and_quotes(tmp_path: Path) -> None:
    path = write_project(tmp_path)[0]
    quotes = rehearse(path, bid_ticks=617_999, ask_ticks=618_001, volatility_bps=1.0)

    assert load_strategy(path).problems(64, {}) == []
    assert quotes.bids == [(617_982, 2), (617_970, 2), (617_958, 2)]
    assert quotes.asks == [(618_018, 2), (618_030, 2), (618_042, 2)]


@pytest.mark.parametrize("own", [True, False])
def test_more_levels_than_there_are_stop_at_the_last(tmp_path: Path, own: bool) -> None:
    file = write_project(tmp_path)[0] if own else ""
    quotes = rehearse(file, bid_ticks=617_999, ask_ticks=618_001, parameters={"levels": 500})

    assert len(quotes.bids) == len(quotes.asks) == 10


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(OperatorError, match=re.escape(str(tmp_path / name))):
        write_project(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(OperatorError, match="allowed a folder"):
        write_project(tmp_path / "mine")


def test_readme_lists_every_field_of_every_argument() -> None:
    sections = re.split(r"^## ", template("README.md"), flags=re.MULTILINE)[1:]
    for section, dtype in zip(sections, (BOOK, BELIEF, POSITION, QUOTES), strict=True):
        rows = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
        listed = {name for row in rows for name in re.findall(r"`(\w+)", row)}

        assert listed == set(dtype.names)
