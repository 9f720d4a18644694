"""The router stage's session: start, lost connections, missed fills, cancel-all, the successor's mode."""

import itertools

import pytest

from tests.procs.router_desk import EPOCH, MS, RouterDesk, open_order, ready_desk
from trader.enums import Command, OrderState, RefusalReason, ReportKind, WireKind
from trader.messages import AccountState
from trader.router.state import ORDER_API, USER_STREAM, Phase

DELETE, OPEN = "DELETE /fapi/v1/allOpenOrders?symbol=BTCUSDT", "GET /fapi/v1/openOrders?symbol=BTCUSDT"
POSITION = "GET /fapi/v3/positionRisk?symbol=BTCUSDT"
FLAT = [{"symbol": "BTCUSDT", "positionAmt": "0.000", "updateTime": 100}]


def test_start_cancels_what_is_old_and_is_ready_only_when_nothing_is_open():
    desk = RouterDesk()
    desk.tick(1)
    assert desk.requests() == ["POST /fapi/v1/listenKey"]
    desk.respond({"listenKey": "abc"})
    assert desk.connects() == [(ORDER_API, "/ws-fapi/v1", 0), (USER_STREAM, "/ws/abc", 0)]
    desk.wire(USER_STREAM, WireKind.CONNECTED)
    desk.wire(ORDER_API, WireKind.CONNECTED)
    assert desk.requests() == []
    desk.wire(ORDER_API, WireKind.AUTHENTICATED)
    assert desk.requests() == [DELETE]
    desk.respond({"code": 200})
    assert desk.requests() == [OPEN]
    desk.respond([{"orderId": 1}])
    desk.tick(50, 3)
    assert desk.requests() == [DELETE]
    desk.respond({"code": 200})
    desk.respond([])
    assert desk.requests() == [OPEN, POSITION]
    assert (desk.accounts(), desk.router["phase"]) == ([], Phase.POSITIONS)
    desk.respond([{"symbol": "BTCUSDT", "positionAmt": "-0.012", "updateTime": 100}])

    assert [AccountState(0, 0, 100 * MS, -12, 0, 1, EPOCH)] == desk.accounts()
    assert desk.router["phase"] == Phase.READY


def test_every_symbol_is_cleared_and_asked_for():
    desk = RouterDesk(("BTCUSDT", "ETHUSDT"))
    desk.tick(1)
    desk.respond({"listenKey": "abc"})
    desk.wire(ORDER_API, WireKind.AUTHENTICATED)
    desk.wire(USER_STREAM, WireKind.CONNECTED)
    desk.requests()
    asked = []
    for answer in ({}, {}, [], [], FLAT, []):
        desk.respond(answer)
        asked += desk.requests()

    assert [request.split("?")[1] for request in asked] == [
        f"symbol={s}USDT" for s in ("ETH", "BTC", "ETH", "BTC", "ETH")
    ]
    assert [(0, 1), (1, 1)] == [(account.symbol_id, account.reconciled) for account in desk.accounts()]


def test_a_lost_order_api_makes_what_was_in_flight_unknown_and_asks_for_every_order():
    desk = ready_desk()
    resting = open_order(desk, 1)
    flying = desk.place(2)
    desk.frames()
    desk.wire(ORDER_API, WireKind.LOST, status=1006)

    assert [(flying.client_order_id, ReportKind.UNKNOWN)] == [(one.client_order_id, one.kind) for one in desk.reports()]
    assert [0] == [account.reconciled for account in desk.accounts()]
    assert desk.connects() == [(ORDER_API, "/ws-fapi/v1", 0)]
    desk.place(3)
    assert [RefusalReason.NOT_RECONCILED] == [report.reason for report in desk.reports()]
    desk.wire(ORDER_API, WireKind.AUTHENTICATED)
    desk.tick()
    asked = {frame["params"]["origClientOrderId"] for frame in desk.frames()}
    assert asked == {f"t{resting.client_order_id}", f"t{flying.client_order_id}"}
    desk.reply("q", resting)
    assert desk.requests() == []
    desk.reply("q", flying, status="EXPIRED")
    assert desk.requests() == [POSITION]
    desk.respond(FLAT)

    assert [(1, 1)] == [(account.reconciled, account.open_orders) for account in desk.accounts()]
    assert [ReportKind.ACK, ReportKind.EXPIRED] == [report.kind for report in desk.reports()]
    desk.place(4)
    assert desk.sent() == ["place"]


def test_reconnecting_waits_longer_each_time():
    desk = ready_desk(reconnect_ms_min=100, reconnect_ms_max=1_000)
    delays = []
    for _ in range(8):
        desk.wire(ORDER_API, WireKind.LOST)
        delays += [delay for _, _, delay in desk.connects()]

    assert delays[0] == 0
    for delay, longest in zip(delays[1:], (100, 200, 400, 800, 1_000, 1_000, 1_000), strict=True):
        assert longest / 2 <= delay <= longest
    assert desk.count("reconnects") == 7


@pytest.mark.parametrize("expired", [True, False])
def test_fills_missed_while_the_user_stream_was_away_are_fetched(expired):
    desk = ready_desk()
    order = open_order(desk)
    if expired:
        desk.wire(USER_STREAM, WireKind.FRAME, {"e": "listenKeyExpired", "E": 1, "listenKey": "key1"})
    else:
        desk.wire(USER_STREAM, WireKind.LOST, status=1001)
    assert desk.requests() == ["POST /fapi/v1/listenKey"]
    desk.respond({"listenKey": "key2"})
    assert desk.connects() == [(USER_STREAM, "/ws/key2", 0)]
    desk.wire(USER_STREAM, WireKind.CONNECTED)
    desk.tick()
    assert desk.sent() == ["status"]
    desk.reply("q", order, status="CANCELED", executedQty="0.003")
    assert [0] == [account.reconciled for account in desk.accounts()]
    while not (asked := [request for request in desk.requests() if "userTrades" in request]):
        desk.respond([{"symbol": "BTCUSDT", "positionAmt": "0.003"}]) if desk.router["job"] else desk.tick()
    venue_order_id = 1_000 + order.order_slot
    assert asked == [f"GET /fapi/v1/userTrades?symbol=BTCUSDT&limit=1000&orderId={venue_order_id}"]
    trade = {"id": 5, "orderId": venue_order_id, "side": "BUY", "price": "50000.0", "qty": "0.002", "commission": "0.1",
             "maker": True, "time": 50}  # fmt: skip
    other = trade | {"id": 6, "orderId": 9}
    desk.respond([trade, other, trade | {"id": 7, "qty": "0.001"}, trade])
    told = [(report.kind, report.last_lots, report.state) for report in desk.reports()]
    assert told == [
        (ReportKind.FILL, 2, OrderState.PARTIAL),
        (ReportKind.FILL, 1, OrderState.PARTIAL),
        (ReportKind.CANCELED, 0, OrderState.CANCELED),
    ]
    while not (accounts := desk.accounts()):
        desk.respond([{"symbol": "BTCUSDT", "positionAmt": "0.003"}]) if desk.router["job"] else desk.tick()

    assert [(1, 3)] == [(account.reconciled, account.position_lots) for account in accounts]


def test_nothing_trades_while_the_position_differs_from_the_venues():
    desk = ready_desk()
    desk.wire(ORDER_API, WireKind.LOST)
    desk.wire(ORDER_API, WireKind.AUTHENTICATED)
    read = desk.count("trades_read")
    for differing in ("0.001", "0.002", "0.003"):
        assert desk.requests() == [POSITION]
        desk.respond([{"symbol": "BTCUSDT", "positionAmt": differing}])
        desk.tick(50, 4)
    desk.place(1)

    assert (3, read + 3) == (desk.count("position_mismatches"), desk.count("trades_read"))
    assert [RefusalReason.NOT_RECONCILED] == [report.reason for report in desk.reports()]
    assert desk.count("alarms_raised") == 0


def test_a_position_that_differs_twice_alike_is_adopted_and_a_person_is_told():
    desk = ready_desk()
    desk.wire(ORDER_API, WireKind.LOST)
    desk.wire(ORDER_API, WireKind.AUTHENTICATED)
    desk.accounts()
    for _ in range(2):
        desk.respond([{"symbol": "BTCUSDT", "positionAmt": "0.001", "updateTime": 200}])
        desk.tick(50, 4)

    assert [(1, 1)] == [(account.reconciled, account.position_lots) for account in desk.accounts()]
    assert desk.count("alarms_raised") == 1


def test_cancel_all_is_acknowledged_when_nothing_is_open_on_either_side():
    desk = ready_desk()
    orders = [open_order(desk, counter) for counter in (1, 2)]
    desk.command(Command.CANCEL_ALL)
    assert (desk.sent(), desk.requests()) == (["cancel", "cancel"], [DELETE])
    desk.place(3)
    assert [RefusalReason.HALTED] == [report.reason for report in desk.reports()]
    desk.respond({"code": 200})
    assert desk.requests() == []
    for order in orders:
        desk.event(order, "CANCELED", "CANCELED")
    assert desk.requests() == [OPEN]
    assert desk.router["acknowledge_cancel_all"] == -1
    desk.respond([])

    assert desk.router["acknowledge_cancel_all"] == 0
    assert [ReportKind.CANCELED] * 2 == [report.kind for report in desk.reports()]
    desk.command(Command.RUN)
    desk.place(4)
    assert desk.sent() == ["place"]


def test_cancel_all_goes_on_while_the_venue_still_lists_orders():
    desk = ready_desk()
    order = open_order(desk)
    desk.command(Command.CANCEL_ALL)
    desk.respond({"code": 200})
    desk.requests(), desk.frames()
    desk.tick(50, 7)
    assert desk.requests() == [OPEN]
    desk.respond([{"orderId": 1}])
    desk.tick(50, 3)
    assert desk.requests() == [DELETE]
    desk.respond("", status=503)
    desk.tick(50, 3)
    assert desk.requests() == [DELETE]
    desk.respond({"code": 200})
    desk.event(order, "CANCELED", "CANCELED")
    desk.respond([])

    assert desk.router["acknowledge_cancel_all"] == 0


def test_the_successor_cancels_everything_without_sockets_and_denies_orders():
    desk = RouterDesk(cancel_only=True)
    desk.tick(1)
    desk.respond({"code": 200})
    desk.respond([])
    desk.respond([{"symbol": "BTCUSDT", "positionAmt": "0.004", "updateTime": 100}])
    desk.command(Command.RUN)
    desk.place(1)

    asked = [request.split("?")[0] for request in desk.requests()]
    assert asked == [request.split("?")[0] for request in (DELETE, OPEN, POSITION)]
    assert desk.connects() == []
    assert [AccountState(0, 0, 100 * MS, 4, 0, 0, EPOCH)] == desk.accounts()
    assert [RefusalReason.HALTED] == [report.reason for report in desk.reports()]
    desk.command(Command.CANCEL_ALL)
    desk.respond({"code": 200})
    desk.respond([])
    assert desk.router["acknowledge_cancel_all"] == 0


def test_the_listen_key_is_renewed_in_time():
    desk = ready_desk(listen_key_minutes=1)
    desk.tick(59_000)
    assert desk.requests() == []
    desk.tick(2_000)
    assert desk.requests() == ["PUT /fapi/v1/listenKey"]
    desk.respond({})
    desk.tick(59_000)
    assert desk.requests() == []


def test_a_failed_request_is_repeated_ever_later():
    desk = RouterDesk()
    times = []
    while len(times) < 6:
        desk.tick(10)
        if desk.requests():
            times.append(desk.now_ms)
            desk.respond("", status=0)
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]

    assert pauses == [100, 200, 400, 800, 1_600]
