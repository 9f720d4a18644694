"""Runs that somebody stops: Ctrl-C, SIGTERM, and deaths around the stages: supervisor, nursery, log collector."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.system.command import SHARED_MEMORY, Trader
from tests.system.starting import Start

STOPPED_S_MAX = 2.0
ORPHANS_GONE_S_MAX = 3.0
WAIT_S = 15.0


def living(run: Trader) -> list[str]:
    """Names of a run's processes that have not ended."""
    return [name for name, process in run.seen.items() if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_all_gone(run: Trader, within_s: float) -> None:
    """The processes that a run had end in that time without being told."""
    end = time.monotonic() + within_s
    while living(run):
        assert time.monotonic() < end, f"still there after {within_s} s: {living(run)}"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("placement", "number"),
    [
        ("process", signal.SIGINT),
        ("fused", signal.SIGTERM),
        pytest.param("process", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("fused", signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_run_stops_in_order_and_in_time(start: Start, placement: str, number: signal.Signals) -> None:
    run = start.run("--placement", placement)
    run.until_quoting()
    began = time.monotonic()
    run.signal(number)
    code = run.wait(WAIT_S)
    took_s = run.ended_s - began

    assert code == 0, run.said
    assert run.result["ok"], run.result["problems"]
    assert run.result["open_orders"] == {"ours": 0, "venue": 0}
    assert run.segments() == []
    assert living(run) == []
    assert took_s < STOPPED_S_MAX, run.said


def test_a_start_can_be_interrupted(start: Start) -> None:
    run = start.run()
    run.until(lambda: bool(run.segments()), WAIT_S, "the first segment")
    run.seen = run.processes()
    run.signal(signal.SIGINT)

    assert run.wait(WAIT_S) == 1, run.said
    assert "interrupted by SIGINT during start" in run.said
    assert run.segments() == []


@pytest.mark.parametrize("placement", ["process", "fused"])
def test_a_dead_supervisor_leaves_no_order_and_no_process(start: Start, placement: str) -> None:
    run = start.run("--placement", placement)
    run.until_quoting()
    segments = run.segments()
    psutil.Process(run.pid).kill()
    assert_all_gone(run, ORPHANS_GONE_S_MAX)

    assert run.wait(WAIT_S) == -signal.SIGKILL
    assert run.placed() > 0
    assert run.resting() == 0
    for path in segments:
        path.unlink(missing_ok=True)  # a neighbour's start may have swept it


def test_a_dead_runs_leftovers_are_swept_and_a_neighbours_are_not(start: Start) -> None:
    neighbour, dead = start.run(), start.run()
    for run in (neighbour, dead):
        run.until_quoting()
    psutil.Process(dead.pid).kill()
    dead.wait(WAIT_S)
    assert_all_gone(dead, ORPHANS_GONE_S_MAX)
    neighbours = neighbour.segments()
    stranger = SHARED_MEMORY / "trader-1.somebody-else"
    stranger.touch()
    try:
        later = start.run("--duration", "0.5s")

        assert later.wait(WAIT_S * 4) == 0, later.said
        assert neighbours
        assert dead.segments() == []
        assert neighbour.segments() == neighbours
        assert stranger.exists()
    finally:
        stranger.unlink()
    neighbour.signal(signal.SIGINT)
    assert neighbour.wait(WAIT_S) == 0, neighbour.said


def test_a_dead_nursery_ends_the_run_and_its_orders(start: Start) -> None:
    run = start.run()
    run.until_quoting()
    began = time.monotonic()
    psutil.Process(run.seen["feed"].ppid()).kill()
    code = run.wait(WAIT_S)
    took_s = run.ended_s - began
    assert_all_gone(run, ORPHANS_GONE_S_MAX)

    assert code == 1, run.said
    assert "stages are forked from" in run.result["problems"][0]
    assert run.resting() == 0
    assert run.segments() == []
    assert took_s < ORPHANS_GONE_S_MAX


def test_a_dead_log_collector_disturbs_nobody(start: Start) -> None:
    run = start.run()
    run.until_quoting()
    run.seen["log"].kill()
    placed = run.placed()
    run.until(lambda: run.placed() > placed, WAIT_S, "trading goes on")
    run.signal(signal.SIGINT)

    assert run.wait(WAIT_S) == 0, run.said
    assert run.result["ok"], run.result["problems"]


@pytest.mark.slow
def test_a_signal_to_every_process_at_once_leaves_nothing(start: Start) -> None:
    run = start.run()
    run.until_quoting()
    for process in (psutil.Process(run.pid), psutil.Process(run.seen["feed"].ppid()), *run.seen.values()):
        process.terminate()
    code = run.wait(WAIT_S)

    assert code in (0, 1), run.said
    assert run.resting() == 0
    assert run.segments() == []
    assert_all_gone(run, ORPHANS_GONE_S_MAX)


def test_compiling_can_be_interrupted(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADER_CACHE_DIR", str(tmp_path / "cold"))
    run = start.run(installed=True)
    run.until(lambda: "compiling" in run.said, WAIT_S * 4, "kernels are compiled")
    family = psutil.Process(run.pid).children(recursive=True)
    began = time.monotonic()
    run.signal(signal.SIGINT)
    code = run.wait(WAIT_S)
    took_s = run.ended_s - began

    assert code == 1, run.said
    assert [process for process in family if _lives(process)] == []
    assert run.segments() == []
    assert took_s < STOPPED_S_MAX


def test_a_process_that_dies_while_the_run_stops_is_named(start: Start) -> None:
    run = start.run()
    run.until_quoting()
    began = time.monotonic()
    run.signal(signal.SIGINT)
    run.seen["volatility"].kill()
    code = run.wait(WAIT_S)
    took_s = run.ended_s - began

    assert code == 1, run.said
    assert run.result["problems"][0].startswith("stage volatility: killed by SIGKILL")
    assert run.result["open_orders"] == {"ours": 0, "venue": 0}
    assert took_s < ORPHANS_GONE_S_MAX


def test_output_that_nobody_reads_ends_the_run_with_nothing_resting(start: Start) -> None:
    reader, writer = os.pipe()
    run = start.run(output=writer)
    os.close(writer)
    run.until_quoting()
    os.close(reader)

    assert run.wait(WAIT_S) == 1
    assert run.resting() == 0
    assert run.segments() == []
    assert_all_gone(run, 0.5)
