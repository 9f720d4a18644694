"""Each pre-trade check at its bound: the last value that passes, the first that does not, and what is said of it."""

import numpy as np
import pytest

from shm.kernel import new_record
from tests.trader.risk_records import (
    CONFIG,
    FREE_E8,
    WIDE,
    account,
    intent,
    limits,
    message,
    ready_risk,
    refusal,
    report,
    top,
    trades,
)
from trader.enums import BookState, OrderFlag, OrderState, ReportKind, TimeInForce
from trader.enums import RefusalReason as R
from trader.messages import VolatilityEstimate
from trader.risk.advice import ADVICE
from trader.risk.checks import decide
from trader.risk.facts import apply_account, apply_advice, apply_instrument, apply_report
from trader.risk.latches import CANCEL_ALL, NO_REACTION, reduce_only
from trader.risk.limits import RiskConfig
from trader.risk.market import apply_top, apply_volatility
from trader.risk.state import LINES_MAX, RECENT_MAX, HaltCause
from trader.strategy.door import LEVELS_MAX

MS = 1_000_000
CHILD = int(OrderFlag.LADDER_CHILD)


def fill(risk: np.ndarray, order: np.ndarray, lots: int, trade_id: int, price: int = 0, now_ns: int = 0) -> int:
    more = {"last_ticks": price} if price else {}
    state = OrderState.FILLED if lots == order["size_lots"][0] else OrderState.PARTIAL
    return apply_report(risk[0], report(order, ReportKind.FILL, state, lots=lots, trade_id=trade_id, **more)[0], now_ns)


def hold(risk: np.ndarray, lots: int, counter: int = 1) -> None:
    """Be long or short so many lots."""
    side = 1 if lots > 0 else -1
    order = intent(counter, 4_000, side=side, price=49_990 if lots > 0 else 50_010, size=abs(lots))
    assert decide(risk[0], order[0], 0) == R.NONE
    fill(risk, order, abs(lots), 10**6 + counter)


def test_reducing_lets_through_what_brings_the_position_nearer_to_flat_at_worst():
    risk = ready_risk(WIDE)
    hold(risk, 10)
    assert reduce_only(risk[0], int(HaltCause.LOSS)) == CANCEL_ALL
    assert reduce_only(risk[0], int(HaltCause.LOSS)) == NO_REACTION

    assert refusal(risk, intent(2, 1, side=1)) == (R.REDUCING, 5, 0)
    assert refusal(risk, intent(3, 1, side=-1, price=50_010, size=11)) == (R.REDUCING, 11, 10)
    assert refusal(risk, intent(4, 1, side=-1, price=50_010, size=6))[0] == R.NONE
    assert refusal(risk, intent(5, 2, side=-1, price=50_011, size=5)) == (R.REDUCING, 5, 4)
    assert refusal(risk, intent(6, 2, side=-1, price=50_011, size=4))[0] == R.NONE
    assert refusal(risk, intent(7, 3, side=-1, price=50_012, size=0))[0] == R.REDUCING


def test_the_same_order_is_refused_for_so_long_and_so_are_those_that_could_have_been_forgotten():
    risk = ready_risk(limits(position_lots_max=10_000, open_orders_max=4_000, open_orders_side_max=4_000))
    assert refusal(risk, intent(1, 0), 0)[0] == R.NONE
    assert refusal(risk, intent(2, 1), 50 * MS - 1) == (R.DUPLICATE_ORDER, 49_990, -1)
    assert refusal(risk, intent(3, 1, size=6), 50 * MS - 1)[0] == R.NONE
    assert refusal(risk, intent(4, 2, price=49_989), 50 * MS - 1)[0] == R.NONE
    assert refusal(risk, intent(5, 3, side=-1, price=50_010), 50 * MS - 1)[0] == R.NONE
    assert refusal(risk, intent(6, 4), 50 * MS)[0] == R.NONE
    for number in range(RECENT_MAX - 4):
        assert refusal(risk, intent(10 + number, 10 + number, price=49_000 + number, size=1), 60 * MS)[0] == R.NONE
    assert refusal(risk, intent(1_000, 3_000, price=49_901), 60 * MS)[0] == R.DUPLICATE_ORDER


def test_a_ladders_child_replaces_the_order_of_its_line_once_that_has_ended():
    risk = ready_risk(WIDE)
    first = intent(1, 0, flags=CHILD, level=2)
    assert refusal(risk, first)[0] == R.NONE
    assert refusal(risk, intent(2, 1, flags=CHILD, level=2), 49 * MS)[0] == R.DUPLICATE_ORDER
    assert refusal(risk, intent(3, 1, flags=CHILD, level=1), 49 * MS)[0] == R.NONE
    apply_report(risk[0], report(first, ReportKind.CANCELED, OrderState.CANCELED)[0], 0)
    assert refusal(risk, intent(4, 2, flags=CHILD, level=2), 49 * MS)[0] == R.NONE
    assert refusal(risk, intent(5, 3, flags=CHILD, level=LINES_MAX)) == (R.INVALID_ORDER, LINES_MAX, LINES_MAX - 1)
    assert LEVELS_MAX <= LINES_MAX


def test_the_venues_mark_price_stands_in_for_a_book_that_is_not_to_be_used():
    risk = ready_risk(CONFIG)
    apply_top(risk[0], top(49_995, 50_005, BookState.SYNCING)[0], 1)
    assert refusal(risk, intent(1, 0), 2) == (R.NO_REFERENCE, 2, 2_000 * MS), "the last mid is none"
    apply_instrument(risk[0], trades(mark2_ticks=2 * 51_000, mark_ns=1)[0])

    assert refusal(risk, intent(2, 0, price=50_489), 2) == (R.PRICE_COLLAR, 50_489, 50_490)
    assert refusal(risk, intent(3, 0, price=50_490), 2)[0] == R.STALE_DATA
    assert refusal(risk, intent(4, 0, price=50_490), 2_000 * MS + 1)[0] == R.STALE_DATA
    assert refusal(risk, intent(5, 0, price=50_490), 2_000 * MS + 2) == (R.NO_REFERENCE, 2_000 * MS + 1, 2_000 * MS)
    apply_instrument(risk[0], trades()[0])
    assert refusal(risk, intent(6, 0, price=50_490), 2)[0] == R.STALE_DATA, "a state without a mark takes none away"
    apply_top(risk[0], top(49_995, 50_005)[0], 3)
    assert refusal(risk, intent(7, 0, price=50_000), 3)[0] == R.NONE, "a LIVE book goes first"


def test_price_travel_looks_back_a_minute():
    risk = ready_risk(limits(price_travel_bps=100, book_age_ms_max=60_000, mark_age_ms_max=60_000))
    apply_top(risk[0], top(50_494, 50_504)[0], 1)
    assert refusal(risk, intent(1, 0, price=50_400), 1)[0] == R.NONE
    apply_top(risk[0], top(50_497, 50_507)[0], 2)
    assert refusal(risk, intent(2, 1, price=50_401), 2) == (R.PRICE_TRAVEL, 502, 500)
    for second in range(5, 66, 5):
        again = top(50_497, 50_507)
        again["event_ns"] = second * 1_000 * MS
        apply_account(risk[0], account(balance_ns=second * 1_000 * MS)[0])
        apply_top(risk[0], again[0], second * 1_000 * MS)
        verdict = refusal(risk, intent(100 + second, second, price=50_402), second * 1_000 * MS)[0]
        assert verdict == (R.PRICE_TRAVEL if second <= 55 else R.NONE), second
    later = top(50_000, 50_010)
    later["event_ns"] = 1_000_000 * MS
    apply_account(risk[0], account(balance_ns=1_000_000 * MS)[0])
    apply_top(risk[0], later[0], 1_000_000 * MS)
    assert refusal(risk, intent(999, 999, price=49_999), 1_000_000 * MS)[0] == R.NONE


def test_the_venues_own_time_is_held_against_the_least_delay_seen():
    risk = ready_risk(limits(event_age_ms_max=1_000, book_age_ms_max=60_000, mark_age_ms_max=60_000, duplicate_ms=0))
    behind = 7_000 * MS

    def at(event_ms: int, now_ms: int, counter: int) -> R:
        record = top(49_995, 50_005)
        record["event_ns"] = event_ms * MS - behind
        apply_top(risk[0], record[0], now_ms * MS)
        apply_account(risk[0], account(balance_ns=now_ms * MS)[0])
        return refusal(risk, intent(counter, counter, price=49_900 + counter), now_ms * MS)[0]

    risk["symbols"][0, 0]["delay_min_ns"] = 2**60
    assert at(1_000, 1_040, 1) == R.NONE
    assert at(2_000, 3_040, 2) == R.NONE
    assert at(2_000, 3_041, 3) == R.STALE_DATA
    assert at(4_000, 4_010, 4) == R.NONE
    assert at(5_000, 6_030, 5) == R.STALE_DATA
    # a venue whose clock drifts is judged by the last minutes only
    for minute in range(1, 12):
        at(5_000 + 60_000 * minute, 6_030 + 60_000 * minute, 20 + minute)
    assert at(1_000_000, 1_001_030, 90) == R.NONE


def test_a_decision_on_another_book_is_refused():
    risk = ready_risk(limits(book_epochs_max=3))
    record = top(49_995, 50_005)
    record["epoch"] = 100
    apply_top(risk[0], record[0], 0)

    verdicts = [refusal(risk, intent(n, n, price=49_900 + n, book_epoch=n))[0] for n in (96, 97, 103, 104)]
    assert verdicts == [R.STALE_DATA, R.NONE, R.NONE, R.STALE_DATA]


@pytest.mark.parametrize(
    ("config", "allowed"),
    [
        (limits(open_orders_max=3), 3),
        (limits(open_orders_side_max=2), 2),
        (limits(account_orders_max=1), 1),
    ],
)
def test_open_orders_are_counted_by_side_symbol_and_account(config: RiskConfig, allowed: int):
    risk = ready_risk(config, symbols=2)
    for number in range(allowed):
        assert refusal(risk, intent(1 + number, number, price=49_900 + number))[0] == R.NONE
    assert refusal(risk, intent(50, 50, price=49_950)) == (R.OPEN_ORDERS, allowed + 1, allowed)
    elsewhere = refusal(risk, intent(51, 51, price=49_951, symbol_id=1))[0]
    assert elsewhere == (R.OPEN_ORDERS if config.account_orders_max == 1 else R.NONE)


def test_open_notional_is_what_is_left_at_the_orders_own_prices():
    risk = ready_risk(limits(open_notional_max=50))
    order = intent(1, 0, price=50_000, size=6, side=1)
    assert refusal(risk, order)[0] == R.NONE
    assert refusal(risk, intent(2, 1, price=49_999, size=5)) == (
        R.OPEN_NOTIONAL, (6 * 50_000 + 5 * 49_999) * 10_000, 50 * 10**8
    )  # fmt: skip
    fill(risk, order, 2, 1)
    assert refusal(risk, intent(3, 1, price=49_999, size=5))[0] == R.NONE
    assert risk["open_e8"][0] == (4 * 50_000 + 5 * 49_999) * 10_000


def test_the_worst_case_is_held_to_notional_at_the_mark_by_symbol_and_by_account():
    risk = ready_risk(limits(position_notional_max=50))
    assert refusal(risk, intent(1, 0, size=10))[0] == R.NONE
    assert refusal(risk, intent(2, 1, size=2, price=49_991)) == (R.POSITION_NOTIONAL, 12, 10)
    apply_top(risk[0], top(54_995, 55_005)[0], 0)
    assert refusal(risk, intent(3, 1, side=-1, price=55_010, size=9))[0] == R.NONE
    assert refusal(risk, intent(4, 2, side=-1, price=55_011, size=2))[0] == R.POSITION_NOTIONAL

    risk = ready_risk(limits(account_notional_max=100), symbols=2)
    assert refusal(risk, intent(1, 0, size=12))[0] == R.NONE
    assert refusal(risk, intent(2, 1, size=8, symbol_id=1))[0] == R.NONE
    assert risk["worst_e8"][0] == 20 * 50_000 * 10_000
    assert refusal(risk, intent(3, 2, size=2, price=49_991))[0] == R.POSITION_NOTIONAL
    assert refusal(risk, intent(4, 2, size=10, side=-1, price=50_010))[0] == R.NONE, "its worst case is no worse"


def test_margin_bounds_the_worst_case_and_wants_a_new_balance():
    config = limits(margin_bps=1_000, margin_buffer_bps=2_000, balance_age_ms_max=5_000, book_age_ms_max=60_000)
    risk = ready_risk(config)
    apply_account(risk[0], account(free_e8=10 * 10**8, balance_ns=1)[0])
    assert refusal(risk, intent(1, 0, size=16))[0] == R.NONE
    assert refusal(risk, intent(2, 1, size=2, price=49_991)) == (R.MARGIN, 18 * 50_000 * 10_000, 80 * 10**8)
    assert refusal(risk, intent(3, 1, side=-1, price=50_010, size=16))[0] == R.NONE, "its worst case is no worse"
    late_ns = 5_000 * MS + 1
    apply_top(risk[0], top(49_995, 50_005)[0], late_ns)
    late = refusal(risk, intent(5, 2, side=-1, price=50_012, size=2), late_ns + 1)
    assert late == (R.MARGIN, late_ns, 5_000 * MS), "its age"
    apply_account(risk[0], account(free_e8=FREE_E8, balance_ns=late_ns)[0])
    assert refusal(risk, intent(6, 2, size=2, price=49_991), late_ns + 1)[0] == R.NONE
    apply_account(risk[0], account(free_e8=0, balance_ns=0)[0])
    assert risk["balance_ns"][0] == late_ns, "a state that tells nothing of the balance changes none"


def test_the_pace_allows_a_burst_and_then_so_many_a_second():
    risk = ready_risk(limits(orders_per_s_max=100, orders_burst_max=3, book_age_ms_max=60_000))
    verdicts = [refusal(risk, intent(n, n, price=49_900 + n), 10 * MS)[0] for n in range(1, 6)]
    assert verdicts == [R.NONE, R.NONE, R.NONE, R.MESSAGE_RATE, R.MESSAGE_RATE]
    assert refusal(risk, intent(6, 6, price=49_920), 20 * MS - 1)[0] == R.MESSAGE_RATE
    assert refusal(risk, intent(7, 7, price=49_921), 20 * MS)[0] == R.NONE
    assert refusal(risk, intent(8, 8, price=49_922), 20 * MS)[0] == R.MESSAGE_RATE


def taking(counter: int, size: int, force: int = TimeInForce.IMMEDIATE_OR_CANCEL) -> np.ndarray:
    return intent(counter, counter, price=50_010, size=size, time_in_force=force)


def test_an_order_that_takes_is_held_to_its_expected_cost():
    risk = ready_risk(limits(slippage_bps_max=3))
    assert refusal(risk, taking(1, 2)) == (R.SLIPPAGE, -1, 3), "no volatility yet"
    told = {"volatility_bps": 1.0, "volatility_bps_p95": 1.0}
    apply_volatility(risk[0], message(VolatilityEstimate, **told)[0])
    assert refusal(risk, taking(2, 2)) == (R.SLIPPAGE, -1, 3), "no volume"
    apply_volatility(risk[0], message(VolatilityEstimate, **told, volume_lots_per_s=float("nan"))[0])
    assert refusal(risk, taking(3, 2)) == (R.SLIPPAGE, -1, 3), "no number"
    apply_volatility(risk[0], message(VolatilityEstimate, **told, volume_lots_per_s=2.0)[0])
    assert refusal(risk, taking(4, 2))[0] == R.NONE
    assert refusal(risk, taking(5, 20, TimeInForce.GOOD_TILL_CANCEL)) == (R.SLIPPAGE, 4, 3)
    away = intent(6, 6, size=20, time_in_force=TimeInForce.GOOD_TILL_CANCEL)
    assert refusal(risk, away)[0] == R.NONE, "it takes nothing"


def test_the_walk_through_a_thin_book_costs_more_than_its_impact():
    risk = ready_risk(limits(slippage_bps_max=10))
    calm = {"volatility_bps": 0.001, "volatility_bps_p95": 0.001, "volume_lots_per_s": 1e6}
    apply_volatility(risk[0], message(VolatilityEstimate, **calm)[0])
    thin = top(49_995, 50_005)
    thin["ask_ticks"][0, 1], thin["ask_lots"][0, 1] = 50_105, 100
    apply_top(risk[0], thin[0], 0)

    assert refusal(risk, intent(1, 1, price=50_105, size=2, time_in_force=2)) == (R.SLIPPAGE, 11, 10)
    assert refusal(risk, intent(2, 2, price=50_105, size=1, time_in_force=2))[0] == R.NONE


def advice(**words: int) -> np.ndarray:
    record = new_record(ADVICE)
    for name, value in ({"size_permille": 1_000, "spread_permille": 1_000} | words).items():
        record[name] = value
    return record


def test_advice_tightens_sizes_and_distances_and_is_withdrawn():
    risk = ready_risk(WIDE)
    assert apply_advice(risk[0], advice(size_permille=10)[0]) == NO_REACTION
    assert refusal(risk, intent(1, 0, size=11)) == (R.QUANTITY, 11, 10)
    assert apply_advice(risk[0], advice(spread_permille=2_500)[0]) == NO_REACTION
    assert refusal(risk, intent(2, 0, price=49_988)) == (R.TAIL_RISK, 24, 25)
    assert refusal(risk, intent(3, 0, price=49_987))[0] == R.NONE
    apply_advice(risk[0], advice()[0])
    assert refusal(risk, intent(4, 1, price=49_994, size=11))[0] == R.NONE
    assert apply_advice(risk[0], advice(halt=1)[0]) == CANCEL_ALL
    assert refusal(risk, intent(5, 2, price=49_980)) == (R.HALTED, HaltCause.TAIL_RISK, 0)


def test_advice_never_loosens_a_limit():
    risk = ready_risk(limits(order_lots_max=10))
    for words in ({"size_permille": 5_000}, {"size_permille": 2**62}, {"spread_permille": -5}, {"spread_permille": 0}):
        apply_advice(risk[0], advice(**words)[0])
        assert refusal(risk, intent(1, 0, size=11)) == (R.QUANTITY, 11, 10)
        risk["newest_id"] = 0
