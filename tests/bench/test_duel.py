"""Duels: only rounds of one kind of host are compared, each contestant gets its own result, C rivals may be absent."""

import numpy as np
import pytest

from bench import c_rivals
from bench.duel import Contest, Duel, comparable, together
from bench.harness import Bench
from bench.results import TIME, Absent, Result, rate, times
from bench.rings import ARRIVED, CAME_BACK, LOST, CRings, OurRings


def test_rounds_of_the_most_frequent_floor_are_kept_and_those_in_which_it_jumped_are_not() -> None:
    floors = np.array([[45, 46], [170, 172], [44, 45], [45, 170], [25, 25], [47, 46], [171, 168]], dtype=float)

    assert comparable(floors) == [0, 2, 5]


def test_all_rounds_are_kept_when_the_floor_jumped_in_each() -> None:
    assert comparable(np.array([[45, 170], [170, 45]], dtype=float)) == [0, 1]


def test_the_median_of_rates_shrugs_off_rounds_that_were_interrupted() -> None:
    assert together([rate(100, 10, "a"), rate(1, 10, "a"), rate(102, 10, "a")]).rate == pytest.approx(100e8)


def test_one_wrong_answer_among_the_rounds_comes_through() -> None:
    assert together([times(np.ones(2), "a"), times(np.ones(2), "b"), times(np.ones(2), "a")]).answer == "b"


def test_each_contestant_is_handed_its_own_result_of_one_and_the_same_run() -> None:
    runs: list[str] = []

    def contest(name: str, value: float) -> Contest:
        def lead() -> Result:
            runs.append(name)
            return times(np.full(3, value), name)

        return Contest(name, lambda: None, lead, lambda: None)

    duel = Duel([contest("a", 1), contest("b", 2)], rounds=3, cores=Bench(smoke=True).cores)
    first, second = duel.contestant("a")(), duel.contestant("b")()

    assert runs == ["a", "b"] * 3
    assert (first.answer, second.answer, len(duel.floors_ns)) == ("a", "b", 1)


def test_a_rival_sets_a_target_and_the_stricter_one_counts() -> None:
    bench = Bench(smoke=False)
    slow, fast = (lambda: times(np.full(9, 100.0))), (lambda: times(np.full(9, 9.0)))
    bench.row("x", unit=TIME, target=20, ours=lambda: times(np.full(9, 10.0)), rivals={"slow": slow, "fast": fast},
              at_least={"slow": 4, "fast": 1})  # fmt: skip

    assert [(row.rival, row.target, row.passed) for row in bench.rows] == [("slow", 20, True), ("fast", 9, False)]


def test_without_a_compiler_the_rivals_in_c_are_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(c_rivals.shutil, "which", lambda name: None)
    c_rivals.c_library.cache_clear()
    absent = c_rivals.c_library("ring_loops")
    c_rivals.c_library.cache_clear()

    assert isinstance(absent, Absent)
    assert "no C compiler" in absent.reason


def test_a_frame_written_by_c_is_read_by_ours_and_the_other_way_round() -> None:
    ours, in_c = OurRings(samples=1, count=3_000), CRings(samples=1, count=3_000)
    if in_c.absent:
        pytest.skip(in_c.absent.reason)
    mine, theirs = ours.stream(), in_c.stream(ours.ring_address)
    pairs = [Contest("ours to C", mine.reset, theirs.lead, mine.follow),
             Contest("C to ours", mine.reset, mine.lead, theirs.follow)]  # fmt: skip
    duel = Duel(pairs, rounds=2, cores=Bench(smoke=True).cores)

    assert [duel.contestant(pair.name)().answer for pair in pairs] == [ARRIVED, ARRIVED]


def test_a_harmed_frame_is_told() -> None:
    ours = OurRings(samples=5, count=10)
    contest = ours.round_trips()
    wrong = Contest("ours", contest.reset, contest.lead, lambda: ours.answer_wrongly())
    duel = Duel([wrong], rounds=1, cores=Bench(smoke=True).cores)

    assert duel.contestant("ours")().answer == LOST != CAME_BACK
