"""Pictures: one for each suite's times, one for its rivals, one for the hops; none without matplotlib."""

import sys
from pathlib import Path

import numpy as np
import pytest

from bench.harness import Bench
from bench.results import TIME, Result, Row, times
from procs.errors import OperatorError

HOPS = {"process": {"feed": {"count": 3, "p50": 10, "p99": 20, "p999": 30, "max": 40}, "book": {"count": 0, "p50": 0}}}


def rows() -> list[Row]:
    """A suite with a rival and one without."""
    bench = Bench(smoke=True)

    def once() -> Result:
        return times(np.arange(1.0, 100.0))

    for bench.suite, rivals in (("books", {"slow": once}), ("alone", {})):
        bench.row("x", unit=TIME, target=20, ours=once, rivals=rivals)
    return bench.rows


def test_there_is_a_picture_for_each_suite_its_rivals_and_the_hops(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra 'plot')")
    from bench.pictures import draw_all

    files = draw_all(tmp_path / "new", rows(), HOPS)

    assert [file.name for file in files] == ["books.png", "books-rivals.png", "alone.png", "hops.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_rows_of_growing_loads_and_symbols_are_drawn_as_lines_of_their_own(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra 'plot')")
    from bench.growth_picture import growth_of
    from bench.pictures import draw_all, pictures_of

    bench = Bench(smoke=True)
    bench.suite = "pipeline"
    for name in ("load_1000", "load_1000000", "symbols_1", "symbols_64", "load_of_a_truck"):
        bench.row(name, unit=TIME, ours=lambda: times(np.arange(1.0, 100.0)))

    assert [growth_of(row) for row in bench.rows] == ["load", "load", "symbols", "symbols", ""]
    assert pictures_of("pipeline", bench.rows) == ["pipeline", "pipeline-growth"]
    assert [file.name for file in draw_all(tmp_path, bench.rows, {})] == ["pipeline.png", "pipeline-growth.png"]


def test_without_matplotlib_nothing_is_made_and_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.pictures import draw_all

    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(OperatorError, match=r"found no matplotlib .*make install"):
        draw_all(tmp_path / "new", rows(), {})
    assert not (tmp_path / "new").exists()
