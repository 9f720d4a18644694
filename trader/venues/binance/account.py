"""Account replies: listen key, open orders, position and trades, scanned from REST bodies, compiled.

POST listenKey    {"listenKey":"..."}
GET openOrders    [{...}, ...]                                      only their number matters
GET positionRisk  [{"symbol":"BTCUSDT","positionAmt":"-0.005","updateTime":ms,...}]     [] means flat
GET userTrades    [{"symbol","id","orderId","side","price","qty","commission","maker","time",...}]
GET myTrades      the same of spot, with "isBuyer" and "isMaker"
error             {"code":-2011,"msg":"..."}
"""

import numpy as np

from shm.kernel import kernel, load_u8
from trader.compile_hints import never_inlined
from trader.venues.binance.json_cursor import (
    NUMBER,
    at_end,
    fault,
    next_element,
    next_key,
    open_array,
    open_cursor,
    open_object,
    read_flag,
    read_integer,
    read_number,
    read_text,
    skip_value,
    units_of,
    word,
)
from trader.venues.binance.order_events import (
    BAD,
    SCANNED,
    TRADE,
    read_side,
)
from trader.venues.binance.user_events import (
    ORDER_UPDATE,
    clear_event,
)

LISTEN_KEY_BYTES_MAX = 120

POSITION_REPLY = np.dtype([("lots", "i8"), ("update_ms", "i8"), ("amount", NUMBER)], align=True)

_LISTEN_KEY, _SYMBOL, _AMOUNT, _UPDATED = word("listenKey"), word("symbol"), word("positionAmt"), word("updateTime")
_ID, _ORDER_ID, _SIDE, _PRICE, _QUANTITY = word("id"), word("orderId"), word("side"), word("price"), word("qty")
_FEE, _MAKER, _TIME, _IS_BUYER, _IS_MAKER = (word(key) for key in ("commission", "maker", "time", "isBuyer", "isMaker"))
_CODE = word("code")


@kernel
def scan_listen_key(scan, address, length):
    """Read a listen key: afterwards `scan.cursor.text`, `.length`. BAD without a key of 1 to LISTEN_KEY_BYTES_MAX."""
    never_inlined()
    cursor = scan.cursor
    text = size = 0
    open_cursor(cursor, address, length)
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _LISTEN_KEY:
            if read_text(cursor):
                text, size = cursor.text, cursor.length
        else:
            skip_value(cursor)
    cursor.text = text
    cursor.length = size
    return SCANNED if at_end(cursor) and 0 < size <= LISTEN_KEY_BYTES_MAX else BAD


@kernel
def scan_error_code(scan, address, length):
    """The code of an error's body; 0 if it is none."""
    never_inlined()
    cursor = scan.cursor
    code = 0
    open_cursor(cursor, address, length)
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _CODE:
            code = read_integer(cursor, scan.number)
        else:
            skip_value(cursor)
    return code if at_end(cursor) else 0


@kernel
def scan_array_length(scan, address, length):
    """The number of elements of an array, or BAD."""
    never_inlined()
    cursor = scan.cursor
    count = 0
    open_cursor(cursor, address, length)
    open_array(cursor)
    while next_element(cursor):
        skip_value(cursor)
        count += 1
    return count if at_end(cursor) else BAD


@kernel
def is_symbol(address, length, instrument):
    """Whether a text is an instrument's symbol."""
    never_inlined()
    if length != instrument.symbol_length:
        return False
    differing = 0
    for i in range(length):
        differing |= load_u8(address + i) ^ instrument.symbol[i]
    return differing == 0


@kernel
def scan_position(scan, address, length, instrument, position):
    """Read one symbol's position in lots, signed, all its rows summed, into a POSITION_REPLY."""
    never_inlined()
    cursor = scan.cursor
    position.lots = position.update_ms = 0
    open_cursor(cursor, address, length)
    open_array(cursor)
    while next_element(cursor):
        open_object(cursor)
        ours = False
        position.amount.mantissa = position.amount.fraction = 0
        updated_ms = 0
        while next_key(cursor):
            if cursor.word == _SYMBOL:
                ours = read_text(cursor) != 0 and is_symbol(cursor.text, cursor.length, instrument)
            elif cursor.word == _AMOUNT:
                read_number(cursor, position.amount)
            elif cursor.word == _UPDATED:
                updated_ms = read_integer(cursor, scan.number)
            else:
                skip_value(cursor)
        if ours:
            side = -1 if position.amount.mantissa < 0 else 1
            position.amount.mantissa *= side
            lots = units_of(position.amount, instrument.size_decimals, instrument.lot_multiple)
            if lots < 0:
                fault(cursor)
            position.lots += side * lots
            position.update_ms = max(position.update_ms, updated_ms)
    return SCANNED if at_end(cursor) else BAD


@kernel
def open_trades(scan, address, length):
    """Stand before the first trade of a userTrades body."""
    open_cursor(scan.cursor, address, length)
    open_array(scan.cursor)


@kernel
def next_trade(scan, event):
    """Read the next trade as the USER_EVENT of an execution: 1, 0 after the last, BAD after a fault."""
    never_inlined()
    cursor = scan.cursor
    if not next_element(cursor):
        return 0 if at_end(cursor) else BAD
    clear_event(event)
    event.kind = ORDER_UPDATE
    event.execution = TRADE
    open_object(cursor)
    while next_key(cursor):
        if cursor.word == _ID:
            event.trade_id = read_integer(cursor, scan.number)
        elif cursor.word == _ORDER_ID:
            event.venue_order_id = read_integer(cursor, scan.number)
        elif cursor.word == _SIDE:
            event.side = read_side(cursor)
        elif cursor.word == _PRICE:
            read_number(cursor, event.last_price)
        elif cursor.word == _QUANTITY:
            read_number(cursor, event.last_quantity)
        elif cursor.word == _FEE:
            read_number(cursor, event.fee)
        elif cursor.word == _IS_BUYER:
            event.side = 1 if read_flag(cursor) else -1
        elif cursor.word == _MAKER or cursor.word == _IS_MAKER:
            event.is_maker = read_flag(cursor)
        elif cursor.word == _TIME:
            event.event_ms = read_integer(cursor, scan.number)
        else:
            skip_value(cursor)
    return BAD if cursor.bad else 1
