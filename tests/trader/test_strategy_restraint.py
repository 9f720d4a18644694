"""What tail risk asks of quotes: never nearer, never larger, never out of what risk allows, whatever the words say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from procs.strategy_file import BELIEF
from shm.codec import record_dtype
from shm.kernel import new_record
from trader.messages import SignalEstimate, TailRiskAdvice
from trader.risk.advice import SPREAD_MAX, WHOLE
from trader.strategy import LEVELS_MAX, QUOTES
from trader.strategy.restraint import note_advice, note_signal, restrain, trust

BID, ASK = 600_000, 600_003
WORDS = some.integers(-(2**40), 2**40)


def believing(**words: int) -> np.ndarray:
    belief, advice = new_record(BELIEF), new_record(record_dtype(TailRiskAdvice))
    trust(belief[0])
    advice["size_permille"] = advice["spread_permille"] = WHOLE
    for name, value in words.items():
        advice[name] = value
    note_advice(belief[0], advice[0])
    return belief


def ladder(distance: int, lots: int) -> np.ndarray:
    quotes = new_record(QUOTES)
    levels = np.arange(LEVELS_MAX)
    quotes["bid_ticks"], quotes["ask_ticks"] = BID - distance - 3 * levels, ASK + distance + 3 * levels
    quotes["bid_lots"] = quotes["ask_lots"] = lots
    quotes["bid_count"] = quotes["ask_count"] = LEVELS_MAX
    quotes["take_lots"] = lots
    return quotes


@given(size=WORDS, spread=WORDS, halt=WORDS, distance=some.integers(-4, 1_000), lots=some.integers(0, 10**9))
def test_quotes_only_ever_go_away_and_shrink_and_then_risk_takes_them(size, spread, halt, distance, lots) -> None:
    belief = believing(size_permille=size, spread_permille=spread, halt=halt)
    before = ladder(distance, lots)
    after = before.copy()
    restrain(after[0], belief[0], BID, ASK)
    asked = int(belief["spread_permille"][0])

    assert (after["bid_ticks"] <= before["bid_ticks"]).all() or distance < 0
    assert (after["ask_ticks"] >= before["ask_ticks"]).all() or distance < 0
    assert (after["bid_lots"] <= before["bid_lots"]).all() and (after["bid_lots"] >= 0).all()
    assert (after["ask_lots"] <= before["ask_lots"]).all() and (after["ask_lots"] >= 0).all()
    away2 = np.concatenate([BID + ASK - 2 * after["bid_ticks"][0], 2 * after["ask_ticks"][0] - BID - ASK])
    assert (away2 * WHOLE >= (ASK - BID) * asked).all(), "check 22 of risk"
    assert WHOLE <= asked <= SPREAD_MAX and 0 <= belief["size_permille"][0] <= WHOLE
    assert 0 <= after["take_lots"] <= before["take_lots"]
    if halt != 0:
        assert not after["take_lots"] and not after["bid_lots"].any() and not after["ask_lots"].any()


def test_twice_the_distance_and_a_quarter_of_the_size() -> None:
    quotes = ladder(10, 8)
    restrain(quotes[0], believing(size_permille=250, spread_permille=2_000)[0], BID, ASK)

    assert (quotes["bid_ticks"][0, 0], quotes["ask_ticks"][0, 0]) == (BID - 22, ASK + 22)
    assert set(quotes["bid_lots"][0]) == set(quotes["ask_lots"][0]) == {2}


def test_a_signal_is_kept_and_tells_when_a_panic_turns() -> None:
    belief, signal = new_record(BELIEF), new_record(record_dtype(SignalEstimate))
    trust(belief[0])
    signal["shift_bps"], signal["aggressiveness"], signal["confidence"] = 0.7, 0.4, 0.9
    calm = note_signal(belief[0], signal[0])
    signal["panic"], signal["direction"] = 1, -1
    turned = [bool(note_signal(belief[0], signal[0])) for _ in range(2)]

    assert not calm and turned == [True, False]
    assert [belief[name][0] for name in ("shift_bps", "aggressiveness", "panic", "panic_direction")] == [
        0.7,
        0.4,
        1,
        -1,
    ]
