"""The harness: answers are checked, rivals are interleaved, ratios mean better, and the JSON is what was agreed."""

import functools
import gc
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bench import command, harness, host, rivals
from bench.harness import Bench, WrongAnswer, run_suites
from bench.processes import PartnerFailed, in_all, in_both
from bench.report import readable
from bench.results import RATE, TIME, Absent, Result, external, rate, summarise, times
from bench.shared import shared_bytes
from procs.errors import OperatorError

FIELDS = [
    "suite",
    "name",
    "unit",
    "p50",
    "p99",
    "p999",
    "max",
    "target",
    "pass",
    "rival",
    "rival_p50",
    "ratio",
    "spread",
    "floor_ns",
]


RUNS = {
    "socket_to_socket",
    "socket_to_socket_processes",
    "order_rate",
    "order_rate_processes",
    "tick_to_order_process",
    "idle_cpu",
}
"""Rows that start the main job, ten seconds each: only `make test-slow` and `make bench-smoke` have them."""


def constant(value: float, answer: object = None) -> Result:
    """A run whose every operation took `value` ns."""
    return times(np.full(100, value), answer)


@pytest.mark.parametrize(
    "suites", [*([name] for name in harness.suites()), pytest.param([], marks=pytest.mark.slow, id="all, with runs")]
)
def test_a_suite_passes_its_own_checks_at_small_sizes(
    suites: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bench.json"
    measure = Bench.row
    if suites:
        monkeypatch.setattr(Bench, "row", lambda bench, name, **row: name in RUNS or measure(bench, name, **row))

    assert command.main(suites, smoke=True, json_file=file) == 0

    report = json.loads(file.read_bytes())
    assert list(report) == ["host", "rows"]
    assert {row["suite"] for row in report["rows"]} == set(suites or harness.suites())
    assert all(list(row) == FIELDS for row in report["rows"])
    assert all(row["pass"] is None for row in report["rows"])
    assert "answers checked, speed not judged" in capsys.readouterr().out


def test_a_time_is_as_many_times_better_as_it_is_smaller() -> None:
    bench = Bench(smoke=False)
    bench.row("x", unit=TIME, target=20, ours=lambda: constant(10), rivals={"slow": lambda: constant(35)})

    (row,) = bench.rows
    assert (row.p50, row.p99, row.p999, row.max) == (10, 10, 10, 10)
    assert (row.rival, row.rival_p50, row.ratio, row.passed) == ("slow", 35, 3.5, True)


def test_a_rate_is_as_many_times_better_as_it_is_greater() -> None:
    bench = Bench(smoke=False)
    bench.row("x", unit=RATE, target=50, ours=lambda: rate(40, 10**9), rivals={"slow": lambda: rate(10, 10**9)})

    (row,) = bench.rows
    assert (row.p50, row.p99, row.p999, row.max) == (40, None, None, 40)
    assert (row.rival_p50, row.ratio, row.passed) == (10, 4, False)


def test_there_is_one_row_for_each_rival_and_an_absent_one_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(smoke=True)
    bench.row("x", unit=TIME, ours=lambda: constant(1), rivals={"a": lambda: constant(2), "b": Absent("not built")})

    assert [(row.rival, row.ratio) for row in bench.rows] == [("a", 2.0), ("b", None)]
    assert "b absent: not built" in capsys.readouterr().out


def test_a_row_without_rivals_stands_alone() -> None:
    bench = Bench(smoke=True)
    bench.row("x", unit=TIME, ours=lambda: constant(1))

    assert [(row.rival, row.rival_p50, row.ratio, row.target) for row in bench.rows] == [(None, None, None, None)]


def test_our_wrong_answer_fails_the_bench() -> None:
    with pytest.raises(WrongAnswer, match=r"x: found 41, allowed 42"):
        Bench(smoke=True).row("x", unit=TIME, ours=lambda: constant(1, 41), answer=42)


def test_our_wrong_answer_in_any_of_the_runs_fails_the_bench() -> None:
    answers = iter([42, 42, 42, 7, 42, 42])

    with pytest.raises(WrongAnswer, match="found 7"):
        Bench(smoke=False).row("x", unit=TIME, ours=lambda: constant(1, next(answers)), answer=42)


def test_a_rivals_wrong_answer_is_said_and_gives_no_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(smoke=True)
    bench.row("x", unit=TIME, ours=lambda: constant(1, 42), rivals={"fast": lambda: constant(0.1, 41)})

    assert [(row.rival, row.ratio) for row in bench.rows] == [("fast", None)]
    assert "wrong answer: 41, allowed 42" in capsys.readouterr().out


def test_contestants_take_turns_after_a_warm_up() -> None:
    order: list[str] = []

    def contestant(name: str) -> Result:
        order.append(name)
        return constant(1)

    Bench(smoke=False).row(
        "x", unit=TIME, ours=lambda: contestant("a"), rivals={"b": lambda: contestant("b")}, repeats=3
    )

    assert "".join(order) == "ab" + "ab" + "ba" + "ab"


def test_what_was_set_aside_for_the_turns_is_given_back_when_a_contestant_fails() -> None:
    def fails() -> Result:
        assert gc.get_freeze_count() > 0
        raise RuntimeError("no memory left")

    before = gc.get_freeze_count()
    with pytest.raises(RuntimeError, match="no memory left"):
        Bench(smoke=False).row("x", unit=TIME, ours=fails, warms_up=False)
    assert gc.get_freeze_count() == before
    assert gc.isenabled()


def test_the_median_over_runs_shrugs_off_one_noisy_run() -> None:
    summary = summarise([constant(10), constant(1_000), constant(12)])

    assert (summary.p50, summary.max) == (12, 1_000)
    assert summary.spread == pytest.approx(82.5)


def test_percentiles_are_of_the_samples() -> None:
    summary = summarise([times(np.arange(1, 10_001))])

    assert summary.p50 == pytest.approx(5_000, rel=1e-3)
    assert summary.p99 == pytest.approx(9_900, rel=1e-3)
    assert summary.p999 == pytest.approx(9_990, rel=1e-3)
    assert summary.max == 10_000


def test_a_suite_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(OperatorError, match=r"suite 'nope': found no such suite, allowed .*transport"):
        run_suites(["nope"], smoke=True)


def test_a_program_of_its_own_competes_by_its_last_line() -> None:
    code = "print('noise'); print('{\"samples_ns\": [1, 2, 3], \"answer\": 6}')"
    result = external([sys.executable, "-c", code])()

    assert result.samples_ns is not None
    assert (result.samples_ns.tolist(), result.answer) == ([1, 2, 3], 6)


def test_a_program_that_fails_is_told_with_what_it_said() -> None:
    with pytest.raises(RuntimeError, match=r"ended with 1: .*boom"):
        external([sys.executable, "-c", "raise SystemExit('boom')"])()


def test_a_rival_that_was_never_built_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "FOLDER", rivals.ROOT / ".rivals-of-nobody")

    absent = rivals.rival("hftbacktest", "bench/rivals_hftbacktest.py")

    assert isinstance(absent, Absent)
    assert "make bench-rivals" in absent.reason


def test_iceoryx2_leaves_nothing_not_even_what_a_killed_run_left() -> None:
    contestant = rivals.rival("iceoryx2", "bench/rivals_iceoryx2.py", "20", *map(str, Bench(smoke=True).cores))
    if isinstance(contestant, Absent):
        pytest.skip(contestant.reason)
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    left = Path(f"/dev/shm/trader_bench_iox2_{gone.pid}_node.global_mgmt")
    left.touch()

    assert contestant().answer == "every message came back"
    assert list(left.parent.glob("*iox2_*")) == []


def test_two_processes_share_the_memory() -> None:
    memory = shared_bytes(64)
    cores = Bench(smoke=True).cores

    def follow() -> None:
        memory[0] = 7

    in_both(lambda: None, follow, cores=cores)

    assert memory[0] == 7


def test_as_many_processes_as_asked_for_share_the_memory() -> None:
    memory = shared_bytes(64)
    first, second = Bench(smoke=True).cores

    def follow(index: int) -> None:
        memory[index] += index + 1

    in_all(lambda: None, [functools.partial(follow, index) for index in range(3)], cores=[first] + [second] * 3)

    assert memory[:4].tolist() == [1, 2, 3, 0]


def test_a_partner_that_fails_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    def follow() -> None:
        raise ValueError("boom")

    with pytest.raises(PartnerFailed):
        in_both(lambda: None, follow, cores=Bench(smoke=True).cores)
    assert "boom" in capfd.readouterr().err


def test_a_partner_does_not_outlive_a_failing_lead() -> None:
    def lead() -> None:
        raise ValueError("boom")

    started_s = time.monotonic()
    with pytest.raises(ValueError, match="boom"):
        in_both(lead, lambda: time.sleep(60), cores=Bench(smoke=True).cores)
    assert time.monotonic() - started_s < 30


def test_the_header_says_what_it_was_measured_on() -> None:
    facts = host.host_facts(smoke=True)

    expected = {"cpu", "cores", "governor", "kernel", "python", "numba", "load", "core_to_core_ns", "smoke"}
    assert expected <= set(facts)
    assert facts["core_to_core_ns"] is None or facts["core_to_core_ns"] > 0


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1234, TIME, "1.23us"), (12, TIME, "12ns"), (2.5e6, RATE, "2.5M/s"), (None, TIME, "-"), (0.5, TIME, "0.5ns")],
)
def test_figures_read_with_their_unit(value: float | None, unit: str, text: str) -> None:
    assert readable(value, unit) == text
