"""Order entry: replies, user stream events, refusals, and a ledger that follows from the fills."""

import json
import random
from collections import Counter
from fractions import Fraction

import pytest

from tests.trader.exchange_desk import MS, ORDERS, USER, Desk, price_of
from trader.enums import WireKind
from trader.exchange.account import OPEN_MAX

PAUSED = {"flow_paused": True}


def trades_of(frames: list[dict[str, object]]) -> list[dict[str, object]]:
    return [frame["o"] for frame in frames if frame["e"] == "ORDER_TRADE_UPDATE" and frame["o"]["x"] == "TRADE"]  # type: ignore[index]


def test_post_only_order_rests_is_reported_and_can_be_canceled() -> None:
    desk = Desk(**PAUSED)
    bid, _ = desk.touch()
    order = {"newClientOrderId": "t17592186044416", "timeInForce": "GTX"}
    reply, events = desk.place("BUY", price_of(bid), "0.010", **order)
    status, _ = desk.ask("order.status", origClientOrderId="t17592186044416")
    listed = desk.rest("GET", "/fapi/v1/openOrders?symbol=BTCUSDT")[1]
    canceled, cancel_events = desk.ask("order.cancel", origClientOrderId="t17592186044416")
    again, _ = desk.ask("order.cancel", origClientOrderId="t17592186044416")
    closed, _ = desk.ask("order.status", orderId=reply["result"]["orderId"])

    assert (reply["status"], reply["result"]["status"]) == (200, "NEW")
    assert {key: reply["result"][key] for key in ("clientOrderId", "price", "origQty", "timeInForce", "side")} == {
        "clientOrderId": "t17592186044416",
        "price": price_of(bid),
        "origQty": "0.010",
        "timeInForce": "GTX",
        "side": "BUY",
    }
    assert status["result"] == listed[0] == reply["result"]
    assert [(event["o"]["x"], event["o"]["X"], event["o"]["c"]) for event in events + cancel_events] == [
        ("NEW", "NEW", "t17592186044416"),
        ("CANCELED", "CANCELED", "t17592186044416"),
    ]
    assert canceled["result"]["status"] == closed["result"]["status"] == "CANCELED"
    assert again["error"] == {"code": -2011, "msg": "Unknown order sent."}
    assert (desk.ledger["placed"], desk.ledger["canceled"], desk.ledger["open_orders"]) == (1, 1, 0)
    assert desk.ledger["cancels_refused"] == 1


def test_order_that_crosses_takes_best_price_first_and_pays_the_taker_fee() -> None:
    desk = Desk(**PAUSED)
    _, ask = desk.touch()
    snapshot = desk.rest("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=20")[1]
    reply, events = desk.place("BUY", price_of(ask + 5), "1000.000", newClientOrderId="t1", timeInForce="IOC")
    trades = trades_of(events)
    taken: Counter[str] = Counter()
    for trade in trades:
        taken[str(trade["L"])] += round(float(str(trade["l"])) * 1000)
    shown = {price: round(float(size) * 1000) for price, size in snapshot["asks"] if float(price) <= (ask + 5) / 10}
    cash = sum(Fraction(str(trade["l"])) * Fraction(str(trade["L"])) for trade in trades)

    assert reply["result"]["status"] == "NEW"
    assert taken == shown
    assert [str(trade["L"]) for trade in trades] == sorted((str(trade["L"]) for trade in trades), key=float)
    assert events[-1]["o"]["x"] == events[-1]["o"]["X"] == "EXPIRED"
    assert all(trade["m"] is False and trade["N"] == "USDT" for trade in trades)
    assert desk.ledger["position_lots"] == sum(shown.values())
    assert desk.ledger["cash_e8"] == -cash * 10**8
    assert desk.ledger["fees_e8"] == sum(Fraction(str(trade["n"])) * 10**8 for trade in trades)
    assert abs(int(desk.ledger["fees_e8"]) - cash * 50_000) <= len(trades)
    assert (desk.ledger["open_orders"], desk.ledger["expired"], desk.ledger["fills"]) == (0, 1, len(trades))


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"timeInForce": "GTX", "price": "60100.00"}, -5022),
        ({"price": "60000.05"}, -4014),
        ({"price": "60000.001"}, -1111),
        ({"price": "x"}, -1102),
        ({"price": "1.00"}, -4024),
        ({"price": "90000.00"}, -4016),
        ({"quantity": "0.0005"}, -1111),
        ({"quantity": "0"}, -4004),
        ({"quantity": "1000.001"}, -4005),
        ({"price": "59999.00", "quantity": None}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"type": "MARKET"}, -1116),
        ({"timeInForce": "FOK"}, -1115),
        ({"symbol": "DOGEUSDT"}, -1121),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"newClientOrderId": "a b"}, -4015),
        ({"newClientOrderId": "taken"}, -4116),
    ],
)
def test_bad_order_is_refused_with_the_venues_code_and_changes_nothing(order: dict[str, str], code: int) -> None:
    desk = Desk(**PAUSED)
    desk.place("BUY", "59900.00", "0.010", newClientOrderId="taken")
    reply, events = desk.place(**{"side": "BUY", "price": "59900.00", "quantity": "0.010", **order})

    assert (reply["status"], reply["error"]["code"]) == (400, code)
    assert len(reply["error"]["msg"]) > 10
    assert events == []
    assert (desk.ledger["placed"], desk.ledger["open_orders"]) == (1, 1)
    assert desk.ledger["rejected"] == (code != -1121)


def test_small_notional_and_too_many_orders_are_refused() -> None:
    desk = Desk(**PAUSED, price_start=2_000.0)
    small, _ = desk.place("BUY", "1999.00", "0.002")
    for count in range(OPEN_MAX):
        desk.place("BUY", "1990.00", "0.010", newClientOrderId=f"t{count}")
    one_more, _ = desk.place("BUY", "1990.00", "0.010")

    assert small["error"]["code"] == -4164
    assert one_more["error"]["code"] == -2025
    assert len(desk.rest("GET", "/fapi/v1/openOrders")[1]) == desk.ledger["open_orders"] == OPEN_MAX


def test_own_resting_order_expires_instead_of_trading_with_us() -> None:
    desk = Desk(**PAUSED)
    bid, ask = desk.touch()
    desk.place("SELL", price_of(ask - (ask - bid > 1)), "0.010", newClientOrderId="maker")
    _, events = desk.place("BUY", price_of(ask), "900.000", newClientOrderId="taker", timeInForce="IOC")
    expired = [event["o"] for event in events if event["e"] == "ORDER_TRADE_UPDATE" and event["o"]["c"] == "maker"]

    assert [order["x"] for order in expired] == ["EXPIRED"]
    assert {trade["c"] for trade in trades_of(events)} == {"taker"}
    assert desk.ledger["maker_fills"] == 0


def test_requests_without_logon_or_sense_get_errors_and_the_id_back() -> None:
    desk = Desk(**PAUSED, connect=False)
    desk.give(ORDERS, WireKind.CONNECTED, b"/ws-fapi/v1")
    refused, _ = desk.place("BUY", "59900.00", "0.010")
    unknown, _ = desk.ask("order.dance")
    (malformed,) = desk.give(ORDERS, WireKind.FRAME, b'{"id":"a","method":')
    (numbered,) = desk.give(ORDERS, WireKind.FRAME, b'{"id":12,"method":"x"}')
    (hostile,) = desk.give(ORDERS, WireKind.FRAME, b'{"id":"\\"","method":"x"}')

    assert (refused["status"], refused["error"]["code"]) == (401, -2015)
    assert unknown["error"]["code"] == -1020
    assert malformed.body == {"id": None, "status": 400, "error": {"code": -1135, "msg": "Invalid JSON request."}}
    assert (numbered.body["id"], hostile.body["id"]) == (12, None)
    assert desk.ledger["placed"] == 0


def test_ledger_is_the_sum_of_fills_through_a_long_random_session() -> None:
    dice = random.Random(4)
    desk = Desk(seed=11, fee_maker_e8=-5_000, volatility_bps=3.0)
    for count in range(400):
        bid, ask = desk.touch()
        side = dice.choice(("BUY", "SELL"))
        ticks = (bid if side == "BUY" else ask) + dice.randint(-3, 3)
        kind = dice.choice(("GTX", "GTX", "GTC", "IOC"))
        size = f"0.{dice.randint(1, 999):03d}"
        desk.place(side, price_of(ticks), size, newClientOrderId=f"t{count}", timeInForce=kind)
        if dice.random() < 0.3:
            desk.ask("order.cancel", origClientOrderId=f"t{dice.randint(0, count)}")
        desk.pass_time(20, every_ms=10)
    events = [frame.body for frame in desk.log if USER in frame.connections]
    trades = trades_of(events)
    position = cash = fees = Fraction(0)
    filled: Counter[str] = Counter()
    for trade in trades:
        signed = Fraction(str(trade["l"])) * (1 if trade["S"] == "BUY" else -1)
        position += signed
        cash -= signed * Fraction(str(trade["L"]))
        fees += Fraction(str(trade["n"]))
        filled[str(trade["c"])] += round(Fraction(str(trade["l"])) * 1000)
        assert filled[str(trade["c"])] == round(Fraction(str(trade["z"])) * 1000)
    ends = Counter(event["o"]["X"] for event in events if event["e"] == "ORDER_TRADE_UPDATE")
    last_account = [event for event in events if event["e"] == "ACCOUNT_UPDATE"][-1]["a"]
    ledger = desk.ledger
    (held,) = desk.rest("GET", "/fapi/v3/positionRisk?symbol=BTCUSDT")[1]
    listed = desk.rest("GET", "/fapi/v1/userTrades?symbol=BTCUSDT&limit=1000")[1]

    assert len(trades) == ledger["fills"] > 100
    assert len({(trade["t"], trade["i"]) for trade in trades}) == len(trades)
    assert position * 1000 == ledger["position_lots"] == Fraction(held["positionAmt"]) * 1000
    assert Fraction(last_account["P"][0]["pa"]) == position
    assert (cash * 10**8, fees * 10**8) == (ledger["cash_e8"], ledger["fees_e8"])
    assert ledger["maker_fills"] == sum(trade["m"] for trade in trades) > 20  # type: ignore[misc]
    assert ledger["open_orders"] == ends["NEW"] - ends["FILLED"] - ends["CANCELED"] - ends["EXPIRED"]
    assert (ledger["placed"], ledger["canceled"], ledger["expired"]) == (ends["NEW"], ends["CANCELED"], ends["EXPIRED"])
    assert sum(Fraction(trade["commission"]) for trade in listed) == sum(Fraction(str(t["n"])) for t in trades[-1000:])
    cost_e8 = int(ledger["cost_e8"]) * (1 if ledger["position_lots"] >= 0 else -1)
    assert ledger["realized_e8"] == ledger["cash_e8"] + cost_e8
    assert Fraction(last_account["B"][0]["wb"]) * 10**8 == 10**14 + ledger["realized_e8"] - ledger["fees_e8"]


def test_dead_man_timer_cancels_unless_renewed() -> None:
    desk = Desk(**PAUSED)
    desk.place("BUY", "59900.00", "0.010", newClientOrderId="t1")
    first = desk.rest("POST", "/fapi/v1/countdownCancelAll?symbol=BTCUSDT&countdownTime=100")
    desk.pass_time(80)
    desk.rest("POST", "/fapi/v1/countdownCancelAll?symbol=BTCUSDT&countdownTime=100")
    desk.pass_time(80)
    still_open = int(desk.ledger["open_orders"])
    desk.pass_time(40)

    assert first == (200, {"symbol": "BTCUSDT", "countdownTime": "100"})
    assert (still_open, desk.ledger["open_orders"], desk.ledger["canceled"]) == (1, 0, 1)


@pytest.mark.parametrize(("flag", "left"), [(False, 1), (True, 0)])
def test_lost_order_connection_takes_the_orders_along_only_if_configured(flag: bool, left: int) -> None:
    desk = Desk(**PAUSED, cancel_on_disconnect=flag)
    desk.place("BUY", "59900.00", "0.010", newClientOrderId="t1")
    desk.give(ORDERS, WireKind.LOST)
    refused = desk.give(ORDERS, WireKind.FRAME, json.dumps({"id": "c1", "method": "order.cancel"}).encode())

    assert desk.ledger["open_orders"] == left
    assert refused == []


def test_orders_of_a_busy_market_are_filled_as_makers_in_their_turn() -> None:
    desk = Desk(seed=2)
    bid, ask = desk.touch()
    desk.place("BUY", price_of(bid), "0.050", newClientOrderId="t1", timeInForce="GTX")
    desk.place("SELL", price_of(ask), "0.050", newClientOrderId="t2", timeInForce="GTX")
    desk.pass_time(60_000, every_ms=50)
    trades = trades_of([frame.body for frame in desk.log if USER in frame.connections])

    assert trades and all(trade["m"] for trade in trades)
    assert {(trade["c"], trade["L"]) for trade in trades} <= {("t1", price_of(bid)), ("t2", price_of(ask))}
    assert desk.now_ns > 60_000 * MS
