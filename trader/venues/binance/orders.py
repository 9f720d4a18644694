"""Order frames: what we write to Binance USD-M futures, compiled, straight into the outgoing bytes.

    {"id":"p<id>","method":"order.place","params":{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT",
     "timeInForce":"GTX","price":"61800.2","quantity":"0.005","newClientOrderId":"t<id>","timestamp":<ms>}}

`<id>` is the client order id in decimal. The request's letter tells what a reply answers: p place, c cancel,
q status query. Each writer takes the address of FRAME_BYTES_MAX bytes of room and returns the address after
the last byte of the frame; what lies behind it in the room is undefined. Times are the venue's, milliseconds
since 1970.
"""

import numpy as np

from shm.kernel import address_of, copy, inlined, kernel, store_u8
from trader.enums import TimeInForce
from trader.instrument import INSTRUMENT, SYMBOL_BYTES_MAX
from trader.venues.number_text import put_decimal, put_units

FRAME_BYTES_MAX = 512
PLACE, CANCEL, QUERY = ord("p"), ord("c"), ord("q")

DECIMAL_BYTES_MAX = 19
_SYMBOL_OFFSET = INSTRUMENT.fields["symbol"][1]  # type: ignore[index]


def _text(value: str) -> np.ndarray:
    return np.frombuffer(value.encode(), dtype=np.uint8).copy()


_ID = _text('{"id":"')
_PLACE = _text('","method":"order.place","params":{"symbol":"')
_CANCEL = _text('","method":"order.cancel","params":{"symbol":"')
_QUERY = _text('","method":"order.status","params":{"symbol":"')
_BUY = _text('","side":"BUY","type":"LIMIT","timeInForce":"')
_SELL = _text('","side":"SELL","type":"LIMIT","timeInForce":"')
_PRICE_POST_ONLY = _text('GTX","price":"')
_PRICE_RESTING = _text('GTC","price":"')
_PRICE_IMMEDIATE = _text('IOC","price":"')
_QUANTITY = _text('","quantity":"')
_NEW_ID = _text('","newClientOrderId":"t')
_ORIGINAL_ID = _text('","origClientOrderId":"t')
_TIME = _text('","timestamp":')
_END = _text("}}")

_BLANK = _text(" \n\n")[1:]
_LISTEN_KEY = _text(" /fapi/v1/listenKey")
_OPEN_ORDERS = _text("GET /fapi/v1/openOrders?symbol=")
_CANCEL_OPEN = _text("DELETE /fapi/v1/allOpenOrders?symbol=")
_POSITION = _text("GET /fapi/v3/positionRisk?symbol=")
_TRADES = _text("GET /fapi/v1/userTrades?symbol=")
_ORDER_ID = _text("&limit=1000&orderId=")
_POST = _text("POST")
_PUT = _text("PUT")
_USER_STREAM = _text("/ws/")
_ORDER_API = _text("/ws-fapi/v1")

_FIXED_BYTES = _ID.size + _PLACE.size + _SELL.size + _PRICE_POST_ONLY.size + _QUANTITY.size + _NEW_ID.size + _TIME.size
assert _FIXED_BYTES + 1 + SYMBOL_BYTES_MAX + 6 * (DECIMAL_BYTES_MAX + 1) + _END.size <= FRAME_BYTES_MAX


@inlined
def put(at, text):
    """Write a constant text."""
    copy(at, text.ctypes.data, text.size)
    return at + text.size


@inlined
def put_symbol(at, instrument):
    """Write an instrument's symbol; bytes up to SYMBOL_BYTES_MAX behind it may be written too."""
    copy(at, address_of(instrument) + _SYMBOL_OFFSET, SYMBOL_BYTES_MAX)
    return at + instrument.symbol_length


@inlined
def _put_head(at, request, client_order_id, method, instrument):
    """Up to the symbol; returns where the id's digits begin, their count, and the address after."""
    at = put(at, _ID)
    store_u8(at, request)
    digits = at + 1
    at = put_decimal(digits, client_order_id)
    count = at - digits
    return digits, count, put_symbol(put(at, method), instrument)


@inlined
def _put_tail(at, label, digits, count, timestamp_ms):
    """The client order id once more, copied, and the time."""
    at = put(at, label)
    copy(at, digits, count)
    at = put_decimal(put(at + count, _TIME), timestamp_ms)
    return put(at, _END)


@kernel
def write_place(at, order, time_in_force, instrument, timestamp_ms):
    """order.place of a limit order: fields side, price_ticks, size_lots, client_order_id of `order`."""
    digits, count, at = _put_head(at, PLACE, order.client_order_id, _PLACE, instrument)
    at = put(at, _BUY) if order.side > 0 else put(at, _SELL)
    if time_in_force == TimeInForce.POST_ONLY:
        at = put(at, _PRICE_POST_ONLY)
    elif time_in_force == TimeInForce.GOOD_TILL_CANCEL:
        at = put(at, _PRICE_RESTING)
    else:
        at = put(at, _PRICE_IMMEDIATE)
    at = put_units(at, order.price_ticks, instrument.price_decimals, instrument.tick_multiple)
    at = put(at, _QUANTITY)
    at = put_units(at, order.size_lots, instrument.size_decimals, instrument.lot_multiple)
    return _put_tail(at, _NEW_ID, digits, count, timestamp_ms)


@kernel
def write_cancel(at, client_order_id, instrument, timestamp_ms):
    """order.cancel by client order id."""
    digits, count, at = _put_head(at, CANCEL, client_order_id, _CANCEL, instrument)
    return _put_tail(at, _ORIGINAL_ID, digits, count, timestamp_ms)


@kernel
def write_query(at, client_order_id, instrument, timestamp_ms):
    """order.status by client order id."""
    digits, count, at = _put_head(at, QUERY, client_order_id, _QUERY, instrument)
    return _put_tail(at, _ORIGINAL_ID, digits, count, timestamp_ms)


@kernel
def write_listen_key_request(at, renew):
    """POST /fapi/v1/listenKey for a new key, PUT to keep it alive; as a REQUEST payload."""
    at = put(at, _PUT) if renew else put(at, _POST)
    return put(put(at, _LISTEN_KEY), _BLANK)


@kernel
def write_open_orders_request(at, instrument):
    """GET openOrders of one symbol."""
    return put(put_symbol(put(at, _OPEN_ORDERS), instrument), _BLANK)


@kernel
def write_cancel_open_request(at, instrument):
    """DELETE allOpenOrders of one symbol."""
    return put(put_symbol(put(at, _CANCEL_OPEN), instrument), _BLANK)


@kernel
def write_position_request(at, instrument):
    """GET positionRisk of one symbol."""
    return put(put_symbol(put(at, _POSITION), instrument), _BLANK)


@kernel
def write_trades_request(at, instrument, venue_order_id):
    """GET userTrades of one order."""
    at = put(put_symbol(put(at, _TRADES), instrument), _ORDER_ID)
    return put(put_decimal(at, venue_order_id), _BLANK)


@kernel
def write_user_stream_path(at, listen_key, length):
    """Path of the user stream; the key is `length` bytes at `listen_key`."""
    at = put(at, _USER_STREAM)
    copy(at, listen_key, length)
    return at + length


@kernel
def write_order_api_path(at):
    """Path of the order API's websocket."""
    return put(at, _ORDER_API)
