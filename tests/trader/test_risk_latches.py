"""Latches: executions, rejects and losses halt or reduce at their bounds, and stay so until a person re-arms them."""

import numpy as np

from tests.trader.risk_records import intent, limits, ready_risk, refusal, report, top
from trader.enums import OrderState, ReportKind, TradingState
from trader.enums import RefusalReason as R
from trader.orders import POST_ONLY_WOULD_TAKE
from trader.risk.facts import apply_report
from trader.risk.latches import CANCEL_ALL, DAY_NS, NO_REACTION, rearm
from trader.risk.market import apply_top
from trader.risk.state import HaltCause

MS = 1_000_000
S = 1_000 * MS


def bought(risk: np.ndarray, number: int, lots: int, price: int = 50_000, now_ns: int = 0, side: int = 1) -> int:
    """A fill of an order that nobody here knows; the reaction to it."""
    told = report(intent(number, number, side=side), ReportKind.FILL, OrderState.FILLED, lots=lots, trade_id=number)
    told["client_order_id"], told["last_ticks"], told["fee_e8"] = 0, price, 0
    return int(apply_report(risk[0], told[0], now_ns))


def refused(risk: np.ndarray, number: int, code: int = -2010) -> int:
    """The venue's refusal of an order; the reaction to it."""
    told = report(intent(number, number), ReportKind.REJECTED, OrderState.REJECTED, reason=code)
    return int(apply_report(risk[0], told[0], 0))


def verdict(risk: np.ndarray, counter: int, **order: int) -> R:
    return refusal(risk, intent(counter, counter, price=49_980 + counter, **order))[0]


def test_more_executions_in_the_window_than_allowed_halt_until_a_person_has_looked():
    risk = ready_risk(limits(executions_max=3, executions_window_ms=1_000))
    times_ms = (0, 600, 1_100, 1_601, 1_700)
    found = [bought(risk, 1 + number, 1, now_ns=time_ms * MS) for number, time_ms in enumerate(times_ms)]
    assert found == [NO_REACTION] * 5, "the fourth before the last was always more than a second ago"

    assert bought(risk, 9, 1, now_ns=1_750 * MS) == CANCEL_ALL
    assert (risk["trading"][0], risk["halted"][0]) == (TradingState.HALTED, HaltCause.EXECUTIONS)
    assert verdict(risk, 1) == R.HALTED
    rearm(risk[0], int(HaltCause.EXECUTIONS))
    assert verdict(risk, 2) == R.NONE
    assert [bought(risk, 20 + number, 1, now_ns=1_760 * MS) for number in range(4)] == [NO_REACTION] * 3 + [CANCEL_ALL]


def test_rejects_in_a_row_halt_and_what_the_market_did_is_none():
    risk = ready_risk(limits(rejects_max=3))
    assert [refused(risk, number) for number in (1, 2)] == [NO_REACTION] * 2
    apply_report(risk[0], report(intent(3, 3), ReportKind.ACK, OrderState.OPEN)[0], 0)
    assert [refused(risk, number) for number in (4, 5)] == [NO_REACTION] * 2
    assert [refused(risk, number, POST_ONLY_WOULD_TAKE) for number in (6, 7)] == [NO_REACTION] * 2
    assert refused(risk, 8) == CANCEL_ALL

    assert verdict(risk, 9) == R.HALTED
    rearm(risk[0], int(HaltCause.REJECTS))
    assert (verdict(risk, 10), refused(risk, 11)) == (R.NONE, NO_REACTION)


def losing(**changes: int) -> np.ndarray:
    """Long ten lots from 50,000 ticks: a tick down costs 10 ticks times lots, 0.001 of the quote currency."""
    risk = ready_risk(limits(**changes))
    bought(risk, 1, 1_000)
    return risk


def at(risk: np.ndarray, bid: int, now_ns: int = 0, spread: int = 10) -> int:
    """The reaction to a touch; a lot gains 0.0001 a tick."""
    return int(apply_top(risk[0], top(bid, bid + spread)[0], now_ns))


def test_a_loss_since_the_day_began_reduces_then_halts_at_the_worse_touch():
    risk = losing(loss_soft_max=10, loss_hard_max=30)
    assert at(risk, 49_900) == NO_REACTION, "ten of the quote currency, not more"
    assert at(risk, 49_899, spread=1_000) == CANCEL_ALL, "the bid counts, not the mid"
    assert risk["trading"][0] == TradingState.REDUCING
    assert at(risk, 49_800) == NO_REACTION, "it is latched already"
    assert at(risk, 49_700) == NO_REACTION
    assert at(risk, 49_699) == CANCEL_ALL
    assert (risk["trading"][0], risk["halted"][0]) == (TradingState.HALTED, HaltCause.LOSS)
    assert at(risk, 50_000) == NO_REACTION
    assert risk["trading"][0] == TradingState.HALTED, "a gain takes no latch off"

    rearm(risk[0], int(HaltCause.LOSS))
    assert risk["trading"][0] == TradingState.ACTIVE
    assert at(risk, 49_900) == NO_REACTION
    assert at(risk, 49_899) == CANCEL_ALL, "counted from when it was re-armed"


def test_a_drawdown_from_the_days_best_does_the_same():
    risk = losing(drawdown_soft_max=10, drawdown_hard_max=20)
    at(risk, 50_500)
    assert at(risk, 50_400) == NO_REACTION
    assert at(risk, 50_399) == CANCEL_ALL
    assert risk["trading"][0] == TradingState.REDUCING
    assert at(risk, 50_299) == CANCEL_ALL
    assert risk["trading"][0] == TradingState.HALTED


def test_a_new_day_begins_a_new_count_and_takes_no_latch_off():
    risk = losing(loss_soft_max=10, loss_hard_max=1_000)
    assert at(risk, 49_901) == NO_REACTION
    assert at(risk, 49_901, now_ns=DAY_NS) == NO_REACTION
    assert at(risk, 49_801, now_ns=DAY_NS + S) == NO_REACTION
    assert at(risk, 49_800, now_ns=DAY_NS + 2 * S) == CANCEL_ALL
    assert at(risk, 49_800, now_ns=2 * DAY_NS + S) == NO_REACTION
    assert risk["trading"][0] == TradingState.REDUCING


def test_a_losing_fill_is_judged_where_it_arrives():
    risk = ready_risk(limits(loss_soft_max=10, loss_hard_max=30))
    assert bought(risk, 1, 1_000, price=50_200) == CANCEL_ALL
    assert risk["trading"][0] == TradingState.REDUCING
