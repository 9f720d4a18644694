"""The signals stage: what it publishes, when, and what a book that is not LIVE and a death do to it."""

import itertools
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from procs.stages.signals import SAMPLE_NS, SHARE_STEP, SHIFT_BPS_STEP
from procs.topology import is_rung
from procs.wiring import stage_module
from shm.kernel import new_record
from tests.procs.one_stage import OneStage, instruments_of
from trader.enums import BookState, MarketEventKind
from trader.messages import LEVELS, BookTop, MarketEvent, SignalEstimate, Timer
from trader.signals import MarketSignals, SignalsConfig

LINK = "signal_estimate"
MS = 1_000_000
CONFIG = SignalsConfig(warm_ms=0, pressure=0.5)


def make_stage(symbols: int = 1) -> OneStage:
    return OneStage("signals", SimpleNamespace(signals=CONFIG), symbols=symbols)


def top(event_ns: int, bid: int, *, lots: tuple[int, int] = (40, 40), symbol_id: int = 0, state: int = 2) -> BookTop:
    bids, asks = (tuple(first + step * level for level in range(LEVELS)) for first, step in ((bid, -1), (bid + 1, 1)))
    return BookTop(symbol_id, 0, event_ns, 1, state, bids, (lots[0],) * LEVELS, asks, (lots[1],) * LEVELS)


def trade(event_ns: int, side: int, lots: int) -> MarketEvent:
    return MarketEvent(0, 0, event_ns, MarketEventKind.TRADE, BookState.LIVE, 1, 2, side, 1, lots)


def test_each_symbol_is_told_at_the_start_with_nothing_to_act_on() -> None:
    found = make_stage(symbols=2).taken(LINK)

    assert [one.symbol_id for one in found] == [0, 1]
    assert {(one.panic, one.shift_bps, one.aggressiveness, one.event_ns) for one in found} == {(0, 0.0, 1.0, 0)}
    assert not is_rung("signals") and not is_rung("tail_risk") and is_rung("strategy")


def test_it_says_what_the_library_says_of_the_same_books_and_trades() -> None:
    """The fast way through the stage and the slow one through Python agree to the last bit."""
    stage, library, rng = make_stage(), MarketSignals(CONFIG), np.random.default_rng(3)
    bid, found = 500_000, []
    for number in range(1, 400):
        event_ns = 10**15 + number * SAMPLE_NS
        bid += int(rng.integers(-3, 4))
        lots = (int(rng.integers(1, 90)), int(rng.integers(1, 90)))
        if number % 3 == 0:
            side, size = int(rng.choice([-1, 1])), int(rng.integers(1, 20))
            stage.give(trade(event_ns - MS, side, size), number)
            library.on_trade(event_ns - MS, side, size)
        stage.give(top(event_ns, bid, lots=lots), number)
        said = library.on_book(
            event_ns,
            [(bid - level, lots[0]) for level in range(LEVELS)],
            [(bid + 1 + level, lots[1]) for level in range(LEVELS)],
        )
        own = stage.row["signals"][0]
        assert own["shift_bps"] == said.shift_bps and own["aggressiveness"] == said.aggressiveness
        found += stage.taken(LINK)
    assert len(found) > 100
    assert any(abs(one.shift_bps) > 0.1 for one in found)
    for before, after in itertools.pairwise(found):
        moved = [abs(getattr(after, name) - getattr(before, name)) for name in ("aggressiveness", "confidence")]
        far = max(moved) >= SHARE_STEP or abs(after.shift_bps - before.shift_bps) >= SHIFT_BPS_STEP
        assert far or after.panic != before.panic


def test_a_top_too_soon_after_the_last_waits_for_the_timer_and_the_newest_counts() -> None:
    stage = make_stage()
    stage.give(top(10**15, 500_000), 1)
    stage.give(top(10**15 + SAMPLE_NS // 2, 500_010), 2)
    stage.give(top(10**15 + SAMPLE_NS // 2 + 1, 500_020), 3)
    waiting = int(stage.row["signals"][0]["horizons"]["bid_ticks"])
    stage.give(Timer(1), 4)

    assert waiting == 500_000
    assert stage.row["signals"][0]["horizons"]["bid_ticks"] == 500_020
    assert stage.row["pending"][0] == 0


def test_a_book_that_is_not_live_is_a_gap() -> None:
    stage = make_stage()
    stage.give(top(10**15, 500_000), 1)
    stage.give(top(10**15 + MS, 400_000, state=BookState.STALE), 2)
    linked = int(stage.row["signals"][0]["horizons"]["linked"])
    stage.give(top(10**15 + 9 * SAMPLE_NS, 400_000), 3)
    own = stage.row["signals"][0]["horizons"]

    assert linked == 0 and own["linked"] == 1
    assert own["mid_bps"] != 0
    assert stage.row["signals"][0]["detector"]["usual"]["moved_bps"] == 0


def test_foreign_symbols_change_nothing() -> None:
    stage = make_stage()
    before = stage.row["signals"].tobytes()
    stage.give(top(10**15, 500_000, symbol_id=3), 1)
    stage.give(msgspec.structs.replace(trade(10**15, 1, 5), symbol_id=-1), 2)

    assert stage.row["signals"].tobytes() == before
    assert stage.row["foreign"] == 2


@pytest.mark.parametrize("panic", [0, 1])
def test_a_successor_tells_the_panic_that_stood(panic: int) -> None:
    module = stage_module("signals")
    state = new_record(module.STATE)
    module.start(state, SimpleNamespace(signals=SignalsConfig(warm_ms=60_000)), instruments_of(1))
    said = SignalEstimate(0, 0, 10**15, panic, -1, 0.8, 0, 0, 0, 0, 1.5, 0.2, 1.0)
    module.inherit(state, [said, SignalEstimate(7, 0, 0, 1, 0, 1.0, 0, 0, 0, 0, 0, 0, 0)], state)
    told = state[0]["told"][0]

    assert (told["panic"], told["confidence"], told["direction"]) == (panic, 0.8, -1)
    assert told["shift_bps"] == 0 and told["aggressiveness"] == 1
