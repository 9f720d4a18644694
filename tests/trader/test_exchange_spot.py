"""The exchange as Binance spot: its streams, its order API and user stream, balances, and a recorded market."""

import gzip
import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.trader.exchange_desk import MARKET, ORDERS, REST, USER, Desk
from trader.enums import WireKind

RECORDING = Path(os.environ.get("TRADER_DATA", "../shared/data")) / "binance/spot_btcusdt_20240808.gz"
STREAMS = b"/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker/btcusdt@trade"
SNAPSHOT = {
    "lastUpdateId": 100,
    "bids": [["60000.00000000", "2.00000000"], ["59999.99000000", "1.00000000"]],
    "asks": [["60000.01000000", "1.50000000"], ["60000.02000000", "0.50000000"]],
}


def price_of(ticks: int) -> str:
    """A spot price's text."""
    return f"{ticks // 100}.{ticks % 100:02d}"


def test_the_generated_market_speaks_spot() -> None:
    desk = Desk(spot=True)
    snapshot = desk.rest("GET", "/api/v3/depth?symbol=BTCUSDT&limit=1000")[1]
    desk.listen(STREAMS)
    frames = [frame.body for frame in desk.pass_time(2_000) if MARKET in frame.connections]
    by_stream: dict[str, list[Any]] = {}
    for frame in frames:
        by_stream.setdefault(frame["stream"], []).append(frame["data"])
    depth = by_stream["btcusdt@depth@100ms"]

    assert set(snapshot) == {"lastUpdateId", "bids", "asks"}
    assert set(by_stream) == {"btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@trade"}
    assert all(set(one) == {"e", "E", "s", "U", "u", "b", "a"} for one in depth)
    assert all(after["U"] == before["u"] + 1 for before, after in pairwise(depth))
    assert depth[0]["U"] <= snapshot["lastUpdateId"] + 1 <= depth[-1]["u"]
    assert all(set(one) == {"u", "s", "b", "B", "a", "A"} for one in by_stream["btcusdt@bookTicker"])
    assert by_stream["btcusdt@bookTicker"][0]["b"].endswith("000000")
    assert all(one["M"] is True for one in by_stream["btcusdt@trade"])


def test_an_order_is_placed_filled_and_canceled_in_the_spot_shape() -> None:
    desk = Desk(spot=True, flow_paused=True)
    bid, ask = desk.touch()
    placed, (new,) = desk.place("BUY", price_of(bid), "0.01000", newClientOrderId="t1", type="LIMIT_MAKER")
    canceled, (gone,) = desk.ask("order.cancel", origClientOrderId="t1")
    taken, events = desk.place("BUY", price_of(ask), "0.00010", newClientOrderId="t2", timeInForce="IOC")
    fill, balances = [event["event"] for event in events if event["event"].get("x") != "NEW"]

    assert placed["status"] == 200
    assert placed["result"]["status"] == "NEW"
    assert placed["result"]["type"] == new["event"]["o"] == "LIMIT_MAKER"
    assert placed["result"]["clientOrderId"] == new["event"]["c"] == "t1"
    assert (new["subscriptionId"], new["event"]["e"], new["event"]["x"], new["event"]["t"]) == (
        0,
        "executionReport",
        "NEW",
        -1,
    )
    assert canceled["result"]["status"] == gone["event"]["X"] == "CANCELED"
    assert canceled["result"]["origClientOrderId"] == gone["event"]["C"] == "t1"
    assert gone["event"]["c"] == canceled["result"]["clientOrderId"] != "t1"
    assert taken["result"]["status"] in ("NEW", "FILLED")
    assert (fill["x"], fill["X"], fill["l"], fill["c"], fill["C"]) == ("TRADE", "FILLED", "0.00010000", "t2", "")
    assert fill["m"] is False
    assert fill["N"] == "USDT"
    assert balances["e"] == "outboundAccountPosition"
    assert balances["B"][0] == {"a": "BTC", "f": "10.00010000", "l": "0.00000000"}
    (trade,) = desk.rest("GET", "/api/v3/myTrades?symbol=BTCUSDT")[1]
    assert (trade["id"], trade["orderId"], trade["isBuyer"], trade["isMaker"]) == (fill["t"], fill["i"], True, False)
    assert desk.ask("order.status", origClientOrderId="t2")[0]["result"]["executedQty"] == "0.00010000"


@pytest.mark.parametrize(
    ("order", "code", "said"),
    [
        ({"type": "LIMIT_MAKER", "over": 0}, -2010, "Order would immediately match and take."),
        ({"newClientOrderId": "t9"}, -2010, "Duplicate order sent."),
        ({"quantity": "9000.00000"}, -2010, "Account has insufficient balance for requested action."),
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"price": "50000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"type": "STOP"}, -1116, "Invalid orderType."),
    ],
)
def test_refusals_are_those_of_spot(order: dict[str, Any], code: int, said: str) -> None:
    desk = Desk(spot=True, flow_paused=True)
    bid, ask = desk.touch()
    desk.place("BUY", price_of(bid - 100), "0.01000", newClientOrderId="t9")
    price = price_of(ask + order.pop("over")) if "over" in order else order.pop("price", price_of(bid - 10))
    reply, events = desk.place("BUY", price, order.pop("quantity", "0.01000"), **order)

    assert (reply["status"], reply["error"]) == (400, {"code": code, "msg": said})
    assert events == []


def test_balances_are_free_or_locked_and_add_up() -> None:
    desk = Desk(spot=True, flow_paused=True, fee_taker_e8=100_000)
    bid, ask = desk.touch()
    desk.place("SELL", price_of(ask + 50), "2.00000")
    desk.place("BUY", price_of(bid - 50), "1.00000")
    desk.place("SELL", price_of(bid), "0.00100", timeInForce="IOC")
    status, account = desk.rest("GET", "/api/v3/account")
    base, quote = account["balances"]
    sold, fee = bid / 100 * 0.001, bid / 100 * 0.001 * 0.001

    assert status == 200
    assert desk.rest("GET", "/api/v3/account", signed=False)[0] == 401
    assert base == {"asset": "BTC", "free": "7.99900000", "locked": "2.00000000"}
    assert quote["asset"] == "USDT"
    assert float(quote["locked"]) == pytest.approx((bid - 50) / 100)
    assert float(quote["free"]) + float(quote["locked"]) == pytest.approx(1e6 + sold - fee, abs=1e-6)
    assert int(desk.ledger["position_lots"]) == -100


def test_cancel_all_answers_with_the_orders_and_refuses_where_there_is_none() -> None:
    desk = Desk(spot=True, flow_paused=True)
    bid, _ = desk.touch()
    nothing = desk.rest("DELETE", "/api/v3/openOrders?symbol=BTCUSDT")
    for number in (1, 2):
        desk.place("BUY", price_of(bid - number), "0.01000", newClientOrderId=f"t{number}")
    open_orders = desk.rest("GET", "/api/v3/openOrders?symbol=BTCUSDT")[1]
    status, gone = desk.rest("DELETE", "/api/v3/openOrders?symbol=BTCUSDT")

    assert nothing == (400, {"code": -2011, "msg": "Unknown order sent."})
    assert [order["status"] for order in open_orders] == ["NEW", "NEW"]
    assert (status, [(order["clientOrderId"], order["status"]) for order in gone]) == (
        200,
        [("t1", "CANCELED"), ("t2", "CANCELED")],
    )
    assert int(desk.ledger["open_orders"]) == 0


def test_what_belongs_to_the_other_market_is_refused() -> None:
    spot, futures = Desk(spot=True, connect=False), Desk(connect=False)
    closing = [
        [frame.kind for frame in desk.give(ORDERS, WireKind.CONNECTED, path)]
        for desk, path in ((spot, b"/ws-fapi/v1"), (futures, b"/ws-api/v3"), (spot, b"/ws/" + b"k" * 64))
    ]
    info = spot.rest("GET", "/api/v3/exchangeInfo")[1]["symbols"][0]

    assert closing == [[WireKind.CLOSE]] * 3
    assert spot.rest("GET", "/fapi/v1/exchangeInfo")[0] == futures.rest("GET", "/api/v3/exchangeInfo")[0] == 404
    assert (info["baseAsset"], info["quoteAsset"]) == ("BTC", "USDT")
    futures.give(ORDERS, WireKind.CONNECTED, b"/ws-fapi/v1")
    futures.give(ORDERS, WireKind.AUTHENTICATED)
    reply = futures.give(ORDERS, WireKind.FRAME, b'{"id":"u1","method":"userDataStream.subscribe"}')[0].body
    assert reply["error"]["code"] == -1020


class Tape:
    """Frames of a recorded spot market at 60000.00 x 60000.01; ids and times go up by themselves."""

    def __init__(self) -> None:
        self.desk = Desk(spot=True, recorded=True)
        self.id = 100
        self.ms = 1_723_161_256_000
        self.desk.listen(STREAMS)
        self.desk.record(SNAPSHOT)

    def quote(self, bid_size: str) -> None:
        self.id += 1
        data = {"u": self.id, "s": "BTCUSDT", "b": "60000.00000000", "B": bid_size, "a": "60000.01000000", "A": "1.5"}
        self.desk.record({"stream": "btcusdt@bookTicker", "data": data})

    def depth(self) -> None:
        self.id += 1
        self.ms += 100
        data = {"e": "depthUpdate", "E": self.ms, "s": "BTCUSDT", "U": self.id - 9, "u": self.id, "b": [], "a": []}
        self.desk.record({"stream": "btcusdt@depth@100ms", "data": data})

    def sell(self, size: str) -> None:
        self.ms += 1
        data = {"e": "trade", "E": self.ms, "s": "BTCUSDT", "t": 1, "p": "60000.00000000", "q": size, "T": self.ms}
        self.desk.record({"stream": "btcusdt@trade", "data": {**data, "m": True, "M": True}})

    def filled(self) -> str:
        """What the user stream told of fills, summed."""
        events = [json.loads(frame.payload)["event"] for frame in self.desk.log if USER in frame.connections
                  and b'"x":"TRADE"' in frame.payload]  # fmt: skip
        return f"{sum(float(event['l']) for event in events):.3f}"


def test_a_trade_counts_only_after_a_depth_update_has_told_when_the_quote_was() -> None:
    tape = Tape()
    tape.depth()
    tape.quote("2.00000000")
    tape.desk.place("BUY", "60000.00", "0.500", newClientOrderId="t1", type="LIMIT_MAKER")
    tape.sell("2.10000000")
    before = tape.filled()
    tape.depth()
    tape.sell("2.10000000")
    after = tape.filled()
    tape.sell("9.00000000")

    assert (before, after, tape.filled()) == ("0.000", "0.100", "0.500")
    assert int(tape.desk.row["replay"]["bad_frames"]) == 0


def test_a_shorter_queue_counts_once_its_time_is_known() -> None:
    tape = Tape()
    tape.desk.place("BUY", "60000.00", "0.500", newClientOrderId="t1", type="LIMIT_MAKER")
    tape.depth()
    tape.quote("0.20000000")
    tape.sell("0.30000000")
    before = tape.filled()
    tape.depth()
    tape.sell("0.30000000")

    assert (before, tape.filled()) == ("0.000", "0.100")


def test_the_recorded_market_is_read_whole() -> None:
    if not RECORDING.exists():
        pytest.skip(f"no recording at {RECORDING}: set TRADER_DATA")
    desk = Desk(spot=True, recorded=True)
    with gzip.open(RECORDING) as lines:
        for line in lines:
            desk.record(line.partition(b" ")[2].rstrip())
            desk.log.clear()
    recorded = desk.row["markets"][0]["recorded"]
    book = desk.give(REST, WireKind.REQUEST, b"GET /api/v3/depth?symbol=BTCUSDT&limit=5\n\n")[0].body

    assert int(desk.row["replay"]["frames"]) == 41_249
    assert int(desk.row["replay"]["bad_frames"]) == 0
    assert int(recorded["depth_id"]) == book["lastUpdateId"]
    assert float(book["bids"][0][0]) < float(book["asks"][0][0])
    assert int(desk.row["event_ms"]) < 1_723_161_600_000 + 10_000
