"""Fills and words of orders that nobody knows yet: booked at once, attributed by proof, seldom guessed."""

import pytest

from tests.procs.router_desk import RouterDesk, new_order, ready_desk
from trader.enums import OrderState, RefusalReason, ReportKind, WireKind
from trader.messages import NewOrder
from trader.orders import pack_client_order_id
from trader.router.state import USER_STREAM, Alarm

EPOCH = 5


@pytest.fixture
def desk() -> RouterDesk:
    return ready_desk()


def nobodys_fill(desk: RouterDesk, *, lots: int = 2, price: float = 50_000.0, trade: int = 1, order_id: int = 9_001):
    """A fill of an order whose client order id the venue does not name, sold or bought at 50,000."""
    order = {"s": "BTCUSDT", "c": "web_1", "S": "BUY", "x": "TRADE", "X": "FILLED", "i": order_id, "t": trade,
             "l": f"{lots / 1000:.3f}", "L": f"{price:.1f}", "z": f"{lots / 1000:.3f}", "n": "0"}  # fmt: skip
    desk.wire(USER_STREAM, WireKind.FRAME, {"e": "ORDER_TRADE_UPDATE", "T": 200, "o": order})


def kinds(desk: RouterDesk) -> list[tuple[ReportKind, OrderState, int]]:
    return [(ReportKind(one.kind), OrderState(one.state), one.last_lots) for one in desk.reports()]


def alarms(desk: RouterDesk) -> list[Alarm]:
    return [Alarm(int(row["alarm"])) for row in desk.router["alarms"][: int(desk.router["alarm_count"])]]


def acknowledge(desk: RouterDesk, order: NewOrder, venue_id: int) -> None:
    desk.reply("p", order, orderId=venue_id)


def test_a_fill_that_one_order_alone_can_have_made_is_booked_guessed_and_proved_by_the_ack(desk):
    order = desk.place(1, size=5)
    nobodys_fill(desk, lots=2)

    assert [(ReportKind.FILL, OrderState.FILLED, 2)] == kinds(desk)
    assert (2, 1, 1) == (desk.router["position_lots"][0], desk.count("parked_fills"), desk.count("guesses"))
    assert "status" in desk.sent()
    desk.place(2, price=400_000)
    assert desk.sent() == ["place"], "a fill with one possible order stops nothing"
    acknowledge(desk, order, 9_001)

    assert [(ReportKind.ACK, OrderState.OPEN, 0), (ReportKind.ATTRIBUTED, OrderState.PARTIAL, 2)] == kinds(desk)
    assert (1, 0, 0) == (desk.count("attributed_fills"), desk.count("wrong_guesses"), desk.count("parked_count"))
    assert (2, 2) == (desk.router["position_lots"][0], desk.router["orders"][1]["filled_lots"])


def test_a_guess_that_the_ack_disproves_leaves_the_order_as_it_was(desk):
    order = desk.place(1, size=5)
    nobodys_fill(desk, lots=5)
    assert desk.router["orders"][1]["state"] == OrderState.SENT, "a guess ends no order"
    acknowledge(desk, order, 777)

    assert (1, [Alarm.WRONG_GUESS]) == (desk.count("wrong_guesses"), alarms(desk))
    assert (OrderState.OPEN, 0) == (desk.router["orders"][1]["state"], desk.router["orders"][1]["filled_lots"])
    assert desk.router["position_lots"][0] == 5
    desk.reports()
    desk.place(2)
    assert [RefusalReason.NOT_RECONCILED] == [report.reason for report in desk.reports()]


@pytest.mark.parametrize(
    ("first", "second", "fill", "wait_ms"),
    [
        ({}, {}, {}, 0),
        ({"size": 1}, {"size": 1}, {}, 0),
        ({"price": 499_000}, {"side": -1}, {}, 0),
        ({}, {"side": -1}, {}, 5_100),
    ],
    ids=["two may have it", "both are too small", "a worse price, the other side", "sent too long ago"],
)
def test_an_ambiguous_fill_is_not_guessed_and_stops_new_orders_until_it_is_external(desk, first, second, fill, wait_ms):
    desk.place(1, **first)
    desk.place(2, **second)
    desk.tick(50, wait_ms // 50)
    nobodys_fill(desk, **fill)
    desk.frames(), desk.reports()
    assert (0, 1, 2) == (desk.count("guesses"), desk.count("parked_fills"), desk.router["position_lots"][0])
    desk.place(3)
    assert [RefusalReason.NOT_RECONCILED] == [report.reason for report in desk.reports()]
    desk.tick(50, 101)
    desk.reports(), desk.frames()

    assert desk.count("external_fills") == 1
    desk.place(4)
    assert "place" in desk.sent()


def test_an_ambiguous_fill_belongs_to_whom_the_venue_names_even_late(desk):
    orders = [desk.place(counter, size=2) for counter in (1, 2)]
    nobodys_fill(desk, lots=2, order_id=1_002)
    desk.tick(50, 120)
    assert desk.count("external_fills") == 1
    desk.reports()
    acknowledge(desk, orders[1], 1_002)

    assert [(ReportKind.ACK, OrderState.OPEN, 0), (ReportKind.ATTRIBUTED, OrderState.FILLED, 2)] == kinds(desk)
    assert (2, 1) == (desk.router["position_lots"][0], desk.count("open_orders"))
    assert desk.router["gates"][0]["buy_lots"] == 2


def test_two_fills_of_one_order_are_guessed_together_but_never_beyond_its_size(desk):
    order = desk.place(1, size=5)
    nobodys_fill(desk, lots=2, trade=1)
    nobodys_fill(desk, lots=3, trade=2)
    nobodys_fill(desk, lots=1, trade=3)
    assert (3, 2) == (desk.count("parked_fills"), desk.count("guesses"))
    desk.reports()
    acknowledge(desk, order, 9_001)

    assert (OrderState.FILLED, 6) == (desk.router["orders"][1]["state"], desk.router["orders"][1]["filled_lots"])
    assert (1, 0) == (desk.count("overfills"), desk.router["accepting"])


def test_a_duplicate_of_a_parked_fill_is_dropped(desk):
    desk.place(1)
    nobodys_fill(desk)
    nobodys_fill(desk)

    assert (1, 1, 2) == (desk.count("parked_fills"), desk.count("duplicate_fills"), desk.router["position_lots"][0])


def test_a_late_fill_of_an_order_whose_slot_is_anothers_is_booked_and_told(desk):
    old = desk.place(1)
    desk.error("p", old, -5022)
    young = new_order(pack_client_order_id(EPOCH, 1, 4_097, 1))
    desk.give(young)
    desk.frames(), desk.reports()
    desk.event(old, "TRADE", "FILLED", lots=5, total=5, trade=8)

    assert [(ReportKind.FILL, OrderState.FILLED, 5)] == kinds(desk)
    assert ([Alarm.LATE_FILL], 0) == (alarms(desk), desk.count("parked_fills"))
    assert desk.router["orders"][1]["state"] == OrderState.SENT


def test_a_fill_after_the_end_is_booked_with_an_alarm_and_more_than_the_size_stops_new_orders(desk):
    order = desk.place(1, size=5)
    desk.event(order, "CANCELED", "CANCELED")
    desk.event(order, "TRADE", "PARTIALLY_FILLED", lots=2, total=2, trade=1)
    assert ([Alarm.LATE_FILL], 2) == (alarms(desk), desk.router["position_lots"][0])
    desk.event(order, "TRADE", "FILLED", lots=4, total=6, trade=2)

    assert [Alarm.LATE_FILL, Alarm.OVERFILL] == alarms(desk)
    assert (6, 1) == (desk.router["position_lots"][0], desk.count("overfills"))
    desk.reports()
    desk.place(2)
    assert [RefusalReason.HALTED] == [report.reason for report in desk.reports()]


def test_an_order_that_nobody_placed_is_external_after_five_seconds(desk):
    stranger = new_order(pack_client_order_id(EPOCH, 2, 9, 77))
    gone = new_order(pack_client_order_id(EPOCH, 2, 9, 78))
    for order in (stranger, stranger, gone):
        desk.event(order, "NEW", "NEW")
    desk.event(gone, "CANCELED", "CANCELED")
    desk.tick(50, 101)

    assert (1, 0) == (desk.count("external_orders"), desk.count("parked_count"))


def test_an_acknowledgement_after_the_end_binds_the_venues_id(desk):
    order = desk.place(1)
    desk.error("p", order, -5022)
    desk.reply("p", order)

    assert (OrderState.REJECTED, 1_001) == (
        desk.router["orders"][1]["state"],
        desk.router["orders"][1]["venue_order_id"],
    )


def test_an_order_said_to_be_filled_with_fewer_lots_than_its_size_is_asked_for(desk):
    order = desk.place(1, size=5)
    desk.frames()
    desk.reply("q", order, status="FILLED", executedQty="0.002")
    desk.tick()

    assert desk.router["orders"][1]["state"] == OrderState.OPEN
    assert (1, ["status"]) == (desk.count("contradictions"), desk.sent())


def test_a_reject_of_an_acknowledged_order_moves_nothing_and_is_asked_about(desk):
    order = desk.place(1)
    desk.reply("p", order)
    desk.frames()
    desk.error("p", order, -5022)
    desk.tick()

    assert (OrderState.OPEN, ["status"]) == (desk.router["orders"][1]["state"], desk.sent())


@pytest.mark.parametrize("code", [-1006, -1007, 0])
def test_a_cancel_whose_outcome_nobody_knows_stays_wanted(desk, code):
    order = desk.place(1)
    desk.reply("p", order)
    desk.cancel(order.order_slot, order.client_order_id)
    desk.frames(), desk.reports()
    desk.error("c", order, code, status=503)
    desk.tick(50, 12)

    assert desk.reports() == []
    assert "cancel" in desk.sent()


def test_thirty_seconds_unknown_are_told_once(desk):
    desk.place(1)
    raised = []
    for _ in range(700):
        desk.tick(50)
        raised += alarms(desk)

    assert [Alarm.LONG_UNKNOWN] == [alarm for alarm in raised if alarm != Alarm.BREAKER_OPEN]
    assert desk.count("long_unknown") == 1
