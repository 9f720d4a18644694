"""Order frames: what we write to Binance USD-M futures and spot, compiled, straight into the outgoing bytes.

    {"id":"p<id>","method":"order.place","params":{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT",
     "timeInForce":"GTX","price":"61800.2","quantity":"0.005","newClientOrderId":"t<id>","timestamp":<ms>}}

Post-only is a time in force of futures and a type of spot; every text that differs stands here once for each market
(`instrument.market`). `<id>` is the client order id in decimal. The
request's letter tells what a reply answers: p place, c cancel,
q status query. Each writer takes the address of FRAME_BYTES_MAX bytes of room and returns the address after
the last byte of the frame; what lies behind it in the room is undefined. Times are the venue's, milliseconds
since 1970.
"""

import numpy as np

from shm.kernel import address_of, copy, inlined, kernel, load_i64, store_u8
from trader.instrument import INSTRUMENT, SYMBOL_BYTES_MAX
from trader.venues.markets import SPOT
from trader.venues.number_text import (
    blocks_of,
    digits8_of_eight,
    fits_block,
    put_blocks,
    put_decimal,
    put_units,
    put_with_point,
)

FRAME_BYTES_MAX = 512
TRADES_LIMIT = 100
"""Trades in one reply of `write_trades_since_request`."""
PLACE, CANCEL, QUERY = ord("p"), ord("c"), ord("q")

DECIMAL_BYTES_MAX = 19
_SYMBOL_OFFSET = INSTRUMENT.fields["symbol"][1]  # type: ignore[index]


def _text(value: str) -> np.ndarray:
    return np.frombuffer(value.encode(), dtype=np.uint8).copy()


def _texts(usdm: str, spot: str) -> np.ndarray:
    """A text for each market, in rows of a length and TEXT_BYTES."""
    rows = np.zeros((2, LENGTH_BYTES + TEXT_BYTES), dtype=np.uint8)
    for row, value in zip(rows, (usdm, spot), strict=True):
        assert len(value) <= TEXT_BYTES, value
        row[0] = len(value)
        row[LENGTH_BYTES : LENGTH_BYTES + len(value)] = np.frombuffer(value.encode(), dtype=np.uint8)
    return rows


def _terms() -> np.ndarray:
    """Side, type and time in force up to the price: for each side (buy, sell) and TimeInForce, by market."""
    rows = []
    for side in ("BUY", "SELL"):
        limit = f'","side":"{side}","type":"LIMIT","timeInForce":"'
        maker = f'","side":"{side}","type":"LIMIT_MAKER","price":"'
        rows += [_texts(f'{limit}GTX","price":"', maker)]
        rows += [_texts(f'{limit}{word}","price":"', f'{limit}{word}","price":"') for word in ("GTC", "IOC")]
    return np.concatenate(rows)


LENGTH_BYTES = 8
TEXT_BYTES = 72

_ID = _text('{"id":"')
_PLACE = _text('","method":"order.place","params":{"symbol":"')
_CANCEL = _text('","method":"order.cancel","params":{"symbol":"')
_QUERY = _text('","method":"order.status","params":{"symbol":"')
_TERMS = _terms()
_QUANTITY = _text('","quantity":"')
_NEW_ID = _texts('","newClientOrderId":"t', '","newOrderRespType":"RESULT","newClientOrderId":"t')
_ORIGINAL_ID = _text('","origClientOrderId":"t')
_TIME = _text('","timestamp":')
_END = _text("}}")

_BLANK = _text(" \n\n")[1:]
_LISTEN_KEY = _text(" /fapi/v1/listenKey")
_OPEN_ORDERS = _texts("GET /fapi/v1/openOrders?symbol=", "GET /api/v3/openOrders?symbol=")
_CANCEL_OPEN = _texts("DELETE /fapi/v1/allOpenOrders?symbol=", "DELETE /api/v3/openOrders?symbol=")
_POSITION = _text("GET /fapi/v3/positionRisk?symbol=")
_BALANCES = _text("GET /api/v3/account")
_COLLATERAL = _texts("GET /fapi/v3/balance", "GET /api/v3/account")
_STATUS = _texts("GET /fapi/v1/exchangeInfo?symbol=", "GET /api/v3/exchangeInfo?symbol=")
_MARK = _text("GET /fapi/v1/premiumIndex?symbol=")
_TRADES = _texts("GET /fapi/v1/userTrades?symbol=", "GET /api/v3/myTrades?symbol=")
_ORDER_ID = _text("&limit=1000&orderId=")
_LIMIT = _text("&limit=100")
_FROM_ID = _text("&fromId=")
_COUNTDOWN = _text("POST /fapi/v1/countdownCancelAll?symbol=")
_COUNTDOWN_TIME = _text("&countdownTime=")
_POST = _text("POST")
_PUT = _text("PUT")
_USER_STREAM = _text("/ws/")
_ORDER_API = _texts("/ws-fapi/v1", "/ws-api/v3")
_SUBSCRIBE = _text('{"id":"u1","method":"userDataStream.subscribe"}')

_FIXED_BYTES = _ID.size + _PLACE.size + 2 * TEXT_BYTES + _QUANTITY.size + _TIME.size
assert _FIXED_BYTES + 1 + SYMBOL_BYTES_MAX + 6 * (DECIMAL_BYTES_MAX + 1) + _END.size <= FRAME_BYTES_MAX


@inlined
def put(at, text):
    """Write a constant text."""
    copy(at, text.ctypes.data, text.size)
    return at + text.size


@inlined
def put_of(at, texts, row):
    """Write one text of a table; bytes up to TEXT_BYTES behind it may be written too."""
    start = texts.ctypes.data + row * (LENGTH_BYTES + TEXT_BYTES)
    copy(at, start + LENGTH_BYTES, TEXT_BYTES)
    return at + load_i64(start)


@inlined
def put_symbol(at, instrument):
    """Write an instrument's symbol; bytes up to SYMBOL_BYTES_MAX behind it may be written too."""
    copy(at, address_of(instrument) + _SYMBOL_OFFSET, SYMBOL_BYTES_MAX)
    return at + instrument.symbol_length


@inlined
def _put_id(at, request, client_order_id, id_text, method, instrument):
    """Up to the symbol."""
    at = put(at, _ID)
    store_u8(at, request)
    first, second, third = id_text
    at = put_blocks(at + 1, client_order_id, first, second, third)
    return put_symbol(put(at, method), instrument)


@inlined
def _put_tail(at, client_order_id, id_text, timestamp_ms, time_text):
    """The client order id once more, and the time."""
    first, second, third = id_text
    at = put(put_blocks(at, client_order_id, first, second, third), _TIME)
    second, third = time_text
    return put(put_blocks(at, timestamp_ms, 0, second, third), _END)


@kernel
def write_place(at, order, time_in_force, instrument, timestamp_ms):
    """order.place of a limit order: fields side, price_ticks, size_lots, client_order_id of `order`."""
    client_order_id = order.client_order_id
    price, size = order.price_ticks * instrument.tick_multiple, order.size_lots * instrument.lot_multiple
    first, second, third = blocks_of(client_order_id)
    _, early, late = blocks_of(timestamp_ms)
    first, second, third, early, late, price_text, size_text, _ = digits8_of_eight(
        first, second, third, early, late, price, size, 0
    )
    at = _put_id(at, PLACE, client_order_id, (first, second, third), _PLACE, instrument)
    terms = time_in_force if order.side > 0 else 3 + time_in_force
    at = put_of(at, _TERMS, 2 * terms + instrument.market)
    if fits_block(price, instrument.price_decimals):
        at = put_with_point(at, price_text, instrument.price_decimals)
    else:
        at = put_units(at, order.price_ticks, instrument.price_decimals, instrument.tick_multiple)
    at = put(at, _QUANTITY)
    if fits_block(size, instrument.size_decimals):
        at = put_with_point(at, size_text, instrument.size_decimals)
    else:
        at = put_units(at, order.size_lots, instrument.size_decimals, instrument.lot_multiple)
    at = put_of(at, _NEW_ID, instrument.market)
    return _put_tail(at, client_order_id, (first, second, third), timestamp_ms, (early, late))


@inlined
def _write_about(at, request, method, client_order_id, instrument, timestamp_ms):
    """What names an order only by its client id."""
    first, second, third = blocks_of(client_order_id)
    _, early, late = blocks_of(timestamp_ms)
    first, second, third, early, late, _, _, _ = digits8_of_eight(first, second, third, early, late, 0, 0, 0)
    at = put(_put_id(at, request, client_order_id, (first, second, third), method, instrument), _ORIGINAL_ID)
    return _put_tail(at, client_order_id, (first, second, third), timestamp_ms, (early, late))


@kernel
def write_cancel(at, client_order_id, instrument, timestamp_ms):
    """order.cancel by client order id."""
    return _write_about(at, CANCEL, _CANCEL, client_order_id, instrument, timestamp_ms)


@kernel
def write_query(at, client_order_id, instrument, timestamp_ms):
    """order.status by client order id."""
    return _write_about(at, QUERY, _QUERY, client_order_id, instrument, timestamp_ms)


@kernel
def write_listen_key_request(at, renew):
    """POST /fapi/v1/listenKey for a new key, PUT to keep it alive; as a REQUEST payload."""
    at = put(at, _PUT) if renew else put(at, _POST)
    return put(put(at, _LISTEN_KEY), _BLANK)


@kernel
def write_open_orders_request(at, instrument):
    """GET openOrders of one symbol."""
    return put(put_symbol(put_of(at, _OPEN_ORDERS, instrument.market), instrument), _BLANK)


@kernel
def write_cancel_open_request(at, instrument):
    """DELETE all open orders of one symbol."""
    return put(put_symbol(put_of(at, _CANCEL_OPEN, instrument.market), instrument), _BLANK)


@kernel
def write_position_request(at, instrument):
    """GET positionRisk of one symbol; where there are balances, all of them."""
    if instrument.market == SPOT:
        return put(put(at, _BALANCES), _BLANK)
    return put(put_symbol(put(at, _POSITION), instrument), _BLANK)


@kernel
def write_collateral_request(at, instrument):
    """GET the account's balances."""
    return put(put_of(at, _COLLATERAL, instrument.market), _BLANK)


@kernel
def write_status_request(at, instrument):
    """GET exchangeInfo; futures list every instrument, whichever is asked for."""
    return put(put_symbol(put_of(at, _STATUS, instrument.market), instrument), _BLANK)


@kernel
def write_mark_request(at, instrument):
    """GET premiumIndex of one symbol: its mark price."""
    return put(put_symbol(put(at, _MARK), instrument), _BLANK)


@kernel
def write_trades_request(at, instrument, venue_order_id):
    """GET our trades of one order."""
    at = put(put_symbol(put_of(at, _TRADES, instrument.market), instrument), _ORDER_ID)
    return put(put_decimal(at, venue_order_id), _BLANK)


@kernel
def write_trades_since_request(at, instrument, trade_id):
    """GET our trades of a symbol from a trade id on, or the most recent ones with 0: TRADES_LIMIT at most."""
    at = put(put_symbol(put_of(at, _TRADES, instrument.market), instrument), _LIMIT)
    if trade_id > 0:
        at = put_decimal(put(at, _FROM_ID), trade_id)
    return put(at, _BLANK)


@kernel
def write_countdown_request(at, instrument, countdown_ms):
    """POST countdownCancelAll: the venue cancels a symbol's orders unless it hears this again within that time."""
    at = put(put_symbol(put(at, _COUNTDOWN), instrument), _COUNTDOWN_TIME)
    return put(put_decimal(at, countdown_ms), _BLANK)


@kernel
def write_user_stream_path(at, listen_key, length):
    """Path of the user stream; the key is `length` bytes at `listen_key`."""
    at = put(at, _USER_STREAM)
    copy(at, listen_key, length)
    return at + length


@kernel
def write_order_api_path(at, market):
    """Path of the order API's websocket."""
    return put_of(at, _ORDER_API, market)


@kernel
def write_subscription(at):
    """userDataStream.subscribe, on a connection that has logged on."""
    return put(at, _SUBSCRIBE)
