"""HTTP requests of the exchange: what each answers, who may ask, and that every request gets one answer."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trader.exchange_desk import REST, USER, Desk, price_of
from trader.enums import WireKind

DESK = Desk(flow_paused=True)


def test_exchange_info_tells_the_filters_in_the_units_of_the_instrument() -> None:
    desk = Desk(symbols=("BTCUSDT", "ETHUSDT"), flow_paused=True, connect=False)
    status, info = desk.rest("GET", "/fapi/v1/exchangeInfo", signed=False)
    bitcoin, ether = info["symbols"]
    filters = {entry["filterType"]: entry for entry in bitcoin["filters"]}

    assert (status, bitcoin["symbol"], ether["symbol"]) == (200, "BTCUSDT", "ETHUSDT")
    assert (bitcoin["pricePrecision"], bitcoin["quantityPrecision"], bitcoin["status"]) == (2, 3, "TRADING")
    assert filters["PRICE_FILTER"]["tickSize"] == "0.10"
    assert (filters["LOT_SIZE"]["stepSize"], filters["LOT_SIZE"]["minQty"]) == ("0.001", "0.001")
    assert filters["LOT_SIZE"]["maxQty"] == "1000.000"
    assert float(filters["MIN_NOTIONAL"]["notional"]) == 5.0
    assert float(filters["PRICE_FILTER"]["minPrice"]) < 60_000 < float(filters["PRICE_FILTER"]["maxPrice"])


def test_depth_snapshot_is_sorted_bounded_and_not_crossed() -> None:
    desk = Desk(flow_paused=True, connect=False)
    status, book = desk.rest("GET", "/fapi/v1/depth?symbol=BTCUSDT&limit=20", signed=False)
    bids = [float(price) for price, _ in book["bids"]]
    asks = [float(price) for price, _ in book["asks"]]

    assert (status, len(bids), len(asks)) == (200, 20, 20)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert (price_of(desk.touch()[0]), price_of(desk.touch()[1])) == (book["bids"][0][0], book["asks"][0][0])


@pytest.mark.parametrize(
    ("verb", "path", "signed", "status", "code"),
    [
        ("GET", "/fapi/v1/nothing", True, 404, -5000),
        ("POST", "/fapi/v1/depth?symbol=BTCUSDT", True, 404, -5000),
        ("GET", "/fapi/v1/depth?symbol=NONE", True, 400, -1121),
        ("GET", "/fapi/v1/depth", True, 400, -1121),
        ("GET", "/fapi/v1/openOrders", False, 401, -1022),
        ("POST", "/fapi/v1/listenKey", False, 401, -1022),
        ("DELETE", "/fapi/v1/allOpenOrders?symbol=BTCUSDT", False, 401, -1022),
        ("DELETE", "/fapi/v1/allOpenOrders", True, 400, -1102),
        ("DELETE", "/fapi/v1/allOpenOrders?symbol=X", True, 400, -1121),
        ("GET", "/fapi/v3/positionRisk?symbol=X", True, 400, -1121),
        ("GET", "/fapi/v1/userTrades", True, 400, -1102),
        ("POST", "/fapi/v1/countdownCancelAll?symbol=BTCUSDT", True, 400, -1102),
    ],
)
def test_requests_that_cannot_be_served_say_why(verb: str, path: str, signed: bool, status: int, code: int) -> None:
    found, body = DESK.rest(verb, path, signed=signed)

    assert (found, body["code"]) == (status, code)


def test_time_ping_and_listen_key_are_answered() -> None:
    keys = [DESK.rest(verb, "/fapi/v1/listenKey")[1] for verb in ("POST", "PUT", "DELETE")]

    assert DESK.rest("GET", "/fapi/v1/ping", signed=False) == (200, {})
    assert DESK.rest("GET", "/fapi/v1/time", signed=False)[1]["serverTime"] > 10**12
    assert len(keys[0]["listenKey"]) == 64
    assert keys == [keys[0], keys[0], {}]


def test_user_stream_needs_the_listen_key() -> None:
    desk = Desk(flow_paused=True, connect=False)
    key = desk.rest("POST", "/fapi/v1/listenKey")[1]["listenKey"].encode()
    answers = [desk.give(5, WireKind.CONNECTED, path) for path in (b"/ws/" + key[:-1] + b"!", b"/ws/", b"/ws/x" + key)]
    admitted = desk.give(USER, WireKind.CONNECTED, b"/ws/" + key)

    assert [[frame.kind for frame in sent] for sent in answers] == [[WireKind.CLOSE]] * 3
    assert admitted == []


def test_cancel_all_cancels_one_symbol_and_reports_every_order() -> None:
    desk = Desk(symbols=("BTCUSDT", "ETHUSDT"), price_start_by_symbol={"ETHUSDT": 2_600.0}, flow_paused=True)
    for count in range(5):
        desk.place("BUY", "59900.00", "0.010", newClientOrderId=f"t{count}")
    desk.place("BUY", "2590.00", "0.010", symbol="ETHUSDT", newClientOrderId="eth")
    before = len(desk.log)
    done = desk.rest("DELETE", "/fapi/v1/allOpenOrders?symbol=BTCUSDT")
    events = [frame.body["o"] for frame in desk.log[before:] if USER in frame.connections]
    left = desk.rest("GET", "/fapi/v1/openOrders")[1]

    assert done == (200, {"code": 200, "msg": "The operation of cancel all open order is done."})
    assert [(event["c"], event["X"]) for event in events] == [(f"t{count}", "CANCELED") for count in range(5)]
    assert [order["clientOrderId"] for order in left] == ["eth"]
    assert desk.rest("GET", "/fapi/v1/openOrders?symbol=BTCUSDT") == (200, [])


def test_positions_and_trades_tell_what_was_traded() -> None:
    desk = Desk(flow_paused=True)
    _, ask = desk.touch()
    desk.place("BUY", price_of(ask), "0.001", timeInForce="IOC", newClientOrderId="t1")
    (trade,) = desk.rest("GET", "/fapi/v1/userTrades?symbol=BTCUSDT")[1]
    (position,) = desk.rest("GET", "/fapi/v3/positionRisk?symbol=BTCUSDT")[1]
    later = desk.rest("GET", f"/fapi/v1/userTrades?symbol=BTCUSDT&fromId={trade['id'] + 1}")[1]

    assert (trade["price"], trade["qty"], trade["side"], trade["maker"]) == (price_of(ask), "0.001", "BUY", False)
    assert float(trade["commission"]) == pytest.approx(ask / 10 * 0.001 * 0.0005)
    assert (position["positionAmt"], position["entryPrice"]) == ("0.001", price_of(ask))
    assert float(position["unRealizedProfit"]) <= 0
    assert later == []


PIECES = st.sampled_from(
    [b"GET ", b"POST ", b"DELETE ", b"/fapi/v1/depth", b"/fapi/v1/openOrders", b"/fapi/v1/userTrades", b"?", b"&", b"=",
     b"symbol=", b"BTCUSDT", b"limit=", b"-1", b"999999999999999999", b"fromId=0", b"\n", b"\n\n", b'"', b"\xff", b" "]
)  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(PIECES, max_size=12).map(b"".join) | st.binary(max_size=80), st.integers(-1, 2))
def test_any_request_gets_exactly_one_answer_in_json(request: bytes, signed: int) -> None:
    sent = DESK.give(REST, WireKind.REQUEST, request, status=signed)

    assert [(frame.kind, frame.connections) for frame in sent] == [(WireKind.RESPONSE, {REST})]
    assert sent[0].body is not None


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.integers(-5, 70), st.integers(-1, 10), st.binary(max_size=80))
def test_any_message_on_any_connection_is_survived(connection_id: int, kind: int, payload: bytes) -> None:
    desk = Desk.__new__(Desk)
    desk.__dict__.update(DESK.__dict__, log=[])
    for frame in desk.give(connection_id, kind, payload):
        assert frame.connections == {connection_id}
    desk.give(connection_id, WireKind.LOST) if 0 < connection_id < 64 else None


def test_the_mark_price_is_the_middle_of_the_touch_and_needs_no_signature() -> None:
    bid, ask = DESK.touch()
    status, body = DESK.rest("GET", "/fapi/v1/premiumIndex?symbol=BTCUSDT", signed=False)

    assert (status, body["symbol"]) == (200, "BTCUSDT")
    assert float(body["markPrice"]) == (bid + ask) / 20
    assert body["nextFundingTime"] > body["time"]
    assert DESK.rest("GET", "/fapi/v1/premiumIndex", signed=False)[1]["code"] == -1121


@pytest.mark.parametrize(("spot", "code"), [(False, -1122), (True, -1013)])
def test_an_instrument_that_is_halted_says_so_takes_no_order_and_comes_back(spot: bool, code: int) -> None:
    desk = Desk(spot=spot, symbols=("BTCUSDT", "ETHUSDT"))

    def bid() -> str:
        ticks = desk.touch()[0] - 50
        return f"{ticks // 100}.{ticks % 100:02d}" if spot else price_of(ticks)

    desk.pass_time(100)
    resting = desk.place("BUY", bid(), "0.001", newClientOrderId="t1")[0]
    desk.row["markets"][0]["halted_until_ns"] = desk.now_ns + 500 * 1_000_000
    arrivals = int(desk.row["markets"][0]["flow"]["arrivals"])
    path = "/api/v3/exchangeInfo" if spot else "/fapi/v1/exchangeInfo"
    assert [row["status"] for row in desk.rest("GET", path)[1]["symbols"]] == ["HALT", "TRADING"]
    assert desk.place("BUY", bid(), "0.001")[0]["error"]["code"] == code
    desk.pass_time(450)

    assert desk.row["markets"][0]["flow"]["arrivals"] == arrivals, "nobody else trades"
    assert desk.ask("order.cancel", origClientOrderId="t1")[0]["status"] == resting["status"] == 200
    desk.pass_time(100)
    assert desk.row["markets"][0]["flow"]["arrivals"] > arrivals
    assert [row["status"] for row in desk.rest("GET", path)[1]["symbols"]] == ["TRADING", "TRADING"]
    assert "error" not in desk.place("BUY", bid(), "0.001")[0]
