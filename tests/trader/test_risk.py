"""Risk: each refusal names its bound, exposure is given back exactly, and a halt latches."""

from fractions import Fraction

import pytest

from tests.trader.risk_records import (
    AGE_NS_MAX,
    EPOCH,
    MARK_AGE_NS_MAX,
    TICK_VALUE_E8,
    WIDE,
    account,
    fresh_risk,
    intent,
    limits,
    message,
    ready_risk,
    refusal,
    report,
    top,
    trades,
)
from trader.enums import BookState, InstrumentStatus, OrderState, ReportKind
from trader.enums import RefusalReason as R
from trader.messages import VolatilityEstimate
from trader.orders import pack_client_order_id
from trader.risk.checks import decide
from trader.risk.exposure import release
from trader.risk.facts import apply_account, apply_instrument, apply_report
from trader.risk.latches import CANCEL_ALL, CANCEL_ORDER, NO_REACTION, halt
from trader.risk.limits import RiskConfig
from trader.risk.market import apply_top, apply_volatility
from trader.risk.state import PARITY, HaltCause

NO_BLOCK = (
    "symbols_allowed", "duplicate_ms", "margin_buffer_bps", "orders_burst_max", "pull_through_ticks", "pull_deviations",
    "pull_window_ms", "pull_hold_ms",
)  # fmt: skip
"""Without these an order is allowed nothing less; a configuration without them is refused before it gets so far."""


def test_nothing_passes_before_reconciliation_or_without_a_book():
    risk = fresh_risk()
    apply_top(risk[0], top(49_995, 50_005)[0], 0)
    assert refusal(risk, intent(1, 0)) == (R.BUILD_MISMATCH, 0, PARITY)
    risk["parity"] = PARITY
    assert refusal(risk, intent(1, 0)) == (R.NOT_RECONCILED, 0, 1)

    risk = fresh_risk()
    risk["parity"] = PARITY
    apply_account(risk[0], account()[0])
    assert refusal(risk, intent(1, 0), 7) == (R.NOT_TRADING, InstrumentStatus.UNKNOWN, InstrumentStatus.TRADING)
    apply_instrument(risk[0], trades()[0])
    assert refusal(risk, intent(1, 0), 7) == (R.NO_REFERENCE, 7, MARK_AGE_NS_MAX)
    apply_top(risk[0], top(49_995, 50_005)[0], 0)
    assert refusal(risk, intent(2, 0), 7)[0] == R.NONE


def test_a_symbol_that_is_not_listed_is_refused():
    risk = ready_risk(limits(symbols_allowed=("ETHUSDT",)))

    assert refusal(risk, intent(1, 0)) == (R.NOT_ALLOWED, 0, -1)
    assert refusal(risk, intent(1, 0, symbol_id=1)) == (R.NOT_ALLOWED, 1, 0)
    assert refusal(risk, intent(1, 0, symbol_id=-1)) == (R.NOT_ALLOWED, -1, 0)
    assert refusal(ready_risk(), intent(1, 0, venue_id=4)) == (R.NOT_ALLOWED, 4, 0)


@pytest.mark.parametrize("status", [InstrumentStatus.UNKNOWN, InstrumentStatus.STOPPED])
def test_an_instrument_that_the_venue_does_not_trade_is_refused(status):
    risk = ready_risk()
    apply_instrument(risk[0], trades(status=status)[0])
    assert refusal(risk, intent(1, 0)) == (R.NOT_TRADING, status, InstrumentStatus.TRADING)
    apply_instrument(risk[0], trades(symbol_id=7)[0])
    assert refusal(risk, intent(2, 0))[0] == R.NOT_TRADING
    apply_instrument(risk[0], trades()[0])
    assert refusal(risk, intent(3, 0))[0] == R.NONE


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"side": 0}, (R.INVALID_ORDER, 0, 1)),
        ({"side": 2}, (R.INVALID_ORDER, 2, 1)),
        ({"time_in_force": 3}, (R.INVALID_ORDER, 3, 2)),
        ({"order_slot": 4_096}, (R.INVALID_ORDER, 4_096, 4_095)),
        ({"order_slot": -1}, (R.INVALID_ORDER, -1, 4_095)),
        ({"order_slot": 8}, (R.INVALID_ORDER, 7, 8)),
        ({"client_order_id": pack_client_order_id(2, 1, 1, 7)}, (R.INVALID_ORDER, 2, EPOCH)),
        ({"price_ticks": 0}, (R.INVALID_ORDER, 0, 1)),
        ({"price_ticks": 2**62}, (R.INVALID_ORDER, 2**62, 10**9)),
        ({"size_lots": 0}, (R.INVALID_ORDER, 0, 1)),
        ({"size_lots": 1_001}, (R.INVALID_ORDER, 1_001, 1_000)),
        ({"size_lots": 1, "price_ticks": 9_999}, (R.INVALID_ORDER, 9_999, 10_000)),
        ({"size_lots": 21}, (R.QUANTITY, 21, 20)),
        ({"size_lots": 20, "price_ticks": 50_001}, (R.NOTIONAL, 1_000_020, 1_000_000)),
        ({"price_ticks": 49_499}, (R.PRICE_COLLAR, 49_499, 49_500)),
        ({"price_ticks": 50_501, "side": -1}, (R.PRICE_COLLAR, 50_501, 50_500)),
        ({"price_ticks": 50_005}, (R.WOULD_CROSS, 50_005, 50_004)),
        ({"price_ticks": 49_995, "side": -1}, (R.WOULD_CROSS, 49_995, 49_996)),
    ],
)
def test_each_refusal_names_what_was_found_and_what_is_allowed(wrong, expected):
    order = intent(1, 7)
    for name, value in wrong.items():
        order[name] = value

    assert expected == refusal(ready_risk(), order)


def test_an_id_is_used_once_and_a_slot_holds_one_live_order():
    risk = ready_risk()
    assert refusal(risk, intent(5, 0))[0] == R.NONE

    number = pack_client_order_id(EPOCH, 1, 5, 0) >> 12
    assert refusal(risk, intent(5, 0)) == (R.DUPLICATE_ID, number, number + 1)
    assert refusal(risk, intent(4, 1)) == (R.DUPLICATE_ID, number - 1, number + 1)
    assert refusal(risk, intent(6, 0)) == (R.DUPLICATE_ID, 0, -1)
    assert refusal(risk, intent(7, 1, price=49_991))[0] == R.NONE


def test_an_old_book_is_refused_after_exactly_its_limit():
    risk = ready_risk()
    apply_instrument(risk[0], trades(mark2_ticks=100_000)[0])

    assert refusal(risk, intent(1, 0), AGE_NS_MAX)[0] == R.NONE
    assert refusal(risk, intent(2, 1, price=49_991), AGE_NS_MAX + 1) == (R.STALE_DATA, AGE_NS_MAX + 1, AGE_NS_MAX)


@pytest.mark.parametrize("broken", [top(50_000, 50_000), top(50_001, 50_000), top(49_995, 50_005, lots=0)])
def test_a_crossed_or_empty_book_is_refused(broken):
    risk = ready_risk()
    apply_top(risk[0], broken[0], 0)

    assert refusal(risk, intent(1, 0))[0] == R.STALE_DATA


@pytest.mark.parametrize("state", [BookState.INIT, BookState.SYNCING, BookState.STALE])
def test_a_book_that_is_not_live_is_refused(state):
    risk = ready_risk()
    apply_instrument(risk[0], trades(mark2_ticks=100_000)[0])
    apply_top(risk[0], top(49_995, 50_005, state)[0], 0)

    assert refusal(risk, intent(1, 0)) == (R.STALE_DATA, state, BookState.LIVE)


def test_an_own_order_on_the_other_side_is_not_crossed_until_it_has_ended():
    risk = ready_risk()
    resting = intent(1, 0, side=1, price=50_000)
    decide(risk[0], resting[0], 0)
    apply_report(risk[0], report(resting, ReportKind.UNKNOWN, OrderState.UNKNOWN)[0], 0)

    assert refusal(risk, intent(2, 1, side=-1, price=50_000)) == (R.SELF_TRADE, 50_000, 50_001)
    assert refusal(risk, intent(3, 1, side=-1, price=50_001))[0] == R.NONE
    apply_report(risk[0], report(resting, ReportKind.CANCELED, OrderState.CANCELED)[0], 0)
    assert refusal(risk, intent(4, 2, side=-1, price=50_000))[0] == R.NONE


def test_a_buy_does_not_meet_an_own_sale():
    risk = ready_risk()
    assert refusal(risk, intent(1, 0, side=-1, price=50_000))[0] == R.NONE

    assert refusal(risk, intent(2, 1, side=1, price=50_000)) == (R.SELF_TRADE, 50_000, 49_999)
    assert refusal(risk, intent(3, 1, side=1, price=49_999))[0] == R.NONE


@pytest.mark.parametrize("side", [1, -1])
def test_the_worst_case_of_each_side_is_held_to_the_position_limit(side):
    risk = ready_risk(limits(position_lots_max=12))
    price = 50_000 - 10 * side
    first = intent(1, 0, side=side, price=price, size=10)
    assert refusal(risk, first)[0] == R.NONE
    assert refusal(risk, intent(2, 1, side=side, price=price - side, size=3)) == (R.POSITION, 13, 12)
    apply_report(risk[0], report(first, ReportKind.FILL, OrderState.PARTIAL, lots=4, trade_id=1)[0], 0)
    assert refusal(risk, intent(3, 1, side=side, price=price - side, size=3)) == (R.POSITION, 13, 12)
    assert refusal(risk, intent(4, 1, side=side, price=price - side, size=2))[0] == R.NONE
    assert refusal(risk, intent(5, 2, side=-side, price=50_000 + 10 * side, size=16))[0] == R.NONE
    assert refusal(risk, intent(6, 3, side=-side, price=50_000 + 11 * side, size=1)) == (R.POSITION, 13, 12)


def test_halt_latches_and_cancels_what_reaches_the_venue_late():
    risk = ready_risk()
    under_way = intent(1, 0)
    decide(risk[0], under_way[0], 0)

    assert halt(risk[0], int(HaltCause.COMMAND)) == CANCEL_ALL
    assert refusal(risk, intent(2, 1)) == (R.HALTED, HaltCause.COMMAND, 0)
    assert apply_report(risk[0], report(under_way, ReportKind.ACK, OrderState.OPEN)[0], 0) == CANCEL_ORDER
    assert apply_account(risk[0], account()[0]) == NO_REACTION
    assert refusal(risk, intent(3, 1))[0] == R.HALTED


def test_duplicate_and_late_fills_are_booked_once():
    risk = ready_risk()
    order = intent(1, 0, size=5)
    decide(risk[0], order[0], 0)
    fill = report(order, ReportKind.FILL, OrderState.PARTIAL, lots=2, trade_id=9, fee_e8=7)
    for _ in range(3):
        apply_report(risk[0], fill[0], 0)
    apply_report(risk[0], report(order, ReportKind.CANCELED, OrderState.CANCELED)[0], 0)
    apply_report(risk[0], report(order, ReportKind.FILL, OrderState.CANCELED, lots=1, trade_id=10)[0], 0)

    symbol = risk["symbols"][0, 0]
    assert (3, 7) == (symbol["position"]["lots"], symbol["position"]["fees_e8"])
    assert (2, 2, 1) == tuple(risk[name][0] for name in ("fills", "duplicate_fills", "late_fills"))
    assert (0, 0, 0) == (symbol["buys"]["leaves_lots"], symbol["buys"]["count"], risk["open_orders"][0])


def test_an_overfill_is_booked_and_halts():
    risk = ready_risk()
    order = intent(1, 0, size=5)
    decide(risk[0], order[0], 0)

    overfill = report(order, ReportKind.FILL, OrderState.FILLED, lots=6, trade_id=1)
    assert apply_report(risk[0], overfill[0], 0) == CANCEL_ALL
    assert (HaltCause.OVERFILL, 6) == (risk["halted"][0], risk["symbols"][0, 0]["position"]["lots"])
    assert risk["symbols"][0, 0]["buys"]["leaves_lots"] == 0


def test_a_fill_of_an_order_that_risk_does_not_know_moves_the_position_only():
    risk = ready_risk()
    stranger = report(intent(1, 0), ReportKind.FILL, OrderState.FILLED, lots=4, trade_id=1)
    stranger["client_order_id"] = 0

    assert apply_report(risk[0], stranger[0], 0) == NO_REACTION
    assert (4, 1, 0) == (
        risk["symbols"][0, 0]["position"]["lots"],
        risk["late_fills"][0],
        risk["halted"][0],
    )


def test_the_first_reconciliation_sets_the_position_and_a_later_difference_halts():
    risk = ready_risk()
    assert risk["symbols"][0, 0]["position"]["lots"] == 0

    risk = fresh_risk()
    told = account(position_lots=-8)
    assert apply_account(risk[0], told[0]) == NO_REACTION
    assert risk["symbols"][0, 0]["position"]["lots"] == -8
    assert apply_account(risk[0], told[0]) == NO_REACTION
    told["position_lots"] = -7
    assert apply_account(risk[0], told[0]) == CANCEL_ALL
    assert (HaltCause.POSITION_MISMATCH, -7) == (risk["halted"][0], risk["symbols"][0, 0]["position"]["lots"])


def test_pnl_is_marked_at_the_mid():
    risk = ready_risk()
    order = intent(1, 0, size=4, price=49_990)
    decide(risk[0], order[0], 0)
    apply_report(risk[0], report(order, ReportKind.FILL, OrderState.FILLED, lots=4, trade_id=1, fee_e8=50)[0], 0)
    apply_top(risk[0], top(50_009, 50_012)[0], 0)
    expected = int(4 * (Fraction(50_009 + 50_012, 2) - 49_990) * TICK_VALUE_E8) - 50

    assert expected == risk["pnl_e8"][0]


def test_the_newest_estimate_is_kept():
    risk = ready_risk()
    apply_volatility(risk[0], message(VolatilityEstimate, volatility_bps=1.5, state=1)[0])
    apply_volatility(risk[0], message(VolatilityEstimate, symbol_id=9, volatility_bps=2.5)[0])

    assert risk["symbols"][0, 0]["volatility_bps"] == 1.5


def test_releasing_for_want_of_room_gives_all_exposure_back():
    risk = ready_risk()
    decide(risk[0], intent(1, 3)[0], 0)
    release(risk[0], risk[0]["orders"][3], int(OrderState.DENIED))

    symbol = risk["symbols"][0, 0]
    assert (0, 0, -1, 0) == tuple(symbol["buys"][name] for name in ("count", "leaves_lots", "first", "best_ticks"))


def test_config_names_what_is_out_of_range_unset_or_reversed():
    assert WIDE.problems() == []
    assert limits(position_lots_max=-3).problems() == ["risk.position_lots_max: found -3, allowed 1 to 1000000000"]
    assert limits(loss_soft_max=6, loss_hard_max=5).problems() == [
        "risk.loss_soft_max: found 6, allowed at most loss_hard_max (5)"
    ]
    unset = [problem.split(":")[0].removeprefix("risk.") for problem in RiskConfig().problems() if "unset" in problem]
    assert [name for name in RiskConfig.__struct_fields__ if name != "symbols_allowed"] == unset


@pytest.mark.parametrize("name", [name for name in RiskConfig.__struct_fields__ if name not in NO_BLOCK])
def test_a_limit_that_is_not_set_blocks(name):
    risk = ready_risk(limits(**{name: 0}))
    verdicts = {refusal(risk, intent(1, 0), 1)[0]}
    apply_report(risk[0], report(intent(1, 0), ReportKind.FILL, OrderState.FILLED, lots=5, trade_id=1)[0], 2)
    apply_report(risk[0], report(intent(1, 0), ReportKind.REJECTED, OrderState.REJECTED)[0], 3)
    apply_top(risk[0], top(49_000, 49_010)[0], 4)
    verdicts.add(refusal(risk, intent(2, 1, price=49_000, time_in_force=2), 5)[0])
    verdicts.add(refusal(risk, intent(3, 2, price=49_011, time_in_force=2), 5)[0])

    assert verdicts != {R.NONE}
