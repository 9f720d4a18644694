"""Comparing two reports: a kernel that was slowed down is caught; a slower host, a noisy row and new rows are not taken
for it."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bench import command, harness
from bench.compare import TOLERANCE, changes, read_rows, settled
from bench.harness import Bench
from bench.results import RATE, TIME, Result, Row, rate, times
from procs.errors import OperatorError
from tests.sabotage import ROOT, copy_of

TRIES = 5
"""How often a host whose speed has just changed may measure the same kernel anew."""

HISTOGRAM_SUITE = Path(__file__).with_name("histogram_suite.py")

KERNEL = """
from shm.kernel import kernel

@kernel
def sum_of_squares(values):
    total = 0
    for value in values:
        total += value * value
    return total
"""
SLOWED = KERNEL.replace(
    "        total +=", "        for power in range(24):\n            total ^= value << power\n        total +="
)


def row_of(value: float, *, unit: str = TIME, floor: float = 2.0, spread: float = 0.0, name: str = "x") -> Row:
    """A row whose p50 is `value`."""
    bench = Bench(smoke=False)
    bench.suite = "s"

    def once() -> Result:
        return times(np.full(10, value)) if unit == TIME else rate(int(value), 10**9)

    bench.row(name, unit=unit, ours=once, floor=lambda: floor)
    (row,) = bench.rows
    row.spread = spread
    return row


def module_of(path: Path, source: str) -> ModuleType:
    """A module from a source text."""
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def suite_over(kernels: ModuleType) -> ModuleType:
    """A suite of one row that times the module's kernel."""
    values = np.arange(2_000)
    kernels.sum_of_squares(values)

    def once() -> Result:
        took = np.empty(400)
        for index in range(len(took)):
            start_ns = time.perf_counter_ns()
            kernels.sum_of_squares(values)
            took[index] = time.perf_counter_ns() - start_ns
        return times(took)

    suite = ModuleType("bench.suite_injected")
    suite.rows = lambda bench: bench.row("sum_of_squares", unit=TIME, ours=once)  # type: ignore[attr-defined]
    return suite


def unchanged(old: Path) -> int:
    """The exit code of a bench beside a report of the same kernel a moment before."""
    assert command.main(["injected"], json_file=old) == 0
    return command.main(["injected"], compare_file=old)


def test_a_slow_down_injected_into_a_kernel_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "old.json"
    monkeypatch.setattr(harness, "suites", lambda: ["injected"])
    monkeypatch.setitem(sys.modules, "bench.suite_injected", suite_over(module_of(tmp_path / "clean.py", KERNEL)))
    assert any(not unchanged(old) for _ in range(TRIES)), capsys.readouterr().out
    capsys.readouterr()

    monkeypatch.setitem(sys.modules, "bench.suite_injected", suite_over(module_of(tmp_path / "slowed.py", SLOWED)))
    assert command.main(["injected"], compare_file=old) == 1

    assert "1 of 1 rows have become slower" in capsys.readouterr().out


SUITE_OVER_A_COPY = """
import sys
from pathlib import Path
import tests.bench.histogram_suite as suite
from bench import command, harness
harness.suites = lambda: ["injected"]
sys.modules["bench.suite_injected"] = suite
sys.exit(command.main(["injected"], **{sys.argv[1]: Path(sys.argv[2])}))
"""
LARGEST = "    if inside > load_i64(histogram + MAX):\n"
IN_VAIN = "    for _ in range(40):\n        store_relaxed(histogram + OUTSIDE, load_i64(histogram + OUTSIDE))\n"


def bench_over(folder: Path, flag: str, file: Path) -> int:
    """The exit code of a bench with the packages of a folder before our own."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}", "TRADER_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-c", SUITE_OVER_A_COPY, flag, str(file)]
    return subprocess.run(command, cwd=folder, env=environment, timeout=120).returncode


def test_a_slow_down_injected_into_a_kernel_that_ships_is_caught(tmp_path: Path) -> None:
    clean = copy_of("shm", "", "", "", others=[HISTOGRAM_SUITE])
    slowed = copy_of("shm", "histogram.py", LARGEST, IN_VAIN + LARGEST, others=[HISTOGRAM_SUITE])

    def unchanged() -> bool:
        assert bench_over(clean, "json_file", tmp_path / "old.json") == 0
        return bench_over(clean, "compare_file", tmp_path / "old.json") == 0

    assert any(unchanged() for _ in range(TRIES))
    assert bench_over(slowed, "compare_file", tmp_path / "old.json") == 1


def test_a_host_that_is_twice_as_slow_is_no_regression() -> None:
    (change,) = changes([row_of(100, floor=2)], [row_of(200, floor=4)])
    assert change.change == pytest.approx(1) and not change.regressed

    (change,) = changes([row_of(100, unit=RATE, floor=2)], [row_of(50, unit=RATE, floor=4)])
    assert change.change == pytest.approx(1) and not change.regressed


def test_a_rate_regresses_when_it_falls_and_a_time_when_it_rises() -> None:
    assert changes([row_of(100)], [row_of(130)])[0].regressed
    assert changes([row_of(130, unit=RATE)], [row_of(100, unit=RATE)])[0].regressed
    assert not changes([row_of(130)], [row_of(100)])[0].regressed


def test_what_spread_or_tolerance_explains_is_no_regression() -> None:
    assert not changes([row_of(100)], [row_of(100 * (1 + TOLERANCE) - 1)])[0].regressed
    assert not changes([row_of(100, spread=0.4)], [row_of(150)])[0].regressed
    assert changes([row_of(100, spread=0.4)], [row_of(170)])[0].regressed


def test_only_what_is_slower_every_time_has_become_slower() -> None:
    old = [row_of(100), row_of(100, name="y")]
    first = changes(old, [row_of(150), row_of(150, name="y")])
    (noise, slower) = settled(first, changes(old, [row_of(105), row_of(145, name="y")]))
    assert (noise.new_p50, noise.regressed) == (105, False)
    assert (slower.new_p50, slower.regressed) == (145, True)

    (kept, _) = settled(first, changes(old, [row_of(145, name="y")]))
    assert kept.new_p50 == 150 and kept.regressed


def test_rows_of_one_report_only_are_not_compared() -> None:
    assert changes([row_of(1, name="gone")], [row_of(1, name="new")]) == []


def test_a_file_that_is_no_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="found no file"):
        read_rows(tmp_path / "absent.json")
    (tmp_path / "other.json").write_text(json.dumps({"rows": [{"p50": "fast"}]}))
    with pytest.raises(OperatorError, match=r"--compare: found .*other\.json"):
        read_rows(tmp_path / "other.json")
