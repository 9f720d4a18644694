"""Deaths that end the run: the venue's own process, and any other where none is to be replaced, or too many die.

The run ends in time, says who and why, leaves no order and no segment.
"""

import os
import signal
import time

import psutil
import pytest

from procs.placement import groups
from procs.state_dir import StateDir
from tests.system.command import Trader
from tests.system.starting import Start

ENDED_S_MAX = 3.0
"""From the fault of a killed process to the end of the command."""

HUNG_S_MAX = 4.5
"""A hang is noticed after a second without a heartbeat; then the same."""

WAIT_S = 15.0
NONE_REPLACED = "[restarts]\nlimit = 0\n"
FUSED = groups("fused")[-1].name
KILLED = [("process", "exchange"), ("process", "router"), ("process", "book"), ("fused", "exchange"), ("fused", FUSED)]
KILLED_SLOW = [
    pytest.param(placement, group.name, marks=pytest.mark.slow)
    for placement in ("process", "fused")
    for group in groups(placement)
    if (placement, group.name) not in KILLED
]
HUNG = [pytest.param("process", "exchange"), pytest.param("process", "router", marks=pytest.mark.slow)]


def assert_ended_by(run: Trader, group: str, cause: str) -> None:
    """The verdict of a run that lost a process: exit code 1, who and why, nothing resting, nothing left."""
    assert run.code == 1, run.said
    assert not run.result["ok"]
    assert run.result["problems"][0].startswith(f"stage {group}: {cause}"), run.result["problems"]
    if group != "exchange":
        assert run.result["open_orders"]["venue"] == 0, run.result
    assert run.segments() == []
    left = [process for process in run.seen.values() if process.is_running()]
    assert [process for process in left if process.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.parametrize(("placement", "group"), [*KILLED, *KILLED_SLOW])
def test_where_none_is_replaced_a_killed_process_ends_the_run_in_time(start: Start, placement: str, group: str) -> None:
    run = start.trading(placement, config=NONE_REPLACED)
    began = time.monotonic()
    run.seen[group].kill()
    run.wait(WAIT_S)
    took_s = run.ended_s - began

    assert_ended_by(run, group, "killed by SIGKILL")
    assert took_s < ENDED_S_MAX, run.said


@pytest.mark.parametrize(("placement", "group"), HUNG)
def test_a_process_that_hangs_is_as_good_as_dead(start: Start, placement: str, group: str) -> None:
    run = start.trading(placement, config=NONE_REPLACED)
    began = time.monotonic()
    run.seen[group].suspend()
    run.wait(WAIT_S)
    took_s = run.ended_s - began

    assert_ended_by(run, group, "hung")
    assert took_s < HUNG_S_MAX, run.said


def test_a_dead_router_has_a_successor_that_cancels_what_it_left(start: Start) -> None:
    run = start.trading(config=NONE_REPLACED)
    resting = run.resting()
    os.kill(run.seen["router"].pid, signal.SIGKILL)
    run.until(lambda: run.resting() == 0, ENDED_S_MAX, "nothing rests at the exchange")
    successor = run.out / "journal" / "generation-2"

    assert resting > 0
    run.wait(WAIT_S)
    assert [path.name for path in successor.glob("*.journal")] == ["router.0000.journal"]
    assert_ended_by(run, "router", "killed by SIGKILL; restarts are switched off")


def test_the_fourth_death_in_a_minute_halts_and_a_latch_says_why(start: Start, state: StateDir) -> None:
    run = start.trading()
    victims = ["strategy", "book", "risk"]
    for number, victim in enumerate(victims):
        run.processes()[victim].kill()
        run.until(lambda: run.replaced() == number + 1, WAIT_S, f"{victim} is replaced")  # noqa: B023
    run.seen |= run.processes()
    run.seen["router"].kill()
    began = time.monotonic()
    run.wait(WAIT_S)
    took_s = run.ended_s - began

    assert_ended_by(run, "router", "killed by SIGKILL; 3 restarts within 60 s have been used up")
    assert took_s < ENDED_S_MAX, run.said
    assert [restart["stage"] for restart in run.result["restarts"]] == victims
    assert state.latches() == {"restarts": run.result["problems"][0]}
