"""Core plans: what is asked for is checked against the host, the rest is planned, and pinning takes effect."""

import os
import subprocess
import sys

import pytest

from procs.affinity import (
    HOT,
    PLACES,
    available_cores,
    core_problems,
    owns_core,
    parse_core,
    parse_spans,
    pin,
    plan_cores,
    siblings,
    spans,
)
from procs.errors import OperatorError


def test_a_core_flag_names_stage_and_core() -> None:
    assert parse_core("book=3") == ("book", 3)


@pytest.mark.parametrize("text", ["book", "book=", "book=x", "book=-1", "=3x", "book=1.5"])
def test_a_malformed_core_flag_says_what_is_allowed(text: str) -> None:
    with pytest.raises(OperatorError, match="allowed STAGE=N such as book=3"):
        parse_core(text)


def test_a_core_that_does_not_exist_is_refused_with_those_that_do() -> None:
    assert core_problems({"book": 9, "feed": 2}, [0, 1, 2, 3]) == [
        "cores.book: found 9, allowed 0-3 (the cores this process may use)"
    ]


def test_a_stage_that_does_not_exist_is_refused_with_those_that_do() -> None:
    problems = core_problems({"bok": 1}, [0, 1])

    assert problems == [f"cores.bok: found no such stage, allowed {', '.join(PLACES)}"]


def test_eight_cores_give_one_to_each() -> None:
    plan = plan_cores({}, range(8))
    shared = {"supervisor", "signals", "tail_risk"}

    assert set(plan.values()) == set(range(8))
    assert all(owns_core(plan, place) for place in PLACES if place not in shared)
    assert len({plan[place] for place in shared}) == 1


def test_two_cores_keep_the_order_path_together_and_the_rest_on_the_first() -> None:
    plan = plan_cores({}, [0, 1])

    assert {plan[place] for place in HOT} == {1}
    assert {plan[place] for place in PLACES if place not in HOT} == {0}
    assert not any(owns_core(plan, place) for place in PLACES)


def test_six_cores_give_one_to_each_stage_of_the_order_path() -> None:
    plan = plan_cores({}, range(6))

    assert sorted(plan[place] for place in HOT) == [1, 2, 3, 4, 5]
    assert all(owns_core(plan, place) for place in HOT)


@pytest.mark.parametrize("count", range(1, 20))
@pytest.mark.parametrize("fused", [False, True])
def test_every_host_gets_a_whole_plan_of_cores_that_exist(count: int, fused: bool) -> None:
    available = [3 * core for core in range(count)]

    plan = plan_cores({}, available, fused=fused)

    assert set(plan) == set(PLACES)
    assert set(plan.values()) <= set(available)
    assert not fused or len({plan[place] for place in HOT}) == 1


def test_given_cores_win_over_the_plan() -> None:
    assert plan_cores({"book": 0}, [0, 1])["book"] == 0
    assert plan_cores({"volatility": 1}, [0, 1])["volatility"] == 1


def test_one_given_core_moves_the_whole_fused_group() -> None:
    plan = plan_cores({"risk": 0}, [0, 1], fused=True)

    assert {plan[place] for place in HOT} == {0}


def test_fused_stages_on_two_cores_are_refused() -> None:
    with pytest.raises(
        OperatorError, match=r"found feed=0, book=1, allowed one core for feed .* in the fused placement"
    ):
        plan_cores({"feed": 0, "book": 1}, [0, 1], fused=True)


def test_pinning_takes_effect_and_an_impossible_core_is_refused() -> None:
    core = available_cores()[0]
    code = (
        "import os\nfrom procs.affinity import pin\nfrom procs.errors import OperatorError\n"
        f"pin({core})\nassert os.sched_getaffinity(0) == {{{core}}}\n"
        "try:\n    pin(4000)\nexcept OperatorError as error:\n    print(error)"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=os.getcwd())

    assert "core 4000:" in told.stdout
    assert f"allowed {core} (the cores this process may use)" in told.stdout


def test_pinning_a_process_that_is_gone_is_refused() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    with pytest.raises(OperatorError):
        pin(available_cores()[0], process.pid)


def test_core_lists_are_written_and_read_as_the_kernel_does() -> None:
    assert spans([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"
    assert parse_spans("0-2,5\n") == [0, 1, 2, 5]


def test_a_core_is_a_sibling_of_itself() -> None:
    for core in available_cores():
        assert core in siblings(core)
