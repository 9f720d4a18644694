"""The harness: suites register rows; a row is our figure beside its rivals', measured in turn in one run.

    warm-up        every contestant once; its answer is checked, its time is not
    interleaved    then all in turn, several times, so that a noisy minute hits everybody
    medians        of each run's percentiles, with their spread over the runs
    answers        a wrong answer of ours fails the bench; a rival's is said, and gives no ratio

A suite is `bench/suite_NAME.py` with `def rows(bench: Bench) -> None`. `smoke` runs the same code once, at small sizes.
"""

import gc
import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.cores import on_core
from bench.floor import floor_ns
from bench.host import host_facts
from bench.report import header, print_row
from bench.results import RATE, TIME, Absent, Contestant, Result, Row, Summary, summarise
from procs.affinity import available_cores
from procs.errors import OperatorError

REPEATS = 5
FOLDER = Path(__file__).resolve().parent


class Report(msgspec.Struct, kw_only=True):
    """What a run of the harness gives as JSON."""

    host: dict[str, Any]
    rows: list[Row]


class WrongAnswer(Exception):
    """Our own contestant computed something else than it had to."""


class Bench:
    """What a suite's `rows` is given: sizes, cores, and `row` to measure one thing."""

    def __init__(self, *, smoke: bool, only: Collection[tuple[str, str]] = ()) -> None:
        """`only`: (suite, row) of what is wanted; empty means everything."""
        self.smoke = smoke
        self.only = only
        self.suite = ""
        self.rows: list[Row] = []
        cores = available_cores()
        self.cores = (cores[-1], cores[0])
        """The core that measures, and another one for a partner; the same where there is only one."""

    def size(self, full: int, smoke: int) -> int:
        """How many: `full` when it counts, `smoke` when only the answer does."""
        return smoke if self.smoke else full

    def row(
        self,
        name: str,
        *,
        unit: str,
        ours: Contestant,
        rivals: Mapping[str, Contestant | Absent] | None = None,
        target: float | None = None,
        at_least: Mapping[str, float] | None = None,
        answer: Any = None,
        repeats: int = REPEATS,
        warms_up: bool = True,
        floor: Callable[[], float] = floor_ns,
    ) -> None:
        """Measure one thing against its rivals. `answer`: what every contestant must give; else ours counts.

        `at_least`: how many times better ours has to be than a rival; in that rival's row the stricter target counts.
        `warms_up`: whether everybody first runs once for nothing; whole programs, cold each time, need not.
        `floor`: what the row's figures are compared by on other hosts, measured before each repetition.
        Raises WrongAnswer when ours is wrong.
        """
        assert unit in (TIME, RATE), unit
        if self.only and (self.suite, name) not in self.only:
            return
        present = {rival: run for rival, run in (rivals or {}).items() if not isinstance(run, Absent)}
        remarks = {rival: f"absent: {run.reason}" for rival, run in (rivals or {}).items() if isinstance(run, Absent)}
        turns = 0 if self.smoke else repeats
        results, floors = _interleaved({"": ours, **present}, turns, floor, warms_up=warms_up or self.smoke)
        expected = results[""][0].answer if answer is None else answer
        for who, runs in results.items():
            wrong = next((run.answer for run in runs if run.answer != expected), None)
            if wrong is None:
                continue
            if who == "":
                raise WrongAnswer(f"{self.suite}.{name}: found {wrong!r}, allowed {expected!r}")
            remarks[who] = f"wrong answer: {wrong!r}, allowed {expected!r}"
        mine = summarise(results[""])
        for rival in rivals or ("",):
            theirs = summarise(results[rival]) if rival in present and rival not in remarks else None
            wanted = _target(unit, target, theirs, (at_least or {}).get(rival))
            self._add(name, unit, mine, floors, wanted, rival or None, theirs, remarks.get(rival, ""))

    def _add(
        self,
        name: str,
        unit: str,
        mine: Summary,
        floor: float,
        target: float | None,
        rival: str | None,
        theirs: Summary | None,
        remark: str,
    ) -> None:
        better = None
        if theirs is not None:
            better = theirs.p50 / mine.p50 if unit == TIME else mine.p50 / theirs.p50
        passed = None
        if target is not None and not self.smoke:
            passed = mine.p50 <= target if unit == TIME else mine.p50 >= target
        row = Row(
            suite=self.suite,
            name=name,
            unit=unit,
            p50=mine.p50,
            p99=mine.p99,
            p999=mine.p999,
            max=mine.max,
            target=target,
            passed=passed,
            rival=rival,
            rival_p50=theirs.p50 if theirs else None,
            ratio=float(f"{better:.3g}") if better is not None else None,
            spread=round(mine.spread, 4),
            floor_ns=round(floor, 3),
        )
        self.rows.append(row)
        print_row(row, remark=remark)


def _target(unit: str, target: float | None, theirs: Summary | None, times_better: float | None) -> float | None:
    """The stricter of an absolute target and one that a rival sets."""
    if theirs is None or times_better is None:
        return target
    if unit == TIME:
        return min(theirs.p50 / times_better, target if target is not None else np.inf)
    return max(theirs.p50 * times_better, target or 0.0)


def _interleaved(
    contestants: Mapping[str, Contestant], repeats: int, floor: Callable[[], float], *, warms_up: bool
) -> tuple[dict[str, list[Result]], float]:
    """Each contestant's results: a warm-up whose answer counts but whose time does not, then `repeats` in turn.

    With them the floor, the median over the turns. Without repeats the warm-up is all there is.
    """
    warm = {who: run() for who, run in contestants.items()} if warms_up else {}
    if not repeats:
        return {who: [result] for who, result in warm.items()}, floor()
    results: dict[str, list[Result]] = {who: [] for who in contestants}
    order = list(contestants)
    floors = []
    gc.freeze()  # what is there already need not be looked through before every turn
    try:
        for turn in range(repeats):
            floors.append(floor())
            for who in order[turn % len(order) :] + order[: turn % len(order)]:
                gc.collect()
                gc.disable()
                try:
                    results[who].append(contestants[who]())
                finally:
                    gc.enable()
    finally:
        gc.unfreeze()
    for who, result in warm.items():
        if result.answer != results[who][0].answer:
            results[who].append(result)
    return results, float(np.median(floors))


def suites() -> list[str]:
    """Names of the suites that there are."""
    return sorted(path.stem.removeprefix("suite_") for path in FOLDER.glob("suite_*.py"))


def run_suites(names: Sequence[str] = (), *, smoke: bool = False, only: Collection[tuple[str, str]] = ()) -> Report:
    """Measure suites, all by default, on one pinned core; of their rows `only` some, (suite, row), where given.

    Raises OperatorError for a suite that does not exist.
    """
    known = suites()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise OperatorError(*[f"suite '{name}': found no such suite, allowed {', '.join(known)}" for name in unknown])
    facts = host_facts(smoke=smoke)
    header(facts)
    bench = Bench(smoke=smoke, only=only)
    with on_core(bench.cores[0]):
        for name in names or known:
            bench.suite = name
            importlib.import_module(f"bench.suite_{name}").rows(bench)
    return Report(host=facts, rows=bench.rows)
