"""Faults of single messages of the exchange, each alone and certain: what the client sees; the ledger is right."""

from tests.trader.exchange_desk import ORDERS, REST, USER, Desk
from tests.trader.faulty_desk import BID, buy, cancel, count, executions, faulty, placed, say, told
from trader.enums import WireKind
from trader.exchange.fault_config import FaultsConfig


def test_no_fault_before_its_time_and_none_after_the_healing() -> None:
    desk = Desk(flow_paused=True, faults=FaultsConfig(lose_reply=1.0, after_s=1.0, heal_after_s=2.0))
    before = told(buy(desk, 1), ORDERS)
    desk.pass_time(1_000)
    during = told(buy(desk, 2), ORDERS)
    desk.pass_time(1_000)
    after = told(buy(desk, 3), ORDERS)

    assert [len(before), len(during), len(after), placed(desk)] == [1, 0, 1, 3]


def test_healing_can_be_asked_for() -> None:
    desk = faulty(lose_reply=1.0)
    during = told(buy(desk, 1), ORDERS)
    desk.row["faults"]["heal_asked"] = 1

    assert during == []
    assert len(told(buy(desk, 2), ORDERS)) == 1


def test_lost_reply_and_lost_request_differ_in_the_ledger_only() -> None:
    replies, requests = faulty(lose_reply=1.0), faulty(lose_request=1.0)

    assert told(buy(replies, 1), ORDERS) == told(buy(requests, 1), ORDERS) == []
    assert (placed(replies), placed(requests)) == (1, 0)
    assert (count(replies, "lose_reply"), count(requests, "lose_request")) == (1, 1)


def test_delayed_messages_keep_their_order() -> None:
    desk = faulty(delay=0.7, delay_ms=100.0)
    sent = [frame for number in range(40) for frame in buy(desk, number) + desk.pass_time(10)] + desk.pass_time(200)

    assert [body["id"] for body in told(sent, ORDERS)] == [f"r{number}" for number in range(40)]
    events = [body["o"]["c"] for body in told(sent, USER)]
    assert events == [f"t{number}" for number in range(40)]
    assert count(desk, "delay") > 40


def test_delayed_request_is_carried_out_later() -> None:
    desk = faulty(delay=1.0, delay_ms=50.0)
    at_once = buy(desk, 1)
    before = placed(desk)
    later = desk.pass_time(150)

    assert (at_once, before, placed(desk)) == ([], 0, 1)
    assert told(later, ORDERS)[0]["result"]["clientOrderId"] == "t1"


def test_dropped_event_is_found_by_rest() -> None:
    desk = faulty(drop=1.0, fill_at_once=1.0)
    sent = buy(desk, 1)
    trades = desk.rest("GET", "/fapi/v1/userTrades?symbol=BTCUSDT")[1]
    status = told(say(desk, "order.status", 2, origClientOrderId="t1"), ORDERS)[0]["result"]

    assert told(sent, USER) == []
    assert len(trades) == int(desk.ledger["fills"]) == 1
    assert status["executedQty"] == trades[0]["qty"]


def test_duplicate_events_are_the_same_bytes_twice() -> None:
    desk = faulty(duplicate=1.0, delay_ms=20.0, fill_at_once=1.0)
    sent = buy(desk, 1) + desk.pass_time(100)
    payloads = [frame.payload for frame in sent if USER in frame.connections]

    assert len(payloads) == 2 * len(set(payloads)) > 0
    assert int(desk.ledger["fills"]) == 1


def test_late_acknowledgement_comes_after_what_followed() -> None:
    desk = faulty(late=1.0, late_ms=400.0)
    sent = buy(desk, 1) + desk.pass_time(400)
    sent += cancel(desk, 1) + desk.pass_time(500)

    assert executions(sent) in (["CANCELED", "NEW"], ["NEW", "CANCELED"])
    assert count(desk, "late") == 3


def test_denied_fill_comes_after_the_cancel_that_denied_it() -> None:
    desk = faulty(fill_before_cancel=1.0, deny_fill=1.0, late_ms=50.0)
    denied = 0
    for number in range(30):
        buy(desk, number)
        sent = cancel(desk, number)
        reply = told(sent, ORDERS)[0]
        later = desk.pass_time(60)
        if "result" in reply:
            assert (reply["result"]["executedQty"], executions(sent)) == ("0.000", ["CANCELED"])
            assert executions(later) == ["TRADE"]
            denied += 1

    assert count(desk, "deny_fill") == denied > 5
    assert int(desk.ledger["fills"]) == 30


def test_fill_before_its_acknowledgement() -> None:
    orders = []
    for seed in range(30):
        desk = faulty(seed=seed, reorder=0.5, delay_ms=30.0, fill_at_once=1.0)
        orders.append(executions(buy(desk, 1) + desk.pass_time(60)))

    assert ["TRADE", "NEW"] in orders
    assert ["NEW", "TRADE"] in orders


def test_doubt_is_carried_out_or_not_and_says_neither() -> None:
    desk = faulty(doubt=1.0)
    codes = [told(buy(desk, number), ORDERS)[0]["error"]["code"] for number in range(100)]

    assert set(codes) == {-1006, -1007}
    assert 20 < placed(desk) < 80
    assert codes.count(-1007) == placed(desk)


def test_reject_is_a_refusal_like_any_other() -> None:
    desk = faulty(reject=1.0)
    reply = told(buy(desk, 1), ORDERS)[0]

    assert (reply["status"], reply["error"]["code"]) == (400, -2010)
    assert (placed(desk), int(desk.ledger["rejected"])) == (0, 1)


def test_fill_at_once_is_whole_or_partial_and_in_the_ledger() -> None:
    desk = faulty(fill_at_once=1.0)
    sent = [frame for number in range(50) for frame in buy(desk, number)]
    fills = [body["o"] for body in told(sent, USER) if body["e"] == "ORDER_TRADE_UPDATE" and body["o"]["x"] == "TRADE"]
    lots = [round(float(fill["l"]) * 1_000) for fill in fills]

    assert {fill["X"] for fill in fills} == {"FILLED", "PARTIALLY_FILLED"}
    assert sum(lots) == int(desk.ledger["position_lots"])
    assert len(fills) == len({fill["t"] for fill in fills}) == int(desk.ledger["fills"]) == 50
    assert all(fill["L"] == BID for fill in fills)


def test_cancel_that_a_fill_came_before_is_refused_or_tells_the_fill() -> None:
    desk = faulty(fill_before_cancel=1.0)
    outcomes = set()
    for number in range(40):
        buy(desk, number)
        sent = cancel(desk, number)
        reply = told(sent, ORDERS)[0]
        outcomes.add(reply["error"]["code"] if "error" in reply else reply["result"]["status"])
        assert executions(sent) in (["TRADE"], ["TRADE", "CANCELED"])

    assert outcomes == {-2011, "CANCELED"}
    assert int(desk.ledger["open_orders"]) == 0
    desk.pass_time(50)


def test_generated_book_loses_what_a_fault_filled() -> None:
    desk = faulty(fill_at_once=1.0, paused=False)
    levels = desk.row["markets"][0]["book"]["levels"]
    level = 599_000 - int(desk.row["markets"][0]["book"]["base_ticks"])
    before = int(levels[level]["lots"])
    for number in range(20):
        buy(desk, number)
    open_lots = 20 * 10 - int(desk.ledger["position_lots"])

    assert int(levels[level]["lots"]) == before + open_lots


def test_http_errors_are_carried_out_half_of_the_time() -> None:
    desk = faulty(rest_error=1.0)
    cancelled = 0
    for number in range(40):
        buy(desk, number)
        (answer,) = desk.give(REST, WireKind.REQUEST, b"DELETE /fapi/v1/allOpenOrders?symbol=BTCUSDT\n\n", status=1)[
            -1:
        ]
        assert (answer.kind, answer.status) == (WireKind.RESPONSE, 503)
        cancelled += int(desk.ledger["open_orders"]) == 0

    assert 8 < cancelled < 32


def test_lost_http_answer_comes_as_504_after_five_seconds() -> None:
    desk = faulty(rest_lost=1.0)
    at_once = desk.give(REST, WireKind.REQUEST, b"GET /fapi/v1/time\n\n", status=1)
    early, late = desk.pass_time(4_990), desk.pass_time(20)

    assert [frame for frame in at_once + early if frame.connections] == []
    assert [(frame.kind, frame.status, frame.connections) for frame in late] == [(WireKind.RESPONSE, 504, {REST})]
