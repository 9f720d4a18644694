"""Tail risk's advice in risk: whatever it says and in whatever order, no limit in force exceeds the configured one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some

from shm.codec import record_dtype
from shm.kernel import new_record
from tests.trader.risk_records import WIDE, ready_risk
from trader.messages import TailRiskAdvice
from trader.risk.advice import WHOLE
from trader.risk.facts import apply_tail_risk
from trader.risk.limits import BOUNDS, LIMITS
from trader.risk.state import HaltCause

SYMBOLS = 2
WORDS = some.one_of(some.integers(-(2**62), 2**62), some.integers(0, 2_000))
ADVICE = some.lists(
    some.fixed_dictionaries(
        {
            "symbol_id": some.integers(-1, SYMBOLS),
            "event_ns": some.integers(0, 6),
            "size_permille": WORDS,
            "spread_permille": WORDS,
            "halt": some.sampled_from([0, 0, 0, 1, -7]),
        }
    ),
    max_size=12,
)


def said(**words: int) -> np.void:
    record = new_record(record_dtype(TailRiskAdvice))
    record["size_permille"] = record["spread_permille"] = WHOLE
    for name, value in words.items():
        record[name] = value
    return record[0]


def in_force(risk: np.ndarray) -> dict[tuple[int, str], int]:
    """Every limit that is in force, by symbol (-1: the account) and name."""
    own = risk[0]
    found = {(at, name): int(own["symbols"][at]["limits"][name]) for at in range(SYMBOLS) for name in LIMITS.names}
    return found | {(-1, name): int(own["bounds"][name]) for name in BOUNDS.names}


@settings(max_examples=200, deadline=None)
@given(told=ADVICE)
def test_whatever_is_recommended_no_limit_exceeds_what_is_configured_and_what_is_old_only_tightens(told) -> None:
    risk = ready_risk(WIDE, symbols=SYMBOLS)
    configured, newest = in_force(risk), [0] * SYMBOLS
    assert configured == {
        **{
            (at, name): int(risk[0]["symbols"][at]["configured"][name])
            for at in range(SYMBOLS)
            for name in LIMITS.names
        },
        **{(-1, name): int(risk[0]["configured"][name]) for name in BOUNDS.names},
    }
    for words in told:
        before, spread = in_force(risk), int(risk[0]["advice"]["spread_permille"])
        apply_tail_risk(risk[0], said(**words))
        after, at = in_force(risk), words["symbol_id"]
        assert all(after[key] <= configured[key] for key in after)
        assert risk[0]["advice"]["spread_permille"] >= WHOLE
        if not 0 <= at < SYMBOLS:
            assert after == before
        elif words["event_ns"] < newest[at]:
            assert all(after[key] <= before[key] for key in after)
            assert risk[0]["advice"]["spread_permille"] >= spread
        else:
            newest[at] = words["event_ns"]
        if words["halt"] != 0 and 0 <= at < SYMBOLS:
            assert risk[0]["halts"] >> HaltCause.TAIL_RISK & 1


def test_the_strictest_symbol_binds_the_account_and_is_released_by_itself_alone() -> None:
    risk = ready_risk(WIDE, symbols=SYMBOLS)
    configured = in_force(risk)
    apply_tail_risk(risk[0], said(symbol_id=0, event_ns=5, size_permille=250))
    apply_tail_risk(risk[0], said(symbol_id=1, event_ns=5, size_permille=700, spread_permille=2_000))
    both = in_force(risk)
    apply_tail_risk(risk[0], said(symbol_id=1, event_ns=6))
    one = int(risk[0]["advice"]["size_permille"]), int(risk[0]["advice"]["spread_permille"])
    apply_tail_risk(risk[0], said(symbol_id=0, event_ns=6))

    for at in range(SYMBOLS):
        assert both[at, "position_lots_max"] == configured[at, "position_lots_max"] // 4
        assert both[at, "open_orders_max"] == configured[at, "open_orders_max"]
    assert both[-1, "worst_e8_max"] == configured[-1, "worst_e8_max"] // 4
    assert one == (250, WHOLE)
    assert in_force(risk) == configured
    assert risk[0]["tightened"] == 1
