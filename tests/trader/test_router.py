"""Router facts: any order of words about an order ends alike, and silence never ends one."""

import itertools

import pytest

from tests.procs.router_desk import RouterDesk, new_order
from trader.enums import OrderState, ReportKind, WireKind
from trader.messages import NewOrder
from trader.router.state import ORDER_API, USER_STREAM

DESK = RouterDesk()
"""One desk for all: what happened to other orders must not matter."""
COUNTERS = itertools.count(1)


@pytest.fixture(scope="module")
def desk() -> RouterDesk:
    DESK.come_up()
    DESK.accounts()
    return DESK


def placed(desk: RouterDesk, **fields) -> NewOrder:
    order = desk.place(next(COUNTERS), **fields)
    assert desk.sent() == ["place"]
    return order


def state_of(desk: RouterDesk, order: NewOrder) -> OrderState:
    row = desk.router["orders"][order.order_slot]
    assert row["client_order_id"] == order.client_order_id
    return OrderState(int(row["state"]))


def tell(desk: RouterDesk, order: NewOrder, fact: str) -> None:
    trade = order.order_slot * 10
    if fact == "reply":
        desk.reply("p", order)
    elif fact == "ack":
        desk.event(order, "NEW", "NEW")
    elif fact == "fill 2":
        desk.event(order, "TRADE", "PARTIALLY_FILLED", lots=2, total=2, trade=trade + 1)
    elif fact == "fill 1":
        desk.event(order, "TRADE", "PARTIALLY_FILLED", lots=1, total=3, trade=trade + 2)
    elif fact == "last fill":
        desk.event(order, "TRADE", "FILLED", lots=3, total=5, trade=trade + 3)
    elif fact == "canceled":
        desk.event(order, "CANCELED", "CANCELED", total=3)
    elif fact == "cancel reply":
        desk.reply("c", order, status="CANCELED", executedQty="0.003")
    elif fact == "unknown":
        desk.tick(60, 3)
    else:
        desk.error("c", order, -2011)


@pytest.mark.parametrize(
    ("facts", "state", "lots"),
    [
        (("reply", "ack", "fill 2", "fill 1", "canceled"), OrderState.CANCELED, 3),
        (("ack", "fill 2", "fill 1", "canceled", "fill 2"), OrderState.CANCELED, 3),
        (("ack", "fill 2", "fill 1", "cancel reply", "canceled"), OrderState.CANCELED, 3),
        (("reply", "fill 2", "last fill", "cancel refused", "last fill"), OrderState.FILLED, 5),
        (("unknown", "ack", "fill 2", "last fill"), OrderState.FILLED, 5),
    ],
)
def test_every_order_of_the_facts_ends_with_the_same_position_and_state(desk, facts, state, lots):
    for permutation in itertools.permutations(facts):
        before = desk.count("filled")
        position = int(desk.router["position_lots"][0])
        order = placed(desk)
        for fact in permutation:
            tell(desk, order, fact)
        fills = [report for report in desk.reports() if report.kind == ReportKind.FILL]

        assert (state, lots) == (state_of(desk, order), desk.router["position_lots"][0] - position)
        assert (2, lots) == (desk.count("filled") - before, sum(report.last_lots for report in fills))
        assert desk.count("open_orders") == 0
        desk.frames()


def test_reports_of_an_order_tell_its_life_once(desk):
    order = placed(desk, side=-1, size=3)
    for fact in ("reply", "ack", "fill 2", "ack", "reply"):
        tell(desk, order, fact)
    desk.event(order, "CANCELED", "CANCELED", total=2)
    kinds = [(report.kind, report.state, report.cumulative_lots) for report in desk.reports()]
    expected = [
        (ReportKind.ACK, OrderState.OPEN, 0),
        (ReportKind.FILL, OrderState.PARTIAL, 2),
        (ReportKind.CANCELED, OrderState.CANCELED, 2),
    ]

    assert expected == kinds


def test_the_end_is_told_after_the_fills_that_the_venue_has_counted(desk):
    order = placed(desk)
    tell(desk, order, "canceled")
    assert [ReportKind.ACK] == [report.kind for report in desk.reports()]
    tell(desk, order, "fill 1")
    tell(desk, order, "fill 2")
    told = [(report.kind, report.state) for report in desk.reports()]
    expected = [
        (ReportKind.FILL, OrderState.PARTIAL),
        (ReportKind.FILL, OrderState.PARTIAL),
        (ReportKind.CANCELED, OrderState.CANCELED),
    ]

    assert expected == told


def test_a_fill_report_carries_every_number_of_the_execution(desk):
    order = placed(desk, side=-1, price=618_002, size=4)
    desk.event(order, "TRADE", "PARTIALLY_FILLED", lots=3, total=3, trade=77_777)
    (report,) = desk.reports()

    assert (order.client_order_id, order.order_slot, 1_000 + order.order_slot) == (
        report.client_order_id,
        report.order_slot,
        report.venue_order_id,
    )
    assert (-1, 618_002, 4, 618_002, 3, 3) == (
        report.side,
        report.price_ticks,
        report.size_lots,
        report.last_ticks,
        report.last_lots,
        report.cumulative_lots,
    )
    assert (77_777, 12_345, 1, 8_000_000) == (report.trade_id, report.fee_e8, report.is_maker, report.event_ns)
    desk.event(order, "CANCELED", "CANCELED", total=3)
    desk.reports()


def test_a_rejected_order_ends_with_the_venues_code(desk):
    order = placed(desk)
    desk.error("p", order, -5022)
    (report,) = desk.reports()

    assert (ReportKind.REJECTED, OrderState.REJECTED, -5022) == (report.kind, report.state, report.reason)
    assert desk.count("open_orders") == 0


def test_a_server_error_leaves_the_outcome_unknown_and_asks(desk):
    order = placed(desk)
    desk.error("p", order, -1007, status=503)

    assert [ReportKind.UNKNOWN] == [report.kind for report in desk.reports()]
    assert desk.sent() == ["status"]
    desk.reply("q", order, status="CANCELED")
    assert state_of(desk, order) == OrderState.CANCELED
    desk.reports()


def test_silence_makes_an_order_unknown_and_asks_at_the_set_times(desk):
    order = placed(desk)
    start_ms = desk.now_ms
    asked = []
    while desk.now_ms - start_ms < 12_000:
        desk.tick(10)
        asked += [desk.now_ms - start_ms for method in desk.sent() if method == "status"]
    (report,) = desk.reports()

    assert (ReportKind.UNKNOWN, OrderState.UNKNOWN) == (report.kind, report.state)
    assert [200, 500, 1_000, 2_000, 5_000, 10_000] == asked
    assert state_of(desk, order) == OrderState.UNKNOWN
    desk.reply("q", order, status="FILLED", executedQty="0.005")
    assert state_of(desk, order) == OrderState.OPEN
    desk.event(order, "TRADE", "FILLED", lots=5, total=5, trade=order.order_slot * 10)
    assert state_of(desk, order) == OrderState.FILLED
    desk.reports()


def test_not_found_ends_an_order_only_after_three_answers_and_five_quiet_seconds(desk):
    order = placed(desk)
    start_ms = desk.now_ms
    ended_ms = 0
    while desk.now_ms - start_ms < 6_000:
        desk.tick(50)
        for method in desk.sent():
            assert method == "status"
            desk.error("q", order, -2013)
            desk.tick(0)  # the trade list is read
        if not ended_ms and state_of(desk, order) == OrderState.REJECTED:
            ended_ms = desk.now_ms - start_ms

    assert ended_ms == 5_200  # the trades of the five seconds are known by the next answer
    assert [ReportKind.UNKNOWN, ReportKind.REJECTED] == [report.kind for report in desk.reports()]


def test_a_cancel_refused_before_the_ack_is_sent_again_after_it(desk):
    order = placed(desk)
    desk.cancel(order.order_slot, order.client_order_id)
    assert desk.sent() == ["cancel"]
    desk.error("c", order, -2011)
    desk.tick(0)
    assert (desk.sent(), desk.reports()) == (["status"], [])
    assert desk.router["trades_wanted"] == 0
    desk.reply("p", order)

    assert desk.sent() == ["cancel"]
    desk.reply("c", order, status="CANCELED")
    assert [ReportKind.ACK, ReportKind.CANCELED] == [report.kind for report in desk.reports()]


def test_a_cancel_refused_after_the_ack_sets_no_state_and_asks(desk):
    order = placed(desk)
    tell(desk, order, "ack")
    desk.cancel(order.order_slot, order.client_order_id)
    desk.error("c", order, -2011)

    assert state_of(desk, order) == OrderState.OPEN
    assert desk.sent() == ["cancel", "status"]
    assert [ReportKind.ACK, ReportKind.CANCEL_REJECTED] == [report.kind for report in desk.reports()]
    desk.event(order, "TRADE", "FILLED", lots=5, total=5, trade=order.order_slot * 10)
    assert state_of(desk, order) == OrderState.FILLED
    desk.reports()


def test_an_unanswered_cancel_is_repeated(desk):
    order = placed(desk)
    tell(desk, order, "ack")
    desk.cancel(order.order_slot, order.client_order_id)
    desk.cancel(order.order_slot, order.client_order_id)
    assert desk.sent() == ["cancel"]
    desk.tick(50, 9)
    assert desk.sent() == []
    desk.tick(50)

    assert desk.sent() == ["cancel"]
    desk.event(order, "CANCELED", "CANCELED")
    desk.reports()


def test_a_cancel_that_overtakes_its_order_denies_it(desk):
    counter = next(COUNTERS)
    probe = desk.place(counter)
    desk.error("p", probe, -5022)
    following = next(COUNTERS)
    desk.cancel(following, probe.client_order_id + 4_097)
    desk.frames(), desk.reports()
    late = desk.place(following)

    assert late.client_order_id == probe.client_order_id + 4_097
    assert (desk.sent(), [ReportKind.DENIED]) == ([], [report.kind for report in desk.reports()])


def test_a_stale_cancel_hits_nothing(desk):
    order = placed(desk)
    desk.cancel(order.order_slot, order.client_order_id - (1 << 24))
    desk.cancel(-7, 1)
    desk.cancel(4_096, 1)
    assert desk.sent() == []
    desk.event(order, "CANCELED", "CANCELED")
    desk.reports()


def test_fills_of_an_order_that_is_not_in_the_table_move_the_position(desk):
    order = placed(desk)
    stranger = new_order(12_345)
    position = int(desk.router["position_lots"][0])
    fill = {"e": "ORDER_TRADE_UPDATE", "T": 200, "o": {"s": "BTCUSDT", "c": "web_1", "S": "SELL", "x": "TRADE",
            "X": "FILLED", "i": 5, "l": "0.004", "L": "50000.0", "z": "0.004", "t": 900_001, "m": False}}  # fmt: skip
    desk.wire(USER_STREAM, WireKind.FRAME, fill)
    desk.wire(USER_STREAM, WireKind.FRAME, fill)
    desk.wire(USER_STREAM, WireKind.FRAME, fill | {"T": 90, "o": fill["o"] | {"t": 900_002}})
    (report,) = desk.reports()

    assert position - 4 == desk.router["position_lots"][0]
    assert (0, -1, -1, 4) == (report.client_order_id, report.order_slot, report.side, report.last_lots)
    desk.event(stranger, "NEW", "NEW")
    desk.event(order, "CANCELED", "CANCELED")
    desk.reports(), desk.frames()
    desk.tick(5_000)


def test_frames_that_make_no_sense_are_counted_and_the_orders_asked_for(desk):
    order = placed(desk)
    tell(desk, order, "ack")
    bad = desk.count("bad_frames")
    desk.wire(ORDER_API, WireKind.FRAME, b'{"id":"p1","status":')
    desk.wire(USER_STREAM, WireKind.FRAME, b'{"e":"ORDER_TRADE_UPDATE","o":{"s":"BTC')
    desk.event(order, "TRADE", "FILLED", lots=0, total=5, trade=1)

    assert bad + 3 == desk.count("bad_frames")
    assert desk.sent() == ["status", "status"]
    desk.event(order, "CANCELED", "CANCELED")
    desk.reports()
