"""Processes that are killed or hang in mid-run are replaced: quotes come back in time, the others go on."""

import os
import signal
import time

import psutil
import pytest

from procs.placement import groups
from procs.readings import market_frames
from procs.replay import replay_run
from tests.system.command import Trader
from tests.system.starting import Start

QUOTING_S_MAX = 5.0
"""From the end of any stage until our orders rest again."""

HUNG_S_MAX = 1.5
"""A hang is noticed after a second without a heartbeat."""

STRATEGY_GONE_S_MAX = 1.0
ROUTER_GONE_S_MAX = 3.0
"""From the end of a stage until nothing of ours rests."""

DEAD_MAN_GONE_S_MAX = 12.0
"""The same where only the venue is left to cancel: its timer of ten seconds, told of us every two."""

WAIT_S = 15.0
FRAMES = 300
VICTIMS = [("process", group.name) for group in groups("process") if group.name != "exchange"]
VICTIMS += [("fused", group.name) for group in groups("fused") if len(group.stages) > 1]


def end(run: Trader) -> None:
    """Stop in order: the result is right, and what was compared of its journals is."""
    run.signal(signal.SIGINT)

    assert run.wait(WAIT_S) == 0, run.said
    assert run.result["ok"], run.result["problems"]
    assert run.segments() == []


@pytest.mark.parametrize(("placement", "group"), VICTIMS)
def test_a_killed_process_is_replaced_and_the_others_go_on(start: Start, placement: str, group: str) -> None:
    run = start.trading(placement)
    before = dict(run.seen)
    counted = (run.placed(), market_frames(run.memory))
    run.seen[group].kill()
    run.until(lambda: run.replaced() == 1 and run.resting() > 0, QUOTING_S_MAX, "quotes are back")
    after = run.processes()
    placed = run.placed()
    run.until(lambda: run.placed() > placed, WAIT_S, "trading goes on")
    run.seen |= after

    assert after.keys() == before.keys()
    assert after[group].pid != before[group].pid
    assert {name: after[name].pid for name in before if name != group} == {
        name: before[name].pid for name in before if name != group
    }
    end(run)
    assert [restart["stage"] for restart in run.result["restarts"]] == [group]
    assert run.result["restarts"][0]["cause"] == f"stage {group}: killed by SIGKILL"
    assert run.result["orders"]["placed"] > counted[0], "of the whole run, whoever was replaced"
    assert run.result["events"] > counted[1]
    assert run.result["restarts"][0]["quoting_after_s"] < QUOTING_S_MAX
    assert f"stage {group}: killed by SIGKILL; quoting again after" in run.said.replace("\n", " ")


@pytest.mark.parametrize(("group", "gone_s_max"), [("strategy", STRATEGY_GONE_S_MAX), ("router", ROUTER_GONE_S_MAX)])
def test_what_a_dead_stage_left_at_the_venue_is_cancelled(start: Start, group: str, gone_s_max: float) -> None:
    run = start.trading()
    began = time.monotonic()
    os.kill(run.seen[group].pid, signal.SIGKILL)
    run.until(lambda: run.resting() == 0, gone_s_max, "nothing rests at the exchange")
    took_s = time.monotonic() - began

    assert took_s < gone_s_max
    run.until(lambda: run.replaced() == 1 and run.resting() > 0, QUOTING_S_MAX, "quotes are back")
    run.seen |= run.processes()
    end(run)


@pytest.mark.parametrize("group", ["strategy", pytest.param("router", marks=pytest.mark.slow)])
def test_a_process_that_hangs_is_replaced_and_can_do_nothing_more(start: Start, group: str) -> None:
    run = start.trading()
    hung = run.seen[group]
    hung.suspend()
    run.until(lambda: run.replaced() == 1 and run.resting() > 0, QUOTING_S_MAX + HUNG_S_MAX, "quotes are back")

    assert not hung.is_running() or hung.status() == psutil.STATUS_ZOMBIE, "whoever is revived could write"
    run.seen |= run.processes()
    end(run)
    assert "hung, its work loop has not beaten for 1 s" in run.result["restarts"][0]["cause"]


def test_a_short_stop_is_borne(start: Start) -> None:
    run = start.trading()
    for group in ("book", "strategy", "router"):
        run.seen[group].suspend()
        time.sleep(0.2)  # the fault itself: so long a process is off its core
        run.seen[group].resume()
    placed = run.placed()
    run.until(lambda: run.placed() > placed, WAIT_S, "trading goes on")
    end(run)

    assert run.result["restarts"] == []


def test_two_that_die_at_once_are_replaced_together(start: Start) -> None:
    run = start.trading()
    for group in ("risk", "router"):
        run.seen[group].kill()
    run.until(lambda: run.replaced() == 2 and run.resting() > 0, WAIT_S, "quotes are back")
    run.seen |= run.processes()
    end(run)

    assert {restart["stage"] for restart in run.result["restarts"]} == {"risk", "router"}


def test_a_run_with_a_replaced_stage_is_compared_up_to_there_and_says_so(start: Start) -> None:
    run = start.trading()
    run.until(lambda: market_frames(run.memory) > FRAMES, WAIT_S, "there is something to compare")
    run.seen["book"].kill()
    run.until(lambda: run.replaced() == 1 and run.resting() > 0, WAIT_S, "quotes are back")
    run.seen |= run.processes()
    end(run)
    result = replay_run(run.out)
    replay = start.command("replay", str(run.out))

    assert result.first_difference == ""
    assert not result.identical, "only a part was compared"
    assert all(stage.inputs > 10 for stage in result.stages), result.stages
    assert replay.wait(WAIT_S) == 1
    assert "up to where a stage was replaced; generations 2 to 2" in replay.said


def test_with_nobody_to_replace_the_router_the_venues_own_timer_cancels(start: Start) -> None:
    run = start.trading()
    os.kill(run.pid, signal.SIGSTOP)
    run.seen["router"].kill()
    run.until(lambda: run.resting() == 0, DEAD_MAN_GONE_S_MAX, "nothing rests at the exchange")
    os.kill(run.pid, signal.SIGCONT)
    run.until(lambda: run.replaced() == 1 and run.resting() > 0, WAIT_S, "quotes are back")
    run.seen |= run.processes()
    end(run)
