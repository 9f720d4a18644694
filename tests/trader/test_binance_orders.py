"""Binance order frames: what we write is what json reads."""

import json
import random
from decimal import Decimal

import numpy as np
import pytest

from shm.kernel import address_of_array, new_record
from tests.trader.binance_frames import instrument
from trader.enums import TimeInForce
from trader.orders import ORDER
from trader.venues.binance import orders
from trader.venues.markets import SPOT


def written(writer, *arguments) -> str:
    room = np.zeros(1_024, np.uint8)
    start = address_of_array(room)
    length = writer(start, *arguments) - start
    assert 0 < length <= orders.FRAME_BYTES_MAX
    assert not room[orders.FRAME_BYTES_MAX :].any()
    return bytes(room[:length]).decode()


def test_place_frame_holds_exactly_the_orders_fields():
    rng = random.Random(1)
    for _ in range(200):
        decimals, multiple = rng.randint(0, 8), rng.choice((1, 5, 10, 25))
        row = instrument((decimals, multiple), (rng.randint(0, 8), 1), rng.choice((b"BTCUSDT", b"1000SHIBUSDT_250627")))
        order = new_record(ORDER)
        order["client_order_id"] = rng.choice((1, 2**63 - 1, rng.randint(1, 2**60)))
        order["side"] = side = rng.choice((1, -1))
        order["price_ticks"], order["size_lots"] = rng.randint(1, 10**9), rng.randint(1, 10**9)
        force, now_ms = rng.randint(0, 2), rng.randint(0, 2 * 10**12)
        frame = json.loads(written(orders.write_place, order[0], force, row[0], now_ms))
        parameters = frame["params"]
        expected = {
            "symbol": bytes(row["symbol"][0, : row["symbol_length"][0]]).decode(),
            "side": "BUY" if side > 0 else "SELL",
            "type": "LIMIT",
            "timeInForce": {0: "GTX", 1: "GTC", 2: "IOC"}[force],
            "price": str(Decimal(int(order["price_ticks"][0]) * multiple).scaleb(-decimals).normalize()),
            "quantity": str(Decimal(int(order["size_lots"][0])).scaleb(-int(row["size_decimals"][0])).normalize()),
            "newClientOrderId": f"t{order['client_order_id'][0]}",
            "timestamp": now_ms,
        }
        actual = parameters | {name: str(Decimal(parameters[name]).normalize()) for name in ("price", "quantity")}

        assert (expected, "order.place") == (actual, frame["method"])
        assert frame["id"] == f"p{order['client_order_id'][0]}"


@pytest.mark.parametrize(
    ("writer", "letter", "method"),
    [(orders.write_cancel, "c", "order.cancel"), (orders.write_query, "q", "order.status")],
)
def test_cancel_and_query_frames_name_the_order(writer, letter, method):
    parameters = {"symbol": "BTCUSDT", "origClientOrderId": "t4242", "timestamp": 1_700_000_000_000}
    expected = {"id": f"{letter}4242", "method": method, "params": parameters}
    actual = json.loads(written(writer, 4_242, instrument()[0], 1_700_000_000_000))

    assert expected == actual


def test_rest_requests_are_method_path_and_blank_line():
    row = instrument()[0]

    assert written(orders.write_listen_key_request, False) == "POST /fapi/v1/listenKey\n\n"
    assert written(orders.write_listen_key_request, True) == "PUT /fapi/v1/listenKey\n\n"
    assert written(orders.write_open_orders_request, row) == "GET /fapi/v1/openOrders?symbol=BTCUSDT\n\n"
    assert written(orders.write_cancel_open_request, row) == "DELETE /fapi/v1/allOpenOrders?symbol=BTCUSDT\n\n"
    assert written(orders.write_position_request, row) == "GET /fapi/v3/positionRisk?symbol=BTCUSDT\n\n"
    assert (
        written(orders.write_trades_request, row, 77)
        == "GET /fapi/v1/userTrades?symbol=BTCUSDT&limit=1000&orderId=77\n\n"
    )
    assert written(orders.write_order_api_path, 0) == "/ws-fapi/v1"
    key = np.frombuffer(b"abc123", np.uint8)
    assert written(orders.write_user_stream_path, address_of_array(key), 6) == "/ws/abc123"


def spot_row():
    row = instrument((2, 1), (5, 1))
    row["market"] = SPOT
    return row[0]


@pytest.mark.parametrize(
    ("force", "terms"),
    [
        (0, {"type": "LIMIT_MAKER"}),
        (1, {"type": "LIMIT", "timeInForce": "GTC"}),
        (2, {"type": "LIMIT", "timeInForce": "IOC"}),
    ],
)
@pytest.mark.parametrize("side", [1, -1])
def test_spot_has_a_type_for_post_only_and_wants_to_be_asked_for_the_result(force, terms, side):
    order = new_record(ORDER)
    order["client_order_id"], order["side"], order["price_ticks"], order["size_lots"] = 77, side, 6_183_763, 20
    frame = json.loads(written(orders.write_place, order[0], force, spot_row(), 5))

    assert frame["id"] == "p77"
    assert frame["params"] == {
        "symbol": "BTCUSDT", "side": "BUY" if side > 0 else "SELL", **terms, "price": "61837.63", "quantity": "0.00020",
        "newOrderRespType": "RESULT", "newClientOrderId": "t77", "timestamp": 5,
    }  # fmt: skip


def test_spot_requests_have_the_paths_of_spot():
    row = spot_row()

    assert written(orders.write_open_orders_request, row) == "GET /api/v3/openOrders?symbol=BTCUSDT\n\n"
    assert written(orders.write_cancel_open_request, row) == "DELETE /api/v3/openOrders?symbol=BTCUSDT\n\n"
    assert written(orders.write_position_request, row) == "GET /api/v3/account\n\n"
    assert (
        written(orders.write_trades_request, row, 77) == "GET /api/v3/myTrades?symbol=BTCUSDT&limit=1000&orderId=77\n\n"
    )
    assert written(orders.write_order_api_path, SPOT) == "/ws-api/v3"
    assert json.loads(written(orders.write_subscription)) == {"id": "u1", "method": "userDataStream.subscribe"}


def test_time_in_force_codes_are_those_that_the_writer_knows():
    assert [0, 1, 2] == [int(force) for force in TimeInForce]
