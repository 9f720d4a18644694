"""The budget table: each line is judged by its own figure, and what was not measured fails."""

import numpy as np
import pytest

from bench.budget import BUDGETS, judge, rows_wanted
from bench.harness import Bench
from bench.results import RATE, TIME, Result, Row, rate, times

HOPS = {
    placement: {hop: {"count": 10, "p50": 1_000, "p99": 2_000} for hop in ("feed", "risk_router", "tick_to_order")}
    for placement in ("process", "fused")
}


def rows_of(value_ns: float) -> list[Row]:
    """Every row that a budget looks at, all with the same time."""
    bench = Bench(smoke=True)
    for suite, name in sorted(rows_wanted()):
        bench.suite = suite

        def once(of_a_rate: bool = name == "raw_to_book") -> Result:
            return rate(int(1e9 / value_ns), 10**9) if of_a_rate else times(np.full(10, value_ns))

        bench.row(name, unit=RATE if name == "raw_to_book" else TIME, ours=once)
    return bench.rows


def test_what_is_within_every_budget_passes() -> None:
    verdicts = judge(rows_of(10), HOPS)

    assert [verdict.passed for verdict in verdicts] == [None if line.ours_ns is None else True for line in BUDGETS]


def test_each_line_fails_by_its_own_figure() -> None:
    slow = [verdict.budget.place for verdict in judge(rows_of(1e9), HOPS) if verdict.passed is False]
    assert set(slow) == {"row"} and len(slow) == sum(line.place == "row" for line in BUDGETS)

    late = {**HOPS, "process": {hop: {"count": 10, "p50": 10**8, "p99": 10**9} for hop in HOPS["process"]}}
    slow = [verdict.budget.place for verdict in judge(rows_of(10), late) if verdict.passed is False]
    assert set(slow) == {"process"} and len(slow) == sum(line.place == "process" for line in BUDGETS)


def test_what_was_not_measured_fails() -> None:
    silent = {"process": {"tick_to_order": {"count": 0, "p50": 0, "p99": 0}}}

    assert {verdict.passed for verdict in judge([], silent)} == {None, False}


def test_only_the_rows_that_are_wanted_are_measured() -> None:
    bench = Bench(smoke=True, only={("s", "wanted")})
    bench.suite = "s"
    bench.row("other", unit=TIME, ours=lambda: pytest.fail("measured"))
    bench.row("wanted", unit=TIME, ours=lambda: times(np.ones(3)))

    assert [row.name for row in bench.rows] == ["wanted"]
