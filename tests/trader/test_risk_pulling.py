"""Pulled quotes: each trigger in each direction at its bound, what is pulled, and how long it may not come back."""

import numpy as np
import pytest

from tests.trader.risk_records import intent, limits, message, ready_risk, refusal, report
from trader.enums import BookState, OrderState, ReportKind, TimeInForce
from trader.enums import RefusalReason as R
from trader.messages import LEVELS, BookTop, VolatilityEstimate
from trader.risk.facts import apply_report
from trader.risk.latches import NO_REACTION, PULL_QUOTES
from trader.risk.market import apply_top, apply_volatility
from trader.risk.pulling import is_left_behind
from trader.risk.state import PullCause

MS = 1_000_000
BID, ASK = 49_995, 50_005
CONFIG = limits(pull_through_ticks=10, pull_deviations=4, pull_window_ms=200, pull_hold_ms=100, price_collar_bps=1_000)
DEEP = 1_000
"""Lots of others at a level."""


def book(bid: int, ask: int, event_ms: int = 0, bid_lots: int = DEEP, ask_lots: int = DEEP) -> np.ndarray:
    """Both sides with a level each tick; `bid_lots`, `ask_lots` at the touch."""
    record = message(BookTop, state=BookState.LIVE, epoch=1, event_ns=event_ms * MS)
    record["bid_ticks"], record["ask_ticks"] = bid - np.arange(LEVELS), ask + np.arange(LEVELS)
    record["bid_lots"], record["ask_lots"] = DEEP, DEEP
    record["bid_lots"][0, 0], record["ask_lots"][0, 0] = bid_lots, ask_lots
    return record


def show(risk: np.ndarray, *wanted, now_ms: int = 0, **more) -> int:
    return int(apply_top(risk[0], book(*wanted, **more)[0], now_ms * MS))


def rest(risk: np.ndarray, counter: int, side: int, price: int, now_ms: int = 0) -> np.ndarray:
    order = intent(counter, counter, side=side, price=price, size=2)
    assert refusal(risk, order, now_ms * MS)[0] == R.NONE
    return order


def left_behind(risk: np.ndarray) -> list[int]:
    """Slots of the live orders that the newest finding names."""
    orders = risk[0]["orders"]
    live = [slot for slot in range(16) if orders[slot]["state"] == OrderState.RESERVED]
    return [slot for slot in live if is_left_behind(risk[0]["symbols"][0], orders[slot])]


def quoting(**changes: int) -> np.ndarray:
    """Two bids and two asks rest, at the touch and twenty ticks behind it."""
    risk = ready_risk(limits(CONFIG, **changes))
    show(risk, BID, ASK)
    for counter, (side, price) in enumerate(((1, BID), (1, BID - 20), (-1, ASK), (-1, ASK + 20)), 1):
        rest(risk, counter, side, price)
    return risk


@pytest.mark.parametrize(("side", "pulled"), [(1, [1]), (-1, [3])])
def test_the_touch_runs_through_a_quote_by_more_than_the_limit(side: int, pulled: list[int]) -> None:
    risk = quoting()
    assert show(risk, BID - 10 * (side > 0), ASK + 10 * (side < 0)) == NO_REACTION
    assert show(risk, BID - 11 * (side > 0), ASK + 11 * (side < 0)) == PULL_QUOTES

    pull = risk[0]["symbols"][0]["pull"]
    assert (pull["cause"], pull["found"], pull["allowed"]) == (PullCause.THROUGH, 11, 10)
    assert left_behind(risk) == pulled


def test_quotes_deeper_in_the_ladder_go_as_the_touch_reaches_them() -> None:
    risk = quoting()
    assert show(risk, BID - 31, ASK) == PULL_QUOTES

    assert left_behind(risk) == [1, 2]


@pytest.mark.parametrize("side", [1, -1])
def test_a_touch_that_is_our_own_order_is_no_market(side: int) -> None:
    risk = quoting()
    alone = {"bid_lots": 2} if side > 0 else {"ask_lots": 2}
    assert show(risk, BID, ASK, **alone) == NO_REACTION, "others are a tick behind"
    record = book(BID, ASK, **alone)
    name = "bid_ticks" if side > 0 else "ask_ticks"
    record[name][0, 1:] -= side * 10
    assert apply_top(risk[0], record[0], 0) == PULL_QUOTES

    assert left_behind(risk) == [1 if side > 0 else 3]


def test_a_quote_that_betters_the_touch_counts_from_the_touch_that_it_was_approved_at() -> None:
    risk = ready_risk(CONFIG)
    show(risk, BID - 40, ASK)
    rest(risk, 1, 1, BID)

    assert show(risk, BID - 40, ASK) == NO_REACTION
    assert show(risk, BID - 50, ASK) == NO_REACTION
    assert show(risk, BID - 51, ASK) == PULL_QUOTES


def test_what_was_pulled_is_not_pulled_again_and_neither_is_what_has_ended() -> None:
    risk = quoting()
    assert show(risk, BID - 11, ASK) == PULL_QUOTES
    risk[0]["orders"][1]["pulled"] = 1
    assert show(risk, BID - 12, ASK) == NO_REACTION
    second = intent(2, 2, side=1, price=BID - 20, size=2)
    apply_report(risk[0], report(second, ReportKind.CANCELED, OrderState.CANCELED)[0], 0)
    assert show(risk, BID - 40, ASK) == NO_REACTION


def believe(risk: np.ndarray, p95: float) -> None:
    apply_volatility(risk[0], message(VolatilityEstimate, volatility_bps=1.0, volatility_bps_p95=p95)[0])


def ticks_allowed(p95: float) -> int:
    """Four deviations in a fifth of a second, of a mid of 50,000 ticks."""
    return int(4 * p95 * 0.2**0.5 * 1e-4 * 50_000)


@pytest.mark.parametrize("direction", [1, -1])
def test_the_mid_goes_farther_than_the_estimate_foresees(direction: int) -> None:
    risk = quoting(pull_through_ticks=10**6)
    believe(risk, 3.0)
    move = direction * ticks_allowed(3.0)
    assert show(risk, BID, ASK, event_ms=1_000) == NO_REACTION
    assert show(risk, BID + move, ASK + move, event_ms=1_090) == NO_REACTION
    assert show(risk, BID + move + direction, ASK + move + direction, event_ms=1_095) == PULL_QUOTES

    assert risk[0]["symbols"][0]["pull"]["cause"] == PullCause.JUMP
    assert left_behind(risk) == [1, 2, 3, 4], "both sides were made for another volatility"


def test_the_same_move_over_a_longer_time_is_none() -> None:
    risk = quoting(pull_through_ticks=10**6)
    believe(risk, 3.0)
    step = ticks_allowed(3.0) // 2

    for count in range(12):
        assert show(risk, BID - count * step, ASK - count * step, event_ms=1_000 + 120 * count) == NO_REACTION


def test_a_move_within_the_spread_is_none_and_nothing_is_judged_without_an_estimate() -> None:
    risk = quoting(pull_through_ticks=10**6)
    assert show(risk, BID - 900, ASK - 900, event_ms=1_000) == NO_REACTION
    assert show(risk, BID + 900, ASK + 900, event_ms=1_001) == NO_REACTION
    believe(risk, float("nan"))
    assert show(risk, BID - 900, ASK - 900, event_ms=1_002) == NO_REACTION
    believe(risk, 1e-3)
    show(risk, BID - 900, ASK - 900, event_ms=2_000)
    assert show(risk, BID - 890, ASK - 890, event_ms=2_001) == NO_REACTION
    assert show(risk, BID - 889, ASK - 889, event_ms=2_002) == PULL_QUOTES


def test_pulled_quotes_may_not_come_back_for_a_while_but_what_takes_may() -> None:
    risk = quoting()
    show(risk, BID - 11, ASK, now_ms=7)
    bid = {"side": 1, "price": BID - 30, "size": 2}
    assert refusal(risk, intent(10, 10, **bid), 8 * MS) == (R.PULLED, 99 * MS, 0)
    assert refusal(risk, intent(11, 10, **bid, time_in_force=TimeInForce.GOOD_TILL_CANCEL), 8 * MS)[0] == R.PULLED
    assert refusal(risk, intent(12, 10, **bid, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL), 8 * MS)[0] == R.NONE
    assert refusal(risk, intent(13, 11, side=-1, price=ASK + 30, size=2), 8 * MS)[0] == R.NONE, "the other side"
    assert refusal(risk, intent(14, 12, **(bid | {"price": BID - 31})), 107 * MS - 1)[0] == R.PULLED
    assert refusal(risk, intent(15, 12, **(bid | {"price": BID - 31})), 107 * MS)[0] == R.NONE


def test_a_jump_holds_both_sides_and_starts_its_count_anew() -> None:
    risk = ready_risk(CONFIG)
    believe(risk, 3.0)
    show(risk, BID, ASK, event_ms=1_000)
    assert show(risk, BID - 100, ASK - 100, event_ms=1_010, now_ms=5) == PULL_QUOTES
    assert show(risk, BID - 100, ASK - 100, event_ms=1_011, now_ms=6) == NO_REACTION

    assert refusal(risk, intent(1, 1, side=1, price=BID - 110), 50 * MS)[0] == R.PULLED
    assert refusal(risk, intent(2, 2, side=-1, price=ASK - 90), 50 * MS)[0] == R.PULLED
