"""The kill switch on a running system: by signal and by file, with the strategy hung; latched until it is re-armed."""

import os
import signal

from procs.kill_switch import KILL
from procs.readings import record_of
from procs.state_dir import StateDir
from tests.system.command import Trader
from tests.system.starting import Start
from trader.enums import TradingState

EFFECT_S_MAX = 1.0
AGAIN_S = 15.0


def trading(run: Trader) -> TradingState:
    """What risk lets through."""
    return TradingState(int(record_of(run.memory, "risk", "RISK")["trading"]))


def is_stopped(run: Trader) -> bool:
    """Whether nothing rests at the exchange, by its own ledger, and risk lets nothing through."""
    return run.resting() == 0 and trading(run) == TradingState.HALTED


def test_the_signal_cancels_everything_within_a_second_though_the_strategy_hangs(start: Start, state: StateDir) -> None:
    run = start.run("--placement", "process")
    run.until_quoting()
    run.seen["strategy"].suspend()
    os.kill(run.pid, signal.SIGUSR1)
    run.until(lambda: is_stopped(run), EFFECT_S_MAX, "nothing rests")
    run.until(lambda: state.latches() == {KILL: "pressed by SIGUSR1"}, EFFECT_S_MAX, "the latch is on disk")

    run.signal(signal.SIGINT)
    run.wait(AGAIN_S)
    assert trading(run) == TradingState.HALTED


def test_a_latch_keeps_the_next_run_from_quoting_until_it_is_taken_off(start: Start, state: StateDir) -> None:
    state.latch(KILL, "of yesterday")
    run = start.run("--placement", "fused")
    run.until(lambda: run.attached() and trading(run) == TradingState.HALTED, AGAIN_S, "the run obeys the latch")
    books = record_of(run.memory, "book", "BOOK")
    run.until(lambda: int(books["check"]["checked"][0]) > 100, AGAIN_S, "the market goes on")

    assert run.placed() == 0
    listed = start.command("arm")
    assert listed.wait(AGAIN_S) == 1
    assert "of yesterday" in listed.said
    refused = start.command("arm", KILL, "--yes", "kill")
    assert refused.wait(AGAIN_S) == 2
    assert start.command("arm", KILL, "--yes", KILL).wait(AGAIN_S) == 0
    run.until(lambda: run.resting() > 0, AGAIN_S, "it quotes")

    state.press_kill("a file says so")
    run.until(lambda: is_stopped(run), EFFECT_S_MAX, "nothing rests")
    run.until(lambda: state.latches() == {KILL: "a file says so"}, EFFECT_S_MAX, "the latch is on disk")
    run.until(lambda: state.pressed_kill() is None, EFFECT_S_MAX, "the file has done its work")
    shown = start.command("limits", "--run", str(run.pid))
    assert shown.wait(AGAIN_S) == 1
    assert "trading HALTED: KILL_SWITCH" in shown.said
    assert "market_data" in shown.said and "pull_move_ticks_max" in shown.said


def test_the_command_says_when_it_has_had_its_effect(start: Start, state: StateDir) -> None:
    run = start.run("--placement", "process")
    run.until_quoting()
    orders = start.command("orders", "--run", str(run.pid))
    assert orders.wait(AGAIN_S) == 0
    assert "BTCUSDT" in orders.said
    pressed = start.command("kill", "--run", str(run.pid), "--reason", "a test")

    assert pressed.wait(AGAIN_S) == 0, pressed.said
    assert "no order open" in pressed.said
    assert run.resting() == 0
    run.until(lambda: state.latches().get(KILL, "").endswith(": a test"), EFFECT_S_MAX, "the latch is on disk")
