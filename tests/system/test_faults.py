"""Processes that are killed or hang in mid-run: the run ends in time, says who, leaves no order and no segment."""

import os
import signal
import time

import psutil
import pytest

from procs.placement import groups
from tests.system.command import Trader
from tests.system.starting import Start

ENDED_S_MAX = 3.0
"""From the fault of a killed process to the end of the command."""

HUNG_S_MAX = 4.5
"""A hang is noticed after a second without a heartbeat; then the same."""

WAIT_S = 15.0
KILLED = [(placement, group.name) for placement in ("process", "fused") for group in groups(placement)]
HUNG = [pytest.param("process", "strategy"), pytest.param("process", "router")]
HUNG_SLOW = [
    pytest.param(placement, group.name, marks=pytest.mark.slow)
    for placement in ("process", "fused")
    for group in groups(placement)
    if (placement, group.name) not in {("process", "strategy"), ("process", "router")}
]


def trading(start: Start, placement: str) -> Trader:
    """A run whose orders rest at the exchange."""
    run = start.run("--placement", placement)
    run.until_quoting()
    return run


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


@pytest.mark.parametrize(("placement", "group"), KILLED)
def test_a_killed_process_ends_the_run_in_time(start: Start, placement: str, group: str) -> None:
    run = trading(start, placement)
    began = time.monotonic()
    run.seen[group].kill()
    run.wait(WAIT_S)
    took_s = run.ended_s - began

    assert_ended_by(run, group, "killed by SIGKILL")
    assert took_s < ENDED_S_MAX, run.said


@pytest.mark.parametrize(("placement", "group"), [*HUNG, *HUNG_SLOW])
def test_a_process_that_hangs_is_as_good_as_dead(start: Start, placement: str, group: str) -> None:
    run = trading(start, placement)
    began = time.monotonic()
    run.seen[group].suspend()
    run.wait(WAIT_S)
    took_s = run.ended_s - began

    stages = group.split("+")
    assert any(run.result["problems"][0].startswith(f"stage {stage}: hung") for stage in stages), run.result["problems"]
    assert_ended_by(run, next(s for s in stages if f"stage {s}: hung" in run.result["problems"][0]), "hung")
    assert took_s < HUNG_S_MAX, run.said


def test_a_dead_router_has_a_successor_that_cancels_what_it_left(start: Start) -> None:
    run = trading(start, "process")
    resting = run.resting()
    os.kill(run.seen["router"].pid, signal.SIGKILL)
    run.until(lambda: run.resting() == 0, ENDED_S_MAX, "nothing rests at the exchange")
    successor = run.out / "journal" / "generation-2"

    assert resting > 0
    run.wait(WAIT_S)
    assert [path.name for path in successor.glob("*.journal")] == ["router.0000.journal"]
    assert_ended_by(run, "router", "killed by SIGKILL")
