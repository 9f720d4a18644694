"""The router stage's orders: what the last hop denies, what leaves as bytes, and bulk work that takes several steps."""

import json

import pytest

from tests.procs.router_desk import EPOCH, WALL_MS, RouterDesk, new_order, open_order, ready_desk
from trader.enums import Command, OrderState, RefusalReason, ReportKind, WireKind
from trader.orders import pack_client_order_id
from trader.router.config import RouterConfig
from trader.router.state import ORDER_API, WIRES_MAX


def test_orders_are_denied_until_reconciled():
    desk = RouterDesk()
    desk.place(1)
    (report,) = desk.reports()

    assert (ReportKind.DENIED, OrderState.DENIED, RefusalReason.NOT_RECONCILED) == (
        report.kind,
        report.state,
        report.reason,
    )
    assert (desk.frames(), desk.count("denied"), desk.count("open_orders")) == ([], 1, 0)


def test_the_placed_frame_carries_the_order_and_the_venues_time():
    desk = ready_desk()
    desk.now_ms = 77
    order = desk.place(1, side=-1, price=618_002, size=4)
    (frame,) = desk.frames()

    assert frame["id"] == f"p{order.client_order_id}"
    assert frame["params"] == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTX",
        "price": "61800.2",
        "quantity": "0.004",
        "newClientOrderId": f"t{order.client_order_id}",
        "timestamp": WALL_MS + 77,
    }


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"symbol_id": 1}, RefusalReason.NOT_ALLOWED),
        ({"symbol_id": -1}, RefusalReason.NOT_ALLOWED),
        ({"order_slot": 4_096}, RefusalReason.INVALID_ORDER),
        ({"order_slot": 2}, RefusalReason.INVALID_ORDER),
        ({"size_lots": 0}, RefusalReason.INVALID_ORDER),
        ({"price_ticks": -5}, RefusalReason.INVALID_ORDER),
        ({"side": 0}, RefusalReason.INVALID_ORDER),
        ({"time_in_force": 3}, RefusalReason.INVALID_ORDER),
        ({"client_order_id": pack_client_order_id(EPOCH - 1, 1, 9, 9), "order_slot": 9}, RefusalReason.INVALID_ORDER),
    ],
)
def test_the_last_hop_checks_again(wrong, reason):
    desk = ready_desk()
    client_order_id = pack_client_order_id(EPOCH, 1, 1, 1)
    desk.give(new_order(**({"client_order_id": client_order_id} | wrong)))

    assert [reason] == [report.reason for report in desk.reports()]
    assert desk.frames() == []


def test_an_id_is_sent_once_and_a_live_slot_is_not_overwritten():
    desk = ready_desk()
    order = open_order(desk)
    desk.give(order)
    desk.give(new_order(pack_client_order_id(EPOCH, 1, 2, order.order_slot)))

    assert [RefusalReason.DUPLICATE_ID] * 2 == [report.reason for report in desk.reports()]
    assert (desk.frames(), desk.count("open_orders")) == ([], 1)


def test_cancel_all_of_a_set_reaches_more_orders_than_one_step_can_send():
    desk = ready_desk()
    for counter in range(1, 251):
        open_order(desk, counter)
    desk.cancel(-1)
    sent = desk.sent()
    assert 0 < len(sent) < WIRES_MAX
    desk.tick(50, 3)
    sent += desk.sent()

    assert ["cancel"] * 250 == sent


def test_many_orders_in_flight_all_become_unknown():
    desk = ready_desk()
    for counter in range(1, 401):
        desk.place(counter)
    desk.wire(ORDER_API, WireKind.LOST)
    desk.tick(50, 6)

    assert [ReportKind.UNKNOWN] * 400 == [report.kind for report in desk.reports()]
    assert desk.count("unknown") == 400


def test_halt_stops_new_orders():
    desk = ready_desk()
    desk.command(Command.HALT)
    desk.place(1)

    assert [RefusalReason.HALTED] == [report.reason for report in desk.reports()]


def test_order_frames_alone_are_marked_as_orders():
    desk = ready_desk()
    order = open_order(desk)
    desk.cancel(order.order_slot, order.client_order_id)
    desk.place(2)
    marks = {json.loads(wire.payload)["method"]: wire.status for wire in desk._take(WireKind.FRAME)}

    assert marks == {"order.cancel": 0, "order.place": 2}


def test_config_names_what_is_out_of_range():
    assert RouterConfig().problems() == []
    expected = ["router.placement_timeout_ms: found 5, allowed 10 to 10000"]

    assert expected == RouterConfig(placement_timeout_ms=5).problems()
