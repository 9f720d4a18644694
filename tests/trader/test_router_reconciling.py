"""Trades, orders and positions held against the venue's while trading; the dead-man timer; who may ask how often."""

import pytest

from tests.procs.router_desk import FAST, RouterDesk, open_order, ready_desk
from trader.enums import OrderState, RefusalReason, ReportKind, WireKind
from trader.pacing import PacingConfig
from trader.router.state import ORDER_API, Alarm

POSITION = "GET /fapi/v3/positionRisk?symbol=BTCUSDT"
OPEN = "GET /fapi/v1/openOrders?symbol=BTCUSDT"
TRADES = "GET /fapi/v1/userTrades?symbol=BTCUSDT&limit=100"
PLACED_AT_ONCE = 38
"""Of a burst of fifty ten are for cancels, and a cancel-all with its check has taken two."""
COUNTDOWN = "POST /fapi/v1/countdownCancelAll?symbol=BTCUSDT&countdownTime=10000"


def trade(number: int, order_id: int, *, lots: int = 1, side: str = "BUY", time: int = 200) -> dict:
    return {"id": number, "orderId": order_id, "side": side, "price": "50000.0", "qty": f"{lots / 1000:.3f}",
            "commission": "0.1", "maker": True, "time": time}  # fmt: skip


def listed(order, *, filled: int = 0) -> dict:
    return {"orderId": 1_000 + order.order_slot, "clientOrderId": f"t{order.client_order_id}", "status": "NEW",
            "executedQty": f"{filled / 1000:.3f}", "updateTime": 9}  # fmt: skip


def alarms(desk: RouterDesk) -> list[Alarm]:
    return [Alarm(int(row["alarm"])) for row in desk.router["alarms"][: int(desk.router["alarm_count"])]]


def asked(desk: RouterDesk, *, ms: int, answers: dict[str, object]) -> list[str]:
    """Let time pass; every request is answered by its path."""
    found: list[str] = []
    for _ in range(ms // 50):
        desk.tick(50)
        while requests := desk.requests():
            found += requests
            desk.respond(next((answer for path, answer in answers.items() if path in requests[0]), {}))
    return found


def test_trades_are_read_on_from_the_last_one_and_what_nobody_told_is_told_once():
    desk = ready_desk(answers_trades=False)
    order = open_order(desk)
    venue_id = 1_000 + order.order_slot
    assert desk.router["trades_wanted"] == 1
    desk.respond([trade(7, 55, time=90), trade(8, venue_id, lots=2)])
    told = [(one.kind, one.client_order_id, one.last_lots) for one in desk.reports()]
    assert told == [(ReportKind.FILL, order.client_order_id, 2)], "what the adopted position has is no news"
    assert (2, 0) == (desk.router["position_lots"][0], desk.router["trades_wanted"])
    desk.wire(ORDER_API, WireKind.LOST)
    desk.wire(ORDER_API, WireKind.AUTHENTICATED)
    desk.tick()

    assert desk.requests() == [f"{TRADES}&fromId=8"]
    desk.respond([trade(8, venue_id, lots=2), trade(9, venue_id, lots=3)])
    assert [(ReportKind.FILL, 3)] == [(one.kind, one.last_lots) for one in desk.reports()]
    assert (5, OrderState.FILLED) == (desk.router["position_lots"][0], desk.router["orders"][1]["state"])
    assert desk.count("duplicate_fills") == 0


def test_a_list_of_more_than_a_page_is_read_to_its_end():
    desk = ready_desk(answers_trades=False)
    desk.respond([trade(number, 55) for number in range(1, 101)])
    assert desk.requests() == [f"{TRADES}&fromId=100"]
    desk.respond([trade(100, 55), trade(101, 55)])

    assert (101, 0) == (desk.router["position_lots"][0], desk.router["trades_wanted"])
    assert (101, 1) == (desk.count("foreign_fills"), desk.count("trades_read"))


def test_a_successor_tells_every_fill_since_the_one_that_its_predecessor_surely_told():
    desk = RouterDesk(answers_trades=False, cancel_only=True, trades_from=(5,))
    desk.tick(1)
    desk.respond({"code": 200})
    desk.respond([])
    assert desk.requests()[-1] == f"{TRADES}&fromId=5"
    desk.respond([trade(5, 70, lots=2, time=50), trade(6, 71, lots=3, side="SELL", time=60)])
    assert desk.requests() == [POSITION]
    desk.respond([{"symbol": "BTCUSDT", "positionAmt": "-0.001", "updateTime": 100}])

    assert [(5, 2, 1), (6, 3, -1)] == [(one.trade_id, one.last_lots, one.side) for one in desk.reports()]
    assert [-1] == [account.position_lots for account in desk.accounts()]


def test_an_order_that_is_not_listed_twice_is_asked_for_and_the_symbol_is_suspect_until_lists_agree():
    desk = ready_desk(orders_check_ms=1_000)
    order = open_order(desk)
    asked(desk, ms=1_000, answers={"openOrders": []})
    assert ("status" in desk.sent(), desk.count("order_mismatches")) == (True, 0)
    desk.reply("q", order)
    asked(desk, ms=1_050, answers={"openOrders": []})
    assert ([2], 1) == ([account.reconciled for account in desk.accounts()], desk.count("order_mismatches"))
    desk.reply("q", order)
    asked(desk, ms=1_050, answers={"openOrders": [listed(order)]})

    assert [1] == [account.reconciled for account in desk.accounts()]
    assert desk.router["orders"][1]["state"] == OrderState.OPEN


def test_an_order_that_rests_at_the_venue_alone_is_cancelled_when_it_is_listed_again():
    desk = ready_desk(orders_check_ms=1_000)
    order = open_order(desk)
    desk.event(order, "CANCELED", "CANCELED")
    answers = {"openOrders": [listed(order)]}
    asked(desk, ms=1_000, answers=answers)
    assert (desk.sent(), desk.count("order_mismatches")) == ([], 0), "the list may have been older than the cancel"
    asked(desk, ms=1_050, answers=answers)

    assert (["cancel"], 1) == (desk.sent(), desk.count("order_mismatches"))
    assert desk.router["suspect"][0] == 1


def test_a_listed_order_tells_of_fills_that_are_missing():
    desk = ready_desk(orders_check_ms=1_000)
    order = open_order(desk)
    asked(desk, ms=1_000, answers={"openOrders": [listed(order, filled=2)]})
    assert desk.router["orders"][1]["owed_ns"] > 0
    found = asked(desk, ms=700, answers={"orderId": [trade(3, 1_000 + order.order_slot, lots=2)]})

    assert any("userTrades" in request for request in found)
    assert desk.router["position_lots"][0] == 2


@pytest.mark.parametrize("late", [True, False])
def test_a_position_that_differs_because_a_fill_is_late_is_no_alarm(late):
    desk = ready_desk(position_check_ms=1_000)
    order = open_order(desk)
    asked(desk, ms=1_000, answers={"positionRisk": [{"symbol": "BTCUSDT", "positionAmt": "0.002"}]})
    assert desk.count("position_mismatches") == 1
    if late:
        desk.event(order, "TRADE", "PARTIALLY_FILLED", lots=2, total=2, trade=4)
    asked(desk, ms=500, answers={"positionRisk": [{"symbol": "BTCUSDT", "positionAmt": "0.002"}]})

    assert desk.count("alarms_raised") == (0 if late else 1)
    assert desk.router["position_lots"][0] == 2


def test_the_dead_man_timer_is_refreshed_in_time_and_given_up_where_the_venue_has_none():
    desk = ready_desk(dead_man_ms=10_000, dead_man_refresh_ms=2_000)
    assert [COUNTDOWN] * 3 == asked(desk, ms=6_000, answers={})
    desk.tick(2_000)
    assert desk.requests() == [COUNTDOWN]
    desk.respond({"code": -5000}, status=404)
    assert asked(desk, ms=6_000, answers={}) == []
    assert desk.count("rest_failures") == 0


def test_five_missing_answers_open_the_breaker_and_three_probes_close_it():
    desk = ready_desk()
    silent = [desk.place(counter) for counter in range(1, 6)]
    desk.tick(50, 20)
    assert [Alarm.BREAKER_OPEN] == alarms(desk)
    desk.cancel(silent[0].order_slot, silent[0].client_order_id)
    assert "cancel" in desk.sent(), "cancels pass"
    desk.reports()
    desk.place(6)
    assert [RefusalReason.BREAKER_OPEN] == [report.reason for report in desk.reports()]
    desk.tick(60_000)
    desk.frames(), desk.reports()
    probes = [desk.place(counter) for counter in range(10, 20)]
    assert desk.sent() == ["place"] * 3
    for probe in probes[:3]:
        desk.reply("p", probe)
    desk.place(30)

    assert "place" in desk.sent()
    assert desk.router["breaker"]["closings"] == 1


def test_slow_answers_and_refusals_leave_the_breaker_closed():
    desk = ready_desk()
    for counter in range(1, 21):
        order = desk.place(counter)
        desk.tick(50, 6)
        desk.reply("p", order) if counter % 2 else desk.error("p", order, -5022)

    assert desk.router["breaker"]["openings"] == 0
    assert desk.count("unknown") == 20


def test_orders_beyond_their_rate_wait_a_little_and_are_denied_and_cancels_have_their_reserve():
    desk = ready_desk(pacing=PacingConfig(account_per_s=100, account_burst=50))
    orders = [desk.place(counter) for counter in range(1, 42)]
    assert len(desk.sent()) == PLACED_AT_ONCE
    desk.tick(50)
    told = [report.reason for report in desk.reports()]

    assert (3, 3) == (told.count(RefusalReason.MESSAGE_RATE) + len(desk.sent()), desk.count("held_orders"))
    for order in orders[:5]:
        desk.cancel(order.order_slot, order.client_order_id)
    assert desk.sent() == ["cancel"] * 5


def test_an_order_that_waits_for_a_token_is_sent_when_there_is_one_and_can_be_cancelled_before():
    desk = ready_desk(pacing=PacingConfig(account_per_s=100, account_burst=50, retry_ms=200))
    orders = [desk.place(counter) for counter in range(1, 44)]
    desk.frames(), desk.reports()
    desk.cancel(orders[-1].order_slot, orders[-1].client_order_id)
    assert [RefusalReason.LATE] == [report.reason for report in desk.reports()]
    desk.tick(60)

    assert desk.sent() == ["place"] * 2
    assert desk.count("retried_orders") == 2


@pytest.mark.parametrize(("status", "silent_ms"), [(429, 5_000), (418, 5_000)])
def test_nothing_leaves_before_the_time_that_the_venue_names(status, silent_ms):
    desk = ready_desk(orders_check_ms=100, dead_man_ms=10_000, dead_man_refresh_ms=200)
    order = open_order(desk)
    asked(desk, ms=300, answers={"openOrders": [listed(order)]})
    desk.tick(500)
    assert desk.requests()
    desk.wire(0, WireKind.RESPONSE, {"code": -1003}, status=status + 1_000 * (silent_ms // 1_000))
    desk.cancel(order.order_slot, order.client_order_id)
    desk.place(2)
    for _ in range(silent_ms // 50 - 1):
        desk.tick(50)
        assert (desk.frames(), desk.requests()) == ([], [])
    desk.tick(100)

    assert desk.requests() and "cancel" in desk.sent()
    assert desk.count("venue_limits") == 1


def test_too_many_orders_stop_new_orders_alone():
    desk = ready_desk()
    order = open_order(desk)
    late = desk.place(2)
    desk.frames()
    until = {"code": -1015, "msg": "no", "data": {"retryAfter": 1_700_000_000_000 + desk.now_ms + 3_000}}
    desk.wire(ORDER_API, WireKind.FRAME, {"id": f"p{late.client_order_id}", "status": 429, "error": until})
    desk.cancel(order.order_slot, order.client_order_id)
    assert desk.sent() == ["cancel"]
    desk.event(order, "CANCELED", "CANCELED")
    desk.place(3)
    desk.tick(2_900)
    assert desk.sent() == []
    desk.tick(200)
    desk.place(4)

    assert desk.sent() == ["place"]


def test_a_batch_leaves_together_after_its_window_or_when_it_is_full():
    desk = ready_desk(batch_window_ms=10, batch_size_max=3)
    for counter in (1, 2):
        desk.place(counter)
    assert desk.sent() == []
    desk.place(3)
    assert desk.sent() == ["place"] * 3
    held = desk.place(4)
    desk.cancel(held.order_slot, held.client_order_id)
    desk.place(5)
    desk.tick(10)

    assert desk.sent() == ["place"]
    assert desk.router["intents"] == desk.router["orders_on_wire"] + desk.count("denied")


def test_the_last_hop_holds_orders_to_the_limits_once_more():
    desk = ready_desk(pacing=FAST)
    gate = desk.router["gates"][0]
    gate["order_lots_max"], gate["position_lots_max"] = 10, 20
    for counter, size in ((1, 11), (2, 10), (3, 10), (4, 1)):
        desk.place(counter, size=size)
    gate["order_units_max"] = 10
    desk.place(5, size=1, side=-1)
    reasons = [report.reason for report in desk.reports()]

    assert [RefusalReason.QUANTITY, RefusalReason.POSITION, RefusalReason.NOTIONAL] == reasons
    assert desk.sent() == ["place"] * 2


def test_more_orders_on_the_wire_than_intents_stop_everything():
    desk = ready_desk()
    desk.router["orders_on_wire"] += 1
    desk.place(1)
    assert alarms(desk) == [Alarm.WIRE_COUNT]
    desk.frames(), desk.reports()
    desk.place(2)

    assert [RefusalReason.HALTED] == [report.reason for report in desk.reports()]
